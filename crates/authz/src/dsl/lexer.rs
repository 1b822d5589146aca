//! Cuts a text into words: the longest word wins, and of two equally long ones the one that is named first.

use super::token::{self, EOF, Kind, NEWLINE, RPAREN, Token, WHITESPACE};

/// What could not be read as a word.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// How many words were read before it.
    pub(super) before: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) text: String,
}

/// The words of a text and what is none. The last word is the end of the input.
pub(super) fn words(text: &str) -> (Vec<Token>, Vec<Unreadable>) {
    let mut lexer = Lexer { text, at: 0, line: 0, column: 0, parameters: false };
    let (mut tokens, mut bad) = (Vec::new(), Vec::new());
    while lexer.at < text.len() {
        let (start, line, column) = (lexer.at, lexer.line, lexer.column);
        let rest = &text[start..];
        let found = if lexer.parameters { in_parameters(rest) } else { in_model(rest) };
        match found {
            Found::Word(kind, len) => {
                lexer.advance(len);
                match kind {
                    token::CONDITION => lexer.parameters = true,
                    RPAREN => lexer.parameters = false,
                    _ => {}
                }
                if kind != token::COMMENT {
                    tokens.push(Token { kind, start, end: lexer.at, line, column });
                }
            }
            Found::Nothing(len) => {
                let len = len.min(rest.len());
                bad.push(Unreadable { before: tokens.len(), line, column, text: rest[..len].to_owned() });
                lexer.advance(len);
            }
        }
    }
    tokens.push(Token {
        kind: EOF,
        start: text.len(),
        end: text.len(),
        line: lexer.line,
        column: lexer.column,
    });
    (tokens, bad)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    column: usize,
    /// Between `condition` and the next closing bracket, where other words are known.
    parameters: bool,
}

impl Lexer<'_> {
    fn advance(&mut self, len: usize) {
        for c in self.text[self.at..self.at + len].chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 0;
            } else {
                self.column += 1;
            }
        }
        self.at += len;
    }
}

enum Found {
    Word(Kind, usize),
    /// No word begins here; so many bytes are skipped.
    Nothing(usize),
}

/// Keeps the longest; of equally long ones the first.
struct Best(Option<(Kind, usize)>);

impl Best {
    fn offer(&mut self, kind: Kind, len: Option<usize>) {
        if let Some(len) = len
            && len > self.0.map_or(0, |(_, best)| best)
        {
            self.0 = Some((kind, len));
        }
    }
}

fn in_model(rest: &str) -> Found {
    let bytes = rest.as_bytes();
    let mut best = Best(None);
    if matches!(bytes[0], b' ' | b'\t' | b'\n' | b'\r' | 0x0c) {
        return blank(rest);
    }
    for (word, kind) in token::KEYWORDS {
        best.offer(kind, rest.starts_with(word).then_some(word.len()));
    }
    for (sign, kind) in token::SIGNS {
        best.offer(kind, rest.starts_with(sign).then_some(sign.len()));
    }
    if rest.starts_with("//") {
        best.offer(token::COMMENT, Some(rest.find('\n').unwrap_or(rest.len())));
    }
    best.offer(token::SCHEMA_VERSION, schema_version(bytes));
    best.offer(token::NUM_FLOAT, float(bytes));
    let whole = integer(bytes);
    best.offer(token::NUM_INT, whole);
    let unsigned = whole.filter(|n| matches!(bytes.get(*n), Some(b'u' | b'U'))).map(|n| n + 1);
    best.offer(token::NUM_UINT, unsigned);
    best.offer(token::STRING, string(rest));
    if matches!(bytes[0], b'b' | b'B') {
        best.offer(token::BYTES, string(&rest[1..]).map(|n| n + 1));
    }
    best.offer(token::IDENTIFIER, identifier(bytes));
    best.offer(token::EXTENDED_IDENTIFIER, extended(bytes));
    match best.0 {
        Some((kind, len)) => Found::Word(kind, len),
        None => Found::Nothing(unreadable(rest)),
    }
}

