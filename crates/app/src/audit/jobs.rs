//! Keeping the logs: one sequencer per log gives entries their place in the tree, and signs what is placed.
//!
//! An entry commits with its action and waits in a queue. Whoever holds a log's lock drains the queue, appends to the
//! tree and moves its size by compare-and-set, all in one transaction: two leaders cannot fork it, and a crash at any
//! point leaves either all of a step or nothing. Signing is next door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit_log::tiles::TILE_WIDTH;
use audit_log::{EMPTY_ROOT, Frontier, Hash, Policy};
use gates::{DatabaseError, Reason, SealError, SystemTx, Vault};
use kernel::{EntryId, Problem, ProblemKind, TenantId};
use store::StoreError;
use store::audit::Log;
use tokio::sync::watch;

use super::signing::HeadMemory;
use super::tiles::tile_roots;
use crate::evidence::Authority;

/// Entries placed in one transaction.
const BATCH_ENTRIES_MAX: i64 = 2_000;
/// Logs looked at in one round.
pub(super) const LOGS_AT_ONCE_MAX: i64 = 1_000;
/// Pause before entries of other processes are looked for, in milliseconds.
const POLL_MILLIS: u64 = 100;
/// Shortest time between two rounds, in milliseconds: under load one round places many entries.
const ROUND_MILLIS_MIN: u64 = 20;
/// Pause between two looks for logs whose checkpoint is due, in milliseconds.
const SIGN_LOOK_MILLIS: u64 = 1_000;
/// Longest wait for an entry to be placed and signed on demand, in milliseconds.
const SETTLE_MILLIS_MAX: u64 = 10_000;

/// The logs could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry about the logs themselves could not be written.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What is stored does not make a tree, or not the tree that was signed before.
    #[error("the log of {tenant} is not the one that was signed: {reason}")]
    Broken {
        /// Whose log.
        tenant: TenantId,
        /// What is wrong.
        reason: String,
    },
    /// The log does not continue what was signed of it: it is not signed until the operator begins an epoch.
    #[error("the log of {0} has lost what was signed of it and is not signed any further")]
    Frozen(TenantId),
}

impl KeepError {
    pub(super) fn broken<R: std::fmt::Display + ?Sized>(tenant: TenantId, reason: &R) -> Self {
        Self::Broken { tenant, reason: reason.to_string() }
    }
}

/// Places and signs. Cheap to clone; any number may run, here and in other processes.
#[derive(Clone)]
pub struct Sequencer {
    pub(super) vault: Arc<Vault>,
    pub(super) origin: Arc<str>,
    checkpoint_every: Duration,
    pub(super) heads: Option<Arc<dyn HeadMemory>>,
    pub(super) policy: Option<Arc<Policy>>,
    authority: Option<Arc<dyn Authority>>,
}

impl Sequencer {
    /// A sequencer for this instance's logs. `origin` is a schema-less URL such as `portcullis.example`; a log's own
    /// origin is `<origin>/log/<tenant>`. Checkpoints of growing logs are at most `checkpoint_every` apart.
    pub fn new(vault: Arc<Vault>, origin: &str, checkpoint_every: Duration) -> Self {
        Self { vault, origin: origin.into(), checkpoint_every, heads: None, policy: None, authority: None }
    }

    /// Compares each head with what this machine remembers to have signed, before it signs the next one.
    #[must_use]
    pub fn with_heads(mut self, heads: Arc<dyn HeadMemory>) -> Self {
        self.heads = Some(heads);
        self
    }

