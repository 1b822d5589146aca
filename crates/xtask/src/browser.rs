//! The browser tests of the console: the real server, a real browser, and somebody who clicks.
//!
//! The tests are `browser/*.mjs`. What they need of other people lies in `target/browser`, installed once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::gate::Outcome;
use crate::launch;
use crate::process;
use crate::repo::Repo;

/// Folder of the tests.
const TESTS: &str = "browser";

/// What npm reads; the packages are installed anew when one of them changed.
const MANIFESTS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// Names under which Chromium is installed, best first.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Debian's package of it.
const PACKAGE: &str = "chromium";

/// The oldest Node.js that runs the tests.
const NODE_MAJOR_MIN: u32 = 20;

/// Runs the tests; `args` go to Node.js, such as `--test-name-pattern`.
///
/// # Errors
/// When a test fails, or something they need is neither there nor can be installed.
pub(crate) fn run(repo: &Repo, args: &[String]) -> Result<Outcome> {
    let browser = browser()?;
    let home = packages(repo)?;
    let program = launch::build(repo, false)?;
    let mut command = Command::new("node");
    command.arg(repo.root().join(TESTS).join("run.mjs")).args(args).current_dir(repo.root());
    command.env("BROWSER_TESTS_HOME", &home).env("PORTCULLIS_BIN", &program).env("CHROMIUM_BIN", &browser);
    // The other end of this pipe closes when we are gone, however we went: then the server is stopped.
    command.stdin(Stdio::piped());
    let line = process::spell(&command);
    let mut child = command.spawn().with_context(|| format!("could not start `{line}`"))?;
    let lifeline = child.stdin.take();
    let status = child.wait();
    drop(lifeline);
    let status = status.with_context(|| format!("the end of `{line}` is not known"))?;
    if !status.success() {
        bail!("the browser tests failed ({status})");
    }
    Ok(Outcome::Passed)
}

/// Whether a program can be started and says that all is well.
fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Where the shell finds a program.
fn on_the_path(name: &str) -> Option<PathBuf> {
    let mut command = Command::new("sh");
    command.args(["-c", "command -v \"$1\"", "sh", name]).stdin(Stdio::null());
    let found = command.output().ok().filter(|found| found.status.success())?;
    let path = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
    path.is_absolute().then_some(path)
}

/// The browser; installed when it is missing and that is ours to do, as on a fresh machine of continuous integration.
fn browser() -> Result<PathBuf> {
    let find = || BROWSERS.into_iter().find_map(on_the_path);
    if let Some(found) = find() {
        return Ok(found);
    }
    let root = fs::metadata("/proc/self").is_ok_and(|us| is_root(&us));
    if root && works("apt-get", &["--version"]) {
        println!("browser: installing the package {PACKAGE} (once; about a minute)");
        let apt = |args: &[&str]| {
            let mut command = Command::new("apt-get");
            command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
            command
        };
        // A list of packages that cannot be brought up to date may still do.
        let _ = process::run(&mut apt(&["update", "-qq"]));
        let install = ["install", "-qq", "-y", "--no-install-recommends", PACKAGE];
        process::run(apt(&install).stdout(Stdio::null()))?;
        if let Some(found) = find() {
            return Ok(found);
        }
    }
    bail!("Chromium is missing: install it with `apt-get install {PACKAGE}`, or the like, and try again")
}

#[cfg(unix)]
fn is_root(about: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(about) == 0
}

#[cfg(not(unix))]
fn is_root(_: &fs::Metadata) -> bool {
    false
}

/// The folder with the packages, installed when they are not those of the lock.
fn packages(repo: &Repo) -> Result<PathBuf> {
    let node = process::output(Command::new("node").arg("--version").stdin(Stdio::null()))
        .context("the browser tests need Node.js and npm")?;
    if !is_fitting(&node) {
        bail!("the browser tests need Node.js {NODE_MAJOR_MIN} or newer, this is {}", node.trim());
    }
    let (from, home) = (repo.root().join(TESTS), repo.target().join(TESTS));
    fs::create_dir_all(&home).with_context(|| format!("could not make {}", home.display()))?;
    let stamp = home.join("installed");
    let wanted = manifests(&from)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(home);
    }
    for name in MANIFESTS {
        fs::copy(from.join(name), home.join(name)).with_context(|| format!("could not copy {name}"))?;
    }
    let mut install = Command::new("npm");
    install.args([
        "ci",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefer-offline",
        "--loglevel=error",
    ]);
    process::run(install.current_dir(&home).stdin(Stdio::null()))?;
    fs::write(&stamp, wanted).with_context(|| format!("could not write {}", stamp.display()))?;
    Ok(home)
}

fn manifests(folder: &Path) -> Result<String> {
    let read = |name| fs::read_to_string(folder.join(name)).with_context(|| format!("could not read {name}"));
    MANIFESTS.iter().map(read).collect()
}

/// Whether `node --version` printed a version that is new enough.
fn is_fitting(printed: &str) -> bool {
    let major = printed.trim().strip_prefix('v').and_then(|version| version.split('.').next());
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= NODE_MAJOR_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_of_node_is_read() {
        assert!(is_fitting("v20.20.2\n") && is_fitting("v24.0.0"));
        for old in ["v18.20.0", "v9.1", "20.1.0", "", "v"] {
            assert!(!is_fitting(old), "{old}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_does_not_work() {
        assert!(!works("no-such-program-here", &[]) && works("true", &[]) && !works("false", &[]));
        assert_eq!(on_the_path("no-such-program-here"), None);
        assert!(on_the_path("env").is_some_and(|path| path.is_absolute()));
    }
}
