//! Witnessing, [C2SP tlog-witness](https://c2sp.org/tlog-witness): what a log sends to a witness, and how a witness
//! decides. No network and no disk here: who calls has both.

use crate::checkpoint::{Checkpoint, OpenError, decimal};
use crate::hash::{EMPTY_ROOT, Hash};
use crate::lines::Lines;
use crate::note::{NOTE_BYTES_MAX, Note, NoteError, VerifierKey};
use crate::proof::verify_consistency;

/// Most hashes of a consistency proof; the specification says 63.
pub const PROOF_HASHES_MAX: usize = 63;

/// Longest request body, in bytes: the old size, a proof and a note.
pub const REQUEST_BYTES_MAX: usize = 64 + PROOF_HASHES_MAX * 45 + NOTE_BYTES_MAX;

/// Media type of an answer that says the size the witness knows.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// A request: the checkpoint, and a proof that it continues an older size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size the log believes the witness saw last.
    pub old_size: u64,
    /// From that size to the checkpoint's; empty from zero or to the same size.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Note,
}

/// What a witness saw last of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Seen {
    /// Nothing yet.
    pub const NOTHING: Self = Self { size: 0, root: EMPTY_ROOT };
}

/// The bytes are not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Longer than [`REQUEST_BYTES_MAX`].
    #[error("a request of {0} bytes is beyond the limit")]
    TooLong(usize),
    /// No `old` line first.
    #[error("the first line reads `old` and a size")]
    Old,
    /// A line of the proof is no hash, there are too many, or no blank line ends it.
    #[error("the proof is at most 63 base64 hashes, a line each, and a blank line")]
    Proof,
    /// What follows is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The log is not one of those it watches (404).
    #[error("unknown log")]
    UnknownLog,
    /// No valid signature of the log's key (403).
    #[error("invalid signature")]
    Signature,
    /// The checkpoint is smaller than the size it says to continue, or no checkpoint at all (400).
    #[error("bad checkpoint: {0}")]
    Malformed(String),
    /// The witness saw another size last: go on from there (409).
    #[error("the last size seen is {0}")]
    OtherSize(u64),
    /// A different tree of the same size, or one that does not continue what was seen (422): the log was rewritten.
    #[error("inconsistent: {0}")]
    Fork(&'static str),
}

impl Refusal {
    /// The HTTP status that says it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnknownLog => 404,
            Self::Signature => 403,
            Self::Malformed(_) => 400,
            Self::OtherSize(_) => 409,
            Self::Fork(_) => 422,
        }
    }
}

impl AddCheckpoint {
    /// Reads a request's body.
    ///
    /// # Errors
    /// [`RequestError`], and never a partial request.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::TooLong(body.len()));
        }
        let mut lines = Lines::of(body);
        let old_size = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old_size = old_size.ok_or(RequestError::Old)?;
        let proof = lines.hashes(PROOF_HASHES_MAX).ok_or(RequestError::Proof)?;
        Ok(Self { old_size, proof, note: Note::parse(lines.rest())? })
    }

    /// The request's body.
    pub fn body(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", hash.to_base64());
        }
        let _ = write!(text, "\n{}", self.note);
        text
    }

    /// The origin the checkpoint claims; believe it only after [`AddCheckpoint::judge`].
    pub fn origin(&self) -> &str {
        self.note.first_line()
    }

    /// Whether a witness that saw `seen` last may cosign, and what it has seen then. `keys` are the log's own.
    ///
    /// Whoever calls holds what it saw of this log until the answer is written down: two requests decided against the
    /// same `seen` could cosign a fork.
    ///
    /// # Errors
    /// The [`Refusal`] to answer.
    pub fn judge(&self, keys: &[VerifierKey], seen: Seen) -> Result<Seen, Refusal> {
        let checkpoint = Checkpoint::open(&self.note, keys).map_err(|error| match error {
            OpenError::Signature(_) => Refusal::Signature,
            other => Refusal::Malformed(other.to_string()),
        })?;
        let new = Seen { size: checkpoint.size(), root: *checkpoint.root() };
        if self.old_size > new.size {
            return Err(Refusal::Malformed("it is smaller than the size it continues".to_owned()));
        }
        if self.old_size != seen.size {
            return Err(Refusal::OtherSize(seen.size));
        }
        if new.size == seen.size {
            if !self.proof.is_empty() {
                return Err(Refusal::Fork("a consistency proof between equal sizes is empty"));
            }
            let same = new.root == seen.root;
            return if same { Ok(new) } else { Err(Refusal::Fork("another root of the same size")) };
        }
        if seen.size == 0 {
            // The algorithm starts at one leaf; everything continues the empty tree.
            let empty = self.proof.is_empty();
            return if empty {
                Ok(new)
            } else {
                Err(Refusal::Fork("a consistency proof from zero is empty"))
            };
        }
        verify_consistency(seen.size, new.size, &seen.root, &new.root, &self.proof)
            .map_err(|_| Refusal::Fork("the consistency proof does not verify"))?;
        Ok(new)
    }
}

#[cfg(test)]
mod tests;
