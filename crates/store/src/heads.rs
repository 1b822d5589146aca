//! Heads of the audit logs: their anchors in the instance's log, what witnesses said, and alarms.

use gates::{SystemTx, Tx};
use kernel::{EntryId, TenantId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::audit::{Log, Signed};

/// Remembers which entry of the instance's log says that this checkpoint was signed.
pub async fn keep_anchor(tx: &mut SystemTx, log: &Log, entry: EntryId) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_anchor (tenant_id, epoch, size, entry_id) values ($1, $2, $3, $4)",
        log.tenant.uuid(),
        log.epoch,
        log.size,
        entry.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A checkpoint of a tenant's log as the instance's log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Leaves of the tenant's log that the checkpoint covers.
    pub size: i64,
    /// The entry of the instance's log, as hashed.
    pub leaf: Vec<u8>,
    /// Its index there.
    pub index: i64,
}

/// The newest anchor of `tenant` among the first `below` entries of the log of `instance`.
pub async fn anchor(
    tx: &mut SystemTx,
    instance: TenantId,
    tenant: TenantId,
    below: i64,
) -> Result<Option<Anchor>, StoreError> {
    let row = sqlx::query!(
        "select a.size, l.seq, e.leaf from audit_anchor a \
         join audit_leaf l on l.tenant_id = $1 and l.entry_id = a.entry_id \
         join audit_entry e on e.tenant_id = $1 and e.id = a.entry_id \
         where a.tenant_id = $2 and l.seq < $3 order by a.epoch desc, a.size desc limit 1",
        instance.uuid(),
        tenant.uuid(),
        below
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Anchor { size: row.size, leaf: row.leaf, index: row.seq }))
}

/// The entry of the instance's log that anchors the newest checkpoint of `tenant`.
pub async fn newest_anchor(tx: &mut SystemTx, tenant: TenantId) -> Result<Option<EntryId>, StoreError> {
    let row = sqlx::query!(
        "select entry_id from audit_anchor where tenant_id = $1 order by epoch desc, size desc limit 1",
        tenant.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| EntryId::from_uuid(row.entry_id)))
}

/// A checkpoint and the lines of its witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The checkpoint.
    pub signed: Signed,
    /// Keys of witnesses and the lines they gave.
    pub lines: Vec<(String, String)>,
}

/// The newest checkpoints of a log with what witnesses said, newest first; `only` those of which any said something.
pub async fn cosigned(
    tx: &mut SystemTx,
    tenant: TenantId,
    only: bool,
    rows: i64,
) -> Result<Vec<Cosigned>, StoreError> {
    let found = sqlx::query!(
        r#"select c.epoch, c.size, c.note, c.signed_at, l.origin, l.public_key,
                  array(select s.vkey from audit_cosignature s where s.tenant_id = c.tenant_id
                        and s.epoch = c.epoch and s.size = c.size order by s.vkey) as "vkeys!",
                  array(select s.line from audit_cosignature s where s.tenant_id = c.tenant_id
                        and s.epoch = c.epoch and s.size = c.size order by s.vkey) as "lines!"
           from audit_checkpoint c join audit_log l on l.tenant_id = c.tenant_id and l.epoch = c.epoch
           where c.tenant_id = $1 and (not $2 or exists (select from audit_cosignature s
               where s.tenant_id = c.tenant_id and s.epoch = c.epoch and s.size = c.size))
           order by c.epoch desc, c.size desc limit $3"#,
        tenant.uuid(),
        only,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Cosigned {
            signed: Signed {
                epoch: row.epoch,
                size: row.size,
                note: row.note,
                signed_at: row.signed_at.into(),
                origin: row.origin,
                public_key: row.public_key,
            },
            lines: row.vkeys.into_iter().zip(row.lines).collect(),
        })
        .collect())
}

/// A witness's line under a checkpoint.
pub struct NewCosignature<'a> {
    /// Whose log.
    pub tenant: TenantId,
    /// Its epoch.
    pub epoch: i16,
    /// The checkpoint's size.
    pub size: i64,
    /// The witness's key.
    pub vkey: &'a str,
    /// The line.
    pub line: &'a str,
    /// When the witness saw it, as it says.
    pub at: Timestamp,
}

