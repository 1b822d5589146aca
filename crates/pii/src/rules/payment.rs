//! Payment cards (ISO/IEC 7812, brand ranges) and bank accounts (IBAN, ISO 13616).

use crate::class::Class;
use crate::rules::checksum::{luhn, mod97, value};
use crate::rules::context::Context;
use crate::rules::number::Number;
use crate::window::{Best, Hit, Look, Window};

struct Brand {
    kind: &'static str,
    /// First and last value of the leading digits, and how many they are.
    from: u64,
    to: u64,
    prefix: usize,
    lens: &'static [usize],
    /// Long or rare enough to be believed without a word about cards before it.
    alone: bool,
}

const fn brand(
    kind: &'static str,
    from: u64,
    to: u64,
    prefix: usize,
    lens: &'static [usize],
    alone: bool,
) -> Brand {
    Brand { kind, from, to, prefix, lens, alone }
}

static BRANDS: [Brand; 17] = [
    brand("visa", 4, 4, 1, &[16], true),
    brand("visa", 4, 4, 1, &[13, 19], false),
    brand("mastercard", 51, 55, 2, &[16], true),
    brand("mastercard", 2221, 2720, 4, &[16], true),
    brand("amex", 34, 34, 2, &[15], true),
    brand("amex", 37, 37, 2, &[15], true),
    brand("discover", 6011, 6011, 4, &[16, 17, 18, 19], true),
    brand("discover", 644, 659, 3, &[16, 17, 18, 19], true),
    brand("diners", 300, 305, 3, &[14, 16], true),
    brand("diners", 36, 36, 2, &[14, 16], true),
    brand("diners", 38, 39, 2, &[14, 16], true),
    brand("jcb", 3528, 3589, 4, &[16, 17, 18, 19], true),
    brand("jcb", 1800, 1800, 4, &[15], false),
    brand("jcb", 2131, 2131, 4, &[15], false),
    brand("unionpay", 62, 62, 2, &[16, 17, 18, 19], true),
    brand("maestro", 56, 69, 2, &[12, 13, 14, 15, 16, 17, 18, 19], false),
    brand("maestro", 50, 50, 2, &[12, 13, 14, 15, 16, 17, 18, 19], false),
];

/// Offers a payment card.
pub(crate) fn offer_card(at: usize, number: &Number<'_>, context: Context, glued: bool, best: &mut Best<'_>) {
    let n = number.digits.len();
    if !(12..=19).contains(&n) || !matches!(number.sep, 0 | b' ' | b'-' | b'.') || !is_card_grouping(number) {
        return;
    }
    // `ORD-4111…`: only a full card without separators is still believed.
    if glued && (number.sep != 0 || n < 15) {
        return;
    }
    if number.digits.iter().all(|d| *d == number.digits[0]) {
        return;
    }
    let passes = luhn(number.digits);
    let Some(brand) = BRANDS
        .iter()
        .find(|b| b.lens.contains(&n) && (b.from..=b.to).contains(&value(&number.digits[..b.prefix])))
    else {
        // A word about cards, the right length and the check digit: some brand not in the table.
        if context.card() && passes && !context.thing() {
            best.offer(Hit::new(Class::Payment, "card", "card_in_context", 0.6).at(at, number.end));
        }
        return;
    };
    let confidence = match (passes, brand.alone, context.card()) {
        (true, true, true) => 0.99,
        (true, true, false) if !context.thing() => 0.9,
        (true, true, false) => 0.7,
        (true, false, true) => 0.85,
        (true, false, false) => 0.4,
        // A mistyped card is still most of a card.
        (false, true, true) if !context.thing() => 0.55,
        _ => 0.1,
    };
    best.offer(Hit::new(Class::Payment, brand.kind, "card_luhn", confidence).at(at, number.end));
}

fn is_card_grouping(number: &Number<'_>) -> bool {
    matches!(number.lens, [_] | [4, 6, 4 | 5] | [4, 4, 4] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3])
}

/// Countries and the length of their IBAN, from the ISO 13616 registry.
#[rustfmt::skip]
static IBAN_LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22), (b"BH", 22),
    (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DJ", 27),
    (b"DK", 18), (b"DO", 28), (b"EE", 20), (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27),
    (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HN", 28), (b"HR", 21), (b"HU", 28),
    (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30), (b"KW", 30), (b"KZ", 20), (b"LB", 28),
    (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20), (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22),
    (b"MK", 19), (b"MN", 20), (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15), (b"OM", 23),
    (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"RU", 33), (b"SA", 24),
    (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27), (b"SO", 23), (b"ST", 25), (b"SV", 28),
    (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
];

/// The longest IBAN, and a separator after every symbol.
const IBAN_SYMBOLS_MAX: usize = 34;

/// Offers a bank account that starts at a letter.
pub(crate) fn offer_iban(window: Window<'_>, at: usize, best: &mut Best<'_>) -> Look<()> {
    let mut head = [0_u8; 4];
    for (i, slot) in head.iter_mut().enumerate() {
        let symbol = window.at(at + i)?.to_ascii_uppercase();
        let fits = if i < 2 { symbol.is_ascii_uppercase() } else { symbol.is_ascii_digit() };
        if !fits {
            return Ok(());
        }
        *slot = symbol;
    }
    let Some((_, len)) = IBAN_LENGTHS.iter().find(|(country, _)| country[..] == head[..2]) else {
        return Ok(());
    };
    let mut body = [0_u8; IBAN_SYMBOLS_MAX];
    let (mut n, mut k) = (0, at);
    while n < *len {
        let symbol = window.at(k)?;
        if symbol.is_ascii_alphanumeric() {
            body[n] = symbol;
            n += 1;
        } else if !(n > 0
            && matches!(symbol, b' ' | b'-' | b'.')
            && window.at(k + 1)?.is_ascii_alphanumeric())
        {
            return Ok(());
        }
        k += 1;
    }
    if !window.ends_at(k)? {
        return Ok(());
    }
    if mod97(body[4..n].iter().chain(&body[..4]).copied()) == 1 {
        best.offer(Hit::new(Class::Payment, "iban", "iban_mod97", 0.98).at(at, k));
    } else {
        best.offer(Hit::new(Class::Payment, "iban", "iban_shape", 0.3).at(at, k));
    }
    Ok(())
}
