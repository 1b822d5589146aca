//! Proof files, [C2SP tlog-proof](https://c2sp.org/tlog-proof): that one entry stands in a log, in a text that is verified
//! offline. Extension `.tlog-proof`.
//!
//! The `extra` line of our own files holds the entry itself, so that one file is enough.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, OpenError, decimal};
use crate::hash::{Hash, leaf_hash};
use crate::lines::Lines;
use crate::note::{NOTE_BYTES_MAX, Note, NoteError, VerifierKey};
use crate::proof::{VerifyError, verify_inclusion};
use crate::tiles::ENTRY_BYTES_MAX;

/// First line of a proof file.
pub const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes of an inclusion proof: the height of the largest tree.
pub const PATH_HASHES_MAX: usize = 63;

/// Longest file, in bytes.
pub const PROOF_BYTES_MAX: usize =
    128 + ENTRY_BYTES_MAX.div_ceil(3) * 4 + PATH_HASHES_MAX * 45 + NOTE_BYTES_MAX;

/// A proof that an entry stands in a log. Nothing is known before [`LogProof::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// What the file carries along, unauthenticated by itself: in ours the entry, whose hash the path starts from.
    pub extra: Option<Vec<u8>>,
    /// Index of the entry, from 0.
    pub index: u64,
    /// From the leaf's sibling up to the root's child (RFC 9162 §2.1.3).
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Note,
}

/// The bytes are no proof file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// Longer than [`PROOF_BYTES_MAX`].
    #[error("a proof file of {0} bytes is beyond the limit")]
    TooLong(usize),
    /// The first line is another.
    #[error("the first line is not `{PROOF_HEADER}`")]
    Header,
    /// The `extra` line is no base64, or longer than an entry can be.
    #[error("the extra line is not the base64 of at most {ENTRY_BYTES_MAX} bytes")]
    Extra,
    /// No `index` line.
    #[error("there is no line with `index` and a number")]
    Index,
    /// A hash is none, there are too many, or no blank line ends them.
    #[error("the path is at most {PATH_HASHES_MAX} base64 hashes, a line each, and a blank line")]
    Path,
    /// What follows is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// A proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The checkpoint is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] OpenError),
    /// The entry does not lead to the signed root.
    #[error("the entry is not the one at this place of the log: {0}")]
    Inclusion(#[from] VerifyError),
}

impl LogProof {
    /// Reads a proof file.
    ///
    /// # Errors
    /// [`ProofFileError`]: which line is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofFileError::TooLong(bytes.len()));
        }
        let mut lines = Lines::of(bytes);
        if lines.next() != Some(PROOF_HEADER) {
            return Err(ProofFileError::Header);
        }
        let mut line = lines.next().ok_or(ProofFileError::Index)?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            let decoded = STANDARD.decode(encoded).ok().filter(|bytes| bytes.len() <= ENTRY_BYTES_MAX);
            extra = Some(decoded.ok_or(ProofFileError::Extra)?);
            line = lines.next().ok_or(ProofFileError::Index)?;
        }
        let index = line.strip_prefix("index ").and_then(decimal).ok_or(ProofFileError::Index)?;
        let path = lines.hashes(PATH_HASHES_MAX).ok_or(ProofFileError::Path)?;
        Ok(Self { extra, index, path, note: Note::parse(lines.rest())? })
    }

    /// The checkpoint under which the entry with this leaf hash stands at [`LogProof::index`], once one of the log's keys
    /// signed it and the path leads to its root.
    ///
    /// # Errors
    /// [`ProofFault`]: which of the two does not hold.
    pub fn verify(&self, leaf: &Hash, keys: &[VerifierKey]) -> Result<Checkpoint, ProofFault> {
        let checkpoint = Checkpoint::open(&self.note, keys)?;
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.path, checkpoint.root())?;
        Ok(checkpoint)
    }

    /// The same for the entry that the file carries; `None` when it carries none.
    ///
    /// # Errors
    /// As [`LogProof::verify`].
    pub fn verify_own(&self, keys: &[VerifierKey]) -> Option<Result<Checkpoint, ProofFault>> {
        self.extra.as_deref().map(|entry| self.verify(&leaf_hash(entry), keys))
    }
}

/// The file's text.
impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{PROOF_HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests;
