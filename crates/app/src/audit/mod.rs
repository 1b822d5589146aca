//! The audit log: reading it, taking it away to verify it elsewhere, and keeping it (see [`jobs`]).

mod anchors;
pub mod archive;
mod events;
mod export;
pub mod jobs;
mod kinds;
pub(crate) mod personal;
mod receipts;
pub mod retention;
mod search;
mod signing;
mod tail;
mod tiles;
pub mod witnessed;

use std::collections::HashMap;
use std::sync::Arc;

use audit_log::entry::EntryView;
use audit_log::tiles::TILE_WIDTH;
pub use audit_log::{Entry, Format};
use audit_log::{Hash, Shown, TilePath, VerifierKey, leaf_hash};
use gates::{Action, Draft, Pass, Read, Receipt, Tx};
use kernel::{EntryId, EventKind, Permission, Problem, Timestamp};
use store::audit::{Placed, Signed};

pub use anchors::{InstanceHead, WitnessState, Witnessing, anchor, standing, witnessing};
pub use events::{
    EVENTS_ROWS_DEFAULT, EVENTS_ROWS_MAX, Events, EventsAsked, Sought, SoughtWords, events, kinds_read,
};
pub(crate) use export::{CHUNK_ENTRIES, RENEW_CHUNKS, verifier};
pub use export::{Export, ExportError, INSTANCE_VKEY_FILE, VKEY_FILE, export};
pub use kinds::page as kinds_page;
pub use receipts::{EntryReceipt, Receipts, receipt};
pub use search::{
    Bar, Chart, Found, OneRequest, REQUEST_ROWS_MAX, SLICE_ROWS_MAX, Search, SearchWords, Turn, entries,
    explore, recorded, request,
};
pub use signing::{Began, HeadMemory, Lost};
pub use store::heads::{Alarm, AlarmKind};
pub use tail::{KnowAgain, STAY_SECONDS_MAX, Tail, TailAsked, Tails, follow};
pub(crate) use tiles::Eyes;
pub use tiles::{prove, tile};

use crate::action;

action! {
    /// Reads entries.
    ReadEntries = "audit.read", AuditRead, Principal, Read
}

action! {
    /// Takes the whole log away as a folder of tiles.
    ExportLog = "audit.export", AuditExport, Principal, Record, Fresh
}

action! {
    /// Asks for a checkpoint that covers everything written so far.
    RequestCheckpoint = "audit.checkpoint", AuditExport, Principal, Record
}

action! {
    /// Reads the newest checkpoint.
    ReadCheckpoint = "audit.checkpoint.read", AuditRead, Principal, Read
}

action! {
    /// Proves that an entry stands in the log.
    ProveEntry = "audit.prove", AuditRead, Principal, Record
}

action! {
    /// Reads the log tile by tile, as monitors do.
    ReadTile = "audit.read_tile", AuditExport, Principal, Read
}

action! {
    /// Takes events away in a format of people's tools and security monitors.
    ReadEvents = "audit.export_events", AuditExport, Principal, Record
}

action! {
    /// Follows the log as it grows.
    FollowLog = "audit.follow", AuditRead, Principal, Record
}

action! {
    /// Reads the catalogue of kinds.
    ReadKinds = "audit.list_kinds", AuditRead, Principal, Record
}

/// An entry with its place in the log.
#[derive(Debug, Clone)]
pub struct EntryRecord {
    /// Its id.
    pub id: EntryId,
    /// Its index in the log; `None` for the fraction of a second before it has one.
    pub index: Option<u64>,
    /// Its hash as a leaf.
    pub leaf_hash: Hash,
    /// The bytes that were hashed: canonical JSON (RFC 8785).
    pub leaf: Vec<u8>,
    /// What is shown of the personal values it commits to; `None` when it commits to none.
    pub shown: Option<Shown>,
}

impl EntryRecord {
    fn bare(placed: Placed) -> Self {
        let index = placed.seq.and_then(|seq| u64::try_from(seq).ok());
        Self { id: placed.id, index, leaf_hash: leaf_hash(&placed.leaf), leaf: placed.leaf, shown: None }
    }
}

impl EntryRecord {
    /// The entry, parsed, with personal values in the place of their commitments: what people look at. What is proven is
    /// [`EntryRecord::leaf`].
    pub fn entry(&self) -> Option<Entry> {
        let mut view = EntryView::parse(&self.leaf).ok()?;
        if let Some(shown) = &self.shown {
            view.data = &shown.data;
        }
        view.to_entry().ok()
    }
}

/// Most people, and most agents, whose names are read with a page of the log.
const NAMES_ROWS_MAX: i64 = 1_000;

