//! `portcullis operator rewrap`: the change of `ENCRYPTION_KEY`, with its progress.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use app::rewrap::{Progress, RewrapError, Rewrapped, rewrap};
use gates::Vault;
use kernel::RequestContext;
use serde_json::{Value, json};

use super::Told;
use crate::say;

/// How often the progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Seals everything anew, and says what to do next.
///
/// # Errors
/// When there is no other key, some values open with neither, or the database cannot be used.
pub(super) async fn run(
    vault: &Arc<Vault>,
    request: &RequestContext,
    (leave_unreadable, as_json): (bool, bool),
) -> Result<Told> {
    let mut told: Option<Instant> = None;
    let mut tell = |now: Progress| {
        if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) || now.done == now.of {
            told = Some(Instant::now());
            say::note(format_args!("{} of {} values sealed anew, at {}", now.done, now.of, now.table));
        }
    };
    match rewrap(vault, request, leave_unreadable, &mut tell).await {
        Ok(done) => Ok(done_so(&done, request)),
        Err(RewrapError::Unreadable(done)) => {
            // What they are belongs to the result, even where there is none.
            if as_json {
                say::json(
                    &json!({ "done": "unfinished", "values": done.values, "unreadable": rows(&done) }),
                )?;
            }
            Err(Error::new(RewrapError::Unreadable(done)))
        }
        Err(error) => Err(Error::new(error)),
    }
}

fn done_so(done: &Rewrapped, request: &RequestContext) -> Told {
    let mut text = format!(
        "{} values sealed anew; everything lies under ENCRYPTION_KEY now\n\
         Next: take ENCRYPTION_KEY_OTHER away, migrate once more and restart the servers. Keep the key of before as long as \
         backups from before.\n",
        done.values
    );
    if done.unreadable_values > 0 {
        // Writing to memory cannot fail.
        let _ = writeln!(
            text,
            "{} values open with neither key and were left as they are:",
            done.unreadable_values
        );
        for one in &done.unreadable {
            let _ = writeln!(text, "  {}.{}  {}", one.table, one.column, one.row);
        }
    }
    let json = json!({
        "done": "rewrapped", "values": done.values, "unreadable": rows(done), "request_id": request.id.as_str()
    });
    Told { text, json }
}

fn rows(done: &Rewrapped) -> Vec<Value> {
    let row = |one: &app::rewrap::Unreadable| json!({ "table": one.table, "column": one.column, "organization": one.tenant, "row": one.row });
    done.unreadable.iter().map(row).collect()
}
