//! Signed policy packs: which is in force, what is in each, what it would have refused, and whose signature counts.

use askama::Template;

use crate::layout::Shell;
use crate::pages::{Actor, ShiftRow};
use crate::parts::{Badge, Form, Icon, Id, Tone, When};

/// The pack in force.
#[derive(Debug, Clone)]
pub struct InForcePack {
    /// For paths.
    pub id: String,
    /// Name and version.
    pub title: String,
    /// What it does to what is granted, in a sentence.
    pub mode: &'static str,
    /// How many policies it has.
    pub policies: i32,
    /// The hash of its document.
    pub sha256: Id,
    /// The key that signed it.
    pub signer: String,
    /// How that key stands now.
    pub signer_state: Option<Badge>,
    /// Since when.
    pub since: When,
    /// Who put it there.
    pub by: String,
    /// What a roll back leads to: a pack, or nothing.
    pub behind: Option<String>,
}

/// A pack, as a row.
#[derive(Debug, Clone)]
pub struct PolicyPackRow {
    /// For paths.
    pub id: String,
    /// Name and version.
    pub title: String,
    /// The version for people.
    pub label: Option<String>,
    /// `forbid` or `permit`.
    pub mode: String,
    /// How many policies it has.
    pub policies: i32,
    /// The hash of its document.
    pub sha256: Id,
    /// The key that signed it.
    pub signer: String,
    /// How it stands.
    pub state: Badge,
    /// When it was uploaded.
    pub uploaded: When,
}

/// A turn of the history, as a row.
#[derive(Debug, Clone)]
pub struct TurnRow {
    /// Its number.
    pub number: i64,
    /// "Put into force", "Rolled back".
    pub way: &'static str,
    /// The pack in force since, for paths and in words; nothing when none is.
    pub pack: Option<(String, String)>,
    /// When.
    pub at: When,
    /// Who did it.
    pub by: String,
}

/// A key whose signature counts, or did, as a row.
#[derive(Debug, Clone)]
pub struct PolicyKeyRow {
    /// For paths.
    pub id: String,
    /// What it is called here.
    pub name: String,
    /// The public key.
    pub vkey: String,
    /// How it stands.
    pub state: Badge,
    /// When it was trusted, and by whom.
    pub trusted: (When, String),
    /// When it begins to count, when that is still to come.
    pub from: Option<When>,
    /// Until when it counts.
    pub until: Option<When>,
    /// When it was revoked, and by whom.
    pub revoked: Option<(When, String)>,
}

/// `/policies/packs`: how it stands with policy packs.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/packs.html")]
pub struct PolicyPacks {
    /// What surrounds it.
    pub shell: Shell,
    /// The pack in force.
    pub in_force: Option<InForcePack>,
    /// Whether one is in force that is not among those listed, which says that rows were changed.
    pub lost: bool,
    /// The packs, newest first.
    pub packs: Vec<PolicyPackRow>,
    /// The history, newest first.
    pub turns: Vec<TurnRow>,
    /// The keys, newest first.
    pub keys: Vec<PolicyKeyRow>,
    /// Whether this person may change anything here.
    pub may_manage: bool,
}

/// `/policies/packs/new`: a signed pack to be taken in.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/pack_new.html")]
pub struct PackNew {
    /// What surrounds it.
    pub shell: Shell,
    /// `pack`; POST to `/policies/packs/new`.
    pub form: Form,
    /// Whether there is a key whose signature counts.
    pub has_key: bool,
}

/// A test of a pack, as a row.
#[derive(Debug, Clone)]
pub struct PackTestRow {
    /// The file it stands in.
    pub file: String,
    /// What it shows.
    pub name: String,
    /// What is expected.
    pub expected: String,
    /// What the pack says, and by which policies.
    pub said: String,
    /// Whether that is as expected.
    pub outcome: Badge,
}

