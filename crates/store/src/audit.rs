//! The audit log: its queue, its tree, its checkpoints, and reading it back.

use gates::{SystemTx, Tx};
use kernel::{EntryId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// The log's identity and how far its tree has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Whose log.
    pub tenant: TenantId,
    /// How often it began anew under another name, after its end was lost.
    pub epoch: i16,
    /// The origin, which is also its key's name.
    pub origin: String,
    /// The public key.
    pub public_key: Vec<u8>,
    /// Leaves so far.
    pub size: i64,
    /// Roots of the perfect subtrees.
    pub frontier: Vec<u8>,
    /// Root of the tree.
    pub root: Vec<u8>,
}

/// Tenants with entries waiting, at most `rows` of them.
pub async fn waiting(tx: &mut SystemTx, rows: i64) -> Result<Vec<TenantId>, StoreError> {
    // One index probe per tenant instead of a scan of the whole queue.
    let found = sqlx::query!(
        r#"with recursive t as (
               (select tenant_id from audit_queue order by tenant_id limit 1)
               union all
               select (select q.tenant_id from audit_queue q where q.tenant_id > t.tenant_id
                       order by q.tenant_id limit 1)
               from t where t.tenant_id is not null
           )
           select tenant_id as "tenant_id!" from t where tenant_id is not null limit $1"#,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| TenantId::from_uuid(row.tenant_id)).collect())
}

/// Takes the log's lock for this transaction. False when another sequencer has it.
pub async fn try_lead(tx: &mut SystemTx, tenant: TenantId) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('portcullis.log.' || $1::text, 0)) as "leads!""#,
        tenant.to_string()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.leads)
}

/// The log of a tenant in its present epoch; `None` before its first entry is placed.
pub async fn log(tx: &mut SystemTx, tenant: TenantId) -> Result<Option<Log>, StoreError> {
    let row = sqlx::query!(
        "select l.epoch, l.origin, l.public_key, t.size, t.frontier, t.root from audit_log l \
         join audit_tree t on t.tenant_id = l.tenant_id where l.tenant_id = $1 order by l.epoch desc limit 1",
        tenant.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Log {
        tenant,
        epoch: row.epoch,
        origin: row.origin,
        public_key: row.public_key,
        size: row.size,
        frontier: row.frontier,
        root: row.root,
    }))
}

/// What a new log, or a new epoch of one, is.
pub struct NewLog<'a> {
    /// Whose log.
    pub tenant: TenantId,
    /// Which epoch.
    pub epoch: i16,
    /// The origin.
    pub origin: &'a str,
    /// The public key.
    pub public_key: &'a [u8],
    /// The signing seed, sealed.
    pub seed_sealed: &'a [u8],
    /// Now.
    pub at: Timestamp,
}

