//! The pass: proof of gates one to three for one action, and the only way through gate five.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use kernel::limits::STEP_UP_SECONDS_MAX;
use kernel::{
    Assurance, EventKind, Gate, Need, PermissionSet, Problem, ProblemKind, ProjectId, RequestContext,
    TenantId, Timestamp,
};

use packs::catalogue::ALWAYS_OPEN;
use pii::Channel;

use crate::audit::{Author, Draft, Receipt, Row};
use crate::authority::{Against, Panel};
use crate::bounds::Bounds;
use crate::constraint::{self, InForce, PackRefusal};
use crate::personal::Keys;
use crate::pool::DatabaseError;
use crate::principal::{Caller, Human, Person, Principal, opened_by_override};
use crate::privacy::{Privacy, Rules};
use crate::system::AccountTx;
use crate::tenancy::{Access, Tx};
use crate::vault::Vault;

mod sealed {
    use std::sync::Arc;

    use kernel::{Problem, RequestContext, TenantId};

    use crate::audit::{Draft, Receipt, Row};
    use crate::personal::Keys;
    use crate::principal::Principal;
    use crate::vault::Vault;

    pub trait Sealed {}

    /// Without one of these nobody outside can call what is below, whatever traits they have in scope.
    pub struct Key(pub(super) ());

    /// What sealing needs.
    pub struct Ready(pub(super) Row);

    /// The keys that an entry needs for what it says about people.
    pub struct Wanted<'a>(pub(super) &'a Draft);

    /// The same, found.
    pub struct Found(pub(super) Keys);

    pub trait Hold: Sized + Send + 'static {
        fn open(
            key: Key,
            vault: &Arc<Vault>,
            tenant: TenantId,
            principal: &Principal,
            request: &RequestContext,
        ) -> impl Future<Output = Result<Self, Problem>> + Send;

        /// Finds the keys where the entry will be written: in this transaction, when there is one that writes.
        fn keys(
            &mut self,
            key: Key,
            vault: &Arc<Vault>,
            tenant: TenantId,
            wanted: Wanted<'_>,
        ) -> impl Future<Output = Result<Found, Problem>> + Send;

        fn close(
            self,
            key: Key,
            vault: &Arc<Vault>,
            row: Ready,
        ) -> impl Future<Output = Result<Receipt, Problem>> + Send;
    }
}

use sealed::{Found, Hold, Key, Ready, Wanted};

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

/// Reads and writes what is one person's own, which belongs to no tenant; the entry commits together with the change.
/// For actions whose caller is a [`Human`].
#[derive(Debug)]
pub struct Account;

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
impl sealed::Sealed for Account {}

impl Mode for Read {
    type Hold = Tx;
}

impl Mode for Write {
    type Hold = WriteTx;
}

impl Mode for Record {
    type Hold = ();
}

impl Mode for Account {
    type Hold = AccountTx;
}

impl Hold for Tx {
    async fn open(
        _: Key,
        vault: &Arc<Vault>,
        tenant: TenantId,
        principal: &Principal,
        request: &RequestContext,
    ) -> Result<Self, Problem> {
        let tx =
            vault.tenancy.begin(tenant, (&request.id, &principal.standing().links), Access::ReadOnly).await;
        tx.map(|tx| tx.within(principal.project())).map_err(|error| unavailable(&error))
    }

    async fn keys(
        &mut self,
        _: Key,
        vault: &Arc<Vault>,
        tenant: TenantId,
        Wanted(draft): Wanted<'_>,
    ) -> Result<Found, Problem> {
        vault.keys(tenant, draft).await.map(Found).map_err(|error| unavailable(&error))
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
        principal: &Principal,
        request: &RequestContext,
    ) -> Result<Self, Problem> {
        let tx =
            vault.tenancy.begin(tenant, (&request.id, &principal.standing().links), Access::ReadWrite).await;
        tx.map(|tx| WriteTx(tx.within(principal.project()))).map_err(|error| unavailable(&error))
    }

