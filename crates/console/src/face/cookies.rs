//! Cookies: which there are, how they are read and set.

use app::accounts::Site;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// How long a browser keeps the mark of a device, in seconds (400 days, the most browsers allow).
const DEVICE_SECONDS: u64 = 400 * 24 * 3_600;
/// How long a browser keeps the mark of a visitor who is not signed in, in seconds.
const VISIT_SECONDS: u64 = 24 * 3_600;
/// Cookies that are looked at; a browser sends far fewer.
const COOKIES_MAX: usize = 64;

/// The cookies of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// The session's secret.
    Session,
    /// The mark of a device that signed in before.
    Device,
    /// The mark of a visitor before sign-in, to which the forms' tokens belong.
    Visit,
    /// A sign-in that waits for its second factor.
    Ticket,
    /// Recovery codes just made, waiting for their page.
    Codes,
    /// What the last request said, as a word of a fixed list.
    Flash,
}

impl Cookie {
    const fn stem(self) -> &'static str {
        match self {
            Self::Session => "portcullis_session",
            Self::Device => app::accounts::DEVICE_COOKIE,
            Self::Visit => "portcullis_visit",
            Self::Ticket => "portcullis_ticket",
            Self::Codes => "portcullis_codes",
            Self::Flash => "portcullis_flash",
        }
    }

    /// Under TLS the name says that no other host and no plain connection can have set it (RFC 6265bis §4.1.3.2).
    fn name(self, site: &Site) -> String {
        let prefix = if site.is_secure() { "__Host-" } else { "" };
        format!("{prefix}{}", self.stem())
    }

    /// The value a request carries. Two cookies of one name contradict each other and count as none.
    pub(super) fn read(self, headers: &HeaderMap, site: &Site) -> Option<Zeroizing<String>> {
        let name = self.name(site);
        let sent = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = sent
            .flat_map(|line| line.split(';'))
            .take(COOKIES_MAX)
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(known, _)| *known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) if !value.is_empty() => Some(Zeroizing::new(value.to_owned())),
            _ => None,
        }
    }

    /// Sets it.
    pub(super) fn set(self, headers: &mut HeaderMap, site: &Site, value: &str, seconds: Option<u64>) {
        let secure = if site.is_secure() { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let name = self.name(site);
        let line = Zeroizing::new(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"));
        if let Ok(mut line) = HeaderValue::from_str(&line) {
            line.set_sensitive(true);
            headers.append(SET_COOKIE, line);
        }
    }

    /// Sets it for as long as its kind is kept.
    pub(super) fn keep(self, headers: &mut HeaderMap, site: &Site, value: &str) {
        let seconds = match self {
            Self::Device => Some(DEVICE_SECONDS),
            Self::Visit => Some(VISIT_SECONDS),
            Self::Ticket | Self::Codes => Some(kernel::limits::CEREMONY_SECONDS),
            Self::Session | Self::Flash => None,
        };
        self.set(headers, site, value, seconds);
    }

    /// Takes it back.
    pub(super) fn clear(self, headers: &mut HeaderMap, site: &Site) {
        self.set(headers, site, "", Some(0));
    }
}
