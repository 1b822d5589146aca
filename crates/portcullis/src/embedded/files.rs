//! Small acts on files: private modes, atomic replacement, bounded reads.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Bytes of randomness in a temporary name: 128 bits, so that nobody can have made it before.
const NAME_RANDOM_BYTES: usize = 16;

/// A name nobody can guess.
pub(crate) fn random_name() -> io::Result<String> {
    let mut bytes = [0; NAME_RANDOM_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(crypto::hex(&bytes))
}

/// Makes a directory and the missing ones above it, and gives those it made `mode` whatever the umask is.
pub(crate) fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_dir(parent, mode)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => std::fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Replaces `path` in one step: readers see the old contents or the new, also after a crash.
pub(crate) fn write_atomically(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    write_atomically_for(None, path, contents, mode)
}

/// The same for another account, where one is given: by its user and its group. Nobody sees the file before it is theirs.
pub(crate) fn write_atomically_for(
    owner: Option<(u32, u32)>,
    path: &Path,
    contents: &[u8],
    mode: u32,
) -> io::Result<()> {
    write_beside(path, contents, mode, |fresh| {
        if let Some((user, group)) = owner {
            chown(fresh, Some(user), Some(group))?;
        }
        std::fs::rename(fresh, path)
    })?;
    sync_parent(path)
}

/// Writes a file that must not exist yet in one step: it is there whole or not at all, also after a crash.
pub(crate) fn write_new_atomically(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    write_beside(path, contents, mode, |fresh| rename_new(fresh, path))?;
    let lasts = sync_parent(path);
    if lasts.is_err() {
        // What may be gone tomorrow must not be used today.
        let _ = std::fs::remove_file(path);
    }
    lasts
}

/// Writes a file under another name and lets `place` bring it to its own.
fn write_beside(
    path: &Path,
    contents: &[u8],
    mode: u32,
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let fresh = with_suffix(path, &format!(".{}.new", random_name()?));
    let placed = write_new(&fresh, contents, mode).and_then(|()| place(&fresh));
    if placed.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    placed
}

/// Renames a file to a name that nothing has yet: what somebody else put there meanwhile is not replaced.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done.map_err(io::Error::from),
    }
    match std::fs::hard_link(from, to) {
        Ok(()) => std::fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system that knows neither.
        Err(_) => std::fs::rename(from, to),
    }
}

/// Makes the name of a file last. Nothing can be done where this account may not look into the folder.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    match sync_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Puts a folder in the place of another, which then has the first one's place: in one step where the file system can do that.
pub(crate) fn exchange_dirs(one: &Path, other: &Path) -> io::Result<()> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done.map_err(io::Error::from),
    }
    let aside = with_suffix(one, &format!(".{}", random_name()?));
    std::fs::rename(other, &aside)?;
    if let Err(error) = std::fs::rename(one, other) {
        std::fs::rename(&aside, other)?;
        return Err(error);
    }
    std::fs::rename(&aside, one)
}

/// Writes a file that must not exist yet.
pub(crate) fn write_new(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Makes renames and new names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Reads a regular file of at most `bytes_max` bytes; a longer one is an error.
pub(crate) fn read_at_most(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // A pipe planted under this name would block the open for ever.
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    // All at once: a buffer that grows would leave copies of a secret behind.
    let mut contents = Vec::with_capacity(usize::try_from(meta.len().min(bytes_max)).unwrap_or(0) + 64);
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut contents)?;
    if contents.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("larger than {bytes_max} bytes")));
    }
    Ok(contents)
}

/// [`read_at_most`] as text.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    String::from_utf8(read_at_most(path, bytes_max)?).map_err(io::Error::other)
}

/// The path with `suffix` added to its last component.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
