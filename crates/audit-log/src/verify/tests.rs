use std::io;

use super::ids::{Duplicate, Ids};
use super::*;
use crate::hash::leaf_hash;
use crate::source::MemoryLog;
use crate::testing::{ORIGIN, entry, entry_leaves, key, log_of};
use crate::tiles::{decode_bundle, encode_bundle, encode_tile};
use crate::{Frontier, Hash, KeyName, SigningKey, sign_checkpoint};

use FindingKind as K;

/// Two full leaf tiles and a partial one: 600 entries.
const SIZE: u64 = 600;

fn signer() -> SigningKey {
    key(ORIGIN, 1)
}

fn keys() -> [VerifierKey; 1] {
    [signer().verifier().clone()]
}

fn log() -> MemoryLog {
    log_of(&entry_leaves(u128::from(SIZE)), &signer())
}

fn check(log: &MemoryLog) -> Report {
    verify_log(log, &keys(), |_| {})
}

/// The findings as kind, first and last entry.
fn found(report: &Report) -> Vec<(K, Option<u64>, Option<u64>)> {
    report.findings.iter().map(|finding| (finding.kind, finding.first, finding.last)).collect()
}

fn one(kind: K, at: u64) -> (K, Option<u64>, Option<u64>) {
    (kind, Some(at), Some(at))
}

fn range(kind: K, first: u64, last: u64) -> (K, Option<u64>, Option<u64>) {
    (kind, Some(first), Some(last))
}

const ROOT: (K, Option<u64>, Option<u64>) = (K::RootMismatch, None, None);

fn edit_bundle(log: &mut MemoryLog, path: &str, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let bundle = log.0.get_mut(path).unwrap();
    let mut entries: Vec<_> = decode_bundle(bundle).map(|entry| entry.unwrap().to_vec()).collect();
    edit(&mut entries);
    *bundle = encode_bundle(&entries).unwrap();
}

/// Makes a tile of leaf hashes fit its bundle, as a careful forger would.
fn rehash(log: &mut MemoryLog, bundle: &str, tile: &str) {
    let hashes: Vec<_> = decode_bundle(&log.0[bundle]).map(|entry| leaf_hash(entry.unwrap())).collect();
    log.0.insert(tile.to_owned(), encode_tile(&hashes));
}

fn forged() -> Vec<u8> {
    entry(1_000_000).to_leaf().unwrap()
}

#[test]
fn an_intact_log_is_summed_up() {
    let mut seen = Vec::new();
    let report = verify_log(&log(), &keys(), |progress| seen.push(progress.entries_done));
    assert_eq!(report.verdict(), Verdict::Intact, "{report:?}");
    assert_eq!(seen, [256, 512, 600]);
    assert_eq!((report.size, report.entries_read), (SIZE, SIZE));
    assert_eq!(report.kinds.get("llm.call.intent"), Some(&SIZE));
    assert_eq!(report.origin.as_deref(), Some(ORIGIN));
    assert_eq!(report.signed_by, [signer().verifier().to_string()]);
    assert_eq!(report.tenant, Some(Uuid::from_u128(7)));
    assert_eq!(report.first_at.as_deref(), Some("2026-11-18T11:06:40.000000Z"));
    assert_eq!(report.last_at.as_deref(), Some("2026-11-18T11:06:40.599000Z"));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["root"], report.root.unwrap().to_base64());
    assert_eq!(json["findings"], serde_json::json!([]));
    assert_eq!(json["verdict"], "intact");
}

