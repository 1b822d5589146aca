//! Access tokens called back before their time.

use gates::WriteTx;
use kernel::Timestamp;
use time::OffsetDateTime;

use crate::StoreError;

/// Calls a token back, until it would have expired.
pub async fn revoke(tx: &mut WriteTx, id: &str, expires_at: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into revoked_token (tenant_id, id, expires_at) values ($1, $2, $3) on conflict do nothing",
        tenant,
        id,
        OffsetDateTime::from(expires_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
