//! Government numbers made of digits.

use crate::class::Class;
use crate::rules::checksum::{luhn, mod11_10, value, verhoeff, weighted};
use crate::rules::context::Context;
use crate::rules::gov_world;
use crate::rules::number::Number;
use crate::window::{Best, Hit};

/// Offers every government number the digits may be.
pub(crate) fn offer(at: usize, number: &Number<'_>, context: Context, best: &mut Best<'_>) {
    if !number.stands_alone() {
        return;
    }
    let found = match number.digits.len() {
        9 => nine(number, context),
        10 => ten(number, context),
        11 => eleven(number, context),
        12 => twelve(number, context),
        13 | 15 => french(number, context),
        _ => None,
    };
    let world = gov_world::read(number, context);
    for (kind, rule, confidence) in found.into_iter().chain(world).chain(documents(number, context)) {
        best.offer(Hit::new(Class::GovId, kind, rule, confidence).at(at, number.end));
    }
}

type Found = Option<(&'static str, &'static str, f32)>;

/// The better of two readings.
fn better(a: Found, b: Found) -> Found {
    match (a, b) {
        (Some(x), Some(y)) => Some(if y.2 > x.2 { y } else { x }),
        (x, y) => x.or(y),
    }
}

fn nine(number: &Number<'_>, context: Context) -> Found {
    better(better(us(number, context), canada(number, context)), netherlands(number, context))
}

/// How sure a number is that is written as a social security number with an area that was never given out: mistyped, made up
/// for a form, or a taxpayer number from before its ranges were widened. Written so it is still somebody's word for who they
/// are, and hardly anything else is grouped 3-2-4 with dashes.
const UNASSIGNED_DASHED: f32 = 0.6;

/// US social security number, and the taxpayer number (ITIN) that looks like one.
fn us(number: &Number<'_>, context: Context) -> Found {
    let area = value(&number.digits[..3]);
    let group = value(&number.digits[3..5]);
    let shaped = match number.lens {
        [3, 2, 4] if matches!(number.sep, b'-' | b' ' | b'.') => true,
        [9] => false,
        _ => return None,
    };
    if group == 0 || value(&number.digits[5..]) == 0 || area == 0 || area == 666 {
        return None;
    }
    let confidence = match (shaped, context.ssn(), number.sep) {
        (true, true, _) => 0.97,
        (true, false, b'-') | (false, true, _) => 0.85,
        (true, false, _) if context.id() => 0.7,
        (true, false, _) => 0.55,
        (false, false, _) => 0.15,
    };
    if area >= 900 {
        let itin = matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
        if itin {
            return Some(("us_itin", "us_itin", confidence));
        }
        let believed = match (shaped, context.ssn(), number.sep) {
            (true, true, _) => 0.85,
            (true, false, b'-') => UNASSIGNED_DASHED,
            _ => return None,
        };
        return Some(("us_ssn", "us_ssn_unassigned_area", believed));
    }
    Some(("us_ssn", "us_ssn", confidence))
}

/// Canadian social insurance number: Luhn, and no number starts with 0 or 8.
fn canada(number: &Number<'_>, context: Context) -> Found {
    let shaped = number.lens == [3, 3, 3] && matches!(number.sep, b' ' | b'-');
    if !(shaped || number.lens == [9]) || matches!(number.digits[0], 0 | 8) || !luhn(number.digits) {
        return None;
    }
    let confidence = match (context.sin(), shaped, context.id()) {
        (true, ..) => 0.9,
        (false, true, true) => 0.75,
        (false, true, false) => 0.45,
        (false, false, _) => 0.15,
    };
    Some(("ca_sin", "ca_sin_luhn", confidence))
}

