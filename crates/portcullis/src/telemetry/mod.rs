//! What the server tells its operator: logs on standard error, traces and metrics where they were asked for.

pub(crate) mod metrics;

use std::io;

use anyhow::{Context as _, Result};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::settings::{LogFormat, Telemetry};

type BoxedLayer = Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>;

/// Starts logging. Standard output stays for results.
///
/// # Errors
/// When logging was started before, or the filter does not read.
pub(crate) fn start(settings: &Telemetry) -> Result<()> {
    let filter = EnvFilter::try_new(&settings.filter).context("PORTCULLIS_LOG is not a log filter")?;
    let lines: BoxedLayer = match settings.format {
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(io::stderr)
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .with_writer(io::stderr)
            .with_filter(filter)
            .boxed(),
    };
    tracing_subscriber::registry().with(lines).try_init().context("logging could not be started")
}
