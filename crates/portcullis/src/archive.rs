//! `portcullis audit archive`: what is older than its retention goes to folders, and then from the database.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use app::audit::archive::{Archiver, Round};
use gates::Vault;
use kernel::TenantId;
use serde_json::{Value, json};

use crate::desk::with_vault;
use crate::settings::{Environment, Faults, Place, PlaceArgs};
use crate::{say, server};

/// The server beside this command signs; here nothing is due.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);
/// Exit status when something could not be archived.
const FAILED: u8 = 1;

/// What to archive and where to.
#[derive(clap::Args, Clone, Debug)]
pub struct ArchiveArgs {
    /// The folder that holds one folder for each log. Give the same one each time: an archive is continued.
    #[arg(long, env = "PORTCULLIS_ARCHIVE_DIR", value_name = "DIR")]
    pub archive_dir: PathBuf,
    /// Only the log of this organization.
    #[arg(long, value_name = "ID")]
    pub organization: Option<TenantId>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
    /// Where the embedded PostgreSQL is.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Archives once.
///
/// # Errors
/// When the database cannot be used; what does not work for one log stands in what is printed.
pub(crate) async fn run(args: &ArchiveArgs, environment: &dyn Environment) -> Result<ExitCode> {
    let mut faults = Faults::default();
    let place = Place::read(&args.place, environment, &mut faults);
    if !faults.0.is_empty() {
        return Err(faults.into());
    }
    let work = async |vault: &Arc<Vault>| {
        let sequencer = server::sequencer(vault, NEVER, &place, None)?;
        Ok(Archiver::new(sequencer, args.archive_dir.clone()).round(args.organization).await?)
    };
    let round = with_vault(&args.place, environment, work).await?;
    if args.json {
        say::json(&report(&round))?;
    } else {
        say::out(text(&round))?;
    }
    Ok(if round.failed.is_empty() { ExitCode::SUCCESS } else { FAILED.into() })
}

fn report(round: &Round) -> Value {
    let logs = round.done.iter().map(|done| {
        json!({
            "organization": done.tenant,
            "archive": done.name,
            "archived": done.archived,
            "added": done.added,
            "removed": done.removed,
        })
    });
    let failed = round
        .failed
        .iter()
        .map(|(tenant, error)| json!({ "organization": tenant, "reason": error.to_string() }));
    json!({
        "logs": logs.collect::<Vec<_>>(),
        "months_dropped": round.months,
        "failed": failed.collect::<Vec<_>>(),
    })
}

fn text(round: &Round) -> String {
    let mut text = String::new();
    // Writing to memory cannot fail.
    for done in &round.done {
        let last = done.archived.saturating_sub(1);
        let rows = if done.removed { "their rows are gone" } else { "their rows stay for now" };
        let _ = writeln!(
            text,
            "{}: entries 0 to {last} are in the archive {} ({} added now); {rows}.",
            done.tenant, done.name, done.added
        );
    }
    for month in &round.months {
        let _ = writeln!(text, "{month} was dropped: all of it is archived.");
    }
    for (tenant, error) in &round.failed {
        let _ = writeln!(text, "{tenant}: FAILED, its rows stay: {error}");
    }
    if text.is_empty() {
        text.push_str("Nothing is older than its retention.\n");
    }
    text
}
