//! Gate two for access tokens: JWTs that this server signs and anybody can verify with its published keys. Here they open
//! only what their session or their key still opens.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use authn::jwt::access::{ACCESS_SECONDS, AccessClaims, Actor as ActingParty};
use authn::jwt::{JwtError, KeySet, SigningKey};
use crypto::Place;
use kernel::limits::KEY_CACHE_SECONDS_MAX;
use kernel::{
    AccountId, AgentId, Capabilities, EventKind, KeyId, Problem, ProblemKind, RequestContext, SessionId,
};
use serde_json::Value;
use sqlx::Row as _;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::audit::{Draft, Receipt};
use crate::identity::{AuthMode, VERIFY};
use crate::pool::DatabaseError;
use crate::principal::{Delegate, Principal, Standing, Who};
use crate::session::SessionKey;
use crate::system::{By, Reason};
use crate::token::{Refusal, unreachable};
use crate::vault::Vault;

/// How long a retired key stays published, in seconds: longer than the last token it signed lives.
const RETIRED_SECONDS: u64 = 3_600;
/// Most revoked tokens kept in memory. They are forgotten with their expiry, at most [`ACCESS_SECONDS`] later.
const REVOKED_MAX: i64 = 100_000;

/// The keys in force, and the tokens called back.
pub(crate) struct AccessKeys {
    current: Option<SigningKey>,
    set: KeySet,
    jwks: Value,
    revoked: HashSet<Uuid>,
    /// Sessions and agents whose tokens a person ended: those still alive were issued before.
    ended: HashSet<(Uuid, Uuid)>,
}

/// How long no agent gets a token for a session after its person ended what the agent held for it, in seconds: as long as
/// any token issued before may live, the person's own that the agent was handed among them.
pub const DELEGATION_PAUSE_SECONDS: u64 = ACCESS_SECONDS.unsigned_abs() + 60;

/// An access token, to be handed out this once.
pub struct AccessToken {
    /// The token.
    pub token: Zeroizing<String>,
    /// How long it lives, in seconds.
    pub lives_seconds: u64,
}

/// What an access token says, after it was verified.
pub struct TokenFacts {
    /// The claims.
    pub claims: AccessClaims,
    /// What it opens at this moment, which may differ from what its claims said a while ago; `None` when it opens nothing:
    /// it was called back, or its session or key is over.
    pub opens: Option<Capabilities>,
}

fn place(row: &str) -> Place<'_> {
    Place { tenant: None, table: "key_ring", column: "sealed", row }
}

fn decode(error: impl std::error::Error + Send + Sync + 'static) -> DatabaseError {
    DatabaseError::Sql(sqlx::Error::Decode(Box::new(error)))
}

fn reason(error: JwtError) -> &'static str {
    match error {
        JwtError::Expired => "token expired",
        JwtError::Signature | JwtError::UnknownKey => "token not ours",
        JwtError::Issuer | JwtError::Audience | JwtError::Typ => "token for somebody else",
        _ => "token malformed",
    }
}

