//! Onboarding: founding an organization, or joining one by invitation.

use authn::secrets::{OpaqueToken, TokenKind};
use gates::{By, Draft, Pass, Receipt, SystemTx};
use kernel::limits::MEMBERSHIPS_MAX;
use kernel::{EventKind, MemberRole, Problem, ProblemKind, ProjectId, TenantId};
use mail::Address;
use store::accounts::{self, NewAccount};
use store::joining::{self, NewMember, Offer};

use super::newcomers::Secret;
use super::own::move_to;
use super::{Accounts, NewSession, SessionKind, Visitor, unavailable};
use crate::action;
use crate::input::Name;

const ACCEPT_NEW: &str = "invitation.accept_new";
/// What a founded organization's first project is called.
const FIRST_PROJECT: &str = "default";

action! {
    /// Founds an organization, whose owner one is.
    FoundOrganization = "organization.found", Own, Human, Account
}

action! {
    /// Accepts an invitation that was sent to one's own address.
    AcceptInvitation = "invitation.accept", Own, Human, Account
}

/// An organization just founded or joined, and the new secret of the session that is in it now.
pub struct Entered {
    /// The organization.
    pub tenant: TenantId,
    /// The session's new secret.
    pub secret: OpaqueToken,
    /// The entry, in that organization's log.
    pub receipt: Receipt,
}

/// What somebody invited says of themselves who has no account yet.
pub struct Newcomer {
    /// The name they go by.
    pub name: Name,
    /// How they will sign in.
    pub secret: Secret,
}

fn no_offer() -> Problem {
    let detail =
        "This invitation does not work: it was accepted or withdrawn, or it is too old. Ask for another one.";
    Problem::new(ProblemKind::NotFound, detail)
}

fn role_of(offer: &Offer) -> Result<MemberRole, Problem> {
    offer.role.parse().map_err(|_| Problem::internal())
}

/// Founds an organization with a first project, and moves the session there.
///
/// # Errors
/// When the person is in too many organizations already.
pub async fn found(mut pass: Pass<FoundOrganization>, name: Name) -> Result<Entered, Problem> {
    let (id, vault) = (pass.account().account(), pass.vault().clone());
    let (clock, rng, at) = (vault.clock(), vault.rng(), vault.clock().now());
    let (tenant, project, name) = (TenantId::new(clock, rng), ProjectId::new(clock, rng), name.into_inner());
    let tx = pass.account().system().await?;
    let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
    if joining::memberships(tx, id).await? >= MEMBERSHIPS_MAX {
        let detail = format!("A person can be in {MEMBERSHIPS_MAX} organizations at most.");
        let problem = Problem::new(ProblemKind::Conflict, detail);
        return Err(pass.fail(Draft::failed(EventKind::OrganizationCreated), problem).await);
    }
    store::organizations::create(tx, tenant, &name, at).await?;
    store::projects::create_first(tx, tenant, project, FIRST_PROJECT, at).await?;
    let member = NewMember {
        tenant,
        account: id,
        address: &account.address,
        name: &account.name,
        role: MemberRole::Admin,
        owner: true,
        at,
    };
    joining::join(tx, &member).await?;
    let secret = move_to(&mut pass, tenant).await?;
    let draft = Draft::done(EventKind::OrganizationCreated)
        .subject("organization", tenant)
        .fact("project", project)
        .fact("owner", id);
    let receipt = pass.seal_into(tenant, draft).await?;
    Ok(Entered { tenant, secret, receipt })
}

impl Accounts {
    /// What an invitation offers, without accepting it.
    ///
    /// # Errors
    /// When it does not work (any more).
    pub async fn offer(&self, code: &str) -> Result<Offer, Problem> {
        let mut tx = self.begin().await?;
        self.find_offer(&mut tx, code).await
    }

