//! Anchors: that a log of logs holds the head of this log. Its entry says origin, size and root; a proof (C2SP
//! `tlog-proof`) shows that the entry stands there, under a checkpoint that witnesses may have cosigned.

use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, EntryParts};
use crate::hash::Hash;
use crate::note::{KeyName, Note, VerifierKey};
use crate::proof_file::{LogProof, ProofFault};

/// Kind of the entries that hold heads.
pub const ANCHOR_KIND: &str = "log.checkpoint";

/// Name of the file that holds an anchor's proof, beside a log's checkpoint.
pub const ANCHOR_PATH: &str = "anchor.tlog-proof";

/// A head of a log, found in a log of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    head: Checkpoint,
    index: u64,
    by: Checkpoint,
    note: Note,
}

/// It does not show that a log of logs holds a head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorFault {
    /// The proof carries no entry.
    #[error("it does not carry the entry it proves")]
    Bare,
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofFault),
    /// The entry says no head.
    #[error("the entry it proves is no head of a log")]
    Entry,
}

impl Anchor {
    /// Reads and verifies the proof with the keys of the log of logs.
    ///
    /// # Errors
    /// [`AnchorFault`].
    pub fn open(proof: &LogProof, keys: &[VerifierKey]) -> Result<Self, AnchorFault> {
        let by = proof.verify_own(keys).ok_or(AnchorFault::Bare)??;
        let leaf = proof.extra.as_deref().ok_or(AnchorFault::Bare)?;
        let head = head_in(leaf).ok_or(AnchorFault::Entry)?;
        Ok(Self { head, index: proof.index, by, note: proof.note.clone() })
    }

    /// The head.
    pub fn head(&self) -> &Checkpoint {
        &self.head
    }

    /// Index of the entry in the log of logs.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The checkpoint of the log of logs.
    pub fn by(&self) -> &Checkpoint {
        &self.by
    }

    /// The same as a note, with the lines of its witnesses.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// The head that an entry says was signed.
fn head_in(leaf: &[u8]) -> Option<Checkpoint> {
    let EntryParts { kind, data, .. } = Entry::from_leaf(leaf).ok()?.into_parts();
    if kind.as_str() != ANCHOR_KIND {
        return None;
    }
    let origin = KeyName::new(data.get("origin")?.as_str()?).ok()?;
    let size = match data.get("size")? {
        serde_json::Value::Number(size) => size.as_u64()?,
        // Entries write numbers past 2⁵³ as text.
        serde_json::Value::String(size) => crate::checkpoint::decimal(size)?,
        _ => return None,
    };
    let root = Hash::from_base64(data.get("root")?.as_str()?).ok()?;
    Checkpoint::new(origin, size, root).ok()
}

#[cfg(test)]
mod tests;
