//! Replacing what was found, in whole texts and in streams.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::ascii::ALPHA_OTHER;
use crate::class::Class;
use crate::counts::Counts;
use crate::engine::{Engine, Event};
use crate::policy::{Mode, Policy};
use crate::scanner::{Places, Scanner, View};
use crate::second::Second;
use crate::symbols::Symbols;
use crate::tokens::{Digest, Tokens, VALUE_BYTES_MAX};
use crate::window::{Hit, LOOK_BEHIND_SYMBOLS_MAX, Tail, Window};

/// A text after redaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The text; borrowed when nothing was replaced.
    pub text: Cow<'a, str>,
    /// What was found and what was replaced.
    pub counts: Counts,
}

/// Replaces what the policy calls strict by tokens and counts what it finds.
///
/// Whatever is not replaced stays as it is, byte for byte. The tokens of `tokens` stand for the same values in every
/// text it is used with.
pub fn redact<'a>(scanner: &Scanner, text: &'a str, policy: &Policy, tokens: &mut Tokens) -> Redacted<'a> {
    let view = View::of(text);
    let mut writer = Writer::default();
    let window = Window { symbols: view.bytes(), last: true };
    scanner.start().run(window, policy, &mut |event| writer.take(event, text, &view, policy, tokens));
    writer.whole(text)
}

/// [`redact`], with a second reader for the sentences in which the tagger is not sure. What it finds is replaced besides;
/// what [`redact`] replaces is replaced in any case.
pub fn redact_twice<'a>(
    scanner: &Scanner,
    text: &'a str,
    policy: &Policy,
    tokens: &mut Tokens,
    second: &mut Second<'_>,
) -> Redacted<'a> {
    let view = View::of(text);
    let mut writer = Writer::default();
    for event in second.events(scanner, text, &view, policy) {
        writer.take(event, text, &view, policy, tokens);
    }
    writer.whole(text)
}

/// A long finding under way.
struct Open {
    class: Class,
    /// `None` once its token is written.
    digest: Option<Digest>,
    /// As much as there is of a value that is to be kept; `None` when it is not, or too long.
    value: Option<Zeroizing<String>>,
}

/// Turns events into text.
#[derive(Default)]
struct Writer {
    out: String,
    /// Up to here the text is in `out`, or replaced.
    written: usize,
    replaced: bool,
    counts: Counts,
    /// The long finding under way; no digest once its token is written.
    open: Option<Open>,
}

