//! What the tagger goes by when it decides on a word.

use crate::tagger::Tag;
use crate::tagger::lexicon::Flags;
use crate::tagger::model::ROWS;
use crate::tagger::words::{CAPITALS, Kind, Space, Word};

/// How many rows of weights are added up for a word.
pub(crate) const FEATURES: usize = 30;
/// Words seen on either side.
pub(crate) const AROUND: usize = 2;
/// For how many words a key such as `"name":` counts.
const KEY_WORDS_MAX: u32 = 14;
/// How many words of names a text remembers.
const NAMES_MAX: usize = 64;

/// The words around the one in question, and what was decided before it.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Two before, the word, two behind.
    pub(crate) words: [Word; 2 * AROUND + 1],
    pub(crate) tag1: Tag,
    pub(crate) tag2: Tag,
    key: u32,
    key_age: u32,
    names: [u32; NAMES_MAX],
    names_next: usize,
}

impl Default for Context {
    fn default() -> Self {
        let words = [Word::default(); 2 * AROUND + 1];
        Self { words, tag1: Tag::O, tag2: Tag::O, key: 0, key_age: 0, names: [0; NAMES_MAX], names_next: 0 }
    }
}

impl Context {
    /// The word in question.
    pub(crate) fn word(&self) -> &Word {
        &self.words[AROUND]
    }

    /// Moves on by one word, which was given this tag.
    #[inline]
    pub(crate) fn shift(&mut self, tag: Tag, next: Word) {
        self.tag2 = self.tag1;
        self.tag1 = tag;
        let [_, b, c, d, e] = self.words;
        self.words = [b, c, d, e, next];
        self.follow_key();
    }

    /// Keeps the name of the field the word stands in: `name:`, `"name": "`, `<name>`.
    #[inline]
    fn follow_key(&mut self) {
        let [before2, before, word, ..] = &self.words;
        self.key_age += 1;
        if before.kind == Kind::Sign && matches!(before.sign(), b':' | b'=' | b'>') {
            let named = match before2.sign() {
                0 => Some(before2),
                // The quote behind the name was the word before; the name is kept as a candidate below.
                b'"' | b'\'' if before.sign() != b'>' => None,
                _ => return,
            };
            if let Some(named) = named
                && named.kind == Kind::Word
            {
                self.key = named.last;
            }
            self.key_age = 0;
        } else if word.sign() != 0 && matches!(word.sign(), b'"' | b'\'') && before.kind == Kind::Word {
            // Perhaps the end of a name in quotes: it counts once a colon follows, which the next word will show.
            if self.words[AROUND + 1].sign() == b':' {
                self.key = before.last;
                self.key_age = 0;
            }
        }
        let ended = word.space == Space::Line || matches!(before.sign(), b';' | b'}' | b'|' | b'<');
        if ended && self.key_age > 0 {
            self.key = 0;
        }
    }

    fn key(&self) -> u32 {
        if self.key_age <= KEY_WORDS_MAX { self.key } else { 0 }
    }

    /// Remembers a word of a name.
    pub(crate) fn remember(&mut self, word: &Word) {
        let long = word.end - word.start >= 3;
        if word.kind == Kind::Word && long && !word.flags.has(Flags::COMMON) && !self.knows(word) {
            self.names[self.names_next % NAMES_MAX] = word.hash;
            self.names_next += 1;
        }
    }

    fn knows(&self, word: &Word) -> bool {
        self.names[..self.names_next.min(NAMES_MAX)].contains(&word.hash)
    }

