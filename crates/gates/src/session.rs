//! Gate two for people: is the session genuine, live and its person still welcome. Sessions are remembered like keys
//! are, and dropped within a fraction of a second of any change on any replica.

use std::sync::Arc;
use std::time::Duration;

use audit_log::{Actor, ActorKind};
use crypto::KeyHash;
use kernel::limits::SESSION_SEEN_SECONDS;
use kernel::{
    AccountId, BreakGlassId, Capabilities, Problem, Rank, RequestContext, SessionId, TenantId, Timestamp,
};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::identity::VERIFY;
use crate::pool::DatabaseError;
use crate::principal::{Membership, Person, Principal, Standing, Who};
use crate::token::{Refusal, unreachable};
use crate::vault::Vault;

/// By what a session is found: the hash of its cookie's secret, or its id inside a verified token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SessionKey {
    Secret(KeyHash),
    Id(SessionId),
}

#[derive(Clone)]
pub(crate) struct KnownSession {
    standing: Arc<Standing>,
    account: AccountId,
    session: SessionId,
    expires_at: Timestamp,
    /// Why it opens nothing, whatever the time.
    closed: Option<&'static str>,
}

impl KnownSession {
    fn judge(&self, now: Timestamp) -> Result<Arc<Standing>, Refusal> {
        let reason = match self.closed {
            Some(reason) => reason,
            None if self.expires_at <= now => "expired",
            None => return Ok(Arc::clone(&self.standing)),
        };
        let actor = Actor::new(ActorKind::Anonymous, self.account.to_string());
        let actor = actor.with_key(self.session.to_string());
        Err(Refusal { tenant: Some(self.standing.tenant), reason, actor })
    }
}

/// Everything that decides about a session, in one look.
macro_rules! read {
    ($which:literal) => {
        concat!(
            "select s.tenant_id, s.id, s.account_id, s.acr, s.amr, s.auth_time, s.expires_at, s.revoked_at, a.name, \
             a.address, a.disabled_at, a.address_verified_at, a.super_admin_at, m.role, m.owner, m.suspended_at, \
             m.ended_at, g.name as organization, \
             coalesce(o.second_factor_for_all or m.role = any(o.second_factor_roles), false) \
                 as second_factor_required, \
             exists (select from totp t where t.account_id = a.id and t.confirmed_at is not null) \
                 or exists (select from passkey p where p.account_id = a.id) as second_factor, \
             b.id as break_glass, b.until as break_glass_until, \
             (select coalesce(json_agg(json_build_array(h.tenant_id, h.name, h.role)), '[]') \
                 from (select h.tenant_id, og.name, h.role from member h \
                       join organization og on og.tenant_id = h.tenant_id \
                       where h.account_id = s.account_id and h.ended_at is null and h.suspended_at is null \
                       order by og.name, h.tenant_id limit 100) h) as memberships \
             from session s join account a on a.id = s.account_id \
             left join member m on m.tenant_id = s.tenant_id and m.account_id = s.account_id \
             left join organization g on g.tenant_id = s.tenant_id \
             left join organization_settings o on o.tenant_id = s.tenant_id \
             left join lateral (select id, until from break_glass b where b.tenant_id = s.tenant_id \
                 and b.account_id = s.account_id and b.closed_at is null order by b.until desc limit 1) b on true \
             where ",
            $which
        )
    };
}

impl Vault {
    /// Gates one and two for a browser: whose session is it, and is it good. Refusals are entries, except that of a
    /// visitor who sent nothing, which the caller answers by asking to sign in.
    pub async fn authenticate_session(
        self: &Arc<Self>,
        secret: &str,
        request: &RequestContext,
    ) -> Result<Principal, Problem> {
        let hash = crypto::sha256(secret.as_bytes());
        let found = match KeyHash::from_slice(&hash) {
            Some(hash) => self.session(SessionKey::Secret(hash), request).await?,
            None => Err(Refusal::unknown("malformed")),
        };
        match found {
            Ok(standing) => Ok(Principal::of(standing)),
            Err(refusal) => self.refuse(VERIFY, refusal, request).await,
        }
    }

    /// The standing of a session, when it is good.
    pub(crate) async fn session(
        &self,
        key: SessionKey,
        request: &RequestContext,
    ) -> Result<Result<Arc<Standing>, Refusal>, Problem> {
        let now = self.clock.now();
        if let Some(known) = self.memory.recall(&self.memory.sessions, &key) {
            return Ok(known.judge(now));
        }
        let generation = self.memory.generation();
        let Some(known) = self.read_session(key).await.map_err(|error| unreachable(&error))? else {
            return Ok(Err(Refusal::unknown("unknown")));
        };
        let authority = self.fresh_authority(known.standing.tenant).await?;
        let known = KnownSession { standing: Arc::new(authority.holding(&known.standing)?), ..known };
        self.memory.remember(&self.memory.sessions, key, known.clone(), generation);
        let judged = known.judge(now);
        if judged.is_ok() {
            self.see(&known, request).await.map_err(|error| unreachable(&error))?;
        }
        Ok(judged)
    }

