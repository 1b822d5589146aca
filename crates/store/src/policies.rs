//! The PII policy, every version of it.

use gates::{Tx, WriteTx};
use kernel::Timestamp;
use serde_json::Value;
use time::OffsetDateTime;

use crate::StoreError;
use crate::agents::Maker;

/// A version of the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PiiPolicy {
    /// Its number, from 1.
    pub version: i32,
    /// Its rules.
    pub document: Value,
    /// When it came into force.
    pub created_at: Timestamp,
    /// Who put it into force, as far as is known.
    pub by: Option<Maker>,
    /// The SHA-256 of the document.
    pub hash: Option<[u8; 32]>,
}

/// The version in force; `None` while the organization has set none.
pub async fn current(tx: &mut Tx) -> Result<Option<PiiPolicy>, StoreError> {
    Ok(all(tx, 1).await?.pop())
}

/// The newest versions, newest first, at most `rows` of them.
pub async fn all(tx: &mut Tx, rows: i64) -> Result<Vec<PiiPolicy>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select version, document, created_at, made_by_account, made_by_key, hash from pii_policy \
         where tenant_id = $1 order by version desc limit $2",
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| PiiPolicy {
            version: row.version,
            document: row.document,
            created_at: row.created_at.into(),
            by: Maker::of(row.made_by_account, row.made_by_key),
            hash: row.hash.and_then(|hash| hash.try_into().ok()),
        })
        .collect())
}

/// Puts a version into force. Two at once: one is [`StoreError::Taken`].
pub async fn put(tx: &mut WriteTx, new: &PiiPolicy) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    let (account, key) = match new.by {
        Some(Maker::Person(account)) => (Some(account.uuid()), None),
        Some(Maker::Service(key)) => (None, Some(key.uuid())),
        None => (None, None),
    };
    sqlx::query!(
        "insert into pii_policy (tenant_id, version, document, created_at, made_by_account, made_by_key, hash) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        new.version,
        new.document,
        OffsetDateTime::from(new.created_at),
        account,
        key,
        new.hash.as_ref().map(<[u8; 32]>::as_slice)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
