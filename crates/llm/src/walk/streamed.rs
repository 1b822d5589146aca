//! The texts of a streamed choice that arrive in pieces: every string under its `delta`, in fields this crate knows and in
//! fields it has never heard of, and the `text` of older streams.
//!
//! A client puts the pieces of one field together, so a value that is cut between two events is whole again there. Such a
//! string is therefore judged as a piece of its field and never by itself.

use std::borrow::Cow;

use super::Channel;
use super::rules::{Shown, State};
use crate::json::{Kind, Value, push_string};

/// Longest path to a streamed text, in bytes of the JSON that leads to it.
pub const FIELD_PATH_BYTES_MAX: usize = 4096;

/// The path to a streamed text is longer than [`FIELD_PATH_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathTooLong;

/// One piece of a streamed text.
pub(crate) struct StreamedPiece<'w, 'd, 'a> {
    /// The string.
    pub(crate) value: Value<'d, 'a>,
    /// What it says; never empty.
    pub(crate) text: Cow<'a, str>,
    /// What it is part of.
    pub(crate) channel: Channel,
    /// The members of a choice that lead to it, written as JSON up to its place: `"delta":{"note":`. Elements of arrays
    /// go by their `index`, or by their position when they have none.
    pub(crate) open: &'w str,
    /// What closes that again, last first.
    pub(crate) closers: &'w str,
}

/// Shows the pieces of a choice. Structure (roles, types, ids while they look it) and `annotations`, which arrive whole,
/// are left to [`super::for_each_text`].
pub(crate) fn for_each_streamed<'d, 'a>(
    choice: Value<'d, 'a>,
    on_piece: &mut dyn FnMut(StreamedPiece<'_, 'd, 'a>),
) -> Result<(), PathTooLong> {
    let mut walker = Walker { on_piece, open: String::new(), closers: String::new() };
    for name in ["delta", "text"] {
        if let Some(value) = choice.get(name) {
            walker.member(name, value, State::choice())?;
        }
    }
    Ok(())
}

struct Walker<'s, 'd, 'a> {
    on_piece: &'s mut dyn FnMut(StreamedPiece<'_, 'd, 'a>),
    open: String,
    closers: String,
}

impl<'d, 'a> Walker<'_, 'd, 'a> {
    /// Adds to the path; what is beyond the bound is cut, and then no text may be there.
    fn enter(&mut self, open: &str, closer: Option<char>) {
        if self.open.len() <= FIELD_PATH_BYTES_MAX {
            self.open.push_str(open);
        }
        self.closers.extend(closer);
    }

    fn member(&mut self, name: &str, value: Value<'d, 'a>, state: State) -> Result<(), PathTooLong> {
        let whole = state.is_delta() && name == "annotations";
        if whole || matches!(value.kind(), Kind::Null | Kind::Bool | Kind::Number) {
            return Ok(());
        }
        if value.as_str().is_some_and(|text| is_sort(name, &text)) {
            return Ok(());
        }
        let mark = self.open.len();
        let mut key = String::with_capacity(name.len() + 3);
        push_string(&mut key, name);
        key.push(':');
        self.enter(&key, None);
        let entered = self.value(value, state.step(name).0);
        self.open.truncate(mark);
        entered
    }

    fn value(&mut self, value: Value<'d, 'a>, state: State) -> Result<(), PathTooLong> {
        match value.kind() {
            Kind::Null | Kind::Bool | Kind::Number => Ok(()),
            Kind::String => self.string(value, state),
            Kind::Object => self.object(value, state, None),
            Kind::Array => self.array(value, state),
        }
    }

    fn array(&mut self, value: Value<'d, 'a>, state: State) -> Result<(), PathTooLong> {
        let (mark, closing) = (self.open.len(), self.closers.len());
        self.enter("[", Some(']'));
        // The place of an element without an index is kept by those before it.
        let first = self.open.len();
        let mut before = String::new();
        for item in value.items() {
            if let Some(index) = item.get("index").and_then(Value::as_u64) {
                self.object(item, state, Some(index))?;
            } else {
                self.enter(&before, None);
                self.value(item, state)?;
            }
            self.open.truncate(first);
            if before.len() <= FIELD_PATH_BYTES_MAX {
                before.push_str("null,");
            }
        }
        self.open.truncate(mark);
        self.closers.truncate(closing);
        Ok(())
    }

    fn object(&mut self, value: Value<'d, 'a>, state: State, index: Option<u64>) -> Result<(), PathTooLong> {
        let (mark, closing) = (self.open.len(), self.closers.len());
        self.enter("{", Some('}'));
        if let Some(index) = index {
            self.enter(&format!("\"index\":{index},"), None);
        }
        let state = state.inside(value);
        for (key, value) in value.entries() {
            self.member(&key.as_str().unwrap_or_default(), value, state)?;
        }
        self.open.truncate(mark);
        self.closers.truncate(closing);
        Ok(())
    }

    fn string(&mut self, value: Value<'d, 'a>, state: State) -> Result<(), PathTooLong> {
        let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { return Ok(()) };
        if state.shown(&text) != Shown::Text {
            return Ok(());
        }
        if self.open.len() > FIELD_PATH_BYTES_MAX {
            return Err(PathTooLong);
        }
        let (open, closers) = (self.open.as_str(), self.closers.as_str());
        (self.on_piece)(StreamedPiece { value, text, channel: state.channel, open, closers });
        Ok(())
    }
}

/// Whether a member says of what sort its object is, in a field of unknown shape: `"type": "thinking.text"`. Such a word
/// comes whole, is judged whole, and would break its object if it came later.
fn is_sort(name: &str, text: &str) -> bool {
    /// `v1` and `pcm16` are words; a number in pieces is none.
    const DIGITS_MAX: usize = 2;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    matches!(name, "type" | "role" | "format" | "object" | "kind")
        && digits <= DIGITS_MAX
        && super::rules::is_word(text)
}
