//! Work that belongs to no single tenant: first-run set-up, and placing and signing what the logs hold. It runs under
//! a second role with narrow grants, and says why.

use std::sync::Arc;

use audit_log::{Actor, ActorKind};
use kernel::{RequestContext, TenantId};
use sqlx::postgres::PgConnection;

use crate::audit::{Author, Draft, EntryError, Receipt, Row};
use crate::pool::{DatabaseError, Lease};
use crate::vault::Vault;

/// Why the house works across tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The operator creates an organization on the machine itself.
    SetUp,
    /// Entries are given their place in the tree.
    Sequencing,
    /// Checkpoints are signed.
    Signing,
}

/// A transaction of the system role. It sees what that role's grants and policies show, of every tenant.
pub struct SystemTx {
    lease: Lease,
    vault: Arc<Vault>,
    reason: Reason,
}

impl Vault {
    /// Opens a transaction of the system role.
    pub async fn system(self: &Arc<Self>, reason: Reason) -> Result<SystemTx, DatabaseError> {
        let mut lease = self.system.lease().await?;
        if let Err(error) = lease.run("begin".to_owned()).await {
            lease.discard();
            return Err(error);
        }
        tracing::debug!(?reason, "system transaction");
        Ok(SystemTx { lease, vault: Arc::clone(self), reason })
    }
}

/// A system change could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The entry could not be made.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The database refused it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl SystemTx {
    /// The connection, for the SQL in `store`.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.lease.connection()
    }

    /// Why this transaction runs.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Writes the entry into `tenant`'s log and commits.
    pub async fn seal(
        mut self,
        tenant: TenantId,
        draft: Draft,
        request: &RequestContext,
        action: &'static str,
    ) -> Result<Receipt, SealError> {
        let author = Author {
            tenant,
            actor: Actor::unnamed(ActorKind::System),
            project: None,
            action,
            policy: "none",
            request,
        };
        let row = Row::write(draft, &author, &*self.vault.clock, &*self.vault.rng)?;
        self.lease.run(format!("{}; commit", row.insert_statement())).await?;
        self.lease.give_back();
        self.vault.after_write(row.kind);
        Ok(row.receipt())
    }

    /// Commits work on the logs themselves, which is not an event of any tenant: an entry about placing entries
    /// would never end. Tables that hold anything else refuse such a commit (`gate.require_entry`).
    pub async fn finish(mut self) -> Result<(), DatabaseError> {
        self.lease.run("commit".to_owned()).await?;
        self.lease.give_back();
        Ok(())
    }
}
