//! Words, numbers and signs of a text: what the tagger looks at.

use crate::ascii::{self, ALNUM, ALPHA_ANY, DIGIT, LOWER, SPACE, UPPER};
use crate::rules::token;
use crate::tagger::lexicon::{Flags, Lexicon};
use crate::window::{Look, Window};

/// The longest word read at once, in symbols; what is longer goes on as another word.
const WORD_SYMBOLS_MAX: usize = 24;
/// So much white space, in symbols, is a word of its own, so that nothing waits for its end.
const GAP_SYMBOLS: usize = 16;

/// What a word is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters.
    Word,
    /// Digits.
    Number,
    /// Letters and digits, as in keys.
    Mixed,
    /// Any other symbol, alone.
    Sign,
    /// Much white space, or nothing: before the start and behind the end.
    #[default]
    Gap,
}

/// What lies between a word and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Space {
    /// Nothing.
    #[default]
    None,
    /// Spaces.
    Some,
    /// The end of a line.
    Line,
}

/// A word with all the tagger wants to know of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
    pub(crate) space: Space,
    /// Of the letters, all small.
    pub(crate) hash: u32,
    /// Of the first and the last letters.
    pub(crate) head: u32,
    pub(crate) tail: u32,
    /// Of the symbols as they are, but for capitals, also in numbers and keys.
    pub(crate) exact: u32,
    /// Of the last word in a name such as `fullName`.
    pub(crate) last: u32,
    /// How it is written: capitals, length of a number, which sign.
    pub(crate) shape: u32,
    pub(crate) flags: Flags,
    /// The cluster of words that are used alike; 0 is none.
    pub(crate) cluster: u32,
}

/// Shapes of words; those of numbers and signs follow.
pub(crate) const SMALL: u32 = 1;
pub(crate) const CAPITAL: u32 = 2;
pub(crate) const INITIAL: u32 = 3;
pub(crate) const CAPITALS: u32 = 4;
const CAMEL: u32 = 5;
const FOREIGN: u32 = 6;
const MIXED: u32 = 7;
const NUMBER: u32 = 16;
const SIGN: u32 = 256;

impl Word {
    /// Letters that begin with a capital, or that know none.
    pub(crate) fn is_proud(&self) -> bool {
        self.kind == Kind::Word && self.shape != SMALL
    }

    /// The sign it is, or 0.
    pub(crate) fn sign(&self) -> u8 {
        if self.kind == Kind::Sign { u8::try_from(self.shape - SIGN).unwrap_or(0) } else { 0 }
    }
}

pub(crate) const HASH_SEED: u32 = 0x811c_9dc5;

/// One more symbol of a word. Letters count as small ones.
#[inline]
pub(crate) fn hashed(hash: u32, symbol: u8) -> u32 {
    let small = if symbol.is_ascii_uppercase() { symbol | 32 } else { symbol };
    (hash ^ u32::from(small)).wrapping_mul(0x0100_0193)
}

/// The hash of a word.
pub(crate) fn hash_of(word: &[u8]) -> u32 {
    word.iter().fold(HASH_SEED, |hash, b| hashed(hash, *b))
}

/// The word at or behind `at`; `None` at the end of the text.
#[inline]
pub(crate) fn next(lexicon: &Lexicon<'_>, window: Window<'_>, at: usize) -> Look<Option<Word>> {
    let mut start = at;
    let mut space = Space::None;
    loop {
        let symbol = window.at(start)?;
        if symbol == ascii::END && start >= window.symbols.len() {
            return Ok(None);
        }
        match symbol {
            b'\n' => space = Space::Line,
            _ if ascii::is(symbol, SPACE) => {
                if space == Space::None {
                    space = Space::Some;
                }
            }
            _ => break,
        }
        start += 1;
        if start - at == GAP_SYMBOLS {
            return Ok(Some(Word { start, end: start, space, ..Word::default() }));
        }
    }
    let symbol = window.symbols[start];
    if ascii::is(symbol, ALNUM) {
        return run(lexicon, window, start, space).map(Some);
    }
    let end = if symbol == b'<' { token::lookalike(window, start)?.unwrap_or(start + 1) } else { start + 1 };
    let hash = hashed(HASH_SEED, symbol);
    let shape = SIGN + u32::from(symbol);
    let word =
        Word { start, end, kind: Kind::Sign, space, hash, exact: hash, last: hash, shape, ..Word::default() };
    Ok(Some(word))
}

