//! What lately happened to an account, for its person: few rows for each, apart from the log.

use std::time::Duration;

use gates::SystemTx;
use kernel::{AccountId, EntryId, EventKind, Timestamp};
use time::OffsetDateTime;

use crate::StoreError;

/// Rows kept of one account; what is older is forgotten.
pub const KEPT_ROWS_MAX: i64 = 50;
/// How long refused attempts are counted in one row, in seconds (one hour).
const COUNTED_SECONDS: u64 = 3_600;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// What, by the name of its kind of entry.
    pub kind: String,
    /// When, and of several when the last.
    pub at: Timestamp,
    /// How often.
    pub count: i32,
    /// What the browser or program called itself.
    pub device: Option<String>,
    /// From which network address.
    pub address: Option<String>,
}

/// What is to be remembered.
pub struct NewEvent<'a> {
    /// The row's id.
    pub id: EntryId,
    /// Whose account.
    pub account: AccountId,
    /// What happened.
    pub kind: EventKind,
    /// Now.
    pub at: Timestamp,
    /// What the browser or program calls itself.
    pub device: &'a str,
    /// From which network address.
    pub address: Option<String>,
}

/// Remembers something, and forgets what is too old to be shown.
pub async fn remember(tx: &mut SystemTx, new: &NewEvent<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into account_event (account_id, id, kind, began_at, at, device, address) \
         values ($1, $2, $3, $4, $4, nullif($5, ''), $6)",
        new.account.uuid(),
        new.id.uuid(),
        new.kind.name(),
        OffsetDateTime::from(new.at),
        new.device,
        new.address
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "delete from account_event where account_id = $1 and id in \
         (select id from account_event where account_id = $1 order by at desc, id desc offset $2)",
        new.account.uuid(),
        KEPT_ROWS_MAX
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Counts one more of something that may happen often: those of an hour share a row, so that they push nothing else out.
pub async fn count(tx: &mut SystemTx, new: &NewEvent<'_>) -> Result<(), StoreError> {
    let since = new.at.minus(Duration::from_secs(COUNTED_SECONDS));
    // One at a time, so that two at once do not begin two rows.
    sqlx::query!("select id from account where id = $1 for no key update", new.account.uuid())
        .fetch_optional(tx.connection())
        .await?;
    let raised = sqlx::query!(
        "update account_event set count = count + 1, at = $3, device = nullif($4, ''), address = $5 \
         where account_id = $1 and kind = $2 and began_at > $6",
        new.account.uuid(),
        new.kind.name(),
        OffsetDateTime::from(new.at),
        new.device,
        new.address,
        OffsetDateTime::from(since)
    )
    .execute(tx.connection())
    .await?;
    if raised.rows_affected() == 0 {
        remember(tx, new).await?;
    }
    Ok(())
}

/// What happened to an account, newest first, at most `rows`.
pub async fn newest(
    tx: &mut SystemTx,
    account: AccountId,
    rows: i64,
) -> Result<Vec<AccountEvent>, StoreError> {
    let found = sqlx::query!(
        "select kind, at, count, device, address from account_event where account_id = $1 \
         order by at desc, id desc limit $2",
        account.uuid(),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| AccountEvent {
            kind: row.kind,
            at: row.at.into(),
            count: row.count,
            device: row.device,
            address: row.address,
        })
        .collect())
}
