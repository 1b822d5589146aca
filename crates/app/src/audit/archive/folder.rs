//! The folder of a log's archive, on the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use audit_log::pruned::{bundles_sha256, root_at};
use audit_log::verify::Verdict;
use audit_log::{
    CHECKPOINT_PATH, Checkpoint, DirSource, Hash, LogVerifier, Note, TileSink as _, TileSource as _,
    VerifierKey,
};
use kernel::TenantId;

use super::ArchiveError;

/// One log's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    name: String,
}

/// What a folder was found to hold.
#[derive(Debug)]
pub(super) struct Checked {
    /// Its checkpoint.
    pub(super) checkpoint: Checkpoint,
    /// The root of the first entries.
    pub(super) root: Hash,
    /// SHA-256 over the list of their bundles.
    pub(super) sha256: Hash,
}

impl Folder {
    pub(super) const fn new(path: PathBuf, name: String) -> Self {
        Self { path, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes one file, whole or not at all; its content is on the disk afterwards.
    pub(super) async fn write(&self, path: String, bytes: Vec<u8>) -> io::Result<()> {
        self.apart(move |folder| DirSource::new(&folder.path).write(&path, &bytes)).await
    }

    /// Makes the names of all files last, and then writes the checkpoint, which promises them.
    pub(super) async fn finish(&self, note: String) -> io::Result<()> {
        self.apart(move |folder| {
            let mut log = DirSource::new(&folder.path);
            log.sync_names()?;
            log.write(CHECKPOINT_PATH, note.as_bytes())?;
            // A folder lasts once the one above it is on the disk; who made those is not known, so all of them.
            let path = std::path::absolute(&folder.path)?;
            path.ancestors().skip(1).try_for_each(sync_above)
        })
        .await
    }

    /// Reads everything again: it must be a whole log of this tenant, signed by one of the keys, with at least `size` entries.
    pub(super) async fn check(
        &self,
        tenant: TenantId,
        keys: Vec<VerifierKey>,
        size: u64,
    ) -> Result<Checked, ArchiveError> {
        let damaged =
            |reason: &str| ArchiveError::Damaged { name: self.name.clone(), reason: reason.to_owned() };
        let checked = self.apart(move |folder| folder.check_here(tenant, &keys, size)).await?;
        checked.map_err(|reason| damaged(&reason))
    }

    fn check_here(
        &self,
        tenant: TenantId,
        keys: &[VerifierKey],
        size: u64,
    ) -> io::Result<Result<Checked, String>> {
        let source = DirSource::new(&self.path);
        let Some(note) = source.read(CHECKPOINT_PATH)? else {
            return Ok(Err("its folder is not here, or has no checkpoint".to_owned()));
        };
        let checkpoint = Note::parse(&note).map_err(|error| error.to_string()).and_then(|note| {
            let own: Vec<VerifierKey> =
                keys.iter().filter(|key| key.name().as_str() == note.first_line()).cloned().collect();
            let checkpoint = Checkpoint::open(&note, &own).map_err(|error| error.to_string())?;
            Ok((checkpoint, own))
        });
        let (checkpoint, own) = match checkpoint {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let report = LogVerifier::new(&own).tenant(tenant.uuid()).run(&source, &mut |_| {});
        if report.verdict() != Verdict::Intact || report.archived.is_some() {
            let first = report.findings.first().map(ToString::to_string);
            let first = first.unwrap_or_else(|| "the beginning of the log is not in it".to_owned());
            return Ok(Err(first));
        }
        if checkpoint.size() < size {
            return Ok(Err(format!("it holds {} entries instead of {size}", checkpoint.size())));
        }
        let root = root_at(&source, size, checkpoint.size());
        let sha256 = bundles_sha256(&source, size)?;
        Ok(match root.zip(sha256) {
            Some((root, sha256)) => Ok(Checked { checkpoint, root, sha256 }),
            None => Err("bundles or tiles are missing".to_owned()),
        })
    }

    /// The disk may take its time, on a thread of its own.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let folder = self.clone();
        tokio::task::spawn_blocking(move || work(&folder)).await.map_err(io::Error::other)?
    }
}

/// Makes the names in a folder above an archive last. Where this account may not look it has made no folder either, and some
/// file systems have nothing to make last.
fn sync_above(dir: &Path) -> io::Result<()> {
    match fs::File::open(dir) {
        Ok(dir) => match dir.sync_all() {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        },
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}
