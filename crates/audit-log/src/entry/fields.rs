//! The types and rules of an entry's fields.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::{ACTION_BYTES_MAX, EntryError, EntryParts, KIND_BYTES_MAX, LABEL_BYTES_MAX, TEXT_BYTES_MAX};

/// Kind of event: a dotted lower-case name such as `llm.call.intent`, or an upper-case one such as `KEY_CREATED`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// Checks a name: at most 64 bytes; either `[A-Z][A-Z0-9_]*`, or parts `[a-z][a-z0-9_]*` joined by dots.
    pub fn new(name: impl Into<String>) -> Result<Self, EntryError> {
        let name = name.into();
        if is_kind(&name) { Ok(Self(Cow::Owned(name))) } else { Err(EntryError::Field("kind")) }
    }

    /// A kind known when the program is compiled: in a constant, a wrong name does not compile.
    ///
    /// # Panics
    /// When the name is not as [`Kind::new`] wants it.
    pub const fn from_static(name: &'static str) -> Self {
        assert!(is_kind(name), "the name of an event kind is malformed");
        Self(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) const fn is_kind(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > KIND_BYTES_MAX {
        return false;
    }
    let upper = bytes[0].is_ascii_uppercase();
    let mut starts_part = true;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let letter = if upper { byte.is_ascii_uppercase() } else { byte.is_ascii_lowercase() };
        let dot = byte == b'.' && !upper;
        let inner = byte.is_ascii_digit() || byte == b'_' || dot;
        if !letter && (starts_part || !inner) {
            return false;
        }
        starts_part = dot;
        at += 1;
    }
    !starts_part
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $field:literal, $($(#[$each:meta])* $variant:ident => $word:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
        pub enum $name { $($(#[$each])* $variant,)+ }

        impl $name {
            /// The word written into the entry.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = EntryError;

            fn from_str(word: &str) -> Result<Self, EntryError> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(EntryError::Field($field)),
                }
            }
        }
    };
}

words! {
    /// What sort of caller acted.
    ActorKind, "actor.kind",
    /// A person.
    Human => "human",
    /// An AI agent.
    Agent => "agent",
    /// A program with credentials of its own.
    Service => "service",
    /// An edge device or edge proxy, known by its certificate.
    Edge => "edge",
    /// The server itself: scheduled and start-up work.
    System => "system",
    /// Nobody who is known, as in a refused login.
    Anonymous => "anonymous",
}

words! {
    /// How an action ended.
    Outcome, "outcome",
    /// It is about to happen outside the database; a second entry tells how it ended.
    Intent => "intent",
    /// It was done.
    Ok => "ok",
    /// It was not allowed.
    Refused => "refused",
    /// It was allowed and did not work.
    Failed => "failed",
    /// Nobody can tell: the intent was never answered.
    Unknown => "unknown",
}

/// Who acted, and with which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What sort of caller.
    pub kind: ActorKind,
    /// Who, within that sort.
    pub id: Option<String>,
    /// Id of the API key or certificate used.
    pub key: Option<String>,
}

impl Actor {
    /// A caller with an id.
    pub fn new(kind: ActorKind, id: impl Into<String>) -> Self {
        Self { kind, id: Some(id.into()), key: None }
    }

    /// A caller without an id: the system, or nobody known.
    pub const fn unnamed(kind: ActorKind) -> Self {
        Self { kind, id: None, key: None }
    }

    /// Adds the id of the key used.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// What was acted upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What sort of thing: a lower-case word such as `key` or `pull_request`.
    pub kind: String,
    /// Which one.
    pub id: String,
}

/// A moment, in whole microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Written as RFC 3339 in UTC with six digits: `2026-11-22T10:00:00.000000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct At(i64);

/// Bytes of the written form.
pub(super) const AT_BYTES: usize = 27;

/// The last microsecond of the year 9999.
const AT_MICROS_MAX: i64 = 253_402_300_799_999_999;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl At {
    /// Microseconds since 1970; from 0 to the end of the year 9999.
    pub fn from_unix_micros(micros: i64) -> Result<Self, EntryError> {
        if (0..=AT_MICROS_MAX).contains(&micros) { Ok(Self(micros)) } else { Err(EntryError::Field("at")) }
    }

    /// Microseconds since 1970.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }
}

/// The day's number since 1970-01-01 in the Gregorian calendar. The year is counted from March, so that the leap
/// day comes last and the lengths of the months before it follow one linear rule.
const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// Year, month and day of a day number that is not negative.
fn date(day_number: i64) -> (i64, i64, i64) {
    let days = day_number + DAYS_TO_1970;
    // An estimate that is never too small and at most one year too large.
    let mut year = (days * 400 + 591) / 146_097 + 1;
    while day_number < self::day_number(year, 3, 1) {
        year -= 1;
    }
    let in_year = day_number - self::day_number(year, 3, 1);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / MICROS_PER_SECOND, self.0 % MICROS_PER_SECOND);
        let (year, month, day) = date(seconds / SECONDS_PER_DAY);
        let second = seconds % SECONDS_PER_DAY;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

impl FromStr for At {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        parse_at(text.as_bytes()).ok_or(EntryError::Field("at"))
    }
}

fn parse_at(text: &[u8]) -> Option<At> {
    let text: &[u8; AT_BYTES] = text.try_into().ok()?;
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0_i64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    if marks.iter().any(|&(at, mark)| text[at] != mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, micros) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?);
    if year < 1970 || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let next = if month == 12 { day_number(year + 1, 1, 1) } else { day_number(year, month + 1, 1) };
    if day < 1 || day > next - day_number(year, month, 1) {
        return None;
    }
    let seconds = day_number(year, month, day) * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
    Some(At(seconds * MICROS_PER_SECOND + micros))
}

pub(super) fn is_action(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
    !name.is_empty() && name.len() <= ACTION_BYTES_MAX && name.bytes().all(allowed)
}

pub(super) fn is_label(label: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    label.starts_with(|first: char| first.is_ascii_lowercase())
        && label.len() <= LABEL_BYTES_MAX
        && label.bytes().all(allowed)
}

pub(super) fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_BYTES_MAX
}

impl EntryParts {
    pub(super) fn check(&self) -> Result<(), EntryError> {
        let optional = |text: &Option<String>| text.as_deref().is_none_or(is_text);
        let checks = [
            ("actor.id", optional(&self.actor.id)),
            ("actor.key", optional(&self.actor.key)),
            ("action", is_action(&self.action)),
            ("request_id", is_text(&self.request_id)),
            ("trace_id", optional(&self.trace_id)),
            ("policy", is_text(&self.policy)),
            ("source", is_label(&self.source)),
            ("subject.kind", self.subject.as_ref().is_none_or(|subject| is_label(&subject.kind))),
            ("subject.id", self.subject.as_ref().is_none_or(|subject| is_text(&subject.id))),
        ];
        match checks.iter().find(|(_, good)| !good) {
            None => Ok(()),
            Some(&(field, _)) => Err(EntryError::Field(field)),
        }
    }
}
