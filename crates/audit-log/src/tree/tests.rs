use proptest::prelude::*;

use super::*;
use crate::proof::subtree_root;
use crate::testing::{naive_root, numbered_leaves};

#[test]
fn root_is_that_of_the_definition_at_every_size() {
    let leaves = numbered_leaves(300);
    let mut tree = Frontier::new();
    assert_eq!(tree.root(), EMPTY_ROOT);
    for (at, leaf) in leaves.iter().enumerate() {
        tree.append(*leaf);
        assert_eq!(tree.root(), naive_root(&leaves[..=at]), "size {}", at + 1);
        assert_eq!(tree.size(), at as u64 + 1);
    }
}

#[test]
fn storage_is_checked() {
    let tree: Frontier = numbered_leaves(7).into_iter().collect();
    let bytes = tree.to_bytes();
    assert_eq!(bytes.len(), 3 * HASH_BYTES);
    assert_eq!(Frontier::from_bytes(7, &bytes), Ok(tree));
    let length = Err(TreeError::Length { size: 8, expected: 32, actual: 96 });
    assert_eq!(Frontier::from_bytes(8, &bytes), length);
    assert_eq!(Frontier::from_bytes(u64::MAX, &bytes), Err(TreeError::TooLarge(u64::MAX)));
    assert_eq!(Frontier::from_bytes(0, &[]), Ok(Frontier::new()));
}

#[test]
fn a_subtree_must_fit_where_the_tree_ends() {
    let mut tree: Frontier = numbered_leaves(3).into_iter().collect();
    assert_eq!(tree.append_subtree(1, EMPTY_ROOT), Err(TreeError::Unaligned { size: 3, level: 1 }));
    assert_eq!(tree.append_subtree(64, EMPTY_ROOT), Err(TreeError::TooLarge(u64::MAX)));
    let mut empty = Frontier::new();
    assert_eq!(empty.append_subtree(63, EMPTY_ROOT), Err(TreeError::TooLarge(1 << 63)));
    assert_eq!(tree.size(), 3);
}

proptest! {
    #[test]
    fn a_stored_tree_goes_on_as_if_never_stored(before in 0_usize..600, after in 0_usize..300) {
        let leaves = numbered_leaves(before + after);
        let tree: Frontier = leaves[..before].iter().copied().collect();
        let mut again = Frontier::from_bytes(before as u64, &tree.to_bytes()).unwrap();
        again.extend(leaves[before..].iter().copied());
        prop_assert_eq!(again.root(), naive_root(&leaves));
    }

    #[test]
    fn subtrees_count_as_their_leaves(blocks in 0_usize..20, level in 0_u8..5, rest in 0_usize..40) {
        let width = 1 << level;
        let leaves = numbered_leaves(blocks * width + rest);
        let mut tree = Frontier::new();
        for block in leaves[..blocks * width].chunks(width) {
            tree.append_subtree(level, subtree_root(block).unwrap()).unwrap();
        }
        tree.extend(leaves[blocks * width..].iter().copied());
        prop_assert_eq!(tree, leaves.iter().copied().collect::<Frontier>());
    }
}
