//! The files of a pack, its manifest, and the archive.
//!
//! Three files follow from the entries and are streamed; the rest is small and made from a [`Description`] and a
//! [`Summary`](crate::Summary). Making a pack walks over its range once, to learn what the manifest will say; taking it
//! away walks once for each streamed file. Nothing large is kept in between.

mod documents;
mod manifest;
mod writer;

use audit_log::proof::RangeError;
use audit_log::tiles::{TILE_HEIGHT, TileKind, TilePath};
use audit_log::{Checkpoint, VerifierKey};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::controls::{ControlMap, Framework};

pub use documents::documents;
pub(crate) use manifest::{FORMAT, Manifest, Range};
pub use manifest::{MANIFEST_BYTES_MAX, ManifestError, NOT_PROVEN, Stamp, manifest};
pub use writer::{PackWriter, Stream, WriteError};

/// The entries, a line each, as the bytes that were hashed.
pub const EVENTS_JSONL: &str = "events.jsonl";
/// The entries as a table.
pub const EVENTS_CSV: &str = "events.csv";
/// How calls of models ended.
pub const OUTPUTS: &str = "outputs.json";
/// Versions of the policy.
pub const POLICIES: &str = "policies.json";
/// The control map.
pub const CONTROLS: &str = "controls.json";
/// The assessment results (OSCAL).
pub const OSCAL: &str = "oscal-assessment-results.json";
/// The report for people.
pub const REPORT: &str = "report.html";
/// The public key as a JSON Web Key Set.
pub const JWKS: &str = "jwks.json";
/// The log's key.
pub const VKEY: &str = "log/log.vkey";
/// The signed checkpoint.
pub const CHECKPOINT: &str = "log/checkpoint";
/// The folder of the log's files.
pub const LOG_FOLDER: &str = "log/";
/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// The detached signature over the manifest.
pub const SIGNATURE: &str = "manifest.json.jws";
/// The answer of a time-stamping authority (RFC 3161) about the manifest, where the manifest names it.
pub const TOKEN: &str = "manifest.tsr";
/// Most entries in the range of a pack.
pub const RANGE_ENTRIES_MAX: u64 = 1_000_000;
/// Most bytes of entries in a pack: each of its files stays below what every reader of archives can hold.
pub const ENTRY_BYTES_MAX: u64 = 1_500_000_000;

/// A file of a pack as the manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLine {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

impl FileLine {
    /// The line of a file that is at hand.
    pub fn of(name: &str, content: &[u8]) -> Self {
        Self { name: name.to_owned(), bytes: content.len() as u64, sha256: crate::digest::sha256(content) }
    }
}

/// The signed state of the log that a pack is a part of.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The checkpoint as a signed note.
    pub note: String,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub key: VerifierKey,
}

/// A version of the policy, with its rules.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyVersion {
    /// As entries name it.
    pub label: String,
    /// Since when; nothing for the built-in one.
    pub since: Option<Timestamp>,
    /// Its rules.
    pub rules: Value,
}

/// What a pack is, decided before its entries are read.
#[derive(Debug, Clone)]
pub struct Description {
    /// Its id.
    pub pack: Uuid,
    /// Whose log.
    pub organization: Uuid,
    /// What the organization was called when the pack was made.
    pub organization_name: String,
    /// The control map.
    pub map: &'static ControlMap,
    /// The framework.
    pub framework: &'static Framework,
    /// Whether it holds every entry, whether or not it speaks to a control.
    pub everything: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The beginning of the period, inclusive.
    pub from: Timestamp,
    /// The end of the period, exclusive.
    pub to: Timestamp,
    /// The state of the log.
    pub signed: Signed,
    /// Index of the first entry of the range.
    pub first: u64,
    /// Index after the last one.
    pub end: u64,
    /// Versions of the policy, in the order of their making.
    pub policies: Vec<PolicyVersion>,
    /// Whether a time-stamping authority vouches for when it was made.
    pub stamp: Stamp,
}

impl Description {
    /// Entries of the range.
    pub const fn entries(&self) -> u64 {
        self.end.saturating_sub(self.first)
    }

    /// What all ids in the pack follow from: the head of the log, the range, the framework.
    pub(crate) fn seed(&self) -> String {
        let head = &self.signed.checkpoint;
        format!(
            "{}\n{}\n{}\n{}\n{}\n{}",
            head.origin(),
            head.size(),
            head.root().to_base64(),
            self.first,
            self.end,
            self.framework.id
        )
    }
}

/// The hash tiles that a pack holds: those over its range at every level, and those at the right edge of the tree, from
/// which the root follows. With them every tool that reads C2SP tlog-tiles proves each entry of the range.
///
/// # Errors
/// When the range is none of a log of `size` entries.
pub fn tiles(first: u64, end: u64, size: u64) -> Result<Vec<TilePath>, RangeError> {
    if first > end || end > size {
        return Err(RangeError::Index { index: end, size });
    }
    let mut paths = Vec::new();
    for level in 0..8_u8 {
        let nodes = size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0);
        if nodes == 0 {
            break;
        }
        let shift = u32::from(level + 1) * u32::from(TILE_HEIGHT);
        let tile = |leaf: u64| leaf.checked_shr(shift).unwrap_or(0);
        let edge = (nodes - 1) >> TILE_HEIGHT;
        let (from, to) = if first < end { (tile(first), tile(end - 1).min(edge)) } else { (edge, edge) };
        for index in (from..=to).chain((to != edge).then_some(edge)) {
            let width = TilePath::width_at(TileKind::Hashes { level }, index, size);
            if let Ok(path) = TilePath::hashes(level, index, width) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// Where a tile stands in the archive.
pub fn tile_name(path: TilePath) -> String {
    format!("{LOG_FOLDER}{path}")
}

/// Where the proof of an entry stands in the archive.
pub fn proof_name(id: &str) -> String {
    format!("proofs/{id}.tlog-proof")
}

#[cfg(test)]
mod tests;
