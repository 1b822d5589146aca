use std::io::{Cursor, Read as _, Write as _};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::*;
use crate::pack::{Description, Stamp, TOKEN};
use crate::testing::{description, key, log, make};
use crate::timestamp::testing::answer;

fn check(bytes: &[u8], keys: &[VerifierKey]) -> PackReport {
    verify_pack(Cursor::new(bytes), keys, &mut |_, _| {})
}

fn known() -> Vec<VerifierKey> {
    vec![key().verifier().clone()]
}

/// The archive with its files changed.
fn rewrite(bytes: &[u8], mut change: impl FnMut(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).unwrap();
        let (name, mut content) = (file.name().unwrap().into_owned(), Vec::new());
        file.read_to_end(&mut content).unwrap();
        if let Some(content) = change(&name, content) {
            out.start_file(name, SimpleFileOptions::default()).unwrap();
            out.write_all(&content).unwrap();
        }
    }
    out.finish().unwrap().into_inner()
}

fn names(bytes: &[u8]) -> Vec<String> {
    ZipArchive::new(Cursor::new(bytes)).unwrap().file_names().map(|name| name.unwrap().into_owned()).collect()
}

#[test]
fn a_whole_pack_is_intact() {
    for (framework, everything, range, size) in [
        ("soc2", false, (100, 600), 700),
        ("soc2", true, (0, 700), 700),
        ("eu-ai-act", false, (0, 256), 256),
        ("iso-42001", false, (255, 257), 70_000),
        ("nist-ai-rmf-1.0", false, (3, 3), 10),
        ("nist-ai-rmf-1.0", false, (0, 0), 0),
    ] {
        let (files, signed) = log(size);
        let what = Description { everything, ..description(framework, signed, range) };
        let (bytes, ..) = make(&what, &files);
        for keys in [known(), Vec::new()] {
            let report = check(&bytes, &keys);
            assert_eq!(report.verdict(), Verdict::Intact, "{framework} {range:?}: {:?}", report.findings);
        }
    }
}

#[test]
fn a_byte_changed_in_any_file_is_found_and_named() {
    let (files, signed) = log(300);
    let (bytes, ..) = make(&description("soc2", signed, (20, 290)), &files);
    for name in names(&bytes) {
        let damaged = rewrite(&bytes, |file, mut content| {
            if file == name {
                let middle = content.len() / 2;
                content[middle] ^= 1;
            }
            Some(content)
        });
        let report = check(&damaged, &known());
        assert_ne!(report.verdict(), Verdict::Intact, "{name}");
        let blamed = report.findings.iter().any(|finding| finding.file == name);
        // A manifest that is another no longer fits its signature, which is what can be said.
        assert!(blamed || name == MANIFEST, "{name}: {:?}", report.findings);
    }
}

#[test]
fn files_that_are_gone_or_added_are_named() {
    let (files, signed) = log(300);
    let (bytes, ..) = make(&description("soc2", signed, (0, 300)), &files);
    for name in names(&bytes) {
        let report = check(&rewrite(&bytes, |file, content| (file != name).then_some(content)), &known());
        assert_ne!(report.verdict(), Verdict::Intact, "{name}");
        assert!(report.findings.iter().any(|finding| finding.file == name), "{name}: {:?}", report.findings);
    }
    let mut archive = ZipWriter::new_append(Cursor::new(bytes)).unwrap();
    archive.start_file("notes.txt", SimpleFileOptions::default()).unwrap();
    let report = check(&archive.finish().unwrap().into_inner(), &known());
    assert_eq!(report.findings[0].file, "notes.txt");
}

#[test]
fn another_key_vouches_for_nothing() {
    let (files, signed) = log(30);
    let (bytes, ..) = make(&description("soc2", signed, (0, 30)), &files);
    let name = audit_log::KeyName::new("portcullis.example/log/1").unwrap();
    let other = audit_log::SigningKey::from_seed(name, &[8; 32]).unwrap();
    let report = check(&bytes, &[other.verifier().clone()]);
    assert_eq!(report.verdict(), Verdict::Untrusted);
    assert_eq!(report.findings[0].file, SIGNATURE);
}

