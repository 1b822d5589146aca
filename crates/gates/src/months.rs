//! The months of the audit log: each has a table of its own, made ahead of time. An entry whose month is missing makes it on
//! the spot (`gate.append`), and where even that fails nothing is written and nothing done.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::pool::{DatabaseError, Pool};
use crate::vault::Vault;

/// Months that are made ahead of the present one.
const AHEAD_MONTHS: i32 = 3;
/// Pause between two looks, in seconds.
const LOOK_SECONDS: u64 = 6 * 3_600;

/// Makes the months that are missing from now on. Any number of servers may do so at once.
pub(crate) async fn make(system: &Arc<Pool>) -> Result<(), DatabaseError> {
    let mut lease = system.lease().await?;
    let made: i32 = sqlx::query_scalar("select gate.keep_entry_months($1)")
        .bind(AHEAD_MONTHS)
        .fetch_one(lease.connection())
        .await?;
    lease.give_back();
    if made > 0 {
        tracing::info!(made, "months were added to the audit log");
    }
    Ok(())
}

/// Looks from time to time until the vault is gone.
pub(crate) async fn keep(vault: Weak<Vault>) {
    let mut tick = tokio::time::interval(Duration::from_secs(LOOK_SECONDS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first comes at once, and opening the vault has looked.
    tick.tick().await;
    loop {
        tick.tick().await;
        let Some(vault) = vault.upgrade() else { return };
        if let Err(error) = make(&vault.system).await {
            tracing::error!(%error, "ALARM: months could not be added to the audit log; entries make their own until they cannot");
        }
    }
}
