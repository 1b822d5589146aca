//! What lies around the doors: links from mails, ceremonies under way, guesses that were counted, devices that are known.
//! All of it is short-lived and none of it is an event by itself.

use std::time::Duration;

use gates::SystemTx;
use kernel::{AccountId, Timestamp};
use time::OffsetDateTime;

use crate::StoreError;

/// What a link from a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Proves an address.
    Verify,
    /// Sets a new password.
    Reset,
    /// Proves a new address.
    ChangeAddress,
    /// Makes the first administrator.
    Welcome,
}

impl LinkPurpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::ChangeAddress => "change_address",
            Self::Welcome => "welcome",
        }
    }
}

/// A link to be mailed.
pub struct NewLink<'a> {
    /// SHA-256 of its token.
    pub hash: &'a [u8; 32],
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose account it is about.
    pub account: Option<AccountId>,
    /// What it is about beyond that: the new address.
    pub detail: Option<&'a str>,
    /// Now.
    pub at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// Keeps a link. An earlier one of the same purpose and account stops working.
pub async fn put_link(tx: &mut SystemTx, new: &NewLink<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from one_time_link where purpose = $1 and account_id is not distinct from $2",
        new.purpose.name(),
        new.account.map(AccountId::uuid)
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "insert into one_time_link (hash, purpose, account_id, detail, made_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6)",
        new.hash.as_slice(),
        new.purpose.name(),
        new.account.map(AccountId::uuid),
        new.detail,
        OffsetDateTime::from(new.at),
        OffsetDateTime::from(new.expires_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What a link that still works is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whose account.
    pub account: Option<AccountId>,
    /// The rest of what it is about.
    pub detail: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Looks at a link without using it.
pub async fn look_at_link(
    tx: &mut SystemTx,
    hash: &[u8; 32],
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<Link>, StoreError> {
    let row = sqlx::query!(
        "select account_id, detail, made_at from one_time_link \
         where hash = $1 and purpose = $2 and used_at is null and expires_at > $3",
        hash.as_slice(),
        purpose.name(),
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Link {
        account: row.account_id.map(AccountId::from_uuid),
        detail: row.detail,
        made_at: row.made_at.into(),
    }))
}

/// Uses a link up. `None` when it does not work (any more).
pub async fn take_link(
    tx: &mut SystemTx,
    hash: &[u8; 32],
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<Link>, StoreError> {
    let row = sqlx::query!(
        "update one_time_link set used_at = $3 \
         where hash = $1 and purpose = $2 and used_at is null and expires_at > $3 \
         returning account_id, detail, made_at",
        hash.as_slice(),
        purpose.name(),
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Link {
        account: row.account_id.map(AccountId::from_uuid),
        detail: row.detail,
        made_at: row.made_at.into(),
    }))
}

/// What the link of an account is about that still works, without its token.
pub async fn pending_detail(
    tx: &mut SystemTx,
    account: AccountId,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query!(
        "select detail from one_time_link \
         where account_id = $1 and purpose = $2 and used_at is null and expires_at > $3 order by made_at desc limit 1",
        account.uuid(),
        purpose.name(),
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.and_then(|row| row.detail))
}

/// Makes the links of one purpose void. False when none of them worked any more.
pub async fn void_pending(
    tx: &mut SystemTx,
    account: AccountId,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let gone = sqlx::query!(
        "delete from one_time_link where account_id = $1 and purpose = $2 and used_at is null and expires_at > $3",
        account.uuid(),
        purpose.name(),
        OffsetDateTime::from(now)
    )
    .execute(tx.connection())
    .await?;
    Ok(gone.rows_affected() > 0)
}

/// Makes all links of an account void: after its password or its address changed, none from before may work.
pub async fn void_links(tx: &mut SystemTx, account: AccountId) -> Result<(), StoreError> {
    sqlx::query!("delete from one_time_link where account_id = $1", account.uuid())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Keeps what a ceremony needs until its second request.
pub async fn put_ceremony(
    tx: &mut SystemTx,
    hash: &[u8; 32],
    purpose: &str,
    account: Option<AccountId>,
    state_sealed: &[u8],
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into ceremony (hash, purpose, account_id, state_sealed, expires_at) values ($1, $2, $3, $4, $5)",
        hash.as_slice(),
        purpose,
        account.map(AccountId::uuid),
        state_sealed,
        OffsetDateTime::from(expires_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes a ceremony: whose it is, and its sealed state. It cannot be taken twice.
pub async fn take_ceremony(
    tx: &mut SystemTx,
    hash: &[u8; 32],
    purpose: &str,
    now: Timestamp,
) -> Result<Option<(Option<AccountId>, Vec<u8>)>, StoreError> {
    let row = sqlx::query!(
        "delete from ceremony where hash = $1 and purpose = $2 and expires_at > $3 returning account_id, state_sealed",
        hash.as_slice(),
        purpose,
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| (row.account_id.map(AccountId::from_uuid), row.state_sealed)))
}

/// Looks at a ceremony without taking it.
pub async fn look_at_ceremony(
    tx: &mut SystemTx,
    hash: &[u8; 32],
    purpose: &str,
    now: Timestamp,
) -> Result<Option<(Option<AccountId>, Vec<u8>)>, StoreError> {
    let row = sqlx::query!(
        "select account_id, state_sealed from ceremony where hash = $1 and purpose = $2 and expires_at > $3 for update",
        hash.as_slice(),
        purpose,
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| (row.account_id.map(AccountId::from_uuid), row.state_sealed)))
}

/// Counts one more guess and answers how many there are in the current window. The count is there, and locked against
/// other guesses on the same key, before anything is compared: guesses in parallel cannot outrun it.
pub async fn count_guess(
    tx: &mut SystemTx,
    scope: &str,
    key: &[u8; 32],
    window: Duration,
    now: Timestamp,
) -> Result<i32, StoreError> {
    let floor = now.minus(window);
    let row = sqlx::query!(
        "insert into attempt as a (scope, key, began_at, count) values ($1, $2, $3, 1) \
         on conflict (scope, key) do update set \
             began_at = case when a.began_at < $4 then excluded.began_at else a.began_at end, \
             count = case when a.began_at < $4 then 1 else a.count + 1 end \
         returning count",
        scope,
        key.as_slice(),
        OffsetDateTime::from(now),
        OffsetDateTime::from(floor)
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.count)
}

/// Takes a guess back: it was right.
pub async fn forgive_guess(tx: &mut SystemTx, scope: &str, key: &[u8; 32]) -> Result<(), StoreError> {
    sqlx::query!(
        "update attempt set count = greatest(count - 1, 0) where scope = $1 and key = $2",
        scope,
        key.as_slice()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets all guesses on a key.
pub async fn forget_guesses(tx: &mut SystemTx, scope: &str, key: &[u8; 32]) -> Result<(), StoreError> {
    sqlx::query!("delete from attempt where scope = $1 and key = $2", scope, key.as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Whether the device is one the person signed in with before.
pub async fn knows_device(
    tx: &mut SystemTx,
    account: AccountId,
    hash: &[u8; 32],
) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select exists (select from known_device where account_id = $1 and hash = $2) as "known!""#,
        account.uuid(),
        hash.as_slice()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.known)
}

/// Whether the person signed in with any device before.
pub async fn knows_any_device(tx: &mut SystemTx, account: AccountId) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select exists (select from known_device where account_id = $1) as "known!""#,
        account.uuid()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.known)
}

/// Remembers a device.
pub async fn know_device(
    tx: &mut SystemTx,
    account: AccountId,
    hash: &[u8; 32],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into known_device (account_id, hash, first_at, last_at) values ($1, $2, $3, $3) \
         on conflict (account_id, hash) do update set last_at = excluded.last_at",
        account.uuid(),
        hash.as_slice(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets all devices of a person.
pub async fn forget_devices(tx: &mut SystemTx, account: AccountId) -> Result<(), StoreError> {
    sqlx::query!("delete from known_device where account_id = $1", account.uuid())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Clears away what has expired, at most `rows` of each kind; answers how many rows that were.
pub async fn sweep(tx: &mut SystemTx, now: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let at = OffsetDateTime::from(now);
    let day_ago = OffsetDateTime::from(now.minus(Duration::from_hours(24)));
    let mut gone = sqlx::query!(
        "delete from ceremony where hash in (select hash from ceremony where expires_at < $1 limit $2)",
        at,
        rows
    )
    .execute(tx.connection())
    .await?
    .rows_affected();
    gone += sqlx::query!(
        "delete from one_time_link where hash in (select hash from one_time_link where expires_at < $1 limit $2)",
        day_ago,
        rows
    )
    .execute(tx.connection())
    .await?
    .rows_affected();
    gone += sqlx::query!(
        "delete from attempt where (scope, key) in (select scope, key from attempt where began_at < $1 limit $2)",
        day_ago,
        rows
    )
    .execute(tx.connection())
    .await?
    .rows_affected();
    Ok(gone)
}
