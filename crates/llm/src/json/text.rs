//! JSON strings to text and back.

use std::borrow::Cow;

/// Decodes what stands between the quotes of a validated string.
///
/// A surrogate escape without its partner becomes U+FFFD: the text can then always be searched, and the bytes
/// of the document are not touched unless the caller replaces them.
pub(crate) fn decode(inside: &str, escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return Cow::Borrowed(inside);
    }
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (decoded, used) = decode_escape(from);
        out.push(decoded);
        rest = from.get(used..).unwrap_or("");
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// One escape at the start of `from`: the character and how many bytes it took.
fn decode_escape(from: &str) -> (char, usize) {
    match from.as_bytes().get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => decode_unicode(from),
        Some(&byte) if byte.is_ascii() => (char::from(byte), 2),
        // Not reached for validated text; taking one byte keeps the loop moving.
        _ => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// `\uXXXX` or a pair of them at the start of `from`.
fn decode_unicode(from: &str) -> (char, usize) {
    let Some(unit) = code_unit(from) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if (0xD800..0xDC00).contains(&unit)
        && let Some(low) = from.get(6..).and_then(code_unit)
        && (0xDC00..0xE000).contains(&low)
    {
        let scalar = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// The UTF-16 code unit of a `\uXXXX` at the start of `from`.
fn code_unit(from: &str) -> Option<u32> {
    let hex = from.strip_prefix("\\u")?.get(..4)?;
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(hex, 16).ok()
}

/// Appends `text` to `out` as the inside of a JSON string, without quotes.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = super::scan::next_special(bytes, from);
        out.push_str(text.get(from..at).unwrap_or(""));
        let Some(&byte) = bytes.get(at) else { return };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                out.push_str("\\u00");
                for digit in [other >> 4, other & 15] {
                    out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                }
            }
        }
        from = at + 1;
    }
}

/// Appends `text` to `out` as a JSON string with its quotes.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// `text` as a JSON string with its quotes.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_string(&mut out, text);
    out
}

/// Resolves every `\uXXXX` in plain text, however many backslashes stand before the `u`.
///
/// For text that looks like JSON but cannot be parsed (a truncated tool call, a JSON snippet inside a sentence,
/// JSON escaped several times over): an address must not become invisible by writing its `@` as `\u0040`.
/// Returns `None` when the text holds no such escape.
pub fn unescape_unicode(text: &str) -> Option<String> {
    let mut from = memchr::memmem::find(text.as_bytes(), b"\\u")?;
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut found = false;
    while let Some(at) = text.get(from..).and_then(|rest| memchr::memmem::find(rest.as_bytes(), b"\\u")) {
        let at = from + at;
        let escape = text.get(at..).unwrap_or("");
        if code_unit(escape).is_none() {
            from = at + 2;
            continue;
        }
        let (decoded, used) = decode_unicode(escape);
        let before = text.get(copied..at).unwrap_or("");
        out.push_str(before.trim_end_matches('\\'));
        out.push(decoded);
        found = true;
        copied = at + used;
        from = copied;
    }
    out.push_str(text.get(copied..).unwrap_or(""));
    found.then_some(out)
}