    async fn keys(
        &mut self,
        _: Key,
        vault: &Arc<Vault>,
        tenant: TenantId,
        Wanted(draft): Wanted<'_>,
    ) -> Result<Found, Problem> {
        let keys = vault.keys_on(self.0.lease(), tenant, draft).await;
        keys.map(Found).map_err(|error| unavailable(&error))
    }

    async fn close(self, _: Key, vault: &Arc<Vault>, Ready(row): Ready) -> Result<Receipt, Problem> {
        if self.tenant() != row.tenant {
            tracing::error!("a pass was sealed over another tenant's transaction");
            return Err(Problem::internal());
        }
        let receipt = row.receipt();
        let stale = self.0.finish(&row).await.map_err(|error| unavailable(&error))?;
        vault.after_write(stale);
        Ok(receipt)
    }
}

impl Hold for AccountTx {
    async fn open(
        _: Key,
        vault: &Arc<Vault>,
        _: TenantId,
        principal: &Principal,
        _: &RequestContext,
    ) -> Result<Self, Problem> {
        let Some(person) = principal.person() else {
            tracing::error!("an action over a person's own account was entered by somebody else");
            return Err(Problem::internal());
        };
        Ok(Self::new(vault, person.account, person.session))
    }

    async fn keys(
        &mut self,
        _: Key,
        _: &Arc<Vault>,
        tenant: TenantId,
        Wanted(draft): Wanted<'_>,
    ) -> Result<Found, Problem> {
        self.keys(tenant, draft).await.map(Found)
    }

    async fn close(self, _: Key, _: &Arc<Vault>, Ready(row): Ready) -> Result<Receipt, Problem> {
        self.close(row).await
    }
}

impl Hold for () {
    async fn open(
        _: Key,
        _: &Arc<Vault>,
        _: TenantId,
        _: &Principal,
        _: &RequestContext,
    ) -> Result<Self, Problem> {
        Ok(())
    }

    async fn keys(
        &mut self,
        _: Key,
        vault: &Arc<Vault>,
        tenant: TenantId,
        Wanted(draft): Wanted<'_>,
    ) -> Result<Found, Problem> {
        vault.keys(tenant, draft).await.map(Found).map_err(|error| unavailable(&error))
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
    /// What it needs: a permission, or only that the account is one's own.
    const NEEDS: Need;
    /// The kind of principal it is for.
    type Who: Caller;
    /// How sure one must be that it is really them.
    type Proof: Proof;
    /// How it meets the database.
    type Mode: Mode;
}

/// How lately a person must have shown that it is them. Sealed: the degrees are the ones here. Programs prove who they
/// are with every request, so it asks nothing more of them.
pub trait Proof: sealed::Sealed + 'static {
    /// Whether a factor must have been confirmed within [`STEP_UP_SECONDS_MAX`].
    const FRESH: bool;
}

/// A live session is enough.
#[derive(Debug)]
pub struct Live;

/// A factor confirmed a moment ago: for what would hurt if somebody found the session open.
#[derive(Debug)]
pub struct Fresh;

impl sealed::Sealed for Live {}
impl sealed::Sealed for Fresh {}

impl Proof for Live {
    const FRESH: bool = false;
}

impl Proof for Fresh {
    const FRESH: bool = true;
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
pub(crate) struct Station {
    vault: Arc<Vault>,
    tenant: TenantId,
    project: Option<ProjectId>,
    policy: Arc<Rules>,
    pack: Option<InForce>,
    request: RequestContext,
}

impl Station {
    /// Where `principal` stands with this request, under the policy in force for its tenant.
    pub(crate) async fn of(
        vault: &Arc<Vault>,
        principal: &Principal,
        request: RequestContext,
    ) -> Result<Self, Problem> {
        let tenant = principal.tenant();
        let policy = vault.policy(tenant).await?;
        let pack = vault.pack(tenant).await?;
        Ok(Self { vault: Arc::clone(vault), tenant, project: principal.project(), policy, pack, request })
    }

