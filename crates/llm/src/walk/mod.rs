//! Visiting every text of a body that a privacy policy has to see.
//!
//! The rule is *everything unless listed*: each string value, each object key and each number of at least
//! [`DIGITS_MIN`] digits is shown to the caller, in fields this crate knows and in fields it has never heard
//! of. The exceptions are positions whose meaning is structural; they are listed, with reasons, in the table
//! of `walk/rules.rs`, and most of them are skipped only while the value also *looks* structural.
//!
//! A string that is itself a JSON array or object (the arguments of a tool call, a tool's result) is walked
//! inside, [`EMBEDDED_DEPTH_MAX`] levels deep, so that writing `@` as `\u0040` hides nothing. Text that only
//! resembles JSON is shown once as written and, if it holds `\uXXXX` escapes, once more with them resolved.
//!
//! What cannot be read is counted instead: [`WalkReport::opaque`] tells how many base64 attachments (images,
//! audio, files) went by unseen, so that a policy can refuse them.

mod rules;
mod streamed;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::json::{self, Document, JsonError, Kind, Limits, Splice, Value};
use rules::{Rule, Shown, State};
pub use streamed::FIELD_PATH_BYTES_MAX;
pub(crate) use streamed::{PathTooLong, StreamedPiece, for_each_streamed};

/// Numbers with fewer digits than this are not shown: nothing personal that a policy looks for is shorter.
pub const DIGITS_MIN: usize = 9;
/// How many levels of JSON inside JSON strings are walked.
pub const EMBEDDED_DEPTH_MAX: u8 = 4;
/// Embedded JSON longer than this is shown as plain text.
pub const EMBEDDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Which message the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// A `chat.completions` request.
    ChatRequest,
    /// A `chat.completions` response, or one event of a streamed one.
    ChatResponse,
    /// A body of unknown shape: no exceptions apply.
    Unknown,
}

/// What a text is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Written to the model: system, developer, user and earlier assistant messages.
    Prompt,
    /// Written by the model as its answer, refusal or reasoning.
    Completion,
    /// The arguments of a tool call, in either direction.
    ToolArguments,
    /// What a tool returned (messages with role `tool` or `function`).
    ToolResult,
    /// Names, descriptions and schemas of the tools offered to the model.
    ToolDefinition,
    /// Everything else: `user`, `metadata`, unknown fields.
    Other,
}

/// What kind of JSON token a leaf is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A string value.
    Text,
    /// An object key. A replacement that would collide with a sibling is made unique by a suffix.
    Key,
    /// A number; its replacement becomes a string.
    Number,
}

/// One text shown to the caller.
#[derive(Clone, Copy, Debug)]
pub struct TextLeaf<'w> {
    /// The decoded text.
    pub text: &'w str,
    /// What it is part of.
    pub channel: Channel,
    /// The kind of JSON token.
    pub place: Place,
    path: Path<'w>,
}

impl TextLeaf<'_> {
    /// The nearest object key above the text: `phone` for `{"phone": ["…"]}`. Empty at the root.
    pub fn key(&self) -> &str {
        self.path.key()
    }

    /// Where the text lies, for logs and error messages: `messages[0].content[1].text`. Parts of the path
    /// come from the client; a leaf that is a key names only the object around it.
    pub fn label(&self) -> String {
        self.path.to_string()
    }
}

#[derive(Clone, Copy, Debug)]
enum Path<'w> {
    Root,
    Key(&'w Path<'w>, &'w str),
    Index(&'w Path<'w>, usize),
    /// Inside a string that holds JSON.
    Embedded(&'w Path<'w>),
}

impl<'w> Path<'w> {
    fn key(&self) -> &'w str {
        match self {
            Self::Root => "",
            Self::Key(_, key) => key,
            Self::Index(parent, _) | Self::Embedded(parent) => parent.key(),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Embedded(parent) => write!(f, "{parent}~"),
        }
    }
}

/// What a walk met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkReport {
    /// Texts shown to the caller.
    pub shown: usize,
    /// Texts the caller replaced.
    pub replaced: usize,
    /// Base64 attachments that could not be searched.
    pub opaque: usize,
}

