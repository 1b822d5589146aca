//! The log as a folder of C2SP `tlog-tiles`, streamed as a tar archive; beside it the personal values that its entries commit
//! to, as far as they are there.

use std::sync::Arc;

use audit_log::export::{ExportError as FolderError, Exporter};
use audit_log::personal::DISCLOSED_ENTRIES;
use audit_log::tiles::{TILE_WIDTH, decode_tile};
use audit_log::{ANCHOR_PATH, Disclosure, Disclosures, KeyName, LogProof, TileSink, VerifierKey};
use bytes::Bytes;
use gates::{Draft, Pass, Receipt, Vault};
use kernel::{EventKind, Problem};
use store::audit::Signed;
use tokio::sync::mpsc;

use super::ExportLog;
use super::anchors::{self, InstanceHead};
use super::jobs::Sequencer;
use super::personal::{disclosed, put_lines};

/// The file that holds the log's public key. A convenience: who verifies should know the key from elsewhere.
pub const VKEY_FILE: &str = "log.vkey";
/// The file that holds the key of the instance's log, which holds the heads of all logs.
pub const INSTANCE_VKEY_FILE: &str = "instance.vkey";
/// Entries read at once: one bundle.
pub(crate) const CHUNK_ENTRIES: i64 = 256;
/// Hash tiles read at once: 8 KiB each.
const TILES_AT_ONCE: i64 = 256;
/// Chunks that may wait for a slow reader.
const WAITING_CHUNKS_MAX: usize = 4;
/// Chunks after which the claims are signed anew.
pub(crate) const RENEW_CHUNKS: u64 = 16;

/// An export broke off. The reader sees an archive that ends too early, never one that looks whole.
#[derive(Debug, thiserror::Error)]
#[error("the export could not be finished")]
pub struct ExportError;

/// A running export.
pub struct Export {
    /// Entries it will hold.
    pub size: u64,
    /// The archive, in pieces.
    pub pieces: mpsc::Receiver<Result<Bytes, ExportError>>,
}

/// The public key of the log a checkpoint belongs to.
pub(crate) fn verifier(signed: &Signed) -> Result<VerifierKey, Problem> {
    key(&signed.origin, &signed.public_key)
}

/// The public key of a log.
pub(super) fn key(origin: &str, public: &[u8]) -> Result<VerifierKey, Problem> {
    let name = KeyName::new(origin).ok();
    let public = public.try_into().ok();
    match (name, public) {
        (Some(name), Some(public)) => Ok(VerifierKey::new(name, public)),
        _ => Err(Problem::internal()),
    }
}

/// Exports the log up to a checkpoint that covers this request. The request is on record before the first byte.
pub async fn export(pass: Pass<ExportLog>, sequencer: &Sequencer) -> Result<(Export, Receipt), Problem> {
    let receipt = pass.record(Draft::done(EventKind::AuditExported)).await?;
    sequencer.settle(pass.tenant(), receipt.entry()).await?;
    let mut tx = pass.read().await?;
    let signed = store::audit::newest_checkpoint(&mut tx).await?.ok_or_else(Problem::internal)?;
    let key = verifier(&signed)?;
    let anchor = anchors::settled(sequencer, pass.tenant()).await.unwrap_or_else(|problem| {
        tracing::warn!(%problem, "a log is given away without its anchor");
        None
    });
    let (send, pieces) = mpsc::channel(WAITING_CHUNKS_MAX);
    let vault = Arc::clone(pass.vault());
    let size = signed.size.unsigned_abs();
    tokio::spawn(async move {
        let end = write(&vault, &mut tx, &signed, (key, anchor), &send).await;
        if let Err(error) = end {
            tracing::error!(%error, "an export broke off");
            // Who has gone does not hear it.
            let _ = send.send(Err(ExportError)).await;
        }
    });
    Ok((Export { size, pieces }, receipt))
}

/// Why an export broke off, for the log of the machine.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Database(#[from] gates::DatabaseError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the log ends before its checkpoint")]
    Short,
    #[error("entry {0} is none")]
    Entry(u64),
}

/// A tar archive under construction; what is finished of it is taken out after every chunk.
struct Archive(tar::Builder<Vec<u8>>);

impl TileSink for Archive {
    fn write(&mut self, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // No times and no owners: the same log gives the same archive.
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        self.0.append_data(&mut header, path, bytes)
    }
}

