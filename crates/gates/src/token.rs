//! Gate two: is the key genuine, live, unexpired and unrevoked. Lookups are remembered for at most
//! [`KEY_CACHE_SECONDS_MAX`], and dropped within a fraction of a second of any change on any replica.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use audit_log::{Actor, ActorKind};
use crypto::KeyHash;
use kernel::limits::{KEY_CACHE_ENTRIES_MAX, KEY_CACHE_SECONDS_MAX};
use kernel::{
    AgentId, Capabilities, Gate, KeyId, Permission, Problem, ProblemKind, ProjectId, TenantId, Timestamp,
};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::access::AccessKeys;
use crate::authority::Authority;
use crate::constraint::InForce;
use crate::pool::DatabaseError;
use crate::principal::{Delegate, Standing, Who};
use crate::privacy::Rules;
use crate::session::{KnownSession, SessionKey};
use crate::vault::Vault;

/// Time between two looks at the epoch, in milliseconds.
const EPOCH_POLL_MILLIS: u64 = 200;
/// Age past which a look at the epoch no longer vouches for what is remembered, in milliseconds.
const EPOCH_STALE_MILLIS_MAX: u64 = 900;

/// Why a credential opened nothing.
pub(crate) struct Refusal {
    pub(crate) tenant: Option<TenantId>,
    pub(crate) reason: &'static str,
    pub(crate) actor: Actor,
}

impl Refusal {
    pub(crate) fn unknown(reason: &'static str) -> Self {
        Self { tenant: None, reason, actor: Actor::unnamed(ActorKind::Anonymous) }
    }

    /// A genuine token of this tenant's that opens nothing.
    pub(crate) fn of(tenant: TenantId, reason: &'static str) -> Self {
        Self { tenant: Some(tenant), ..Self::unknown(reason) }
    }
}

#[derive(Clone)]
struct Known {
    standing: Arc<Standing>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    suspended: bool,
}

impl Known {
    /// The same with what its relations say that it holds.
    async fn asked_about(self, vault: &Vault) -> Result<Self, Problem> {
        let authority = vault.fresh_authority(self.standing.tenant).await?;
        Ok(Self { standing: Arc::new(authority.holding(&self.standing)?), ..self })
    }

    fn judge(&self, now: Timestamp) -> Result<Arc<Standing>, Refusal> {
        let reason = if self.revoked_at.is_some_and(|at| at <= now) {
            "revoked"
        } else if self.expires_at.is_some_and(|at| at <= now) {
            "expired"
        } else if self.suspended {
            "suspended"
        } else {
            return Ok(Arc::clone(&self.standing));
        };
        let actor = Actor::unnamed(ActorKind::Anonymous);
        let actor = match self.standing.key {
            Some(key) => actor.with_key(key.to_string()),
            None => actor,
        };
        Err(Refusal { tenant: Some(self.standing.tenant), reason, actor })
    }
}

/// What was looked up lately. Everything in it is dropped together when the epoch moves.
pub(crate) struct Memory {
    started: Instant,
    /// Moves with every drop; a lookup that began before a drop is not remembered after it.
    generation: AtomicU64,
    /// Milliseconds after `started` of the last good look at the epoch.
    looked: AtomicU64,
    keys: RwLock<HashMap<KeyHash, (Known, Instant)>>,
    policies: RwLock<HashMap<TenantId, (Arc<Rules>, Instant)>>,
    pub(crate) authorities: RwLock<HashMap<TenantId, (Arc<Authority>, Instant)>>,
    pub(crate) packs: RwLock<HashMap<TenantId, (Option<InForce>, Instant)>>,
    pub(crate) sessions: RwLock<HashMap<SessionKey, (KnownSession, Instant)>>,
    keys_by_id: RwLock<HashMap<KeyId, (Known, Instant)>>,
    pub(crate) access: RwLock<Option<(Arc<AccessKeys>, Instant)>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            generation: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            keys: RwLock::default(),
            policies: RwLock::default(),
            authorities: RwLock::default(),
            packs: RwLock::default(),
            sessions: RwLock::default(),
            keys_by_id: RwLock::default(),
            access: RwLock::default(),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether what is remembered may be used: the epoch was seen unmoved a moment ago.
    pub(crate) fn vouched(&self) -> bool {
        self.millis().saturating_sub(self.looked.load(Ordering::Acquire)) <= EPOCH_STALE_MILLIS_MAX
    }

