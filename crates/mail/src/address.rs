//! E-mail addresses, read strictly: what a person types at sign-up and what a mail server will take.

use std::fmt;
use std::str::FromStr;

/// Longest address, in bytes (RFC 5321 §4.5.3.1.3: a path of 256 less its two brackets).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// Why a text is no address the house writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`, or nothing on one side of it, or several.
    #[error("an e-mail address has one @ with something on both sides, such as someone@example.com")]
    Shape,
    /// Longer than a mail server takes.
    #[error("an e-mail address has at most 64 characters before the @ and 254 in all")]
    TooLong,
    /// A character before the `@` that needs quoting or is not ASCII.
    #[error("before the @ stand letters, digits and !#$%&'*+-/=?^_`{{|}}~, with single dots between them")]
    Local,
    /// No domain name.
    #[error("after the @ stands a domain name, such as example.com")]
    Domain,
}

/// An e-mail address (RFC 5321 `Mailbox`, the part of it that is in use): an unquoted local part in ASCII and a domain
/// name. International domain names are kept in their ASCII form (RFC 5891).
///
/// The local part keeps its case, because only its own server may say that case does not matter; [`Address::key`] is
/// what two accounts must not share. An address is personal data: `Debug` shows one letter of it and the domain.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// Reads and normalises an address. Spaces around it are ignored, as forms and copying add them.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence for the person who typed it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches(' ');
        if text.len() > 4 * ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(AddressError::Shape)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(AddressError::Shape);
        }
        if local.len() > LOCAL_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)) {
            return Err(AddressError::Local);
        }
        let domain = domain_name(domain).ok_or(AddressError::Domain)?;
        let whole = format!("{local}@{domain}");
        if whole.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self { at: local.len(), text: whole })
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The domain, in lower-case ASCII.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The address in lower case: what is unique among accounts. Never send to it.
    pub fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// One letter and the domain, for places that may be read by others: `a…@example.com`.
    pub fn hint(&self) -> String {
        format!("{}…@{}", &self.text[..1], self.domain())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hint())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// `atext` of RFC 5322 §3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// The name in lower-case ASCII, if it is one with at least two labels, the last of which is no number.
fn domain_name(text: &str) -> Option<String> {
    // What was mapped away must not make two texts one address: only letters may change their case or form.
    if text.chars().any(|char| char.is_control() || char.is_whitespace()) {
        return None;
    }
    let name = idna::domain_to_ascii_strict(text).ok()?;
    let last = name.rsplit_once('.')?.1;
    (!last.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_people_have_are_read() {
        for (typed, read) in [
            ("someone@example.com", "someone@example.com"),
            ("  Some.One+tag@Example.COM ", "Some.One+tag@example.com"),
            ("o'neil@sub.example.org", "o'neil@sub.example.org"),
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example"),
            ("a@B\u{dc}CHER.example", "a@xn--bcher-kva.example"),
            ("_@example.com", "_@example.com"),
        ] {
            let address = Address::parse(typed).unwrap();
            assert_eq!(address.as_str(), read);
            assert_eq!(Address::parse(read).unwrap(), address, "{read}");
        }
        let address = Address::parse("Some.One@Example.com").unwrap();
        assert_eq!(address.key(), "some.one@example.com");
        assert_eq!((address.local(), address.domain()), ("Some.One", "example.com"));
        assert_eq!(format!("{address:?}"), "S…@example.com");
    }

    #[test]
    fn what_is_none_is_refused() {
        use AddressError::{Domain, Local, Shape, TooLong};
        let long = format!("{}@example.com", "a".repeat(65));
        let wide = format!("a@{}.example", ["b".repeat(60).as_str(); 5].join("."));
        for (typed, error) in [
            ("", Shape),
            ("someone", Shape),
            ("@example.com", Shape),
            ("someone@", Shape),
            ("a@b@example.com", Shape),
            ("a..b@example.com", Local),
            (".a@example.com", Local),
            ("a.@example.com", Local),
            ("a b@example.com", Local),
            ("a\r\nBcc: b@example.com", Local),
            ("\"a b\"@example.com", Local),
            ("a<b@example.com", Local),
            ("a,b@example.com", Local),
            ("\u{e4}@example.com", Local),
            ("a\0@example.com", Local),
            ("a@example.com\r\nBcc: c@d.example", Shape),
            ("a@example.com\n", Domain),
            ("a@exam ple.com", Domain),
            ("a@localhost", Domain),
            ("a@[192.0.2.1]", Domain),
            ("a@192.0.2.1", Domain),
            ("a@example.com.", Domain),
            ("a@.example.com", Domain),
            ("a@-example.com", Domain),
            ("a@exam_ple.com", Domain),
            ("a@example.com>", Domain),
            (&long, TooLong),
            (&wide, Domain),
        ] {
            assert_eq!(Address::parse(typed).err(), Some(error), "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_can_stand_in_a_header(text in "\\PC{0,40}@\\PC{0,40}|[ -~\r\n\t]{0,80}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(address.as_str().len() <= ADDRESS_BYTES_MAX);
                prop_assert!(!address.as_str().contains(['<', '>', ',', ';', '"', '\\', '(', ')', ':']));
                prop_assert_eq!(Address::parse(address.as_str()).unwrap(), address.clone());
                prop_assert_eq!(Address::parse(&address.key()).unwrap().key(), address.key());
            }
        }
    }
}
