//! Forwarding the logs to the operator's collectors: who does it, and how far it has come.

use gates::SystemTx;
use kernel::{TenantId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// Takes the collector, or keeps it, until a time. False when another process has it.
pub async fn hold(
    tx: &mut SystemTx,
    collector: &str,
    holder: Uuid,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into siem_collector as c (name, holder, held_until) values ($1, $2, $3) \
         on conflict (name) do update set holder = $2, held_until = $3 \
         where c.holder = $2 or c.held_until < $4",
        collector,
        holder,
        OffsetDateTime::from(until),
        OffsetDateTime::from(now)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A log that grew further than it was forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Whose log.
    pub tenant: TenantId,
    /// Its origin in its present epoch.
    pub origin: String,
    /// The index that comes next.
    pub next: i64,
    /// Entries it holds.
    pub size: i64,
}

/// Logs of which something waits, those first that have waited longest since they moved.
pub async fn behind(tx: &mut SystemTx, collector: &str, rows: i64) -> Result<Vec<Behind>, StoreError> {
    let found = sqlx::query!(
        r#"select t.tenant_id, l.origin, t.size, coalesce(p.next, 0) as "next!" from audit_tree t
           cross join lateral (select origin from audit_log where tenant_id = t.tenant_id
                               order by epoch desc limit 1) l
           left join siem_position p on p.tenant_id = t.tenant_id and p.collector = $1
           where t.size > coalesce(p.next, 0) order by p.moved_at nulls first, t.tenant_id limit $2"#,
        collector,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let behind = found.into_iter().map(|row| Behind {
        tenant: TenantId::from_uuid(row.tenant_id),
        origin: row.origin,
        next: row.next,
        size: row.size,
    });
    Ok(behind.collect())
}

/// Entries of a log from index `from` up to, and without, `to`, as the system sees them.
pub async fn leaves(
    tx: &mut SystemTx,
    tenant: TenantId,
    from: i64,
    to: i64,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let found = sqlx::query!(
        "select l.seq, e.leaf from audit_leaf l join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id \
         where l.tenant_id = $1 and l.seq >= $2 and l.seq < $3 order by l.seq",
        tenant.uuid(),
        from,
        to
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| (row.seq, row.leaf)).collect())
}

/// Remembers how far it has come. Only whoever holds the collector may.
pub async fn moved(
    tx: &mut SystemTx,
    collector: &str,
    holder: Uuid,
    positions: &[(TenantId, i64)],
    at: Timestamp,
) -> Result<bool, StoreError> {
    let (tenants, nexts): (Vec<Uuid>, Vec<i64>) =
        positions.iter().map(|(tenant, next)| (tenant.uuid(), *next)).unzip();
    let done = sqlx::query!(
        "insert into siem_position as p (tenant_id, collector, next, moved_at) \
         select n.tenant_id, $1, n.next, $5 from unnest($3::uuid[], $4::bigint[]) as n (tenant_id, next) \
         where exists (select from siem_collector c where c.name = $1 and c.holder = $2) \
         on conflict (tenant_id, collector) do update set next = excluded.next, moved_at = excluded.moved_at",
        collector,
        holder,
        &tenants,
        &nexts,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == positions.len() as u64)
}

/// How many entries were not forwarded yet, and when the oldest of them was made.
pub async fn lag(tx: &mut SystemTx, collector: &str) -> Result<(i64, Option<Timestamp>), StoreError> {
    let row = sqlx::query!(
        r#"select coalesce(sum(t.size - coalesce(p.next, 0)), 0)::bigint as "entries!", min(e.at) as oldest
           from audit_tree t
           left join siem_position p on p.tenant_id = t.tenant_id and p.collector = $1
           left join audit_leaf l on l.tenant_id = t.tenant_id and l.seq = coalesce(p.next, 0)
           left join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id
           where t.size > coalesce(p.next, 0)"#,
        collector
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((row.entries, row.oldest.map(Timestamp::from)))
}
