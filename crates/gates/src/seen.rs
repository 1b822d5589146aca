//! When a key was last used: remembered in memory on the path of a request, written in batches beside it.
//!
//! To the minute: within one, a process writes a key at most once, however many requests come with it. What a crash loses
//! is what was not written yet, at most [`FLUSH_SECONDS`] of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use kernel::limits::KEY_CACHE_ENTRIES_MAX;
use kernel::{KeyId, TenantId, Timestamp};
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::pool::DatabaseError;
use crate::principal::Standing;
use crate::vault::Vault;

/// Time between two batches, in seconds.
const FLUSH_SECONDS: u64 = 10;
/// How exactly a use is kept, in microseconds: one minute.
const PRECISION_MICROS: i64 = 60 * 1_000_000;

/// A use of a key, and whether it is written.
struct Use {
    minute: i64,
    written: bool,
}

/// The uses that this process knows of.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<(TenantId, KeyId), Use>>);

impl Seen {
    /// Notes that a key opened something. Nothing is written here.
    pub(crate) fn note(&self, standing: &Standing, now: Timestamp) {
        let Some(key) = standing.key else { return };
        let minute = now.unix_micros().div_euclid(PRECISION_MICROS);
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.entry((standing.tenant, key)) {
            Entry::Occupied(mut known) => {
                if known.get().minute < minute {
                    known.insert(Use { minute, written: false });
                }
            }
            Entry::Vacant(free) => {
                free.insert(Use { minute, written: false });
            }
        }
    }

    /// What is to be written, in the order of the keys: two processes that write the same keys then wait for each other
    /// instead of stopping each other.
    fn due(&self) -> Vec<(TenantId, KeyId, i64)> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() > KEY_CACHE_ENTRIES_MAX {
            uses.retain(|_, known| !known.written);
        }
        let due = uses.iter().filter(|(_, known)| !known.written);
        let mut due: Vec<_> = due.map(|((tenant, key), known)| (*tenant, *key, known.minute)).collect();
        due.sort_unstable();
        due
    }

    fn written(&self, batch: &[(TenantId, KeyId, i64)]) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (tenant, key, minute) in batch {
            if let Some(known) = uses.get_mut(&(*tenant, *key))
                && known.minute == *minute
            {
                known.written = true;
            }
        }
    }
}

impl Vault {
    /// Writes which keys were used since the last time. It happens by itself every few seconds; whoever stops the server
    /// calls it once more.
    ///
    /// # Errors
    /// When the database cannot be used; what was not written is tried again.
    pub async fn write_uses(&self) -> Result<(), DatabaseError> {
        let batch = self.seen.due();
        if batch.is_empty() {
            return Ok(());
        }
        let tenants: Vec<Uuid> = batch.iter().map(|(tenant, ..)| tenant.uuid()).collect();
        let keys: Vec<Uuid> = batch.iter().map(|(_, key, _)| key.uuid()).collect();
        let moment = |minute: &i64| Timestamp::from_unix_micros(minute.saturating_mul(PRECISION_MICROS));
        let times: Vec<OffsetDateTime> = batch.iter().map(|(.., minute)| moment(minute).into()).collect();
        let mut lease = self.system.lease().await?;
        // A key that is gone meanwhile is left out; its reference would fail the whole batch.
        sqlx::query(
            "insert into api_key_seen as s (tenant_id, key_id, at) \
             select u.tenant, u.key, u.at from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) \
                 with ordinality as u (tenant, key, at, n) \
             where exists (select from api_key k where k.tenant_id = u.tenant and k.id = u.key) order by u.n \
             on conflict (tenant_id, key_id) do update set at = excluded.at where s.at < excluded.at",
        )
        .bind(&tenants)
        .bind(&keys)
        .bind(&times)
        .execute(lease.connection())
        .await?;
        lease.give_back();
        self.seen.written(&batch);
        Ok(())
    }
}

/// Writes batches until the vault closes.
pub(crate) async fn write(vault: Weak<Vault>) {
    let mut tick = tokio::time::interval(Duration::from_secs(FLUSH_SECONDS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(vault): Option<Arc<Vault>> = vault.upgrade() else { return };
        if let Err(error) = vault.write_uses().await {
            tracing::warn!(%error, "when keys were last used could not be written; it is tried again");
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Capabilities, Role};

    use super::*;
    use crate::principal::Who;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_micros((1_790_000_040 + seconds) * 1_000_000)
    }

    fn standing(number: i64, key: bool) -> Standing {
        Standing {
            who: Who::Service,
            tenant: TenantId::first_at(at(0)),
            project: None,
            key: key.then(|| KeyId::first_at(at(number))),
            name: "a key".to_owned(),
            capabilities: Capabilities::new(Role::Reader, None),
            links: Arc::default(),
        }
    }

    #[test]
    fn a_key_is_written_once_a_minute() {
        let (seen, key) = (Seen::default(), standing(1, true));
        seen.note(&key, at(0));
        seen.note(&key, at(19));
        let batch = seen.due();
        assert_eq!(batch.len(), 1);
        seen.written(&batch);
        seen.note(&key, at(10));
        assert!(seen.due().is_empty(), "the same minute is not written again");
        seen.note(&key, at(61));
        let next = seen.due();
        assert_eq!(next.first().map(|(.., minute)| *minute), batch.first().map(|(.., minute)| minute + 1));
        // A clock that goes back does not take anything back.
        seen.note(&key, at(0));
        assert_eq!(seen.due(), next);
    }

    #[test]
    fn what_could_not_be_written_stays_and_what_has_no_key_is_nobodys() {
        let seen = Seen::default();
        seen.note(&standing(2, true), at(0));
        seen.note(&standing(1, true), at(0));
        seen.note(&standing(3, false), at(0));
        let batch = seen.due();
        assert_eq!(batch.len(), 2);
        assert!(batch.is_sorted(), "one order for all processes");
        assert_eq!(seen.due(), batch);
        // Used again while it was written: the later minute is still to be written.
        seen.note(&standing(1, true), at(300));
        seen.written(&batch);
        assert_eq!(seen.due().len(), 1);
    }
}
