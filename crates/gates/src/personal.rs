//! What an entry says about a person, apart from the entry: sealed under a key of that person's own.
//!
//! The leaf holds a commitment ([`audit_log::personal`]). Value and salt are sealed here and are written by the statement
//! that writes the entry. There is one key a person and log, stored under the instance's envelope; a person is erased by
//! destroying their keys. A key that was used lately is remembered for a moment, so that it is not asked for again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit_log::personal::{SALT_BYTES, Salt, committed};
use audit_log::{Disclosure, Disclosures};
use crypto::{DataKey, Envelope, Place};
use kernel::{AccountId, EntryId, InvitationId, Rng, TenantId, Timestamp};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::audit::{Draft, EntryError};
use crate::pool::{DatabaseError, Lease};
use crate::vault::Vault;

/// How long a key is remembered, in seconds: so long another process may go on sealing under a key that was destroyed. What
/// it seals then is erased from the beginning.
const KEY_KNOWN_SECONDS_MAX: u64 = 30;
/// Keys that are remembered at once.
const KEYS_KNOWN_MAX: usize = 1_024;
/// Longest personal value, in characters; what is longer is cut.
const PERSONAL_CHARS_MAX: usize = 2_000;

/// A person whom a value is about: with whose key it is sealed, and with whom it is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataSubject(Uuid);

impl DataSubject {
    /// The id by which their keys are found.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<AccountId> for DataSubject {
    fn from(account: AccountId) -> Self {
        Self(account.uuid())
    }
}

impl From<InvitationId> for DataSubject {
    /// Somebody who was invited and has no account yet.
    fn from(invitation: InvitationId) -> Self {
        Self(invitation.uuid())
    }
}

/// A personal value of a draft. Wiped when dropped.
pub(crate) struct PersonalFact {
    pub(crate) field: &'static str,
    pub(crate) subject: DataSubject,
    value: Zeroizing<String>,
}

impl PersonalFact {
    pub(crate) fn new(field: &'static str, subject: DataSubject, value: &str) -> Self {
        Self { field, subject, value: Zeroizing::new(value.chars().take(PERSONAL_CHARS_MAX).collect()) }
    }

    /// What stands in the leaf, and what stands beside it.
    pub(crate) fn seal(
        &self,
        (tenant, entry): (TenantId, EntryId),
        keys: &Keys,
        rng: &dyn Rng,
    ) -> Result<(Value, Sealed), EntryError> {
        let key = keys.of(self.subject).ok_or(EntryError::NoKey(self.field))?;
        let mut salt: Salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        let value = Value::String(self.value.to_string());
        let commitment = committed(&salt, &value).map_err(audit_log::EntryError::from)?;
        let value = audit_log::json::to_canonical(&value).map_err(audit_log::EntryError::from)?;
        let plain = Zeroizing::new([salt.as_slice(), &value].concat());
        let row = row_of(entry, self.field);
        let sealed = key.key.envelope().seal(rng, &value_place(tenant, &row), &plain);
        let sealed = sealed.map_err(|_| EntryError::NoKey(self.field))?;
        Ok((commitment, Sealed { field: self.field, key: key.id, bytes: sealed }))
    }
}

/// A sealed value on its way into its row.
pub(crate) struct Sealed {
    /// A name of the catalogue: lower-case letters and underscores.
    pub(crate) field: &'static str,
    pub(crate) key: Uuid,
    pub(crate) bytes: Vec<u8>,
}

fn row_of(entry: EntryId, field: &str) -> String {
    format!("{entry}/{field}")
}

fn value_place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant: Some(tenant), table: "audit_personal", column: "sealed", row }
}

fn key_place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant: Some(tenant), table: "subject_key", column: "sealed", row }
}

struct SubjectKey {
    id: Uuid,
    key: DataKey,
}

/// The keys that a draft needs.
#[derive(Default)]
pub(crate) struct Keys(Vec<(DataSubject, Arc<SubjectKey>)>);

impl Keys {
    fn of(&self, subject: DataSubject) -> Option<&SubjectKey> {
        self.0.iter().find(|(whose, _)| *whose == subject).map(|(_, key)| &**key)
    }
}

/// Keys that were used a moment ago.
#[derive(Default)]
pub(crate) struct KeyMemory(Mutex<Known>);

/// Since when which key is known.
type Known = HashMap<(TenantId, DataSubject), (Timestamp, Arc<SubjectKey>)>;

