//! A small Rust lexer: enough to tell code, string literals and comments apart, and to find test code.
//!
//! It follows "Tokens", "Comments" and "Whitespace" of the Rust Reference. It never fails, and on text
//! that is not Rust it ends with wrong tokens, not with a panic.

use std::ops::{Range, RangeInclusive};

/// What a token is, as far as the rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or a keyword.
    Ident,
    /// One character of punctuation.
    Punct,
    /// A string literal of any form; the span is the text between the quotes, escapes as written.
    Str,
    /// A comment with its slashes.
    Comment,
}

/// A token: its kind, its bytes, and the line it starts on, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
    pub(crate) line: usize,
}

/// Splits Rust source into tokens; whitespace, numbers, characters and lifetimes are left out.
pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Moves to `end`, counting the lines passed.
    fn go(&mut self, end: usize) {
        let end = end.min(self.bytes.len());
        self.line += self.bytes[self.at..end].split(|&b| b == b'\n').count() - 1;
        self.at = end;
    }

    fn push(&mut self, kind: Kind, span: Range<usize>, end: usize) {
        self.tokens.push(Token { kind, span, line: self.line });
        self.go(end);
    }

    fn step(&mut self) {
        let start = self.at;
        match self.peek(0) {
            b'/' if self.peek(1) == b'/' => {
                let end = self.find(start, b'\n');
                self.push(Kind::Comment, start..end, end);
            }
            b'/' if self.peek(1) == b'*' => {
                let end = self.block_comment_end();
                self.push(Kind::Comment, start..end, end);
            }
            b'"' => self.string(start + 1),
            b'\'' => self.quote(),
            b if is_word(b) => self.word(),
            b if b.is_ascii_whitespace() => self.go(start + 1),
            _ => self.push(Kind::Punct, start..start + 1, start + 1),
        }
    }

    /// Position of the next `byte` at or after `from`, or the end.
    fn find(&self, from: usize, byte: u8) -> usize {
        self.bytes.iter().skip(from).position(|&b| b == byte).map_or(self.bytes.len(), |at| from + at)
    }

    /// Block comments nest.
    fn block_comment_end(&self) -> usize {
        let (mut at, mut depth) = (self.at + 2, 1_usize);
        while depth > 0 && at < self.bytes.len() {
            match self.bytes.get(at..at + 2) {
                Some(b"/*") => (at, depth) = (at + 2, depth + 1),
                Some(b"*/") => (at, depth) = (at + 2, depth - 1),
                _ => at += 1,
            }
        }
        at.min(self.bytes.len())
    }

    /// A string with escapes whose text starts at `from`.
    fn string(&mut self, from: usize) {
        let mut end = from;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        let end = end.min(self.bytes.len());
        self.push(Kind::Str, from..end, end + 1);
    }

    /// A raw string; `self.at` is on the first `#` or the quote. False when this is a raw identifier instead.
    fn raw_string(&mut self) -> bool {
        let hashes = self.bytes.iter().skip(self.at).take_while(|&&b| b == b'#').count();
        if self.peek(hashes) != b'"' {
            return false;
        }
        let from = self.at + hashes + 1;
        let mut end = self.find(from, b'"');
        while end < self.bytes.len() && !self.bytes[end + 1..].iter().take(hashes).all(|&b| b == b'#') {
            end = self.find(end + 1, b'"');
        }
        self.push(Kind::Str, from..end, end + 1 + hashes);
        true
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        let start = self.at;
        if self.peek(1) == b'\\' {
            // The escaped character itself may be a quote.
            let end = self.find(start + 3, b'\'');
            return self.go(end + 1);
        }
        let width = self.bytes[start + 1..].iter().skip(1).take_while(|&&b| b & 0xC0 == 0x80).count() + 1;
        if self.peek(1 + width) == b'\'' {
            return self.go(start + width + 2);
        }
        self.go(start + 1 + self.word_width(start + 1));
    }

    fn word_width(&self, from: usize) -> usize {
        self.bytes.iter().skip(from).take_while(|&&b| is_word(b)).count()
    }

    /// An identifier, a number, or the prefix of a literal.
    fn word(&mut self) {
        let start = self.at;
        let end = start + self.word_width(start);
        let (word, next) = (&self.bytes[start..end], self.bytes.get(end).copied().unwrap_or(0));
        match (word, next) {
            (b"r" | b"br" | b"cr", b'"' | b'#') => {
                self.at = end;
                if !self.raw_string() {
                    // `r#name`: the name follows as an identifier of its own.
                    self.go(end + 1);
                }
            }
            (b"b" | b"c", b'"') => self.string(end + 1),
            (b"b", b'\'') => {
                self.at = end;
                self.quote();
            }
            _ if word[0].is_ascii_digit() => self.go(end),
            _ => self.push(Kind::Ident, start..end, end),
        }
    }
}

/// Letters, digits, `_`, and every byte of a character beyond ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// An attribute: its first word, all its words, and the positions of its tokens.
#[derive(Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) words: Vec<&'a str>,
    pub(crate) tokens: Range<usize>,
    /// `#![…]`: about what it stands in, not about what follows.
    pub(crate) inner: bool,
}

impl Attribute<'_> {
    fn is_test_only(&self) -> bool {
        self.words.first() == Some(&"cfg") && self.words.contains(&"test") && !self.words.contains(&"not")
    }
}

