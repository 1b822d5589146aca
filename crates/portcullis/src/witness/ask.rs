//! Showing a head to one witness over the network (C2SP tlog-witness).

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use audit_log::cosign::parse_lines;
use audit_log::note::{NOTE_BYTES_MAX, Note, NoteSignature};
use audit_log::policy::PolicyWitness;
use audit_log::{AddCheckpoint, Hash};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};

use crate::web::WebClient;

/// Longest wait for one answer of a witness, in seconds.
const ANSWER_SECONDS_MAX: u64 = 30;

/// A head to be shown.
pub(super) struct Head<'a> {
    /// The signed note.
    pub(super) note: &'a Note,
    /// Entries it covers.
    pub(super) size: u64,
}

/// A cosignature that was verified.
pub(super) struct Said {
    /// The line.
    pub(super) line: NoteSignature,
    /// When the witness saw the head, in seconds since 1970.
    pub(super) at: u64,
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsaid {
    /// The witness has seen another history of this log, or more of it than there is.
    #[error("{0}")]
    Refused(String),
    /// It could not be asked, or answered something else.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// A log that can prove that it only grew.
pub(super) trait Continuous: Sync {
    /// The proof that its first `new` entries continue its first `old`.
    fn consistency(&self, old: u64, new: u64) -> impl Future<Output = Result<Vec<Hash>>> + Send;
}

/// Asks one witness. It says itself how far it has seen the log.
pub(super) async fn ask(
    client: &WebClient,
    witness: &PolicyWitness,
    head: &Head<'_>,
    log: &impl Continuous,
) -> Result<Said, Unsaid> {
    let mut request = AddCheckpoint { old_size: 0, proof: Vec::new(), note: head.note.clone() };
    let (mut status, mut body) = send(client, witness, &request).await?;
    if status == StatusCode::CONFLICT {
        // It says how far it has seen this log: go on from there.
        let size = std::str::from_utf8(&body).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok());
        let size: u64 = size.context("the witness answered 409 without a size")?;
        if size > head.size {
            return Err(Unsaid::Refused(format!(
                "the witness has seen {size} entries already, this log has {}",
                head.size
            )));
        }
        request.old_size = size;
        if size > 0 && size < head.size {
            request.proof = log.consistency(size, head.size).await?;
        }
        (status, body) = send(client, witness, &request).await?;
    }
    match status {
        StatusCode::OK => {}
        StatusCode::UNPROCESSABLE_ENTITY => {
            return Err(Unsaid::Refused(format!(
                "REFUSED: this log does not continue what the witness saw of it before. It was rewritten, or this is \
                 another log under its name ({})",
                words(&body)
            )));
        }
        status => return Err(anyhow!("the witness answered {status}: {}", words(&body)).into()),
    }
    // Lines of keys that the policy does not know are dropped: anybody can make such lines.
    let mut cosigned = head.note.clone();
    let lines = parse_lines(&body).context("the witness's answer is no signature")?;
    let own =
        |line: &NoteSignature| line.name() == witness.key.name() && line.key_id() == witness.key.key_id();
    let line =
        lines.into_iter().find(own).context("the answer holds no cosignature of this witness's key")?;
    cosigned.add_signature(line.clone()).context("the witness's answer cannot be added")?;
    let at = witness.key.verify(&cosigned).context("the cosignature is forged")?;
    Ok(Said { line, at: at.context("the answer holds no cosignature of this witness's key")? })
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
        let body = body.map_err(|_| anyhow!("its answer is too long or broke off"))?;
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
