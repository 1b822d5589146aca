//! Sessions: the stays of people, of browsers and of programs.

use gates::SystemTx;
use kernel::{AccountId, Assurance, SessionId, TenantId, Timestamp};
use time::OffsetDateTime;

use crate::StoreError;

/// What a new session is.
pub struct NewSession<'a> {
    /// The organization it is in; the instance for a person without one.
    pub tenant: TenantId,
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// SHA-256 of the cookie's secret, for a browser.
    pub hash: Option<&'a [u8; 32]>,
    /// The head of the family of refresh tokens, for a program.
    pub refresh: Option<Refresh>,
    /// What signed in, in a few words.
    pub device: &'a str,
    /// From where.
    pub address: Option<String>,
    /// How sure the server is.
    pub assurance: Assurance,
    /// By which methods (RFC 8176).
    pub methods: &'a [String],
    /// Now.
    pub at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// The living member of a family of refresh tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Which generation.
    pub generation: i64,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// When it, and those lately before it, became the living one; newest first.
    pub rotations: Vec<Timestamp>,
    /// When it expires unused.
    pub expires_at: Timestamp,
}

impl Refresh {
    fn moments(&self) -> Vec<OffsetDateTime> {
        self.rotations.iter().copied().map(OffsetDateTime::from).collect()
    }
}

/// Opens a session.
pub async fn open(tx: &mut SystemTx, new: &NewSession<'_>) -> Result<(), StoreError> {
    let at = OffsetDateTime::from(new.at);
    let rotations = new.refresh.as_ref().map(Refresh::moments);
    sqlx::query!(
        "insert into session (tenant_id, id, account_id, hash, device, address, acr, amr, auth_time, created_at, \
         expires_at, refresh_generation, refresh_hash, refresh_rotations, refresh_expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14)",
        new.tenant.uuid(),
        new.id.uuid(),
        new.account.uuid(),
        new.hash.map(<[u8; 32]>::as_slice),
        new.device,
        new.address,
        new.assurance.name(),
        new.methods,
        at,
        OffsetDateTime::from(new.expires_at),
        new.refresh.as_ref().map(|refresh| refresh.generation),
        new.refresh.as_ref().map(|refresh| refresh.hash.as_slice()),
        rotations.as_deref(),
        new.refresh.as_ref().map(|refresh| OffsetDateTime::from(refresh.expires_at))
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A session as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The organization it is in; the instance for a person without one.
    pub tenant: TenantId,
    /// That organization's name.
    pub organization: Option<String>,
    /// What signed in.
    pub device: String,
    /// From where it signed in, or was last seen.
    pub address: Option<String>,
    /// How sure the server is.
    pub assurance: String,
    /// Whether it is a program with refresh tokens rather than a browser.
    pub program: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last seen.
    pub seen_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A person's living sessions, newest first, at most `rows`.
pub async fn of_account(
    tx: &mut SystemTx,
    account: AccountId,
    now: Timestamp,
    rows: i64,
) -> Result<Vec<Session>, StoreError> {
    let found = sqlx::query!(
        r#"select s.id, s.tenant_id, o.name as "organization?", s.device, coalesce(v.address, s.address) as address,
               s.acr, s.refresh_hash is not null as "program!", s.created_at, v.at as "seen_at?", s.expires_at
           from session s left join organization o on o.tenant_id = s.tenant_id
           left join session_seen v on v.tenant_id = s.tenant_id and v.session_id = s.id
           where s.account_id = $1 and s.revoked_at is null and s.expires_at > $2
           order by s.created_at desc limit $3"#,
        account.uuid(),
        OffsetDateTime::from(now),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Session {
            id: SessionId::from_uuid(row.id),
            tenant: TenantId::from_uuid(row.tenant_id),
            organization: row.organization,
            device: row.device,
            address: row.address,
            assurance: row.acr,
            program: row.program,
            created_at: row.created_at.into(),
            seen_at: row.seen_at.map(Into::into),
            expires_at: row.expires_at.into(),
        })
        .collect())
}

/// Ends one of a person's sessions, wherever it is. `None` when there is no such living session; else the organization
/// it was in.
pub async fn revoke(
    tx: &mut SystemTx,
    account: AccountId,
    id: SessionId,
    because: &str,
    at: Timestamp,
) -> Result<Option<TenantId>, StoreError> {
    let row = sqlx::query!(
        "update session set revoked_at = $3, revoked_because = $4 \
         where account_id = $1 and id = $2 and revoked_at is null returning tenant_id",
        account.uuid(),
        id.uuid(),
        OffsetDateTime::from(at),
        because
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| TenantId::from_uuid(row.tenant_id)))
}

/// The organizations in which a person has living sessions other than `kept`.
pub async fn tenants_of(
    tx: &mut SystemTx,
    account: AccountId,
    kept: Option<SessionId>,
) -> Result<Vec<TenantId>, StoreError> {
    let found = sqlx::query!(
        "select distinct tenant_id from session where account_id = $1 and revoked_at is null \
         and ($2::uuid is null or id <> $2) order by tenant_id",
        account.uuid(),
        kept.map(SessionId::uuid)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| TenantId::from_uuid(row.tenant_id)).collect())
}

