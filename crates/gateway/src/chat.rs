//! `POST /v1/chat/completions`.

use std::error::Error as StdError;

use app::input::bearer;
use app::models::{Call, CallModel, Ended, Intent, Status, refuse};
use app::pii::{self, ConversationName};
use app::providers::{Destination, Endpoint};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use gates::{AnswerError, Bounds, Clean, Held, PackRefusal, Pass, Privacy, Raw, RawChat};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http_body_util::LengthLimitError;
use kernel::quota::Verdict;
use kernel::{Problem, ProblemKind, RequestContext};
use llm::chat::ChatRequest;
use llm::error::{ApiError, ErrorCode};
use llm::json;
use llm::loopback;
use llm::sse::TapOptions;
use llm::usage::Usage;
use tokio::time::{Instant, timeout_at};

use crate::Gateway;
use crate::answer::{self, HEADER_CONVERSATION, Refusal};
use crate::relay::{Relay, unrecorded};
use crate::source::Source;
use crate::upstream::{Outgoing, UpstreamError};

/// Most of a provider's error body that is read, in bytes.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest wait that a provider may ask of the client, in seconds.
const RETRY_AFTER_SECONDS_MAX: u64 = 3_600;

/// The whole life of a call.
pub(crate) async fn completions(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let context = gateway.context(&parts);
    let mut counted = None;
    let answered = call(&gateway, &parts, body, &context, &mut counted).await;
    let mut response = answered.unwrap_or_else(|refusal| refusal.answer(&context));
    if let Some(verdict) = counted {
        answer::tell_rate(&mut response, &verdict);
    }
    response
}

async fn call(
    gateway: &Gateway,
    parts: &Parts,
    body: Body,
    context: &RequestContext,
    counted: &mut Option<Verdict>,
) -> Result<Response, Refusal> {
    let vault = &gateway.vault;
    let principal = vault.authenticate(bearer(&parts.headers), context).await?;
    let pass = vault.enter::<CallModel>(principal, context.clone()).await?;
    let bounds = pass.bounds();
    let (bytes_max, by_pack) = longest(bounds.as_ref(), gateway.limits.body_bytes_max);
    let raw = match read(body, bytes_max).await {
        Ok(raw) => raw,
        Err(error) => {
            let by_pack = by_pack && error.code == ErrorCode::BodyTooLarge;
            return Err(match bounds.as_ref().filter(|_| by_pack).and_then(Bounds::too_long) {
                Some(refused) => Refusal::Problem(pass.refused_by_pack(refused).await),
                None => refused(pass, error).await,
            });
        }
    };
    let request = match raw.chat(json_limits(gateway.limits.body_bytes_max)) {
        Ok(request) => request,
        Err(error) => return Err(refused(pass, error.into()).await),
    };
    let route = match gateway.directory.route(&pass, request.model()).await {
        Ok(Some(route)) => route,
        Ok(None) => return Err(refused(pass, model_not_found()).await),
        Err(problem) => return Err(failed(pass, problem).await),
    };
    let conversation = match conversation(&parts.headers) {
        Ok(name) => name,
        Err(error) => return Err(refused(pass, error).await),
    };
    let held = match bounds.map(|bounds| held(gateway, &pass, &bounds, &request, counted)).transpose() {
        Ok(held) => held,
        Err(refused) => return Err(Refusal::Problem(pass.refused_by_pack(refused).await)),
    };
    let privacy = match pii::for_call(&pass, conversation.as_ref()).await {
        Ok(privacy) => privacy.holding(held),
        Err(problem) => return Err(failed(pass, problem).await),
    };
    let clean = privacy.chat_request(&request, route.model());
    if let Err(problem) = privacy.read_as_asked() {
        return Err(failed(pass, problem).await);
    }
    // Before the provider sees a token it is kept what it stands for; no transaction is open from here on.
    if let Err(problem) = pii::keep(&pass, &privacy).await {
        return Err(failed(pass, problem).await);
    }
    let intent = Intent { request: &request, route: &route, privacy: privacy.clone() };
    let call = gateway.calls.begin(pass, intent).await?;
    let asked = Asked { stream: request.stream(), wants_usage: request.include_usage() };
    let exchange = Exchange { gateway, context, privacy, asked };
    match route.destination() {
        Destination::Loopback => exchange.loopback(call, &clean).await,
        Destination::Http(endpoint) => exchange.http(call, endpoint, clean).await,
    }
}

