//! What entries say about people, apart from the entries: read for whoever may read the log, and destroyed.

use gates::{SealedValue, SystemTx, Tx};
use kernel::{AccountId, EntryId, InvitationId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// The personal values of entries of the tenant, in one look. Those whose key is gone are not among them.
pub async fn of_entries(tx: &mut Tx, entries: &[EntryId]) -> Result<Vec<SealedValue>, StoreError> {
    let tenant = tx.tenant();
    read(tx.connection(), tenant, entries).await
}

/// The same, as the system sees it.
pub async fn of_tenant(
    tx: &mut SystemTx,
    tenant: TenantId,
    entries: &[EntryId],
) -> Result<Vec<SealedValue>, StoreError> {
    read(tx.connection(), tenant, entries).await
}

/// The same, on a connection of the caller's: for a verification that looks at all tenants.
pub async fn read(
    connection: &mut PgConnection,
    tenant: TenantId,
    entries: &[EntryId],
) -> Result<Vec<SealedValue>, StoreError> {
    let ids: Vec<Uuid> = entries.iter().map(|id| id.uuid()).collect();
    let found = sqlx::query!(
        "select p.entry_id, p.field, p.key_id, k.sealed as wrapped, p.sealed from audit_personal p \
         join subject_key k on k.tenant_id = p.tenant_id and k.id = p.key_id \
         where p.tenant_id = $1 and p.entry_id = any($2)",
        tenant.uuid(),
        &ids
    )
    .fetch_all(connection)
    .await?;
    let values = found.into_iter().map(|row| SealedValue {
        entry: EntryId::from_uuid(row.entry_id),
        field: row.field,
        key: row.key_id,
        wrapped: row.wrapped,
        sealed: row.sealed,
    });
    Ok(values.collect())
}

/// The invitations that went to a person: those to their present address, and those they accepted.
pub async fn invitations_of(
    tx: &mut SystemTx,
    account: AccountId,
    address_key: &str,
) -> Result<Vec<InvitationId>, StoreError> {
    let found = sqlx::query!(
        r#"select i.id as "id!" from invitation i where i.address_key = $1
           union
           select i.id from member m
           join audit_entry e on e.tenant_id = m.tenant_id and e.kind = 'member.joined' and e.actor = 'human:' || $2::text
           join invitation i on i.tenant_id = m.tenant_id
                and i.id::text = convert_from(e.leaf, 'UTF8')::jsonb #>> '{data,invitation}'
           where m.account_id = $3"#,
        address_key,
        account.to_string(),
        account.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| InvitationId::from_uuid(row.id)).collect())
}

/// Everybody whose rooms or logs hold something about a person.
pub async fn tenants_of(
    tx: &mut SystemTx,
    account: AccountId,
    invitations: &[InvitationId],
) -> Result<Vec<TenantId>, StoreError> {
    let invitations: Vec<Uuid> = invitations.iter().map(|id| id.uuid()).collect();
    let found = sqlx::query!(
        r#"select tenant_id as "tenant_id!" from member where account_id = $1
           union select tenant_id from session where account_id = $1
           union select tenant_id from break_glass where account_id = $1 or reviewed_by = $1
           union select tenant_id from invitation where id = any($2)
           union select tenant_id from subject_key where subject = $1 or subject = any($2)"#,
        account.uuid(),
        &invitations
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| TenantId::from_uuid(row.tenant_id)).collect())
}

/// Destroys the keys of a person in the logs of all tenants: overwritten with `noise`, then removed. How many there were.
pub async fn destroy_keys(
    tx: &mut SystemTx,
    account: AccountId,
    invitations: &[InvitationId],
    noise: &[u8],
) -> Result<u64, StoreError> {
    let mut subjects: Vec<Uuid> = invitations.iter().map(|id| id.uuid()).collect();
    subjects.push(account.uuid());
    sqlx::query!("update subject_key set sealed = $2 where subject = any($1)", &subjects, noise)
        .execute(tx.connection())
        .await?;
    let done = sqlx::query!("delete from subject_key where subject = any($1)", &subjects)
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected())
}

/// What stands in the place of what was a person's own.
pub struct Blank<'a> {
    /// Whose.
    pub account: AccountId,
    /// Invitations that went to them.
    pub invitations: &'a [InvitationId],
    /// An address that is nobody's.
    pub address: &'a str,
    /// A name that is nobody's, and words in the place of theirs.
    pub words: &'a str,
    /// Now.
    pub at: Timestamp,
}

/// Takes what is a person's own out of the rooms. The account's row stays, closed, because others refer to it by its id.
pub async fn blank(tx: &mut SystemTx, blank: &Blank<'_>) -> Result<(), StoreError> {
    let (account, at) = (blank.account.uuid(), OffsetDateTime::from(blank.at));
    let invitations: Vec<Uuid> = blank.invitations.iter().map(|id| id.uuid()).collect();
    sqlx::query!(
        "update account set address = $2, address_key = $2, address_verified_at = null, name = $3, password = null, \
         password_changed_at = null, super_admin_at = null, disabled_at = coalesce(disabled_at, $4) where id = $1",
        account,
        blank.address,
        blank.words,
        at
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update member set address = $2, name = $3, owner = false, ended_at = coalesce(ended_at, $4) \
         where account_id = $1",
        account,
        blank.address,
        blank.words,
        at
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update invitation set address = $2, address_key = $2 where id = any($1)",
        &invitations,
        blank.address
    )
    .execute(tx.connection())
    .await?;
    blank_traces(tx, blank).await
}

/// Sessions, reasons, what was seen of devices, links on their way.
async fn blank_traces(tx: &mut SystemTx, blank: &Blank<'_>) -> Result<(), StoreError> {
    let account = blank.account.uuid();
    sqlx::query!("update session set device = '', address = null where account_id = $1", account)
        .execute(tx.connection())
        .await?;
    sqlx::query!(
        "update session_seen n set address = null from session s \
         where s.account_id = $1 and n.tenant_id = s.tenant_id and n.session_id = s.id",
        account
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!("update break_glass set reason = $2 where account_id = $1", account, blank.words)
        .execute(tx.connection())
        .await?;
    sqlx::query!("update break_glass set review = $2 where reviewed_by = $1", account, blank.words)
        .execute(tx.connection())
        .await?;
    sqlx::query!("delete from account_event where account_id = $1", account).execute(tx.connection()).await?;
    sqlx::query!("delete from one_time_link where account_id = $1", account).execute(tx.connection()).await?;
    sqlx::query!("delete from ceremony where account_id = $1", account).execute(tx.connection()).await?;
    crate::doors::forget_devices(tx, blank.account).await
}
