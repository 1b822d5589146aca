//! Text as one byte per character: what the rules look at, and the way back to the text.
//!
//! Disguises are undone here, so that no rule has to know them: characters of no width vanish, full-width and other
//! scripts' digits become ASCII, letters lose their accents, letters of other alphabets that look like Latin ones count
//! as those, compatibility forms count as what they are compatible with (NFKC), and the escapes of URLs, HTML and JSON,
//! also where they were escaped again, count as the character they stand for. The text itself is never changed; a match
//! is carried back to byte positions.

use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use crate::ascii::{ALPHA_FIRST, ALPHA_OTHER, OTHER};

/// A symbol that is not simply one byte of text: the exceptions on the way back. Several in a row may stand for one
/// character, each of them for all of it.
#[derive(Clone, Copy, Debug)]
struct Jump {
    symbol: usize,
    raw_start: usize,
    raw_bytes: usize,
}

/// The symbols of a text and their places in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symbols {
    pub(crate) bytes: Vec<u8>,
    jumps: Vec<Jump>,
    /// How much of the text has been read.
    raw_read: usize,
    /// Characters of no width came since the last symbol, so the next one needs a `Jump`.
    gap: bool,
}

/// The control character that starts a terminal's escape sequences.
const ESCAPE: u8 = 0x1b;

/// Whether the text reads the same as its symbols, so that none need to be made.
pub(crate) fn is_plain(text: &str) -> bool {
    text.as_bytes().chunks(64).all(|chunk| !chunk.iter().fold(false, |odd, b| odd | is_odd(*b)))
}

/// Whether a byte may be other than a symbol of its own.
#[inline]
fn is_odd(b: u8) -> bool {
    b >= 0x80 || b == b'%' || b == b'&' || b == b'\\' || b == ESCAPE
}

enum Escape {
    /// The escape stands for nothing, such as a change of colour, and is this long.
    Nothing(usize),
    /// The escape stands for this symbol and is this long.
    Symbol(u8, usize),
    /// The text ends inside what may become an escape.
    Unfinished,
    /// No escape: the character stands for itself.
    None,
}

impl Symbols {
    /// Reads what has been added to `raw` since the last call.
    ///
    /// Unless `last`, an escape cut off at the end waits for the rest.
    pub(crate) fn read(&mut self, raw: &str, last: bool) {
        let bytes = raw.as_bytes();
        while self.raw_read < bytes.len() {
            let at = self.raw_read;
            let plain = plain_prefix(&bytes[at..]);
            if plain > 0 {
                if self.gap {
                    self.push(bytes[at], 1);
                } else {
                    self.bytes.extend_from_slice(&bytes[at..at + plain]);
                    self.raw_read += plain;
                }
                continue;
            }
            if bytes[at] < 0x80 {
                match escape(&bytes[at..]) {
                    Escape::Symbol(symbol, len) => self.push(symbol, len),
                    Escape::Nothing(len) => {
                        self.raw_read += len;
                        self.gap = true;
                    }
                    Escape::Unfinished if !last => return,
                    Escape::Unfinished | Escape::None => self.push(bytes[at], 1),
                }
                continue;
            }
            let Some(c) = raw[at..].chars().next() else { return };
            let folded = Folded::of(c);
            match &folded.symbols[..folded.len] {
                [] => self.gap = true,
                [symbol] => {
                    self.push(*symbol, c.len_utf8());
                    continue;
                }
                several => {
                    // Each of them stands for the whole character: what begins or ends within it has all of it.
                    let (raw_start, raw_bytes) = (at, c.len_utf8());
                    for symbol in several {
                        self.jumps.push(Jump { symbol: self.bytes.len(), raw_start, raw_bytes });
                        self.bytes.push(*symbol);
                    }
                    self.gap = false;
                }
            }
            self.raw_read += c.len_utf8();
        }
    }

    fn push(&mut self, symbol: u8, raw_bytes: usize) {
        if self.gap || raw_bytes != 1 {
            self.jumps.push(Jump { symbol: self.bytes.len(), raw_start: self.raw_read, raw_bytes });
            self.gap = false;
        }
        self.bytes.push(symbol);
        self.raw_read += raw_bytes;
    }

    /// The bytes of text that symbol `i` stands for, as start and length.
    fn place(&self, i: usize) -> (usize, usize) {
        let after = self.jumps.partition_point(|jump| jump.symbol <= i);
        match after.checked_sub(1).map(|k| self.jumps[k]) {
            Some(jump) if jump.symbol == i => (jump.raw_start, jump.raw_bytes),
            Some(jump) => (jump.raw_start + jump.raw_bytes + (i - jump.symbol - 1), 1),
            None => (i, 1),
        }
    }