fn in_parameters(rest: &str) -> Found {
    let bytes = rest.as_bytes();
    let mut best = Best(None);
    for (sign, kind) in [
        (")", RPAREN),
        ("<", token::LESS),
        (">", token::GREATER),
        ("(", token::LPAREN),
        (":", token::COLON),
        (",", token::COMMA),
    ] {
        best.offer(kind, rest.starts_with(sign).then_some(1));
    }
    best.offer(
        token::PARAM_CONTAINER,
        ["map", "list"].iter().find(|w| rest.starts_with(**w)).map(|w| w.len()),
    );
    for word in ["bool", "string", "int", "uint", "double", "duration", "timestamp", "ipaddress"] {
        best.offer(token::PARAM_TYPE, rest.starts_with(word).then_some(word.len()));
    }
    let blanks = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t' | 0x0c)).count();
    best.offer(WHITESPACE, Some(blanks).filter(|n| *n > 0));
    best.offer(token::IDENTIFIER, identifier(bytes));
    match best.0 {
        Some((kind, len)) => Found::Word(kind, len),
        None => Found::Nothing(first_char(rest)),
    }
}

/// A run of blanks is one word; with a line end in it, it is another.
fn blank(rest: &str) -> Found {
    let len = rest.bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)).count();
    let lines = rest[..len].contains(['\n', '\r']);
    Found::Word(if lines { NEWLINE } else { WHITESPACE }, len)
}

fn first_char(rest: &str) -> usize {
    rest.chars().next().map_or(0, char::len_utf8)
}

/// How much is skipped where no word fits: what was read in vain and the character that did not fit.
fn unreadable(rest: &str) -> usize {
    let tried = match rest.as_bytes()[0] {
        b'&' | b'|' | b'=' => 1,
        quote @ (b'"' | b'\'') => rest[1..]
            .find(|c: char| c == '\n' || c == '\r' || c == char::from(quote))
            .map_or(rest.len(), |n| n + 1),
        _ => return first_char(rest),
    };
    tried + first_char(&rest[tried..])
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn schema_version(bytes: &[u8]) -> Option<usize> {
    let whole = digits(bytes);
    if whole == 0 || bytes.get(whole) != Some(&b'.') {
        return None;
    }
    let part = digits(&bytes[whole + 1..]);
    (part > 0).then_some(whole + 1 + part)
}

fn exponent(bytes: &[u8]) -> usize {
    if !matches!(bytes.first(), Some(b'e' | b'E')) {
        return 0;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let n = digits(&bytes[1 + sign..]);
    if n == 0 { 0 } else { 1 + sign + n }
}

fn float(bytes: &[u8]) -> Option<usize> {
    let whole = digits(bytes);
    let mut len = whole;
    if bytes.get(whole) == Some(&b'.') {
        let part = digits(&bytes[whole + 1..]);
        if part > 0 {
            len = whole + 1 + part;
        }
    }
    let exponent = exponent(&bytes[len..]);
    (len > whole || (whole > 0 && exponent > 0)).then_some(len + exponent)
}

fn integer(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"0x") {
        let n = bytes[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if n > 0 {
            return Some(2 + n);
        }
    }
    Some(digits(bytes)).filter(|n| *n > 0)
}

fn identifier(bytes: &[u8]) -> Option<usize> {
    if !bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
        return None;
    }
    Some(bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count())
}

fn extended(bytes: &[u8]) -> Option<usize> {
    if !bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
        return None;
    }
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let mut len = 1;
    loop {
        match bytes.get(len) {
            Some(b) if word(b) => len += 1,
            Some(b'/' | b'.' | b'-') if bytes.get(len + 1).is_some_and(word) => len += 2,
            _ => return Some(len),
        }
    }
}

/// A string of the expression language, raw or not, of one or of several lines.
fn string(rest: &str) -> Option<usize> {
    let raw = rest.starts_with(['r', 'R']);
    let from = usize::from(raw);
    let body = rest.get(from..)?;
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        if body.starts_with(quote) {
            let closed = closing(&body.as_bytes()[quote.len()..], quote.as_bytes(), raw);
            if let Some(n) = closed {
                return Some(from + quote.len() + n);
            }
        }
    }
    None
}

fn closing(bytes: &[u8], quote: &[u8], raw: bool) -> Option<usize> {
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(quote) {
            return Some(at + quote.len());
        }
        match bytes[at] {
            b'\n' | b'\r' if quote.len() == 1 => return None,
            b'\\' if !raw => at += escape(&bytes[at..])?,
            _ => at += 1,
        }
    }
    None
}

fn escape(bytes: &[u8]) -> Option<usize> {
    let hex =
        |n: usize| bytes.get(2..2 + n).is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)).then_some(2 + n);
    match bytes.get(1)? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => Some(2),
        b'x' | b'X' => hex(2),
        b'u' => hex(4),
        b'U' => hex(8),
        b'0'..=b'3' => {
            bytes.get(2..4).is_some_and(|o| o.iter().all(|b| matches!(b, b'0'..=b'7'))).then_some(4)
        }
        _ => None,
    }
}
