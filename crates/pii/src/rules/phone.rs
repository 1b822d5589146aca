//! Telephone numbers, international (E.164) and as written at home.

use crate::ascii::{self, ALNUM};
use crate::class::Class;
use crate::rules::context::Context;
use crate::rules::is_glued;
use crate::window::{Best, Hit, Look, Window};

/// E.164 allows fifteen; a leading `00` or `011` comes on top.
const DIGITS_MAX: usize = 18;
const GROUPS_MAX: usize = 9;

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "what was seen on the way; none excludes another")]
struct Dialled {
    digits: [u8; DIGITS_MAX],
    n: usize,
    /// Digits in each group, and where each ends.
    lens: [u8; GROUPS_MAX],
    ends: [usize; GROUPS_MAX],
    groups: usize,
    plus: bool,
    parens: bool,
    /// The separator behind the first group.
    sep: u8,
    dots: bool,
    extension: bool,
    end: usize,
}

/// Offers a telephone number that starts at a digit, `+` or `(`.
pub(crate) fn offer(window: Window<'_>, at: usize, context: Context, best: &mut Best<'_>) -> Look<()> {
    // `08/16/2000 03:14`: the rest of a date is no telephone number.
    let rest = at >= 2 && window.before(at) == b'/' && window.before(at - 1).is_ascii_digit();
    if rest || is_glued(window, at) {
        return Ok(());
    }
    let Some(dialled) = read(window, at)? else { return Ok(()) };
    if let Some((kind, confidence)) = judge(&dialled, context) {
        best.offer(Hit::new(Class::Phone, kind, "phone", confidence).at(at, dialled.end));
    } else if let Some(groups) = north_american(&dialled)
        && groups < dialled.groups
    {
        let hit = Hit::new(Class::Phone, "phone_nanp", "phone", 0.6);
        best.offer(hit.at(at, dialled.ends[groups - 1]));
    }
    Ok(())
}

fn read(window: Window<'_>, at: usize) -> Look<Option<Dialled>> {
    let mut d = Dialled::default();
    let mut k = at;
    if window.at(k)? == b'+' {
        d.plus = true;
        k += 1;
    }
    loop {
        // At most two signs between groups: `) `, ` (`, ` -`.
        let mut signs = 0;
        let mut dotted = false;
        while signs < 3 {
            let symbol = window.at(k)?;
            let fits = match symbol {
                b'(' => !d.parens,
                b')' => d.parens && d.groups > 0,
                b' ' | b'-' | b'.' | b'/' => d.groups > 0,
                _ => false,
            };
            if !fits {
                break;
            }
            d.parens |= symbol == b'(';
            if d.groups == 1 && d.sep == 0 {
                d.sep = symbol;
            }
            dotted |= symbol == b'.';
            signs += 1;
            k += 1;
        }
        if d.groups == GROUPS_MAX || (d.groups > 0 && signs == 0) || signs == 3 {
            break;
        }
        let room = DIGITS_MAX - d.n;
        let end = window.span(k, room + 1, |b| b.is_ascii_digit())?;
        if end == k {
            break;
        }
        // A full stop behind the number is none of its signs.
        d.dots |= dotted;
        if end - k > room {
            return Ok(None);
        }
        // A group that runs on into letters is no part of the number, unless it is an extension `x12`.
        let after = window.at(end)?;
        if ascii::is(after, ALNUM) && !matches!(after, b'x' | b'X') {
            if d.groups == 0 {
                return Ok(None);
            }
            break;
        }
        for i in k..end {
            d.digits[d.n] = window.symbols[i] - b'0';
            d.n += 1;
        }
        d.lens[d.groups] = u8::try_from(end - k).unwrap_or(u8::MAX);
        d.ends[d.groups] = end;
        d.groups += 1;
        d.end = end;
        k = end;
    }
    if d.groups == 0 {
        return Ok(None);
    }
    if let Some(end) = extension(window, d.end)? {
        d.extension = true;
        d.end = end;
    } else if !window.ends_at(d.end)? {
        return Ok(None);
    }
    Ok(Some(d))
}

