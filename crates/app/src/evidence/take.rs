//! Taking a pack away: it is made anew from the log, streamed, and compared with what was signed.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use evidence::pack::{self, Description, PackWriter, Stream};
use evidence::{Selection, Summary, Survey};
use gates::{Draft, Pass, Reason, Receipt, SystemTx, Tx, Vault};
use kernel::{EventKind, EvidencePackId, Problem, ProblemKind, TenantId};
use store::evidence::{Pack, Reader};
use tokio::sync::mpsc;

use super::make::{Walk, broken, describe, prove, tile};
use super::maker;
use crate::action;

/// Pieces that may wait for a slow reader.
const WAITING_PIECES_MAX: usize = 4;
/// Bytes of a piece, about.
const PIECE_BYTES: usize = 64 * 1_024;

action! {
    /// Takes an evidence pack away.
    DownloadPack = "evidence.download", AuditExport, Principal, Record, Fresh
}

/// A pack broke off. The reader sees an archive without its directory, never one that looks whole.
#[derive(Debug, thiserror::Error)]
#[error("the evidence pack could not be finished")]
pub struct BrokenOff;

/// A pack on its way.
pub struct Download {
    /// What to call the file.
    pub name: String,
    /// The archive, in pieces.
    pub pieces: mpsc::Receiver<Result<Bytes, BrokenOff>>,
}

/// Whose connection reads.
pub(super) enum Held {
    /// The tenant's own transaction.
    Tenant(Tx),
    /// The system's, for whoever holds a link. Never held while a slow reader is waited for: connections of the system role
    /// are few, and the keeping of all logs needs them.
    System { vault: Arc<Vault>, tenant: TenantId, tx: Option<SystemTx> },
}

impl Held {
    async fn reader(&mut self) -> Result<Reader<'_>, Problem> {
        match self {
            Self::Tenant(tx) => Ok(Reader::Tenant(tx)),
            Self::System { vault, tenant, tx } => {
                let begun = match tx.take() {
                    Some(begun) => begun,
                    None => vault.system(Reason::EvidenceLink).await.map_err(|error| broken(&error))?,
                };
                Ok(Reader::System(tx.insert(begun), *tenant))
            }
        }
    }

    /// Gives back what must not wait.
    async fn rest(&mut self) -> Result<(), Problem> {
        match self {
            Self::System { tx, .. } => match tx.take() {
                Some(begun) => begun.finish().await.map_err(|error| broken(&error)),
                None => Ok(()),
            },
            Self::Tenant(_) => Ok(()),
        }
    }
}

/// Takes a pack away. The request is on record before the first byte.
///
/// # Errors
/// When there is no such pack, or it was made in another form.
pub async fn download(pass: Pass<DownloadPack>, id: EvidencePackId) -> Result<(Download, Receipt), Problem> {
    let mut tx = pass.read().await?;
    let draft = |draft: Draft| draft.subject("evidence_pack", id);
    let kind = EventKind::EvidencePackDownloaded;
    let found = match store::evidence::read(&mut tx, id).await? {
        Some(found) => check(found),
        None => Err(Problem::not_found()),
    };
    let found = match found {
        Ok(found) => found,
        Err(problem) => return Err(pass.fail(draft(Draft::failed(kind)), problem).await),
    };
    let receipt = pass.record(draft(Draft::done(kind))).await?;
    Ok((start(Held::Tenant(tx), pass.tenant(), found), receipt))
}

/// Refuses a pack that this version would write differently.
pub(super) fn check(found: Pack) -> Result<Pack, Problem> {
    if found.maker == maker() {
        return Ok(found);
    }
    let detail = "This pack was made by another version of the product, which wrote its files differently, so it cannot be \
                  made again as it was signed. Make it anew: the log still holds the period.";
    Err(Problem::new(ProblemKind::Conflict, detail))
}

/// Starts to write the pack.
pub(super) fn start(mut held: Held, tenant: TenantId, found: Pack) -> Download {
    let (send, pieces) = mpsc::channel(WAITING_PIECES_MAX);
    let day = |at: kernel::Timestamp| at.to_string().chars().take(10).collect::<String>();
    let name = format!("evidence-{}-{}-{}.zip", found.framework, day(found.from), day(found.to));
    tokio::spawn(async move {
        match write(&mut held, tenant, &found, &send).await {
            Ok(()) => {}
            Err(problem) => {
                tracing::error!(%problem, pack = %found.id, "an evidence pack broke off");
                // Who has gone does not hear it.
                let _ = send.send(Err(BrokenOff)).await;
            }
        }
    });
    Download { name, pieces }
}