/// An action a pack has something to say about, as a row.
#[derive(Debug, Clone)]
pub struct ReachRow {
    /// The action.
    pub action: String,
    /// The permission it needs.
    pub need: String,
    /// The policies that can match it, and rules of `mfa.json`.
    pub by: Vec<String>,
}

/// What people must have shown of themselves, as a row.
#[derive(Debug, Clone)]
pub struct ProofRow {
    /// Its number.
    pub number: usize,
    /// The actions it is about.
    pub actions: Vec<String>,
    /// What is asked, in words.
    pub asks: String,
}

/// What a pack asks for about a class of personal data, as a row.
#[derive(Debug, Clone)]
pub struct FloorRow {
    /// Its name.
    pub class: &'static str,
    /// What it is, in words.
    pub says: &'static str,
    /// For each channel what is done at least, and from which confidence on when that is not the usual one.
    pub cells: Vec<Option<(Badge, Option<String>)>>,
}

/// A template of a role that comes with a pack, as a row.
#[derive(Debug, Clone)]
pub struct PackRoleRow {
    /// Its name.
    pub name: String,
    /// Its name as people read it.
    pub title: String,
    /// What it is for.
    pub says: String,
    /// Whose it can be, in words.
    pub holders: &'static str,
    /// What it carries.
    pub permissions: Vec<&'static str>,
}

/// What would become of such a template, as a row.
#[derive(Debug, Clone)]
pub struct RoleChangeRow {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub then: Badge,
    /// Why it cannot be made, when it cannot.
    pub why: Option<String>,
    /// What whoever holds it gains.
    pub gains: Vec<String>,
    /// What they lose.
    pub loses: Vec<String>,
    /// How many hold it.
    pub held_by: i64,
}

/// A rule of `limits.json` or `tools.json`, as a row.
#[derive(Debug, Clone)]
pub struct PartRow {
    /// Its name, as entries say it.
    pub rule: String,
    /// For whom it stands.
    pub whom: String,
    /// What it says, a line for each thing.
    pub says: Vec<String>,
}

/// What was found in a pack.
#[derive(Debug, Clone)]
pub struct PackFindingRow {
    /// File, line and column.
    pub place: String,
    /// What.
    pub says: String,
    /// Whether it keeps the pack out.
    pub error: bool,
}

/// `/policies/packs/{id}`: what is in a pack.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/pack.html")]
pub struct PackPage {
    /// What surrounds it.
    pub shell: Shell,
    /// For paths.
    pub id: String,
    /// Name and version.
    pub title: String,
    /// How it stands.
    pub state: Badge,
    /// What it is for.
    pub description: Option<String>,
    /// The version for people.
    pub label: Option<String>,
    /// What it does to what is granted, in a sentence.
    pub mode: &'static str,
    /// Whose it can be, in words.
    pub organization: &'static str,
    /// The engines it was written for.
    pub engines: Option<(u32, u32)>,
    /// After when it cannot come into force.
    pub expires: Option<When>,
    /// The hash of its document.
    pub sha256: String,
    /// The key that signed it, and how that stands now.
    pub signer: (String, Option<Badge>),
    /// When it was uploaded.
    pub uploaded: When,
    /// What this server finds in it.
    pub findings: Vec<PackFindingRow>,
    /// Its policies, by file.
    pub policies: Vec<(String, String)>,
    /// Its tests.
    pub tests: Vec<PackTestRow>,
    /// How many of them end as expected.
    pub passed: usize,
    /// What people must have shown.
    pub proofs: Vec<ProofRow>,
    /// The channels of the floor, in words.
    pub channels: Vec<&'static str>,
    /// The least it lets be done about personal data.
    pub floor: Vec<FloorRow>,
    /// How long values may be kept at most, in seconds, when it says so.
    pub keep_seconds: Option<u64>,
    /// The templates of roles that come with it.
    pub roles: Vec<PackRoleRow>,
    /// What it limits.
    pub limits: Vec<PartRow>,
    /// Which tools it lets be offered to a model.
    pub tools: Vec<PartRow>,
    /// What it touches.
    pub reach: Vec<ReachRow>,
    /// How many actions it closes to everybody.
    pub closes: usize,
    /// What it says for readers.
    pub read_me: Option<String>,
    /// When it was tried last.
    pub tried: Option<When>,
    /// Whether it is in force.
    pub in_force: bool,
    /// Whether this person may try and activate it.
    pub may_manage: bool,
}