    pub(crate) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.keys.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.policies.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.authorities.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.packs.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.keys_by_id.write().unwrap_or_else(PoisonError::into_inner).clear();
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn recall<K: std::hash::Hash + Eq, V: Clone>(
        &self,
        map: &RwLock<HashMap<K, (V, Instant)>>,
        key: &K,
    ) -> Option<V> {
        if !self.vouched() {
            return None;
        }
        let map = map.read().unwrap_or_else(PoisonError::into_inner);
        let (value, since) = map.get(key)?;
        (since.elapsed() < Duration::from_secs(KEY_CACHE_SECONDS_MAX)).then(|| value.clone())
    }

    pub(crate) fn remember<K: std::hash::Hash + Eq, V>(
        &self,
        map: &RwLock<HashMap<K, (V, Instant)>>,
        key: K,
        value: V,
        generation: u64,
    ) {
        let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation() != generation {
            return;
        }
        if map.len() >= KEY_CACHE_ENTRIES_MAX {
            map.clear();
        }
        map.insert(key, (value, Instant::now()));
    }
}

/// Watches the epoch until the vault closes.
pub(crate) async fn watch(vault: std::sync::Weak<Vault>) {
    let mut last: Option<i64> = None;
    let mut tick = tokio::time::interval(Duration::from_millis(EPOCH_POLL_MILLIS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(vault) = vault.upgrade() else { return };
        let asked = vault.memory.millis();
        match vault.epoch().await {
            Ok(epoch) => {
                if last.is_some_and(|last| last != epoch) {
                    vault.memory.forget();
                }
                last = Some(epoch);
                vault.memory.looked.store(asked, Ordering::Release);
            }
            Err(error) => {
                tracing::warn!(%error, "the cache epoch cannot be read; every key is looked up afresh");
            }
        }
    }
}

/// A key with what decides about it.
macro_rules! key_where {
    ($which:literal) => {
        concat!(
            "select k.tenant_id, k.id, k.project_id, k.agent_id, k.name, k.role, k.capabilities, k.hash, \
             k.expires_at, k.revoked_at, a.suspended_at is not null as suspended \
             from api_key k left join agent a on a.tenant_id = k.tenant_id and a.id = k.agent_id where ",
            $which
        )
    };
}

impl Vault {
    async fn epoch(&self) -> Result<i64, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let epoch = sqlx::query_scalar("select coalesce(sum(epoch), 0)::bigint from cache_epoch")
            .fetch_one(lease.connection())
            .await?;
        lease.give_back();
        Ok(epoch)
    }

    pub(crate) async fn look_up(&self, hash: KeyHash) -> Result<Result<Arc<Standing>, Refusal>, Problem> {
        let now = self.clock.now();
        if let Some(known) = self.memory.recall(&self.memory.keys, &hash) {
            return Ok(known.judge(now));
        }
        let generation = self.memory.generation();
        match self.read_key(hash).await.map_err(|error| unreachable(&error))? {
            None => Ok(Err(Refusal::unknown("unknown"))),
            Some(known) => {
                let known = known.asked_about(self).await?;
                self.memory.remember(&self.memory.keys, hash, known.clone(), generation);
                Ok(known.judge(now))
            }
        }
    }

    /// The standing of a key that stands in no table. Remembered like those that do, so that the model is not asked about
    /// every permission at every request.
    pub(crate) async fn listed(&self, hash: KeyHash, standing: Standing) -> Result<Arc<Standing>, Problem> {
        if let Some(known) = self.memory.recall(&self.memory.keys, &hash) {
            return Ok(known.standing);
        }
        let generation = self.memory.generation();
        let known =
            Known { standing: Arc::new(standing), expires_at: None, revoked_at: None, suspended: false };
        let known = known.asked_about(self).await?;
        self.memory.remember(&self.memory.keys, hash, known.clone(), generation);
        Ok(known.standing)
    }

    /// The standing of a key by its id, for tokens that were issued for it.
    pub(crate) async fn look_up_id(&self, id: KeyId) -> Result<Result<Arc<Standing>, Refusal>, Problem> {
        let now = self.clock.now();
        if let Some(known) = self.memory.recall(&self.memory.keys_by_id, &id) {
            return Ok(known.judge(now));
        }
        let generation = self.memory.generation();
        match self.read_key_by_id(id).await.map_err(|error| unreachable(&error))? {
            None => Ok(Err(Refusal::unknown("unknown"))),
            Some(found) => {
                let found = found.asked_about(self).await?;
                self.memory.remember(&self.memory.keys_by_id, id, found.clone(), generation);
                Ok(found.judge(now))
            }
        }
    }

    async fn read_key(&self, hash: KeyHash) -> Result<Option<Known>, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let rows = sqlx::query(key_where!("k.hash = $1"))
            .bind(hash.as_bytes().as_slice())
            .fetch_all(lease.connection())
            .await?;
        lease.give_back();
        for row in rows {
            let stored: Vec<u8> = row.try_get("hash")?;
            // The index found it; the comparison that counts takes the same time wherever the bytes differ.
            if KeyHash::from_slice(&stored) == Some(hash) {
                return Ok(Some(known(&row)?));
            }
        }
        Ok(None)
    }

    async fn read_key_by_id(&self, id: KeyId) -> Result<Option<Known>, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let row =
            sqlx::query(key_where!("k.id = $1")).bind(id.uuid()).fetch_optional(lease.connection()).await?;
        lease.give_back();
        row.map(|row| known(&row)).transpose()
    }

    /// The tenant's PII policy in force.
    pub(crate) async fn policy(&self, tenant: TenantId) -> Result<Arc<Rules>, Problem> {
        if let Some(policy) = self.memory.recall(&self.memory.policies, &tenant) {
            return Ok(policy);
        }
        let generation = self.memory.generation();
        let said = self.read_policy(tenant).await.map_err(|error| unreachable(&error))?;
        let floor = self.pack(tenant).await?.and_then(|pack| pack.floor());
        let policy = Arc::new(Rules::under(said, floor, &self.scanner, self.reader.clone())?);
        self.memory.remember(&self.memory.policies, tenant, Arc::clone(&policy), generation);
        Ok(policy)
    }

    async fn read_policy(&self, tenant: TenantId) -> Result<pii::Rulebook, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let document: Option<serde_json::Value> = sqlx::query_scalar(
            "select document from pii_policy where tenant_id = $1 order by version desc limit 1",
        )
        .bind(tenant.uuid())
        .fetch_optional(lease.connection())
        .await?;
        lease.give_back();
        match document {
            None => Ok(pii::Rulebook::new("pii@default")),
            Some(document) => serde_json::from_value(document)
                .map_err(|error| DatabaseError::Sql(sqlx::Error::Decode(Box::new(error)))),
        }
    }

    /// How many organizations have rules in force that ask for deep reading.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn who_ask_for_deep(&self) -> Result<u64, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let count: i64 = sqlx::query_scalar(
            "select count(*) from (select distinct on (tenant_id) document from pii_policy \
             order by tenant_id, version desc) as in_force where document ->> 'deep' = 'true'",
        )
        .fetch_one(lease.connection())
        .await?;
        lease.give_back();
        Ok(count.unsigned_abs())
    }

    pub(crate) async fn first_organization(&self) -> Result<Option<TenantId>, Problem> {
        let read = async {
            let mut lease = self.system.lease().await?;
            let tenant: Option<Uuid> = sqlx::query_scalar(
                "select tenant_id from organization order by created_at, tenant_id limit 1",
            )
            .fetch_optional(lease.connection())
            .await?;
            lease.give_back();
            Ok(tenant.map(TenantId::from_uuid))
        };
        read.await.map_err(|error: DatabaseError| unreachable(&error))
    }
}

