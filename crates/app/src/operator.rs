//! What only the operator may do, on the machine itself: closing accounts, naming administrators of the instance, giving
//! the role that reaches across organizations. None of it has a route.

use std::sync::Arc;

use gates::{By, Draft, Reason, SystemTx, Vault};
use kernel::{EventKind, MemberRole, RequestContext, TenantId};
use mail::{Address, Letter};
pub use store::accounts::SuperAdmin;
use store::accounts::{self, Account};
pub use store::data_keys::DataKeyState;
use store::{StoreError, data_keys, doors, factors, joining, members, personal, sessions};

use crate::accounts::{Site, counts_against};
use crate::mail::{Outbox, forget_letters_to};

/// Administrators of the instance that are listed.
const SUPER_ADMINS_SHOWN_MAX: i64 = 1_000;

/// It could not be done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No such account.
    #[error("there is no account with this address")]
    NoAccount,
    /// No such membership.
    #[error("this person is not a member of that organization")]
    NoMember,
    /// No such organization.
    #[error("there is no such organization")]
    NoOrganization,
    /// There is somebody already who can do it.
    #[error("this organization has an owner, who can hand it over")]
    HasOwner,
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] gates::DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The letter to the person could not be written.
    #[error("the letter to the person could not be written")]
    Letter,
    /// It could not be recorded.
    #[error(transparent)]
    Seal(#[from] gates::SealError),
}

/// What a reset of second factors removed.
pub struct FactorsReset {
    /// Authenticator apps, enrolled or begun.
    pub apps: u64,
    /// Passkeys.
    pub passkeys: u64,
    /// Sessions.
    pub sessions_ended: u64,
}

/// What an erasure did.
pub struct Erased {
    /// Keys that are destroyed: one for each log that held something about the person.
    pub keys: u64,
    /// Sessions that ended.
    pub sessions_ended: u64,
    /// The organizations that were told, in their logs.
    pub organizations: Vec<TenantId>,
}

/// Bytes that overwrite a key before it is removed: as many as a wrapped key has.
const NOISE_BYTES: usize = 65;
/// What stands in the place of what people wrote.
const ERASED_WORDS: &str = "erased person";

/// The operator at work.
pub struct Operator {
    vault: Arc<Vault>,
    request: RequestContext,
}

impl Operator {
    /// The operator, over an open vault.
    pub fn new(vault: Arc<Vault>, request: RequestContext) -> Self {
        Self { vault, request }
    }

    async fn begin(&self, address: &Address) -> Result<(SystemTx, Account), OperatorError> {
        let mut tx = self.vault.system(Reason::Operator).await?;
        let found = accounts::by_address(&mut tx, &address.key()).await?.ok_or(OperatorError::NoAccount)?;
        let account = accounts::lock(&mut tx, found.id).await?.ok_or(OperatorError::NoAccount)?;
        Ok((tx, account))
    }

    /// Makes a person administrator of the instance, or takes that away.
    ///
    /// # Errors
    /// When there is no such account, or the database cannot be used.
    pub async fn super_admin(&self, address: &Address, granted: bool) -> Result<(), OperatorError> {
        let (mut tx, account) = self.begin(address).await?;
        let at = granted.then(|| self.vault.clock().now());
        accounts::set_super_admin(&mut tx, account.id, at).await?;
        let kind = if granted { EventKind::SuperAdminGranted } else { EventKind::SuperAdminRevoked };
        let draft = Draft::done(kind).subject("account", account.id);
        tx.seal_by(By::System, self.vault.instance(), draft, &self.request, "operator.super_admin").await?;
        Ok(())
    }

