//! The growing end of a Merkle tree: what must be remembered to append and to name the root.

use crate::hash::{EMPTY_ROOT, HASH_BYTES, Hash, node_hash};

/// Most leaves a tree may have: what fits a signed 64-bit integer, as databases and other verifiers store it.
pub const TREE_SIZE_MAX: u64 = i64::MAX as u64;

/// The roots of the complete subtrees a tree of some size consists of, largest first (a "compact range").
///
/// Appending costs one hash on average and at most 63; the memory is one hash per set bit of the size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

/// A stored frontier or an append to it does not make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// More than [`TREE_SIZE_MAX`] leaves.
    #[error("a tree of {0} leaves is beyond the limit")]
    TooLarge(u64),
    /// The stored bytes are not one hash per set bit of the size.
    #[error("a frontier of size {size} takes {expected} bytes, got {actual}")]
    Length {
        /// Leaves the frontier stands for.
        size: u64,
        /// Bytes it must have.
        expected: usize,
        /// Bytes it has.
        actual: usize,
    },
    /// A complete subtree can only start at a multiple of its own size.
    #[error("a subtree of 2^{level} leaves cannot start at leaf {size}")]
    Unaligned {
        /// Leaves before the subtree.
        size: u64,
        /// Height of the subtree.
        level: u8,
    },
}

impl Frontier {
    /// The empty tree.
    pub const fn new() -> Self {
        Self { size: 0, subtrees: Vec::new() }
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds one leaf, given its [`leaf_hash`](crate::leaf_hash).
    pub fn append(&mut self, leaf: Hash) {
        self.push(0, leaf);
    }

    /// Adds a complete subtree of `2^level` leaves at once, given its root.
    pub fn append_subtree(&mut self, level: u8, root: Hash) -> Result<(), TreeError> {
        let leaves = 1_u64.checked_shl(u32::from(level)).ok_or(TreeError::TooLarge(u64::MAX))?;
        if !self.size.is_multiple_of(leaves) {
            return Err(TreeError::Unaligned { size: self.size, level });
        }
        match self.size.checked_add(leaves) {
            Some(size) if size <= TREE_SIZE_MAX => {
                self.push(level, root);
                Ok(())
            }
            size => Err(TreeError::TooLarge(size.unwrap_or(u64::MAX))),
        }
    }

    fn push(&mut self, level: u8, mut hash: Hash) {
        // Each set bit from `level` upwards is a complete left sibling waiting for exactly this node.
        let mut waiting = self.size >> level;
        while waiting & 1 == 1 {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
            waiting >>= 1;
        }
        self.subtrees.push(hash);
        self.size += 1 << level;
    }

    /// Root of the tree: the Merkle Tree Hash of RFC 9162 §2.1.1.
    pub fn root(&self) -> Hash {
        self.subtrees
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or(EMPTY_ROOT)
    }

    /// The subtree roots, largest subtree first, for storage beside [`Frontier::size`].
    pub fn to_bytes(&self) -> Vec<u8> {
        self.subtrees.iter().flat_map(|hash| hash.0).collect()
    }

    /// Reads what [`Frontier::to_bytes`] wrote for a tree of `size` leaves.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, TreeError> {
        if size > TREE_SIZE_MAX {
            return Err(TreeError::TooLarge(size));
        }
        // At most 63 set bits.
        let expected = HASH_BYTES * size.count_ones() as usize;
        let length = || TreeError::Length { size, expected, actual: bytes.len() };
        if bytes.len() != expected {
            return Err(length());
        }
        let subtrees = bytes.chunks_exact(HASH_BYTES).map(Hash::try_from).collect::<Result<_, _>>();
        Ok(Self { size, subtrees: subtrees.map_err(|_| length())? })
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut frontier = Self::new();
        frontier.extend(leaves);
        frontier
    }
}

impl Extend<Hash> for Frontier {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.append(leaf));
    }
}

#[cfg(test)]
mod tests;
