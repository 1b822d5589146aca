//! Evidence packs: which part of the log each of them is; and what the log holds of a period.

use gates::{SystemTx, Tx, WriteTx};
use kernel::{EntryId, EvidencePackId, TenantId, Timestamp};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::StoreError;
use crate::agents::Maker;
use crate::audit::Signed;
use crate::policies::PiiPolicy;

/// A pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Its id.
    pub id: EvidencePackId,
    /// The key of its framework.
    pub framework: String,
    /// Whether it holds every entry of its range.
    pub everything: bool,
    /// What made it: the form of its files and the control map.
    pub maker: String,
    /// What the organization was called.
    pub organization_name: String,
    /// The beginning of the period, inclusive.
    pub from: Timestamp,
    /// Its end, exclusive.
    pub to: Timestamp,
    /// The epoch of the log that its checkpoint is of.
    pub epoch: i16,
    /// Entries that the checkpoint covers.
    pub log_size: i64,
    /// Index of the first entry of its range.
    pub first: i64,
    /// Index after the last one.
    pub end: i64,
    /// Entries it holds.
    pub included: i64,
    /// Entries of which it holds the hash alone.
    pub held_back: i64,
    /// How many entries speak to each control.
    pub controls: Value,
    /// SHA-256 of its manifest.
    pub manifest_sha256: Vec<u8>,
    /// The detached signature over its manifest.
    pub jws: String,
    /// When it existed by the clock of a time-stamping authority, whose answer is kept.
    pub timestamped_at: Option<Timestamp>,
    /// Why the authority that was asked gave no answer of use, in a word.
    pub timestamp_failure: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it: a kind and an id.
    pub created_by: String,
}

macro_rules! pack {
    ($row:expr) => {
        Pack {
            id: EvidencePackId::from_uuid($row.id),
            framework: $row.framework,
            everything: $row.everything,
            maker: $row.maker,
            organization_name: $row.organization_name,
            from: $row.period_from.into(),
            to: $row.period_to.into(),
            epoch: $row.epoch,
            log_size: $row.log_size,
            first: $row.range_first,
            end: $row.range_end,
            included: $row.included,
            held_back: $row.held_back,
            controls: $row.controls,
            manifest_sha256: $row.manifest_sha256,
            jws: $row.jws,
            timestamped_at: $row.timestamped_at.map(Timestamp::from),
            timestamp_failure: $row.timestamp_failure,
            created_at: $row.created_at.into(),
            created_by: $row.created_by,
        }
    };
}

/// Keeps a pack, with what a time-stamping authority answered about it.
pub async fn create(tx: &mut WriteTx, pack: &Pack, token: Option<&[u8]>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into evidence_pack (tenant_id, id, framework, everything, maker, organization_name, period_from, \
         period_to, epoch, log_size, range_first, range_end, included, held_back, controls, manifest_sha256, jws, \
         created_at, created_by, timestamp_token, timestamped_at, timestamp_failure) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        tenant,
        pack.id.uuid(),
        pack.framework,
        pack.everything,
        pack.maker,
        pack.organization_name,
        OffsetDateTime::from(pack.from),
        OffsetDateTime::from(pack.to),
        pack.epoch,
        pack.log_size,
        pack.first,
        pack.end,
        pack.included,
        pack.held_back,
        pack.controls,
        pack.manifest_sha256,
        pack.jws,
        OffsetDateTime::from(pack.created_at),
        pack.created_by,
        token,
        pack.timestamped_at.map(OffsetDateTime::from),
        pack.timestamp_failure
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The packs before `before`, newest first.
pub async fn list(tx: &mut Tx, before: Option<EvidencePackId>, rows: i64) -> Result<Vec<Pack>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, framework, everything, maker, organization_name, period_from, period_to, epoch, log_size, \
         range_first, range_end, included, held_back, controls, manifest_sha256, jws, created_at, created_by, \
         timestamped_at, timestamp_failure \
         from evidence_pack where tenant_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
        tenant,
        before.map(EvidencePackId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| pack!(row)).collect())
}

/// How many packs there are.
pub async fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(r#"select count(*) as "count!" from evidence_pack where tenant_id = $1"#, tenant)
        .fetch_one(tx.connection())
        .await?;
    Ok(row.count)
}

/// One pack.
pub async fn read(tx: &mut Tx, id: EvidencePackId) -> Result<Option<Pack>, StoreError> {
    let tenant = tx.tenant();
    read_pack(tx.connection(), tenant, id).await
}

/// One pack, as the system sees it: for whoever holds a link to it.
pub async fn find(
    tx: &mut SystemTx,
    tenant: TenantId,
    id: EvidencePackId,
) -> Result<Option<Pack>, StoreError> {
    read_pack(tx.connection(), tenant, id).await
}

async fn read_pack(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: EvidencePackId,
) -> Result<Option<Pack>, StoreError> {
    let row = sqlx::query!(
        "select id, framework, everything, maker, organization_name, period_from, period_to, epoch, log_size, \
         range_first, range_end, included, held_back, controls, manifest_sha256, jws, created_at, created_by, \
         timestamped_at, timestamp_failure \
         from evidence_pack where tenant_id = $1 and id = $2",
        tenant.uuid(),
        id.uuid()
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| pack!(row)))
}