    /// Where symbol `i` starts in the text; for the end of the symbols, where the text read so far ends.
    pub(crate) fn raw_start(&self, i: usize) -> usize {
        if i >= self.bytes.len() { self.raw_read } else { self.place(i).0 }
    }

    /// Where the text of the symbols before `i` ends. Characters of no width that follow are not part of it.
    pub(crate) fn raw_end(&self, i: usize) -> usize {
        let Some(before) = i.checked_sub(1) else { return 0 };
        let (start, len) = self.place(before);
        start + len
    }

    /// The symbols whose text lies in `raw`, or reaches into it.
    pub(crate) fn within(&self, raw: &Range<usize>) -> Range<usize> {
        let first = partition(self.bytes.len(), |i| self.raw_end(i + 1) <= raw.start);
        let end = partition(self.bytes.len(), |i| self.raw_start(i) < raw.end);
        first..end.max(first)
    }

    /// Forgets the first `n` symbols; returns how many bytes of text went with them.
    pub(crate) fn drop_front(&mut self, n: usize) -> usize {
        let raw = self.raw_start(n);
        self.bytes.drain(..n);
        self.jumps.retain_mut(|jump| {
            let keep = jump.symbol >= n;
            if keep {
                jump.symbol -= n;
                jump.raw_start -= raw;
            }
            keep
        });
        self.raw_read -= raw;
        raw
    }
}

/// How many of the first `n` numbers satisfy `before`, which holds for none behind one for which it does not.
fn partition(n: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (0, n);
    while from < to {
        let middle = from.midpoint(to);
        if before(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

fn plain_prefix(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| is_odd(*b)).unwrap_or(bytes.len())
}

fn escape(rest: &[u8]) -> Escape {
    match rest[0] {
        b'%' => percent(rest),
        b'\\' => backslash(rest),
        ESCAPE => terminal(rest),
        _ => entity(rest),
    }
}

/// The longest colour change read, `ESC [ 38;2;255;255;255 m` and some more.
const TERMINAL_BYTES_MAX: usize = 24;

/// A change of colour or style, ECMA-48 section 8.3.117: logs are full of them, and they split nothing.
fn terminal(rest: &[u8]) -> Escape {
    for (i, b) in rest.iter().enumerate().take(TERMINAL_BYTES_MAX).skip(1) {
        match (i, b) {
            (1, b'[') | (2.., b'0'..=b'9' | b';') => {}
            (2.., b'm') => return Escape::Nothing(i + 1),
            _ => return Escape::None,
        }
    }
    if rest.len() < TERMINAL_BYTES_MAX { Escape::Unfinished } else { Escape::None }
}

fn hex(b: u8) -> Option<u32> {
    (b as char).to_digit(16)
}

/// A code point below 128 as a symbol; control characters become a space.
fn ascii_symbol(code: u32) -> u8 {
    match u8::try_from(code) {
        Ok(b @ (0x20..=0x7e | b'\n' | b'\r' | b'\t')) => b,
        Ok(0..=0x7f) => b' ',
        _ => char::from_u32(code).and_then(|c| Folded::of(c).symbols.first().copied()).unwrap_or(OTHER),
    }
}

/// How often an escape is undone that was escaped again: `%2540`, `\\\\u0040`.
const NESTING_MAX: usize = 4;

fn percent(rest: &[u8]) -> Escape {
    // `%25` is the sign itself; with two more hexadecimal digits behind it, it starts the next escape.
    let mut from = 1;
    for _ in 0..NESTING_MAX {
        let (Some(high), Some(low)) = (rest.get(from), rest.get(from + 1)) else {
            return match rest.get(from) {
                Some(high) if hex(*high).is_none() => undone(b'%', from),
                _ => Escape::Unfinished,
            };
        };
        let (Some(high), Some(low)) = (hex(*high), hex(*low)) else { return undone(b'%', from) };
        let code = high * 16 + low;
        if code != u32::from(b'%') {
            // Above ASCII it is one byte of a longer character; which one does not matter to any rule.
            return Escape::Symbol(if code < 0x80 { ascii_symbol(code) } else { ALPHA_OTHER }, from + 2);
        }
        from += 2;
    }
    Escape::Symbol(b'%', from)
}

/// What `len` bytes of escapes came to that turned out not to start another one.
fn undone(symbol: u8, len: usize) -> Escape {
    if len == 1 { Escape::None } else { Escape::Symbol(symbol, len) }
}

fn backslash(rest: &[u8]) -> Escape {
    let symbol = match rest.get(1) {
        None => return Escape::Unfinished,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'b' | b'f') => b' ',
        Some(b'\\') => return nested(rest),
        Some(b @ (b'"' | b'/')) => *b,
        Some(b'u') => return unicode(rest, 2),
        Some(_) => return Escape::None,
    };
    Escape::Symbol(symbol, 2)
}

/// `uXXXX` whose digits start at `from`.
fn unicode(rest: &[u8], from: usize) -> Escape {
    let mut code = 0;
    for i in from..from + 4 {
        let Some(&b) = rest.get(i) else { return Escape::Unfinished };
        let Some(digit) = hex(b) else { return Escape::None };
        code = code * 16 + digit;
    }
    Escape::Symbol(ascii_symbol(code), from + 4)
}

/// `\\\\u0040`: JSON inside a string of JSON. Without `u` behind them two backslashes are one.
fn nested(rest: &[u8]) -> Escape {
    let most = 1 << NESTING_MAX;
    let count = rest.iter().take(most).take_while(|b| **b == b'\\').count();
    let escape = match rest.get(count) {
        None if count < most => return Escape::Unfinished,
        Some(b'u') => unicode(rest, count + 1),
        _ => Escape::None,
    };
    if matches!(escape, Escape::None) { Escape::Symbol(b'\\', 2) } else { escape }
}

/// The longest HTML entity read, `&commat;`, or `&#x00040;` with zeros before.
const ENTITY_BYTES_MAX: usize = 10;

fn entity(rest: &[u8]) -> Escape {
    let window = &rest[1..rest.len().min(ENTITY_BYTES_MAX)];
    let name_bytes =
        window.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'#')).unwrap_or(window.len());
    let name = &window[..name_bytes];
    match window.get(name_bytes) {
        Some(b';') => {}
        None if rest.len() < ENTITY_BYTES_MAX => return Escape::Unfinished,
        _ => return Escape::None,
    }
    let symbol = match name {
        b"commat" => b'@',
        b"period" => b'.',
        b"plus" => b'+',
        b"amp" => b'&',
        b"lt" => b'<',
        b"gt" => b'>',
        b"quot" => b'"',
        b"apos" => b'\'',
        b"nbsp" => b' ',
        [b'#', b'x' | b'X', digits @ ..] if !digits.is_empty() => return number(digits, 16, name_bytes),
        [b'#', digits @ ..] if !digits.is_empty() => return number(digits, 10, name_bytes),
        _ => return Escape::None,
    };
    Escape::Symbol(symbol, name_bytes + 2)
}

