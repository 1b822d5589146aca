//! Reading the audit log's tables as they lie there, for a verification that trusts none of them.
//!
//! The connection is the caller's: a superuser's, because only that login sees the rows of all tenants. Open it with
//! [`SESSION`], so that a login that row-level security binds gets an error instead of a log that looks empty.

use kernel::TenantId;
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// Settings of the session, as start-up options: one snapshot for the whole verification, nothing written, no row
/// silently left out.
pub const SESSION: [(&str, &str); 5] = [
    ("default_transaction_isolation", "repeatable read"),
    ("default_transaction_read_only", "on"),
    ("row_security", "off"),
    ("search_path", "portcullis,pg_temp"),
    ("statement_timeout", "0"),
];

/// What the tables say of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Whose log.
    pub tenant: TenantId,
    /// Its identities: origin and public key, the oldest epoch first; none when their rows are gone.
    pub identities: Vec<(String, Vec<u8>)>,
    /// Its tree: size, frontier and root; `None` when its row is gone.
    pub tree: Option<(i64, Vec<u8>, Vec<u8>)>,
}

/// A log's origins and keys, and its tree, each part absent when its row is gone.
type LogTuple = (Vec<String>, Vec<Vec<u8>>, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Every tenant of which any table of the audit log holds a row.
pub async fn tenants(conn: &mut PgConnection) -> Result<Vec<TenantId>, StoreError> {
    // One index probe per tenant in the large tables.
    let found: Vec<Uuid> = sqlx::query_scalar(
        "with recursive entry_tenant as ( \
             (select tenant_id from audit_entry order by tenant_id limit 1) union all \
             select (select e.tenant_id from audit_entry e where e.tenant_id > t.tenant_id \
                     order by e.tenant_id limit 1) from entry_tenant t where t.tenant_id is not null), \
         leaf_tenant as ( \
             (select tenant_id from audit_leaf order by tenant_id limit 1) union all \
             select (select e.tenant_id from audit_leaf e where e.tenant_id > t.tenant_id \
                     order by e.tenant_id limit 1) from leaf_tenant t where t.tenant_id is not null), \
         known as ( \
             select tenant_id from entry_tenant union select tenant_id from leaf_tenant union \
             select tenant_id from audit_log union select tenant_id from audit_tree union \
             select tenant_id from audit_checkpoint) \
         select tenant_id from known where tenant_id is not null order by tenant_id",
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(TenantId::from_uuid).collect())
}

/// What the tables say of one log.
pub async fn log(conn: &mut PgConnection, tenant: TenantId) -> Result<LogRow, StoreError> {
    let (origins, keys, size, frontier, root): LogTuple = sqlx::query_as(
        "select array(select l.origin from audit_log l where l.tenant_id = k.tenant_id order by l.epoch), \
                array(select l.public_key from audit_log l where l.tenant_id = k.tenant_id order by l.epoch), \
                t.size, t.frontier, t.root from (select $1::uuid as tenant_id) k \
         left join audit_tree t on t.tenant_id = k.tenant_id",
    )
    .bind(tenant.uuid())
    .fetch_one(conn)
    .await?;
    Ok(LogRow {
        tenant,
        identities: origins.into_iter().zip(keys).collect(),
        tree: size.zip(frontier).zip(root).map(|((size, frontier), root)| (size, frontier, root)),
    })
}

/// A row of the entry table.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EntryRow {
    /// The column `id`.
    pub id: Uuid,
    /// The column `at`.
    pub at: OffsetDateTime,
    /// The column `kind`.
    pub kind: String,
    /// The column `actor`.
    pub actor: String,
    /// The column `request_id`.
    pub request_id: String,
    /// The entry's bytes.
    pub leaf: Vec<u8>,
}

/// A place in the tree and the entry that belongs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRow {
    /// The index.
    pub seq: i64,
    /// The entry's id.
    pub entry: Uuid,
    /// Its hash as stored.
    pub hash: Vec<u8>,
    /// The entry; `None` when its row is gone.
    pub row: Option<EntryRow>,
}

#[derive(sqlx::FromRow)]
struct LeafTuple {
    seq: i64,
    entry_id: Uuid,
    hash: Vec<u8>,
    #[sqlx(flatten)]
    entry: OptionalEntry,
}

/// An entry's columns as an outer join gives them: all there or all absent.
#[derive(sqlx::FromRow)]
struct OptionalEntry {
    id: Option<Uuid>,
    at: Option<OffsetDateTime>,
    kind: Option<String>,
    actor: Option<String>,
    request_id: Option<String>,
    leaf: Option<Vec<u8>>,
}

