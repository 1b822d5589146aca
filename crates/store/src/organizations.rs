//! Organizations: the tenants themselves.

use gates::{Clean, SystemTx, Tx, WriteTx};
use kernel::{AgentId, ProjectId, TenantId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id, which is the tenant id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The caller's own organization.
pub async fn read(tx: &mut Tx) -> Result<Option<Organization>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row =
        sqlx::query!("select tenant_id, name, created_at from organization where tenant_id = $1", tenant)
            .fetch_optional(tx.connection())
            .await?;
    Ok(row.map(|row| Organization {
        id: TenantId::from_uuid(row.tenant_id),
        name: row.name,
        created_at: row.created_at.into(),
    }))
}

/// Gives the caller's own organization another name.
pub async fn rename(tx: &mut WriteTx, name: &Clean<String>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("update organization set name = $2 where tenant_id = $1", tenant, name.get())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Whether any organization exists. First-run set-up asks, under its lock.
pub async fn any(tx: &mut SystemTx) -> Result<bool, StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('portcullis.setup', 0)) is null as locked")
        .fetch_one(tx.connection())
        .await?;
    let row = sqlx::query!(r#"select exists (select from organization) as "any!""#)
        .fetch_one(tx.connection())
        .await?;
    Ok(row.any)
}

/// Makes an organization.
pub async fn create(tx: &mut SystemTx, id: TenantId, name: &str, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into organization (tenant_id, name, created_at) values ($1, $2, $3)",
        id.uuid(),
        name,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The organization that was made first, with its oldest project and agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    /// The organization's id and name.
    pub organization: (TenantId, String),
    /// Its oldest project.
    pub project: Option<(ProjectId, String)>,
    /// Its oldest agent.
    pub agent: Option<(AgentId, String)>,
}

/// The organization that was made first; `None` when there is none. For the operator on the machine itself.
pub async fn first(tx: &mut SystemTx) -> Result<Option<First>, StoreError> {
    let organization: Option<(Uuid, String)> =
        sqlx::query_as("select tenant_id, name from organization order by created_at, tenant_id limit 1")
            .fetch_optional(tx.connection())
            .await?;
    let Some((tenant, name)) = organization else { return Ok(None) };
    let project: Option<(Uuid, String)> =
        sqlx::query_as("select id, name from project where tenant_id = $1 order by created_at, id limit 1")
            .bind(tenant)
            .fetch_optional(tx.connection())
            .await?;
    let agent: Option<(Uuid, String)> =
        sqlx::query_as("select id, name from agent where tenant_id = $1 order by created_at, id limit 1")
            .bind(tenant)
            .fetch_optional(tx.connection())
            .await?;
    Ok(Some(First {
        organization: (TenantId::from_uuid(tenant), name),
        project: project.map(|(id, name)| (ProjectId::from_uuid(id), name)),
        agent: agent.map(|(id, name)| (AgentId::from_uuid(id), name)),
    }))
}