/// A body after the walk.
#[derive(Clone, Debug)]
pub struct Redacted<'a> {
    /// The new body; borrowed when nothing was replaced.
    pub body: Cow<'a, str>,
    /// What the walk met.
    pub report: WalkReport,
}

/// Parses `body`, shows every text to `on_text` and writes what it returned in its place.
///
/// # Errors
/// [`JsonError`] when the body is not the JSON that [`Document::parse`] accepts.
pub fn redact(
    body: &[u8],
    kind: Body,
    limits: Limits,
    mut on_text: impl FnMut(TextLeaf<'_>) -> Option<String>,
) -> Result<Redacted<'_>, JsonError> {
    let document = Document::parse(body, limits)?;
    let mut splice = Splice::new();
    let report = for_each_text(&document, kind, &mut splice, &mut on_text);
    Ok(Redacted { body: splice.apply(document.text()), report })
}

/// Shows every text of `document` to `on_text` and collects its replacements in `splice`, beside whatever
/// other edits the caller makes. `None` leaves a text as it is.
pub fn for_each_text(
    document: &Document<'_>,
    kind: Body,
    splice: &mut Splice,
    on_text: &mut dyn FnMut(TextLeaf<'_>) -> Option<String>,
) -> WalkReport {
    for_each_text_except(document, kind, &[], splice, on_text)
}

/// As [`for_each_text`], leaving out the strings that begin at the offsets in `except` (ascending). The caller
/// has these in hand itself; naming them one by one leaves no gap between its reading and this one.
pub(crate) fn for_each_text_except(
    document: &Document<'_>,
    kind: Body,
    except: &[usize],
    splice: &mut Splice,
    on_text: &mut dyn FnMut(TextLeaf<'_>) -> Option<String>,
) -> WalkReport {
    let mut walker = Walker { splice, on_text, except, report: WalkReport::default(), embedded: 0 };
    walker.value(document.root(), State::root(kind), &Path::Root);
    walker.report
}

/// What became of a text that may be JSON.
enum Embedded {
    /// It is not.
    No,
    Unchanged,
    Changed(String),
}

struct Walker<'s> {
    splice: &'s mut Splice,
    on_text: &'s mut dyn FnMut(TextLeaf<'_>) -> Option<String>,
    except: &'s [usize],
    report: WalkReport,
    embedded: u8,
}

