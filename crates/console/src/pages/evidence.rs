//! Evidence packs: what the log shows for the controls of a framework, to be taken away.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Id, Pager, Secret, When};

/// A pack in the list.
#[derive(Debug, Clone)]
pub struct PackRow {
    /// For paths.
    pub id: String,
    /// The framework's name.
    pub framework: String,
    /// The first day.
    pub from: When,
    /// The moment before which it ends.
    pub to: When,
    /// Entries it holds.
    pub entries: u64,
    /// When it was made.
    pub made: When,
}

/// `/evidence`: the packs.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/evidence.html")]
pub struct Evidence {
    /// What surrounds it.
    pub shell: Shell,
    /// The newest first.
    pub packs: Vec<PackRow>,
    /// The way to older ones.
    pub pager: Pager,
    /// Whether this person may make one.
    pub may_make: bool,
}

/// A control, and what the entries show of it.
#[derive(Debug, Clone)]
pub struct ControlRow {
    /// Its identifier.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// What entries show, and what they do not.
    pub says: String,
    /// "full", "partial", "none".
    pub strength: Badge,
    /// How many entries speak to it.
    pub entries: u64,
}

/// What a pack of the chosen period would show.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The framework's name.
    pub title: String,
    /// Entries of the period.
    pub entries: u64,
    /// Control by control.
    pub controls: Vec<ControlRow>,
}

/// `/evidence/new`: choose, look, make.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/evidence_new.html")]
pub struct EvidenceNew {
    /// What surrounds it.
    pub shell: Shell,
    /// `framework`, `from`, `to`, `everything`.
    pub form: Form,
    /// What `framework` offers.
    pub frameworks: Vec<Choice>,
    /// What `everything` offers.
    pub contents: Vec<Choice>,
    /// What was chosen would show this; nothing before anything was chosen.
    pub preview: Option<Preview>,
}

/// `/evidence/{id}`: one pack.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/evidence_pack.html")]
pub struct EvidencePack {
    /// What surrounds it.
    pub shell: Shell,
    /// Which.
    pub pack: PackRow,
    /// Its id, to copy.
    pub whole_id: Id,
    /// Entries of its range of which it holds the hash alone.
    pub held_back: u64,
    /// Its range, for people: "entries 100 to 599 of 700".
    pub range: String,
    /// SHA-256 of its manifest, in hex.
    pub manifest: String,
    /// When it existed by the clock of a time-stamping authority.
    pub stamped: Option<When>,
    /// Why the authority that was asked gave no token, in a word.
    pub unstamped: Option<String>,
    /// What it shows.
    pub controls: Vec<ControlRow>,
    /// Whether this person may take it away.
    pub may_take: bool,
}

/// `/evidence/{id}/link`: for how long, or the link that was made.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/evidence_link.html")]
pub struct EvidenceLink {
    /// What surrounds it.
    pub shell: Shell,
    /// Which.
    pub pack: PackRow,
    /// `seconds`.
    pub form: Form,
    /// What `seconds` offers.
    pub lifetimes: Vec<Choice>,
    /// The link, this once, and when it stops working.
    pub made: Option<(Secret, When)>,
}