/// ` x018`, ` ext. 363`, `x12`.
fn extension(window: Window<'_>, end: usize) -> Look<Option<usize>> {
    let mut k = window.span(end, 2, |b| matches!(b, b' ' | b','))?;
    if window.reads(k, b"extension")? {
        k += 9;
    } else if window.reads(k, b"ext")? {
        k += 3;
    } else if window.reads(k, b"x")? {
        k += 1;
    } else {
        return Ok(None);
    }
    let k = window.span(k, 2, |b| matches!(b, b'.' | b' ' | b':'))?;
    let stop = window.span(k, 7, |b| b.is_ascii_digit())?;
    Ok(((2..=6).contains(&(stop - k)) && window.ends_at(stop)?).then_some(stop))
}

/// How many groups make a North American number: 3-3-4, perhaps after a 1.
fn north_american(d: &Dialled) -> Option<usize> {
    let skip = usize::from(d.lens[0] == 1 && d.digits[0] == 1);
    let shaped = d.groups >= skip + 3 && d.lens[skip..skip + 3] == [3, 3, 4];
    // Area code and exchange start with 2 to 9.
    (shaped && d.digits[skip] >= 2 && d.digits[skip + 3] >= 2).then_some(skip + 3)
}

fn judge(d: &Dialled, context: Context) -> Option<(&'static str, f32)> {
    if d.plus {
        let known = (8..=15).contains(&d.n) && d.digits[0] != 0;
        let confidence = if d.groups > 1 || d.n >= 10 || context.phone() { 0.92 } else { 0.7 };
        return known.then_some(("phone_international", confidence));
    }
    if is_date(d) || context.version() && d.dots {
        return None;
    }
    let doubt = if context.thing() && !context.phone() { 0.4 } else { 0.0 };
    let (kind, confidence) = shape(d, context)?;
    Some((kind, confidence - doubt))
}

fn shape(d: &Dialled, context: Context) -> Option<(&'static str, f32)> {
    let lens = &d.lens[..d.groups];
    if north_american(d) == Some(d.groups) {
        let confidence = match (context.phone(), d.sep) {
            (true, _) => 0.95,
            (false, b' ') if !d.parens && !d.extension => 0.6,
            _ => 0.8,
        };
        return Some(("phone_nanp", confidence));
    }
    if *lens == [3, 3, 4] && matches!(d.sep, b'-' | b'.') && d.digits[0] >= 2 {
        return Some(("phone_national", 0.6));
    }
    if d.digits[..2] == [0, 0] && (10..=17).contains(&d.n) && d.groups > 1 {
        return Some(("phone_international", 0.7));
    }
    // `(11) 96123-4345`
    if d.parens && (9..=12).contains(&d.n) && (2..=4).contains(&d.groups) && (2..=5).contains(&lens[0]) {
        return Some(("phone_national", 0.75));
    }
    if context.phone() && (7..=13).contains(&d.n) && (d.groups > 1 || d.n >= 9) && d.groups <= 6 {
        return Some(("phone_national", 0.8));
    }
    if d.extension && (8..=13).contains(&d.n) && d.groups > 1 {
        return Some(("phone_national", 0.7));
    }
    if d.digits[0] == 0 && (8..=12).contains(&d.n) && d.groups > 1 && !d.dots && d.sep != b'/' {
        return Some(("phone_national", trunk(lens, d)));
    }
    // Beside a mail address, groups of digits are mostly a telephone number.
    let beside = context.mail() && (8..=12).contains(&d.n) && (2..=5).contains(&d.groups) && !d.dots;
    beside.then_some(("phone_national", 0.6))
}

/// How far a number that starts with the trunk prefix 0 is believed without a word about telephones.
fn trunk(lens: &[u8], d: &Dialled) -> f32 {
    match lens {
        [2, 2, 2, 2, 2] => 0.75,
        // Leading group 3 to 6 digits and a long rest, as in the UK, Germany, the Netherlands, India.
        [3..=6, 5..=8] | [2..=5, 3..=4, 3..=4] | [2..=4, 2..=3, 2, 2] | [3, 2, 2, 2] if d.n >= 9 => 0.6,
        _ => 0.4,
    }
}

fn is_date(d: &Dialled) -> bool {
    let pair = |i: usize| d.digits[i] * 10 + d.digits[i + 1];
    match &d.lens[..d.groups] {
        [4, 2, 2, ..] => {
            matches!(pair(0), 18..=20) && (1..=12).contains(&pair(4)) && (1..=31).contains(&pair(6))
        }
        [2, 2, 4, ..] => matches!(pair(4), 18..=20) && pair(0) <= 31 && pair(2) <= 31,
        [8, ..] => matches!(pair(0), 19 | 20) && (1..=12).contains(&pair(4)),
        _ => false,
    }
}
