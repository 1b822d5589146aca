//! The log tile by tile (C2SP `tlog-tiles`), and the proof of one entry (C2SP `tlog-proof`).

use audit_log::proof::ProofPlan;
use audit_log::source::{TileNodes, tiles_of};
use audit_log::tiles::{TILE_WIDTH, TileKind, TilePath, decode_tile, encode_bundle, tile_root};
use audit_log::{Hash, LogProof, MemoryLog, Note};
use gates::{Draft, Pass, Receipt, SystemTx, Tx};
use kernel::{EntryId, EventKind, Problem, TenantId};
use store::StoreError;
use store::audit::{Placed, Signed};

use super::jobs::Sequencer;
use super::{ProveEntry, ReadTile, export, retention};

/// The roots of full tiles, one after the other: a piece of the level above. `None` when one is no full tile.
pub(super) fn tile_roots(full: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut roots = Vec::with_capacity(full.len() * 32);
    for tile in full {
        roots.extend_from_slice(&tile_root(&decode_tile(tile, TILE_WIDTH).ok()?)?.0);
    }
    Some(roots)
}

/// Whose eyes read a log.
pub(crate) enum Eyes<'a> {
    /// The tenant's own.
    Tenant(&'a mut Tx),
    /// The system's, which keeps all logs.
    System(&'a mut SystemTx, TenantId),
}

impl Eyes<'_> {
    async fn hashes(&mut self, first: i64, rows: i64) -> Result<Vec<u8>, StoreError> {
        let hashes = match self {
            Self::Tenant(tx) => store::audit::hashes(tx, first, rows).await?,
            Self::System(tx, tenant) => store::audit::leaf_hashes(tx, *tenant, first, rows).await?,
        };
        Ok(hashes.concat())
    }

    async fn tiles(&mut self, level: i16, first: i64, rows: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Self::Tenant(tx) => store::audit::tiles(tx, level, first, rows).await,
            Self::System(tx, tenant) => store::audit::full_tiles(tx, *tenant, level, first, rows).await,
        }
    }

    /// A hash tile as its file holds it; `None` when rows of it are missing or are none.
    pub(crate) async fn hash_tile(
        &mut self,
        level: u8,
        path: TilePath,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let first =
            path.index().checked_mul(u64::from(TILE_WIDTH)).and_then(|first| i64::try_from(first).ok());
        let (Some(first), Ok(index)) = (first, i64::try_from(path.index())) else { return Ok(None) };
        let rows = i64::from(path.width());
        let bytes = if !path.is_partial() {
            self.tiles(i16::from(level), index, 1).await?.concat()
        } else if level == 0 {
            self.hashes(first, rows).await?
        } else {
            tile_roots(&self.tiles(i16::from(level) - 1, first, rows).await?).unwrap_or_default()
        };
        Ok((bytes.len() == usize::from(path.width()) * 32).then_some(bytes))
    }

    /// The hashes of a proof over the log's first `size` leaves.
    pub(crate) async fn prove(&mut self, plan: &ProofPlan, size: u64) -> Result<Vec<Hash>, Unproven> {
        let mut tiles = MemoryLog::default();
        for path in tiles_of(plan, size) {
            let TileKind::Hashes { level } = path.kind() else { continue };
            let bytes = self.hash_tile(level, path).await?.ok_or(Unproven::Tile)?;
            tiles.0.insert(path.to_string(), bytes);
        }
        plan.prove(&TileNodes::new(&tiles, size)).map_err(|error| Unproven::Tree(error.to_string()))
    }
}

/// There is no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unproven {
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tile is not whole.
    #[error("a stored hash tile is gone or damaged")]
    Tile,
    /// Tiles do not make a tree.
    #[error("the stored tiles give no proof: {0}")]
    Tree(String),
}

impl From<Unproven> for Problem {
    fn from(error: Unproven) -> Self {
        match error {
            Unproven::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "a proof could not be made");
                Self::internal()
            }
        }
    }
}

