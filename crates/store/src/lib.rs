//! All SQL of the rooms. Reads borrow a [`gates::Tx`], writes a [`gates::WriteTx`]; neither can be made here, begun or
//! committed here. Every statement says `tenant_id = $1` although row-level security says it too: the second lock, and
//! what lets a sharded database send the statement to one node.

pub mod account_events;
pub mod accounts;
pub mod agents;
pub mod audit;
pub mod audit_events;
pub mod audit_search;
pub mod break_glass;
pub mod calls;
pub mod data_keys;
pub mod delegations;
pub mod doors;
pub mod evidence;
pub mod factors;
pub mod heads;
pub mod invitations;
pub mod joining;
pub mod key_ring;
pub mod keys;
pub mod mail;
pub mod member_sessions;
pub mod members;
pub mod organizations;
pub mod personal;
pub mod pii_tokens;
pub mod policies;
pub mod policy_packs;
pub mod projects;
pub mod providers;
pub mod relations;
pub mod retention;
pub mod rewrap;
pub mod roles;
pub mod schema;
pub mod sessions;
pub mod settings;
pub mod siem;
pub mod tokens;
pub mod verify;
pub mod webhook_deliveries;
pub mod webhooks;

use kernel::{Problem, ProblemKind};

/// Letters or deliveries that wait and are counted; beyond it the number says only "very many".
pub const WAITING_ROWS_MAX: i64 = 100_000;

/// A statement failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row of that name exists already.
    #[error("something of that name exists already")]
    Taken,
    /// The row it refers to does not exist in this tenant.
    #[error("what it refers to does not exist")]
    Dangling,
    /// It took longer than the time it was given.
    #[error("it took longer than the time it was given")]
    TooLong,
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(refused) if refused.is_unique_violation() => Self::Taken,
            Some(refused) if refused.is_foreign_key_violation() => Self::Dangling,
            Some(ended) if ended.code().as_deref() == Some(QUERY_CANCELED) => Self::TooLong,
            _ => Self::Database(error),
        }
    }
}

/// What PostgreSQL calls a statement that was ended before its end (`query_canceled`).
const QUERY_CANCELED: &str = "57014";

/// What the database holds is no value of the type it must be.
fn decode<E: std::error::Error + Send + Sync + 'static>(error: E) -> StoreError {
    StoreError::Database(sqlx::Error::Decode(Box::new(error)))
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => Problem::new(
                ProblemKind::Conflict,
                "Something of that name exists already; choose another name.",
            ),
            StoreError::Dangling => Problem::not_found(),
            StoreError::TooLong => {
                Problem::new(ProblemKind::Timeout, "The database took too long; nothing was changed.")
            }
            StoreError::Database(error) => {
                // The cause is for the machine's log; the client gets a request id to quote.
                tracing::error!(%error, "a statement failed");
                Problem::internal()
            }
        }
    }
}
