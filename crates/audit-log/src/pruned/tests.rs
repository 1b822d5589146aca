use serde_json::json;

use super::*;
use crate::export::Exporter;
use crate::hash::leaf_hash;
use crate::source::MemoryLog;
use crate::testing::{ORIGIN, core, entry_leaves, key, log_of};
use crate::verify::{FindingKind, Report, Verdict};
use crate::{Actor, Checkpoint, Entry, Kind, sign_checkpoint, verify_log};

const SIZE: usize = 1_000;

/// An entry that says that the first `size` entries, whose root is `root`, are archived.
fn citation(n: u128, size: u64, root: &Hash, actor: ActorKind) -> Vec<u8> {
    let mut core = core(n);
    core.kind = Kind::new(PRUNED_KIND).unwrap();
    core.actor = Actor::unnamed(actor);
    core.outcome = Outcome::Ok;
    let entry = Entry::builder(core)
        .data("size", json!(size))
        .data("root", json!(root.to_base64()))
        .data("archive", json!("an-archive"))
        .data("sha256", json!(Hash([1; 32]).to_base64()));
    entry.build().unwrap().to_leaf().unwrap()
}

fn root_of(leaves: &[Vec<u8>]) -> Hash {
    leaves.iter().map(|leaf| leaf_hash(leaf)).collect::<Frontier>().root()
}

fn check(log: &MemoryLog) -> Report {
    verify_log(log, std::slice::from_ref(key(ORIGIN, 1).verifier()), |_| {})
}

fn without_bundles(mut log: MemoryLog, bundles: std::ops::Range<u64>) -> MemoryLog {
    for index in bundles {
        log.0.remove(&TilePath::entries(index, TILE_WIDTH).unwrap().to_string()).unwrap();
    }
    log
}

/// A log whose entry 1,000 says that its first 512 entries are archived.
fn cited(size: u64, actor: ActorKind) -> (Vec<Vec<u8>>, MemoryLog) {
    let mut leaves = entry_leaves(SIZE as u128);
    let root = root_of(&leaves[..512]);
    leaves.push(citation(5_000, size, &root, actor));
    let log = log_of(&leaves, &key(ORIGIN, 1));
    (leaves, log)
}

#[test]
fn a_beginning_that_the_log_says_is_archived_is_missing_by_right() {
    let (_, log) = cited(512, ActorKind::System);
    let report = check(&without_bundles(log.clone(), 0..2));
    assert_eq!(report.verdict(), Verdict::Intact, "{:?}", report.findings);
    let archived = report.archived.expect("said where it is");
    assert_eq!((archived.size, archived.cited_by), (512, Some(SIZE as u64)));
    let says = archived.to_string();
    assert!(
        says.starts_with("entries 0 to 511 are in the archive an-archive (cited by entry 1000; SHA-256 0101")
    );
    // With everything there, nothing is said.
    assert_eq!(check(&log).archived, None);
}

#[test]
fn what_goes_beyond_it_or_is_not_said_at_all_is_missing() {
    let (_, log) = cited(512, ActorKind::System);
    let report = check(&without_bundles(log.clone(), 0..3));
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!(
        (finding.kind, finding.first, finding.last),
        (FindingKind::BundleMissing, Some(512), Some(767))
    );
    // A hole in the middle is no beginning.
    assert_eq!(check(&without_bundles(log, 1..2)).findings_total, 1);
    // Nobody but the system says so, and not with another root.
    let (_, log) = cited(512, ActorKind::Human);
    assert_eq!(check(&without_bundles(log, 0..2)).findings_total, 2);
    let (_, log) = cited(256, ActorKind::System);
    let report = check(&without_bundles(log, 0..1));
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::Inconsistent));
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::BundleMissing));
}

#[test]
fn a_log_is_exported_without_its_beginning() {
    let (leaves, whole) = cited(512, ActorKind::System);
    let signer = key(ORIGIN, 1);
    let tree: Frontier = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let note = sign_checkpoint(&Checkpoint::of(signer.verifier().name().clone(), &tree), &signer).unwrap();
    let mut log = MemoryLog::default();
    let keys = [signer.verifier().clone()];
    let mut exporter = Exporter::new(&mut log, note.as_bytes(), &keys).unwrap();
    for tile in leaves[..512].chunks(256) {
        let hashes: Vec<Hash> = tile.iter().map(|leaf| leaf_hash(leaf)).collect();
        exporter.push_archived(&hashes).unwrap();
    }
    leaves[512..].iter().for_each(|leaf| exporter.push(leaf).unwrap());
    assert!(exporter.push_archived(&[Hash([0; 32]); 256]).is_err(), "more than there are");
    let mut log = MemoryLog::default();
    let mut exporter = Exporter::new(&mut log, note.as_bytes(), &keys).unwrap();
    for tile in leaves[..512].chunks(256) {
        exporter.push_archived(&tile.iter().map(|leaf| leaf_hash(leaf)).collect::<Vec<_>>()).unwrap();
    }
    leaves[512..].iter().for_each(|leaf| exporter.push(leaf).unwrap());
    exporter.finish().unwrap();
    assert_eq!(log, without_bundles(whole, 0..2));
    assert!(check(&log).archived.is_some());
}

#[test]
fn roots_and_digests_are_those_of_the_beginning() {
    let leaves = entry_leaves(SIZE as u128);
    let log = log_of(&leaves, &key(ORIGIN, 1));
    for size in [256_usize, 512, 768] {
        assert_eq!(root_at(&log, size as u64, SIZE as u64), Some(root_of(&leaves[..size])), "{size}");
    }
    assert_eq!(root_at(&log, 1_024, SIZE as u64), None);
    let digest = bundles_sha256(&log, 512).unwrap().expect("whole");
    assert_ne!(Some(digest), bundles_sha256(&log, 768).unwrap());
    // A longer archive of the same log has the same beginning.
    let longer = log_of(&entry_leaves(1_500), &key(ORIGIN, 1));
    assert_eq!(bundles_sha256(&longer, 512).unwrap(), Some(digest));
    assert_eq!(bundles_sha256(&without_bundles(log, 0..1), 512).unwrap(), None);
}
