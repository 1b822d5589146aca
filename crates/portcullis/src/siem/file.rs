//! A file of JSON Lines. It is opened for each delivery, so whoever rotates it only needs to rename it.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use app::siem::{Collector, Undelivered};
use audit_log::EntryError;
use audit_log::formats::{Event, Format, Writer};

use crate::embedded::files;

/// Who may read a file that is made: events of all organizations stand in it.
const MODE: u32 = 0o600;

/// A file.
pub(crate) struct FileCollector {
    path: PathBuf,
    name: String,
}

impl FileCollector {
    /// A file at this path.
    pub(crate) fn new(path: PathBuf) -> Self {
        let name = format!("file:{}", path.display());
        Self { path, name }
    }
}

impl Collector for FileCollector {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> Format {
        Format::Jsonl
    }

    fn encode(&self, writer: &Writer, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EntryError> {
        writer.put(event, out)
    }

    async fn deliver(&self, batch: Vec<u8>) -> Result<(), Undelivered> {
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || append(&path, &batch)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Undelivered(format!("{}: {error}", self.path.display()))),
            Err(error) => Err(Undelivered(error.to_string())),
        }
    }
}

/// Appends, and returns when it is on the disk.
fn append(path: &Path, batch: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)?;
    if file.metadata()?.len() == 0 {
        // A new file's name is to last before anything is remembered as delivered into it.
        files::sync_parent(path)?;
    } else {
        // A delivery that was cut off may have left half a line; it comes again whole.
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(batch)?;
    file.sync_data()
}
