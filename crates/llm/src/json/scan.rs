//! The validator: one pass, an explicit stack instead of recursion.

use std::borrow::Cow;

use super::text::decode;
use super::{DEPTH_MAX, DuplicateKeys, JsonError, JsonErrorKind, Kind, Limits, Node};

/// Objects up to this size compare their keys pairwise; larger ones sort them.
const PAIRWISE_KEYS_MAX: usize = 12;
/// A guess of how many bytes of a typical body one value takes; sizes the first allocation only.
const BYTES_PER_NODE: usize = 24;
/// The first allocation is never larger than this many values.
const NODES_FIRST_MAX: usize = 4096;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<u32>,
    limits: Limits,
}

/// What reading the start of a value led to.
enum Step {
    /// The value is complete.
    Done,
    /// A container was opened and its first member is next.
    Opened,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, limits: Limits) -> Self {
        let guess = (text.len() / BYTES_PER_NODE + 8).min(NODES_FIRST_MAX);
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            nodes: Vec::with_capacity(guess),
            open: Vec::with_capacity(16),
            limits: Limits { depth_max: limits.depth_max.min(DEPTH_MAX), ..limits },
        }
    }

    pub(super) fn run(mut self) -> Result<Vec<Node>, JsonError> {
        self.skip_whitespace();
        loop {
            if matches!(self.begin_value()?, Step::Opened) {
                continue;
            }
            if !self.after_value()? {
                break;
            }
        }
        self.skip_whitespace();
        if self.at < self.bytes.len() {
            return Err(self.fail(JsonErrorKind::TrailingText));
        }
        Ok(self.nodes)
    }

    /// Closes what ends here. `true` when another value follows, `false` when the root is complete.
    fn after_value(&mut self) -> Result<bool, JsonError> {
        while let Some(&container) = self.open.last() {
            let is_object = self.kind_of(container) == Kind::Object;
            self.skip_whitespace();
            match (self.peek(), is_object) {
                (Some(b','), _) => {
                    self.at += 1;
                    self.skip_whitespace();
                    if is_object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => self.close(container)?,
                _ => return Err(self.unexpected()),
            }
        }
        Ok(false)
    }

    fn begin_value(&mut self) -> Result<Step, JsonError> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => return self.begin_container(Kind::Object, b'}'),
            Some(b'[') => return self.begin_container(Kind::Array, b']'),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true", Kind::Bool)?,
            Some(b'f') => self.literal(b"false", Kind::Bool)?,
            Some(b'n') => self.literal(b"null", Kind::Null)?,
            _ => return Err(self.unexpected()),
        }
        Ok(Step::Done)
    }

    fn begin_container(&mut self, kind: Kind, end: u8) -> Result<Step, JsonError> {
        if self.open.len() >= self.limits.depth_max {
            return Err(self.fail(JsonErrorKind::TooDeep));
        }
        let index = self.push(kind, self.at, false)?;
        self.open.push(index);
        self.at += 1;
        self.skip_whitespace();
        if self.peek() == Some(end) {
            self.close(index)?;
            return Ok(Step::Done);
        }
        if kind == Kind::Object {
            self.key()?;
        }
        Ok(Step::Opened)
    }

    /// Reads the closing bracket at the current position.
    fn close(&mut self, container: u32) -> Result<(), JsonError> {
        self.at += 1;
        self.open.pop();
        let next = to_u32(self.nodes.len());
        let end = to_u32(self.at);
        let mut is_object = false;
        if let Some(node) = self.nodes.get_mut(container as usize) {
            node.next = next;
            node.end = end;
            is_object = node.kind == Kind::Object;
        }
        if is_object && self.limits.duplicate_keys == DuplicateKeys::Refuse {
            self.refuse_duplicates(container)?;
        }
        Ok(())
    }

    fn key(&mut self) -> Result<(), JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        self.string()?;
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        self.skip_whitespace();
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = next_special(self.bytes, self.at);
            match self.peek() {
                None => return Err(self.fail(JsonErrorKind::UnexpectedEnd)),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.fail(JsonErrorKind::ControlCharacter)),
            }
        }
        self.at += 1;
        self.push_leaf(Kind::String, start, escaped)
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    match self.peek() {
                        Some(byte) if byte.is_ascii_hexdigit() => self.at += 1,
                        None => return Err(self.fail(JsonErrorKind::UnexpectedEnd)),
                        Some(_) => return Err(self.fail(JsonErrorKind::Escape)),
                    }
                }
            }
            None => return Err(self.fail(JsonErrorKind::UnexpectedEnd)),
            Some(_) => return Err(self.fail(JsonErrorKind::Escape)),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.fail(JsonErrorKind::Number));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push_leaf(Kind::Number, start, false)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            return Ok(());
        }
        let kind = if self.peek().is_none() { JsonErrorKind::UnexpectedEnd } else { JsonErrorKind::Number };
        Err(self.fail(kind))
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<(), JsonError> {
        let start = self.at;
        for expected in word {
            if self.peek() != Some(*expected) {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        self.push_leaf(kind, start, false)
    }

    fn push_leaf(&mut self, kind: Kind, start: usize, escaped: bool) -> Result<(), JsonError> {
        self.push(kind, start, escaped).map(|_| ())
    }

    /// Records a node that ends at the current position; containers are completed by `close`.
    fn push(&mut self, kind: Kind, start: usize, escaped: bool) -> Result<u32, JsonError> {
        if self.nodes.len() >= self.limits.nodes_max {
            return Err(JsonError::new(JsonErrorKind::TooManyValues, start));
        }
        let index = to_u32(self.nodes.len());
        let next = index.saturating_add(1);
        self.nodes.push(Node { start: to_u32(start), end: to_u32(self.at), next, kind, escaped });
        Ok(index)
    }

    fn refuse_duplicates(&self, object: u32) -> Result<(), JsonError> {
        let Some(node) = self.nodes.get(object as usize) else { return Ok(()) };
        let (first, after) = (object as usize + 1, node.next as usize);
        // The common case: few keys, none escaped, compared where they lie.
        let mut keys: Vec<(Cow<'a, str>, u32)> = Vec::new();
        let mut at = first;
        let mut seen: [&str; PAIRWISE_KEYS_MAX] = [""; PAIRWISE_KEYS_MAX];
        let mut count = 0;
        let mut plain = true;
        while let Some(key) = self.nodes.get(at).filter(|_| at < after) {
            let raw = self.inside(key);
            plain &= !key.escaped;
            if plain && seen.get(..count).is_some_and(|keys| keys.contains(&raw)) {
                return Err(JsonError::new(JsonErrorKind::DuplicateKey, key.start as usize));
            }
            let Some(slot) = seen.get_mut(count).filter(|_| plain) else {
                plain = false;
                break;
            };
            *slot = raw;
            count += 1;
            at = self.nodes.get(at + 1).map_or(after, |value| value.next as usize);
        }
        if plain {
            return Ok(());
        }
        at = first;
        while let Some(key) = self.nodes.get(at).filter(|_| at < after) {
            keys.push((decode(self.inside(key), key.escaped), key.start));
            at = self.nodes.get(at + 1).map_or(after, |value| value.next as usize);
        }
        keys.sort_unstable();
        for pair in keys.windows(2) {
            if let [(first, _), (second, offset)] = pair
                && first == second
            {
                return Err(JsonError::new(JsonErrorKind::DuplicateKey, *offset as usize));
            }
        }
        Ok(())
    }

    fn inside(&self, node: &Node) -> &'a str {
        self.text.get(node.start as usize + 1..(node.end as usize).saturating_sub(1)).unwrap_or("")
    }

    fn kind_of(&self, index: u32) -> Kind {
        self.nodes.get(index as usize).map_or(Kind::Null, |node| node.kind)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> JsonError {
        let ended = self.at >= self.bytes.len();
        self.fail(if ended { JsonErrorKind::UnexpectedEnd } else { JsonErrorKind::UnexpectedByte })
    }

    const fn fail(&self, kind: JsonErrorKind) -> JsonError {
        JsonError::new(kind, self.at)
    }
}

/// Offsets fit: `Document::parse` refuses texts longer than `u32::MAX`.
fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// Offset of the next quote, backslash or control character at or after `at`; the length if there is none.
/// Looks at eight bytes at a time: string contents are most of a body.
pub(super) fn next_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        // The lowest marked byte is always exact; a borrow can only mark bytes above it.
        let marked = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let marked = marked & HIGHS;
        if marked != 0 {
            return at + (marked.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\') || *byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}
