//! Signed policy packs: which keys are trusted, which packs there are, what each would change, and which is in force.
//!
//! A pack narrows what roles and relations grant (`gates` asks it at every action). It comes into force in three steps, each
//! with an entry of its own: uploaded, tried against recorded decisions, activated by a person who names what they saw.

mod inside;
mod keys;
mod parts;
mod templates;
mod tried;
mod turns;
mod upload;

use gates::{Draft, Pass, Receipt, Tx};
use kernel::limits::{POLICY_DRY_RUN_SECONDS_MAX, POLICY_KEYS_ROWS_MAX, POLICY_PACKS_ROWS_MAX};
use kernel::{EventKind, PolicyKeyId, PolicyPackId, Problem, ProblemKind, Timestamp};
pub use packs::limits::Rule as LimitRule;
pub use packs::suite::Outcome as TestOutcome;
pub use packs::tools::Rule as ToolRule;
pub use packs::{Finding, Floor, Limit, Limits, RoleTemplate, Tools};
use serde_json::Value;
use store::policy_packs as kept;
pub use store::policy_packs::{PolicyKey, PolicyPack, Tried, Turn};

pub use inside::{Inside, inside};
pub use keys::{RevokeKey, TrustKey, Trusted, revoke, trust};
pub use templates::Made;
pub(crate) use templates::free;
pub use tried::{TryPack, try_pack};
pub use turns::{ActivatePack, Activation, NewTurn, RollBack, activate, roll_back};
pub use upload::{UploadPack, Uploaded, upload};

use crate::action;

action! {
    /// Lists the policy packs, their history, and the keys that are trusted. No pack reaches it.
    ListPacks = "policy_pack.list", PoliciesRead, Principal, Read
}

action! {
    /// Shows one policy pack with its document. No pack reaches it.
    ReadPack = "policy_pack.read", PoliciesRead, Principal, Read
}

/// Why a pack was not taken or did not come into force: a reason of its own for each, which the entry names too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackFault {
    /// It is no document of a pack.
    Document(String),
    /// The signature does not fit: a byte was changed, or it is another document's.
    Signature,
    /// What was sent as a signature is none.
    NoSignature,
    /// No key of this name is trusted here.
    UnknownKey,
    /// The key was revoked.
    RevokedKey,
    /// The key counts no more.
    ExpiredKey,
    /// The key counts only later.
    EarlyKey,
    /// The pack is for another organization.
    OtherOrganization,
    /// The pack was written for other engines.
    Engine(String),
    /// The manifest, the schema, a policy or a test is wrong.
    Schema(String),
    /// A test of its own fails.
    Test(String),
    /// The pack's time is over.
    Expired,
    /// As high a version of this name was in force already.
    Downgrade(i64),
    /// Its names hold personal data.
    Names,
    /// It was not tried, or that was too long ago, or another pack came into force since.
    Untried,
    /// The hash is not that of what was shown.
    OtherDryRun,
    /// A template of roles that comes with it cannot be made.
    Roles(String),
    /// It is in force already.
    InForce,
}

impl PackFault {
    /// The word for it in the entry.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Document(_) => "document",
            Self::Signature => "signature",
            Self::NoSignature => "no-signature",
            Self::UnknownKey => "unknown-key",
            Self::RevokedKey => "revoked-key",
            Self::ExpiredKey => "expired-key",
            Self::EarlyKey => "early-key",
            Self::OtherOrganization => "other-organization",
            Self::Engine(_) => "engine",
            Self::Schema(_) => "schema",
            Self::Test(_) => "test",
            Self::Expired => "expired",
            Self::Downgrade(_) => "downgrade",
            Self::Names => "names",
            Self::Untried => "untried",
            Self::OtherDryRun => "other-dry-run",
            Self::Roles(_) => "roles",
            Self::InForce => "in-force",
        }
    }

    /// As it is answered.
    pub fn problem(&self) -> Problem {
        let invalid = |pointer: &str, says: &str| Problem::invalid(pointer, says);
        let conflict = |says: &str| Problem::new(ProblemKind::Conflict, says.to_owned());
        match self {
            Self::Signature => invalid(
                "/signature",
                "The signature does not fit the document: something in it was changed after it was signed.",
            ),
            Self::NoSignature => invalid(
                "/signature",
                "It is no detached JWS with EdDSA over an unencoded payload (RFC 7797).",
            ),
            Self::UnknownKey => {
                invalid("/signature", "It is signed with a key that this organization does not trust.")
            }
            Self::RevokedKey => invalid("/signature", "It is signed with a key that was revoked."),
            Self::ExpiredKey => invalid("/signature", "It is signed with a key whose time is over."),
            Self::EarlyKey => invalid("/signature", "It is signed with a key that counts only later."),
            Self::OtherOrganization => invalid("/document", "The pack is for another organization."),
            Self::Document(says) | Self::Engine(says) | Self::Schema(says) => invalid("/document", says),
            Self::Test(says) => invalid("/document", &format!("A test of the pack fails: {says}")),
            Self::Expired => {
                invalid("/document", "The pack's time is over; it cannot come into force any more.")
            }
            Self::Downgrade(highest) => conflict(&format!(
                "Version {highest} of this pack was in force already, and only a higher one can follow; to go back, roll back."
            )),
            Self::Roles(says) => conflict(says),
            Self::Names => invalid(
                "/document",
                "The names of the pack, of its policies or of its templates hold personal data.",
            ),
            Self::Untried => conflict(
                "Try the pack first: what it would have refused must have been shown within the last hour, against the pack \
                 that is in force now.",
            ),
            Self::OtherDryRun => {
                conflict("The dry run you name is not the last one; look at the last one and name that.")
            }
            Self::InForce => conflict("It is in force already."),
        }
    }
}

