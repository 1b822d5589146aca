//! What is sealed under `ENCRYPTION_KEY`, wherever it stands, so that it can be sealed anew when that key is changed.

use gates::SystemTx;
use kernel::TenantId;
use sqlx::Row as _;
use uuid::Uuid;

use crate::StoreError;

/// A column that holds values under the instance's key. What lies under a key of its own (of a person, of an organization)
/// is none: the key is.
#[derive(Debug, Clone, Copy)]
pub struct SealedColumn {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub column: &'static str,
    count: &'static str,
    elsewhere: &'static str,
    tenants: &'static str,
    list: &'static str,
    replace: &'static str,
}

/// A value that is not sealed with the key of now.
#[derive(Debug)]
pub struct Stale {
    /// The row, as the seal names it.
    pub row: String,
    /// The value as it stands there.
    pub sealed: Vec<u8>,
}

/// The condition that a value begins otherwise than those under the key of now.
macro_rules! stale {
    ($column:literal) => {
        concat!($column, " is not null and substr(", $column, ", 1, length($1)) <> $1")
    };
}

/// `$key` identifies a row and stands in an index; `$row` is how the seal names it; `$cast` makes the former of the latter.
macro_rules! sealed {
    ($tenant:literal, $table:literal, $column:literal, $key:literal, $cast:literal, $row:literal) => {
        sealed!(
            $tenant,
            $table,
            $column,
            $key,
            $cast,
            $row,
            concat!(
                "update ",
                $table,
                " set ",
                $column,
                " = $4 where (",
                $tenant,
                ") is not distinct from $1 and ",
                $row,
                " = $2 and ",
                $column,
                " = $3 returning true"
            )
        )
    };
    ($tenant:literal, $table:literal, $column:literal, $key:literal, $cast:literal, $row:literal,
     $replace:expr) => {
        SealedColumn {
            table: $table,
            column: $column,
            count: concat!("select count(*) from ", $table, " where ", stale!($column)),
            elsewhere: concat!(
                "select count(*) from ",
                $table,
                " where ",
                stale!($column),
                " and substr(",
                $column,
                ", 1, 1) = substr($1, 1, 1)"
            ),
            tenants: concat!("select distinct ", $tenant, " from ", $table, " where ", stale!($column)),
            list: concat!(
                "select ",
                $row,
                " as row, ",
                $column,
                " as sealed from ",
                $table,
                " where ",
                stale!($column),
                " and (",
                $tenant,
                ") is not distinct from $2 and ($3::text is null or ",
                $key,
                " > ",
                $cast,
                ") order by ",
                $key,
                " limit $4"
            ),
            replace: $replace,
        }
    };
}

/// Every such column. The canary, by which a server knows its database's key, comes last: while it is under the old one, no
/// server starts with the new one alone.
pub const SEALED_COLUMNS: [SealedColumn; 11] = [
    sealed!("tenant_id", "provider", "key_sealed", "id", "$3::text::uuid", "id::text"),
    sealed!("tenant_id", "webhook_endpoint", "secret_sealed", "id", "$3::text::uuid", "id::text"),
    sealed!("tenant_id", "webhook_endpoint", "old_secret_sealed", "id", "$3::text::uuid", "id::text"),
    sealed!("tenant_id", "subject_key", "sealed", "id", "$3::text::uuid", "id::text"),
    sealed!("tenant_id", "data_key", "sealed", "id", "$3::text::uuid", "id::text"),
    // As `seed_row` of the log's signing names it.
    sealed!(
        "tenant_id",
        "audit_log",
        "seed_sealed",
        "epoch",
        "coalesce(nullif(split_part($3::text, '/', 2), ''), '0')::smallint",
        "(tenant_id::text || case when epoch = 0 then '' else '/' || epoch end)",
        "select true where gate.reseal_log($1, coalesce(nullif(split_part($2::text, '/', 2), ''), '0')::smallint, $3, $4)"
    ),
    sealed!("null::uuid", "key_ring", "sealed", "id", "$3::text", "id"),
    sealed!("null::uuid", "mail_outbox", "to_sealed", "id", "$3::text::uuid", "id::text"),
    sealed!("null::uuid", "mail_outbox", "message_sealed", "id", "$3::text::uuid", "id::text"),
    sealed!(
        "null::uuid",
        "ceremony",
        "state_sealed",
        "hash",
        "decode($3::text, 'hex')",
        "encode(hash, 'hex')"
    ),
    sealed!("null::uuid", "instance", "canary", "id::text", "$3::text", "'instance'"),
];

impl SealedColumn {
    /// How many values are not sealed with the key of now, which begin with `header`.
    pub async fn count(&self, tx: &mut SystemTx, header: &[u8]) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(self.count).bind(header).fetch_one(tx.connection()).await?)
    }

    /// How many values say themselves that they lie under another key. Those from before ids of keys stood in them do not.
    pub async fn elsewhere(&self, tx: &mut SystemTx, header: &[u8]) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(self.elsewhere).bind(header).fetch_one(tx.connection()).await?)
    }

    /// The organizations that have such values; one `None` for those of the instance.
    pub async fn tenants(
        &self,
        tx: &mut SystemTx,
        header: &[u8],
    ) -> Result<Vec<Option<TenantId>>, StoreError> {
        let found: Vec<Option<Uuid>> =
            sqlx::query_scalar(self.tenants).bind(header).fetch_all(tx.connection()).await?;
        Ok(found.into_iter().map(|id| id.map(TenantId::from_uuid)).collect())
    }

    /// Such values of an organization, those after a row, at most `limit`.
    pub async fn stale(
        &self,
        tx: &mut SystemTx,
        header: &[u8],
        tenant: Option<TenantId>,
        (after, limit): (Option<&str>, i64),
    ) -> Result<Vec<Stale>, StoreError> {
        let rows = sqlx::query(self.list)
            .bind(header)
            .bind(tenant.map(TenantId::uuid))
            .bind(after)
            .bind(limit)
            .fetch_all(tx.connection())
            .await?;
        let stale = |row: &sqlx::postgres::PgRow| {
            Ok(Stale { row: row.try_get("row")?, sealed: row.try_get("sealed")? })
        };
        rows.iter().map(stale).collect()
    }

    /// Puts a value in the place of the one that was read. `false` when it changed meanwhile.
    pub async fn replace(
        &self,
        tx: &mut SystemTx,
        tenant: Option<TenantId>,
        was: &Stale,
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(self.replace)
            .bind(tenant.map(TenantId::uuid))
            .bind(&was.row)
            .bind(&was.sealed)
            .bind(sealed)
            .fetch_optional(tx.connection())
            .await?;
        Ok(done.is_some())
    }
}
