//! Reading the archive: nothing is unpacked further than the manifest says it is long.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;

use super::PackReport;
use crate::digest::Running;
use crate::pack::{FileLine, MANIFEST, RANGE_ENTRIES_MAX, SIGNATURE, TOKEN};

/// Most files: the tiles of the longest range, and room for the rest.
const FILES_MAX: u64 = RANGE_ENTRIES_MAX / 256 + 1_000;
/// Read at once.
const PIECE_BYTES: usize = 64 * 1_024;

/// An archive.
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
}

impl<R: Read + Seek> Archive<R> {
    pub(super) fn open(reader: R) -> Result<Self, String> {
        let zip = ZipArchive::new(reader).map_err(|error| error.to_string())?;
        if zip.len() as u64 > FILES_MAX {
            return Err(format!("it has {} files, more than a pack can have", zip.len()));
        }
        Ok(Self { zip })
    }

    /// A file's content, unless it is longer than `bytes_max`.
    pub(super) fn read(&mut self, name: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
        let file = self.zip.by_name(name).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() > bytes_max { Err("it is longer than it can be".to_owned()) } else { Ok(bytes) }
    }

    /// A file to be read line by line.
    pub(super) fn lines(&mut self, name: &str) -> Result<BufReader<impl Read + '_>, String> {
        let file = self.zip.by_name(name).map_err(|error| error.to_string())?;
        Ok(BufReader::with_capacity(PIECE_BYTES, file))
    }

    /// Compares every file with the manifest, and the manifest with the files.
    pub(super) fn compare(&mut self, files: &[FileLine], with_token: bool, report: &mut PackReport) {
        for line in files {
            match self.hash(line) {
                Ok((bytes, sha256)) if bytes == line.bytes && sha256 == line.sha256 => report.files += 1,
                Ok(_) => {
                    report.add(&line.name, None, "it is not the file that was signed: its SHA-256 differs");
                }
                Err(error) => report.add(&line.name, None, format!("it cannot be read: {error}")),
            }
        }
        let beside = [MANIFEST, SIGNATURE].into_iter().chain(with_token.then_some(TOKEN));
        let named: BTreeSet<&str> = files.iter().map(|line| line.name.as_str()).chain(beside).collect();
        let extra: Vec<String> = self
            .zip
            .file_names()
            .map(|name| name.map_or_else(|error| error.to_string(), Cow::into_owned))
            .filter(|name| !named.contains(name.as_str()))
            .collect();
        for name in extra {
            report.add(&name, None, "the manifest names no such file");
        }
    }

    fn hash(&mut self, line: &FileLine) -> Result<(u64, String), String> {
        let file = self.zip.by_name(&line.name).map_err(|error| error.to_string())?;
        let mut file = file.take(line.bytes.saturating_add(1));
        let mut hash = Running::new();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = file.read(&mut piece).map_err(|error| error.to_string())?;
            match piece.get(..read) {
                Some([]) | None => return Ok(hash.finish()),
                Some(piece) => hash.update(piece),
            }
        }
    }
}