/// A run of letters and digits.
fn run(lexicon: &Lexicon<'_>, window: Window<'_>, start: usize, space: Space) -> Look<Word> {
    let first = ascii::kind(window.symbols[start]) & DIGIT;
    let limit = start + WORD_SYMBOLS_MAX;
    let mut kinds = 0;
    let mut end = start;
    // Where digits give way to letters: `12mg` are two words.
    let mut turn = None;
    let mut turns = 0;
    while end < limit {
        let kind = ascii::kind(window.at(end)?);
        if kind & ALNUM == 0 {
            break;
        }
        if end > start && (kind & DIGIT != 0) != (ascii::kind(window.symbols[end - 1]) & DIGIT != 0) {
            turns += 1;
            turn.get_or_insert(end);
        }
        kinds |= kind;
        end += 1;
    }
    let mut word = Word { start, end, space, ..Word::default() };
    if let Some(turn) = turn {
        if first != 0 && turns == 1 && end - turn <= 6 {
            word.end = turn;
            number(&mut word, &window.symbols[start..turn]);
            word.exact = hash_of(&window.symbols[start..turn]);
            return Ok(word);
        }
        word.kind = Kind::Mixed;
        word.shape = MIXED;
        word.exact = hash_of(&window.symbols[start..end]);
        word.hash = u32::try_from(end - start).unwrap_or(0);
        return Ok(word);
    }
    if kinds & DIGIT != 0 {
        number(&mut word, &window.symbols[start..end]);
        word.exact = hash_of(&window.symbols[start..end]);
    } else {
        letters(&mut word, &window.symbols[start..end], kinds);
        word.exact = word.hash;
        (word.flags, word.cluster) = lexicon.entry(word.hash, end - start);
    }
    Ok(word)
}

fn number(word: &mut Word, digits: &[u8]) {
    let len = u32::try_from(digits.len()).unwrap_or(u32::MAX);
    let value = digits.iter().take(4).fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    word.kind = Kind::Number;
    // The age of a child, of a grown person, a year, or only a length.
    word.shape = NUMBER
        + match (len, value) {
            (1 | 2, 0..=17) => 0,
            (2, _) => 1,
            (4, 1900..=2099) => 2,
            _ => 2 + len.min(9),
        };
    word.hash = word.shape;
    if len <= 2 {
        word.hash = word.hash.wrapping_mul(128) + value;
    }
    word.last = word.hash;
}

fn letters(word: &mut Word, letters: &[u8], kinds: u8) {
    word.kind = Kind::Word;
    let n = letters.len();
    let (mut hash, mut last, mut capitals) = (HASH_SEED, HASH_SEED, 0);
    for (i, b) in letters.iter().enumerate() {
        hash = hashed(hash, *b);
        if i == 2 || (i < 2 && i + 1 == n) {
            word.head = hash;
        }
        if b.is_ascii_uppercase() {
            capitals += 1;
            if i > 0 && letters[i - 1].is_ascii_lowercase() {
                last = HASH_SEED;
            }
        }
        last = hashed(last, *b);
    }
    word.hash = hash;
    word.last = last;
    word.tail = hash_of(&letters[n.saturating_sub(3)..]);
    word.shape = if kinds & ALPHA_ANY != 0 && kinds & (UPPER | LOWER) == 0 {
        FOREIGN
    } else if !letters[0].is_ascii_uppercase() {
        if capitals > 0 { CAMEL } else { SMALL }
    } else if n == 1 {
        INITIAL
    } else if capitals == n {
        CAPITALS
    } else if capitals == 1 {
        CAPITAL
    } else {
        CAMEL
    };
}
