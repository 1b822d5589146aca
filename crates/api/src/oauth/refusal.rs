//! Refusals as OAuth clients read them (RFC 6749 §5.2).

use std::borrow::Cow;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use kernel::{Gate, Problem, ProblemKind};

use crate::http::{OAuthErrorBody, oauth_code, oauth_status};
use crate::record::Worded;

/// How a caller may prove who they are, in the answer to one who did not (RFC 9110 §11.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Basic,
    Bearer,
}

/// An OAuth error.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    description: Cow<'static, str>,
    challenge: Option<Scheme>,
    retry_after: Option<u64>,
    kind: ProblemKind,
    gate: Option<Gate>,
}

impl Refusal {
    /// A refusal of what was asked, with the code of its kind.
    pub(super) fn of(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let (status, description) = (StatusCode::BAD_REQUEST, description.into());
        let kind = ProblemKind::BadRequest;
        Self { status, code, description, challenge: None, retry_after: None, kind, gate: None }
    }

    /// Something is missing, there twice, or not understood.
    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::of("invalid_request", description)
    }

    /// A problem of a caller who tried to prove who they are as `scheme` says.
    pub(super) fn from_problem(problem: Problem, scheme: Scheme) -> Self {
        let kind = problem.kind;
        let unknown = kind == ProblemKind::Unauthenticated;
        let (code, description) = match (unknown, scheme) {
            (true, Scheme::Basic) => {
                let detail = "Send an agent's id and one of its API keys; expired, revoked and unknown ones answer alike.";
                ("invalid_client", detail.into())
            }
            (true, Scheme::Bearer) => ("invalid_token", problem.detail),
            _ => (oauth_code(kind), problem.detail),
        };
        Self {
            status: oauth_status(kind),
            code,
            description,
            challenge: (unknown || kind == ProblemKind::StepUp).then_some(scheme),
            retry_after: problem.retry_after_seconds,
            kind,
            gate: problem.gate,
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::from_problem(problem, Scheme::Basic)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = OAuthErrorBody { error: self.code, error_description: &self.description };
        let mut response = (self.status, Json(body)).into_response();
        let problem = Problem { gate: self.gate, ..Problem::new(self.kind, "") };
        response.extensions_mut().insert(Worded(problem));
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let challenge = self.challenge.map(|scheme| match scheme {
            Scheme::Basic => "Basic realm=\"portcullis\", charset=\"UTF-8\"".to_owned(),
            Scheme::Bearer => format!("Bearer realm=\"portcullis\", error=\"{}\"", self.code),
        });
        if let Some(value) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
