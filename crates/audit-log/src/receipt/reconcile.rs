//! Receipts held against a log: is each promised leaf where it was promised to be?

use std::collections::HashMap;
use std::io;

use serde::Serialize;
use uuid::Uuid;

use super::{Receipt, Unverified};
use crate::entry::{At, EntryView};
use crate::hash::{Hash, leaf_hash};
use crate::jws::JwsError;
use crate::note::VerifierKey;
use crate::source::{TileSource, read_tile};
use crate::tiles::{TILE_WIDTH, TileKind, TilePath, decode_bundle, decode_tile};
use crate::verify::{Report, Verdict};

/// Most receipts that are held against a log at once.
pub const RECEIPTS_MAX: usize = 1_000_000;

/// An entry that is younger than a receipt by so much stands behind the receipt's entry in the log, whichever machine wrote
/// it: their clocks do not differ by more. In seconds.
pub const SETTLED_SECONDS: i64 = 5;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What became of a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// The log holds exactly this leaf.
    Kept {
        /// Where.
        index: u64,
    },
    /// The log holds another leaf under the entry's id.
    Changed {
        /// Where.
        index: u64,
    },
    /// The log goes on after the entry's time, and does not hold it.
    Missing,
    /// The log ends before the entry could be in it.
    Pending,
    /// None of the keys is the one that it names.
    UnknownKey,
    /// It is not signed with the key that it names.
    Forged,
    /// The line is no receipt.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Fate {
    /// What it proves, and no more than that.
    pub const fn proves(&self) -> &'static str {
        match self {
            Self::Kept { .. } => "the promise was kept",
            Self::Changed { .. } => {
                "this proves that the log was rewritten: its key promised another entry under this id"
            }
            Self::Missing => {
                "this proves that the entry was on record and was taken out, or never let in, although the log's key had \
                 promised it; unless the log lost its end and says so (log.epoch_began)"
            }
            Self::Pending => "this proves nothing yet: the log ends before it; compare with a newer copy",
            Self::UnknownKey => {
                "this proves nothing: it is signed for another log, or with the key of an earlier epoch (--receipt-key)"
            }
            Self::Forged => "this proves nothing about the log: the log's key did not sign it",
            Self::Unreadable { .. } => "this proves nothing: it is no receipt",
        }
    }

    /// Whether it shows that the log is not what was promised.
    pub const fn is_broken(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Missing)
    }

    /// Whether the promise was kept.
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Kept { .. })
    }
}

/// A receipt and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// The number of its line, counted from 1.
    pub line: usize,
    /// What it says; `None` when it does not read.
    pub receipt: Option<Receipt>,
    /// What became of it.
    pub fate: Fate,
}

/// Promises that are looked for, by leaf and by entry.
#[derive(Default)]
struct Sought {
    by_leaf: HashMap<Hash, Vec<usize>>,
    by_id: HashMap<Uuid, Vec<usize>>,
}

/// Holds the receipts on `lines`, one a line, against a log that was just verified. `keys` are the log's, those of its earlier
/// epochs included. Empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// When the log's files cannot be read any more.
pub fn reconcile<'l, S: TileSource + ?Sized>(
    source: &S,
    report: &Report,
    keys: &[VerifierKey],
    lines: impl Iterator<Item = &'l str>,
) -> io::Result<Vec<Reconciled>> {
    let (mut all, mut sought) = (Vec::new(), Sought::default());
    for (line, text) in lines.enumerate().take(RECEIPTS_MAX) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let reconciled = opened(line + 1, text, keys, report);
        if let (Some(receipt), Fate::Missing | Fate::Pending) = (&reconciled.receipt, &reconciled.fate) {
            sought.by_leaf.entry(receipt.leaf).or_default().push(all.len());
            sought.by_id.entry(receipt.entry).or_default().push(all.len());
        }
        all.push(reconciled);
    }
    if report.verdict() == Verdict::Untrusted {
        return Ok(all);
    }
    find_hashes(source, report.size, &mut sought, &mut all)?;
    if !sought.by_leaf.is_empty() {
        find_entries(source, report.size, &mut sought, &mut all)?;
    }
    Ok(all)
}