/// Names an epoch of a tenant's log and the key that signs it.
pub async fn open_epoch(tx: &mut SystemTx, new: &NewLog<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_log (tenant_id, epoch, origin, public_key, seed_sealed, created_at) \
         values ($1, $2, $3, $4, $5, $6)",
        new.tenant.uuid(),
        new.epoch,
        new.origin,
        new.public_key,
        new.seed_sealed,
        OffsetDateTime::from(new.at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Plants a tenant's tree, which has no leaf yet.
pub async fn plant(tx: &mut SystemTx, tenant: TenantId, empty_root: &[u8]) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_tree (tenant_id, size, frontier, root) values ($1, 0, ''::bytea, $2)",
        tenant.uuid(),
        empty_root
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The signing seed of a log's epoch, sealed.
pub async fn sealed_seed(tx: &mut SystemTx, tenant: TenantId, epoch: i16) -> Result<Vec<u8>, StoreError> {
    let row = sqlx::query!(
        "select seed_sealed from audit_log where tenant_id = $1 and epoch = $2",
        tenant.uuid(),
        epoch
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.seed_sealed)
}

/// Takes waiting entries off the queue, oldest ids first, at most `rows`.
pub async fn take(
    tx: &mut SystemTx,
    tenant: TenantId,
    rows: i64,
) -> Result<Vec<(EntryId, Vec<u8>)>, StoreError> {
    let found = sqlx::query!(
        "with taken as (delete from audit_queue q using (select xact, entry_id from audit_queue where tenant_id = $1 \
         limit $2) w where q.tenant_id = $1 and q.xact = w.xact and q.entry_id = w.entry_id \
         returning q.entry_id, q.leaf_hash) select entry_id, leaf_hash from taken order by entry_id",
        tenant.uuid(),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| (EntryId::from_uuid(row.entry_id), row.leaf_hash)).collect())
}

/// Places leaves from `first` on.
pub async fn place(
    tx: &mut SystemTx,
    tenant: TenantId,
    first: i64,
    leaves: &[(EntryId, Vec<u8>)],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = leaves.iter().map(|(id, _)| id.uuid()).collect();
    let hashes: Vec<Vec<u8>> = leaves.iter().map(|(_, hash)| hash.clone()).collect();
    sqlx::query!(
        "insert into audit_leaf (tenant_id, seq, entry_id, hash) \
         select $1, $2 + n - 1, id, hash from unnest($3::uuid[], $4::bytea[]) with ordinality as l (id, hash, n)",
        tenant.uuid(),
        first,
        &ids,
        &hashes
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Hashes of leaves in the order of the log, from index `first` on, as the system sees them.
pub async fn leaf_hashes(
    tx: &mut SystemTx,
    tenant: TenantId,
    first: i64,
    rows: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    read_hashes(tx.connection(), tenant, first, rows).await
}

async fn read_hashes(
    connection: &mut PgConnection,
    tenant: TenantId,
    first: i64,
    rows: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let found = sqlx::query!(
        "select hash from audit_leaf where tenant_id = $1 and seq >= $2 and seq < $2 + $3 order by seq",
        tenant.uuid(),
        first,
        rows
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(|row| row.hash).collect())
}

/// Full tiles of a level from `first` on, as the system sees them.
pub async fn full_tiles(
    tx: &mut SystemTx,
    tenant: TenantId,
    level: i16,
    first: i64,
    rows: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    read_tiles(tx.connection(), tenant, level, first, rows).await
}

async fn read_tiles(
    connection: &mut PgConnection,
    tenant: TenantId,
    level: i16,
    first: i64,
    rows: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let found = sqlx::query!(
        "select hashes from audit_tile where tenant_id = $1 and level = $2 and index >= $3 and index < $3 + $4 \
         order by index",
        tenant.uuid(),
        level,
        first,
        rows
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(|row| row.hashes).collect())
}

/// Keeps a tile that is full now.
pub async fn keep_tile(
    tx: &mut SystemTx,
    tenant: TenantId,
    level: i16,
    index: i64,
    hashes: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_tile (tenant_id, level, index, hashes) values ($1, $2, $3, $4)",
        tenant.uuid(),
        level,
        index,
        hashes
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Grows the tree from `old_size`. False when it is not of that size any more: somebody else grew it.
pub async fn grow(
    tx: &mut SystemTx,
    tenant: TenantId,
    old_size: i64,
    size: i64,
    frontier: &[u8],
    root: &[u8],
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update audit_tree set size = $3, frontier = $4, root = $5 where tenant_id = $1 and size = $2",
        tenant.uuid(),
        old_size,
        size,
        frontier,
        root
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Logs that have grown since their last checkpoint, when that is older than `before` or there is none.
pub async fn unsigned(tx: &mut SystemTx, before: Timestamp, rows: i64) -> Result<Vec<TenantId>, StoreError> {
    let found = sqlx::query!(
        "select t.tenant_id from audit_tree t left join lateral (\
             select c.size, c.signed_at from audit_checkpoint c where c.tenant_id = t.tenant_id \
             order by c.epoch desc, c.size desc limit 1) c on true \
         where t.size > coalesce(c.size, -1) and (c.signed_at is null or c.signed_at < $1) limit $2",
        OffsetDateTime::from(before),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| TenantId::from_uuid(row.tenant_id)).collect())
}

/// Waits until nobody else signs this log, and keeps it so for this transaction: heads only ever grow.
pub async fn hold_pen(tx: &mut SystemTx, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('portcullis.pen.' || $1::text, 0))",
        tenant.to_string()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(())
}

/// The note of the newest checkpoint of an epoch, as the system sees it.
pub async fn last_signed(
    tx: &mut SystemTx,
    tenant: TenantId,
    epoch: i16,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query!(
        "select note from audit_checkpoint where tenant_id = $1 and epoch = $2 order by size desc limit 1",
        tenant.uuid(),
        epoch
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.note))
}

/// Which of these entries have their place in the tree.
pub async fn placed(
    tx: &mut SystemTx,
    tenant: TenantId,
    entries: &[EntryId],
) -> Result<Vec<EntryId>, StoreError> {
    let ids: Vec<Uuid> = entries.iter().map(|id| id.uuid()).collect();
    let found = sqlx::query!(
        "select entry_id from audit_leaf where tenant_id = $1 and entry_id = any($2)",
        tenant.uuid(),
        &ids
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| EntryId::from_uuid(row.entry_id)).collect())
}

/// Whether a checkpoint of the present epoch covers the entry.
pub async fn covered(tx: &mut SystemTx, tenant: TenantId, entry: EntryId) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select exists (
               select from audit_leaf l where l.tenant_id = $1 and l.entry_id = $2
               and l.seq < (select max(c.size) from audit_checkpoint c where c.tenant_id = $1
                            and c.epoch = (select max(epoch) from audit_log where tenant_id = $1))) as "covered!""#,
        tenant.uuid(),
        entry.uuid()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.covered)
}

