//! What lists say of words: a table of fingerprints inside the weights.

/// Slots of the table, a power of two.
pub(crate) const SLOTS: usize = 1 << 17;
/// Bits of a slot that hold flags; the rest is the fingerprint.
const FLAG_BITS: u32 = 12;
/// How far a word may lie from its own slot.
const PROBES_MAX: usize = 256;
/// The longest word in the lists, in symbols.
const LISTED_SYMBOLS_MAX: usize = 24;

/// What a word is known to be, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u16);

impl Flags {
    pub(crate) const GIVEN: u16 = 1;
    #[cfg(feature = "training")]
    pub(crate) const FAMILY: u16 = 1 << 1;
    pub(crate) const STREET: u16 = 1 << 2;
    #[cfg(feature = "training")]
    pub(crate) const PLACE: u16 = 1 << 3;
    pub(crate) const HEALTH: u16 = 1 << 4;
    pub(crate) const BIOMETRIC: u16 = 1 << 5;
    pub(crate) const CHILD: u16 = 1 << 6;
    pub(crate) const TITLE: u16 = 1 << 7;
    /// Words before names: `contact`, `patient`, `name`.
    pub(crate) const CUE: u16 = 1 << 8;
    #[cfg(feature = "training")]
    pub(crate) const GROUP: u16 = 1 << 9;
    /// Written small in ordinary text.
    pub(crate) const COMMON: u16 = 1 << 10;
    #[cfg(feature = "training")]
    pub(crate) const DATE: u16 = 1 << 11;

    #[inline]
    pub(crate) fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }
}

/// The table, in little-endian words of 32 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexicon<'a>(&'a [u8]);

/// The slot of a word, and its fingerprint, never 0.
fn place(hash: u32) -> (usize, u32) {
    let mixed = (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d);
    let mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
    let fingerprint = (hash.wrapping_mul(0x9e37_79b1) >> FLAG_BITS) | 1;
    ((mixed >> 15) as usize & (SLOTS - 1), fingerprint)
}

impl<'a> Lexicon<'a> {
    pub(crate) const BYTES: usize = SLOTS * 4;

    pub(crate) fn new(table: &'a [u8]) -> Self {
        Self(table)
    }

    fn slot(&self, i: usize) -> u32 {
        let at = (i & (SLOTS - 1)) * 4;
        self.0.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// What the lists say of the word with this hash.
    #[inline]
    pub(crate) fn flags(&self, hash: u32, symbols: usize) -> Flags {
        if !(2..=LISTED_SYMBOLS_MAX).contains(&symbols) {
            return Flags::default();
        }
        let (start, fingerprint) = place(hash);
        for i in start..start + PROBES_MAX {
            let slot = self.slot(i);
            if slot == 0 {
                break;
            }
            if slot >> FLAG_BITS == fingerprint {
                return Flags(u16::try_from(slot & ((1 << FLAG_BITS) - 1)).unwrap_or(0));
            }
        }
        Flags::default()
    }
}

/// Puts words into a table; `false` when there is no room near a word's own slot.
#[cfg(feature = "training")]
pub(crate) fn insert(table: &mut [u32], hash: u32, flags: u16) -> bool {
    let (start, fingerprint) = place(hash);
    for i in start..start + PROBES_MAX {
        let slot = &mut table[i & (SLOTS - 1)];
        if *slot == 0 || *slot >> FLAG_BITS == fingerprint {
            *slot = *slot | fingerprint << FLAG_BITS | u32::from(flags);
            return true;
        }
    }
    false
}