impl Writer {
    /// A whole text, after its last event.
    fn whole(mut self, text: &str) -> Redacted<'_> {
        let text = if self.replaced {
            self.out.push_str(&text[self.written..]);
            Cow::Owned(self.out)
        } else {
            Cow::Borrowed(text)
        };
        Redacted { text, counts: self.counts }
    }

    fn take(&mut self, event: Event, raw: &str, places: &impl Places, policy: &Policy, tokens: &mut Tokens) {
        match event {
            Event::Found(hit) => {
                let replaced = policy.mode(hit.class).replaces();
                let (start, end) = (places.raw_start(hit.start), places.raw_end(hit.end));
                // A character that reads as several may hold the end of one and the start of the next: the first has it.
                let start = if replaced { start.max(self.written) } else { start };
                if start >= end {
                    return;
                }
                self.counts.add(hit.class, hit.confidence, replaced);
                if replaced {
                    self.copy_to(raw, start);
                    let reversible = policy.mode(hit.class) == Mode::Reversible;
                    let kept = reversible.then(|| tokens.for_kept(hit.class, &raw[start..end])).flatten();
                    if let Some(token) = kept {
                        self.out.push_str(&token);
                    } else {
                        let mut digest = tokens.digest(hit.class);
                        feed(&mut digest, raw, places, hit.class, hit.start, hit.end);
                        self.out.push_str(tokens.for_value(hit.class, &digest));
                    }
                    self.written = end;
                }
            }
            Event::Begin(hit) => {
                let reversible = policy.mode(hit.class) == Mode::Reversible;
                self.begin(hit, raw, places, tokens, reversible);
            }
            Event::Part(start, end) => {
                let to = self.written.max(places.raw_end(end));
                if let Some(Open { class, digest: Some(digest), value }) = &mut self.open {
                    feed(digest, raw, places, *class, start, end);
                    if let Some(text) = value {
                        // From where the last part ended: what lies between two parts has no symbol of its own.
                        text.push_str(&raw[self.written..to]);
                        if text.len() > VALUE_BYTES_MAX {
                            *value = None;
                        }
                    }
                }
                self.written = to;
            }
            Event::Finish => {
                if let Some(Open { class, digest: Some(digest), value }) = self.open.take() {
                    match value.and_then(|value| tokens.for_kept(class, &value)) {
                        Some(token) => self.out.push_str(&token),
                        None => self.out.push_str(tokens.for_value(class, &digest)),
                    }
                }
            }
            Event::TokenSeen(start, end) => {
                tokens.foreign(&raw[places.raw_start(start)..places.raw_end(end)]);
            }
            Event::Allowed(..) => {}
        }
    }

    fn begin(&mut self, hit: Hit, raw: &str, places: &impl Places, tokens: &mut Tokens, reversible: bool) {
        self.counts.add(hit.class, hit.confidence, true);
        let (class, start) = (hit.class, places.raw_start(hit.start));
        self.copy_to(raw, start);
        self.written = self.written.max(start);
        self.open = Some(if hit.tail == Tail::Pem {
            // Its token is put out before its end is known: a key block is not kept.
            self.out.push_str(&tokens.mint(class));
            Open { class, digest: None, value: None }
        } else {
            let value = reversible.then(|| Zeroizing::new(String::new()));
            Open { class, digest: Some(tokens.digest(class)), value }
        });
    }

    fn copy_to(&mut self, raw: &str, end: usize) {
        self.replaced = true;
        if end > self.written {
            self.out.push_str(&raw[self.written..end]);
        }
    }
}

/// How many bytes of a value a digest is fed at once; no limit on the value.
const FED_AT_ONCE_BYTES: usize = 64;

/// Feeds a value in the form in which two spellings of it are equal: addresses in small letters, numbers without
/// separators. A letter that is not ASCII counts as itself, not as its base letter.
fn feed(digest: &mut Digest, raw: &str, places: &impl Places, class: Class, start: usize, end: usize) {
    // One by one would cost more than all else that is done about a finding.
    let mut held = [0; FED_AT_ONCE_BYTES];
    let mut count = 0;
    for i in start..end {
        let symbol = places.symbol(i);
        let text = &raw.as_bytes()[places.raw_start(i)..places.raw_end(i + 1)];
        if !text.is_ascii() && (symbol.is_ascii_alphabetic() || symbol >= ALPHA_OTHER) {
            digest.feed(&held[..count]);
            digest.feed(text);
            count = 0;
            continue;
        }
        let symbol = match class {
            Class::Email => symbol.to_ascii_lowercase(),
            Class::Phone | Class::GovId | Class::Payment if !symbol.is_ascii_alphanumeric() => continue,
            Class::Phone | Class::GovId | Class::Payment => symbol.to_ascii_uppercase(),
            _ => symbol,
        };
        if count == held.len() {
            digest.feed(&held);
            count = 0;
        }
        held[count] = symbol;
        count += 1;
    }
    digest.feed(&held[..count]);
}

/// How many symbols behind the decided place a stream keeps for the rules that look back.
const KEPT_SYMBOLS: usize = 2 * LOOK_BEHIND_SYMBOLS_MAX;
/// How much a stream lets gather before it forgets what is decided.
const FORGET_SYMBOLS_MIN: usize = 4 * KEPT_SYMBOLS;

