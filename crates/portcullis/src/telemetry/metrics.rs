//! Numbers for Prometheus: what came in by which face, how it ended, how long it took, and how far the audit log is
//! behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use gates::{Reason, Vault};
use gateway::HEADER_REDACTIONS;
use http::StatusCode;
use kernel::{Clock as _, SystemClock};
use opentelemetry::KeyValue;
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Media type of the OpenMetrics text format, which Prometheus reads.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Upper bounds of the latency buckets, in seconds.
const LATENCY_SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];
/// The path that calls a model.
const CHAT_PATH: &str = "/v1/chat/completions";

/// Labels of a counted request. Few values each, none of them from the client.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    face: &'static str,
    method: &'static str,
    status: &'static str,
}

/// Labels of a latency.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FaceLabel {
    face: &'static str,
}

/// Labels of a model call.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

/// Labels of what is forwarded.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CollectorLabel {
    collector: &'static str,
}

/// Collectors of events: their kind, and the name by which their positions are known.
pub(crate) type Collectors = Vec<(&'static str, String)>;

/// Every number of this process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    latency: Family<FaceLabel, Histogram>,
    in_flight: Gauge,
    calls: Family<StatusLabel, Counter>,
    redactions: Counter,
    waiting: Gauge<i64, AtomicI64>,
    lag: Gauge<f64, AtomicU64>,
    letters: Gauge<i64, AtomicI64>,
    deliveries: Gauge<i64, AtomicI64>,
    alarms: Gauge<i64, AtomicI64>,
    unforwarded: Family<CollectorLabel, Gauge<i64, AtomicI64>>,
    forward_lag: Family<CollectorLabel, Gauge<f64, AtomicU64>>,
    otlp: Instruments,
}

/// The same numbers for the collector; they go nowhere when none is configured.
struct Instruments {
    requests: opentelemetry::metrics::Counter<u64>,
    latency: opentelemetry::metrics::Histogram<f64>,
}

impl Instruments {
    fn new() -> Self {
        let meter = opentelemetry::global::meter("portcullis");
        Self {
            requests: meter.u64_counter("portcullis.http.requests").build(),
            latency: meter.f64_histogram("http.server.request.duration").with_unit("s").build(),
        }
    }

    fn record(&self, labels: &Labels, seconds: f64) {
        let attributes = [
            KeyValue::new("portcullis.face", labels.face),
            KeyValue::new("http.request.method", labels.method),
            KeyValue::new("http.response.status_class", labels.status),
        ];
        self.requests.add(1, &attributes);
        self.latency.record(seconds, &attributes);
    }
}

impl Metrics {
    /// Zero everywhere.
    pub(crate) fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("portcullis"),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_SECONDS)),
            in_flight: Gauge::default(),
            calls: Family::default(),
            redactions: Counter::default(),
            waiting: Gauge::default(),
            lag: Gauge::default(),
            letters: Gauge::default(),
            deliveries: Gauge::default(),
            alarms: Gauge::default(),
            unforwarded: Family::default(),
            forward_lag: Family::default(),
            otlp: Instruments::new(),
        };
        let registry = &mut all.registry;
        registry.register("http_requests", "Requests answered", all.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time until the head of the answer",
            all.latency.clone(),
        );
        registry.register("http_requests_in_flight", "Requests not answered yet", all.in_flight.clone());
        registry.register("model_calls", "Calls of a model answered", all.calls.clone());
        registry.register(
            "redactions",
            "Values kept from providers, in answers that were not streamed and in prompts",
            all.redactions.clone(),
        );
        registry.register(
            "audit_entries_waiting",
            "Entries that wait for their place in a log",
            all.waiting.clone(),
        );
        registry.register("audit_lag_seconds", "Age of the oldest of them", all.lag.clone());
        registry.register("mail_letters_waiting", "Letters that wait in the outbox", all.letters.clone());
        registry.register("webhooks_waiting", "Webhook deliveries that wait", all.deliveries.clone());
        registry.register(
            "audit_alarms",
            "Alarms about audit logs that nobody has settled",
            all.alarms.clone(),
        );
        registry.register(
            "siem_events_waiting",
            "Events that wait to be forwarded to a collector",
            all.unforwarded.clone(),
        );
        registry.register("siem_lag_seconds", "Age of the oldest of them", all.forward_lag.clone());
        all
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::with_capacity(4_096);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts every request that passes; put it around everything else.
pub(crate) fn counted(router: Router, metrics: Arc<Metrics>) -> Router {
    router
        .layer(axum::middleware::from_fn(super::traced))
        .layer(axum::middleware::from_fn_with_state(metrics, count))
}