    /// Prefers heads of the instance's log that enough of these witnesses have cosigned.
    #[must_use]
    pub fn with_policy(mut self, policy: Arc<Policy>) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Has documents that are signed with a log's key time-stamped there.
    #[must_use]
    pub fn with_authority(mut self, authority: Arc<dyn Authority>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// The way to the time-stamping authority, where there is one.
    pub(crate) fn authority(&self) -> Option<&dyn Authority> {
        self.authority.as_deref()
    }

    /// The longest time between two checkpoints of a log that grows.
    pub fn checkpoint_every(&self) -> Duration {
        self.checkpoint_every
    }

    /// Works until `stop` turns true, then once more, so that what was acknowledged is placed and signed.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut signed = Instant::now();
        loop {
            if *stop.borrow() {
                // Twice: the heads of the organizations' logs are entries of the instance's.
                self.place_and_sign(Some(Duration::ZERO)).await;
                return self.place_and_sign(Some(Duration::ZERO)).await;
            }
            let look = signed.elapsed() >= Duration::from_millis(SIGN_LOOK_MILLIS);
            if look {
                signed = Instant::now();
            }
            self.place_and_sign(look.then_some(self.checkpoint_every)).await;
            tokio::time::sleep(Duration::from_millis(ROUND_MILLIS_MIN)).await;
            tokio::select! {
                () = self.vault.entries_written() => {}
                () = tokio::time::sleep(Duration::from_millis(POLL_MILLIS)) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Places everything that waits, then signs what has not been signed for so long.
    async fn place_and_sign(&self, age: Option<Duration>) {
        if let Err(error) = self.round().await {
            tracing::error!(%error, "entries could not be placed in their logs");
        }
        if let Some(age) = age
            && let Err(error) = self.sign_due(age).await
        {
            tracing::error!(%error, "checkpoints could not be signed");
        }
    }

    /// Places everything that waits.
    pub async fn round(&self) -> Result<u64, KeepError> {
        let mut tx = self.vault.system(Reason::Sequencing).await?;
        let waiting = store::audit::waiting(&mut tx, LOGS_AT_ONCE_MAX).await?;
        tx.finish().await?;
        let mut placed = 0;
        for tenant in waiting {
            // One broken log must not keep the others waiting.
            match self.drain(tenant).await {
                Ok(count) => placed += count,
                Err(error) => tracing::error!(%error, %tenant, "a log could not be continued"),
            }
        }
        Ok(placed)
    }

    pub(super) async fn drain(&self, tenant: TenantId) -> Result<u64, KeepError> {
        let mut placed = 0;
        loop {
            let step = self.step(tenant).await?;
            placed += step;
            if i64::try_from(step).unwrap_or(0) < BATCH_ENTRIES_MAX {
                return Ok(placed);
            }
        }
    }

    /// One transaction: takes entries off the queue, gives them their leaves, grows the tree.
    async fn step(&self, tenant: TenantId) -> Result<u64, KeepError> {
        let mut tx = self.vault.system(Reason::Sequencing).await?;
        if !store::audit::try_lead(&mut tx, tenant).await? {
            return Ok(0);
        }
        let log = match store::audit::log(&mut tx, tenant).await? {
            Some(log) => log,
            None => self.open_log(&mut tx, tenant).await?,
        };
        let taken = store::audit::take(&mut tx, tenant, BATCH_ENTRIES_MAX).await?;
        if taken.is_empty() {
            return Ok(0);
        }
        let size = u64::try_from(log.size).map_err(|error| KeepError::broken(tenant, &error))?;
        let mut tree =
            Frontier::from_bytes(size, &log.frontier).map_err(|error| KeepError::broken(tenant, &error))?;
        if tree.root().0.as_slice() != log.root {
            return Err(KeepError::broken(tenant, "the stored root is not the root of the stored tree"));
        }
        for (_, hash) in &taken {
            tree.append(Hash::try_from(hash.as_slice()).map_err(|error| KeepError::broken(tenant, &error))?);
        }
        store::audit::place(&mut tx, tenant, log.size, &taken).await?;
        let grown = i64::try_from(tree.size()).map_err(|error| KeepError::broken(tenant, &error))?;
        let moved =
            store::audit::grow(&mut tx, tenant, log.size, grown, &tree.to_bytes(), &tree.root().0).await?;
        if !moved {
            return Err(KeepError::broken(tenant, "the tree grew although its lock was held"));
        }
        keep_full_tiles(&mut tx, tenant, size, tree.size()).await?;
        tx.finish().await?;
        Ok(taken.len() as u64)
    }

    async fn open_log(&self, tx: &mut SystemTx, tenant: TenantId) -> Result<Log, KeepError> {
        store::audit::plant(tx, tenant, &EMPTY_ROOT.0).await?;
        self.open_epoch(tx, tenant, 0).await?;
        let log = store::audit::log(tx, tenant).await?;
        log.ok_or_else(|| KeepError::broken(tenant, "the log that was opened is gone"))
    }

    /// Places and signs until a checkpoint covers `entry`; `None` when that takes too long.
    pub(super) async fn cover(&self, tenant: TenantId, entry: EntryId) -> Option<Result<(), KeepError>> {
        let work = async {
            loop {
                self.drain(tenant).await?;
                self.sign(tenant).await?;
                let mut tx = self.vault.system(Reason::Signing).await?;
                let covered = store::audit::covered(&mut tx, tenant, entry).await?;
                tx.finish().await?;
                if covered {
                    return Ok::<(), KeepError>(());
                }
                tokio::time::sleep(Duration::from_millis(ROUND_MILLIS_MIN)).await;
            }
        };
        tokio::time::timeout(Duration::from_millis(SETTLE_MILLIS_MAX), work).await.ok()
    }

    /// Places and signs until a checkpoint covers `entry`.
    pub async fn settle(&self, tenant: TenantId, entry: EntryId) -> Result<(), Problem> {
        let detail = "The log could not be brought up to date in time; try again shortly.";
        match self.cover(tenant, entry).await {
            Some(Ok(())) => Ok(()),
            Some(Err(KeepError::Frozen(_))) => {
                let detail = "This log has lost entries that were signed, so it is not signed any further until the \
                              operator has settled that (portcullis operator new-epoch).";
                Err(Problem::new(ProblemKind::Unavailable, detail))
            }
            Some(Err(error)) => {
                tracing::error!(%error, "a log could not be settled");
                Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(5))
            }
            None => Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(5)),
        }
    }
}

/// Writes the hash tiles that are full now and were not at the old size, each level from the one below.
async fn keep_full_tiles(tx: &mut SystemTx, tenant: TenantId, old: u64, new: u64) -> Result<(), KeepError> {
    let width = u64::from(TILE_WIDTH);
    let number = |value: u64| i64::try_from(value).map_err(|error| KeepError::broken(tenant, &error));
    // Complete subtrees of the level below, then and now.
    let (mut before, mut now) = (old, new);
    for level in 0_i16.. {
        (before, now) = (before / width, now / width);
        if before == now {
            return Ok(());
        }
        for index in before..now {
            let (first, rows) = (number(index * width)?, i64::from(TILE_WIDTH));
            let hashes = if level == 0 {
                store::audit::leaf_hashes(tx, tenant, first, rows).await?.concat()
            } else {
                let below = store::audit::full_tiles(tx, tenant, level - 1, first, rows).await?;
                tile_roots(&below).ok_or_else(|| KeepError::broken(tenant, "a stored tile is none"))?
            };
            store::audit::keep_tile(tx, tenant, level, number(index)?, &hashes).await?;
        }
    }
    Ok(())
}