impl OptionalEntry {
    fn entry(self) -> Option<EntryRow> {
        Some(EntryRow {
            id: self.id?,
            at: self.at?,
            kind: self.kind?,
            actor: self.actor?,
            request_id: self.request_id?,
            leaf: self.leaf?,
        })
    }
}

/// The next `rows` places of a log, from index `from` on, in order.
pub async fn leaves(
    conn: &mut PgConnection,
    tenant: TenantId,
    from: i64,
    rows: i64,
) -> Result<Vec<LeafRow>, StoreError> {
    let found: Vec<LeafTuple> = sqlx::query_as(
        "select l.seq, l.entry_id, l.hash, e.id, e.at, e.kind, e.actor, e.request_id, e.leaf \
         from (select seq, entry_id, hash from audit_leaf where tenant_id = $1 and seq >= $2 order by seq limit $3) l \
         left join audit_entry e on e.tenant_id = $1 and e.id = l.entry_id order by l.seq",
    )
    .bind(tenant.uuid())
    .bind(from)
    .bind(rows)
    .fetch_all(conn)
    .await?;
    Ok(found
        .into_iter()
        .map(|row| LeafRow { seq: row.seq, entry: row.entry_id, hash: row.hash, row: row.entry.entry() })
        .collect())
}

/// An entry that has no place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnplacedRow {
    /// Its id.
    pub id: Uuid,
    /// The entry, and the hash with which it waits; `None` for the entry when only the queue knows it.
    pub row: Option<EntryRow>,
    /// The hash with which it waits for its place; `None` when it does not wait.
    pub queued: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct UnplacedTuple {
    any_id: Uuid,
    queued: Option<Vec<u8>>,
    #[sqlx(flatten)]
    entry: OptionalEntry,
}

/// The next `rows` entries of a tenant after `after` that are in no leaf.
pub async fn unplaced(
    conn: &mut PgConnection,
    tenant: TenantId,
    after: Uuid,
    rows: i64,
) -> Result<Vec<UnplacedRow>, StoreError> {
    let found: Vec<UnplacedTuple> = sqlx::query_as(
        "select coalesce(e.id, q.entry_id) as any_id, q.leaf_hash as queued, \
                e.id, e.at, e.kind, e.actor, e.request_id, e.leaf \
         from (select * from audit_entry where tenant_id = $1) e \
         full join (select entry_id, leaf_hash from audit_queue where tenant_id = $1) q on q.entry_id = e.id \
         where coalesce(e.id, q.entry_id) > $2 \
           and not exists (select from audit_leaf l where l.tenant_id = $1 and l.entry_id = coalesce(e.id, q.entry_id)) \
         order by any_id limit $3",
    )
    .bind(tenant.uuid())
    .bind(after)
    .bind(rows)
    .fetch_all(conn)
    .await?;
    Ok(found
        .into_iter()
        .map(|row| UnplacedRow { id: row.any_id, queued: row.queued, row: row.entry.entry() })
        .collect())
}

/// A signed checkpoint as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CheckpointRow {
    /// The column `epoch`.
    pub epoch: i16,
    /// The column `size`.
    pub size: i64,
    /// The column `root`.
    pub root: Vec<u8>,
    /// The signed note.
    pub note: String,
}

/// The next `rows` checkpoints of a log after `above`, a size and an epoch; smallest first.
pub async fn checkpoints(
    conn: &mut PgConnection,
    tenant: TenantId,
    above: (i64, i16),
    rows: i64,
) -> Result<Vec<CheckpointRow>, StoreError> {
    Ok(sqlx::query_as(
        "select epoch, size, root, note from audit_checkpoint where tenant_id = $1 and (size, epoch) > ($2, $3) \
         order by size, epoch limit $4",
    )
    .bind(tenant.uuid())
    .bind(above.0)
    .bind(above.1)
    .bind(rows)
    .fetch_all(conn)
    .await?)
}

/// A stored hash tile; `None` when there is none.
pub async fn tile(
    conn: &mut PgConnection,
    tenant: TenantId,
    level: i16,
    index: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "select hashes from audit_tile where tenant_id = $1 and level = $2 and index = $3";
    Ok(sqlx::query_scalar(sql).bind(tenant.uuid()).bind(level).bind(index).fetch_optional(conn).await?)
}
