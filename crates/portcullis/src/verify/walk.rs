//! One log's tables, walked from the first leaf to the last.
//!
//! Two trees grow along the way: one of the stored hashes, one of the hashes that the entries' bytes give. Where they
//! part, the one that still agrees with what was signed tells whether the bytes or the stored hash were changed.

use std::collections::{BTreeMap, VecDeque};

use anyhow::Result;
use audit_log::entry::EntryView;
use audit_log::tiles::{decode_tile, encode_tile, tile_root};
use audit_log::{
    Checkpoint, DirSource, Frontier, Hash, KeyName, Note, Pruned, TilePath, TileSource as _, VerifierKey,
};
use crypto::Envelope;
use kernel::TenantId;
use sqlx::postgres::PgConnection;
use store::verify::{CheckpointRow, LeafRow, LogRow, UnplacedRow};
use uuid::Uuid;

use super::personal::{self, PersonalValues};
use super::rows::{Finding, FindingKind, Findings, Spot, check_entry};

/// Leaves read at once: at most 64 KiB each.
const LEAVES_AT_ONCE: i64 = 256;
/// Checkpoints read at once.
const CHECKPOINTS_AT_ONCE: i64 = 256;
/// Hashes of a full tile.
const TILE_HASHES: u64 = 256;

/// What is known of a log from outside the database.
#[derive(Default)]
pub(super) struct Known<'a> {
    /// Keys given by the operator.
    pub(super) keys: &'a [VerifierKey],
    /// An exported folder that was verified, and its checkpoint.
    pub(super) export: Option<(&'a DirSource, &'a Checkpoint)>,
    /// The instance's envelope, under which the keys of people lie.
    pub(super) envelope: Option<&'a Envelope>,
}

/// What a log was found to be.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct LogSummary {
    /// Whose log.
    pub(crate) tenant: TenantId,
    /// Its origin in its present epoch.
    pub(crate) origin: Option<String>,
    /// Its origins in all its epochs.
    pub(crate) origins: Vec<String>,
    /// The key the checkpoints of its present epoch were checked with.
    pub(crate) vkey: Option<String>,
    /// Leaves.
    pub(crate) entries: u64,
    /// Entries that wait for their place.
    pub(crate) waiting: u64,
    /// Checkpoints whose signature and root hold.
    pub(crate) checkpoints: u64,
    /// Entries the largest such checkpoint covers.
    pub(crate) signed: u64,
    /// The root of the leaves.
    pub(crate) root: Hash,
    /// Where the beginning of the log is, when its rows are not here and the log itself says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) archived: Option<Pruned>,
    /// What became of the personal values that entries commit to.
    pub(crate) personal: PersonalValues,
}

/// Walks one log.
pub(super) struct Walk<'a> {
    conn: &'a mut PgConnection,
    log: &'a LogRow,
    keys: Vec<VerifierKey>,
    export: Option<(&'a DirSource, &'a Checkpoint)>,
    envelope: Option<&'a Envelope>,
    findings: &'a mut Findings,
    stored: Frontier,
    computed: Frontier,
    /// Indexes with a stored hash that is not that of the bytes, and the entries' ids.
    parted: VecDeque<(i64, Uuid)>,
    checkpoints: VecDeque<CheckpointRow>,
    checkpoints_above: (i64, i16),
    gap: bool,
    summary: LogSummary,
    tile: Option<(u64, Vec<Hash>)>,
    /// Stored hashes since the last full tile, by level.
    filling: Vec<Vec<Hash>>,
    /// Roots of the stored hashes at the sizes that entries cite as archived.
    roots: BTreeMap<u64, Hash>,
    /// Places without a row below the largest of these sizes: the first, how many there are, and the first one's entry.
    gone: Option<(i64, u64, Uuid)>,
    /// What the entries say of the log's beginning.
    pruned: Option<Pruned>,
}

/// Most indexes remembered until a signed root tells which side was changed.
const PARTED_MAX: usize = 10_000;

