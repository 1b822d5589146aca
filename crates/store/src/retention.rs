//! How long logs are kept in the database, what holds them there, and the archives of their beginnings.

use gates::{Clean, SystemTx, Tx, WriteTx};
use kernel::limits::RETENTION_DAYS_DEFAULT;
use kernel::{AccountId, EntryId, HoldId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::audit::Signed;

/// How long an organization keeps its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The days that were in force when it was last changed.
    pub days: i32,
    /// A shorter time that was asked for, and from when on it counts.
    pub next: Option<(i32, Timestamp)>,
    /// When it was last changed; never, while the default is in force.
    pub changed_at: Option<Timestamp>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: RETENTION_DAYS_DEFAULT, next: None, changed_at: None }
    }
}

impl Retention {
    /// The days in force at `now`.
    pub fn in_force(&self, now: Timestamp) -> i32 {
        match self.next {
            Some((days, from)) if from <= now => days,
            _ => self.days,
        }
    }
}

async fn read_for(connection: &mut PgConnection, tenant: TenantId) -> Result<Retention, StoreError> {
    let row = sqlx::query!(
        "select days, next_days, next_from, changed_at from audit_retention where tenant_id = $1",
        tenant.uuid()
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(Retention::default, |row| Retention {
        days: row.days,
        next: row.next_days.zip(row.next_from.map(Timestamp::from)),
        changed_at: Some(row.changed_at.into()),
    }))
}

/// How long the tenant keeps its log.
pub async fn read(tx: &mut Tx) -> Result<Retention, StoreError> {
    let tenant = tx.tenant();
    read_for(tx.connection(), tenant).await
}

/// How long a tenant keeps its log, as the system sees it.
pub async fn of(tx: &mut SystemTx, tenant: TenantId) -> Result<Retention, StoreError> {
    read_for(tx.connection(), tenant).await
}

/// Says how long the log is kept from here on.
pub async fn put(tx: &mut WriteTx, new: &Retention, at: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into audit_retention (tenant_id, days, next_days, next_from, changed_at) values ($1, $2, $3, $4, $5) \
         on conflict (tenant_id) do update set days = excluded.days, next_days = excluded.next_days, \
             next_from = excluded.next_from, changed_at = excluded.changed_at",
        tenant,
        new.days,
        new.next.map(|(days, _)| days),
        new.next.map(|(_, from)| OffsetDateTime::from(from)),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A legal hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// Why.
    pub reason: String,
    /// Entries from here on; from the first when nothing is said.
    pub from: Option<Timestamp>,
    /// Entries up to here, and without it; without end when nothing is said.
    pub until: Option<Timestamp>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Who placed it.
    pub placed_by: AccountId,
    /// When, by whom and why it was lifted.
    pub lifted: Option<(Timestamp, AccountId, String)>,
}

/// Holds, those that stand first, then the newest, at most `rows`.
pub async fn holds(tx: &mut Tx, rows: i64) -> Result<Vec<Hold>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, reason, from_at, until_at, placed_at, placed_by, lifted_at, lifted_by, lift_reason \
         from audit_hold where tenant_id = $1 order by lifted_at is not null, id desc limit $2",
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Hold {
            id: HoldId::from_uuid(row.id),
            reason: row.reason,
            from: row.from_at.map(Timestamp::from),
            until: row.until_at.map(Timestamp::from),
            placed_at: row.placed_at.into(),
            placed_by: AccountId::from_uuid(row.placed_by),
            lifted: match (row.lifted_at, row.lifted_by, row.lift_reason) {
                (Some(at), Some(by), Some(why)) => Some((at.into(), AccountId::from_uuid(by), why)),
                _ => None,
            },
        })
        .collect())
}

/// How many holds stand.
pub async fn holds_standing(tx: &mut Tx) -> Result<i64, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select count(*) as "count!" from audit_hold where tenant_id = $1 and lifted_at is null"#,
        tenant
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.count)
}

/// A hold to be placed.
pub struct NewHold<'a> {
    /// Its id.
    pub id: HoldId,
    /// Why.
    pub reason: &'a Clean<String>,
    /// From when.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Now.
    pub at: Timestamp,
    /// Who.
    pub by: AccountId,
}

