//! Policy packs, the keys that are trusted with them, and which was in force when.

use std::collections::HashMap;

use gates::{Clean, Tx, WriteTx};
use kernel::{AccountId, PolicyKeyId, PolicyPackId, Timestamp};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// A key whose signature on packs counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyKey {
    /// Its id.
    pub id: PolicyKeyId,
    /// What it is called here.
    pub name: String,
    /// The public key, as C2SP signed notes write it.
    pub vkey: String,
    /// From when on it counts.
    pub not_before: Timestamp,
    /// Until when; without end when nothing is said.
    pub expires_at: Option<Timestamp>,
    /// When it was trusted.
    pub trusted_at: Timestamp,
    /// By whom.
    pub trusted_by: AccountId,
    /// When it was revoked, and by whom.
    pub revoked: Option<(Timestamp, AccountId)>,
}

/// The trusted keys, and those that were, newest first, at most `rows`.
pub async fn keys(tx: &mut Tx, rows: i64) -> Result<Vec<PolicyKey>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, name, vkey, not_before, expires_at, trusted_at, trusted_by, revoked_at, revoked_by \
         from policy_key where tenant_id = $1 order by id desc limit $2",
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| PolicyKey {
            id: PolicyKeyId::from_uuid(row.id),
            name: row.name,
            vkey: row.vkey,
            not_before: row.not_before.into(),
            expires_at: row.expires_at.map(Timestamp::from),
            trusted_at: row.trusted_at.into(),
            trusted_by: AccountId::from_uuid(row.trusted_by),
            revoked: row.revoked_at.zip(row.revoked_by).map(|(at, by)| (at.into(), AccountId::from_uuid(by))),
        })
        .collect())
}

/// A key to be trusted.
pub struct NewKey<'a> {
    /// Its id.
    pub id: PolicyKeyId,
    /// What it is called, after gate four.
    pub name: &'a Clean<String>,
    /// The public key.
    pub vkey: &'a str,
    /// From when on.
    pub not_before: Timestamp,
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// Now.
    pub at: Timestamp,
    /// Who trusts it.
    pub by: AccountId,
}

/// Trusts a key. [`StoreError::Taken`] when it is known here already, revoked or not.
pub async fn trust(tx: &mut WriteTx, new: &NewKey<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into policy_key (tenant_id, id, name, vkey, not_before, expires_at, trusted_at, trusted_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant,
        new.id.uuid(),
        new.name.get(),
        new.vkey,
        OffsetDateTime::from(new.not_before),
        new.expires_at.map(OffsetDateTime::from),
        OffsetDateTime::from(new.at),
        new.by.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Revokes a key. False when there is none of this id that is not revoked.
pub async fn revoke(
    tx: &mut WriteTx,
    id: PolicyKeyId,
    by: AccountId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update policy_key set revoked_at = $3, revoked_by = $4 \
         where tenant_id = $1 and id = $2 and revoked_at is null",
        tenant,
        id.uuid(),
        OffsetDateTime::from(at),
        by.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A pack, without its document.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyPack {
    /// Its id.
    pub id: PolicyPackId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// The same for people.
    pub label: Option<String>,
    /// `forbid` or `permit`.
    pub mode: String,
    /// How many policies it has.
    pub policies: i32,
    /// After which it cannot come into force.
    pub expires_at: Option<Timestamp>,
    /// The hash of its document.
    pub sha256: Vec<u8>,
    /// The key that signed it.
    pub key: PolicyKeyId,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
    /// What was tried last with it.
    pub tried: Option<Tried>,
}

/// What a dry run showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// What it showed.
    pub report: Value,
    /// The hash of that.
    pub sha256: Vec<u8>,
    /// When.
    pub at: Timestamp,
    /// Over which turn; none when no pack was ever in force.
    pub over: Option<i64>,
}

macro_rules! pack {
    ($row:expr) => {
        PolicyPack {
            id: PolicyPackId::from_uuid($row.id),
            name: $row.name,
            version: $row.version,
            label: $row.label,
            mode: $row.mode,
            policies: $row.policies,
            expires_at: $row.expires_at.map(Timestamp::from),
            sha256: $row.sha256,
            key: PolicyKeyId::from_uuid($row.key_id),
            uploaded_at: $row.uploaded_at.into(),
            tried: match ($row.dry_run, $row.dry_run_sha256, $row.dry_run_at) {
                (Some(report), Some(sha256), Some(at)) => {
                    Some(Tried { report, sha256, at: at.into(), over: $row.dry_run_over })
                }
                _ => None,
            },
        }
    };
}

/// The packs, newest first, at most `rows`.
pub async fn list(tx: &mut Tx, rows: i64) -> Result<Vec<PolicyPack>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, name, version, label, mode, policies, expires_at, sha256, key_id, uploaded_at, dry_run, \
             dry_run_sha256, dry_run_at, dry_run_over \
         from policy_pack where tenant_id = $1 order by id desc limit $2",
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| pack!(row)).collect())
}

/// One pack.
pub async fn read(tx: &mut Tx, id: PolicyPackId) -> Result<Option<PolicyPack>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select id, name, version, label, mode, policies, expires_at, sha256, key_id, uploaded_at, dry_run, \
             dry_run_sha256, dry_run_at, dry_run_over \
         from policy_pack where tenant_id = $1 and id = $2",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| pack!(row)))
}