#[test]
fn a_pack_signed_anew_over_changed_entries_does_not_lead_to_the_root() {
    let (files, signed) = log(300);
    let (bytes, manifest, _) = make(&description("soc2", signed, (0, 300)), &files);
    let forged = rewrite(&bytes, |_, content| Some(content));
    let mut changed = Vec::new();
    let text = rewrite(&forged, |name, content| {
        if name != "events.jsonl" {
            return Some(content);
        }
        changed = String::from_utf8(content).unwrap().replacen("req-0", "req-9", 1).into_bytes();
        Some(changed.clone())
    });
    let mut manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    let line = manifest.files.iter_mut().find(|line| line.name == "events.jsonl").unwrap();
    *line = crate::pack::FileLine::of("events.jsonl", &changed);
    let manifest = audit_log::json::to_canonical(&serde_json::to_value(manifest).unwrap()).unwrap();
    let jws = audit_log::jws::sign_detached(&key(), &manifest).unwrap();
    let signed_anew = rewrite(&text, |name, content| match name {
        MANIFEST => Some(manifest.clone()),
        SIGNATURE => Some(jws.clone().into_bytes()),
        _ => Some(content),
    });
    let report = check(&signed_anew, &known());
    assert_eq!(report.verdict(), Verdict::Damaged);
    assert!(report.findings.iter().any(|finding| finding.line == Some(1)), "{:?}", report.findings);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn noise_is_no_pack(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(check(&bytes, &[]).verdict(), Verdict::Untrusted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_pack_of_any_range_verifies(size in 1_u64..900, a in 0_u64..900, b in 0_u64..900, everything in any::<bool>()) {
        let (first, end) = (a.min(b).min(size), a.max(b).min(size));
        let (files, signed) = log(size);
        let what = Description { everything, ..description("soc2", signed, (first, end)) };
        let (bytes, ..) = make(&what, &files);
        let report = check(&bytes, &known());
        prop_assert_eq!(report.verdict(), Verdict::Intact, "{:?}", report.findings);
        prop_assert_eq!(report.entries, report.manifest.unwrap()["range"]["included"].as_u64().unwrap());
    }
}

#[test]
fn a_token_must_be_there_when_it_is_named_and_for_this_manifest() {
    let (files, signed) = log(300);
    let what = Description { stamp: Stamp::Token, ..description("soc2", signed.clone(), (0, 300)) };
    let (bytes, manifest, _) = make(&what, &files);
    let report = check(&bytes, &known());
    assert_eq!(report.verdict(), Verdict::Intact, "{:?}", report.findings);
    let stamped = report.timestamp.unwrap();
    assert_eq!((stamped.at.as_str(), stamped.policy.as_str()), ("2026-11-26T05:00:00.000000Z", "1.2.3.4.1"));
    let foreign = answer(&[9; 32], 0);
    for token in [None, Some(foreign), Some(b"garbage".to_vec())] {
        let changed =
            rewrite(&bytes, |name, content| if name == TOKEN { token.clone() } else { Some(content) });
        let report = check(&changed, &known());
        assert_eq!(report.verdict(), Verdict::Damaged);
        assert_eq!(report.findings[0].file, TOKEN, "{:?}", report.findings);
        assert!(report.timestamp.is_none());
    }
    // Where the manifest names none, a token that was put there is a file too many.
    for stamp in [Stamp::None, Stamp::Failed { why: "silent".to_owned() }] {
        let what = Description { stamp: stamp.clone(), ..what.clone() };
        let (bytes, without, _) = make(&what, &files);
        assert_ne!(without, manifest);
        assert_eq!(check(&bytes, &known()).verdict(), Verdict::Intact);
        assert!(!names(&bytes).iter().any(|name| name == TOKEN));
        let mut put = ZipWriter::new_append(Cursor::new(bytes)).unwrap();
        put.start_file(TOKEN, SimpleFileOptions::default()).unwrap();
        put.write_all(&answer(&[9; 32], 0)).unwrap();
        let report = check(&put.finish().unwrap().into_inner(), &known());
        assert_eq!((report.verdict(), report.findings[0].file.as_str()), (Verdict::Damaged, TOKEN));
        let said: serde_json::Value = serde_json::from_slice(&without).unwrap();
        assert_eq!(said["timestamp"]["outcome"], stamp.name());
    }
}