/// Keeps a witness's line. The first one that a witness gave for a checkpoint stays.
pub async fn keep_cosignature(tx: &mut SystemTx, new: &NewCosignature<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_cosignature (tenant_id, epoch, size, vkey, line, at) values ($1, $2, $3, $4, $5, $6) \
         on conflict do nothing",
        new.tenant.uuid(),
        new.epoch,
        new.size,
        new.vkey,
        new.line,
        OffsetDateTime::from(new.at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// How it stands with a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessState {
    /// Its key.
    pub vkey: String,
    /// What the policy calls it.
    pub name: String,
    /// Entries of the instance's log it cosigned last.
    pub size: Option<i64>,
    /// When it cosigned last.
    pub signed_at: Option<Timestamp>,
    /// When it was asked last.
    pub asked_at: Timestamp,
    /// Why it did not cosign when it was asked last.
    pub problem: Option<String>,
}

/// Remembers what became of asking a witness. What it cosigned before stays when it did not this time.
pub async fn keep_witness(tx: &mut SystemTx, state: &WitnessState) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_witness as w (vkey, name, size, signed_at, asked_at, problem) values ($1, $2, $3, $4, $5, $6) \
         on conflict (vkey) do update set name = excluded.name, size = coalesce(excluded.size, w.size), \
             signed_at = coalesce(excluded.signed_at, w.signed_at), asked_at = excluded.asked_at, \
             problem = excluded.problem",
        state.vkey,
        state.name,
        state.size,
        state.signed_at.map(OffsetDateTime::from),
        OffsetDateTime::from(state.asked_at),
        state.problem
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Witnesses that were asked, by name.
pub async fn witnesses(tx: &mut SystemTx) -> Result<Vec<WitnessState>, StoreError> {
    let found = sqlx::query!(
        "select vkey, name, size, signed_at, asked_at, problem from audit_witness order by name, vkey limit 256"
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| WitnessState {
            vkey: row.vkey,
            name: row.name,
            size: row.size,
            signed_at: row.signed_at.map(Into::into),
            asked_at: row.asked_at.into(),
            problem: row.problem,
        })
        .collect())
}

/// What is wrong with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmKind {
    /// The log has lost what was signed: it is not signed any further.
    HeadLost,
    /// Rows are not those that were written.
    RowsChanged,
    /// A witness saw another history.
    WitnessRefused,
}

impl AlarmKind {
    /// The word in the column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeadLost => "head_lost",
            Self::RowsChanged => "rows_changed",
            Self::WitnessRefused => "witness_refused",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 3] = [Self::HeadLost, Self::RowsChanged, Self::WitnessRefused];

    /// Whether a log of which this is true is signed any further.
    pub const fn stops_signing(self) -> bool {
        !matches!(self, Self::RowsChanged)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

/// An alarm that nobody has settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Whose log.
    pub tenant: TenantId,
    /// What is wrong.
    pub kind: AlarmKind,
    /// In words.
    pub detail: String,
    /// Since when.
    pub raised_at: Timestamp,
}

/// Raises an alarm. False when one of this kind is open already.
pub async fn raise(tx: &mut SystemTx, id: EntryId, alarm: &Alarm) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into audit_alarm (tenant_id, id, kind, detail, raised_at) values ($1, $2, $3, $4, $5) \
         on conflict (tenant_id, kind) where cleared_at is null do nothing",
        alarm.tenant.uuid(),
        id.uuid(),
        alarm.kind.name(),
        alarm.detail,
        OffsetDateTime::from(alarm.raised_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Settles an alarm. False when none of this kind is open.
pub async fn clear(
    tx: &mut SystemTx,
    tenant: TenantId,
    kind: AlarmKind,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update audit_alarm set cleared_at = $3 where tenant_id = $1 and kind = $2 and cleared_at is null",
        tenant.uuid(),
        kind.name(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() > 0)
}

fn alarm(tenant: Uuid, kind: &str, detail: String, raised_at: OffsetDateTime) -> Option<Alarm> {
    let (tenant, kind) = (TenantId::from_uuid(tenant), AlarmKind::parse(kind)?);
    Some(Alarm { tenant, kind, detail, raised_at: raised_at.into() })
}

/// Open alarms of all logs, oldest first, at most `rows`.
pub async fn alarms(tx: &mut SystemTx, rows: i64) -> Result<Vec<Alarm>, StoreError> {
    let found = sqlx::query!(
        "select tenant_id, kind, detail, raised_at from audit_alarm where cleared_at is null order by raised_at limit $1",
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .filter_map(|row| alarm(row.tenant_id, &row.kind, row.detail, row.raised_at))
        .collect())
}

/// Whether an open alarm keeps this log, or that of the instance, from being signed.
pub async fn is_stopped(tx: &mut SystemTx, tenant: TenantId, instance: TenantId) -> Result<bool, StoreError> {
    let stopping = AlarmKind::ALL.into_iter().filter(|kind| kind.stops_signing());
    let stopping: Vec<String> = stopping.map(|kind| kind.name().to_owned()).collect();
    let row = sqlx::query!(
        r#"select exists (select from audit_alarm where tenant_id = any($1) and kind = any($2) and cleared_at is null)
           as "stopped!""#,
        &[tenant.uuid(), instance.uuid()],
        &stopping
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.stopped)
}

/// How many alarms of all logs are open.
pub async fn alarms_count(tx: &mut SystemTx) -> Result<i64, StoreError> {
    let row = sqlx::query!(r#"select count(*) as "count!" from audit_alarm where cleared_at is null"#)
        .fetch_one(tx.connection())
        .await?;
    Ok(row.count)
}

/// Open alarms of the tenant's log, oldest first.
pub async fn own_alarms(tx: &mut Tx) -> Result<Vec<Alarm>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select tenant_id, kind, detail, raised_at from audit_alarm where tenant_id = $1 and cleared_at is null \
         order by raised_at",
        tenant
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .filter_map(|row| alarm(row.tenant_id, &row.kind, row.detail, row.raised_at))
        .collect())
}
