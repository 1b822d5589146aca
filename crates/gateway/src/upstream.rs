//! The way out: pooled connections to providers, made only to addresses a provider may have.

mod error;
mod resolver;

use std::sync::Arc;
use std::time::Duration;

use app::providers::{Endpoint, Reach, literal};
use bytes::Bytes;
use gates::{Clean, Receipt};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kernel::{RequestContext, Rng};

use crate::answer::HEADER_REQUEST_ID;
use crate::limits::Limits;
pub(crate) use error::UpstreamError;
pub use resolver::{GuardedResolver, NotPermitted, UnknownHost};

/// Time an idle connection to a provider is kept, in seconds.
const IDLE_SECONDS_MAX: u64 = 60;
/// Idle connections kept per provider.
const IDLE_CONNECTIONS_MAX: usize = 64;
/// TCP keep-alive, in seconds, so that a provider that vanished is noticed.
const KEEPALIVE_SECONDS: u64 = 30;
/// Most response header fields read.
const HEADERS_MAX: usize = 100;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));

/// Speaks HTTP/1.1 with or without TLS, to the addresses of one reach alone. Follows no redirects and knows no proxies.
pub type GuardedClient = Client<HttpsConnector<HttpConnector<GuardedResolver>>, Full<Bytes>>;

/// The client could not be set up, so the server must not start.
#[derive(Debug, thiserror::Error)]
#[error("TLS towards providers cannot be set up: {0}")]
pub struct UpstreamSetupError(#[from] rustls::Error);

/// One client for each reach, so that a connection made under one rule is never used under another. Cheap to clone.
#[derive(Clone)]
pub struct GuardedClients(Arc<[(Reach, GuardedClient)]>);

impl GuardedClients {
    /// Clients with no connections yet; one may take `connect` to be made. Certificates are checked against the roots of the
    /// Mozilla programme.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(connect: Duration) -> Result<Self, rustls::Error> {
        let pools: Result<Vec<_>, _> =
            Reach::ALL.into_iter().map(|reach| Ok((reach, guarded_client(reach, connect)?))).collect();
        pools.map(|pools| Self(pools.into()))
    }

    /// The client for `host` under the rule of `reach`; `None` where the host is an address beyond it. Addresses are not
    /// resolved, so the resolver cannot refuse them.
    pub fn to(&self, host: &str, reach: Reach) -> Option<&GuardedClient> {
        let permitted = literal(host).is_none_or(|address| reach.permits(address));
        self.0.iter().find(|(of, _)| permitted && *of == reach).map(|(_, client)| client)
    }
}

/// Connections to providers. Cheap to clone.
#[derive(Clone)]
pub struct Upstream(GuardedClients);

/// One request to a provider.
pub(crate) struct Outgoing<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) body: Clean<Bytes>,
    pub(crate) stream: bool,
    pub(crate) request: &'a RequestContext,
}

impl Upstream {
    /// Clients with no connections yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(limits: &Limits) -> Result<Self, UpstreamSetupError> {
        Ok(Self(GuardedClients::new(limits.connect)?))
    }

    /// Sends a clean body. Takes the proof that the intent is on record, and resolves with the head of the response.
    ///
    /// Of the client's own headers nothing is forwarded: not its key, no cookies, no addresses.
    pub(crate) async fn send(
        &self,
        _on_record: &Receipt,
        outgoing: Outgoing<'_>,
        rng: &dyn Rng,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let (endpoint, reach) = (outgoing.endpoint, outgoing.endpoint.reach());
        let host = endpoint.uri().host().unwrap_or_default();
        let client = self.0.to(host, reach).ok_or(UpstreamError::NotPermitted)?;
        let request = head(outgoing, rng)?;
        client.request(request).await.map_err(|error| UpstreamError::of_request(&error))
    }
}

fn head(outgoing: Outgoing<'_>, rng: &dyn Rng) -> Result<Request<Full<Bytes>>, UpstreamError> {
    let Outgoing { endpoint, body, stream, request } = outgoing;
    let accept = if stream { "text/event-stream" } else { "application/json" };
    let mut out = Request::new(Full::new(body.into_inner()));
    *out.method_mut() = http::Method::POST;
    *out.uri_mut() = endpoint.uri().clone();
    let headers = out.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    // A compressed answer could not be searched.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, AGENT);
    let trace = request.trace.child(rng).to_string();
    for (name, value) in [(TRACEPARENT, trace.as_str()), (HEADER_REQUEST_ID, request.id.as_str())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if let Some(key) = endpoint.authorization() {
        let mut value = HeaderValue::from_bytes(key.expose()).map_err(|_| UpstreamError::NotReached)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(out)
}

fn guarded_client(reach: Reach, connect: Duration) -> Result<GuardedClient, rustls::Error> {
    let mut http = HttpConnector::new_with_resolver(GuardedResolver::new(reach));
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(connect));
    http.set_keepalive(Some(Duration::from_secs(KEEPALIVE_SECONDS)));
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())?
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .pool_timer(TokioTimer::new())
        .http1_max_headers(HEADERS_MAX)
        .build(https))
}
