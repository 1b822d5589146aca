//! Stores as they were: the tuples of a revision or a moment that is past. They never change, so the last few that were
//! asked about are kept; what is looked up for each question is only which revision and which model it was.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use authz::{Engine, Snapshot};
use gates::{Action, Pass, Record, Tx};
use kernel::{RelationModelId, RelationStoreId, Timestamp};
use store::relations as rows;

use super::super::fault::{Code, Fault, Refused};
use super::{Bound, Relations, Shelf, compiled, read_all};

/// Most past revisions of one store that are held at once.
const PAST_SNAPSHOTS_MAX: usize = 4;
/// Most bytes that the past revisions of one store may take; the one asked about last is held whatever its size.
const PAST_BYTES_MAX: usize = 128 * 1_024 * 1_024;

/// A moment of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// When this was its revision.
    Revision(i64),
    /// This time.
    Time(Timestamp),
}

/// The past revisions of a store that are held, the one asked about last in front.
#[derive(Debug, Default)]
pub(super) struct Past {
    kept: Mutex<VecDeque<Arc<Snapshot>>>,
    /// Held by whoever reads one from the database: reading the same twice would cost twice.
    reading: tokio::sync::Mutex<()>,
}

impl Past {
    fn get(&self, revision: i64) -> Option<Arc<Snapshot>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|snapshot| is_at(snapshot, revision))?;
        let found = kept.remove(at)?;
        kept.push_front(Arc::clone(&found));
        Some(found)
    }

    fn keep(&self, snapshot: Arc<Snapshot>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front(snapshot);
        let bytes = |kept: &VecDeque<Arc<Snapshot>>| kept.iter().map(|one| one.base_bytes()).sum::<usize>();
        while kept.len() > PAST_SNAPSHOTS_MAX || kept.len() > 1 && bytes(&kept) > PAST_BYTES_MAX {
            kept.pop_back();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|snapshot| snapshot.base_bytes()).sum()
    }
}

fn is_at(snapshot: &Snapshot, revision: i64) -> bool {
    i64::try_from(snapshot.revision()).is_ok_and(|there| there == revision)
}

impl Relations {
    /// The engine that answers as the store would have answered then.
    pub(super) async fn engine_then<A: Action<Mode = Record>>(
        &self,
        pass: &Pass<A>,
        store: RelationStoreId,
        model: Option<RelationModelId>,
        moment: Moment,
    ) -> Result<Bound, Refused> {
        let shelf = self.shelf(pass.tenant(), store);
        let (revision, id, schema) = {
            let mut tx = pass.read().await?;
            let Some((revision, at)) = placed(&mut tx, store, moment, pass.vault().clock().now()).await?
            else {
                self.forget(pass.tenant(), store);
                return Err(Fault::no_store().into());
            };
            let id = match model {
                Some(id) => id,
                None => rows::model_at(&mut tx, store, at).await?.ok_or_else(none_then)?,
            };
            (revision, id, compiled(&shelf, &mut tx, store, id).await?)
        };
        let snapshot = snapshot_then(&shelf, pass, store, revision).await?;
        let engine = Engine::new(schema, snapshot).map_err(Fault::from)?;
        Ok((id, Arc::new(engine)))
    }
}

fn none_then() -> Fault {
    let message = "the store had no authorization model then; name the one to answer by";
    Fault::new(Code::NoModel, message)
}

/// Which revision a moment belongs to, and when that was; `None` when there is no such store.
async fn placed(
    tx: &mut Tx,
    store: RelationStoreId,
    moment: Moment,
    now: Timestamp,
) -> Result<Option<(i64, Timestamp)>, Refused> {
    let Some(there) = rows::store(tx, store).await? else { return Ok(None) };
    let placed = match moment {
        Moment::Revision(revision) if !(0..=there.revision).contains(&revision) => {
            return Err(Fault::invalid("the store has not been written to as often as that").into());
        }
        Moment::Revision(revision) => {
            (revision, rows::changed_at(tx, store, revision).await?.unwrap_or(there.created_at))
        }
        Moment::Time(time) if time > now => {
            return Err(Fault::invalid("X-Authz-At lies in the future").into());
        }
        Moment::Time(time) if time < there.created_at => {
            return Err(Fault::invalid("the store was not there at the time X-Authz-At names").into());
        }
        Moment::Time(time) => (rows::revision_at(tx, store, time).await?.unwrap_or(0), time),
    };
    Ok(Some(placed))
}

async fn snapshot_then<A: Action<Mode = Record>>(
    shelf: &Shelf,
    pass: &Pass<A>,
    store: RelationStoreId,
    revision: i64,
) -> Result<Arc<Snapshot>, Refused> {
    let held = || {
        let present = shelf.present.load();
        let present = present.as_ref().as_ref().map(|present| &present.snapshot);
        let present = present.filter(|snapshot| is_at(snapshot, revision)).map(Arc::clone);
        present.or_else(|| shelf.past.get(revision))
    };
    if let Some(snapshot) = held() {
        return Ok(snapshot);
    }
    let _reading = shelf.past.reading.lock().await;
    // Whoever read meanwhile may have read this one.
    if let Some(snapshot) = held() {
        return Ok(snapshot);
    }
    let mut tx = pass.read().await?;
    let snapshot = Arc::new(read_all(&mut tx, pass.vault(), store, revision).await?);
    shelf.past.keep(Arc::clone(&snapshot));
    Ok(snapshot)
}
