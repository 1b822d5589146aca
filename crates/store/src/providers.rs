//! LLM providers and their sealed keys.

use gates::{Clean, Tx, WriteTx};
use kernel::{ProviderId, Timestamp};
use time::OffsetDateTime;

use crate::StoreError;

/// The table and column of the sealed key, which are part of what the seal is bound to.
pub const KEY_PLACE: (&str, &str) = ("provider", "key_sealed");

/// A configured provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its name, unique in the organization; the prefix in `name/model`.
    pub name: String,
    /// Where it is, up to and without `/chat/completions`.
    pub base_url: String,
    /// The models it serves, as callers name them.
    pub models: Vec<String>,
    /// Its key, sealed.
    pub key_sealed: Option<Vec<u8>>,
    /// When it was configured.
    pub created_at: Timestamp,
}

/// The organization's providers, by id. Few by nature, so the list is whole.
pub async fn list(tx: &mut Tx, rows: i64) -> Result<Vec<Provider>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, name, base_url, models, key_sealed, created_at from provider \
         where tenant_id = $1 order by id limit $2",
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Provider {
            id: ProviderId::from_uuid(row.id),
            name: row.name,
            base_url: row.base_url,
            models: row.models,
            key_sealed: row.key_sealed,
            created_at: row.created_at.into(),
        })
        .collect())
}

/// What a new provider is.
pub struct NewProvider<'a> {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: &'a Clean<String>,
    /// Where it is: an address that was parsed and checked, not free text.
    pub base_url: &'a str,
    /// The models it serves.
    pub models: &'a [String],
    /// Its key, sealed.
    pub key_sealed: Option<&'a [u8]>,
    /// Now.
    pub at: Timestamp,
}

/// Keeps a provider.
pub async fn create(tx: &mut WriteTx, new: &NewProvider<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into provider (tenant_id, id, name, base_url, models, key_sealed, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        new.id.uuid(),
        new.name.get(),
        new.base_url,
        new.models,
        new.key_sealed,
        OffsetDateTime::from(new.at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes a provider and its key. False when there is none of that id.
pub async fn delete(tx: &mut WriteTx, id: ProviderId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!("delete from provider where tenant_id = $1 and id = $2", tenant, id.uuid())
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected() == 1)
}