    /// Writes an entry that has no transaction of its own.
    pub(crate) async fn append(&self, row: Row) -> Result<Receipt, Problem> {
        self.noted(self.vault.append(row).await)
    }

    /// Notes what was sealed, for a caller who asked for receipts.
    fn noted(&self, sealed: Result<Receipt, Problem>) -> Result<Receipt, Problem> {
        if let (Ok(receipt), true) = (&sealed, self.request.recorder.is_on()) {
            self.request.recorder.note(receipt.recorded());
        }
        sealed
    }

    pub(crate) fn row(
        &self,
        draft: Draft,
        action: &'static str,
        principal: &Principal,
        keys: &Keys,
    ) -> Result<Row, Problem> {
        self.row_in(self.tenant, draft, action, principal, keys)
    }

    /// The row of an entry that goes through the ledger.
    pub(crate) async fn row_apart(
        &self,
        draft: Draft,
        action: &'static str,
        principal: &Principal,
    ) -> Result<Row, Problem> {
        let keys = self.vault.keys(self.tenant, &draft).await.map_err(|error| unavailable(&error))?;
        self.row(draft, action, principal, &keys)
    }

    fn row_in(
        &self,
        tenant: TenantId,
        mut draft: Draft,
        action: &'static str,
        principal: &Principal,
        keys: &Keys,
    ) -> Result<Row, Problem> {
        if let Some(account) = principal.acting_for() {
            draft = draft.fact("acting_for", account);
        }
        // An override has a slice of the log of its own: every entry made under it says so.
        if let Some(opened) = principal.person().and_then(|person| person.override_at(self.vault.clock.now()))
        {
            draft = draft.fact("break_glass", opened);
        }
        // Like the version of the PII policy: under which rules it was.
        if let Some(pack) = &self.pack {
            draft = draft.fact("pack", pack.label());
        }
        let author = Author {
            tenant,
            actor: principal.actor(),
            project: self.project,
            action,
            policy: self.policy.version(),
            request: &self.request,
        };
        Row::write(draft, &author, &*self.vault.clock, &*self.vault.rng, keys).map_err(|error| {
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
        let at = Station::of(self, &principal, request).await?;
        let authority = match A::NEEDS {
            Need::Permission(_) => Some(self.authority(at.tenant).await?),
            Need::Credential | Need::Own | Need::Enrol => None,
        };
        let now = self.clock.now();
        let mut by_pack = None;
        // What no pack reaches nobody else does either, so that an organization can always open an override.
        let beside = self.beside.as_deref().filter(|_| ALWAYS_OPEN.binary_search(&A::NAME).is_err());
        let panel = authority.as_deref().map(|engine| Panel::of(engine, beside));
        let mut against = None;
        let problem = refusal::<A>(&principal, panel.as_ref(), now, &mut against).await.or_else(|| {
            let asked = (A::NAME, A::NEEDS);
            by_pack = constraint::refusal(at.pack.as_ref(), asked, &principal, &at.request, now);
            by_pack.as_ref().map(|refused| refused.problem.clone())
        });
        let refusal = match (A::Who::admit(principal), problem) {
            (Ok(who), None) => {
                let hold =
                    <A::Mode as Mode>::Hold::open(Key(()), self, at.tenant, &who.principal(), &at.request)
                        .await?;
                return Ok(Pass { who, hold, at });
            }
            (Ok(who), Some(problem)) => (who.principal(), problem),
            (Err(principal), _) => {
                let detail = format!("It is for {} only, and this credential is not one.", A::Who::KIND);
                (principal, Problem::at(Gate::Identity, ProblemKind::Forbidden, detail))
            }
        };
        let (principal, problem) = refusal;
        let draft = denied::<A>(&problem);
        let mut draft = match &panel {
            Some(panel) => draft.fact("revision", panel.revision()),
            None => draft,
        };
        let against = against.as_ref().filter(|_| problem.gate == Some(Gate::Token));
        if let Some((authorizer, unanswered)) = against.and_then(Against::beside) {
            draft = draft.fact("authorizer", authorizer);
            draft = unanswered.into_iter().fold(draft, |draft, why| draft.fact("unanswered", why));
        }
        if let Some(refused) = by_pack.filter(|refused| refused.problem == problem) {
            draft = refused.say(draft);
        }
        let row = at.row(draft, A::NAME, &principal, &Keys::default())?;
        at.append(row).await?;
        Err(problem)
    }
}

/// The entry about what was not allowed.
fn denied<A: Action>(problem: &Problem) -> Draft {
    Draft::refused(EventKind::AccessDenied)
        .fact("needs", A::NEEDS)
        .fact("gate", problem.gate.map_or("", Gate::name))
        .fact("because", problem.kind.slug())
}

/// Why this principal may not do `A` now, when its kind is right. `panel` is there when `A` needs a permission; who of it
/// is `against` it is told too.
async fn refusal<A: Action>(
    principal: &Principal,
    panel: Option<&Panel<'_>>,
    now: Timestamp,
    against: &mut Option<Against>,
) -> Option<Problem> {
    let person = principal.person();
    let refused = |kind, detail: String| Some(Problem::at(Gate::Token, kind, detail));
    if let (Some(person), true) = (person, A::NEEDS != Need::Enrol) {
        if person.second_factor_required && !person.second_factor {
            let detail = "The organization asks for a second factor, and there is none yet. Until it is set up, only \
                          your own account is open.";
            return refused(ProblemKind::MustEnrol, detail.to_owned());
        }
        if person.second_factor_required && person.assurance < Assurance::Aal2 {
            return refused(ProblemKind::StepUp, "Confirm your second factor to go on.".to_owned());
        }
    }
    let permitted = match (A::NEEDS, panel) {
        (Need::Credential, _) => true,
        (Need::Own | Need::Enrol, _) => person.is_some(),
        // An override opens it whatever relations say, so that nobody is asked about them.
        (Need::Permission(permission), _)
            if opened_by_override(permission) && person.is_some_and(|p| p.override_at(now).is_some()) =>
        {
            true
        }
        (Need::Permission(permission), Some(panel)) => {
            *against = panel.against(&principal.standing().links, permission).await;
            if let Some(against) = against {
                return Some(against.problem(permission));
            }
            true
        }
        (Need::Permission(_), None) => false,
    };
    if !permitted {
        return refused(ProblemKind::Forbidden, format!("It needs the permission {}.", A::NEEDS));
    }
    if A::Proof::FRESH && person.is_some_and(|person| is_stale(person, now)) {
        let detail = "This needs a factor confirmed within the last 10 minutes. Confirm that it is you, then try again.";
        return refused(ProblemKind::StepUp, detail.to_owned());
    }
    None
}

/// Whether what a person last proved is too old, or too little, for a dangerous action.
fn is_stale(person: &Person, now: Timestamp) -> bool {
    let too_little = person.second_factor && person.assurance < Assurance::Aal2;
    too_little || now.since(person.auth_time).as_secs() > STEP_UP_SECONDS_MAX
}

impl Human {
    /// Whether they confirmed a factor lately enough for an action that asks for [`Fresh`]: so that a page can ask for it
    /// before something is written into a form.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.principal().person().is_some_and(|person| !is_stale(person, now))
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

    /// What each of some others in the organization may do: what the gates would answer them. Each is named as the model of
    /// relations does, such as `user:<account>`.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn held(&self, subjects: &[String]) -> Result<Vec<PermissionSet>, Problem> {
        let authority = self.at.vault.authority(self.at.tenant).await?;
        subjects.iter().map(|subject| authority.held(std::slice::from_ref(subject))).collect()
    }

    /// Gate four for this request, under what the tenant's policy says of the channel.
    pub fn privacy(&self, channel: Channel) -> Privacy {
        Privacy::new(Arc::clone(&self.at.policy), channel, &*self.at.vault.rng)
    }

    /// What the organization's pack in force bounds for this caller; `None` when none says anything of it.
    pub fn bounds(&self) -> Option<Bounds> {
        let pack = self.at.pack.as_ref()?;
        Bounds::of(Some(pack), &self.who.principal())
    }

    /// Undoes what was done under this pass, puts on record what the pack in force refused of it, and hands the answer on.
    pub async fn refused_by_pack(self, refused: PackRefusal) -> Problem {
        let Self { who, hold, at } = self;
        drop(hold);
        let problem = refused.problem.clone();
        let draft = refused.say(denied::<A>(&problem));
        match at.row_apart(draft, A::NAME, &who.principal()).await {
            Ok(row) => at.append(row).await.err().unwrap_or(problem),
            Err(broken) => broken,
        }
    }

    /// Gate five: writes the entry and commits what was done under this pass.
    pub async fn seal(self, draft: Draft) -> Result<Receipt, Problem> {
        let Self { who, mut hold, at } = self;
        let Found(keys) = hold.keys(Key(()), &at.vault, at.tenant, Wanted(&draft)).await?;
        let row = at.row(draft, A::NAME, &who.principal(), &keys)?;
        at.noted(hold.close(Key(()), &at.vault, Ready(row)).await)
    }

    /// Undoes what was done under this pass, records that it failed, and hands the problem on.
    pub async fn fail(self, draft: Draft, problem: Problem) -> Problem {
        let Self { who, hold, at } = self;
        drop(hold);
        let draft = draft.fact("status", problem.kind.status());
        match at.row_apart(draft, A::NAME, &who.principal()).await {
            Ok(row) => at.append(row).await.err().unwrap_or(problem),
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

impl<A: Action<Mode = Account, Who = Human>> Pass<A> {
    /// The transaction over the person's own account.
    pub fn account(&mut self) -> &mut AccountTx {
        &mut self.hold
    }

    /// Writes one more entry into the log of another organization that the same change concerns: one where the person
    /// has a session that ends with it, for example. It commits with the seal.
    pub async fn also_into(&mut self, tenant: TenantId, draft: Draft) -> Result<(), Problem> {
        let keys = self.hold.keys(tenant, &draft).await?;
        let row = self.at.row_in(tenant, draft, A::NAME, &self.who.principal(), &keys)?;
        self.hold.insert(&row).await
    }

    /// Gate five into the log of another organization: the one the person founds, joins or moves to. The database
    /// accepts it only where the person is a member by then.
    pub async fn seal_into(self, tenant: TenantId, draft: Draft) -> Result<Receipt, Problem> {
        let Self { who, mut hold, at } = self;
        let keys = hold.keys(tenant, &draft).await?;
        let row = at.row_in(tenant, draft, A::NAME, &who.principal(), &keys)?;
        at.noted(Hold::close(hold, Key(()), &at.vault, Ready(row)).await)
    }
}

impl<A: Action<Mode = Record>> Pass<A> {
    /// A reading transaction of the same tenant, for what the action must know before it acts.
    pub async fn read(&self) -> Result<Tx, Problem> {
        Tx::open(Key(()), &self.at.vault, self.at.tenant, &self.who.principal(), &self.at.request).await
    }

    /// Writes an entry and keeps the pass, for an act with an intent and an outcome.
    pub async fn record(&self, draft: Draft) -> Result<Receipt, Problem> {
        let row = self.at.row_apart(draft, A::NAME, &self.who.principal()).await?;
        self.at.append(row).await
    }
}

/// What a transactional pass holds.
pub trait Transaction: sealed::Sealed {}
impl sealed::Sealed for Tx {}
impl sealed::Sealed for WriteTx {}
impl Transaction for Tx {}
impl Transaction for WriteTx {}
