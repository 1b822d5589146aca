//! The data keys of an organization: wrapped by the instance's envelope, one current and some retired. What gate four keeps
//! is sealed under the current one and names it; retired ones go on opening what they sealed until that has expired.
//!
//! Keys in use are remembered for a moment, and wiped when they are forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crypto::{DataKey, Place};
use kernel::{TenantId, Timestamp};
use sqlx::Row as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::pool::DatabaseError;
use crate::vault::Vault;

/// How long keys are remembered, in seconds: so long another process may go on sealing under a key that was retired.
const KEYS_KNOWN_SECONDS_MAX: u64 = 30;
/// Organizations whose keys are remembered at once.
const TENANTS_KNOWN_MAX: usize = 1_024;

/// One key.
pub(crate) struct TenantKey {
    /// Its id, which stands beside everything it sealed.
    pub(crate) id: Uuid,
    pub(crate) key: DataKey,
}

/// The keys of an organization, the current one first.
pub(crate) struct DataKeys(Vec<TenantKey>);

impl DataKeys {
    /// The key that seals.
    pub(crate) fn current(&self) -> Option<&TenantKey> {
        self.0.first()
    }

    /// The key of this id.
    pub(crate) fn of(&self, id: Uuid) -> Option<&TenantKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// All of them, the current one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &TenantKey> {
        self.0.iter()
    }
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant: Some(tenant), table: "data_key", column: "sealed", row }
}

/// Keys that were used a moment ago.
#[derive(Default)]
pub(crate) struct DataKeyMemory(Mutex<HashMap<TenantId, Remembered>>);

struct Remembered {
    since: Timestamp,
    /// Of what is remembered of the database: when it moves, a key may have been rotated.
    generation: u64,
    keys: Arc<DataKeys>,
}

impl DataKeyMemory {
    fn known(&self) -> MutexGuard<'_, HashMap<TenantId, Remembered>> {
        // A panic elsewhere leaves a map of keys usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys, unless what is remembered has moved on since; `None` for a generation that cannot be known.
    fn get(&self, tenant: TenantId, now: Timestamp, generation: Option<u64>) -> Option<Arc<DataKeys>> {
        let mut known = self.known();
        known.retain(|_, one| {
            now.since(one.since).as_secs() < KEYS_KNOWN_SECONDS_MAX && Some(one.generation) == generation
        });
        known.get(&tenant).map(|one| Arc::clone(&one.keys))
    }

    fn put(&self, tenant: TenantId, since: Timestamp, generation: u64, keys: &Arc<DataKeys>) {
        let mut known = self.known();
        if known.len() < TENANTS_KNOWN_MAX {
            known.insert(tenant, Remembered { since, generation, keys: Arc::clone(keys) });
        }
    }

    /// Forgets the keys of an organization, because they changed.
    pub(crate) fn forget(&self, tenant: TenantId) {
        self.known().remove(&tenant);
    }
}

impl Vault {
    /// The data keys of an organization; its first is made when it is first asked for.
    pub(crate) async fn data_keys(&self, tenant: TenantId) -> Result<Arc<DataKeys>, DatabaseError> {
        let now = self.clock.now();
        let generation = self.memory_generation();
        if let Some(keys) = self.data_keys.get(tenant, now, generation) {
            return Ok(keys);
        }
        let mut keys = self.read_data_keys(tenant).await?;
        if keys.current().is_none() {
            self.make_data_key(tenant, now).await?;
            keys = self.read_data_keys(tenant).await?;
        }
        let keys = Arc::new(keys);
        if let Some(generation) = generation {
            self.data_keys.put(tenant, now, generation, &keys);
        }
        Ok(keys)
    }

    /// Forgets the data keys that this process remembers of an organization, because they changed.
    pub fn forget_data_keys(&self, tenant: TenantId) {
        self.data_keys.forget(tenant);
    }

    /// A fresh data key as it is stored: its id, and the key under the instance's envelope.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn fresh_data_key(&self, tenant: TenantId) -> Result<(Uuid, Vec<u8>), DatabaseError> {
        let id = uuid::Builder::from_random_bytes(self.rng.bytes16()).into_uuid();
        let row = id.to_string();
        let wrapped = DataKey::generate(&*self.rng).wrap(self.envelope(), &*self.rng, &place(tenant, &row));
        Ok((id, wrapped.map_err(|_| DatabaseError::Unreadable)?))
    }

    async fn read_data_keys(&self, tenant: TenantId) -> Result<DataKeys, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let rows = sqlx::query(
            "select id, sealed from data_key where tenant_id = $1 order by state = 'current' desc, made_at desc",
        )
        .bind(tenant.uuid())
        .fetch_all(lease.own_statement())
        .await?;
        lease.give_back();
        let key = |row: &sqlx::postgres::PgRow| {
            let (id, sealed): (Uuid, Vec<u8>) = (row.try_get("id")?, row.try_get("sealed")?);
            let row = id.to_string();
            let key = DataKey::unwrap(self.envelope(), &place(tenant, &row), &sealed);
            Ok(TenantKey { id, key: key.map_err(|_| DatabaseError::Unreadable)? })
        };
        rows.iter().map(key).collect::<Result<_, _>>().map(DataKeys)
    }

    /// Makes the first key. Two at once: one of them is kept.
    async fn make_data_key(&self, tenant: TenantId, now: Timestamp) -> Result<(), DatabaseError> {
        let (id, wrapped) = self.fresh_data_key(tenant)?;
        let mut lease = self.system.lease().await?;
        sqlx::query(
            "insert into data_key (tenant_id, id, state, sealed, made_at) values ($1, $2, 'current', $3, $4) \
             on conflict do nothing",
        )
        .bind(tenant.uuid())
        .bind(id)
        .bind(wrapped)
        .bind(OffsetDateTime::from(now))
        .execute(lease.own_statement())
        .await?;
        lease.give_back();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crypto::SystemRng;
    use kernel::SystemClock;

    use super::*;

    #[test]
    fn keys_are_remembered_for_a_moment_and_wiped_when_another_is_asked_for() {
        let memory = DataKeyMemory::default();
        let now = Timestamp::from_unix_micros(1_700_000_000_000_000);
        let (tenant, other) =
            (TenantId::new(&SystemClock, &SystemRng), TenantId::new(&SystemClock, &SystemRng));
        let keys = || {
            Arc::new(DataKeys(vec![TenantKey { id: Uuid::from_u128(1), key: DataKey::generate(&SystemRng) }]))
        };
        memory.put(tenant, now, 1, &keys());
        assert!(memory.get(tenant, now, Some(1)).is_some());
        let later = now.plus(Duration::from_secs(KEYS_KNOWN_SECONDS_MAX));
        assert!(memory.get(other, later, Some(1)).is_none());
        assert!(memory.known().is_empty(), "what is old goes, whoever is asked for");
        for generation in [Some(2), None] {
            memory.put(tenant, later, 1, &keys());
            assert!(memory.get(tenant, later, generation).is_none(), "a key may have been rotated");
        }
        memory.put(tenant, later, 1, &keys());
        memory.forget(tenant);
        assert!(memory.get(tenant, later, Some(1)).is_none());
    }
}
