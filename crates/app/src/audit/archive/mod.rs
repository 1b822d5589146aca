//! Archiving the beginnings of logs: what is older than an organization's retention goes to a folder, and then from the
//! database.
//!
//! In steps, each of which can be cut off at any point and is done again by the next round:
//! 1. The bundles and hash tiles are written to the log's folder (C2SP tlog-tiles), up to the smallest signed checkpoint that
//!    covers them; each file whole or not at all, and on the disk before the next step.
//! 2. The folder is read again and verified, and its checkpoint shown to be a prefix of the newest signed one.
//! 3. An entry of the log says where its beginning is (`log.pruned`: size, root, digest), and a checkpoint covers that entry.
//! 4. The rows go: whole months by dropping their tables, others by a function of the database that looks for itself whether
//!    that entry is signed and no hold stands.
//!
//! Leaf hashes and hash tiles stay, so that nothing that was signed or can be proven depends on the folder.

mod folder;

use std::path::PathBuf;
use std::time::Duration;

use audit_log::proof::ProofPlan;
use audit_log::tiles::{TILE_WIDTH, TileKind, encode_bundle, tiles_for};
use audit_log::{Checkpoint, Hash, Note, TilePath, VerifierKey, verify_consistency};
use gates::{By, DatabaseError, Draft, Reason, SealError, SystemTx};
use kernel::{EntryId, EventKind, Face, RequestContext, TenantId};
use store::StoreError;
use store::audit::Signed;
use store::retention::Archive;
use tokio::sync::watch;

use self::folder::{Checked, Folder};
use super::export;
use super::jobs::Sequencer;
use super::tiles::{Eyes, Unproven};

/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3_600;
/// Places of a log that are looked at in one transaction that removes rows.
const PLACES_AT_ONCE: i32 = 10_000;
/// Pause between two rounds, in seconds.
const ROUND_SECONDS: u64 = 3_600;
/// Pause before the first round, in seconds: a server that just started has other things to do.
const FIRST_SECONDS: u64 = 10;

/// A log could not be archived. Its rows stay.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry that says so could not be written.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The folder cannot be written or read.
    #[error("the archive cannot be written or read: {0}")]
    Io(#[from] std::io::Error),
    /// What lies in the folder is not what was written.
    #[error("the archive {name} is not what was signed: {reason}")]
    Damaged {
        /// The folder's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// What the database holds gives no archive.
    #[error("the log cannot be archived: {0}")]
    Broken(String),
    /// The entry that says so is not signed.
    #[error("the log cannot be signed: {0}")]
    Unsigned(String),
}

impl ArchiveError {
    fn broken(reason: impl std::fmt::Display) -> Self {
        Self::Broken(reason.to_string())
    }
}

impl From<Unproven> for ArchiveError {
    fn from(error: Unproven) -> Self {
        match error {
            Unproven::Store(error) => Self::Store(error),
            error => Self::broken(error),
        }
    }
}

/// What a round did with one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Whose log.
    pub tenant: TenantId,
    /// Entries that its archive holds now.
    pub archived: u64,
    /// Of these, those that this round added.
    pub added: u64,
    /// The folder's name.
    pub name: String,
    /// Whether their rows are gone. They stay while a hold stands over any of them, or somebody reads them.
    pub removed: bool,
}

/// What a round did.
#[derive(Debug, Default)]
pub struct Round {
    /// Logs of which something was archived or removed, or should have been.
    pub done: Vec<Done>,
    /// Months whose tables were dropped.
    pub months: Vec<String>,
    /// What did not work, by log.
    pub failed: Vec<(TenantId, ArchiveError)>,
}

/// Archives what is older than its retention.
pub struct Archiver {
    sequencer: Sequencer,
    root: PathBuf,
}

impl Archiver {
    /// Archives into folders below `root`, one for each log.
    pub fn new(sequencer: Sequencer, root: PathBuf) -> Self {
        Self { sequencer, root }
    }

