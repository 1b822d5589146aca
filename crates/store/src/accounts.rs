//! Accounts: people, whatever organizations they belong to. Only the system role reads them.

use gates::SystemTx;
use kernel::{AccountId, TenantId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// A person's account.
#[derive(Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The address as the person wrote it.
    pub address: String,
    /// When the address was verified.
    pub verified_at: Option<Timestamp>,
    /// The name they go by.
    pub name: String,
    /// The password's hash; `None` for people who sign in with passkeys alone.
    pub password: Option<String>,
    /// When the password was set.
    pub password_changed_at: Option<Timestamp>,
    /// The organization the last session was in.
    pub last_tenant: Option<TenantId>,
    /// Since when they administer the instance.
    pub super_admin_at: Option<Timestamp>,
    /// Since when the account is closed.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

struct Row {
    id: Uuid,
    address: String,
    address_verified_at: Option<OffsetDateTime>,
    name: String,
    password: Option<String>,
    password_changed_at: Option<OffsetDateTime>,
    last_tenant: Option<Uuid>,
    super_admin_at: Option<OffsetDateTime>,
    disabled_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        Self {
            id: AccountId::from_uuid(row.id),
            address: row.address,
            verified_at: row.address_verified_at.map(Into::into),
            name: row.name,
            password: row.password,
            password_changed_at: row.password_changed_at.map(Into::into),
            last_tenant: row.last_tenant.map(TenantId::from_uuid),
            super_admin_at: row.super_admin_at.map(Into::into),
            disabled_at: row.disabled_at.map(Into::into),
            created_at: row.created_at.into(),
        }
    }
}

/// The account of an address, by the form that counts.
pub async fn by_address(tx: &mut SystemTx, key: &str) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, address, address_verified_at, name, password, password_changed_at, (select m.tenant_id from member m \
         where m.tenant_id = last_tenant and m.account_id = id and m.ended_at is null) as last_tenant, super_admin_at, \
         disabled_at, created_at from account where address_key = $1",
        key
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(Into::into))
}

/// An account, held until the transaction ends, so that what is decided about it stays true.
pub async fn lock(tx: &mut SystemTx, id: AccountId) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, address, address_verified_at, name, password, password_changed_at, (select m.tenant_id from member m \
         where m.tenant_id = last_tenant and m.account_id = id and m.ended_at is null) as last_tenant, super_admin_at, \
         disabled_at, created_at from account where id = $1 for no key update",
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(Into::into))
}

/// What a new account is.
pub struct NewAccount<'a> {
    /// Its id.
    pub id: AccountId,
    /// The address as written.
    pub address: &'a str,
    /// The address in the form that counts.
    pub address_key: &'a str,
    /// Whether the address is verified from the start, as for the first administrator and those invited by mail.
    pub verified: bool,
    /// The name.
    pub name: &'a str,
    /// The password's hash.
    pub password: Option<&'a str>,
    /// Whether it administers the instance.
    pub super_admin: bool,
    /// Now.
    pub at: Timestamp,
}

/// Makes an account. [`StoreError::Taken`] when the address has one.
pub async fn create(tx: &mut SystemTx, new: &NewAccount<'_>) -> Result<(), StoreError> {
    let at = OffsetDateTime::from(new.at);
    sqlx::query!(
        "insert into account (id, address, address_key, address_verified_at, name, password, password_changed_at, \
         super_admin_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        new.id.uuid(),
        new.address,
        new.address_key,
        new.verified.then_some(at),
        new.name,
        new.password,
        new.password.map(|_| at),
        new.super_admin.then_some(at),
        at
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes the account of an address that was never verified: nobody proved to own it, so it holds nothing of anybody's.
pub async fn forget_unverified(tx: &mut SystemTx, key: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from account where address_key = $1 and address_verified_at is null", key)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Marks the address as verified. False when it was already.
pub async fn verify(tx: &mut SystemTx, id: AccountId, at: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update account set address_verified_at = $2 where id = $1 and address_verified_at is null",
        id.uuid(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the password's hash, or takes the password away.
pub async fn set_password(
    tx: &mut SystemTx,
    id: AccountId,
    hash: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update account set password = $2, password_changed_at = $3 where id = $1",
        id.uuid(),
        hash,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Keeps a hash of the same password made under another scheme.
pub async fn rehash(tx: &mut SystemTx, id: AccountId, old: &str, new: &str) -> Result<(), StoreError> {
    sqlx::query!("update account set password = $3 where id = $1 and password = $2", id.uuid(), old, new)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// One password hash of every scheme and cost that any account has, those of most accounts first.
pub async fn password_kinds(tx: &mut SystemTx, rows: i64) -> Result<Vec<String>, StoreError> {
    let found = sqlx::query!(
        r#"select min(password) as "sample!" from account where password is not null
           group by substring(password from '^[$](2[aby][$][0-9]+|bcrypt-sha256[$][^$]+|argon2id[$]v=[0-9]+[$][^$]+)[$]')
           order by count(*) desc limit $1"#,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| row.sample).collect())
}

/// Changes the name, also where organizations show it.
pub async fn rename(tx: &mut SystemTx, id: AccountId, name: &str) -> Result<(), StoreError> {
    sqlx::query!("update account set name = $2 where id = $1", id.uuid(), name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Changes the address, which is verified by the link that led here.
pub async fn readdress(
    tx: &mut SystemTx,
    id: AccountId,
    address: &str,
    key: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update account set address = $2, address_key = $3, address_verified_at = $4 where id = $1",
        id.uuid(),
        address,
        key,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes the organization the person works in.
pub async fn set_last_tenant(tx: &mut SystemTx, id: AccountId, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "update account set last_tenant = $2 where id = $1 and last_tenant is distinct from $2",
        id.uuid(),
        tenant.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Closes an account, or opens it again.
pub async fn set_disabled(tx: &mut SystemTx, id: AccountId, at: Option<Timestamp>) -> Result<(), StoreError> {
    sqlx::query!(
        "update account set disabled_at = $2 where id = $1",
        id.uuid(),
        at.map(OffsetDateTime::from)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes a person administrator of the instance, or takes that away.
pub async fn set_super_admin(
    tx: &mut SystemTx,
    id: AccountId,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update account set super_admin_at = $2 where id = $1",
        id.uuid(),
        at.map(OffsetDateTime::from)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// An administrator of the instance.
pub struct SuperAdmin {
    /// The account.
    pub id: AccountId,
    /// Its address.
    pub address: String,
    /// Since when.
    pub since: Timestamp,
}

/// The administrators of the instance, those of longest standing first.
pub async fn super_admins(tx: &mut SystemTx, rows: i64) -> Result<Vec<SuperAdmin>, StoreError> {
    let found = sqlx::query!(
        r#"select id, address, super_admin_at as "since!" from account where super_admin_at is not null
           order by super_admin_at, id limit $1"#,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let admin = |id, address, since: OffsetDateTime| SuperAdmin {
        id: AccountId::from_uuid(id),
        address,
        since: since.into(),
    };
    Ok(found.into_iter().map(|row| admin(row.id, row.address, row.since)).collect())
}

/// Whether any account exists yet.
pub async fn any(tx: &mut SystemTx) -> Result<bool, StoreError> {
    let row =
        sqlx::query!(r#"select exists (select from account) as "any!""#).fetch_one(tx.connection()).await?;
    Ok(row.any)
}
