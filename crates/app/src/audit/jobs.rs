//! Keeping the logs: one sequencer per log gives entries their place in the tree, and signs what is placed.
//!
//! An entry commits with its action and waits in a queue. Whoever holds a log's lock drains the queue, appends to the
//! tree and moves its size by compare-and-set, all in one transaction: two leaders cannot fork it, and a crash at any
//! point leaves either all of a step or nothing. A checkpoint is signed only over a tree that is committed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit_log::tiles::TILE_WIDTH;
use audit_log::{Checkpoint, EMPTY_ROOT, Frontier, Hash, KeyName, SigningKey, sign_checkpoint};
use crypto::Place;
use gates::{DatabaseError, Reason, SystemTx, Vault};
use kernel::{EntryId, Problem, ProblemKind, TenantId};
use store::StoreError;
use store::audit::{Log, NewLog};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::tiles::tile_roots;

/// Entries placed in one transaction.
const BATCH_ENTRIES_MAX: i64 = 2_000;
/// Logs looked at in one round.
const LOGS_AT_ONCE_MAX: i64 = 1_000;
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
    /// What is stored does not make a tree, or not the tree that was signed before.
    #[error("the log of {tenant} is not the one that was signed: {reason}")]
    Broken {
        /// Whose log.
        tenant: TenantId,
        /// What is wrong.
        reason: String,
    },
}

impl KeepError {
    fn broken<R: std::fmt::Display + ?Sized>(tenant: TenantId, reason: &R) -> Self {
        Self::Broken { tenant, reason: reason.to_string() }
    }
}

/// Places and signs. Cheap to clone; any number may run, here and in other processes.
#[derive(Clone)]
pub struct Sequencer {
    vault: Arc<Vault>,
    origin: Arc<str>,
    checkpoint_every: Duration,
}

impl Sequencer {
    /// A sequencer for this instance's logs. `origin` is a schema-less URL such as `portcullis.example`; a log's own
    /// origin is `<origin>/log/<tenant>`. Checkpoints of growing logs are at most `checkpoint_every` apart.
    pub fn new(vault: Arc<Vault>, origin: &str, checkpoint_every: Duration) -> Self {
        Self { vault, origin: origin.into(), checkpoint_every }
    }

    /// The longest time between two checkpoints of a log that grows.
    pub fn checkpoint_every(&self) -> Duration {
        self.checkpoint_every
    }

