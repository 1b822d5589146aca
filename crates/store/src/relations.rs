//! Relations: stores, their models, and tuples with all they ever were.
//!
//! Names here are identifiers that were parsed and checked, not free text: a tuple must be found again byte for byte.

mod read;
mod write;

use kernel::{RelationModelId, RelationStoreId, Timestamp};

pub use read::{
    Position, TupleFilter, assertions, at, changed_at, changes, latest_model, model, model_at, models,
    revision, revision_at, store, stores, tuples,
};
pub use write::{
    Applied, Key, Refused, Writes, apply, count_stores, create_model, create_store, delete_store, hold_store,
    put_assertions,
};

/// A store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its id.
    pub id: RelationStoreId,
    /// What it is called; several may be called the same.
    pub name: String,
    /// Writes until now.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written to.
    pub updated_at: Timestamp,
}

/// A model, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its id.
    pub id: RelationModelId,
    /// The model as canonical JSON (RFC 8785).
    pub document: String,
    /// Its SHA-256.
    pub sha256: Vec<u8>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    /// The type of its object.
    pub object_type: String,
    /// The id of its object.
    pub object_id: String,
    /// Its relation.
    pub relation: String,
    /// Its user: `type:id`, `type:*` or `type:id#relation`.
    pub subject: String,
    /// The condition under which it counts.
    pub condition: Option<String>,
    /// What the condition is given, as JSON.
    pub context: Option<String>,
    /// When it was written.
    pub written_at: Timestamp,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The write it belongs to.
    pub revision: i64,
    /// Its place in that write.
    pub ordinal: i16,
    /// Whether the tuple was deleted; otherwise it was written.
    pub deleted: bool,
    /// The tuple; when it was deleted, without its condition.
    pub tuple: Tuple,
}