impl<'a> Walk<'a> {
    pub(super) fn new(
        conn: &'a mut PgConnection,
        log: &'a LogRow,
        known: &Known<'a>,
        findings: &'a mut Findings,
    ) -> Self {
        let keys = keys_of(log, known.keys, findings);
        let of_this = |checkpoint: &Checkpoint| {
            log.identities.iter().any(|(origin, _)| origin == checkpoint.origin().as_str())
        };
        let export = known.export.filter(|(_, checkpoint)| of_this(checkpoint));
        let summary = LogSummary {
            tenant: log.tenant,
            origins: log.identities.iter().map(|(origin, _)| origin.clone()).collect(),
            origin: log.identities.last().map(|(origin, _)| origin.clone()),
            vkey: keys.last().map(ToString::to_string),
            entries: 0,
            waiting: 0,
            checkpoints: 0,
            signed: 0,
            root: audit_log::EMPTY_ROOT,
            archived: None,
            personal: PersonalValues::default(),
        };
        Self {
            conn,
            log,
            keys,
            export,
            envelope: known.envelope,
            findings,
            stored: Frontier::new(),
            computed: Frontier::new(),
            parted: VecDeque::new(),
            checkpoints: VecDeque::new(),
            checkpoints_above: (-1, 0),
            gap: false,
            summary,
            tile: None,
            filling: Vec::new(),
            roots: BTreeMap::new(),
            gone: None,
            pruned: None,
        }
    }

    /// The whole log.
    pub(super) async fn run(mut self) -> Result<LogSummary> {
        self.more_checkpoints().await?;
        self.check_checkpoints().await?;
        // Only where to remember a root on the way: these rows are checked in their places as all others.
        for leaf in store::retention::cited(self.conn, self.log.tenant).await? {
            let cited = EntryView::parse(&leaf).ok().and_then(|entry| Pruned::read(&entry, None));
            self.roots.extend(cited.map(|cited| (cited.size, audit_log::EMPTY_ROOT)));
        }
        let mut next = 0_i64;
        loop {
            let rows = store::verify::leaves(self.conn, self.log.tenant, next, LEAVES_AT_ONCE).await?;
            if rows.is_empty() {
                break;
            }
            let told = (&mut self.summary.personal, &mut *self.findings);
            personal::check(self.conn, self.log.tenant, self.envelope, &rows, told).await?;
            for row in rows {
                self.place(&row, next);
                next = row.seq + 1;
                self.check_tiles().await?;
                self.check_checkpoints().await?;
            }
        }
        self.summary.entries = self.stored.size();
        self.summary.root = self.stored.root();
        self.check_begun();
        self.check_tree();
        self.check_export_end();
        self.settle(false);
        self.check_beyond().await?;
        self.unplaced().await?;
        self.check_gone();
        Ok(self.summary)
    }

    fn spot(&self, index: i64, entry: Uuid) -> Spot {
        Spot { tenant: self.log.tenant, index: Some(index), entry: Some(entry) }
    }

    fn place(&mut self, row: &LeafRow, expected: i64) {
        if row.seq > expected {
            self.gap = true;
            let detail = match row.seq - 1 {
                last if last == expected => format!("place {expected} of the tree is gone"),
                last => format!("places {expected} to {last} of the tree are gone"),
            };
            self.findings.add(Spot::log(self.log.tenant).finding(FindingKind::PlaceGone, detail));
        }
        let spot = self.spot(row.seq, row.entry);
        let Ok(stored) = Hash::try_from(row.hash.as_slice()) else {
            self.gap = true;
            self.findings.add(spot.finding(FindingKind::HashChanged, "its stored hash is not 32 bytes"));
            return;
        };
        let computed = if let Some(entry) = &row.row {
            let computed = check_entry(spot, entry, self.findings);
            if computed == stored {
                self.read_pruned(&entry.leaf, Some(row.seq.unsigned_abs()));
            }
            computed
        } else {
            self.row_gone(row);
            stored
        };
        if computed != stored && self.parted.len() < PARTED_MAX {
            self.parted.push_back((row.seq, row.entry));
        }
        self.against_export(spot, row.seq, computed);
        self.stored.append(stored);
        self.computed.append(computed);
        if let Some(root) = self.roots.get_mut(&self.stored.size()) {
            *root = self.stored.root();
        }
        match self.filling.first_mut() {
            Some(lowest) => lowest.push(stored),
            None => self.filling.push(vec![stored]),
        }
    }

