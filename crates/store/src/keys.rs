//! API keys: what is kept of them, never the keys.

use crypto::KeyHash;
use gates::{SystemTx, Tx, WriteTx};
use kernel::{AgentId, KeyId, ProjectId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::StoreError;

/// A key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// The project it is bound to.
    pub project: ProjectId,
    /// The agent it makes its holder; without one its holder is a service.
    pub agent: Option<AgentId>,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Its capability set, when it narrows the role.
    pub capabilities: Option<Vec<String>>,
    /// Its first characters.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that replaced it.
    pub replaced_by: Option<KeyId>,
    /// When it was last used, to the minute, as far as is known.
    pub last_used_at: Option<Timestamp>,
}

/// What a new key is.
pub struct NewKey<'a> {
    /// Its id.
    pub id: KeyId,
    /// The project it is bound to.
    pub project: ProjectId,
    /// The agent it makes its holder.
    pub agent: Option<AgentId>,
    /// Its name, after gate four.
    pub name: &'a str,
    /// Its role.
    pub role: &'a str,
    /// Its capability set.
    pub capabilities: Option<&'a [String]>,
    /// Its first characters.
    pub hint: &'a str,
    /// Its SHA-256.
    pub hash: KeyHash,
    /// Now.
    pub at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
}

macro_rules! key {
    ($row:expr) => {
        Key {
            id: KeyId::from_uuid($row.id),
            project: ProjectId::from_uuid($row.project_id),
            agent: $row.agent_id.map(AgentId::from_uuid),
            name: $row.name,
            role: $row.role,
            capabilities: $row.capabilities,
            hint: $row.hint,
            created_at: $row.created_at.into(),
            expires_at: $row.expires_at.map(Timestamp::from),
            revoked_at: $row.revoked_at.map(Timestamp::from),
            replaced_by: $row.replaced_by.map(KeyId::from_uuid),
            last_used_at: $row.last_used_at.map(Timestamp::from),
        }
    };
}

/// The keys after `after`, by id: the organization's, or those of the project that the credential is bound to.
pub async fn list(tx: &mut Tx, after: Option<KeyId>, rows: i64) -> Result<Vec<Key>, StoreError> {
    let (tenant, project) = (tx.tenant().uuid(), tx.project().map(ProjectId::uuid));
    let found = sqlx::query!(
        r#"select k.id, k.project_id, k.agent_id, k.name, k.role, k.capabilities, k.hint, k.created_at, k.expires_at,
               k.revoked_at, k.replaced_by, s.at as "last_used_at?"
           from api_key k left join api_key_seen s on s.tenant_id = k.tenant_id and s.key_id = k.id
           where k.tenant_id = $1 and ($2::uuid is null or k.id > $2) and ($4::uuid is null or k.project_id = $4)
           order by k.id limit $3"#,
        tenant,
        after.map(KeyId::uuid),
        rows,
        project
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| key!(row)).collect())
}

/// Keys that still work and stop by themselves before `until`, the most urgent first; without those that have a successor
/// already.
pub async fn expiring(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    rows: i64,
) -> Result<Vec<Key>, StoreError> {
    let (tenant, project) = (tx.tenant().uuid(), tx.project().map(ProjectId::uuid));
    let found = sqlx::query!(
        r#"select k.id, k.project_id, k.agent_id, k.name, k.role, k.capabilities, k.hint, k.created_at, k.expires_at,
               k.revoked_at, k.replaced_by, s.at as "last_used_at?"
           from api_key k left join api_key_seen s on s.tenant_id = k.tenant_id and s.key_id = k.id
           where k.tenant_id = $1 and k.revoked_at is null and k.replaced_by is null
             and k.expires_at > $2 and k.expires_at <= $3 and ($5::uuid is null or k.project_id = $5)
           order by k.expires_at limit $4"#,
        tenant,
        OffsetDateTime::from(now),
        OffsetDateTime::from(until),
        rows,
        project
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| key!(row)).collect())
}

/// One key that the credential reaches, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, id: KeyId) -> Result<Option<Key>, StoreError> {
    let (tenant, project) = (tx.tenant().uuid(), tx.project().map(ProjectId::uuid));
    let row = sqlx::query!(
        r#"select k.id, k.project_id, k.agent_id, k.name, k.role, k.capabilities, k.hint, k.created_at, k.expires_at,
               k.revoked_at, k.replaced_by, s.at as "last_used_at?"
           from api_key k left join api_key_seen s on s.tenant_id = k.tenant_id and s.key_id = k.id
           where k.tenant_id = $1 and k.id = $2 and ($3::uuid is null or k.project_id = $3) for update of k"#,
        tenant,
        id.uuid(),
        project
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| key!(row)))
}

/// Keeps a new key.
pub async fn create(tx: &mut WriteTx, new: &NewKey<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    insert(tx.connection(), tenant, new).await
}

/// Keeps an organization's first keys, at set-up.
pub async fn create_first(tx: &mut SystemTx, tenant: TenantId, new: &NewKey<'_>) -> Result<(), StoreError> {
    insert(tx.connection(), tenant, new).await
}

async fn insert(connection: &mut PgConnection, tenant: TenantId, new: &NewKey<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into api_key (tenant_id, id, project_id, agent_id, name, role, capabilities, hint, hash, created_at, \
         expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        tenant.uuid(),
        new.id.uuid(),
        new.project.uuid(),
        new.agent.map(AgentId::uuid),
        new.name,
        new.role,
        new.capabilities,
        new.hint,
        new.hash.as_bytes().as_slice(),
        OffsetDateTime::from(new.at),
        new.expires_at.map(OffsetDateTime::from)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Revokes a key from `at` on. False when there is no such live key that the credential reaches.
pub async fn revoke(tx: &mut WriteTx, id: KeyId, at: Timestamp) -> Result<bool, StoreError> {
    let (tenant, project) = (tx.tenant().uuid(), tx.project().map(ProjectId::uuid));
    let done = sqlx::query!(
        "update api_key set revoked_at = $3 where tenant_id = $1 and id = $2 and revoked_at is null \
         and ($4::uuid is null or project_id = $4)",
        tenant,
        id.uuid(),
        OffsetDateTime::from(at),
        project
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Names the successor of a key and says until when the old one still works.
pub async fn replace(tx: &mut WriteTx, old: KeyId, new: KeyId, until: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update api_key set replaced_by = $3, expires_at = least(coalesce(expires_at, 'infinity'), $4) \
         where tenant_id = $1 and id = $2",
        tenant,
        old.uuid(),
        new.uuid(),
        OffsetDateTime::from(until)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
