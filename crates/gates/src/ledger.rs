//! The group-commit writer: entries that have no transaction of their own (reads, refusals, intents and outcomes of
//! calls) wait here for the next batch of their tenant and are acknowledged only after its commit.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use kernel::{RequestId, TenantId};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{Id, JoinSet};

use crate::audit::{Columns, Receipt, Row};
use crate::tenancy::Tenancy;

/// Entries that may wait for a batch; past it callers wait for a place.
const QUEUE_ENTRIES_MAX: usize = 4_096;
/// Most entries in one commit.
const BATCH_ENTRIES_MAX: usize = 256;
/// Batches being committed at once. Few, so that under load batches grow instead of connections.
const BATCHES_AT_ONCE_MAX: usize = 4;

/// The entry was not written, so what it stands for must not happen.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the audit log cannot be written right now")]
pub(crate) struct NotWritten;

struct Waiting {
    row: Row,
    request: RequestId,
    done: oneshot::Sender<Result<Receipt, NotWritten>>,
}

/// A handle to the writer task.
pub(crate) struct Ledger {
    queue: mpsc::Sender<Waiting>,
}

impl Ledger {
    /// Starts the writer. `written` is told after every commit.
    pub(crate) fn start(tenancy: Arc<Tenancy>, written: Arc<Notify>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_ENTRIES_MAX);
        tokio::spawn(run(tenancy, written, waiting));
        Self { queue }
    }

    /// Writes one entry; returns after its commit.
    pub(crate) async fn append(&self, row: Row, request: RequestId) -> Result<Receipt, NotWritten> {
        let (done, acknowledged) = oneshot::channel();
        self.queue.send(Waiting { row, request, done }).await.map_err(|_| NotWritten)?;
        acknowledged.await.map_err(|_| NotWritten)?
    }
}

/// Entries that wait, by tenant, the longest waiting tenant first.
///
/// Of each tenant one batch is committed at a time; what arrives meanwhile makes one larger batch, as a commit costs
/// several times what one more entry in it does.
#[derive(Default)]
struct Desk {
    waiting: HashMap<TenantId, Vec<Waiting>>,
    turns: VecDeque<TenantId>,
    /// The commits under way.
    busy: Vec<(Id, TenantId)>,
    entries: usize,
}

impl Desk {
    fn take_in(&mut self, items: impl Iterator<Item = Waiting>) {
        for item in items {
            let tenant = item.row.tenant;
            let entries = self.waiting.entry(tenant).or_default();
            if entries.is_empty() {
                self.turns.push_back(tenant);
            }
            entries.push(item);
            self.entries += 1;
        }
    }

    /// The next batch that may be committed now.
    fn next(&mut self) -> Option<(TenantId, Vec<Waiting>)> {
        let free = |tenant: &TenantId| !self.busy.iter().any(|(_, busy)| busy == tenant);
        let tenant = self.turns.remove(self.turns.iter().position(free)?)?;
        let mut batch = self.waiting.remove(&tenant)?;
        if batch.len() > BATCH_ENTRIES_MAX {
            self.waiting.insert(tenant, batch.split_off(BATCH_ENTRIES_MAX));
            self.turns.push_back(tenant);
        }
        self.entries -= batch.len();
        Some((tenant, batch))
    }

    fn done(&mut self, commit: Id) {
        self.busy.retain(|(id, _)| *id != commit);
    }
}

async fn run(tenancy: Arc<Tenancy>, written: Arc<Notify>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut desk = Desk::default();
    let mut commits = JoinSet::new();
    let (mut arrived, mut open) = (Vec::with_capacity(BATCH_ENTRIES_MAX), true);
    while open || desk.entries > 0 || !commits.is_empty() {
        tokio::select! {
            count = waiting.recv_many(&mut arrived, BATCH_ENTRIES_MAX),
                if open && desk.entries < QUEUE_ENTRIES_MAX =>
            {
                open = count > 0;
                desk.take_in(arrived.drain(..));
            }
            Some(ended) = commits.join_next_with_id() => {
                desk.done(ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
        }
        while commits.len() < BATCHES_AT_ONCE_MAX
            && let Some((tenant, items)) = desk.next()
        {
            let (tenancy, written) = (Arc::clone(&tenancy), Arc::clone(&written));
            let commit = commits.spawn(async move {
                commit(&tenancy, items).await;
                written.notify_one();
            });
            desk.busy.push((commit.id(), tenant));
        }
    }
}

async fn commit(tenancy: &Tenancy, items: Vec<Waiting>) {
    let outcome = write(tenancy, &items).await;
    if let Err(error) = &outcome {
        tracing::error!(%error, entries = items.len(), "audit entries could not be written");
    }
    for item in items {
        let answer = if outcome.is_ok() { Ok(item.row.receipt()) } else { Err(NotWritten) };
        // A caller that went away has its entry all the same.
        let _ = item.done.send(answer);
    }
}

async fn write(tenancy: &Tenancy, items: &[Waiting]) -> Result<(), crate::pool::DatabaseError> {
    let Some(first) = items.first() else { return Ok(()) };
    let mut rows = Columns::default();
    for item in items {
        rows.push(&item.row);
    }
    tenancy.append(first.row.tenant, &first.request, &rows).await
}
