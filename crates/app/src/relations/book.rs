//! Tuples and models in memory, as far as questions were asked about them: the same for all who ask, and never older than
//! what is asked for.
//!
//! What is new is pulled: the changes after the revision that is there. A question that may be answered from what was there
//! a moment ago costs the database nothing; past [`FRESH_MILLIS`] it is looked at, and when that cannot be done there is no
//! answer.

mod past;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use authz::{Change, Engine, Live, Model, Schema, Snapshot, SnapshotError};
use gates::{Pass, Tx, Vault};
use kernel::{Problem, RelationModelId, RelationStoreId, TenantId};
use store::relations as rows;

use super::fault::{Code, Fault, Refused};
use super::manage::no_model;
use super::tuples::tuple_of;

pub use past::Moment;

/// How long an answer may be given from what is in memory without a look into the database, in milliseconds: so long a
/// relation that was revoked elsewhere may still open something, when the question does not ask for more.
const FRESH_MILLIS: u64 = 250;
/// Most tuples of a store that questions can be asked about.
const STORE_TUPLES_MAX: usize = 2_000_000;
/// Tuples, or changes, read at once.
const READ_ROWS: i64 = 5_000;
/// Changes after which a store is read anew rather than caught up with.
const CATCH_UP_CHANGES_MAX: usize = 50_000;
/// Most compiled models of one store that are held at once.
const SCHEMAS_MAX: usize = 16;
/// Most bytes of tuples held at once, over all stores; the stores longest not asked about go first.
const BOOK_BYTES_MAX: usize = 1024 * 1_024 * 1_024;
/// Most stores held at once.
const BOOK_STORES_MAX: usize = 1_024;

/// How new the tuples of an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// A fraction of a second old is good enough.
    #[default]
    MinimizeLatency,
    /// Everything that was written before the question counts.
    Higher,
    /// What was written until this revision counts.
    AtLeast(i64),
    /// What was there then counts, and nothing that was written later.
    At(Moment),
}

/// What is there of a store at one moment.
#[derive(Debug)]
struct Present {
    /// Asked of the database then.
    seen: Instant,
    latest: Option<RelationModelId>,
    snapshot: Arc<Snapshot>,
}

/// Compiled models, each with the newest engine made of it.
type Models = HashMap<RelationModelId, (Arc<Schema>, Option<Arc<Engine>>)>;

/// A store in memory.
#[derive(Debug)]
struct Shelf {
    present: Live<Option<Present>>,
    /// Schemas, and the newest engine made of each.
    models: Mutex<Models>,
    /// Held by whoever asks the database: the others wait for what it says.
    asking: tokio::sync::Mutex<()>,
    past: past::Past,
    used: AtomicU64,
    /// Something was written here meanwhile: what is there must not be answered from.
    outdated: AtomicBool,
}

impl Shelf {
    fn new() -> Self {
        Self {
            present: Live::new(None),
            models: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            past: past::Past::default(),
            used: AtomicU64::new(0),
            outdated: AtomicBool::new(false),
        }
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        // A panic elsewhere leaves a map of what can be made again.
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, id: RelationModelId, schema: &Arc<Schema>) {
        let mut models = self.models();
        if models.len() >= SCHEMAS_MAX && !models.contains_key(&id) {
            models.clear();
        }
        models.insert(id, (Arc::clone(schema), None));
    }

    /// The engine of a model over these tuples; `None` when the model is not compiled yet.
    fn engine(&self, id: RelationModelId, snapshot: &Arc<Snapshot>) -> Result<Option<Arc<Engine>>, Fault> {
        let mut models = self.models();
        let Some((schema, engine)) = models.get_mut(&id) else { return Ok(None) };
        if let Some(engine) = engine.as_ref().filter(|engine| Arc::ptr_eq(engine.snapshot(), snapshot)) {
            return Ok(Some(Arc::clone(engine)));
        }
        let made = Arc::new(Engine::new(Arc::clone(schema), Arc::clone(snapshot))?);
        *engine = Some(Arc::clone(&made));
        Ok(Some(made))
    }

    fn bytes(&self) -> usize {
        let present = self.present.load();
        let present = present.as_ref().as_ref().map_or(0, |present| present.snapshot.base_bytes());
        present + self.past.bytes()
    }
}

/// The stores that questions are asked about.
#[derive(Debug, Default)]
pub struct Relations {
    shelves: Mutex<HashMap<(TenantId, RelationStoreId), Arc<Shelf>>>,
    turn: AtomicU64,
}

/// An engine, and the model it answers by.
pub(super) type Bound = (RelationModelId, Arc<Engine>);

