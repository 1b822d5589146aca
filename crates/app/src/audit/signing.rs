//! Signing: a checkpoint over what is committed, and never one that does not continue what was signed before.
//!
//! Before a head is signed it is compared with the last one: the database's own, and the one this machine remembers
//! outside the database ([`HeadMemory`]), which a restored backup does not bring back. A log that does not continue both is
//! frozen and an alarm raised; the operator then begins an *epoch*, the same tree under another name and key, whose first
//! entry cites the head that was lost. Each signed head of an organization's log is an entry of the instance's log, so that
//! who watches that one log watches all.

use std::io;
use std::time::Duration;

use audit_log::jws::sign_detached;
use audit_log::proof::ProofPlan;
use audit_log::{
    Checkpoint, Hash, KeyName, Note, Seen, SigningKey, VerifierKey, sign_checkpoint, verify_consistency,
};
use crypto::Place;
use gates::{By, Draft, Reason, SystemTx};
use kernel::{EntryId, EventKind, Face, Problem, ProblemKind, RequestContext, TenantId};
use store::audit::{Log, NewLog};
use store::heads::{Alarm, AlarmKind};
use zeroize::Zeroizing;

use super::jobs::{KeepError, LOGS_AT_ONCE_MAX, Sequencer};
use super::tiles::{Eyes, Unproven};

/// What this machine remembers of the heads it signed, outside the database.
pub trait HeadMemory: Send + Sync {
    /// The newest head of the log of this origin; [`Seen::NOTHING`] when none is remembered.
    ///
    /// # Errors
    /// When it cannot be read: then nothing may be signed.
    fn seen(&self, origin: &str) -> io::Result<Seen>;

    /// Remembers a head. When this returns it is on the disk, or the one before still is.
    ///
    /// # Errors
    /// When it could not be written: then the head must not be given away.
    fn keep(&self, origin: &str, note: &Note) -> io::Result<()>;
}

/// How a log fails to continue what was signed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The head that was signed.
    pub signed: Seen,
    /// Entries there are now.
    pub found: u64,
}

impl Lost {
    /// In words.
    pub fn words(&self) -> String {
        if self.signed.size > self.found {
            format!("{} entries were signed and {} are left", self.signed.size, self.found)
        } else {
            format!("the first {} entries are not those that were signed", self.signed.size)
        }
    }
}

impl Sequencer {
    /// Signs every log that has grown and whose last checkpoint is older than `age`.
    pub async fn sign_due(&self, age: Duration) -> Result<(), KeepError> {
        let before = self.vault.clock().now().minus(age);
        let mut tx = self.vault.system(Reason::Signing).await?;
        let due = store::audit::unsigned(&mut tx, before, LOGS_AT_ONCE_MAX).await?;
        tx.finish().await?;
        for tenant in due {
            match self.sign(tenant).await {
                // It was said loudly when it was found; an alarm stays until it is settled.
                Ok(()) | Err(KeepError::Frozen(_)) => {}
                Err(error) => tracing::error!(%error, %tenant, "a checkpoint could not be signed"),
            }
        }
        Ok(())
    }

    /// Signs the tree as committed. Reads it afresh, so it never signs what could still roll back.
    pub(super) async fn sign(&self, tenant: TenantId) -> Result<(), KeepError> {
        let mut tx = self.vault.system(Reason::Signing).await?;
        store::audit::hold_pen(&mut tx, tenant).await?;
        let Some(log) = store::audit::log(&mut tx, tenant).await? else { return Ok(()) };
        if store::heads::is_stopped(&mut tx, tenant, self.vault.instance()).await? {
            return Err(KeepError::Frozen(tenant));
        }
        let signed = last_signed(&mut tx, &log).await?;
        if let Some(lost) = self.lost(&mut tx, &log, signed).await? {
            tx.finish().await?;
            self.freeze(tenant, &lost).await?;
            return Err(KeepError::Frozen(tenant));
        }
        if signed.size == log.size.unsigned_abs() && log.size > 0 {
            return Ok(());
        }
        let key = self.pen(&mut tx, &log).await?;
        let name = key.verifier().name().clone();
        let root = Hash::try_from(log.root.as_slice()).map_err(|error| KeepError::broken(tenant, &error))?;
        let checkpoint = Checkpoint::new(name, log.size.unsigned_abs(), root)
            .map_err(|error| KeepError::broken(tenant, &error))?;
        let note = sign_checkpoint(&checkpoint, &key).map_err(|error| KeepError::broken(tenant, &error))?;
        // Remembered first: a head that is in the database and not remembered could be lost without a trace.
        self.remember(&log, &note).await?;
        store::audit::keep_checkpoint(&mut tx, &log, &note, self.vault.clock().now()).await?;
        if tenant != self.vault.instance() {
            self.anchor(&mut tx, &log, &checkpoint).await?;
        }
        tx.finish().await?;
        Ok(())
    }

