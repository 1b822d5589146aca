//! `portcullis audit retention`: how long a log is kept, asked and changed over the API.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::export::{BEGIN_SECONDS_MAX, endpoint, send};
use crate::say;

/// The way to it.
const RETENTION: &str = "/api/v1/audit/retention";
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// What to ask, and of whom.
#[derive(clap::Args, Clone, Debug)]
pub struct RetentionArgs {
    /// The server's URL.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Keep entries for so many days from here on; a shorter time than now counts only 30 days later.
    #[arg(long, value_name = "DAYS")]
    pub days: Option<i32>,
    /// Send the key without TLS to another machine.
    #[arg(long)]
    pub allow_plain_http: bool,
    /// Print what the server answers, as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Asks, or changes.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub(crate) async fn run(args: &RetentionArgs, key: Option<Zeroizing<String>>) -> Result<ExitCode> {
    let Some(key) = key else {
        bail!(
            "PORTCULLIS_API_KEY is not set; it needs audit:read, and organization:manage to change anything"
        );
    };
    let uri = endpoint(&args.url, args.allow_plain_http, RETENTION)?;
    let mut request = Request::builder().uri(&uri).header(header::ACCEPT, "application/json");
    let body = match args.days {
        None => Bytes::new(),
        Some(days) => {
            request = request.method(Method::PUT).header(header::CONTENT_TYPE, "application/json");
            json!({ "days": days }).to_string().into()
        }
    };
    let response = send(request.body(Full::new(body))?, &key, BEGIN_SECONDS_MAX).await?;
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .map_err(|_| anyhow!("the server's answer broke off"))?;
    let answer: Value = serde_json::from_slice(&body).context("the server's answer is no JSON")?;
    if args.json {
        say::json(&answer)?;
    } else {
        say::out(text(&answer))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = format!("Entries stay in the database for {} days.\n", answer["days"]);
    // Writing to memory cannot fail.
    if let Some(pending) = answer["pending"].as_object() {
        let from = pending.get("effective_at").map(word).unwrap_or_default();
        let days = pending.get("days").cloned().unwrap_or_default();
        let _ = writeln!(text, "From {from} on: {days} days.");
    }
    let _ = writeln!(text, "Legal holds that stand: {}.", answer["holds_standing"]);
    if let Some(archive) = answer["archive"].as_object() {
        let of = |name: &str| archive.get(name).cloned().unwrap_or_default();
        let (name, entry) = (word(&of("name")), word(&of("entry")));
        let _ =
            writeln!(text, "Entries below {} are in the archive {name}, as entry {entry} says.", of("below"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_words() {
        let said = text(&json!({
            "days": 3000, "pending": {"days": 365, "effective_at": "2026-12-25T00:00:00Z"}, "holds_standing": 1,
            "archive": {"below": 512, "name": "an-archive", "entry": "an-entry"},
        }));
        assert_eq!(
            said,
            "Entries stay in the database for 3000 days.\nFrom 2026-12-25T00:00:00Z on: 365 days.\n\
             Legal holds that stand: 1.\nEntries below 512 are in the archive an-archive, as entry an-entry says.\n"
        );
        assert!(!text(&json!({"days": 2557, "pending": null, "holds_standing": 0})).contains("From"));
    }
}
