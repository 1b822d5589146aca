//! The log tile by tile (C2SP `tlog-tiles`), and the proof of one entry (C2SP `tlog-proof`).

use audit_log::proof::ProofPlan;
use audit_log::source::{TileNodes, tiles_of};
use audit_log::tiles::{TILE_WIDTH, TileKind, TilePath, decode_tile, encode_bundle, tile_root};
use audit_log::{LogProof, MemoryLog, Note, TileSink as _};
use gates::{Draft, Pass, Receipt, Tx};
use kernel::{EntryId, EventKind, Problem};
use store::audit::{Placed, Signed};

use super::jobs::Sequencer;
use super::{ProveEntry, ReadTile, export};

/// The roots of full tiles, one after the other: a piece of the level above. `None` when one is no full tile.
pub(super) fn tile_roots(full: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut roots = Vec::with_capacity(full.len() * 32);
    for tile in full {
        roots.extend_from_slice(&tile_root(&decode_tile(tile, TILE_WIDTH).ok()?)?.0);
    }
    Some(roots)
}

/// A tile as its file holds it; `None` when the log of `size` leaves has none of this width.
async fn read(tx: &mut Tx, path: TilePath, size: u64) -> Result<Option<Vec<u8>>, Problem> {
    let there = TilePath::width_at(path.kind(), path.index(), size);
    let first = path.index().checked_mul(u64::from(TILE_WIDTH)).and_then(|first| i64::try_from(first).ok());
    let (Some(first), true) = (first, path.width() <= there) else { return Ok(None) };
    let rows = i64::from(path.width());
    let bytes = match path.kind() {
        TileKind::Entries => {
            let leaves = store::audit::leaves(tx, first, rows).await?;
            encode_bundle(leaves.iter().map(Vec::as_slice)).map_err(|_| Problem::internal())?
        }
        TileKind::Hashes { level } if !path.is_partial() => {
            let index = i64::try_from(path.index()).map_err(|_| Problem::internal())?;
            store::audit::tiles(tx, i16::from(level), index, 1).await?.concat()
        }
        TileKind::Hashes { level: 0 } => store::audit::hashes(tx, first, rows).await?.concat(),
        TileKind::Hashes { level } => {
            let below = store::audit::tiles(tx, i16::from(level) - 1, first, rows).await?;
            tile_roots(&below).ok_or_else(Problem::internal)?
        }
    };
    let whole = match path.kind() {
        TileKind::Entries => true,
        TileKind::Hashes { .. } => bytes.len() == usize::from(path.width()) * 32,
    };
    if whole { Ok(Some(bytes)) } else { Err(Problem::internal()) }
}

/// One tile: of entries, or of hashes.
pub async fn tile(mut pass: Pass<ReadTile>, path: &str) -> Result<(Vec<u8>, Receipt), Problem> {
    let size = store::audit::tree_size(pass.tx()).await?.unsigned_abs();
    let found = match format!("tile/{path}").parse::<TilePath>() {
        Ok(path) => read(pass.tx(), path, size).await?,
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
        return Err(pass.fail(Draft::failed(EventKind::AuditRead), Problem::not_found()).await);
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
    let broken = |_| Problem::internal();
    let plan = ProofPlan::inclusion(index, size).map_err(|_| Problem::internal())?;
    let mut tiles = MemoryLog::default();
    for path in tiles_of(&plan, size) {
        let bytes = read(&mut tx, path, size).await?.ok_or_else(Problem::internal)?;
        tiles.write(&path.to_string(), &bytes).map_err(broken)?;
    }
    let path = plan.prove(&TileNodes::new(&tiles, size)).map_err(|error| {
        tracing::error!(%error, "the stored tiles give no proof");
        Problem::internal()
    })?;
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
