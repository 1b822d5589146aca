//! A receiver: a small HTTP server that keeps what it is sent and answers what the test says.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use kernel::{Clock as _, SystemClock};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How far away a timestamp may be, in seconds, as every library has it.
const TOLERANCE_SECONDS: i64 = 300;

/// A message as it came.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(super) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The kind of event and what it is about.
    pub(super) fn what(&self) -> (String, String) {
        let body = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&body["type"]), text(&body["data"]["target"]["id"]))
    }

    /// Whether a receiver that goes by the specification believes it, with this secret, now. Other people's libraries are
    /// asked in `libraries`.
    pub(super) fn is_believed(&self, secret: &str) -> bool {
        let key = secret.strip_prefix("whsec_").expect("a secret");
        let key = STANDARD.decode(key).expect("base64");
        let timestamp: i64 = self.header("webhook-timestamp").parse().expect("a number");
        let mut signed = format!("{}.{timestamp}.", self.id()).into_bytes();
        signed.extend_from_slice(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(crypto::hmac_sha256(&key, &signed)));
        let near = (SystemClock.now().unix_seconds() - timestamp).abs() <= TOLERANCE_SECONDS;
        near && self.header("webhook-signature").split(' ').any(|one| one == expected)
    }
}

/// What is answered: a status, and perhaps how long to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply(pub(super) u16, pub(super) Option<u32>);

type Script = Box<dyn FnMut(&Got) -> Reply + Send>;

#[derive(Clone)]
struct Desk {
    got: Arc<Mutex<Vec<Got>>>,
    script: Arc<Mutex<Script>>,
}

/// The receiver. Stops when dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    desk: Desk,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    /// One that takes everything.
    pub(super) async fn start() -> Self {
        let desk = Desk { got: Arc::default(), script: Arc::new(Mutex::new(Box::new(|_| Reply(204, None)))) };
        let router = axum::Router::new().fallback(take).with_state(desk.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hooks?for=it", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the listener stays");
        });
        Self { url, desk, serving }
    }

    /// From now on it answers so.
    pub(super) fn answers(&self, script: impl FnMut(&Got) -> Reply + Send + 'static) {
        *self.desk.script.lock().expect("no panic") = Box::new(script);
    }

    /// What came since this was last asked.
    pub(super) fn got(&self) -> Vec<Got> {
        std::mem::take(&mut *self.desk.got.lock().expect("no panic"))
    }

    /// The one message that came since this was last asked.
    pub(super) fn one(&self) -> Got {
        let mut got = self.got();
        assert_eq!(got.len(), 1, "{got:?}");
        got.remove(0)
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    let got = Got { headers, body };
    let Reply(status, after) = (desk.script.lock().expect("no panic"))(&got);
    desk.got.lock().expect("no panic").push(got);
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = (status, "what a receiver says is kept nowhere").into_response();
    if let Some(after) = after {
        response.headers_mut().insert("retry-after", HeaderValue::from(after));
    }
    if status.is_redirection() {
        response.headers_mut().insert("location", HeaderValue::from_static("/elsewhere"));
    }
    response
}
