//! The data keys of organizations, as the operator sees them: when they were made, and how much stands under each.

use gates::SystemTx;
use kernel::{TenantId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// A data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKeyState {
    /// Its id.
    pub id: Uuid,
    /// Whether it seals; the others only open.
    pub is_current: bool,
    /// When it was made.
    pub made_at: Timestamp,
    /// How many values are sealed under it.
    pub values: i64,
    /// When the last of them expires; `None` when there are none.
    pub last_expires_at: Option<Timestamp>,
}

/// Retires the current key of an organization and puts a new one in its place. `false` when there is no such organization.
pub async fn rotate(
    tx: &mut SystemTx,
    tenant: TenantId,
    (id, sealed): (Uuid, &[u8]),
    at: Timestamp,
) -> Result<bool, StoreError> {
    let (tenant, at) = (tenant.uuid(), OffsetDateTime::from(at));
    sqlx::query!(
        "update data_key set state = 'retired', retired_at = $2 where tenant_id = $1 and state = 'current'",
        tenant,
        at
    )
    .execute(tx.connection())
    .await?;
    let made = sqlx::query!(
        "insert into data_key (tenant_id, id, state, sealed, made_at) \
         select o.tenant_id, $2, 'current', $3, $4 from organization o where o.tenant_id = $1",
        tenant,
        id,
        sealed,
        at
    )
    .execute(tx.connection())
    .await?;
    Ok(made.rows_affected() == 1)
}

/// The keys of an organization, newest first.
pub async fn list(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<DataKeyState>, StoreError> {
    let found = sqlx::query!(
        r#"select k.id, k.state = 'current' as "is_current!", k.made_at, count(t.token) as "values!",
               max(t.expires_at) as last_expires_at
           from data_key k left join pii_token t on t.tenant_id = k.tenant_id and t.key_id = k.id
           where k.tenant_id = $1 group by k.id, k.state, k.made_at order by k.made_at desc"#,
        tenant.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| DataKeyState {
            id: row.id,
            is_current: row.is_current,
            made_at: row.made_at.into(),
            values: row.values,
            last_expires_at: row.last_expires_at.map(Into::into),
        })
        .collect())
}
