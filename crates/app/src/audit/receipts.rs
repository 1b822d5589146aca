//! Receipts: the log's signed promise that an entry is on record, for callers who ask for one.
//!
//! A receipt is signed only for what is committed, with the key of the log's present epoch, and never for a log that is
//! frozen. The key is held for a short while, so that a receipt costs one signature and not a look into the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit_log::receipt::{Receipt as Promise, sign};
use audit_log::{SigningKey, VerifierKey};
use gates::{Draft, Pass, Receipt};
use kernel::{EntryId, EventKind, Problem, ProblemKind, Recorded, TenantId, Timestamp};

use super::jobs::{KeepError, Sequencer};
use super::{EntryRecord, ReadEntries};

/// How long a log's key is held for receipts, in seconds; also how long receipts of an epoch go on after the next began.
const PEN_SECONDS_MAX: u64 = 60;
/// Keys held at once.
const PENS_MAX: usize = 1_024;
/// Longest wait for a receipt, in milliseconds: an answer is not kept waiting for it any longer.
const SIGN_MILLIS_MAX: u64 = 2_000;
/// Pause before a log that has no entry in its place yet is looked for again, in milliseconds.
const AGAIN_MILLIS: u64 = 20;

/// A signed receipt.
#[derive(Debug, Clone)]
pub struct EntryReceipt {
    /// The receipt: a JWS in compact form, one line of visible ASCII.
    pub text: String,
    /// What was promised.
    pub recorded: Recorded,
    /// The key that verifies it; its name is the log's origin.
    pub key: VerifierKey,
}

impl EntryReceipt {
    /// The promised leaf.
    pub const fn leaf_hash(&self) -> audit_log::Hash {
        audit_log::Hash(self.recorded.leaf)
    }

    /// The key as a JSON Web Key (RFC 7517, RFC 8037).
    pub fn jwk(&self) -> serde_json::Value {
        audit_log::jws::jwk(&self.key)
    }
}

struct Pen {
    key: Arc<SigningKey>,
    until: Timestamp,
}

/// Signs receipts. Cheap to clone; clones share the keys they hold.
#[derive(Clone)]
pub struct Receipts {
    sequencer: Sequencer,
    pens: Arc<Mutex<HashMap<TenantId, Pen>>>,
}

impl Receipts {
    /// Receipts with the keys of the logs that this sequencer keeps.
    pub fn new(sequencer: Sequencer) -> Self {
        Self { sequencer, pens: Arc::default() }
    }

    /// The receipt of an entry that is on record.
    ///
    /// # Errors
    /// Unavailable when the log is not signed any further, or its key cannot be had in time.
    pub async fn sign(&self, recorded: &Recorded) -> Result<EntryReceipt, Problem> {
        let limit = Duration::from_millis(SIGN_MILLIS_MAX);
        let signed = match tokio::time::timeout(limit, self.pen(recorded.tenant)).await {
            Ok(Ok(key)) => self.promise(&key, recorded),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(KeepError::broken(recorded.tenant, "its key could not be had in time")),
        };
        signed.map_err(|error| {
            tracing::warn!(%error, tenant = %recorded.tenant, "a receipt could not be signed");
            Problem::new(ProblemKind::Unavailable, "No receipt can be signed now; ask for it later.")
                .retry_after(5)
        })
    }

    fn promise(&self, key: &SigningKey, recorded: &Recorded) -> Result<EntryReceipt, KeepError> {
        let broken = |error: &dyn std::fmt::Display| KeepError::broken(recorded.tenant, error);
        let at = audit_log::At::from_unix_micros(recorded.at.unix_micros());
        let promise = Promise {
            origin: key.verifier().name().clone(),
            entry: recorded.entry.uuid(),
            leaf: audit_log::Hash(recorded.leaf),
            at: at.map_err(|error| broken(&error))?,
            signed_at: self.sequencer.vault.clock().now().unix_seconds(),
        };
        let text = sign(key, &promise).map_err(|error| broken(&error))?;
        Ok(EntryReceipt { text, recorded: *recorded, key: key.verifier().clone() })
    }

    async fn pen(&self, tenant: TenantId) -> Result<Arc<SigningKey>, KeepError> {
        if let Some(key) = self.held(tenant) {
            return Ok(key);
        }
        let key = loop {
            if let Some(key) = self.sequencer.present_pen(tenant).await? {
                break Arc::new(key);
            }
            // The first entry of a log opens it when it gets its place; another process may be about to.
            self.sequencer.drain(tenant).await?;
            tokio::time::sleep(Duration::from_millis(AGAIN_MILLIS)).await;
        };
        self.hold(tenant, &key);
        Ok(key)
    }

    fn held(&self, tenant: TenantId) -> Option<Arc<SigningKey>> {
        let now = self.sequencer.vault.clock().now();
        let pens = self.pens.lock().unwrap_or_else(PoisonError::into_inner);
        pens.get(&tenant).filter(|pen| now < pen.until).map(|pen| Arc::clone(&pen.key))
    }

    fn hold(&self, tenant: TenantId, key: &Arc<SigningKey>) {
        let now = self.sequencer.vault.clock().now();
        let mut pens = self.pens.lock().unwrap_or_else(PoisonError::into_inner);
        if pens.len() >= PENS_MAX {
            pens.retain(|_, pen| now < pen.until);
        }
        if pens.len() >= PENS_MAX {
            pens.clear();
        }
        let until = now.plus(Duration::from_secs(PEN_SECONDS_MAX));
        pens.insert(tenant, Pen { key: Arc::clone(key), until });
    }
}

/// The receipt of an entry that was made earlier, as the log holds it now.
///
/// # Errors
/// Not found when there is no such entry, gone to where it says when it is archived; unavailable when it cannot be signed.
pub async fn receipt(
    mut pass: Pass<ReadEntries>,
    receipts: &Receipts,
    id: EntryId,
) -> Result<(EntryReceipt, Receipt), Problem> {
    let Some(placed) = store::audit::entry(pass.tx(), id).await? else {
        let problem = super::missing(pass.tx(), id).await?;
        return Err(pass.fail(Draft::failed(EventKind::AuditRead), problem).await);
    };
    let own = match placed.seq {
        Some(seq) => store::audit::hashes(pass.tx(), seq, 1).await?.pop(),
        None => None,
    };
    let record = EntryRecord::bare(placed);
    if own.is_some_and(|own| own != record.leaf_hash.0) {
        // What somebody made of the entry afterwards is not promised.
        tracing::error!(entry = %id, "an entry is not the one that was placed");
        return Err(pass.fail(Draft::failed(EventKind::AuditRead), Problem::internal()).await);
    }
    let at = record.entry().map(|entry| Timestamp::from_unix_micros(entry.at.unix_micros()));
    let Some(at) = at else {
        tracing::error!(entry = %id, "a stored entry does not read");
        return Err(pass.fail(Draft::failed(EventKind::AuditRead), Problem::internal()).await);
    };
    let recorded = Recorded { tenant: pass.tenant(), entry: id, at, leaf: record.leaf_hash.0 };
    let sealed = pass.seal(Draft::done(EventKind::AuditRead).subject("entry", id)).await?;
    Ok((receipts.sign(&recorded).await?, sealed))
}
