//! Government numbers with letters in them.

use crate::ascii::{self, ALNUM};
use crate::class::Class;
use crate::rules::context::Context;
use crate::rules::is_glued;
use crate::window::{Best, Hit, Look, Window};

/// The longest of them with its spaces.
const SYMBOLS_MAX: usize = 20;

/// Offers every government number with letters that starts at the place.
pub(crate) fn offer(window: Window<'_>, at: usize, context: Context, best: &mut Best<'_>) -> Look<()> {
    if is_glued(window, at) {
        return Ok(());
    }
    let end = window.span(at, SYMBOLS_MAX, |b| ascii::is(b, ALNUM))?;
    let word = &window.symbols[at..end];
    let found = match word.len() {
        2 => return offer_spaced_nino(window, at, best),
        8 => ireland(word, context),
        9 => {
            nino(word).or_else(|| spain(word)).or_else(|| singapore(word)).or_else(|| ireland(word, context))
        }
        10 => pan(word).or_else(|| taiwan(word, context)),
        11 => medicare(word, context),
        16 => fiscal_code(word),
        18 => mexico(word).or_else(|| china(word)),
        _ => None,
    };
    for (kind, rule, confidence) in found.into_iter().chain(document(window, at, word, context)?) {
        best.offer(Hit::new(Class::GovId, kind, rule, confidence).at(at, end));
    }
    offer_signed(window, at, end, best)?;
    offer_dashed_licence(window, at, end, context, best)
}

/// The same where the run is two letters, as many words are: what stands before them need not be read for that.
pub(crate) fn offer_pair(window: Window<'_>, at: usize, best: &mut Best<'_>) -> Look<()> {
    if is_glued(window, at) { Ok(()) } else { offer_spaced_nino(window, at, best) }
}

type Found = Option<(&'static str, &'static str, f32)>;

/// Prefixes never given out, from the UK tax authority's manual NIM39110.
fn is_nino_prefix(a: u8, b: u8) -> bool {
    let pair = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    pair[0].is_ascii_uppercase()
        && pair[1].is_ascii_uppercase()
        && !b"DFIQUV".contains(&pair[0])
        && !b"DFIOQUV".contains(&pair[1])
        && ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&pair)
}

/// UK national insurance number, `QQ123456C`.
fn nino(word: &[u8]) -> Found {
    let valid = is_nino_prefix(word[0], word[1])
        && word[2..8].iter().all(u8::is_ascii_digit)
        && matches!(word[8].to_ascii_uppercase(), b'A'..=b'D');
    valid.then_some(("uk_nino", "uk_nino", 0.9))
}

/// The same in pairs, `QQ 12 34 56 C`.
fn offer_spaced_nino(window: Window<'_>, at: usize, best: &mut Best<'_>) -> Look<()> {
    if !is_nino_prefix(window.symbols[at], window.symbols[at + 1]) {
        return Ok(());
    }
    let mut k = at + 2;
    let sep = window.at(k)?;
    if !matches!(sep, b' ' | b'-') {
        return Ok(());
    }
    for _ in 0..3 {
        if window.at(k)? != sep || !window.at(k + 1)?.is_ascii_digit() || !window.at(k + 2)?.is_ascii_digit()
        {
            return Ok(());
        }
        k += 3;
    }
    if window.at(k)? == sep
        && matches!(window.at(k + 1)?.to_ascii_uppercase(), b'A'..=b'D')
        && window.ends_at(k + 2)?
    {
        best.offer(Hit::new(Class::GovId, "uk_nino", "uk_nino", 0.9).at(at, k + 2));
    }
    Ok(())
}

fn number(word: &[u8]) -> u32 {
    word.iter().fold(0, |n, b| n.wrapping_mul(10).wrapping_add(u32::from(b.wrapping_sub(b'0'))))
}

/// Spanish DNI `12345678Z` and NIE `X1234567L`: the letter is the number modulo 23.
fn spain(word: &[u8]) -> Found {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let (kind, lead) = match word[0].to_ascii_uppercase() {
        b'0'..=b'9' => ("es_dni", None),
        b'X' => ("es_nie", Some(0)),
        b'Y' => ("es_nie", Some(1)),
        b'Z' => ("es_nie", Some(2)),
        _ => return None,
    };
    if !word[1..8].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = lead.map_or_else(|| number(&word[..8]), |first| first * 10_000_000 + number(&word[1..8]));
    let valid = LETTERS.get((value % 23) as usize) == Some(&word[8].to_ascii_uppercase());
    valid.then_some((kind, "es_letter_23", 0.8))
}