/// Places a hold.
pub async fn place(tx: &mut WriteTx, new: &NewHold<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into audit_hold (tenant_id, id, reason, from_at, until_at, placed_at, placed_by) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        new.id.uuid(),
        new.reason.get(),
        new.from.map(OffsetDateTime::from),
        new.until.map(OffsetDateTime::from),
        OffsetDateTime::from(new.at),
        new.by.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lifts a hold. False when there is none of this id that stands.
pub async fn lift(
    tx: &mut WriteTx,
    id: HoldId,
    by: AccountId,
    why: &Clean<String>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update audit_hold set lifted_at = $3, lifted_by = $4, lift_reason = $5 \
         where tenant_id = $1 and id = $2 and lifted_at is null",
        tenant,
        id.uuid(),
        OffsetDateTime::from(at),
        by.uuid(),
        why.get()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// From when on entries are held: `None` when no hold stands, `Some(None)` when one reaches to the beginning.
pub async fn held_from(tx: &mut SystemTx, tenant: TenantId) -> Result<Option<Option<Timestamp>>, StoreError> {
    let row = sqlx::query!(
        r#"select count(*) as "standing!", bool_or(from_at is null) as whole, min(from_at) as first
           from audit_hold where tenant_id = $1 and lifted_at is null"#,
        tenant.uuid()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(match (row.standing, row.whole) {
        (0, _) => None,
        (_, Some(true)) => Some(None),
        _ => Some(row.first.map(Timestamp::from)),
    })
}

/// An archive of a log's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Entries it holds: those below this index.
    pub size: i64,
    /// The root of the tree of these entries.
    pub root: Vec<u8>,
    /// SHA-256 over the list of its bundles.
    pub sha256: Vec<u8>,
    /// The folder's name.
    pub name: String,
    /// Entries that the folder's checkpoint covers.
    pub checkpoint_size: i64,
    /// The entry of the log that says so.
    pub entry: EntryId,
    /// When it was written.
    pub written_at: Timestamp,
    /// Whether the rows of these entries are gone from here.
    pub removed: bool,
}

macro_rules! archive {
    ($row:expr) => {
        Archive {
            size: $row.size,
            root: $row.root,
            sha256: $row.sha256,
            name: $row.name,
            checkpoint_size: $row.checkpoint_size,
            entry: EntryId::from_uuid($row.entry_id),
            written_at: $row.written_at.into(),
            removed: $row.removed_at.is_some(),
        }
    };
}

/// The newest archive that the first `below` entries of the tenant's log tell of.
pub async fn archive(tx: &mut Tx, below: i64) -> Result<Option<Archive>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select a.size, a.root, a.sha256, a.name, a.checkpoint_size, a.entry_id, a.written_at, a.removed_at \
         from audit_archive a join audit_leaf l on l.tenant_id = a.tenant_id and l.entry_id = a.entry_id \
         where a.tenant_id = $1 and l.seq < $2 order by a.size desc limit 1",
        tenant,
        below
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| archive!(row)))
}

/// Where an entry of the tenant's is that is not in the database any more: its index, and the archive that holds it.
pub async fn archived_entry(tx: &mut Tx, id: EntryId) -> Result<Option<(i64, Archive)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select l.seq, a.size, a.root, a.sha256, a.name, a.checkpoint_size, a.entry_id, a.written_at, a.removed_at \
         from audit_leaf l join audit_archive a on a.tenant_id = l.tenant_id and a.size > l.seq \
         where l.tenant_id = $1 and l.entry_id = $2 order by a.size limit 1",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| (row.seq, archive!(row))))
}

/// The ids of the entries at these indexes of the tenant's log, in its order, as far as it reaches.
pub async fn ids_at(tx: &mut Tx, indexes: &[i64]) -> Result<Vec<EntryId>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select entry_id from audit_leaf where tenant_id = $1 and seq = any($2) order by seq",
        tenant,
        indexes
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| EntryId::from_uuid(row.entry_id)).collect())
}

/// The archives of a log, the oldest first.
pub async fn archives(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<Archive>, StoreError> {
    let found = sqlx::query!(
        "select size, root, sha256, name, checkpoint_size, entry_id, written_at, removed_at from audit_archive \
         where tenant_id = $1 order by size",
        tenant.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| archive!(row)).collect())
}