    /// An entry that says that the beginning of the log is archived.
    fn read_pruned(&mut self, leaf: &[u8], index: Option<u64>) {
        if let Some(pruned) = EntryView::parse(leaf).ok().and_then(|entry| Pruned::read(&entry, index)) {
            self.pruned = Some(pruned.later(self.pruned.take()));
        }
    }

    /// A place whose row is not here: it may be archived, which an entry further on says.
    fn row_gone(&mut self, row: &LeafRow) {
        let cited = self.roots.last_key_value().map_or(0, |(size, _)| *size);
        if row.seq.unsigned_abs() < cited {
            let (_, count, _) = self.gone.get_or_insert((row.seq, 0, row.entry));
            *count += 1;
            return;
        }
        let detail = "it was hashed into the tree and its row is gone";
        let finding = self.spot(row.seq, row.entry).finding(FindingKind::EntryGone, detail);
        self.findings.add(finding);
    }

    /// Whether the rows that are not here may be missing: an entry in its place in the log says that they are archived, and
    /// gives the root that their hashes have.
    fn check_gone(&mut self) {
        let Some((first, count, entry)) = self.gone.take() else { return };
        let says = self.pruned.take();
        let true_root = |pruned: &Pruned| self.roots.get(&pruned.size) == Some(&pruned.root);
        // Every place that was set aside lies below the largest size that any row cites.
        let largest = self.roots.last_key_value().map_or(0, |(size, _)| *size);
        if let Some(pruned) = says.filter(|pruned| pruned.size == largest && true_root(pruned)) {
            self.summary.archived = Some(pruned);
            return;
        }
        let detail = match count {
            1 => "it was hashed into the tree and its row is gone".to_owned(),
            _ => format!("{count} entries from here on were hashed into the tree and their rows are gone"),
        };
        let detail = format!("{detail}; what the log says of an archive is not true of them");
        let finding = self.spot(first, entry).finding(FindingKind::EntryGone, detail);
        self.findings.add(finding);
    }

    /// Compares each hash tile that the last leaf has filled with the stored one. Where places are gone no tile is what it
    /// was, and the gap was named.
    async fn check_tiles(&mut self) -> Result<()> {
        for level in 0_usize.. {
            let full = self.filling.get_mut(level).filter(|hashes| hashes.len() as u64 == TILE_HASHES);
            let Some(hashes) = full.map(std::mem::take) else { return Ok(()) };
            if self.gap {
                return Ok(());
            }
            let (shift, number) = (8 * (level + 1), i16::try_from(level)?);
            let index = i64::try_from((self.stored.size() >> shift) - 1)?;
            let stored = store::verify::tile(self.conn, self.log.tenant, number, index).await?;
            if stored.as_deref() != Some(encode_tile(&hashes).as_slice()) {
                let what = if stored.is_some() { "is not that of the hashes below it" } else { "is gone" };
                let detail = format!("hash tile {index} of level {level} {what}");
                self.findings.add(Spot::log(self.log.tenant).finding(FindingKind::TileChanged, detail));
            }
            if let Some(root) = tile_root(&hashes) {
                match self.filling.get_mut(level + 1) {
                    Some(above) => above.push(root),
                    None => self.filling.push(vec![root]),
                }
            }
        }
        Ok(())
    }

    /// Reports the rows where bytes and stored hash part. `signed` is whether the stored hashes give a signed root:
    /// then the bytes were changed after signing.
    fn settle(&mut self, signed: bool) {
        while let Some((index, entry)) = self.parted.pop_front() {
            let detail = if signed {
                "its bytes were changed after a checkpoint signed it"
            } else {
                "its bytes do not give the hash that is in the tree: one of the two was changed"
            };
            let finding = self.spot(index, entry).finding(FindingKind::EntryChanged, detail);
            self.findings.add(Finding { field: Some("leaf"), ..finding });
        }
    }

    async fn more_checkpoints(&mut self) -> Result<()> {
        let rows = store::verify::checkpoints(
            self.conn,
            self.log.tenant,
            self.checkpoints_above,
            CHECKPOINTS_AT_ONCE,
        )
        .await?;
        if let Some(last) = rows.last() {
            self.checkpoints_above = (last.size, last.epoch);
        }
        self.checkpoints.extend(rows);
        Ok(())
    }