    /// The administrators of the instance, those of longest standing first, at most 1,000.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn super_admins(&self) -> Result<Vec<SuperAdmin>, OperatorError> {
        let mut tx = self.vault.system(Reason::Operator).await?;
        let found = accounts::super_admins(&mut tx, SUPER_ADMINS_SHOWN_MAX).await?;
        tx.finish().await?;
        Ok(found)
    }

    /// Takes back the guesses that were counted against an account, so that its person can try again at once. Those counted
    /// against a network or a known device run out by themselves.
    ///
    /// # Errors
    /// When there is no such account, or the database cannot be used.
    pub async fn unlock(&self, address: &Address) -> Result<(), OperatorError> {
        let (mut tx, account) = self.begin(address).await?;
        for (scope, key) in counts_against(&self.vault, &address.key(), account.id) {
            doors::forget_guesses(&mut tx, scope, &key).await?;
        }
        let draft = Draft::done(EventKind::AccountUnlocked).subject("account", account.id);
        tx.seal_by(By::System, self.vault.instance(), draft, &self.request, "operator.unlock").await?;
        Ok(())
    }

    /// Gives an organization that has no owner left one of its members as its owner.
    ///
    /// # Errors
    /// When it has an owner, there is no such member, or the database cannot be used.
    pub async fn owner(&self, address: &Address, tenant: TenantId) -> Result<(), OperatorError> {
        let (mut tx, account) = self.begin(address).await?;
        if !members::hold_owners_of(&mut tx, tenant).await?.is_empty() {
            return Err(OperatorError::HasOwner);
        }
        if !joining::make_owner(&mut tx, tenant, account.id).await? {
            return Err(OperatorError::NoMember);
        }
        let draft = Draft::done(EventKind::OwnershipTransferred)
            .subject("account", account.id)
            .fact("because", "there was no owner");
        tx.seal_by(By::System, tenant, draft, &self.request, "operator.owner").await?;
        Ok(())
    }

    /// Closes an account: every session of it ends, and nothing opens until it is enabled again.
    ///
    /// # Errors
    /// When there is no such account, or the database cannot be used.
    pub async fn disable(&self, address: &Address) -> Result<u64, OperatorError> {
        const ACTION: &str = "operator.disable";
        let (mut tx, account) = self.begin(address).await?;
        let now = self.vault.clock().now();
        accounts::set_disabled(&mut tx, account.id, Some(now)).await?;
        for tenant in sessions::tenants_of(&mut tx, account.id, None).await? {
            if tenant != self.vault.instance() {
                let draft = Draft::done(EventKind::SessionRevoked)
                    .subject("account", account.id)
                    .fact("because", "account disabled");
                tx.also(By::System, tenant, draft, &self.request, ACTION).await?;
            }
        }
        let ended = sessions::revoke_all(&mut tx, account.id, None, "account disabled", now).await?;
        let draft = Draft::done(EventKind::AccountDisabled)
            .subject("account", account.id)
            .fact("sessions_ended", ended);
        tx.seal_by(By::System, self.vault.instance(), draft, &self.request, ACTION).await?;
        Ok(ended)
    }

    /// Removes every second factor of an account and its recovery codes: for somebody who lost them all and has proved to the
    /// operator who they are. Every session ends, and the person is told by mail. They sign in with their password, or set one
    /// by mail when they had none.
    ///
    /// # Errors
    /// When there is no such account, or the database cannot be used.
    pub async fn reset_factors(&self, address: &Address, site: &Site) -> Result<FactorsReset, OperatorError> {
        const ACTION: &str = "operator.reset_factors";
        let (mut tx, account) = self.begin(address).await?;
        let now = self.vault.clock().now();
        let (totps, passkeys) = factors::remove_all(&mut tx, account.id).await?;
        let mut told = sessions::tenants_of(&mut tx, account.id, None).await?;
        told.extend(sessions::shown_in(&mut tx, account.id).await?);
        told.sort_unstable();
        told.dedup();
        let draft = || {
            Draft::done(EventKind::FactorsReset)
                .subject("account", account.id)
                .fact("apps", totps)
                .fact("passkeys", passkeys)
        };
        for tenant in told.into_iter().filter(|tenant| *tenant != self.vault.instance()) {
            tx.also(By::System, tenant, draft(), &self.request, ACTION).await?;
        }
        let sessions_ended = sessions::revoke_all(&mut tx, account.id, None, "factors reset", now).await?;
        let letter = Letter::FactorsReset {
            at: now,
            sign_in: site.page("/sign-in").map_err(|_| OperatorError::Letter)?,
            reset: site.page("/reset").map_err(|_| OperatorError::Letter)?,
        };
        let to = Address::parse(&account.address).map_err(|_| OperatorError::Letter)?;
        let outbox = Outbox::new(Arc::clone(&self.vault), site.letterhead().clone());
        outbox.put(&mut tx, &to, &letter).await.map_err(|_| OperatorError::Letter)?;
        let draft = draft().fact("sessions_ended", sessions_ended);
        tx.seal_by(By::System, self.vault.instance(), draft, &self.request, ACTION).await?;
        Ok(FactorsReset { apps: totps, passkeys, sessions_ended })
    }

    /// Erases a person: the keys are destroyed under which the logs hold what is about them, and what is theirs goes out of
    /// the rooms; their account stays as a closed row without address, name or factors, because others refer to its id.
    /// Nothing brings it back. Every log that held something says so; its proofs hold as before.
    ///
    /// # Errors
    /// When there is no such account, or the database cannot be used.
    pub async fn erase(&self, address: &Address) -> Result<Erased, OperatorError> {
        const ACTION: &str = "operator.erase_person";
        let (mut tx, account) = self.begin(address).await?;
        let (id, now) = (account.id, self.vault.clock().now());
        let invitations = personal::invitations_of(&mut tx, id, &address.key()).await?;
        let tenants = personal::tenants_of(&mut tx, id, &invitations).await?;
        let mut noise = [0; NOISE_BYTES];
        self.vault.rng().fill(&mut noise);
        let keys = personal::destroy_keys(&mut tx, id, &invitations, &noise).await?;
        for (scope, key) in counts_against(&self.vault, &address.key(), id) {
            doors::forget_guesses(&mut tx, scope, &key).await?;
        }
        factors::remove_all(&mut tx, id).await?;
        let sessions_ended = sessions::revoke_all(&mut tx, id, None, "person erased", now).await?;
        let nobody = format!("{id}@erased.invalid");
        let blank = personal::Blank {
            account: id,
            invitations: &invitations,
            address: &nobody,
            words: ERASED_WORDS,
            at: now,
        };
        personal::blank(&mut tx, &blank).await?;
        forget_letters_to(&self.vault, &mut tx, address).await?;
        let draft = || {
            let draft = Draft::done(EventKind::AccountErased).subject("account", id);
            draft.fact("keys", keys).fact("sessions_ended", sessions_ended)
        };
        let organizations: Vec<TenantId> =
            tenants.into_iter().filter(|tenant| *tenant != self.vault.instance()).collect();
        for tenant in &organizations {
            tx.also(By::System, *tenant, draft(), &self.request, ACTION).await?;
        }
        tx.seal_by(By::System, self.vault.instance(), draft(), &self.request, ACTION).await?;
        self.vault.forget_subject(id);
        for invitation in invitations {
            self.vault.forget_subject(invitation);
        }
        Ok(Erased { keys, sessions_ended, organizations })
    }

    /// Opens a closed account again. Its old sessions stay ended.
    ///
    /// # Errors
    /// When there is no such account, or the database cannot be used.
    pub async fn enable(&self, address: &Address) -> Result<(), OperatorError> {
        let (mut tx, account) = self.begin(address).await?;
        accounts::set_disabled(&mut tx, account.id, None).await?;
        let draft = Draft::done(EventKind::AccountEnabled).subject("account", account.id);
        tx.seal_by(By::System, self.vault.instance(), draft, &self.request, "operator.enable").await?;
        Ok(())
    }

    /// Puts a new data key of an organization into force; answers all of its keys, newest first. Retired ones go on opening
    /// what they sealed, and are destroyed when nothing of it is left.
    ///
    /// # Errors
    /// When there is no such organization, or the database cannot be used.
    pub async fn rotate_data_key(&self, tenant: TenantId) -> Result<Vec<DataKeyState>, OperatorError> {
        let (id, sealed) = self.vault.fresh_data_key(tenant)?;
        let now = self.vault.clock().now();
        let mut tx = self.vault.system(Reason::KeyRotation).await?;
        if !data_keys::rotate(&mut tx, tenant, (id, &sealed), now).await? {
            return Err(OperatorError::NoOrganization);
        }
        let keys = data_keys::list(&mut tx, tenant).await?;
        let values = keys.iter().map(|key| key.values).sum::<i64>();
        let draft = Draft::done(EventKind::PiiKeyRotated)
            .subject("data_key", id)
            .fact("keys", keys.len() as u64)
            .fact("values", values);
        tx.seal_by(By::System, tenant, draft, &self.request, "operator.rotate_data_key").await?;
        self.vault.forget_data_keys(tenant);
        Ok(keys)
    }

    /// Gives a member any of the roles, the one that reaches across organizations included.
    ///
    /// # Errors
    /// When there is no such member, or the database cannot be used.
    pub async fn role(
        &self,
        address: &Address,
        tenant: TenantId,
        role: MemberRole,
    ) -> Result<(), OperatorError> {
        let (mut tx, account) = self.begin(address).await?;
        if !joining::set_role(&mut tx, tenant, account.id, role).await? {
            return Err(OperatorError::NoMember);
        }
        let draft =
            Draft::done(EventKind::MemberRoleChanged).subject("account", account.id).fact("role", role);
        tx.seal_by(By::System, tenant, draft, &self.request, "operator.role").await?;
        Ok(())
    }
}