#[test]
fn logs_of_every_shape_are_intact() {
    for size in [0, 1, 255, 256, 257, 511, 512, 513] {
        let report = check(&log_of(&entry_leaves(size), &signer()));
        assert_eq!(report.verdict(), Verdict::Intact, "{size}: {report:?}");
    }
    // Beyond one level-1 tile, with entries that cost little to make.
    let leaves: Vec<_> = (0..65_536 + 300).map(|n: u32| n.to_string().into_bytes()).collect();
    let keys = keys();
    let opaque = LogVerifier::new(&keys).opaque_entries();
    let log = log_of(&leaves, &signer());
    assert_eq!(opaque.run(&log, &mut |_| {}).verdict(), Verdict::Intact);
    for (path, first, last) in
        [("tile/1/000", 512, 767), ("tile/2/000.p/1", 0, 65_535), ("tile/1/001.p/1", 65_536, 65_791)]
    {
        let mut log = log.clone();
        let at = if path == "tile/1/000" { 2 * 32 + 7 } else { 7 };
        log.0.get_mut(path).unwrap()[at] ^= 1;
        let report = opaque.run(&log, &mut |_| {});
        assert_eq!(found(&report), [range(K::TileMismatch, first, last)], "{path}");
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let log = log();
    for path in log.0.keys() {
        let length = log.0[path].len();
        for at in [0, 1, 2, 9, length / 3, length / 2, length - 2, length - 1] {
            let mut log = log.clone();
            log.0.get_mut(path).unwrap()[at] ^= 1;
            let report = check(&log);
            assert_ne!(report.verdict(), Verdict::Intact, "{path} byte {at}");
            let named = report.findings.iter().any(|finding| finding.path.as_deref() == Some(path));
            assert!(named, "{path} byte {at}: {:?}", report.findings);
        }
    }
}

#[test]
fn a_changed_entry_is_named() {
    for (path, position, index) in
        [("tile/entries/000", 5, 5), ("tile/entries/001", 255, 511), ("tile/entries/002.p/88", 87, 599)]
    {
        let mut log = log();
        edit_bundle(&mut log, path, |entries| entries[position] = forged());
        let report = check(&log);
        assert_eq!(found(&report), [one(K::LeafChanged, index), ROOT]);
        assert!(report.findings[1].detail.contains("hash tiles lead to the signed root"));
        assert_eq!(report.verdict(), Verdict::Damaged);
    }
}

#[test]
fn an_unreadable_entry_is_named_twice_over() {
    let mut log = log();
    edit_bundle(&mut log, "tile/entries/001", |entries| entries[0].push(b' '));
    assert_eq!(found(&check(&log)), [one(K::EntryMalformed, 256), one(K::LeafChanged, 256), ROOT]);
}

#[test]
fn a_changed_hash_is_not_blamed_on_the_entry() {
    for (path, position, index) in
        [("tile/0/000", 5, 5), ("tile/0/001", 255, 511), ("tile/0/002.p/88", 87, 599)]
    {
        let mut log = log();
        log.0.get_mut(path).unwrap()[position * 32] ^= 1;
        let report = check(&log);
        assert_eq!(found(&report), [one(K::TileMismatch, index)]);
        assert_eq!(report.findings[0].path.as_deref(), Some(path));
    }
    // Even when elsewhere an entry is changed, so that no root decides.
    let mut log = log();
    log.0.get_mut("tile/0/000").unwrap()[5 * 32] ^= 1;
    edit_bundle(&mut log, "tile/entries/001", |entries| entries[3] = forged());
    assert_eq!(found(&check(&log)), [one(K::TileMismatch, 5), one(K::LeafChanged, 259), ROOT]);
}

#[test]
fn an_entry_rewritten_with_its_hash_is_narrowed_down() {
    let mut log = log();
    edit_bundle(&mut log, "tile/entries/001", |entries| entries[3] = forged());
    rehash(&mut log, "tile/entries/001", "tile/0/001");
    // The level above still tells which 256 entries it is.
    assert_eq!(found(&check(&log)), [range(K::TileMismatch, 256, 511), ROOT]);
}

#[test]
fn a_log_rewritten_throughout_has_another_root() {
    let log = log();
    let mut leaves = entry_leaves(u128::from(SIZE));
    leaves[300] = forged();
    let mut rewritten = log_of(&leaves, &signer());
    rewritten.0.insert("checkpoint".to_owned(), log.0["checkpoint"].clone());
    let report = check(&rewritten);
    assert_eq!(found(&report), [ROOT]);
    assert!(report.findings[0].detail.contains("both were rewritten"));
}

#[test]
fn entries_taken_out_put_in_or_exchanged_are_named() {
    let run = |edit: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut log = log();
        edit_bundle(&mut log, "tile/entries/001", edit);
        found(&check(&log))
    };
    assert_eq!(run(&|entries| drop(entries.remove(7))), [one(K::EntryMissing, 263)]);
    assert_eq!(run(&|entries| entries.truncate(254)), [range(K::EntryMissing, 510, 511)]);
    assert_eq!(
        run(&|entries| entries.swap(7, 200)),
        [one(K::EntryMoved, 263), one(K::EntryMoved, 456), ROOT]
    );
    let copied = run(&|entries| entries[8] = entries[7].clone());
    assert_eq!(copied, [one(K::LeafChanged, 264), ROOT, one(K::DuplicateId, 264)]);
    let doubled = run(&|entries| entries.insert(8, entries[7].clone()));
    assert_eq!(doubled, [one(K::EntryExtra, 264), one(K::DuplicateId, 264)]);
    let appended = run(&|entries| entries.push(forged()));
    assert_eq!(appended, [one(K::EntryExtra, 512)]);
    let flooded = run(&|entries| entries.extend(std::iter::repeat_n(Vec::new(), 100_000)));
    assert_eq!(flooded, [range(K::EntryExtra, 512, 767)]);
    // Two gaps: the span between them is named.
    let gaps = run(&|entries| {
        entries.remove(9);
        entries.remove(7);
    });
    assert_eq!(gaps, [range(K::EntryMissing, 263, 265), one(K::EntryExtra, 263)]);
}

