//! The verifier inside the server: from time to time it walks every log's tables, as `verify --database` does, and raises an
//! alarm when rows are not those that were written.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use app::audit::jobs::Sequencer;
use crypto::Envelope;
use gates::Vault;
use kernel::{EntryId, TenantId};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::watch;

use super::rows::Findings;
use super::walk::{Known, Walk};
use crate::database;

/// Pause after the start before the first walk, in seconds: a server that just started has other things to do.
const FIRST_SECONDS: u64 = 5;
/// Findings that an alarm names.
const NAMED_MAX: usize = 3;
/// Characters of an alarm's words.
const WORDS_CHARS_MAX: usize = 2_000;

/// Walks all logs again and again.
pub(crate) struct Watcher {
    login: PgConnectOptions,
    vault: Arc<Vault>,
    sequencer: Sequencer,
    every: Duration,
}

impl Watcher {
    /// Walks with the system role's login, which sees every log and can change none, `every` so often.
    pub(crate) fn new(
        login: PgConnectOptions,
        vault: Arc<Vault>,
        sequencer: Sequencer,
        every: Duration,
    ) -> Self {
        // Its rows come through policies, so row security stays on; everything else as for the operator's command.
        let session = store::verify::SESSION.into_iter().filter(|(name, _)| *name != "row_security");
        Self { login: database::quiet(login).options(session), vault, sequencer, every }
    }

    /// Works until `stop` turns true. It can be cut off at any point.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut pause = self.every.min(Duration::from_secs(FIRST_SECONDS));
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => return,
            }
            pause = self.every;
            tokio::select! {
                walked = self.walk() => match walked {
                    Ok(logs) => tracing::info!(logs, "the audit logs were verified"),
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the audit logs could not be verified"),
                },
                _ = stop.changed() => return,
            }
        }
    }

    /// Walks every log once; how many there are.
    async fn walk(&self) -> Result<usize> {
        let mut connection = database::connect(&self.login).await?;
        let tenants = store::verify::tenants(&mut connection).await.context("the logs cannot be listed")?;
        for tenant in &tenants {
            let found = one(&mut connection, *tenant, self.vault.envelope()).await?;
            if found.total > 0 {
                let first = found.kept.iter().find_map(|finding| finding.entry).map(EntryId::from_uuid);
                self.sequencer.report_damage(*tenant, words(&found), found.total, first).await?;
            }
        }
        let _ = connection.close().await;
        Ok(tenants.len())
    }
}

/// One log, in a snapshot of its own, so that none is held for longer than it must.
async fn one(connection: &mut PgConnection, tenant: TenantId, envelope: &Envelope) -> Result<Findings> {
    let mut tx = connection.begin().await.context("no transaction could be opened")?;
    let log = store::verify::log(&mut tx, tenant).await?;
    let mut findings = Findings::default();
    Walk::new(&mut tx, &log, &Known { envelope: Some(envelope), ..Known::default() }, &mut findings)
        .run()
        .await?;
    Ok(findings)
}

fn words(found: &Findings) -> String {
    let mut words = String::new();
    for finding in found.kept.iter().take(NAMED_MAX) {
        // Writing to memory cannot fail.
        let _ = write!(words, "{finding}; ");
    }
    let _ = match found.total.saturating_sub(NAMED_MAX as u64) {
        0 => write!(words, "see portcullis verify --database"),
        more => write!(words, "and {more} more, see portcullis verify --database"),
    };
    words.chars().take(WORDS_CHARS_MAX).collect()
}