    async fn read_session(&self, key: SessionKey) -> Result<Option<KnownSession>, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let row = match key {
            SessionKey::Secret(hash) => {
                let sql = read!("s.hash = $1");
                sqlx::query(sql).bind(hash.as_bytes().to_vec()).fetch_optional(lease.connection()).await?
            }
            SessionKey::Id(id) => {
                let sql = read!("s.id = $1");
                sqlx::query(sql).bind(id.uuid()).fetch_optional(lease.connection()).await?
            }
        };
        lease.give_back();
        row.map(|row| self.known_session(&row)).transpose()
    }

    fn known_session(&self, row: &PgRow) -> Result<KnownSession, DatabaseError> {
        let moment =
            |column: &str| row.try_get::<Option<OffsetDateTime>, _>(column).map(|at| at.map(Timestamp::from));
        let uuid = |column: &str| row.try_get::<Uuid, _>(column);
        let (tenant, account) =
            (TenantId::from_uuid(uuid("tenant_id")?), AccountId::from_uuid(uuid("account_id")?));
        let (session, expires_at) =
            (SessionId::from_uuid(uuid("id")?), row.try_get::<OffsetDateTime, _>("expires_at")?);
        let role: Option<String> = row.try_get("role")?;
        let role = role.map(|role| role.parse()).transpose().map_err(decode)?;
        let ended = role.is_none() || moment("ended_at")?.is_some();
        let closed = if moment("revoked_at")?.is_some() {
            Some("revoked")
        } else if moment("disabled_at")?.is_some() {
            Some("disabled")
        } else if moment("address_verified_at")?.is_none() {
            Some("unverified")
        } else if tenant == self.instance {
            None
        } else if ended {
            Some("not a member")
        } else if moment("suspended_at")?.is_some() {
            Some("suspended")
        } else {
            None
        };
        let break_glass = row.try_get::<Option<Uuid>, _>("break_glass")?.map(BreakGlassId::from_uuid);
        let acr: String = row.try_get("acr")?;
        let person = Person {
            account,
            session,
            address: row.try_get("address")?,
            organization: row.try_get("organization")?,
            owner: row.try_get::<Option<bool>, _>("owner")?.unwrap_or(false),
            super_admin: moment("super_admin_at")?.is_some(),
            assurance: acr.parse().map_err(decode)?,
            methods: row.try_get("amr")?,
            auth_time: row.try_get::<OffsetDateTime, _>("auth_time")?.into(),
            expires_at: expires_at.into(),
            second_factor: row.try_get("second_factor")?,
            second_factor_required: row.try_get("second_factor_required")?,
            break_glass: break_glass.zip(moment("break_glass_until")?),
            memberships: memberships(row.try_get("memberships")?)?,
        };
        let standing = Standing {
            who: Who::Human(Arc::new(person)),
            tenant,
            project: None,
            key: None,
            name: row.try_get("name")?,
            capabilities: Capabilities::of(role.map_or(Rank::Newcomer, Rank::Member)),
            links: Arc::default(),
        };
        Ok(KnownSession {
            standing: Arc::new(standing),
            account,
            session,
            expires_at: expires_at.into(),
            closed,
        })
    }

    /// Notes that the session was used just now, at most once in [`SESSION_SEEN_SECONDS`].
    async fn see(&self, known: &KnownSession, request: &RequestContext) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let before = now.minus(Duration::from_secs(SESSION_SEEN_SECONDS.unsigned_abs()));
        let mut lease = self.system.lease().await?;
        sqlx::query(
            "insert into session_seen as s (tenant_id, session_id, at, address) \
             select $1, $2, $3, $4 where exists (select from session where tenant_id = $1 and id = $2) \
             on conflict (tenant_id, session_id) do update set at = excluded.at, address = excluded.address \
             where s.at < $5",
        )
        .bind(known.standing.tenant.uuid())
        .bind(known.session.uuid())
        .bind(OffsetDateTime::from(now))
        .bind(request.peer.map(|peer| peer.to_string()))
        .bind(OffsetDateTime::from(before))
        .execute(lease.connection())
        .await?;
        lease.give_back();
        Ok(())
    }
}

/// The organizations of a person, as the statement has them: ids, names, roles.
fn memberships(found: serde_json::Value) -> Result<Vec<Membership>, DatabaseError> {
    let found: Vec<(Uuid, String, String)> = serde_json::from_value(found).map_err(decode)?;
    let membership = |(tenant, name, role): (Uuid, String, String)| {
        let role = role.parse().map_err(decode)?;
        Ok(Membership { tenant: TenantId::from_uuid(tenant), name, role })
    };
    found.into_iter().map(membership).collect()
}

fn decode<E: std::error::Error + Send + Sync + 'static>(error: E) -> DatabaseError {
    DatabaseError::Sql(sqlx::Error::Decode(Box::new(error)))
}
