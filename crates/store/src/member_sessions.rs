//! Sessions of members, as their organization sees and ends them. What a person sees of their own is in
//! [`crate::sessions`].

use gates::{SystemTx, Tx, WriteTx};
use kernel::{AccountId, SessionId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::StoreError;

/// A session of a member in this organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSession {
    /// Its id.
    pub id: SessionId,
    /// What signed in.
    pub device: String,
    /// From where it was last seen, or signed in.
    pub address: Option<String>,
    /// How sure the server is.
    pub assurance: String,
    /// How they proved it (RFC 8176).
    pub methods: Vec<String>,
    /// Whether it is a program with refresh tokens rather than a browser.
    pub program: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last seen.
    pub seen_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A member's living sessions in this organization, newest first, at most `rows`.
pub async fn list(
    tx: &mut Tx,
    account: AccountId,
    now: Timestamp,
    rows: i64,
) -> Result<Vec<MemberSession>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select s.id, s.device, coalesce(v.address, s.address) as address, s.acr, s.amr,
               s.refresh_hash is not null as "program!", s.created_at, v.at as "seen_at?", s.expires_at
           from session s left join session_seen v on v.tenant_id = s.tenant_id and v.session_id = s.id
           where s.tenant_id = $1 and s.account_id = $2 and s.revoked_at is null and s.expires_at > $3
           order by s.created_at desc limit $4"#,
        tenant,
        account.uuid(),
        OffsetDateTime::from(now),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let session = found.into_iter().map(|row| MemberSession {
        id: SessionId::from_uuid(row.id),
        device: row.device,
        address: row.address,
        assurance: row.acr,
        methods: row.amr,
        program: row.program,
        created_at: row.created_at.into(),
        seen_at: row.seen_at.map(Into::into),
        expires_at: row.expires_at.into(),
    });
    Ok(session.collect())
}

/// Ends one of a member's sessions in this organization. False when there is no such living session.
pub async fn end(
    tx: &mut WriteTx,
    account: AccountId,
    id: SessionId,
    because: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update session set revoked_at = $4, revoked_because = $5 \
         where tenant_id = $1 and account_id = $2 and id = $3 and revoked_at is null and expires_at > $4",
        tenant,
        account.uuid(),
        id.uuid(),
        OffsetDateTime::from(at),
        because
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all of a member's sessions in this organization; answers how many that were.
pub async fn end_all(
    tx: &mut WriteTx,
    account: AccountId,
    because: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    end_any(tx.connection(), tenant, account, because, at).await
}

/// The same, for a member who leaves by themselves.
pub async fn leave(
    tx: &mut SystemTx,
    tenant: TenantId,
    account: AccountId,
    because: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    end_any(tx.connection(), tenant, account, because, at).await
}

async fn end_any(
    connection: &mut PgConnection,
    tenant: TenantId,
    account: AccountId,
    because: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update session set revoked_at = $3, revoked_because = $4 \
         where tenant_id = $1 and account_id = $2 and revoked_at is null",
        tenant.uuid(),
        account.uuid(),
        OffsetDateTime::from(at),
        because
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Brings forward the end of browsers' sessions that would last longer than `hours`; answers how many that were.
pub async fn shorten(tx: &mut WriteTx, hours: i32) -> Result<u64, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update session set expires_at = created_at + make_interval(hours => $2) \
         where tenant_id = $1 and hash is not null and revoked_at is null \
         and expires_at > created_at + make_interval(hours => $2)",
        tenant,
        hours
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
