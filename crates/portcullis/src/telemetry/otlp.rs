//! Traces and metrics to an OpenTelemetry collector, over OTLP/HTTP with protobuf bodies; only when one is configured.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

use crate::web::{self, WebClient};

/// Longest time for one export, in seconds.
const EXPORT_SECONDS_MAX: u64 = 10;
/// Longest time for what is left when the server stops, in seconds.
const LAST_EXPORT_SECONDS_MAX: u64 = 5;
/// Largest answer of a collector that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1_024 * 1_024;
/// The name traces and metrics are filed under.
const SERVICE: &str = "portcullis";

/// What exports, to be told when the server stops.
pub(crate) struct Otlp {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

/// Starts exporting to the collector at `endpoint`, its base URL.
///
/// # Errors
/// When the exporters cannot be made.
pub(super) fn start(endpoint: &str) -> Result<Otlp> {
    let resource = || {
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        Resource::builder().with_service_name(SERVICE).with_attribute(version).build()
    };
    let limit = Duration::from_secs(EXPORT_SECONDS_MAX);
    let spans = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new()?)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .with_timeout(limit)
        .build()
        .context("traces cannot be exported")?;
    let numbers = MetricExporter::builder()
        .with_http()
        .with_http_client(Sender::new()?)
        .with_endpoint(format!("{endpoint}/v1/metrics"))
        .with_timeout(limit)
        .build()
        .context("metrics cannot be exported")?;
    let traces = SdkTracerProvider::builder().with_batch_exporter(spans).with_resource(resource()).build();
    let metrics =
        SdkMeterProvider::builder().with_periodic_exporter(numbers).with_resource(resource()).build();
    opentelemetry::global::set_meter_provider(metrics.clone());
    Ok(Otlp { traces, metrics })
}

impl Otlp {
    pub(super) fn tracer(&self) -> SdkTracer {
        self.traces.tracer(SERVICE)
    }

    /// Sends what is left. Waits, so it belongs on a thread that may.
    pub(super) fn stop(&self) {
        let limit = Duration::from_secs(LAST_EXPORT_SECONDS_MAX);
        let ends = [self.traces.shutdown_with_timeout(limit), self.metrics.shutdown_with_timeout(limit)];
        for error in ends.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "the last traces or metrics were not exported");
        }
    }
}

/// Runs `work` as a part of the trace a `traceparent` header names, so that spans made within belong to it.
pub(super) async fn in_trace<T>(
    traceparent: Option<kernel::TraceContext>,
    work: impl Future<Output = T>,
) -> T {
    let Some(trace) = traceparent else { return work.await };
    let parent = SpanContext::new(
        TraceId::from_bytes(trace.trace_bytes()),
        SpanId::from_bytes(trace.span_bytes()),
        if trace.sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() },
        true,
        TraceState::default(),
    );
    work.with_context(opentelemetry::Context::new().with_remote_span_context(parent)).await
}

/// Sends requests on the server's own runtime, whichever thread asks: the exporters have threads of their own.
struct Sender {
    client: WebClient,
    runtime: Handle,
}

impl Sender {
    fn new() -> Result<Self> {
        let client = web::client().context("TLS towards the collector cannot be set up")?;
        Ok(Self { client, runtime: Handle::current() })
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Sender {
    fn send_bytes<'life0, 'async_trait>(&'life0 self, request: Request<Bytes>) -> Sending<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let limit = Duration::from_secs(EXPORT_SECONDS_MAX);
            tokio::time::timeout(limit, send(client, request)).await.map_err(HttpError::from)?
        });
        Box::pin(async move { sent.await.map_err(HttpError::from)? })
    }
}

async fn send(client: WebClient, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let response = client.request(request.map(Full::new)).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}
