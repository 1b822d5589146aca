//! Secrets that their name gives away: `password=…`, `"api_key": "…"`, `Bearer …`, `scheme://user:…@host`.

use crate::ascii::{self, ALNUM, SPACE};
use crate::class::Class;
use crate::rules::Run;
use crate::rules::credential::{is_basic, is_placeholder};
use crate::rules::names::{Name, is_one, name};
use crate::window::{CANDIDATE_SYMBOLS_MAX, Hit, Look, Tail, Window, is_bare_symbol, is_key_symbol};

/// How far behind its name, in symbols, a value may start.
const GAP_SYMBOLS_MAX: usize = 12;

/// A value that something before it announces. It is looked at when the pass gets there, so that no more than the value
/// itself is ever held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// Where the value starts.
    pub(crate) start: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Behind a name and a sign, or the second argument of a call.
    Value(Value),
    /// Behind `Bearer` or `Basic`.
    Scheme(Name),
    /// Between `//user:` and `@`.
    UserInfo,
}

/// How a value stands behind its name.
#[derive(Clone, Copy, Debug)]
struct Value {
    name: Name,
    quote: Option<u8>,
    /// `=`, `:` or the like stands between.
    sign: bool,
    /// It stands in the query of an address, where it ends at `&`.
    query: bool,
}

impl Promise {
    /// For a stream that forgets its first `n` symbols.
    pub(crate) fn drop_front(&mut self, n: usize) {
        self.start = self.start.saturating_sub(n);
    }
}

/// What the run announces.
pub(crate) fn announced(window: Window<'_>, run: &Run) -> Look<Option<Promise>> {
    if run.after == b':' && run.start >= 2 && window.symbols[run.start - 2..run.start] == *b"//" {
        return Ok(Some(Promise { start: run.end + 1, what: What::UserInfo }));
    }
    if run.after == b'(' {
        return second_argument(window, run);
    }
    let Some(name) = name(&window.symbols[run.start..run.end]) else { return Ok(None) };
    match name {
        Name::Bearer | Name::Basic => {
            let start = window.span(run.end, 4, |b| matches!(b, b' ' | b':' | b'=' | b'"' | b'\'' | b','))?;
            Ok((start > run.end).then_some(Promise { start, what: What::Scheme(name) }))
        }
        Name::Password | Name::Secret => behind(window, run, name),
    }
}

/// Where the value behind a name starts, if what is between allows one.
fn behind(window: Window<'_>, run: &Run, name: Name) -> Look<Option<Promise>> {
    let cli = window.symbols[run.start] == b'-';
    let mut value =
        Value { name, quote: None, sign: cli, query: matches!(window.before(run.start), b'?' | b'&') };
    let mut k = run.end;
    let mut closed = false;
    let limit = run.end + GAP_SYMBOLS_MAX;
    while k < limit {
        let symbol = window.at(k)?;
        match symbol {
            b' ' | b'\t' | b']' | b')' | b'*' | b'\\' => {}
            b'=' | b':' | b'>' | b',' => value.sign = true,
            b'"' | b'\'' | b'`' => {
                // The quote that ends the name, or the one that starts the value.
                let opens = closed || value.sign || ascii::is(window.before(k), SPACE);
                if opens && window.at(k + 1)? != symbol {
                    value.quote = Some(symbol);
                    return Ok(Some(Promise { start: k + 1, what: What::Value(value) }));
                }
                closed = true;
            }
            b'i' | b'w' if !value.sign && ascii::is(window.before(k), SPACE) => {
                let said = window.reads(k, b"is ")? || window.reads(k, b"is: ")?;
                if !said && !window.reads(k, b"was ")? {
                    break;
                }
                value.sign = true;
                k += 2;
            }
            _ => break,
        }
        k += 1;
    }
    let fits = k > run.end && k < limit && (value.sign || !closed);
    Ok(fits.then_some(Promise { start: k, what: What::Value(value) }))
}

/// Functions whose second argument is a password.
const SIGN_IN: &[&[u8]] =
    &[b"login", b"log_in", b"logon", b"signin", b"sign_in", b"authenticate", b"connect"];
/// How long, in symbols, the first argument may be.
const FIRST_ARGUMENT_SYMBOLS_MAX: usize = 64;

/// `login("…", "password")`
fn second_argument(window: Window<'_>, run: &Run) -> Look<Option<Promise>> {
    let called = window.symbols[run.start..run.end].rsplit(|b| *b == b'.').next().unwrap_or_default();
    if !is_one(called, SIGN_IN) {
        return Ok(None);
    }
    let quote = window.at(run.end + 1)?;
    if !matches!(quote, b'"' | b'\'') {
        return Ok(None);
    }
    let first = window.span(run.end + 2, FIRST_ARGUMENT_SYMBOLS_MAX, |b| b != quote && b != b'\n')?;
    if window.at(first)? != quote || window.at(first + 1)? != b',' {
        return Ok(None);
    }
    let second = window.span(first + 2, 2, |b| b == b' ')?;
    let value = Value { name: Name::Password, quote: Some(quote), sign: true, query: false };
    Ok((window.at(second)? == quote).then_some(Promise { start: second + 1, what: What::Value(value) }))
}

