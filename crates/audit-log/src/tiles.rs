//! Tiles and entry bundles, [C2SP tlog-tiles](https://c2sp.org/tlog-tiles): a log as immutable files.

mod path;

use crate::hash::{HASH_BYTES, Hash};
use crate::proof::subtree_root;

pub use path::{PathError, TileKind, TilePath, tiles_for};

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// Tree levels one tile spans.
pub const TILE_HEIGHT: u8 = 8;

/// Most bytes of one entry: what its two-byte length can say.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Most bytes of a bundle: 256 entries of the largest size with their lengths.
pub const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (LENGTH_BYTES + ENTRY_BYTES_MAX);

const LENGTH_BYTES: usize = 2;

/// A bundle or tile does not hold what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// An entry longer than [`ENTRY_BYTES_MAX`].
    #[error("an entry of {0} bytes is beyond the limit of 65,535")]
    EntryTooLarge(usize),
    /// The bundle ends within the entry at this position (counted from 0 in the bundle).
    #[error("the bundle ends within its entry {0}")]
    Truncated(usize),
    /// The tile is not the expected number of 32-byte hashes.
    #[error("the tile has {actual} bytes instead of {expected}")]
    Length {
        /// Bytes it should have.
        expected: usize,
        /// Bytes it has.
        actual: usize,
    },
}

/// Appends one entry, with its length in front, to a bundle.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLarge(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// A bundle of these entries.
pub fn encode_bundle<I>(entries: I) -> Result<Vec<u8>, TileError>
where
    I: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut bundle = Vec::new();
    entries.into_iter().try_for_each(|entry| push_entry(&mut bundle, entry.as_ref()))?;
    Ok(bundle)
}

/// The entries of a bundle, borrowed, in order. After an error nothing follows.
#[derive(Debug, Clone)]
pub struct BundleEntries<'a> {
    rest: &'a [u8],
    position: usize,
}

/// Reads a bundle entry by entry.
pub fn decode_bundle(bundle: &[u8]) -> BundleEntries<'_> {
    BundleEntries { rest: bundle, position: 0 }
}

impl<'a> Iterator for BundleEntries<'a> {
    type Item = Result<&'a [u8], TileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let position = self.position;
        self.position += 1;
        let entry = self.rest.split_first_chunk::<LENGTH_BYTES>().and_then(|(length, rest)| {
            let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            self.rest = rest;
            Some(entry)
        });
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or(TileError::Truncated(position)))
    }
}

/// The bytes of a hash tile: its hashes one after the other.
pub fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Reads a hash tile of `width` hashes.
pub fn decode_tile(tile: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let length = TileError::Length { expected: usize::from(width) * HASH_BYTES, actual: tile.len() };
    if tile.len() != usize::from(width) * HASH_BYTES {
        return Err(length);
    }
    tile.chunks_exact(HASH_BYTES).map(|hash| Hash::try_from(hash).map_err(|_| length)).collect()
}

/// The hash that stands for a full tile in the level above; `None` unless there are 256 hashes.
pub fn tile_root(hashes: &[Hash]) -> Option<Hash> {
    if hashes.len() == usize::from(TILE_WIDTH) { subtree_root(hashes) } else { None }
}

#[cfg(test)]
mod tests;
