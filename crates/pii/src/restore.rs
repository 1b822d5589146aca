//! Putting values back where their tokens stand.

use zeroize::{Zeroize as _, Zeroizing};

use crate::class::Class;
use crate::tokens::{SUFFIX_SYMBOLS_MAX, SUFFIX_SYMBOLS_MIN};

/// Puts back what tokens stand for, in a text that arrives in chunks.
///
/// However the text is cut, the outputs together are the same. Held back is only what may still become a token: its
/// first bracket and what follows it, less than thirty characters. What is put back is never looked at again, and what
/// reads like a token and stands for nothing stays as it is.
#[derive(Default)]
pub struct Restorer {
    held: String,
}

/// What starts at a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// A token of so many bytes.
    Token(usize),
    /// It may become one.
    Open,
    /// Something else.
    No,
}

impl Restorer {
    /// At the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk and returns what may be put out now. `value_of` answers what a token stands for.
    pub fn push(
        &mut self,
        chunk: &str,
        value_of: &mut dyn FnMut(&str) -> Option<Zeroizing<String>>,
    ) -> String {
        self.held.push_str(chunk);
        self.advance(false, value_of)
    }

    /// Ends the text.
    pub fn finish(&mut self, value_of: &mut dyn FnMut(&str) -> Option<Zeroizing<String>>) -> String {
        self.advance(true, value_of)
    }

    fn advance(&mut self, last: bool, value_of: &mut dyn FnMut(&str) -> Option<Zeroizing<String>>) -> String {
        let mut out = String::new();
        let mut written = 0;
        while let Some(found) = self.held[written..].find('<') {
            let at = written + found;
            match start(&self.held.as_bytes()[at..]) {
                Start::Open if !last => {
                    out.push_str(&self.held[written..at]);
                    self.held.drain(..at);
                    return out;
                }
                Start::Token(bytes) => {
                    out.push_str(&self.held[written..at]);
                    let token = &self.held[at..at + bytes];
                    match value_of(token) {
                        Some(value) => out.push_str(&value),
                        None => out.push_str(token),
                    }
                    written = at + bytes;
                }
                Start::Open | Start::No => {
                    out.push_str(&self.held[written..=at]);
                    written = at + 1;
                }
            }
        }
        out.push_str(&self.held[written..]);
        self.held.clear();
        out
    }
}

impl Drop for Restorer {
    fn drop(&mut self) {
        self.held.zeroize();
    }
}

/// Puts back what tokens stand for in a whole text; `None` when nothing was.
pub fn restore(
    text: &str,
    value_of: &mut dyn FnMut(&str) -> Option<Zeroizing<String>>,
) -> Option<Zeroizing<String>> {
    if !text.contains('<') {
        return None;
    }
    let mut any = false;
    let mut restorer = Restorer::new();
    let mut asked = |token: &str| {
        let value = value_of(token);
        any |= value.is_some();
        value
    };
    let mut out = Zeroizing::new(restorer.push(text, &mut asked));
    out.push_str(&restorer.finish(&mut asked));
    any.then_some(out)
}

/// What the bytes, which start with a bracket, are the beginning of.
fn start(bytes: &[u8]) -> Start {
    let rest = &bytes[1..];
    let mut open = false;
    for class in Class::ALL {
        let name = class.name().as_bytes();
        if rest.len() <= name.len() {
            open |= name.starts_with(rest);
        } else if rest.starts_with(name) && rest[name.len()] == b'_' {
            return suffix(&rest[name.len() + 1..], 2 + name.len());
        }
    }
    if open { Start::Open } else { Start::No }
}

fn suffix(bytes: &[u8], before: usize) -> Start {
    let symbols = bytes.iter().take_while(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')).count();
    match bytes.get(symbols) {
        _ if symbols > SUFFIX_SYMBOLS_MAX => Start::No,
        None => Start::Open,
        Some(b'>') if symbols >= SUFFIX_SYMBOLS_MIN => Start::Token(before + symbols + 1),
        Some(_) => Start::No,
    }
}
