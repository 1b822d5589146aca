//! Answers in OpenAI's shape.

use axum::body::Body;
use axum::response::Response;
use gates::Receipt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use kernel::quota::Verdict;
use kernel::{Gate, Problem, ProblemKind, RequestContext};
use llm::error::{ApiError, problem_json};

/// The id of the audit entry: the intent's, for a call.
pub const HEADER_ENTRY: HeaderName = HeaderName::from_static("x-portcullis-entry");
/// How many findings were replaced; of a stream, in the prompt alone, since the answer is still to come.
pub const HEADER_REDACTIONS: HeaderName = HeaderName::from_static("x-portcullis-redactions");
/// By which name a client says which of its conversations a call is part of: values that were replaced in it are put back.
pub const HEADER_CONVERSATION: HeaderName = HeaderName::from_static("x-portcullis-conversation");
/// The request's id.
pub(crate) const HEADER_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the limit of the organization's pack is called in the header fields about rates.
const PACK_POLICY: &str = "pack";

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An error to answer with: a gate's refusal, or one in the words of the wire format.
pub(crate) enum Refusal {
    Problem(Problem),
    /// The second part is for how many seconds to wait.
    Api(ApiError, Option<u64>, Option<Receipt>),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error, None, None)
    }
}

impl Refusal {
    pub(crate) fn answer(&self, request: &RequestContext) -> Response {
        let (error, wait, receipt) = match self {
            Self::Problem(problem) => return openai_error(problem, request),
            Self::Api(error, wait, receipt) => (error, wait, receipt),
        };
        let body = error.to_json_for(request.id.as_str());
        let mut response = json(error.http_status(), body, request);
        if let Some(seconds) = wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        if let Some(receipt) = receipt {
            name_entry(&mut response, receipt);
        }
        response
    }
}

/// A problem in OpenAI's error shape, with `gate` and `request_id` beside the members SDKs read.
pub fn openai_error(problem: &Problem, request: &RequestContext) -> Response {
    let status = match problem.kind {
        // SDKs know 400 for everything that is wrong with a request.
        ProblemKind::Invalid => ProblemKind::BadRequest.status(),
        kind => kind.status(),
    };
    let message = format!("{}. {}", problem.kind.title(), problem.detail);
    let gate = problem.gate.map(Gate::name);
    let body = problem_json(status, problem.kind.slug(), &message, gate, request.id.as_str());
    let mut response = json(status, body, request);
    let headers = response.headers_mut();
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.kind == ProblemKind::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A JSON answer.
pub(crate) fn json(status: u16, body: impl Into<Body>, request: &RequestContext) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    name_request(&mut response, request);
    response
}

/// A streamed answer.
pub(crate) fn events(body: Body, request: &RequestContext) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Reverse proxies that buffer would turn a stream into a long silence.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    name_request(&mut response, request);
    response
}

pub(crate) fn name_entry(response: &mut Response, receipt: &Receipt) {
    if let Ok(value) = HeaderValue::try_from(receipt.entry().to_string()) {
        response.headers_mut().insert(HEADER_ENTRY, value);
    }
}

pub(crate) fn name_redactions(response: &mut Response, redacted: u32) {
    response.headers_mut().insert(HEADER_REDACTIONS, HeaderValue::from(redacted));
}

/// How it stands with the calls that the organization's pack lets this credential make.
pub(crate) fn tell_rate(response: &mut Response, verdict: &Verdict) {
    for (name, value) in verdict.fields(PACK_POLICY) {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

fn name_request(response: &mut Response, request: &RequestContext) {
    if let Ok(value) = HeaderValue::from_str(request.id.as_str()) {
        response.headers_mut().insert(HEADER_REQUEST_ID, value);
    }
}
