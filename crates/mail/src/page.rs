//! The one form of every letter, and the two templates that fill it in.

use askama::Template;
use kernel::Timestamp;
use time::OffsetDateTime;
use time::macros::format_description;
use zeroize::Zeroizing;

use crate::{Address, Letterhead, Link, Message, MessageError};

/// Width of the text's lines, in characters (RFC 5322 §2.1.1 advises 78).
const LINE_CHARS: usize = 72;

/// What a letter says, before it is text or HTML.
pub(crate) struct Page {
    /// Subject and heading. Holds no more of other people's words than one name.
    pub(crate) subject: String,
    /// What happened.
    pub(crate) says: Vec<String>,
    /// When, from where, with what.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What to press.
    pub(crate) button: Option<(&'static str, Link)>,
    /// A second way, for those whom the button does not help.
    pub(crate) other: Option<(&'static str, Link)>,
    /// What to do if it was not you, and what else there is to know.
    pub(crate) then: Vec<String>,
    /// Why this person gets it.
    pub(crate) because: &'static str,
    /// When its link runs out.
    pub(crate) until: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    page: &'a Page,
    head: &'a Letterhead,
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'a> {
    subject: &'a str,
    says: Vec<String>,
    facts: Vec<String>,
    links: Vec<(&'static str, &'a str)>,
    then: Vec<String>,
    because: String,
    instance: &'a str,
}

impl Page {
    /// A page with nothing on it but its subject and why it is sent.
    pub(crate) fn new(subject: impl Into<String>, because: &'static str) -> Self {
        Self {
            subject: subject.into(),
            says: Vec::new(),
            facts: Vec::new(),
            button: None,
            other: None,
            then: Vec::new(),
            because,
            until: None,
        }
    }

    /// Adds a paragraph on what happened.
    pub(crate) fn says(mut self, paragraph: impl Into<String>) -> Self {
        self.says.push(paragraph.into());
        self
    }

    /// Adds a fact.
    pub(crate) fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }

    /// Says what to press.
    pub(crate) fn button(mut self, label: &'static str, link: &Link) -> Self {
        self.button = Some((label, link.clone()));
        self
    }

    /// Names a second way.
    pub(crate) fn other(mut self, label: &'static str, link: &Link) -> Self {
        self.other = Some((label, link.clone()));
        self
    }

    /// Adds a paragraph below the button.
    pub(crate) fn then(mut self, paragraph: impl Into<String>) -> Self {
        self.then.push(paragraph.into());
        self
    }

    /// Says when the link runs out, in the letter too.
    pub(crate) fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self.then(format!("The link works once, until {}.", moment(at)))
    }

    /// Fills both templates in.
    pub(crate) fn write(&self, head: &Letterhead, to: &Address) -> Result<Message, MessageError> {
        let wide = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let text = Text {
            subject: &self.subject,
            says: self.says.iter().map(|paragraph| wrap(paragraph)).collect(),
            facts: self.facts.iter().map(|(name, value)| format!("{name:wide$}  {value}")).collect(),
            links: [&self.button, &self.other]
                .into_iter()
                .flatten()
                .map(|(label, link)| (*label, link.as_str()))
                .collect(),
            then: self.then.iter().map(|paragraph| wrap(paragraph)).collect(),
            because: wrap(self.because),
            instance: head.instance.as_str(),
        };
        let html = Html { page: self, head };
        let fill = |filled: Result<String, askama::Error>| {
            filled.map(Zeroizing::new).map_err(|_| MessageError::Template)
        };
        Message::new(to.clone(), self.subject.clone(), fill(text.render())?, fill(html.render())?, self.until)
    }
}

/// A moment as a letter says it.
pub(crate) fn moment(at: Timestamp) -> String {
    let shape = format_description!("[day padding:none] [month repr:long] [year] at [hour]:[minute] UTC");
    OffsetDateTime::from(at).format(&shape).unwrap_or_else(|_| at.to_string())
}

/// Breaks a paragraph into lines at its spaces; a word longer than a line stands alone.
fn wrap(paragraph: &str) -> String {
    let mut out = String::with_capacity(paragraph.len() + 8);
    let mut width = 0;
    for word in paragraph.split(' ') {
        let chars = word.chars().count();
        if width > 0 && width + 1 + chars > LINE_CHARS {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += chars;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces() {
        let words = "word ".repeat(40);
        let wrapped = wrap(words.trim());
        assert!(wrapped.lines().all(|line| line.chars().count() <= LINE_CHARS && !line.ends_with(' ')));
        assert_eq!(wrapped.replace('\n', " "), words.trim());
        assert_eq!(wrap(&"x".repeat(100)).lines().count(), 1);
        assert_eq!(wrap(""), "");
    }

    #[test]
    fn a_moment_is_for_people() {
        let at = Timestamp::from_unix_micros(1_700_000_000_000_000);
        assert_eq!(moment(at), "14 November 2023 at 22:13 UTC");
    }
}
