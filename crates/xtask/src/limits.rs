//! `docs/limits.md`: every named limit with its value and what it bounds, read from the sources.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, Result};

/// The page, from the root of the repository.
pub(crate) const PAGE: &str = "docs/limits.md";

/// Crates that are not in the product.
const BESIDE: [&str; 3] = ["benches", "testkit", "xtask"];

const HEAD: &str = "\
# Limits

Every size, count and time is bounded, and every bound has a name with its unit. Those an operator may change are in
[configuration](configuration.md); the rest are constants of the code, listed here by crate as they stand there.
`cargo xtask regenerate` writes this page.
";

/// A constant with a name, a value and a sentence about it.
#[derive(Debug, PartialEq, Eq)]
struct Limit {
    name: String,
    value: String,
    meaning: String,
}

/// The page as the sources say it now.
pub(crate) fn page(root: &Path) -> Result<String> {
    let mut page = HEAD.to_owned();
    for folder in sorted(&root.join("crates"))? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if BESIDE.contains(&name.as_str()) || !folder.join("src").is_dir() {
            continue;
        }
        let mut limits = Vec::new();
        read(&folder.join("src"), &mut limits)?;
        if limits.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {name}\n\n| name | value | meaning |\n|---|---|---|\n");
        for limit in limits {
            let _ = writeln!(page, "| `{}` | `{}` | {} |", limit.name, limit.value, limit.meaning);
        }
    }
    Ok(page)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The limits of every source file below the folder; files that are tests have none.
fn read(folder: &Path, into: &mut Vec<Limit>) -> Result<()> {
    for path in sorted(folder)? {
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            read(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            limits(&text, into);
        }
    }
    Ok(())
}

/// The limits of one source file, up to its tests: constants with a comment whose name says what they bound.
fn limits(source: &str, into: &mut Vec<Limit>) {
    let mut comment = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line == "mod tests {" {
            return;
        }
        if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text);
        } else if line.starts_with("#[") {
            // An attribute between the comment and its constant.
        } else {
            let told = std::mem::take(&mut comment);
            let mut item = line.to_owned();
            while is_constant(&item) && !item.ends_with(';') {
                let Some(more) = lines.next() else { return };
                let _ = write!(item, " {}", more.trim());
            }
            into.extend(limit(&item, &told));
        }
    }
}

fn is_constant(item: &str) -> bool {
    after_visibility(item).starts_with("const ") && !item.contains(" fn ")
}

fn after_visibility(item: &str) -> &str {
    match item.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or("", |(_, rest)| rest),
        Some(rest) => rest.trim_start(),
        None => item,
    }
}

fn limit(item: &str, comment: &str) -> Option<Limit> {
    let (head, value) = after_visibility(item).strip_prefix("const ")?.split_once(" = ")?;
    let (name, kind) = head.split_once(": ")?;
    let bounds = ["_MAX", "_MIN", "_DEFAULT"].iter().any(|end| name.ends_with(end));
    let measures = ["_BYTES", "_SECONDS", "_MILLIS", "_HOURS", "_CONNECTIONS", "_PER_MINUTE"];
    let measures = measures.iter().any(|unit| name.contains(unit));
    if comment.is_empty()
        || name.ends_with("_TYPICAL")
        || !(bounds || measures)
        || kind.starts_with(['&', '['])
    {
        return None;
    }
    let meaning = comment.trim().split(". ").next().unwrap_or_default().trim_end_matches('.');
    Some(Limit {
        name: name.to_owned(),
        value: value.trim_end_matches(';').to_owned(),
        meaning: meaning.replace("[`", "`").replace("`]", "`").replace('|', "\\|"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        limits(source, &mut found);
        found.into_iter().map(|limit| (limit.name, limit.value, limit.meaning)).collect()
    }

    fn told(name: &str, value: &str, meaning: &str) -> (String, String, String) {
        (name.to_owned(), value.to_owned(), meaning.to_owned())
    }

    #[test]
    fn a_limit_is_a_constant_with_a_unit_and_a_comment() {
        let source = "/// Longest name, in bytes.\n/// More about it. And more.\n#[rustfmt::skip]\n\
                      pub(crate) const NAME_BYTES_MAX: usize = 1 << 3;\nconst BARE_MAX: u8 = 1;\n\
                      /// No bound.\nconst WORD: u8 = 1;\n/// A function.\npub const fn long_max() {}\n";
        let meaning = "Longest name, in bytes";
        assert_eq!(of(source), [told("NAME_BYTES_MAX", "1 << 3", meaning)]);
    }

    #[test]
    fn a_value_may_take_several_lines_and_tests_have_none() {
        let source = "/// Longest [`Path`].\npub const PATH_BYTES_MAX: usize =\n    if ON { 1 } else { 2 };\n\
                      #[cfg(test)]\nmod tests {\n/// Not this.\nconst TEST_MAX: u8 = 1;\n}\n";
        assert_eq!(of(source), [told("PATH_BYTES_MAX", "if ON { 1 } else { 2 }", "Longest `Path`")]);
    }
}
