use std::time::Duration;

use http::HeaderValue;
use kernel::limits::{
    BODY_BYTES_DEFAULT, RATE_AUTH_PER_MINUTE, RATE_LLM_PER_MINUTE, RATE_RELATIONS_PER_MINUTE,
    RATE_STANDARD_PER_MINUTE,
};

use super::address::{Cidr, ForwardedBy};

/// Seconds a request may take until its answer begins, and its body until it has arrived, by default.
pub const REQUEST_SECONDS_DEFAULT: u64 = 30;

/// The manners every face shares, as the operator set them.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Requests per minute and address to every path but those that call a model; `None` switches the limit off.
    pub rate_standard_per_minute: Option<u32>,
    /// Requests per minute and address to the paths that call a model; `None` switches the limit off.
    pub rate_llm_per_minute: Option<u32>,
    /// Requests per minute and address to the paths under which relations are asked about; `None` switches the limit off.
    pub rate_relations_per_minute: Option<u32>,
    /// Requests per minute and address to the paths under which people sign in; `None` switches the limit off.
    pub rate_auth_per_minute: Option<u32>,
    /// How long a request may take until its answer begins. Calls of a model have the gateway's own limits instead.
    pub request_timeout: Duration,
    /// Origins whose pages may read answers (CORS). Empty: none.
    pub cors_origins: Vec<CorsOrigin>,
    /// Proxies whose word about the client's address is believed. Empty: nobody's.
    pub trusted_proxies: Vec<Cidr>,
    /// Which header those proxies write.
    pub forwarded_by: ForwardedBy,
}

impl Default for HttpSettings {
    /// 1 MiB bodies, 60, 10, 60 000 and 20 requests per minute, 30 seconds, no CORS, no trusted proxy.
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_DEFAULT,
            rate_standard_per_minute: Some(RATE_STANDARD_PER_MINUTE),
            rate_llm_per_minute: Some(RATE_LLM_PER_MINUTE),
            rate_relations_per_minute: Some(RATE_RELATIONS_PER_MINUTE),
            rate_auth_per_minute: Some(RATE_AUTH_PER_MINUTE),
            request_timeout: Duration::from_secs(REQUEST_SECONDS_DEFAULT),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_by: ForwardedBy::default(),
        }
    }
}

/// An origin as browsers send it: `https://console.example.com`, no path, no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsOrigin(HeaderValue);

/// The text is no origin. There is no wildcard: who may read is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an origin such as https://console.example.com: scheme, host, port when not the usual one, no path"
)]
pub struct CorsOriginError;

impl CorsOrigin {
    /// Whether a request's `Origin` header is this one, byte for byte as RFC 6454 §6.2 serializes it.
    pub fn is(&self, header: &HeaderValue) -> bool {
        self.0 == *header
    }
}

impl std::str::FromStr for CorsOrigin {
    type Err = CorsOriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let fit = host.is_some_and(|host| {
            !host.is_empty()
                && host.bytes().all(|byte| {
                    byte.is_ascii_lowercase()
                        || byte.is_ascii_digit()
                        || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_')
                })
        });
        if !fit {
            return Err(CorsOriginError);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| CorsOriginError)
    }
}