impl KeyMemory {
    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere leaves a map of keys usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, tenant: TenantId, subject: DataSubject, now: Timestamp) -> Option<Arc<SubjectKey>> {
        let known = self.known();
        let (since, key) = known.get(&(tenant, subject))?;
        (now.since(*since).as_secs() < KEY_KNOWN_SECONDS_MAX).then(|| Arc::clone(key))
    }

    fn put(&self, tenant: TenantId, subject: DataSubject, now: Timestamp, key: &Arc<SubjectKey>) {
        let mut known = self.known();
        known.retain(|_, (since, _)| now.since(*since).as_secs() < KEY_KNOWN_SECONDS_MAX);
        if known.len() < KEYS_KNOWN_MAX {
            known.insert((tenant, subject), (now, Arc::clone(key)));
        }
    }

    fn forget(&self, subject: DataSubject) {
        self.known().retain(|(_, whose), _| *whose != subject);
    }
}

/// A sealed value as it was stored, with the key it was sealed under as that was stored: what the store gives to
/// [`disclose`]. A value whose key is gone is not among them.
pub struct SealedValue {
    /// The entry.
    pub entry: EntryId,
    /// The member of its data.
    pub field: String,
    /// Id of the key.
    pub key: Uuid,
    /// The key, wrapped.
    pub wrapped: Vec<u8>,
    /// Salt and value, sealed.
    pub sealed: Vec<u8>,
}

/// Opens stored values. What does not open is left out, and named in the log of the machine: the row, never the value.
pub fn disclose(envelope: &Envelope, tenant: TenantId, stored: &[SealedValue]) -> Disclosures {
    let mut keys: HashMap<Uuid, Option<Envelope>> = HashMap::new();
    let mut disclosed = Disclosures::default();
    for value in stored {
        let key = keys.entry(value.key).or_insert_with(|| {
            let row = value.key.to_string();
            DataKey::unwrap(envelope, &key_place(tenant, &row), &value.wrapped).ok().map(|key| key.envelope())
        });
        match key.as_ref().and_then(|key| open(key, tenant, value)) {
            Some(one) => drop(disclosed.add(one)),
            None => {
                tracing::error!(entry = %value.entry, field = value.field, "a personal value does not open");
            }
        }
    }
    disclosed
}

fn open(key: &Envelope, tenant: TenantId, value: &SealedValue) -> Option<Disclosure> {
    let row = row_of(value.entry, &value.field);
    let opened = key.open(&value_place(tenant, &row), &value.sealed).ok()?;
    let (salt, canonical) = opened.expose().split_first_chunk::<SALT_BYTES>()?;
    let parsed = audit_log::json::from_canonical(canonical).ok()?;
    Some(Disclosure { entry: value.entry.uuid(), field: value.field.clone(), salt: *salt, value: parsed })
}

impl Vault {
    /// Opens stored personal values of a tenant's log.
    pub fn disclose(&self, tenant: TenantId, stored: &[SealedValue]) -> Disclosures {
        if stored.is_empty() { Disclosures::default() } else { disclose(self.envelope(), tenant, stored) }
    }

    /// Forgets the keys of a person that this process remembers, because they are destroyed.
    pub fn forget_subject(&self, subject: impl Into<DataSubject>) {
        self.subject_keys.forget(subject.into());
    }

    /// The keys that a draft needs, on the connection of the transaction that writes it. Nothing is asked for when the draft
    /// says nothing about a person.
    pub(crate) async fn keys_on(
        &self,
        lease: &mut Lease,
        tenant: TenantId,
        draft: &Draft,
    ) -> Result<Keys, DatabaseError> {
        let mut keys = Keys::default();
        for fact in &draft.personal {
            if keys.of(fact.subject).is_none() {
                keys.0.push((fact.subject, self.subject_key(lease, tenant, fact.subject).await?));
            }
        }
        Ok(keys)
    }

    /// The same for an entry that has no transaction of its own.
    pub(crate) async fn keys(&self, tenant: TenantId, draft: &Draft) -> Result<Keys, DatabaseError> {
        if draft.personal.is_empty() {
            return Ok(Keys::default());
        }
        let now = self.clock.now();
        let known = draft
            .personal
            .iter()
            .map(|fact| Some((fact.subject, self.subject_keys.get(tenant, fact.subject, now)?)));
        if let Some(known) = known.collect::<Option<Vec<_>>>() {
            return Ok(Keys(known));
        }
        let mut lease = self.system.lease().await?;
        let keys = self.keys_on(&mut lease, tenant, draft).await?;
        lease.give_back();
        Ok(keys)
    }

