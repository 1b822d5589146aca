//! The files the rules look at: what git knows of the working tree, read once.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::lex::{self, Token};
use crate::process;

/// Larger files are data, not text somebody wrote.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Folders that hold other people's files: kept as they came, so no rule on wording looks inside.
const FOREIGN_FOLDERS: &[&str] = &["testdata", "vendor", "vectors"];

/// Generated files that quote other people.
const FOREIGN_FILES: &[&str] = &["Cargo.lock", "LICENSE", "THIRD-PARTY-NOTICES.md", "package-lock.json"];

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Path from the repository root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Tokens of a Rust file; empty for all others.
    pub(crate) tokens: Vec<Token>,
    /// Lines of a Rust file that are compiled for tests only.
    test_lines: Vec<RangeInclusive<usize>>,
}

impl File {
    fn new(path: String, text: String) -> Self {
        let tokens = if extension(&path) == "rs" { lex::lex(&text) } else { Vec::new() };
        let test_lines = lex::test_lines(&text, &tokens);
        Self { path, text, tokens, test_lines }
    }

    pub(crate) fn extension(&self) -> &str {
        extension(&self.path)
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// The file's name without its folders.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path of the folder the file lies in; empty at the root.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether the whole file is there for tests only.
    pub(crate) fn is_test_file(&self) -> bool {
        let folders = self.folder();
        self.name() == "tests.rs"
            || folders.split('/').any(|part| matches!(part, "tests" | "benches"))
            || self.in_crate("testkit")
            || self.in_crate("benches")
    }

    /// Whether a line is test code.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.is_test_file() || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Whether the file belongs to the crate of this name.
    pub(crate) fn in_crate(&self, name: &str) -> bool {
        crate_of(&self.path) == Some(name)
    }

    /// Whether the file is other people's and only kept here.
    pub(crate) fn is_foreign(&self) -> bool {
        self.folder().split('/').any(|part| FOREIGN_FOLDERS.contains(&part))
            || FOREIGN_FILES.contains(&self.name())
    }

    pub(crate) fn token_text(&self, token: &Token) -> &str {
        &self.text[token.span.clone()]
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }
}

/// The crate a path lies in, if any.
pub(crate) fn crate_of(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.split_once('/').map(|(name, _)| name)
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// All files of the repository.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The text files, sorted by path.
    pub(crate) files: Vec<File>,
    /// Every path, of files that are not text too.
    paths: BTreeSet<String>,
}

impl Tree {
    /// Reads what git tracks and what it would track next: ignored files are not looked at.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut list = Command::new("git");
        // A clone may belong to another user than the one who checks it; its code runs here already.
        list.current_dir(root).args(["-c", "safe.directory=*"]);
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let list = process::output(&mut list).context("tidy reads the list of files from git")?;
        let mut files = Vec::new();
        let mut paths = BTreeSet::new();
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let full = root.join(path);
            // A file deleted but not yet staged is listed; a link is not followed out of the tree.
            let Ok(about) = fs::symlink_metadata(&full) else { continue };
            paths.insert(path.to_owned());
            if about.is_file() && about.len() <= FILE_BYTES_MAX {
                let bytes = fs::read(&full).with_context(|| format!("could not read {path}"))?;
                if let Ok(text) = String::from_utf8(bytes) {
                    files.push((path.to_owned(), text));
                }
            }
        }
        Ok(Self::new(files, paths))
    }

    fn new(files: Vec<(String, String)>, paths: BTreeSet<String>) -> Self {
        let mut files: Vec<File> = files.into_iter().map(|(path, text)| File::new(path, text)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files, paths }
    }

    /// A tree made of these files; for tests of the rules.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let own = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self::new(own, files.iter().map(|(path, _)| (*path).to_owned()).collect())
    }

    /// The file at this path.
    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|at| &self.files[at])
    }

    /// Whether a file or a folder lies at this path; the root is the empty path.
    pub(crate) fn has(&self, path: &str) -> bool {
        if path.is_empty() || self.paths.contains(path) {
            return true;
        }
        let folder = format!("{path}/");
        self.paths.range(folder.clone()..).next().is_some_and(|next| next.starts_with(&folder))
    }

    /// Our own Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust() && !file.is_foreign())
    }

    /// Lengths of our own Rust files in lines, shortest first.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        let mut lengths: Vec<usize> = self.rust().map(|file| file.text.lines().count()).collect();
        lengths.sort_unstable();
        lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_and_found_and_folders_exist() {
        let tree = Tree::of(&[("src/b.rs", ""), ("a.md", "x"), ("src-old/c.rs", "")]);
        assert_eq!(tree.get("a.md").unwrap().text, "x");
        assert!(tree.get("src").is_none());
        assert!(tree.has("src") && tree.has("src/b.rs") && tree.has(""));
        assert!(!tree.has("sr") && !tree.has("src/b") && !tree.has("old"));
    }

    #[test]
    fn test_code_is_known_by_its_place() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", text),
            ("crates/a/src/x/tests.rs", ""),
            ("crates/a/tests/it/main.rs", ""),
            ("crates/testkit/src/lib.rs", ""),
            ("crates/latests/src/lib.rs", ""),
        ]);
        let file = |path| tree.get(path).unwrap();
        let lib = file("crates/a/src/lib.rs");
        assert_eq!([1, 2, 3, 4, 5].map(|line| lib.is_test_line(line)), [false, true, true, true, false]);
        assert!(file("crates/a/src/x/tests.rs").is_test_line(1));
        assert!(file("crates/a/tests/it/main.rs").is_test_line(1));
        assert!(file("crates/testkit/src/lib.rs").is_test_line(1));
        assert!(!file("crates/latests/src/lib.rs").is_test_line(1));
    }

    #[test]
    fn names_folders_and_crates_are_told_apart() {
        let tree = Tree::of(&[("crates/a/testdata/x.json", ""), ("Makefile", ""), (".gitignore", "")]);
        let file = |path| tree.get(path).unwrap();
        assert!(file("crates/a/testdata/x.json").is_foreign());
        assert!(file("crates/a/testdata/x.json").in_crate("a"));
        assert_eq!(file("Makefile").extension(), "");
        assert_eq!(file("Makefile").folder(), "");
        assert!(!file("Makefile").in_crate("a"));
    }
}