    /// Works until `stop` turns true. It can be cut off at any point.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut pause = Duration::from_secs(FIRST_SECONDS);
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => return,
            }
            pause = Duration::from_secs(ROUND_SECONDS);
            tokio::select! {
                round = self.round(None) => match round {
                    Ok(round) => tell(&round),
                    Err(error) => tracing::error!(%error, "the audit logs could not be archived"),
                },
                _ = stop.changed() => return,
            }
        }
    }

    /// Archives every log, or only one, and removes what is archived.
    ///
    /// # Errors
    /// When the logs cannot be listed; what does not work for one of them stands in the answer.
    pub async fn round(&self, only: Option<TenantId>) -> Result<Round, ArchiveError> {
        let tenants = if let Some(tenant) = only {
            vec![tenant]
        } else {
            let mut tx = self.begin().await?;
            let tenants = store::retention::logs(&mut tx).await?;
            tx.finish().await?;
            tenants
        };
        let mut round = Round::default();
        let mut pending = Vec::new();
        for tenant in tenants {
            match self.archive(tenant).await {
                Ok(None) => {}
                Ok(Some(done)) => pending.push(done),
                Err(error) => round.failed.push((tenant, error)),
            }
        }
        if !pending.is_empty() && round.failed.is_empty() {
            let mut tx = self.begin().await?;
            round.months = match store::retention::drop_months(&mut tx).await {
                Ok(months) => {
                    tx.finish().await?;
                    months
                }
                Err(error) => {
                    tracing::info!(%error, "no month could be dropped now");
                    Vec::new()
                }
            };
        }
        for mut done in pending {
            match self.remove(done.tenant).await {
                Ok(removed) => {
                    done.removed = removed;
                    round.done.push(done);
                }
                Err(error) => round.failed.push((done.tenant, error)),
            }
        }
        Ok(round)
    }

    async fn begin(&self) -> Result<SystemTx, DatabaseError> {
        self.sequencer.vault.system(Reason::Retention).await
    }

    fn folder(&self, tenant: TenantId) -> Folder {
        let name = tenant.to_string();
        Folder::new(self.root.join(&name), name)
    }

    /// Brings a log's archive up to date; `None` when there is nothing in it whose rows are still here.
    async fn archive(&self, tenant: TenantId) -> Result<Option<Done>, ArchiveError> {
        let mut tx = self.begin().await?;
        if !store::retention::try_archive(&mut tx, tenant).await? {
            return Ok(None);
        }
        let archives = store::retention::archives(&mut tx, tenant).await?;
        let keys = keys(&mut tx, tenant).await?;
        let before = archives.last().map_or(0, |archive| archive.size);
        let mut newest = archives.iter().rfind(|archive| !archive.removed).cloned();
        if let Some(size) = self.due(&mut tx, tenant, before).await? {
            newest = Some(self.extend(tx, tenant, before, size, keys).await?);
        } else {
            tx.finish().await?;
            if let Some(archive) = &newest {
                self.look_again(tenant, archive, keys).await?;
            }
        }
        let Some(archive) = newest else { return Ok(None) };
        match self.sequencer.cover(tenant, archive.entry).await {
            Some(signed) => signed.map_err(|error| ArchiveError::Unsigned(error.to_string()))?,
            None => return Err(ArchiveError::Unsigned("that took too long".to_owned())),
        }
        let (archived, before) = (archive.size.unsigned_abs(), before.unsigned_abs());
        let added = archived.saturating_sub(before);
        Ok(Some(Done { tenant, archived, added, name: archive.name, removed: false }))
    }

    /// How many entries of a log are to be in its archive, when that is more than `before`: whole bundles of entries that are
    /// older than the retention, that are signed, and that no hold reaches.
    async fn due(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        before: i64,
    ) -> Result<Option<i64>, ArchiveError> {
        let now = self.sequencer.vault.clock().now();
        let days = store::retention::of(tx, tenant).await?.in_force(now);
        let mut end = now.minus(Duration::from_secs(DAY_SECONDS * u64::from(days.unsigned_abs())));
        match store::retention::held_from(tx, tenant).await? {
            None => {}
            Some(None) => return Ok(None),
            Some(Some(from)) => end = end.min(from),
        }
        let Some((_, newest)) = store::retention::checkpoints(tx, tenant, before + 1).await? else {
            return Ok(None);
        };
        let younger = store::retention::first_younger(tx, tenant, before, EntryId::first_at(end)).await?;
        let end = younger.unwrap_or(i64::MAX).min(newest.size);
        let size = end - end % i64::from(TILE_WIDTH);
        Ok((size > before).then_some(size))
    }

    /// Writes and verifies the archive of the first `size` entries, and puts it on record.
    async fn extend(
        &self,
        mut tx: SystemTx,
        tenant: TenantId,
        before: i64,
        size: i64,
        keys: Vec<VerifierKey>,
    ) -> Result<Archive, ArchiveError> {
        let signed = store::retention::checkpoints(&mut tx, tenant, size).await?;
        let (signed, newest) = signed.ok_or_else(|| ArchiveError::broken("no checkpoint covers it"))?;
        let folder = self.folder(tenant);
        self.write(&mut tx, tenant, &folder, before, &signed).await?;
        let checked = folder.check(tenant, keys, size.unsigned_abs()).await?;
        continues(&mut tx, tenant, &checked.checkpoint, &newest).await?;
        let days = store::retention::of(&mut tx, tenant).await?;
        let vault = &self.sequencer.vault;
        let draft = Draft::done(EventKind::LogPruned)
            .fact("first", before.unsigned_abs())
            .fact("size", size.unsigned_abs())
            .fact("root", &checked.root)
            .fact("archive", tenant)
            .fact("sha256", &checked.sha256)
            .fact("checkpoint_size", checked.checkpoint.size())
            .fact("days", u64::from(days.in_force(vault.clock().now()).unsigned_abs()));
        let request = RequestContext::internal(Face::System, vault.clock(), vault.rng());
        let entry = tx.also(By::System, tenant, draft, &request, "audit.archive").await?;
        let archive = Archive {
            size,
            root: checked.root.0.to_vec(),
            sha256: checked.sha256.0.to_vec(),
            name: folder.name().to_owned(),
            checkpoint_size: signed.size,
            entry,
            written_at: vault.clock().now(),
            removed: false,
        };
        store::retention::keep_archive(&mut tx, tenant, before, &archive).await?;
        tx.finish().await?;
        Ok(archive)
    }

    /// Writes what a log's folder lacks: tiles and bundles up to the checkpoint, except those that lie wholly in what was
    /// archived before, then the key and the checkpoint.
    async fn write(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        folder: &Folder,
        before: i64,
        signed: &Signed,
    ) -> Result<(), ArchiveError> {
        for path in tiles_for(signed.size.unsigned_abs()) {
            if past(path).is_some_and(|past| past <= before.unsigned_abs()) {
                continue;
            }
            let bytes = match path.kind() {
                TileKind::Hashes { level } => Eyes::System(tx, tenant).hash_tile(level, path).await?,
                TileKind::Entries => bundle(tx, tenant, path).await?,
            };
            let bytes = bytes.ok_or_else(|| ArchiveError::broken(format_args!("{path} is not whole")))?;
            folder.write(path.to_string(), bytes).await?;
        }
        let key = export::verifier(signed).map_err(ArchiveError::broken)?;
        folder.write(export::VKEY_FILE.to_owned(), format!("{key}\n").into_bytes()).await?;
        folder.finish(signed.note.clone()).await?;
        Ok(())
    }

    /// Verifies an archive of which there is a record once more, before rows go.
    async fn look_again(
        &self,
        tenant: TenantId,
        archive: &Archive,
        keys: Vec<VerifierKey>,
    ) -> Result<(), ArchiveError> {
        let folder = self.folder(tenant);
        let Checked { root, sha256, .. } = folder.check(tenant, keys, archive.size.unsigned_abs()).await?;
        if root.0.as_slice() == archive.root && sha256.0.as_slice() == archive.sha256 {
            return Ok(());
        }
        let reason = "its bundles are not those that the log's entry cites".to_owned();
        Err(ArchiveError::Damaged { name: archive.name.clone(), reason })
    }

    /// Removes rows of a log's archived entries; whether none is left.
    async fn remove(&self, tenant: TenantId) -> Result<bool, ArchiveError> {
        loop {
            let mut tx = self.begin().await?;
            let removed = store::retention::remove(&mut tx, tenant, PLACES_AT_ONCE).await?;
            if removed.is_some() {
                tx.finish().await?;
                continue;
            }
            let archives = store::retention::archives(&mut tx, tenant).await?;
            tx.finish().await?;
            return Ok(archives.iter().all(|archive| archive.removed));
        }
    }
}

