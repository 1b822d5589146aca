//! Evidence packs: what the log shows for the controls of a framework, signed, to be taken away.
//!
//! A pack is a part of a log at a signed state, and everything in it follows from that. So only a row is kept: which part,
//! and what the manifest hashes to. Taking a pack away makes it anew (`take`) and compares.

mod links;
mod make;
mod stamps;
mod take;

use std::collections::BTreeMap;

use evidence::{ControlMap, Framework};
use gates::{Draft, Pass, Receipt};
use kernel::limits::PAGE_ROWS_MAX;
use kernel::{EntryId, EventKind, EvidencePackId, Problem, Timestamp};
use serde::{Deserialize, Serialize};

pub use links::{Link, LinkToken, MakeLink, follow, link};
pub use make::{CreatePack, NewPack, create};
pub use stamps::{Asked, Authority, Unstamped, stamp};
pub use store::evidence::Pack;
pub use take::{BrokenOff, Download, DownloadPack, download};

use crate::action;
use crate::input::{Listed, Page};

/// The form of a pack's files. A change of it, or of the control map, would give other bytes: packs made before are then
/// made anew instead of taken away.
const FORM: &str = "2";
/// Kinds of entries that are counted for a coverage.
const KINDS_MAX: i64 = 4_096;

action! {
    /// Lists evidence packs.
    ListPacks = "evidence.list", AuditRead, Principal, Read
}

action! {
    /// Reads one evidence pack's record.
    ReadPack = "evidence.read", AuditRead, Principal, Read
}

action! {
    /// Reads what the log shows for the controls of a framework in a period.
    ReadCoverage = "evidence.coverage", AuditRead, Principal, Read
}

action! {
    /// Deletes an evidence pack. The log stays.
    DeletePack = "evidence.delete", AuditExport, Staff, Write
}

/// How many entries speak to a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The control.
    pub id: String,
    /// How many.
    pub entries: u64,
}

/// The control map that is built in.
///
/// # Errors
/// Never, as its tests pass.
pub fn control_map() -> Result<&'static ControlMap, Problem> {
    ControlMap::embedded().map_err(|error| {
        tracing::error!(%error, "the control map cannot be read");
        Problem::internal()
    })
}

/// What makes packs now.
fn maker() -> String {
    format!("{FORM}+{}", ControlMap::sha256())
}

/// The framework of this key, or of another name of it.
fn framework(map: &'static ControlMap, key: &str) -> Result<&'static Framework, Problem> {
    map.framework(key).ok_or_else(|| {
        let known: Vec<&str> = map.frameworks.iter().map(|framework| framework.id.as_str()).collect();
        Problem::invalid("/framework", format!("There is no such framework; there are {}.", known.join(", ")))
    })
}

/// The framework's key as a word of the product's own, for entries.
fn word(framework: &Framework) -> &'static str {
    const WORDS: [&str; 4] = ["eu-ai-act", "soc2", "nist-ai-rmf-1.0", "iso-42001"];
    WORDS.into_iter().find(|word| *word == framework.id).unwrap_or("other")
}

/// A period: from a moment on, up to and without another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From here on.
    pub from: Timestamp,
    /// Up to and without this.
    pub to: Timestamp,
}

impl Period {
    /// Checks a period: it ends after it begins, and not after `now`.
    ///
    /// # Errors
    /// Which end is wrong.
    pub fn parse(from: Timestamp, to: Timestamp, now: Timestamp) -> Result<Self, Problem> {
        if to <= from {
            return Err(Problem::invalid("/to", "The period ends before it begins."));
        }
        if to > now {
            return Err(Problem::invalid("/to", "The period must be over: it cannot end in the future."));
        }
        Ok(Self { from, to })
    }

    /// The ids of entries made in it lie between these: they begin with their time, in milliseconds.
    fn ids(self) -> (EntryId, EntryId) {
        (EntryId::first_at(self.from), EntryId::first_at(self.to))
    }
}

