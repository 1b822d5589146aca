//! Making a pack: one walk over its range, with flat memory, and a row.

use std::sync::Arc;

use audit_log::proof::ProofPlan;
use audit_log::{Checkpoint, Hash, LogProof, Note};
use evidence::pack::{self, Description, FileLine, PolicyVersion, RANGE_ENTRIES_MAX, Stamp};
use evidence::survey::Example;
use evidence::{Selection, Signed, Summary, Survey};
use gates::{Draft, Pass, Receipt};
use kernel::limits::EVIDENCE_PACKS_MAX;
use kernel::{EventKind, EvidencePackId, Problem, ProblemKind, Rng, TenantId};
use store::evidence::{Pack, Reader};

use super::stamps::Authority;
use super::{Period, Shown, control_map, framework, maker, stamp, stamps, word};
use crate::audit::jobs::Sequencer;
use crate::audit::{CHUNK_ENTRIES, Eyes, RENEW_CHUNKS};
use crate::{action, undone};

/// Tiles after which the claims are signed anew.
const RENEW_TILES: usize = 64;
/// Versions of the policy that are looked through.
const POLICIES_MAX: i64 = 10_000;

action! {
    /// Makes an evidence pack.
    CreatePack = "evidence.create", AuditExport, Principal, Write
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewPack {
    /// The key of a framework.
    pub framework: String,
    /// The period.
    pub period: Period,
    /// Every entry of the period, whether or not it speaks to a control.
    pub everything: bool,
}

/// Makes a pack: brings the log to a signed state, walks over the range, signs the manifest, keeps the row.
///
/// # Errors
/// When there is no such framework, the range is too long, there are too many packs, or the log cannot be signed.
pub async fn create(
    mut pass: Pass<CreatePack>,
    sequencer: &Sequencer,
    new: NewPack,
) -> Result<(Pack, Receipt), Problem> {
    let kind = EventKind::EvidencePackCreated;
    match make(&mut pass, sequencer, new).await {
        Ok((made, framework)) => {
            let manifest =
                Hash::try_from(made.manifest_sha256.as_slice()).map_err(|_| Problem::internal())?;
            let draft = Draft::done(kind)
                .subject("evidence_pack", made.id)
                .fact("framework", framework)
                .fact("from", made.from)
                .fact("to", made.to)
                .fact("size", made.log_size)
                .fact("entries", made.included)
                .fact("manifest", &manifest)
                .fact("timestamp", stamp(&made).name());
            let receipt = pass.seal(draft).await?;
            Ok((made, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem), problem).await),
    }
}

async fn make(
    pass: &mut Pass<CreatePack>,
    sequencer: &Sequencer,
    new: NewPack,
) -> Result<(Pack, &'static str), Problem> {
    let map = control_map()?;
    let framework = framework(map, &new.framework)?;
    if store::evidence::count(pass.tx()).await? >= EVIDENCE_PACKS_MAX {
        let detail = format!("There are {EVIDENCE_PACKS_MAX} packs already; delete some that nobody needs.");
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let tenant = pass.tenant();
    if let Some(newest) = store::evidence::newest_entry(pass.tx()).await? {
        sequencer.settle(tenant, newest).await?;
    }
    let stored = store::audit::newest_checkpoint(pass.tx()).await?.ok_or_else(nothing_yet)?;
    let (first, end) = span(pass, &new, stored.size).await?;
    let organization = store::organizations::read(pass.tx()).await?.ok_or_else(Problem::not_found)?;
    let vault = Arc::clone(pass.vault());
    let (clock, rng) = (vault.clock(), vault.rng());
    let mut row = Pack {
        id: EvidencePackId::new(clock, rng),
        framework: framework.id.clone(),
        everything: new.everything,
        maker: maker(),
        organization_name: organization.name,
        from: new.period.from,
        to: new.period.to,
        epoch: stored.epoch,
        log_size: stored.size,
        first,
        end,
        included: 0,
        held_back: 0,
        controls: serde_json::Value::Null,
        manifest_sha256: Vec::new(),
        jws: String::new(),
        timestamped_at: None,
        timestamp_failure: None,
        created_at: clock.now(),
        created_by: who(&pass.principal()),
    };
    let mut reader = Reader::Tenant(pass.tx());
    let mut what = describe(&mut reader, tenant, &row).await?;
    let (summary, files) = survey(&mut reader, &what).await?;
    let token = match sequencer.authority() {
        Some(authority) => time_stamp(authority, &mut what, &mut row, &summary, &files, rng).await?,
        None => None,
    };
    renew(&mut reader).await?;
    let manifest = pack::manifest(&what, &summary, files).map_err(|error| broken(&error))?;
    let (jws, key) = sequencer.sign_document(tenant, &manifest).await?;
    if key != what.signed.key {
        let detail = "The log began anew meanwhile; try again.";
        return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(1));
    }
    let counts = summary.counts();
    let shown: Vec<Shown> = what
        .framework
        .controls
        .iter()
        .map(|control| Shown { id: control.id.clone(), entries: control.events.count(&counts) })
        .collect();
    row.included = i64::try_from(summary.included).unwrap_or(i64::MAX);
    row.held_back = i64::try_from(summary.held_back).unwrap_or(i64::MAX);
    row.controls = serde_json::to_value(shown).map_err(|error| broken(&error))?;
    row.manifest_sha256 = crypto::sha256(&manifest).to_vec();
    row.jws = jws;
    store::evidence::create(pass.tx(), &row, token.as_deref()).await?;
    Ok((row, word(framework)))
}

/// Which entries of the log, as its checkpoint covers it, lie in the period: the first of them and the one after the last.
async fn span(pass: &mut Pass<CreatePack>, new: &NewPack, size: i64) -> Result<(i64, i64), Problem> {
    let (from, to) = new.period.ids();
    let range = store::evidence::range(pass.tx(), from, to, size).await?;
    let (first, end) = range.unwrap_or((size, size));
    if (end - first).unsigned_abs() > RANGE_ENTRIES_MAX {
        let detail = format!(
            "The period spans {} entries of the log, and a pack has at most {RANGE_ENTRIES_MAX}; make several of shorter \
             periods.",
            end - first
        );
        return Err(Problem::invalid("/to", detail));
    }
    Ok((first, end))
}

/// Has the manifest time-stamped, as it will be with a token; without one it says why, and the pack is made all the same.
///
/// This is the one question to the outside that no receipt stands before: the entry of the pack says how it went, and both
/// commit together. What goes out is a hash and a number by chance, which tell nothing, to an authority that the operator
/// chose; when the commit fails nothing was done that must be on record.
async fn time_stamp(
    authority: &dyn Authority,
    what: &mut Description,
    row: &mut Pack,
    summary: &Summary,
    files: &[FileLine],
    rng: &dyn Rng,
) -> Result<Option<Vec<u8>>, Problem> {
    what.stamp = Stamp::Token;
    let manifest = pack::manifest(what, summary, files.to_vec()).map_err(|error| broken(&error))?;
    match stamps::ask(authority, rng, &manifest).await {
        Ok((answer, at)) => {
            row.timestamped_at = Some(at);
            Ok(Some(answer))
        }
        Err(why) => {
            let why = why.word();
            tracing::warn!(why, pack = %row.id, "the time-stamping authority gave no token for an evidence pack");
            row.timestamp_failure = Some(why.to_owned());
            what.stamp = Stamp::Failed { why: why.to_owned() };
            Ok(None)
        }
    }
}

fn nothing_yet() -> Problem {
    Problem::new(ProblemKind::Unavailable, "The log has no signed state yet; try again shortly.")
        .retry_after(2)
}

pub(super) fn broken(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "an evidence pack could not be made");
    Problem::internal()
}

