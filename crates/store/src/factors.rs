//! What proves who a person is besides a password: authenticator apps, recovery codes, passkeys.

use gates::SystemTx;
use kernel::{AccountId, PasskeyId, Timestamp, TotpId};
use time::OffsetDateTime;

use crate::StoreError;

/// An enrolled authenticator app.
pub struct Totp {
    /// Its id.
    pub id: TotpId,
    /// What its owner calls it.
    pub name: String,
    /// The secret, as a Fernet token.
    pub secret: String,
    /// The last time step a code was accepted for.
    pub last_step: Option<i64>,
    /// When its first code was accepted.
    pub confirmed_at: Option<Timestamp>,
    /// When it was begun.
    pub created_at: Timestamp,
}

/// A person's authenticator apps, oldest first, held until the transaction ends.
pub async fn totps(tx: &mut SystemTx, account: AccountId) -> Result<Vec<Totp>, StoreError> {
    let found = sqlx::query!(
        "select id, name, secret, last_step, confirmed_at, created_at from totp where account_id = $1 \
         order by created_at, id for update",
        account.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Totp {
            id: TotpId::from_uuid(row.id),
            name: row.name,
            secret: row.secret,
            last_step: row.last_step,
            confirmed_at: row.confirmed_at.map(Into::into),
            created_at: row.created_at.into(),
        })
        .collect())
}