/// Puts on record that the beginning of a log is archived; `first` entries of it are from archives before.
pub async fn keep_archive(
    tx: &mut SystemTx,
    tenant: TenantId,
    first: i64,
    new: &Archive,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_archive (tenant_id, size, root, sha256, name, checkpoint_size, entry_id, written_at, \
         removed_to) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.uuid(),
        new.size,
        new.root,
        new.sha256,
        new.name,
        new.checkpoint_size,
        new.entry.uuid(),
        OffsetDateTime::from(new.written_at),
        first
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The logs there are.
pub async fn logs(tx: &mut SystemTx) -> Result<Vec<TenantId>, StoreError> {
    let found = sqlx::query!("select tenant_id from audit_tree order by tenant_id")
        .fetch_all(tx.connection())
        .await?;
    Ok(found.into_iter().map(|row| TenantId::from_uuid(row.tenant_id)).collect())
}

/// Takes the right to archive this log for this transaction. False when somebody else has it.
pub async fn try_archive(tx: &mut SystemTx, tenant: TenantId) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('portcullis.archive.' || $1::text, 0)) as "mine!""#,
        tenant.to_string()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.mine)
}

/// The index of the first entry from index `first` on that is not older than `than`, which no id is below; `None` when all are
/// older.
pub async fn first_younger(
    tx: &mut SystemTx,
    tenant: TenantId,
    first: i64,
    than: EntryId,
) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query!(
        "select seq from audit_leaf where tenant_id = $1 and seq >= $2 and entry_id >= $3 order by seq limit 1",
        tenant.uuid(),
        first,
        than.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.seq))
}

/// The smallest checkpoint of a log that covers `size` entries, and the newest of all.
pub async fn checkpoints(
    tx: &mut SystemTx,
    tenant: TenantId,
    size: i64,
) -> Result<Option<(Signed, Signed)>, StoreError> {
    let found = sqlx::query!(
        r#"(select c.epoch, c.size, c.note, c.signed_at, l.origin, l.public_key from audit_checkpoint c
            join audit_log l on l.tenant_id = c.tenant_id and l.epoch = c.epoch
            where c.tenant_id = $1 and c.size >= $2 order by c.size, c.epoch desc limit 1)
           union all
           (select c.epoch, c.size, c.note, c.signed_at, l.origin, l.public_key from audit_checkpoint c
            join audit_log l on l.tenant_id = c.tenant_id and l.epoch = c.epoch
            where c.tenant_id = $1 and c.size >= $2 order by c.epoch desc, c.size desc limit 1)
           order by 1, 2"#,
        tenant.uuid(),
        size
    )
    .fetch_all(tx.connection())
    .await?;
    let mut signed = found.into_iter().map(|row| Signed {
        epoch: row.epoch.unwrap_or_default(),
        size: row.size.unwrap_or_default(),
        note: row.note.unwrap_or_default(),
        signed_at: row.signed_at.map_or(Timestamp::from_unix_micros(0), Timestamp::from),
        origin: row.origin.unwrap_or_default(),
        public_key: row.public_key.unwrap_or_default(),
    });
    let (first, second) = (signed.next(), signed.next());
    Ok(first.zip(second).map(|(one, other)| if one.size <= other.size { (one, other) } else { (other, one) }))
}

/// Entries of a log in its order, as the system sees them.
pub async fn leaves(
    tx: &mut SystemTx,
    tenant: TenantId,
    from: i64,
    rows: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    crate::audit::read_leaves(tx.connection(), tenant, from, rows).await
}

/// Removes rows of archived entries, looking at `places` places of the log at most; how many went. `None` when there is
/// nothing more to remove, or nothing may be removed now. The database itself looks whether it may.
pub async fn remove(tx: &mut SystemTx, tenant: TenantId, places: i32) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query!("select gate.remove_archived($1, $2) as removed", tenant.uuid(), places)
        .fetch_one(tx.connection())
        .await?;
    Ok(row.removed)
}

/// Drops months of which every entry of every log is archived and may go; their names.
pub async fn drop_months(tx: &mut SystemTx) -> Result<Vec<String>, StoreError> {
    let row =
        sqlx::query!("select gate.drop_archived_months() as dropped").fetch_one(tx.connection()).await?;
    Ok(row.dropped.unwrap_or_default())
}

/// What a database says of a log's archives, for a verification that trusts none of it: sizes and the entries that cite them.
pub async fn cited(conn: &mut PgConnection, tenant: TenantId) -> Result<Vec<Vec<u8>>, StoreError> {
    let found: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(
        "select e.id, e.leaf from audit_entry e where e.tenant_id = $1 and e.kind = 'log.pruned' order by e.id",
    )
    .bind(tenant.uuid())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(_, leaf)| leaf).collect())
}

/// Origins and public keys of a log's epochs.
pub async fn identities(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let found = sqlx::query!(
        "select origin, public_key from audit_log where tenant_id = $1 order by epoch",
        tenant.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| (row.origin, row.public_key)).collect())
}
