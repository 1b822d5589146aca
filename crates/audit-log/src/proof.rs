//! Inclusion and consistency proofs, RFC 9162 §2.1.3 and §2.1.4.
//!
//! Making a proof is split in two, so that a caller may fetch all nodes in one query: a [`ProofPlan`] lists the
//! nodes a proof needs, [`ProofPlan::assemble`] turns their hashes into the proof. [`prove_inclusion`] and
//! [`prove_consistency`] do both over anything that implements [`Nodes`].

use crate::hash::{Hash, node_hash};
use crate::tree::TREE_SIZE_MAX;

/// A complete subtree: leaves `index * 2^level .. (index + 1) * 2^level`. Level 0 is a leaf hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct NodeId {
    /// Height above the leaves.
    pub level: u8,
    /// Position within the level, from the left.
    pub index: u64,
}

/// Where hashes of complete subtrees come from.
pub trait Nodes {
    /// Why a node could not be read.
    type Error;

    /// The hash of the complete subtree at `level` and `index`.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// All leaf hashes of a small tree in memory, in order.
#[derive(Debug, Clone, Copy)]
pub struct LeafHashes<'a>(pub &'a [Hash]);

/// A subtree was asked for that the slice of leaf hashes does not fully hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no complete subtree at level {}, index {}", .0.level, .0.index)]
pub struct NoSuchNode(pub NodeId);

impl Nodes for LeafHashes<'_> {
    type Error = NoSuchNode;

    fn node(&self, level: u8, index: u64) -> Result<Hash, NoSuchNode> {
        let missing = NoSuchNode(NodeId { level, index });
        let width = 1_usize.checked_shl(u32::from(level)).ok_or(missing)?;
        let start = usize::try_from(index).ok().and_then(|index| index.checked_mul(width)).ok_or(missing)?;
        let end = start.checked_add(width).ok_or(missing)?;
        self.0.get(start..end).and_then(subtree_root).ok_or(missing)
    }
}

/// Root of a complete subtree given its `2^n` lowest hashes; `None` for any other count.
pub fn subtree_root(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        for at in 0..row.len() / 2 {
            row[at] = node_hash(&row[2 * at], &row[2 * at + 1]);
        }
        row.truncate(row.len() / 2);
    }
    row.first().copied()
}

/// The numbers asked for describe no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Leaf indices run from 0 to size - 1.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    Index {
        /// The leaf asked for.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// Consistency holds from a non-empty tree to one that is at least as large.
    #[error("no consistency proof leads from size {old} to size {new}")]
    Sizes {
        /// Size of the earlier tree.
        old: u64,
        /// Size of the later tree.
        new: u64,
    },
    /// More than [`TREE_SIZE_MAX`] leaves.
    #[error("a tree of {0} leaves is beyond the limit")]
    TooLarge(u64),
    /// [`ProofPlan::assemble`] was given another number of hashes than the plan has nodes.
    #[error("the plan names {expected} nodes, got {actual} hashes")]
    Hashes {
        /// Nodes in the plan.
        expected: usize,
        /// Hashes given.
        actual: usize,
    },
}

/// A proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError<E> {
    /// Nothing to prove.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A node could not be read.
    #[error("cannot read a tree node: {0}")]
    Nodes(E),
}

/// A proof does not prove what it is said to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// See [`RangeError`].
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A proof between these sizes has another number of hashes.
    #[error("the proof has a wrong number of hashes")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof does not lead to the given root")]
    Root,
}

/// Which nodes a proof needs and how they are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    nodes: Vec<NodeId>,
    /// How many of `nodes` make up each hash of the proof.
    steps: Vec<usize>,
}

