//! Letters as the model's word pieces are written: small, without accents, each with the place in the text it came from.
//!
//! This is the normalisation of BERT's uncased models: control characters vanish, blanks part words, signs and CJK
//! characters are words of their own, letters are decomposed and lose their accents, then their case.

use std::ops::Range;

use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// A letter of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// How the word pieces write it.
    pub(crate) char: char,
    /// Where the character it came from starts, in bytes of text.
    pub(crate) start: usize,
    /// Where that ends.
    pub(crate) end: usize,
}

/// The words of a text, as ranges of its letters.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) letters: Vec<Letter>,
    pub(crate) words: Vec<Range<usize>>,
}

impl Words {
    pub(crate) fn of(text: &str) -> Self {
        let mut words = Self::default();
        let mut first = 0;
        for (start, c) in text.char_indices() {
            if is_nothing(c) {
                continue;
            }
            if c.is_whitespace() {
                first = words.part(first);
                continue;
            }
            let alone = is_ideograph(c);
            if alone {
                first = words.part(first);
            }
            let place = (start, start + c.len_utf8());
            decompose_canonical(c, |c| {
                if c.general_category() != GeneralCategory::NonspacingMark {
                    for small in c.to_lowercase() {
                        first = words.take(first, small, place);
                    }
                }
            });
            if alone {
                first = words.part(first);
            }
        }
        words.part(first);
        words
    }

    /// Takes a letter; a sign is a word of its own. Answers where the word under way starts.
    fn take(&mut self, first: usize, char: char, (start, end): (usize, usize)) -> usize {
        let letter = Letter { char, start, end };
        if !is_sign(char) {
            self.letters.push(letter);
            return first;
        }
        let first = self.part(first);
        self.letters.push(letter);
        self.part(first)
    }

    /// Ends the word that starts at letter `first`, if there is one; answers where the next one starts.
    fn part(&mut self, first: usize) -> usize {
        let next = self.letters.len();
        if next > first {
            self.words.push(first..next);
        }
        next
    }
}

/// Characters without a meaning of their own.
fn is_nothing(c: char) -> bool {
    if matches!(c, '\t' | '\n' | '\r') {
        return false;
    }
    let category = || c.general_category();
    matches!(c, '\0' | '\u{fffd}')
        || c.is_ascii_control()
        || (!c.is_ascii()
            && matches!(
                category(),
                GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse
            ))
}

fn is_sign(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// The blocks that BERT calls Chinese: CJK unified ideographs, their extensions and compatibility forms.
fn is_ideograph(c: char) -> bool {
    matches!(
        c,
        '\u{4e00}'..='\u{9fff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{20000}'..='\u{2a6df}'
            | '\u{2a700}'..='\u{2b73f}'
            | '\u{2b740}'..='\u{2b81f}'
            | '\u{2b920}'..='\u{2ceaf}'
            | '\u{f900}'..='\u{faff}'
            | '\u{2f800}'..='\u{2fa1f}'
    )
}
