//! Addresses of electronic mail, RFC 5321 section 4.1.2 without quoted local parts and address literals.

use crate::ascii::{self, ALNUM, UPPER};
use crate::class::Class;
use crate::engine::LOCAL_PART_SYMBOLS_MAX;
use crate::rules::Run;
use crate::window::{CANDIDATE_SYMBOLS_MAX, Hit, Look, Tail, Window};

/// The address whose local part is the run.
pub(crate) fn email(window: Window<'_>, run: &Run) -> Look<Option<Hit>> {
    let local = &window.symbols[run.start..run.end];
    let (Some(first), Some(last)) = (local.first(), local.last()) else { return Ok(None) };
    if local.len() > LOCAL_PART_SYMBOLS_MAX
        || !(ascii::is(*first, ALNUM) || *first == b'_')
        || matches!(last, b'.' | b'\'')
    {
        return Ok(None);
    }
    let host = run.end + 1;
    let room = CANDIDATE_SYMBOLS_MAX.saturating_sub(host - run.start);
    let stop = window.span(host, room, |b| ascii::is(b, ALNUM) || matches!(b, b'-' | b'.'))?;
    let open = stop == host + room && Tail::Host.holds(window.at(stop)?);
    let name = &window.symbols[host..stop];
    let hit = Hit::new(Class::Email, "email", "email_rfc5321", 0.95);
    if open {
        return Ok(Some(hit.at(run.start, stop).tail(Tail::Host)));
    }
    Ok(host_len(name).map(|len| hit.at(run.start, host + len)))
}

/// How much of `name` is a host name with at least two labels and a top label of letters.
fn host_len(name: &[u8]) -> Option<usize> {
    let mut len = 0;
    let mut labels = 0;
    let mut good = None;
    for label in name.split(|b| *b == b'.') {
        let (Some(first), Some(last)) = (label.first(), label.last()) else { break };
        if *first == b'-' {
            break;
        }
        labels += 1;
        let trimmed = label.len() - label.iter().rev().take_while(|b| **b == b'-').count();
        let top = trimmed >= 2
            && (label[..trimmed].iter().all(|b| !b.is_ascii_digit() && *b != b'-')
                || label.starts_with(b"xn--"));
        // `Write to a@example.com.Then wait`: a capital behind small letters starts a sentence.
        let sentence = labels > 2 && ascii::is(*first, UPPER) && name[0].is_ascii_lowercase();
        if labels > 1 && top && !sentence {
            good = Some(len + trimmed);
        }
        if *last == b'-' || sentence {
            break;
        }
        len += label.len() + 1;
    }
    good
}