impl Relations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn shelf(&self, tenant: TenantId, store: RelationStoreId) -> Arc<Shelf> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if !shelves.contains_key(&(tenant, store)) {
            make_room(&mut shelves);
        }
        let shelf = shelves.entry((tenant, store)).or_insert_with(|| Arc::new(Shelf::new()));
        shelf.used.store(turn, Ordering::Relaxed);
        Arc::clone(shelf)
    }

    fn forget(&self, tenant: TenantId, store: RelationStoreId) {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant, store));
    }

    /// Something was written to a store by this process: from now on it counts here, whatever is asked for.
    pub(super) fn wrote(&self, tenant: TenantId, store: RelationStoreId) {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = shelves.get(&(tenant, store)) {
            shelf.outdated.store(true, Ordering::Release);
        }
    }

    /// The compiled model, the newest when none is named, in a transaction that is there anyway.
    pub(super) async fn schema(
        &self,
        tx: &mut Tx,
        store: RelationStoreId,
        model: Option<RelationModelId>,
    ) -> Result<(RelationModelId, Arc<Schema>), Refused> {
        let shelf = self.shelf(tx.tenant(), store);
        if rows::revision(tx, store).await?.is_none() {
            self.forget(tx.tenant(), store);
            return Err(Fault::no_store().into());
        }
        let id = match model {
            Some(id) => id,
            None => rows::latest_model(tx, store).await?.ok_or_else(|| none_yet(store))?,
        };
        Ok((id, compiled(&shelf, tx, store, id).await?))
    }

    /// The engine that answers a question.
    pub(super) async fn engine<A: gates::Action<Mode = gates::Record>>(
        &self,
        pass: &Pass<A>,
        store: RelationStoreId,
        model: Option<RelationModelId>,
        freshness: Freshness,
    ) -> Result<Bound, Refused> {
        if let Freshness::At(moment) = freshness {
            return self.engine_then(pass, store, model, moment).await;
        }
        let (asked, tenant) = (Instant::now(), pass.tenant());
        let shelf = self.shelf(tenant, store);
        if let Some(bound) = ready(&shelf, store, model, freshness, asked)? {
            return Ok(bound);
        }
        let _asking = shelf.asking.lock().await;
        // Whoever asked meanwhile may have learned what this question needs.
        if let Some(bound) = ready(&shelf, store, model, freshness, asked)? {
            return Ok(bound);
        }
        let mut tx = pass.read().await?;
        // Before anything is read: what is written from here on makes it outdated again.
        let outdated = shelf.outdated.swap(false, Ordering::AcqRel);
        let pulled = pull(&shelf, &mut tx, pass.vault(), store).await;
        if outdated && pulled.is_err() {
            shelf.outdated.store(true, Ordering::Release);
        }
        let Some(present) = pulled? else {
            self.forget(tenant, store);
            return Err(Fault::no_store().into());
        };
        if let Freshness::AtLeast(revision) = freshness
            && i64::try_from(present.snapshot.revision()).is_ok_and(|there| there < revision)
        {
            return Err(Fault::invalid("the store has not been written to as often as that").into());
        }
        let id = model.or(present.latest).ok_or_else(|| none_yet(store))?;
        compiled(&shelf, &mut tx, store, id).await?;
        let snapshot = Arc::clone(&present.snapshot);
        let seen = shelf.present.load();
        // Whoever holds `asking` is the only one who replaces it.
        shelf.present.replace(&seen, Some(present));
        shelf.engine(id, &snapshot)?.map(|engine| (id, engine)).ok_or_else(|| no_model(id).into())
    }
}

impl Relations {
    /// A compiled model of the store beside the one that answers.
    pub(super) async fn other_schema<A: gates::Action<Mode = gates::Record>>(
        &self,
        pass: &Pass<A>,
        store: RelationStoreId,
        id: RelationModelId,
    ) -> Result<Arc<Schema>, Refused> {
        let shelf = self.shelf(pass.tenant(), store);
        if let Some((schema, _)) = shelf.models().get(&id) {
            return Ok(Arc::clone(schema));
        }
        let mut tx = pass.read().await?;
        compiled(&shelf, &mut tx, store, id).await
    }
}

/// Lets go of the stores that were longest not asked about, as far as room is needed.
fn make_room(shelves: &mut HashMap<(TenantId, RelationStoreId), Arc<Shelf>>) {
    let mut bytes: usize = shelves.values().map(|shelf| shelf.bytes()).sum();
    while bytes > BOOK_BYTES_MAX || shelves.len() >= BOOK_STORES_MAX {
        let oldest = shelves.iter().min_by_key(|(_, shelf)| shelf.used.load(Ordering::Relaxed));
        let Some((key, gone)) = oldest.map(|(key, shelf)| (*key, shelf.bytes())) else { return };
        shelves.remove(&key);
        bytes = bytes.saturating_sub(gone);
    }
}

/// What is in memory already, when it is new enough.
fn ready(
    shelf: &Shelf,
    store: RelationStoreId,
    model: Option<RelationModelId>,
    freshness: Freshness,
    asked: Instant,
) -> Result<Option<Bound>, Refused> {
    if shelf.outdated.load(Ordering::Acquire) {
        return Ok(None);
    }
    let present = shelf.present.load();
    let Some(present) = present.as_ref() else { return Ok(None) };
    let young = asked.saturating_duration_since(present.seen) < Duration::from_millis(FRESH_MILLIS);
    let new_enough = match freshness {
        Freshness::MinimizeLatency => young,
        Freshness::Higher => present.seen >= asked,
        Freshness::AtLeast(revision) => {
            young && i64::try_from(present.snapshot.revision()).is_ok_and(|there| there >= revision)
        }
        // Of then, not of now.
        Freshness::At(_) => false,
    };
    if !new_enough {
        return Ok(None);
    }
    let id = model.or(present.latest).ok_or_else(|| none_yet(store))?;
    Ok(shelf.engine(id, &present.snapshot)?.map(|engine| (id, engine)))
}

