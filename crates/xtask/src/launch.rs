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
/// Any example will do: one that is small. Whoever builds it builds with the features that tests ask for as well.
pub(crate) const SMALL_EXAMPLE: &str = "counts";

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
    command.args(["build", "--locked", "--bin", SERVER, "--profile", profile]);
    if release {
        command.args(["--package", SERVER]);
    } else {
        // Where tests are built, their dependencies add features to those of the program, and cargo would build tokio
        // and all that stands on it a second time. An example has the dependencies of tests, so that what the tests
        // were built with is taken as it is.
        command.args(["--workspace", "--example", SMALL_EXAMPLE]);
    }
    // The program's place depends on settings only cargo knows: its messages say where it is.
    command.args(["--message-format", "json-render-diagnostics"]);
    let program = executable(&process::output(&mut command)?, SERVER)
        .with_context(|| format!("cargo built `{SERVER}` but did not say where"))?;
    eprintln!("xtask: built in {:.1} s: {}", start.elapsed().as_secs_f64(), program.display());
    Ok(program)
}

/// One of cargo's build messages; all but the program's are passed over.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    executable: Option<PathBuf>,
}

/// What was built.
#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The last program of this name that cargo said it built.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.target.as_ref().is_some_and(|target| target.name == name))
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

/// Measures the crate `pii`, which needs no server; with `--beside presidio` next to Presidio, installed under `target`.
pub(crate) fn bench_pii(repo: &Repo, args: &[String]) -> Result<()> {
    let mut args = args.to_vec();
    if let Some(place) = args.iter().position(|arg| arg == "--beside").map(|at| at + 1) {
        let Some(name) = args.get_mut(place).filter(|name| *name == "presidio") else {
            bail!("--beside takes presidio");
        };
        *name = presidio(repo)?.display().to_string();
    }
    let mut command = cargo(repo.root());
    command.args(["run", "--quiet", "--locked", "--release", "--package", "pii", "--example", "bench", "--"]);
    process::run(command.args(args).stdin(Stdio::null()))
}

/// A Python that has Presidio, in `target/beside/presidio`.
fn presidio(repo: &Repo) -> Result<PathBuf> {
    let folder = repo.root().join("target/beside/presidio");
    let requirements = repo.root().join("crates/pii/examples/beside/requirements-presidio.txt");
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed"));
    let wanted = std::fs::read(&requirements).with_context(|| requirements.display().to_string())?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    process::run(install.arg(&requirements))?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

/// What of the engine for relations is counted: the case and the tuples.
const COUNTED: [(&str, &str); 4] =
    [("direct", "1000"), ("deep", "1000"), ("direct", "100000"), ("deep", "100000")];
/// Questions of the two runs whose difference is what questions cost.
const QUESTIONS: [u64; 2] = [10_000, 20_000];

/// Measures the engine for relations: times, and instructions, which no neighbour on the machine changes; then the same kind of
/// questions over HTTP. The arguments are those of `benches authz`; with `--engine` nothing is served.
pub(crate) fn bench_authz(repo: &Repo, args: &[String]) -> Result<()> {
    let example = |verb: &str, name: &str| {
        let mut command = cargo(repo.root());
        command.args([verb, "--quiet", "--locked", "--release", "--package", "authz", "--example", name]);
        command
    };
    process::run(&mut example("run", "checks"))?;
    let mut build = example("build", "counts");
    let program =
        executable(&process::output(build.args(["--message-format", "json-render-diagnostics"]))?, "counts")
            .context("cargo built the example but did not say where")?;
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions are not counted: there is no valgrind (on Debian: apt-get install valgrind)");
    } else {
        count(&program)?;
    }
    match args {
        [only] if only == "--engine" => Ok(()),
        args => bench(repo, "authz", args),
    }
}

fn count(program: &Path) -> Result<()> {
    for (case, tuples) in COUNTED {
        let [fewer, more] = QUESTIONS;
        let (low, high) =
            (instructions(program, case, tuples, fewer)?, instructions(program, case, tuples, more)?);
        let each = high.saturating_sub(low) / (more - fewer);
        println!("{case}, {tuples} tuples: {each} instructions a check");
    }
    Ok(())
}

/// How many instructions the example takes for so many questions, all of its start included.
fn instructions(program: &Path, case: &str, tuples: &str, questions: u64) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    command.args([case, tuples, &questions.to_string()]).stdin(Stdio::null());
    let line = process::spell(&command);
    let ran = command.output().with_context(|| format!("could not start `{line}`"))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    collected(&said).with_context(|| format!("`{line}` counted nothing:\n{said}"))
}

/// The number valgrind says at its end: `==1== Collected : 123`.
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
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
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"portcullis"},"executable":null}
            not json
            {"reason":"other","target":{"name":"portcullis"},"executable":"/elsewhere"}
            {"reason":"compiler-artifact","target":{"name":"portcullis"},"executable":"/target/release/portcullis"}
            {"reason":"compiler-artifact","target":{"name":"counts"},"executable":"/target/release/counts"}
            {"reason":"build-finished","success":true}"#;
        let of = |name| executable(messages, name);
        assert_eq!(of("portcullis"), Some(PathBuf::from("/target/release/portcullis")));
        assert_eq!(of("counts"), Some(PathBuf::from("/target/release/counts")));
        assert_eq!(of("checks"), None);
        assert_eq!(executable("{\"reason\":\"build-finished\",\"success\":true}", "portcullis"), None);
    }

    #[test]
    fn instructions_are_read_from_valgrinds_words() {
        let said = "==1== Events    : Ir\n==1== Collected : 1234567\n==1== \n";
        assert_eq!(collected(said), Some(1_234_567));
        assert_eq!(collected("==1== killed"), None);
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
