//! Endpoints of webhooks: where an organization wants to be told of its events.

use gates::{Clean, Tx, WriteTx};
use kernel::{Timestamp, WebhookId};
use time::OffsetDateTime;

use crate::StoreError;

/// The table of the sealed secrets, which is part of what the seal is bound to.
pub const TABLE: &str = "webhook_endpoint";
/// The column of the secret in force.
pub const SECRET: &str = "secret_sealed";
/// The column of the secret before it.
pub const OLD_SECRET: &str = "old_secret_sealed";

/// Why an endpoint is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Somebody switched it off.
    Person,
    /// It answered 410: it is gone and wants nothing more.
    Gone,
    /// It did nothing but fail for too long.
    Failing,
    /// More deliveries waited for it than may.
    Backlog,
}

impl Because {
    const ALL: [Self; 4] = [Self::Person, Self::Gone, Self::Failing, Self::Backlog];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Backlog => "backlog",
        }
    }

    /// The reason of this name. The table holds these names only.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|because| because.name() == name).unwrap_or(Self::Person)
    }
}

/// An endpoint, with how it fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Names and patterns of the kinds of events it asked for.
    pub kinds: Vec<String>,
    /// When it was switched off, and why.
    pub disabled: Option<(Timestamp, Because)>,
    /// Until when the secret before the last rotation signs too.
    pub old_secret_until: Option<Timestamp>,
    /// When it was configured.
    pub created_at: Timestamp,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// Failures since the last success.
    pub failures: u32,
}

macro_rules! endpoint {
    ($row:expr) => {
        Endpoint {
            id: WebhookId::from_uuid($row.id),
            url: $row.url,
            description: $row.description,
            kinds: $row.kinds,
            disabled: $row
                .disabled_at
                .map(Timestamp::from)
                .zip($row.disabled_because.as_deref().map(Because::named)),
            old_secret_until: $row.old_secret_until.map(Timestamp::from),
            created_at: $row.created_at.into(),
            last_success_at: $row.last_success_at.map(Timestamp::from),
            last_failure_at: $row.last_failure_at.map(Timestamp::from),
            failures: $row.failures.and_then(|failures| u32::try_from(failures).ok()).unwrap_or(0),
        }
    };
}

/// The organization's endpoints, by id. Few by nature, so the list is whole.
pub async fn list(tx: &mut Tx, rows: i64) -> Result<Vec<Endpoint>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select w.id, w.url, w.description, w.kinds, w.disabled_at, w.disabled_because, w.old_secret_until,
           w.created_at, h.last_success_at as "last_success_at?", h.last_failure_at as "last_failure_at?",
           h.failures as "failures?"
           from webhook_endpoint w left join webhook_health h on h.tenant_id = w.tenant_id and h.endpoint_id = w.id
           where w.tenant_id = $1 order by w.id limit $2"#,
        tenant,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| endpoint!(row)).collect())
}

/// One endpoint.
pub async fn read(tx: &mut Tx, id: WebhookId) -> Result<Option<Endpoint>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select w.id, w.url, w.description, w.kinds, w.disabled_at, w.disabled_because, w.old_secret_until,
           w.created_at, h.last_success_at as "last_success_at?", h.last_failure_at as "last_failure_at?",
           h.failures as "failures?"
           from webhook_endpoint w left join webhook_health h on h.tenant_id = w.tenant_id and h.endpoint_id = w.id
           where w.tenant_id = $1 and w.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| endpoint!(row)))
}

/// How many endpoints the organization has. Those who ask while one is being made wait for it: without that, two requests at
/// once would both find room.
pub async fn count(tx: &mut WriteTx) -> Result<i64, StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select tenant_id from organization where tenant_id = $1 for no key update", tenant)
        .fetch_optional(tx.connection())
        .await?;
    let row =
        sqlx::query!(r#"select count(*) as "count!" from webhook_endpoint where tenant_id = $1"#, tenant)
            .fetch_one(tx.connection())
            .await?;
    Ok(row.count)
}

/// What a new endpoint is.
pub struct NewEndpoint<'a> {
    /// Its id.
    pub id: WebhookId,
    /// Where it is: an address that was parsed and checked, not free text.
    pub url: &'a str,
    /// What it is for.
    pub description: &'a Clean<String>,
    /// What it asks for.
    pub kinds: &'a [String],
    /// Its secret, sealed.
    pub secret_sealed: &'a [u8],
    /// Now.
    pub at: Timestamp,
}

/// Keeps an endpoint.
pub async fn create(tx: &mut WriteTx, new: &NewEndpoint<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into webhook_endpoint (tenant_id, id, url, description, kinds, enabled, secret_sealed, created_at) \
         values ($1, $2, $3, $4, $5, true, $6, $7)",
        tenant,
        new.id.uuid(),
        new.url,
        new.description.get(),
        new.kinds,
        new.secret_sealed,
        OffsetDateTime::from(new.at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What an endpoint is to be from now on.
pub struct Change<'a> {
    /// Where it is.
    pub url: &'a str,
    /// What it is for.
    pub description: &'a Clean<String>,
    /// What it asks for.
    pub kinds: &'a [String],
    /// Whether it is told of events.
    pub enabled: bool,
    /// Now.
    pub at: Timestamp,
}

/// Changes an endpoint. Why it was switched off stays what it was while it stays off. False when there is none of that id.
pub async fn update(tx: &mut WriteTx, id: WebhookId, change: &Change<'_>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update webhook_endpoint set url = $3, description = $4, kinds = $5, enabled = $6, \
         disabled_at = case when $6 then null else coalesce(disabled_at, $7) end, \
         disabled_because = case when $6 then null else coalesce(disabled_because, 'person') end \
         where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
        change.url,
        change.description.get(),
        change.kinds,
        change.enabled,
        OffsetDateTime::from(change.at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an endpoint, its secrets, and what was on its way there. False when there is none of that id.
pub async fn delete(tx: &mut WriteTx, id: WebhookId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done =
        sqlx::query!("delete from webhook_endpoint where tenant_id = $1 and id = $2", tenant, id.uuid())
            .execute(tx.connection())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// The secret in force, sealed, held until the transaction ends.
pub async fn lock_secret(tx: &mut WriteTx, id: WebhookId) -> Result<Option<Vec<u8>>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select secret_sealed from webhook_endpoint where tenant_id = $1 and id = $2 for update",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.secret_sealed))
}

/// Puts a new secret into force; the one before, sealed for its new place, signs beside it until then.
pub async fn rotate(
    tx: &mut WriteTx,
    id: WebhookId,
    secret_sealed: &[u8],
    old: Option<(&[u8], Timestamp)>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update webhook_endpoint set secret_sealed = $3, old_secret_sealed = $4, old_secret_until = $5 \
         where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
        secret_sealed,
        old.map(|(sealed, _)| sealed),
        old.map(|(_, until)| OffsetDateTime::from(until))
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
