//! A fast keyed hash. Whoever does not know the key cannot choose inputs that collide.

use std::hash::{BuildHasher, Hasher};

/// Multiplies into 128 bits and folds the halves together.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of the product are wanted")]
#[inline]
pub(super) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Whether two texts are the same. Most are so short that a word or two of each decide it sooner than a call would.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    let len = a.len();
    if len != b.len() {
        return false;
    }
    // Two words that overlap hold all of it.
    match len {
        0..4 => a.first() == b.first() && a.get(len / 2) == b.get(len / 2) && a.last() == b.last(),
        4..8 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        _ => a == b,
    }
}

/// The key for maps whose keys are numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keyed(pub(crate) u64);

impl BuildHasher for Keyed {
    type Hasher = Numbers;

    fn build_hasher(&self) -> Numbers {
        Numbers(self.0)
    }
}

/// Hashes numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers(u64);

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = fold(self.0 ^ n, MIX);
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.write_u64(n.into());
    }
}
