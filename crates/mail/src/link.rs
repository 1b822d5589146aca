//! Links, as the caller made them from the configured public URL.

use std::fmt;

use zeroize::Zeroizing;

/// Longest link, in bytes; mail programs and old browsers cut longer ones.
pub const LINK_BYTES_MAX: usize = 2_000;

/// Why a text is no link for a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a link in a letter begins with https:// or http://, names a host, and is plain ASCII without a user"
)]
pub struct LinkError;

/// A URL (RFC 3986) that a letter may show: `https` or `http`, a host, no user, ASCII without spaces and quotes.
///
/// Many links work once and open an account: the text is wiped from memory, and `Debug` shows only where it leads.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(Zeroizing<String>);

impl Link {
    /// Checks a URL.
    ///
    /// # Errors
    /// When it is none that may stand in a letter.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(LinkError)?;
        let fit = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte);
        let host = host(rest);
        if text.len() > LINK_BYTES_MAX || !text.bytes().all(fit) || host.is_empty() || host.contains('@') {
            return Err(LinkError);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host with its port, for people to recognise.
    pub fn host(&self) -> &str {
        host(self.0.split_once("://").map_or("", |(_, rest)| rest))
    }
}

fn host(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or("")
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}/…)", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_plain_and_secret() {
        let link = Link::parse("https://portcullis.example.com:8443/verify?token=secret#top").unwrap();
        assert_eq!(link.host(), "portcullis.example.com:8443");
        assert_eq!(format!("{link:?}"), "Link(portcullis.example.com:8443/…)");
        assert!(Link::parse("http://[::1]:8080/").is_ok());
        let long = format!("https://example.com/{}", "a".repeat(LINK_BYTES_MAX));
        for bad in [
            "",
            "https://",
            "https:///path",
            "ftp://example.com/",
            "javascript:alert(1)",
            "//example.com",
            "https://user@example.com/",
            "https://example.com/\r\nBcc: a@example.com",
            "https://example.com/a b",
            "https://example.com/\"onclick=",
            "https://example.com/<script>",
            "https://ex\u{e4}mple.com/",
            &long,
        ] {
            assert_eq!(Link::parse(bad).err(), Some(LinkError), "{bad}");
        }
    }
}
