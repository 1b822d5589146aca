//! `cargo deny`: licences, banned crates, sources, and known weaknesses when their database is at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::gate::Outcome;
use crate::process::{self, cargo};
use crate::repo::Repo;

/// The version `deny.toml` is written for and that is installed when there is none.
const VERSION: &str = "0.20.2";

/// Runs the checks; `fetch` brings the database of known weaknesses up to date first, which needs the network.
///
/// # Errors
/// When a check fails, or the tool can be neither found nor installed.
pub(crate) fn run(repo: &Repo, fetch: bool) -> Result<Outcome> {
    let tool = find_or_install(repo)?;
    // The checks read every package's manifest and licence, also of other platforms' packages.
    process::run(cargo(repo.root()).args(["fetch", "--locked", "--quiet"]))?;
    if fetch {
        process::run(deny(&tool, repo.root()).args(["fetch", "db"]))?;
    }
    let mut check = deny(&tool, repo.root());
    check.args(["--offline", "--locked", "check", "--hide-inclusion-graph"]);
    // `wrappers` says who may use a package; a crate that does not use it is no news.
    check.args(["--allow", "unused-wrapper", "bans", "licenses", "sources"]);
    let advised = advisories_at_hand(&repo.tools());
    if advised {
        check.arg("advisories");
    }
    process::run(&mut check)?;
    Ok(if advised {
        Outcome::Passed
    } else {
        Outcome::Partly("advisories not checked: `cargo xtask deny --fetch` brings their database".to_owned())
    })
}

fn deny(tool: &Path, root: &Path) -> Command {
    let mut command = Command::new(tool);
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// `db-path` of `deny.toml` is this folder; a clone of the database is a folder in it.
fn advisories_at_hand(tools: &Path) -> bool {
    fs::read_dir(tools.join("advisory-dbs")).is_ok_and(|mut entries| entries.next().is_some())
}

/// The tool on the search path when its version fits, else the one in the build folder, installed when missing.
fn find_or_install(repo: &Repo) -> Result<PathBuf> {
    let tools = repo.tools();
    let own = tools.join("bin").join("cargo-deny");
    let found = [PathBuf::from("cargo-deny"), own.clone()].into_iter().find(|tool| fits(tool));
    if let Some(tool) = found {
        return Ok(tool);
    }
    println!("deny: installing cargo-deny {VERSION} into {} (once; one to three minutes)", tools.display());
    let start = Instant::now();
    let build = tools.join("build");
    // Unoptimised: it builds in a third of the time and the checks still take seconds.
    let mut install = cargo(repo.root());
    install.args(["install", "cargo-deny", "--quiet", "--locked", "--debug", "--version", VERSION]);
    // Nobody debugs it.
    install.env("CARGO_PROFILE_DEV_DEBUG", "0");
    process::run(install.arg("--root").arg(&tools).arg("--target-dir").arg(&build)).with_context(|| {
        format!("cargo-deny {VERSION} could not be installed; it may also be on the search path")
    })?;
    // The objects are hundreds of megabytes nobody needs again; failing to remove them harms nothing.
    let _ = fs::remove_dir_all(&build);
    println!("deny: installed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(own)
}

/// Whether the tool is there and reads the configuration this repository has.
fn fits(tool: &Path) -> bool {
    let output = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && is_fitting(&String::from_utf8_lossy(&output.stdout)))
}

/// The same minor version: before 1.0 the next one may read the configuration differently.
fn is_fitting(printed: &str) -> bool {
    let minor = VERSION.rsplit_once('.').map_or(VERSION, |(minor, _)| minor);
    let version = printed.trim().strip_prefix("cargo-deny ");
    version.and_then(|version| version.rsplit_once('.')).is_some_and(|(found, _)| found == minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_minor_version_fits() {
        assert!(is_fitting("cargo-deny 0.20.2\n") && is_fitting("cargo-deny 0.20.9"));
        for other in
            ["cargo-deny 0.19.2", "cargo-deny 0.2", "cargo-deny", "", "other 0.20.2", "cargo-deny 1.20.2"]
        {
            assert!(!is_fitting(other), "{other}");
        }
    }

    #[test]
    fn a_tool_that_is_not_there_does_not_fit() {
        assert!(!fits(Path::new("no-such-program-here")));
    }
}
