//! Input, parsed once; afterwards the type remembers what was checked.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use kernel::Problem;
use kernel::limits::{DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};

/// The credential as sent, without its scheme (RFC 6750 §2.1). Another scheme, or two headers, is a credential that opens
/// nothing rather than none.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (first, more) = (sent.next()?, sent.next());
    let (scheme, token) = first.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    let good = more.is_none() && scheme.eq_ignore_ascii_case("bearer");
    Some(if good { token.trim() } else { "" })
}

/// A name: 1 to 100 characters, no control characters, no blanks at the ends.
pub struct Name(String);

impl Name {
    /// Checks a name that stands at `pointer` in the request.
    pub fn parse(text: String, pointer: &str) -> Result<Self, Problem> {
        let trimmed = text.trim();
        let chars = trimmed.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX || trimmed.chars().any(char::is_control) {
            let detail = format!("A name has 1 to {NAME_CHARS_MAX} characters and no control characters.");
            return Err(Problem::invalid(pointer, detail));
        }
        Ok(Self(if trimmed.len() == text.len() { text } else { trimmed.to_owned() }))
    }

    /// The name as it is, for a person's own: it is who they say they are and no prose.
    pub fn into_inner(self) -> String {
        self.0
    }

    /// The name, still raw: it came from outside.
    pub fn raw(self) -> gates::Raw<String> {
        gates::Raw::new(self.0)
    }
}

/// A description: at most 2 000 characters, of control characters only line breaks and tabs.
pub struct Description(String);

impl Description {
    /// Checks a description that stands at `pointer` in the request.
    pub fn parse(text: String, pointer: &str) -> Result<Self, Problem> {
        let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().count() > DESCRIPTION_CHARS_MAX || text.chars().any(odd) {
            let detail = format!(
                "A description has at most {DESCRIPTION_CHARS_MAX} characters and no control characters."
            );
            return Err(Problem::invalid(pointer, detail));
        }
        Ok(Self(text))
    }

    /// The description, still raw.
    pub fn raw(self) -> gates::Raw<String> {
        gates::Raw::new(self.0)
    }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Page<Id> {
    /// After this id.
    pub after: Option<Id>,
    /// So many at most.
    pub rows: i64,
}

impl<Id> Page<Id> {
    /// Checks the size of a page; `None` is [`PAGE_ROWS_DEFAULT`].
    pub fn parse(after: Option<Id>, rows: Option<i64>) -> Result<Self, Problem> {
        let rows = rows.unwrap_or(PAGE_ROWS_DEFAULT);
        if !(1..=PAGE_ROWS_MAX).contains(&rows) {
            return Err(Problem::invalid("/limit", format!("A page has 1 to {PAGE_ROWS_MAX} items.")));
        }
        Ok(Self { after, rows })
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Listed<T, Id> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<Id>,
}

impl<T, Id> Listed<T, Id> {
    /// Makes a page of `rows` out of a list that was asked for one more.
    pub(crate) fn cut(mut items: Vec<T>, rows: i64, id: impl Fn(&T) -> Id) -> Self {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let more = items.len() > rows;
        items.truncate(rows);
        let next = if more { items.last().map(id) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_plain() {
        assert!(Name::parse("  Billing  ".into(), "/name").is_ok());
        for bad in ["", "   ", "a\u{7}b", &"x".repeat(101)] {
            assert!(Name::parse(bad.into(), "/name").is_err(), "{bad:?}");
        }
        assert!(Description::parse("line\nline".into(), "/d").is_ok());
        assert!(Description::parse("\u{0}".into(), "/d").is_err());
    }

    #[test]
    fn a_page_knows_whether_more_follows() {
        let page = Listed::cut(vec![1, 2, 3], 2, |n| *n);
        assert_eq!((page.items, page.next), (vec![1, 2], Some(2)));
        let last = Listed::cut(vec![1, 2], 2, |n| *n);
        assert_eq!((last.items, last.next), (vec![1, 2], None));
        assert!(Page::<i32>::parse(None, Some(0)).is_err());
    }
}