impl Vault {
    /// The issuer and audience of access tokens: this server's public URL.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn access_keys(&self) -> Result<Arc<AccessKeys>, Problem> {
        if self.memory.vouched() {
            let kept = self.memory.access.read().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((keys, since)) = kept
                && since.elapsed() < Duration::from_secs(KEY_CACHE_SECONDS_MAX)
            {
                return Ok(keys);
            }
        }
        let generation = self.memory.generation();
        let keys = Arc::new(self.read_access_keys().await.map_err(|error| unreachable(&error))?);
        let mut kept = self.memory.access.write().unwrap_or_else(PoisonError::into_inner);
        if self.memory.generation() == generation {
            *kept = Some((Arc::clone(&keys), Instant::now()));
        }
        Ok(keys)
    }

    async fn read_access_keys(&self) -> Result<AccessKeys, DatabaseError> {
        let now = self.clock.now();
        let floor = now.minus(Duration::from_secs(RETIRED_SECONDS));
        let mut lease = self.system.lease().await?;
        let rows = sqlx::query(
            "select id, state, public, sealed from key_ring where purpose = 'access_token' \
             and (retired_at is null or retired_at > $1) order by made_at desc, id limit 16",
        )
        .bind(OffsetDateTime::from(floor))
        .fetch_all(lease.connection())
        .await?;
        let revoked: Vec<String> =
            sqlx::query_scalar("select id from revoked_token where expires_at > $1 limit $2")
                .bind(OffsetDateTime::from(now))
                .bind(REVOKED_MAX)
                .fetch_all(lease.connection())
                .await?;
        let lived = now.minus(Duration::from_secs(DELEGATION_PAUSE_SECONDS));
        let ended: Vec<(Uuid, Uuid)> =
            sqlx::query_as("select session_id, agent_id from delegation where ended_at > $1 limit $2")
                .bind(OffsetDateTime::from(lived))
                .bind(REVOKED_MAX)
                .fetch_all(lease.connection())
                .await?;
        lease.give_back();
        let (mut set, mut current) = (KeySet::default(), None);
        for row in rows {
            let (id, state): (String, String) = (row.try_get("id")?, row.try_get("state")?);
            let public: Option<String> = row.try_get("public")?;
            let public = authn::jwt::PublicKey::from_jwk(public.unwrap_or_default().as_bytes(), None)
                .map_err(decode)?;
            set.add(public).map_err(decode)?;
            if state == "current" {
                let sealed: Vec<u8> = row.try_get("sealed")?;
                let der = self.envelope().open(&place(&id), &sealed).map_err(decode)?;
                current = Some(SigningKey::from_pkcs8(der.expose()).map_err(decode)?);
            }
        }
        let jwks = set.to_jwks();
        let revoked = revoked.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
        Ok(AccessKeys { current, set, jwks, revoked, ended: ended.into_iter().collect() })
    }

    /// The published keys (RFC 7517): the next, the current, and those retired so lately that their tokens still live.
    pub async fn jwks(&self) -> Result<Value, Problem> {
        Ok(self.access_keys().await?.jwks.clone())
    }

    /// Makes the first signing keys, when there are none yet.
    pub async fn ensure_access_keys(self: &Arc<Self>, request: &RequestContext) -> Result<(), Problem> {
        if self.access_keys().await?.current.is_none() {
            self.rotate_access_keys(request).await?;
        }
        Ok(())
    }

    /// Puts the next signing key into force and makes the one after it, which is published from now on: by the time it is
    /// used, everybody who keeps a copy of the published keys has it.
    pub async fn rotate_access_keys(self: &Arc<Self>, request: &RequestContext) -> Result<Receipt, Problem> {
        let (one, other) = tokio::task::spawn_blocking(|| (SigningKey::generate(), SigningKey::generate()))
            .await
            .map_err(|_| Problem::internal())?;
        let (one, other) = (one.map_err(|_| Problem::internal())?, other.map_err(|_| Problem::internal())?);
        let mut tx = self.system(Reason::KeyRotation).await.map_err(|error| unreachable(&error))?;
        let work = async {
            sqlx::query("select pg_advisory_xact_lock(hashtextextended('portcullis.ring.access_token', 0))")
                .execute(tx.connection())
                .await?;
            let now = OffsetDateTime::from(self.clock.now());
            let next: Option<String> = sqlx::query_scalar(
                "select id from key_ring where purpose = 'access_token' and state = 'next' order by made_at limit 1",
            )
            .fetch_optional(tx.connection())
            .await?;
            sqlx::query(
                "update key_ring set state = 'retired', retired_at = $1 \
                 where purpose = 'access_token' and state = 'current'",
            )
            .bind(now)
            .execute(tx.connection())
            .await?;
            match &next {
                Some(id) => {
                    sqlx::query("update key_ring set state = 'current', current_at = $2 where purpose = 'access_token' and id = $1")
                        .bind(id)
                        .bind(now)
                        .execute(tx.connection())
                        .await?;
                }
                None => self.keep_access_key(&mut tx, &one, "current", now).await?,
            }
            self.keep_access_key(&mut tx, &other, "next", now).await?;
            Ok::<_, DatabaseError>(next.unwrap_or_else(|| one.kid().to_owned()))
        };
        work.await.map_err(|error| unreachable(&error))?;
        let draft = Draft::done(EventKind::SigningKeyRotated).fact("ring", "access_token");
        let sealed = tx.seal_by(By::System, self.instance, draft, request, "signing_key.rotate").await;
        let receipt = sealed.map_err(|_| Problem::internal())?;
        self.memory.forget();
        Ok(receipt)
    }

    async fn keep_access_key(
        &self,
        tx: &mut crate::system::SystemTx,
        key: &SigningKey,
        state: &'static str,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        let der = key.to_pkcs8().map_err(decode)?;
        let id = key.kid().to_owned();
        let sealed = self.envelope().seal(&*self.rng, &place(&id), &der).map_err(decode)?;
        sqlx::query(
            "insert into key_ring (purpose, id, state, public, sealed, made_at, current_at) \
             values ('access_token', $1, $2, $3, $4, $5, $6)",
        )
        .bind(&id)
        .bind(state)
        .bind(key.public().to_jwk().to_string())
        .bind(sealed)
        .bind(now)
        .bind((state == "current").then_some(now))
        .execute(tx.connection())
        .await?;
        Ok(())
    }

    /// An access token for a session that is open.
    ///
    /// # Errors
    /// When the session opens nothing (any more).
    pub async fn access_token_of(
        self: &Arc<Self>,
        session: SessionId,
        request: &RequestContext,
    ) -> Result<AccessToken, Problem> {
        match self.session(SessionKey::Id(session), request).await? {
            Ok(standing) => self.access_token(&Principal::of(standing), None).await,
            Err(refusal) => {
                self.refuse(VERIFY, refusal, request).await.and_then(|_| Err(Problem::internal()))
            }
        }
    }

    /// An access token for somebody who is known: a person, or an agent by its key. With `acting_for` the agent's token
    /// names the person it acts for, and opens only what both may.
    ///
    /// # Errors
    /// When it is a service, which has its key, or no signing key can be had.
    pub async fn access_token(
        self: &Arc<Self>,
        who: &Principal,
        acting_for: Option<&Principal>,
    ) -> Result<AccessToken, Problem> {
        let keys = self.access_keys().await?;
        let Some(current) = &keys.current else {
            let detail = "No key signs access tokens yet; try again shortly.";
            return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(2));
        };
        let claims = self.claims_of(who, acting_for)?;
        let token = claims.sign(current).map_err(|_| Problem::internal())?;
        Ok(AccessToken { token: Zeroizing::new(token), lives_seconds: ACCESS_SECONDS.unsigned_abs() })
    }

    fn claims_of(&self, who: &Principal, acting_for: Option<&Principal>) -> Result<AccessClaims, Problem> {
        let now = self.clock.now().unix_seconds();
        let (standing, person) = (who.standing(), acting_for.unwrap_or(who).person());
        let capabilities = match acting_for {
            Some(other) => standing.capabilities.within(other.capabilities()),
            None => standing.capabilities.clone(),
        };
        let (sub, sid, client, act) = match (&standing.who, person) {
            (Who::Human(person), _) => (person.account.uuid(), person.session.uuid(), None, None),
            (Who::Agent(agent), person) => {
                let Some(key) = standing.key else { return Err(Problem::internal()) };
                let client = Some((agent.agent.to_string(), key.uuid()));
                match person {
                    Some(person) => {
                        let act = ActingParty { sub: agent.agent.to_string() };
                        (person.account.uuid(), person.session.uuid(), client, Some(act))
                    }
                    None => (agent.agent.uuid(), key.uuid(), client, None),
                }
            }
            (Who::Service, _) => {
                let detail = "A service uses its API key; access tokens are for people and agents.";
                return Err(Problem::new(ProblemKind::Forbidden, detail));
            }
        };
        let (client_id, key_id) = client.unzip();
        Ok(AccessClaims {
            iss: self.issuer.clone(),
            sub,
            aud: self.issuer.clone(),
            tenant_id: standing.tenant,
            org: person.and_then(|person| person.organization.clone()).unwrap_or_default(),
            roles: vec![standing.capabilities.rank().name().to_owned()],
            permissions: capabilities.held().map(|permission| permission.name().to_owned()).collect(),
            sid,
            acr: person.map_or("aal1", |person| person.assurance.name()).to_owned(),
            amr: person.map_or_else(|| vec!["pwd".to_owned()], |person| person.methods.clone()),
            auth_time: person.map_or(now, |person| person.auth_time.unix_seconds()),
            iat: now,
            exp: now + ACCESS_SECONDS,
            jti: kernel::EntryId::new(&*self.clock, &*self.rng).uuid(),
            client_id,
            key_id,
            act,
        })
    }

    /// Whose access token this is, and whether it still opens anything.
    pub(crate) async fn recognise_token(
        &self,
        token: &str,
        request: &RequestContext,
    ) -> Result<Result<Arc<Standing>, Refusal>, Problem> {
        let keys = self.access_keys().await?;
        let now = self.clock.now();
        let claims = match AccessClaims::verify(token, &keys.set, &self.issuer, &self.issuer, now) {
            Ok((_, claims)) => claims,
            Err(error) => return Ok(Err(Refusal::unknown(reason(error)))),
        };
        if keys.revoked.contains(&claims.jti) {
            return Ok(Err(Refusal::of(claims.tenant_id, "token revoked")));
        }
        self.standing_of(&keys, &claims, request).await
    }

    async fn standing_of(
        &self,
        keys: &AccessKeys,
        claims: &AccessClaims,
        request: &RequestContext,
    ) -> Result<Result<Arc<Standing>, Refusal>, Problem> {
        let stale = || Ok(Err(Refusal::of(claims.tenant_id, "token of another standing")));
        let Some(client) = &claims.client_id else {
            let standing =
                match self.session(SessionKey::Id(SessionId::from_uuid(claims.sid)), request).await? {
                    Ok(standing) => standing,
                    Err(refusal) => return Ok(Err(refusal)),
                };
            // The session may have moved to another organization since: the token's permissions are those of the old one.
            let same = standing.tenant == claims.tenant_id
                && matches!(&standing.who, Who::Human(person) if person.account.uuid() == claims.sub);
            return if same { Ok(Ok(standing)) } else { stale() };
        };
        let Some(key) = claims.key_id else { return stale() };
        if self.mode == AuthMode::Env {
            // The token stands for a key of the database, and those are not known here.
            return Ok(Err(Refusal::of(claims.tenant_id, "key not in the list")));
        }
        let standing = match self.look_up_id(KeyId::from_uuid(key)).await? {
            Ok(standing) => standing,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let agent = match &standing.who {
            Who::Agent(delegate)
                if standing.tenant == claims.tenant_id && *client == delegate.agent.to_string() =>
            {
                delegate.agent
            }
            _ => return stale(),
        };
        match &claims.act {
            None if claims.sub == agent.uuid() => Ok(Ok(standing)),
            Some(act) if act.sub == agent.to_string() => {
                if keys.ended.contains(&(claims.sid, agent.uuid())) {
                    return Ok(Err(Refusal::of(claims.tenant_id, "delegation ended")));
                }
                self.delegated(&standing, agent, claims, request).await
            }
            _ => stale(),
        }
    }

    /// An agent that acts for a person: as long as that person's session is open in the same organization, and only
    /// within what the person may do. It stays an agent.
    async fn delegated(
        &self,
        standing: &Arc<Standing>,
        agent: AgentId,
        claims: &AccessClaims,
        request: &RequestContext,
    ) -> Result<Result<Arc<Standing>, Refusal>, Problem> {
        let person = match self.session(SessionKey::Id(SessionId::from_uuid(claims.sid)), request).await? {
            Ok(person) => person,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let account = AccountId::from_uuid(claims.sub);
        let live = person.tenant == standing.tenant
            && matches!(&person.who, Who::Human(human) if human.account == account
                && (!human.second_factor_required || human.second_factor));
        if !live {
            return Ok(Err(Refusal::of(claims.tenant_id, "token of another standing")));
        }
        Ok(Ok(Arc::new(Standing {
            who: Who::Agent(Delegate { agent, acting_for: Some(account) }),
            tenant: standing.tenant,
            project: standing.project,
            key: standing.key,
            name: standing.name.clone(),
            capabilities: standing.capabilities.within(&person.capabilities),
            links: standing.links.iter().chain(person.links.iter()).cloned().collect(),
        })))
    }

    /// What a token says and whether it is good, for introspection (RFC 7662). `None` for what is no token of ours.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn token_facts(
        &self,
        token: &str,
        request: &RequestContext,
    ) -> Result<Option<TokenFacts>, Problem> {
        let keys = self.access_keys().await?;
        let now = self.clock.now();
        let Ok((_, claims)) = AccessClaims::verify(token, &keys.set, &self.issuer, &self.issuer, now) else {
            return Ok(None);
        };
        let opens = if keys.revoked.contains(&claims.jti) {
            None
        } else {
            self.standing_of(&keys, &claims, request)
                .await?
                .ok()
                .map(|standing| standing.capabilities.clone())
        };
        Ok(Some(TokenFacts { claims, opens }))
    }
}
