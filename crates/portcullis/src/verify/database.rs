//! The tables of a database, verified with a superuser's eyes.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use audit_log::verify::Verdict;
use audit_log::{Checkpoint, DirSource, Note, VerifierKey};
use crypto::{Envelope, InstanceKey};
use serde_json::json;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::settings::{self, Environment, Faults, KeySetting, Place, existing_embedded_key};
use crate::{database, home, say};

use super::VerifyArgs;
use super::folder::{self, Trust};
use super::personal::PersonalValues;
use super::rows::Findings;
use super::walk::{Known, LogSummary, Walk};

/// Exit status for tables that are not what was written.
const DAMAGED: u8 = 1;
/// Connections the embedded PostgreSQL is started for when it does not run.
const CONNECTIONS: u32 = 10;

const PROVES: &str = "Every entry's bytes give the hash that is in its log's tree, its columns say what its bytes say, \
    and the trees are those that the checkpoints signed.";
const PROVES_NOT: &str = "It rests on the keys in the database itself: who rewrote everything and signed it again with \
    the server's key is found only by comparing with an export or a checkpoint kept elsewhere (--against, --vkey).";

/// What was found in all logs.
pub(crate) struct Verified {
    /// One summary a log.
    pub(crate) logs: Vec<LogSummary>,
    /// What is wrong.
    pub(crate) findings: Findings,
}

/// `portcullis verify --database`.
///
/// # Errors
/// When the database cannot be read; what is wrong with it stands in the report.
pub(crate) async fn run(args: &VerifyArgs, environment: &dyn Environment) -> Result<ExitCode> {
    let keys = match &args.vkey {
        Some(text) => vec![folder::given_key(text)?],
        None => Vec::new(),
    };
    let export = args.against.as_deref().map(|dir| exported(dir, &keys)).transpose()?;
    let mut faults = Faults::default();
    let place = Place::read(&args.place, environment, &mut faults);
    let named = match args.database.as_deref() {
        None | Some("") => environment.get("DATABASE_URL"),
        Some(url) => Some(url.to_owned().into()),
    };
    let named = named.and_then(|url| match settings::check_database_url(&url) {
        Ok(options) => Some(options),
        Err(sentence) => {
            faults.add("DATABASE_URL", sentence);
            None
        }
    });
    // Only for what is stored about people; everything else is verified without.
    let key = match KeySetting::read(environment, &mut faults) {
        KeySetting::Given(key) => Some(key),
        KeySetting::Absent => None,
    };
    if !faults.0.is_empty() {
        return Err(faults.into());
    }
    let verified = if let Some(login) = named {
        verify(login, &keys, export.as_ref(), key.map(|key| key.envelope()).as_ref()).await?
    } else {
        embedded(&place, &keys, export.as_ref(), key).await?
    };
    tell(&verified, args.json)?;
    Ok(if verified.findings.total == 0 { ExitCode::SUCCESS } else { DAMAGED.into() })
}

/// The embedded database: the one that runs, else it is started for as long as this takes.
async fn embedded(
    place: &Place,
    keys: &[VerifierKey],
    export: Option<&Export>,
    key: Option<InstanceKey>,
) -> Result<Verified> {
    if !place.cluster_dir().exists() {
        bail!(
            "there is no database in {}; name its directory with --data-dir, or a URL with --database",
            place.data_dir.display()
        );
    }
    let key = match key {
        Some(key) => Some(key),
        None => existing_embedded_key(&place.key_file())?,
    };
    let envelope = key.map(|key| key.envelope());
    let postgres = home::open(place, CONNECTIONS, &|line| say::note(line)).await?;
    let verified = verify(home::owner_login(&postgres), keys, export, envelope.as_ref()).await;
    postgres.stop().await?;
    verified
}

/// A folder that was verified.
struct Export {
    folder: DirSource,
    key: VerifierKey,
    checkpoint: Checkpoint,
}

