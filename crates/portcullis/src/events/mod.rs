//! `portcullis audit events`: takes events away for people's tools and security monitors, page by page, and follows the
//! log as it grows.
//!
//! A file is gone on with where its last whole line says that it ends, whether the command before was done or cut off.

mod sink;
mod sse;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use audit_log::Format;
use audit_log::formats::index_of;
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use zeroize::Zeroizing;

use crate::export::{Refused, ask, endpoint};
use crate::say;

use sink::{Lines, Sink};
use sse::{Event, Events};

/// Events asked for at once.
const PAGE_EVENTS: u64 = 50_000;
/// Longest silence within a page, in seconds; the server looks at many entries before it finds a rare one.
const PAGE_SILENCE_SECONDS_MAX: u64 = 120;
/// Longest silence of a server that is followed, in seconds: it speaks every ten.
const TAIL_SILENCE_SECONDS_MAX: u64 = 35;
/// Tries in a row that may fail before the command does. Following goes on for ever.
const TRIES_MAX: u32 = 6;
/// Pause after the first try that failed, in seconds; it doubles.
const PAUSE_SECONDS_MIN: u64 = 1;
/// Longest pause between two tries, in seconds.
const PAUSE_SECONDS_MAX: u64 = 30;

/// What to take and where to.
#[derive(clap::Args, Clone, Debug)]
pub struct EventsArgs {
    /// The server's URL.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// jsonl, csv, ocsf or cef.
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub format: Format,
    /// The file to write; one that is there is gone on with. Standard output when not said.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only events after this index of the log.
    #[arg(long, value_name = "INDEX")]
    pub after: Option<u64>,
    /// Only what happened at this time or later, as 2026-11-22T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only what happened before this time.
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub until: Option<String>,
    /// Only these kinds: names, or prefixes with * after them, separated by commas.
    #[arg(long, value_name = "KINDS")]
    pub kind: Option<String>,
    /// Only kinds of these categories, separated by commas.
    #[arg(long, value_name = "CATEGORIES")]
    pub category: Option<String>,
    /// Only what this one did: agent:, service: or human: and an id.
    #[arg(long, value_name = "WHO")]
    pub actor: Option<String>,
    /// Only what ended so: intent, ok, refused, failed or unknown.
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<String>,
    /// Then stay, and write events as they happen. Begins now unless there is a file, --after or --since.
    #[arg(long)]
    pub follow: bool,
    /// Send the key without TLS to another machine.
    #[arg(long)]
    pub allow_plain_http: bool,
    /// With --out: print what was done as JSON.
    #[arg(long, requires = "out")]
    pub json: bool,
}

