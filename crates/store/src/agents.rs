//! AI agents.

use gates::{Clean, SystemTx, Tx, WriteTx};
use kernel::{AgentId, ProjectId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::StoreError;

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The project it works in.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Since when it is suspended.
    pub suspended_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The organization's agents after `after`, by id.
pub async fn list(tx: &mut Tx, after: Option<AgentId>, rows: i64) -> Result<Vec<Agent>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, project_id, name, description, suspended_at, created_at from agent \
         where tenant_id = $1 and ($2::uuid is null or id > $2) order by id limit $3",
        tenant,
        after.map(AgentId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Agent {
            id: AgentId::from_uuid(row.id),
            project: ProjectId::from_uuid(row.project_id),
            name: row.name,
            description: row.description,
            suspended_at: row.suspended_at.map(Timestamp::from),
            created_at: row.created_at.into(),
        })
        .collect())
}

/// What a new agent is.
pub struct NewAgent<'a> {
    /// Its id.
    pub id: AgentId,
    /// The project it works in.
    pub project: ProjectId,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// Now.
    pub at: Timestamp,
}

/// Makes an agent.
pub async fn create(
    tx: &mut WriteTx,
    id: AgentId,
    project: ProjectId,
    name: &Clean<String>,
    description: &Clean<String>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let new = NewAgent { id, project, name: name.get(), description: description.get(), at };
    insert(tx.connection(), tenant, &new).await
}

/// Makes an organization's first agent, at set-up.
pub async fn create_first(tx: &mut SystemTx, tenant: TenantId, new: &NewAgent<'_>) -> Result<(), StoreError> {
    insert(tx.connection(), tenant, new).await
}

async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &NewAgent<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into agent (tenant_id, id, project_id, name, description, created_at) values ($1, $2, $3, $4, $5, $6)",
        tenant.uuid(),
        new.id.uuid(),
        new.project.uuid(),
        new.name,
        new.description,
        OffsetDateTime::from(new.at)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Suspends an agent, or lets it work again with `None`. False when there is no such agent.
pub async fn set_suspended(
    tx: &mut WriteTx,
    id: AgentId,
    since: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update agent set suspended_at = $3 where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
        since.map(OffsetDateTime::from)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
