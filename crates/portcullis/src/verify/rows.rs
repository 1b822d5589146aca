//! What can be wrong with the tables of a log, and the comparison of one row with the bytes it stands for.

use audit_log::entry::{At, EntryView};
use audit_log::{Hash, leaf_hash};
use kernel::{TenantId, Timestamp};
use serde::Serialize;
use store::verify::EntryRow;
use uuid::Uuid;

/// Findings kept in a report; the rest is only counted.
pub(super) const FINDINGS_MAX: usize = 1_000;

/// What sort of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FindingKind {
    /// The entry's bytes are not those that were hashed into the tree.
    EntryChanged,
    /// A column does not say what the entry's bytes say.
    ColumnChanged,
    /// The entry's bytes are no audit entry.
    EntryMalformed,
    /// A place in the tree has no entry any more.
    EntryGone,
    /// An entry is in no place of the tree and does not wait for one.
    EntryUnplaced,
    /// A stored hash was changed.
    HashChanged,
    /// Places of the tree are missing.
    PlaceGone,
    /// What waits in the queue does not agree with its entry.
    QueueChanged,
    /// The stored tree is not the tree of its leaves.
    TreeChanged,
    /// A stored hash tile is not that of the leaves below it, or gone.
    TileChanged,
    /// A checkpoint's signature does not hold.
    CheckpointForged,
    /// A checkpoint's columns do not say what its note says.
    CheckpointChanged,
    /// The leaves are not those that a checkpoint signed.
    RootMismatch,
    /// A checkpoint promises more entries than there are.
    RolledBack,
    /// The log has entries but no key.
    IdentityGone,
    /// The log's key is not the one that was expected.
    KeyChanged,
    /// The database and the exported folder say different things.
    ExportMismatch,
    /// A personal value is not the one that its entry commits to.
    ValueAltered,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Whose log.
    pub(crate) tenant: TenantId,
    /// What sort of thing.
    pub(crate) kind: FindingKind,
    /// Index of the entry in the log, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<i64>,
    /// The entry's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<Uuid>,
    /// The column that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'static str>,
    /// In words.
    pub(crate) detail: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(index) = self.index {
            write!(f, "entry {index}")?;
        }
        if let Some(id) = self.entry {
            let gap = if self.index.is_some() { " " } else { "entry " };
            write!(f, "{gap}{id}")?;
        }
        if let Some(field) = self.field {
            write!(f, ", {field}")?;
        }
        if self.index.is_some() || self.entry.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(&self.detail)
    }
}

/// Everything that was found, within a bound.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) kept: Vec<Finding>,
    pub(crate) total: u64,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.total += 1;
        if self.kept.len() < FINDINGS_MAX {
            self.kept.push(finding);
        }
    }
}

/// Where a finding is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) tenant: TenantId,
    pub(super) index: Option<i64>,
    pub(super) entry: Option<Uuid>,
}

impl Spot {
    pub(super) fn log(tenant: TenantId) -> Self {
        Self { tenant, index: None, entry: None }
    }

    pub(super) fn finding(self, kind: FindingKind, detail: impl Into<String>) -> Finding {
        let Self { tenant, index, entry } = self;
        Finding { tenant, kind, index, entry, field: None, detail: detail.into() }
    }
}

/// Hashes the entry's bytes and compares its columns with them.
pub(super) fn check_entry(spot: Spot, row: &EntryRow, findings: &mut Findings) -> Hash {
    let view = match EntryView::parse(&row.leaf) {
        Ok(view) => view,
        Err(error) => {
            findings.add(spot.finding(
                FindingKind::EntryMalformed,
                format!("its bytes are no audit entry any more: {error}"),
            ));
            return leaf_hash(&row.leaf);
        }
    };
    let mut differ = |field: &'static str, column: &str, bytes: &str| {
        if column != bytes {
            let detail = format!("the column says {column:?}, the entry's bytes say {bytes:?}");
            findings.add(Finding { field: Some(field), ..spot.finding(FindingKind::ColumnChanged, detail) });
        }
    };
    let actor = match &view.actor_id {
        Some(id) => format!("{}:{id}", view.actor_kind),
        None => view.actor_kind.to_string(),
    };
    let at = At::from_unix_micros(Timestamp::from(row.at).unix_micros());
    differ("tenant_id", &spot.tenant.to_string(), &view.tenant.to_string());
    differ("id", &row.id.to_string(), &view.id.to_string());
    differ(
        "at",
        &at.map_or_else(|_| "a time out of range".to_owned(), |at| at.to_string()),
        &view.at.to_string(),
    );
    differ("kind", &row.kind, view.kind);
    differ("actor", &row.actor, &actor);
    differ("request_id", &row.request_id, &view.request_id);
    leaf_hash(&row.leaf)
}
