use proptest::prelude::*;

use base64::Engine as _;
use serde_json::Value;

use super::*;
use crate::testing::{naive_root, numbered_leaves, read_json};

fn decode(value: &Value) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(value.as_str()?).ok()
}

/// A hash of the vectors; what is not 32 bytes our types refuse before any proof is looked at.
fn hash(value: &Value) -> Option<Hash> {
    Hash::try_from(decode(value)?.as_slice()).ok()
}

/// The roots of some consistency vectors are placeholders of another length; equal ones must stay equal.
fn root(value: &Value) -> Option<Hash> {
    hash(value).or_else(|| Some(crate::hash::sha256(&decode(value)?)))
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array()?.iter().map(hash).collect()
}

/// Runs all cases of a file; `check` gives `None` for a case that does not even parse.
fn run_vectors(path: &str, check: impl Fn(&Value) -> Option<bool>) -> (usize, usize) {
    let cases = read_json(path);
    let mut counts = (0, 0);
    for case in cases.as_array().unwrap() {
        let accepted = check(case).unwrap_or(false);
        assert_eq!(accepted, case["wantErr"] == false, "{}", case["file"]);
        if accepted { counts.0 += 1 } else { counts.1 += 1 }
    }
    counts
}

#[test]
fn inclusion_agrees_with_transparency_dev() {
    let counts = run_vectors("merkle/inclusion.json", |case| {
        let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
        let (leaf, root, proof) = (hash(&case["leafHash"])?, hash(&case["root"])?, hashes(&case["proof"])?);
        Some(verify_inclusion(&leaf, index, size, &proof, &root).is_ok())
    });
    assert_eq!(counts.0 + counts.1, 98);
    assert!(counts.0 >= 6, "accepted {}", counts.0);
}

#[test]
fn consistency_agrees_with_transparency_dev() {
    let counts = run_vectors("merkle/consistency.json", |case| {
        let (old, new) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
        let (old_root, new_root) = (root(&case["root1"])?, root(&case["root2"])?);
        Some(verify_consistency(old, new, &old_root, &new_root, &hashes(&case["proof"])?).is_ok())
    });
    assert_eq!(counts.0 + counts.1, 98);
    assert!(counts.0 >= 5, "accepted {}", counts.0);
}

#[test]
fn every_proof_of_small_trees_verifies() {
    let leaves = numbered_leaves(40);
    for size in 1..=leaves.len() {
        let (nodes, root) = (LeafHashes(&leaves[..size]), naive_root(&leaves[..size]));
        for (index, leaf) in leaves.iter().enumerate().take(size) {
            let proof = prove_inclusion(&nodes, index as u64, size as u64).unwrap();
            let verified = verify_inclusion(leaf, index as u64, size as u64, &proof, &root);
            assert_eq!(verified, Ok(()), "leaf {index} of {size}");
            let elsewhere = (index as u64 + 1) % size as u64;
            if size > 1 {
                assert!(verify_inclusion(leaf, elsewhere, size as u64, &proof, &root).is_err());
            }
        }
        for old in 1..=size {
            let proof = prove_consistency(&nodes, old as u64, size as u64).unwrap();
            let old_root = naive_root(&leaves[..old]);
            let verified = verify_consistency(old as u64, size as u64, &old_root, &root, &proof);
            assert_eq!(verified, Ok(()), "{old} to {size}");
        }
    }
}

#[test]
fn impossible_ranges_are_named() {
    assert_eq!(ProofPlan::inclusion(5, 5), Err(RangeError::Index { index: 5, size: 5 }));
    assert_eq!(ProofPlan::inclusion(0, 0), Err(RangeError::Index { index: 0, size: 0 }));
    assert_eq!(ProofPlan::inclusion(0, u64::MAX), Err(RangeError::TooLarge(u64::MAX)));
    assert_eq!(ProofPlan::consistency(0, 5), Err(RangeError::Sizes { old: 0, new: 5 }));
    assert_eq!(ProofPlan::consistency(6, 5), Err(RangeError::Sizes { old: 6, new: 5 }));
    let plan = ProofPlan::inclusion(0, 3).unwrap();
    assert_eq!(plan.assemble(&[]), Err(RangeError::Hashes { expected: 2, actual: 0 }));
    let few = LeafHashes(&[]);
    assert!(matches!(prove_inclusion(&few, 0, 3), Err(ProofError::Nodes(NoSuchNode(_)))));
    assert_eq!(few.node(200, 0), Err(NoSuchNode(NodeId { level: 200, index: 0 })));
    assert_eq!(few.node(63, u64::MAX), Err(NoSuchNode(NodeId { level: 63, index: u64::MAX })));
}

#[test]
fn the_largest_tree_has_a_plan() {
    let plan = ProofPlan::inclusion(TREE_SIZE_MAX - 1, TREE_SIZE_MAX).unwrap();
    assert!(plan.nodes().len() <= 64);
    assert!(ProofPlan::consistency(TREE_SIZE_MAX - 1, TREE_SIZE_MAX).is_ok());
}

/// Changes one bit of one hash of a proof, or its length.
fn spoil(proof: &mut Vec<Hash>, at: usize, bit: usize) {
    match at.checked_rem(proof.len() + 2).unwrap() {
        0 => proof.push(Hash([0; 32])),
        1 if !proof.is_empty() => drop(proof.pop()),
        1 => proof.push(Hash([1; 32])),
        at => proof[at - 2].0[bit / 8 % 32] ^= 1 << (bit % 8),
    }
}

proptest! {
    #[test]
    fn a_spoilt_inclusion_proof_fails(size in 1_usize..700, index: usize, at: usize, bit in 0_usize..256) {
        let leaves = numbered_leaves(size);
        let index = index % size;
        let root = naive_root(&leaves);
        let mut proof = prove_inclusion(&LeafHashes(&leaves), index as u64, size as u64).unwrap();
        prop_assert!(verify_inclusion(&leaves[index], index as u64, size as u64, &proof, &root).is_ok());
        let mut leaf = leaves[index];
        leaf.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(&leaf, index as u64, size as u64, &proof, &root).is_err());
        spoil(&mut proof, at, bit);
        prop_assert!(verify_inclusion(&leaves[index], index as u64, size as u64, &proof, &root).is_err());
    }

    #[test]
    fn a_spoilt_consistency_proof_fails(size in 1_usize..700, old: usize, at: usize, bit in 0_usize..256) {
        let leaves = numbered_leaves(size);
        let old = old % size + 1;
        let (old_root, root) = (naive_root(&leaves[..old]), naive_root(&leaves));
        let (from, to) = (old as u64, size as u64);
        let mut proof = prove_consistency(&LeafHashes(&leaves), from, to).unwrap();
        prop_assert!(verify_consistency(from, to, &old_root, &root, &proof).is_ok());
        let mut other = old_root;
        other.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_consistency(from, to, &other, &root, &proof).is_err());
        prop_assert!(verify_consistency(from, to, &old_root, &other, &proof).is_err());
        spoil(&mut proof, at, bit);
        prop_assert!(verify_consistency(from, to, &old_root, &root, &proof).is_err());
    }

    #[test]
    fn verifying_never_panics(index: u64, size: u64, old: u64, proof: Vec<[u8; 32]>) {
        let proof: Vec<_> = proof.into_iter().map(Hash).collect();
        let any = Hash([7; 32]);
        let _ = verify_inclusion(&any, index, size, &proof, &any);
        let _ = verify_consistency(old, size, &any, &any, &proof);
    }
}
