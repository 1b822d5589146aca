//! Where the files of a log are read from and written to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use crate::hash::Hash;
use crate::proof::{
    NodeId, Nodes, ProofError, ProofPlan, VerifyError, prove_consistency, subtree_root, verify_consistency,
};
use crate::tiles::{BUNDLE_BYTES_MAX, TILE_HEIGHT, TileError, TileKind, TilePath, decode_tile};

use crate::checkpoint::Checkpoint;

/// Longest file that is read: a full bundle of the largest entries.
pub const FILE_BYTES_MAX: usize = BUNDLE_BYTES_MAX;

/// Folders within folders that are looked into: a path of a tile has fewer.
const FOLDERS_DEEP_MAX: usize = 16;

/// A log's files by their path, `checkpoint` or `tile/…`.
pub trait TileSource {
    /// The file's content; `None` when there is no such file.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

/// Takes a log's files. The checkpoint comes last, when everything it promises is in place.
pub trait TileSink {
    /// Keeps one file, replacing an older one whole or not at all.
    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()>;
}

/// A log in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryLog(pub BTreeMap<String, Vec<u8>>);

impl TileSource for MemoryLog {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }
}

impl TileSink for MemoryLog {
    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.0.insert(path.to_owned(), content.to_vec());
        Ok(())
    }
}

/// A log in a folder.
#[derive(Debug, Clone)]
pub struct DirSource {
    root: PathBuf,
}

impl DirSource {
    /// The log in the folder `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes the names of all files last that were written: a file is on the disk as soon as it is written, its name once its
    /// folder is. Only the checkpoint's is by then.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync_names(&self) -> io::Result<()> {
        sync_names(&self.root, 0)
    }

    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if inside && !path.is_empty() {
            Ok(self.root.join(path))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leads out of the log's folder"))
        }
    }
}

impl TileSource for DirSource {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let place = self.place(path)?;
        // Asked before opening: opening a pipe would wait for a writer.
        let meta = match fs::metadata(&place) {
            Ok(meta) => meta,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
        }
        let mut content = Vec::new();
        // One byte more than allowed tells a file that is too long from one that just fits.
        fs::File::open(&place)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut content)?;
        if content.len() > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than any file of a log"));
        }
        Ok(Some(content))
    }
}

fn sync_names(dir: &Path, depth: usize) -> io::Result<()> {
    if depth < FOLDERS_DEEP_MAX {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                sync_names(&entry.path(), depth + 1)?;
            }
        }
    }
    fs::File::open(dir)?.sync_all()
}

/// A path through something that is a file is as absent as a path to nothing.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl TileSink for DirSource {
    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        let folder = place.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let draft = place.with_added_extension("tmp");
        let mut file = fs::File::create(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, &place)?;
        // The rename itself lasts only once the folder is on disk; worth a wait for the one file that moves.
        if path == crate::CHECKPOINT_PATH { fs::File::open(folder)?.sync_all() } else { Ok(()) }
    }
}

/// The tiles of a log of `size` leaves that hold what a proof needs; none for a node the tree does not have.
pub fn tiles_of(plan: &ProofPlan, size: u64) -> BTreeSet<TilePath> {
    let tile = |node: &NodeId| {
        let (level, height) = (node.level / TILE_HEIGHT, node.level % TILE_HEIGHT);
        let index = node.index.checked_mul(1 << height)? >> TILE_HEIGHT;
        let width = TilePath::width_at(TileKind::Hashes { level }, index, size);
        TilePath::hashes(level, index, width).ok()
    };
    plan.nodes().iter().filter_map(tile).collect()
}

/// Interior hashes of a log of a given size, read from its hash tiles.
///
/// The hashes are as trustworthy as the files: check a proof made from them against a signed root.
pub struct TileNodes<'s, S: ?Sized> {
    source: &'s S,
    size: u64,
    /// The tile last read of each level: neighbours in a proof mostly share it.
    last: RefCell<BTreeMap<u8, LastTile>>,
}

type LastTile = (u64, Rc<Vec<Hash>>);