fn number(digits: &[u8], radix: u32, name_bytes: usize) -> Escape {
    let mut code = 0_u32;
    for &b in digits {
        let Some(digit) = (b as char).to_digit(radix) else { return Escape::None };
        code = code * radix + digit;
    }
    Escape::Symbol(ascii_symbol(code), name_bytes + 2)
}

/// The symbols a character stands for: none when it has no width, more than one for a ligature.
struct Folded {
    symbols: [u8; 4],
    len: usize,
}

impl Folded {
    fn of(c: char) -> Self {
        let mut folded = Self { symbols: [0; 4], len: 0 };
        match fold(c) {
            Fold::Nothing => {}
            Fold::Symbol(symbol) => folded.add(symbol),
            // Hangul syllables have a decomposition too, but their own identity says more.
            Fold::Unknown if matches!(u32::from(c), 0xac00..=0xd7a3) => folded.add(letter(c)),
            Fold::Unknown => decompose_compatible(c, |part| match fold(part) {
                Fold::Nothing => {}
                Fold::Symbol(symbol) => folded.add(symbol),
                Fold::Unknown => folded.add(letter(part)),
            }),
        }
        folded
    }

    fn add(&mut self, symbol: u8) {
        if let Some(slot) = self.symbols.get_mut(self.len) {
            *slot = symbol;
            self.len += 1;
        }
    }
}

enum Fold {
    /// It has no width.
    Nothing,
    Symbol(u8),
    /// Perhaps it is compatible with something known.
    Unknown,
}

