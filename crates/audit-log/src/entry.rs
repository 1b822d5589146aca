//! The audit entry: who did what to which thing, when, under which policy, and how it ended.
//!
//! An entry is hashed and stored as its leaf: canonical JSON ([`crate::json`]) in a fixed set of members. The
//! leaf is the record; it is never re-serialized from a database row.

mod fields;
mod leaf;
pub mod needle;
mod view;

use std::ops::Deref;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::json::JsonError;

pub use fields::{Actor, ActorKind, At, Kind, Outcome, Subject};
pub use view::EntryView;

/// Version written into the member `v`.
pub const ENTRY_VERSION: i64 = 1;

/// Longest [`Kind`].
pub const KIND_BYTES_MAX: usize = 64;

/// Longest name of an action.
pub const ACTION_BYTES_MAX: usize = 128;

/// Longest source and longest kind of a subject.
pub const LABEL_BYTES_MAX: usize = 32;

/// Longest id, key id, request id, trace id and policy version.
pub const TEXT_BYTES_MAX: usize = 512;

/// What an entry says. Check it with [`Entry::from_parts`]; only an [`Entry`] can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryParts {
    /// Identity of this entry, unique in the log. A UUID that grows with time keeps storage compact.
    pub id: Uuid,
    /// When it happened.
    pub at: At,
    /// Whose data it is about. A log holds entries of one tenant.
    pub tenant: Uuid,
    /// What kind of event it is.
    pub kind: Kind,
    /// Who acted.
    pub actor: Actor,
    /// Name of the action: letters, digits and `. _ - : /`.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The request it belongs to.
    pub request_id: String,
    /// The distributed trace it belongs to.
    pub trace_id: Option<String>,
    /// Version of the policy in force.
    pub policy: String,
    /// Where it came in: `api`, `gateway`, `cli`, `system`. A lower-case word.
    pub source: String,
    /// The project within the tenant.
    pub project: Option<Uuid>,
    /// What was acted upon.
    pub subject: Option<Subject>,
    /// Everything else. Integers only; bodies by hash, never in clear.
    pub data: Map<String, Value>,
}

/// What every entry must say; the start of a builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryCore {
    /// See [`EntryParts::id`].
    pub id: Uuid,
    /// See [`EntryParts::at`].
    pub at: At,
    /// See [`EntryParts::tenant`].
    pub tenant: Uuid,
    /// See [`EntryParts::kind`].
    pub kind: Kind,
    /// See [`EntryParts::actor`].
    pub actor: Actor,
    /// See [`EntryParts::action`].
    pub action: String,
    /// See [`EntryParts::outcome`].
    pub outcome: Outcome,
    /// See [`EntryParts::request_id`].
    pub request_id: String,
    /// See [`EntryParts::policy`].
    pub policy: String,
    /// See [`EntryParts::source`].
    pub source: String,
}

/// A checked entry. Read its fields as those of [`EntryParts`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    parts: EntryParts,
}

/// An entry cannot be written, or a leaf is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The leaf would be longer than [`ENTRY_BYTES_MAX`](crate::tiles::ENTRY_BYTES_MAX). Nothing is cut off:
    /// refer to long content by its hash.
    #[error("an entry of {0} bytes is beyond the limit of 65,535")]
    TooLarge(usize),
    /// A field is too long or holds what it must not.
    #[error("the field {0} is empty, too long or holds characters it must not")]
    Field(&'static str),
    /// Not the canonical JSON of an entry.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A well-formed entry of a version this reader does not know.
    #[error("entry version {0} is not known")]
    Version(i64),
}

/// Collects the optional parts of an entry.
#[derive(Debug, Clone)]
#[must_use = "an entry is made by build()"]
pub struct EntryBuilder {
    parts: EntryParts,
}

impl Entry {
    /// Starts an entry.
    pub fn builder(core: EntryCore) -> EntryBuilder {
        let EntryCore { id, at, tenant, kind, actor, action, outcome, request_id, policy, source } = core;
        let parts = EntryParts {
            id,
            at,
            tenant,
            kind,
            actor,
            action,
            outcome,
            request_id,
            trace_id: None,
            policy,
            source,
            project: None,
            subject: None,
            data: Map::new(),
        };
        EntryBuilder { parts }
    }

    /// Checks the fields of an entry. What `data` holds is checked by [`Entry::to_leaf`].
    pub fn from_parts(parts: EntryParts) -> Result<Self, EntryError> {
        parts.check()?;
        Ok(Self { parts })
    }

    /// Gives the fields back.
    pub fn into_parts(self) -> EntryParts {
        self.parts
    }

    /// The canonical bytes that are stored and hashed.
    pub fn to_leaf(&self) -> Result<Vec<u8>, EntryError> {
        leaf::write(&self.parts)
    }

    /// Reads a leaf. Accepts exactly the bytes [`Entry::to_leaf`] gives for the entry it returns.
    pub fn from_leaf(leaf: &[u8]) -> Result<Self, EntryError> {
        EntryView::parse(leaf)?.to_entry()
    }
}

impl Deref for Entry {
    type Target = EntryParts;

    fn deref(&self) -> &EntryParts {
        &self.parts
    }
}

impl EntryBuilder {
    /// See [`EntryParts::trace_id`].
    pub fn trace_id(mut self, trace_id: impl Into<String>) -> Self {
        self.parts.trace_id = Some(trace_id.into());
        self
    }

    /// See [`EntryParts::project`].
    pub fn project(mut self, project: Uuid) -> Self {
        self.parts.project = Some(project);
        self
    }

    /// See [`EntryParts::subject`].
    pub fn subject(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.parts.subject = Some(Subject { kind: kind.into(), id: id.into() });
        self
    }

    /// Sets one member of [`EntryParts::data`].
    pub fn data(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parts.data.insert(name.into(), value.into());
        self
    }

    /// Checks the fields.
    pub fn build(self) -> Result<Entry, EntryError> {
        Entry::from_parts(self.parts)
    }
}

#[cfg(test)]
pub(crate) mod tests;
