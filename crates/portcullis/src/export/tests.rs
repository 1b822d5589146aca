use std::io::Cursor;

use audit_log::{KeyName, SigningKey};
use proptest::prelude::*;

use super::unpack::{UnpackError, unpack};
use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("pc-export-{}", files::random_name().unwrap()));
        std::fs::create_dir(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Opaque leaves are enough: what is tested here is the way to the disk.
fn archive_of(entries: usize) -> (Vec<(String, Vec<u8>)>, VerifierKey) {
    let key = SigningKey::from_seed(KeyName::new("example.com/log").unwrap(), &[7; 32]).unwrap();
    let leaves: Vec<Vec<u8>> = (0..entries).map(|at| format!("entry {at}").into_bytes()).collect();
    let tree: audit_log::Frontier = leaves.iter().map(|leaf| audit_log::leaf_hash(leaf)).collect();
    let checkpoint = Checkpoint::of(key.verifier().name().clone(), &tree);
    let note = audit_log::sign_checkpoint(&checkpoint, &key).unwrap();
    let mut log = audit_log::MemoryLog::default();
    let keys = [key.verifier().clone()];
    audit_log::export(&mut log, note.as_bytes(), &keys, leaves.into_iter().map(Ok::<_, std::io::Error>))
        .unwrap();
    let mut members: Vec<_> = log.0.into_iter().collect();
    members.push((VKEY_FILE.to_owned(), format!("{}\n", key.verifier()).into_bytes()));
    (members, key.verifier().clone())
}

fn tar_of(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in members {
        member(&mut tar, path, tar::EntryType::Regular, content);
    }
    tar.into_inner().unwrap()
}

/// Writes the path as it is, also one that the library itself would refuse to write.
fn member(tar: &mut tar::Builder<Vec<u8>>, path: &str, kind: tar::EntryType, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(content.len() as u64);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

#[test]
fn a_log_arrives_whole() {
    let scratch = Scratch::new();
    let (members, key) = archive_of(300);
    let into = scratch.0.join("log");
    let unpacked = unpack(Cursor::new(tar_of(&members)), &into).unwrap();
    assert_eq!(unpacked.files, members.len());
    for (path, content) in &members {
        assert_eq!(std::fs::read(into.join(path)).unwrap(), *content, "{path}");
    }
    let earlier = Earlier::of(&into).unwrap().unwrap();
    assert_eq!((earlier.key, earlier.checkpoint.size()), (key, 300));
}

#[test]
fn only_files_of_a_log_are_taken() {
    for path in
        ["../outside", "/outside", "tile/0/../../outside", "tile/0/0", "other", "tile", "checkpoint/x"]
    {
        let scratch = Scratch::new();
        let (mut members, _) = archive_of(3);
        members.insert(1, (path.to_owned(), b"x".to_vec()));
        let refused = unpack(Cursor::new(tar_of(&members)), &scratch.0.join("log"));
        assert!(matches!(&refused, Err(UnpackError::Foreign(found)) if found == path), "{path}: {refused:?}");
        assert!(!scratch.0.join("outside").exists(), "{path}");
    }
}

#[test]
fn links_and_devices_are_not_taken() {
    for kind in
        [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::Fifo]
    {
        let scratch = Scratch::new();
        let mut tar = tar::Builder::new(Vec::new());
        member(&mut tar, "tile/0/000.p/1", kind, b"");
        let refused = unpack(Cursor::new(tar.into_inner().unwrap()), &scratch.0.join("log"));
        assert!(matches!(refused, Err(UnpackError::Foreign(_))), "{kind:?}: {refused:?}");
    }
}

#[test]
fn a_file_twice_or_too_large_or_missing_is_refused() {
    let scratch = Scratch::new();
    let (members, _) = archive_of(3);
    let mut twice = members.clone();
    twice.push(members[1].clone());
    let refused = unpack(Cursor::new(tar_of(&twice)), &scratch.0.join("twice"));
    assert!(matches!(refused, Err(UnpackError::Twice(_))), "{refused:?}");

    let mut large = members.clone();
    large.insert(0, (VKEY_FILE.to_owned(), vec![b'x'; 1_024 * 1_024]));
    let refused = unpack(Cursor::new(tar_of(&large)), &scratch.0.join("large"));
    assert!(matches!(refused, Err(UnpackError::TooLarge { .. })), "{refused:?}");

    for missing in [CHECKPOINT_PATH, VKEY_FILE] {
        let kept: Vec<_> = members.iter().filter(|(path, _)| path != missing).cloned().collect();
        let refused = unpack(Cursor::new(tar_of(&kept)), &scratch.0.join(missing));
        assert!(matches!(refused, Err(UnpackError::Incomplete(name)) if name == missing), "{refused:?}");
    }
}

#[test]
fn a_folder_of_somebody_elses_is_left_alone() {
    let scratch = Scratch::new();
    assert!(Earlier::of(&scratch.0).unwrap().is_none(), "an empty folder will do");
    assert!(Earlier::of(&scratch.0.join("nothing")).unwrap().is_none());
    std::fs::write(scratch.0.join("letter.txt"), "dear").unwrap();
    let told = Earlier::of(&scratch.0).unwrap_err().to_string();
    assert!(told.contains("letter.txt"), "{told}");
}

#[test]
fn the_key_travels_encrypted_or_not_at_all() {
    for good in
        ["https://portcullis.example.com", "http://127.0.0.1:8080/", "http://localhost:1", "http://[::1]:1"]
    {
        assert!(endpoint(good, false, EXPORT).unwrap().path().ends_with("/api/v1/audit/export"), "{good}");
    }
    for bad in
        ["http://portcullis.example.com", "http://192.0.2.1:8080", "ftp://localhost", "localhost:8080", ""]
    {
        assert!(endpoint(bad, false, EXPORT).is_err(), "{bad}");
    }
    assert!(endpoint("http://portcullis.example.com", true, EXPORT).is_ok());
}

#[test]
fn a_refusal_is_shown_without_control_characters() {
    let body = br#"{"detail":"No.\u001b[2J","request_id":"r1"}"#;
    assert_eq!(problem(body), "No.[2J (request r1)");
    assert_eq!(problem(b"<html>"), "it gave no reason");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_archive_makes_it_panic(mut at in 0..4_000_usize, flip in 1..=255_u8, cut in 0..4_000_usize) {
        let scratch = Scratch::new();
        let mut tar = tar_of(&archive_of(2).0);
        at %= tar.len();
        tar[at] ^= flip;
        tar.truncate(tar.len() - cut.min(tar.len()));
        let _ = unpack(Cursor::new(tar), &scratch.0.join("log"));
    }
}
