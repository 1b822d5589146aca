//! `security.txt` (RFC 9116): whom to tell of a weakness of this installation.

use std::time::Duration;

use axum::Router;
use axum::extract::State as Held;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use kernel::{Problem, ProblemKind, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::describe::open;
use crate::http::Refused;

/// How long what the file says may be relied on, in seconds (90 days): the operator stands behind it as long as the server
/// runs with the setting, and RFC 9116 §2.5.5 asks for less than a year.
const EXPIRES_SECONDS: u64 = 90 * 24 * 3_600;
/// Seconds in a day: the moment is a whole day, so that the same day gives the same bytes.
const DAY_SECONDS: i64 = 24 * 3_600;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::from(Router::new()).routes(open(routes!(get_security_txt)))
}

/// Say whom to tell of a weakness.
///
/// Answers `security.txt` (RFC 9116) when the operator named a contact.
#[utoipa::path(get, path = "/.well-known/security.txt", tag = "operations", operation_id = "security.txt", security(()),
    responses(
        (status = 200, description = "The file", body = String, content_type = "text/plain"),
        (status = 404, description = "The operator named no contact"),
    ))]
async fn get_security_txt(Held(state): Held<State>) -> Result<Response, Refused> {
    let Some(contact) = &state.security_contact else {
        let detail = "The operator of this server named no contact.";
        return Err(Problem::new(ProblemKind::NotFound, detail).into());
    };
    let text = file(contact, state.vault.issuer(), state.vault.clock().now());
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}

/// The file, as of `now`.
fn file(contact: &str, site: &str, now: Timestamp) -> String {
    let day = now.unix_seconds().div_euclid(DAY_SECONDS) * DAY_SECONDS;
    let day = Timestamp::from_unix_micros(day.saturating_mul(1_000_000));
    let expires = day.plus(Duration::from_secs(EXPIRES_SECONDS));
    format!(
        "Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\nCanonical: {site}/.well-known/security.txt\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_what_is_asked_for_and_changes_once_a_day() {
        let at = |seconds: i64| Timestamp::from_unix_micros((1_790_000_000 + seconds) * 1_000_000);
        let text = file("mailto:security@example.com", "https://portcullis.example.com", at(0));
        assert_eq!(
            text,
            "Contact: mailto:security@example.com\nExpires: 2026-12-20T00:00:00.000000Z\nPreferred-Languages: en\n\
             Canonical: https://portcullis.example.com/.well-known/security.txt\n"
        );
        assert_eq!(text, file("mailto:security@example.com", "https://portcullis.example.com", at(3_600)));
    }
}