/// Writes the hash tiles of what is archived; the index of the first entry that is not. The entry that says where the archived
/// ones are is among those that follow. `None` when nobody reads any more.
async fn begin(
    tx: &mut gates::Tx,
    signed: &Signed,
    folder: &mut Exporter<'_, Archive>,
    send: &Pieces,
) -> Result<Option<i64>, Broken> {
    let archived = store::retention::archive(tx, signed.size).await?.map_or(0, |archive| archive.size);
    let mut from = 0;
    while from < archived {
        let width = i64::from(TILE_WIDTH);
        let tiles =
            store::audit::tiles(tx, 0, from / width, TILES_AT_ONCE.min((archived - from) / width)).await?;
        if tiles.is_empty() {
            return Err(Broken::Short);
        }
        for tile in &tiles {
            folder.push_archived(&decode_tile(tile, TILE_WIDTH).map_err(|_| Broken::Short)?)?;
            from += width;
        }
        if !hand_on(folder, send).await {
            return Ok(None);
        }
        tx.renew().await?;
    }
    Ok(Some(from))
}

/// Where the pieces of a running export go.
type Pieces = mpsc::Sender<Result<Bytes, ExportError>>;

/// Hands on what is ready, so that no more of the log is in memory than was read at once; false when nobody reads any more.
async fn hand_on(folder: &mut Exporter<'_, Archive>, send: &Pieces) -> bool {
    let ready = std::mem::take(folder.sink_mut().0.get_mut());
    ready.is_empty() || send.send(Ok(ready.into())).await.is_ok()
}

/// Personal values on their way into their files, which lie beside the log: so many entries a file.
struct Values {
    index: u64,
    lines: Vec<u8>,
}

impl Values {
    /// Before the leaf with this index.
    const fn after(index: u64) -> Self {
        Self { index, lines: Vec::new() }
    }

    /// Takes in the next leaf; gives a file when it is full.
    fn push(&mut self, leaf: &[u8], disclosed: &Disclosures) -> Result<Option<(String, Vec<u8>)>, Broken> {
        put_lines(leaf, disclosed, &mut self.lines).map_err(|_| Broken::Entry(self.index))?;
        self.index += 1;
        Ok(if self.index.is_multiple_of(DISCLOSED_ENTRIES) { self.file() } else { None })
    }

    /// What is there, as a file.
    fn file(&mut self) -> Option<(String, Vec<u8>)> {
        let last = self.index.checked_sub(1).filter(|_| !self.lines.is_empty())?;
        Some((Disclosure::path(last), std::mem::take(&mut self.lines)))
    }
}

async fn write(
    vault: &Vault,
    tx: &mut gates::Tx,
    signed: &Signed,
    (key, anchor): (VerifierKey, Option<(LogProof, InstanceHead)>),
    send: &Pieces,
) -> Result<(), Broken> {
    let mut archive = Archive(tar::Builder::new(Vec::new()));
    archive.write(VKEY_FILE, format!("{key}\n").as_bytes())?;
    if let Some((proof, head)) = anchor {
        archive.write(INSTANCE_VKEY_FILE, format!("{}\n", head.key).as_bytes())?;
        archive.write(ANCHOR_PATH, proof.to_string().as_bytes())?;
    }
    let keys = [key];
    let mut folder = Exporter::new(&mut archive, signed.note.as_bytes(), &keys)?;
    let Some(mut from) = begin(tx, signed, &mut folder, send).await? else { return Ok(()) };
    let (mut chunks, mut values) = (0_u64, Values::after(from.unsigned_abs()));
    while from < signed.size {
        chunks += 1;
        if chunks.is_multiple_of(RENEW_CHUNKS) {
            tx.renew().await?;
        }
        let leaves = store::audit::leaves(tx, from, CHUNK_ENTRIES.min(signed.size - from)).await?;
        if leaves.is_empty() {
            return Err(Broken::Short);
        }
        from += i64::try_from(leaves.len()).unwrap_or(i64::MAX);
        let disclosed = disclosed(vault, tx, leaves.iter().map(Vec::as_slice)).await?;
        for leaf in &leaves {
            folder.push(leaf)?;
            if let Some((path, lines)) = values.push(leaf, &disclosed)? {
                folder.sink_mut().write(&path, &lines)?;
            }
        }
        if !hand_on(&mut folder, send).await {
            return Ok(());
        }
    }
    if let Some((path, lines)) = values.file() {
        folder.sink_mut().write(&path, &lines)?;
    }
    folder.finish()?;
    let rest = archive.0.into_inner()?;
    // The reader may have gone; then nobody misses the end.
    let _ = send.send(Ok(rest.into())).await;
    Ok(())
}
