//! Words cut into the pieces the model knows: always the longest that fits.

use std::collections::HashMap;
use std::ops::Range;

use crate::normal::{Letter, Words};

/// A longer word is read as one that is not known, in characters.
const WORD_CHARS_MAX: usize = 100;
/// What a piece that goes on with a word starts with.
const GOES_ON: &str = "##";

/// What stands for a word that cannot be put together of pieces.
const UNKNOWN: &str = "[UNK]";
/// What stands before a sentence.
const FIRST: &str = "[CLS]";
/// What stands behind it.
const LAST: &str = "[SEP]";

/// The words of a text in pieces.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    /// The pieces, by their number in the vocabulary.
    pub(crate) pieces: Vec<u32>,
    /// The words.
    pub(crate) words: Vec<Word>,
}

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Its pieces.
    pub(crate) pieces: Range<usize>,
    /// Its place in the text, in bytes.
    pub(crate) place: Range<usize>,
    /// Whether it is a sign.
    pub(crate) sign: bool,
}

/// All pieces there are.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    numbers: HashMap<Box<str>, u32>,
    /// The most characters in a piece.
    chars_max: usize,
    unknown: u32,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Vocabulary {
    /// Reads it: a piece a line, numbered from 0. `None` when one of those that have a meaning is missing.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let numbers: HashMap<Box<str>, u32> =
            (0_u32..).zip(text.lines()).map(|(n, piece)| (piece.into(), n)).collect();
        let [unknown, first, last] = [UNKNOWN, FIRST, LAST].map(|piece| numbers.get(piece).copied());
        let chars_max = numbers.keys().map(|piece| piece.chars().count()).max()?;
        Some(Self { numbers, chars_max, unknown: unknown?, first: first?, last: last? })
    }

    /// The words of a text in pieces. What reads like one of the marks, such as `[SEP]`, is a word like any other: a text
    /// cannot end its own sentence.
    pub(crate) fn cut(&self, text: &str) -> Cut {
        let Words { letters, words } = Words::of(text);
        let mut cut = Cut::default();
        for word in words {
            let letters = &letters[word];
            let (Some(first), Some(last)) = (letters.first(), letters.last()) else { continue };
            let start = cut.pieces.len();
            self.cut_word(letters, &mut cut.pieces);
            let sign = letters.len() == 1 && !first.char.is_alphanumeric();
            cut.words.push(Word { pieces: start..cut.pieces.len(), place: first.start..last.end, sign });
        }
        cut
    }

    fn cut_word(&self, letters: &[Letter], pieces: &mut Vec<u32>) {
        let before = pieces.len();
        let mut at = 0;
        while at < letters.len() && letters.len() <= WORD_CHARS_MAX {
            let Some((number, chars)) = self.longest(&letters[at..], at > 0) else { break };
            pieces.push(number);
            at += chars;
        }
        if at < letters.len() {
            pieces.truncate(before);
            pieces.push(self.unknown);
        }
    }

    /// The longest piece that the letters start with, and of how many letters it is.
    fn longest(&self, letters: &[Letter], goes_on: bool) -> Option<(u32, usize)> {
        let mut piece = String::from(if goes_on { GOES_ON } else { "" });
        let chars = letters.len().min(self.chars_max);
        piece.extend(letters[..chars].iter().map(|letter| letter.char));
        for left in (1..=chars).rev() {
            if let Some(number) = self.numbers.get(piece.as_str()) {
                return Some((*number, left));
            }
            piece.pop();
        }
        None
    }
}