/// Redacts a text that arrives in chunks, such as the output of a model. Owns nothing but the text it still holds, so
/// that many streams of one conversation can share its policy and tokens; every call must be given the same ones.
///
/// However the text is cut, the outputs together are byte for byte what [`redact`] makes of the whole. Held back is
/// only what may still turn out to be the start of a finding: the last word or number, at most
/// [`CANDIDATE_SYMBOLS_MAX`](crate::CANDIDATE_SYMBOLS_MAX) characters and the few that decide on what follows.
///
/// A finding longer than that fails closed: once so much of it is seen it is taken for one, nothing of it is put out,
/// and its token follows when it ends. Of a private key block the token is put out at its first line and everything up
/// to the last line is swallowed, or to the end of the text if there is none within 64 KiB.
pub struct StreamState {
    raw: String,
    symbols: Symbols,
    engine: Engine,
    writer: Writer,
}

impl StreamState {
    /// Starts a stream.
    pub fn new(scanner: &Scanner) -> Self {
        Self {
            raw: String::new(),
            symbols: Symbols::default(),
            engine: scanner.start(),
            writer: Writer::default(),
        }
    }

    /// Takes the next chunk and returns what may be put out now, perhaps nothing.
    pub fn push(&mut self, chunk: &str, policy: &Policy, tokens: &mut Tokens) -> String {
        self.raw.push_str(chunk);
        self.advance(false, policy, tokens)
    }

    /// Ends the stream: the rest of the text. Nothing may be pushed after it.
    pub fn finish(&mut self, policy: &Policy, tokens: &mut Tokens) -> String {
        self.advance(true, policy, tokens)
    }

    /// What was found so far.
    pub fn counts(&self) -> Counts {
        self.writer.counts
    }

    /// How many bytes of text wait for more.
    pub fn held_bytes(&self) -> usize {
        self.raw.len() - self.writer.written
    }

    fn advance(&mut self, last: bool, policy: &Policy, tokens: &mut Tokens) -> String {
        let Self { raw, symbols, engine, writer } = self;
        symbols.read(raw, last);
        let window = Window { symbols: &symbols.bytes, last };
        engine.run(window, policy, &mut |event| writer.take(event, raw, symbols, policy, tokens));
        if !engine.in_swallow() {
            let decided = symbols.raw_start(engine.decided());
            writer.copy_to(raw, decided);
            writer.written = writer.written.max(decided);
        }
        self.forget();
        std::mem::take(&mut self.writer.out)
    }

    fn forget(&mut self) {
        let Some(n) = self.engine.decided().checked_sub(KEPT_SYMBOLS) else { return };
        if n < FORGET_SYMBOLS_MIN {
            return;
        }
        let raw = self.symbols.drop_front(n);
        self.raw.drain(..raw);
        self.writer.written -= raw;
        self.engine.drop_front(n);
    }
}

impl Drop for StreamState {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.raw.zeroize();
        self.symbols.bytes.zeroize();
        self.writer.out.zeroize();
    }
}

/// A [`StreamState`] together with the policy and tokens it works with.
pub struct StreamRedactor<'a> {
    state: StreamState,
    policy: &'a Policy,
    tokens: &'a mut Tokens,
}

impl<'a> StreamRedactor<'a> {
    /// Starts a stream.
    pub fn new(scanner: &Scanner, policy: &'a Policy, tokens: &'a mut Tokens) -> Self {
        Self { state: StreamState::new(scanner), policy, tokens }
    }

    /// Takes the next chunk and returns what may be put out now, perhaps nothing.
    pub fn push(&mut self, chunk: &str) -> String {
        self.state.push(chunk, self.policy, self.tokens)
    }

    /// Ends the stream: the rest of the text, and what was found in all of it.
    pub fn finish(mut self) -> (String, Counts) {
        let rest = self.state.finish(self.policy, self.tokens);
        (rest, self.state.counts())
    }

    /// What was found so far.
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// How many bytes of text wait for more.
    pub fn held_bytes(&self) -> usize {
        self.state.held_bytes()
    }
}
