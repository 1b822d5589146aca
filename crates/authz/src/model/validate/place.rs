//! Finds the place of a problem in a text, as OpenFGA's tools do: the line that defines it, and the word in the line.

use crate::problem::{Fault, Problem, Span};

/// The lines of a text.
pub(crate) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self(text.split('\n').collect())
    }

    /// The first line that begins with the words and goes on as it must.
    fn find(&self, words: &str, from: Option<usize>, goes_on: impl Fn(&str) -> bool) -> Option<usize> {
        let from = from.unwrap_or(0);
        self.0.iter().enumerate().skip(from).find_map(|(n, line)| {
            let mut squeezed = String::with_capacity(line.len());
            for c in line.trim().chars() {
                if !(c == ' ' && squeezed.ends_with(' ')) {
                    squeezed.push(c);
                }
            }
            squeezed.strip_prefix(words).is_some_and(&goes_on).then_some(n)
        })
    }

    pub(crate) fn type_line(&self, name: &str, extends: bool) -> Option<usize> {
        let words = format!("{}type {name}", if extends { "extend " } else { "" });
        self.find(&words, None, ends_or_comment)
    }

    pub(crate) fn relation_line(&self, name: &str, from: Option<usize>) -> Option<usize> {
        self.find(&format!("define {name}"), from, |rest| rest.trim_start().starts_with(':'))
    }

    pub(crate) fn condition_line(&self, name: &str) -> Option<usize> {
        self.find(&format!("condition {name}"), None, |rest| rest.trim_start().starts_with('('))
    }

    pub(super) fn schema(&self, version: &str) -> usize {
        self.find(&format!("schema {version}"), None, ends_or_comment).unwrap_or(0)
    }

    /// The line a problem is about; with `extended`, in a file that may extend the type that another one defines.
    pub(crate) fn line_of(&self, problem: &Problem, extended: bool) -> Option<usize> {
        let type_line = || {
            let name = problem.type_name.as_deref()?;
            self.type_line(name, false).or_else(|| if extended { self.type_line(name, true) } else { None })
        };
        match problem.fault {
            Fault::ConditionNotUsed => self.condition_line(&problem.symbol),
            _ => match &problem.relation {
                Some(relation) => self.relation_line(relation, type_line()),
                None => type_line(),
            },
        }
    }

    /// Gives a problem its place in the line.
    pub(crate) fn place(&self, problem: Problem, line: usize) -> Problem {
        let Some(text) = self.0.get(line) else { return problem };
        let begin = match problem.fault {
            Fault::InvalidType => in_definition(text, &problem.symbol),
            Fault::TuplesetNotDirect => after_from(text, &problem.symbol),
            _ => word(text, &problem.symbol).unwrap_or(0),
        };
        let start = text.get(..begin).unwrap_or_default().chars().count();
        let end = start + problem.symbol.chars().count();
        problem.at(line, Span { start, end })
    }
}

/// Gives a problem of a model of several modules its place in its file.
pub(crate) fn resolve(problem: Problem, text: Option<&str>) -> Problem {
    let Some(text) = text.filter(|_| problem.module.is_some() && !problem.symbol.is_empty()) else {
        return problem;
    };
    let lines = Lines::of(text);
    match lines.line_of(&problem, true) {
        Some(line) => lines.place(problem, line),
        None => problem,
    }
}

fn ends_or_comment(rest: &str) -> bool {
    rest.is_empty() || (rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with('#'))
}

/// Where a word stands: not as a part of a longer one.
fn word(text: &str, symbol: &str) -> Option<usize> {
    let symbol = symbol.strip_suffix(":*").unwrap_or(symbol);
    if symbol.is_empty() {
        return None;
    }
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(symbol).map(|(at, _)| at).find(|at| {
        let (before, after) = (text[..*at].chars().next_back(), text[at + symbol.len()..].chars().next());
        is_word(before) != is_word(symbol.chars().next())
            && is_word(symbol.chars().next_back()) != is_word(after)
    })
}

/// A type is marked where it is used, not where a relation has its name.
fn in_definition(text: &str, symbol: &str) -> usize {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    match parts.next().and_then(|part| word(part, symbol)) {
        Some(at) => name.len() + 1 + at,
        None => name.len(),
    }
}

fn after_from(text: &str, symbol: &str) -> usize {
    let from = text.find("from").map_or(0, |at| at + "from".len());
    text[from..].find(symbol).map_or(from, |at| from + at)
}