    async fn subject_key(
        &self,
        lease: &mut Lease,
        tenant: TenantId,
        subject: DataSubject,
    ) -> Result<Arc<SubjectKey>, DatabaseError> {
        let now = self.clock.now();
        if let Some(key) = self.subject_keys.get(tenant, subject, now) {
            return Ok(key);
        }
        let (offered, id) = (DataKey::generate(&*self.rng), self.random_id());
        let row = id.to_string();
        let wrapped = offered.wrap(self.envelope(), &*self.rng, &key_place(tenant, &row));
        let wrapped = wrapped.map_err(|_| DatabaseError::Unreadable)?;
        let (id, sealed, was_there): (Uuid, Vec<u8>, bool) =
            sqlx::query_as("select key_id, key_sealed, was_there from gate.subject_key($1, $2, $3, $4, $5)")
                .bind(tenant.uuid())
                .bind(subject.uuid())
                .bind(id)
                .bind(wrapped)
                .bind(OffsetDateTime::from(now))
                .fetch_one(lease.own_statement())
                .await?;
        let row = id.to_string();
        let key = DataKey::unwrap(self.envelope(), &key_place(tenant, &row), &sealed)
            .map_err(|_| DatabaseError::Unreadable)?;
        let key = Arc::new(SubjectKey { id, key });
        // One that was made in this transaction is gone when the transaction is undone.
        if was_there {
            self.subject_keys.put(tenant, subject, now, &key);
        }
        Ok(key)
    }

    fn random_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.bytes16()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crypto::{InstanceKey, SystemRng};
    use kernel::SystemClock;

    use super::*;

    fn envelope() -> Envelope {
        InstanceKey::from_bytes(std::array::from_fn(|at| u8::from(at == 0))).ok().unwrap().envelope()
    }

    fn key() -> Arc<SubjectKey> {
        Arc::new(SubjectKey { id: Uuid::from_u128(5), key: DataKey::generate(&SystemRng) })
    }

    #[test]
    fn a_value_opens_where_it_was_written_and_with_its_key_alone() {
        let (tenant, entry) =
            (TenantId::new(&SystemClock, &SystemRng), EntryId::new(&SystemClock, &SystemRng));
        let subject = DataSubject::from(AccountId::new(&SystemClock, &SystemRng));
        let (key, fact) = (key(), PersonalFact::new("address", subject, "192.0.2.1"));
        let keys = Keys(vec![(subject, Arc::clone(&key))]);
        let (leaf, sealed) = fact.seal((tenant, entry), &keys, &SystemRng).unwrap();
        assert!(!leaf.to_string().contains("192.0.2.1"));
        let row = key.id.to_string();
        let wrapped = key.key.wrap(&envelope(), &SystemRng, &key_place(tenant, &row)).unwrap();
        let stored = |entry, field: &str| SealedValue {
            entry,
            field: field.to_owned(),
            key: key.id,
            wrapped: wrapped.clone(),
            sealed: sealed.bytes.clone(),
        };
        let opened = disclose(&envelope(), tenant, &[stored(entry, "address")]);
        let one = opened.of(entry.uuid(), "address").unwrap();
        assert_eq!(one.value, "192.0.2.1");
        assert!(one.opens(audit_log::personal::commitment_in(&leaf).unwrap()));
        let other = EntryId::new(&SystemClock, &SystemRng);
        assert!(
            disclose(&envelope(), tenant, &[stored(other, "address"), stored(entry, "device")]).is_empty()
        );
        let elsewhere = TenantId::new(&SystemClock, &SystemRng);
        assert!(disclose(&envelope(), elsewhere, &[stored(entry, "address")]).is_empty());
        let nobody = fact.seal((tenant, entry), &Keys::default(), &SystemRng);
        assert!(matches!(nobody, Err(EntryError::NoKey("address"))), "no key, no entry");
    }

    #[test]
    fn keys_are_remembered_for_a_moment() {
        let (memory, now) = (KeyMemory::default(), Timestamp::from_unix_micros(1_700_000_000_000_000));
        let (tenant, subject) = (TenantId::new(&SystemClock, &SystemRng), DataSubject(Uuid::from_u128(1)));
        memory.put(tenant, subject, now, &key());
        assert!(memory.get(tenant, subject, now).is_some());
        assert!(memory.get(tenant, subject, now.plus(Duration::from_secs(KEY_KNOWN_SECONDS_MAX))).is_none());
        memory.forget(subject);
        assert!(memory.get(tenant, subject, now).is_none());
    }

    #[test]
    fn a_value_has_a_bound() {
        let long = "é".repeat(PERSONAL_CHARS_MAX + 1);
        let fact = PersonalFact::new("reason", DataSubject(Uuid::nil()), &long);
        assert_eq!(fact.value.chars().count(), PERSONAL_CHARS_MAX);
    }
}
