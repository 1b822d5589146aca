//! Where people find this instance: the public URL, from which every link is made.

use authn::secrets::OpaqueToken;
use mail::{Letterhead, Link, LinkError};

/// The public URL cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the public URL is a scheme, a host and a port where needed, such as https://portcullis.example.com")]
pub struct SiteError;

/// The instance's public URL, as configured. Links are made of it and never of what a request says its host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    origin: String,
    head: Letterhead,
}

impl Site {
    /// Takes a URL such as `https://portcullis.example.com`, without a path.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(url: &str) -> Result<Self, SiteError> {
        let origin = url.trim_end_matches('/').to_owned();
        let plain = origin.split_once("://").is_some_and(|(_, rest)| !rest.is_empty() && !rest.contains('/'));
        let instance = Link::parse(&origin).map_err(|LinkError| SiteError)?;
        if plain { Ok(Self { origin, head: Letterhead { instance } }) } else { Err(SiteError) }
    }

    /// The origin: scheme, host, and port where it is not the usual one.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers come by TLS, so that cookies may be marked for it alone.
    pub fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// What authenticator apps show as the place a code is for: the host.
    pub fn name(&self) -> &str {
        self.origin.split_once("://").map_or("Portcullis", |(_, host)| host)
    }

    /// What passkeys are bound to, the relying party id of WebAuthn: the host without a port.
    pub fn domain(&self) -> &str {
        let host = self.name();
        let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        host.rsplit_once(':').filter(|(_, last)| port(last)).map_or(host, |(domain, _)| domain)
    }

    pub(crate) fn letterhead(&self) -> &Letterhead {
        &self.head
    }

    /// A link to a page.
    pub(crate) fn page(&self, path: &str) -> Result<Link, LinkError> {
        Link::parse(&format!("{}{path}", self.origin))
    }

    /// A link that opens something once.
    pub(crate) fn link(&self, path: &str, token: &OpaqueToken) -> Result<Link, LinkError> {
        let text = zeroize::Zeroizing::new(format!("{}{path}?t={}", self.origin, token.expose()));
        Link::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_an_origin() {
        assert_eq!(Site::new("https://p.example.com/").unwrap().origin(), "https://p.example.com");
        assert!(Site::new("https://p.example.com").unwrap().is_secure());
        assert!(!Site::new("http://localhost:8080").unwrap().is_secure());
        assert_eq!(Site::new("http://localhost:8080").unwrap().domain(), "localhost");
        assert_eq!(Site::new("https://p.example.com").unwrap().domain(), "p.example.com");
        for bad in ["", "p.example.com", "https://", "https://p.example.com/path", "ftp://p.example.com"] {
            assert_eq!(Site::new(bad), Err(SiteError), "{bad}");
        }
    }
}
