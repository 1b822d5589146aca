//! The outbox: letters that wait for a mail server, were taken by it, or never will be. What they say is sealed.

use gates::{SystemTx, WriteTx};
use kernel::{LetterId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{StoreError, WAITING_ROWS_MAX};

/// A new letter.
pub struct NewLetter<'a> {
    /// Its id.
    pub id: LetterId,
    /// The kind of letter.
    pub kind: &'a str,
    /// Now; it is due at once.
    pub at: Timestamp,
    /// The address, sealed.
    pub to_sealed: &'a [u8],
    /// Everything else, sealed.
    pub message_sealed: &'a [u8],
}

/// A letter that was taken out to be delivered.
pub struct Taken {
    /// Its id.
    pub id: LetterId,
    /// The kind of letter.
    pub kind: String,
    /// When it was put in.
    pub made_at: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// The address, sealed.
    pub to_sealed: Vec<u8>,
    /// Everything else, sealed.
    pub message_sealed: Vec<u8>,
}

/// A letter as lists show it.
pub struct Listed {
    /// Its id.
    pub id: LetterId,
    /// The kind of letter.
    pub kind: String,
    /// When it was put in.
    pub made_at: Timestamp,
    /// When it is to be tried next; without a meaning once it was sent or given up.
    pub due_at: Timestamp,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: i32,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// The address, sealed.
    pub to_sealed: Vec<u8>,
}

/// What becomes of a letter that was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is tried again then.
    Retry(Timestamp),
    /// It is given up, now.
    GiveUp(Timestamp),
}

/// Puts a letter in.
pub async fn put(tx: &mut SystemTx, new: &NewLetter<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into mail_outbox (id, made_at, due_at, attempts, kind, to_sealed, message_sealed) \
         values ($1, $2, $2, 0, $3, $4, $5)",
        new.id.uuid(),
        OffsetDateTime::from(new.at),
        new.kind,
        new.to_sealed,
        new.message_sealed
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Puts a letter in from an organization's transaction, with the change it tells of. That role can do nothing else with the
/// outbox (`gate.post_letter`).
pub async fn post(tx: &mut WriteTx, new: &NewLetter<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"select gate.post_letter($1, $2, $3, $4, $5) is null as "posted!""#,
        new.id.uuid(),
        new.kind,
        OffsetDateTime::from(new.at),
        new.to_sealed,
        new.message_sealed
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(())
}

/// Takes at most `rows` letters that are due at `now`, longest waiting first, and counts the attempt. Until `lease`
/// nobody else takes them: who took them marks them by then, or has died, and they are due again.
pub async fn take_due(
    tx: &mut SystemTx,
    now: Timestamp,
    lease: Timestamp,
    rows: i64,
) -> Result<Vec<Taken>, StoreError> {
    let found = sqlx::query!(
        "with due as materialized (\
             select id from mail_outbox where sent_at is null and failed_at is null and due_at <= $1 \
             order by due_at limit $3 for update skip locked) \
         update mail_outbox m set attempts = m.attempts + 1, due_at = $2 from due where m.id = due.id \
         returning m.id, m.kind, m.made_at, m.attempts, m.to_sealed, m.message_sealed",
        OffsetDateTime::from(now),
        OffsetDateTime::from(lease),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let taken = found.into_iter().map(|row| Taken {
        id: LetterId::from_uuid(row.id),
        kind: row.kind,
        made_at: row.made_at.into(),
        attempt: row.attempts,
        to_sealed: row.to_sealed,
        message_sealed: row.message_sealed,
    });
    Ok(taken.collect())
}

/// Notes that the mail server took it. False when that was noted before, or the letter is gone.
pub async fn mark_sent(tx: &mut SystemTx, id: LetterId, at: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update mail_outbox set sent_at = $2, failed_at = null, last_error = null where id = $1 and sent_at is null",
        id.uuid(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that an attempt failed. False when it was not the latest one: somebody else has the letter by now.
pub async fn mark_failed(
    tx: &mut SystemTx,
    id: LetterId,
    attempt: i32,
    error: &str,
    next: Next,
) -> Result<bool, StoreError> {
    let (due_at, failed_at) = match next {
        Next::Retry(at) => (Some(OffsetDateTime::from(at)), None),
        Next::GiveUp(at) => (None, Some(OffsetDateTime::from(at))),
    };
    let done = sqlx::query!(
        "update mail_outbox set last_error = $3, due_at = coalesce($4, due_at), failed_at = $5 \
         where id = $1 and attempts = $2 and sent_at is null and failed_at is null",
        id.uuid(),
        attempt,
        error,
        due_at,
        failed_at
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

macro_rules! listed {
    ($row:expr) => {
        Listed {
            id: LetterId::from_uuid($row.id),
            kind: $row.kind,
            made_at: $row.made_at.into(),
            due_at: $row.due_at.into(),
            sent_at: $row.sent_at.map(Timestamp::from),
            failed_at: $row.failed_at.map(Timestamp::from),
            attempts: $row.attempts,
            last_error: $row.last_error,
            to_sealed: $row.to_sealed,
        }
    };
}

/// The letters before `before`, newest first.
pub async fn list(tx: &mut SystemTx, before: Option<LetterId>, rows: i64) -> Result<Vec<Listed>, StoreError> {
    let found = sqlx::query!(
        "select id, kind, made_at, due_at, sent_at, failed_at, attempts, last_error, to_sealed from mail_outbox \
         where $1::uuid is null or id < $1 order by id desc limit $2",
        before.map(LetterId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| listed!(row)).collect())
}

/// One letter, with what it says, sealed.
pub async fn get(tx: &mut SystemTx, id: LetterId) -> Result<Option<(Listed, Vec<u8>)>, StoreError> {
    let row = sqlx::query!(
        "select id, kind, made_at, due_at, sent_at, failed_at, attempts, last_error, to_sealed, message_sealed \
         from mail_outbox where id = $1",
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| {
        let sealed = row.message_sealed;
        (listed!(row), sealed)
    }))
}

/// Removes these letters, whatever became of them. How many there were.
pub async fn remove(tx: &mut SystemTx, letters: &[LetterId]) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = letters.iter().map(|id| id.uuid()).collect();
    let done =
        sqlx::query!("delete from mail_outbox where id = any($1)", &ids).execute(tx.connection()).await?;
    Ok(done.rows_affected())
}

/// Removes letters that were put in before `before`, at most `rows` of them, whatever became of them.
pub async fn forget(tx: &mut SystemTx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from mail_outbox where id in (select id from mail_outbox where made_at < $1 \
         order by made_at limit $2 for update skip locked)",
        OffsetDateTime::from(before),
        rows
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// How many letters wait to be delivered, counted up to [`WAITING_ROWS_MAX`].
pub async fn waiting(tx: &mut SystemTx) -> Result<i64, StoreError> {
    let row = sqlx::query!(
        r#"select count(*) as "waiting!" from (select from mail_outbox
           where sent_at is null and failed_at is null limit $1) w"#,
        WAITING_ROWS_MAX
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.waiting)
}
