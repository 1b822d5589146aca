//! Finding without changing.

use std::ops::Range;
use std::sync::Arc;

use crate::class::Class;
use crate::engine::{Engine, Event};
use crate::explain::explanation;
use crate::lists::Lists;
use crate::policy::Policy;
use crate::rules::Rules;
use crate::second::Second;
use crate::symbols::{Symbols, is_plain};
use crate::window::{Hit, Window};

/// One finding in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// What it is.
    pub class: Class,
    /// What it is exactly, such as `us_ssn` or `iban`.
    pub kind: &'static str,
    /// Where it is, in bytes; both ends are character boundaries.
    pub range: Range<usize>,
    /// How sure the rule is, 0 to 1.
    pub confidence: f32,
    /// The rule that found it, for explanations and tests.
    pub rule: &'static str,
}

impl Match {
    /// Why the rule believed it, in a sentence that holds nothing of the text.
    pub fn explanation(&self) -> &'static str {
        explanation(self.rule)
    }
}

/// The compiled rules. Made once and shared.
#[derive(Clone, Debug)]
pub struct Scanner {
    rules: Arc<Rules>,
    lists: Arc<Lists>,
    report_all: Policy,
}

impl Scanner {
    /// Compiles the rules.
    pub fn new() -> Self {
        Self::with_lists(Lists::default())
    }

    /// Compiles the rules, with words that are never a finding and words that always are.
    pub fn with_lists(lists: Lists) -> Self {
        Self { rules: Arc::new(Rules::new()), lists: Arc::new(lists), report_all: Policy::report_all() }
    }

    /// The same rules, with other words that are never a finding and other words that always are.
    #[must_use]
    pub fn listing(&self, lists: Lists) -> Self {
        Self { lists: Arc::new(lists), ..self.clone() }
    }

    /// A pass over one text.
    pub(crate) fn start(&self) -> Engine {
        Engine::new(Arc::clone(&self.rules), Arc::clone(&self.lists))
    }

    /// Everything found in the text, whatever its confidence, in order and without overlap.
    ///
    /// The time is linear in the length of the text for every text.
    pub fn scan(&self, text: &str) -> Vec<Match> {
        self.scan_with(text, &self.report_all)
    }

    /// What the policy makes of the text: only findings at or above its thresholds compete.
    ///
    /// Findings do not overlap, except that a strict one may lie inside a flagged one.
    pub fn scan_with(&self, text: &str, policy: &Policy) -> Vec<Match> {
        let view = View::of(text);
        let mut matches = Matches::new(&view);
        let window = Window { symbols: view.bytes(), last: true };
        self.start().run(window, policy, &mut |event| matches.take(event));
        matches.in_order()
    }

    /// [`Scanner::scan_with`], with a second reader for the sentences in which the tagger is not sure. What it finds comes
    /// besides; all that [`Scanner::scan_with`] finds is there, as it is.
    pub fn scan_twice(&self, text: &str, policy: &Policy, second: &mut Second<'_>) -> Vec<Match> {
        let view = View::of(text);
        let mut matches = Matches::new(&view);
        for event in second.events(self, text, &view, policy) {
            matches.take(event);
        }
        matches.in_order()
    }

    /// What its owner knows better.
    pub(crate) fn lists(&self) -> &Lists {
        &self.lists
    }
}

/// Turns events into findings.
struct Matches<'a> {
    view: &'a View<'a>,
    found: Vec<Match>,
    /// The long finding under way, and how far it goes so far.
    open: Option<(Hit, usize)>,
    /// Behind the last finding, in symbols.
    end: usize,
}

impl<'a> Matches<'a> {
    fn new(view: &'a View<'a>) -> Self {
        Self { view, found: Vec::new(), open: None, end: 0 }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Found(hit) => self.push(&hit, hit.end),
            Event::Begin(hit) => self.open = Some((hit, hit.end)),
            Event::Part(_, end) => {
                if let Some((_, to)) = &mut self.open {
                    *to = end;
                }
            }
            Event::Finish => {
                if let Some((hit, end)) = self.open.take() {
                    self.push(&hit, end);
                }
            }
            Event::TokenSeen(..) | Event::Allowed(..) => {}
        }
    }

    fn push(&mut self, hit: &Hit, end: usize) {
        let mut found = self.view.found(hit, end);
        if hit.start >= self.end {
            // A character that reads as several may hold the end of one and the start of the next: the first has it.
            found.range.start = found.range.start.max(self.view.raw_end(self.end));
        }
        if !found.range.is_empty() {
            self.end = end;
            self.found.push(found);
        }
    }

    fn in_order(self) -> Vec<Match> {
        let mut found = self.found;
        found.sort_by_key(|m| (m.range.start, m.range.end));
        found
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// A whole text and its symbols.
pub(crate) enum View<'a> {
    /// Every byte is its own symbol.
    Plain(&'a str),
    Mapped(Symbols),
}

impl<'a> View<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        if is_plain(text) {
            return Self::Plain(text);
        }
        let mut symbols = Symbols::default();
        symbols.read(text, true);
        Self::Mapped(symbols)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text.as_bytes(),
            Self::Mapped(symbols) => &symbols.bytes,
        }
    }

    /// The symbols that a stretch of the text is made of, or touches.
    pub(crate) fn symbols_of(&self, raw: &Range<usize>) -> Range<usize> {
        match self {
            Self::Plain(_) => raw.clone(),
            Self::Mapped(symbols) => symbols.within(raw),
        }
    }

    fn found(&self, hit: &Hit, end: usize) -> Match {
        let range = self.raw_start(hit.start)..self.raw_end(end);
        Match { class: hit.class, kind: hit.kind, range, confidence: hit.confidence, rule: hit.rule }
    }
}

/// The way from symbols back to bytes of text.
pub(crate) trait Places {
    fn raw_start(&self, symbol: usize) -> usize;
    fn raw_end(&self, symbol: usize) -> usize;
    fn symbol(&self, i: usize) -> u8;
}

impl Places for Symbols {
    fn raw_start(&self, symbol: usize) -> usize {
        Symbols::raw_start(self, symbol)
    }

    fn raw_end(&self, symbol: usize) -> usize {
        Symbols::raw_end(self, symbol)
    }

    fn symbol(&self, i: usize) -> u8 {
        self.bytes[i]
    }
}

impl Places for View<'_> {
    fn raw_start(&self, symbol: usize) -> usize {
        match self {
            Self::Plain(_) => symbol,
            Self::Mapped(symbols) => symbols.raw_start(symbol),
        }
    }

    fn raw_end(&self, symbol: usize) -> usize {
        match self {
            Self::Plain(_) => symbol,
            Self::Mapped(symbols) => symbols.raw_end(symbol),
        }
    }

    fn symbol(&self, i: usize) -> u8 {
        self.bytes()[i]
    }
}