#[test]
fn missing_and_cut_files_are_named() {
    let run = |path: &str, cut: Option<usize>| {
        let mut log = log();
        match cut {
            None => drop(log.0.remove(path).unwrap()),
            Some(length) => log.0.get_mut(path).unwrap().truncate(length),
        }
        let report = check(&log);
        assert_eq!(report.verdict(), Verdict::Damaged);
        found(&report)
    };
    assert_eq!(run("tile/entries/001", None), [range(K::BundleMissing, 256, 511)]);
    assert_eq!(run("tile/entries/002.p/88", None), [range(K::BundleMissing, 512, 599)]);
    assert_eq!(run("tile/0/000", None), [range(K::TileMissing, 0, 255)]);
    assert_eq!(run("tile/1/000.p/2", None), [range(K::TileMissing, 0, 511)]);
    assert_eq!(run("tile/0/001", Some(100)), [range(K::TileMalformed, 256, 511)]);
    assert_eq!(run("tile/1/000.p/2", Some(0)), [range(K::TileMalformed, 0, 511)]);
    let length = log().0["tile/entries/000"].len();
    assert_eq!(run("tile/entries/000", Some(length - 1)), [range(K::BundleMalformed, 255, 255)]);
    assert_eq!(run("tile/entries/000", Some(0)), [range(K::EntryMissing, 0, 255)]);
}

#[test]
fn bundle_and_tile_gone_together_leave_the_level_above() {
    let mut gone = log();
    gone.0.remove("tile/entries/000");
    gone.0.remove("tile/0/000");
    let report = check(&gone);
    assert_eq!(found(&report), [range(K::TileMissing, 0, 255), range(K::BundleMissing, 0, 255)]);
    // With the level above gone as well there is no root to compare.
    gone.0.remove("tile/1/000.p/2");
    assert_eq!(found(&check(&gone)).len(), 3);
    let mut only_bundle = log();
    only_bundle.0.remove("tile/0/000");
    edit_bundle(&mut only_bundle, "tile/entries/000", |entries| drop(entries.remove(7)));
    assert_eq!(found(&check(&only_bundle)), [range(K::TileMissing, 0, 255), range(K::EntryMissing, 0, 255)]);
}

