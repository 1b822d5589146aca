//! The rules: each looks at one place and answers whether something starts there.
//!
//! All are anchored at their left end, look at a bounded number of symbols, and need no more than one pass over them.

pub(crate) mod assignment;
pub(crate) mod checksum;
pub(crate) mod context;
pub(crate) mod credential;
pub(crate) mod email;
pub(crate) mod gov_letters;
pub(crate) mod gov_number;
pub(crate) mod gov_world;
pub(crate) mod ip;
pub(crate) mod names;
pub(crate) mod number;
pub(crate) mod payment;
pub(crate) mod phone;
pub(crate) mod prefixes;
pub(crate) mod token;

use crate::ascii::{self, ALNUM, DIGIT, JOINT, LOWER, UPPER};
use crate::engine::LOCAL_PART_SYMBOLS_MAX;
use crate::rules::assignment::Promise;
use crate::window::{Best, Look, Window};

/// What is worked out once, before any text is seen.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) prefixes: prefixes::Index,
    pub(crate) endings: names::Endings,
}

impl Rules {
    pub(crate) fn new() -> Self {
        Self { prefixes: prefixes::Index::new(), endings: names::Endings::new() }
    }
}

/// A run of letters, digits and joints, from the place asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) start: usize,
    /// Its end, or how far it is known to go on.
    pub(crate) end: usize,
    /// Which kinds of symbols are in it.
    pub(crate) kinds: u8,
    /// The symbol behind it; 0 when its end is not known.
    pub(crate) after: u8,
}

impl Run {
    /// The place of a symbol outside runs at which something can start.
    pub(crate) fn opener(at: usize) -> Self {
        Self { start: at, end: at + 1, kinds: 0, after: 0 }
    }

    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Whether something may start at a run that has no digit and is short.
pub(crate) fn may_start_without_digit(window: Window<'_>, run: &Run) -> bool {
    let symbols = &window.symbols[run.start..run.end];
    match symbols {
        // `CE 03 85 68 B`: a national insurance number with spaces.
        [a, b] => {
            run.after == b' ' && a.is_ascii_alphabetic() && b.is_ascii_alphabetic() || run.after == b':'
        }
        // `-----BEGIN `, `+(49)`.
        [b'-' | b'+', ..] => true,
        // `fe:` may start an IPv6 address.
        [_] | [_, _, _] | [_, _, _, _] => run.after == b':',
        _ => false,
    }
}

/// Offers everything that starts at the place.
pub(crate) fn offer_all(rules: &Rules, window: Window<'_>, run: &Run, best: &mut Best<'_>) -> Look<()> {
    let at = run.start;
    let symbol = window.symbols[at];
    let before = window.before(at);
    let bounded = !ascii::is(before, ALNUM);
    if run.after == b'@'
        && (bounded || run.len() == LOCAL_PART_SYMBOLS_MAX)
        && let Some(hit) = email::email(window, run)?
    {
        best.offer(hit);
    }
    if !bounded {
        return Ok(());
    }
    match symbol {
        b'0'..=b'9' => {
            if run.after == b':' {
                ip::offer_v6(window, at, best)?;
            }
            let groups = number::Groups::read(window, at)?;
            if let Some(groups) = groups
                && groups.matter(window)?
            {
                let context = context::Context::before(window, at);
                number::offer(window, at, &groups, context, best)?;
                ip::offer_v4(window, at, context, best)?;
                gov_letters::offer(window, at, context, best)?;
            }
        }
        b'+' | b'(' => {
            phone::offer(window, at, context::Context::before(window, at), best)?;
        }
        b':' => ip::offer_v6(window, at, best)?,
        b'-' => credential::offer_pem(window, at, best)?,
        _ => {}
    }
    if ascii::is(symbol, UPPER | LOWER) {
        if run.after == b':' {
            ip::offer_v6(window, at, best)?;
        }
        if run.len() == 2 && run.kinds & (UPPER | LOWER) == run.kinds {
            gov_letters::offer_pair(window, at, best)?;
        } else if run.kinds & DIGIT != 0 || run.len() == 2 {
            payment::offer_iban(window, at, best)?;
            gov_letters::offer(window, at, context::Context::before(window, at), best)?;
        }
    }
    if ascii::is(symbol, ALNUM) && (run.kinds & DIGIT != 0 || run.len() >= 16) {
        credential::offer_key(&rules.prefixes, window, at, best)?;
    }
    Ok(())
}

/// A value that the run announces further on, such as the one behind `password=`.
pub(crate) fn announced(window: Window<'_>, run: &Run) -> Look<Option<Promise>> {
    if !ascii::is(run.after, ascii::SPACE)
        && !matches!(run.after, b'(' | b'=' | b':' | b'"' | b'>' | b')' | b']' | b',' | b'\\')
    {
        return Ok(None);
    }
    assignment::announced(window, run)
}

/// Whether the place is inside a longer name: it stands behind a joint that follows a letter or digit.
pub(crate) fn is_glued(window: Window<'_>, at: usize) -> bool {
    at >= 2 && ascii::is(window.before(at), JOINT) && ascii::is(window.before(at - 1), ALNUM)
}
