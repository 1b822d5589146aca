//! The way out for webhooks: HTTP/1.1 to addresses that may be called, and nowhere else.
//!
//! Names are resolved here and connections are made to the addresses that were looked at, so there is no second look-up
//! that could answer differently. Redirects are not followed and the proxies of the environment are not asked. Of an answer
//! only the status and `Retry-After` are read; its body is let pass, up to a bound, so that the connection can be used
//! again, and kept nowhere.

mod retry_after;

use std::error::Error as StdError;
use std::time::Duration;

use app::webhooks::{Answered, Courier, Message, Sending, Unsent};
use bytes::Bytes;
use gateway::{GuardedClients, NotPermitted, UnknownHost};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error;

/// Longest time from the first look-up to the head of the answer, in seconds.
pub const SEND_SECONDS_MAX: u64 = 20;
/// Longest time until a connection is made, in seconds.
const CONNECT_SECONDS_MAX: u64 = 10;
/// Bytes of an answer's body that are let pass; a connection with more is closed.
const ANSWER_BYTES_MAX: usize = 16_384;
/// Longest time an answer's body is waited for, in milliseconds: what it says does not matter.
const ANSWER_MILLIS_MAX: u64 = 500;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("Portcullis/", env!("CARGO_PKG_VERSION")));

/// Sends webhooks over HTTP.
pub struct HttpCourier {
    clients: GuardedClients,
    limit: Duration,
}

impl HttpCourier {
    /// A courier with no connections yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, rustls::Error> {
        let clients = GuardedClients::new(Duration::from_secs(CONNECT_SECONDS_MAX))?;
        Ok(Self { clients, limit: Duration::from_secs(SEND_SECONDS_MAX) })
    }

    /// The same courier with less patience.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    async fn post(&self, message: Message) -> Result<Answered, Unsent> {
        let client = self.clients.to(message.target.host(), message.target.reach());
        let client = client.ok_or(Unsent::AddressRefused)?;
        let sent = message.timestamp;
        let request = request(message).map_err(|_| Unsent::Broken)?;
        let response = match tokio::time::timeout(self.limit, client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(word_for(&error)),
            Err(_) => return Err(Unsent::Timeout),
        };
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let answered = Answered {
            status: response.status().as_u16(),
            retry_after_seconds: retry_after.and_then(|text| retry_after::seconds(text, sent)),
        };
        let_pass(response.into_body()).await;
        Ok(answered)
    }
}

impl Courier for HttpCourier {
    fn send(&self, message: Message) -> Sending<'_> {
        Box::pin(self.post(message))
    }
}

fn request(message: Message) -> Result<Request<Full<Bytes>>, http::header::InvalidHeaderValue> {
    let mut request = Request::new(Full::new(Bytes::from(message.body)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = message.target.url().clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, AGENT);
    headers.insert(ID, HeaderValue::from_str(&message.id)?);
    headers.insert(TIMESTAMP, HeaderValue::from(message.timestamp));
    headers.insert(SIGNATURE, HeaderValue::from_str(&message.signature)?);
    Ok(request)
}

async fn let_pass(body: Incoming) {
    let limit = Duration::from_millis(ANSWER_MILLIS_MAX);
    let _ = tokio::time::timeout(limit, Limited::new(body, ANSWER_BYTES_MAX).collect()).await;
}

/// The word for an error. What exactly failed is for the machine's log; it may name hosts.
fn word_for(error: &Error) -> Unsent {
    tracing::debug!(error = error as &dyn StdError, "a webhook could not be sent");
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(this) = cause {
        if this.is::<NotPermitted>() {
            return Unsent::AddressRefused;
        }
        if this.is::<UnknownHost>() {
            return Unsent::UnknownHost;
        }
        if this.is::<rustls::Error>() {
            return Unsent::Tls;
        }
        cause = cause_of(this);
    }
    if error.is_connect() { Unsent::NotReached } else { Unsent::Broken }
}

/// What is behind an error. An IO error made of another one passes it over and names only what is behind that.
fn cause_of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
