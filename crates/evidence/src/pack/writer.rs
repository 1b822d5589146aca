//! The archive, written as a stream: no times but the oldest the format knows, no owners, one order.

use std::io::{self, Write};

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{EVENTS_CSV, EVENTS_JSONL, FileLine, MANIFEST, OUTPUTS, SIGNATURE, TOKEN};
use crate::digest::Running;
use crate::lines::{CSV_HEADER, Line, OUTPUTS_HEAD, OUTPUTS_TAIL};
use crate::survey::Selection;

/// Speed before size: entries repeat themselves so much that the fastest level already takes nine tenths off.
const DEFLATE_LEVEL: i64 = 1;

/// A file that follows from the entries and is written while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// `events.jsonl`.
    Jsonl,
    /// `events.csv`.
    Csv,
    /// `outputs.json`.
    Outputs,
}

impl Stream {
    /// All of them, in the order of the archive.
    pub const ALL: [Self; 3] = [Self::Jsonl, Self::Csv, Self::Outputs];

    const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => EVENTS_JSONL,
            Self::Csv => EVENTS_CSV,
            Self::Outputs => OUTPUTS,
        }
    }

    const fn head(self) -> &'static str {
        match self {
            Self::Jsonl => "",
            Self::Csv => CSV_HEADER,
            Self::Outputs => OUTPUTS_HEAD,
        }
    }

    const fn tail(self) -> &'static str {
        match self {
            Self::Jsonl | Self::Csv => "",
            Self::Outputs => OUTPUTS_TAIL,
        }
    }
}

/// The archive could not be written. What was written of it has no directory, so it does not look whole.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The archive.
    #[error(transparent)]
    Zip(#[from] zip::result::ZipError),
    /// Where it is written to.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An entry.
    #[error(transparent)]
    Unreadable(#[from] crate::survey::Unreadable),
    /// An entry came while no streamed file was open, or a file while one was.
    #[error("the files of a pack were written out of order")]
    Order,
}

/// Writes an archive. Holds one entry and the names of the files, whatever their size.
pub struct PackWriter<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    files: Vec<FileLine>,
    open: Option<(Stream, Running, Selection, bool)>,
    buffer: Vec<u8>,
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(DEFLATE_LEVEL))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

impl<W: Write> PackWriter<W> {
    /// Begins an archive.
    pub fn new(out: W) -> Self {
        Self { zip: ZipWriter::new_stream(out), files: Vec::new(), open: None, buffer: Vec::new() }
    }

    /// Begins a streamed file of the entries that `selection` holds.
    ///
    /// # Errors
    /// When another one is open, or it cannot be written.
    pub fn begin(&mut self, stream: Stream, selection: Selection) -> Result<(), WriteError> {
        if self.open.is_some() {
            return Err(WriteError::Order);
        }
        self.zip.start_file(stream.name(), options())?;
        let mut hash = Running::new();
        hash.update(stream.head().as_bytes());
        self.zip.write_all(stream.head().as_bytes())?;
        self.open = Some((stream, hash, selection, true));
        Ok(())
    }

    /// Takes the entry at `index` into the streamed file, when it belongs there.
    ///
    /// # Errors
    /// When no streamed file is open, the bytes are no entry, or it cannot be written.
    pub fn push(&mut self, index: u64, leaf: &[u8]) -> Result<(), WriteError> {
        let Some((stream, hash, selection, first)) = &mut self.open else { return Err(WriteError::Order) };
        let line = Line::read(index, leaf).map_err(|error| crate::survey::Unreadable { index, error })?;
        if !selection.has(line.view.kind) {
            return Ok(());
        }
        self.buffer.clear();
        match stream {
            Stream::Jsonl => line.jsonl(&mut self.buffer),
            Stream::Csv => line.csv(&mut self.buffer),
            Stream::Outputs => line.output(&mut self.buffer, *first),
        }
        *first &= !line.is_output();
        hash.update(&self.buffer);
        self.zip.write_all(&self.buffer)?;
        Ok(())
    }

    /// Ends the streamed file.
    ///
    /// # Errors
    /// When none is open, or it cannot be written.
    pub fn end(&mut self) -> Result<(), WriteError> {
        let (stream, mut hash, ..) = self.open.take().ok_or(WriteError::Order)?;
        hash.update(stream.tail().as_bytes());
        self.zip.write_all(stream.tail().as_bytes())?;
        let (bytes, sha256) = hash.finish();
        self.files.push(FileLine { name: stream.name().to_owned(), bytes, sha256 });
        Ok(())
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// When a streamed file is open, or it cannot be written.
    pub fn file(&mut self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        self.put(name, content)?;
        self.files.push(FileLine::of(name, content));
        Ok(())
    }

    fn put(&mut self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        if self.open.is_some() {
            return Err(WriteError::Order);
        }
        self.zip.start_file(name, options())?;
        Ok(self.zip.write_all(content)?)
    }

    /// The files so far, for the manifest.
    pub fn files(&self) -> Vec<FileLine> {
        self.files.clone()
    }

    /// Writes the manifest, its signature and, where the manifest says that there is one, the answer of the time-stamping
    /// authority, and ends the archive.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, manifest: &[u8], jws: &str, token: Option<&[u8]>) -> Result<W, WriteError> {
        self.put(MANIFEST, manifest)?;
        self.put(SIGNATURE, jws.as_bytes())?;
        if let Some(token) = token {
            self.put(TOKEN, token)?;
        }
        Ok(self.zip.finish()?.into_inner())
    }
}
