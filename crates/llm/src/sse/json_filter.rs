//! A plain-text filter put to work on JSON that arrives in pieces.

use super::filter::TextFilter;
use crate::json::{decode, push_escaped, push_string};

/// Longest token outside strings that is held to be judged as a whole, in bytes.
const BARE_BYTES_MAX: usize = 4096;
/// A `\uXXXX`.
const ESCAPE_BYTES: usize = 6;
/// Numbers with fewer digits pass unseen, as in [`crate::walk`].
const DIGITS_MIN: usize = crate::walk::DIGITS_MIN;

/// Wraps filters for plain text into one for the pieces of a JSON text, such as streamed tool arguments.
///
/// Each JSON string (keys too) goes decoded through a filter of its own, and what comes out is encoded again,
/// so the result is JSON whatever the filter writes. A string that passes unchanged keeps its bytes. What
/// stands outside strings is held until it ends and filtered whole: a long number, or anything that is not
/// JSON at all; if it changes it becomes a string.
#[derive(Debug)]
pub struct JsonFragmentFilter<F, M> {
    make: M,
    /// The filter of the string being read; `None` outside strings.
    inside: Option<F>,
    /// An escape, or the first half of a surrogate pair, that is not complete yet.
    escape: String,
    /// Decoded text for the filter, and the same text as written.
    decoded: String,
    written: String,
    /// A token outside strings.
    bare: String,
}

impl<F: TextFilter, M: FnMut() -> F> JsonFragmentFilter<F, M> {
    /// A filter at the start of a JSON text; `make` makes the filter of each string.
    pub const fn new(make: M) -> Self {
        Self {
            make,
            inside: None,
            escape: String::new(),
            decoded: String::new(),
            written: String::new(),
            bare: String::new(),
        }
    }

    fn outside(&mut self, char: char, out: &mut String) {
        let structural = matches!(char, '{' | '}' | '[' | ']' | ',' | ':' | '"' | ' ' | '\t' | '\r' | '\n');
        if !structural {
            self.bare.push(char);
            if self.bare.len() >= BARE_BYTES_MAX {
                self.end_bare(out);
            }
            return;
        }
        self.end_bare(out);
        out.push(char);
        if char == '"' {
            self.inside = Some((self.make)());
        }
    }

    fn end_bare(&mut self, out: &mut String) {
        let bare = std::mem::take(&mut self.bare);
        let number = bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        let short = bare.bytes().filter(u8::is_ascii_digit).count() < DIGITS_MIN;
        if bare.is_empty() || (number && short) || matches!(bare.as_str(), "true" | "false" | "null") {
            out.push_str(&bare);
            return;
        }
        let mut filter = (self.make)();
        let mut new = filter.push(&bare);
        new.push_str(&filter.finish());
        if new == bare { out.push_str(&bare) } else { push_string(out, &new) }
    }

    fn in_string(&mut self, char: char, out: &mut String) {
        if self.escape.len() == ESCAPE_BYTES && char != '\\' {
            // The first half of a surrogate pair is not followed by a second one.
            self.end_escape();
        }
        if self.escape.is_empty() {
            match char {
                '"' => self.end_string(out),
                '\\' => self.escape.push(char),
                _ => {
                    self.decoded.push(char);
                    self.written.push(char);
                }
            }
            return;
        }
        self.escape.push(char);
        let second = self.escape.get(ESCAPE_BYTES..).filter(|rest| !rest.is_empty());
        let last = second.unwrap_or(&self.escape);
        let unicode = last.as_bytes().get(1) == Some(&b'u');
        let complete = match last.len() {
            0 | 1 => false,
            2 => !unicode,
            length => length >= ESCAPE_BYTES || !char.is_ascii_hexdigit(),
        };
        if complete && (second.is_some() || !is_high_surrogate(&self.escape)) {
            self.end_escape();
        }
    }

    /// Moves the pending escapes to the text.
    fn end_escape(&mut self) {
        let escape = std::mem::take(&mut self.escape);
        self.decoded.push_str(&decode(&escape, true));
        self.written.push_str(&escape);
    }

    /// Passes the decoded text on; as it was written if the filter leaves it alone.
    fn emit(&mut self, out: &mut String) {
        let (decoded, written) = (std::mem::take(&mut self.decoded), std::mem::take(&mut self.written));
        let Some(filter) = self.inside.as_mut().filter(|_| !decoded.is_empty()) else { return };
        let new = filter.push(&decoded);
        if new == decoded { out.push_str(&written) } else { push_escaped(out, &new) }
    }

    fn end_string(&mut self, out: &mut String) {
        self.end_escape();
        self.emit(out);
        if let Some(mut filter) = self.inside.take() {
            push_escaped(out, &filter.finish());
        }
        out.push('"');
    }
}

impl<F: TextFilter, M: FnMut() -> F> TextFilter for JsonFragmentFilter<F, M> {
    fn push(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for char in piece.chars() {
            if self.inside.is_some() {
                self.in_string(char, &mut out);
            } else {
                self.outside(char, &mut out);
            }
        }
        self.emit(&mut out);
        out
    }

    fn finish(&mut self) -> String {
        let mut out = String::new();
        self.end_bare(&mut out);
        self.end_escape();
        self.emit(&mut out);
        if let Some(mut filter) = self.inside.take() {
            push_escaped(&mut out, &filter.finish());
        }
        out
    }
}

/// Whether exactly one escape is pending and it is the first half of a pair.
fn is_high_surrogate(escape: &str) -> bool {
    let hex = escape.get(2..).filter(|_| escape.len() == ESCAPE_BYTES);
    hex.is_some_and(|hex| matches!(u32::from_str_radix(hex, 16), Ok(0xD800..=0xDBFF)))
}
