//! One walk over the range of a pack: counts what its report tells and hashes the files that follow from the entries.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::controls::{Framework, Kinds};
use crate::digest::Running;
use crate::lines::{CSV_HEADER, Line, OUTPUTS_HEAD, OUTPUTS_TAIL};
use crate::pack::{EVENTS_CSV, EVENTS_JSONL, FileLine, OUTPUTS};

/// Kinds, policies or days that are told apart; what comes beyond is counted under `other`.
pub const NAMES_MAX: usize = 4_096;
/// Changes of policy that are listed.
pub const POLICY_CHANGES_MAX: usize = 1_000;
/// Entries that get a proof file of their own; every entry is proven by the tiles besides.
pub const PROOFS_MAX: usize = 64;
/// Where names beyond [`NAMES_MAX`] are counted.
const OTHER: &str = "other";
/// The kind of entry that tells of a new version of the policy.
const POLICY_CHANGED: &str = "policy.changed";

/// Which entries of the range a pack holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Kinds);

impl Selection {
    /// Those that speak to a control of the framework; all of them when `everything` is asked for.
    pub fn of(framework: &Framework, everything: bool) -> Self {
        Self(if everything { Kinds::Every } else { framework.kinds() })
    }

    /// Whether it is every entry.
    pub fn is_everything(&self) -> bool {
        self.0 == Kinds::Every
    }

    /// Whether it holds entries of this kind.
    pub fn has(&self, kind: &str) -> bool {
        self.0.has(kind)
    }
}

/// An entry as an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its index in the log.
    pub index: u64,
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at: String,
}

/// What there is of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfKind {
    /// How many.
    pub count: u64,
    /// How many of them were refused or failed.
    pub undone: u64,
    /// The first.
    pub first: Example,
    /// The last.
    pub last: Example,
}

/// Use of one version of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyUse {
    /// Entries made under it.
    pub entries: u64,
    /// The first of them.
    pub first: Example,
    /// The last of them.
    pub last: Example,
}

/// What the walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries of the range that the pack holds.
    pub included: u64,
    /// Entries of the range of which it holds only the hash.
    pub held_back: u64,
    /// What there is of each kind.
    pub kinds: BTreeMap<String, OfKind>,
    /// Entries by day.
    pub days: BTreeMap<String, u64>,
    /// Versions of the policy that entries were made under.
    pub policies: BTreeMap<String, PolicyUse>,
    /// Entries that brought a new version into force, the first [`POLICY_CHANGES_MAX`].
    pub policy_changes: Vec<(Example, String)>,
    /// Calls of models that ended.
    pub outputs: u64,
    /// Time of the first and of the last entry that the pack holds.
    pub span: Option<(String, String)>,
}

impl Summary {
    /// How many there are of each kind.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.kinds.iter().map(|(kind, of)| (kind.clone(), of.count)).collect()
    }

    /// The entries that get a proof file: the first and the last of each kind, at most [`PROOFS_MAX`], in the order of the
    /// log.
    pub fn key_entries(&self) -> Vec<Example> {
        let firsts = self.kinds.values().map(|of| &of.first);
        let lasts = self.kinds.values().map(|of| &of.last);
        let mut seen = BTreeSet::new();
        let mut found: Vec<Example> =
            firsts.chain(lasts).filter(|example| seen.insert(example.index)).cloned().collect();
        found.truncate(PROOFS_MAX);
        found.sort_by_key(|example| example.index);
        found
    }

    fn add(&mut self, line: &Line<'_>) {
        let view = &line.view;
        let at = view.at.to_string();
        let example = Example { index: line.index, id: view.id.to_string(), at: at.clone() };
        let undone = u64::from(matches!(view.outcome.as_str(), "refused" | "failed"));
        let kind = name(&self.kinds, view.kind);
        self.kinds
            .entry(kind)
            .and_modify(|of| {
                of.count += 1;
                of.undone += undone;
                of.last = example.clone();
            })
            .or_insert_with(|| OfKind { count: 1, undone, first: example.clone(), last: example.clone() });
        let policy = name(&self.policies, &view.policy);
        self.policies
            .entry(policy)
            .and_modify(|used| {
                used.entries += 1;
                used.last = example.clone();
            })
            .or_insert_with(|| PolicyUse { entries: 1, first: example.clone(), last: example.clone() });
        let day = name(&self.days, at.get(..10).unwrap_or(OTHER));
        *self.days.entry(day).or_default() += 1;
        if view.kind == POLICY_CHANGED
            && undone == 0
            && self.policy_changes.len() < POLICY_CHANGES_MAX
            && let Some((_, version)) = &view.subject
        {
            self.policy_changes.push((example, version.to_string()));
        }
        let first = self.span.take().map_or_else(|| at.clone(), |(first, _)| first);
        self.span = Some((first, at));
        self.included += 1;
        self.outputs += u64::from(line.is_output());
    }
}