    /// Writes the head into the instance's log, in the transaction that keeps it.
    async fn anchor(&self, tx: &mut SystemTx, log: &Log, head: &Checkpoint) -> Result<(), KeepError> {
        let draft = Draft::done(EventKind::CheckpointSigned)
            .subject("log", log.tenant)
            .fact("origin", head.origin())
            .fact("size", head.size())
            .fact("root", head.root());
        let request = RequestContext::internal(Face::System, self.vault.clock(), self.vault.rng());
        let entry = tx.also(By::System, self.vault.instance(), draft, &request, "audit.sign").await?;
        store::heads::keep_anchor(tx, log, entry).await?;
        Ok(())
    }

    /// What the tree lacks of the heads that the database and this machine know of its present epoch; `None` when it continues
    /// them.
    async fn lost(&self, tx: &mut SystemTx, log: &Log, signed: Seen) -> Result<Option<Lost>, KeepError> {
        let remembered = self.remembered(log).await?;
        let (size, root) = (log.size.unsigned_abs(), log.root.as_slice());
        for head in [signed, remembered] {
            if head.size == 0 {
                continue;
            }
            let good = match head.size {
                larger if larger > size => false,
                same if same == size => head.root.0.as_slice() == root,
                smaller => {
                    let broken = |error: &dyn std::fmt::Display| KeepError::broken(log.tenant, error);
                    let plan = ProofPlan::consistency(smaller, size).map_err(|error| broken(&error))?;
                    let now = Hash::try_from(root).map_err(|error| broken(&error))?;
                    match Eyes::System(tx, log.tenant).prove(&plan, size).await {
                        Ok(proof) => verify_consistency(smaller, size, &head.root, &now, &proof).is_ok(),
                        Err(Unproven::Store(error)) => return Err(error.into()),
                        Err(Unproven::Tile | Unproven::Tree(_)) => false,
                    }
                }
            };
            if !good {
                return Ok(Some(Lost { signed: head, found: size }));
            }
        }
        Ok(None)
    }

