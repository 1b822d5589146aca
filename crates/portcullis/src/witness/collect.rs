//! `portcullis audit witness`: shows an exported log to witnesses, and puts what they say into the folder.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use audit_log::note::Note;
use audit_log::source::TileNodes;
use audit_log::{CHECKPOINT_PATH, Checkpoint, DirSource, Hash, VerifierKey, prove_consistency};
use serde::Serialize;

use super::ask::{Continuous, Head, ask};
use crate::embedded::files;
use crate::verify::folder;
use crate::{say, web};

/// Mode of the checkpoint that is written: it is no secret.
const CHECKPOINT_MODE: u32 = 0o644;

/// Which folder, and whom to ask.
#[derive(clap::Args, Clone, Debug)]
pub struct CollectArgs {
    /// The folder of a log, as `audit export` writes it.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The witnesses, each with its URL (C2SP tlog-policy).
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What became of one witness.
#[derive(Debug, Serialize)]
struct Asked {
    name: String,
    vkey: String,
    /// When it saw the checkpoint, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    /// Why it did not cosign.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// Asks every witness of the policy that has a URL.
///
/// # Errors
/// When the folder or the policy cannot be used. What witnesses say stands in the output.
pub(crate) async fn run(args: &CollectArgs) -> Result<ExitCode> {
    let policy = folder::policy_in(&args.policy)?;
    let path = args.dir.join(CHECKPOINT_PATH);
    let note = Note::parse(&folder::read_small(&path)?).context("the checkpoint cannot be read")?;
    let mut keys: Vec<VerifierKey> = policy.logs().iter().map(|log| log.key.clone()).collect();
    if keys.is_empty() {
        keys.push(folder::key_of(&args.dir)?);
    }
    let checkpoint = Checkpoint::open(&note, &keys).context("the checkpoint is not the log's")?;
    let client = web::client()?;
    let (mut signed, mut asked) = (note.clone(), Vec::new());
    for witness in policy.witnesses().iter().filter(|witness| witness.url.is_some()) {
        let head = Head { note: &note, size: checkpoint.size() };
        let (at, refused) = match ask(&client, witness, &head, &DirSource::new(&args.dir)).await {
            Ok(said) => {
                signed.replace_signature(said.line)?;
                (Some(said.at), None)
            }
            Err(error) => (None, Some(error.to_string())),
        };
        asked.push(Asked { name: witness.name.clone(), vkey: witness.key.to_string(), at, refused });
    }
    if asked.is_empty() {
        bail!("{} names no witness with a URL", args.policy.display());
    }
    if signed != note {
        files::write_atomically(&path, signed.to_string().as_bytes(), CHECKPOINT_MODE)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let enough = policy.is_met_by(&policy.cosignatures(&signed)?);
    tell(args, &checkpoint, &asked, enough)?;
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Continuous for DirSource {
    async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        prove_consistency(&TileNodes::new(self, new), old, new)
            .context("the folder's tiles give no consistency proof")
    }
}

fn tell(args: &CollectArgs, checkpoint: &Checkpoint, asked: &[Asked], enough: bool) -> std::io::Result<()> {
    if args.json {
        return say::json(&serde_json::json!({
            "origin": checkpoint.origin().as_str(),
            "size": checkpoint.size(),
            "witnesses": asked,
            "quorum": enough,
        }));
    }
    for one in asked {
        match (one.at, &one.refused) {
            (Some(at), _) => say::out(format_args!("{}  cosigned {}\n", one.name, folder::seconds(at)))?,
            (None, why) => {
                say::out(format_args!("{}  {}\n", one.name, why.as_deref().unwrap_or("refused")))?;
            }
        }
    }
    say::out(if enough { "Enough witnesses have cosigned.\n" } else { "Too few witnesses have cosigned.\n" })
}
