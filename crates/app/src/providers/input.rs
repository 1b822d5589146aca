//! What a provider may be called and where it may be: text from outside, parsed once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crypto::Secret;
use http::Uri;
use http::uri::Scheme;
use kernel::limits::{MODEL_NAME_BYTES_MAX, PROVIDER_MODELS_MAX};
use kernel::{FieldError, Problem, ProblemKind};

use super::reach::{Place, Reach, place};

/// Longest provider name, in bytes.
pub const PROVIDER_NAME_BYTES_MAX: usize = 63;
/// Longest base URL, in bytes.
pub const BASE_URL_BYTES_MAX: usize = 2_000;
/// Longest provider key, in bytes.
pub const PROVIDER_KEY_BYTES_MAX: usize = 4_096;
/// Longest host name, in bytes (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
/// Longest label of a host name, in bytes.
const LABEL_BYTES_MAX: usize = 63;
/// The built-in provider's name, which no other may take.
pub const LOOPBACK: &str = "loopback";

/// What the operator lets tenants name as a provider's address. Both are off unless switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UrlRules {
    /// `https` providers may have private addresses too.
    pub allow_private: bool,
    /// `http` is allowed, to loopback and private addresses only.
    pub allow_plain_http: bool,
}

/// A provider's name: lower-case letters, digits and hyphens, 1 to 63. It is the prefix in `name/model`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderName(String);

