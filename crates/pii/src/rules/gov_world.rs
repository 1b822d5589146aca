//! Government numbers of more countries, made of digits. Each has a check digit or a date in it, and most need a word
//! before them: chance alone passes one check digit in ten or eleven.

use crate::rules::checksum::{luhn, mod11_10, value, weighted};
use crate::rules::context::Context;
use crate::rules::number::Number;

/// Kind, rule and confidence.
pub(crate) type Found = (&'static str, &'static str, f32);

/// How a country writes its number.
struct Form {
    kind: &'static str,
    rule: &'static str,
    /// The groups it is written in, besides in one piece.
    lens: &'static [u8],
    sep: u8,
    /// Whether the digits may be one.
    valid: fn(&[u8]) -> bool,
    /// Confidence by the shape alone; 0 when a word is needed.
    alone: f32,
}

const fn form(
    kind: &'static str,
    rule: &'static str,
    (lens, sep): (&'static [u8], u8),
    valid: fn(&[u8]) -> bool,
    alone: f32,
) -> Form {
    Form { kind, rule, lens, sep, valid, alone }
}

static FORMS: [Form; 27] = [
    form("au_tfn", "au_tfn_11", (&[3, 3, 3], b' '), australia, 0.0),
    form("nz_ird", "nz_ird_11", (&[3, 3, 3], b'-'), new_zealand, 0.0),
    form("pt_nif", "pt_nif_11", (&[3, 3, 3], b' '), portugal, 0.0),
    form("il_id", "il_id_luhn", (&[9], 0), israel, 0.0),
    form("uk_nhs", "uk_nhs_11", (&[3, 3, 4], b' '), nhs, 0.0),
    form("dk_cpr", "dk_cpr_date", (&[6, 4], b'-'), denmark, 0.6),
    form("cz_rodne_cislo", "cz_rodne_cislo_11", (&[6, 4], b'/'), czechia, 0.8),
    form("bg_egn", "bg_egn_11", (&[10], 0), bulgaria, 0.0),
    form("ua_rnokpp", "ua_rnokpp_11", (&[10], 0), ukraine, 0.0),
    form("no_fodselsnummer", "no_fodselsnummer_11", (&[6, 5], b' '), norway, 0.7),
    form("be_national", "be_national_97", (&[2, 2, 2, 3, 2], b'.'), belgium, 0.9),
    form("tr_kimlik", "tr_kimlik_10", (&[11], 0), turkey, 0.0),
    form("hr_oib", "hr_oib_11_10", (&[11], 0), mod11_10, 0.0),
    form("ee_isikukood", "ee_isikukood_11", (&[11], 0), baltic, 0.0),
    form("gr_amka", "gr_amka_luhn", (&[11], 0), greece, 0.0),
    form("ru_snils", "ru_snils_101", (&[3, 3, 3, 2], b'-'), snils, 0.85),
    form("ar_cuil", "ar_cuil_11", (&[2, 8, 1], b'-'), argentina, 0.8),
    form("jp_my_number", "jp_my_number_11", (&[4, 4, 4], b' '), japan, 0.0),
    form("my_mykad", "my_mykad_date", (&[6, 2, 4], b'-'), malaysia, 0.75),
    form("za_id", "za_id_luhn", (&[6, 4, 3], b' '), south_africa, 0.6),
    form("ro_cnp", "ro_cnp_11", (&[13], 0), romania, 0.6),
    form("th_id", "th_id_11", (&[1, 4, 5, 2, 1], b'-'), thailand, 0.9),
    form("kr_rrn", "kr_rrn_date", (&[6, 7], b'-'), korea, 0.8),
    form("ch_ahv", "ch_ahv_13", (&[3, 4, 4, 2], b'.'), switzerland, 0.95),
    form("id_nik", "id_nik_date", (&[16], 0), indonesia, 0.0),
    form("cn_resident_id", "cn_resident_id_11", (&[18], 0), china, 0.9),
    form("cl_rut", "cl_rut_11", (&[2, 3, 3, 1], b'.'), chile, 0.85),
];

/// The best reading of the digits as a number of one of these countries.
pub(crate) fn read(number: &Number<'_>, context: Context) -> Option<Found> {
    let mut best: Option<Found> = None;
    if !matches!(number.digits.len(), 9..=13 | 16 | 18) {
        return None;
    }
    for form in &FORMS {
        let total: usize = form.lens.iter().map(|n| usize::from(*n)).sum();
        if number.digits.len() != total {
            continue;
        }
        let shaped = number.lens.len() > 1 && number.lens == form.lens && number.sep == form.sep;
        if !(shaped || number.lens.len() == 1) || !(form.valid)(number.digits) {
            continue;
        }
        let alone = match (shaped, number.lens == form.lens) {
            (true, _) => form.alone.max(0.35),
            // Written in one piece and no other way.
            (false, true) => form.alone,
            (false, false) => 0.0,
        };
        let confidence = match (context.national(), context.id() || context.ssn() || context.sin()) {
            (true, _) => 0.9,
            // The word `id` alone stands before many numbers.
            (false, true) if shaped || total > 10 => alone.max(0.65),
            (false, true) => alone.max(0.4),
            (false, false) => alone,
        };
        if confidence > best.map_or(0.0, |found| found.2) {
            best = Some((form.kind, form.rule, confidence));
        }
    }
    best
}

/// Whether a month and a day stand at these places.
fn is_date(month: usize, day: usize, d: &[u8]) -> bool {
    let at = |i: usize| value(&d[i..i + 2]);
    (1..=12).contains(&at(month)) && (1..=31).contains(&at(day))
}

fn is_repeated(d: &[u8]) -> bool {
    d.iter().all(|x| *x == d[0])
}

/// The weighted sum of all but the last digit, modulo eleven, against the last by `check`.
fn by_eleven(d: &[u8], weights: &[u32], check: fn(u32) -> u32) -> bool {
    let Some((last, body)) = d.split_last() else { return false };
    !is_repeated(d) && check(weighted(body, weights) % 11) == u32::from(*last)
}

/// Tax file number: the weighted sum of all nine is divisible by eleven.
fn australia(d: &[u8]) -> bool {
    !is_repeated(d) && weighted(d, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

fn new_zealand(d: &[u8]) -> bool {
    let down = |rest| if rest == 0 { 0 } else { 11 - rest };
    by_eleven(d, &[3, 2, 7, 6, 5, 4, 3, 2], down) || by_eleven(d, &[7, 4, 3, 2, 5, 2, 7, 6], down)
}

fn portugal(d: &[u8]) -> bool {
    matches!(d[0], 1..=3)
        && by_eleven(d, &[9, 8, 7, 6, 5, 4, 3, 2], |rest| if rest < 2 { 0 } else { 11 - rest })
}

fn israel(d: &[u8]) -> bool {
    !is_repeated(d) && luhn(d)
}

/// The number of the National Health Service.
fn nhs(d: &[u8]) -> bool {
    by_eleven(d, &[10, 9, 8, 7, 6, 5, 4, 3, 2], |rest| if rest == 0 { 0 } else { 11 - rest })
}

fn denmark(d: &[u8]) -> bool {
    is_date(2, 0, d)
}

fn czechia(d: &[u8]) -> bool {
    let month = value(&d[2..4]) % 50 % 20;
    (1..=12).contains(&month) && (1..=31).contains(&value(&d[4..6])) && value(d).is_multiple_of(11)
}

fn bulgaria(d: &[u8]) -> bool {
    (1..=12).contains(&(value(&d[2..4]) % 20))
        && by_eleven(d, &[2, 4, 8, 5, 10, 9, 7, 3, 6], |rest| rest % 10)
}

/// The first digit may count with minus one, which is ten modulo eleven.
fn ukraine(d: &[u8]) -> bool {
    by_eleven(d, &[10, 5, 7, 9, 4, 6, 10, 5, 7], |rest| rest % 10)
}

fn norway(d: &[u8]) -> bool {
    let down = |rest| (11 - rest) % 11;
    let day = if d[0] >= 4 { value(&d[..2]) - 40 } else { value(&d[..2]) };
    (1..=31).contains(&day)
        && (1..=12).contains(&value(&d[2..4]))
        && by_eleven(&d[..10], &[3, 7, 6, 1, 8, 9, 4, 5, 2], down)
        && by_eleven(d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], down)
}

/// Born from 2000 on, a two stands before the nine digits that are divided.
fn belgium(d: &[u8]) -> bool {
    let check = value(&d[9..]);
    let body = value(&d[..9]);
    value(&d[2..4]) <= 12
        && value(&d[4..6]) <= 31
        && (97 - body % 97 == check || 97 - (2_000_000_000 + body) % 97 == check)
}

fn turkey(d: &[u8]) -> bool {
    let odd: u32 = d[..9].iter().step_by(2).map(|x| u32::from(*x)).sum();
    let even: u32 = d[1..8].iter().step_by(2).map(|x| u32::from(*x)).sum();
    d[0] != 0
        && (odd * 7 + 100 - even) % 10 == u32::from(d[9])
        && weighted(&d[..10], &[1; 10]) % 10 == u32::from(d[10])
}

/// Estonia and Lithuania: a second set of weights when the first leaves ten.
fn baltic(d: &[u8]) -> bool {
    let first = weighted(&d[..10], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighted(&d[..10], &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    let check = if first < 10 { first } else { second };
    (1..=6).contains(&d[0]) && is_date(3, 5, d) && check == u32::from(d[10])
}

fn greece(d: &[u8]) -> bool {
    is_date(2, 0, d) && luhn(d)
}

fn snils(d: &[u8]) -> bool {
    let sum = weighted(&d[..9], &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    !is_repeated(&d[..9]) && u64::from(sum % 101 % 100) == value(&d[9..])
}

fn argentina(d: &[u8]) -> bool {
    matches!(value(&d[..2]), 20 | 23..=27 | 30 | 33 | 34)
        && by_eleven(d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], |rest| match rest {
            0 => 0,
            1 => 9,
            rest => 11 - rest,
        })
}

fn japan(d: &[u8]) -> bool {
    by_eleven(d, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], |rest| if rest < 2 { 0 } else { 11 - rest })
}

fn malaysia(d: &[u8]) -> bool {
    is_date(2, 4, d) && matches!(value(&d[6..8]), 1..=16 | 21..=59 | 60..=99)
}

fn south_africa(d: &[u8]) -> bool {
    is_date(2, 4, d) && d[10] < 3 && luhn(d)
}

fn romania(d: &[u8]) -> bool {
    (1..=8).contains(&d[0])
        && is_date(3, 5, d)
        && by_eleven(d, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9], |rest| if rest == 10 { 1 } else { rest })
}

fn thailand(d: &[u8]) -> bool {
    (1..=8).contains(&d[0])
        && by_eleven(d, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2], |rest| (11 - rest) % 10)
}

fn korea(d: &[u8]) -> bool {
    is_date(2, 4, d) && (1..=8).contains(&d[6])
}

/// Country 756 and the check digit of EAN-13.
fn switzerland(d: &[u8]) -> bool {
    let sum = weighted(&d[..12], &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    value(&d[..3]) == 756 && (10 - sum % 10) % 10 == u32::from(d[12])
}

/// Women add forty to the day.
fn indonesia(d: &[u8]) -> bool {
    matches!(value(&d[..2]), 11..=94)
        && (1..=31).contains(&(value(&d[6..8]) % 40))
        && (1..=12).contains(&value(&d[8..10]))
}

/// Place, date of birth, order, and a check by ISO 7064 MOD 11-2; one that ends in X is read with the letters.
fn china(d: &[u8]) -> bool {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1];
    matches!(value(&d[6..10]), 1900..=2099) && is_date(10, 12, d) && weighted(d, &weights) % 11 == 1
}

fn chile(d: &[u8]) -> bool {
    by_eleven(d, &[3, 2, 7, 6, 5, 4, 3, 2], |rest| (11 - rest) % 11)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    /// Examples out of the issuers' own descriptions, or made up with a valid check.
    #[test]
    fn published_examples_pass_and_a_wrong_digit_does_not() {
        type Check = fn(&[u8]) -> bool;
        let cases: [(&str, Check); 15] = [
            ("123 456 782", australia),
            ("123456789", portugal),
            ("000000018", israel),
            ("943 476 5919", nhs),
            ("7523169263", bulgaria),
            ("85.07.30-033.28", belgium),
            ("10000000146", turkey),
            ("69435151530", mod11_10),
            ("37605030299", baltic),
            ("112-233-445 95", snils),
            ("20-12345678-6", argentina),
            ("1234 5678 9018", japan),
            ("8001015009087", south_africa),
            ("756.9217.0769.85", switzerland),
            ("12.345.678-5", chile),
        ];
        for (text, valid) in cases {
            assert!(valid(&digits(text)), "{text}");
        }
        assert!(!nhs(&digits("943 476 5918")));
        assert!(!switzerland(&digits("756.9217.0769.84")));
        assert!(!turkey(&digits("10000000147")));
    }
}
