//! The pass: proof of gates one to three for one action, and the only way through gate five.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use kernel::{EventKind, Gate, Permission, Problem, ProblemKind, ProjectId, RequestContext, TenantId};

use crate::audit::{Author, Draft, Receipt, Row};
use crate::pool::DatabaseError;
use crate::principal::{Caller, Principal};
use crate::privacy::Privacy;
use crate::tenancy::{Access, Tx};
use crate::vault::Vault;

mod sealed {
    use std::sync::Arc;

    use kernel::{Problem, RequestContext, TenantId};

    use crate::audit::{Receipt, Row};
    use crate::vault::Vault;

    pub trait Sealed {}

    /// Without one of these nobody outside can call what is below, whatever traits they have in scope.
    pub struct Key(pub(super) ());

    /// What sealing needs.
    pub struct Ready(pub(super) Row);

    pub trait Hold: Sized + Send + 'static {
        fn open(
            key: Key,
            vault: &Arc<Vault>,
            tenant: TenantId,
            request: &RequestContext,
        ) -> impl Future<Output = Result<Self, Problem>> + Send;

        fn close(
            self,
            key: Key,
            vault: &Arc<Vault>,
            row: Ready,
        ) -> impl Future<Output = Result<Receipt, Problem>> + Send;
    }
}

use sealed::{Hold, Key, Ready};

/// How an action meets the database. Sealed: the modes are the ones here.
pub trait Mode: sealed::Sealed + 'static {
    /// What the pass holds while the action runs.
    type Hold: Hold;
}

/// Reads, in a read-only transaction; the entry is written when the reading is done, before the answer.
#[derive(Debug)]
pub struct Read;

/// Reads and writes; the entry commits together with the change or not at all.
#[derive(Debug)]
pub struct Write;

/// Touches no tenant row: calls of the outside world, whose intent and outcome are entries of their own.
#[derive(Debug)]
pub struct Record;

/// A transaction that may change rows. Store functions that write ask for this, so a reading pass cannot call them.
pub struct WriteTx(Tx);

impl Deref for WriteTx {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.0
    }
}

impl sealed::Sealed for Read {}
impl sealed::Sealed for Write {}
impl sealed::Sealed for Record {}

impl Mode for Read {
    type Hold = Tx;
}

impl Mode for Write {
    type Hold = WriteTx;
}

impl Mode for Record {
    type Hold = ();
}

impl Hold for Tx {
    async fn open(
        _: Key,
        vault: &Arc<Vault>,
        tenant: TenantId,
        request: &RequestContext,
    ) -> Result<Self, Problem> {
        vault.tenancy.begin(tenant, &request.id, Access::ReadOnly).await.map_err(|error| unavailable(&error))
    }

    async fn close(self, _: Key, vault: &Arc<Vault>, Ready(row): Ready) -> Result<Receipt, Problem> {
        drop(self);
        vault.append(row).await
    }
}

impl Hold for WriteTx {
    async fn open(
        _: Key,
        vault: &Arc<Vault>,
        tenant: TenantId,
        request: &RequestContext,
    ) -> Result<Self, Problem> {
        let tx = vault.tenancy.begin(tenant, &request.id, Access::ReadWrite).await;
        tx.map(WriteTx).map_err(|error| unavailable(&error))
    }

    async fn close(self, _: Key, vault: &Arc<Vault>, Ready(row): Ready) -> Result<Receipt, Problem> {
        if self.tenant() != row.tenant {
            tracing::error!("a pass was sealed over another tenant's transaction");
            return Err(Problem::internal());
        }
        let receipt = row.receipt();
        self.0.finish(&row.insert_statement()).await.map_err(|error| unavailable(&error))?;
        vault.after_write(row.kind);
        Ok(receipt)
    }
}

impl Hold for () {
    async fn open(_: Key, _: &Arc<Vault>, _: TenantId, _: &RequestContext) -> Result<Self, Problem> {
        Ok(())
    }

    async fn close(self, _: Key, vault: &Arc<Vault>, Ready(row): Ready) -> Result<Receipt, Problem> {
        vault.append(row).await
    }
}

fn unavailable(error: &DatabaseError) -> Problem {
    tracing::error!(%error, "gate three could not be passed");
    Problem::at(Gate::Tenancy, ProblemKind::Unavailable, "Nothing was changed; try again shortly.")
        .retry_after(2)
}

/// Something the house does. One type per action, named once, with all it takes to be allowed.
pub trait Action: Send + Sync + 'static {
    /// The stable name, `noun.verb`, as it stands in entries, the API description and the docs.
    const NAME: &'static str;
    /// The permission it needs.
    const NEEDS: Permission;
    /// The kind of principal it is for.
    type Who: Caller;
    /// How it meets the database.
    type Mode: Mode;
}

/// Proof that this caller may do `A` for this tenant, with the transaction to do it in.
///
/// Made only by [`Vault::enter`]. Sealing consumes it; dropped unsealed, everything done under it is rolled back.
#[must_use = "a pass that is not sealed rolls back"]
pub struct Pass<A: Action> {
    who: A::Who,
    hold: <A::Mode as Mode>::Hold,
    at: Station,
}