/// A letter of another script keeps some of its identity: one of 126 symbols.
fn letter(c: char) -> u8 {
    if c.is_alphanumeric() {
        ALPHA_FIRST + low_byte(u32::from(c).wrapping_mul(0x9e37_79b1) >> 20) % (u8::MAX - ALPHA_FIRST)
    } else {
        OTHER
    }
}

fn fold(c: char) -> Fold {
    let code = u32::from(c);
    if code < 0x80 {
        return Fold::Symbol(ascii_symbol(code));
    }
    Fold::Symbol(match code {
        // Soft hyphen, joiners, direction marks, word joiner, variation selectors, byte order mark, tag characters.
        0xad
        | 0x34f
        | 0x61c
        | 0x115f
        | 0x1160
        | 0x17b4
        | 0x17b5
        | 0x180b..=0x180f
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x206f
        | 0x3164
        | 0xfe00..=0xfe0f
        | 0xfeff
        | 0xffa0
        | 0xe0000..=0xe01ef => return Fold::Nothing,
        0xff01..=0xff5e => low_byte(code - 0xfee0),
        0xfe6b => b'@',
        0x3002 | 0xff61 | 0x2024 => b'.',
        0x2010..=0x2015 | 0x2212 | 0xfe58 | 0xfe63 => b'-',
        0xa0 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => b' ',
        0x2028 | 0x2029 | 0x85 => b'\n',
        0x2018 | 0x2019 => b'\'',
        0x201c | 0x201d | 0xab | 0xbb => b'"',
        0x1d7ce..=0x1d7ff => b'0' + low_byte((code - 0x1d7ce) % 10),
        // Neither letters nor compatible with any: most of what else is common in prose.
        0x2016
        | 0x2017
        | 0x201a
        | 0x201b
        | 0x201e..=0x2023
        | 0x2190..=0x23ff
        | 0x2500..=0x2bff
        | 0x1f300..=0x1faff => OTHER,
        _ => match digit(code).or_else(|| latin(code)).or_else(|| confusable(code)) {
            Some(symbol) => symbol,
            None if is_combining_mark(c) => return Fold::Nothing,
            None => return Fold::Unknown,
        },
    })
}

fn low_byte(code: u32) -> u8 {
    u8::try_from(code & 0xff).unwrap_or(OTHER)
}

/// The first digit of the decimal digits in use with the world's large scripts.
const ZEROS: [u32; 10] = [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xbe6, 0xe50, 0xff10];

fn digit(code: u32) -> Option<u8> {
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map(|zero| b'0' + low_byte(code - zero))
}

/// Base letters of U+00C0 to U+017F; `?` marks a sign that has none.
const LATIN: &[u8; 192] = b"AAAAAAACEEEEIIIIDNOOOOO?OUUUUYTsaaaaaaaceeeeiiiidnooooo?ouuuuyty\
    AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL\
    lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

fn latin(code: u32) -> Option<u8> {
    let i = usize::try_from(code.checked_sub(0xc0)?).ok()?;
    LATIN.get(i).copied().filter(|b| *b != b'?')
}

/// Cyrillic and Greek, each letter as the Latin one it looks like, or else sounds like; `?` for those that do neither.
const CYRILLIC: &[u8; 96] = b"EEDGESIIJLNHKIYDABBGDEZ3IIKLMHOP\
    PCTYFXCCSSBYBEURabbgdez3iiklmhop\
    pctyfxccssbybeureedgesiijlnhkiyd";
const GREEK: &[u8; 64] = b"IABGDEZHQIKLMNXOPP?STYFXPOIYaeni\
    yabgdezhqiklmvxoppsstufxpoiuouw?";

fn confusable(code: u32) -> Option<u8> {
    let within = |table: &[u8], first: u32| {
        let i = usize::try_from(code.checked_sub(first)?).ok()?;
        table.get(i).copied().filter(|b| *b != b'?')
    };
    within(CYRILLIC, 0x400).or_else(|| within(GREEK, 0x390)).or(match code {
        0x501 => Some(b'd'),
        0x51b | 0x566 => Some(b'q'),
        0x51d | 0x561 => Some(b'w'),
        0x4ae..=0x4af => Some(b'Y'),
        0x4bb | 0x570 => Some(b'h'),
        0x4c0 | 0x4cf => Some(b'l'),
        0x251 => Some(b'a'),
        0x261 => Some(b'g'),
        0x269 => Some(b'i'),
        0x555 | 0x585 => Some(b'o'),
        0x578 => Some(b'n'),
        0x28b | 0x57d => Some(b'u'),
        _ => None,
    })
}
