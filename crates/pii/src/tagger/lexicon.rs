//! What lists say of words: a table of fingerprints inside the weights.
//!
//! A slot is a word of 32 bits: a fingerprint of seventeen, a cluster of eight, and the number of a combination of flags. The
//! combinations stand before the slots; there are a hundred of them, so that more of a slot is left for the fingerprint.

/// Slots of the table, a power of two.
const SLOTS: usize = 1 << 18;
/// Bits of a slot that hold the number of a combination of flags.
const COMBINATION_BITS: u32 = 7;
/// Combinations of flags there may be.
const COMBINATIONS: usize = 1 << COMBINATION_BITS;
/// Bits above them that hold the cluster of words used alike; the rest is the fingerprint.
const CLUSTER_BITS: u32 = 8;
/// Below the fingerprint.
const BELOW: u32 = COMBINATION_BITS + CLUSTER_BITS;
/// Where the slots start.
const SLOTS_AT: usize = COMBINATIONS * 2;
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

/// The table: combinations of flags in words of 16 bits, then slots in words of 32, all little-endian.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexicon<'a>(&'a [u8]);

/// The slot of a word, and its fingerprint, never 0.
fn place(hash: u32) -> (usize, u32) {
    let mixed = (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d);
    let mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
    let fingerprint = (hash.wrapping_mul(0x9e37_79b1) >> BELOW) | 1;
    ((mixed >> 14) as usize & (SLOTS - 1), fingerprint)
}

impl<'a> Lexicon<'a> {
    pub(crate) const BYTES: usize = SLOTS_AT + SLOTS * 4;

    pub(crate) fn new(table: &'a [u8]) -> Self {
        Self(table)
    }

    fn slot(&self, i: usize) -> u32 {
        let at = SLOTS_AT + (i & (SLOTS - 1)) * 4;
        self.0.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn combination(&self, slot: u32) -> Flags {
        let at = (slot as usize & (COMBINATIONS - 1)) * 2;
        Flags(self.0.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]])))
    }

    /// What the lists say of the word with this hash, and its cluster; 0 is none.
    #[inline]
    pub(crate) fn entry(&self, hash: u32, symbols: usize) -> (Flags, u32) {
        if !(2..=LISTED_SYMBOLS_MAX).contains(&symbols) {
            return (Flags::default(), 0);
        }
        let (start, fingerprint) = place(hash);
        for i in start..start + PROBES_MAX {
            let slot = self.slot(i);
            if slot == 0 {
                break;
            }
            if slot >> BELOW == fingerprint {
                return (self.combination(slot), slot >> COMBINATION_BITS & ((1 << CLUSTER_BITS) - 1));
            }
        }
        (Flags::default(), 0)
    }
}

/// Makes the table of words with their flags and clusters; `None` when there is no room near a word's own slot, or for a
/// combination of flags.
#[cfg(feature = "training")]
pub fn table(words: &std::collections::BTreeMap<u32, (u16, u32)>) -> Option<Vec<u8>> {
    let known: std::collections::BTreeSet<u16> = words.values().map(|(flags, _)| *flags).collect();
    let mut combinations: Vec<u16> = known.into_iter().collect();
    let mut slots = vec![0_u32; SLOTS];
    for (hash, (flags, cluster)) in words {
        let (start, fingerprint) = place(*hash);
        let number = u32::try_from(combinations.binary_search(flags).ok()?).ok()?;
        let whole = fingerprint << BELOW | cluster << COMBINATION_BITS | number;
        let free = (start..start + PROBES_MAX).map(|i| i & (SLOTS - 1)).find(|i| slots[*i] == 0)?;
        slots[free] = whole;
    }
    if combinations.len() > COMBINATIONS || words.values().any(|(_, cluster)| *cluster >> CLUSTER_BITS != 0) {
        return None;
    }
    combinations.resize(COMBINATIONS, 0);
    let combinations = combinations.into_iter().flat_map(u16::to_le_bytes);
    Some(combinations.chain(slots.into_iter().flat_map(u32::to_le_bytes)).collect())
}
