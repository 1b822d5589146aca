//! Canonical JSON, [RFC 8785](https://www.rfc-editor.org/rfc/rfc8785), restricted to what an audit entry needs.
//!
//! One value has exactly one spelling: no white space, object members sorted by the UTF-16 code units of their
//! names, the shortest escapes. Numbers are integers that every JSON reader holds exactly
//! ([`INTEGER_MAX`]); fractions are refused, as their spelling depends on the reader's arithmetic. The reader
//! accepts only this spelling, so bytes that parse are the bytes that would be written.

mod read;

use serde_json::{Map, Value};
use std::cmp::Ordering;

pub(crate) use read::Reader;

/// Largest magnitude of an integer: 2^53 - 1, the I-JSON range of RFC 7493 §2.2.
pub const INTEGER_MAX: i64 = 9_007_199_254_740_991;

/// Deepest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 32;

/// A value has no canonical form here, or bytes are not in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// A fraction, an exponent, or an integer beyond [`INTEGER_MAX`].
    #[error("numbers must be integers of magnitude at most 2^53 - 1")]
    Number,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than 32 levels")]
    Depth,
    /// Not UTF-8.
    #[error("not valid UTF-8")]
    Utf8,
    /// Something else than canonical JSON at this byte.
    #[error("not canonical JSON at byte {0}")]
    Syntax(usize),
    /// The member before this byte is out of order or appears twice.
    #[error("object members are not sorted and unique at byte {0}")]
    Order(usize),
}

/// Writes a value in canonical form.
pub fn to_canonical(value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    write_value(&mut out, value, 0)?;
    Ok(out)
}

/// Reads a value; any byte that is not canonical is an error.
pub fn from_canonical(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut reader = Reader::new(std::str::from_utf8(bytes).map_err(|_| JsonError::Utf8)?);
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), JsonError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let integer = number.as_i64().filter(|n| n.unsigned_abs() <= INTEGER_MAX.unsigned_abs());
            out.extend_from_slice(integer.ok_or(JsonError::Number)?.to_string().as_bytes());
        }
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            let depth = deeper(depth)?;
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(out, item, depth)?;
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(out, members, depth)?,
    }
    Ok(())
}

/// Writes an object in canonical form; `depth` counts the arrays and objects around it.
pub(crate) fn write_object(
    out: &mut Vec<u8>,
    members: &Map<String, Value>,
    depth: usize,
) -> Result<(), JsonError> {
    let depth = deeper(depth)?;
    // The map's own order depends on a feature another crate may switch on.
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| compare_names(a, b));
    out.push(b'{');
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        write_value(out, value, depth)?;
    }
    out.push(b'}');
    Ok(())
}

/// Writes a string with its quotes: only what must be escaped is, in the shortest way.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain = 0;
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match short_escape(byte) {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// The letter after the backslash, for the bytes that have a two-character escape.
fn short_escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        0x08 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0x0c => Some(b'f'),
        b'\r' => Some(b'r'),
        _ => None,
    }
}

/// The order of RFC 8785 §3.2.3. It differs from the order of UTF-8 bytes only beyond the surrogates, so ASCII
/// names, which are nearly all, are compared as bytes.
fn compare_names(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

fn deeper(depth: usize) -> Result<usize, JsonError> {
    if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(JsonError::Depth) }
}

#[cfg(test)]
pub(crate) mod tests;
