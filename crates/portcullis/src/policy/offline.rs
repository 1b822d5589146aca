//! What needs no server: to begin, to check, to test, to compare.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use packs::check::Checked;
use packs::suite::Outcome;
use packs::{Document, Mode};
use serde_json::json;

use super::args::{DiffArgs, FolderArgs, InitArgs};
use super::{NOT_SOUND, folder};
use crate::embedded::files;
use crate::say;

/// How a new file of a pack may be read.
const FILE_MODE: u32 = 0o644;

pub(super) fn init(args: &InitArgs) -> Result<ExitCode> {
    if args.schema_only {
        let path = args.dir.join(packs::schema::FILE);
        files::write_atomically(&path, packs::schema::text().as_bytes(), FILE_MODE)
            .with_context(|| format!("cannot write {}", path.display()))?;
        say::out(format_args!("{}\n", path.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder_name = args.dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = args.name.as_deref().unwrap_or(folder_name);
    let mode = if args.mode == "permit" { Mode::Permit } else { Mode::Forbid };
    let found = packs::sample::files(name, mode);
    let document = Document::of_files(found.clone())?;
    if let Some(error) = packs::check(&document).first_error() {
        bail!("{name:?} cannot be the name of a pack: {error}");
    }
    if args.dir.exists() {
        bail!("{} is there already; give the name of a new folder", args.dir.display());
    }
    for inner in ["policies", "tests"] {
        std::fs::create_dir_all(args.dir.join(inner))
            .with_context(|| format!("cannot make {}", args.dir.display()))?;
    }
    for (path, text) in found {
        let path = args.dir.join(path);
        files::write_new(&path, text.as_bytes(), FILE_MODE)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    say::out(format_args!(
        "{} is a pack: edit policies/ and tests/, then `portcullis policy test {0}`.\n",
        args.dir.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What is found in a pack, and how its tests end when there is one to run.
pub(super) fn examined(document: &Document) -> (Checked, Vec<Outcome>) {
    let checked = packs::check(document);
    let outcomes = checked.pack.as_ref().map_or_else(Vec::new, |pack| packs::suite::run(pack, document));
    (checked, outcomes)
}

fn verdict(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::from(NOT_SOUND) }
}

/// The findings as lines that play no tricks on a terminal.
pub(super) fn findings(checked: &Checked) -> String {
    checked.findings.iter().map(|finding| plain(&finding.to_string()) + "\n").collect()
}

pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub(super) fn lint(args: &FolderArgs) -> Result<ExitCode> {
    let document = folder::read(&args.pack)?;
    let checked = packs::check(&document);
    let sound = !checked.failed();
    if args.json {
        say::json(&json!({
            "sound": sound,
            "sha256": packs::manifest::hex(document.sha256()),
            "findings": checked.findings,
        }))?;
    } else {
        say::out(findings(&checked))?;
        if let Some(pack) = &checked.pack {
            say::out(format_args!("{} is sound: {} policies.\n", pack.label(), pack.len()))?;
        }
    }
    Ok(verdict(sound))
}

pub(super) fn test(args: &FolderArgs) -> Result<ExitCode> {
    let document = folder::read(&args.pack)?;
    let (checked, outcomes) = examined(&document);
    let sound = !checked.failed() && outcomes.iter().all(|outcome| outcome.passed);
    if args.json {
        say::json(&json!({ "passed": sound, "findings": checked.findings, "tests": outcomes }))?;
    } else {
        say::out(findings(&checked))?;
        say::out(told(&outcomes))?;
    }
    Ok(verdict(sound))
}

/// How tests ended, in lines.
pub(super) fn told(outcomes: &[Outcome]) -> String {
    let mut lines = String::new();
    for outcome in outcomes {
        let by = if outcome.policies.is_empty() {
            String::new()
        } else {
            format!(" by {}", outcome.policies.join(", "))
        };
        let line = if outcome.passed {
            format!("ok      {}: {}: {}{by}", outcome.file, outcome.name, outcome.verdict)
        } else {
            let expected = outcome.expected;
            format!(
                "FAILED  {}: {}: expected {expected}, and it was {}{by}",
                outcome.file, outcome.name, outcome.verdict
            )
        };
        lines += &plain(&line);
        lines.push('\n');
    }
    lines
}

pub(super) fn diff(args: &DiffArgs) -> Result<ExitCode> {
    let (old, new) = (folder::read(&args.old)?, folder::read(&args.new)?);
    let files = differences(old.files(), new.files());
    let policies = differences(&policies(&old, &args.old)?, &policies(&new, &args.new)?);
    let same = old.sha256() == new.sha256();
    if args.json {
        let hash = |document: &Document| packs::manifest::hex(document.sha256());
        let list = |found: &Differences| json!({ "added": found.added, "removed": found.removed, "changed": found.changed });
        say::json(&json!({
            "same": same,
            "old": hash(&old),
            "new": hash(&new),
            "files": list(&files),
            "policies": list(&policies),
        }))?;
    } else {
        for (what, found) in [("file", &files), ("policy", &policies)] {
            for (mark, names) in [("+", &found.added), ("-", &found.removed), ("~", &found.changed)] {
                for name in names {
                    say::out(format_args!("{mark} {what} {}\n", plain(name)))?;
                }
            }
        }
    }
    Ok(verdict(same))
}

/// The policies of a pack by id, as Cedar would print them.
fn policies(document: &Document, path: &Path) -> Result<BTreeMap<String, String>> {
    let checked = packs::check(document);
    let why = checked.first_error().unwrap_or_default();
    let pack = checked.pack.with_context(|| format!("{} is not sound: {why}", path.display()))?;
    Ok(pack.texts().map(|(id, text)| (id.to_owned(), text)).collect())
}

#[derive(Debug, PartialEq, Eq)]
struct Differences {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

fn differences(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Differences {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut found = Differences { added: Vec::new(), removed: Vec::new(), changed: Vec::new() };
    for name in names {
        match (old.get(name), new.get(name)) {
            (None, _) => found.added.push(name.clone()),
            (_, None) => found.removed.push(name.clone()),
            (Some(a), Some(b)) if a != b => found.changed.push(name.clone()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_went_and_changed_is_told_apart() {
        let map =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let found = differences(
            &map(&[("a", "1"), ("b", "1"), ("c", "1")]),
            &map(&[("b", "1"), ("c", "2"), ("d", "1")]),
        );
        assert_eq!(
            (found.added, found.removed, found.changed),
            (vec!["d".to_owned()], vec!["a".to_owned()], vec!["c".to_owned()])
        );
    }
}