/// A hash cannot be had from the tiles.
#[derive(Debug, thiserror::Error)]
pub enum TileNodeError {
    /// The tree of this size has no such complete subtree.
    #[error("no complete subtree at level {level}, index {index}")]
    NoSuchNode {
        /// Height above the leaves.
        level: u8,
        /// Position within the level.
        index: u64,
    },
    /// The file is not there.
    #[error("{0} is missing")]
    Missing(TilePath),
    /// The file has a wrong length.
    #[error("{path}: {error}")]
    Malformed {
        /// The file.
        path: TilePath,
        /// What is wrong.
        error: TileError,
    },
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: TilePath,
        /// Why.
        error: io::Error,
    },
}

impl<'s, S: TileSource + ?Sized> TileNodes<'s, S> {
    /// The tree of `size` leaves in `source`.
    pub fn new(source: &'s S, size: u64) -> Self {
        Self { source, size, last: RefCell::default() }
    }

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Rc<Vec<Hash>>, TileNodeError> {
        if let Some((_, tile)) = self.last.borrow().get(&level).filter(|(last, _)| *last == index) {
            return Ok(Rc::clone(tile));
        }
        let missing = TileNodeError::NoSuchNode { level, index };
        let path = TilePath::hashes(level, index, width).map_err(|_| missing)?;
        let (path, content) =
            read_tile(self.source, path).map_err(|(path, error)| TileNodeError::Io { path, error })?;
        let content = content.ok_or(TileNodeError::Missing(path))?;
        let tile =
            decode_tile(&content, path.width()).map_err(|error| TileNodeError::Malformed { path, error })?;
        let tile = Rc::new(tile);
        self.last.borrow_mut().insert(level, (index, Rc::clone(&tile)));
        Ok(tile)
    }
}

impl<S: TileSource + ?Sized> Nodes for TileNodes<'_, S> {
    type Error = TileNodeError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, TileNodeError> {
        let missing = || TileNodeError::NoSuchNode { level, index };
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index.checked_mul(1 << height).ok_or_else(missing)?;
        let tile_index = first >> TILE_HEIGHT;
        let width = TilePath::width_at(TileKind::Hashes { level: tile_level }, tile_index, self.size);
        // Within the tile: at most 255.
        let start = usize::from(first.to_le_bytes()[0]);
        let end = start + (1 << height);
        if end > usize::from(width) {
            return Err(missing());
        }
        let tile = self.tile(tile_level, tile_index, width)?;
        tile.get(start..end).and_then(subtree_root).ok_or_else(missing)
    }
}

/// The path that was read, and what stood there.
type ReadTile = (TilePath, Option<Vec<u8>>);

/// Reads a tile; a partial one that is gone is looked for in the full tile that took its place.
pub(crate) fn read_tile<S: TileSource + ?Sized>(
    source: &S,
    path: TilePath,
) -> Result<ReadTile, (TilePath, io::Error)> {
    let read = |path: TilePath| source.read(&path.to_string()).map_err(|error| (path, error));
    let content = read(path)?;
    if content.is_some() || !path.is_partial() {
        return Ok((path, content));
    }
    Ok(match read(path.full())? {
        None => (path, None),
        content => (path.full(), content),
    })
}

/// Shows, from the hash tiles alone, that the log at `older` is a prefix of the log at `newer`; gives the proof.
/// An `older` of size 0 is a prefix of anything.
pub fn check_consistency<S: TileSource + ?Sized>(
    source: &S,
    older: &Checkpoint,
    newer: &Checkpoint,
) -> Result<Vec<Hash>, ConsistencyError> {
    if older.origin() != newer.origin() {
        return Err(ConsistencyError::Origin);
    }
    if older.size() == 0 {
        return Ok(Vec::new());
    }
    let proof = prove_consistency(&TileNodes::new(source, newer.size()), older.size(), newer.size())?;
    verify_consistency(older.size(), newer.size(), older.root(), newer.root(), &proof)?;
    Ok(proof)
}

/// Two checkpoints could not be shown to be of one history.
#[derive(Debug, thiserror::Error)]
pub enum ConsistencyError {
    /// They are of different logs.
    #[error("the checkpoints have different origins")]
    Origin,
    /// The proof cannot be made from the tiles.
    #[error(transparent)]
    Proof(#[from] ProofError<TileNodeError>),
    /// The proof does not hold: the log was rewritten, or its tiles are damaged.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

#[cfg(test)]
mod tests;