/// Indian permanent account number `ABCPE1234F`; the fourth letter names the kind of holder.
fn pan(word: &[u8]) -> Found {
    let valid = word[..5].iter().all(u8::is_ascii_uppercase)
        && b"ABCFGHJLPT".contains(&word[3])
        && word[5..9].iter().all(u8::is_ascii_digit)
        && word[9].is_ascii_uppercase();
    valid.then_some(("in_pan", "in_pan", 0.8))
}

/// Italian fiscal code: six letters, year, month letter, day, place, check letter (decree 23 December 1976).
fn fiscal_code(word: &[u8]) -> Found {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let upper: Vec<u8> = word.iter().map(u8::to_ascii_uppercase).collect();
    // People who share a code get letters for digits; those stand for L = 0 to V = 9.
    let digit = |b: u8| b.is_ascii_digit() || b"LMNPQRSTUV".contains(&b);
    let shape = upper[..6].iter().all(u8::is_ascii_uppercase)
        && [6, 7, 9, 10, 12, 13, 14].iter().all(|i| digit(upper[*i]))
        && b"ABCDEHLMPRST".contains(&upper[8])
        && upper[11].is_ascii_uppercase()
        && upper[15].is_ascii_uppercase();
    if !shape {
        return None;
    }
    let sum: u32 = upper[..15]
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let value = if b.is_ascii_digit() { b - b'0' } else { b - b'A' };
            if i % 2 == 0 { ODD[usize::from(value)] } else { u32::from(value) }
        })
        .sum();
    (sum % 26 == u32::from(upper[15] - b'A')).then_some(("it_codice_fiscale", "it_check_letter", 0.96))
}

/// Irish personal public service number: seven digits, a check letter, perhaps one more.
fn ireland(word: &[u8], context: Context) -> Found {
    let shaped = word[..7].iter().all(u8::is_ascii_digit) && word[7..].iter().all(u8::is_ascii_uppercase);
    if !shaped || !(context.id() || context.national()) {
        return None;
    }
    let sum: u32 = word[..7].iter().zip([8, 7, 6, 5, 4, 3, 2]).map(|(b, w)| u32::from(b - b'0') * w).sum();
    let more = word.get(8).map_or(0, |b| if *b == b'W' { 0 } else { u32::from(b - b'A' + 1) * 9 });
    let check = u32::from((word[7] - b'A' + 1) % 23);
    ((sum + more) % 23 == check).then_some(("ie_pps", "ie_pps_23", 0.9))
}

/// Singapore's NRIC and FIN, `S1234567D`.
fn singapore(word: &[u8]) -> Found {
    let (add, letters) = match word[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        _ => return None,
    };
    if !word[1..8].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum: u32 = word[1..8].iter().zip([2, 7, 6, 5, 4, 3, 2]).map(|(b, w)| u32::from(b - b'0') * w).sum();
    (letters[((sum + add) % 11) as usize] == word[8]).then_some(("sg_nric", "sg_nric_11", 0.85))
}

/// Taiwan's identity number, `A123456789`; its check wants a table of letters, so the word must stand before it.
fn taiwan(word: &[u8], context: Context) -> Found {
    let shaped = word[0].is_ascii_uppercase()
        && matches!(word[1], b'1' | b'2' | b'8' | b'9')
        && word[2..].iter().all(u8::is_ascii_digit);
    (shaped && context.id()).then_some(("tw_id", "tw_id_in_context", 0.7))
}

/// The US Medicare number, `1EG4TE5MK73`.
fn medicare(word: &[u8], context: Context) -> Found {
    let shape = b"9AX9AX9AA99";
    let fits = word.iter().zip(shape).enumerate().all(|(i, (b, kind))| match kind {
        b'9' => b.is_ascii_digit() && (i > 0 || *b != b'0'),
        b'A' => b.is_ascii_uppercase(),
        _ => b.is_ascii_uppercase() || b.is_ascii_digit(),
    });
    (fits && (context.id() || context.national())).then_some(("us_mbi", "us_mbi", 0.85))
}

/// Mexican population code (CURP): letters of the name, date, sex, state, letters, check.
fn mexico(word: &[u8]) -> Found {
    let upper = |part: &[u8]| part.iter().all(u8::is_ascii_uppercase);
    let date = word[4..10].iter().all(u8::is_ascii_digit);
    let valid = upper(&word[..4])
        && date
        && matches!(number(&word[6..8]), 1..=12)
        && matches!(number(&word[8..10]), 1..=31)
        && matches!(word[10], b'H' | b'M' | b'X')
        && upper(&word[11..16])
        && word[17].is_ascii_digit();
    valid.then_some(("mx_curp", "mx_curp", 0.95))
}

