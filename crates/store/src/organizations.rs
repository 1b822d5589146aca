//! Organizations: the tenants themselves.

use gates::{SystemTx, Tx};
use kernel::{TenantId, Timestamp};
use time::OffsetDateTime;

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
