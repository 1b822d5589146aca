//! What is said about findings: where and what, never the words themselves.

use std::io::Write;

use anyhow::Result;
use pii::Match;
use serde_json::{Value, json};

use super::input::Document;

/// The findings so far.
pub(super) struct Report {
    /// Kept for one JSON object at the end; otherwise each is printed at once.
    kept: Option<Vec<Value>>,
    documents: usize,
    found: usize,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { kept: json.then(Vec::new), documents: 0, found: 0 }
    }

    /// Counts a document and what was found in it.
    pub(super) fn count(&mut self, found: usize) {
        self.documents += 1;
        self.found += found;
    }

    pub(super) fn take(
        &mut self,
        document: &Document<'_>,
        found: &[Match],
        out: &mut impl Write,
    ) -> Result<()> {
        let mut place = Place::default();
        for finding in found {
            let (line, column) = place.of(document.text, finding.range.start);
            match &mut self.kept {
                Some(kept) => kept.push(json!({
                    "file": document.name, "line": line, "column": column,
                    "start": finding.range.start, "end": finding.range.end,
                    "class": finding.class, "kind": finding.kind, "rule": finding.rule,
                    "confidence": rounded(finding.confidence), "explanation": finding.explanation(),
                })),
                None => writeln!(
                    out,
                    "{}:{line}:{column}: {} {} {:.2} {}: {}",
                    document.name,
                    finding.class,
                    finding.kind,
                    finding.confidence,
                    finding.rule,
                    finding.explanation()
                )?,
            }
        }
        Ok(())
    }

    /// Says the rest and how much was found in all.
    pub(super) fn finish(self, out: &mut impl Write) -> Result<usize> {
        if let Some(findings) = self.kept {
            let whole = json!({ "documents": self.documents, "found": self.found, "findings": findings });
            writeln!(out, "{whole:#}")?;
        }
        Ok(self.found)
    }
}

/// Two digits say all there is in a confidence.
fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 100.0).round() / 100.0
}

/// One line of JSON for a document: its findings as spans in code points.
pub(super) fn spans(document: &Document<'_>, found: &[Match], out: &mut impl Write) -> Result<()> {
    let mut points = 0;
    let mut read = 0;
    let mut point = |byte: usize| {
        // Findings come in order, and so do their ends.
        points += document.text.get(read..byte).map_or(0, |text| text.chars().count());
        read = byte;
        points
    };
    let spans: Vec<Value> = found
        .iter()
        .map(|m| json!([point(m.range.start), point(m.range.end), m.class, rounded(m.confidence)]))
        .collect();
    writeln!(out, "{}", json!({ "id": document.id, "spans": spans }))?;
    Ok(())
}

/// The text with its tokens.
pub(super) fn redacted(document: &Document<'_>, text: &str, out: &mut impl Write) -> Result<()> {
    if document.line {
        writeln!(out, "{}", json!({ "id": document.id, "text": text }))?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Lines and columns, counted from one place to the next.
#[derive(Default)]
struct Place {
    read: usize,
    lines: usize,
    line_start: usize,
}

impl Place {
    /// The line and the column, in characters, of a byte; both start at 1. Bytes must not go back.
    fn of(&mut self, text: &str, byte: usize) -> (usize, usize) {
        for (i, b) in text.as_bytes()[self.read..byte].iter().enumerate() {
            if *b == b'\n' {
                self.lines += 1;
                self.line_start = self.read + i + 1;
            }
        }
        self.read = byte;
        (self.lines + 1, text[self.line_start..byte].chars().count() + 1)
    }
}
