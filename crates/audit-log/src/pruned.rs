//! What a log says itself of its beginning, when that is no longer with it: entries below an index are in an archive, of
//! which it gives the root and a digest. An entry says so, so that it stands under every later checkpoint; a log whose
//! beginning is gone and that says nothing of it was tampered with.

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;
use serde_json::Value;

use crate::entry::{ActorKind, EntryView, Outcome};
use crate::hash::{Hash, sha256, to_hash};
use crate::proof::Nodes;
use crate::source::{TileNodes, TileSource, read_tile};
use crate::tiles::{TILE_HEIGHT, TILE_WIDTH, TilePath};
use crate::tree::Frontier;

/// The kind of such an entry.
pub const PRUNED_KIND: &str = "log.pruned";

/// That the beginning of a log is in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Entries below this index are in the archive. A multiple of 256: whole bundles.
    pub size: u64,
    /// The root of the tree of these entries.
    pub root: Hash,
    /// What the archive is called.
    pub archive: String,
    /// SHA-256 over the list of the archive's bundles, in hex, as `sha256sum` writes it: see [`bundles_sha256`].
    pub sha256: String,
    /// Index of the entry that says so, when it is known.
    pub cited_by: Option<u64>,
}

impl Pruned {
    /// What an entry says of the log's beginning; `None` when it is about anything else. Only the system itself says so.
    pub fn read(entry: &EntryView<'_>, index: Option<u64>) -> Option<Self> {
        if entry.kind != PRUNED_KIND || entry.actor_kind != ActorKind::System || entry.outcome != Outcome::Ok
        {
            return None;
        }
        let data = entry.data_map().ok()?;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        let size = data.get("size").and_then(Value::as_u64)?;
        // It says so of what came before it.
        if size == 0 || !size.is_multiple_of(u64::from(TILE_WIDTH)) || index.is_some_and(|index| index < size)
        {
            return None;
        }
        let hash = |name: &str| Hash::from_base64(&text(name)?).ok();
        let (root, sha256) = (hash("root")?, hash("sha256")?.to_string());
        Some(Self { size, root, archive: text("archive")?, sha256, cited_by: index })
    }

    /// Takes the later of two: the one that covers more.
    #[must_use]
    pub fn later(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.size >= self.size => other,
            _ => self,
        }
    }
}

/// For a person: where the entries are.
impl std::fmt::Display for Pruned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entries 0 to {} are in the archive {}", self.size.saturating_sub(1), self.archive)?;
        match self.cited_by {
            Some(index) => write!(f, " (cited by entry {index}; SHA-256 {})", self.sha256),
            None => write!(f, " (SHA-256 {})", self.sha256),
        }
    }
}

/// The root of the first `size` entries of a log of `of` entries, from its hash tiles. `size` is a multiple of 256. `None`
/// when a tile is not there or is none.
pub fn root_at<S: TileSource + ?Sized>(source: &S, size: u64, of: u64) -> Option<Hash> {
    let nodes = TileNodes::new(source, of);
    let mut tree = Frontier::new();
    for level in (TILE_HEIGHT..63).rev() {
        if size & (1 << level) != 0 {
            let index = tree.size() >> level;
            tree.append_subtree(level, nodes.node(level, index).ok()?).ok()?;
        }
    }
    (tree.size() == size).then(|| tree.root())
}

/// SHA-256 over the list of the bundles that hold the first `size` entries: for each a line of its own SHA-256 in hex,
/// two blanks and its path, as `sha256sum` writes it. `None` when a bundle is not there.
///
/// # Errors
/// When one cannot be read.
pub fn bundles_sha256<S: TileSource + ?Sized>(source: &S, size: u64) -> std::io::Result<Option<Hash>> {
    let mut list = Context::new(&SHA256);
    for index in 0..size / u64::from(TILE_WIDTH) {
        let path = TilePath::entries(index, TILE_WIDTH).map_err(std::io::Error::other)?;
        let (path, bundle) = read_tile(source, path).map_err(|(_, error)| error)?;
        let Some(bundle) = bundle else { return Ok(None) };
        list.update(format!("{}  {path}\n", sha256(&bundle)).as_bytes());
    }
    Ok(Some(to_hash(&list.finish())))
}

#[cfg(test)]
mod tests;