impl ProviderName {
    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it, at the pointer `/name`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let shape = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if text.is_empty() || text.len() > PROVIDER_NAME_BYTES_MAX || !shape || text.starts_with('-') {
            let detail =
                "use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit";
            return Err(at("/name", detail));
        }
        if text == LOOPBACK {
            return Err(at("/name", "loopback is the built-in provider; choose another name"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A model's name as callers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName(String);

impl ModelName {
    /// Reads a model name: 1 to 200 visible ASCII characters.
    ///
    /// # Errors
    /// What is wrong with it, at the pointer `/models`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        if !is_model_name(text) {
            return Err(at("/models", "each model needs 1 to 200 visible ASCII characters without spaces"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Reads the models of one provider; none listed twice.
    ///
    /// # Errors
    /// What is wrong with the list, at the pointer `/models` or `/models/<index>`.
    pub fn parse_list(texts: &[String]) -> Result<Vec<Self>, FieldError> {
        if texts.len() > PROVIDER_MODELS_MAX {
            return Err(at("/models", "list at most 500 models"));
        }
        let mut models: Vec<Self> = Vec::with_capacity(texts.len());
        let mut seen = std::collections::HashSet::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let pointer = || format!("/models/{index}");
            let model = Self::parse(text).map_err(|error| FieldError { pointer: pointer(), ..error })?;
            if !seen.insert(text.as_str()) {
                return Err(FieldError {
                    pointer: pointer(),
                    detail: "this model is listed twice".to_owned(),
                });
            }
            models.push(model);
        }
        Ok(models)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text can be the name of a model.
pub(super) fn is_model_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MODEL_NAME_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Where a provider is, up to and without `/chat/completions`; and who may be found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    endpoint: Uri,
    reach: Reach,
}

impl BaseUrl {
    /// Reads a base URL under the operator's rules: `https` (or `http`, where allowed), a host, perhaps a port and a
    /// path; no user, no query, no fragment. Slashes at the end are dropped.
    ///
    /// # Errors
    /// What is wrong with it, at the pointer `/base_url`.
    pub fn parse(text: &str, rules: UrlRules) -> Result<Self, FieldError> {
        let refuse = |detail: &str| Err(at("/base_url", detail));
        if text.len() > BASE_URL_BYTES_MAX {
            return refuse("use at most 2000 bytes");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic())
            || text.contains(['?', '#', '@', '\\', '"', '<', '>'])
        {
            return refuse(
                "give a plain address such as https://api.example.com/v1, without user, query or fragment",
            );
        }
        let text = text.trim_end_matches('/');
        let (Ok(base), Ok(endpoint)) =
            (text.parse::<Uri>(), format!("{text}/chat/completions").parse::<Uri>())
        else {
            return refuse("this is no address; one looks like https://api.example.com/v1");
        };
        let reach = reach_of(&base, rules).map_err(|detail| at("/base_url", detail))?;
        Ok(Self { text: text.to_owned(), endpoint, reach })
    }

    /// The address as text, without slashes at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where chat requests go.
    pub const fn endpoint(&self) -> &Uri {
        &self.endpoint
    }

    /// The host.
    pub fn host(&self) -> &str {
        self.endpoint.host().unwrap_or_default()
    }

    /// Which addresses it may resolve to.
    pub const fn reach(&self) -> Reach {
        self.reach
    }
}

/// Which addresses a URL may resolve to under the operator's rules, when its scheme, host and port can be used at all.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn reach_of(url: &Uri, rules: UrlRules) -> Result<Reach, &'static str> {
    let plain = match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => false,
        Some(scheme) if *scheme == Scheme::HTTP => true,
        _ => return Err("begin with https://"),
    };
    let Some(host) = url.host().filter(|host| is_host(host)) else {
        return Err("the host is neither a host name nor an IP address");
    };
    // A port that is no number is read as none by the parser, and as something else by others.
    let after_host = url.authority().and_then(|authority| authority.as_str().strip_prefix(host));
    let port = after_host.is_some_and(|rest| match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
        None => rest.is_empty(),
    });
    if !port || url.path().contains("//") {
        return Err("the port or the path cannot be used");
    }
    if plain && !rules.allow_plain_http {
        return Err("begin with https://; plain http is not allowed by the operator of this server");
    }
    let reach = match (plain, rules.allow_private) {
        (true, _) => Reach::Private,
        (false, true) => Reach::Anywhere,
        (false, false) => Reach::Public,
    };
    // A name is judged by what it resolves to, when it is connected to; an address can be judged now.
    if let Some(address) = literal(host)
        && !reach.permits(address)
    {
        return Err(match place(address) {
            Place::Private => "private addresses are not allowed by the operator of this server",
            Place::Public => "plain http is for private addresses only; begin with https://",
            Place::Never => "nothing that could be called is at this address",
        });
    }
    Ok(reach)
}

/// The address, when a URL's host is one.
pub fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// A host name of letters, digits and hyphens, or an IP address in its usual form. Names that some resolvers read as
/// numbers (`127.1`, `0x7f000001`) are neither.
fn is_host(host: &str) -> bool {
    if literal(host).is_some() {
        return true;
    }
    let label = |label: &str| {
        let shape = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && shape
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric =
        last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    name.len() <= HOST_BYTES_MAX && name.split('.').all(label) && !numeric
}

/// A provider's key. Wiped when dropped, never shown.
pub struct ProviderKey(Secret);

impl ProviderKey {
    /// Takes a key: 1 to 4096 visible ASCII characters, which is what fits into a header.
    ///
    /// # Errors
    /// What is wrong with it, at the pointer `/key`; the key is not part of the message.
    pub fn parse(key: Secret) -> Result<Self, FieldError> {
        let bytes = key.expose();
        let fit = !bytes.is_empty() && bytes.len() <= PROVIDER_KEY_BYTES_MAX;
        if !fit || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(at("/key", "a key has 1 to 4096 visible ASCII characters without spaces"));
        }
        Ok(Self(key))
    }

    /// The key, for sealing and for the one header it is sent in.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

fn at(pointer: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }
}

/// One answer for all the faults of an input.
pub(super) fn invalid(errors: Vec<FieldError>) -> Problem {
    let detail = "See errors for the fields and what each needs.";
    Problem { errors, ..Problem::new(ProblemKind::Invalid, detail) }
}