/// A tile as its file holds it; `None` when the log of `size` leaves has none of this width.
async fn read(tx: &mut Tx, path: TilePath, size: u64) -> Result<Option<Vec<u8>>, Problem> {
    if path.width() > TilePath::width_at(path.kind(), path.index(), size) {
        return Ok(None);
    }
    if let TileKind::Hashes { level } = path.kind() {
        return Ok(Some(Eyes::Tenant(tx).hash_tile(level, path).await?.ok_or(Unproven::Tile)?));
    }
    let first = path.index().checked_mul(u64::from(TILE_WIDTH)).and_then(|first| i64::try_from(first).ok());
    let Some(first) = first else { return Ok(None) };
    let leaves = store::audit::leaves(tx, first, i64::from(path.width())).await?;
    if leaves.len() != usize::from(path.width()) {
        let archive = store::retention::archive(tx, i64::MAX).await?.filter(|archive| first < archive.size);
        return Err(archive.map_or_else(Problem::internal, |archive| retention::elsewhere(&archive)));
    }
    let bytes = encode_bundle(leaves.iter().map(Vec::as_slice)).map_err(|_| Problem::internal())?;
    Ok(Some(bytes))
}

/// One tile: of entries, or of hashes.
pub async fn tile(mut pass: Pass<ReadTile>, path: &str) -> Result<(Vec<u8>, Receipt), Problem> {
    let size = store::audit::tree_size(pass.tx()).await?.unsigned_abs();
    let found = match format!("tile/{path}").parse::<TilePath>() {
        Ok(path) => match read(pass.tx(), path, size).await {
            Ok(found) => found,
            Err(problem) => return Err(pass.fail(Draft::failed(EventKind::AuditRead), problem).await),
        },
        Err(_) => None,
    };
    match found {
        Some(bytes) => Ok((bytes, pass.seal(Draft::done(EventKind::AuditRead)).await?)),
        None => Err(pass.fail(Draft::failed(EventKind::AuditRead), Problem::not_found()).await),
    }
}

/// An entry; and its index with the newest checkpoint, when that covers it.
async fn covered_entry(tx: &mut Tx, id: EntryId) -> Result<Option<(Placed, Option<(u64, Signed)>)>, Problem> {
    let Some(entry) = store::audit::entry(tx, id).await? else { return Ok(None) };
    let signed = store::audit::newest_checkpoint(tx).await?;
    let covered = entry.seq.zip(signed).filter(|(seq, signed)| *seq < signed.size);
    Ok(Some((entry, covered.map(|(seq, signed)| (seq.unsigned_abs(), signed)))))
}

/// A proof that an entry stands in the log, under a checkpoint that covers it: the entry, its path and the checkpoint in
/// one file.
pub async fn prove(
    pass: Pass<ProveEntry>,
    sequencer: &Sequencer,
    id: EntryId,
) -> Result<(LogProof, Receipt), Problem> {
    let mut tx = pass.read().await?;
    let Some((mut entry, mut covered)) = covered_entry(&mut tx, id).await? else {
        let problem = super::missing(&mut tx, id).await?;
        return Err(pass.fail(Draft::failed(EventKind::AuditRead), problem).await);
    };
    let receipt = pass.record(Draft::done(EventKind::AuditRead).subject("entry", id)).await?;
    if covered.is_none() {
        drop(tx);
        sequencer.settle(pass.tenant(), id).await?;
        tx = pass.read().await?;
        (entry, covered) = covered_entry(&mut tx, id).await?.ok_or_else(Problem::internal)?;
    }
    let Some((index, signed)) = covered else { return Err(Problem::internal()) };
    let size = signed.size.unsigned_abs();
    let plan = ProofPlan::inclusion(index, size).map_err(|_| Problem::internal())?;
    let path = Eyes::Tenant(&mut tx).prove(&plan, size).await?;
    let note = Note::parse(signed.note.as_bytes()).map_err(|_| Problem::internal())?;
    let proof = LogProof { extra: Some(entry.leaf), index, path, note };
    // A proof that does not hold would accuse the log; say rather that something is wrong here.
    match proof.verify_own(&[export::verifier(&signed)?]) {
        Some(Ok(_)) => Ok((proof, receipt)),
        Some(Err(error)) => {
            tracing::error!(%error, entry = %id, "an entry is not the one that was signed");
            Err(Problem::internal())
        }
        None => Err(Problem::internal()),
    }
}