/// Keeps a signed checkpoint of a log, whose pen is held.
pub async fn keep_checkpoint(
    tx: &mut SystemTx,
    log: &Log,
    note: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_checkpoint (tenant_id, epoch, size, root, note, signed_at) values ($1, $2, $3, $4, $5, $6)",
        log.tenant.uuid(),
        log.epoch,
        log.size,
        log.root,
        note,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The epoch of the log.
    pub epoch: i16,
    /// Leaves it covers.
    pub size: i64,
    /// The signed note.
    pub note: String,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The log's origin.
    pub origin: String,
    /// The log's public key.
    pub public_key: Vec<u8>,
}

/// The tenant's newest checkpoint with the key that verifies it.
pub async fn newest_checkpoint(tx: &mut Tx) -> Result<Option<Signed>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select c.epoch, c.size, c.note, c.signed_at, l.origin, l.public_key from audit_checkpoint c \
         join audit_log l on l.tenant_id = c.tenant_id and l.epoch = c.epoch where c.tenant_id = $1 \
         order by c.epoch desc, c.size desc limit 1",
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Signed {
        epoch: row.epoch,
        size: row.size,
        note: row.note,
        signed_at: row.signed_at.into(),
        origin: row.origin,
        public_key: row.public_key,
    }))
}

/// Origin and public key of the tenant's log in its present epoch; `None` before its first entry is placed.
pub async fn identity(tx: &mut Tx) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select origin, public_key from audit_log where tenant_id = $1 order by epoch desc limit 1",
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| (row.origin, row.public_key)))
}

/// Entries in the order of the log, from index `from` on, as the bytes that were hashed.
pub async fn leaves(tx: &mut Tx, from: i64, rows: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let tenant = tx.tenant();
    read_leaves(tx.connection(), tenant, from, rows).await
}

pub(crate) async fn read_leaves(
    connection: &mut PgConnection,
    tenant: TenantId,
    from: i64,
    rows: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let found = sqlx::query!(
        "select e.leaf from audit_leaf l join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id \
         where l.tenant_id = $1 and l.seq >= $2 and l.seq < $2 + $3 order by l.seq",
        tenant.uuid(),
        from,
        rows
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(|row| row.leaf).collect())
}

/// How a log stands, for those who look whether it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Leaves of the tree.
    pub size: i64,
    /// Leaves that the newest checkpoint covers.
    pub signed_size: i64,
    /// When that was signed; before the first, when the log was opened.
    pub signed_at: Timestamp,
}

/// How the tenant's log stands; `None` before its first entry is placed.
pub async fn standing(tx: &mut Tx) -> Result<Option<Standing>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select t.size, coalesce(c.size, 0) as "signed_size!", coalesce(c.signed_at, l.created_at) as "signed_at!"
           from audit_tree t join audit_log l on l.tenant_id = t.tenant_id
           left join lateral (select size, signed_at from audit_checkpoint c where c.tenant_id = t.tenant_id
                              order by c.epoch desc, c.size desc limit 1) c on true
           where t.tenant_id = $1 order by l.epoch desc limit 1"#,
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Standing {
        size: row.size,
        signed_size: row.signed_size,
        signed_at: row.signed_at.into(),
    }))
}

