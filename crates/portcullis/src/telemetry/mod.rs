//! What the server tells its operator: logs on standard error, traces and metrics where they were asked for.

pub(crate) mod metrics;
mod otlp;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use crypto::SystemRng;
use kernel::TraceContext;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::say;
use crate::settings::{LogFormat, Telemetry};

type BoxedLayer = Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>;

/// Whether traces are exported. Set once, before the server starts.
static TRACED: AtomicBool = AtomicBool::new(false);
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Ends what [`start`] began.
pub(crate) struct Started(Option<otlp::Otlp>);

impl Started {
    /// Sends what is left.
    pub(crate) async fn stop(self) {
        if let Some(otlp) = self.0 {
            // The exporters wait for the network on the thread that asks.
            let _ = tokio::task::spawn_blocking(move || otlp.stop()).await;
        }
    }
}

/// Starts logging, and exporting where a collector is configured. Standard output stays for results.
///
/// # Errors
/// When logging was started before, the filter does not read, or the exporters cannot be made.
pub(crate) fn start(settings: &Telemetry) -> Result<Started> {
    let filter = || EnvFilter::try_new(&settings.filter).context("PORTCULLIS_LOG is not a log filter");
    let mut layers: Vec<BoxedLayer> = vec![lines(settings.format, filter()?)];
    let otlp = settings.otlp_endpoint.as_deref().map(otlp::start).transpose()?;
    if let Some(otlp) = &otlp {
        let spans = tracing_opentelemetry::layer().with_tracer(otlp.tracer());
        layers.push(spans.with_filter(filter()?).boxed());
        TRACED.store(true, Ordering::Relaxed);
    }
    tracing_subscriber::registry().with(layers).try_init().context("logging could not be started")?;
    if settings.format == LogFormat::Json {
        say::for_programs();
    }
    Ok(Started(otlp))
}

fn lines(format: LogFormat, filter: EnvFilter) -> BoxedLayer {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            layer.with_ansi(colours).with_filter(filter).boxed()
        }
    }
}

/// Puts a request into its trace: the client's, else a new one, so that spans, answers and audit entries all bear the
/// same trace id.
pub(crate) async fn traced(mut request: Request, next: Next) -> Response {
    if !TRACED.load(Ordering::Relaxed) {
        return next.run(request).await;
    }
    let sent =
        request.headers().get(&TRACEPARENT).and_then(|header| TraceContext::parse(header.to_str().ok()?));
    let trace = sent.or_else(|| {
        let fresh = TraceContext::new(&SystemRng).to_string();
        // The last two digits are the flags: ours are recorded.
        TraceContext::parse(&format!("{}01", &fresh[..fresh.len() - 2]))
    });
    if let (None, Some(trace)) = (sent, trace)
        && let Ok(header) = HeaderValue::from_str(&trace.to_string())
    {
        request.headers_mut().insert(TRACEPARENT, header);
    }
    otlp::in_trace(trace, next.run(request)).await
}
