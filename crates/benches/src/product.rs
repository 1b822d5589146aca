//! The product as a user starts it: `portcullis up`, with limits out of the way.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process::{Announced, program, start};

/// A running product. Killed when dropped; its data goes with it.
pub(crate) struct Product {
    process: Announced,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) admin: String,
    pub(crate) data: PathBuf,
}

impl Product {
    /// Starts it in a new data directory, with `upstream` as the provider `bench`.
    pub(crate) async fn start(upstream: Option<&str>) -> Result<Self> {
        let data = std::env::temp_dir().join(format!("portcullis-bench-{}", std::process::id()));
        let mut command = program(binary().as_os_str(), true);
        command
            .args(["up", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .env("PORTCULLIS_RATE_LLM", "off")
            .env("PORTCULLIS_RATE_STANDARD", "off")
            .env("PORTCULLIS_ALLOW_PLAIN_HTTP_UPSTREAMS", "true")
            .env("PORTCULLIS_ALLOW_PRIVATE_UPSTREAMS", "true")
            .env("PORTCULLIS_LOG", "error");
        if let Some(upstream) = upstream {
            command.env("PORTCULLIS_PROVIDERS", format!("bench=http://{upstream}/v1"));
        }
        let process = start(command).await.context("portcullis up (PORTCULLIS_BIN names another binary)")?;
        let told: Value = serde_json::from_str(&process.line).context("portcullis up printed no JSON")?;
        let text =
            |value: &Value| value.as_str().map(str::to_owned).context("the announcement lacks a member");
        let url = text(&told["url"])?;
        let address = url.trim_start_matches("http://").parse().context("the URL is no local address")?;
        let (key, admin) = (text(&told["api_key"])?, text(&told["admin"]["api_key"])?);
        Ok(Self { process, address, key, admin, data })
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.process.pid()
    }

    /// Stops it, lets its PostgreSQL end, and removes the data.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.process.child.id() {
            tokio::process::Command::new("kill").arg(pid.to_string()).status().await?;
        }
        self.process.child.wait().await?;
        remove(&self.data)
    }
}

fn remove(data: &Path) -> Result<()> {
    std::fs::remove_dir_all(data).with_context(|| format!("cannot remove {}", data.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "which binary to measure is all this program is configured with"
)]
fn binary() -> PathBuf {
    std::env::var_os("PORTCULLIS_BIN")
        .map_or_else(|| PathBuf::from("target/release/portcullis"), PathBuf::from)
}