    async fn remembered(&self, log: &Log) -> Result<Seen, KeepError> {
        let Some(heads) = self.heads.clone() else { return Ok(Seen::NOTHING) };
        let (tenant, origin) = (log.tenant, log.origin.clone());
        let read = tokio::task::spawn_blocking(move || heads.seen(&origin)).await;
        read.unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| KeepError::broken(tenant, &format!("its last head cannot be read: {error}")))
    }

    async fn remember(&self, log: &Log, note: &str) -> Result<(), KeepError> {
        let Some(heads) = self.heads.clone() else { return Ok(()) };
        let (tenant, origin) = (log.tenant, log.origin.clone());
        let note = Note::parse(note.as_bytes()).map_err(|error| KeepError::broken(tenant, &error))?;
        let kept = tokio::task::spawn_blocking(move || heads.keep(&origin, &note)).await;
        kept.unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| KeepError::broken(tenant, &format!("its head cannot be remembered: {error}")))
    }

    /// Signs a document with the key of a log's present epoch: a detached signature for tools that read JOSE.
    ///
    /// # Errors
    /// Unavailable when the log is not signed any further, or its key cannot be used.
    pub(crate) async fn sign_document(
        &self,
        tenant: TenantId,
        document: &[u8],
    ) -> Result<(String, VerifierKey), Problem> {
        let work = async {
            let key = self.present_pen(tenant).await?;
            let key = key.ok_or_else(|| KeepError::broken(tenant, "there is no log to sign for"))?;
            let jws = sign_detached(&key, document).map_err(|error| KeepError::broken(tenant, &error))?;
            Ok::<_, KeepError>((jws, key.verifier().clone()))
        };
        work.await.map_err(|error| {
            tracing::error!(%error, %tenant, "a document could not be signed");
            Problem::new(ProblemKind::Unavailable, "The log's key cannot sign now; try again shortly.")
                .retry_after(5)
        })
    }

    /// The key of a log's present epoch, unless the log is not signed any further; `None` before the log's first entry has
    /// its place.
    pub(super) async fn present_pen(&self, tenant: TenantId) -> Result<Option<SigningKey>, KeepError> {
        let mut tx = self.vault.system(Reason::Signing).await?;
        let Some(log) = store::audit::log(&mut tx, tenant).await? else { return Ok(None) };
        if store::heads::is_stopped(&mut tx, tenant, self.vault.instance()).await? {
            return Err(KeepError::Frozen(tenant));
        }
        let key = self.pen(&mut tx, &log).await?;
        tx.finish().await?;
        Ok(Some(key))
    }

    /// The key of the log's present epoch.
    async fn pen(&self, tx: &mut SystemTx, log: &Log) -> Result<SigningKey, KeepError> {
        let broken = |error: &dyn std::fmt::Display| KeepError::broken(log.tenant, error);
        let sealed = store::audit::sealed_seed(tx, log.tenant, log.epoch).await?;
        let row = seed_row(log.tenant, log.epoch);
        let place = seed_place(log.tenant, &row);
        let seed = self.vault.envelope().open(&place, &sealed).map_err(|error| broken(&error))?;
        let seed = seed.expose().try_into().map_err(|_| broken(&"the signing seed is not 32 bytes"))?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed);
        let name = KeyName::new(log.origin.clone()).map_err(|error| broken(&error))?;
        let key = SigningKey::from_seed(name, &seed).map_err(|error| broken(&error))?;
        if key.verifier().public_key().as_slice() != log.public_key {
            return Err(broken(&"the signing seed does not belong to the published key"));
        }
        Ok(key)
    }

    /// Names an epoch of a log and makes its key.
    pub(super) async fn open_epoch(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        epoch: i16,
    ) -> Result<VerifierKey, KeepError> {
        let broken = |error: &dyn std::fmt::Display| KeepError::broken(tenant, error);
        let seed = Zeroizing::new(self.vault.rng().bytes32());
        let origin = match epoch {
            0 => format!("{}/log/{tenant}", self.origin),
            later => format!("{}/log/{tenant}/{later}", self.origin),
        };
        let name = KeyName::new(origin.clone()).map_err(|error| broken(&error))?;
        let key = SigningKey::from_seed(name, &seed).map_err(|error| broken(&error))?;
        let row = seed_row(tenant, epoch);
        let place = seed_place(tenant, &row);
        let sealed = self.vault.envelope().seal(self.vault.rng(), &place, seed.as_slice());
        let public_key = key.verifier().public_key();
        let new = NewLog {
            tenant,
            epoch,
            origin: &origin,
            public_key,
            seed_sealed: &sealed.map_err(|error| broken(&error))?,
            at: self.vault.clock().now(),
        };
        store::audit::open_epoch(tx, &new).await?;
        Ok(key.verifier().clone())
    }

    /// Raises the alarm that a log lost its head, once.
    async fn freeze(&self, tenant: TenantId, lost: &Lost) -> Result<(), KeepError> {
        let draft = Draft::failed(EventKind::AlarmRaised)
            .fact("alarm", AlarmKind::HeadLost.name())
            .fact("signed", lost.signed.size)
            .fact("signed_root", &lost.signed.root)
            .fact("found", lost.found);
        self.raise(tenant, AlarmKind::HeadLost, lost.words(), draft).await
    }

    /// Raises the alarm that rows of a log are not those that were written: so many findings, in `words`, the first of them
    /// about this entry.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn report_damage(
        &self,
        tenant: TenantId,
        words: String,
        findings: u64,
        first: Option<EntryId>,
    ) -> Result<(), KeepError> {
        let draft = Draft::failed(EventKind::AlarmRaised)
            .fact("alarm", AlarmKind::RowsChanged.name())
            .fact("findings", findings)
            .fact("entry", first);
        self.raise(tenant, AlarmKind::RowsChanged, words, draft).await
    }

    /// Raises an alarm, and writes it into the log it concerns, unless one of the kind is open.
    pub(super) async fn raise(
        &self,
        tenant: TenantId,
        kind: AlarmKind,
        detail: String,
        draft: Draft,
    ) -> Result<(), KeepError> {
        tracing::error!(%tenant, alarm = kind.name(), %detail, "ALARM: the audit log is not what it was");
        let mut tx = self.vault.system(Reason::Signing).await?;
        let alarm = Alarm { tenant, kind, detail, raised_at: self.vault.clock().now() };
        let id = EntryId::new(self.vault.clock(), self.vault.rng());
        if store::heads::raise(&mut tx, id, &alarm).await? {
            let request = RequestContext::internal(Face::System, self.vault.clock(), self.vault.rng());
            tx.seal(tenant, draft, &request, "audit.alarm").await?;
        } else {
            tx.finish().await?;
        }
        Ok(())
    }

    /// Lets a log go on under another name and key, when its end was lost or a witness saw another history of it. The entry
    /// that says so cites the head that is missing, so that nobody can say later that nothing was lost.
    ///
    /// `None` when nothing is wrong with the log's heads, so that there is nothing to settle.
    ///
    /// # Errors
    /// When the database or this machine's memory of heads cannot be used.
    pub async fn begin_epoch(
        &self,
        tenant: TenantId,
        request: &RequestContext,
    ) -> Result<Option<Began>, KeepError> {
        let mut tx = self.vault.system(Reason::Operator).await?;
        store::audit::hold_pen(&mut tx, tenant).await?;
        let Some(log) = store::audit::log(&mut tx, tenant).await? else { return Ok(None) };
        let signed = last_signed(&mut tx, &log).await?;
        let lost = self.lost(&mut tx, &log, signed).await?;
        let now = self.vault.clock().now();
        let refused = store::heads::clear(&mut tx, tenant, AlarmKind::WitnessRefused, now).await?;
        if lost.is_none() && !refused {
            return Ok(None);
        }
        store::heads::clear(&mut tx, tenant, AlarmKind::HeadLost, now).await?;
        let key = self.open_epoch(&mut tx, tenant, log.epoch + 1).await?;
        let old = KeyName::new(log.origin.clone()).map_err(|error| KeepError::broken(tenant, &error))?;
        let mut draft = Draft::done(EventKind::EpochBegan)
            .fact("old_origin", &old)
            .fact("origin", key.name())
            .fact("kept_size", log.size.unsigned_abs());
        if let Some(lost) = &lost {
            draft = draft.fact("lost_size", lost.signed.size).fact("lost_root", &lost.signed.root);
        }
        tx.seal(tenant, draft, request, "operator.new_epoch").await?;
        Ok(Some(Began { lost, key }))
    }

    /// Alarms that nobody has settled, oldest first.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, KeepError> {
        let mut tx = self.vault.system(Reason::Operator).await?;
        let alarms = store::heads::alarms(&mut tx, LOGS_AT_ONCE_MAX).await?;
        tx.finish().await?;
        Ok(alarms)
    }

    /// Settles an alarm that the operator has looked into. False when none of the kind is open. A lost head is not settled
    /// like this: see [`Sequencer::begin_epoch`].
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn settle_alarm(
        &self,
        tenant: TenantId,
        kind: AlarmKind,
        request: &RequestContext,
    ) -> Result<bool, KeepError> {
        let mut tx = self.vault.system(Reason::Operator).await?;
        if kind == AlarmKind::HeadLost
            || !store::heads::clear(&mut tx, tenant, kind, self.vault.clock().now()).await?
        {
            return Ok(false);
        }
        let draft = Draft::done(EventKind::AlarmSettled).fact("alarm", kind.name());
        tx.seal(tenant, draft, request, "operator.settle_alarm").await?;
        Ok(true)
    }
}

/// An epoch that began.
#[derive(Debug, Clone)]
pub struct Began {
    /// What is missing; `None` when it was a witness that saw another history.
    pub lost: Option<Lost>,
    /// The key of the log from here on; its name is the log's new origin.
    pub key: VerifierKey,
}

/// The newest head of the log's present epoch that the database has.
async fn last_signed(tx: &mut SystemTx, log: &Log) -> Result<Seen, KeepError> {
    let Some(note) = store::audit::last_signed(tx, log.tenant, log.epoch).await? else {
        return Ok(Seen::NOTHING);
    };
    let broken = |error: &dyn std::fmt::Display| KeepError::broken(log.tenant, error);
    let note = Note::parse(note.as_bytes()).map_err(|error| broken(&error))?;
    let head = Checkpoint::parse(note.text()).map_err(|error| broken(&error))?;
    Ok(Seen { size: head.size(), root: *head.root() })
}

/// Where a seed belongs: moved to another log or epoch, it does not open.
fn seed_row(tenant: TenantId, epoch: i16) -> String {
    match epoch {
        0 => tenant.to_string(),
        later => format!("{tenant}/{later}"),
    }
}

fn seed_place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant: Some(tenant), table: "audit_log", column: "seed_sealed", row }
}