    /// Checks the checkpoints of exactly the size the trees have now.
    async fn check_checkpoints(&mut self) -> Result<()> {
        while self.checkpoints.front().is_some_and(|row| row.size.unsigned_abs() == self.stored.size()) {
            if let Some(row) = self.checkpoints.pop_front() {
                self.check_checkpoint(&row);
            }
            if self.checkpoints.is_empty() {
                self.more_checkpoints().await?;
            }
        }
        Ok(())
    }

    fn check_checkpoint(&mut self, row: &CheckpointRow) {
        let Some(signed) = self.open(row) else { return };
        if self.gap {
            // The places are named; every later root differs because of them.
            return;
        }
        let (stored, computed) = (self.stored.root(), self.computed.root());
        if *signed.root() == stored {
            self.summary.checkpoints += 1;
            self.summary.signed = signed.size();
            self.settle(true);
        } else if *signed.root() == computed {
            while let Some((index, entry)) = self.parted.pop_front() {
                let detail = "its stored hash was changed; its bytes are those that were signed";
                let finding = self.spot(index, entry).finding(FindingKind::HashChanged, detail);
                self.findings.add(finding);
            }
        } else {
            let detail = format!(
                "the first {} entries are not those that were signed; up to {} they are",
                signed.size(),
                self.summary.signed
            );
            self.findings.add(Spot::log(self.log.tenant).finding(FindingKind::RootMismatch, detail));
        }
    }

    /// The signed statement of a checkpoint's row, when its signature holds.
    fn open(&mut self, row: &CheckpointRow) -> Option<Checkpoint> {
        if self.keys.is_empty() {
            return None;
        }
        let spot = Spot::log(self.log.tenant);
        let opened = Note::parse(row.note.as_bytes())
            .map_err(|error| error.to_string())
            .and_then(|note| Checkpoint::open(&note, &self.keys).map_err(|error| error.to_string()));
        let signed = match opened {
            Ok(signed) => signed,
            Err(error) => {
                let detail = format!("the checkpoint of {} entries is not genuine: {error}", row.size);
                self.findings.add(spot.finding(FindingKind::CheckpointForged, detail));
                return None;
            }
        };
        if signed.size() != row.size.unsigned_abs() || signed.root().as_bytes().as_slice() != row.root {
            let detail = format!(
                "the columns of a checkpoint say {} entries, its signed note says {}, or the roots differ",
                row.size,
                signed.size()
            );
            self.findings.add(spot.finding(FindingKind::CheckpointChanged, detail));
            return None;
        }
        Some(signed)
    }

    /// A log begins when its first entry gets its place; until then there is no key that could be gone.
    fn check_begun(&mut self) {
        let begun = self.log.tree.is_some() || self.stored.size() > 0 || self.checkpoints_above.0 >= 0;
        if self.log.identities.is_empty() && begun {
            let detail = "the log's key is gone, so its checkpoints cannot be checked";
            self.findings.add(Spot::log(self.log.tenant).finding(FindingKind::IdentityGone, detail));
        }
    }

    fn check_tree(&mut self) {
        let spot = Spot::log(self.log.tenant);
        let size = self.stored.size();
        let Some((stored_size, frontier, root)) = &self.log.tree else {
            if size > 0 {
                self.findings.add(spot.finding(FindingKind::TreeChanged, "the tree's own row is gone"));
            }
            return;
        };
        if stored_size.unsigned_abs() != size {
            let detail = format!("the tree's row says {stored_size} entries, there are {size} leaves");
            self.findings.add(spot.finding(FindingKind::TreeChanged, detail));
        } else if !self.gap
            && (self.stored.root().as_bytes().as_slice() != root || self.stored.to_bytes() != *frontier)
        {
            let detail = "the tree's row has another root than its leaves";
            self.findings.add(spot.finding(FindingKind::TreeChanged, detail));
        }
    }

    /// Checkpoints that promise more than there is.
    async fn check_beyond(&mut self) -> Result<()> {
        while !self.checkpoints.is_empty() {
            while let Some(row) = self.checkpoints.pop_front() {
                if self.open(&row).is_some() && !self.gap {
                    let detail = format!(
                        "a checkpoint signed {} entries, there are {} leaves: the newest are gone",
                        row.size,
                        self.stored.size()
                    );
                    self.findings.add(Spot::log(self.log.tenant).finding(FindingKind::RolledBack, detail));
                }
            }
            self.more_checkpoints().await?;
        }
        Ok(())
    }