/// Reads a line. What is genuine is missing, or pending, until it is found.
fn opened(line: usize, text: &str, keys: &[VerifierKey], report: &Report) -> Reconciled {
    let read = match Unverified::parse(text) {
        Ok(read) => read,
        Err(error) => {
            return Reconciled { line, receipt: None, fate: Fate::Unreadable { reason: error.to_string() } };
        }
    };
    let fate = match read.verify(keys) {
        Ok(receipt) if is_settled(receipt, report) => Fate::Missing,
        Ok(_) => Fate::Pending,
        Err(JwsError::UnknownKey) => Fate::UnknownKey,
        Err(_) => Fate::Forged,
    };
    Reconciled { line, receipt: Some(read.claims().clone()), fate }
}

/// Whether the log holds entries that can only have come after the receipt was signed. An entry is committed before its
/// receipt is signed, and what is committed first gets its place first.
fn is_settled(receipt: &Receipt, report: &Report) -> bool {
    let last = report.last_at.as_deref().and_then(|at| at.parse::<At>().ok());
    let by = receipt.signed_at.saturating_add(SETTLED_SECONDS).saturating_mul(MICROS_PER_SECOND);
    report.verdict() != Verdict::Untrusted && last.is_some_and(|last| last.unix_micros() >= by)
}

/// Looks through the hashes of all leaves, which the verification has compared with the entries and the signed root.
fn find_hashes<S: TileSource + ?Sized>(
    source: &S,
    size: u64,
    sought: &mut Sought,
    all: &mut [Reconciled],
) -> io::Result<()> {
    for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        if sought.by_leaf.is_empty() {
            return Ok(());
        }
        let width = TilePath::width_at(TileKind::Hashes { level: 0 }, index, size);
        let Some((path, content)) = read(source, TilePath::hashes(0, index, width).ok())? else { continue };
        let Ok(hashes) = decode_tile(&content, path.width()) else { continue };
        for (position, hash) in hashes.iter().take(usize::from(width)).enumerate() {
            keep(sought, all, hash, index * u64::from(TILE_WIDTH) + position as u64);
        }
    }
    Ok(())
}

/// Looks for what is still missing among the entries themselves: where a hash tile was damaged, or other words stand under the
/// entry's id.
fn find_entries<S: TileSource + ?Sized>(
    source: &S,
    size: u64,
    sought: &mut Sought,
    all: &mut [Reconciled],
) -> io::Result<()> {
    for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        let width = TilePath::width_at(TileKind::Entries, index, size);
        let Some((_, content)) = read(source, TilePath::entries(index, width).ok())? else { continue };
        for (position, entry) in decode_bundle(&content).take(usize::from(width)).enumerate() {
            let Ok(entry) = entry else { break };
            let at = index * u64::from(TILE_WIDTH) + position as u64;
            keep(sought, all, &leaf_hash(entry), at);
            let Ok(view) = EntryView::parse(entry) else { continue };
            for &number in sought.by_id.get(&view.id).into_iter().flatten() {
                if !all[number].fate.is_kept() {
                    all[number].fate = Fate::Changed { index: at };
                }
            }
        }
    }
    Ok(())
}

fn keep(sought: &mut Sought, all: &mut [Reconciled], leaf: &Hash, index: u64) {
    for number in sought.by_leaf.remove(leaf).into_iter().flatten() {
        all[number].fate = Fate::Kept { index };
    }
}

fn read<S: TileSource + ?Sized>(
    source: &S,
    path: Option<TilePath>,
) -> io::Result<Option<(TilePath, Vec<u8>)>> {
    let Some(path) = path else { return Ok(None) };
    match read_tile(source, path) {
        Ok((path, content)) => Ok(content.map(|content| (path, content))),
        // The verification has named it.
        Err((_, error)) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err((_, error)) => Err(error),
    }
}
