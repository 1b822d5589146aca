//! Says which entries of a bundle differ from the log, given the hashes on both sides.

use std::collections::HashSet;

use crate::hash::Hash;

/// One difference between the entries of a bundle and the leaf hashes of its tile. Positions count from the
/// start of the tile; ranges include their last position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// Another entry than the one that was hashed.
    Changed(usize),
    /// An entry of this tile at another's place.
    Moved(usize),
    /// These entries of the log are not in the bundle.
    Missing(usize, usize),
    /// From this position in the bundle on, this many entries do not belong to the log.
    Extra(usize, usize),
}

/// Compares what the bundle holds with what the tile says.
pub(super) fn differences(bundle: &[Hash], tile: &[Hash]) -> Vec<Difference> {
    if bundle == tile {
        return Vec::new();
    }
    if bundle.len() == tile.len() {
        return replaced(bundle, tile);
    }
    // Entries were taken out or put in: what is left before and after stands in its order.
    let start = bundle.iter().zip(tile).take_while(|(a, b)| a == b).count();
    let (bundle, tile) = (&bundle[start..], &tile[start..]);
    let end = bundle.iter().rev().zip(tile.iter().rev()).take_while(|(a, b)| a == b).count();
    let (bundle, tile) = (&bundle[..bundle.len() - end], &tile[..tile.len() - end]);
    // Between them no entry can be matched with a place, so both sides are named whole.
    let mut found = Vec::new();
    if !tile.is_empty() {
        found.push(Difference::Missing(start, start + tile.len() - 1));
    }
    if !bundle.is_empty() {
        found.push(Difference::Extra(start, bundle.len()));
    }
    found
}

fn replaced(bundle: &[Hash], tile: &[Hash]) -> Vec<Difference> {
    let (held, expected): (HashSet<_>, HashSet<_>) = (bundle.iter().collect(), tile.iter().collect());
    let describe = |(at, (entry, hash)): (usize, (&Hash, &Hash))| match entry == hash {
        true => None,
        // Both sides are somewhere in the tile: their places were exchanged. A copy of a neighbour is a change,
        // as the entry it covers is gone.
        false if expected.contains(entry) && held.contains(hash) => Some(Difference::Moved(at)),
        false => Some(Difference::Changed(at)),
    };
    bundle.iter().zip(tile).enumerate().filter_map(describe).collect()
}
