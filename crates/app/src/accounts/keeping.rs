//! What the doors need done by themselves: expired links and ceremonies cleared away, and keys that sign access tokens
//! rotated. Any number of processes may run it.

use std::sync::Arc;
use std::time::Duration;

use gates::{Reason, Vault};
use kernel::{Face, RequestContext};
use store::doors;
use store::key_ring::{self, Ring};
use store::pii_tokens;
use tokio::sync::watch;

/// Time between two rounds, in seconds.
const ROUND_SECONDS: u64 = 600;
/// Rows of each kind cleared away in one transaction.
const SWEEP_ROWS_MAX: i64 = 1_000;
/// How long a retired data key stays at least, in seconds: longer than any process remembers it as the current one.
const RETIRED_KEY_SECONDS_MIN: u64 = 3_600;
/// Age at which a signing key is replaced by the next one, in days.
pub const SIGNING_KEY_DAYS: u64 = 30;

/// A round could not be finished; the next one tries again.
#[derive(Debug, thiserror::Error)]
enum KeepingError {
    #[error(transparent)]
    Database(#[from] gates::DatabaseError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error("{0}")]
    Refused(#[from] kernel::Problem),
}

/// The job.
pub struct Keeper(Arc<Vault>);

impl Keeper {
    /// A job over this instance.
    pub fn new(vault: Arc<Vault>) -> Self {
        Self(vault)
    }

    /// Works until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.sweep().await {
                tracing::error!(%error, "what has expired could not be cleared away");
            }
            if let Err(error) = self.rotate().await {
                tracing::error!(%error, "the key that signs access tokens could not be looked after");
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(ROUND_SECONDS)) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn sweep(&self) -> Result<(), KeepingError> {
        loop {
            let mut tx = self.0.system(Reason::Sweep).await?;
            let now = self.0.clock().now();
            let gone = doors::sweep(&mut tx, now, SWEEP_ROWS_MAX).await?;
            let values = pii_tokens::sweep(&mut tx, SWEEP_ROWS_MAX).await?;
            let before = now.minus(Duration::from_secs(RETIRED_KEY_SECONDS_MIN));
            pii_tokens::destroy_keys(&mut tx, before).await?;
            tx.finish().await?;
            if gone.max(values) < SWEEP_ROWS_MAX.unsigned_abs() {
                return Ok(());
            }
        }
    }

    async fn rotate(&self) -> Result<(), KeepingError> {
        let mut tx = self.0.system(Reason::KeyRotation).await?;
        let keys = key_ring::keys(&mut tx, Ring::AccessToken).await?;
        tx.finish().await?;
        let now = self.0.clock().now();
        let old = Duration::from_secs(SIGNING_KEY_DAYS * 24 * 3_600);
        let current = keys.iter().find(|key| key.state == "current");
        // The first key is made when the first token is asked for.
        let due = current.is_some_and(|key| key.current_at.is_none_or(|since| now.since(since) >= old));
        if due {
            let request = RequestContext::internal(Face::System, self.0.clock(), self.0.rng());
            self.0.rotate_access_keys(&request).await?;
        }
        Ok(())
    }
}