#[test]
fn a_full_tile_may_stand_in_for_a_partial_one() {
    let signed = log_of(&entry_leaves(300), &signer());
    let mut grown = log_of(&entry_leaves(512), &signer());
    grown.0.insert("checkpoint".to_owned(), signed.0["checkpoint"].clone());
    // The level-1 tile of the smaller tree was deleted too; its place is taken by nothing full yet.
    grown.0.insert("tile/1/000.p/1".to_owned(), signed.0["tile/1/000.p/1"].clone());
    let report = check(&grown);
    assert_eq!(report.verdict(), Verdict::Intact, "{report:?}");
    assert_eq!(report.entries_read, 300);
}

#[test]
fn a_checkpoint_must_be_signed_by_the_log() {
    let run = |checkpoint: Option<Vec<u8>>| {
        let mut log = log();
        match checkpoint {
            Some(checkpoint) => drop(log.0.insert("checkpoint".to_owned(), checkpoint)),
            None => drop(log.0.remove("checkpoint")),
        }
        let report = check(&log);
        assert_eq!(report.verdict(), Verdict::Untrusted);
        // Nothing is read on the word of an unsigned checkpoint.
        assert_eq!(report.entries_read, 0);
        assert_eq!(report.findings.len(), 1);
        report.findings[0].kind
    };
    let genuine = String::from_utf8(log().0["checkpoint"].clone()).unwrap();
    assert_eq!(run(None), K::CheckpointMissing);
    assert_eq!(run(Some(Vec::new())), K::CheckpointMalformed);
    assert_eq!(run(Some(genuine.replace("\n600\n", "\n599\n").into_bytes())), K::SignatureBad);
    let stranger = log_of(&entry_leaves(u128::from(SIZE)), &key(ORIGIN, 2));
    assert_eq!(run(Some(stranger.0["checkpoint"].clone())), K::SignatureMissing);
    let mut note = Note::new("no checkpoint\n").unwrap();
    note.sign(&signer()).unwrap();
    assert_eq!(run(Some(note.to_string().into_bytes())), K::CheckpointMalformed);
    let mut note =
        Note::new(genuine.split("\n\n").next().unwrap().replace(ORIGIN, "elsewhere") + "\n").unwrap();
    note.sign(&signer()).unwrap();
    assert_eq!(run(Some(note.to_string().into_bytes())), K::OriginMismatch);
}

#[test]
fn a_signed_size_beyond_the_files_does_not_run_for_ever() {
    let name = KeyName::new(ORIGIN).unwrap();
    let huge = Checkpoint::new(name, crate::tree::TREE_SIZE_MAX, Hash([1; 32])).unwrap();
    let mut log = log();
    log.0.insert("checkpoint".to_owned(), sign_checkpoint(&huge, &signer()).unwrap().into_bytes());
    let report = check(&log);
    assert_eq!(report.verdict(), Verdict::Damaged);
    let last = report.findings.iter().find(|finding| finding.kind == K::LogTruncated).unwrap();
    assert_eq!(last.last, Some(crate::tree::TREE_SIZE_MAX - 1));
    assert!(report.findings.len() < 100);
}

#[test]
fn an_earlier_checkpoint_must_be_continued() {
    let leaves = entry_leaves(u128::from(SIZE));
    let name = || KeyName::new(ORIGIN).unwrap();
    let at = |size: usize| {
        let tree: Frontier = leaves[..size].iter().map(|leaf| leaf_hash(leaf)).collect();
        Checkpoint::of(name(), &tree)
    };
    let keys = keys();
    let mut verifier = LogVerifier::new(&keys);
    for size in [0, 1, 255, 256, 257, 512, 600] {
        verifier = verifier.older(at(size));
    }
    let report = verifier.run(&log(), &mut |_| {});
    assert_eq!(report.verdict(), Verdict::Intact, "{report:?}");
    assert_eq!(report.continues, [0, 1, 255, 256, 257, 512, 600]);

    // The log was rewritten at entry 300 and signed anew: only the earlier checkpoints can tell.
    let mut rewritten = leaves.clone();
    rewritten[300] = forged();
    let fork = log_of(&rewritten, &signer());
    assert_eq!(check(&fork).verdict(), Verdict::Intact);
    let report = verifier.run(&fork, &mut |_| {});
    assert_eq!(report.continues, [0, 1, 255, 256, 257]);
    assert_eq!(found(&report), [range(K::Inconsistent, 0, 511), range(K::Inconsistent, 0, 599)]);

    let shorter = log_of(&leaves[..500], &signer());
    let report = LogVerifier::new(&keys).older(at(501)).run(&shorter, &mut |_| {});
    assert_eq!(found(&report), [(K::RolledBack, None, None)]);
    let foreign = Checkpoint::new(KeyName::new("elsewhere").unwrap(), 1, Hash([1; 32])).unwrap();
    let report = LogVerifier::new(&keys).older(foreign).run(&log(), &mut |_| {});
    assert_eq!(found(&report), [(K::OriginMismatch, None, None)]);
}