fn exported(dir: &Path, keys: &[VerifierKey]) -> Result<Export> {
    let trust = keys.first().map_or(Trust::Folder, |key| Trust::Known { key: key.clone(), from: "--vkey" });
    let verified = folder::verify(dir, trust, Vec::new(), None, true)?;
    if verified.report.verdict() != Verdict::Intact {
        bail!(
            "the exported folder {} is itself not intact; see: portcullis verify {}",
            dir.display(),
            dir.display()
        );
    }
    let note = Note::parse(&folder::read_small(&dir.join(audit_log::CHECKPOINT_PATH))?)?;
    let checkpoint = Checkpoint::open(&note, std::slice::from_ref(&verified.key))?;
    Ok(Export { folder: DirSource::new(dir), key: verified.key, checkpoint })
}

async fn verify(
    login: PgConnectOptions,
    keys: &[VerifierKey],
    export: Option<&Export>,
    envelope: Option<&Envelope>,
) -> Result<Verified> {
    let mut connection = database::connect(&login.options(store::verify::SESSION)).await?;
    let verified = all(&mut connection, keys, export, envelope).await;
    let _ = connection.close().await;
    verified
}

async fn all(
    connection: &mut PgConnection,
    keys: &[VerifierKey],
    export: Option<&Export>,
    envelope: Option<&Envelope>,
) -> Result<Verified> {
    // One snapshot: what commits meanwhile is neither half seen nor missed.
    let mut tx = connection.begin().await.context("no transaction could be opened")?;
    let tenants = store::verify::tenants(&mut tx).await.context(
        "the audit tables cannot be read; the login must see the rows of all tenants (a superuser or BYPASSRLS)",
    )?;
    let keys: Vec<VerifierKey> = keys.iter().chain(export.map(|export| &export.key)).cloned().collect();
    let export_of = export.map(|export| (&export.folder, &export.checkpoint));
    let known = Known { keys: &keys, export: export_of, envelope };
    let mut verified = Verified { logs: Vec::new(), findings: Findings::default() };
    for tenant in tenants {
        let log = store::verify::log(&mut tx, tenant).await?;
        let walk = Walk::new(&mut tx, &log, &known, &mut verified.findings);
        verified.logs.push(walk.run().await?);
    }
    if let Some(export) = export
        && !verified
            .logs
            .iter()
            .any(|log| log.origins.iter().any(|name| name == export.checkpoint.origin().as_str()))
    {
        bail!("the database has no log {}, of which the export is", export.checkpoint.origin());
    }
    Ok(verified)
}

fn tell(verified: &Verified, as_json: bool) -> std::io::Result<()> {
    let intact = verified.findings.total == 0;
    if as_json {
        return say::json(&json!({
            "verdict": if intact { "intact" } else { "damaged" },
            "logs": verified.logs,
            "findings": verified.findings.kept,
            "findings_total": verified.findings.total,
            "proves": if intact { PROVES } else { "What is listed is not what was written." },
            "proves_not": PROVES_NOT,
        }));
    }
    say::out(text(verified))
}

fn text(verified: &Verified) -> String {
    let mut lines = Vec::new();
    if verified.findings.total == 0 {
        lines.push(format!("INTACT: {PROVES}"));
    } else {
        lines.push(format!("DAMAGED: {} findings.", verified.findings.total));
    }
    lines.push(PROVES_NOT.to_owned());
    for log in &verified.logs {
        lines.push(String::new());
        lines.push(format!("Log {}", log.origin.clone().unwrap_or_else(|| log.tenant.to_string())));
        lines.push(format!(
            "  {} entries, {} of them signed, {} waiting for their place, {} checkpoints",
            log.entries, log.signed, log.waiting, log.checkpoints
        ));
        lines.extend(log.archived.as_ref().map(|archived| format!("  {archived}")));
        let PersonalValues { disclosed, erased, not_checked } = log.personal;
        if log.personal != PersonalValues::default() {
            lines.push(format!("  personal values: {disclosed} are those committed to, {erased} erased"));
        }
        if not_checked > 0 {
            lines.push(format!("  {not_checked} personal values were not looked at: give ENCRYPTION_KEY"));
        }
        let own = verified.findings.kept.iter().filter(|finding| finding.tenant == log.tenant);
        lines.extend(own.map(|finding| format!("  {finding}")));
    }
    let hidden = verified.findings.total.saturating_sub(verified.findings.kept.len() as u64);
    if hidden > 0 {
        lines.push(format!("… and {hidden} findings more"));
    }
    lines.join("\n") + "\n"
}