impl EventsArgs {
    /// The filter, as pairs of a query string.
    fn filter(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = vec![("format", self.format.name())];
        let named = [
            ("kind", &self.kind),
            ("category", &self.category),
            ("actor", &self.actor),
            ("outcome", &self.outcome),
        ];
        pairs.extend(named.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
        pairs
    }

    fn uri(&self, path: &str, more: &[(&'static str, String)]) -> Result<Uri> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.filter());
        query.extend_pairs(more);
        endpoint(&self.url, self.allow_plain_http, &format!("{path}?{}", query.finish()))
    }
}

/// How far one has come.
struct Way {
    sink: Sink,
    after: Option<u64>,
    events: u64,
}

/// What became of a try.
enum Tried {
    /// It is of no use to try again.
    Hopeless(anyhow::Error),
    /// It may go better next time.
    Failed(anyhow::Error),
}

/// Exports, and follows when asked to.
///
/// # Errors
/// When the server refuses or stays away, or the file cannot be written.
pub(crate) async fn run(args: &EventsArgs, key: Option<Zeroizing<String>>) -> Result<ExitCode> {
    let Some(key) = key else {
        bail!("PORTCULLIS_API_KEY is not set; it needs the permission audit:export, or audit:read to follow");
    };
    let (sink, last) = Sink::open(args.out.as_deref(), args.format)?;
    if last.is_some() && args.after.is_some() {
        bail!("--out goes on after the last event of its file; leave --after out, or name another file");
    }
    let after = last.or(args.after);
    if let Some(last) = last {
        say::note(format_args!("going on after event {last}"));
    }
    let mut way = Way { sink, after, events: 0 };
    let paged = !args.follow || after.is_some() || args.since.is_some();
    if paged {
        pages(args, &key, &mut way).await?;
        way.sink.sync().context("the file could not be kept")?;
        say::note(format_args!("{} events", way.events));
    }
    if args.follow {
        follow(args, &key, &mut way, paged).await?;
    }
    if args.json {
        say::json(&json!({"events": way.events, "last_index": way.after, "format": args.format.name()}))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn pages(args: &EventsArgs, key: &str, way: &mut Way) -> Result<()> {
    let mut failed = 0;
    loop {
        let before = way.events;
        match page(args, key, way).await {
            Ok(true) => return Ok(()),
            Ok(false) => {
                failed = 0;
                if way.events > before {
                    say::note(format_args!("{} events, up to index {}", way.events, shown(way.after)));
                }
            }
            Err(error) => {
                // What came before the break is written: the next try goes on behind it.
                failed = if way.events > before { 1 } else { failed + 1 };
                match judge(error) {
                    Tried::Failed(error) if failed < TRIES_MAX => wait(&error, failed).await,
                    Tried::Failed(error) | Tried::Hopeless(error) => return Err(error),
                }
            }
        }
    }
}

fn shown(index: Option<u64>) -> String {
    index.map_or_else(|| "none".to_owned(), |index| index.to_string())
}

/// Takes one page. True when it was the last one.
async fn page(args: &EventsArgs, key: &str, way: &mut Way) -> Result<bool> {
    let mut more = vec![("limit", PAGE_EVENTS.to_string())];
    more.extend(way.after.map(|after| ("after", after.to_string())));
    more.extend(args.since.clone().map(|since| ("since", since)));
    more.extend(args.until.clone().map(|until| ("until", until)));
    let answer = ask(&args.uri("/api/v1/audit/events", &more)?, key, "*/*").await?;
    let size = header(answer.headers(), "x-portcullis-log-size")?;
    let looked_to = header(answer.headers(), "x-portcullis-looked-to")?;
    let mut lines = Lines::default();
    let mut body = answer.into_body();
    let mut found = 0;
    while let Some(piece) = next(&mut body, PAGE_SILENCE_SECONDS_MAX).await? {
        found += take(args.format, way, &mut lines, &piece)?;
    }
    if !lines.is_empty() {
        bail!("the page broke off within a line");
    }
    if found < PAGE_EVENTS && looked_to > 0 {
        way.after = way.after.max(Some(looked_to - 1));
    }
    Ok(found < PAGE_EVENTS && looked_to >= size)
}

/// Writes the whole lines that a piece completes, and says how many events there were.
fn take(format: Format, way: &mut Way, lines: &mut Lines, piece: &[u8]) -> Result<u64> {
    let Some(whole) = lines.add(piece) else { return Ok(0) };
    let text = std::str::from_utf8(&whole).context("the server sent what is no text")?;
    let heads = u64::from(format.head().is_some_and(|head| text.starts_with(head)));
    if heads > 0 && way.sink.has_begun() {
        bail!("the server sent the head of a table in its middle");
    }
    let last = text.lines().next_back().unwrap_or_default();
    way.sink.write(&whole)?;
    let count = text.lines().count() as u64 - heads;
    if count > 0 {
        way.after = Some(index_of(format, last).context("a line of the server names no index")?);
        way.events += count;
    }
    Ok(count)
}

fn header(headers: &HeaderMap, name: &str) -> Result<u64> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    value.with_context(|| format!("the server's answer has no {name}: is it older than this program?"))
}

/// The next piece of a body; `None` at its end.
async fn next(body: &mut Incoming, silence: u64) -> Result<Option<bytes::Bytes>> {
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(silence), body.frame())
            .await
            .with_context(|| format!("the server sent nothing for {silence} s"))?;
        let Some(frame) = frame else { return Ok(None) };
        if let Ok(data) = frame.context("the connection broke")?.into_data() {
            return Ok(Some(data));
        }
    }
}

/// Follows the log from where the pages ended, and from now on without pages. Where they found nothing at all it begins at
/// the beginning: what was placed since then is missed otherwise.
async fn follow(args: &EventsArgs, key: &str, way: &mut Way, paged: bool) -> Result<()> {
    let mut failed = 0_u32;
    let after = way.after.and_then(|after| i64::try_from(after).ok());
    let mut seen = after.or(paged.then_some(-1));
    loop {
        let before = way.events;
        match tail(args, key, way, &mut seen).await {
            Tried::Hopeless(error) => return Err(error),
            Tried::Failed(error) => {
                failed = if way.events > before { 1 } else { failed.saturating_add(1) };
                wait(&error, failed).await;
            }
        }
    }
}

/// Follows until the connection ends. `seen` is the index up to which all was received.
async fn tail(args: &EventsArgs, key: &str, way: &mut Way, seen: &mut Option<i64>) -> Tried {
    let more: Vec<_> = seen.map(|seen| ("after", seen.to_string())).into_iter().collect();
    let answer = async { ask(&args.uri("/api/v1/audit/tail", &more)?, key, "text/event-stream").await };
    let mut body = match answer.await {
        Ok(answer) => answer.into_body(),
        Err(error) => return judge(error),
    };
    say::note("following");
    let mut events = Events::default();
    loop {
        let piece = match next(&mut body, TAIL_SILENCE_SECONDS_MAX).await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Tried::Failed(anyhow::anyhow!("the server ended the connection")),
            Err(error) => return Tried::Failed(error),
        };
        for event in events.add(&piece) {
            match heard(args.format, way, seen, event) {
                Ok(None) => {}
                Ok(Some(tried)) => return tried,
                Err(error) => return Tried::Hopeless(error),
            }
        }
    }
}

/// Does what an event says. An outcome ends the connection.
fn heard(format: Format, way: &mut Way, seen: &mut Option<i64>, event: Event) -> Result<Option<Tried>> {
    if let Some(id) = event.id {
        *seen = Some(id);
        way.after = u64::try_from(id).ok();
    }
    match (event.name.as_deref(), event.data) {
        (Some("end"), Some(word)) => {
            let error = anyhow::anyhow!("the server ended the connection: {word}");
            let hopeless = matches!(&*word, "unauthenticated" | "forbidden");
            Ok(Some(if hopeless { Tried::Hopeless(error) } else { Tried::Failed(error) }))
        }
        (None, Some(line)) => {
            if let (Some(head), false) = (format.head(), way.sink.has_begun()) {
                way.sink.write(format!("{head}{}", format.line_end()).as_bytes())?;
            }
            way.sink.write(format!("{line}{}", format.line_end()).as_bytes())?;
            way.events += 1;
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// Whether it is of use to try again.
fn judge(error: anyhow::Error) -> Tried {
    let refused = error.downcast_ref::<Refused>().map(|refused| refused.status);
    let passing =
        refused.is_none_or(|status| status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error());
    let written = error.downcast_ref::<std::io::Error>().is_some();
    if passing && !written { Tried::Failed(error) } else { Tried::Hopeless(error) }
}

async fn wait(error: &anyhow::Error, failed: u32) {
    let pause = PAUSE_SECONDS_MIN.saturating_mul(1 << failed.saturating_sub(1).min(8)).min(PAUSE_SECONDS_MAX);
    say::note(format_args!("{error:#}; trying again in {pause} s"));
    tokio::time::sleep(Duration::from_secs(pause)).await;
}
