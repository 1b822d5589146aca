//! The weights, and what they say about a word.

use crate::class::Class;
use crate::tagger::lexicon::Lexicon;
use crate::tagger::{TAGS, Tag};

/// Rows of weights; features share them by their hashes.
pub(crate) const ROWS: u32 = 1 << 18;
/// What the file starts with.
pub(crate) const MAGIC: &[u8; 8] = b"PCTAGGR2";
/// Points of a calibration curve: the confidence for a raw one of 0, 1/10, …, 1.
pub(crate) const CURVE_POINTS: usize = 11;
/// Classes the tagger knows, in the order of their curves.
pub(crate) const CLASSES: [Class; 5] =
    [Class::Person, Class::Address, Class::Health, Class::Minor, Class::Biometric];
/// Lanes added at once; those beyond [`TAGS`] belong to the next row and are not looked at.
const LANES: usize = 16;

/// Where the parts of the file start.
pub(crate) const SCALE_AT: usize = MAGIC.len();
pub(crate) const CURVES_AT: usize = SCALE_AT + 4;
pub(crate) const WEIGHTS_AT: usize = CURVES_AT + CLASSES.len() * CURVE_POINTS;
pub(crate) const LEXICON_AT: usize = WEIGHTS_AT + ROWS as usize * TAGS + LANES;
/// The size of the file, in bytes.
pub(crate) const FILE_BYTES: usize = LEXICON_AT + Lexicon::BYTES;

/// The weights that are part of the program. Made by `examples/train_tagger`.
static EMBEDDED: &[u8; FILE_BYTES] = include_bytes!("../../data/tagger.bin");

/// Weights with a scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'a> {
    bytes: &'a [u8],
    scale: f32,
}

impl Model<'static> {
    /// The weights that are part of the program.
    pub(crate) fn embedded() -> Self {
        Self::read(EMBEDDED)
    }
}

impl<'a> Model<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        let b = &bytes[SCALE_AT..CURVES_AT];
        Self { bytes, scale: f32::from_le_bytes([b[0], b[1], b[2], b[3]]) }
    }

    pub(crate) fn lexicon(&self) -> Lexicon<'a> {
        Lexicon::new(&self.bytes[LEXICON_AT..])
    }

    /// The sums for each tag.
    #[inline]
    pub(crate) fn scores(&self, features: &[u32]) -> [i16; TAGS] {
        let mut scores = [0; TAGS];
        scores.copy_from_slice(&self.sums(features)[..TAGS]);
        scores
    }

    /// All lanes are wanted here, so that a row is two vectors of eight; twelve of them would be three of four.
    #[inline(never)]
    fn sums(&self, features: &[u32]) -> [i16; LANES] {
        let mut sums = [0_i16; LANES];
        for feature in features {
            let at = WEIGHTS_AT + *feature as usize * TAGS;
            if let Some(row) = self.bytes.get(at..at + LANES) {
                for (sum, weight) in sums.iter_mut().zip(row) {
                    *sum += i16::from(weight.cast_signed());
                }
            }
        }
        sums
    }

    /// How likely the tag is, 0 to 1, by these sums.
    pub(crate) fn probability(&self, scores: &[i16; TAGS], tag: Tag) -> f32 {
        let own = scores[tag as usize];
        let all: f32 =
            exps(scores.map(|score| f32::from(score.saturating_sub(own)) * self.scale)).iter().sum();
        1.0 / all
    }

    /// How likely one tag is of two, by their sums, 0 to 1.
    pub(crate) fn likely(&self, one: i16, other: i16) -> f32 {
        1.0 / (1.0 + exps([f32::from(other.saturating_sub(one)) * self.scale])[0])
    }

    /// The confidence for a raw one: on the development data, nine in ten of those at 0.9 were right.
    pub(crate) fn calibrated(&self, class: Class, raw: f32) -> f32 {
        let Some(i) = CLASSES.iter().position(|known| *known == class) else { return raw };
        let curve = &self.bytes[CURVES_AT + i * CURVE_POINTS..][..CURVE_POINTS];
        let place = raw.clamp(0.0, 1.0) * 10.0;
        let mut left = 0_u8;
        while left < 9 && f32::from(left + 1) <= place {
            left += 1;
        }
        let [from, to] =
            [curve[usize::from(left)], curve[usize::from(left) + 1]].map(|b| f32::from(b) / 255.0);
        from + (to - from) * (place - f32::from(left))
    }
}

/// Squarings at the end of [`exp`].
const DOUBLINGS: u8 = 10;

/// The exponential function in plain arithmetic, the same on every machine. Within one part in ten thousand.
#[cfg(feature = "training")]
pub(crate) fn exp(x: f32) -> f32 {
    exps([x])[0]
}

/// The same for several at once, step by step, so that a processor takes the steps for all of them together.
#[inline]
fn exps<const N: usize>(xs: [f32; N]) -> [f32; N] {
    let mut ys = xs.map(|x| {
        let x = x.clamp(-60.0, 60.0) / 1024.0;
        1.0 + x * (1.0 + x * (0.5 + x / 6.0))
    });
    for _ in 0..DOUBLINGS {
        ys = ys.map(|y| y * y);
    }
    ys
}
