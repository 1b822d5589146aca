//! Forms as OAuth sends them (RFC 6749 appendix B), read strictly: nothing twice, nothing without a bound.

use axum::body::Body;
use axum::extract::Request;
use gates::Principal;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{Extensions, HeaderMap};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kernel::{Problem, ProblemKind, RequestContext};
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::State;
use crate::extract::{broken_body, context_of, note};

/// Largest body of a form, in bytes: room for two tokens.
const FORM_BYTES_MAX: usize = 32 * 1_024;
/// Most parameters of a form.
const PARAMETERS_MAX: usize = 32;

/// What was sent, without its empty parameters, which count as not sent (RFC 6749 §3.1).
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::invalid_request(
                "Send a form, with the header Content-Type: application/x-www-form-urlencoded.",
            ));
        }
        let mut found: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if found.len() == PARAMETERS_MAX {
                return Err(Refusal::invalid_request("Send fewer parameters."));
            }
            if found.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::invalid_request("A parameter is there twice."));
            }
            found.push((name.into_owned(), Zeroizing::new(value.into_owned())));
        }
        Ok(Self(found))
    }

    /// A parameter, when it was sent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub(super) fn need(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::invalid_request(format!("The parameter {name} is missing.")))
    }
}

/// A request with its form.
pub(super) struct Sent {
    pub(super) context: RequestContext,
    pub(super) headers: HeaderMap,
    pub(super) form: Form,
    extensions: Extensions,
}

impl Sent {
    /// Reads a request to its end, for the action of this name. When its form cannot be read, whoever named themselves
    /// beside it is asked for all the same, so that the refusal is in their organization's log.
    pub(super) async fn read(state: &State, request: Request, action: &'static str) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let context = context_of(&parts, &state.vault);
        let form = match Self::form(&parts, body).await {
            Ok(form) => form,
            Err(refusal) => {
                let sent = Self {
                    context,
                    headers: parts.headers,
                    form: Form(Vec::new()),
                    extensions: parts.extensions,
                };
                if sent.headers.contains_key(AUTHORIZATION) {
                    super::client::caller(state, &sent, action).await?;
                }
                return Err(refusal);
            }
        };
        Ok(Self { context, headers: parts.headers, form, extensions: parts.extensions })
    }

    /// Notes who sent it, for the case that it is refused.
    pub(super) fn note(&self, principal: &Principal, action: &'static str) {
        note(&self.extensions, principal, action);
    }

    async fn form(parts: &Parts, body: Body) -> Result<Form, Refusal> {
        let body = match Limited::new(body, FORM_BYTES_MAX).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(Problem::new(ProblemKind::TooLarge, "A form here is small; send less.").into());
            }
            Err(_) => return Err(broken_body(parts).into()),
        };
        Form::parse(&parts.headers, &body)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(media_type: &'static str, body: &str) -> Result<Form, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        Form::parse(&headers, body.as_bytes())
    }

    #[test]
    fn a_form_is_read_and_what_is_empty_was_not_sent() {
        let form =
            parse("application/x-www-form-urlencoded; charset=utf-8", "a=1&b=&c=x%2By+z").ok().unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), None, Some("x+y z")));
        assert!(form.need("b").is_err() && form.need("d").is_err());
    }

    #[test]
    fn nothing_twice_and_nothing_without_a_bound() {
        let many: Vec<String> = (0..=PARAMETERS_MAX).map(|number| format!("p{number}=1")).collect();
        for (media_type, body) in [
            ("application/json", "a=1"),
            ("", "a=1"),
            ("application/x-www-form-urlencoded", "a=1&a=1"),
            ("application/x-www-form-urlencoded", "a=&a=1"),
            ("application/x-www-form-urlencoded", &many.join("&")),
        ] {
            assert!(parse(media_type, body).is_err(), "{media_type} {body}");
        }
    }
}