/// Who asks, as entries name it: a kind and an id.
fn who(principal: &gates::Principal) -> String {
    let id = principal
        .account()
        .map(|id| id.to_string())
        .or_else(|| principal.agent().map(|id| id.to_string()))
        .or_else(|| principal.key().map(|id| id.to_string()));
    format!("{}:{}", principal.kind(), id.unwrap_or_default())
}

/// What the pack of this row is, read from the log.
pub(super) async fn describe(
    reader: &mut Reader<'_>,
    tenant: TenantId,
    row: &Pack,
) -> Result<Description, Problem> {
    let map = control_map()?;
    let framework = framework(map, &row.framework)?;
    let stored = reader.checkpoint(row.epoch, row.log_size).await?.ok_or_else(Problem::internal)?;
    let key = crate::audit::verifier(&stored)?;
    let note = Note::parse(stored.note.as_bytes()).map_err(|error| broken(&error))?;
    let checkpoint = Checkpoint::open(&note, std::slice::from_ref(&key)).map_err(|error| broken(&error))?;
    let policies = reader.policies(row.created_at, POLICIES_MAX).await?;
    let policies = policies.into_iter().map(|version| PolicyVersion {
        label: crate::policies::label(version.version),
        since: Some(version.created_at),
        rules: version.document,
    });
    Ok(Description {
        pack: row.id.uuid(),
        organization: tenant.uuid(),
        organization_name: row.organization_name.clone(),
        map,
        framework,
        everything: row.everything,
        created_at: row.created_at,
        from: row.from,
        to: row.to,
        signed: Signed { note: stored.note, checkpoint, key },
        first: row.first.unsigned_abs(),
        end: row.end.unsigned_abs(),
        policies: policies.collect(),
        stamp: stamp(row),
    })
}