impl PackPage {
    /// Whether something keeps it out.
    pub(crate) fn unsound(&self) -> bool {
        self.findings.iter().any(|found| found.error)
    }
}

/// A recorded decision that would have been another, as a row.
#[derive(Debug, Clone)]
pub struct DecisionRow {
    /// The entry, for paths.
    pub entry: String,
    /// When.
    pub at: When,
    /// What kind of principal.
    pub actor: Actor,
    /// Who.
    pub who: String,
    /// The action.
    pub action: String,
    /// Why it would be refused, or was.
    pub why: String,
    /// The policies.
    pub policies: Vec<String>,
}

/// What a dry run counted.
#[derive(Debug, Clone)]
pub struct DryRunTold {
    /// When it was.
    pub at: When,
    /// The pack in force then, as entries say it.
    pub against: Option<String>,
    /// How many entries were looked at.
    pub entries: u64,
    /// How many decisions of them could be told.
    pub replayed: u64,
    /// How many could not.
    pub unknown: u64,
    /// How many that were allowed would have been refused.
    pub would_refuse: u64,
    /// How many that were refused would have been allowed.
    pub would_allow: u64,
    /// The first of those that would have been refused.
    pub refused: Vec<DecisionRow>,
    /// The first of those that would have been allowed.
    pub allowed: Vec<DecisionRow>,
    /// What would have been done about personal data, when a floor comes or goes.
    pub personal: Option<FloorTold>,
    /// What would become of the templates of roles that come with it.
    pub roles: Vec<RoleChangeRow>,
    /// What would change in limits and about tools.
    pub parts: Vec<PartTold>,
    /// The hash of what is shown.
    pub sha256: String,
}

/// What other limits, or other rules about tools, would have done.
#[derive(Debug, Clone)]
pub struct PartTold {
    /// What it is about.
    pub title: &'static str,
    /// The rules in force now.
    pub before: Vec<String>,
    /// The rules in force then.
    pub after: Vec<String>,
    /// What can be told of recorded calls.
    pub counted: Vec<String>,
    /// What cannot.
    pub unknown: Vec<String>,
}

/// What another floor would have done about what was found lately.
#[derive(Debug, Clone)]
pub struct FloorTold {
    /// How many entries about calls were looked at.
    pub looked_at: u64,
    /// In how many something would have changed.
    pub changed: u64,
    /// By channel and class.
    pub shifts: Vec<ShiftRow>,
    /// What cannot be told.
    pub unknown: Vec<String>,
}

/// `/policies/packs/{id}/dry-run`: what a pack would have done, and the way to put it into force.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/pack_dry_run.html")]
pub struct PackDryRun {
    /// What surrounds it.
    pub shell: Shell,
    /// For paths.
    pub id: String,
    /// Name and version.
    pub title: String,
    /// What was shown last; nothing before the first time.
    pub told: Option<DryRunTold>,
    /// Why it cannot be activated on what is shown, when it cannot.
    pub stale: Option<&'static str>,
    /// Whether this person may put it into force.
    pub may_manage: bool,
    /// Whether they have to confirm who they are first.
    pub must_confirm: bool,
    /// For how many minutes what is shown counts.
    pub minutes: u64,
}

/// `/policies/keys/new`: a key to be trusted.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/pack_key_new.html")]
pub struct PackKeyNew {
    /// What surrounds it.
    pub shell: Shell,
    /// `name`, `key`, `until`; POST to `/policies/keys/new`.
    pub form: Form,
    /// Whether they have to confirm who they are before it is written.
    pub must_confirm: bool,
}
