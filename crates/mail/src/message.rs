//! A letter written: what a carrier takes and the outbox keeps.

use std::fmt;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Address;

/// Longest subject, in characters.
pub const SUBJECT_CHARS_MAX: usize = 200;
/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 32 * 1_024;
/// Longest HTML, in bytes.
pub const HTML_BYTES_MAX: usize = 64 * 1_024;
/// The form that [`Message::to_bytes`] writes.
const VERSION: u8 = 1;

/// A message that must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A subject is one line: a line end in it would begin another header (RFC 5322 §2.2).
    #[error("the subject is empty, longer than {SUBJECT_CHARS_MAX} characters, or not one line")]
    Subject,
    /// The text or the HTML is too long.
    #[error("the letter is longer than {TEXT_BYTES_MAX} bytes of text or {HTML_BYTES_MAX} of HTML")]
    TooLong,
    /// The template could not be filled in.
    #[error("the letter could not be written")]
    Template,
    /// What was kept is no message.
    #[error("what is kept is not a letter of a known form")]
    Malformed,
}

/// A letter for one address. It can hold a link that opens an account: wiped from memory, not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    to: Address,
    subject: String,
    text: Zeroizing<String>,
    html: Zeroizing<String>,
    until: Option<Timestamp>,
}

/// Everything but the address, as the outbox seals it.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    version: u8,
    #[serde(borrow)]
    subject: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    text: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    html: std::borrow::Cow<'a, str>,
    until: Option<Timestamp>,
}

impl Message {
    /// A message, checked. After `until` it is of no use any more: its link has run out.
    ///
    /// # Errors
    /// When the subject is not one line or something is too long.
    pub fn new(
        to: Address,
        subject: String,
        text: Zeroizing<String>,
        html: Zeroizing<String>,
        until: Option<Timestamp>,
    ) -> Result<Self, MessageError> {
        let chars = subject.chars().count();
        if chars == 0 || chars > SUBJECT_CHARS_MAX || subject.chars().any(char::is_control) {
            return Err(MessageError::Subject);
        }
        if text.len() > TEXT_BYTES_MAX || html.len() > HTML_BYTES_MAX {
            return Err(MessageError::TooLong);
        }
        Ok(Self { to, subject, text, html, until })
    }

    /// To whom.
    pub fn to(&self) -> &Address {
        &self.to
    }

    /// The subject: one line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The letter as text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The letter as HTML.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// When it stops being of use, if it does.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Everything but the address, to be sealed and kept.
    ///
    /// # Errors
    /// Never for a message that was made; the encoder's signature has one.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, MessageError> {
        let kept = Kept {
            version: VERSION,
            subject: self.subject.as_str().into(),
            text: self.text.as_str().into(),
            html: self.html.as_str().into(),
            until: self.until,
        };
        serde_json::to_vec(&kept).map(Zeroizing::new).map_err(|_| MessageError::Malformed)
    }

    /// Reads what [`Message::to_bytes`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_bytes(to: Address, bytes: &[u8]) -> Result<Self, MessageError> {
        let kept: Kept<'_> = serde_json::from_slice(bytes).map_err(|_| MessageError::Malformed)?;
        if kept.version != VERSION {
            return Err(MessageError::Malformed);
        }
        let (text, html) = (kept.text.into_owned(), kept.html.into_owned());
        Self::new(to, kept.subject.into_owned(), Zeroizing::new(text), Zeroizing::new(html), kept.until)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("to", &self.to).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &str, text: &str) -> Result<Message, MessageError> {
        let to = Address::parse("someone@example.com").unwrap();
        let (text, html) = (Zeroizing::new(text.to_owned()), Zeroizing::new("<p>h</p>".to_owned()));
        Message::new(to, subject.to_owned(), text, html, Some(Timestamp::from_unix_micros(1)))
    }

    #[test]
    fn kept_and_read_back() {
        let message = message("A \"subject\" \u{fc}", "text\nwith \"lines\"").unwrap();
        let bytes = message.to_bytes().unwrap();
        assert_eq!(Message::from_bytes(message.to().clone(), &bytes).unwrap(), message);
        assert_eq!(format!("{message:?}"), "Message { to: s…@example.com, .. }");
        for bad in [&b""[..], b"{}", br#"{"version":2,"subject":"a","text":"","html":"","until":null}"#] {
            assert_eq!(Message::from_bytes(message.to().clone(), bad).err(), Some(MessageError::Malformed));
        }
        let two = br#"{"version":1,"subject":"a\r\nBcc: b","text":"","html":"","until":null}"#;
        assert_eq!(Message::from_bytes(message.to().clone(), two).err(), Some(MessageError::Subject));
    }

    #[test]
    fn a_subject_is_one_line() {
        for bad in ["", "a\r\nBcc: b@example.com", "a\nb", "a\u{85}b", "a\0"] {
            assert_eq!(message(bad, "").err(), Some(MessageError::Subject), "{bad:?}");
        }
        assert_eq!(message(&"s".repeat(201), "").err(), Some(MessageError::Subject));
        assert_eq!(message("s", &"t".repeat(TEXT_BYTES_MAX + 1)).err(), Some(MessageError::TooLong));
    }
}
