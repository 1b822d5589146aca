//! Writing a log as files, laid out as C2SP tlog-tiles says, so that any client of that format reads it.

use std::io;

use crate::CHECKPOINT_PATH;
use crate::checkpoint::{Checkpoint, OpenError};
use crate::hash::{Hash, leaf_hash};
use crate::note::{Note, NoteError, VerifierKey};
use crate::source::TileSink;
use crate::tiles::{
    PathError, TILE_HEIGHT, TILE_WIDTH, TileError, TilePath, encode_tile, push_entry, tile_root,
};
use crate::tree::{Frontier, TreeError};

/// Takes the leaves of a log one by one and writes its tiles; [`Exporter::finish`] writes the checkpoint.
///
/// Holds one tile per level and one bundle, whatever the size of the log.
pub struct Exporter<'s, S: ?Sized> {
    sink: &'s mut S,
    note: String,
    checkpoint: Checkpoint,
    bundle: Vec<u8>,
    /// Hashes of the tile being filled, and that tile's index, for each level.
    levels: Vec<(Vec<Hash>, u64)>,
    pushed: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The checkpoint the folder holds.
    pub checkpoint: Checkpoint,
    /// Bytes of all entries, without their lengths.
    pub entry_bytes: u64,
}

/// A log could not be written. The sink has no new checkpoint; tiles it took already are true or unused.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The note is no checkpoint signed by the given keys.
    #[error(transparent)]
    Checkpoint(#[from] OpenError),
    /// The note could not be read.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// An entry does not fit a bundle.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// A tile has no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The tree cannot grow to this size.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The leaves are not as many as the checkpoint says.
    #[error("the checkpoint is of {expected} entries, got {actual}")]
    Size {
        /// Entries of the checkpoint.
        expected: u64,
        /// Entries given, or one more than expected.
        actual: u64,
    },
    /// The leaves are not those of the checkpoint.
    #[error("the entries lead to another root than the checkpoint's")]
    Root,
    /// The leaves could not be read or the files not written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl<'s, S: TileSink + ?Sized> Exporter<'s, S> {
    /// Starts a folder for the log that the signed checkpoint `note` describes.
    pub fn new(sink: &'s mut S, note: &[u8], keys: &[VerifierKey]) -> Result<Self, ExportError> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::open(&note, keys)?;
        let note = note.to_string();
        Ok(Self { sink, note, checkpoint, bundle: Vec::new(), levels: vec![(Vec::new(), 0)], pushed: 0 })
    }

    /// The sink, for a caller that takes away what was written so far.
    pub const fn sink_mut(&mut self) -> &mut S {
        self.sink
    }

    /// Takes the next leaf.
    pub fn push(&mut self, leaf: &[u8]) -> Result<(), ExportError> {
        self.pushed += 1;
        if self.pushed > self.checkpoint.size() {
            return Err(ExportError::Size { expected: self.checkpoint.size(), actual: self.pushed });
        }
        push_entry(&mut self.bundle, leaf)?;
        self.place(leaf_hash(leaf), true)
    }

    /// Takes the hashes of the next 256 leaves, whose entries are in an archive: their tile is written and their bundle is
    /// not. They come before all other leaves.
    pub fn push_archived(&mut self, hashes: &[Hash]) -> Result<(), ExportError> {
        self.pushed += hashes.len() as u64;
        if self.pushed > self.checkpoint.size() {
            return Err(ExportError::Size { expected: self.checkpoint.size(), actual: self.pushed });
        }
        if hashes.len() != usize::from(TILE_WIDTH) || !self.bundle.is_empty() {
            return Err(ExportError::Root);
        }
        hashes.iter().try_for_each(|hash| self.place(*hash, false))
    }

    fn place(&mut self, mut hash: Hash, bundled: bool) -> Result<(), ExportError> {
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push((Vec::new(), 0));
            }
            let row = &mut self.levels[level].0;
            row.push(hash);
            let Some(root) = tile_root(row) else { break };
            self.flush(level, bundled)?;
            hash = root;
        }
        Ok(())
    }

    /// Writes the tile being filled at `level`, and at level 0 its bundle when it has one, and starts the next.
    fn flush(&mut self, level: usize, bundled: bool) -> Result<(), ExportError> {
        let (row, index) = &mut self.levels[level];
        let width = u16::try_from(row.len()).unwrap_or(TILE_WIDTH);
        if level == 0 && bundled {
            self.sink.write(&TilePath::entries(*index, width)?.to_string(), &self.bundle)?;
            self.bundle.clear();
        }
        let path = TilePath::hashes(u8::try_from(level).unwrap_or(u8::MAX), *index, width)?;
        self.sink.write(&path.to_string(), &encode_tile(row))?;
        if !path.is_partial() {
            row.clear();
            *index += 1;
        }
        Ok(())
    }

    /// Writes the partial tiles and, if the leaves are those of the checkpoint, the checkpoint.
    pub fn finish(mut self) -> Result<Checkpoint, ExportError> {
        if self.pushed != self.checkpoint.size() {
            return Err(ExportError::Size { expected: self.checkpoint.size(), actual: self.pushed });
        }
        let mut tree = Frontier::new();
        for (level, (row, _)) in self.levels.iter().enumerate().rev() {
            let height = u8::try_from(level).unwrap_or(u8::MAX).saturating_mul(TILE_HEIGHT);
            row.iter().try_for_each(|&hash| tree.append_subtree(height, hash))?;
        }
        if tree.root() != *self.checkpoint.root() {
            return Err(ExportError::Root);
        }
        for level in 0..self.levels.len() {
            if !self.levels[level].0.is_empty() {
                self.flush(level, true)?;
            }
        }
        self.sink.write(CHECKPOINT_PATH, self.note.as_bytes())?;
        Ok(self.checkpoint)
    }
}

/// Writes the log that the signed checkpoint `note` describes: every full and partial tile and bundle of its
/// size, then the checkpoint. `leaves` gives the entries in order and may fail, as a database cursor does.
pub fn export<S, I, L, E>(
    sink: &mut S,
    note: &[u8],
    keys: &[VerifierKey],
    leaves: I,
) -> Result<Exported, ExportError>
where
    S: TileSink + ?Sized,
    I: IntoIterator<Item = Result<L, E>>,
    L: AsRef<[u8]>,
    E: Into<io::Error>,
{
    let mut exporter = Exporter::new(sink, note, keys)?;
    let mut entry_bytes = 0;
    for leaf in leaves {
        let leaf = leaf.map_err(Into::into)?;
        exporter.push(leaf.as_ref())?;
        entry_bytes += leaf.as_ref().len() as u64;
    }
    Ok(Exported { checkpoint: exporter.finish()?, entry_bytes })
}

#[cfg(test)]
mod tests;
