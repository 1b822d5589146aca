//! Checkpoints, [C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint): a signed note that says how large a
//! log is and what its root hash is.

use std::fmt;

use crate::hash::Hash;
use crate::note::{KeyError, KeyName, Note, NoteError, SignatureError, SigningKey, VerifierKey};
use crate::tree::{Frontier, TREE_SIZE_MAX};

/// A log's name, size and root hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: KeyName,
    size: u64,
    root: Hash,
}

/// A text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty line, or no newline at the end.
    #[error("a checkpoint has an origin, a size and a root hash, each on a line")]
    Lines,
    /// The origin cannot be the name of a key.
    #[error("the origin is empty or holds spaces, plus signs or control characters")]
    Origin,
    /// Not a decimal number without leading zeros, or beyond [`TREE_SIZE_MAX`].
    #[error("the tree size is not a plain decimal number within the limit")]
    Size,
    /// Not the base64 of 32 bytes.
    #[error("the root hash is not the base64 of 32 bytes")]
    Root,
}

/// A signed checkpoint cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not signed by the key.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but the text is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Signed by a key that speaks for another log.
    #[error("the checkpoint is for {origin}, the key is of {key}")]
    Origin {
        /// The checkpoint's origin.
        origin: KeyName,
        /// The name of the key that signed.
        key: KeyName,
    },
}

impl Checkpoint {
    /// A checkpoint of `size` leaves. The origin is the name of the key that will sign.
    pub fn new(origin: KeyName, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if size > TREE_SIZE_MAX {
            return Err(CheckpointError::Size);
        }
        Ok(Self { origin, size, root })
    }

    /// The checkpoint of a tree as it stands.
    pub fn of(origin: KeyName, tree: &Frontier) -> Self {
        Self { origin, size: tree.size(), root: tree.root() }
    }

    /// The log's name.
    pub const fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root hash of the tree of [`Checkpoint::size`] leaves.
    pub const fn root(&self) -> &Hash {
        &self.root
    }

    /// Reads a checkpoint's text. Extension lines are tolerated and dropped.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Lines);
        let (origin, size, root) = (line()?, line()?, line()?);
        let origin = KeyName::new(origin).map_err(|_| CheckpointError::Origin)?;
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(root).map_err(|_| CheckpointError::Root)?;
        if lines.any(str::is_empty) {
            return Err(CheckpointError::Lines);
        }
        Self::new(origin, size, root)
    }

    /// The checkpoint as a note, signed. The key must bear the origin as its name.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, SignError> {
        if key.verifier().name() != &self.origin {
            return Err(SignError::Origin);
        }
        let mut note = Note::new(self.to_string())?;
        note.sign(key)?;
        Ok(note)
    }

    /// Reads a checkpoint out of a note that at least one of the log's keys has signed.
    ///
    /// All keys a log had or has bear its origin as their name; a key of another log is refused.
    pub fn open(note: &Note, keys: &[VerifierKey]) -> Result<Self, OpenError> {
        let signers = note.verify(keys)?;
        let checkpoint = Self::parse(note.text())?;
        match signers.iter().find(|key| key.name() != &checkpoint.origin) {
            None => Ok(checkpoint),
            Some(key) => Err(OpenError::Origin { origin: checkpoint.origin, key: key.name().clone() }),
        }
    }
}

/// A checkpoint cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The key's name is not the checkpoint's origin.
    #[error("the key does not bear the checkpoint's origin as its name")]
    Origin,
    /// The origin cannot stand in a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The note's text: origin, size and base64 root, each ended by a newline.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())
    }
}

/// Signs a checkpoint and gives the note's text as it is published.
pub fn sign_checkpoint(checkpoint: &Checkpoint, key: &SigningKey) -> Result<String, SignError> {
    Ok(checkpoint.sign(key)?.to_string())
}

/// Reads a published checkpoint and checks its signature and origin against the log's key.
pub fn open_checkpoint(note: &[u8], key: &VerifierKey) -> Result<Checkpoint, OpenError> {
    Checkpoint::open(&Note::parse(note)?, std::slice::from_ref(key))
}

/// A decimal number the way the specifications write it: digits only, no leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|digit| digit.is_ascii_digit()));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
