//! Internet addresses: IPv4 in four octets, IPv6 as in RFC 4291 section 2.2.

use crate::ascii::{self, ALNUM};
use crate::class::Class;
use crate::rules::context::Context;
use crate::rules::is_glued;
use crate::window::{Best, Hit, Look, Window};

/// The end of four octets that start at `at`, and whether nothing else follows that would make it a longer number.
fn octets(window: Window<'_>, at: usize) -> Look<Option<usize>> {
    let mut k = at;
    for i in 0..4 {
        let end = window.span(k, 4, |b| b.is_ascii_digit())?;
        let octet = &window.symbols[k..end];
        let value = octet.iter().fold(0_u32, |n, b| n * 10 + u32::from(b - b'0'));
        if octet.is_empty() || value > 255 || (octet.len() > 1 && octet[0] == b'0') {
            return Ok(None);
        }
        k = end;
        if i < 3 {
            if window.at(k)? != b'.' {
                return Ok(None);
            }
            k += 1;
        }
    }
    let longer = ascii::is(window.at(k)?, ALNUM)
        || matches!(window.at(k)?, b'.' | b'-' | b'_') && ascii::is(window.at(k + 1)?, ALNUM);
    Ok((!longer).then_some(k))
}

/// Offers an IPv4 address.
pub(crate) fn offer_v4(window: Window<'_>, at: usize, context: Context, best: &mut Best<'_>) -> Look<()> {
    if is_glued(window, at) {
        return Ok(());
    }
    if let Some(end) = octets(window, at)? {
        // Loopback, "any" and broadcast are nobody's.
        let text = &window.symbols[at..end];
        let nobody = text.starts_with(b"127.") || text == b"0.0.0.0" || text == b"255.255.255.255";
        let confidence = if context.version() || nobody { 0.3 } else { 0.85 };
        best.offer(Hit::new(Class::Ip, "ipv4", "ipv4_octets", confidence).at(at, end));
    }
    Ok(())
}

/// Offers an IPv6 address that starts at a hexadecimal group or at `::`.
pub(crate) fn offer_v6(window: Window<'_>, at: usize, best: &mut Best<'_>) -> Look<()> {
    if is_glued(window, at) || window.before(at) == b':' {
        return Ok(());
    }
    let (mut groups, mut longest, mut compressed, mut numeric) = (0_usize, 0, false, false);
    let mut k = at;
    let mut end = at;
    while groups < 8 {
        let stop = window.span(k, 5, |b| b.is_ascii_hexdigit())?;
        if stop - k == 5 {
            return Ok(());
        }
        if stop > k {
            if groups >= 1 && window.at(stop)? == b'.' {
                // The last 32 bits as four octets.
                let Some(tail) = octets(window, k)? else { break };
                groups += 2;
                numeric = true;
                end = tail;
                break;
            }
            groups += 1;
            longest = longest.max(stop - k);
            numeric |= window.symbols[k..stop].iter().any(u8::is_ascii_digit);
            end = stop;
        } else if k != at && !compressed {
            break;
        }
        k = stop;
        if window.at(k)? != b':' {
            break;
        }
        k += 1;
        if window.at(k)? == b':' {
            if compressed {
                return Ok(());
            }
            compressed = true;
            k += 1;
            end = k;
        } else if stop == at {
            return Ok(());
        }
    }
    let complete = if compressed { (1..8).contains(&groups) } else { groups == 8 };
    if !complete || !window.ends_at(end)? || window.at(end)? == b':' && !compressed {
        return Ok(());
    }
    // `a::b` is a path in many languages; an address has a digit, and a group of three or many groups.
    let confidence = match (compressed, numeric) {
        (false, _) => 0.95,
        (true, true) if longest >= 3 && groups >= 2 => 0.9,
        (true, true) if groups >= 4 => 0.7,
        _ => 0.3,
    };
    best.offer(Hit::new(Class::Ip, "ipv6", "ipv6_groups", confidence).at(at, end));
    Ok(())
}
