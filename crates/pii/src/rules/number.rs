//! Groups of digits: read once, then asked about by every rule on numbers.

use crate::ascii::{self, ALNUM};
use crate::rules::context::Context;
use crate::rules::{gov_number, is_glued, payment, phone};
use crate::window::{Best, Look, Window};

/// The most digits read: two more than the longest payment card.
pub(crate) const DIGITS_MAX: usize = 21;
/// The fewest digits of any number looked for.
const DIGITS_MIN: usize = 7;
/// The most groups read.
pub(crate) const GROUPS_MAX: usize = 8;

/// Digits in groups, with one separator (space, `-`, `.`, `/`) between groups.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Groups {
    digits: [u8; DIGITS_MAX],
    /// Digits in each group.
    pub(crate) lens: [u8; GROUPS_MAX],
    /// Where each group ends, in symbols.
    ends: [usize; GROUPS_MAX],
    /// The separator before each group but the first.
    seps: [u8; GROUPS_MAX],
    pub(crate) count: usize,
    total: usize,
    /// The symbol behind the last group.
    after: u8,
}

impl Groups {
    /// Reads the groups that start at a digit. `None` when the first group alone is too long.
    pub(crate) fn read(window: Window<'_>, at: usize) -> Look<Option<Self>> {
        let mut groups = Self::default();
        let mut k = at;
        while groups.count < GROUPS_MAX {
            let room = DIGITS_MAX - groups.total;
            let end = window.span(k, room + 1, |b| b.is_ascii_digit())?;
            if end == k || end - k > room {
                break;
            }
            for i in k..end {
                groups.digits[groups.total] = window.symbols[i] - b'0';
                groups.total += 1;
            }
            groups.lens[groups.count] = u8::try_from(end - k).unwrap_or(u8::MAX);
            groups.ends[groups.count] = end;
            if groups.count > 0 {
                groups.seps[groups.count] = window.symbols[k - 1];
            }
            groups.count += 1;
            groups.after = window.at(end)?;
            if groups.total == DIGITS_MAX
                || !matches!(groups.after, b' ' | b'-' | b'.' | b'/')
                || !window.at(end + 1)?.is_ascii_digit()
            {
                break;
            }
            k = end + 1;
        }
        Ok((groups.count > 0).then_some(groups))
    }

    /// Whether any rule could make something of them: most numbers in prose are too short.
    pub(crate) fn matter(&self, window: Window<'_>) -> Look<bool> {
        let end = self.ends[self.count - 1];
        Ok(!self.is_table()
            && (self.total >= DIGITS_MIN
            || ascii::is(self.after, ALNUM)
            // Four octets.
            || (self.count >= 4 && self.seps[1] == b'.')
            // `1 (202) 555-0143`
            || self.after == b'('
            || (matches!(self.after, b' ' | b'-') && window.at(end + 1)? == b'(')))
    }

    /// Many short groups, all in the same way: a row of figures. No number is written so.
    fn is_table(&self) -> bool {
        (self.count == GROUPS_MAX || self.total == DIGITS_MAX)
            && self.lens[..self.count].iter().all(|len| *len <= 3)
            && self.seps[2..self.count].iter().all(|sep| *sep == self.seps[1])
    }

    /// The first `n` groups as one number, if they end where a number may end and one separator joins them.
    fn first(&self, n: usize) -> Option<Number<'_>> {
        let sep = if n > 1 { self.seps[1] } else { 0 };
        // One separator throughout, but for the numbers of Brazil, Russia, Belgium and Chile, which are written with two.
        let mixed = match self.lens[..n] {
            [3, 3, 3, 2] => matches!(self.seps[1..4], [b'.', b'.', b'-'] | [b'-', b'-', b' ']),
            [2, 2, 2, 3, 2] => self.seps[1..5] == [b'.', b'.', b'-', b'.'],
            [2, 3, 3, 1] => self.seps[1..4] == [b'.', b'.', b'-'],
            _ => false,
        };
        if !mixed && self.seps[1..n.max(1)].iter().any(|s| *s != sep) {
            return None;
        }
        let next = if n < self.count { self.seps[n] } else { self.after };
        let cut = n < self.count;
        if ascii::is(next, ALNUM) {
            return None;
        }
        let total = self.lens[..n].iter().map(|l| usize::from(*l)).sum();
        Some(Number {
            digits: &self.digits[..total],
            lens: &self.lens[..n],
            sep,
            end: self.ends[n - 1],
            cut,
            next,
        })
    }
}

/// The first groups of a stretch of digits, as one candidate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<'a> {
    /// The digits as values 0 to 9.
    pub(crate) digits: &'a [u8],
    pub(crate) lens: &'a [u8],
    /// The one separator, 0 when there is a single group.
    pub(crate) sep: u8,
    pub(crate) end: usize,
    /// More groups follow.
    pub(crate) cut: bool,
    /// The symbol behind it.
    pub(crate) next: u8,
}

impl Number<'_> {
    /// Nothing that looks like a part of it follows: no further group with the same separator.
    pub(crate) fn stands_alone(&self) -> bool {
        !self.cut || (self.next == b' ' && self.sep != b' ')
    }
}

/// Offers everything a number may be at a digit.
pub(crate) fn offer(
    window: Window<'_>,
    at: usize,
    groups: &Groups,
    context: Context,
    best: &mut Best<'_>,
) -> Look<()> {
    let glued = is_glued(window, at);
    // Rows of fours may hold cards and nothing else.
    if groups.count > 4 && groups.lens[..groups.count].iter().all(|len| *len == 4) {
        if let Some(number) = groups.first(4) {
            payment::offer_card(at, &number, context, glued, best);
        }
        return Ok(());
    }
    for n in 1..=groups.count {
        let Some(number) = groups.first(n) else { continue };
        payment::offer_card(at, &number, context, glued, best);
        if !glued {
            gov_number::offer(at, &number, context, best);
        }
    }
    if !glued {
        phone::offer(window, at, context, best)?;
    }
    Ok(())
}
