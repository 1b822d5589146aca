//! The log read as events, in its own order: narrowed, from an index on, a window at a time.

use gates::{SystemTx, Tx};
use kernel::{TenantId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// A part of the log: indices from `from` up to, and without, `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first index.
    pub from: i64,
    /// The index after the last.
    pub to: i64,
}

/// What events are narrowed to; nothing named is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrow {
    /// Only these kinds.
    pub kinds: Option<Vec<String>>,
    /// Only what this one did: the column `actor`, a kind and an id.
    pub actor: Option<String>,
    /// Only entries of this request.
    pub request_id: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// The events of a window, each with its index and its bytes, in the order of the log.
pub async fn window(tx: &mut Tx, window: Window, narrow: &Narrow) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select l.seq, e.leaf from audit_leaf l \
         join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id \
         where l.tenant_id = $1 and l.seq >= $2 and l.seq < $3 \
         and ($4::text[] is null or e.kind = any($4)) and ($5::text is null or e.actor = $5) \
         and ($6::text is null or e.request_id = $6) \
         and ($7::timestamptz is null or e.at >= $7) and ($8::timestamptz is null or e.at < $8) \
         order by l.seq",
        tenant,
        window.from,
        window.to,
        narrow.kinds.as_deref(),
        narrow.actor,
        narrow.request_id,
        narrow.since.map(OffsetDateTime::from),
        narrow.until.map(OffsetDateTime::from)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| (row.seq, row.leaf)).collect())
}

/// When the entry at an index was made.
pub async fn made_at(tx: &mut Tx, index: i64) -> Result<Option<Timestamp>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select e.at from audit_leaf l join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id \
         where l.tenant_id = $1 and l.seq = $2",
        tenant,
        index
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.at.into()))
}

/// The origin of the tenant's log and how many entries it holds; `None` before its first entry is placed.
pub async fn log(tx: &mut Tx) -> Result<Option<(String, i64)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select l.origin, t.size from audit_log l join audit_tree t on t.tenant_id = l.tenant_id \
         where l.tenant_id = $1 order by l.epoch desc limit 1",
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| (row.origin, row.size)))
}

/// How many entries the logs of these tenants hold, in one look.
pub async fn sizes(tx: &mut SystemTx, tenants: &[TenantId]) -> Result<Vec<(TenantId, i64)>, StoreError> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let found = sqlx::query!("select tenant_id, size from audit_tree where tenant_id = any($1)", &ids)
        .fetch_all(tx.connection())
        .await?;
    Ok(found.into_iter().map(|row| (TenantId::from_uuid(row.tenant_id), row.size)).collect())
}
