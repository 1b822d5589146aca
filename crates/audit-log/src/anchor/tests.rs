use serde_json::json;

use super::*;
use crate::cosign::Cosigner;
use crate::entry::{EntryCore, Kind};
use crate::hash::leaf_hash;
use crate::policy::Policy;
use crate::proof::{LeafHashes, prove_inclusion};
use crate::source::MemoryLog;
use crate::testing::{ORIGIN, core, entry, entry_leaves, key, log_of, naive_root};
use crate::verify::{FindingKind, LogVerifier, Report, Verdict};

const LOGS: &str = "logs.example.com/instance";

fn log() -> MemoryLog {
    log_of(&entry_leaves(600), &key(ORIGIN, 1))
}

/// Root of the log's first leaves.
fn root(size: usize) -> Hash {
    let hashes: Vec<Hash> = entry_leaves(600)[..size].iter().map(|leaf| leaf_hash(leaf)).collect();
    naive_root(&hashes)
}

fn head(kind: &'static str, origin: &str, size: u64, root: &Hash) -> Vec<u8> {
    let core = EntryCore { kind: Kind::from_static(kind), ..core(900) };
    let entry = Entry::builder(core).data("origin", origin).data("size", size).data("root", root.to_base64());
    entry.build().unwrap().to_leaf().unwrap()
}

/// The log of logs: seven entries, the third of which is `leaf`; cosigned by the witnesses of these seeds.
fn proof(leaf: Vec<u8>, witnesses: &[u8]) -> LogProof {
    let mut leaves: Vec<Vec<u8>> = (1_000..1_007).map(|n| entry(n).to_leaf().unwrap()).collect();
    leaves[2].clone_from(&leaf);
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let by = Checkpoint::new(KeyName::new(LOGS).unwrap(), 7, naive_root(&hashes)).unwrap();
    let mut note = by.sign(&key(LOGS, 2)).unwrap();
    for seed in witnesses {
        note.add_signature(witness(*seed).cosign(note.text(), 9).unwrap()).unwrap();
    }
    let path = prove_inclusion(&LeafHashes(&hashes), 2, 7).unwrap();
    LogProof { extra: Some(leaf), index: 2, path, note }
}

fn witness(seed: u8) -> Cosigner {
    Cosigner::from_seed(KeyName::new("witness.example.com").unwrap(), &[seed; 32]).unwrap()
}

fn keys() -> [VerifierKey; 1] {
    [key(LOGS, 2).verifier().clone()]
}

fn check(anchor: Result<Anchor, AnchorFault>, policy: Option<&Policy>) -> Report {
    let own = [key(ORIGIN, 1).verifier().clone()];
    let verifier = LogVerifier::new(&own).anchor(anchor);
    let verifier = match policy {
        Some(policy) => verifier.policy(policy),
        None => verifier,
    };
    verifier.run(&log(), &mut |_| {})
}

#[test]
fn a_head_in_the_log_of_logs_binds_the_log() {
    for size in [1, 255, 256, 257, 600] {
        let proof = proof(head(ANCHOR_KIND, ORIGIN, size, &root(usize::try_from(size).unwrap())), &[]);
        let report = check(Anchor::open(&proof, &keys()), None);
        assert_eq!(report.verdict(), Verdict::Intact, "{size}: {report:?}");
        let anchor = report.anchor.expect("held");
        assert_eq!((anchor.by.as_str(), anchor.index, anchor.size), (LOGS, 2, size));
        assert!(report.continues.is_empty());
    }
    // Another history of the first 300 entries, and more entries than there are.
    for (size, root) in [(300, root(299)), (601, root(600))] {
        let report = check(Anchor::open(&proof(head(ANCHOR_KIND, ORIGIN, size, &root), &[]), &keys()), None);
        assert_eq!((report.verdict(), &report.anchor), (Verdict::Damaged, &None), "{size}");
    }
    // A head of an earlier epoch says nothing about this one.
    let old = proof(head(ANCHOR_KIND, "logs.example.com/before", 300, &root(299)), &[]);
    let report = check(Anchor::open(&old, &keys()), None);
    assert_eq!((report.verdict(), &report.anchor), (Verdict::Intact, &None));
}

#[test]
fn what_is_no_proof_of_a_head_is_refused() {
    let good = proof(head(ANCHOR_KIND, ORIGIN, 600, &root(600)), &[]);
    let altered = LogProof { index: 3, ..good.clone() };
    assert!(matches!(Anchor::open(&altered, &keys()), Err(AnchorFault::Proof(_))));
    let bare = LogProof { extra: None, ..good.clone() };
    assert_eq!(Anchor::open(&bare, &keys()), Err(AnchorFault::Bare));
    let stranger = [key(LOGS, 3).verifier().clone()];
    assert!(matches!(Anchor::open(&good, &stranger), Err(AnchorFault::Proof(_))));
    let data = |origin: &str| head(ANCHOR_KIND, origin, 600, &root(600));
    for leaf in [head("audit.read", ORIGIN, 600, &root(600)), data(""), data("two words")] {
        assert_eq!(Anchor::open(&proof(leaf, &[]), &keys()), Err(AnchorFault::Entry));
    }
    let odd = Entry::builder(EntryCore { kind: Kind::from_static(ANCHOR_KIND), ..core(900) })
        .data("origin", ORIGIN)
        .data("root", root(600).to_base64());
    for size in [json!(null), json!("06"), json!(-1), json!([600])] {
        let leaf = odd.clone().data("size", size).build().unwrap().to_leaf().unwrap();
        assert_eq!(Anchor::open(&proof(leaf, &[]), &keys()), Err(AnchorFault::Entry));
    }
    let report = check(Anchor::open(&altered, &keys()), None);
    assert_eq!(report.verdict(), Verdict::Damaged);
    assert_eq!(report.findings[0].kind, FindingKind::AnchorBad);
}

#[test]
fn witnesses_of_the_log_of_logs_are_witnesses_of_what_it_holds() {
    let policy = Policy::parse(&format!(
        "log {}\nwitness a {}\nwitness b {}\ngroup both all a b\nquorum both\n",
        keys()[0],
        witness(11).key(),
        witness(12).key()
    ))
    .unwrap();
    let leaf = || head(ANCHOR_KIND, ORIGIN, 300, &root(300));
    let met = check(Anchor::open(&proof(leaf(), &[11, 12]), &keys()), Some(&policy));
    assert_eq!((met.verdict(), met.witnesses.len()), (Verdict::Intact, 0), "{met:?}");
    assert_eq!(met.anchor.expect("held").witnesses.len(), 2);
    for too_few in [&[][..], &[11], &[13]] {
        let unmet = check(Anchor::open(&proof(leaf(), too_few), &keys()), Some(&policy));
        assert_eq!(unmet.verdict(), Verdict::Untrusted, "{too_few:?}");
        assert_eq!(unmet.findings[0].kind, FindingKind::WitnessesMissing);
    }
    // Witnesses of another epoch's head do not count for this log.
    let old = proof(head(ANCHOR_KIND, "logs.example.com/before", 300, &root(300)), &[11, 12]);
    assert_eq!(check(Anchor::open(&old, &keys()), Some(&policy)).verdict(), Verdict::Untrusted);
}
