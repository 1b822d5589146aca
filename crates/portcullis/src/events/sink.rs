//! Where events go: standard output, or a file that is only ever added to, in whole lines.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use audit_log::Format;
use audit_log::formats::index_of;

/// Longest line looked for at the end of a file, in bytes: longer than the longest event in any format.
const LINE_BYTES_MAX: u64 = 1_048_576;

/// Where events go.
pub(super) enum Sink {
    /// Standard output; whether something was written.
    Out(bool),
    /// A file; whether something stands in it.
    File(File, bool),
}

impl Sink {
    /// Opens the file, cuts off a line that was not finished, and says which event stands last in it.
    ///
    /// # Errors
    /// When it cannot be used, or holds something else than events in this format.
    pub(super) fn open(path: Option<&Path>, format: Format) -> Result<(Self, Option<u64>)> {
        let Some(path) = path else { return Ok((Self::Out(false), None)) };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let end =
            last_lines(&mut file, format).with_context(|| format!("cannot go on with {}", path.display()))?;
        file.set_len(end.length).with_context(|| format!("cannot cut {}", path.display()))?;
        file.seek(SeekFrom::End(0))?;
        Ok((Self::File(file, end.length > 0), end.index))
    }

    /// Whether something stands there already.
    pub(super) fn has_begun(&self) -> bool {
        match self {
            Self::Out(begun) | Self::File(_, begun) => *begun,
        }
    }

    /// Returns when what was written to a file is on the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        match self {
            Self::Out(_) => Ok(()),
            Self::File(file, _) => file.sync_all(),
        }
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// When they cannot be written: the disk is full, or nobody reads any more.
    pub(super) fn write(&mut self, lines: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Out(begun) => {
                *begun = true;
                let mut out = std::io::stdout().lock();
                out.write_all(lines)?;
                out.flush()
            }
            Self::File(file, begun) => {
                *begun = true;
                file.write_all(lines)
            }
        }
    }
}

/// Where a file ends.
struct End {
    /// Bytes up to the end of the last whole line.
    length: u64,
    /// The event in that line; `None` for an empty file, and for one that holds a table's head alone.
    index: Option<u64>,
}

fn last_lines(file: &mut File, format: Format) -> Result<End> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
        // One line that was not finished, or something else.
        let head = format.head().unwrap_or("{");
        let begins = tail.iter().zip(head.as_bytes()).all(|(is, should)| is == should);
        if from == 0 && (begins || tail.starts_with(b"CEF:0|")) {
            return Ok(End { length: 0, index: None });
        }
        bail!("it holds no lines of the format {format}");
    };
    let start = tail[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let line = String::from_utf8_lossy(&tail[start..end]);
    let index = index_of(format, &line);
    if index.is_none() && format.head() != Some(line.trim_end()) {
        bail!("its last line is no event in the format {format}");
    }
    Ok(End { length: from + end as u64 + 1, index })
}

/// Gathers pieces to whole lines.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Adds a piece, and gives the whole lines there are now.
    pub(super) fn add(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        let end = piece.iter().rposition(|byte| *byte == b'\n');
        let Some(end) = end else {
            self.0.extend_from_slice(piece);
            return None;
        };
        let (whole, rest) = piece.split_at(end + 1);
        self.0.extend_from_slice(whole);
        Some(std::mem::replace(&mut self.0, rest.to_vec()))
    }

    /// Whether no begun line is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
