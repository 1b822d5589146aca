//! `portcullis audit hold …`: the legal holds over a log, asked, placed and lifted over the API.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::packs::ServerUrl;
use crate::packs::call::Server;
use crate::packs::moment;
use crate::say;

/// The way to them.
const HOLDS: &str = "/api/v1/audit/holds";

/// What to do with legal holds.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum HoldCommand {
    /// List the holds: those that stand first, then those that were lifted, newest first.
    #[command(after_help = LIST)]
    List(ListArgs),
    /// Place a hold: from here on nothing of what it is about leaves the database.
    #[command(after_help = PLACE)]
    Place(PlaceArgs),
    /// Lift a hold, for a reason.
    #[command(after_help = LIFT)]
    Lift(LiftArgs),
}

/// Which to list.
#[derive(clap::Args, Clone, Debug)]
pub struct ListArgs {
    /// Only those that stand.
    #[arg(long)]
    pub standing: bool,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

/// What to place.
#[derive(clap::Args, Clone, Debug)]
pub struct PlaceArgs {
    /// Why, in 10 to 2000 characters. Personal data in it is replaced before it is kept.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The beginning of what it is about: a day (2026-01-01, from midnight UTC) or a moment (RFC 3339). Default: the first
    /// entry.
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Its end, which it does not include. Default: without end.
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

/// What to lift.
#[derive(clap::Args, Clone, Debug)]
pub struct LiftArgs {
    /// The hold's id, as `list` shows it.
    pub id: uuid::Uuid,
    /// Why, in 10 to 2000 characters. It stands beside the hold from then on.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

const LIST: &str = "\
Examples:
  portcullis audit hold list
  portcullis audit hold list --standing --json

The key comes from PORTCULLIS_API_KEY and needs the permission audit:read.

Exit status: 0 listed, 1 the server refused or stayed away, 2 wrong usage.";

const PLACE: &str = "\
Examples:
  portcullis audit hold place --reason \"A court has asked for the records of this year.\" --from 2026-01-01
  portcullis audit hold place --reason \"The authority audits the whole log.\" --json

People alone place holds: PORTCULLIS_API_KEY holds an access token of somebody with organization:manage who has confirmed a
factor within the last ten minutes (docs/tokens.md). Keys and agents are refused. The console does it at /audit/retention.

Exit status: 0 it stands, 1 the server refused or stayed away, 2 wrong usage.";

const LIFT: &str = "\
Example:
  portcullis audit hold lift 019a0000-0000-7000-8000-000000000000 --reason \"The court has closed the case.\"

People alone lift holds: PORTCULLIS_API_KEY holds an access token of somebody with organization:manage who has confirmed a
factor within the last ten minutes (docs/tokens.md). Keys and agents are refused. The console does it at /audit/retention.

Exit status: 0 it is lifted, 1 the server refused or stayed away, 2 wrong usage.";

/// Does it.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub(crate) async fn run(command: &HoldCommand, key: Option<Zeroizing<String>>) -> Result<ExitCode> {
    let Some(key) = key else {
        bail!(
            "PORTCULLIS_API_KEY is not set; listing needs audit:read, placing and lifting a person's access token"
        );
    };
    match command {
        HoldCommand::List(args) => list(args, &key).await,
        HoldCommand::Place(args) => place(args, &key).await,
        HoldCommand::Lift(args) => lift(args, &key).await,
    }
}

async fn list(args: &ListArgs, key: &str) -> Result<ExitCode> {
    let mut found = Server::new(&args.server, key).json(Method::GET, HOLDS, None).await?;
    let items = found["items"].as_array_mut().context("the server listed no holds")?;
    items.retain(|hold| !args.standing || hold["lifted_at"].is_null());
    if args.server.json {
        say::json(&found)?;
    } else if items.is_empty() {
        say::out("No legal hold stands.\n")?;
    } else {
        say::out(items.iter().map(text).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn place(args: &PlaceArgs, key: &str) -> Result<ExitCode> {
    let when = |text: &Option<String>| text.as_deref().map(moment);
    let body = json!({ "reason": args.reason, "from": when(&args.from), "until": when(&args.until) });
    let placed = Server::new(&args.server, key).json(Method::POST, HOLDS, Some(&body)).await?;
    if args.server.json {
        say::json(&placed)?;
    } else {
        say::out(text(&placed))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn lift(args: &LiftArgs, key: &str) -> Result<ExitCode> {
    let path = format!("{HOLDS}/{}/lift", args.id);
    let body = json!({ "reason": args.reason });
    Server::new(&args.server, key).done(Method::POST, &path, &body).await?;
    if args.server.json {
        say::json(&json!({ "id": args.id, "lifted": true }))?;
    } else {
        say::out(format_args!("{} is lifted.\n", args.id))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A hold in a few lines, without what could play tricks on a terminal.
fn text(hold: &Value) -> String {
    let word = |name: &str| {
        let text = hold[name].as_str().unwrap_or_default();
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()
    };
    let is = |name: &str| !hold[name].is_null();
    let scope = match (is("from"), is("until")) {
        (false, false) => "the whole log".to_owned(),
        (true, false) => format!("entries from {} on", word("from")),
        (false, true) => format!("entries until {}", word("until")),
        (true, true) => format!("entries from {} until {}", word("from"), word("until")),
    };
    let stands = if is("lifted_at") {
        format!("lifted {} by {}", word("lifted_at"), word("lifted_by"))
    } else {
        "stands".to_owned()
    };
    let why = if is("lift_reason") {
        format!("  lifted because: {}\n", word("lift_reason"))
    } else {
        String::new()
    };
    let placed = format!("placed {} by {}: {}", word("placed_at"), word("placed_by"), word("reason"));
    format!("{}  {stands}: {scope}\n  {placed}\n{why}", word("id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_told_in_lines_that_play_no_tricks() {
        let standing = json!({
            "id": "a-hold", "reason": "A court has asked.\u{1b}[2J", "from": "2026-01-01T00:00:00Z", "until": null,
            "placed_at": "2026-11-22T10:00:00Z", "placed_by": "somebody", "lifted_at": null, "lifted_by": null,
            "lift_reason": null,
        });
        assert_eq!(
            text(&standing),
            "a-hold  stands: entries from 2026-01-01T00:00:00Z on\n  placed 2026-11-22T10:00:00Z by somebody: A court \
             has asked. [2J\n"
        );
        let lifted = json!({
            "id": "a-hold", "reason": "A court has asked.", "placed_at": "then", "placed_by": "somebody",
            "lifted_at": "later", "lifted_by": "another", "lift_reason": "The case is closed.",
        });
        assert_eq!(
            text(&lifted),
            "a-hold  lifted later by another: the whole log\n  placed then by somebody: A court has asked.\n  \
             lifted because: The case is closed.\n"
        );
    }
}
