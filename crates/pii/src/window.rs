//! The part of a text that has arrived, seen by the rules.

use crate::ascii::{self, ALNUM, END};
use crate::class::Class;
use crate::policy::{Mode, Policy};

/// How far, in symbols, a rule may look behind the place where it starts.
pub(crate) const LOOK_BEHIND_SYMBOLS_MAX: usize = 128;
/// The longest candidate, in symbols, that is held until its end is seen. A longer one is taken as soon as this much
/// of it has been seen, and the rest of it is swallowed.
pub const CANDIDATE_SYMBOLS_MAX: usize = 96;

/// The answer depends on text that has not arrived yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending;

/// A rule's answer, or `Pending`.
///
/// A rule that answers has seen all the text its answer depends on. This is why chunks cannot change what is found:
/// the same rule asked at the same place gives the same answer however much more text is there.
pub(crate) type Look<T> = Result<T, Pending>;

/// Symbols that have arrived, and whether more may come.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) symbols: &'a [u8],
    pub(crate) last: bool,
}

impl<'a> Window<'a> {
    /// The symbol at `i`; `END` beyond the end of the whole text.
    #[inline]
    pub(crate) fn at(&self, i: usize) -> Look<u8> {
        match self.symbols.get(i) {
            Some(symbol) => Ok(*symbol),
            None if self.last => Ok(END),
            None => Err(Pending),
        }
    }

    /// The symbol before `i`; `END` at the start of the text.
    #[inline]
    pub(crate) fn before(&self, i: usize) -> u8 {
        i.checked_sub(1).map_or(END, |k| self.symbols[k])
    }

    /// Up to `n` symbols before `i`.
    pub(crate) fn behind(&self, i: usize, n: usize) -> &'a [u8] {
        &self.symbols[i.saturating_sub(n.min(LOOK_BEHIND_SYMBOLS_MAX))..i]
    }

    /// The end of the longest stretch from `i` whose symbols all satisfy `wanted`, at most `max` symbols long.
    #[inline]
    pub(crate) fn span(&self, i: usize, max: usize, wanted: impl Fn(u8) -> bool) -> Look<usize> {
        for k in i..i + max {
            let symbol = self.at(k)?;
            // END is never wanted, or a span would run past the end of the text.
            if symbol == END || !wanted(symbol) {
                return Ok(k);
            }
        }
        Ok(i + max)
    }

    /// Whether the text from `i` reads `word`, in any case. `word` is lower-case ASCII.
    pub(crate) fn reads(&self, i: usize, word: &[u8]) -> Look<bool> {
        for (k, b) in word.iter().enumerate() {
            if self.at(i + k)?.to_ascii_lowercase() != *b {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a word ends before `i`: the symbol there is no letter or digit.
    pub(crate) fn ends_at(&self, i: usize) -> Look<bool> {
        Ok(!ascii::is(self.at(i)?, ALNUM))
    }
}

/// How an unfinished candidate goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It is complete.
    Closed,
    /// Symbols of a key or token: letters, digits, `_ - . ~ + / =`.
    Key,
    /// Symbols of a host name.
    Host,
    /// Anything up to a space, a quote or an angle bracket.
    Bare,
    /// Anything up to this quote or the end of the line.
    Quoted(u8),
    /// Anything up to the `-----END …-----` line.
    Pem,
}

impl Tail {
    /// Whether the candidate still goes on at this symbol.
    pub(crate) fn holds(self, symbol: u8) -> bool {
        match self {
            Self::Closed => false,
            Self::Key => is_key_symbol(symbol),
            Self::Host => ascii::is(symbol, ALNUM) || matches!(symbol, b'-' | b'.'),
            Self::Bare => is_bare_symbol(symbol),
            Self::Quoted(quote) => symbol != quote && symbol != b'\n',
            Self::Pem => true,
        }
    }
}

pub(crate) fn is_key_symbol(symbol: u8) -> bool {
    symbol.is_ascii_alphanumeric() || matches!(symbol, b'_' | b'-' | b'.' | b'~' | b'+' | b'/' | b'=')
}

pub(crate) fn is_bare_symbol(symbol: u8) -> bool {
    symbol > b' ' && !matches!(symbol, b'"' | b'`' | b'<' | b'>')
}

/// A finding, in symbols.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) class: Class,
    pub(crate) kind: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) tail: Tail,
    pub(crate) confidence: f32,
}

impl Hit {
    pub(crate) fn new(class: Class, kind: &'static str, rule: &'static str, confidence: f32) -> Self {
        Self { class, kind, rule, start: 0, end: 0, tail: Tail::Closed, confidence }
    }

    pub(crate) fn at(self, start: usize, end: usize) -> Self {
        Self { start, end, ..self }
    }

    pub(crate) fn tail(self, tail: Tail) -> Self {
        Self { tail, ..self }
    }
}

/// Keeps the best of the findings offered for one place, as the policy sees it.
pub(crate) struct Best<'a> {
    policy: &'a Policy,
    /// Only findings that would be redacted count: the place lies inside one that is only flagged.
    strict_only: bool,
    hit: Option<Hit>,
}

impl<'a> Best<'a> {
    pub(crate) fn new(policy: &'a Policy, strict_only: bool) -> Self {
        Self { policy, strict_only, hit: None }
    }

    pub(crate) fn offer(&mut self, hit: Hit) {
        let mode = self.policy.mode(hit.class);
        if mode == Mode::Off
            || hit.confidence < self.policy.threshold(hit.class)
            || (self.strict_only && !mode.replaces())
        {
            return;
        }
        let rank = |h: &Hit| {
            let open = h.tail != Tail::Closed;
            (self.policy.mode(h.class).replaces(), open, h.end, h.confidence)
        };
        if self.hit.as_ref().is_none_or(|held| rank(&hit) > rank(held)) {
            self.hit = Some(hit);
        }
    }

    pub(crate) fn take(self) -> Option<Hit> {
        self.hit
    }
}
