//! Outcomes of calls that nobody can report any more: the process that made the call is gone, and with it whether the
//! provider answered. What is known is written down: that it is not known.

use std::sync::Arc;
use std::time::Duration;

use gates::{By, DatabaseError, Draft, Reason, SealError, Vault};
use kernel::{EntryId, EventKind, Face, RequestContext, RequestId, Timestamp};
use store::StoreError;
use store::calls::{self, OpenCall};
use tokio::sync::watch;

/// Longest time between two looks, in seconds.
const LOOK_SECONDS_MAX: u64 = 60;
/// Outcomes written in one transaction.
const BATCH_CALLS_MAX: i64 = 200;
/// Time of the log that is looked through in one transaction, in hours: after a long pause it takes several.
const WINDOW_HOURS: u64 = 24;
const ACTION: &str = "models.reap";

/// A round could not be finished; the next one goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReapError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An outcome could not be written.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What one transaction did.
enum Step {
    /// There is more to look at; so many outcomes were written.
    More(u64),
    /// All is looked at, or somebody else is at it.
    Done(u64),
}

/// The job. Any number of processes may run it: one at a time looks, and what it wrote commits together with how far it came.
pub struct Reaper {
    vault: Arc<Vault>,
    after: Duration,
}

impl Reaper {
    /// Calls count as lost `after` so long, which must be longer than any call may take.
    pub fn new(vault: Arc<Vault>, after: Duration) -> Self {
        Self { vault, after }
    }

    /// Works until `stop` turns true. Each step is one transaction, so that it may be cut off at any point.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_secs((self.after.as_secs() / 4).clamp(1, LOOK_SECONDS_MAX));
        while !*stop.borrow() {
            match self.round().await {
                Ok(0) => {}
                Ok(calls) => tracing::warn!(calls, "calls were cut off; how they ended is not known"),
                Err(error) => tracing::error!(%error, "calls that were cut off could not be looked for"),
            }
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

    /// Writes the outcome of every call that is older than the limit and has none; answers how many those were.
    ///
    /// # Errors
    /// When the database cannot be used; what was written until then stays.
    pub async fn round(&self) -> Result<u64, ReapError> {
        let mut written = 0;
        loop {
            match self.step().await? {
                Step::More(calls) => written += calls,
                Step::Done(calls) => return Ok(written + calls),
            }
        }
    }

    async fn step(&self) -> Result<Step, ReapError> {
        let mut tx = self.vault.system(Reason::Reaping).await?;
        let Some(from) = calls::hold_reaper(&mut tx).await? else { return Ok(Step::Done(0)) };
        let last = EntryId::first_at(self.vault.clock().now().minus(self.after));
        let to = window_end(from).map_or(last, |end| end.min(last));
        if to <= from {
            return Ok(Step::Done(0));
        }
        let open = calls::without_outcome(&mut tx, from, to, BATCH_CALLS_MAX).await?;
        for call in &open {
            let (draft, request) = (outcome(call), self.request_of(call));
            tx.also(By::System, call.tenant, draft, &request, ACTION).await?;
        }
        let found = open.len() as u64;
        let all = found < BATCH_CALLS_MAX.unsigned_abs();
        if all {
            calls::reaped_to(&mut tx, to).await?;
        }
        tx.finish().await?;
        Ok(if all && to == last { Step::Done(found) } else { Step::More(found) })
    }

    /// The outcome belongs to the request that made the call.
    fn request_of(&self, call: &OpenCall) -> RequestContext {
        let own = RequestContext::internal(Face::System, self.vault.clock(), self.vault.rng());
        match RequestId::parse(&call.request_id) {
            Some(id) => RequestContext { id, ..own },
            None => own,
        }
    }
}

/// Where a look that begins at `from` ends at the latest; `None` when the log had no entry yet.
fn window_end(from: EntryId) -> Option<EntryId> {
    let (seconds, nanos) = from.uuid().get_timestamp()?.to_unix();
    let micros =
        i64::try_from(seconds).ok()?.checked_mul(1_000_000)?.checked_add(i64::from(nanos / 1_000))?;
    let end = Timestamp::from_unix_micros(micros).plus(Duration::from_secs(WINDOW_HOURS * 3_600));
    Some(EntryId::first_at(end))
}

fn outcome(call: &OpenCall) -> Draft {
    Draft::unknown(EventKind::LlmCallOutcome)
        .subject("entry", call.intent)
        .fact("intent", call.intent)
        .fact("status", "unknown")
        .fact("tokens_known", false)
        .fact("cost_usd", "unknown")
}