/// How long the body may be, in bytes, and whether that is the organization's pack's limit.
fn longest(bounds: Option<&Bounds>, body_bytes_max: usize) -> (usize, bool) {
    let by_pack = bounds.and_then(Bounds::request_bytes).and_then(|most| usize::try_from(most).ok());
    match by_pack {
        Some(most) if most < body_bytes_max => (most, true),
        _ => (body_bytes_max, false),
    }
}

/// What the organization's pack holds the call to. A call that it refuses for what it asks for is not counted.
fn held(
    gateway: &Gateway,
    pass: &Pass<CallModel>,
    bounds: &Bounds,
    request: &RawChat<'_>,
    counted: &mut Option<Verdict>,
) -> Result<Held, PackRefusal> {
    let held = bounds.look(request)?;
    *counted = gateway.calls.count(pass, bounds);
    match counted.as_ref().and_then(|verdict| bounds.too_often(verdict)) {
        Some(refused) => Err(refused),
        None => Ok(held),
    }
}

/// The conversation that the client says this is part of.
fn conversation(headers: &HeaderMap) -> Result<Option<ConversationName>, ApiError> {
    let mut said = headers.get_all(HEADER_CONVERSATION).iter();
    let (first, more) = (said.next(), said.next());
    let Some(first) = first else { return Ok(None) };
    let name = first.to_str().ok().and_then(ConversationName::parse).filter(|_| more.is_none());
    name.map(Some).ok_or_else(|| {
        let message = "X-Portcullis-Conversation holds one name of 1 to 128 visible ASCII characters.";
        ApiError::new(ErrorCode::InvalidValue, message)
    })
}

/// What the client asked of the answer's form.
#[derive(Clone, Copy)]
struct Asked {
    stream: bool,
    wants_usage: bool,
}

/// A call whose intent is on record, on its way out and back.
struct Exchange<'a> {
    gateway: &'a Gateway,
    context: &'a RequestContext,
    privacy: Privacy,
    asked: Asked,
}