impl ProofPlan {
    /// Plan of the inclusion proof of leaf `index` in the tree of `size` leaves.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, RangeError> {
        check_size(size)?;
        if index >= size {
            return Err(RangeError::Index { index, size });
        }
        let (mut low, mut high, mut siblings) = (0, size, Vec::new());
        while high - low > 1 {
            let middle = low + split(high - low);
            if index < middle {
                siblings.push((middle, high));
                high = middle;
            } else {
                siblings.push((low, middle));
                low = middle;
            }
        }
        Ok(Self::from_ranges(&siblings))
    }

    /// Plan of the proof that the tree of `old` leaves is a prefix of the tree of `new` leaves. `old` must not
    /// be 0: the empty tree is a prefix of everything and there is nothing to prove.
    pub fn consistency(old: u64, new: u64) -> Result<Self, RangeError> {
        check_size(new)?;
        if old == 0 || old > new {
            return Err(RangeError::Sizes { old, new });
        }
        let (mut low, mut high, mut ranges) = (0, new, Vec::new());
        while old < high {
            let middle = low + split(high - low);
            if old <= middle {
                ranges.push((middle, high));
                high = middle;
            } else {
                ranges.push((low, middle));
                low = middle;
            }
        }
        // The old root itself is known to the verifier, a part of the old tree is not.
        if low > 0 {
            ranges.push((low, high));
        }
        Ok(Self::from_ranges(&ranges))
    }

    fn from_ranges(top_down: &[(u64, u64)]) -> Self {
        let mut plan = Self { nodes: Vec::new(), steps: Vec::new() };
        for &(mut low, high) in top_down.iter().rev() {
            let before = plan.nodes.len();
            while low < high {
                let level = (high - low).ilog2();
                // ilog2 of a u64 is at most 63.
                plan.nodes
                    .push(NodeId { level: u8::try_from(level).unwrap_or(u8::MAX), index: low >> level });
                low += 1 << level;
            }
            plan.steps.push(plan.nodes.len() - before);
        }
        plan
    }

    /// The nodes whose hashes [`ProofPlan::assemble`] wants, in this order.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// The proof, from the hashes of [`ProofPlan::nodes`] in the same order.
    pub fn assemble(&self, hashes: &[Hash]) -> Result<Vec<Hash>, RangeError> {
        if hashes.len() != self.nodes.len() {
            return Err(RangeError::Hashes { expected: self.nodes.len(), actual: hashes.len() });
        }
        let mut rest = hashes;
        let mut proof = Vec::with_capacity(self.steps.len());
        for &count in &self.steps {
            let (step, after) = rest.split_at(count);
            rest = after;
            proof.extend(step.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)));
        }
        Ok(proof)
    }

    /// Reads the nodes one by one and assembles the proof.
    pub fn prove<N: Nodes + ?Sized>(&self, nodes: &N) -> Result<Vec<Hash>, ProofError<N::Error>> {
        let hashes =
            self.nodes.iter().map(|id| nodes.node(id.level, id.index)).collect::<Result<Vec<_>, _>>();
        Ok(self.assemble(&hashes.map_err(ProofError::Nodes)?)?)
    }
}

fn check_size(size: u64) -> Result<(), RangeError> {
    if size > TREE_SIZE_MAX { Err(RangeError::TooLarge(size)) } else { Ok(()) }
}

/// The largest power of two smaller than `leaves`, which must be at least 2.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Makes the inclusion proof of leaf `index` in the tree of `size` leaves (RFC 9162 §2.1.3.1).
pub fn prove_inclusion<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProofError<N::Error>> {
    ProofPlan::inclusion(index, size)?.prove(nodes)
}

/// Makes the proof that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162 §2.1.4.1).
pub fn prove_consistency<N: Nodes + ?Sized>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ProofError<N::Error>> {
    ProofPlan::consistency(old, new)?.prove(nodes)
}

/// Checks that the leaf with hash `leaf` stands at `index` in the tree of `size` leaves with root `root`
/// (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    check_size(size)?;
    if index >= size {
        return Err(RangeError::Index { index, size }.into());
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(VerifyError::Length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            // On the ragged right edge a node without sibling is carried up unchanged.
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match (last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(VerifyError::Root),
        _ => Err(VerifyError::Length),
    }
}

/// Checks that the tree of `old` leaves with root `old_root` is a prefix of the tree of `new` leaves with root
/// `new_root` (RFC 9162 §2.1.4.2).
///
/// `old` = 0 is refused, as any root could be claimed for it: a caller that accepts the empty tree as a start
/// decides so before asking for a proof.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), VerifyError> {
    check_size(new)?;
    if old == 0 || old > new {
        return Err(RangeError::Sizes { old, new }.into());
    }
    if old == new {
        return match (proof.is_empty(), old_root == new_root) {
            (false, _) => Err(VerifyError::Length),
            (true, false) => Err(VerifyError::Root),
            (true, true) => Ok(()),
        };
    }
    // The part of the path below the largest complete subtree that ends the old tree is common to both.
    let shift = old.trailing_zeros();
    let (mut at, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (seed, rest) = if at == 0 {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(VerifyError::Length)?;
        (*first, rest)
    };
    let (mut old_hash, mut new_hash) = (seed, seed);
    for sibling in rest {
        if last == 0 {
            return Err(VerifyError::Length);
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match (last, old_hash == *old_root && new_hash == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(VerifyError::Root),
        _ => Err(VerifyError::Length),
    }
}

#[cfg(test)]
mod tests;