/// The finding at the place that was announced, if the value there looks like one.
pub(crate) fn redeem(window: Window<'_>, promise: &Promise) -> Look<Option<Hit>> {
    match &promise.what {
        What::Value(place) => value(window, promise.start, *place),
        What::Scheme(name) => scheme(window, promise.start, *name),
        What::UserInfo => userinfo(window, promise.start),
    }
}

/// The value behind a name.
fn value(window: Window<'_>, start: usize, place: Value) -> Look<Option<Hit>> {
    let tail = place.quote.map_or(Tail::Bare, Tail::Quoted);
    let holds = |b: u8| {
        tail.holds(b)
            && !(place.quote.is_none() && (matches!(b, b'\'' | b',' | b';') || place.query && b == b'&'))
    };
    let stop = window.span(start, CANDIDATE_SYMBOLS_MAX, holds)?;
    let mut text = &window.symbols[start..stop];
    let open = text.len() == CANDIDATE_SYMBOLS_MAX && holds(window.at(stop)?);
    while let ([rest @ .., b'.' | b')' | b']' | b'}' | b':' | b'\''], None, false) = (text, place.quote, open)
    {
        text = rest;
    }
    if is_reference(text) || is_address(text) {
        return Ok(None);
    }
    let (rule, confidence) = match place.name {
        Name::Password => ("password_assignment", password(text, place)),
        // Without a sign only what can hardly be anything else.
        _ if is_secret(text) && (place.sign || text.len() >= LONG_SECRET_SYMBOLS) => {
            ("secret_assignment", 0.85)
        }
        _ => return Ok(None),
    };
    if confidence <= 0.0 {
        return Ok(None);
    }
    let tail = match (open, place.quote) {
        (false, _) => Tail::Closed,
        (true, Some(_)) => tail,
        (true, None) if text.iter().all(|b| is_key_symbol(*b)) => Tail::Key,
        (true, None) => Tail::Bare,
    };
    let hit = Hit::new(Class::Credential, "secret", rule, confidence);
    Ok(Some(hit.at(start, start + text.len()).tail(tail)))
}

/// A random value this long, in symbols, is a secret behind its name even without a sign between.
const LONG_SECRET_SYMBOLS: usize = 32;

/// How far a value is believed to be a password; 0 when it is not.
fn password(text: &[u8], place: Value) -> f32 {
    let digit = text.iter().any(u8::is_ascii_digit);
    let sign = text.iter().any(|b| b.is_ascii_punctuation() && !matches!(b, b'.' | b'_' | b'-' | b'/'));
    let lower = text.iter().any(u8::is_ascii_lowercase);
    if text.len() < 4 || text.contains(&b' ') || is_placeholder_word(text) {
        return 0.0;
    }
    let mixed =
        lower && text.iter().any(u8::is_ascii_uppercase) && text[1..].iter().any(u8::is_ascii_uppercase);
    if !place.sign {
        // `Password Abc12#@d`, as in lists.
        let all = digit && sign && lower && text.len() >= 8 && text.iter().any(u8::is_ascii_uppercase);
        return if all { 0.6 } else { 0.0 };
    }
    match (digit, sign, place.quote.is_some()) {
        (true, true, _) => 0.92,
        (true, false, _) | (false, true, true) => 0.8,
        (false, true, false) => 0.6,
        (false, false, _) if mixed && text.len() >= 8 => 0.7,
        _ => 0.3,
    }
}

/// Words that stand where a secret would: `changeme` is not among them, for it opens doors.
fn is_placeholder_word(text: &[u8]) -> bool {
    is_one(
        text,
        &[
            b"null",
            b"none",
            b"true",
            b"false",
            b"nil",
            b"undefined",
            b"string",
            b"password",
            b"secret",
            b"token",
            b"xxx",
            b"required",
            b"optional",
            b"hidden",
            b"redacted",
            b"example",
            b"xxxx",
            b"your_password",
            b"your-password",
        ],
    ) || text.iter().all(|b| matches!(b, b'*' | b'.' | b'x' | b'X' | b'-' | b'_' | b'#' | b'?'))
}

