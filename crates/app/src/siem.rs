//! Forwarding every organization's log to a collector of the operator's, in the order of each log.
//!
//! How far it has come is remembered only after the collector has what was sent, so each entry arrives at least once: twice
//! when a connection or a process breaks in between. Any number of processes may run this; one of them forwards.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use audit_log::EntryError;
use audit_log::formats::{Event, Format, Writer};
use gates::{DatabaseError, Reason, Vault};
use kernel::TenantId;
use store::StoreError;
use tokio::sync::watch;
use uuid::Uuid;

use crate::audit::personal::{disclosed_of, shown};

/// Pause before it is looked whether logs grew, in milliseconds.
const LOOK_MILLIS: u64 = 1_000;
/// Longest time for one delivery, in seconds.
const DELIVER_SECONDS_MAX: u64 = 30;
/// How long a collector belongs to the process that took it, in seconds: so long it takes another to go on when that one
/// dies.
const LEASE_SECONDS: u64 = 6;
/// Pause between two times a process takes it anew during a delivery, in seconds.
const RENEW_SECONDS: u64 = 2;
/// Entries of one log in one delivery.
const LOG_ENTRIES_MAX: i64 = 256;
/// Logs of which something is sent in one delivery.
const LOGS_MAX: i64 = 64;
/// Bytes after which a delivery takes no further log.
const DELIVERY_BYTES_MAX: usize = 4 * 1_048_576;
/// Pause after the first delivery that failed, in seconds; it doubles.
const PAUSE_SECONDS_MIN: u64 = 1;
/// Longest pause between two tries, in seconds.
const PAUSE_SECONDS_MAX: u64 = 60;

/// Somewhere events go.
pub trait Collector: Send + Sync + 'static {
    /// What its positions are remembered by: another place is another name.
    fn name(&self) -> &str;

    /// The format of its lines.
    fn format(&self) -> Format;

    /// Appends an event as this collector takes it.
    ///
    /// # Errors
    /// See [`Writer::line`].
    fn encode(&self, writer: &Writer, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EntryError>;

    /// Delivers. Returns when the collector has it.
    fn deliver(&self, batch: Vec<u8>) -> impl Future<Output = Result<(), Undelivered>> + Send;
}

/// A delivery did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub String);

/// Nothing could be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector did not take it.
    #[error("it was not delivered: {0}")]
    Undelivered(#[from] Undelivered),
}

/// The job.
pub struct Forwarder<C> {
    vault: Arc<Vault>,
    collector: C,
    holder: Uuid,
}

impl<C: Collector> Forwarder<C> {
    /// A job for this collector.
    pub fn new(vault: Arc<Vault>, collector: C) -> Self {
        let holder = uuid::Builder::from_random_bytes(random(&vault)).into_uuid();
        Self { vault, collector, holder }
    }

    /// Works until `stop` turns true. A delivery that is cut off is made again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut failed = 0_u32;
        while !*stop.borrow() {
            let pause = match self.round().await {
                Ok(true) => {
                    failed = 0;
                    continue;
                }
                Ok(false) => {
                    failed = 0;
                    Duration::from_millis(LOOK_MILLIS)
                }
                Err(error) => {
                    tracing::error!(%error, collector = self.collector.name(), "events were not forwarded");
                    failed = failed.saturating_add(1);
                    let pause = PAUSE_SECONDS_MIN.saturating_mul(1 << (failed - 1).min(8));
                    Duration::from_secs(pause.min(PAUSE_SECONDS_MAX))
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = stop.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Makes one delivery, when this process is the one that forwards. True when more may wait.
    ///
    /// # Errors
    /// When the database or the collector cannot be used; nothing is remembered as forwarded then.
    pub async fn round(&self) -> Result<bool, ForwardError> {
        let name = self.collector.name();
        if !self.hold().await? {
            return Ok(false);
        }
        let (batch, positions) = self.gather(name).await?;
        if positions.is_empty() {
            return Ok(false);
        }
        let limit = Duration::from_secs(DELIVER_SECONDS_MAX);
        let mut delivery = pin!(tokio::time::timeout(limit, self.collector.deliver(batch)));
        let delivered = loop {
            tokio::select! {
                delivered = &mut delivery => break delivered,
                () = tokio::time::sleep(Duration::from_secs(RENEW_SECONDS)) => {
                    if !self.hold().await? {
                        return Ok(false);
                    }
                }
            }
        };
        delivered.map_err(|_| Undelivered(format!("it took longer than {DELIVER_SECONDS_MAX} s")))??;
        let mut tx = self.vault.system(Reason::Forwarding).await?;
        let at = self.vault.clock().now();
        if !store::siem::moved(&mut tx, name, self.holder, &positions, at).await? {
            tracing::warn!(collector = name, "another process has taken over; events may arrive twice");
        }
        tx.finish().await?;
        Ok(true)
    }

    /// Takes the collector, or keeps it. False when another process has it.
    async fn hold(&self) -> Result<bool, ForwardError> {
        let now = self.vault.clock().now();
        let until = now.plus(Duration::from_secs(LEASE_SECONDS));
        let mut tx = self.vault.system(Reason::Forwarding).await?;
        let held = store::siem::hold(&mut tx, self.collector.name(), self.holder, now, until).await?;
        tx.finish().await?;
        Ok(held)
    }

    /// What comes next of the logs that wait, and how far they are then.
    async fn gather(&self, name: &str) -> Result<(Vec<u8>, Vec<(TenantId, i64)>), ForwardError> {
        let mut tx = self.vault.system(Reason::Forwarding).await?;
        let behind = store::siem::behind(&mut tx, name, LOGS_MAX).await?;
        let (mut batch, mut positions) = (Vec::new(), Vec::new());
        for log in behind {
            if batch.len() >= DELIVERY_BYTES_MAX {
                break;
            }
            let to = log.size.min(log.next + LOG_ENTRIES_MAX);
            let writer = Writer::new(self.collector.format(), log.origin, env!("CARGO_PKG_VERSION"));
            let leaves = store::siem::leaves(&mut tx, log.tenant, log.next, to).await?;
            let bytes = leaves.iter().map(|(_, leaf)| leaf.as_slice());
            let disclosed = disclosed_of(&self.vault, &mut tx, log.tenant, bytes).await?;
            for (index, leaf) in leaves {
                let put = shown(&leaf, &disclosed).and_then(|shown| {
                    let event = Event::read(index.unsigned_abs(), &leaf)?.shown(shown.as_ref());
                    self.collector.encode(&writer, &event, &mut batch)
                });
                if let Err(error) = put {
                    // `verify --database` names it; the others must not wait for it.
                    tracing::error!(%error, tenant = %log.tenant, index, "a stored entry is none");
                }
            }
            positions.push((log.tenant, to));
        }
        tx.finish().await?;
        Ok((batch, positions))
    }
}

fn random(vault: &Vault) -> [u8; 16] {
    let mut bytes = [0; 16];
    vault.rng().fill(&mut bytes);
    bytes
}
