//! The archive of a log, unpacked strictly: nothing is taken that is not a file of a log, and nothing lands outside
//! the folder.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;

use audit_log::proof_file::PROOF_BYTES_MAX;
use audit_log::source::FILE_BYTES_MAX;
use audit_log::{ANCHOR_PATH, CHECKPOINT_PATH, DirSource, Disclosure, TilePath, TileSink as _};
use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

use crate::verify::folder::{INSTANCE_VKEY_FILE, VKEY_FILE};

/// Most bytes of all files together: about four hundred million entries.
const ARCHIVE_BYTES_MAX: u64 = 256 * 1_024 * 1_024 * 1_024;
/// Most files.
const ARCHIVE_FILES_MAX: usize = 8_000_000;
/// Bytes of the two small files.
const SMALL_BYTES_MAX: u64 = audit_log::note::NOTE_BYTES_MAX as u64;

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) files: usize,
    pub(super) bytes: u64,
}

/// The archive is not that of a log.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error("the archive holds {0:?}, which is no file of a log")]
    Foreign(String),
    #[error("the archive holds {0:?} twice")]
    Twice(String),
    #[error("{path:?} has {bytes} bytes, more than such a file can have")]
    TooLarge { path: String, bytes: u64 },
    #[error("the archive is larger than any log that can be taken away at once")]
    Endless,
    #[error("the archive ends without {0}: the export broke off")]
    Incomplete(&'static str),
    #[error("the archive cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

/// Unpacks an uncompressed tar archive into the new folder `into`. The checkpoint is written last.
pub(super) fn unpack(archive: impl Read, into: &Path) -> Result<Unpacked, UnpackError> {
    std::fs::create_dir(into)?;
    let mut folder = DirSource::new(into);
    let mut archive = tar::Archive::new(archive);
    let mut done = Unpacked::default();
    let mut seen = HashSet::new();
    let mut checkpoint = None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let limit = limit_of(&path).filter(|_| entry.header().entry_type() == tar::EntryType::Regular);
        let Some(limit) = limit else { return Err(UnpackError::Foreign(path)) };
        let bytes = entry.size();
        if bytes > limit {
            return Err(UnpackError::TooLarge { path, bytes });
        }
        if !seen.insert(path.clone()) {
            return Err(UnpackError::Twice(path));
        }
        done.files += 1;
        done.bytes += bytes;
        if done.bytes > ARCHIVE_BYTES_MAX || done.files > ARCHIVE_FILES_MAX {
            return Err(UnpackError::Endless);
        }
        let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        entry.read_to_end(&mut content)?;
        if path == CHECKPOINT_PATH {
            checkpoint = Some(content);
        } else {
            folder.write(&path, &content)?;
        }
    }
    if !seen.contains(VKEY_FILE) {
        return Err(UnpackError::Incomplete(VKEY_FILE));
    }
    let checkpoint = checkpoint.ok_or(UnpackError::Incomplete(CHECKPOINT_PATH))?;
    folder.write(CHECKPOINT_PATH, &checkpoint)?;
    Ok(done)
}

/// How large a file of this path may be; `None` when a log has no such file.
fn limit_of(path: &str) -> Option<u64> {
    match path {
        CHECKPOINT_PATH | VKEY_FILE | INSTANCE_VKEY_FILE => Some(SMALL_BYTES_MAX),
        ANCHOR_PATH => Some(PROOF_BYTES_MAX as u64),
        values if Disclosure::is_path(values) => Some(FILE_BYTES_MAX as u64),
        tile => tile.parse::<TilePath>().ok().map(|_| FILE_BYTES_MAX as u64),
    }
}

/// Pieces from an asynchronous body, read by a thread that may wait.
pub(super) struct PieceReader {
    pieces: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl PieceReader {
    pub(super) fn new(waiting_max: usize) -> (mpsc::Sender<Bytes>, Self) {
        let (send, pieces) = mpsc::channel(waiting_max);
        (send, Self { pieces, current: Bytes::new() })
    }
}

impl Read for PieceReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let count = out.len().min(self.current.len());
        self.current.copy_to_slice(&mut out[..count]);
        Ok(count)
    }
}
