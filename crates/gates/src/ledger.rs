//! The group-commit writer: entries that have no transaction of their own (reads, refusals, intents and outcomes of
//! calls) wait here for the next batch of their tenant and are acknowledged only after its commit.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{RequestId, TenantId};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

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

async fn run(tenancy: Arc<Tenancy>, written: Arc<Notify>, mut waiting: mpsc::Receiver<Waiting>) {
    let slots = Arc::new(Semaphore::new(BATCHES_AT_ONCE_MAX));
    let mut batch = Vec::with_capacity(BATCH_ENTRIES_MAX);
    loop {
        // The slot first: while all are busy, entries gather into one larger batch.
        let Ok(mut slot) = Arc::clone(&slots).acquire_owned().await else { return };
        if waiting.recv_many(&mut batch, BATCH_ENTRIES_MAX).await == 0 {
            return;
        }
        let mut by_tenant: HashMap<TenantId, Vec<Waiting>> = HashMap::new();
        for item in batch.drain(..) {
            by_tenant.entry(item.row.tenant).or_default().push(item);
        }
        let mut tenants = by_tenant.into_values();
        while let Some(items) = tenants.next() {
            let (tenancy, written) = (Arc::clone(&tenancy), Arc::clone(&written));
            tokio::spawn(async move {
                commit(&tenancy, items).await;
                written.notify_one();
                drop(slot);
            });
            if tenants.len() == 0 {
                break;
            }
            match Arc::clone(&slots).acquire_owned().await {
                Ok(next) => slot = next,
                Err(_) => return,
            }
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