/// Either says in the entry why not, or that something else went wrong.
pub(crate) enum Undone {
    Fault(PackFault),
    Problem(Problem),
}

impl From<PackFault> for Undone {
    fn from(fault: PackFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Problem> for Undone {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<store::StoreError> for Undone {
    fn from(error: store::StoreError) -> Self {
        Self::Problem(error.into())
    }
}

impl Undone {
    /// The entry and the answer.
    pub(crate) fn say(self, kind: EventKind) -> (Draft, Problem) {
        match self {
            Self::Fault(fault) => (Draft::failed(kind).fact("because", fault.word()), fault.problem()),
            Self::Problem(problem) => (crate::undone(kind, &problem), problem),
        }
    }
}

/// How it stands with the policy packs of an organization.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The turns, newest first: the first is in force.
    pub turns: Vec<Turn>,
    /// The packs, newest first.
    pub packs: Vec<PolicyPack>,
    /// The keys, newest first.
    pub keys: Vec<PolicyKey>,
}

impl Standing {
    /// The pack in force.
    pub fn in_force(&self) -> Option<&PolicyPack> {
        self.pack_of(self.turns.first()?)
    }

    /// The pack that a turn put into force, when it is among those listed.
    pub fn pack_of(&self, turn: &Turn) -> Option<&PolicyPack> {
        let id = turn.pack?;
        self.packs.iter().find(|pack| pack.id == id)
    }

    /// The key of this id.
    pub fn key(&self, id: PolicyKeyId) -> Option<&PolicyKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The pack that a roll back would put into force; nothing when none would be.
    pub fn behind(&self) -> Option<&PolicyPack> {
        let below = self.turns.first()?.below?;
        self.pack_of(self.turns.iter().find(|turn| turn.seq == below)?)
    }

    /// Whether a dry run of this pack still counts: against the pack in force now, and not too long ago.
    pub fn counts(&self, tried: &Tried, now: Timestamp) -> bool {
        let over = self.turns.first().map(|turn| turn.seq);
        tried.over == over && now.since(tried.at).as_secs() <= POLICY_DRY_RUN_SECONDS_MAX
    }
}

pub(crate) async fn standing(tx: &mut Tx) -> Result<Standing, Problem> {
    Ok(Standing {
        turns: kept::turns(tx, POLICY_PACKS_ROWS_MAX).await?,
        packs: kept::list(tx, POLICY_PACKS_ROWS_MAX).await?,
        keys: kept::keys(tx, POLICY_KEYS_ROWS_MAX).await?,
    })
}

/// The packs, their history, and the keys.
///
/// # Errors
/// When the database cannot be used.
pub async fn list(mut pass: Pass<ListPacks>) -> Result<(Standing, Receipt), Problem> {
    let found = standing(pass.tx()).await?;
    let draft = Draft::done(EventKind::PolicyPacksRead).fact("items", found.packs.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// A pack with all there is of it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What is known of it.
    pub pack: PolicyPack,
    /// Its document.
    pub document: Value,
    /// Its signature.
    pub signature: String,
    /// The key that made it.
    pub signer: Option<PolicyKey>,
    /// Whether it is in force.
    pub in_force: bool,
}

/// One pack.
///
/// # Errors
/// When there is none of this id.
pub async fn read(mut pass: Pass<ReadPack>, id: PolicyPackId) -> Result<(Shown, Receipt), Problem> {
    let kind = EventKind::PolicyPacksRead;
    match shown(pass.tx(), id).await {
        Ok(shown) => {
            let receipt = pass.seal(Draft::done(kind).subject("policy_pack", id)).await?;
            Ok((shown, receipt))
        }
        Err(problem) => Err(pass.fail(Draft::failed(kind).subject("policy_pack", id), problem).await),
    }
}

async fn shown(tx: &mut Tx, id: PolicyPackId) -> Result<Shown, Problem> {
    let pack = kept::read(tx, id).await?.ok_or_else(Problem::not_found)?;
    let (document, signature) = kept::document(tx, id).await?.ok_or_else(Problem::not_found)?;
    let document = serde_json::from_slice(&document).map_err(|_| Problem::internal())?;
    let signer = kept::keys(tx, POLICY_KEYS_ROWS_MAX).await?.into_iter().find(|key| key.id == pack.key);
    let in_force = kept::turns(tx, 1).await?.first().is_some_and(|turn| turn.pack == Some(id));
    Ok(Shown { pack, document, signature, signer, in_force })
}