/// What the log shows for the controls of a framework.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// The framework.
    pub framework: &'static Framework,
    /// The version of the control map.
    pub map_version: &'static str,
    /// How many entries speak to each control, in its order.
    pub entries: Vec<u64>,
    /// All entries of the period.
    pub total: u64,
}

fn cover(map: &'static ControlMap, framework: &'static Framework, kinds: &BTreeMap<String, u64>) -> Coverage {
    let entries = framework.controls.iter().map(|control| control.events.count(kinds)).collect();
    Coverage { framework, map_version: &map.version, entries, total: kinds.values().sum() }
}

/// What the log shows for the controls of a framework in a period: what a pack of it would hold.
///
/// # Errors
/// When there is no such framework.
pub async fn coverage(
    mut pass: Pass<ReadCoverage>,
    key: &str,
    period: Period,
) -> Result<(Coverage, Receipt), Problem> {
    let map = control_map()?;
    let framework = match framework(map, key) {
        Ok(framework) => framework,
        Err(problem) => return Err(pass.fail(Draft::failed(EventKind::EvidenceRead), problem).await),
    };
    let (from, to) = period.ids();
    let found = store::evidence::kinds(pass.tx(), from, to, KINDS_MAX).await?;
    let kinds = found.into_iter().map(|(kind, count)| (kind, count.unsigned_abs())).collect();
    let draft = Draft::done(EventKind::EvidenceRead).fact("framework", word(framework));
    let covered = cover(map, framework, &kinds);
    Ok((covered, pass.seal(draft).await?))
}

/// A page of packs, newest first.
///
/// # Errors
/// When the database cannot be used.
pub async fn list(
    mut pass: Pass<ListPacks>,
    page: Page<EvidencePackId>,
) -> Result<(Listed<Pack, EvidencePackId>, Receipt), Problem> {
    let rows = page.rows.min(PAGE_ROWS_MAX);
    let found = store::evidence::list(pass.tx(), page.after, rows + 1).await?;
    let listed = Listed::cut(found, rows, |pack: &Pack| pack.id);
    let draft = Draft::done(EventKind::EvidenceRead).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft).await?))
}

/// One pack's record.
///
/// # Errors
/// When there is no such pack.
pub async fn read(mut pass: Pass<ReadPack>, id: EvidencePackId) -> Result<(Pack, Receipt), Problem> {
    let draft = |draft: Draft| draft.subject("evidence_pack", id);
    match store::evidence::read(pass.tx(), id).await? {
        Some(pack) => Ok((pack, pass.seal(draft(Draft::done(EventKind::EvidenceRead))).await?)),
        None => Err(pass.fail(draft(Draft::failed(EventKind::EvidenceRead)), Problem::not_found()).await),
    }
}

/// Deletes a pack: it can no longer be taken away, and links to it open nothing. The log stays as it is.
///
/// # Errors
/// When there is no such pack.
pub async fn delete(mut pass: Pass<DeletePack>, id: EvidencePackId) -> Result<Receipt, Problem> {
    let draft = |draft: Draft| draft.subject("evidence_pack", id);
    if store::evidence::delete(pass.tx(), id).await? {
        return pass.seal(draft(Draft::done(EventKind::EvidencePackDeleted))).await;
    }
    Err(pass.fail(draft(Draft::failed(EventKind::EvidencePackDeleted)), Problem::not_found()).await)
}

/// What a pack shows: its record's counts beside the controls of the built-in map.
///
/// # Errors
/// Never, as the map's tests pass.
pub fn shown(pack: &Pack) -> Result<Coverage, Problem> {
    let map = control_map()?;
    let counts: Vec<Shown> = serde_json::from_value(pack.controls.clone()).unwrap_or_default();
    let Some(framework) = map.framework(&pack.framework) else {
        return Err(Problem::internal());
    };
    let of = |id: &str| counts.iter().find(|shown| shown.id == id).map_or(0, |shown| shown.entries);
    let entries = framework.controls.iter().map(|control| of(&control.id)).collect();
    Ok(Coverage { framework, map_version: &map.version, entries, total: pack.included.unsigned_abs() })
}