/// Forgets a pack. False when there is none.
pub async fn delete(tx: &mut WriteTx, id: EvidencePackId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!("delete from evidence_pack where tenant_id = $1 and id = $2", tenant, id.uuid())
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// How many entries of each kind were made in a period.
pub async fn kinds(
    tx: &mut Tx,
    from: EntryId,
    to: EntryId,
    rows: i64,
) -> Result<Vec<(String, i64)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select kind, count(*) as "count!" from audit_entry where tenant_id = $1 and id >= $2 and id < $3
           group by kind order by kind limit $4"#,
        tenant,
        from.uuid(),
        to.uuid(),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| (row.kind, row.count)).collect())
}

/// The part of the first `size` entries of the log that the entries of a period stand in: the index of the first, and the
/// one after the last. `None` when there is no such entry.
pub async fn range(
    tx: &mut Tx,
    from: EntryId,
    to: EntryId,
    size: i64,
) -> Result<Option<(i64, i64)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select min(l.seq) as first, max(l.seq) as last from audit_leaf l \
         where l.tenant_id = $1 and l.entry_id >= $2 and l.entry_id < $3 and l.seq < $4",
        tenant,
        from.uuid(),
        to.uuid(),
        size
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.first.zip(row.last).map(|(first, last)| (first, last + 1)))
}

/// The newest entry there is.
pub async fn newest_entry(tx: &mut Tx) -> Result<Option<EntryId>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row =
        sqlx::query!("select id from audit_entry where tenant_id = $1 order by id desc limit 1", tenant)
            .fetch_optional(tx.connection())
            .await?;
    Ok(row.map(|row| EntryId::from_uuid(row.id)))
}

/// Whose connection reads what a pack is made of.
pub enum Reader<'a> {
    /// The tenant's own.
    Tenant(&'a mut Tx),
    /// The system's, for whoever holds a link.
    System(&'a mut SystemTx, TenantId),
}

impl Reader<'_> {
    /// The same reader, lent on.
    pub fn lend(&mut self) -> Reader<'_> {
        match self {
            Self::Tenant(tx) => Reader::Tenant(tx),
            Self::System(tx, tenant) => Reader::System(tx, *tenant),
        }
    }

    fn connection(&mut self) -> (&mut PgConnection, TenantId) {
        match self {
            Self::Tenant(tx) => {
                let tenant = tx.tenant();
                (tx.connection(), tenant)
            }
            Self::System(tx, tenant) => (tx.connection(), *tenant),
        }
    }

    /// What a time-stamping authority answered about a pack, as it came.
    pub async fn timestamp_token(&mut self, id: EvidencePackId) -> Result<Option<Vec<u8>>, StoreError> {
        let (connection, tenant) = self.connection();
        let row = sqlx::query!(
            "select timestamp_token from evidence_pack where tenant_id = $1 and id = $2",
            tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(connection)
        .await?;
        Ok(row.and_then(|row| row.timestamp_token))
    }

    /// Entries in the order of the log, from index `from` on, as the bytes that were hashed.
    pub async fn leaves(&mut self, from: i64, rows: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        let (connection, tenant) = self.connection();
        crate::audit::read_leaves(connection, tenant, from, rows).await
    }

    /// Entries below this index of the log are in an archive.
    pub async fn archived(&mut self) -> Result<i64, StoreError> {
        let (connection, tenant) = self.connection();
        let row = sqlx::query!(
            r#"select coalesce(max(size), 0) as "size!" from audit_archive where tenant_id = $1"#,
            tenant.uuid()
        )
        .fetch_one(connection)
        .await?;
        Ok(row.size)
    }

    /// The checkpoint of an epoch at this size, with the key that verifies it.
    pub async fn checkpoint(&mut self, epoch: i16, size: i64) -> Result<Option<Signed>, StoreError> {
        let (connection, tenant) = self.connection();
        let row = sqlx::query!(
            "select c.epoch, c.size, c.note, c.signed_at, l.origin, l.public_key from audit_checkpoint c \
             join audit_log l on l.tenant_id = c.tenant_id and l.epoch = c.epoch \
             where c.tenant_id = $1 and c.epoch = $2 and c.size = $3",
            tenant.uuid(),
            epoch,
            size
        )
        .fetch_optional(connection)
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

    /// Versions of the policy that came into force before `before`, oldest first.
    pub async fn policies(&mut self, before: Timestamp, rows: i64) -> Result<Vec<PiiPolicy>, StoreError> {
        let (connection, tenant) = self.connection();
        let found = sqlx::query!(
            "select version, document, created_at, made_by_account, made_by_key, hash from pii_policy \
             where tenant_id = $1 and created_at < $2 order by version limit $3",
            tenant.uuid(),
            OffsetDateTime::from(before),
            rows
        )
        .fetch_all(connection)
        .await?;
        let version = |version, document, created_at: OffsetDateTime, by, hash: Option<Vec<u8>>| PiiPolicy {
            version,
            document,
            created_at: created_at.into(),
            by,
            hash: hash.and_then(|hash| hash.try_into().ok()),
        };
        Ok(found
            .into_iter()
            .map(|row| {
                let by = Maker::of(row.made_by_account, row.made_by_key);
                version(row.version, row.document, row.created_at, by, row.hash)
            })
            .collect())
    }
}
