//! `portcullis audit retention`: how long a log is kept, asked and changed over the API.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::packs::ServerUrl;
use crate::packs::call::Server;
use crate::say;

/// The way to it.
const RETENTION: &str = "/api/v1/audit/retention";

/// What to ask, and of whom.
#[derive(clap::Args, Clone, Debug)]
pub struct RetentionArgs {
    /// Keep entries for so many days from here on; a shorter time than now counts only 30 days later.
    #[arg(long, value_name = "DAYS")]
    pub days: Option<i32>,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
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
    let server = Server::new(&args.server, &key);
    let answer = match args.days {
        None => server.json(Method::GET, RETENTION, None).await?,
        Some(days) => server.json(Method::PUT, RETENTION, Some(&json!({ "days": days }))).await?,
    };
    if args.server.json {
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