/// Dutch citizen service number: weighted sum divisible by eleven; nine bare digits need the word.
fn netherlands(number: &Number<'_>, context: Context) -> Found {
    let sum = weighted(&number.digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    let valid = sum % 11 == u32::from(number.digits[8]) && sum > 0;
    (valid && context.bsn()).then_some(("nl_bsn", "nl_bsn_11", 0.9))
}

/// Swedish personal identity number `yymmdd-nnnn`.
fn ten(number: &Number<'_>, context: Context) -> Found {
    let shaped = number.lens == [6, 4] && number.sep == b'-';
    if !(shaped || number.lens == [10]) || !is_month_day(&number.digits[2..6]) || !luhn(number.digits) {
        return None;
    }
    Some(("se_personnummer", "se_personnummer_luhn", scale(shaped, context.national(), 0.8, 0.2)))
}

/// With its own name before it a valid number is believed; otherwise its shape decides.
fn scale(shaped: bool, named: bool, with_shape: f32, bare: f32) -> f32 {
    match (named, shaped) {
        (true, _) => 0.93,
        (false, true) => with_shape,
        (false, false) => bare,
    }
}

fn is_month_day(digits: &[u8]) -> bool {
    // Coordination numbers add 60 to the day.
    (1..=12).contains(&value(&digits[..2])) && matches!(value(&digits[2..4]), 1..=31 | 61..=91)
}

fn eleven(number: &Number<'_>, context: Context) -> Found {
    let cpf = brazil(number, context);
    if number.lens == [3, 3, 3, 2] {
        return cpf;
    }
    better(better(cpf, poland(number, context)), germany(number, context))
}

/// Brazilian CPF with its two check digits. It is written `nnn.nnn.nnn-nn`: two separators, see [`Number`]'s caller.
fn brazil(number: &Number<'_>, context: Context) -> Found {
    let d = number.digits;
    if d.iter().all(|x| *x == d[0]) {
        return None;
    }
    let check = |n: usize| {
        let weights: Vec<u32> = (2..=11).rev().skip(10 - n).collect();
        let rest = weighted(&d[..n], &weights) * 10 % 11 % 10;
        rest == u32::from(d[n])
    };
    if !(check(9) && check(10)) {
        return None;
    }
    let shaped = number.lens == [3, 3, 3, 2];
    if !shaped && number.lens.len() != 1 {
        return None;
    }
    Some((
        "br_cpf",
        "br_cpf_11",
        scale(shaped, context.national(), 0.95, if context.id() { 0.7 } else { 0.4 }),
    ))
}

/// Polish PESEL: a date whose month carries the century, and a check digit.
fn poland(number: &Number<'_>, context: Context) -> Found {
    let d = number.digits;
    let month = value(&d[2..4]);
    let valid = number.lens.len() == 1
        && (1..=12).contains(&(month % 20))
        && (1..=31).contains(&value(&d[4..6]))
        && (10 - weighted(&d[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10 == u32::from(d[10]);
    let confidence = scale(false, context.national(), 0.0, if context.id() { 0.75 } else { 0.45 });
    valid.then_some(("pl_pesel", "pl_pesel_sum", confidence))
}

/// German tax identifier: among the first ten digits one occurs two or three times, the check is MOD 11,10.
fn germany(number: &Number<'_>, context: Context) -> Found {
    let d = number.digits;
    let shaped = number.lens == [2, 3, 3, 3] && number.sep == b' ';
    if !(shaped || number.lens == [11]) || d[0] == 0 || !mod11_10(d) {
        return None;
    }
    let mut counts = [0_u8; 10];
    for x in &d[..10] {
        counts[usize::from(*x)] += 1;
    }
    let repeated = counts.iter().filter(|n| **n > 1).count();
    if repeated != 1 || counts.iter().any(|n| *n > 3) {
        return None;
    }
    let confidence = scale(shaped, context.national(), 0.8, if context.id() { 0.75 } else { 0.45 });
    Some(("de_steuer_id", "de_steuer_id_11_10", confidence))
}

fn twelve(number: &Number<'_>, context: Context) -> Found {
    better(india(number, context), sweden_long(number, context))
}

/// Indian Aadhaar: does not start with 0 or 1, Verhoeff's check.
fn india(number: &Number<'_>, context: Context) -> Found {
    let shaped = number.lens == [4, 4, 4] && matches!(number.sep, b' ' | b'-');
    if !(shaped || number.lens == [12]) || number.digits[0] < 2 || !verhoeff(number.digits) {
        return None;
    }
    Some(("in_aadhaar", "in_aadhaar_verhoeff", scale(shaped, context.national(), 0.85, 0.3)))
}

/// Swedish personal identity number with the century, `yyyymmdd-nnnn`.
fn sweden_long(number: &Number<'_>, context: Context) -> Found {
    let shaped = number.lens == [8, 4] && number.sep == b'-';
    let d = number.digits;
    let valid = (shaped || number.lens == [12])
        && matches!(value(&d[..2]), 18..=20)
        && is_month_day(&d[4..8])
        && luhn(&d[2..]);
    let confidence = scale(shaped, context.national(), 0.85, 0.3);
    valid.then_some(("se_personnummer", "se_personnummer_luhn", confidence))
}

/// French social security number (NIR): sex, year, month, department, commune, order, and 97 minus the rest by 97.
///
/// Corsican departments are written with a letter and are not read here.
fn french(number: &Number<'_>, context: Context) -> Found {
    let d = number.digits;
    let shaped = matches!(number.lens, [1, 2, 2, 2, 3, 3] | [1, 2, 2, 2, 3, 3, 2] | [13, 2]);
    if !(shaped || number.lens.len() == 1)
        || !matches!(d[0], 1..=4 | 7 | 8)
        || !matches!(value(&d[3..5]), 1..=12 | 20..=42 | 50..=99)
    {
        return None;
    }
    if d.len() == 15 {
        let valid = 97 - value(&d[..13]) % 97 == value(&d[13..]);
        return valid.then_some(("fr_nir", "fr_nir_97", if context.id() { 0.95 } else { 0.8 }));
    }
    (context.national() || context.ssn()).then_some(("fr_nir", "fr_nir_in_context", 0.6))
}

/// Passports and driving licences have no check digit of their own: the word before them decides.
fn documents(number: &Number<'_>, context: Context) -> Found {
    let n = number.digits.len();
    if matches!(number.sep, b'/' | b'.') || matches!(number.lens, [4, 2, 2] | [2, 2, 4]) {
        return None;
    }
    if context.licence() && context.driver() && (7..=14).contains(&n) && number.lens.len() <= 4 {
        return Some(("drivers_licence", "drivers_licence_in_context", 0.75));
    }
    if number.lens.len() != 1 {
        return None;
    }
    if context.passport() && (7..=10).contains(&n) {
        return Some(("passport", "passport_in_context", 0.85));
    }
    (context.national() && context.id() && (8..=13).contains(&n)).then_some((
        "national_id",
        "national_id_in_context",
        0.55,
    ))
}
