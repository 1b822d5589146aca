use super::*;
use crate::hash::leaf_hash;
use crate::proof::{prove_inclusion, verify_inclusion};
use crate::testing::{ORIGIN, key, log_of, naive_root, numbered_leaves, testdata};
use crate::verify::{LogVerifier, Verdict};
use crate::{CHECKPOINT_PATH, VerifierKey, open_checkpoint};

const TESSERA_KEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("audit-log-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// A log of Tessera's with one of its old checkpoints as the current one.
struct At(DirSource, String);

impl TileSource for At {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.read(if path == CHECKPOINT_PATH { &self.1 } else { path })
    }
}

fn tessera(size: u64) -> (At, Checkpoint, VerifierKey) {
    let source = At(DirSource::new(testdata("tessera-log")), format!("checkpoint.{size}"));
    let key: VerifierKey = TESSERA_KEY.parse().unwrap();
    let checkpoint = open_checkpoint(&source.read(CHECKPOINT_PATH).unwrap().unwrap(), &key).unwrap();
    assert_eq!(checkpoint.size(), size);
    (source, checkpoint, key)
}

#[test]
fn a_log_made_by_tessera_verifies_at_every_size() {
    for size in 0..=15 {
        let (source, _, key) = tessera(size);
        let keys = [key];
        let report = LogVerifier::new(&keys).opaque_entries().run(&source, &mut |_| {});
        assert_eq!(report.verdict(), Verdict::Intact, "{report:?}");
        assert_eq!(report.entries_read, size);
        // Read as ours its entries are none: each is named.
        let report = LogVerifier::new(&keys).run(&source, &mut |_| {});
        assert_eq!(report.findings_total, size);
    }
}

#[test]
fn a_log_made_by_tessera_is_consistent_between_all_sizes() {
    for new in 0..=15 {
        let (source, newer, key) = tessera(new);
        let keys = [key];
        let mut all = LogVerifier::new(&keys).opaque_entries();
        for old in 0..=new {
            let (_, older, _) = tessera(old);
            assert!(check_consistency(&source, &older, &newer).is_ok(), "{old} to {new}");
            all = all.older(older);
        }
        let report = all.run(&source, &mut |_| {});
        assert_eq!(report.verdict(), Verdict::Intact, "{report:?}");
        assert_eq!(report.continues, (0..=new).collect::<Vec<_>>());
    }
    let (source, newer, _) = tessera(9);
    let forged = Checkpoint::new(newer.origin().clone(), 5, leaf_hash(b"forged")).unwrap();
    assert!(matches!(
        check_consistency(&source, &forged, &newer),
        Err(ConsistencyError::Verify(VerifyError::Root))
    ));
    let (_, longer, _) = tessera(10);
    assert!(matches!(check_consistency(&source, &longer, &newer), Err(ConsistencyError::Proof(_))));
}

#[test]
fn proofs_are_made_from_tiles() {
    let size = 66_000_usize;
    let leaves: Vec<_> = (0..size).map(|n| n.to_string().into_bytes()).collect();
    let (log, hashes) = (log_of(&leaves, &key(ORIGIN, 1)), numbered_leaves(size));
    let root = naive_root(&hashes);
    let nodes = TileNodes::new(&log, size as u64);
    for index in [0, 1, 255, 256, 40_000, 65_535, 65_536, 65_791, 65_792, 65_999] {
        let proof = prove_inclusion(&nodes, index as u64, size as u64).unwrap();
        assert_eq!(
            verify_inclusion(&hashes[index], index as u64, size as u64, &proof, &root),
            Ok(()),
            "{index}"
        );
    }
    for old in [1, 255, 256, 257, 65_536, 65_537, 65_999, 66_000] {
        let proof = prove_consistency(&nodes, old as u64, size as u64).unwrap();
        let old_root = naive_root(&hashes[..old]);
        assert_eq!(verify_consistency(old as u64, size as u64, &old_root, &root, &proof), Ok(()), "{old}");
    }
    assert!(matches!(nodes.node(0, 66_000), Err(TileNodeError::NoSuchNode { level: 0, index: 66_000 })));
    assert!(matches!(nodes.node(16, 1), Err(TileNodeError::NoSuchNode { .. })));
    assert!(matches!(nodes.node(255, u64::MAX), Err(TileNodeError::NoSuchNode { .. })));
}

