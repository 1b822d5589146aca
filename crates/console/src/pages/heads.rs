//! Heads of the log, and who has seen them.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Icon, When};

/// Something about the log that nobody should overlook.
#[derive(Debug, Clone)]
pub struct AlarmRow {
    /// What is wrong, in a few words.
    pub title: String,
    /// What exactly was found.
    pub detail: String,
    /// Who does what about it.
    pub todo: &'static str,
    /// Since when.
    pub since: When,
}

/// A head: so many entries, signed at a time with a key.
#[derive(Debug, Clone)]
pub struct Head {
    /// Entries it covers.
    pub size: u64,
    /// When it was signed.
    pub at: When,
    /// The key that verifies it.
    pub vkey: String,
    /// The signed note.
    pub note: String,
}

/// A witness and how it stands with it.
#[derive(Debug, Clone)]
pub struct WitnessRow {
    /// What the operator calls it.
    pub name: String,
    /// Its key.
    pub vkey: String,
    /// In a word.
    pub state: Badge,
    /// Entries of the instance's log that it saw last, and when.
    pub seen: Option<(u64, When)>,
}

/// `/audit/checkpoints`: heads and witnesses.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/heads.html")]
pub struct Heads {
    /// What surrounds it.
    pub shell: Shell,
    /// What is wrong and not settled.
    pub alarms: Vec<AlarmRow>,
    /// The newest head of the organization's log.
    pub own: Option<Head>,
    /// The best head of the instance's log.
    pub instance: Option<Head>,
    /// Whether enough witnesses have seen that one.
    pub witnessed: bool,
    /// The witnesses that the operator has configured.
    pub witnesses: Vec<WitnessRow>,
    /// How long entries stay in the database, in words.
    pub days: String,
    /// Legal holds that stand.
    pub holds_standing: u64,
}