/// Begins an enrolment; what was begun before and never confirmed is forgotten.
pub async fn begin_totp(
    tx: &mut SystemTx,
    account: AccountId,
    id: TotpId,
    name: &str,
    secret: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!("delete from totp where account_id = $1 and confirmed_at is null", account.uuid())
        .execute(tx.connection())
        .await?;
    sqlx::query!(
        "insert into totp (account_id, id, name, secret, created_at) values ($1, $2, $3, $4, $5)",
        account.uuid(),
        id.uuid(),
        name,
        secret,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A code was accepted for `step`: it and all before it are used up. Confirms the app when it was not yet.
pub async fn use_totp(
    tx: &mut SystemTx,
    account: AccountId,
    id: TotpId,
    step: i64,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update totp set last_step = $3, confirmed_at = coalesce(confirmed_at, $4) \
         where account_id = $1 and id = $2 and (last_step is null or last_step < $3)",
        account.uuid(),
        id.uuid(),
        step,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the token of a secret, encrypted anew under another key.
pub async fn reseal_totp(
    tx: &mut SystemTx,
    account: AccountId,
    id: TotpId,
    secret: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update totp set secret = $3 where account_id = $1 and id = $2",
        account.uuid(),
        id.uuid(),
        secret
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes an authenticator app.
pub async fn remove_totp(tx: &mut SystemTx, account: AccountId, id: TotpId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from totp where account_id = $1 and id = $2", account.uuid(), id.uuid())
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces all recovery codes.
pub async fn set_recovery_codes(
    tx: &mut SystemTx,
    account: AccountId,
    hashes: &[Vec<u8>],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!("delete from recovery_code where account_id = $1", account.uuid())
        .execute(tx.connection())
        .await?;
    sqlx::query!(
        "insert into recovery_code (account_id, hash, made_at) select $1, h, $3 from unnest($2::bytea[]) h",
        account.uuid(),
        hashes,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Uses up a recovery code. False when there is no such unused code.
pub async fn use_recovery_code(
    tx: &mut SystemTx,
    account: AccountId,
    hash: &[u8; 32],
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update recovery_code set used_at = $3 where account_id = $1 and hash = $2 and used_at is null",
        account.uuid(),
        hash.as_slice(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many recovery codes are left.
pub async fn recovery_codes_left(tx: &mut SystemTx, account: AccountId) -> Result<i64, StoreError> {
    let row = sqlx::query!(
        r#"select count(*) as "left!" from recovery_code where account_id = $1 and used_at is null"#,
        account.uuid()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.left)
}

/// An enrolled passkey.
pub struct Passkey {
    /// Its id here.
    pub id: PasskeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The credential's own id.
    pub credential_id: Vec<u8>,
    /// What its owner calls it.
    pub name: String,
    /// The credential, as the passkey library writes it.
    pub credential: String,
    /// Who made the authenticator, where that is known.
    pub provider: Option<String>,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

macro_rules! passkeys {
    ($tx:expr, $sql:literal, $($bind:expr),*) => {
        sqlx::query!($sql, $($bind),*)
            .fetch_all($tx.connection())
            .await?
            .into_iter()
            .map(|row| Passkey {
                id: PasskeyId::from_uuid(row.id),
                account: AccountId::from_uuid(row.account_id),
                credential_id: row.credential_id,
                name: row.name,
                credential: row.credential,
                provider: row.provider,
                created_at: row.created_at.into(),
                last_used_at: row.last_used_at.map(Into::into),
            })
            .collect::<Vec<_>>()
    };
}

/// A person's passkeys, oldest first, held until the transaction ends.
pub async fn passkeys(tx: &mut SystemTx, account: AccountId) -> Result<Vec<Passkey>, StoreError> {
    Ok(passkeys!(
        tx,
        "select id, account_id, credential_id, name, credential, provider, created_at, last_used_at from passkey \
         where account_id = $1 order by created_at, id for update",
        account.uuid()
    ))
}

/// The passkey of a credential id, held until the transaction ends.
pub async fn passkey(tx: &mut SystemTx, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
    Ok(passkeys!(
        tx,
        "select id, account_id, credential_id, name, credential, provider, created_at, last_used_at from passkey \
         where credential_id = $1 for update",
        credential_id
    )
    .pop())
}

/// Enrols a passkey. [`StoreError::Taken`] when the credential is enrolled already.
pub async fn add_passkey(tx: &mut SystemTx, new: &Passkey) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into passkey (account_id, id, credential_id, name, credential, provider, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.account.uuid(),
        new.id.uuid(),
        new.credential_id,
        new.name,
        new.credential,
        new.provider,
        OffsetDateTime::from(new.created_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes that a passkey was used, with what the library remembers of it now.
pub async fn used_passkey(
    tx: &mut SystemTx,
    account: AccountId,
    id: PasskeyId,
    credential: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update passkey set credential = $3, last_used_at = $4 where account_id = $1 and id = $2",
        account.uuid(),
        id.uuid(),
        credential,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Gives a passkey another name.
pub async fn rename_passkey(
    tx: &mut SystemTx,
    account: AccountId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update passkey set name = $3 where account_id = $1 and id = $2",
        account.uuid(),
        id.uuid(),
        name
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a passkey.
pub async fn remove_passkey(
    tx: &mut SystemTx,
    account: AccountId,
    id: PasskeyId,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("delete from passkey where account_id = $1 and id = $2", account.uuid(), id.uuid())
            .execute(tx.connection())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes every second factor and all recovery codes; answers how many apps and passkeys that were.
pub async fn remove_all(tx: &mut SystemTx, account: AccountId) -> Result<(u64, u64), StoreError> {
    let totps = sqlx::query!("delete from totp where account_id = $1", account.uuid())
        .execute(tx.connection())
        .await?
        .rows_affected();
    let passkeys = sqlx::query!("delete from passkey where account_id = $1", account.uuid())
        .execute(tx.connection())
        .await?
        .rows_affected();
    sqlx::query!("delete from recovery_code where account_id = $1", account.uuid())
        .execute(tx.connection())
        .await?;
    show_second_factor(tx, account).await?;
    Ok((totps, passkeys))
}

/// Brings what organizations show of their members in line with the person's factors.
pub async fn show_second_factor(tx: &mut SystemTx, account: AccountId) -> Result<(), StoreError> {
    sqlx::query!(
        "update member set second_factor = f.has from (select \
             exists (select from totp where account_id = $1 and confirmed_at is not null) \
             or exists (select from passkey where account_id = $1) as has) f \
         where account_id = $1 and ended_at is null and second_factor <> f.has",
        account.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
