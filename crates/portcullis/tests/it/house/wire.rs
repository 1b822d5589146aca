//! The house behind a real socket, and a client that says exactly what it sends and reads answers piece by piece.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use api::http::{CorsOrigin, HttpSettings};
use app::accounts::Accounts;
use app::audit::jobs::Sequencer;
use app::providers::{Directory, EnvProvider, UrlRules};
use authn::password::Scheme;
use bytes::Bytes;
use crypto::{ApiKey, SystemRng};
use gates::Vault;
use gateway::{Gateway, Limits, Upstream};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kernel::limits::CHECKPOINT_SECONDS_MAX;
use kernel::{Clock as _, SystemClock};
use serde_json::Value;
use sqlx::Row as _;
use testkit::FakeProvider;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Database;
use super::people::{CHEAP, accounts_with};

/// A number for every request of this run that has an id of its own.
static REQUESTS: AtomicU32 = AtomicU32::new(0);

/// Longest a test waits for anything that must happen, in seconds. Nothing waits this long unless it hangs.
const PATIENCE_SECONDS: u64 = 30;

/// Fails a test that waits for what does not happen, saying for what.
pub(crate) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(PATIENCE_SECONDS), happens)
        .await
        .unwrap_or_else(|_| panic!("{PATIENCE_SECONDS} s went by without: {what}"))
}

/// Limits of a gateway that waits for nobody long.
pub(crate) fn impatient() -> Limits {
    Limits {
        first_byte: Duration::from_millis(400),
        between_bytes: Duration::from_millis(400),
        ..Limits::default()
    }
}

/// Manners without rate limits, which would count all requests of a test as one client's. This machine is believed when it
/// says for whom it asks, so that a test can come from many places.
pub(crate) fn unmetered() -> HttpSettings {
    HttpSettings {
        rate_standard_per_minute: None,
        rate_llm_per_minute: None,
        rate_relations_per_minute: None,
        rate_auth_per_minute: None,
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a block of addresses")],
        ..HttpSettings::default()
    }
}

/// What a house on a socket is made of.
pub(crate) struct Build<'a> {
    pub(crate) vault: &'a Arc<Vault>,
    /// Providers every tenant can call.
    pub(crate) operator: Vec<EnvProvider>,
    pub(crate) limits: Limits,
    pub(crate) settings: HttpSettings,
    /// How passwords are hashed.
    pub(crate) scheme: Scheme,
    /// Whom `security.txt` names.
    pub(crate) contact: Option<&'static str>,
}

impl<'a> Build<'a> {
    /// With no provider but the built-in one.
    pub(crate) fn over(vault: &'a Arc<Vault>) -> Self {
        Self {
            vault,
            operator: Vec::new(),
            limits: Limits::default(),
            settings: unmetered(),
            scheme: CHEAP,
            contact: Some("mailto:security@example.com"),
        }
    }

    /// With a provider called `fake` that serves `fake-1`.
    pub(crate) fn provider(mut self, provider: &FakeProvider) -> Self {
        self.operator.push(fake(&provider.base_url()));
        self
    }

    /// Serves.
    pub(crate) async fn serve(self) -> Wire {
        let rules = UrlRules { allow_private: true, allow_plain_http: true };
        let directory = Directory::new(rules, self.operator, SystemClock.now()).expect("the built-in prices");
        let directory = Arc::new(directory);
        let upstream = Upstream::new(&self.limits).expect("TLS defaults");
        let gateway = Gateway::new(Arc::clone(self.vault), Arc::clone(&directory), upstream, self.limits);
        let accounts = accounts_with(self.vault, self.scheme);
        let router =
            routes(self.vault, accounts, &directory, gateway, &self.settings.cors_origins, self.contact);
        let router = api::http::layers(router, self.settings, Arc::new(SystemClock), Arc::new(SystemRng));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, service).await.expect("the listener stays");
        });
        // A connection for each request: one whose body was refused unread is closed, maybe just as it is used again.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Wire { address, client, serving, serial: AtomicU32::new(0) }
    }
}

/// The operator's provider `fake`, at `base_url`.
pub(crate) fn fake(base_url: &str) -> EnvProvider {
    EnvProvider::new("fake", base_url, None, &["fake-1".to_owned()], SystemClock.now())
        .unwrap_or_else(|error| panic!("{base_url}: {}", error.detail))
}