impl Exchange<'_> {
    async fn loopback(self, call: Call, clean: &Clean<Bytes>) -> Result<Response, Refusal> {
        let limits = &self.gateway.limits;
        let request = match ChatRequest::parse(clean.get(), json_limits(usize::MAX)) {
            Ok(request) => request,
            Err(error) => return Err(end(call, Status::Failed, None, error.into()).await),
        };
        let (id, at) = (call.receipt().entry(), call.receipt().at());
        let created = u64::try_from(at.unix_seconds()).unwrap_or(0);
        let answer = loopback::answer(&request, &format!("chatcmpl-{id}"), created);
        let chunks = if self.asked.stream {
            answer.chunks(request.include_usage).map(Bytes::from).collect()
        } else {
            vec![Bytes::from(answer.to_json())]
        };
        let source = Source::loopback(chunks, limits, Instant::now() + limits.total);
        self.answer(call, source, None).await
    }

    async fn http(self, call: Call, endpoint: &Endpoint, clean: Clean<Bytes>) -> Result<Response, Refusal> {
        let (gateway, limits) = (self.gateway, &self.gateway.limits);
        let begun = Instant::now();
        let outgoing = Outgoing { endpoint, body: clean, stream: self.asked.stream, request: self.context };
        let sent = gateway.upstream.send(call.receipt(), outgoing, gateway.vault.rng());
        let sent = timeout_at(begun + limits.first_byte.min(limits.total), sent).await;
        let response = match sent.unwrap_or(Err(UpstreamError::Timeout)) {
            Ok(response) => response,
            Err(error) => return Err(end(call, Status::UpstreamError, None, error.into()).await),
        };
        let (head, body) = response.into_parts();
        let mut source = Source::http(body, limits, begun + limits.total);
        let status = head.status.as_u16();
        if !head.status.is_success() {
            let body = source.start(ERROR_BODY_BYTES_MAX).await;
            let error = self.cleaned(ApiError::from_upstream(status, &body));
            let refusal = end(call, Status::UpstreamError, Some(status), error).await;
            return Err(with_wait(refusal, &head.headers));
        }
        if self.asked.stream && !is_event_stream(&head.headers) {
            let error = UpstreamError::Unreadable.into();
            return Err(end(call, Status::UpstreamError, Some(status), error).await);
        }
        self.answer(call, source, Some(status)).await
    }

    async fn answer(
        self,
        call: Call,
        source: Source,
        upstream_status: Option<u16>,
    ) -> Result<Response, Refusal> {
        if !self.asked.stream {
            return self.whole(call, source, upstream_status).await;
        }
        let options = TapOptions { client_wants_usage: self.asked.wants_usage, ..TapOptions::default() };
        let (receipt, redacted) = (call.receipt().clone(), call.counts().redacted_total());
        let relay = Relay::new(source, upstream_status, self.privacy.chat_stream(options), call);
        let wanted = self.gateway.receipts.clone().filter(|_| self.context.recorder.is_on());
        let relay = relay.with_receipt(wanted);
        let mut response = answer::events(relay.into_body(), self.context);
        answer::name_entry(&mut response, &receipt);
        answer::name_redactions(&mut response, redacted);
        Ok(response)
    }

    async fn whole(
        self,
        call: Call,
        mut source: Source,
        upstream_status: Option<u16>,
    ) -> Result<Response, Refusal> {
        let body = source.whole().await.map_err(Unclean::Upstream);
        self.privacy.turn().await;
        let read = body.and_then(|body| self.clean_whole(body));
        let (clean, usage) = match read {
            Ok(read) => read,
            Err(Unclean::Tool(usage)) => return Err(withheld(call, usage, upstream_status).await),
            Err(Unclean::Unread(problem, usage)) => {
                let error = Some(UNREAD);
                let ended = Ended { usage, upstream_status, error, status: Status::Withheld };
                return Err(Refusal::Problem(call.end(ended).await.err().unwrap_or(problem)));
            }
            Err(Unclean::Upstream(error)) => {
                let status = if error == UpstreamError::Broken { Status::Cut } else { Status::UpstreamError };
                return Err(end(call, status, upstream_status, error.into()).await);
            }
        };
        let (receipt, redacted) = (call.receipt().clone(), call.counts().redacted_total());
        let ended = Ended { usage, upstream_status, ..Ended::with(Status::Ok) };
        if call.end(ended).await.is_err() {
            return Err(Refusal::Api(unrecorded(), None, Some(receipt)));
        }
        let mut response = answer::json(200, clean.into_inner(), self.context);
        answer::name_entry(&mut response, &receipt);
        answer::name_redactions(&mut response, redacted);
        Ok(response)
    }

    /// A complete answer through gate four, and the tokens it reports.
    fn clean_whole(&self, body: Bytes) -> Result<(Clean<Bytes>, Option<Usage>), Unclean> {
        let limits = json_limits(self.gateway.limits.answer_bytes_max);
        let raw = Raw::new(body);
        let unreadable = Unclean::Upstream(UpstreamError::Unreadable);
        let usage = {
            let Ok(response) = raw.chat_response(limits) else { return Err(unreadable) };
            if !response.has_choices() {
                return Err(unreadable);
            }
            response.usage()
        };
        match self.privacy.chat_response(raw, limits) {
            Ok(clean) => Ok((clean, usage)),
            Err(AnswerError::Tool) => Err(Unclean::Tool(usage)),
            Err(AnswerError::Unread(problem)) => Err(Unclean::Unread(problem, usage)),
            Err(AnswerError::Json(_)) => Err(unreadable),
        }
    }

    /// A provider's words may quote the conversation.
    fn cleaned(&self, error: ApiError) -> ApiError {
        let message = self.privacy.text(Raw::new(error.message.into_owned())).into_inner();
        ApiError { message: message.into(), ..error }
    }
}

