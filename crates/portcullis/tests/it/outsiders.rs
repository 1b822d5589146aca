//! Other people's verifiers read an exported log: the crates `signed_note` and `tlog_tiles`, and the Python package
//! `aics-tlog`. None of them knows this product.

use std::path::{Path, PathBuf};

use signed_note::{StandardVerifier, VerifierList};
use tokio::process::Command;

use crate::house::process::{Folder, Process, command, run_to_end};
use crate::house::{Tenant, run, target_dir};

/// Entries of the exported log: two bundles, the second of them partial.
const CALLS: usize = 300;
/// Calls at once while it is filled.
const CALLS_AT_ONCE: usize = 16;
/// Releases of Python that the package runs on, best first.
const PYTHONS: [&str; 3] = ["python3.13", "python3.12", "python3.14"];

/// A folder with everything in it, copied.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Tiles of the folder, for `tlog_tiles`. It writes paths of height 8 as `tile/8/…`; tlog-tiles leaves the 8 out.
struct Tiles<'a>(&'a Path);

impl tlog_tiles::TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            let path = self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn strangers_verify_an_export() {
    run(async |house| {
        let folder = Folder::new("outsiders");
        let log = folder.join("log");
        let database = house.database("outsiders").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "outsiders").await;
        let server = Process::serve(&database, &[]).await;
        let key = tenant.owner_key.expose().to_owned();
        let web = server.web(key.clone());
        let filling = (0..CALLS_AT_ONCE).map(|_| {
            let web = web.clone();
            tokio::spawn(async move {
                for _ in 0..=CALLS / CALLS_AT_ONCE {
                    web.get("/api/v1/projects").await.expect(200);
                }
            })
        });
        for task in filling.collect::<Vec<_>>() {
            task.await.expect("filled");
        }
        let export = ["audit", "export", "--url", &server.url, "--out", &log];
        command(&export, &[("PORTCULLIS_API_KEY", &key)]).await.exited(0);
        assert!(server.stop().await.success());

        let vkey = std::fs::read_to_string(Path::new(&log).join("log.vkey")).expect("the key");
        rust_crates_verify(log.as_ref(), vkey.trim());
        python_verifies(&log, vkey.trim()).await;
    });
}

pub(crate) fn rust_crates_verify(log: &Path, vkey: &str) {
    let bytes = std::fs::read(log.join("checkpoint")).expect("the checkpoint");
    let note = signed_note::Note::from_bytes(&bytes).expect("a note");
    let verifier = StandardVerifier::new(vkey).expect("a verifier key");
    let (verified, _) =
        note.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("the signature holds");
    assert_eq!(verified.len(), 1);

    // The text of a checkpoint: origin, size, root.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    let (Some(_), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        panic!("{text}")
    };
    let size: u64 = size.parse().expect("a size");
    assert!(size > u64::try_from(CALLS).expect("small"), "{text}");
    let root = tlog_tiles::Hash::parse_hash(root).expect("a root");
    let tiles = Tiles(log);
    let reader = tlog_tiles::TileHashReader::new(size, root, &tiles);
    assert_eq!(tlog_tiles::tree_hash(size, &reader).expect("a root"), root);
    for (index, leaf) in entries(log, size) {
        let proof = tlog_tiles::prove_record(size, index, &reader).expect("a proof");
        let hash = tlog_tiles::record_hash(&leaf);
        assert!(tlog_tiles::check_record(&proof, size, root, index, hash).is_ok(), "entry {index}");
    }
}

/// The entries of all bundles: each two bytes of length and its own bytes.
fn entries(log: &Path, size: u64) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let name = if width == 256 { format!("{bundle:03}") } else { format!("{bundle:03}.p/{width}") };
        let bytes = std::fs::read(log.join("tile/entries").join(name)).expect("a bundle");
        let mut rest = bytes.as_slice();
        for place in 0..width {
            let (length, after) = rest.split_first_chunk::<2>().expect("a length");
            let (leaf, after) = after.split_at(u16::from_be_bytes(*length).into());
            found.push((bundle * 256 + place, leaf.to_vec()));
            rest = after;
        }
        assert!(rest.is_empty());
    }
    found
}

async fn python_verifies(log: &str, vkey: &str) {
    let venv = crate::sdks::virtual_environment("tlog", &python().await, "requirements-tlog.txt").await;
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(crate::sdks::script("tlog.py")).args([log, vkey]);
    let said = run_to_end(command).await.exited(0);
    assert!(said.contains("ok a damaged entry is noticed"), "{said}");
}

/// A Python that is new enough for `aics-tlog`, on the path or of pyenv.
pub(crate) async fn python() -> PathBuf {
    let mut candidates: Vec<PathBuf> = PYTHONS.iter().map(PathBuf::from).collect();
    let versions = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
    let installed = versions.and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    candidates.extend(installed.map(|version| version.path().join("bin/python3")));
    candidates.push("python3".into());
    for candidate in candidates {
        let mut ask = Command::new(&candidate);
        ask.args(["-c", "import sys, venv; sys.exit(sys.version_info < (3, 12))"])
            .stdin(std::process::Stdio::null());
        if ask.output().await.is_ok_and(|answer| answer.status.success()) {
            return candidate;
        }
    }
    panic!(
        "this test needs Python 3.12 or newer with venv (for {}): install python3.12 and python3.12-venv, \
         or with pyenv: pyenv install 3.13",
        target_dir().join("sdk/tlog").display()
    )
}

/// The bytes of all entry bundles of a folder, one after the other.
pub(crate) fn all_entries(log: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(log.join("checkpoint")).expect("the checkpoint");
    let size: u64 = text.lines().nth(1).and_then(|line| line.parse().ok()).expect("a size");
    entries(log, size).into_iter().flat_map(|(_, leaf)| [leaf, vec![b'\n']].concat()).collect()
}