impl Walker<'_> {
    fn value(&mut self, value: Value<'_, '_>, state: State, path: &Path<'_>) {
        match value.kind() {
            Kind::Null | Kind::Bool => {}
            Kind::String => self.string(value, state, path),
            Kind::Number => self.number(value, state, path),
            Kind::Array => {
                for (index, item) in value.items().enumerate() {
                    self.value(item, state, &Path::Index(path, index));
                }
            }
            Kind::Object => self.object(value, state, path),
        }
    }

    fn object(&mut self, object: Value<'_, '_>, state: State, path: &Path<'_>) {
        let state = state.inside(object);
        let mut names: Option<KeyNames<'_>> = None;
        for (key, value) in object.entries() {
            let name = key.as_str().unwrap_or_default();
            let (child, known) = state.step(&name);
            if !known {
                let leaf = TextLeaf { text: &name, channel: state.channel, place: Place::Key, path: *path };
                if let Some(new) = self.show(leaf) {
                    let unique = names.get_or_insert_with(|| KeyNames::of(object)).claim(new);
                    self.splice.replace(key.span(), json::string(&unique));
                }
            }
            self.value(value, child, &Path::Key(path, &name));
        }
    }

    fn string(&mut self, value: Value<'_, '_>, state: State, path: &Path<'_>) {
        if self.except.binary_search(&value.span().start).is_ok() {
            return;
        }
        let Some(text) = value.as_str() else { return };
        match state.shown(&text) {
            Shown::Structure => return,
            Shown::Opaque => {
                self.report.opaque += 1;
                return;
            }
            Shown::Text => {}
        }
        if let Some(new) = self.text(&text, state, path) {
            self.splice.replace(value.span(), json::string(&new));
        }
    }

    /// The replacement of a decoded text, if any.
    fn text(&mut self, text: &str, state: State, path: &Path<'_>) -> Option<String> {
        match self.embedded(text, state, path) {
            Embedded::No => {}
            Embedded::Unchanged => return None,
            Embedded::Changed(new) => return Some(new),
        }
        let leaf = TextLeaf { text, channel: state.channel, place: Place::Text, path: *path };
        if let Some(new) = self.show(leaf) {
            return Some(new);
        }
        let unescaped = json::unescape_unicode(text)?;
        self.show(TextLeaf { text: &unescaped, ..leaf })
    }

    /// Walks inside a text that is JSON.
    fn embedded(&mut self, text: &str, state: State, path: &Path<'_>) -> Embedded {
        let first = text.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes().first();
        // A string of JSON in a string hides as much as an object does; a plain quotation does not parse.
        if !matches!(first, Some(b'{' | b'[' | b'"')) || self.embedded >= EMBEDDED_DEPTH_MAX {
            return Embedded::No;
        }
        let limits = Limits { bytes_max: EMBEDDED_BYTES_MAX, ..Limits::default() }.allowing_duplicate_keys();
        let Ok(document) = Document::parse(text.as_bytes(), limits) else { return Embedded::No };
        let mut splice = Splice::new();
        let mut inner = Walker {
            splice: &mut splice,
            on_text: &mut *self.on_text,
            except: &[],
            report: self.report,
            embedded: self.embedded + 1,
        };
        inner.value(document.root(), State::free(state.channel), &Path::Embedded(path));
        self.report = inner.report;
        if splice.is_empty() {
            Embedded::Unchanged
        } else {
            Embedded::Changed(splice.apply(text).into_owned())
        }
    }

    fn number(&mut self, value: Value<'_, '_>, state: State, path: &Path<'_>) {
        if matches!(state.rule, Rule::Number | Rule::Skip) {
            return;
        }
        let raw = value.raw();
        let count = raw.bytes().filter(u8::is_ascii_digit).count();
        if count < DIGITS_MIN {
            return;
        }
        let leaf = TextLeaf { text: raw, channel: state.channel, place: Place::Number, path: *path };
        let mut replacement = self.show(leaf);
        if replacement.is_none() && !raw.bytes().all(|byte| byte.is_ascii_digit()) {
            // 4.111…e15 and 4111….0 spell the same digits as 4111…: show them bare as well.
            let mantissa = raw.split(['e', 'E']).next().unwrap_or(raw);
            let has_exponent = mantissa.len() < raw.len();
            let spelled = if has_exponent { mantissa } else { mantissa.split('.').next().unwrap_or("") };
            let digits: String = spelled.chars().filter(char::is_ascii_digit).collect();
            replacement = self.show(TextLeaf { text: &digits, ..leaf });
        }
        if let Some(new) = replacement {
            self.splice.replace(value.span(), json::string(&new));
        }
    }

    fn show(&mut self, leaf: TextLeaf<'_>) -> Option<String> {
        if leaf.text.is_empty() {
            return None;
        }
        self.report.shown += 1;
        let replacement = (self.on_text)(leaf).filter(|new| new != leaf.text);
        self.report.replaced += usize::from(replacement.is_some());
        replacement
    }
}

/// The names of an object's members while some of them are replaced: two people masked alike must not become
/// one member, so the second `[EMAIL]` is called `[EMAIL]_2`.
struct KeyNames<'a> {
    taken: HashSet<Cow<'a, str>>,
    next_number: HashMap<String, u32>,
}

impl<'a> KeyNames<'a> {
    fn of(object: Value<'_, 'a>) -> Self {
        let taken = object.entries().filter_map(|(key, _)| key.as_str()).collect();
        Self { taken, next_number: HashMap::new() }
    }

    /// `new`, or `new` with the first free number. Counts on from the last one, so that a thousand equal masks
    /// cost a thousand steps.
    fn claim(&mut self, new: String) -> String {
        if self.taken.insert(Cow::Owned(new.clone())) {
            return new;
        }
        let number = self.next_number.entry(new.clone()).or_insert(1);
        loop {
            *number = number.saturating_add(1);
            let candidate = format!("{new}_{number}");
            if self.taken.insert(Cow::Owned(candidate.clone())) {
                return candidate;
            }
        }
    }
}

const _: () = assert!(EMBEDDED_DEPTH_MAX as usize * json::DEPTH_MAX <= 1024, "recursion stays shallow");