async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path();
    let face = if path.starts_with("/v1/") { "gateway" } else { "api" };
    let model_call = path == CHAT_PATH;
    let method = method_name(request.method());
    let flying = Flying::begin(metrics.in_flight.clone());
    let response = next.run(request).await;
    drop(flying);
    let status = class(response.status());
    let (labels, seconds) = (Labels { face, method, status }, started.elapsed().as_secs_f64());
    metrics.requests.get_or_create(&labels).inc();
    metrics.latency.get_or_create(&FaceLabel { face }).observe(seconds);
    metrics.otlp.record(&labels, seconds);
    if model_call {
        metrics.calls.get_or_create(&StatusLabel { status }).inc();
        let found =
            response.headers().get(HEADER_REDACTIONS).and_then(|count| count.to_str().ok()?.parse().ok());
        metrics.redactions.inc_by(found.unwrap_or(0));
    }
    response
}

/// A request that is not answered yet, also when the client goes away before it is.
struct Flying(Gauge);

impl Flying {
    fn begin(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn method_name(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::POST => "POST",
        http::Method::PUT => "PUT",
        http::Method::DELETE => "DELETE",
        http::Method::PATCH => "PATCH",
        http::Method::HEAD => "HEAD",
        http::Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

/// What answers on the metrics address: `/metrics` and nothing else.
pub(crate) fn router(metrics: Arc<Metrics>, vault: Arc<Vault>, collectors: Collectors) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((metrics, vault, Arc::new(collectors)))
}

type Scraped = (Arc<Metrics>, Arc<Vault>, Arc<Collectors>);

async fn scrape(State((metrics, vault, collectors)): State<Scraped>) -> Response {
    if let Err(error) = look_at_backlog(&metrics, &vault, &collectors).await {
        // The other numbers are still worth having.
        tracing::warn!(%error, "what waits in the database could not be counted");
    }
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn look_at_backlog(
    metrics: &Metrics,
    vault: &Arc<Vault>,
    collectors: &Collectors,
) -> anyhow::Result<()> {
    let mut tx = vault.system(Reason::Sequencing).await?;
    let (waiting, oldest) = store::audit::backlog(&mut tx).await?;
    metrics.alarms.set(store::heads::alarms_count(&mut tx).await?);
    tx.finish().await?;
    metrics.waiting.set(waiting);
    let lag = oldest.map_or(0.0, |oldest| SystemClock.now().since(oldest).as_secs_f64());
    metrics.lag.set(lag);
    let mut tx = vault.system(Reason::Mail).await?;
    metrics.letters.set(store::mail::waiting(&mut tx).await?);
    tx.finish().await?;
    let mut tx = vault.system(Reason::Webhooks).await?;
    metrics.deliveries.set(store::webhook_deliveries::waiting(&mut tx).await?);
    tx.finish().await?;
    for (collector, name) in collectors {
        let mut tx = vault.system(Reason::Forwarding).await?;
        let (waiting, oldest) = store::siem::lag(&mut tx, name).await?;
        tx.finish().await?;
        let label = CollectorLabel { collector };
        metrics.unforwarded.get_or_create(&label).set(waiting);
        let lag = oldest.map_or(0.0, |oldest| SystemClock.now().since(oldest).as_secs_f64());
        metrics.forward_lag.get_or_create(&label).set(lag);
    }
    Ok(())
}
