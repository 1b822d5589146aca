//! The PII policy, every version of it.

use gates::{Tx, WriteTx};
use kernel::Timestamp;
use serde_json::Value;
use time::OffsetDateTime;

use crate::StoreError;

/// A version of the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PiiPolicy {
    /// Its number, from 1.
    pub version: i32,
    /// Its rules.
    pub document: Value,
    /// When it came into force.
    pub created_at: Timestamp,
}

/// The version in force; `None` while the organization has set none.
pub async fn current(tx: &mut Tx) -> Result<Option<PiiPolicy>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select version, document, created_at from pii_policy where tenant_id = $1 order by version desc limit 1",
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| PiiPolicy {
        version: row.version,
        document: row.document,
        created_at: row.created_at.into(),
    }))
}

/// Puts a version into force. Two at once: one is [`StoreError::Taken`].
pub async fn put(tx: &mut WriteTx, version: i32, document: &Value, at: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into pii_policy (tenant_id, version, document, created_at) values ($1, $2, $3, $4)",
        tenant,
        version,
        document,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
