//! What is wrong with a pack, and where.

use std::fmt;

use miette::Diagnostic;
use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth a look; the pack can be in force.
    Warning,
    /// The pack cannot be in force.
    Error,
}

/// One thing that is wrong with a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// The file it stands in.
    pub file: String,
    /// Its line, from 1; 1 when it is about the whole file.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// What is wrong, in plain words.
    pub message: String,
}

impl Finding {
    /// An error about a whole file.
    pub fn error(file: &str, message: impl Into<String>) -> Self {
        Self::at(Weight::Error, file, (1, 1), message)
    }

    /// A warning about a whole file.
    pub fn warning(file: &str, message: impl Into<String>) -> Self {
        Self::at(Weight::Warning, file, (1, 1), message)
    }

    /// A finding at a line and a column.
    pub fn at(weight: Weight, file: &str, (line, column): (u32, u32), message: impl Into<String>) -> Self {
        Self { weight, file: file.to_owned(), line, column, message: message.into() }
    }

    /// What Cedar found in the text of a file.
    pub(crate) fn cedar(weight: Weight, file: &str, text: &str, error: &dyn Diagnostic) -> Self {
        let place = error.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset());
        let mut message = error.to_string();
        if let Some(help) = error.help() {
            message = format!("{message} ({help})");
        }
        Self::at(weight, file, line_and_column(text, place), message)
    }

    /// What is wrong with JSON, where the reader stopped.
    pub(crate) fn json(file: &str, error: &serde_json::Error) -> Self {
        let place = |at: usize| u32::try_from(at.max(1)).unwrap_or(u32::MAX);
        let message = error.to_string();
        // The reader says the place in the message too.
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        Self::at(Weight::Error, file, (place(error.line()), place(error.column())), message)
    }

    /// Whether the pack cannot be in force because of it.
    pub fn is_error(&self) -> bool {
        self.weight == Weight::Error
    }
}

impl fmt::Display for Finding {
    /// As compilers say it, so that editors find the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = if self.is_error() { "error" } else { "warning" };
        write!(f, "{}:{}:{}: {weight}: {}", self.file, self.line, self.column, self.message)
    }
}

/// The line and the column, both from 1, of a byte of a text.
pub(crate) fn line_and_column(text: &str, byte: usize) -> (u32, u32) {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let text = "one\ntwö x\nthree";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, text.find('x').unwrap()), (2, 5));
        assert_eq!(line_and_column(text, 7), (2, 3), "inside a character counts as its beginning");
        assert_eq!(line_and_column(text, 1_000), (3, 6));
        let finding = Finding::at(Weight::Error, "policies/a.cedar", (2, 5), "no.");
        assert_eq!(finding.to_string(), "policies/a.cedar:2:5: error: no.");
    }
}