/// Walks over the range and names every file of the pack.
async fn survey(reader: &mut Reader<'_>, what: &Description) -> Result<(Summary, Vec<FileLine>), Problem> {
    let mut survey = Survey::new(Selection::of(what.framework, what.everything));
    let mut walk = Walk::over(what);
    let mut bytes = 0;
    while let Some(leaves) = walk.next(reader).await? {
        for (index, leaf) in leaves {
            bytes += leaf.len() as u64;
            survey.push(index, &leaf).map_err(|error| broken(&error))?;
        }
        if bytes > pack::ENTRY_BYTES_MAX {
            let detail = "The entries of the period are more bytes than a pack can have; make several of shorter periods.";
            return Err(Problem::invalid("/to", detail));
        }
    }
    let (summary, mut files) = survey.finish();
    let documents = pack::documents(what, &summary).map_err(|error| broken(&error))?;
    files.extend(documents.iter().map(|(name, content)| FileLine::of(name, content)));
    let tiles = pack::tiles(what.first, what.end, what.signed.checkpoint.size());
    for (number, path) in tiles.map_err(|error| broken(&error))?.into_iter().enumerate() {
        let tile = tile(reader, number, path).await?;
        files.push(FileLine::of(&pack::tile_name(path), &tile));
    }
    for example in summary.key_entries() {
        let proof = prove(reader, what, &example).await?;
        files.push(FileLine::of(&pack::proof_name(&example.id), proof.as_bytes()));
    }
    Ok((summary, files))
}

/// Entries of a range, chunk by chunk.
pub(super) struct Walk {
    next: u64,
    end: u64,
    chunks: u64,
}

impl Walk {
    pub(super) const fn over(what: &Description) -> Self {
        Self { next: what.first, end: what.end, chunks: 0 }
    }

    /// The next chunk: each entry with its index. `None` at the end.
    pub(super) async fn next(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<Option<impl Iterator<Item = (u64, Vec<u8>)> + use<>>, Problem> {
        if self.next >= self.end {
            return Ok(None);
        }
        self.chunks += 1;
        if self.chunks.is_multiple_of(RENEW_CHUNKS) {
            renew(reader).await?;
        }
        let from = i64::try_from(self.next).map_err(|error| broken(&error))?;
        let rest = i64::try_from(self.end - self.next).unwrap_or(i64::MAX);
        let rows = CHUNK_ENTRIES.min(rest);
        let leaves = reader.leaves(from, rows).await?;
        if i64::try_from(leaves.len()) != Ok(rows) {
            return Err(gone(reader, from).await?);
        }
        let first = self.next;
        self.next += leaves.len() as u64;
        Ok(Some((first..).zip(leaves)))
    }
}

/// Signs the claims anew, where there are any: a long walk may outlive them.
async fn renew(reader: &mut Reader<'_>) -> Result<(), Problem> {
    match reader {
        Reader::Tenant(tx) => tx.renew().await.map_err(|error| broken(&error)),
        Reader::System(..) => Ok(()),
    }
}

/// What to say when entries of a pack are not in the database: where they are, when they are archived.
async fn gone(reader: &mut Reader<'_>, from: i64) -> Result<Problem, Problem> {
    let archived = reader.archived().await?;
    if from >= archived {
        return Ok(broken(&"entries of the log are gone"));
    }
    let detail = format!(
        "A part of this period is not here any more: the entries below {archived} of this log are in its archive, which \
         GET /api/v1/audit/retention names. Choose a period that begins later."
    );
    Ok(Problem::new(ProblemKind::Conflict, detail))
}

fn eyes<'a>(reader: &'a mut Reader<'_>) -> Eyes<'a> {
    match reader {
        Reader::Tenant(tx) => Eyes::Tenant(tx),
        Reader::System(tx, tenant) => Eyes::System(tx, *tenant),
    }
}

/// A tile of hashes, the `number`th that is read.
pub(super) async fn tile(
    reader: &mut Reader<'_>,
    number: usize,
    path: audit_log::TilePath,
) -> Result<Vec<u8>, Problem> {
    if number.is_multiple_of(RENEW_TILES) {
        renew(reader).await?;
    }
    let audit_log::tiles::TileKind::Hashes { level } = path.kind() else { return Err(Problem::internal()) };
    let tile = eyes(reader).hash_tile(level, path).await?;
    tile.ok_or_else(|| broken(&format!("the tile {path} is gone or damaged")))
}

/// The proof of an entry, as a file.
pub(super) async fn prove(
    reader: &mut Reader<'_>,
    what: &Description,
    example: &Example,
) -> Result<String, Problem> {
    let size = what.signed.checkpoint.size();
    let plan = ProofPlan::inclusion(example.index, size).map_err(|error| broken(&error))?;
    let path = eyes(reader).prove(&plan, size).await?;
    let index = i64::try_from(example.index).map_err(|error| broken(&error))?;
    let leaf = reader.leaves(index, 1).await?.into_iter().next();
    if leaf.is_none() {
        return Err(gone(reader, index).await?);
    }
    let note = Note::parse(what.signed.note.as_bytes()).map_err(|error| broken(&error))?;
    let proof = LogProof { extra: leaf, index: example.index, path, note };
    // A proof that does not hold would accuse the log; say rather that something is wrong here.
    match proof.verify_own(std::slice::from_ref(&what.signed.key)) {
        Some(Ok(_)) => Ok(proof.to_string()),
        _ => Err(broken(&format!("entry {index} is not the one that was signed"))),
    }
}
