//! Members: people in an organization, as the organization knows them.

use gates::{SystemTx, Tx, WriteTx};
use kernel::{AccountId, MemberRole, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::{StoreError, decode};

/// A person in the organization. One whose membership has ended is no member any more and is not among these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub account: AccountId,
    /// The address they are known by.
    pub address: String,
    /// The name they go by.
    pub name: String,
    /// Their role.
    pub role: MemberRole,
    /// Whether they own the organization.
    pub owner: bool,
    /// Whether they have a second factor.
    pub second_factor: bool,
    /// When they joined.
    pub joined_at: Timestamp,
    /// Since when they are suspended.
    pub suspended_at: Option<Timestamp>,
    /// When one of their sessions here was last seen.
    pub seen_at: Option<Timestamp>,
}

macro_rules! member {
    ($row:expr) => {
        Member {
            account: AccountId::from_uuid($row.account_id),
            address: $row.address,
            name: $row.name,
            role: $row.role.parse().map_err(decode)?,
            owner: $row.owner,
            second_factor: $row.second_factor,
            joined_at: $row.joined_at.into(),
            suspended_at: $row.suspended_at.map(Timestamp::from),
            seen_at: $row.seen_at.map(Timestamp::from),
        }
    };
}

/// The members after `after`, by id.
pub async fn list(tx: &mut Tx, after: Option<AccountId>, rows: i64) -> Result<Vec<Member>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select m.account_id, m.address, m.name, m.role, m.owner, m.second_factor, m.joined_at, m.suspended_at,
               (select max(v.at) from session s
                join session_seen v on v.tenant_id = s.tenant_id and v.session_id = s.id
                where s.tenant_id = $1 and s.account_id = m.account_id) as seen_at
           from member m where m.tenant_id = $1 and m.ended_at is null and ($2::uuid is null or m.account_id > $2)
           order by m.account_id limit $3"#,
        tenant,
        after.map(AccountId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    found.into_iter().map(|row| Ok(member!(row))).collect()
}

/// One member.
pub async fn read(tx: &mut Tx, account: AccountId) -> Result<Option<Member>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select m.account_id, m.address, m.name, m.role, m.owner, m.second_factor, m.joined_at, m.suspended_at,
               (select max(v.at) from session s
                join session_seen v on v.tenant_id = s.tenant_id and v.session_id = s.id
                where s.tenant_id = $1 and s.account_id = m.account_id) as seen_at
           from member m where m.tenant_id = $1 and m.account_id = $2 and m.ended_at is null"#,
        tenant,
        account.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| Ok(member!(row))).transpose()
}

/// Holds one member until the transaction ends, so that what is decided about them stays true. False when there is none.
pub async fn hold(tx: &mut WriteTx, account: AccountId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select account_id from member where tenant_id = $1 and account_id = $2 and ended_at is null \
         for no key update",
        tenant,
        account.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.is_some())
}

/// Whether somebody with this address, in the form that counts, is a member.
pub async fn has_address(tx: &mut Tx, key: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select exists (select from member where tenant_id = $1 and lower(address) = $2 and ended_at is null)
               as "there!""#,
        tenant,
        key
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.there)
}

/// Somebody who owns the organization and can act for it: neither suspended nor gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub account: AccountId,
    /// Where letters go.
    pub address: String,
    /// The name they go by.
    pub name: String,
}

/// The owners.
pub async fn owners(tx: &mut Tx) -> Result<Vec<Owner>, StoreError> {
    let tenant = tx.tenant();
    find_owners(tx.connection(), tenant).await
}

/// The owners of an organization, as the system.
pub async fn owners_of(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<Owner>, StoreError> {
    find_owners(tx.connection(), tenant).await
}

async fn find_owners(connection: &mut PgConnection, tenant: TenantId) -> Result<Vec<Owner>, StoreError> {
    let found = sqlx::query!(
        "select account_id, address, name from member where tenant_id = $1 and owner and ended_at is null \
         and suspended_at is null order by account_id",
        tenant.uuid()
    )
    .fetch_all(connection)
    .await?;
    let owner = |account, address, name| Owner { account: AccountId::from_uuid(account), address, name };
    Ok(found.into_iter().map(|row| owner(row.account_id, row.address, row.name)).collect())
}

/// The owners, held until the transaction ends. Whoever takes an owner away asks this first: of two who are about to take
/// the last two, the second waits here and then finds one left.
pub async fn hold_owners(tx: &mut WriteTx) -> Result<Vec<AccountId>, StoreError> {
    let tenant = tx.tenant();
    lock_owners(tx.connection(), tenant).await
}

/// The same, for a member who leaves by themselves.
pub async fn hold_owners_of(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<AccountId>, StoreError> {
    lock_owners(tx.connection(), tenant).await
}

async fn lock_owners(connection: &mut PgConnection, tenant: TenantId) -> Result<Vec<AccountId>, StoreError> {
    let found = sqlx::query!(
        "select account_id from member where tenant_id = $1 and owner and ended_at is null and suspended_at is null \
         order by account_id for no key update",
        tenant.uuid()
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(|row| AccountId::from_uuid(row.account_id)).collect())
}

/// Gives a member a role. False when there is no such member.
pub async fn set_role(tx: &mut WriteTx, account: AccountId, role: MemberRole) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update member set (role) = row ($3) where tenant_id = $1 and account_id = $2 and ended_at is null",
        tenant,
        account.uuid(),
        role.name()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes a member an owner, or no owner any more. False when there is no such member.
pub async fn set_owner(tx: &mut WriteTx, account: AccountId, owner: bool) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update member set owner = $3 where tenant_id = $1 and account_id = $2 and ended_at is null",
        tenant,
        account.uuid(),
        owner
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Suspends a member, or lets them work again with `None`. False when there is no such member, or it is so already.
pub async fn set_suspended(
    tx: &mut WriteTx,
    account: AccountId,
    since: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update member set suspended_at = $3 where tenant_id = $1 and account_id = $2 and ended_at is null \
         and (suspended_at is null) <> ($3::timestamptz is null)",
        tenant,
        account.uuid(),
        since.map(OffsetDateTime::from)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a membership. False when there is none.
pub async fn end(tx: &mut WriteTx, account: AccountId, at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    end_any(tx.connection(), tenant, account, at).await
}

/// Ends a membership, as the person whose it is.
pub async fn leave(
    tx: &mut SystemTx,
    tenant: TenantId,
    account: AccountId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    end_any(tx.connection(), tenant, account, at).await
}

async fn end_any(
    connection: &mut PgConnection,
    tenant: TenantId,
    account: AccountId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update member set ended_at = $3, owner = false where tenant_id = $1 and account_id = $2 and ended_at is null",
        tenant.uuid(),
        account.uuid(),
        OffsetDateTime::from(at)
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