/// A Chinese resident number that ends in X, which stands for ten.
fn china(word: &[u8]) -> Found {
    if !word[..17].iter().all(u8::is_ascii_digit) || !word[17].eq_ignore_ascii_case(&b'X') {
        return None;
    }
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = word[..17].iter().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
    ((sum + 10) % 11 == 1).then_some(("cn_resident_id", "cn_resident_id_11", 0.95))
}

/// Numbers with a sign and a letter at the end: Finland's `131052-308T`, Chile's `12.345.678-K`, Hong Kong's `A123456(3)`.
fn offer_signed(window: Window<'_>, at: usize, end: usize, best: &mut Best<'_>) -> Look<()> {
    let word = &window.symbols[at..end];
    let digits = word.iter().all(u8::is_ascii_digit);
    if digits && word.len() == 6 && matches!(window.at(end)?, b'-' | b'+') {
        let stop = window.span(end + 1, 5, |b| ascii::is(b, ALNUM))?;
        let rest = &window.symbols[end + 1..stop];
        if rest.len() == 4 && rest[..3].iter().all(u8::is_ascii_digit) && window.ends_at(stop)? {
            let letters = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
            let sum = u64::from(number(word)) * 1000 + u64::from(number(&rest[..3]));
            let day = matches!(number(&word[..2]), 1..=31) && matches!(number(&word[2..4]), 1..=12);
            if day && letters[usize::try_from(sum % 31).unwrap_or(0)] == rest[3].to_ascii_uppercase() {
                best.offer(Hit::new(Class::GovId, "fi_hetu", "fi_hetu_31", 0.93).at(at, stop));
            }
        }
    }
    let hong_kong =
        word.len() == 7 && word[0].is_ascii_uppercase() && word[1..].iter().all(u8::is_ascii_digit);
    if hong_kong && window.at(end)? == b'(' {
        let check = window.at(end + 1)?;
        if (check.is_ascii_digit() || check == b'A') && window.at(end + 2)? == b')' {
            best.offer(Hit::new(Class::GovId, "hk_id", "hk_id", 0.9).at(at, end + 3));
        }
    }
    Ok(())
}

/// Passports and licences with letters: only where the word stands before them.
fn document(window: Window<'_>, at: usize, word: &[u8], context: Context) -> Look<Found> {
    let letters = word.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let digits = word[letters..].iter().filter(|b| b.is_ascii_digit()).count();
    // `C01X00T47`: German documents mix them.
    let mixed = (context.passport() || context.national())
        && (8..=10).contains(&word.len())
        && word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && word.iter().filter(|b| b.is_ascii_digit()).count() >= 3;
    if mixed && letters != word.len() && letters + digits != word.len() && window.ends_at(at + word.len())? {
        return Ok(Some(("passport", "passport_in_context", 0.7)));
    }
    if letters == 0 || letters + digits != word.len() || !window.ends_at(at + word.len())? {
        return Ok(None);
    }
    Ok(if context.passport() && letters <= 3 && (6..=9).contains(&digits) {
        Some(("passport", "passport_in_context", 0.85))
    } else if context.licence() && context.driver() && letters <= 5 && (5..=14).contains(&digits) {
        Some(("drivers_licence", "drivers_licence_in_context", 0.75))
    } else if (context.national() || context.id()) && letters <= 3 && (6..=12).contains(&digits) {
        Some(("national_id", "national_id_in_context", 0.6))
    } else {
        None
    })
}

/// US licences in groups, `Z937-6462-5295`, after the words.
fn offer_dashed_licence(
    window: Window<'_>,
    at: usize,
    end: usize,
    context: Context,
    best: &mut Best<'_>,
) -> Look<()> {
    if !(context.licence() && context.driver() && window.symbols[at].is_ascii_uppercase()) {
        return Ok(());
    }
    let (mut k, mut groups, mut digits) = (end, 0, 0);
    while groups < 4 && matches!(window.at(k)?, b'-' | b' ') && window.at(k + 1)?.is_ascii_digit() {
        let stop = window.span(k + 1, 7, |b| b.is_ascii_digit())?;
        if stop - k > 7 || !window.ends_at(stop)? {
            break;
        }
        digits += stop - k - 1;
        k = stop;
        groups += 1;
    }
    if groups >= 2 && digits >= 5 {
        let hit = Hit::new(Class::GovId, "drivers_licence", "drivers_licence_in_context", 0.8);
        best.offer(hit.at(at, k));
    }
    Ok(())
}