/// The name to count under.
fn name<V>(seen: &BTreeMap<String, V>, name: &str) -> String {
    if seen.len() < NAMES_MAX || seen.contains_key(name) { name.to_owned() } else { OTHER.to_owned() }
}

/// An entry of the range cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("entry {index} is no audit entry: {error}")]
pub struct Unreadable {
    /// Its index.
    pub index: u64,
    /// Why.
    pub error: audit_log::EntryError,
}

/// The walk. Holds counts and three running hashes, whatever the length of the range.
pub struct Survey {
    selection: Selection,
    summary: Summary,
    jsonl: Running,
    csv: Running,
    outputs: Running,
    buffer: Vec<u8>,
}

impl Survey {
    /// Begins.
    pub fn new(selection: Selection) -> Self {
        let mut survey = Self {
            selection,
            summary: Summary::default(),
            jsonl: Running::new(),
            csv: Running::new(),
            outputs: Running::new(),
            buffer: Vec::new(),
        };
        survey.csv.update(CSV_HEADER.as_bytes());
        survey.outputs.update(OUTPUTS_HEAD.as_bytes());
        survey
    }

    /// Takes the entry at `index`; says whether the pack holds it.
    ///
    /// # Errors
    /// [`Unreadable`]: the bytes are no audit entry.
    pub fn push(&mut self, index: u64, leaf: &[u8]) -> Result<bool, Unreadable> {
        let line = Line::read(index, leaf).map_err(|error| Unreadable { index, error })?;
        if !self.selection.has(line.view.kind) {
            self.summary.held_back += 1;
            return Ok(false);
        }
        let mut put = |hash: &mut Running, write: &dyn Fn(&mut Vec<u8>)| {
            self.buffer.clear();
            write(&mut self.buffer);
            hash.update(&self.buffer);
        };
        put(&mut self.jsonl, &|out| line.jsonl(out));
        put(&mut self.csv, &|out| line.csv(out));
        let first = self.summary.outputs == 0;
        put(&mut self.outputs, &|out| line.output(out, first));
        self.summary.add(&line);
        Ok(true)
    }

    /// Entries that the pack does not hold and whose bytes are not at hand: a verifier's view.
    pub(crate) const fn hold_back(&mut self, count: u64) {
        self.summary.held_back += count;
    }

    /// What was found, and the lines of the three files in the manifest.
    pub fn finish(mut self) -> (Summary, Vec<FileLine>) {
        self.outputs.update(OUTPUTS_TAIL.as_bytes());
        let line = |name: &str, hash: Running| {
            let (bytes, sha256) = hash.finish();
            FileLine { name: name.to_owned(), bytes, sha256 }
        };
        let files =
            vec![line(EVENTS_CSV, self.csv), line(EVENTS_JSONL, self.jsonl), line(OUTPUTS, self.outputs)];
        (self.summary, files)
    }
}
