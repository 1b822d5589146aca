//! `portcullis witness`: watches other instances' logs, so that none of them can show two faces.
//!
//! A server of its own, for a second machine or another organization. It needs no database: what it saw of each log is a
//! small file that is on the disk before an answer goes out.

mod answer;
mod ask;
pub mod collect;
mod memory;
pub(crate) mod show;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use audit_log::{KeyName, Policy, VerifierKey};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::answer::Witness;
use self::memory::Memory;
use crate::signals::Signals;
use crate::{listen, say};

/// How long requests under way may take after a signal, in seconds.
const GRACE_SECONDS: u64 = 10;

/// What to watch, and where.
#[derive(clap::Args, Clone, Debug)]
pub struct WitnessArgs {
    /// Folder of the key and of what was seen. Made when missing; keep it: a witness that forgets proves nothing.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// The witness's name, a URL without scheme. Fixed when the folder is made.
    #[arg(long, value_name = "NAME", default_value = "portcullis-witness")]
    pub name: String,
    /// A log to watch, as a public key `origin+id+key`. May be said often.
    #[arg(long, value_name = "VKEY")]
    pub log: Vec<String>,
    /// A file (C2SP tlog-policy) whose logs are watched too.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8092")]
    pub listen: SocketAddr,
    /// Print the address and the key as one JSON object on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Watches until a signal comes.
///
/// # Errors
/// When the folder, the keys or the address cannot be used.
pub async fn run(args: &WitnessArgs) -> Result<()> {
    let mut signals = Signals::take()?;
    let logs = logs(args)?;
    let name = KeyName::new(args.name.clone()).context("--name")?;
    let (memory, cosigner) = Memory::open(&args.state, name)?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("{}", args.listen))?;
    let address = listener.local_addr().context("the address is not known")?;
    let (url, vkey) = (format!("http://{address}"), cosigner.key().to_string());
    if args.json {
        let origins: Vec<&str> = logs.keys().map(String::as_str).collect();
        say::json_line(&serde_json::json!({"url": url, "vkey": vkey, "logs": origins}))?;
    } else {
        say::out(format_args!("Witness {url}\nKey     {vkey}\n"))?;
        for origin in logs.keys() {
            say::out(format_args!("Watches {origin}\n"))?;
        }
    }
    let witness = Arc::new(Witness::new(logs, memory, cosigner));
    let (stop, stopping) = watch::channel(false);
    let serving =
        listen::serve(listener, answer::router(witness), stopping, Duration::from_secs(GRACE_SECONDS));
    tokio::pin!(serving);
    tokio::select! {
        _ = &mut serving => return Ok(()),
        () = signals.wait() => {}
    }
    signals.force_on_second();
    let _ = stop.send(true);
    serving.await;
    Ok(())
}

/// The keys of each log, by origin.
fn logs(args: &WitnessArgs) -> Result<BTreeMap<String, Vec<VerifierKey>>> {
    let mut logs = BTreeMap::<String, Vec<VerifierKey>>::new();
    let mut add = |key: VerifierKey| logs.entry(key.name().to_string()).or_default().push(key);
    for text in &args.log {
        add(text.parse().with_context(|| format!("--log {text}"))?);
    }
    if let Some(path) = &args.policy {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let policy = Policy::parse(&text).with_context(|| path.display().to_string())?;
        policy.logs().iter().for_each(|log| add(log.key.clone()));
    }
    if logs.is_empty() {
        bail!("there is nothing to watch: name a log with --log or --policy");
    }
    Ok(logs)
}
