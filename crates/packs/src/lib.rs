//! Policy packs: signed folders of [Cedar](https://www.cedarpolicy.com) policies that narrow what roles and relations grant.
//!
//! What may be done is what a role or a relation grants, less what the pack forbids; under a pack that permits, only what it
//! permits besides. Bytes in, values out: no file, no clock, no network, no database.
//!
//! - [`catalogue`]: every action of the product that a pack can speak of; [`schema`] makes the Cedar schema of it.
//! - [`document`]: the files of a pack as one canonical JSON document, its hash and its signature.
//! - [`mod@check`]: everything that can be said against a pack before it is in force, with its place in the text.
//! - [`pack`]: a pack that passed, sliced by action and kind of principal, and asked.
//! - [`floor`]: the least an organization does about personal data while it is in force.
//! - [`roles`]: templates of roles that come with it.
//! - [`limits`] and [`tools`]: how much is let pass, and which tools.
//! - [`reach`]: what it touches, for people who read it.
//! - [`replay`]: what a pack would have said to decisions that are on record.

pub mod catalogue;
pub mod check;
pub mod document;
pub mod finding;
pub mod floor;
mod index;
pub mod limits;
pub mod manifest;
pub mod mfa;
pub mod pack;
pub mod part;
mod pattern;
pub mod question;
pub mod reach;
pub mod replay;
pub mod roles;
pub mod sample;
pub mod schema;
pub mod suite;
pub mod tools;

#[cfg(test)]
mod tests;

pub use check::check;
pub use document::{Document, DocumentError};
pub use finding::{Finding, Weight};
pub use floor::Floor;
pub use limits::{Bound, Limit, Limits};
pub use manifest::{Label, Manifest, Mode};
pub use pack::{Decision, Pack, Verdict};
pub use question::{Asker, AskerKind, Facts, Question};
pub use reach::Reach;
pub use roles::{RoleTemplate, Roles};
pub use tools::Tools;

/// The version of what is described here: files, schema, how a decision comes about. A pack says which it was written for.
pub const ENGINE: u32 = 1;
