//! Refusals and failures as clients see them: RFC 9457 everywhere, OpenAI's error shape where OpenAI's SDKs call.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use kernel::{FieldError, Gate, Problem, ProblemKind, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// What the paths begin with whose callers are SDKs of the OpenAI API.
const OPENAI_PATHS: &str = "/v1/";
/// What the paths begin with whose callers are clients of OpenFGA.
const RELATIONS_PATHS: &str = "/fga/";
/// What the paths begin with whose callers are OAuth clients.
pub(crate) const OAUTH_PATHS: &str = "/oauth/";

/// What a handler or extractor answers when it refuses. The problem travels in the response's extensions until
/// [`layers`](super::layers), which knows the request, renders it.
#[derive(Debug, Clone)]
pub struct Refused(pub Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(self.0.kind);
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of a problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A relative reference; this server explains the kind of problem there.
    #[serde(rename = "type")]
    #[schema(example = "/problems/forbidden")]
    kind: String,
    /// What kind of problem this is, in the same words every time.
    title: &'static str,
    /// The HTTP status code.
    status: u16,
    /// What happened this time, and what to do about it.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// The id to quote when reporting this.
    request_id: &'a str,
    /// The gate that refused: identity, token, tenancy, privacy or audit; null when none did.
    #[schema(value_type = Option<String>, examples("token"))]
    gate: Option<&'static str>,
    /// The fields at fault.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldProblem>, required = false)]
    errors: &'a [FieldError],
}

/// One field at fault.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes kernel::FieldError, which knows nothing of OpenAPI")]
pub(crate) struct FieldProblem {
    /// Where it stands in the body, as a JSON Pointer (RFC 6901).
    #[schema(example = "/name")]
    pointer: String,
    /// What it needs.
    detail: String,
}

/// The body of an OAuth error (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(crate) struct OAuthErrorBody<'a> {
    /// The code to match on.
    #[schema(value_type = String, example = "invalid_client")]
    pub(crate) error: &'a str,
    /// What happened this time, and what to do about it.
    #[schema(value_type = String)]
    pub(crate) error_description: &'a str,
}

/// The OAuth code of a kind of problem: those of RFC 6749 §5.2, RFC 6750 §3.1 and RFC 9470 §3, and for what those have no
/// word for, those of RFC 6749 §4.1.2.1.
pub(crate) fn oauth_code(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::BadRequest
        | ProblemKind::Invalid
        | ProblemKind::TooLarge
        | ProblemKind::TooSlow
        | ProblemKind::UnsupportedMediaType
        | ProblemKind::NotFound
        | ProblemKind::MethodNotAllowed
        | ProblemKind::Conflict => "invalid_request",
        ProblemKind::Unauthenticated => "invalid_client",
        ProblemKind::StepUp => "insufficient_user_authentication",
        ProblemKind::Forbidden | ProblemKind::MustEnrol => "insufficient_scope",
        ProblemKind::RateLimited
        | ProblemKind::BadGateway
        | ProblemKind::Unavailable
        | ProblemKind::Timeout => "temporarily_unavailable",
        ProblemKind::Internal => "server_error",
    }
}

/// The status it comes with: what cannot be read is 400 there, whatever is wrong with it.
pub(crate) fn oauth_status(kind: ProblemKind) -> StatusCode {
    match kind {
        ProblemKind::Invalid | ProblemKind::UnsupportedMediaType => StatusCode::BAD_REQUEST,
        other => status(other),
    }
}

const _: () = assert!(kernel::limits::STEP_UP_SECONDS_MAX == 600, "the challenge of a step-up says so");

/// Renders a problem for the client that asked for `path`: as [`PROBLEM_JSON`], in OpenAI's shape under `/v1/`, in OAuth's
/// under `/oauth/`, in OpenFGA's under `/fga/`.
pub fn problem_response(problem: &Problem, context: &RequestContext, path: &str) -> Response {
    let (body, media_type) = if path.starts_with(OAUTH_PATHS) {
        let body = OAuthErrorBody { error: oauth_code(problem.kind), error_description: &problem.detail };
        (serde_json::to_string(&body).unwrap_or_default(), "application/json")
    } else if path.starts_with(OPENAI_PATHS) {
        let (kind, gate) = (problem.kind, problem.gate.map(Gate::name));
        let body =
            llm::error::problem_json(kind.status(), kind.slug(), &problem.detail, gate, context.id.as_str());
        (body, "application/json")
    } else if path.starts_with(RELATIONS_PATHS) {
        (app::relations::problem_json(problem, context.id.as_str(), false), "application/json")
    } else {
        (problem_body(problem, context, path), PROBLEM_JSON)
    };
    let mut response = Response::new(Body::from(body));
    let oauth = path.starts_with(OAUTH_PATHS);
    *response.status_mut() = if oauth { oauth_status(problem.kind) } else { status(problem.kind) };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // RFC 9110 §11.6.1; for a session that must be confirmed anew, RFC 9470 §3.
    let challenge = match problem.kind {
        ProblemKind::Unauthenticated => Some("Bearer realm=\"portcullis\""),
        ProblemKind::StepUp => {
            Some("Bearer realm=\"portcullis\", error=\"insufficient_user_authentication\", max_age=\"600\"")
        }
        _ => None,
    };
    if let Some(challenge) = challenge {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

fn problem_body(problem: &Problem, context: &RequestContext, path: &str) -> String {
    let body = ProblemBody {
        kind: problem.type_reference(),
        title: problem.kind.title(),
        status: problem.kind.status(),
        detail: &problem.detail,
        instance: path,
        request_id: context.id.as_str(),
        gate: problem.gate.map(Gate::name),
        errors: &problem.errors,
    };
    serde_json::to_string(&body).unwrap_or_default()
}

fn status(kind: ProblemKind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
