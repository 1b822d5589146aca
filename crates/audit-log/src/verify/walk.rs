//! The walk over a log from the left.

use crate::checkpoint::Checkpoint;
use crate::entry::{At, EntryView};
use crate::hash::{Hash, leaf_hash};
use crate::pruned::{Pruned, root_at};
use crate::source::{TileSource, read_tile};
use crate::tiles::{TILE_HEIGHT, TILE_WIDTH, TileKind, TilePath, decode_bundle, decode_tile, tile_root};
use crate::tree::Frontier;

use super::align::{Difference, differences};
use super::ids::{DUPLICATE_WINDOW_ENTRIES, Duplicate, Ids};
use super::personal::Disclosed;
use super::report::{Finding, FindingKind, Report};
use super::{LogVerifier, Progress};

/// Tiles in a row of which neither bundle nor hashes are there, after which the log is held to end.
const MISSING_RUN_TILES_MAX: u32 = 16;

/// Entries beyond its width that are looked at in a bundle: a file of nothing but empty entries would hold millions.
const EXTRA_ENTRIES_MAX: usize = TILE_WIDTH as usize;

/// The tile being filled at one level. `None` stands for a hash that nothing is known about.
#[derive(Default)]
struct Row {
    index: u64,
    /// From the entries.
    computed: Vec<Option<Hash>>,
    /// From the stored tiles below, at level 0 from the stored tile itself.
    stored: Vec<Option<Hash>>,
}

struct Walk<'w, S: ?Sized> {
    verifier: &'w LogVerifier<'w>,
    source: &'w S,
    size: u64,
    report: &'w mut Report,
    rows: Vec<Row>,
    ids: Ids,
    span: Option<(At, At)>,
    /// Bundles that are not there: the first of each run and the one after its last.
    absent: Vec<(u64, u64)>,
    /// What the entries say of the log's beginning.
    pruned: Option<Pruned>,
    disclosed: Disclosed,
}

pub(super) fn walk<S: TileSource + ?Sized>(
    verifier: &LogVerifier<'_>,
    source: &S,
    checkpoint: &Checkpoint,
    report: &mut Report,
    on_progress: &mut dyn FnMut(Progress),
) {
    report.tenant = verifier.tenant;
    let ids = Ids::new(DUPLICATE_WINDOW_ENTRIES);
    let size = checkpoint.size();
    let mut walk = Walk {
        verifier,
        source,
        size,
        report,
        rows: vec![Row::default()],
        ids,
        span: None,
        absent: Vec::new(),
        pruned: None,
        disclosed: Disclosed::default(),
    };
    walk.check_older_sizes(checkpoint);
    let mut missing_run = 0;
    let mut complete = true;
    for tile in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        let there = walk.leaf_tile(tile);
        missing_run = if there { 0 } else { missing_run + 1 };
        let done = (tile + 1).saturating_mul(u64::from(TILE_WIDTH)).min(size);
        on_progress(Progress { entries_done: done, entries_total: size });
        if missing_run == MISSING_RUN_TILES_MAX && done < size {
            let detail = "neither entries nor hashes are there; the rest of the log was not looked at";
            walk.report.add(Finding::new(FindingKind::LogTruncated, detail).entries(done, size - 1));
            complete = false;
            break;
        }
    }
    walk.settle_absent();
    if complete {
        walk.finish(checkpoint);
    }
    walk.summarize();
}

