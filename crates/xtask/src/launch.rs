//! Building and starting the server.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::process::{self, cargo};
use crate::repo::{Repo, SERVER};

/// The crate that holds the benchmarks.
const BENCHES: &str = "benches";

/// Builds the server and returns the path of the program. Everything cargo says goes to standard error.
///
/// # Errors
/// When the build fails, or cargo names no program.
pub(crate) fn build(repo: &Repo, release: bool) -> Result<PathBuf> {
    if !repo.has_server() {
        bail!("the workspace has no crate `{SERVER}` to build");
    }
    let profile = if release { "release" } else { "dev" };
    eprintln!(
        "xtask: building {SERVER} ({profile} profile); the first build takes minutes, later ones seconds"
    );
    let start = Instant::now();
    let mut command = cargo(repo.root());
    command.args(["build", "--locked", "--package", SERVER, "--bin", SERVER, "--profile", profile]);
    // The program's place depends on settings only cargo knows: its messages say where it is.
    command.args(["--message-format", "json-render-diagnostics"]);
    let program = executable(&process::output(&mut command)?)
        .with_context(|| format!("cargo built `{SERVER}` but did not say where"))?;
    eprintln!("xtask: built in {:.1} s: {}", start.elapsed().as_secs_f64(), program.display());
    Ok(program)
}

/// One of cargo's build messages; all but the program's are passed over.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
}

/// The last program cargo said it built.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter_map(|message| message.executable)
        .next_back()
}

/// `cargo xtask up`: builds the server, then becomes it. Returns only when that fails.
///
/// # Errors
/// When the build or the start fails.
pub(crate) fn up(repo: &Repo, dev: bool, args: &[String]) -> Result<()> {
    let program = build(repo, !dev)?;
    let mut command = Command::new(&program);
    command.arg("up").args(args);
    eprintln!("xtask: starting `{}`", process::spell(&command));
    become_program(command).with_context(|| format!("could not start {}", program.display()))
}

/// Replaces this process, so that signals and the exit status are the server's own.
#[cfg(unix)]
fn become_program(mut command: Command) -> io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_program(mut command: Command) -> io::Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1));
}

/// `cargo xtask bench`: builds the server and runs one benchmark of the crate `benches` against it, in release.
/// The benchmark finds the server in the environment variable `PORTCULLIS_BIN`.
///
/// # Errors
/// When there is no such crate, or the build or the benchmark fails.
pub(crate) fn bench(repo: &Repo, name: &str, args: &[String]) -> Result<()> {
    if !repo.metadata().has_member(BENCHES) {
        bail!("the workspace has no crate `{BENCHES}`, so there is nothing to measure yet");
    }
    let program = build(repo, true)?;
    process::run(&mut bench_command(repo.root(), &program, name, args))
}

/// Measures the crate `pii`, which needs no server.
pub(crate) fn bench_pii(repo: &Repo, args: &[String]) -> Result<()> {
    let mut command = cargo(repo.root());
    command.args(["run", "--quiet", "--locked", "--release", "--package", "pii", "--example", "bench", "--"]);
    process::run(command.args(args).stdin(Stdio::null()))
}

fn bench_command(root: &Path, program: &Path, name: &str, args: &[String]) -> Command {
    let mut command = cargo(root);
    command.args(["run", "--quiet", "--locked", "--release", "--package", BENCHES, "--", name]).args(args);
    command.env("PORTCULLIS_BIN", program).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
            not json
            {"reason":"other","executable":"/elsewhere"}
            {"reason":"compiler-artifact","executable":"/target/release/portcullis","fresh":true}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/target/release/portcullis")));
        assert_eq!(executable("{\"reason\":\"build-finished\",\"success\":true}"), None);
    }

    #[test]
    fn a_benchmark_is_told_where_the_server_is() {
        let command = bench_command(
            Path::new("."),
            Path::new("/target/release/portcullis"),
            "audit",
            &["--n".into(), "3".into()],
        );
        assert_eq!(
            process::spell(&command),
            "cargo run --quiet --locked --release --package benches -- audit --n 3"
        );
        let told = command.get_envs().any(|(key, value)| {
            key == "PORTCULLIS_BIN" && value.is_some_and(|value| value == "/target/release/portcullis")
        });
        assert!(told);
    }
}
