use proptest::prelude::*;

use super::*;
use crate::note::KeyName;
use crate::proof::{LeafHashes, ProofPlan, prove_inclusion};
use crate::source::{MemoryLog, TileNodes, TileSink as _, tiles_of};
use crate::testing::{ORIGIN, key, naive_root, numbered_leaves, read_json};

fn proof(index: u64, size: usize) -> LogProof {
    let leaves = numbered_leaves(size);
    let checkpoint =
        Checkpoint::new(KeyName::new(ORIGIN).unwrap(), size as u64, naive_root(&leaves)).unwrap();
    LogProof {
        extra: Some(index.to_string().into_bytes()),
        index,
        path: prove_inclusion(&LeafHashes(&leaves), index, size as u64).unwrap(),
        note: checkpoint.sign(&key(ORIGIN, 1)).unwrap(),
    }
}

#[test]
fn every_entry_of_every_small_log_is_proven_by_its_file() {
    let keys = [key(ORIGIN, 1).verifier().clone()];
    for size in 1..=40 {
        for index in 0..size {
            let proof = proof(index as u64, size);
            let read = LogProof::parse(proof.to_string().as_bytes()).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify_own(&keys).unwrap().unwrap().size(), size as u64);
            let other = LogProof { index: (index as u64 + 1) % (size as u64 + 1), ..read.clone() };
            assert!(
                matches!(other.verify_own(&keys), Some(Err(ProofFault::Inclusion(_)))),
                "{index} of {size}"
            );
            let forged = LogProof { extra: Some(b"forged".to_vec()), ..read };
            assert!(
                matches!(forged.verify_own(&keys), Some(Err(ProofFault::Inclusion(_)))),
                "{index} of {size}"
            );
        }
    }
    let bare = LogProof { extra: None, ..proof(3, 7) };
    assert_eq!(LogProof::parse(bare.to_string().as_bytes()).unwrap(), bare);
    assert!(bare.verify_own(&keys).is_none());
    assert!(bare.verify(&leaf_hash(b"3"), &keys).is_ok());
    let stranger = [key(ORIGIN, 2).verifier().clone()];
    assert!(matches!(bare.verify(&leaf_hash(b"3"), &stranger), Err(ProofFault::Checkpoint(_))));
}

/// Other people's proofs, right and wrong ones, packed into files.
#[test]
fn the_vectors_of_another_log_hold_as_files() {
    let mut seen = 0;
    for case in read_json("merkle/inclusion.json").as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let hash = |text: &str| Hash::from_base64(text).ok();
        let path: Option<Vec<Hash>> = case["proof"]
            .as_array()
            .map_or(Some(Vec::new()), |all| all.iter().map(|one| hash(one.as_str()?)).collect());
        let (Some(path), Some(root), Some(leaf)) = (path, hash(text("root")), hash(text("leafHash"))) else {
            continue;
        };
        let (size, index) = (case["treeSize"].as_u64().unwrap(), case["leafIdx"].as_u64().unwrap());
        let checkpoint = Checkpoint::new(KeyName::new(ORIGIN).unwrap(), size, root).unwrap();
        let note = checkpoint.sign(&key(ORIGIN, 1)).unwrap();
        let Ok(read) = LogProof::parse(LogProof { extra: None, index, path, note }.to_string().as_bytes())
        else {
            assert_eq!(case["wantErr"], true);
            continue;
        };
        let held = read.verify(&leaf, &[key(ORIGIN, 1).verifier().clone()]).is_ok();
        assert_eq!(held, case["wantErr"] != true, "{case}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn the_tiles_of_a_plan_are_enough_for_it() {
    let size = 70_000;
    let leaves = numbered_leaves(size);
    let mut all = MemoryLog::default();
    // All hash tiles, computed plainly.
    let mut level = leaves.clone();
    for number in 0_u8.. {
        for (index, hashes) in level.chunks(256).enumerate() {
            let width = u16::try_from(hashes.len()).unwrap();
            let path = crate::TilePath::hashes(number, index as u64, width).unwrap();
            all.write(&path.to_string(), &crate::tiles::encode_tile(hashes)).unwrap();
        }
        level = level.chunks_exact(256).map(naive_root).collect();
        if level.is_empty() {
            break;
        }
    }
    for index in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let plan = ProofPlan::inclusion(index, size as u64).unwrap();
        let mut few = MemoryLog::default();
        for path in tiles_of(&plan, size as u64) {
            few.write(&path.to_string(), &all.0[&path.to_string()]).unwrap();
        }
        assert!(few.0.len() <= 4, "{index}: {}", few.0.len());
        let path = plan.prove(&TileNodes::new(&few, size as u64)).unwrap();
        assert_eq!(path, prove_inclusion(&LeafHashes(&leaves), index, size as u64).unwrap(), "{index}");
    }
}

#[test]
fn malformed_files_are_refused() {
    let good = proof(3, 7).to_string();
    let parse = |text: &str| LogProof::parse(text.as_bytes()).unwrap_err();
    assert_eq!(parse(""), ProofFileError::Header);
    assert_eq!(parse(&good.replacen("v1", "v2", 1)), ProofFileError::Header);
    assert_eq!(parse(&good.replacen("extra ", "extra !", 1)), ProofFileError::Extra);
    assert_eq!(parse(&good.replacen("extra ", "", 1)), ProofFileError::Index);
    for index in ["index", "index 03", "index -3", "Index 3"] {
        assert_eq!(parse(&good.replacen("index 3", index, 1)), ProofFileError::Index, "{index}");
    }
    assert_eq!(parse(&good.replacen("index 3\n", "index 3\nAAAA\n", 1)), ProofFileError::Path);
    let hash = format!("{}\n", EMPTY.to_base64());
    let many = good.replacen("index 3\n", &format!("index 3\n{}", hash.repeat(64)), 1);
    assert_eq!(parse(&many), ProofFileError::Path);
    assert!(matches!(parse(good.split("\n\n").next().unwrap()), ProofFileError::Path));
    assert_eq!(parse(&"x".repeat(PROOF_BYTES_MAX + 1)), ProofFileError::TooLong(PROOF_BYTES_MAX + 1));
}

const EMPTY: Hash = crate::EMPTY_ROOT;

proptest! {
    #[test]
    fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = LogProof::parse(&[PROOF_HEADER.as_bytes(), b"\n", &bytes].concat());
    }
}