impl<S: TileSource + ?Sized> Walk<'_, S> {
    fn check_older_sizes(&mut self, checkpoint: &Checkpoint) {
        for older in &self.verifier.older {
            if older.origin() != checkpoint.origin() {
                let detail = format!("the earlier checkpoint is of {}", older.origin());
                self.report.add(Finding::new(FindingKind::OriginMismatch, detail));
            } else if older.size() > self.size {
                let detail = format!("an earlier checkpoint was of {} entries", older.size());
                self.report.add(Finding::new(FindingKind::RolledBack, detail));
            } else if older.size() == 0 {
                self.report.continues.push(0);
            }
        }
    }

    /// Reads a tile or bundle; what is wrong with the file is noted, except that a bundle is not there, which may be right.
    /// `None` when there is nothing to use.
    fn read(&mut self, path: TilePath) -> Option<(TilePath, Vec<u8>)> {
        let (kind, path, detail) = match read_tile(self.source, path) {
            Ok((path, Some(content))) => return Some((path, content)),
            Ok((path, None)) if path.kind() == TileKind::Entries => {
                match self.absent.last_mut() {
                    Some((_, past)) if *past == path.index() => *past += 1,
                    _ => self.absent.push((path.index(), path.index() + 1)),
                }
                return None;
            }
            Ok((path, None)) => (FindingKind::TileMissing, path, "the file is missing".to_owned()),
            Err((path, error)) => (FindingKind::Unreadable, path, error.to_string()),
        };
        let (first, last) = entries_under(path, 0, path.width());
        self.report.add(Finding::new(kind, detail).at(path).entries(first, last));
        None
    }

    /// Reads the hashes of a stored tile, cut to the width it has in this tree.
    fn read_hashes(&mut self, level: u8, index: u64) -> Option<Vec<Hash>> {
        let width = TilePath::width_at(TileKind::Hashes { level }, index, self.size);
        let wanted = TilePath::hashes(level, index, width).ok()?;
        let (path, content) = self.read(wanted)?;
        match decode_tile(&content, path.width()) {
            Ok(mut hashes) => {
                hashes.truncate(usize::from(width));
                Some(hashes)
            }
            Err(error) => {
                let (first, last) = entries_under(path, 0, width);
                let finding = Finding::new(FindingKind::TileMalformed, error.to_string());
                self.report.add(finding.at(path).entries(first, last));
                None
            }
        }
    }

    /// Reads a bundle and looks at each entry. Gives the leaf hashes; fewer or more than `width` when entries are
    /// missing or too many, `None` when the bundle cannot be read to its end.
    fn read_entries(&mut self, index: u64, width: u16) -> Option<Vec<Hash>> {
        let wanted = TilePath::entries(index, width).ok()?;
        let (path, content) = self.read(wanted)?;
        let base = index * u64::from(TILE_WIDTH);
        // A full bundle in place of a partial one holds later entries, which this tree does not have.
        let extra = if path == wanted { EXTRA_ENTRIES_MAX } else { 0 };
        let mut hashes = Vec::with_capacity(usize::from(width));
        for (position, entry) in decode_bundle(&content).take(usize::from(width) + extra).enumerate() {
            let at = base + position as u64;
            match entry {
                Ok(entry) if position < usize::from(width) => {
                    self.report.entries_read += 1;
                    self.report.entry_bytes += entry.len() as u64;
                    hashes.push(leaf_hash(entry));
                    if !self.verifier.opaque {
                        self.entry(at, entry, path);
                    }
                }
                Ok(entry) => hashes.push(leaf_hash(entry)),
                Err(error) => {
                    let last = base + u64::from(width) - 1;
                    let finding = Finding::new(FindingKind::BundleMalformed, error.to_string()).at(path);
                    self.report.add(finding.entries(at.min(last), last));
                    return None;
                }
            }
        }
        Some(hashes)
    }

    fn entry(&mut self, at: u64, leaf: &[u8], path: TilePath) {
        let entry = match EntryView::parse(leaf) {
            Ok(entry) => entry,
            Err(error) => {
                let finding = Finding::new(FindingKind::EntryMalformed, error.to_string());
                self.report.add(finding.at(path).entries(at, at));
                return;
            }
        };
        self.report.count_kind(entry.kind);
        if let Some(pruned) = Pruned::read(&entry, Some(at)) {
            self.pruned = Some(pruned.later(self.pruned.take()));
        }
        let (first, last) = self.span.unwrap_or((entry.at, entry.at));
        self.span = Some((first.min(entry.at), last.max(entry.at)));
        let tenant = *self.report.tenant.get_or_insert(entry.tenant);
        if tenant != entry.tenant {
            let detail = format!("the entry is of tenant {}", entry.tenant);
            self.report.add(Finding::new(FindingKind::TenantMismatch, detail).at(path).entries(at, at));
        }
        let duplicates = self.ids.push(entry.id, at);
        self.add_duplicates(duplicates);
        self.disclosed.check(self.source, at, &entry, self.report);
    }

    fn add_duplicates(&mut self, duplicates: Vec<Duplicate>) {
        for Duplicate { id, first, second } in duplicates {
            let detail = format!("the id {id} is already that of entry {first}");
            self.report.add(Finding::new(FindingKind::DuplicateId, detail).entries(second, second));
        }
    }

    /// Reads one bundle and its tile of leaf hashes and compares them. False when neither is there.
    fn leaf_tile(&mut self, index: u64) -> bool {
        let width = TilePath::width_at(TileKind::Entries, index, self.size);
        let entries = self.read_entries(index, width);
        let tile = self.read_hashes(0, index);
        let there = entries.is_some() || tile.is_some();
        if let (Some(entries), Some(tile)) = (&entries, &tile) {
            self.compare(index, width, entries, tile);
        } else if let Some(count) =
            entries.as_ref().map(Vec::len).filter(|&count| count != usize::from(width))
        {
            self.miscounted(index, width, count);
        }
        let usable = entries.filter(|entries| entries.len() == usize::from(width));
        let known = |hashes: &Vec<Hash>| hashes.iter().copied().map(Some).collect();
        let unknown = || vec![None; usize::from(width)];
        let computed = usable.as_ref().or(tile.as_ref()).map_or_else(unknown, known);
        let stored = tile.as_ref().or(usable.as_ref()).map_or_else(unknown, known);
        self.check_older_roots(index, &computed, &stored);
        self.rows[0] = Row { index, computed, stored };
        if width == TILE_WIDTH {
            self.carry(0);
        }
        there
    }

    /// Of the bundles that are not there: those that an entry says are archived are missing by right, if the root it gives is
    /// that of the hashes here.
    fn settle_absent(&mut self) {
        let absent = std::mem::take(&mut self.absent);
        let mut archived = 0;
        if let Some(pruned) = self.pruned.take().filter(|_| absent.first().is_some_and(|run| run.0 == 0)) {
            if root_at(self.source, pruned.size, self.size) == Some(pruned.root) {
                archived = pruned.size / u64::from(TILE_WIDTH);
                self.report.archived = Some(pruned);
            } else {
                let detail =
                    "an entry says that these are archived, and gives another root than the hashes here";
                let finding = Finding::new(FindingKind::Inconsistent, detail);
                self.report.add(finding.entries(0, pruned.size - 1));
            }
        }
        for index in absent.into_iter().flat_map(|(first, past)| first.max(archived)..past) {
            let width = TilePath::width_at(TileKind::Entries, index, self.size);
            let Ok(path) = TilePath::entries(index, width) else { continue };
            let (first, last) = entries_under(path, 0, width);
            let finding = Finding::new(FindingKind::BundleMissing, "the file is missing");
            self.report.add(finding.at(path).entries(first, last));
        }
    }

    fn compare(&mut self, index: u64, width: u16, entries: &[Hash], tile: &[Hash]) {
        let base = index * u64::from(TILE_WIDTH);
        let Ok(path) = TilePath::entries(index, width) else { return };
        for difference in differences(entries, tile) {
            let (kind, first, last, detail) = match difference {
                Difference::Changed(at) => {
                    (FindingKind::LeafChanged, at, at, "the entry is not the one the log was built from")
                }
                Difference::Moved(at) => {
                    (FindingKind::EntryMoved, at, at, "another entry of the log stands in this place")
                }
                Difference::Missing(first, last) => {
                    (FindingKind::EntryMissing, first, last, "missing from the bundle")
                }
                Difference::Extra(at, count) => {
                    (FindingKind::EntryExtra, at, at + count - 1, "the bundle holds what the log does not")
                }
            };
            let finding = Finding::new(kind, detail).at(path);
            self.report.add(finding.entries(base + first as u64, base + last as u64));
        }
    }

    /// A bundle with a wrong number of entries and no tile to tell which.
    fn miscounted(&mut self, index: u64, width: u16, count: usize) {
        let missing = count < usize::from(width);
        let kind = if missing { FindingKind::EntryMissing } else { FindingKind::EntryExtra };
        let Ok(path) = TilePath::entries(index, width) else { return };
        let (first, last) = entries_under(path, 0, width);
        let finding = Finding::new(kind, format!("the bundle holds {count} entries instead of {width}"));
        self.report.add(finding.at(path).entries(first, last));
    }

    /// Hands the full tile at `level` to the level above, as far up as tiles become full.
    fn carry(&mut self, mut level: usize) {
        loop {
            let index = self.rows[level].index;
            let root = |row: &[Option<Hash>]| {
                row.iter().copied().collect::<Option<Vec<_>>>().as_deref().and_then(tile_root)
            };
            let Row { computed, stored, .. } = &self.rows[level];
            let from_entries = root(computed);
            // Where the log is whole both sides are the same, and hashing is most of what a walk does.
            let from_tiles = if stored == computed { from_entries } else { root(stored) };
            let (computed, stored) = (from_entries, from_tiles);
            self.rows[level] = Row { index: index + 1, ..Row::default() };
            level += 1;
            if self.rows.len() == level {
                self.rows.push(Row::default());
            }
            let row = &mut self.rows[level];
            row.computed.push(computed);
            row.stored.push(stored);
            if row.computed.len() < usize::from(TILE_WIDTH) {
                return;
            }
            self.check_row(level);
        }
    }

    /// Compares the tile at `level` (1 or more) with the stored one and goes on with what is known.
    fn check_row(&mut self, level: usize) {
        let Row { index, mut computed, mut stored } = std::mem::take(&mut self.rows[level]);
        let height = u8::try_from(level).unwrap_or(u8::MAX);
        if let Some(tile) = self.read_hashes(height, index) {
            let width = u16::try_from(tile.len()).unwrap_or(TILE_WIDTH);
            let path = TilePath::hashes(height, index, width);
            for (position, (hash, (computed, stored))) in
                tile.into_iter().zip(computed.iter_mut().zip(&mut stored)).enumerate()
            {
                let position = u16::try_from(position).unwrap_or(u16::MAX);
                let (from_entries, from_tiles) = (*computed == Some(hash), *stored == Some(hash));
                if let Ok(path) = path
                    && (computed.is_some() || stored.is_some())
                {
                    let (first, last) = entries_under(path, position, 1);
                    if !from_entries && !from_tiles {
                        let detail = format!("hash {position} is not that of the tile below it");
                        let finding = Finding::new(FindingKind::TileMismatch, detail).at(path);
                        self.report.add(finding.entries(first, last));
                    } else if from_entries && !from_tiles && level == 1 {
                        self.blame_tile(first, last);
                    }
                }
                *computed = computed.or(Some(hash));
                *stored = Some(hash);
            }
        }
        self.rows[level] = Row { index, computed, stored };
    }

    /// The level above agrees with the entries from `first` to `last`: it was their stored hashes that changed.
    fn blame_tile(&mut self, first: u64, last: u64) {
        let inside = |finding: &&mut Finding| {
            matches!(finding.kind, FindingKind::LeafChanged | FindingKind::EntryMoved)
                && finding.first.is_some_and(|at| (first..=last).contains(&at))
        };
        for finding in self.report.findings.iter_mut().filter(inside) {
            finding.kind = FindingKind::TileMismatch;
            "the stored hash is not that of the entry, which is genuine".clone_into(&mut finding.detail);
            let tile = finding.first.and_then(|at| {
                let index = at / u64::from(TILE_WIDTH);
                TilePath::hashes(0, index, TilePath::width_at(TileKind::Entries, index, self.size)).ok()
            });
            finding.path = tile.map(|path| path.to_string());
        }
    }

    /// Root over everything before the current leaf tile and then `leaves`.
    fn root(&self, leaves: &[Option<Hash>], side: impl Fn(&Row) -> &Vec<Option<Hash>>) -> Option<Hash> {
        let mut tree = Frontier::new();
        for (level, row) in self.rows.iter().enumerate().skip(1).rev() {
            let height = u8::try_from(level).ok()?.checked_mul(TILE_HEIGHT)?;
            for hash in side(row) {
                tree.append_subtree(height, (*hash)?).ok()?;
            }
        }
        leaves.iter().try_for_each(|leaf| leaf.map(|leaf| tree.append(leaf)))?;
        Some(tree.root())
    }

    /// Compares the roots of earlier checkpoints that end in this leaf tile.
    fn check_older_roots(&mut self, index: u64, computed: &[Option<Hash>], stored: &[Option<Hash>]) {
        let verifier = self.verifier;
        let base = index * u64::from(TILE_WIDTH);
        for older in &verifier.older {
            let Some(inside) = older.size().checked_sub(base).and_then(|inside| usize::try_from(inside).ok())
            else {
                continue;
            };
            let same_log = self.report.origin.as_deref() == Some(older.origin().as_str());
            let Some((computed, stored)) = computed.get(..inside).zip(stored.get(..inside)) else { continue };
            if !same_log || inside == 0 {
                continue;
            }
            // Either side will do: an entry that does not fit its hash, or a hash its entry, is named by itself.
            let root = Some(*older.root());
            if self.root(computed, |row| &row.computed) == root
                || self.root(stored, |row| &row.stored) == root
            {
                self.report.continues.push(older.size());
            } else {
                let detail = "these entries are not those of the earlier checkpoint";
                let finding = Finding::new(FindingKind::Inconsistent, detail);
                self.report.add(finding.entries(0, older.size() - 1));
            }
        }
    }

    /// Checks the partial tiles and the root.
    fn finish(&mut self, checkpoint: &Checkpoint) {
        for level in 1..self.rows.len() {
            if !self.rows[level].computed.is_empty() {
                self.check_row(level);
            }
        }
        let computed = self.root(&self.rows[0].computed, |row| &row.computed);
        let stored = self.root(&self.rows[0].stored, |row| &row.stored);
        let signed = Some(*checkpoint.root());
        if computed == signed {
            // Whatever differed, the entries are those that were signed. Those that stood in for a missing
            // bundle have a finding of their own kind.
            if self.size > 0 {
                self.blame_tile(0, self.size - 1);
            }
            return;
        }
        if computed.is_none() {
            return;
        }
        let detail = if stored == signed {
            "the hash tiles lead to the signed root, the entries do not"
        } else if self.report.findings_total == 0 {
            "entries and hash tiles agree with each other and not with the signed root: both were rewritten"
        } else {
            "the entries do not lead to the signed root, nor do the hash tiles"
        };
        self.report.add(Finding::new(FindingKind::RootMismatch, detail).at(crate::CHECKPOINT_PATH));
    }

    fn summarize(&mut self) {
        self.disclosed.leave(self.report);
        let duplicates = self.ids.duplicates();
        self.add_duplicates(duplicates);
        if self.ids.forgot {
            self.report.duplicate_window_entries = Some(DUPLICATE_WINDOW_ENTRIES as u64 / 2);
        }
        self.report.first_at = self.span.map(|(first, _)| first.to_string());
        self.report.last_at = self.span.map(|(_, last)| last.to_string());
    }
}

/// First and last entry under `count` hashes (or entries) of a tile from `position` on.
fn entries_under(path: TilePath, position: u16, count: u16) -> (u64, u64) {
    let level = if let TileKind::Hashes { level } = path.kind() { level } else { 0 };
    let each = 1_u64.checked_shl(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(u64::MAX);
    let start = path.index().saturating_mul(u64::from(TILE_WIDTH)).saturating_add(u64::from(position));
    let first = start.saturating_mul(each);
    (first, first.saturating_add(each.saturating_mul(u64::from(count))) - 1)
}
