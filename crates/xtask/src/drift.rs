//! Generated files: they are committed, so they can be stale.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::gate::Outcome;
use crate::metadata::Metadata;
use crate::process;
use crate::repo::{Repo, SERVER};
use crate::{fuzz, launch, limits, notices};

/// The description of the REST API, as the server prints it.
const OPENAPI: &str = "openapi.json";

/// The page about roles, as the server prints it.
const ROLES: &str = "docs/roles.md";

/// The page about API keys, in which one table is printed by the server.
const KEYS: &str = "docs/keys.md";

/// What stands before and after that table.
const TABLE: [&str; 2] = ["<!-- written by `cargo xtask regenerate` -->\n", "<!-- until here -->\n"];

/// The page about events, as the server prints it.
const EVENTS: &str = "docs/events.md";

/// What to say of every stale file.
const ADVICE: &str = "run `cargo xtask regenerate` and commit what changed";

/// Compares every generated file with what would be generated now; looks at all of them before it fails.
///
/// # Errors
/// Names each file that is stale, or the generator that failed.
pub(crate) fn check(repo: &Repo) -> Result<Outcome> {
    let metadata = Metadata::locked(repo.root())?;
    if !repo.has_server() {
        return Ok(without_server());
    }
    let program = launch::build(repo, false)?;
    let checks = [
        ("licence notices", notices::check(repo.root(), &metadata, SERVER)),
        ("limits", limits::page(repo.root()).and_then(|now| compare(repo.root(), limits::PAGE, &now))),
        ("roles", roles(repo.root(), &program).and_then(|now| compare(repo.root(), ROLES, &now))),
        ("permissions of keys", keys(repo.root(), &program).and_then(|now| compare(repo.root(), KEYS, &now))),
        ("events", events(repo.root(), &program).and_then(|now| compare(repo.root(), EVENTS, &now))),
        (
            "API description",
            openapi(repo.root(), &program).and_then(|now| compare(repo.root(), OPENAPI, &now)),
        ),
        (
            "checked queries",
            process::run(&mut server(repo.root(), &program, &["dev", "prepare-queries", "--check"])),
        ),
    ];
    let mut stale = 0;
    for (what, result) in checks {
        match result {
            Ok(()) => println!("drift: {what}: up to date"),
            Err(error) => {
                stale += 1;
                eprintln!("drift: {what}: {error:#}");
            }
        }
    }
    if stale > 0 {
        bail!("{stale} of the generated files: {ADVICE}");
    }
    Ok(Outcome::Passed)
}

/// Writes every generated file anew.
///
/// # Errors
/// When a generator fails; the files before it are written by then.
pub(crate) fn regenerate(repo: &Repo) -> Result<Outcome> {
    let metadata = Metadata::locked(repo.root())?;
    if !repo.has_server() {
        return Ok(without_server());
    }
    fuzz::relock(repo.root())?;
    notices::write(repo.root(), &metadata, SERVER)?;
    let page = limits::page(repo.root())?;
    fs::write(repo.root().join(limits::PAGE), page)
        .with_context(|| format!("could not write {}", limits::PAGE))?;
    process::run(&mut server(repo.root(), &launch::build(repo, false)?, &["dev", "prepare-queries"]))?;
    // What was prepared is compiled in.
    let program = launch::build(repo, false)?;
    fs::write(repo.root().join(ROLES), roles(repo.root(), &program)?)
        .with_context(|| format!("could not write {ROLES}"))?;
    println!("regenerate: wrote {ROLES}");
    fs::write(repo.root().join(KEYS), keys(repo.root(), &program)?)
        .with_context(|| format!("could not write {KEYS}"))?;
    println!("regenerate: wrote {KEYS}");
    fs::write(repo.root().join(EVENTS), events(repo.root(), &program)?)
        .with_context(|| format!("could not write {EVENTS}"))?;
    println!("regenerate: wrote {EVENTS}");
    fs::write(repo.root().join(OPENAPI), openapi(repo.root(), &program)?)
        .with_context(|| format!("could not write {OPENAPI}"))?;
    println!("regenerate: wrote {OPENAPI}");
    Ok(Outcome::Passed)
}