    async fn unplaced(&mut self) -> Result<()> {
        let mut after = Uuid::nil();
        loop {
            let rows = store::verify::unplaced(self.conn, self.log.tenant, after, LEAVES_AT_ONCE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
            for row in &rows {
                self.check_unplaced(row);
            }
        }
    }

    fn check_unplaced(&mut self, row: &UnplacedRow) {
        let spot = Spot { entry: Some(row.id), ..Spot::log(self.log.tenant) };
        let Some(entry) = &row.row else {
            let detail = "it waits for its place in the tree and its row is gone";
            self.findings.add(spot.finding(FindingKind::EntryGone, detail));
            return;
        };
        let computed = check_entry(spot, entry, self.findings);
        if row.queued.as_deref() == Some(computed.as_bytes().as_slice()) {
            self.read_pruned(&entry.leaf, None);
        }
        match &row.queued {
            None => {
                let detail = "it is in no place of the tree and does not wait for one: \
                              it was put in, or its place was taken away";
                self.findings.add(spot.finding(FindingKind::EntryUnplaced, detail));
            }
            Some(hash) if *hash != computed.as_bytes() => {
                let detail = "it waits for its place with another hash than its bytes give";
                self.findings.add(spot.finding(FindingKind::QueueChanged, detail));
            }
            Some(_) => self.summary.waiting += 1,
        }
    }

    /// Compares an entry with the exported folder, whose own tiles were verified before.
    fn against_export(&mut self, spot: Spot, index: i64, computed: Hash) {
        let Some((folder, checkpoint)) = self.export else { return };
        let index = index.unsigned_abs();
        if index >= checkpoint.size() {
            return;
        }
        let tile = index / TILE_HASHES;
        if self.tile.as_ref().is_none_or(|(at, _)| *at != tile) {
            self.tile = read_tile(folder, tile, checkpoint.size()).map(|hashes| (tile, hashes));
        }
        let within = usize::try_from(index % TILE_HASHES).unwrap_or(usize::MAX);
        let exported = self.tile.as_ref().and_then(|(_, hashes)| hashes.get(within));
        if exported.is_none_or(|exported| *exported != computed) {
            let detail = "it is not the entry that was exported";
            self.findings.add(spot.finding(FindingKind::ExportMismatch, detail));
        }
    }

    fn check_export_end(&mut self) {
        let Some((_, checkpoint)) = self.export else { return };
        if checkpoint.size() > self.stored.size() {
            let detail = format!(
                "{} entries were exported, the database has {}: the newest are gone",
                checkpoint.size(),
                self.stored.size()
            );
            self.findings.add(Spot::log(self.log.tenant).finding(FindingKind::RolledBack, detail));
        }
    }
}

fn read_tile(folder: &DirSource, index: u64, size: u64) -> Option<Vec<Hash>> {
    let width = u16::try_from((size - index * TILE_HASHES).min(TILE_HASHES)).ok()?;
    let path = TilePath::hashes(0, index, width).ok()?;
    decode_tile(&folder.read(&path.to_string()).ok()??, width).ok()
}

/// The keys of a log's epochs: the operator's where one bears the epoch's name, else the database's own.
fn keys_of(log: &LogRow, known: &[VerifierKey], findings: &mut Findings) -> Vec<VerifierKey> {
    let mut keys = Vec::new();
    for (origin, public) in &log.identities {
        let public: Option<[u8; 32]> = public.as_slice().try_into().ok();
        let stored =
            KeyName::new(origin.clone()).ok().zip(public).map(|(name, key)| VerifierKey::new(name, key));
        match (known.iter().find(|key| key.name().as_str() == origin), stored) {
            (Some(expected), stored) => {
                if stored.as_ref() != Some(expected) {
                    let detail = "the database names another key for this log than the one you gave";
                    findings.add(Spot::log(log.tenant).finding(FindingKind::KeyChanged, detail));
                }
                keys.push(expected.clone());
            }
            (None, Some(stored)) => keys.push(stored),
            (None, None) => {
                let detail = "the log's key cannot be read";
                findings.add(Spot::log(log.tenant).finding(FindingKind::IdentityGone, detail));
            }
        }
    }
    keys
}