#[test]
fn tlog_tiles_proves_with_our_tiles() {
    struct Ours<'a>(&'a MemoryLog);
    impl tlog_tiles::TileReader for Ours<'_> {
        fn height(&self) -> u8 {
            8
        }
        fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
            let read =
                |tile: &tlog_tiles::Tile| self.0.0[&tile.path().replacen("tile/8/", "tile/", 1)].clone();
            Ok(tiles.iter().map(read).collect())
        }
        fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
    }
    for size in [1_usize, 256, 300, 65_537] {
        let leaves: Vec<_> = (0..size).map(|n| n.to_string().into_bytes()).collect();
        let (log, hashes) = (log_of(&leaves, &key(ORIGIN, 1)), numbered_leaves(size));
        let root = tlog_tiles::Hash(naive_root(&hashes).0);
        let reader = Ours(&log);
        let theirs = tlog_tiles::TileHashReader::new(size as u64, root, &reader);
        assert_eq!(tlog_tiles::tree_hash(size as u64, &theirs).unwrap(), root);
        let nodes = TileNodes::new(&log, size as u64);
        let theirs_of =
            |proof: Vec<Hash>| proof.into_iter().map(|hash| tlog_tiles::Hash(hash.0)).collect::<Vec<_>>();
        for index in [0, size / 3, size - 1] {
            let ours = theirs_of(prove_inclusion(&nodes, index as u64, size as u64).unwrap());
            assert_eq!(tlog_tiles::prove_record(size as u64, index as u64, &theirs).unwrap(), ours);
            let leaf = tlog_tiles::Hash(hashes[index].0);
            assert!(tlog_tiles::check_record(&ours, size as u64, root, index as u64, leaf).is_ok());
        }
        for old in [1, size / 2 + 1, size] {
            let ours = theirs_of(prove_consistency(&nodes, old as u64, size as u64).unwrap());
            let old_root = tlog_tiles::Hash(naive_root(&hashes[..old]).0);
            assert!(
                tlog_tiles::check_tree(&ours, size as u64, root, old as u64, old_root).is_ok(),
                "{old} of {size}"
            );
        }
    }
}

#[test]
fn a_folder_keeps_what_memory_keeps() {
    let leaves: Vec<_> = (0..300).map(|n: u32| n.to_string().into_bytes()).collect();
    let key = key(ORIGIN, 1);
    let log = log_of(&leaves, &key);
    let folder = scratch("roundtrip");
    let mut dir = DirSource::new(&folder);
    let leaves = leaves.iter().map(Ok::<_, io::Error>);
    crate::export(&mut dir, &log.0[CHECKPOINT_PATH], std::slice::from_ref(key.verifier()), leaves).unwrap();
    for (path, content) in &log.0 {
        assert_eq!(dir.read(path).unwrap().as_ref(), Some(content), "{path}");
    }
    // No draft is left behind.
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    assert_eq!(dir.read("tile/0/999").unwrap(), None);
    assert_eq!(dir.read("checkpoint/000").unwrap(), None);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_gives_nothing_from_outside_and_nothing_endless() {
    let folder = scratch("limits");
    fs::create_dir_all(folder.join("tile")).unwrap();
    let mut dir = DirSource::new(&folder);
    for path in ["", "../x", "/etc/hostname", "tile/../../x", "./x"] {
        let kind = io::ErrorKind::InvalidInput;
        assert_eq!(dir.read(path).map_err(|error| error.kind()), Err(kind), "{path:?}");
        assert_eq!(dir.write(path, b"x").map_err(|error| error.kind()), Err(kind), "{path:?}");
    }
    assert_eq!(dir.read("tile").map_err(|error| error.kind()), Err(io::ErrorKind::InvalidData));
    let huge = fs::File::create(folder.join("huge")).unwrap();
    huge.set_len(FILE_BYTES_MAX as u64 + 1).unwrap();
    assert_eq!(dir.read("huge").map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn damaged_tiles_give_no_proof() {
    let leaves: Vec<_> = (0..300).map(|n: u32| n.to_string().into_bytes()).collect();
    let mut log = log_of(&leaves, &key(ORIGIN, 1));
    // A partial tile may be replaced by the full one that came later.
    let partial = log.0.remove("tile/0/001.p/44").unwrap();
    assert!(matches!(TileNodes::new(&log, 300).node(0, 299), Err(TileNodeError::Missing(_))));
    log.0.insert("tile/0/001".to_owned(), [partial.clone(), vec![0; 8_192 - partial.len()]].concat());
    assert_eq!(TileNodes::new(&log, 300).node(0, 299).unwrap(), leaf_hash(b"299"));
    log.0.insert("tile/0/001".to_owned(), partial);
    assert!(matches!(TileNodes::new(&log, 300).node(0, 299), Err(TileNodeError::Malformed { .. })));
}
