//! Reading single values. An error is a plain sentence; an empty text counts as not given.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use audit_log::Policy;
use authn::password::Scheme;

/// Most items of a list.
const LIST_ITEMS_MAX: usize = 1_000;
/// Longest contact, in bytes.
const CONTACT_BYTES_MAX: usize = 500;

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

pub(super) fn address(text: Option<&str>, default: SocketAddr) -> Result<SocketAddr, String> {
    given(text).map_or(Ok(default), |text| {
        let text = text
            .strip_prefix("localhost:")
            .map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
        text.parse().map_err(|_| {
            format!("{text:?} is no address; give one with its port, such as 127.0.0.1:8080 or [::1]:8080.")
        })
    })
}

pub(super) fn optional_address(text: Option<&str>) -> Result<Option<SocketAddr>, String> {
    match given(text) {
        None | Some("off") => Ok(None),
        Some(text) => address(Some(text), SocketAddr::from(([127, 0, 0, 1], 9464))).map(Some),
    }
}

pub(super) fn number(text: Option<&str>, least: u64, most: u64, default: u64) -> Result<u64, String> {
    let Some(text) = given(text) else { return Ok(default) };
    match text.parse() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(format!("{text:?} is not a whole number from {least} to {most}.")),
    }
}

pub(super) fn rate(text: Option<&str>, most: u32, default: u32) -> Result<Option<u32>, String> {
    match given(text) {
        None => Ok(Some(default)),
        Some("off") => Ok(None),
        Some(text) => match text.parse() {
            Ok(value) if (1..=most).contains(&value) => Ok(Some(value)),
            _ => Err(format!("{text:?} is not a whole number from 1 to {most}; say `off` for no limit.")),
        },
    }
}

pub(super) fn boolean(text: Option<&str>) -> Result<bool, String> {
    match given(text).map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "no" | "0" | "off") => Ok(false),
        Some("true" | "yes" | "1" | "on") => Ok(true),
        Some(other) => Err(format!("{other:?} is neither true nor false.")),
    }
}

pub(super) fn one_of<T: Copy>(text: Option<&str>, words: &[(&str, T)]) -> Result<Option<T>, String> {
    let Some(text) = given(text) else { return Ok(None) };
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| Some(*value)).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("{text:?} is none of: {}.", known.join(", "))
    })
}

pub(super) fn list(text: Option<&str>) -> Vec<String> {
    let items = given(text).filter(|text| *text != "none").into_iter().flat_map(|text| text.split(','));
    items.map(str::trim).filter(|item| !item.is_empty()).take(LIST_ITEMS_MAX).map(str::to_owned).collect()
}

/// A URL that paths are added to: http or https, a host, no user, no query; without the slash at its end.
pub(super) fn base_url(text: Option<&str>) -> Result<Option<String>, String> {
    let Some(text) = given(text) else { return Ok(None) };
    // It is not repeated: it may hold a password.
    let wrong = || {
        "this is no base URL; give scheme and host and no user, such as https://portcullis.example.com."
            .to_owned()
    };
    let url: http::Uri = text.parse().map_err(|_| wrong())?;
    let plain = matches!(url.scheme_str(), Some("http" | "https"))
        && url.host().is_some_and(|host| !host.is_empty())
        && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && url.query().is_none()
        && !text.contains('#');
    if plain { Ok(Some(text.trim_end_matches('/').to_owned())) } else { Err(wrong()) }
}

/// A URL that is asked as it is: http or https, a host, no user.
pub(super) fn whole_url(text: Option<&str>) -> Result<Option<http::Uri>, String> {
    let Some(text) = given(text) else { return Ok(None) };
    let wrong = || {
        "this is no URL; give one with http or https, a host and no user, such as https://tsa.example.com/tsr."
            .to_owned()
    };
    let url: http::Uri = text.parse().map_err(|_| wrong())?;
    let plain = matches!(url.scheme_str(), Some("http" | "https"))
        && url.host().is_some_and(|host| !host.is_empty())
        && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && !text.contains('#');
    if plain { Ok(Some(url)) } else { Err(wrong()) }
}

/// A URI that people can be reached at: `mailto:` with an address, or `https:` with a host (RFC 9116 §2.5.3).
pub(super) fn contact(text: Option<&str>) -> Result<Option<String>, String> {
    let Some(text) = given(text) else { return Ok(None) };
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= CONTACT_BYTES_MAX;
    let reached = match text.split_once(':') {
        Some(("mailto", address)) => {
            address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        }
        Some(("https", rest)) if rest.starts_with("//") => {
            text.parse::<http::Uri>().is_ok_and(|url| url.host().is_some_and(|host| !host.is_empty()))
        }
        _ => false,
    };
    if plain && reached {
        return Ok(Some(text.to_owned()));
    }
    Err(format!("{text:?} is no contact; give a URI such as mailto:security@example.com or an https: page."))
}

/// `bcrypt:<cost>` or `argon2id:<KiB>:<passes>:<lanes>`.
pub(super) fn password_scheme(text: Option<&str>) -> Result<Scheme, String> {
    let Some(text) = given(text) else { return Ok(Scheme::default()) };
    let wrong = || {
        format!("{text:?} is no password scheme; give bcrypt:12 or argon2id:65536:3:1 (KiB, passes, lanes).")
    };
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let numbers: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let scheme = match (name, numbers.as_slice()) {
        ("bcrypt", [cost]) => Scheme::Bcrypt { cost: *cost },
        ("argon2id", [memory_kib, passes, lanes]) => {
            Scheme::Argon2id { memory_kib: *memory_kib, passes: *passes, lanes: *lanes }
        }
        _ => return Err(wrong()),
    };
    match scheme.check() {
        Ok(()) => Ok(scheme),
        Err(error) => Err(format!("{error}.")),
    }
}

pub(super) fn witness_policy(path: Option<&Path>) -> Result<Option<Arc<Policy>>, String> {
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else { return Ok(None) };
    let policy = crate::verify::folder::policy_in(path).map_err(|error| format!("{error:#}."))?;
    if !policy.witnesses().iter().any(|witness| witness.url.is_some()) {
        return Err(format!("{} names no witness with a URL.", path.display()));
    }
    Ok(Some(Arc::new(policy)))
}
