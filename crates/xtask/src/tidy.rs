//! The lints rustc and clippy cannot do: what a file may say, where SQL may stand, what a crate must state.
//!
//! A rule is one function and one test. To add one: write the function in `tidy/rules/`, give it a line in
//! [`rules::RULES`], and a test that trips it.

mod exceptions;
mod lex;
mod rules;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;

use anyhow::{Result, bail};

use exceptions::{EXCEPTIONS, Exception};
use rules::{RULES, Rule};
use tree::Tree;

/// Something to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path from the repository root.
    path: String,
    /// Line from 1; 0 when the whole file is meant.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

/// Runs every rule over the repository and prints what to change, then the proportions of the files.
///
/// # Errors
/// When a rule found something that no exception covers, or an exception covers nothing any more.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let findings = judge(&tree, RULES, EXCEPTIONS);
    for (rule, finding) in &findings {
        if finding.line == 0 {
            eprintln!("{}: [{rule}] {}", finding.path, finding.message);
        } else {
            eprintln!("{}:{}: [{rule}] {}", finding.path, finding.line, finding.message);
        }
    }
    println!("tidy: {}", proportions(&tree.lengths()));
    if !findings.is_empty() {
        bail!("{} finding(s); `cargo xtask tidy --list` says what each rule is for", findings.len());
    }
    Ok(())
}

/// Prints every rule with its purpose, and the exceptions in force.
pub(crate) fn list() {
    for rule in RULES {
        println!("{:<14} {}", rule.name, rule.purpose);
    }
    for exception in EXCEPTIONS {
        println!("except {} in {}: {}", exception.rule, exception.path, exception.reason);
    }
}

/// All findings with the name of their rule, in the order of the rules.
fn judge(tree: &Tree, rules: &[Rule], exceptions: &[Exception]) -> Vec<(&'static str, Finding)> {
    let mut used = vec![false; exceptions.len()];
    let mut all = Vec::new();
    for rule in rules {
        let mut findings = Vec::new();
        (rule.check)(tree, &mut findings);
        for finding in findings {
            match exceptions.iter().position(|e| e.rule == rule.name && e.path == finding.path) {
                Some(at) => used[at] = true,
                None => all.push((rule.name, finding)),
            }
        }
    }
    for (exception, _) in exceptions.iter().zip(used).filter(|(_, used)| !used) {
        let message = format!(
            "the exception from `{}` is no longer needed: remove it from crates/xtask/src/tidy/exceptions.rs, \
             the list may only shrink",
            exception.rule
        );
        all.push(("exceptions", Finding::new(exception.path, 0, message)));
    }
    all
}

/// One line about file lengths; `lengths` is sorted.
fn proportions(lengths: &[usize]) -> String {
    let at =
        |percent: usize| lengths.get((lengths.len() * percent / 100).min(lengths.len().saturating_sub(1)));
    let (Some(median), Some(p90), Some(longest)) = (at(50), at(90), lengths.last()) else {
        return "no Rust files".to_owned();
    };
    let lines: usize = lengths.iter().sum();
    format!(
        "{} Rust files, {lines} lines; median {median}, 90th percentile {p90}, longest {longest} lines",
        lengths.len()
    )
}