/// The index after the last leaf under a full tile or bundle; `None` for one that will still grow.
fn past(path: TilePath) -> Option<u64> {
    let level = match path.kind() {
        TileKind::Hashes { level } => u32::from(level),
        TileKind::Entries => 0,
    };
    let each = u64::from(TILE_WIDTH).checked_pow(level + 1)?;
    if path.is_partial() { None } else { path.index().checked_add(1)?.checked_mul(each) }
}

async fn bundle(
    tx: &mut SystemTx,
    tenant: TenantId,
    path: TilePath,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let (first, rows) = (path.index() * u64::from(TILE_WIDTH), path.width());
    let first = i64::try_from(first).map_err(ArchiveError::broken)?;
    let leaves = store::retention::leaves(tx, tenant, first, i64::from(rows)).await?;
    if leaves.len() != usize::from(rows) {
        return Ok(None);
    }
    Ok(Some(encode_bundle(leaves).map_err(ArchiveError::broken)?))
}

/// The keys of a log's epochs.
async fn keys(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<VerifierKey>, ArchiveError> {
    let identities = store::retention::identities(tx, tenant).await?;
    let keys = identities.iter().map(|(origin, public)| export::key(origin, public));
    keys.collect::<Result<_, _>>().map_err(ArchiveError::broken)
}

/// That what is in the folder is a prefix of what was signed last, whatever the log was called at either time.
async fn continues(
    tx: &mut SystemTx,
    tenant: TenantId,
    archived: &Checkpoint,
    newest: &Signed,
) -> Result<(), ArchiveError> {
    let note = Note::parse(newest.note.as_bytes()).map_err(ArchiveError::broken)?;
    let key = export::verifier(newest).map_err(ArchiveError::broken)?;
    let head = Checkpoint::open(&note, &[key]).map_err(ArchiveError::broken)?;
    let proof: Vec<Hash> = if archived.size() == head.size() {
        Vec::new()
    } else {
        let plan = ProofPlan::consistency(archived.size(), head.size()).map_err(ArchiveError::broken)?;
        Eyes::System(tx, tenant).prove(&plan, head.size()).await?
    };
    verify_consistency(archived.size(), head.size(), archived.root(), head.root(), &proof)
        .map_err(ArchiveError::broken)
}

/// Says on the machine's log what a round did.
fn tell(round: &Round) {
    for (tenant, error) in &round.failed {
        tracing::error!(%tenant, %error, "a log could not be archived; its entries stay where they are");
    }
    for done in &round.done {
        tracing::info!(tenant = %done.tenant, archived = done.archived, added = done.added, removed = done.removed,
            "the beginning of a log is archived");
    }
    for month in &round.months {
        tracing::info!(%month, "a month of the audit log was dropped: all of it is archived");
    }
}
