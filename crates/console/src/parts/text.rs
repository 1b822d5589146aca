//! Ids, secrets, pages of a list, initials.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Characters of a long id that are shown at its beginning and at its end.
const ID_HEAD: usize = 8;
const ID_TAIL: usize = 6;
/// Shorter ids are shown whole.
const ID_WHOLE_MAX: usize = 20;

/// An id: short on the page, whole in its title and under its copy button.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/id.html")]
pub struct Id {
    whole: String,
    short: String,
}

impl HtmlSafe for Id {}

impl Id {
    /// Beginning and end of `whole`: ids made in one minute begin alike, so the beginning alone would not tell them
    /// apart.
    pub fn new(whole: impl Into<String>) -> Self {
        let whole = whole.into();
        let length = whole.chars().count();
        let short = if length <= ID_WHOLE_MAX {
            whole.clone()
        } else {
            let head = whole.chars().take(ID_HEAD);
            let tail = whole.chars().skip(length - ID_TAIL);
            head.chain(std::iter::once('…')).chain(tail).collect()
        };
        Self { whole, short }
    }

    /// Its beginning and its end.
    pub(crate) fn short(&self) -> &str {
        &self.short
    }

    /// The whole id.
    pub fn whole(&self) -> &str {
        &self.whole
    }
}

/// Something that stands on the page for one reader only: a token of a form, a code shown once. It is escaped like any
/// text, wiped when the page is dropped, and never appears in debug output.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Wraps what is to be shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text in groups of four letters, which people copy with fewer mistakes.
    pub(crate) fn grouped(&self) -> Secret {
        let mut out = String::with_capacity(self.0.len() * 5 / 4 + 1);
        for (at, letter) in self.0.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                out.push(' ');
            }
            out.push(letter);
        }
        Secret(out)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The foot of a list that is read in pages. Cursors go one way; the browser's own button goes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "parts/pager.html")]
pub struct Pager {
    /// How many rows are on this page.
    pub shown: usize,
    /// Where the list begins; `None` when this is the first page.
    pub first: Option<String>,
    /// The next page; `None` at the end.
    pub next: Option<String>,
}

impl HtmlSafe for Pager {}

/// One or two letters that stand for a name.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_id_keeps_both_ends() {
        assert_eq!(Id::new("019a0000-0000-7000-8000-00000000beef").short, "019a0000…00beef");
        assert_eq!(Id::new("pk_live_1234").short, "pk_live_1234");
    }

    #[test]
    fn a_secret_is_shown_on_the_page_and_nowhere_else() {
        let secret = Secret::new("ABCDEFGHI");
        assert_eq!(secret.grouped().to_string(), "ABCD EFGH I");
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn initials_are_the_first_and_the_last_word() {
        assert_eq!(initials("Member one"), "MO");
        assert_eq!(initials("  one  of three "), "OT");
        assert_eq!(initials("single"), "S");
        assert_eq!(initials("<>"), "");
    }
}