    /// Works until `stop` turns true, then once more, so that what was acknowledged is placed and signed.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut signed = Instant::now();
        loop {
            let done = *stop.borrow();
            if let Err(error) = self.round().await {
                tracing::error!(%error, "entries could not be placed in their logs");
            }
            if done || signed.elapsed() >= Duration::from_millis(SIGN_LOOK_MILLIS) {
                signed = Instant::now();
                let age = if done { Duration::ZERO } else { self.checkpoint_every };
                if let Err(error) = self.sign_due(age).await {
                    tracing::error!(%error, "checkpoints could not be signed");
                }
            }
            if done {
                return;
            }
            tokio::time::sleep(Duration::from_millis(ROUND_MILLIS_MIN)).await;
            tokio::select! {
                () = self.vault.entries_written() => {}
                () = tokio::time::sleep(Duration::from_millis(POLL_MILLIS)) => {}
                _ = stop.changed() => {}
            }
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

    async fn drain(&self, tenant: TenantId) -> Result<u64, KeepError> {
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
        let seed = Zeroizing::new(self.vault.rng().bytes32());
        let origin = format!("{}/log/{tenant}", self.origin);
        let name = KeyName::new(origin.clone()).map_err(|error| KeepError::broken(tenant, &error))?;
        let key = SigningKey::from_seed(name, &seed).map_err(|error| KeepError::broken(tenant, &error))?;
        let row = tenant.to_string();
        let sealed = self
            .vault
            .envelope()
            .seal(self.vault.rng(), &seed_place(tenant, &row), seed.as_slice())
            .map_err(|error| KeepError::broken(tenant, &error))?;
        let public_key = key.verifier().public_key();
        let new = NewLog {
            tenant,
            origin: &origin,
            public_key,
            seed_sealed: &sealed,
            empty_root: &EMPTY_ROOT.0,
            at: self.vault.clock().now(),
        };
        store::audit::open_log(tx, &new).await?;
        let (frontier, root) = (Vec::new(), EMPTY_ROOT.0.to_vec());
        Ok(Log { tenant, origin, public_key: public_key.to_vec(), size: 0, frontier, root })
    }

    /// Signs every log that has grown and whose last checkpoint is older than `age`.
    pub async fn sign_due(&self, age: Duration) -> Result<(), KeepError> {
        let now = self.vault.clock().now().unix_micros();
        let before = now.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        let mut tx = self.vault.system(Reason::Signing).await?;
        let before = kernel::Timestamp::from_unix_micros(before);
        let due = store::audit::unsigned(&mut tx, before, LOGS_AT_ONCE_MAX).await?;
        tx.finish().await?;
        for tenant in due {
            if let Err(error) = self.sign(tenant).await {
                tracing::error!(%error, %tenant, "a checkpoint could not be signed");
            }
        }
        Ok(())
    }

    /// Signs the tree as committed. Reads it afresh, so it never signs what could still roll back.
    async fn sign(&self, tenant: TenantId) -> Result<(), KeepError> {
        let mut tx = self.vault.system(Reason::Signing).await?;
        let Some(log) = store::audit::log(&mut tx, tenant).await? else { return Ok(()) };
        let last = store::audit::last_signed(&mut tx, tenant).await?;
        match last {
            Some((size, root)) if size > log.size || (size == log.size && root != log.root) => {
                // A restored backup or a rewritten tree: signing it would be a fork.
                return Err(KeepError::broken(tenant, "a larger or different tree was signed before"));
            }
            Some((size, _)) if size == log.size => return Ok(()),
            _ => {}
        }
        let row = tenant.to_string();
        let sealed = store::audit::sealed_seed(&mut tx, tenant).await?;
        let seed = self
            .vault
            .envelope()
            .open(&seed_place(tenant, &row), &sealed)
            .map_err(|error| KeepError::broken(tenant, &error))?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(
            seed.expose()
                .try_into()
                .map_err(|_| KeepError::broken(tenant, "the signing seed is not 32 bytes"))?,
        );
        let name = KeyName::new(log.origin.clone()).map_err(|error| KeepError::broken(tenant, &error))?;
        let key =
            SigningKey::from_seed(name.clone(), &seed).map_err(|error| KeepError::broken(tenant, &error))?;
        if key.verifier().public_key().as_slice() != log.public_key {
            return Err(KeepError::broken(tenant, "the signing seed does not belong to the published key"));
        }
        let root = Hash::try_from(log.root.as_slice()).map_err(|error| KeepError::broken(tenant, &error))?;
        let checkpoint = Checkpoint::new(name, log.size.unsigned_abs(), root)
            .map_err(|error| KeepError::broken(tenant, &error))?;
        let note = sign_checkpoint(&checkpoint, &key).map_err(|error| KeepError::broken(tenant, &error))?;
        let now = self.vault.clock().now();
        store::audit::keep_checkpoint(&mut tx, tenant, log.size, &log.root, &note, now).await?;
        tx.finish().await?;
        Ok(())
    }

    /// Places and signs until a checkpoint covers `entry`.
    pub async fn settle(&self, tenant: TenantId, entry: EntryId) -> Result<(), Problem> {
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
        let detail = "The log could not be brought up to date in time; try again shortly.";
        match tokio::time::timeout(Duration::from_millis(SETTLE_MILLIS_MAX), work).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "a log could not be settled");
                Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(5))
            }
            Err(_) => Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(5)),
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

fn seed_place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant: Some(tenant), table: "audit_log", column: "seed_sealed", row }
}