/// Whether the newest of the tenant's entries made before `before` has its place in the tree, as one that old should.
pub async fn is_placed_before(tx: &mut Tx, before: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select exists (select from audit_leaf l where l.tenant_id = $1 and l.entry_id = e.id) as "placed!"
           from audit_entry e where e.tenant_id = $1 and e.id < $2 order by e.id desc limit 1"#,
        tenant,
        EntryId::first_at(before).uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.is_none_or(|row| row.placed))
}

/// Refusals that are counted; beyond it the number says only "very many".
pub const REFUSALS_ROWS_MAX: i64 = 10_000;

/// What was refused since a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Credentials of this tenant that opened nothing.
    pub credentials: i64,
    /// Known callers who asked for what is not open to them.
    pub requests: i64,
}

/// What the tenant's log says was refused since `since`, counted up to [`REFUSALS_ROWS_MAX`]. Reads an index of these
/// entries alone.
pub async fn refusals(tx: &mut Tx, since: Timestamp) -> Result<Refusals, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select count(*) filter (where kind = 'AUTH_FAILURE') as "credentials!",
               count(*) filter (where kind = 'access.denied') as "requests!"
           from (select kind from audit_entry
                 where tenant_id = $1 and id >= $2 and kind in ('AUTH_FAILURE', 'access.denied') limit $3) e"#,
        tenant,
        EntryId::first_at(since).uuid(),
        REFUSALS_ROWS_MAX
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(Refusals { credentials: row.credentials, requests: row.requests })
}

/// How many leaves the tenant's tree has; none before its first entry is placed.
pub async fn tree_size(tx: &mut Tx) -> Result<i64, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!("select size from audit_tree where tenant_id = $1", tenant)
        .fetch_optional(tx.connection())
        .await?;
    Ok(row.map_or(0, |row| row.size))
}

/// Hashes of the tenant's leaves from index `first` on.
pub async fn hashes(tx: &mut Tx, first: i64, rows: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let tenant = tx.tenant();
    read_hashes(tx.connection(), tenant, first, rows).await
}

/// The tenant's full tiles of a level from `first` on.
pub async fn tiles(tx: &mut Tx, level: i16, first: i64, rows: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let tenant = tx.tenant();
    read_tiles(tx.connection(), tenant, level, first, rows).await
}

/// An entry with its place, when it has one already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The entry's id.
    pub id: EntryId,
    /// The entry's bytes.
    pub leaf: Vec<u8>,
    /// Its index in the log.
    pub seq: Option<i64>,
}

/// One entry.
pub async fn entry(tx: &mut Tx, id: EntryId) -> Result<Option<Placed>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select e.id, e.leaf, l.seq as "seq?" from audit_entry e
           left join audit_leaf l on l.tenant_id = e.tenant_id and l.entry_id = e.id
           where e.tenant_id = $1 and e.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Placed { id: EntryId::from_uuid(row.id), leaf: row.leaf, seq: row.seq }))
}

/// How many entries of all tenants wait for their place, counted up to [`BACKLOG_ROWS_MAX`], and when the oldest of
/// them was made.
pub async fn backlog(tx: &mut SystemTx) -> Result<(i64, Option<Timestamp>), StoreError> {
    let (waiting, oldest): (i64, Option<Uuid>) = sqlx::query_as(
        "with w as (select entry_id from audit_queue limit $1) \
         select (select count(*) from w), (select entry_id from w order by entry_id limit 1)",
    )
    .bind(BACKLOG_ROWS_MAX)
    .fetch_one(tx.connection())
    .await?;
    // An entry's id is a UUIDv7, which begins with its time.
    let made = oldest.and_then(|id| id.get_timestamp()).map(|at| {
        let (seconds, nanos) = at.to_unix();
        let micros = seconds.saturating_mul(1_000_000).saturating_add(u64::from(nanos / 1_000));
        Timestamp::from_unix_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    });
    Ok((waiting, made))
}

/// Waiting entries that are counted; beyond it the number says only "very many".
pub const BACKLOG_ROWS_MAX: i64 = 1_000_000;
