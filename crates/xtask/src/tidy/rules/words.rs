//! Words that must not stand in the repository.

use crate::tidy::Finding;
use crate::tidy::lex::Kind;
use crate::tidy::tree::{File, Tree};

/// Marks of unfinished work. They count when they stand alone: upper case, nothing glued to them.
const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// A word with why it is refused. It is written in two pieces so that this list does not find itself.
struct Word(&'static str, &'static str, Where, &'static str);

/// Where a word counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// As the beginning of a path, not inside one.
    PathStart,
    /// Anywhere, upper or lower case.
    Anywhere,
}

const MACHINE: &str = "a path of one machine: use a relative path, or one from the configuration";
const REGISTRY: &str = "the host of a package registry: name the package, its client knows where to look";

const WORDS: &[Word] = &[
    Word("/ro", "ot/", Where::PathStart, MACHINE),
    Word("/ho", "me/", Where::PathStart, MACHINE),
    Word("/wo", "rk/", Where::PathStart, MACHINE),
    Word("crates", ".io", Where::Anywhere, REGISTRY),
    Word("pypi", ".org", Where::Anywhere, REGISTRY),
    Word("registry.npmjs", ".org", Where::Anywhere, REGISTRY),
    Word("files.pythonhosted", ".org", Where::Anywhere, REGISTRY),
    Word("deb.debian", ".org", Where::Anywhere, REGISTRY),
];

/// Unfinished work is written down where somebody plans it.
pub(crate) fn unfinished(tree: &Tree, findings: &mut Vec<Finding>) {
    let mut report = |file: &File, line: usize, text: &str| {
        if let Some(mark) = MARKS.iter().find(|mark| stands_alone(text, mark)) {
            let message = format!("`{mark}`: finish it, or open an issue and remove the mark");
            findings.push(Finding::new(&file.path, line, message));
        }
    };
    for file in tree.files.iter().filter(|file| !file.is_foreign()) {
        if file.is_rust() {
            // In Rust only comments speak to people; a string may well hold such a word as data.
            for token in file.tokens.iter().filter(|token| token.kind == Kind::Comment) {
                for (at, line) in file.token_text(token).lines().enumerate() {
                    report(file, token.line + at, line);
                }
            }
        } else {
            for (number, line) in file.lines() {
                report(file, number, line);
            }
        }
    }
}

/// Whether `mark` occurs as a word; `XXX-XX-1234` and `mark_it` are other words.
fn stands_alone(text: &str, mark: &str) -> bool {
    let glued = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '`' | '"' | '\'');
    text.match_indices(mark)
        .any(|(at, _)| !text[..at].ends_with(glued) && !text[at + mark.len()..].starts_with(glued))
}

/// What is true on one machine, or in one place, only.
pub(crate) fn forbidden(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.files.iter().filter(|file| !file.is_foreign()) {
        for (number, line) in file.lines() {
            let lower = line.to_ascii_lowercase();
            for Word(head, tail, place, why) in WORDS {
                let word = format!("{head}{tail}");
                let found = match place {
                    Where::Anywhere => lower.contains(&word),
                    Where::PathStart => starts_a_path(line, &word),
                };
                if found {
                    findings.push(Finding::new(&file.path, number, format!("`{word}` is {why}")));
                }
            }
        }
    }
}

/// Whether `word` occurs and is not the middle of a longer path.
fn starts_a_path(line: &str, word: &str) -> bool {
    let longer = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | '$' | '~');
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(longer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_only_when_it_stands_alone() {
        for text in ["// TODO: later", "TODO", "(FIXME)", "# XXX.", "x TODO(name) y"] {
            assert!(MARKS.iter().any(|mark| stands_alone(text, mark)), "{text}");
        }
        for text in ["XXX-XX-1234", "TODOS", "todo", "A_HACK", "HACKER", "the word `TODO`"] {
            assert!(!MARKS.iter().any(|mark| stands_alone(text, mark)), "{text}");
        }
    }

    #[test]
    fn every_forbidden_word_is_found() {
        for Word(head, tail, ..) in WORDS {
            let mut findings = Vec::new();
            forbidden(&Tree::of(&[("a.md", &format!("one\nsee {head}{tail}x"))]), &mut findings);
            assert_eq!(findings.len(), 1, "{head}{tail}");
            assert_eq!(findings[0].line, 2);
        }
    }

    #[test]
    fn the_middle_of_a_path_is_not_a_machine() {
        let home = format!("{}{}", "/ho", "me/");
        for line in ["example.com", "$DIR", "~", "..", "a"] {
            assert!(!starts_a_path(&format!("{line}{home}x"), &home), "{line}");
        }
        for line in ["", "see ", "\"", "path=", "(", "file://"] {
            assert!(starts_a_path(&format!("{line}{home}x"), &home), "{line}");
        }
    }
}
