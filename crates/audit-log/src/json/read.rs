//! The strict reader. It borrows where it can: verifying a log reads millions of entries and keeps none.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{INTEGER_MAX, JsonError, compare_names, deeper};
use crate::hash::hex_digit;

/// Digits of [`INTEGER_MAX`].
const INTEGER_DIGITS_MAX: usize = 16;

/// How many bytes there are before the first that ends a string or is none of it: a quote, a backslash, or below a space. Looks at
/// eight at once, because strings are most of a log.
#[inline]
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The high bit of the lowest byte below `limit` is set, and maybe of some above it: the lowest is what counts.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let ends = below(word, b' ') | is(word, b'"') | is(word, b'\\');
        if ends != 0 {
            return number * 8 + (ends.trailing_zeros() / 8) as usize;
        }
    }
    let end = rest.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\');
    words.len() * 8 + end.unwrap_or(rest.len())
}

/// Reads canonical JSON from the front of a text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn syntax<T>(&self) -> Result<T, JsonError> {
        Err(JsonError::Syntax(self.at))
    }

    /// Takes `literal` if it comes next.
    #[inline]
    pub(crate) fn take(&mut self, literal: &str) -> bool {
        let found =
            self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(literal.as_bytes()));
        if found {
            self.at += literal.len();
        }
        found
    }

    #[inline]
    pub(crate) fn expect(&mut self, literal: &str) -> Result<(), JsonError> {
        if self.take(literal) { Ok(()) } else { self.syntax() }
    }

    pub(crate) fn end(&self) -> Result<(), JsonError> {
        if self.at == self.text.len() { Ok(()) } else { self.syntax() }
    }

    /// The text between two positions. Both are beside ASCII bytes, so they are always character boundaries.
    #[inline]
    fn slice(&self, from: usize, to: usize) -> Result<&'a str, JsonError> {
        self.text.get(from..to).ok_or(JsonError::Syntax(from))
    }

    /// A string with its quotes, its escapes undone.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect("\"")?;
        let mut owned: Option<String> = None;
        let mut plain = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let tail = self.slice(plain, self.at)?;
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(tail),
                        Some(head) => Cow::Owned(head + tail),
                    });
                }
                Some(b'\\') => {
                    let head = self.slice(plain, self.at)?;
                    let escaped = self.escape()?;
                    let text = owned.get_or_insert_default();
                    text.push_str(head);
                    text.push(char::from(escaped));
                    plain = self.at;
                }
                Some(b' '..) => self.at += plain_bytes(&self.text.as_bytes()[self.at..]),
                _ => return self.syntax(),
            }
        }
    }

    /// An escape, only in the spelling the writer uses.
    fn escape(&mut self) -> Result<u8, JsonError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let (value, length) = match bytes.get(start + 1) {
            Some(b'b') => (0x08, 2),
            Some(b't') => (b'\t', 2),
            Some(b'n') => (b'\n', 2),
            Some(b'f') => (0x0c, 2),
            Some(b'r') => (b'\r', 2),
            Some(&same @ (b'"' | b'\\')) => (same, 2),
            Some(b'u') => match bytes.get(start + 2..start + 6) {
                Some(&[b'0', b'0', high @ b'0'..=b'1', low]) => {
                    let value = (high - b'0') << 4 | hex_digit(low).ok_or(JsonError::Syntax(start))?;
                    if super::short_escape(value).is_some() {
                        return self.syntax();
                    }
                    (value, 6)
                }
                _ => return self.syntax(),
            },
            _ => return self.syntax(),
        };
        self.at += length;
        Ok(value)
    }

    fn integer(&mut self) -> Result<i64, JsonError> {
        let start = self.at;
        let negative = self.take("-");
        let first = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = self.slice(first, self.at)?;
        if digits.is_empty() || (digits.starts_with('0') && (negative || digits.len() > 1)) {
            return Err(JsonError::Syntax(start));
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) || digits.len() > INTEGER_DIGITS_MAX {
            return Err(JsonError::Number);
        }
        match digits.parse::<i64>() {
            Ok(value) if value <= INTEGER_MAX => Ok(if negative { -value } else { value }),
            _ => Err(JsonError::Number),
        }
    }

    /// Walks over one value without building it, as strictly as [`Reader::value`].
    fn skip(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.integer().map(drop),
            Some(b'[') => self.items(depth, Self::skip),
            Some(b'{') => self.members(depth, |reader, _, depth| reader.skip(depth)),
            _ => self.word().map(drop),
        }
    }

    fn word(&mut self) -> Result<Value, JsonError> {
        for (word, value) in
            [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))]
        {
            if self.take(word) {
                return Ok(value);
            }
        }
        self.syntax()
    }

    /// One value, built. `depth` counts the arrays and objects around it.
    pub(crate) fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string()?.into_owned())),
            Some(b'-' | b'0'..=b'9') => Ok(Value::from(self.integer()?)),
            Some(b'[') => {
                let mut items = Vec::new();
                self.items(depth, |reader, depth| {
                    items.push(reader.value(depth)?);
                    Ok(())
                })?;
                Ok(Value::Array(items))
            }
            Some(b'{') => Ok(Value::Object(self.object(depth)?)),
            _ => self.word(),
        }
    }

    /// One object, built.
    pub(crate) fn object(&mut self, depth: usize) -> Result<Map<String, Value>, JsonError> {
        let mut built = Map::new();
        self.members(depth, |reader, name, depth| {
            let value = reader.value(depth)?;
            built.insert(name.to_owned(), value);
            Ok(())
        })?;
        Ok(built)
    }

    /// One object, checked but not built; gives its text.
    pub(crate) fn raw_object(&mut self, depth: usize) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.members(depth, |reader, _, depth| reader.skip(depth))?;
        self.slice(start, self.at)
    }

    fn items(
        &mut self,
        depth: usize,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let depth = deeper(depth)?;
        self.expect("[")?;
        if self.take("]") {
            return Ok(());
        }
        loop {
            each(self, depth)?;
            if self.take("]") {
                return Ok(());
            }
            self.expect(",")?;
        }
    }

    fn members(
        &mut self,
        depth: usize,
        mut each: impl FnMut(&mut Self, &str, usize) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let depth = deeper(depth)?;
        self.expect("{")?;
        if self.take("}") {
            return Ok(());
        }
        let mut previous: Option<Cow<'a, str>> = None;
        loop {
            let name = self.string()?;
            if previous.is_some_and(|previous| compare_names(&previous, &name) != Ordering::Less) {
                return Err(JsonError::Order(self.at));
            }
            self.expect(":")?;
            each(self, &name, depth)?;
            previous = Some(name);
            if self.take("}") {
                return Ok(());
            }
            self.expect(",")?;
        }
    }
}