    /// Whether the address of an invitation has an account, so that its page asks to sign in rather than up. Told to
    /// whoever holds the invitation, which was sent to that address.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn is_known(&self, offer: &Offer) -> Result<bool, Problem> {
        let mut tx = self.begin().await?;
        let account = accounts::by_address(&mut tx, &offer.address_key).await?;
        Ok(account.is_some_and(|account| account.verified_at.is_some()))
    }

    async fn find_offer(&self, tx: &mut SystemTx, code: &str) -> Result<Offer, Problem> {
        let code = OpaqueToken::parse(TokenKind::Invitation, code).map_err(|_| no_offer())?;
        let now = self.vault.clock().now();
        joining::offer(tx, code.hash().as_bytes(), now).await?.ok_or_else(no_offer)
    }

    /// Accepts an invitation, and moves the session to the organization.
    ///
    /// # Errors
    /// When the invitation does not work, or was sent to another address than the person's own.
    pub async fn accept(&self, mut pass: Pass<AcceptInvitation>, code: &str) -> Result<Entered, Problem> {
        let (id, at) = (pass.account().account(), self.vault.clock().now());
        let failed = || Draft::failed(EventKind::MemberJoined).subject("account", id);
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let offer = match self.find_offer(tx, code).await {
            Ok(offer) => offer,
            Err(problem) => return Err(pass.fail(failed(), problem).await),
        };
        let own = Address::parse(&account.address).map_err(|_| Problem::internal())?.key();
        if own != offer.address_key {
            let detail =
                "This invitation was sent to another address. Sign in with the account of that address.";
            let problem = Problem::new(ProblemKind::Forbidden, detail);
            return Err(pass.fail(failed(), problem).await);
        }
        let role = role_of(&offer)?;
        joining::accept(tx, &offer, at).await?;
        let member = NewMember {
            tenant: offer.tenant,
            account: id,
            address: &account.address,
            name: &account.name,
            role,
            owner: false,
            at,
        };
        joining::join(tx, &member).await?;
        let secret = move_to(&mut pass, offer.tenant).await?;
        let draft = Draft::done(EventKind::MemberJoined)
            .subject("account", id)
            .fact("invitation", offer.id)
            .fact("role", role);
        let receipt = pass.seal_into(offer.tenant, draft).await?;
        Ok(Entered { tenant: offer.tenant, secret, receipt })
    }

    /// Accepts an invitation as somebody without an account: makes it, verified because the code was in its mail, joins
    /// and signs in.
    ///
    /// # Errors
    /// When the invitation does not work, the password is weak, or the address has an account by now.
    pub async fn accept_new(
        &self,
        visitor: Visitor<'_>,
        code: &str,
        new: Newcomer,
    ) -> Result<NewSession, Problem> {
        let offer = self.offer(code).await?;
        let name = new.name.into_inner();
        let checked = self.look_at(new.secret, &[&offer.address, &name]).await?;
        let at = self.vault.clock().now();
        let mut tx = self.begin().await?;
        let offer = self.find_offer(&mut tx, code).await?;
        if let Some(there) = accounts::by_address(&mut tx, &offer.address_key).await? {
            if there.verified_at.is_some() {
                let detail = "This address has an account. Sign in, then accept the invitation.";
                return Err(Problem::new(ProblemKind::Conflict, detail));
            }
            accounts::forget_unverified(&mut tx, &offer.address_key).await?;
        }
        let way = self.way_in(&mut tx, checked).await?;
        let (id, proved) = (way.id, way.proved("invitation", &["pwd"]));
        let account = NewAccount {
            id,
            address: &offer.address,
            address_key: &offer.address_key,
            verified: true,
            name: &name,
            password: way.password.as_deref(),
            super_admin: false,
            at,
        };
        accounts::create(&mut tx, &account).await?;
        let (by, role) = (By::Person(id, None), role_of(&offer)?);
        let member = NewMember {
            tenant: offer.tenant,
            account: id,
            address: &offer.address,
            name: &name,
            role,
            owner: false,
            at,
        };
        joining::accept(&mut tx, &offer, at).await?;
        joining::join(&mut tx, &member).await?;
        let draft = Draft::done(EventKind::MemberJoined)
            .subject("account", id)
            .fact("invitation", offer.id)
            .fact("role", role);
        tx.also(by, offer.tenant, draft, visitor.request, ACCEPT_NEW)
            .await
            .map_err(|error| unavailable(&error))?;
        let recovery_codes = self.keep_way(&mut tx, way, at).await?;
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(Problem::internal)?;
        let opened = self.open(tx, visitor, &account, SessionKind::Browser, proved, ACCEPT_NEW).await?;
        Ok(NewSession { recovery_codes, ..opened })
    }
}
