use std::fmt;

/// Why a text was refused, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at byte {offset}: {kind}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Offset of the offending byte, counted from 0.
    pub offset: usize,
}

impl JsonError {
    pub(super) const fn new(kind: JsonErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text ends before the value is complete.
    UnexpectedEnd,
    /// A byte that the grammar does not allow here.
    UnexpectedByte,
    /// Something follows the complete value.
    TrailingText,
    /// Not UTF-8.
    Utf8,
    /// A control character inside a string.
    ControlCharacter,
    /// An escape that RFC 8259 does not know.
    Escape,
    /// A number that RFC 8259 does not allow (leading zero, missing digit, …).
    Number,
    /// Nested deeper than the limit.
    TooDeep,
    /// Longer than the limit.
    TooLarge,
    /// More values than the limit.
    TooManyValues,
    /// An object that names a key twice.
    DuplicateKey,
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnexpectedEnd => "the text ends too early",
            Self::UnexpectedByte => "unexpected character",
            Self::TrailingText => "text after the end of the value",
            Self::Utf8 => "not UTF-8",
            Self::ControlCharacter => "control character in a string",
            Self::Escape => "unknown escape in a string",
            Self::Number => "malformed number",
            Self::TooDeep => "nested too deeply",
            Self::TooLarge => "too long",
            Self::TooManyValues => "too many values",
            Self::DuplicateKey => "an object names the same key twice",
        })
    }
}
