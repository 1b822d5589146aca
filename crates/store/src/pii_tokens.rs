//! Values that gate four replaced and can put back: sealed, found by keyed hashes, gone when they have expired.

use gates::{KeptToken, SystemTx, Tx, WriteTx};
use kernel::Timestamp;
use time::OffsetDateTime;

use crate::StoreError;

/// How much is kept of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOfClass {
    /// The class.
    pub class: String,
    /// The channel the values were on.
    pub channel: String,
    /// How many values.
    pub values: i64,
    /// In how many conversations.
    pub conversations: i64,
    /// When the first of them expires.
    pub first_expires_at: Timestamp,
    /// When the last of them does.
    pub last_expires_at: Timestamp,
}

/// The live values of a conversation, which goes by one of these hashes; oldest first, at most `rows`.
pub async fn of_conversation(
    tx: &mut Tx,
    conversation: &[Vec<u8>],
    now: Timestamp,
    rows: i64,
) -> Result<Vec<KeptToken>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select token, class, channel, from_caller, conversation, blind, key_id, sealed from pii_token \
         where tenant_id = $1 and conversation = any($2) and expires_at > $3 order by minted_at limit $4",
        tenant,
        conversation,
        OffsetDateTime::from(now),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| KeptToken {
            token: row.token,
            class: row.class,
            channel: row.channel,
            from_caller: row.from_caller,
            conversation: row.conversation,
            index: row.blind,
            key: row.key_id,
            sealed: row.sealed,
        })
        .collect())
}

/// The live value that a token of the organization stands for.
pub async fn find(tx: &mut Tx, token: &str, now: Timestamp) -> Result<Option<KeptToken>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select token, class, channel, from_caller, conversation, blind, key_id, sealed from pii_token \
         where tenant_id = $1 and token = $2 and expires_at > $3",
        tenant,
        token,
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(found.map(|row| KeptToken {
        token: row.token,
        class: row.class,
        channel: row.channel,
        from_caller: row.from_caller,
        conversation: row.conversation,
        index: row.blind,
        key: row.key_id,
        sealed: row.sealed,
    }))
}

/// Keeps values from `at` until `until`. A token that is taken already, which fifty random bits make next to impossible,
/// keeps the value it has.
pub async fn keep(
    tx: &mut WriteTx,
    tokens: &[KeptToken],
    at: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    let text = |of: fn(&KeptToken) -> &str| tokens.iter().map(|t| of(t).to_owned()).collect::<Vec<_>>();
    let bytes = |of: fn(&KeptToken) -> &[u8]| tokens.iter().map(|t| of(t).to_vec()).collect::<Vec<_>>();
    let from_caller: Vec<bool> = tokens.iter().map(|token| token.from_caller).collect();
    let keys: Vec<uuid::Uuid> = tokens.iter().map(|token| token.key).collect();
    sqlx::query!(
        "insert into pii_token (tenant_id, token, class, channel, from_caller, conversation, blind, key_id, sealed, \
             minted_at, expires_at) \
         select $1, t.*, $10, $11 from unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::bytea[], \
             $7::bytea[], $8::uuid[], $9::bytea[]) as t on conflict do nothing",
        tenant,
        &text(|t| &t.token),
        &text(|t| &t.class),
        &text(|t| &t.channel),
        &from_caller,
        &bytes(|t| &t.conversation),
        &bytes(|t| &t.index),
        &keys,
        &bytes(|t| &t.sealed),
        OffsetDateTime::from(at),
        OffsetDateTime::from(until)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// How much is kept, by class and channel.
pub async fn kept(tx: &mut Tx, now: Timestamp) -> Result<Vec<KeptOfClass>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select class, channel, count(*) as "values!", count(distinct conversation) as "conversations!",
               min(expires_at) as "first!", max(expires_at) as "last!"
           from pii_token where tenant_id = $1 and expires_at > $2 group by class, channel order by class, channel"#,
        tenant,
        OffsetDateTime::from(now)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| KeptOfClass {
            class: row.class,
            channel: row.channel,
            values: row.values,
            conversations: row.conversations,
            first_expires_at: row.first.into(),
            last_expires_at: row.last.into(),
        })
        .collect())
}

/// Deletes what has expired, of all organizations; at most `rows`. Answers how many those were.
pub async fn sweep(tx: &mut SystemTx, rows: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from pii_token where (tenant_id, token) in (select tenant_id, token from pii_token \
         where expires_at < clock_timestamp() order by expires_at limit $1)",
        rows
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// Destroys retired keys that open nothing any more and were retired before `before`.
pub async fn destroy_keys(tx: &mut SystemTx, before: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from data_key k where k.state = 'retired' and k.retired_at < $1 and not exists \
         (select from pii_token t where t.tenant_id = k.tenant_id and t.key_id = k.id)",
        OffsetDateTime::from(before)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
