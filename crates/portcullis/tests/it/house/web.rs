//! A small HTTP client for tests: one credential, JSON in and out.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Longest wait for an answer.
const ANSWER_SECONDS_MAX: u64 = 30;

/// Why there was no answer: the server is gone, or fell silent.
pub(crate) type NoAnswer = String;

/// A client of one server with one credential.
#[derive(Clone)]
pub(crate) struct Web {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    key: Option<String>,
    receipts: bool,
    header: Option<(&'static str, String)>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// This answer, when its status is `status`.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A header field; empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The receipts that the answer carries.
    pub(crate) fn receipts(&self) -> Vec<String> {
        let lines = self.headers.get_all("portcullis-receipt").iter();
        lines.map(|line| line.to_str().expect("visible ASCII").to_owned()).collect()
    }

    /// The id of the audit entry that the answer names.
    #[track_caller]
    pub(crate) fn entry(&self) -> String {
        let entry = self.header("x-portcullis-entry");
        assert!(!entry.is_empty(), "the answer names no entry: {:?}\n{}", self.headers, self.text());
        entry.to_owned()
    }
}

impl Web {
    pub(crate) fn new(url: &str, key: Option<String>) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url: url.to_owned(),
            key,
            receipts: false,
            header: None,
        }
    }

    /// The same, asking for receipts with every request.
    pub(crate) fn asking_for_receipts(&self) -> Self {
        Self { receipts: true, ..self.clone() }
    }

    /// The same, with a header field in every request.
    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        Self { header: Some((name, value.to_owned())), ..self.clone() }
    }

    /// The credential.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Sends a request and returns when the answer's head is there.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if self.receipts {
            request = request.header("portcullis-receipt", "1");
        }
        if let Some((name, value)) = &self.header {
            request = request.header(*name, value);
        }
        let body = body.map(|body| Bytes::from(body.to_string()));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default())).expect("a request");
        timeout(Duration::from_secs(ANSWER_SECONDS_MAX), self.client.request(request))
            .await
            .map_err(|_| format!("{path}: silence"))?
            .map_err(|error| format!("{path}: {error}"))
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, NoAnswer> {
        let response = self.open(method, path, body).await?;
        let (head, body) = response.into_parts();
        let read = timeout(Duration::from_secs(ANSWER_SECONDS_MAX), body.collect()).await;
        let body = read.map_err(|_| format!("{path}: the answer fell silent"))?;
        let body = body.map_err(|error| format!("{path}: {error}"))?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_call(Method::GET, path, None).await.expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_call(Method::POST, path, Some(body)).await.expect("an answer")
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.try_call(Method::PUT, path, Some(body)).await.expect("an answer")
    }

    /// A POST without a body, for operations that take none.
    pub(crate) async fn post_empty(&self, path: &str) -> Answer {
        self.try_call(Method::POST, path, None).await.expect("an answer")
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.try_call(Method::DELETE, path, None).await.expect("an answer")
    }

    /// A model call with one message.
    pub(crate) async fn try_chat(&self, model: &str, text: &str) -> Result<Answer, NoAnswer> {
        self.try_call(Method::POST, "/v1/chat/completions", Some(&prompt(model, text))).await
    }

    /// A model call with one message that must be answered.
    pub(crate) async fn chat(&self, model: &str, text: &str) -> Answer {
        self.try_chat(model, text).await.expect("an answer")
    }

    /// An entry of the audit log, as the log holds it.
    pub(crate) async fn entry(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/audit/entries/{id}")).await.expect(200).json()["entry"].clone()
    }

    /// The newest entries of a kind, as the log holds them.
    pub(crate) async fn entries(&self, kind: &str) -> Vec<Value> {
        let page = self.get(&format!("/api/v1/audit/entries?kind={kind}&limit=200")).await.expect(200).json();
        let items = page["items"].as_array().cloned().expect("a list");
        items.into_iter().map(|item| item["entry"].clone()).collect()
    }
}

/// A model call's body.
pub(crate) fn prompt(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }] })
}
