//! What a crate must state.

use crate::tidy::Finding;
use crate::tidy::lex::Kind;
use crate::tidy::tree::{File, Tree};

/// One `key = value` line of a manifest with the table it stands in.
struct Line<'a> {
    number: usize,
    table: &'a str,
    key: &'a str,
    value: &'a str,
}

/// The crates' manifests with the names of their folders.
fn manifests(tree: &Tree) -> impl Iterator<Item = (&str, &File)> {
    tree.files.iter().filter_map(|file| {
        let folder = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        (!folder.contains('/')).then_some((folder, file))
    })
}

/// The lines of a manifest as the house writes them: one key a line, tables in brackets. This is not a TOML parser: a
/// value that spans lines reads as its first line, which is all the rules look at.
fn lines(file: &File) -> impl Iterator<Item = Line<'_>> {
    let mut table = "";
    file.lines().filter_map(move |(number, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            table = name.0.trim();
            return Some(Line { number, table, key: "", value: "" });
        }
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some(Line { number, table, key: key.trim(), value: value.trim() })
    })
}

/// The value of a key, without quotes.
fn value<'a>(file: &'a File, table: &str, key: &str) -> Option<&'a str> {
    let line = lines(file).find(|line| line.table == table && line.key == key)?;
    Some(line.value.trim_matches('"'))
}

/// One noun, one name: the folder is the package.
pub(crate) fn name(tree: &Tree, findings: &mut Vec<Finding>) {
    for (folder, file) in manifests(tree) {
        let name = value(file, "package", "name").unwrap_or("");
        if name != folder {
            let message = format!("package `{name}` in folder `{folder}`: give both one name");
            findings.push(Finding::new(&file.path, 0, message));
        }
    }
}

/// A crate without the shared lints would be checked by nobody.
pub(crate) fn manifest(tree: &Tree, findings: &mut Vec<Finding>) {
    const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];
    for (_, file) in manifests(tree) {
        if value(file, "package", "description").is_none_or(str::is_empty) {
            let message = "no description: say in one line what the crate is for";
            findings.push(Finding::new(&file.path, 0, message));
        }
        if value(file, "lints", "workspace") != Some("true") {
            let message = "the shared lints are not in force: add `[lints]` with `workspace = true`";
            findings.push(Finding::new(&file.path, 0, message));
        }
        for key in INHERITED {
            if value(file, "package", &format!("{key}.workspace")) != Some("true") {
                let message = format!("`{key}` is not the workspace's: write `{key}.workspace = true`");
                findings.push(Finding::new(&file.path, 0, message));
            }
        }
    }
}

/// The dependencies a manifest names, with their lines; those for builds are left out, a build script may be tiny.
fn dependencies(file: &File) -> Vec<(usize, &str)> {
    const TABLES: &[&str] = &["dependencies", "dev-dependencies"];
    let mut found = Vec::new();
    for line in lines(file) {
        // `[target.'cfg(unix)'.dependencies]` is a dependency table too.
        let last = line.table.rsplit('.').next().unwrap_or(line.table);
        let own = line.table.split_once('.').filter(|(table, _)| TABLES.contains(table));
        match own {
            Some((_, name)) if line.key.is_empty() => found.push((line.number, name)),
            None if TABLES.contains(&last) && !line.key.is_empty() => {
                found.push((line.number, line.key.split('.').next().unwrap_or(line.key).trim_matches('"')));
            }
            _ => {}
        }
    }
    found
}

/// A dependency must be named somewhere in the crate's code.
pub(crate) fn unused(tree: &Tree, findings: &mut Vec<Finding>) {
    for (folder, file) in manifests(tree) {
        let code: Vec<&File> = tree.rust().filter(|file| file.in_crate(folder)).collect();
        for (line, name) in dependencies(file) {
            let ident = name.replace('-', "_");
            let used = code
                .iter()
                .any(|file| file.tokens.iter().any(|t| t.kind == Kind::Ident && file.token_text(t) == ident));
            if !used {
                let message = format!(
                    "no code of this crate names `{ident}`: remove the dependency, or say in the exceptions \
                     which feature of another crate it switches on"
                );
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
}
