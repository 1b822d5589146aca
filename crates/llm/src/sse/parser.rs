//! The parser: bytes in any cut, whole events out, each with the bytes it came from.

use std::borrow::Cow;

/// Longest event that is buffered, in bytes, all its lines together; so also the longest line.
pub const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event is longer than the limit.
    #[error("an event of the stream is longer than {bytes_max} bytes")]
    EventTooLarge {
        /// The limit.
        bytes_max: usize,
    },
}

/// One block of lines up to its blank line. A block of comments alone is an event without data.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The bytes of the block as received, blank line included.
    pub raw: &'a [u8],
    /// The value of the last `event:` line; empty if there is none.
    pub name: Cow<'a, str>,
    /// The `data:` lines joined by line feeds; `None` if there is none, in which case a browser would not
    /// dispatch the event.
    pub data: Option<Cow<'a, str>>,
}

/// Incremental parser of an event stream.
///
/// Lines end in LF, CR or CRLF. An event is handed out as soon as its blank line is complete; only where the
/// lines before ended in CRLF does a final CR wait for its LF, so that the pair is never torn apart.
/// Text that is not UTF-8 is read with U+FFFD in its place; [`Event::raw`] keeps the bytes.
#[derive(Debug)]
pub struct EventStream {
    buffer: Vec<u8>,
    /// How far the buffer has been searched for the end of the event.
    searched: usize,
    line_start: usize,
    /// Whether the line before ended in CRLF.
    crlf: bool,
    started: bool,
    bytes_max: usize,
}

impl Default for EventStream {
    fn default() -> Self {
        Self::new(EVENT_BYTES_MAX)
    }
}

impl EventStream {
    /// A parser that refuses events longer than `bytes_max`.
    pub const fn new(bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), searched: 0, line_start: 0, crlf: false, started: false, bytes_max }
    }

    /// Takes the next bytes and hands every event they complete to `on_event`, until it returns an error.
    ///
    /// # Errors
    /// [`SseError`] or what `on_event` returned. The parser must not be used after an error.
    pub fn push<E: From<SseError>>(
        &mut self,
        bytes: &[u8],
        mut on_event: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.buffer.extend_from_slice(bytes);
        if !self.started && !self.skip_bom() {
            return Ok(());
        }
        let mut start = 0;
        while let Some(end) = self.find_end(start) {
            if end - start > self.bytes_max {
                return Err(SseError::EventTooLarge { bytes_max: self.bytes_max }.into());
            }
            if let Some(raw) = self.buffer.get(start..end) {
                on_event(parse_block(raw))?;
            }
            start = end;
        }
        self.buffer.drain(..start);
        self.searched -= start;
        self.line_start -= start;
        if self.buffer.len() > self.bytes_max {
            return Err(SseError::EventTooLarge { bytes_max: self.bytes_max }.into());
        }
        Ok(())
    }

    /// The event that the stream left without its blank line, if any. By the standard it is to be discarded.
    pub fn unfinished(&self) -> Option<Event<'_>> {
        (!self.buffer.is_empty()).then(|| parse_block(&self.buffer))
    }

    /// Drops a byte order mark at the start. `false` while it cannot be told yet.
    fn skip_bom(&mut self) -> bool {
        if self.buffer.len() < BOM.len() && BOM.starts_with(&self.buffer) {
            return false;
        }
        if self.buffer.starts_with(BOM) {
            self.buffer.drain(..BOM.len());
        }
        self.started = true;
        true
    }

    /// The end of the event that begins at `start`, if its blank line has arrived.
    fn find_end(&mut self, start: usize) -> Option<usize> {
        self.searched = self.searched.max(start);
        loop {
            let rest = self.buffer.get(self.searched..)?;
            let at = self.searched + memchr::memchr2(b'\n', b'\r', rest)?;
            let is_cr = self.buffer.get(at) == Some(&b'\r');
            let next = self.buffer.get(at + 1).copied();
            let blank = at == self.line_start;
            // A CR that ends a line of text may get its LF later: which of the two it is decides whether the
            // next byte opens a line. A blank line is complete at its CR unless this stream speaks CRLF.
            if is_cr && next.is_none() && (!blank || self.crlf) {
                self.searched = at;
                return None;
            }
            let pair = is_cr && next == Some(b'\n') && (!blank || self.crlf);
            let end = at + 1 + usize::from(pair);
            self.searched = end;
            self.line_start = end;
            if !blank {
                self.crlf = pair;
                continue;
            }
            // A blank line right at the start of a block closes nothing, but its bytes still have to pass.
            return Some(end);
        }
    }
}

/// Reads the fields of one block.
fn parse_block(raw: &[u8]) -> Event<'_> {
    let mut name = Cow::Borrowed("");
    let mut data: Option<Cow<'_, str>> = None;
    for line in lines(raw) {
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default()),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = String::from_utf8_lossy(value),
            b"data" => {
                let value = String::from_utf8_lossy(value);
                match &mut data {
                    None => data = Some(value),
                    Some(before) => {
                        let before = before.to_mut();
                        before.push('\n');
                        before.push_str(&value);
                    }
                }
            }
            _ => {}
        }
    }
    Event { raw, name, data }
}

/// The lines of a block without their ends; the last one may have none.
fn lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines_with_ends(raw).map(|(line, _)| line)
}

/// The lines of a block and, apart from them, their ends.
pub(super) fn lines_with_ends(raw: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, from_end) = rest.split_at_checked(at)?;
        let width = if from_end.starts_with(b"\r\n") { 2 } else { usize::from(!from_end.is_empty()) };
        let (end, after) = from_end.split_at_checked(width)?;
        rest = after;
        Some((line, end))
    })
}
