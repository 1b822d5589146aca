//! Becoming a member: founding an organization, and accepting an invitation.

use gates::SystemTx;
use kernel::{AccountId, InvitationId, MemberRole, TenantId, Timestamp};
use time::OffsetDateTime;

use crate::StoreError;

/// A person who becomes a member.
pub struct NewMember<'a> {
    /// Of which organization.
    pub tenant: TenantId,
    /// Who.
    pub account: AccountId,
    /// The address to show.
    pub address: &'a str,
    /// The name to show.
    pub name: &'a str,
    /// The role.
    pub role: MemberRole,
    /// Whether they own it.
    pub owner: bool,
    /// Now.
    pub at: Timestamp,
}

/// Makes a person a member, or one again who was. False when they are a member already, whose role stays as it is.
pub async fn join(tx: &mut SystemTx, new: &NewMember<'_>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into member as m (tenant_id, account_id, address, name, second_factor, role, owner, joined_at) \
         select $1, $2, $3, $4, exists (select from totp where account_id = $2 and confirmed_at is not null) \
             or exists (select from passkey where account_id = $2), $5, $6, $7 \
         on conflict (tenant_id, account_id) do update set address = excluded.address, name = excluded.name, \
             second_factor = excluded.second_factor, role = excluded.role, owner = excluded.owner, \
             joined_at = excluded.joined_at, suspended_at = null, ended_at = null \
         where m.ended_at is not null",
        new.tenant.uuid(),
        new.account.uuid(),
        new.address,
        new.name,
        new.role.name(),
        new.owner,
        OffsetDateTime::from(new.at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An invitation that can be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: InvitationId,
    /// The organization.
    pub tenant: TenantId,
    /// That organization's name.
    pub organization: String,
    /// The address it was sent to.
    pub address: String,
    /// The same in the form that counts.
    pub address_key: String,
    /// The role it gives.
    pub role: String,
    /// Who invited, by name, when it was a person.
    pub invited_by: Option<String>,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// The invitation of a code, held until the transaction ends; `None` when it was accepted, withdrawn or is too old.
pub async fn offer(tx: &mut SystemTx, hash: &[u8; 32], now: Timestamp) -> Result<Option<Offer>, StoreError> {
    let row = sqlx::query!(
        r#"select i.id, i.tenant_id, o.name as organization, i.address, i.address_key, i.role, i.expires_at,
               m.name as "invited_by?"
           from invitation i join organization o on o.tenant_id = i.tenant_id
           left join member m on m.tenant_id = i.tenant_id and m.account_id = i.invited_by
           where i.hash = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > $2
           for update of i"#,
        hash.as_slice(),
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Offer {
        id: InvitationId::from_uuid(row.id),
        tenant: TenantId::from_uuid(row.tenant_id),
        organization: row.organization,
        address: row.address,
        address_key: row.address_key,
        role: row.role,
        invited_by: row.invited_by,
        expires_at: row.expires_at.into(),
    }))
}

/// Marks an invitation as accepted. False when it was already.
pub async fn accept(tx: &mut SystemTx, offer: &Offer, at: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update invitation set accepted_at = $3 where tenant_id = $1 and id = $2 and accepted_at is null",
        offer.tenant.uuid(),
        offer.id.uuid(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// In how many organizations a person is.
pub async fn memberships(tx: &mut SystemTx, account: AccountId) -> Result<i64, StoreError> {
    let row = sqlx::query!(
        r#"select count(*) as "count!" from member where account_id = $1 and ended_at is null"#,
        account.uuid()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.count)
}

/// Gives a member a role, as the operator. False when there is no such member, or an owner's role would sink below admin.
pub async fn set_role(
    tx: &mut SystemTx,
    tenant: TenantId,
    account: AccountId,
    role: MemberRole,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update member set (role) = row ($3) where tenant_id = $1 and account_id = $2 and ended_at is null \
         and (not owner or $3 in ('admin', 'provider_admin'))",
        tenant.uuid(),
        account.uuid(),
        role.name()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes a member an owner, and an admin if they were less, as the operator. False when there is no such member.
pub async fn make_owner(tx: &mut SystemTx, tenant: TenantId, account: AccountId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update member set owner = true, suspended_at = null, \
             role = case when role in ('admin', 'provider_admin') then role else 'admin' end \
         where tenant_id = $1 and account_id = $2 and ended_at is null",
        tenant.uuid(),
        account.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
