//! The manners, met from outside through a router.

mod bodies;
mod rates;
mod shapes;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Extension};
use axum::response::Response;
use axum::routing::{get, post};
use http::Request;
use http_body_util::BodyExt as _;
use kernel::{Clock, Problem, RequestContext, Rng, Timestamp};
use tower::ServiceExt as _;

use super::{HttpSettings, Refused, layers};

/// A clock that moves when told to.
#[derive(Default)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    fn forward_millis(&self, millis: i64) {
        self.0.fetch_add(millis * 1_000, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(1_700_000_000_000_000 + self.0.load(Ordering::Relaxed))
    }
}

/// Chance that counts.
#[derive(Default)]
pub(crate) struct CountingRng(AtomicU8);

impl Rng for CountingRng {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// The router with the manners around it, in a world without chance whose time stands still.
pub(crate) fn mannered(router: Router, settings: HttpSettings) -> Router {
    layers(router, settings, Arc::new(HandClock::default()), Arc::new(CountingRng::default()))
}

/// A house with a handler for everything that can go wrong.
fn house(settings: HttpSettings) -> Router {
    house_at(Arc::new(HandClock::default()), settings)
}

fn house_at(clock: Arc<HandClock>, settings: HttpSettings) -> Router {
    let context = |Extension(context): Extension<RequestContext>| async move {
        format!("{} {} {:?}", context.id, context.face.name(), context.peer.map(|peer| peer.to_string()))
    };
    let router = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/context", get(context))
        .route("/v1/context", get(context))
        .route("/v1/chat/completions", post(|| async { "answer" }))
        .route("/refuses", get(|| async { Refused(Problem::not_found()) }))
        .route("/echo", post(|body: bytes::Bytes| async move { body }))
        .route("/panics", get(panics))
        .route("/hangs", get(|| async { tokio::time::sleep(Duration::from_hours(1)).await }));
    layers(router, settings, clock, Arc::new(CountingRng::default()))
}

async fn panics() -> String {
    panic!("the secret of the house")
}

fn request(method: &str, path: &str) -> http::request::Builder {
    let peer: SocketAddr = "203.0.113.9:5000".parse().unwrap();
    Request::builder().method(method).uri(path).extension(ConnectInfo(peer))
}

fn from_address(path: &str, address: &str) -> Request<Body> {
    let peer = SocketAddr::new(address.parse::<IpAddr>().unwrap(), 5000);
    Request::builder().uri(path).extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
}

fn get_request(path: &str) -> Request<Body> {
    request("GET", path).body(Body::empty()).unwrap()
}

async fn send(router: &Router, request: Request<Body>) -> Response {
    router.clone().oneshot(request).await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("(none)", |value| value.to_str().unwrap())
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