/// What people and agents are called: entries know them by their ids alone.
#[derive(Debug, Clone, Default)]
pub struct Names {
    people: HashMap<String, String>,
    agents: HashMap<String, String>,
}

impl Names {
    /// What somebody of this id is called.
    pub fn of(&self, id: &str) -> Option<&str> {
        self.people.get(id).or_else(|| self.agents.get(id)).map(String::as_str)
    }

    /// The people: id and name, by name.
    pub fn people(&self) -> impl Iterator<Item = (&str, &str)> {
        by_name(&self.people)
    }

    /// The agents: id and name, by name.
    pub fn agents(&self) -> impl Iterator<Item = (&str, &str)> {
        by_name(&self.agents)
    }

    /// With somebody who is known already.
    #[must_use]
    pub fn with(mut self, id: String, name: &str) -> Self {
        self.people.insert(id, name.to_owned());
        self
    }

    /// Whether there are any agents.
    pub fn has_agents(&self) -> bool {
        !self.agents.is_empty()
    }
}

fn by_name(names: &HashMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    let mut all: Vec<_> = names.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    all.sort_unstable_by_key(|(id, name)| (name.to_lowercase(), *id));
    all.into_iter()
}

/// The names that a reader of the log may see, read under the pass that reads the log: one look, one entry.
///
/// # Errors
/// When the database cannot be used.
pub async fn names<A: Action<Mode = Read>>(pass: &mut Pass<A>) -> Result<Names, Problem> {
    let mut names = Names::default();
    let caller = pass.principal();
    if caller.capabilities().has(Permission::MembersRead) {
        let members = store::members::list(pass.tx(), None, NAMES_ROWS_MAX).await?;
        names.people = members.into_iter().map(|member| (member.account.to_string(), member.name)).collect();
    }
    if caller.capabilities().has(Permission::AgentsRead) {
        let agents = store::agents::list(pass.tx(), None, NAMES_ROWS_MAX).await?;
        names.agents = agents.into_iter().map(|agent| (agent.id.to_string(), agent.name)).collect();
    }
    Ok(names)
}

/// Alarms about the log that nobody has settled, read under the pass that reads the log.
///
/// # Errors
/// When the database cannot be used.
pub async fn alarms<A: Action<Mode = Read>>(pass: &mut Pass<A>) -> Result<Vec<Alarm>, Problem> {
    Ok(store::heads::own_alarms(pass.tx()).await?)
}

/// The key of the log, read under the pass that reads the log; `None` before its first entry has a place.
///
/// # Errors
/// When the database cannot be used.
pub async fn key<A: Action<Mode = Read>>(pass: &mut Pass<A>) -> Result<Option<VerifierKey>, Problem> {
    let identity = store::audit::identity(pass.tx()).await?;
    identity.map(|(origin, public)| export::key(&origin, &public)).transpose()
}

async fn here(pass: &mut Pass<ReadEntries>, id: EntryId) -> Result<Option<EntryRecord>, Problem> {
    let Some(placed) = store::audit::entry(pass.tx(), id).await? else { return Ok(None) };
    let vault = Arc::clone(pass.vault());
    let record = personal::records(&vault, pass.tx(), vec![placed]).await?.pop();
    record.ok_or_else(Problem::internal).map(Some)
}

/// One entry.
pub async fn entry(mut pass: Pass<ReadEntries>, id: EntryId) -> Result<(EntryRecord, Receipt), Problem> {
    if let Some(record) = here(&mut pass, id).await? {
        let draft = Draft::done(EventKind::AuditRead).subject("entry", id);
        return Ok((record, pass.seal(draft).await?));
    }
    let problem = missing(pass.tx(), id).await?;
    Err(pass.fail(Draft::failed(EventKind::AuditRead), problem).await)
}

/// Entries of one file of an archive.
pub const BUNDLE_ENTRIES: u64 = TILE_WIDTH as u64;

/// Where an entry is.
#[derive(Debug, Clone)]
pub enum Whereabouts {
    /// In the database.
    Here(EntryRecord),
    /// In an archive, and not in the database any more.
    Archived(Archived),
}

/// An entry that is in an archive: what is still known of it here.
#[derive(Debug, Clone)]
pub struct Archived {
    /// Its id.
    pub id: EntryId,
    /// Its index in the log.
    pub index: u64,
    /// Its hash as a leaf, which stays.
    pub leaf_hash: Hash,
    /// The file of the archive that holds it, one of whole bundles of entries (C2SP `tlog-tiles`).
    pub bundle: String,
    /// The archive.
    pub archive: retention::Archive,
}