/// Ends all of a person's sessions but `kept`; answers how many that were.
pub async fn revoke_all(
    tx: &mut SystemTx,
    account: AccountId,
    kept: Option<SessionId>,
    because: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update session set revoked_at = $3, revoked_because = $4 \
         where account_id = $1 and revoked_at is null and ($2::uuid is null or id <> $2)",
        account.uuid(),
        kept.map(SessionId::uuid),
        OffsetDateTime::from(at),
        because
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// What a person proved anew in a session: its assurance never falls.
pub async fn confirm(
    tx: &mut SystemTx,
    account: AccountId,
    id: SessionId,
    assurance: Assurance,
    methods: &[String],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update session set acr = greatest(acr, $3), auth_time = $5, \
         amr = (select array_agg(distinct m order by m) from unnest(amr || $4::text[]) m) \
         where account_id = $1 and id = $2",
        account.uuid(),
        id.uuid(),
        assurance.name(),
        methods,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Moves a session to another organization, under a new secret when it is a browser's.
pub async fn switch(
    tx: &mut SystemTx,
    account: AccountId,
    id: SessionId,
    tenant: TenantId,
    hash: Option<&[u8; 32]>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update session set tenant_id = $3, hash = coalesce($4, hash) where account_id = $1 and id = $2",
        account.uuid(),
        id.uuid(),
        tenant.uuid(),
        hash.map(<[u8; 32]>::as_slice)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A session with refresh tokens, held until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// The session.
    pub session: SessionId,
    /// The organization it is in.
    pub tenant: TenantId,
    /// Whose it is.
    pub account: AccountId,
    /// The living member.
    pub refresh: Refresh,
    /// When the session ends, whatever is refreshed.
    pub expires_at: Timestamp,
    /// Whether it was ended.
    pub revoked: bool,
}

/// The family a refresh token says it belongs to.
pub async fn family(tx: &mut SystemTx, id: SessionId) -> Result<Option<Family>, StoreError> {
    let row = sqlx::query!(
        r#"select id, tenant_id, account_id, refresh_generation as "generation!",  refresh_hash as "hash!",
               refresh_rotations as "rotations!", refresh_expires_at as "refresh_expires_at!", expires_at, revoked_at
           from session where id = $1 and refresh_hash is not null for update"#,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let hash = row
        .hash
        .try_into()
        .map_err(|_| StoreError::Database(sqlx::Error::Decode("a refresh hash is not 32 bytes".into())))?;
    Ok(Some(Family {
        session: SessionId::from_uuid(row.id),
        tenant: TenantId::from_uuid(row.tenant_id),
        account: AccountId::from_uuid(row.account_id),
        refresh: Refresh {
            generation: row.generation,
            hash,
            rotations: row.rotations.into_iter().map(Into::into).collect(),
            expires_at: row.refresh_expires_at.into(),
        },
        expires_at: row.expires_at.into(),
        revoked: row.revoked_at.is_some(),
    }))
}

/// Moves a family on to its next member.
pub async fn rotate(
    tx: &mut SystemTx,
    tenant: TenantId,
    id: SessionId,
    next: &Refresh,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update session set refresh_generation = $3, refresh_hash = $4, refresh_rotations = $5, \
         refresh_expires_at = $6 where tenant_id = $1 and id = $2",
        tenant.uuid(),
        id.uuid(),
        next.generation,
        next.hash.as_slice(),
        &next.moments(),
        OffsetDateTime::from(next.expires_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// An organization a person may enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The organization.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// The person's role there.
    pub role: String,
    /// Whether they own it.
    pub owner: bool,
    /// How long a session lasts there, in hours, when the organization says.
    pub session_hours: Option<i32>,
}

/// The organizations a person is a live member of, by name.
pub async fn homes(tx: &mut SystemTx, account: AccountId) -> Result<Vec<Home>, StoreError> {
    let found = sqlx::query!(
        r#"select m.tenant_id, o.name, m.role, m.owner, s.session_hours as "session_hours?"
           from member m join organization o on o.tenant_id = m.tenant_id
           left join organization_settings s on s.tenant_id = m.tenant_id
           where m.account_id = $1 and m.ended_at is null and m.suspended_at is null order by o.name, m.tenant_id"#,
        account.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Home {
            tenant: TenantId::from_uuid(row.tenant_id),
            name: row.name,
            role: row.role,
            owner: row.owner,
            session_hours: row.session_hours,
        })
        .collect())
}

/// All organizations that show a person among their members, suspended ones included.
pub async fn shown_in(tx: &mut SystemTx, account: AccountId) -> Result<Vec<TenantId>, StoreError> {
    let found = sqlx::query!(
        "select tenant_id from member where account_id = $1 and ended_at is null order by tenant_id",
        account.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| TenantId::from_uuid(row.tenant_id)).collect())
}

/// Brings the name and the address that organizations show in line with the account's.
pub async fn show(tx: &mut SystemTx, account: AccountId) -> Result<(), StoreError> {
    sqlx::query!(
        "update member m set name = a.name, address = a.address from account a \
         where a.id = $1 and m.account_id = $1 and m.ended_at is null",
        account.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
