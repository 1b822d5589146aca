//! Projects.

use gates::{Clean, SystemTx, Tx, WriteTx};
use kernel::{ProjectId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::StoreError;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique in the organization.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The organization's projects after `after`, by id.
pub async fn list(tx: &mut Tx, after: Option<ProjectId>, rows: i64) -> Result<Vec<Project>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, name, created_at from project \
         where tenant_id = $1 and ($2::uuid is null or id > $2) order by id limit $3",
        tenant,
        after.map(ProjectId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Project {
            id: ProjectId::from_uuid(row.id),
            name: row.name,
            created_at: row.created_at.into(),
        })
        .collect())
}

/// Makes a project.
pub async fn create(
    tx: &mut WriteTx,
    id: ProjectId,
    name: &Clean<String>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    insert(tx.connection(), tenant, id, name.get(), at).await
}

/// Makes an organization's first project, at set-up.
pub async fn create_first(
    tx: &mut SystemTx,
    tenant: TenantId,
    id: ProjectId,
    name: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    insert(tx.connection(), tenant, id, name, at).await
}

async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ProjectId,
    name: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into project (tenant_id, id, name, created_at) values ($1, $2, $3, $4)",
        tenant.uuid(),
        id.uuid(),
        name,
        OffsetDateTime::from(at)
    )
    .execute(connection)
    .await?;
    Ok(())
}
