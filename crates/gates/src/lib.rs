//! The five gates: identity → token → tenancy → privacy → audit. One module each, and the pass that joins them.
//!
//! Architecture invariants:
//! * The database pool is private to this crate. There is no way to a tenant's rows but [`Vault::enter`].
//! * BEGIN is gate three and COMMIT is gate five: nothing else begins or commits a tenant's transaction.
//! * No type here turns into another kind of principal; [`Clean`] is made in [`privacy`](Privacy) alone.
//! * [`Receipt`] has no constructor: it exists only after its entry is committed.

mod access;
mod audit;
mod authority;
mod bounds;
mod claims;
mod constraint;
mod data_keys;
mod docket;
mod guard;
mod identity;
mod ledger;
mod months;
mod pass;
mod personal;
mod pool;
mod principal;
mod privacy;
mod seen;
mod session;
mod system;
mod tenancy;
mod token;
mod vault;

pub use access::{AccessToken, DELEGATION_PAUSE_SECONDS, TokenFacts};
pub use audit::{Draft, EntryError, Fact, Receipt};
pub use authority::{
    Answering, Authorizer, Holders, MCP_ACCESS, MODEL, ModelError, Own, Question, Template, Unanswered,
    built_in, own, template,
};
pub use bounds::{Bounds, Held};
pub use claims::{ClaimsKey, Pads};
pub use constraint::{PackRefusal, Raising};
pub use docket::Docket;
pub use guard::{Finding, GuardError};
pub use identity::{AuthMode, StaticKey, StaticKeyError};
pub use pass::{Account, Action, Fresh, Live, Mode, Pass, Proof, Read, Record, Transaction, Write, WriteTx};
pub use personal::{DataSubject, SealedValue, disclose};
pub use pii::Channel;
pub use pool::{DatabaseError, STATEMENTS, is_wrong_password, other_login};
pub use principal::{Agent, Caller, Human, Membership, Principal, Service, Staff};
pub use privacy::{
    AnswerError, Clean, CleanStream, Conversation, Deeply, KeptToken, Privacy, Raw, RawAnswer, RawChat, Rules,
};
pub use system::{AccountTx, By, Reason, SealError, SystemTx};
pub use tenancy::Tx;
pub use vault::{OpenError, Vault, VaultOptions};
