//! Keys and tokens that show what they are: issuers' beginnings, JSON Web Tokens, private key blocks.

use crate::ascii::{self, ALNUM, JOINT};
use crate::class::Class;
use crate::rules::prefixes::{Index, Prefix};
use crate::window::{Best, CANDIDATE_SYMBOLS_MAX, Hit, Look, Tail, Window};

/// Offers a key or token that starts at a letter or digit.
pub(crate) fn offer_key(index: &Index, window: Window<'_>, at: usize, best: &mut Best<'_>) -> Look<()> {
    let prefixes = index.starting_with(window.symbols[at]);
    // Many begin with the same symbol, few with the same two.
    let second = if prefixes.is_empty() { 0 } else { window.at(at + 1)? };
    for prefix in prefixes {
        if prefix.text.get(1) == Some(&second)
            && starts(window, at, prefix.text)?
            && let Some(hit) = key(window, at, prefix)?
        {
            best.offer(hit);
            return Ok(());
        }
    }
    offer_jwt(window, at, best)
}

fn starts(window: Window<'_>, at: usize, text: &[u8]) -> Look<bool> {
    for (k, b) in text.iter().enumerate() {
        if window.at(at + k)? != *b {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How much of a long key is looked at first.
const HEAD_SYMBOLS: usize = 20;
/// The fewest digits in one of Slack's tokens.
const SLACK_DIGITS_MIN: usize = 4;

fn key(window: Window<'_>, at: usize, prefix: &Prefix) -> Look<Option<Hit>> {
    let body = at + prefix.text.len();
    // The first symbols tell most of what is none, before the rest is looked at.
    let head = prefix.min.min(HEAD_SYMBOLS);
    let stop = window.span(body, head, |b| prefix.alphabet.has(b))?;
    if stop < body + head || head == HEAD_SYMBOLS && is_filler(&window.symbols[body..stop]) {
        return Ok(None);
    }
    let room = CANDIDATE_SYMBOLS_MAX - prefix.text.len();
    let mut stop = window.span(body, room, |b| prefix.alphabet.has(b))?;
    let hit = Hit::new(Class::Credential, prefix.kind, "key_prefix", prefix.confidence);
    if stop == body + room && prefix.alphabet.has(window.at(stop)?) {
        let long_enough = prefix.max == 0 && !is_filler(&window.symbols[body..stop]);
        return Ok(long_enough.then(|| hit.at(at, stop).tail(Tail::Key)));
    }
    // A sentence may end behind the key.
    while stop > body && matches!(window.symbols[stop - 1], b'.' | b'-') {
        stop -= 1;
    }
    let len = stop - body;
    let fits = !(prefix.kind == "slack_token" && is_slack_template(&window.symbols[body..stop]))
        && len >= prefix.min
        && (prefix.max == 0 || len <= prefix.max)
        && window.ends_at(stop)?;
    Ok((fits && !is_filler(&window.symbols[body..stop])).then(|| hit.at(at, stop)))
}

/// Slack's tokens hold numbers of teams and times, and end in a secret: words alone, or numbers alone, are a template.
fn is_slack_template(body: &[u8]) -> bool {
    let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
    digits < SLACK_DIGITS_MIN || !body.iter().any(u8::is_ascii_alphabetic)
}

/// How much of a key, in symbols, is looked at to tell a placeholder.
const PLACEHOLDER_SYMBOLS: usize = 64;

/// What stands where a secret would be: filler, or something with the word example in it.
pub(crate) fn is_placeholder(body: &[u8]) -> bool {
    let body = &body[..body.len().min(PLACEHOLDER_SYMBOLS)];
    is_filler(body)
        || body.windows(7).any(|word| word[0] | 32 == b'e' && word.eq_ignore_ascii_case(b"example"))
}

/// The longest word whose repetition makes a filler.
const REPEATED_SYMBOLS_MAX: usize = 8;

/// `EXAMPLEEXAMPLEEXAMPLE…`: a short word again and again makes up more than half, maybe behind a beginning of another kind.
fn repeats(body: &[u8]) -> bool {
    (3..=REPEATED_SYMBOLS_MAX).any(|period| {
        let again = body.iter().rev().zip(body.iter().rev().skip(period)).take_while(|(a, b)| a == b).count();
        2 * (again + period) > body.len() && again >= 3 * period
    })
}

/// `xxxxxxxx`, `000000…`, `abcdefgh…`: no key. Chance puts ten letters in the order of the alphabet into one key in a thousand
/// million. A key of a vendor's shape that only says that it is an example is replaced like any other: nobody misses it.
fn is_filler(body: &[u8]) -> bool {
    let body = &body[..body.len().min(PLACEHOLDER_SYMBOLS)];
    if is_monotonous(body) {
        return true;
    }
    let (mut run, mut longest, mut zeros) = (1, 1, 1);
    let (mut ascent, mut steepest) = (1, 1);
    let mut previous = 0;
    for b in body {
        let b = b.to_ascii_lowercase();
        run = if previous == b { run + 1 } else { 1 };
        let most = if b.is_ascii_digit() { &mut zeros } else { &mut longest };
        *most = run.max(*most);
        ascent = if b.is_ascii_alphabetic() && b == previous.wrapping_add(1) { ascent + 1 } else { 1 };
        steepest = steepest.max(ascent);
        previous = b;
    }
    // Six zeros may end a key; they make a filler of what is that for a third.
    let alike = longest >= 6 || zeros >= 6 && 3 * zeros >= body.len();
    alike || steepest >= 10 || repeats(body)
}

/// The fewest different symbols of a key, capitals and small letters being the same.
const DIFFERENT_SYMBOLS_MIN: u32 = 6;

/// Whether it has fewer. Most of what only looks like the beginning of a key is told by this, so it stands alone and is quick.
fn is_monotonous(body: &[u8]) -> bool {
    // One bit for each symbol below 128, in two halves; the others share the last.
    let mut seen = [0_u64; 2];
    for b in body {
        let b = b.to_ascii_lowercase().min(127);
        seen[usize::from(b >> 6)] |= 1 << (b & 63);
    }
    seen[0].count_ones() + seen[1].count_ones() < DIFFERENT_SYMBOLS_MIN
}

/// Names that may stand first in a JOSE header: RFC 7515 section 4.1, RFC 7516 section 4.1.
const HEADER_NAMES: [&[u8]; 13] =
    [b"alg", b"typ", b"kid", b"cty", b"enc", b"jku", b"jwk", b"x5u", b"x5c", b"x5t", b"crit", b"zip", b"b64"];
/// Symbols of the header that are decoded: enough for the first name with some spaces before it.
const HEADER_SYMBOLS: usize = 20;

/// Offers a JSON Web Token: base64url of a JOSE header, a dot, and more.
fn offer_jwt(window: Window<'_>, at: usize, best: &mut Best<'_>) -> Look<()> {
    if window.symbols[at] != b'e' || !starts(window, at, b"ey")? {
        return Ok(());
    }
    let head = window.span(at, HEADER_SYMBOLS, is_base64url)?;
    if head - at < 12 || !is_jose_header(&window.symbols[at..head]) {
        return Ok(());
    }
    let stop = window.span(at, CANDIDATE_SYMBOLS_MAX, |b| is_base64url(b) || b == b'.')?;
    let hit = Hit::new(Class::Credential, "jwt", "jwt_header", 0.97);
    if stop == at + CANDIDATE_SYMBOLS_MAX && Tail::Key.holds(window.at(stop)?) {
        best.offer(hit.at(at, stop).tail(Tail::Key));
        return Ok(());
    }
    let text = &window.symbols[at..stop];
    let trimmed = text.len() - text.iter().rev().take_while(|b| **b == b'.').count();
    if text[..trimmed].contains(&b'.') {
        best.offer(hit.at(at, at + trimmed));
    }
    Ok(())
}

fn is_base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn is_jose_header(text: &[u8]) -> bool {
    let (bytes, n) = decode(text);
    let json = &bytes[..n];
    let Some(rest) = json.trim_ascii_start().strip_prefix(b"{") else { return false };
    let Some(rest) = rest.trim_ascii_start().strip_prefix(b"\"") else { return false };
    HEADER_NAMES.iter().any(|name| rest.starts_with(name))
}

/// Decodes up to `HEADER_SYMBOLS` symbols of base64url or base64 without padding.
fn decode(text: &[u8]) -> ([u8; HEADER_SYMBOLS], usize) {
    let mut out = [0; HEADER_SYMBOLS];
    let (mut bits, mut held, mut n) = (0_u32, 0, 0);
    for symbol in text.iter().take(HEADER_SYMBOLS) {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out[n] = u8::try_from(bits >> held & 0xff).unwrap_or(0);
            n += 1;
        }
    }
    (out, n)
}

/// Whether base64 text decodes to `name:password`, as in HTTP Basic (RFC 7617).
pub(crate) fn is_basic(text: &[u8]) -> bool {
    let (bytes, n) = decode(text);
    let head = &bytes[..n];
    head.iter().all(|b| matches!(b, 0x20..=0x7e | 0x80..))
        && (head.contains(&b':') || text.len() > HEADER_SYMBOLS)
}

/// The longest label of a key block, `ENCRYPTED PRIVATE KEY` and the like.
const LABEL_SYMBOLS_MAX: usize = 40;
/// How far behind the first line the first symbol of the key is looked for.
const LEAD_SYMBOLS_MAX: usize = 16;

/// Offers a private key block (RFC 7468, OpenSSH, OpenPGP, PuTTY has another form). It is open: its end is far.
pub(crate) fn offer_pem(window: Window<'_>, at: usize, best: &mut Best<'_>) -> Look<()> {
    if !window.reads(at, b"-----begin ")? {
        return Ok(());
    }
    let label = at + 11;
    let stop = window.span(label, LABEL_SYMBOLS_MAX, |b| b.is_ascii_alphanumeric() || b == b' ')?;
    let name = &window.symbols[label..stop];
    let private = name.windows(11).any(|w| w.eq_ignore_ascii_case(b"PRIVATE KEY"));
    let dashes = window.span(stop, 5, |b| b == b'-')?;
    if !private || dashes != stop + 5 {
        return Ok(());
    }
    let body = window.span(dashes, LEAD_SYMBOLS_MAX, |b| !ascii::is(b, ALNUM | JOINT))?;
    // Nothing between the lines: a template, or talk about keys.
    if body < dashes + LEAD_SYMBOLS_MAX && !ascii::is(window.at(body)?, ALNUM) {
        return Ok(());
    }
    let hit = Hit::new(Class::Credential, "private_key", "pem_block", 0.99);
    best.offer(hit.at(at, dashes).tail(Tail::Pem));
    Ok(())
}
