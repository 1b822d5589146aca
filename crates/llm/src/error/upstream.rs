//! What a client may learn about a provider's refusal.

use super::{ApiError, ErrorCode};
use crate::json::{Document, DuplicateKeys, Limits, Value};

/// Longest error body that is read.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest message passed on.
const MESSAGE_BYTES_MAX: usize = 512;
/// Words at least this long that mix letters and digits are taken for keys and left out.
const SECRET_BYTES_MIN: usize = 20;
const SECRET_PREFIXES: [&str; 9] = ["sk-", "sk_", "gsk_", "org-", "proj_", "AIza", "Bearer", "key-", "AKIA"];

impl ApiError {
    /// Translates a provider's error response.
    ///
    /// The client learns what it can mend (a prompt too long, a bad parameter) in the provider's words, with
    /// addresses and anything that looks like a key taken out; about the gateway's own dealings with the
    /// provider (its key, its account, its host) it learns nothing.
    pub fn from_upstream(status: u16, body: &[u8]) -> Self {
        let code = match status {
            400 | 404 | 409 | 413 | 422 => ErrorCode::UpstreamRefused,
            408 | 504 => ErrorCode::UpstreamTimeout,
            429 => ErrorCode::UpstreamRateLimited,
            503 | 529 => ErrorCode::Unavailable,
            _ => ErrorCode::UpstreamFailed,
        };
        let general = match code {
            ErrorCode::UpstreamRefused => "The provider refused the request.",
            ErrorCode::UpstreamTimeout => "The provider did not answer in time.",
            ErrorCode::UpstreamRateLimited => "The provider asks to slow down. Try again later.",
            ErrorCode::Unavailable => "The provider is overloaded. Try again later.",
            _ if matches!(status, 401 | 403) => "The provider refused the gateway's credentials.",
            _ => "The provider failed to answer.",
        };
        if code != ErrorCode::UpstreamRefused {
            return Self::new(code, general);
        }
        let Some((message, param)) = read(body) else { return Self::new(code, general) };
        let answer = Self::new(code, format!("{general} It says: {message}"));
        match param {
            Some(param) => answer.with_param(param),
            None => answer,
        }
    }

    /// Translates an error that a provider sent in the middle of a stream: the JSON of the event.
    pub fn from_upstream_event(data: &str) -> Self {
        let limits = Limits { duplicate_keys: DuplicateKeys::Allow, ..Limits::default() };
        let status = Document::parse(data.as_bytes(), limits).ok().and_then(|document| {
            let error = document.root().get("error")?;
            error.get("code").or_else(|| error.get("status"))?.as_u64()
        });
        let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(502);
        Self::from_upstream(status, data.as_bytes())
    }
}

/// The message and parameter of an OpenAI-shaped error body, cleaned.
fn read(body: &[u8]) -> Option<(String, Option<String>)> {
    let limits =
        Limits { bytes_max: BODY_BYTES_MAX, duplicate_keys: DuplicateKeys::Allow, ..Limits::default() };
    let document = Document::parse(body, limits).ok()?;
    let error = document.root().get("error")?;
    let message = error.get("message").and_then(Value::as_str).or_else(|| error.as_str())?;
    let param = error.get("param").and_then(Value::as_str);
    let param = param.filter(|param| param.len() <= 64 && param.bytes().all(is_param_byte));
    Some((clean(&message), param.map(std::borrow::Cow::into_owned)))
}

const fn is_param_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']' | b'-')
}

/// Leaves out addresses, keys and account names, and cuts at [`MESSAGE_BYTES_MAX`].
fn clean(message: &str) -> String {
    let mut out = String::new();
    for word in message.split_whitespace() {
        if out.len() + word.len() > MESSAGE_BYTES_MAX {
            out.push_str(" …");
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if tells_too_much(word) { "[removed]" } else { word });
    }
    out
}

fn tells_too_much(word: &str) -> bool {
    let bare = word.trim_start_matches(|char: char| !char.is_ascii_alphanumeric());
    let digits = bare.bytes().any(|byte| byte.is_ascii_digit());
    let letters = bare.bytes().any(|byte| byte.is_ascii_alphabetic());
    word.contains("://")
        || word.contains("www.")
        || is_host(bare)
        || SECRET_PREFIXES.iter().any(|prefix| bare.contains(prefix))
        || (bare.len() >= SECRET_BYTES_MIN && digits && letters)
}

/// `api.example.com`, `10.0.0.7:8080`: at least two dots between letters or digits.
fn is_host(word: &str) -> bool {
    let host = word.split(['/', ':']).next().unwrap_or("").trim_end_matches(['.', ',', ')', '"', '\'']);
    let labels = host.split('.').count();
    labels >= 3
        && host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}