/// One entry, or in which archive it is: for a page that shows either.
///
/// # Errors
/// Not found when the log never had it.
pub async fn find(mut pass: Pass<ReadEntries>, id: EntryId) -> Result<(Whereabouts, Receipt), Problem> {
    let found = match here(&mut pass, id).await? {
        Some(record) => Some(Whereabouts::Here(record)),
        None => archived(pass.tx(), id).await?.map(Whereabouts::Archived),
    };
    match found {
        Some(found) => Ok((found, pass.seal(Draft::done(EventKind::AuditRead).subject("entry", id)).await?)),
        None => Err(pass.fail(Draft::failed(EventKind::AuditRead), Problem::not_found()).await),
    }
}

async fn archived(tx: &mut Tx, id: EntryId) -> Result<Option<Archived>, Problem> {
    let Some((seq, archive)) = store::retention::archived_entry(tx, id).await? else { return Ok(None) };
    let hash = store::audit::hashes(tx, seq, 1).await?.pop().ok_or_else(Problem::internal)?;
    let (index, leaf_hash) = (seq.unsigned_abs(), Hash::try_from(hash.as_slice()));
    let leaf_hash = leaf_hash.map_err(|_| Problem::internal())?;
    let bundle = TilePath::entries(index / BUNDLE_ENTRIES, TILE_WIDTH);
    let bundle = bundle.map_err(|_| Problem::internal())?.to_string();
    Ok(Some(Archived { id, index, leaf_hash, bundle, archive }))
}

/// The answer for an entry that is not in the database: in which archive it is, when it is in one.
async fn missing(tx: &mut Tx, id: EntryId) -> Result<Problem, Problem> {
    let archived = store::retention::archived_entry(tx, id).await?;
    Ok(archived.map_or_else(Problem::not_found, |(_, archive)| retention::elsewhere(&archive)))
}

/// A signed checkpoint and the key that verifies it.
#[derive(Debug, Clone)]
pub struct CheckpointRecord {
    /// The signed note (C2SP `tlog-checkpoint`).
    pub note: String,
    /// The key, as `name+id+base64`.
    pub vkey: String,
    /// Entries it covers.
    pub size: u64,
    /// When it was signed.
    pub signed_at: Timestamp,
}

impl TryFrom<Signed> for CheckpointRecord {
    type Error = Problem;

    fn try_from(signed: Signed) -> Result<Self, Problem> {
        let vkey = export::verifier(&signed)?.to_string();
        let (size, signed_at) = (signed.size.unsigned_abs(), signed.signed_at);
        Ok(Self { note: signed.note, vkey, size, signed_at })
    }
}

/// The newest checkpoint.
pub async fn checkpoint(mut pass: Pass<ReadCheckpoint>) -> Result<(CheckpointRecord, Receipt), Problem> {
    match store::audit::newest_checkpoint(pass.tx()).await? {
        Some(signed) => {
            let record = signed.try_into()?;
            Ok((record, pass.seal(Draft::done(EventKind::AuditRead)).await?))
        }
        None => Err(pass.fail(Draft::failed(EventKind::AuditRead), Problem::not_found()).await),
    }
}

/// How it stands with the log's heads.
#[derive(Debug, Clone)]
pub struct Heads {
    /// The newest checkpoint; `None` before the first.
    pub checkpoint: Option<CheckpointRecord>,
    /// What is wrong and not settled.
    pub alarms: Vec<Alarm>,
    /// The instance's log and its witnesses.
    pub witnessing: Witnessing,
    /// How long the log is kept, and where its beginning is.
    pub keeping: retention::Keeping,
}

/// How it stands with the log's heads: one look, one entry.
pub async fn heads(
    mut pass: Pass<ReadCheckpoint>,
    sequencer: &jobs::Sequencer,
) -> Result<(Heads, Receipt), Problem> {
    let checkpoint = store::audit::newest_checkpoint(pass.tx()).await?.map(TryInto::try_into).transpose()?;
    let alarms = alarms(&mut pass).await?;
    let now = pass.vault().clock().now();
    let keeping = retention::looked_at(pass.tx(), now).await?;
    let witnessing = standing(sequencer).await?;
    let receipt = pass.seal(Draft::done(EventKind::AuditRead)).await?;
    Ok((Heads { checkpoint, alarms, witnessing, keeping }, receipt))
}

/// Signs a checkpoint over everything written so far, this request included.
pub async fn request_checkpoint(
    pass: Pass<RequestCheckpoint>,
    sequencer: &jobs::Sequencer,
) -> Result<(CheckpointRecord, Receipt), Problem> {
    let receipt = pass.record(Draft::done(EventKind::CheckpointRequested)).await?;
    sequencer.settle(pass.tenant(), receipt.entry()).await?;
    let mut tx = pass.read().await?;
    let signed = store::audit::newest_checkpoint(&mut tx).await?.ok_or_else(Problem::internal)?;
    Ok((signed.try_into()?, receipt))
}