fn routes(
    vault: &Arc<Vault>,
    accounts: Accounts,
    directory: &Arc<Directory>,
    gateway: Gateway,
    origins: &[CorsOrigin],
    contact: Option<&str>,
) -> axum::Router {
    let origin = format!("portcullis/{}", vault.instance());
    let sequencer = Sequencer::new(Arc::clone(vault), &origin, Duration::from_secs(CHECKPOINT_SECONDS_MAX));
    let rules = directory.rules();
    let pages = console::State::new(accounts.clone(), sequencer.clone()).with_webhooks(rules);
    let tuples: Arc<app::relations::Relations> = Arc::default();
    let pages = console::router(pages.with_relations(Arc::clone(&tuples)));
    let control = api::State::new(accounts, sequencer, rules, origins).with_webhooks(rules);
    let control = control.with_security_contact(contact);
    let relations = fga::Fga::new(Arc::clone(vault), tuples);
    api::router(control).merge(gateway::router(gateway)).merge(fga::router(relations)).merge(pages)
}

/// A house on a socket. Stops when dropped.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    serving: JoinHandle<()>,
    serial: AtomicU32,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// A model call with exactly these bytes.
    pub(crate) fn chat(body: impl Into<Bytes>) -> Self {
        Self::post("/v1/chat/completions").json(body)
    }

    pub(crate) fn key(self, key: &ApiKey) -> Self {
        self.bearer(key.expose())
    }

    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header(AUTHORIZATION, &format!("Bearer {key}"))
    }

    pub(crate) fn header(mut self, name: impl TryInto<HeaderName>, value: &str) -> Self {
        let name = name.try_into().unwrap_or_else(|_| panic!("a header name"));
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// The same by another method.
    pub(crate) fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// Whether it carries a header.
    pub(crate) fn has_header(&self, name: &HeaderName) -> bool {
        self.headers.contains_key(name)
    }

    /// With a JSON body, byte for byte.
    pub(crate) fn json(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self.header(CONTENT_TYPE, "application/json") }
    }

    /// With a form, of an object's members.
    pub(crate) fn form(self, members: &Value) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in members.as_object().expect("an object") {
            form.append_pair(name, value.as_str().expect("text"));
        }
        let body = Bytes::from(form.finish());
        Self { body, ..self.header(CONTENT_TYPE, "application/x-www-form-urlencoded") }
    }

    /// With a body of no stated kind.
    pub(crate) fn bare(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of text"))
    }
}

impl Wire {
    /// A house on somebody else's socket: that of a process.
    pub(crate) fn to(address: SocketAddr) -> Self {
        // A connection for each request: one whose body was refused unread is closed, maybe just as it is used again.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { address, client, serving: tokio::spawn(async {}), serial: AtomicU32::new(0) }
    }

    /// A request id nobody else uses.
    pub(crate) fn request_id(&self) -> String {
        // The port alone does not do: the next house may get it again.
        format!("it-{}-{}", self.address.port(), REQUESTS.fetch_add(1, Ordering::Relaxed))
    }

    /// A number nobody else of this house has.
    pub(crate) fn number(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends and returns when the head of the answer is there. The body stops the call when it is dropped.
    pub(crate) async fn begin(&self, ask: Ask) -> Response<Incoming> {
        let mut request = Request::new(Full::new(ask.body));
        *request.method_mut() = ask.method;
        let uri = format!("http://{}{}", self.address, ask.path);
        *request.uri_mut() = uri.parse().unwrap_or_else(|_| panic!("{uri} is no URI"));
        *request.headers_mut() = ask.headers;
        soon("the head of an answer", self.client.request(request)).await.expect("an answer")
    }

    /// Sends and reads the answer to its end.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        let (head, body) = self.begin(ask).await.into_parts();
        let body = soon("the end of an answer", body.collect()).await.expect("a whole answer").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }
}

/// An entry of the log, as stored.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) kind: String,
    /// The whole entry.
    pub(crate) leaf: Value,
}

impl Entry {
    /// One of its facts.
    pub(crate) fn fact(&self, name: &str) -> &Value {
        &self.leaf["data"][name]
    }

    /// How it ended.
    pub(crate) fn outcome(&self) -> &str {
        self.leaf["outcome"].as_str().expect("an outcome")
    }
}

impl Database {
    /// The entries of one request, in whoever's log they are, in the order they were written.
    pub(crate) async fn entries(&self, request_id: &str) -> Vec<Entry> {
        let mut look = self.superuser().await;
        let rows = sqlx::query(
            "select id::text, tenant_id::text, kind, leaf from audit_entry where request_id = $1 order by at, id",
        )
        .bind(request_id)
        .fetch_all(&mut look)
        .await
        .expect("the entries");
        rows.iter()
            .map(|row| Entry {
                id: row.get("id"),
                tenant: row.get("tenant_id"),
                kind: row.get("kind"),
                leaf: serde_json::from_slice(row.get("leaf")).expect("a leaf is JSON"),
            })
            .collect()
    }

    /// The entries of one request once there are `count`.
    pub(crate) async fn entries_once(&self, request_id: &str, count: usize) -> Vec<Entry> {
        let all = async {
            loop {
                let entries = self.entries(request_id).await;
                if entries.len() >= count {
                    return entries;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon(&format!("{count} entries of {request_id}"), all).await
    }
}