#[test]
fn entries_of_another_tenant_and_used_ids_are_named() {
    let mut leaves = entry_leaves(300);
    let mut other = entry(10).into_parts();
    other.tenant = Uuid::from_u128(8);
    leaves[290] = crate::Entry::from_parts(other).unwrap().to_leaf().unwrap();
    let log = log_of(&leaves, &signer());
    assert_eq!(found(&check(&log)), [one(K::TenantMismatch, 290), one(K::DuplicateId, 290)]);
    let keys = keys();
    let report = LogVerifier::new(&keys).tenant(Uuid::from_u128(8)).run(&log, &mut |_| {});
    assert_eq!(report.findings.iter().filter(|finding| finding.kind == K::TenantMismatch).count(), 299);
}

#[test]
fn findings_are_counted_beyond_those_kept() {
    let leaves: Vec<_> = (0..1_500).map(|n: u32| n.to_string().into_bytes()).collect();
    let report = check(&log_of(&leaves, &signer()));
    assert_eq!((report.findings.len(), report.findings_total), (FINDINGS_MAX, 1_500));
}

#[test]
fn an_unreadable_file_is_a_finding_and_not_an_end() {
    struct Failing(MemoryLog);
    impl TileSource for Failing {
        fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
            if path == "tile/entries/001" {
                Err(io::ErrorKind::PermissionDenied.into())
            } else {
                self.0.read(path)
            }
        }
    }
    let report = verify_log(&Failing(log()), &keys(), |_| {});
    assert_eq!(found(&report), [range(K::Unreadable, 256, 511)]);
    assert_eq!(report.entries_read, 600 - 256);
}

#[test]
fn findings_read_like_sentences() {
    let finding = Finding::new(K::EntryMissing, "missing from the bundle").at("tile/entries/001");
    assert_eq!(
        finding.clone().entries(3, 3).to_string(),
        "entry 3: missing from the bundle (tile/entries/001)"
    );
    assert_eq!(
        finding.entries(3, 5).to_string(),
        "entries 3 to 5: missing from the bundle (tile/entries/001)"
    );
}

#[test]
fn ids_are_compared_within_a_sliding_window() {
    let mut ids = Ids::new(8);
    let mut found = Vec::new();
    // 100 ids, then the last one again and one long forgotten.
    for index in 0..100_u64 {
        found.extend(ids.push(Uuid::from_u128(u128::from(index)), index));
    }
    found.extend(ids.push(Uuid::from_u128(98), 100));
    found.extend(ids.push(Uuid::from_u128(1), 101));
    found.extend(ids.duplicates());
    assert_eq!(found, [Duplicate { id: Uuid::from_u128(98), first: 98, second: 100 }]);
    assert!(ids.forgot);
    // A pair is told once, even when it stays in the window.
    let mut ids = Ids::new(4);
    let mut told = 0;
    for (index, id) in [1, 2, 3, 3, 4, 5, 6, 7].into_iter().enumerate() {
        told += ids.push(Uuid::from_u128(id), index as u64).len();
    }
    assert_eq!(told + ids.duplicates().len(), 1);
}
