//! Cross-origin requests: refused unless the operator listed the origin. Credentials are never allowed; callers send
//! their key in `Authorization`.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kernel::{Problem, ProblemKind};

use super::settings::CorsOrigin;

/// Request headers a page may send, beside those the official SDKs add for their statistics.
const ALLOWED_HEADERS: [&str; 11] = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "openai-organization",
    "openai-project",
    "portcullis-receipt",
    "traceparent",
    "x-portcullis-conversation",
    "x-request-id",
];
/// What the headers of the official SDKs begin with.
const ALLOWED_PREFIX: &str = "x-stainless-";
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// Response headers a page may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-request-id, x-portcullis-entry, portcullis-receipt, retry-after, ratelimit, ratelimit-policy, ratelimit-limit, \
     ratelimit-remaining, ratelimit-reset, x-portcullis-log-size, x-portcullis-looked-to",
);
/// Seconds a browser may remember a preflight.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");
/// Longest list of header names looked at in a preflight, in bytes.
const REQUESTED_BYTES_MAX: usize = 4_096;

/// Whether this is the question a browser asks before a cross-origin request (Fetch standard, "CORS-preflight").
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The request's origin, when it is listed.
pub(super) fn listed(headers: &HeaderMap, origins: &[CorsOrigin]) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    origins.iter().any(|listed| listed.is(origin)).then(|| origin.clone())
}

/// The answer to a preflight of a listed origin.
pub(super) fn preflight(request: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    let wanted = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    let allowed: Vec<String> = wanted
        .filter(|list| list.len() <= REQUESTED_BYTES_MAX)
        .unwrap_or_default()
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| ALLOWED_HEADERS.contains(&name.as_str()) || name.starts_with(ALLOWED_PREFIX))
        .filter(|name| HeaderName::from_bytes(name.as_bytes()).is_ok())
        .collect();
    if let Ok(value) = HeaderValue::from_str(&allowed.join(", ")) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, value);
    }
    response
}

/// The refusal of a preflight from an origin that is not listed.
pub(super) fn not_listed() -> Problem {
    Problem::new(
        ProblemKind::Forbidden,
        "Pages of this origin may not call this server; its operator can list the origin.",
    )
}

/// Lets the page of a listed origin read the response, and keeps caches from giving it to another's.
pub(super) fn put(headers: &mut HeaderMap, origin: Option<HeaderValue>, any_listed: bool) {
    if any_listed {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