/// Every attribute of the file, in order.
pub(crate) fn attributes<'a>(text: &'a str, tokens: &[Token]) -> Vec<Attribute<'a>> {
    let is = |at: usize, punct: &str| {
        tokens.get(at).is_some_and(|t| t.kind == Kind::Punct && &text[t.span.clone()] == punct)
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let inner = is(at + 1, "!");
        let open = at + 1 + usize::from(inner);
        if !(is(at, "#") && is(open, "[")) {
            at += 1;
            continue;
        }
        let end = closing(text, tokens, open);
        let words = tokens[open..end].iter().filter(|t| t.kind == Kind::Ident);
        found.push(Attribute {
            words: words.map(|t| &text[t.span.clone()]).collect(),
            tokens: at..end,
            inner,
        });
        at = end;
    }
    found
}

/// Lines of items that are compiled for tests only: what follows `#[cfg(test)]`, to its closing brace.
pub(crate) fn test_lines(text: &str, tokens: &[Token]) -> Vec<RangeInclusive<usize>> {
    let mut found = Vec::new();
    for attribute in attributes(text, tokens).into_iter().filter(Attribute::is_test_only) {
        if attribute.inner {
            return vec![1..=usize::MAX];
        }
        let first = tokens[attribute.tokens.start].line;
        let mut at = attribute.tokens.end;
        let last = loop {
            let Some(token) = tokens.get(at) else { break usize::MAX };
            match &text[token.span.clone()] {
                ";" if token.kind == Kind::Punct => break token.line,
                "{" if token.kind == Kind::Punct => {
                    let end = closing(text, tokens, at);
                    break tokens.get(end.saturating_sub(1)).map_or(usize::MAX, |t| t.line);
                }
                "(" | "[" if token.kind == Kind::Punct => at = closing(text, tokens, at),
                _ => at += 1,
            }
        };
        found.push(first..=last);
    }
    found
}

/// The position after the bracket that closes the one at `open`, whatever its form.
fn closing(text: &str, tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open).filter(|(_, t)| t.kind == Kind::Punct) {
        match &text[token.span.clone()] {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str, kind: Kind) -> Vec<&str> {
        lex(text).into_iter().filter(|t| t.kind == kind).map(|t| &text[t.span]).collect()
    }

    #[test]
    fn strings_of_every_form_are_found_and_nothing_else() {
        let text = r###"
            let a = "one \" two"; let b = r"three\"; let c = r#"four " five"#; let d = b"six";
            let e = br##"seven "# eight"##; let f = c"nine"; let g = '"'; let h = b'"'; let i = '\'';
            let j: &'static str = ""; let r#type = '\u{1F600}'; let k = 'ß'; let l = '"'; // "not this"
            /* "nor /* this" */ */ let m = "ten";
        "###;
        assert_eq!(
            spelled(text, Kind::Str),
            [r#"one \" two"#, "three\\", "four \" five", "six", "seven \"# eight", "nine", "", "ten"]
        );
        assert_eq!(spelled(text, Kind::Comment), [r#"// "not this""#, r#"/* "nor /* this" */ */"#]);
        assert!(spelled(text, Kind::Ident).contains(&"type"));
        assert!(!spelled(text, Kind::Ident).contains(&"static"), "a lifetime is not an identifier");
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let text = "/*\n\n*/ a \"\n\n\" b r\"\n\" c // x\nd '\n' e";
        let lines: Vec<(String, usize)> = lex(text)
            .into_iter()
            .filter(|t| t.kind == Kind::Ident)
            .map(|t| (text[t.span].to_owned(), t.line))
            .collect();
        let expected = [("a", 3), ("b", 5), ("c", 6), ("d", 7), ("e", 8)];
        assert_eq!(lines, expected.map(|(name, line)| (name.to_owned(), line)));
    }

    #[test]
    fn broken_text_ends_and_does_not_panic() {
        let text =
            "fn f() { r##\"x\"# } '\\u{1} \"abc\\\\\" 'ß /* /* */ é\" ' b' r# #[cfg(test)] mod x { ( \\";
        for end in (0..=text.len()).filter(|&end| text.is_char_boundary(end)) {
            for start in (0..=end).filter(|&start| text.is_char_boundary(start)) {
                let part = &text[start..end];
                let tokens = lex(part);
                assert!(tokens.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
                for token in &tokens {
                    assert!(part.get(token.span.clone()).is_some(), "{part:?} {token:?}");
                }
                let _ = test_lines(part, &tokens);
            }
        }
    }

    #[test]
    fn test_items_are_found_by_their_lines() {
        let lines = |text: &str| test_lines(text, &lex(text));
        assert_eq!(
            lines("fn a() {}\n#[cfg(test)]\n#[path = \"x\"]\nmod tests {\n fn b() { if x {} }\n}\nfn c() {}"),
            [2..=6]
        );
        assert_eq!(lines("#[cfg(test)]\nmod tests;\nfn c() {}"), [1..=2]);
        assert_eq!(lines("#[cfg(all(test, unix))]\nuse a::{b};\nfn c() {}"), [1..=2]);
        assert_eq!(lines("#[cfg(not(test))]\nfn c() {}"), []);
        assert_eq!(lines("#[cfg(feature = \"test\")]\nfn c() {}"), []);
        assert_eq!(lines("#[test]\nfn c() {}"), []);
        assert_eq!(lines("#![cfg(test)]\nfn c() {}"), [1..=usize::MAX]);
        assert_eq!(lines("#[cfg(test)]\nfn a(x: [u8; 3]) -> u8 {\n}\nfn b() {}"), [1..=3]);
    }
}
