//! One pass over a request, from its name to the last header of its answer.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use kernel::{
    Clock, Face, Problem, ProblemKind, Recorder, RefusalMark, RequestContext, RequestId, Rng, TraceContext,
};
use tracing::Instrument as _;

use super::body;
use super::problem::{Refused, problem_response};
use super::rate::{Counted, PathClass, Rates};
use super::settings::HttpSettings;
use super::{address, cors, headers, receipts};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// How long it may take beyond the time of a request to put on record that its body did not arrive in that time, in seconds.
const REFUSAL_SECONDS_MAX: u64 = 5;
/// What the paths of the LLM endpoint begin with.
const GATEWAY_PATHS: &str = "/v1/";

/// What is the same for every request.
pub(super) struct Manners {
    settings: HttpSettings,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    rates: Rates,
}

impl Manners {
    pub(super) fn new(settings: HttpSettings, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { rates: Rates::new(&settings), settings, clock, rng }
    }

    fn context(&self, request: &Request) -> RequestContext {
        let (headers, settings) = (request.headers(), &self.settings);
        let id = only(headers, &X_REQUEST_ID).and_then(RequestId::parse);
        let trace = only(headers, &TRACEPARENT).and_then(TraceContext::parse);
        let gateway = request.uri().path().starts_with(GATEWAY_PATHS);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let trusted = &settings.trusted_proxies;
        RequestContext {
            id: id.unwrap_or_else(|| RequestId::new(&*self.clock, &*self.rng)),
            trace: trace.unwrap_or_else(|| TraceContext::new(&*self.rng)),
            face: if gateway { Face::Gateway } else { Face::Api },
            peer: peer.map(|peer: IpAddr| address::client(peer, headers, trusted, settings.forwarded_by)),
            refusal: RefusalMark::default(),
            recorder: if receipts::asked(headers) { Recorder::on() } else { Recorder::default() },
        }
    }

    fn count(&self, class: PathClass, context: &RequestContext) -> Option<Counted> {
        self.rates.count(class, address::counted_as(context.peer), self.clock.now())
    }

    /// What the faces make of the request, bounded in size and time.
    async fn answer(&self, request: Request, class: PathClass, next: Next) -> Response {
        let bytes_max = self.settings.body_bytes_max;
        let within = self.settings.request_timeout;
        let (parts, body) = request.into_parts();
        let (body, fate) = if announced(&parts.headers).is_some_and(|bytes| bytes > bytes_max as u64) {
            body::drain(body).await;
            body::refused()
        } else {
            body::bound(body, bytes_max, Some(within))
        };
        let mut request = Request::from_parts(parts, body);
        request.extensions_mut().insert(fate.clone());
        let mut run = pin!(AssertUnwindSafe(next.run(request)).catch_unwind());
        let outcome = if class == PathClass::Llm {
            // A model thinks for minutes; the gateway bounds each step of the call itself.
            Ok(run.await)
        } else {
            match tokio::time::timeout(within, &mut run).await {
                // The time ran out for the body at this same moment: its refusal is being put on record.
                Err(_) if fate.problem().is_some() => {
                    tokio::time::timeout(Duration::from_secs(REFUSAL_SECONDS_MAX), run).await
                }
                outcome => outcome,
            }
        };
        let response = match outcome {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                tracing::error!(panic = panic_message(&*panic), "a handler panicked");
                Refused(Problem::internal()).into()
            }
            Err(_) => {
                Refused(Problem::new(ProblemKind::Timeout, "It was given up before it was done.")).into()
            }
        };
        match fate.problem() {
            Some(problem) if !response.status().is_success() => Refused(problem).into(),
            _ => response,
        }
    }
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        axum::response::IntoResponse::into_response(refused)
    }
}

/// The layer itself.
pub(super) async fn apply(State(manners): State<Arc<Manners>>, mut request: Request, next: Next) -> Response {
    let context = manners.context(&request);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!(
        "request",
        request_id = %context.id,
        trace_id = context.trace.trace_id(),
        face = context.face.name(),
        method = %request.method(),
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status = tracing::field::Empty,
    );
    request.extensions_mut().insert(context.clone());
    let started = Instant::now();
    async {
        let response = manners.respond(request, &context, next).await;
        tracing::Span::current().record("status", response.status().as_u16());
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
        response
    }
    .instrument(span)
    .await
}

impl Manners {
    async fn respond(&self, request: Request, context: &RequestContext, next: Next) -> Response {
        let path = request.uri().path().to_owned();
        let class = PathClass::of(request.method(), &path);
        let origins = &self.settings.cors_origins;
        let origin = cors::listed(request.headers(), origins);
        let mut counted = None;
        let response = if cors::is_preflight(request.method(), request.headers()) {
            match &origin {
                Some(_) => cors::preflight(request.headers()),
                None => Refused(cors::not_listed()).into(),
            }
        } else {
            counted = self.count(class, context);
            match counted.as_ref().and_then(Counted::refusal) {
                Some(problem) => Refused(problem).into(),
                None => self.answer(request, class, next).await,
            }
        };
        let mut response = render(response, context, &path);
        let headers = response.headers_mut();
        headers::put(headers);
        cors::put(headers, origin, !origins.is_empty());
        if let Some(counted) = counted {
            counted.put(headers);
        }
        for (name, value) in
            [(X_REQUEST_ID, context.id.to_string()), (TRACEPARENT, context.trace.to_string())]
        {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Gives a refusal its body; what the refusing side said in headers stays.
fn render(mut response: Response, context: &RequestContext, path: &str) -> Response {
    let Some(Refused(problem)) = response.extensions_mut().remove::<Refused>() else { return response };
    let mut rendered = problem_response(&problem, context, path);
    let mut said = std::mem::take(response.headers_mut());
    said.remove(header::CONTENT_LENGTH);
    said.extend(std::mem::take(rendered.headers_mut()));
    *rendered.headers_mut() = said;
    rendered
}

/// A header that is there exactly once and is text; two of them contradict each other and count as none.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    only(headers, &header::CONTENT_LENGTH)?.parse().ok()
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Answers paths that no face knows.
pub(super) async fn no_such_path() -> Refused {
    Refused(Problem::new(ProblemKind::NotFound, "Check the path; /docs lists what there is."))
}

/// Answers methods that a known path does not have.
pub(super) async fn no_such_method() -> Refused {
    Refused(Problem::new(ProblemKind::MethodNotAllowed, "See the Allow header for the methods of this path."))
}
