//! Work that belongs to no single tenant: first-run set-up, and placing and signing what the logs hold. It runs under
//! a second role with narrow grants, and says why.

use std::sync::Arc;

use audit_log::{Actor, ActorKind, Outcome};
use kernel::{AccountId, EntryId, Problem, ProblemKind, RequestContext, SessionId, TenantId};
use sqlx::postgres::PgConnection;

use crate::audit::{Author, Draft, EntryError, Receipt, Row};
use crate::personal::Keys;
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
    /// The instance's log is shown to witnesses, or asked for what it says of an organization's.
    Anchoring,
    /// Entries are forwarded to the operator's collectors.
    Forwarding,
    /// Who listens to a log is told that it grew.
    Following,
    /// Somebody who is not known yet signs up, signs in or follows a link from a mail.
    SignIn,
    /// A signed-in person changes what is their own.
    OwnAccount,
    /// Letters are delivered.
    Mail,
    /// What is older than its retention is archived.
    Retention,
    /// Keys of the instance are rotated.
    KeyRotation,
    /// What has expired is cleared away.
    Sweep,
    /// Calls whose outcome never came are looked for.
    Reaping,
    /// Webhooks are delivered.
    Webhooks,
    /// Owners are told of what waits for them.
    Reminder,
    /// Somebody follows a signed link to an evidence pack.
    EvidenceLink,
    /// The operator works on the machine itself.
    Operator,
}

/// Who stands in the log for work of the system role. A word for the log only: it opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The server itself, or its operator on the machine.
    System,
    /// Nobody who is known.
    Nobody,
    /// A person who proved who they are in this very request.
    Person(AccountId, Option<SessionId>),
}

impl By {
    fn actor(self) -> Actor {
        match self {
            Self::System => Actor::unnamed(ActorKind::System),
            Self::Nobody => Actor::unnamed(ActorKind::Anonymous),
            Self::Person(account, session) => {
                let actor = Actor::new(ActorKind::Human, account.to_string());
                match session {
                    Some(session) => actor.with_key(session.to_string()),
                    None => actor,
                }
            }
        }
    }
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

impl Vault {
    /// Puts on record what had no transaction of its own: a sign-in that failed, for example. Returns after the commit.
    pub async fn note(
        self: &Arc<Self>,
        by: By,
        tenant: TenantId,
        draft: Draft,
        request: &RequestContext,
        action: &'static str,
    ) -> Result<Receipt, Problem> {
        let author = Author { tenant, actor: by.actor(), project: None, action, policy: "none", request };
        let keys = self.keys(tenant, &draft).await.map_err(|error| {
            tracing::error!(%error, "an entry could not be written");
            Problem::internal()
        })?;
        let row =
            Row::write(draft, &author, &*self.clock, &*self.rng, &keys).map_err(|_| Problem::internal())?;
        self.append(row).await
    }
}

/// A transaction over what is one person's own: the account, what proves who they are, their sessions everywhere.
///
/// It runs as the system role, because accounts belong to no tenant. The statements in `store` that take it say
/// `account_id = $1` with [`AccountTx::account`]. It begins when it is first needed, so that no connection is held while
/// a password is hashed.
pub struct AccountTx {
    vault: Arc<Vault>,
    tx: Option<SystemTx>,
    account: AccountId,
    session: SessionId,
}

impl AccountTx {
    pub(crate) fn new(vault: &Arc<Vault>, account: AccountId, session: SessionId) -> Self {
        Self { vault: Arc::clone(vault), tx: None, account, session }
    }

    /// Whose account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The session it is asked for in.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The transaction, for the store's functions about accounts, which sign-in uses too.
    pub async fn system(&mut self) -> Result<&mut SystemTx, Problem> {
        let begun = match self.tx.take() {
            Some(begun) => begun,
            None => self.vault.system(Reason::OwnAccount).await.map_err(|error| {
                tracing::error!(%error, "an account cannot be used");
                Problem::new(ProblemKind::Unavailable, "Nothing was changed; try again shortly.")
                    .retry_after(2)
            })?,
        };
        Ok(self.tx.insert(begun))
    }

    /// The keys that a draft needs, in this transaction.
    pub(crate) async fn keys(&mut self, tenant: TenantId, draft: &Draft) -> Result<Keys, Problem> {
        if draft.personal.is_empty() {
            return Ok(Keys::default());
        }
        let vault = Arc::clone(&self.vault);
        let tx = self.system().await?;
        vault.keys_on(&mut tx.lease, tenant, draft).await.map_err(|error| {
            tracing::error!(%error, "an entry could not be written");
            Problem::internal()
        })
    }

    pub(crate) async fn insert(&mut self, row: &Row) -> Result<(), Problem> {
        let failed = |error: DatabaseError| {
            tracing::error!(%error, "an entry could not be written");
            Problem::internal()
        };
        self.system().await?.insert(row).await.map_err(failed)
    }

    pub(crate) async fn close(mut self, row: Row) -> Result<Receipt, Problem> {
        self.system().await?;
        let Some(tx) = self.tx else { return Err(Problem::internal()) };
        tx.close(row).await.map_err(|error| {
            tracing::error!(%error, "a change of an account could not be committed");
            Problem::new(ProblemKind::Unavailable, "Nothing was changed; try again shortly.").retry_after(2)
        })
    }
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

    /// Writes the entry into `tenant`'s log, as work of the system, and commits.
    pub async fn seal(
        self,
        tenant: TenantId,
        draft: Draft,
        request: &RequestContext,
        action: &'static str,
    ) -> Result<Receipt, SealError> {
        self.seal_by(By::System, tenant, draft, request, action).await
    }

    /// Writes the entry into `tenant`'s log, in the name of `by`, and commits.
    pub async fn seal_by(
        mut self,
        by: By,
        tenant: TenantId,
        draft: Draft,
        request: &RequestContext,
        action: &'static str,
    ) -> Result<Receipt, SealError> {
        let author = Author { tenant, actor: by.actor(), project: None, action, policy: "none", request };
        // Who is not known yet must not learn from a receipt whose account or organization an address belongs to.
        let known = matches!(by, By::Person(..)) && draft.outcome == Outcome::Ok;
        let keys = self.vault.keys_on(&mut self.lease, tenant, &draft).await?;
        let row = Row::write(draft, &author, &*self.vault.clock, &*self.vault.rng, &keys)?;
        let receipt = self.close(row).await?;
        if known && request.recorder.is_on() {
            request.recorder.note(receipt.recorded());
        }
        Ok(receipt)
    }

    /// Writes one more entry into the log of another tenant that the same change concerns; it commits with the seal. Its
    /// id, for rows that refer to it.
    pub async fn also(
        &mut self,
        by: By,
        tenant: TenantId,
        draft: Draft,
        request: &RequestContext,
        action: &'static str,
    ) -> Result<EntryId, SealError> {
        let author = Author { tenant, actor: by.actor(), project: None, action, policy: "none", request };
        let keys = self.vault.keys_on(&mut self.lease, tenant, &draft).await?;
        let row = Row::write(draft, &author, &*self.vault.clock, &*self.vault.rng, &keys)?;
        self.insert(&row).await?;
        Ok(row.receipt().entry())
    }

    pub(crate) async fn insert(&mut self, row: &Row) -> Result<(), DatabaseError> {
        self.lease.run(row.append_statement()).await
    }

    /// Writes a row and commits.
    pub(crate) async fn close(mut self, row: Row) -> Result<Receipt, DatabaseError> {
        let stale = self.lease.seal(&row).await?;
        self.lease.give_back();
        self.vault.after_write(stale);
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
