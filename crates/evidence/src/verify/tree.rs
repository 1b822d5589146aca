//! From the signed root down to the leaves of the range.

use std::io::{Read, Seek};

use audit_log::tiles::{TILE_HEIGHT, TILE_WIDTH, TileKind, TilePath, decode_tile, tile_root};
use audit_log::{Checkpoint, Frontier, Hash};

use super::archive::Archive;
use crate::pack::{CHECKPOINT, Range, tile_name};

/// Bytes of a full tile of hashes.
const TILE_BYTES: usize = TILE_WIDTH as usize * 32;

/// A file, and what is wrong with it.
type Wrong = (String, String);

struct Tree<'a, R> {
    archive: &'a mut Archive<R>,
    size: u64,
    /// The partial tile of each level, at the edge of the tree: its index and its hashes. The root follows from these.
    edge: Vec<Option<Known>>,
    /// The full tile last read of each level, which is known to be the tree's.
    last: Vec<Option<Known>>,
}

/// A tile that is known to be the tree's: its index and its hashes.
type Known = (u64, Vec<Hash>);

/// The leaf hashes of the range, each of which leads to the signed root.
pub(super) fn leaves<R: Read + Seek>(
    archive: &mut Archive<R>,
    range: &Range,
    checkpoint: &Checkpoint,
) -> Result<Vec<Hash>, Wrong> {
    let mut tree = Tree { archive, size: checkpoint.size(), edge: vec![None; 8], last: vec![None; 8] };
    tree.check_root(checkpoint)?;
    let mut leaves = Vec::new();
    let mut at = range.first;
    while at < range.end {
        let index = at / u64::from(TILE_WIDTH);
        let start = usize::try_from(at % u64::from(TILE_WIDTH)).unwrap_or(0);
        let end_here = ((index + 1) * u64::from(TILE_WIDTH)).min(range.end);
        let count = usize::try_from(end_here - at).unwrap_or(0);
        let tile = tree.tile(0, index)?;
        leaves.extend(tile.iter().skip(start).take(count));
        at = end_here;
    }
    Ok(leaves)
}

impl<R: Read + Seek> Tree<'_, R> {
    /// The root follows from the partial tiles at the right edge.
    fn check_root(&mut self, checkpoint: &Checkpoint) -> Result<(), Wrong> {
        let wrong = |detail: &str| (CHECKPOINT.to_owned(), detail.to_owned());
        let mut tree = Frontier::new();
        for level in (0..8_u8).rev() {
            let nodes = self.nodes(level);
            let width = nodes % u64::from(TILE_WIDTH);
            if width == 0 {
                continue;
            }
            let index = nodes / u64::from(TILE_WIDTH);
            let tile = self.read(level, index)?;
            for hash in &tile {
                tree.append_subtree(level.saturating_mul(TILE_HEIGHT), *hash)
                    .map_err(|error| wrong(&error.to_string()))?;
            }
            if let Some(edge) = self.edge.get_mut(usize::from(level)) {
                *edge = Some((index, tile));
            }
        }
        if tree.root() == *checkpoint.root() {
            Ok(())
        } else {
            Err(wrong("the tiles at the right edge do not lead to its root"))
        }
    }

    fn nodes(&self, level: u8) -> u64 {
        self.size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
    }

    fn path(&self, level: u8, index: u64) -> Result<TilePath, Wrong> {
        let width = TilePath::width_at(TileKind::Hashes { level }, index, self.size);
        TilePath::hashes(level, index, width).map_err(|error| (CHECKPOINT.to_owned(), error.to_string()))
    }

    fn read(&mut self, level: u8, index: u64) -> Result<Vec<Hash>, Wrong> {
        let path = self.path(level, index)?;
        let name = tile_name(path);
        let bytes = self.archive.read(&name, TILE_BYTES).map_err(|error| (name.clone(), error))?;
        decode_tile(&bytes, path.width()).map_err(|error| (name, error.to_string()))
    }

    /// A tile whose hashes are the tree's: the tile above says so, or it stands at the edge.
    fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], Wrong> {
        let slot = usize::from(level);
        let is = |known: &Known| known.0 == index;
        let known = |tiles: &[Option<Known>]| tiles.get(slot).and_then(Option::as_ref).is_some_and(is);
        if !known(&self.edge) && !known(&self.last) {
            let tile = self.read(level, index)?;
            let name = tile_name(self.path(level, index)?);
            let said = match level.checked_add(1) {
                Some(above) if above < 8 => {
                    let position = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
                    self.tile(above, index / u64::from(TILE_WIDTH))?.get(position).copied()
                }
                _ => None,
            };
            let root = tile_root(&tile);
            if root.is_none() || root != said {
                return Err((name, "its hashes do not lead to the signed root".to_owned()));
            }
            if let Some(last) = self.last.get_mut(slot) {
                *last = Some((index, tile));
            }
        }
        let tiles = [&self.edge, &self.last];
        let found =
            tiles.iter().find_map(|tiles| tiles.get(slot).and_then(Option::as_ref).filter(|known| is(known)));
        Ok(found.map_or(&[], |(_, tile)| tile.as_slice()))
    }
}