fn without_server() -> Outcome {
    Outcome::Partly(format!("the workspace has no crate `{SERVER}`, so nothing is generated from it"))
}

/// The API description as the server prints it now.
fn openapi(root: &Path, program: &Path) -> Result<String> {
    process::output(&mut server(root, program, &["openapi"]))
}

/// The table of roles and permissions as a page, as the server prints it now.
fn roles(root: &Path, program: &Path) -> Result<String> {
    process::output(&mut server(root, program, &["dev", "roles"]))
}

/// The page about API keys with its table as the server prints it now.
fn keys(root: &Path, program: &Path) -> Result<String> {
    let page = fs::read_to_string(root.join(KEYS)).with_context(|| format!("could not read {KEYS}"))?;
    let table = process::output(&mut server(root, program, &["dev", "key-permissions"]))?;
    with_table(&page, &table).with_context(|| format!("{KEYS} has lost the marks around its table"))
}

/// The page with `table` between its marks.
fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(TABLE[0])?;
    let (_, after) = rest.split_once(TABLE[1])?;
    Some(format!("{before}{}{table}{}{after}", TABLE[0], TABLE[1]))
}

/// The catalogue of events as a page, as the server prints it now.
fn events(root: &Path, program: &Path) -> Result<String> {
    process::output(&mut server(root, program, &["dev", "events"]))
}

/// The server of this working tree with these arguments.
fn server(root: &Path, program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).stdin(Stdio::null()).args(args);
    command
}

/// Fails when the committed file says something else, naming the first line that differs.
fn compare(root: &Path, name: &str, now: &str) -> Result<()> {
    let committed = fs::read_to_string(root.join(name)).with_context(|| format!("could not read {name}"))?;
    match first_difference(&committed, now) {
        None => Ok(()),
        Some((line, was, is)) => {
            bail!("{name} is stale from line {line} on: it says `{was}`, now it is `{is}`")
        }
    }
}

/// The first differing line, counted from 1, in both texts; an end is an empty line.
pub(crate) fn first_difference<'a>(was: &'a str, is: &'a str) -> Option<(usize, &'a str, &'a str)> {
    if was == is {
        return None;
    }
    let (mut old, mut new) = (was.lines(), is.lines());
    for line in 1.. {
        match (old.next(), new.next()) {
            // The same lines: what differs is the line feed at the end.
            (None, None) => return Some((line, "", "")),
            (a, b) if a != b => return Some((line, a.unwrap_or("").trim(), b.unwrap_or("").trim())),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\n  b\n", "a\n  c\n"), Some((2, "b", "c")));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some((2, "", "b")));
        assert_eq!(first_difference("a", "a\n"), Some((2, "", "")));
    }

    #[test]
    fn a_table_is_put_between_its_marks() {
        let page = format!("before\n{}old\n{}after\n", TABLE[0], TABLE[1]);
        let now = with_table(&page, "new\n").unwrap();
        assert_eq!(now, format!("before\n{}new\n{}after\n", TABLE[0], TABLE[1]));
        assert_eq!(with_table(&now, "new\n").as_ref(), Some(&now));
        assert_eq!(with_table("no marks\n", "new\n"), None);
    }

    #[test]
    fn a_stale_or_missing_file_is_an_error() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        compare(root, "Cargo.toml", &manifest).unwrap();
        let error = compare(root, "Cargo.toml", "[other]\n").unwrap_err().to_string();
        assert!(error.contains("stale from line 1 on: it says `[package]`, now it is `[other]`"), "{error}");
        assert!(compare(root, "no-such-file", "").is_err());
    }
}