/// Why a complete answer is not handed on.
enum Unclean {
    Upstream(UpstreamError),
    /// It calls a tool that it must not; with the tokens it took.
    Tool(Option<Usage>),
    /// It could not be read as closely as the rules ask; with the tokens it took.
    Unread(Problem, Option<Usage>),
}

/// What the entry says of an answer that could not be read as closely as the rules ask.
const UNREAD: &str = "unread";

/// Puts on record that the answer called a tool that it must not, and that nobody saw it.
async fn withheld(call: Call, usage: Option<Usage>, upstream_status: Option<u16>) -> Refusal {
    let (receipt, error) = (call.receipt().clone(), ApiError::tool_withheld());
    let ended = Ended { usage, upstream_status, error: Some(error.code.as_str()), status: Status::Withheld };
    match call.end(ended).await {
        Ok(_) => Refusal::Api(error, None, Some(receipt)),
        Err(problem) => Refusal::Problem(problem),
    }
}

/// Puts a failed outcome on record and hands the error on, with the intent's entry named.
async fn end(call: Call, status: Status, upstream_status: Option<u16>, error: ApiError) -> Refusal {
    let receipt = call.receipt().clone();
    let ended = Ended { upstream_status, error: Some(error.code.as_str()), ..Ended::with(status) };
    match call.end(ended).await {
        Ok(_) => Refusal::Api(error, None, Some(receipt)),
        Err(problem) => Refusal::Problem(problem),
    }
}

/// Puts on record that nothing was sent because of what the client sent.
async fn refused(pass: Pass<CallModel>, error: ApiError) -> Refusal {
    match refuse(pass, Status::Refused, error.code.as_str(), error.http_status()).await {
        Ok(receipt) => Refusal::Api(error, None, Some(receipt)),
        Err(problem) => Refusal::Problem(problem),
    }
}

/// Puts on record that nothing was sent because of trouble here.
async fn failed(pass: Pass<CallModel>, problem: Problem) -> Refusal {
    let recorded = refuse(pass, Status::Failed, problem.kind.slug(), problem.kind.status()).await;
    Refusal::Problem(recorded.err().unwrap_or(problem))
}

/// Adds the time a provider asks to wait for.
fn with_wait(refusal: Refusal, headers: &HeaderMap) -> Refusal {
    let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    match refusal {
        Refusal::Api(error, None, receipt) if matches!(error.http_status(), 429 | 503) => {
            Refusal::Api(error, asked.map(|seconds| seconds.min(RETRY_AFTER_SECONDS_MAX)), receipt)
        }
        other => other,
    }
}

async fn read(body: Body, bytes_max: usize) -> Result<Raw<Bytes>, ApiError> {
    to_bytes(body, bytes_max).await.map(Raw::new).map_err(|error| {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(this) = cause {
            if this.is::<LengthLimitError>() {
                let message = format!("The body is longer than the {bytes_max} bytes that are read here.");
                return ApiError::new(ErrorCode::BodyTooLarge, message);
            }
            // Whoever handed the body on cut it.
            match this.downcast_ref::<Problem>().map(|problem| (problem.kind, problem.detail.clone())) {
                Some((ProblemKind::TooLarge, detail)) => {
                    return ApiError::new(ErrorCode::BodyTooLarge, detail);
                }
                Some((ProblemKind::TooSlow, detail)) => return ApiError::new(ErrorCode::BodyTooSlow, detail),
                _ => {}
            }
            cause = this.source();
        }
        ApiError::new(ErrorCode::InvalidJson, "The body ended before it was complete.")
    })
}

fn json_limits(bytes_max: usize) -> json::Limits {
    let default = json::Limits::default();
    json::Limits { bytes_max: bytes_max.min(default.bytes_max), ..default }
}

/// Some compatible servers leave the type out; another one than that of events is no stream.
fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    })
}

pub(crate) fn model_not_found() -> ApiError {
    let message = "There is no such model here for this key. GET /v1/models lists the models there are.";
    ApiError::new(ErrorCode::ModelNotFound, message).with_param("model")
}

#[cfg(test)]
mod tests;
