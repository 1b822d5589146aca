//! How long the log is kept, what holds it, where its beginning is; and the receipt of an entry.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Form, Icon, Id, Tone, When};

/// A stretch of the drawing of a log: where it stands and how wide it is, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins.
    pub x: u64,
    /// How wide it is.
    pub width: u64,
}

/// The log over time, drawn: what is archived, what is in the database, what is held.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// What it shows, in words.
    pub label: String,
    /// What is in the archive.
    pub archived: Option<Stretch>,
    /// Whether that is in the database as well.
    pub both: bool,
    /// What is in the database alone.
    pub here: Stretch,
    /// What each hold keeps, the newest hold first.
    pub holds: Vec<Stretch>,
    /// Holds that there is no room for.
    pub more: usize,
    /// Where entries begin to be older than the retention.
    pub due: Option<u64>,
    /// When the log began.
    pub began: When,
}

impl Timeline {
    /// What is held, with where each stands below the log.
    fn lanes(&self) -> impl Iterator<Item = (usize, &Stretch)> {
        self.holds.iter().enumerate().map(|(at, hold)| (46 + at * 14, hold))
    }

    fn height(&self) -> usize {
        self.lanes().last().map_or(40, |(y, _)| y + 14)
    }
}

/// Who lifted a hold.
#[derive(Debug, Clone)]
pub struct LiftedRow {
    /// When.
    pub at: When,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// A legal hold.
#[derive(Debug, Clone)]
pub struct HoldRow {
    /// For paths.
    pub id: String,
    /// Why it was placed.
    pub reason: String,
    /// What it is about, in words.
    pub scope: String,
    /// When it was placed.
    pub placed: When,
    /// Who placed it.
    pub by: String,
    /// How it ended; it stands while it did not.
    pub lifted: Option<LiftedRow>,
}

/// The archive of the log's beginning.
#[derive(Debug, Clone)]
pub struct ArchiveView {
    /// Its name: a folder that the operator keeps.
    pub name: String,
    /// What is in it, in words: "Entries 0 to 25 599".
    pub range: String,
    /// Whether these entries are gone from the database.
    pub removed: bool,
    /// When it was written.
    pub written: When,
    /// The entry of the log that says so.
    pub entry: Id,
    /// SHA-256 over the list of its bundles, in hexadecimal digits.
    pub sha256: String,
}

/// `/audit/retention`: how long the log is kept, what holds it, where its beginning is.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/retention.html")]
pub struct Retention {
    /// What surrounds it.
    pub shell: Shell,
    /// The drawing; nothing before the log's first entry.
    pub timeline: Option<Timeline>,
    /// Entries of the log.
    pub entries: String,
    /// When the oldest entry that is in no archive was made.
    pub oldest: Option<When>,
    /// When that one is old enough to be archived.
    pub leaves: Option<When>,
    /// Days that entries stay, in words.
    pub days: String,
    /// A shorter time that waits: in words, and from when on it counts.
    pub pending: Option<(String, When)>,
    /// `days`; POST to `/audit/retention/days`.
    pub form: Form,
    /// Days that are in force, to ask for them again.
    pub days_in_force: i32,
    /// The fewest days that can be asked for.
    pub days_min: u64,
    /// The most.
    pub days_max: u64,
    /// Days after which a shorter time counts.
    pub shorten_days: u64,
    /// Holds: those that stand first.
    pub holds: Vec<HoldRow>,
    /// How many of them stand.
    pub standing: usize,
    /// The archive, when there is one.
    pub archive: Option<ArchiveView>,
    /// Whether this person may change anything here.
    pub may_change: bool,
}

/// `/audit/retention/days?days=`: another time, looked at once more.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/retention_days.html")]
pub struct RetentionDays {
    /// What surrounds it.
    pub shell: Shell,
    /// Days that are asked for, as they are sent.
    pub days: i32,
    /// The same in words.
    pub wanted: String,
    /// Days that are in force, in words.
    pub now: String,
    /// Whether it is less.
    pub shorter: bool,
    /// What will happen, one by one.
    pub effects: Vec<String>,
}

/// `/audit/holds/new`: a legal hold is placed.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/hold_new.html")]
pub struct HoldNew {
    /// What surrounds it.
    pub shell: Shell,
    /// `reason`, `from`, `until`.
    pub form: Form,
    /// The fewest characters of a reason.
    pub reason_characters_min: usize,
    /// Whether they must confirm that it is them before it is taken.
    pub must_confirm: bool,
}

/// `/audit/holds/{id}/lift`: a legal hold is lifted.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/hold_lift.html")]
pub struct HoldLift {
    /// What surrounds it.
    pub shell: Shell,
    /// Which.
    pub hold: HoldRow,
    /// How many others stand.
    pub others: usize,
    /// `reason`.
    pub form: Form,
    /// The fewest characters of a reason.
    pub reason_characters_min: usize,
    /// Whether they must confirm that it is them before it is taken.
    pub must_confirm: bool,
}

/// `/audit/{id}` of an entry that is in an archive.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit_archived.html")]
pub struct AuditArchived {
    /// What surrounds it.
    pub shell: Shell,
    /// The entry.
    pub id: Id,
    /// When it was made.
    pub at: Option<When>,
    /// Its index, from 0.
    pub index: u64,
    /// The hash of its leaf (RFC 9162), in hexadecimal digits.
    pub leaf_hash: String,
    /// The file of the archive that holds it.
    pub bundle: String,
    /// Its place in that file, from 1.
    pub place: u64,
    /// Entries of that file.
    pub bundle_entries: u64,
    /// The archive.
    pub archive: ArchiveView,
}

/// `/audit/{id}/receipt`: the log's signed promise that it holds an entry.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit_receipt.html")]
pub struct AuditReceipt {
    /// What surrounds it.
    pub shell: Shell,
    /// The entry, for paths.
    pub entry: String,
    /// When it was made.
    pub at: When,
    /// The hash of its leaf (RFC 9162), in base64, as the receipt says it.
    pub leaf_hash: String,
    /// The log's origin, which is the name of its key.
    pub origin: String,
    /// The receipt: a JWS in compact form.
    pub receipt: String,
    /// The key that verifies it, as JSON Web Key.
    pub jwk: String,
    /// The same key as checkpoints are verified with it.
    pub vkey: String,
}