    /// Whether the word may begin something or go on with it; for the rest nothing needs to be added up.
    #[inline]
    pub(crate) fn matters(&self) -> bool {
        const BEGINS: u16 = Flags::HEALTH | Flags::BIOMETRIC | Flags::CHILD | Flags::STREET;
        let word = self.word();
        if self.tag1.class().is_some() {
            return word.kind != Kind::Gap;
        }
        match word.kind {
            // `ORD-9484` is the number of an order, whoever is called Ord.
            Kind::Word if word.shape == CAPITALS && !word.flags.has(BEGINS) && self.is_numbered() => false,
            Kind::Word => {
                word.is_proud()
                    || word.flags.has(BEGINS)
                    || word.flags.has(Flags::GIVEN) && !word.flags.has(Flags::COMMON)
                    || self.words[..AROUND].iter().any(|w| w.flags.has(Flags::CUE | Flags::TITLE))
                    || self.key() != 0 && self.key_age <= 3
            }
            Kind::Number => self.words[AROUND + 1..]
                .iter()
                .any(|w| w.is_proud() || w.flags.has(Flags::STREET | Flags::CHILD)),
            _ => false,
        }
    }

    /// Whether a hyphen and a number are joined to the word.
    fn is_numbered(&self) -> bool {
        let [.., hyphen, number] = &self.words;
        let joined = hyphen.space == Space::None && number.space == Space::None;
        joined && hyphen.sign() == b'-' && matches!(number.kind, Kind::Number | Kind::Mixed)
    }

    /// The rows whose weights speak about the word. Apart from its caller, which keeps more in registers then.
    #[inline(never)]
    pub(crate) fn features(&self) -> [u32; FEATURES] {
        let [b2, b1, w, a1, a2] = &self.words;
        let (t1, t2) = (self.tag1 as u32, self.tag2 as u32);
        let flags = |w: &Word| u32::from(w.flags.0);
        let (f0, fb, fa) = (flags(w), flags(b1), flags(a1));
        let space = w.space as u32;
        let key = self.key();
        let known = u32::from(w.kind == Kind::Word && self.knows(w));
        let known_next = u32::from(a1.kind == Kind::Word && self.knows(a1));
        let opens = u32::from(
            b1.kind == Kind::Gap || matches!(b1.sign(), b'.' | b'!' | b'?') || w.space == Space::Line,
        );
        let with = w.shape << 16 | f0;
        [
            row(1, t1, 0, 0),
            row(2, w.hash, 0, 0),
            row(3, w.hash, w.shape, 0),
            row(4, w.head, 0, 0),
            row(5, w.tail, w.shape, 0),
            row(6, with, 0, 0),
            row(7, a1.hash, 0, 0),
            row(8, b1.hash, w.hash, 0),
            row(9, b2.hash, b1.hash, 0),
            row(10, a1.hash, a2.hash, 0),
            row(11, a1.hash, with, 0),
            row(12, fb, with, b1.shape),
            row(13, b1.shape, w.shape, a1.shape),
            row(14, t1, w.hash, 0),
            row(15, t1, with, space),
            row(16, t1, t2, with),
            row(17, t1, b1.hash, w.shape),
            row(18, t1, fa << 12 | a1.shape, w.shape),
            row(19, key, w.shape, 0),
            row(20, key, t1, w.shape << 2 | space),
            row(21, known << 1 | known_next, with, t1),
            row(22, b2.hash, w.shape, 0),
            row(23, opens, with, a1.shape),
            row(24, b2.shape << 9 | b1.shape, w.shape << 9 | a1.shape, a2.shape),
            row(25, fb, f0, fa),
            row(26, w.cluster, w.shape, opens),
            row(27, b1.cluster, with, 0),
            row(28, a1.cluster, with, 0),
            row(29, b1.cluster, w.cluster, w.shape),
            row(30, t1, w.cluster, w.shape),
        ]
    }
}

/// The row of a feature. A sum of products, so that what several features share is multiplied once.
#[inline]
fn row(feature: u32, a: u32, b: u32, c: u32) -> u32 {
    let sum = feature
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(a.wrapping_mul(0x85eb_ca6b))
        .wrapping_add(b.wrapping_mul(0xc2b2_ae35))
        .wrapping_add(c.wrapping_mul(0x27d4_eb2f));
    (sum ^ sum >> 15).wrapping_mul(0x2c1b_3c6d) >> (u32::BITS - ROWS.trailing_zeros())
}

/// The row that every word behind this tag has.
#[cfg(feature = "training")]
pub(crate) fn bias_row(before: Tag) -> u32 {
    row(1, before as u32, 0, 0)
}