fn none_yet(store: RelationStoreId) -> Fault {
    let id = super::id_text(store.uuid());
    Fault::new(Code::NoModel, format!("No authorization models found for store '{id}'"))
}

async fn compiled(
    shelf: &Shelf,
    tx: &mut Tx,
    store: RelationStoreId,
    id: RelationModelId,
) -> Result<Arc<Schema>, Refused> {
    if let Some((schema, _)) = shelf.models().get(&id) {
        return Ok(Arc::clone(schema));
    }
    let Some(row) = rows::model(tx, store, id).await? else { return Err(no_model(id).into()) };
    let model: Model = serde_json::from_str(&row.document).map_err(|error| broken(&error))?;
    let schema = Arc::new(Schema::compile(&model).map_err(|error| broken(&error))?);
    shelf.keep(id, &schema);
    Ok(schema)
}

/// What the database holds is not what was written.
fn broken(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "stored relations cannot be read");
    Problem::internal()
}

fn unusable(error: &SnapshotError) -> Refused {
    match error {
        SnapshotError::TooMany(_) => Fault::new(Code::TooMany, error.to_string()).into(),
        error => broken(error).into(),
    }
}

/// Reads what is new; `None` when there is no such store.
async fn pull(
    shelf: &Shelf,
    tx: &mut Tx,
    vault: &Arc<Vault>,
    store: RelationStoreId,
) -> Result<Option<Present>, Refused> {
    let seen = Instant::now();
    let Some(revision) = rows::revision(tx, store).await? else { return Ok(None) };
    let latest = rows::latest_model(tx, store).await?;
    let before = shelf.present.load();
    let before = before.as_ref().as_ref().map(|present| &present.snapshot);
    let snapshot = match before {
        Some(snapshot) if i64::try_from(snapshot.revision()).is_ok_and(|there| there == revision) => {
            Arc::clone(snapshot)
        }
        Some(snapshot) => match caught_up(tx, store, snapshot, revision).await? {
            Some(snapshot) => Arc::new(snapshot),
            None => Arc::new(read_all(tx, vault, store, revision).await?),
        },
        None => Arc::new(read_all(tx, vault, store, revision).await?),
    };
    Ok(Some(Present { seen, latest, snapshot }))
}

/// The tuples after the changes that came; `None` when these are too many.
async fn caught_up(
    tx: &mut Tx,
    store: RelationStoreId,
    snapshot: &Snapshot,
    revision: i64,
) -> Result<Option<Snapshot>, Refused> {
    let (mut after, mut all) =
        ((i64::try_from(snapshot.revision()).unwrap_or(i64::MAX), i16::MAX), Vec::new());
    loop {
        let page = rows::changes(tx, store, after, None, None, READ_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = (last.revision, last.ordinal);
        let full = i64::try_from(page.len()).is_ok_and(|rows| rows == READ_ROWS);
        all.extend(page.into_iter().filter(|change| change.revision <= revision).map(|change| {
            let tuple = tuple_of(&change.tuple);
            if change.deleted { Change::Delete(tuple) } else { Change::Write(tuple) }
        }));
        if all.len() > CATCH_UP_CHANGES_MAX {
            return Ok(None);
        }
        if !full || after.0 > revision {
            break;
        }
    }
    let next = snapshot.with(revision.unsigned_abs(), &all).map_err(|error| unusable(&error))?;
    Ok(Some(if next.should_compact() { next.compacted() } else { next }))
}

async fn read_all(
    tx: &mut Tx,
    vault: &Arc<Vault>,
    store: RelationStoreId,
    revision: i64,
) -> Result<Snapshot, Refused> {
    let mut seed = [0; 8];
    vault.rng().fill(&mut seed);
    let mut all: Vec<authz::Tuple> = Vec::new();
    let mut after: Option<rows::Key> = None;
    loop {
        let place = after.as_ref().map(|key| {
            (key.object_type.as_str(), key.object_id.as_str(), key.relation.as_str(), key.subject.as_str())
        });
        let page = rows::at(tx, store, revision, place, READ_ROWS).await?;
        let full = i64::try_from(page.len()).is_ok_and(|rows| rows == READ_ROWS);
        after = page.last().map(rows::Tuple::key);
        all.extend(page.iter().map(tuple_of));
        if all.len() > STORE_TUPLES_MAX {
            let message = format!("a store with more than {STORE_TUPLES_MAX} tuples cannot be asked about");
            return Err(Fault::new(Code::TooMany, message).into());
        }
        if !full {
            break;
        }
        tx.renew().await.map_err(|error| broken(&error))?;
    }
    Snapshot::build(u64::from_le_bytes(seed), revision.unsigned_abs(), all).map_err(|error| unusable(&error))
}
