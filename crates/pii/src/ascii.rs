//! Kinds of symbols, looked up in one table.

/// A letter or digit that is not ASCII and of which nothing else is known.
pub(crate) const ALPHA_OTHER: u8 = 0x80;
/// Any other character that is not ASCII.
pub(crate) const OTHER: u8 = 0x81;
/// From here on each symbol stands for some of the letters that have no ASCII base letter.
pub(crate) const ALPHA_FIRST: u8 = 0x82;
/// What lies beyond the end of the text.
pub(crate) const END: u8 = 0;

pub(crate) const DIGIT: u8 = 1;
pub(crate) const UPPER: u8 = 2;
pub(crate) const LOWER: u8 = 4;
pub(crate) const ALPHA_ANY: u8 = 8;
/// `. _ + - '`: with letters and digits they make a run, the local part of an address.
pub(crate) const JOINT: u8 = 16;
/// Symbols outside runs at which something can start: `(`, `:`, `<`.
pub(crate) const OPENER: u8 = 32;
pub(crate) const SPACE: u8 = 64;
/// `_ -`, the joints that keys are made of beside letters and digits.
pub(crate) const DASH: u8 = 128;

pub(crate) const ALNUM: u8 = DIGIT | UPPER | LOWER | ALPHA_ANY;
pub(crate) const RUN: u8 = ALNUM | JOINT;

static KIND: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut symbol = 0_u8;
    loop {
        table[symbol as usize] = match symbol {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            ALPHA_OTHER | ALPHA_FIRST.. => ALPHA_ANY,
            b'_' | b'-' => JOINT | DASH,
            b'.' | b'+' | b'\'' => JOINT,
            b'(' | b':' | b'<' => OPENER,
            b' ' | b'\n' | b'\t' | b'\r' => SPACE,
            _ => 0,
        };
        if symbol == u8::MAX {
            return table;
        }
        symbol += 1;
    }
}

pub(crate) fn kind(symbol: u8) -> u8 {
    KIND[symbol as usize]
}

pub(crate) fn is(symbol: u8, kinds: u8) -> bool {
    kind(symbol) & kinds != 0
}