/// Where the archive is written to; what is finished of it is taken out again and again.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends what is finished, once it is worth a piece; false when the reader has gone.
    async fn flush(&self, at_least: usize, send: &mpsc::Sender<Result<Bytes, BrokenOff>>) -> bool {
        let ready =
            self.with(|bytes| if bytes.len() >= at_least { std::mem::take(bytes) } else { Vec::new() });
        ready.is_empty() || send.send(Ok(ready.into())).await.is_ok()
    }
}

impl Write for Pipe {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.with(|bytes| bytes.extend_from_slice(piece));
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where pieces go.
type Out<'a> = (&'a Pipe, &'a mpsc::Sender<Result<Bytes, BrokenOff>>);

async fn write(
    held: &mut Held,
    tenant: TenantId,
    row: &Pack,
    send: &mpsc::Sender<Result<Bytes, BrokenOff>>,
) -> Result<(), Problem> {
    let what = describe(&mut held.reader().await?, tenant, row).await?;
    let pipe = Pipe::default();
    let mut writer = PackWriter::new(pipe.clone());
    let out = (&pipe, send);
    let Some(summary) = entries(held, &what, &mut writer, out).await? else { return Ok(()) };
    if !rest(held, &what, &summary, &mut writer, out).await? {
        return Ok(());
    }
    let manifest = pack::manifest(&what, &summary, writer.files()).map_err(|error| broken(&error))?;
    if crypto::sha256(&manifest).as_slice() != row.manifest_sha256 {
        return Err(broken(&"it is not the one that was signed"));
    }
    let token = held.reader().await?.timestamp_token(row.id).await?;
    held.rest().await?;
    if token.is_some() != row.timestamped_at.is_some() {
        return Err(broken(&"its time-stamp is gone"));
    }
    writer.finish(&manifest, &row.jws, token.as_deref()).map_err(|error| broken(&error))?;
    // The reader may have gone; then nobody misses the end.
    let _ = pipe.flush(1, send).await;
    Ok(())
}

/// Writes the files that follow from the entries, a walk for each; the first walk counts too. `None` when the reader has gone.
async fn entries(
    held: &mut Held,
    what: &Description,
    writer: &mut PackWriter<Pipe>,
    (pipe, send): Out<'_>,
) -> Result<Option<Summary>, Problem> {
    let selection = Selection::of(what.framework, what.everything);
    let mut survey = Some(Survey::new(selection.clone()));
    let mut summary = Summary::default();
    for stream in Stream::ALL {
        writer.begin(stream, selection.clone()).map_err(|error| broken(&error))?;
        let mut walk = Walk::over(what);
        while let Some(leaves) = walk.next(&mut held.reader().await?).await? {
            for (index, leaf) in leaves {
                writer.push(index, &leaf).map_err(|error| broken(&error))?;
                if let Some(survey) = &mut survey {
                    survey.push(index, &leaf).map_err(|error| broken(&error))?;
                }
            }
            held.rest().await?;
            if !pipe.flush(PIECE_BYTES, send).await {
                return Ok(None);
            }
        }
        writer.end().map_err(|error| broken(&error))?;
        if let Some(survey) = survey.take() {
            summary = survey.finish().0;
        }
    }
    Ok(Some(summary))
}

/// Writes what is small: documents, tiles, proofs. False when the reader has gone.
async fn rest(
    held: &mut Held,
    what: &Description,
    summary: &Summary,
    writer: &mut PackWriter<Pipe>,
    (pipe, send): Out<'_>,
) -> Result<bool, Problem> {
    for (name, content) in pack::documents(what, summary).map_err(|error| broken(&error))? {
        writer.file(name, &content).map_err(|error| broken(&error))?;
    }
    let tiles = pack::tiles(what.first, what.end, what.signed.checkpoint.size());
    for (number, path) in tiles.map_err(|error| broken(&error))?.into_iter().enumerate() {
        let tile = tile(&mut held.reader().await?, number, path).await?;
        writer.file(&pack::tile_name(path), &tile).map_err(|error| broken(&error))?;
        held.rest().await?;
        if !pipe.flush(PIECE_BYTES, send).await {
            return Ok(false);
        }
    }
    for example in summary.key_entries() {
        let proof = prove(&mut held.reader().await?, what, &example).await?;
        writer.file(&pack::proof_name(&example.id), proof.as_bytes()).map_err(|error| broken(&error))?;
    }
    held.rest().await?;
    Ok(pipe.flush(PIECE_BYTES, send).await)
}
