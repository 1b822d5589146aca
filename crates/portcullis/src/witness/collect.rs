//! `portcullis audit witness`: shows an exported log to witnesses, and puts what they say into the folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use audit_log::cosign::parse_lines;
use audit_log::note::{NOTE_BYTES_MAX, Note};
use audit_log::policy::PolicyWitness;
use audit_log::source::TileNodes;
use audit_log::{AddCheckpoint, CHECKPOINT_PATH, Checkpoint, DirSource, VerifierKey, prove_consistency};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use serde::Serialize;

use crate::embedded::files;
use crate::say;
use crate::verify::folder;
use crate::web::{self, WebClient};

/// Longest wait for one answer of a witness, in seconds.
const ANSWER_SECONDS_MAX: u64 = 30;
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
        let said = ask(&client, witness, &args.dir, &checkpoint, &note, &mut signed).await;
        let (at, refused) = match said {
            Ok(at) => (Some(at), None),
            Err(error) => (None, Some(format!("{error:#}"))),
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

/// Shows the checkpoint to one witness; its cosignature is verified and added to `signed`.
async fn ask(
    client: &WebClient,
    witness: &PolicyWitness,
    dir: &Path,
    checkpoint: &Checkpoint,
    note: &Note,
    signed: &mut Note,
) -> Result<u64> {
    let mut request = AddCheckpoint { old_size: 0, proof: Vec::new(), note: note.clone() };
    let (mut status, mut body) = send(client, witness, &request).await?;
    if status == StatusCode::CONFLICT {
        // It says how far it has seen this log: go on from there.
        let size = std::str::from_utf8(&body).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok());
        let size: u64 = size.context("the witness answered 409 without a size")?;
        if size > checkpoint.size() {
            bail!("the witness has seen {size} entries already, this folder has {}", checkpoint.size());
        }
        let source = DirSource::new(dir);
        request.old_size = size;
        if size > 0 && size < checkpoint.size() {
            let nodes = TileNodes::new(&source, checkpoint.size());
            request.proof = prove_consistency(&nodes, size, checkpoint.size())
                .context("the folder's tiles give no consistency proof")?;
        }
        (status, body) = send(client, witness, &request).await?;
    }
    match status {
        StatusCode::OK => {}
        StatusCode::UNPROCESSABLE_ENTITY => bail!(
            "REFUSED: this log does not continue what the witness saw of it before. It was rewritten, or this is \
             another log under its name ({})",
            words(&body)
        ),
        status => bail!("the witness answered {status}: {}", words(&body)),
    }
    // Lines of keys that the policy does not know are dropped: anybody can make such lines.
    let mut cosigned = note.clone();
    for line in parse_lines(&body).context("the witness's answer is no signature")? {
        if line.name() == witness.key.name() && line.key_id() == witness.key.key_id() {
            cosigned.add_signature(line)?;
        }
    }
    let at =
        witness.key.verify(&cosigned)?.context("the answer holds no cosignature of this witness's key")?;
    for line in cosigned.signatures().iter().skip(note.signatures().len()) {
        signed.replace_signature(line.clone())?;
    }
    Ok(at)
}

async fn send(
    client: &WebClient,
    witness: &PolicyWitness,
    request: &AddCheckpoint,
) -> Result<(StatusCode, Bytes)> {
    let url = witness.url.as_deref().unwrap_or_default().trim_end_matches('/');
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{url}/add-checkpoint"))
        .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(request.body())))
        .with_context(|| format!("{url} is no URL"))?;
    let exchange = async {
        let (head, body) = client.request(request).await?.into_parts();
        let body = Limited::new(body, NOTE_BYTES_MAX).collect().await;
        let body = body.map_err(|_| anyhow::anyhow!("its answer is too long or broke off"))?;
        Ok::<_, anyhow::Error>((head.status, body.to_bytes()))
    };
    tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), exchange)
        .await
        .with_context(|| format!("{url} did not answer within {ANSWER_SECONDS_MAX} s"))?
        .with_context(|| format!("{url} cannot be asked"))
}

/// The first words of an answer, without what could play tricks on a terminal.
fn words(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(200).collect()
}
