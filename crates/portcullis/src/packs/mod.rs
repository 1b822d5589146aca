//! `portcullis evidence …`: makes evidence packs on a server, lists them, and takes them away verified.

pub(crate) mod call;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use evidence::verify::Verdict;
use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::say;
use crate::verify::{folder, pack};
use call::Server;

/// Packs that a list shows at most.
const LIST_ROWS_MAX: u16 = 200;

/// Where the server is.
#[derive(clap::Args, Clone, Debug)]
pub struct ServerUrl {
    /// The server's URL.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Send the key without TLS to another machine.
    #[arg(long)]
    pub allow_plain_http: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to make.
#[derive(clap::Args, Clone, Debug)]
pub struct CreateArgs {
    /// The framework: eu-ai-act, soc2, nist-ai-rmf-1.0 or iso-42001.
    #[arg(long)]
    pub framework: String,
    /// The beginning of the period: a day (2026-10-01, from midnight UTC) or a moment (RFC 3339).
    #[arg(long, value_name = "WHEN")]
    pub from: String,
    /// Its end, which it does not include.
    #[arg(long, value_name = "WHEN")]
    pub to: String,
    /// Every entry of the period; without this, those that speak to a control, and of the others the hash alone.
    #[arg(long)]
    pub everything: bool,
    /// Download the pack into this file, and verify it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The log's public key as you know it from elsewhere: `name+id+key`, or a file that holds it.
    #[arg(long, value_name = "KEY or FILE", requires = "out")]
    pub vkey: Option<String>,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

/// What to take away.
#[derive(clap::Args, Clone, Debug)]
pub struct DownloadArgs {
    /// The pack's id.
    pub id: uuid::Uuid,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The log's public key as you know it from elsewhere: `name+id+key`, or a file that holds it.
    #[arg(long, value_name = "KEY or FILE")]
    pub vkey: Option<String>,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

/// What to do with evidence packs.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum EvidenceCommand {
    /// Make a pack.
    #[command(after_help = CREATE)]
    Create(CreateArgs),
    /// List the packs, newest first.
    List(ServerUrl),
    /// Take a pack away, and verify it.
    #[command(after_help = DOWNLOAD)]
    Download(DownloadArgs),
}

const CREATE: &str = "\
Example:
  PORTCULLIS_API_KEY=pcl_live_… portcullis evidence create --framework soc2 --from 2026-07-01 --to 2026-10-01 --out q3.zip

The key needs the permission audit:export. A pack that exists already under that name is not replaced.

Exit status: 0 made (and intact), 1 refused, damaged or not finished, 2 wrong usage, 3 not signed with the key.";

const DOWNLOAD: &str = "\
Example:
  PORTCULLIS_API_KEY=pcl_live_… portcullis evidence download 019a0000-0000-7000-8000-000000000000 --out q3.zip

Exit status: 0 intact, 1 refused, damaged or not finished, 2 wrong usage, 3 not signed with the key.";

/// Does it.
///
/// # Errors
/// When the server refuses or cannot be reached, or a file cannot be written.
pub(crate) async fn run(command: &EvidenceCommand, key: Option<Zeroizing<String>>) -> Result<ExitCode> {
    let Some(key) = key else {
        bail!("PORTCULLIS_API_KEY is not set; it needs the permission audit:export");
    };
    match command {
        EvidenceCommand::Create(args) => create(args, &key).await,
        EvidenceCommand::List(args) => list(args, &key).await,
        EvidenceCommand::Download(args) => {
            let server = Server::new(&args.server, &key);
            let id = args.id.to_string();
            download(&server, &id, &args.out, args.vkey.as_deref(), args.server.json, None).await
        }
    }
}

/// A day stands for its midnight.
pub(crate) fn moment(text: &str) -> String {
    let is_day = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_day { format!("{text}T00:00:00Z") } else { text.to_owned() }
}

async fn create(args: &CreateArgs, key: &str) -> Result<ExitCode> {
    if let Some(out) = &args.out {
        refuse_existing(out)?;
    }
    let server = Server::new(&args.server, key);
    let body = json!({
        "framework": args.framework, "from": moment(&args.from), "to": moment(&args.to), "everything": args.everything,
    });
    say::note("the server walks over the period and signs the manifest …");
    let made = server.json(Method::POST, "/api/v1/evidence/packs", Some(&body)).await?;
    let id = made["id"].as_str().context("the server named no pack")?.to_owned();
    if let Some(out) = &args.out {
        return download(&server, &id, out, args.vkey.as_deref(), args.server.json, Some(&made)).await;
    }
    if args.server.json {
        say::json(&made)?;
    } else {
        say::out(line(&made))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_existing(out: &Path) -> Result<()> {
    if out.exists() {
        bail!("{} is there already; choose another name", out.display());
    }
    Ok(())
}

async fn download(
    server: &Server<'_>,
    id: &str,
    out: &Path,
    vkey: Option<&str>,
    as_json: bool,
    made: Option<&Value>,
) -> Result<ExitCode> {
    refuse_existing(out)?;
    let keys = vkey.map(folder::given_key).transpose()?.into_iter().collect::<Vec<_>>();
    let look = |draft: &Path, bytes: u64| {
        say::note(format_args!("received {bytes} bytes; verifying"));
        pack::verify(draft, &keys, as_json)
    };
    let report = server.save(&format!("/api/v1/evidence/packs/{id}/download"), out, look).await?;
    if as_json {
        say::json(&json!({ "pack": made, "id": id, "file": out, "report": report }))?;
    } else {
        say::out(pack::text(&report, !keys.is_empty()))?;
    }
    Ok(match report.verdict() {
        Verdict::Intact => ExitCode::SUCCESS,
        Verdict::Damaged => folder::DAMAGED.into(),
        Verdict::Untrusted => folder::UNTRUSTED.into(),
    })
}

async fn list(args: &ServerUrl, key: &str) -> Result<ExitCode> {
    let server = Server::new(args, key);
    let path = format!("/api/v1/evidence/packs?limit={LIST_ROWS_MAX}");
    let found = server.json(Method::GET, &path, None).await?;
    if args.json {
        say::json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let items = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        say::out("There are no evidence packs yet. Make one with `portcullis evidence create`.\n")?;
    } else {
        say::out(items.iter().map(line).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A pack in one line.
fn line(pack: &Value) -> String {
    let text = |name: &str| {
        let value = &pack[name];
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.chars().filter(|c| !c.is_control()).collect::<String>()
    };
    let day = |name: &str| text(name).chars().take(10).collect::<String>();
    format!(
        "{}  {:<16} {} to {}  {} entries  sha256 {}  time-stamp {}\n",
        text("id"),
        text("framework"),
        day("from"),
        day("to"),
        text("included"),
        text("manifest_sha256"),
        text("timestamp")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_midnight() {
        assert_eq!(moment("2026-10-01"), "2026-10-01T00:00:00Z");
        assert_eq!(moment("2026-10-01T12:00:00Z"), "2026-10-01T12:00:00Z");
    }
}
