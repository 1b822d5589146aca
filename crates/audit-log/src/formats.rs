//! Entries as people's tools and security monitors take them: JSON Lines, CSV, OCSF 1.6.0, CEF.
//!
//! One event is one line, whatever it holds, and every line names its index in the log: so that a file can be followed,
//! cut and continued at any line ([`index_of`]). Only JSON Lines carries the entry byte for byte; the others are views of
//! it, which name the hash of its leaf so that the entry they were made of can be found and proven.

mod cef;
mod csv;
mod jsonl;
mod ocsf;
pub mod syslog;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use kernel::{EventKind, Severity};

use crate::entry::{EntryError, EntryView, Outcome};
use crate::hash::{Hash, leaf_hash};
use crate::personal::Shown;

/// Vendor and name of the product, where a format asks for them.
const PRODUCT: &str = "Portcullis";

/// A row of CSV (RFC 4180) with the end of its line, for tables of other things than events: nothing that a spreadsheet
/// would run, nothing that ends a line early.
pub fn csv_row(cells: &[&str]) -> String {
    csv::row(cells)
}

/// A format of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub enum Format {
    /// One JSON object a line, with the entry byte for byte.
    Jsonl,
    /// A table for people (RFC 4180), safe to open in a spreadsheet.
    Csv,
    /// Open Cybersecurity Schema Framework 1.6.0, one JSON object a line.
    Ocsf,
    /// Common Event Format, version 0.
    Cef,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Jsonl, Self::Csv, Self::Ocsf, Self::Cef];

    /// Its name, which is also the usual ending of a file that holds it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl | Self::Ocsf => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Cef => "text/plain; charset=utf-8",
        }
    }

    /// The line that comes before all others, without its end; only a table has one.
    pub const fn head(self) -> Option<&'static str> {
        match self {
            Self::Csv => Some(csv::HEAD),
            Self::Jsonl | Self::Ocsf | Self::Cef => None,
        }
    }

    /// What ends a line: CRLF in CSV (RFC 4180), a line feed elsewhere.
    pub const fn line_end(self) -> &'static str {
        match self {
            Self::Csv => "\r\n",
            Self::Jsonl | Self::Ocsf | Self::Cef => "\n",
        }
    }
}

/// There is no format of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the formats are jsonl, csv, ocsf and cef")]
pub struct ParseFormatError;

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|format| format.name() == text).ok_or(ParseFormatError)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An entry with its place in the log.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// Its index in the log.
    pub index: u64,
    /// The hash of its leaf.
    pub leaf_hash: Hash,
    /// The bytes that were hashed.
    pub leaf: &'a [u8],
    /// The entry. Its data holds what is shown of personal values, where [`Event::shown`] was told.
    pub entry: EntryView<'a>,
    /// What is shown of personal values, as an object; `None` when nothing was told, or there is none.
    pub personal: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// Reads the leaf that stands at `index`.
    ///
    /// # Errors
    /// When it is no entry.
    pub fn read(index: u64, leaf: &'a [u8]) -> Result<Self, EntryError> {
        Ok(Self { index, leaf_hash: leaf_hash(leaf), leaf, entry: EntryView::parse(leaf)?, personal: None })
    }

    /// The same, with values in the place of their commitments.
    #[must_use]
    pub fn shown(mut self, shown: Option<&'a Shown>) -> Self {
        if let Some(shown) = shown {
            self.entry.data = &shown.data;
            self.personal = Some(&shown.personal);
        }
        self
    }

    /// Its kind; `None` for one that a newer version wrote.
    pub fn kind(&self) -> Option<EventKind> {
        self.entry.kind.parse().ok()
    }

    /// How much it matters: as its kind says, and at least a little when it was refused or failed. `None` when its kind is
    /// not known.
    pub fn severity(&self) -> Option<Severity> {
        let severity = self.kind()?.severity();
        let undone = matches!(self.entry.outcome, Outcome::Refused | Outcome::Failed);
        Some(if undone { severity.max(Severity::Low) } else { severity })
    }

    /// What happened, in a sentence.
    fn says(&self) -> &'static str {
        self.kind().map_or("An event of a kind that this version does not know.", EventKind::says)
    }
}

/// Writes events of one log in one format.
#[derive(Debug, Clone)]
pub struct Writer {
    format: Format,
    log: String,
    version: String,
}

impl Writer {
    /// `log` is the log's origin, `version` the product's.
    pub fn new(format: Format, log: impl Into<String>, version: impl Into<String>) -> Self {
        Self { format, log: log.into(), version: version.into() }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The event as one line, without its end.
    ///
    /// # Errors
    /// When the entry's `data` is no canonical JSON, which a leaf that was read cannot have.
    pub fn line(&self, event: &Event<'_>) -> Result<String, EntryError> {
        match self.format {
            Format::Jsonl => Ok(jsonl::line(event)),
            Format::Csv => Ok(csv::line(event)),
            Format::Ocsf => ocsf::line(event, &self.log, &self.version),
            Format::Cef => Ok(cef::line(event, &self.log, &self.version)),
        }
    }

    /// Appends the head, where the format has one.
    pub fn put_head(&self, out: &mut Vec<u8>) {
        if let Some(head) = self.format.head() {
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(self.format.line_end().as_bytes());
        }
    }

    /// Appends the event with its line's end.
    ///
    /// # Errors
    /// See [`Writer::line`].
    pub fn put(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EntryError> {
        out.extend_from_slice(self.line(event)?.as_bytes());
        out.extend_from_slice(self.format.line_end().as_bytes());
        Ok(())
    }
}

/// Events could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A leaf is no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The place they go to.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes leaves, each with its index, with the head before them. Says how many there were.
///
/// # Errors
/// When a leaf is no entry, or `out` fails; what came before is written.
pub fn write_all<L: AsRef<[u8]>>(
    writer: &Writer,
    leaves: impl IntoIterator<Item = (u64, L)>,
    out: &mut impl Write,
) -> Result<u64, WriteError> {
    let mut line = Vec::new();
    writer.put_head(&mut line);
    out.write_all(&line)?;
    let mut count = 0;
    for (index, leaf) in leaves {
        line.clear();
        writer.put(&Event::read(index, leaf.as_ref())?, &mut line)?;
        out.write_all(&line)?;
        count += 1;
    }
    Ok(count)
}

/// The index of the event that stands in a line; `None` for a head, and for what is no whole line of the format.
pub fn index_of(format: Format, line: &str) -> Option<u64> {
    let line = line.trim_end_matches(['\r', '\n']);
    match format {
        Format::Jsonl => jsonl::index_of(line),
        Format::Csv => csv::index_of(line),
        Format::Ocsf => ocsf::index_of(line),
        Format::Cef => cef::index_of(line),
    }
}

#[cfg(test)]
mod tests;