fn known(row: &PgRow) -> Result<Known, DatabaseError> {
    let role: String = row.try_get("role")?;
    let only: Option<Vec<String>> = row.try_get("capabilities")?;
    let only = only
        .map(|names| names.iter().map(|name| name.parse::<Permission>()).collect())
        .transpose()
        .map_err(|error| DatabaseError::Sql(sqlx::Error::Decode(Box::new(error))))?;
    let role = role.parse().map_err(|error| DatabaseError::Sql(sqlx::Error::Decode(Box::new(error))))?;
    let uuid = |column: &str| row.try_get::<Uuid, _>(column);
    let moment =
        |column: &str| row.try_get::<Option<OffsetDateTime>, _>(column).map(|at| at.map(Timestamp::from));
    let agent = row.try_get::<Option<Uuid>, _>("agent_id")?.map(AgentId::from_uuid);
    Ok(Known {
        standing: Arc::new(Standing {
            who: agent.map_or(Who::Service, |agent| Who::Agent(Delegate { agent, acting_for: None })),
            tenant: TenantId::from_uuid(uuid("tenant_id")?),
            project: Some(ProjectId::from_uuid(uuid("project_id")?)),
            key: Some(KeyId::from_uuid(uuid("id")?)),
            name: row.try_get("name")?,
            capabilities: Capabilities::new(role, only.as_ref()),
            links: Arc::default(),
        }),
        expires_at: moment("expires_at")?,
        revoked_at: moment("revoked_at")?,
        suspended: row.try_get("suspended")?,
    })
}

pub(crate) fn unreachable(error: &DatabaseError) -> Problem {
    tracing::error!(%error, "gate two could not be passed");
    Problem::at(Gate::Token, ProblemKind::Unavailable, "Credentials cannot be checked; try again shortly.")
        .retry_after(2)
}
