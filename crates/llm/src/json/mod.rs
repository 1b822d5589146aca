//! JSON read in place (RFC 8259) and edited by splicing.
//!
//! [`Document::parse`] validates a body in one linear pass and keeps a flat index of where its values lie:
//! sixteen bytes a value, no tree, no copied text. Everything else in this crate reads that index, so a body
//! is scanned once however many questions are asked of it.
//!
//! The reader is stricter than RFC 8259 in these points, because a proxy and the server behind it must not
//! read two different messages out of the same bytes:
//!
//! * the text must be UTF-8 without a byte order mark;
//! * nesting is limited to [`DEPTH_MAX`];
//! * an object must not name the same key twice (compared after decoding escapes), unless
//!   [`DuplicateKeys::Allow`] is asked for.
//!
//! Lone surrogates written as escapes (`"\ud83d"`) are accepted, since real clients produce them when they cut
//! a string in the middle of an emoji. They pass through untouched; decoding shows each as U+FFFD.

mod error;
mod scan;
mod splice;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use error::{JsonError, JsonErrorKind};
pub use splice::Splice;
pub(crate) use text::{decode, push_escaped};
pub use text::{push_string, string, unescape_unicode};
pub use value::{Entries, Items, Value};

use scan::Scanner;

/// Deepest nesting of arrays and objects that is read.
pub const DEPTH_MAX: usize = 128;
/// Default limit for one body.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Default limit for the number of values and keys in one body.
pub const NODES_MAX: usize = 1 << 20;

/// What to do with an object that names one key twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// Refuse the document. For everything that is interpreted or forwarded.
    Refuse,
    /// Keep all of them. For text that is only searched, such as tool arguments written by a model.
    Allow,
}

/// How much a document may ask of the reader.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest body, in bytes.
    pub bytes_max: usize,
    /// Deepest nesting; never more than [`DEPTH_MAX`].
    pub depth_max: usize,
    /// Most values and keys together; bounds the memory of the index at sixteen bytes each.
    pub nodes_max: usize,
    /// Whether repeated keys are refused.
    pub duplicate_keys: DuplicateKeys,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: BODY_BYTES_MAX,
            depth_max: DEPTH_MAX,
            nodes_max: NODES_MAX,
            duplicate_keys: DuplicateKeys::Refuse,
        }
    }
}

impl Limits {
    /// The same limits for text that is searched but not interpreted.
    #[must_use]
    pub const fn allowing_duplicate_keys(mut self) -> Self {
        self.duplicate_keys = DuplicateKeys::Allow;
        self
    }
}

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number of any size; see [`Value::raw`] for its digits.
    Number,
    /// A string. Object keys are strings too.
    String,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

/// One value or key: where it lies and where the next one after it begins.
#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    /// Index of the first node that is not inside this one.
    next: u32,
    kind: Kind,
    /// Whether a string holds escapes and so must be decoded.
    escaped: bool,
}

/// A validated JSON text and the index of its values.
#[derive(Debug)]
pub struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Document<'a> {
    /// Validates `bytes` as one JSON value with nothing after it.
    ///
    /// # Errors
    /// [`JsonError`] names the first offending byte. A document over a limit is refused as soon as the limit
    /// is met, without reading on.
    pub fn parse(bytes: &'a [u8], limits: Limits) -> Result<Self, JsonError> {
        let bytes_max = limits.bytes_max.min(u32::MAX as usize);
        if bytes.len() > bytes_max {
            return Err(JsonError::new(JsonErrorKind::TooLarge, bytes_max));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| JsonError::new(JsonErrorKind::Utf8, error.valid_up_to()))?;
        let nodes = Scanner::new(text, limits).run()?;
        Ok(Self { text, nodes })
    }

    /// The outermost value.
    pub const fn root(&self) -> Value<'_, 'a> {
        Value::new(self, 0)
    }

    /// The text that was read.
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// How many values and keys the document holds.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }
}
