//! Invitations that wait for an answer. Accepting one is in [`crate::joining`].

use gates::{Tx, WriteTx};
use kernel::{AccountId, InvitationId, MemberRole, Timestamp};
use time::OffsetDateTime;

use crate::{StoreError, decode};

/// An invitation that was neither accepted nor withdrawn. It may be too old to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The address it was sent to.
    pub address: String,
    /// The role it gives.
    pub role: MemberRole,
    /// Who invited, when it was a person.
    pub invited_by: Option<AccountId>,
    /// When it was sent.
    pub made_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// The invitations that wait, after `after`, by id.
pub async fn list(
    tx: &mut Tx,
    after: Option<InvitationId>,
    rows: i64,
) -> Result<Vec<Invitation>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, address, role, invited_by, made_at, expires_at from invitation \
         where tenant_id = $1 and accepted_at is null and revoked_at is null and ($2::uuid is null or id > $2) \
         order by id limit $3",
        tenant,
        after.map(InvitationId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    found
        .into_iter()
        .map(|row| {
            Ok(Invitation {
                id: InvitationId::from_uuid(row.id),
                address: row.address,
                role: row.role.parse().map_err(decode)?,
                invited_by: row.invited_by.map(AccountId::from_uuid),
                made_at: row.made_at.into(),
                expires_at: row.expires_at.into(),
            })
        })
        .collect()
}

/// How many invitations wait.
pub async fn waiting(tx: &mut Tx) -> Result<i64, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select count(*) as "count!" from invitation
           where tenant_id = $1 and accepted_at is null and revoked_at is null"#,
        tenant
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.count)
}

/// When this address, in the form that counts, was last invited, whatever became of it.
pub async fn last_invited(tx: &mut Tx, key: &str) -> Result<Option<Timestamp>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select max(made_at) as at from invitation where tenant_id = $1 and address_key = $2",
        tenant,
        key
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.at.map(Timestamp::from))
}

/// What a new invitation is.
pub struct NewInvitation<'a> {
    /// Its id.
    pub id: InvitationId,
    /// The address as written.
    pub address: &'a str,
    /// The address in the form that counts.
    pub address_key: &'a str,
    /// The role it gives.
    pub role: MemberRole,
    /// Who invites, when it is a person.
    pub invited_by: Option<AccountId>,
    /// SHA-256 of its code.
    pub hash: &'a [u8; 32],
    /// Now.
    pub at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// Keeps a new invitation in the place of one of the same address that waits; answers whether there was one.
/// [`StoreError::Taken`] when another one for the address is kept at this very moment.
pub async fn put(tx: &mut WriteTx, new: &NewInvitation<'_>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let at = OffsetDateTime::from(new.at);
    let replaced = sqlx::query!(
        "update invitation set revoked_at = $3 \
         where tenant_id = $1 and address_key = $2 and accepted_at is null and revoked_at is null",
        tenant,
        new.address_key,
        at
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "insert into invitation (tenant_id, id, address, address_key, role, invited_by, hash, made_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant,
        new.id.uuid(),
        new.address,
        new.address_key,
        new.role.name(),
        new.invited_by.map(AccountId::uuid),
        new.hash.as_slice(),
        at,
        OffsetDateTime::from(new.expires_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(replaced.rows_affected() > 0)
}

/// Withdraws an invitation. False when none of this id waits.
pub async fn revoke(tx: &mut WriteTx, id: InvitationId, at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update invitation set revoked_at = $3 \
         where tenant_id = $1 and id = $2 and accepted_at is null and revoked_at is null",
        tenant,
        id.uuid(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