/// What stays the same over the life of a pass.
struct Station {
    vault: Arc<Vault>,
    tenant: TenantId,
    project: Option<ProjectId>,
    policy: Arc<pii::Policy>,
    request: RequestContext,
}

impl Station {
    fn row(&self, draft: Draft, action: &'static str, principal: &Principal) -> Result<Row, Problem> {
        let author = Author {
            tenant: self.tenant,
            actor: principal.actor(),
            project: self.project,
            action,
            policy: self.policy.version(),
            request: &self.request,
        };
        Row::write(draft, &author, &*self.vault.clock, &*self.vault.rng).map_err(|error| {
            tracing::error!(%error, action, "gate five could not be passed");
            Problem::at(
                Gate::Audit,
                ProblemKind::Internal,
                "The action could not be recorded, so it was not done.",
            )
        })
    }
}

impl Vault {
    /// Gates one to three for the action `A`: the right kind of caller, the permission, the tenant's transaction.
    /// A refusal is written to the tenant's log before it is returned.
    pub async fn enter<A: Action>(
        self: &Arc<Self>,
        principal: Principal,
        request: RequestContext,
    ) -> Result<Pass<A>, Problem> {
        let tenant = principal.tenant();
        let policy = self.policy(tenant).await?;
        let at = Station { vault: Arc::clone(self), tenant, project: principal.project(), policy, request };
        let permitted = principal.capabilities().has(A::NEEDS);
        let refusal = match A::Who::admit(principal) {
            Ok(who) if permitted => {
                let hold = <A::Mode as Mode>::Hold::open(Key(()), self, tenant, &at.request).await?;
                return Ok(Pass { who, hold, at });
            }
            Ok(who) => {
                let detail = format!("It needs the permission {}.", A::NEEDS);
                (who.principal(), Problem::at(Gate::Token, ProblemKind::Forbidden, detail))
            }
            Err(principal) => {
                let detail = format!("It is for {} only, and this credential is not one.", A::Who::KIND);
                (principal, Problem::at(Gate::Identity, ProblemKind::Forbidden, detail))
            }
        };
        let (principal, problem) = refusal;
        let gate = problem.gate.map_or("", Gate::name);
        let draft = Draft::refused(EventKind::AccessDenied).fact("needs", A::NEEDS).fact("gate", gate);
        let row = at.row(draft, A::NAME, &principal)?;
        self.append(row).await?;
        Err(problem)
    }
}

impl<A: Action> Pass<A> {
    /// The caller, of the kind the action asked for.
    pub fn who(&self) -> &A::Who {
        &self.who
    }

    /// The caller as a principal.
    pub fn principal(&self) -> Principal {
        self.who.principal()
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.at.tenant
    }

    /// The project the credential is bound to; scope never comes from a parameter.
    pub fn project(&self) -> Option<ProjectId> {
        self.at.project
    }

    /// The request.
    pub fn request(&self) -> &RequestContext {
        &self.at.request
    }

    /// The vault this pass came from.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.at.vault
    }

    /// Gate four for this request, under the tenant's policy.
    pub fn privacy(&self) -> Privacy {
        Privacy::new(self.at.vault.scanner.clone(), Arc::clone(&self.at.policy), &*self.at.vault.rng)
    }

    /// Gate five: writes the entry and commits what was done under this pass.
    pub async fn seal(self, draft: Draft) -> Result<Receipt, Problem> {
        let Self { who, hold, at } = self;
        let row = at.row(draft, A::NAME, &who.principal())?;
        hold.close(Key(()), &at.vault, Ready(row)).await
    }

    /// Undoes what was done under this pass, records that it failed, and hands the problem on.
    pub async fn fail(self, draft: Draft, problem: Problem) -> Problem {
        let Self { who, hold, at } = self;
        drop(hold);
        match at.row(draft.fact("status", problem.kind.status()), A::NAME, &who.principal()) {
            Ok(row) => at.vault.append(row).await.err().unwrap_or(problem),
            Err(broken) => broken,
        }
    }
}

impl<A: Action<Mode = M>, M: Mode> Pass<A>
where
    M::Hold: Transaction,
{
    /// The transaction, for the store: a [`Tx`] in a reading pass, a [`WriteTx`] in a writing one.
    pub fn tx(&mut self) -> &mut M::Hold {
        &mut self.hold
    }
}

impl<A: Action<Mode = Record>> Pass<A> {
    /// A reading transaction of the same tenant, for what the action must know before it acts.
    pub async fn read(&self) -> Result<Tx, Problem> {
        Tx::open(Key(()), &self.at.vault, self.at.tenant, &self.at.request).await
    }

    /// Writes an entry and keeps the pass, for an act with an intent and an outcome.
    pub async fn record(&self, draft: Draft) -> Result<Receipt, Problem> {
        let row = self.at.row(draft, A::NAME, &self.who.principal())?;
        self.at.vault.append(row).await
    }
}

/// What a transactional pass holds.
pub trait Transaction: sealed::Sealed {}
impl sealed::Sealed for Tx {}
impl sealed::Sealed for WriteTx {}
impl Transaction for Tx {}
impl Transaction for WriteTx {}