/// A pack's document and its signature, as they were uploaded.
pub async fn document(tx: &mut Tx, id: PolicyPackId) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select document, signature from policy_pack where tenant_id = $1 and id = $2",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| (row.document, row.signature)))
}

/// A pack to be kept.
pub struct NewPack<'a> {
    /// Its id.
    pub id: PolicyPackId,
    /// What it says about itself.
    pub name: &'a str,
    /// Its version.
    pub version: i64,
    /// The same for people.
    pub label: Option<&'a str>,
    /// `forbid` or `permit`.
    pub mode: &'a str,
    /// How many policies it has.
    pub policies: i32,
    /// After which it cannot come into force.
    pub expires_at: Option<Timestamp>,
    /// Its document.
    pub document: &'a [u8],
    /// The hash of that.
    pub sha256: &'a [u8],
    /// Its signature.
    pub signature: &'a str,
    /// The key that made it.
    pub key: PolicyKeyId,
    /// Now.
    pub at: Timestamp,
}

/// Keeps a pack. [`StoreError::Taken`] when its very document is here already.
pub async fn put(tx: &mut WriteTx, new: &NewPack<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into policy_pack (tenant_id, id, name, version, label, mode, policies, expires_at, document, sha256, \
             signature, key_id, uploaded_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant,
        new.id.uuid(),
        new.name,
        new.version,
        new.label,
        new.mode,
        new.policies,
        new.expires_at.map(OffsetDateTime::from),
        new.document,
        new.sha256,
        new.signature,
        new.key.uuid(),
        OffsetDateTime::from(new.at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Keeps what a dry run showed.
pub async fn tried(tx: &mut WriteTx, id: PolicyPackId, tried: &Tried) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update policy_pack set dry_run = $3, dry_run_sha256 = $4, dry_run_at = $5, dry_run_over = $6 \
         where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
        tried.report,
        tried.sha256,
        OffsetDateTime::from(tried.at),
        tried.over
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// One turn of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its number, from 1.
    pub seq: i64,
    /// The pack in force since; `None` when none is.
    pub pack: Option<PolicyPackId>,
    /// The turn that going back leads to.
    pub below: Option<i64>,
    /// `activate` or `roll_back`.
    pub way: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
}

macro_rules! turn {
    ($row:expr) => {
        Turn {
            seq: $row.seq,
            pack: $row.pack_id.map(PolicyPackId::from_uuid),
            below: $row.below,
            way: $row.way,
            at: $row.turned_at.into(),
            by: AccountId::from_uuid($row.turned_by),
        }
    };
}

/// The turns, newest first, at most `rows`.
pub async fn turns(tx: &mut Tx, rows: i64) -> Result<Vec<Turn>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select seq, pack_id, below, way, turned_at, turned_by from policy_turn where tenant_id = $1 \
         order by seq desc limit $2",
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| turn!(row)).collect())
}

/// One turn.
pub async fn turn(tx: &mut Tx, seq: i64) -> Result<Option<Turn>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select seq, pack_id, below, way, turned_at, turned_by from policy_turn where tenant_id = $1 and seq = $2",
        tenant,
        seq
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| turn!(row)))
}

/// The highest version of packs of this name that was ever in force.
pub async fn highest(tx: &mut Tx, name: &str) -> Result<Option<i64>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select max(p.version) as version from policy_turn t \
         join policy_pack p on p.tenant_id = t.tenant_id and p.id = t.pack_id \
         where t.tenant_id = $1 and p.name = $2",
        tenant,
        name
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.version)
}

/// Makes a turn. Two at once: one is [`StoreError::Taken`].
pub async fn make_turn(tx: &mut WriteTx, turn: &Turn) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into policy_turn (tenant_id, seq, pack_id, below, way, turned_at, turned_by) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        turn.seq,
        turn.pack.map(PolicyPackId::uuid),
        turn.below,
        turn.way,
        OffsetDateTime::from(turn.at),
        turn.by.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The leaves of the newest entries, at most `rows`.
pub async fn recorded(tx: &mut Tx, rows: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select leaf from audit_entry where tenant_id = $1 order by id desc limit $2",
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| row.leaf).collect())
}

/// What is known today of those who stand in the log.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// Of people, by account: their role, and whether they own the organization.
    pub people: HashMap<Uuid, (String, bool)>,
    /// Of keys, by id.
    pub keys: HashMap<Uuid, String>,
}

/// The roles that people and keys have today.
pub async fn roles(tx: &mut Tx) -> Result<Roles, StoreError> {
    let tenant = tx.tenant().uuid();
    let people = sqlx::query!(
        "select account_id, role, owner from member where tenant_id = $1 and ended_at is null",
        tenant
    )
    .fetch_all(tx.connection())
    .await?;
    let keys = sqlx::query!("select id, role from api_key where tenant_id = $1", tenant)
        .fetch_all(tx.connection())
        .await?;
    Ok(Roles {
        people: people.into_iter().map(|row| (row.account_id, (row.role, row.owner))).collect(),
        keys: keys.into_iter().map(|row| (row.id, row.role)).collect(),
    })
}
