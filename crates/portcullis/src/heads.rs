//! Heads of logs in a folder, one small file each: what this machine signed or cosigned last. On the disk before anybody
//! hears of it, and outside the database, so that a restored backup does not bring it back.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use audit_log::note::{NOTE_BYTES_MAX, Note};
use audit_log::{Checkpoint, Seen, leaf_hash};

use crate::embedded::files;

/// Only the server's account reads them.
const FILE_MODE: u32 = 0o600;
/// Only the server's account looks into the folder.
const DIR_MODE: u32 = 0o700;

/// The folder.
#[derive(Debug)]
pub(crate) struct HeadFiles {
    dir: PathBuf,
}

impl HeadFiles {
    /// The folder, which is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        files::make_dir(dir, DIR_MODE)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Puts a file in place as a whole and makes the disk remember it.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.dir.join(name);
        // A command that root runs beside the server signs too; the server must be able to read what it remembers.
        let owner = if rustix::process::geteuid().is_root() {
            let owner = std::fs::metadata(&self.dir)?;
            Some((owner.uid(), owner.gid()))
        } else {
            None
        };
        files::write_atomically_for(owner, &path, bytes, FILE_MODE)
    }
}

impl app::audit::HeadMemory for HeadFiles {
    fn seen(&self, origin: &str) -> io::Result<Seen> {
        let path = self.dir.join(file_name(origin));
        let text = match files::read_at_most(&path, NOTE_BYTES_MAX as u64) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::NOTHING),
            text => text?,
        };
        let broken = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()));
        let note = Note::parse(&text).map_err(|_| broken())?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| broken())?;
        if checkpoint.origin().as_str() != origin {
            return Err(broken());
        }
        Ok(Seen { size: checkpoint.size(), root: *checkpoint.root() })
    }

    fn keep(&self, origin: &str, note: &Note) -> io::Result<()> {
        self.write(&file_name(origin), note.to_string().as_bytes())
    }
}

/// Names may hold slashes and be longer than a file's; a hash of them does not.
pub(crate) fn file_name(origin: &str) -> String {
    leaf_hash(origin.as_bytes()).to_string()
}