/// Code that fetches the value from somewhere else: `${DB_PASSWORD}`, `os.environ["…"]`, `getenv(`, `<KEY>`, `%s`.
fn is_reference(text: &[u8]) -> bool {
    if text.starts_with(b"http://") || text.starts_with(b"https://") {
        return true;
    }
    match text {
        [] | [b'$' | b'<' | b'{' | b'[' | b'(', ..] | [b'%', _] => return true,
        _ => {}
    }
    let call = text.iter().position(|b| matches!(b, b'(' | b'['));
    let path = |part: &[u8]| {
        part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'>' | b'-'))
    };
    let called =
        call.is_some_and(|i| i >= 3 && path(&text[..i]) && !text[..i].iter().any(u8::is_ascii_digit));
    let dotted = text.contains(&b'.')
        && text.split(|b| *b == b'.').all(|part| part.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_'));
    called || dotted || text.windows(2).any(|w| matches!(w, b"::" | b"${" | b"{{" | b"->"))
}

/// An address of electronic mail is one, whatever stands before it.
fn is_address(text: &[u8]) -> bool {
    let mut parts = text.split(|b| *b == b'@');
    let (Some(local), Some(host), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    !local.is_empty()
        && host.contains(&b'.')
        && host.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && host
            .rsplit(|b| *b == b'.')
            .next()
            .is_some_and(|top| top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic))
}

/// Entropy, in bits a symbol, below which a value is not random.
const ENTROPY_BITS_MIN: f32 = 3.0;

/// Whether a value looks made by a machine: long, of one alphabet, letters and digits, and random.
fn is_secret(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = text.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let plain = text.iter().all(|b| {
        is_key_symbol(*b) || matches!(b, b'%' | b'!' | b'@' | b'#' | b'$' | b'^' | b'*' | b':' | b'|')
    });
    text.len() >= 8
        && plain
        && letters > 0
        && (digits >= 2 || digits == 1 && text.len() >= 20)
        && !is_placeholder(text)
        && entropy_bits(text) >= ENTROPY_BITS_MIN.min(0.9 * log2_len(text))
        && !text.starts_with(b"http")
}

fn log2_len(text: &[u8]) -> f32 {
    f32::from(u16::try_from(text.len()).unwrap_or(u16::MAX)).log2()
}

/// Shannon entropy of the symbols.
fn entropy_bits(text: &[u8]) -> f32 {
    let mut counts = [0_u16; 256];
    for b in text {
        counts[usize::from(*b)] += 1;
    }
    let all = f32::from(u16::try_from(text.len()).unwrap_or(u16::MAX));
    counts.iter().filter(|n| **n > 0).map(|n| f32::from(*n) / all).map(|p| -p * p.log2()).sum()
}

/// `Bearer …` (RFC 6750) and `Basic …` (RFC 7617).
fn scheme(window: Window<'_>, start: usize, name: Name) -> Look<Option<Hit>> {
    let stop = window.span(start, CANDIDATE_SYMBOLS_MAX, is_key_symbol)?;
    let text = &window.symbols[start..stop];
    let (kind, rule) =
        if name == Name::Basic { ("basic_auth", "basic_header") } else { ("bearer_token", "bearer_header") };
    let hit = Hit::new(Class::Credential, kind, rule, 0.9).at(start, stop);
    if text.len() == CANDIDATE_SYMBOLS_MAX && is_key_symbol(window.at(stop)?) {
        return Ok(Some(hit.tail(Tail::Key)));
    }
    let believed = match name {
        Name::Basic => text.len() >= 8 && window.ends_at(stop)? && is_basic(text),
        _ => text.len() >= 16 && is_secret(text),
    };
    Ok(believed.then_some(hit))
}

/// The password in `scheme://user:password@host` (RFC 3986 section 3.2.1).
fn userinfo(window: Window<'_>, start: usize) -> Look<Option<Hit>> {
    let hit = Hit::new(Class::Credential, "url_password", "url_userinfo", 0.9);
    let mut at_sign = None;
    let limit = start + CANDIDATE_SYMBOLS_MAX;
    let mut k = start;
    loop {
        let symbol = window.at(k)?;
        match symbol {
            b'@' => at_sign = Some(k),
            // Behind `@` comes the host; a later `@` may still belong to the password.
            b'/' => break,
            // `host:8080?to=a@b`: a port, not a password.
            b'?' | b'#' if window.symbols[start..k].iter().all(u8::is_ascii_digit) => break,
            _ if !is_bare_symbol(symbol) || symbol == b'\'' => break,
            _ => {}
        }
        k += 1;
        if k == limit {
            // No port is this long: a password whose end is not in sight. The host goes with it.
            let end = at_sign.unwrap_or(limit);
            let tail = if at_sign.is_some() { Tail::Closed } else { Tail::Bare };
            return Ok(Some(hit.at(start, end).tail(tail)));
        }
    }
    let Some(end) = at_sign else { return Ok(None) };
    let text = &window.symbols[start..end];
    let host = ascii::is(window.at(end + 1)?, ALNUM) || window.at(end + 1)? == b'[';
    if text.is_empty() || !host || is_reference(text) || is_placeholder_word(text) {
        return Ok(None);
    }
    Ok(Some(hit.at(start, end)))
}
