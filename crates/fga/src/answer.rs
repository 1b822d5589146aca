//! Answers in OpenFGA's shape.

use app::relations::{Answered, Fault, Refused, id_text, problem_json};
use axum::body::Body;
use axum::response::Response;
use gates::Receipt;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use kernel::{Problem, ProblemKind, RequestContext};
use serde::Serialize;
use serde_json::json;

/// The revision of the tuples that an answer was given by, or that a write made: what is asked with [`HEADER_AT_LEAST`] knows
/// of it.
pub const HEADER_REVISION: HeaderName = HeaderName::from_static("x-authz-revision");
/// Asks for an answer that knows of everything until this revision.
pub const HEADER_AT_LEAST: HeaderName = HeaderName::from_static("x-authz-at-least");
/// Asks as of then: a revision, or a time (RFC 3339).
pub const HEADER_AT: HeaderName = HeaderName::from_static("x-authz-at");
/// Where a list goes on: the value of `continuation_token` for its next page.
pub const HEADER_CONTINUATION: HeaderName = HeaderName::from_static("x-authz-continuation");
/// `true` when a list lacks something, because more had to be looked at than one question may cost.
pub const HEADER_INCOMPLETE: HeaderName = HeaderName::from_static("x-authz-incomplete");
/// The model that an answer was given by, under OpenFGA's own name.
pub const HEADER_MODEL: HeaderName = HeaderName::from_static("openfga-authorization-model-id");
const HEADER_ENTRY: HeaderName = HeaderName::from_static("x-portcullis-entry");
/// The request's id, under OpenFGA's own name.
const HEADER_REQUEST_ID: HeaderName = HeaderName::from_static("fga-request-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with a body.
pub(crate) fn json(
    status: StatusCode,
    body: &impl Serialize,
    receipt: &Receipt,
    request: &RequestContext,
) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = bare(status, body, request);
    name_entry(&mut response, receipt);
    response
}

/// An answer without one.
pub(crate) fn empty(status: StatusCode, receipt: &Receipt, request: &RequestContext) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    name_request(&mut response, request);
    name_entry(&mut response, receipt);
    response
}

fn bare(status: StatusCode, body: Vec<u8>, request: &RequestContext) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    name_request(&mut response, request);
    response
}

fn name_entry(response: &mut Response, receipt: &Receipt) {
    put(response, HEADER_ENTRY, &receipt.entry().to_string());
}

fn name_request(response: &mut Response, request: &RequestContext) {
    put(response, HEADER_REQUEST_ID, request.id.as_str());
}

pub(crate) fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Says by what an answer was given.
pub(crate) fn name_source<T>(response: &mut Response, answered: &Answered<T>) {
    put(response, HEADER_MODEL, &id_text(answered.model.uuid()));
    put(response, HEADER_REVISION, &answered.revision.to_string());
}

/// A refusal, as OpenFGA's clients read it, with `gate` and `request_id` beside their members.
/// `anonymous` is whoever sent no credential at all.
pub(crate) fn refused(refused: &Refused, anonymous: bool, request: &RequestContext) -> Response {
    match refused {
        Refused::Fault(Fault { code, message }) => {
            let body = json!({ "code": code.name(), "message": message, "request_id": request.id.as_str() });
            bare(status(code.kind()), body.to_string().into_bytes(), request)
        }
        Refused::Problem(problem) => problem_answer(problem, anonymous, request),
    }
}

fn status(kind: ProblemKind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn problem_answer(problem: &Problem, anonymous: bool, request: &RequestContext) -> Response {
    let body = problem_json(problem, request.id.as_str(), anonymous);
    let mut response = bare(status(problem.kind), body.into_bytes(), request);
    let headers = response.headers_mut();
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.kind == ProblemKind::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Lines of JSON, one after the other.
pub(crate) fn lines(body: String, receipt: &Receipt, request: &RequestContext) -> Response {
    let mut response = bare(StatusCode::OK, body.into_bytes(), request);
    name_entry(&mut response, receipt);
    response
}
