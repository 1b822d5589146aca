//! What a verification found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::cosign::Cosignature;
use crate::hash::Hash;
use crate::pruned::Pruned;

/// Findings kept in a report; the rest is only counted.
pub const FINDINGS_MAX: usize = 1_000;

/// Event kinds counted by name; entries of further kinds are counted under `other`.
pub const KINDS_COUNTED_MAX: usize = 1_000;

/// What sort of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The folder has no checkpoint.
    CheckpointMissing,
    /// The checkpoint file is not a signed checkpoint.
    CheckpointMalformed,
    /// A known key's signature does not fit the checkpoint: it was altered after signing.
    SignatureBad,
    /// No known key has signed the checkpoint.
    SignatureMissing,
    /// The checkpoint is of another log.
    OriginMismatch,
    /// A known witness's cosignature does not fit the checkpoint.
    CosignatureBad,
    /// Fewer witnesses than the policy asks for have cosigned the checkpoint.
    WitnessesMissing,
    /// A file is there and cannot be read.
    Unreadable,
    /// An entry bundle is not there.
    BundleMissing,
    /// An entry bundle ends within an entry.
    BundleMalformed,
    /// An entry is not the one that was hashed into the log.
    LeafChanged,
    /// An entry stands where another one of the log belongs.
    EntryMoved,
    /// An entry is not in its bundle.
    EntryMissing,
    /// A bundle holds an entry that does not belong there.
    EntryExtra,
    /// A hash tile is not there.
    TileMissing,
    /// A hash tile has a wrong length.
    TileMalformed,
    /// A stored hash is not the one that the entries below it lead to.
    TileMismatch,
    /// The entries lead to another root than the signed one.
    RootMismatch,
    /// Bundles and tiles end long before the signed size; the rest was not looked at.
    LogTruncated,
    /// An entry is in place and is not the canonical form of an audit entry.
    EntryMalformed,
    /// An entry is of another tenant than the log.
    TenantMismatch,
    /// Two entries have the same id.
    DuplicateId,
    /// The log is smaller than an earlier checkpoint of it.
    RolledBack,
    /// The log does not continue what an earlier checkpoint of it describes.
    Inconsistent,
    /// What is to show the head of this log in a log of logs does not.
    AnchorBad,
    /// A personal value is not the one that its entry commits to.
    ValueAltered,
    /// A line of a file of disclosures is none, or speaks of something no entry commits to.
    DisclosureBad,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: FindingKind,
    /// The file it was found in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Index of the first entry concerned, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Index of the last entry concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// In words.
    pub detail: String,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, detail: impl Into<String>) -> Self {
        Self { kind, path: None, first: None, last: None, detail: detail.into() }
    }

    pub(super) fn at(mut self, path: impl fmt::Display) -> Self {
        self.path = Some(path.to_string());
        self
    }

    pub(super) fn entries(mut self, first: u64, last: u64) -> Self {
        (self.first, self.last) = (Some(first), Some(last));
        self
    }
}

/// One line for a person.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (Some(first), Some(last)) if first == last => write!(f, "entry {first}: ")?,
            (Some(first), Some(last)) => write!(f, "entries {first} to {last}: ")?,
            _ => {}
        }
        f.write_str(&self.detail)?;
        if let Some(path) = &self.path { write!(f, " ({path})") } else { Ok(()) }
    }
}

/// The report in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every entry is the one that was signed, and nothing else is wrong.
    #[default]
    Intact,
    /// The checkpoint is genuine, and something is wrong below it.
    Damaged,
    /// There is no genuine checkpoint, so nothing can be said about the entries.
    Untrusted,
}

/// A witness that saw the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// Its key.
    pub vkey: String,
    /// When it saw it, in seconds since 1970, by its own clock.
    pub at: u64,
}

impl From<&Cosignature<'_>> for Witnessed {
    fn from(line: &Cosignature<'_>) -> Self {
        Self { vkey: line.key.to_string(), at: line.at }
    }
}

/// What a log of logs says about this log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anchored {
    /// Origin of the log of logs.
    pub by: String,
    /// Index there of the entry that holds the head.
    pub index: u64,
    /// Entries of this log that the head covers, and that are those it was signed over.
    pub size: u64,
    /// The witnesses of the policy that cosigned the log of logs.
    pub witnesses: Vec<Witnessed>,
}

/// What became of the personal values that entries commit to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PersonalValues {
    /// Values that are there, and are the ones that were committed to.
    pub disclosed: u64,
    /// Values that are not there: erased, or not given away.
    pub not_disclosed: u64,
}

impl PersonalValues {
    /// Whether no entry commits to any.
    pub const fn is_empty(&self) -> bool {
        self.disclosed == 0 && self.not_disclosed == 0
    }
}

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The log's name, once its signature held.
    pub origin: Option<String>,
    /// Entries the checkpoint promises.
    pub size: u64,
    /// The signed root.
    pub root: Option<Hash>,
    /// The keys whose signatures held, as verifier keys.
    pub signed_by: Vec<String>,
    /// The witnesses of the policy that cosigned the checkpoint.
    pub witnesses: Vec<Witnessed>,
    /// The head of this log in a log of logs, when one was shown and held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchored>,
    /// Entries read and hashed.
    pub entries_read: u64,
    /// Their bytes.
    pub entry_bytes: u64,
    /// The tenant all entries should be of.
    pub tenant: Option<Uuid>,
    /// Number of entries by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Earliest time in an entry, RFC 3339.
    pub first_at: Option<String>,
    /// Latest time in an entry, RFC 3339.
    pub last_at: Option<String>,
    /// Sizes of the earlier checkpoints this log was shown to continue.
    pub continues: Vec<u64>,
    /// Where the beginning of the log is, when its entries are not here and the log itself says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<Pruned>,
    /// Ids were compared within spans of at least this many entries; absent when all were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_window_entries: Option<u64>,
    /// What is wrong, the first [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings there were.
    pub findings_total: u64,
    /// Personal values that entries commit to.
    #[serde(skip_serializing_if = "PersonalValues::is_empty")]
    pub personal: PersonalValues,
    verdict: Verdict,
}

impl Report {
    /// The report in one word.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Notes what makes the checkpoint worthless.
    pub(super) fn distrust(&mut self, finding: Finding) {
        self.add(finding);
        self.verdict = Verdict::Untrusted;
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings_total += 1;
        self.verdict = Verdict::Damaged;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    pub(super) fn count_kind(&mut self, kind: &str) {
        if let Some(count) = self.kinds.get_mut(kind) {
            *count += 1;
            return;
        }
        let name = if self.kinds.len() < KINDS_COUNTED_MAX { kind } else { "other" };
        *self.kinds.entry(name.to_owned()).or_default() += 1;
    }
}
