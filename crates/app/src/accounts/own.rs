//! What is one's own: name, address, password, sessions, and moving between organizations.

use authn::password::Password;
use authn::secrets::{OpaqueToken, TokenKind};
use gates::{Draft, Pass, Receipt, SystemTx};
use kernel::{AccountId, EventKind, Problem, ProblemKind, SessionId, TenantId, Timestamp};
use mail::Address;
use store::accounts::Account;
use store::doors::{self, LinkPurpose};
pub use store::factors::{Passkey, Totp};
pub use store::sessions::Session;
use store::sessions::{self, Home};
use store::{accounts, factors};

use super::guesses::Target;
use super::{Accounts, Visitor, choose, unavailable};
use crate::action;
use crate::input::Name;

/// Sessions shown at once.
const SESSIONS_SHOWN_MAX: i64 = 200;

action! {
    /// Looks at one's own account: what proves who one is, and the organizations one is in.
    ReadAccount = "account.read", Enrol, Human, Account
}

action! {
    /// Lists one's own sessions.
    ListOwnSessions = "session.list_own", Own, Human, Account
}

action! {
    /// Ends one of one's own sessions.
    EndOwnSession = "session.end_own", Own, Human, Account
}

action! {
    /// Ends all of one's sessions but this one.
    EndOtherSessions = "session.end_others", Own, Human, Account
}

action! {
    /// Signs out: ends this session.
    SignOut = "account.sign_out", Enrol, Human, Account
}

action! {
    /// Moves this session to another organization of one's own.
    SwitchOrganization = "session.switch", Enrol, Human, Account
}

action! {
    /// Changes the name one goes by.
    Rename = "account.rename", Own, Human, Account
}

action! {
    /// Changes one's password.
    ChangePassword = "account.change_password", Own, Human, Account, Fresh
}

/// What a person sees of their own account.
pub struct Own {
    /// The account.
    pub id: AccountId,
    /// The address.
    pub address: String,
    /// The address it is to become, as long as that waits to be confirmed.
    pub pending_address: Option<String>,
    /// The name.
    pub name: String,
    /// When the password was set; `None` without one.
    pub password_changed_at: Option<Timestamp>,
    /// The authenticator apps in use.
    pub totps: Vec<factors::Totp>,
    /// The passkeys.
    pub passkeys: Vec<factors::Passkey>,
    /// Recovery codes left.
    pub recovery_codes: i64,
    /// The organizations.
    pub homes: Vec<Home>,
}

/// Reads one's own account.
///
/// # Errors
/// When the database cannot be used.
pub async fn read(mut pass: Pass<ReadAccount>) -> Result<(Own, Receipt), Problem> {
    let (id, now) = (pass.account().account(), pass.vault().clock().now());
    let own = own_of(pass.account().system().await?, id, now).await?;
    let receipt = pass.seal(Draft::done(EventKind::AccountRead).subject("account", id)).await?;
    Ok((own, receipt))
}

/// What a person sees of their own account.
pub(super) async fn own_of(tx: &mut SystemTx, id: AccountId, now: Timestamp) -> Result<Own, Problem> {
    let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Own {
        id,
        address: account.address,
        pending_address: doors::pending_detail(tx, id, LinkPurpose::ChangeAddress, now).await?,
        name: account.name,
        password_changed_at: account.password.and(account.password_changed_at),
        totps: factors::totps(tx, id).await?.into_iter().filter(|totp| totp.confirmed_at.is_some()).collect(),
        passkeys: factors::passkeys(tx, id).await?,
        recovery_codes: factors::recovery_codes_left(tx, id).await?,
        homes: sessions::homes(tx, id).await?,
    })
}

/// Lists one's own sessions, newest first.
///
/// # Errors
/// When the database cannot be used.
pub async fn list_sessions(mut pass: Pass<ListOwnSessions>) -> Result<(Vec<Session>, Receipt), Problem> {
    let (id, now) = (pass.account().account(), pass.vault().clock().now());
    let found = sessions::of_account(pass.account().system().await?, id, now, SESSIONS_SHOWN_MAX).await?;
    let draft =
        Draft::done(EventKind::SessionsListed).subject("account", id).fact("items", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// Ends one of one's own sessions.
///
/// # Errors
/// When there is no such session.
pub async fn end_session(mut pass: Pass<EndOwnSession>, session: SessionId) -> Result<Receipt, Problem> {
    let (id, now) = (pass.account().account(), pass.vault().clock().now());
    let draft = || Draft::done(EventKind::SessionRevoked).subject("session", session);
    let ended = sessions::revoke(pass.account().system().await?, id, session, "by its person", now).await?;
    let Some(tenant) = ended else {
        let failed = Draft::failed(EventKind::SessionRevoked).subject("session", session);
        return Err(pass.fail(failed, Problem::not_found()).await);
    };
    if tenant != pass.tenant() {
        pass.also_into(tenant, draft()).await?;
    }
    pass.seal(draft()).await
}

/// Ends all of one's sessions but this one; answers how many that were.
///
/// # Errors
/// When the database cannot be used.
pub async fn end_other_sessions(mut pass: Pass<EndOtherSessions>) -> Result<(u64, Receipt), Problem> {
    let (id, this, now) = (pass.account().account(), pass.account().session(), pass.vault().clock().now());
    let draft = |ended: u64| {
        Draft::done(EventKind::SessionRevoked).subject("account", id).fact("sessions_ended", ended)
    };
    let tenants = sessions::tenants_of(pass.account().system().await?, id, Some(this)).await?;
    let ended =
        sessions::revoke_all(pass.account().system().await?, id, Some(this), "by its person", now).await?;
    let own = pass.tenant();
    for tenant in tenants.into_iter().filter(|tenant| *tenant != own) {
        pass.also_into(tenant, draft(ended)).await?;
    }
    Ok((ended, pass.seal(draft(ended)).await?))
}

/// Signs out.
///
/// # Errors
/// When the database cannot be used.
pub async fn sign_out(mut pass: Pass<SignOut>) -> Result<Receipt, Problem> {
    let (id, this, now) = (pass.account().account(), pass.account().session(), pass.vault().clock().now());
    sessions::revoke(pass.account().system().await?, id, this, "signed out", now).await?;
    pass.seal(Draft::done(EventKind::SignedOut).subject("session", this)).await
}

/// Moves this session to another organization of one's own. The cookie's secret is a new one from then on.
///
/// # Errors
/// When the person is no member there: the answer is that of an organization that does not exist.
pub async fn switch(
    mut pass: Pass<SwitchOrganization>,
    tenant: TenantId,
) -> Result<(OpaqueToken, Receipt), Problem> {
    let (id, this) = (pass.account().account(), pass.account().session());
    let draft = |draft: Draft| draft.subject("session", this);
    let homes = sessions::homes(pass.account().system().await?, id).await?;
    if !homes.iter().any(|home| home.tenant == tenant) {
        return Err(pass.fail(draft(Draft::failed(EventKind::SessionSwitched)), Problem::not_found()).await);
    }
    let secret = move_to(&mut pass, tenant).await?;
    let from = pass.tenant();
    let draft = draft(Draft::done(EventKind::SessionSwitched)).fact("from", from);
    Ok((secret, pass.seal_into(tenant, draft).await?))
}

/// Moves the session of a pass, under a new secret.
pub(crate) async fn move_to<A>(pass: &mut Pass<A>, tenant: TenantId) -> Result<OpaqueToken, Problem>
where
    A: gates::Action<Mode = gates::Account, Who = gates::Human>,
{
    let secret = OpaqueToken::generate(TokenKind::Session, pass.vault().rng());
    let (id, this) = (pass.account().account(), pass.account().session());
    let tx = pass.account().system().await?;
    sessions::switch(tx, id, this, tenant, Some(secret.hash().as_bytes())).await?;
    accounts::set_last_tenant(tx, id, tenant).await?;
    Ok(secret)
}

/// Changes the name one goes by, wherever it is shown.
///
/// # Errors
/// When the database cannot be used.
pub async fn rename(mut pass: Pass<Rename>, name: Name) -> Result<Receipt, Problem> {
    let id = pass.account().account();
    let name = name.into_inner();
    accounts::rename(pass.account().system().await?, id, &name).await?;
    sessions::show(pass.account().system().await?, id).await?;
    tell_homes(&mut pass, EventKind::AccountRenamed).await?;
    pass.seal(Draft::done(EventKind::AccountRenamed).subject("account", id).about(id, "name", name)).await
}

/// One entry in the log of every other organization that shows this person.
pub(super) async fn tell_homes<A>(pass: &mut Pass<A>, kind: EventKind) -> Result<(), Problem>
where
    A: gates::Action<Mode = gates::Account, Who = gates::Human>,
{
    let (id, own) = (pass.account().account(), pass.tenant());
    for tenant in sessions::shown_in(pass.account().system().await?, id).await? {
        if tenant != own {
            pass.also_into(tenant, Draft::done(kind).subject("account", id)).await?;
        }
    }
    Ok(())
}

impl Accounts {
    /// Changes the password. The old one is asked for when there is one; all other sessions end.
    ///
    /// # Errors
    /// When the old password is another one, or the new one is weak.
    pub async fn change_password(
        &self,
        mut pass: Pass<ChangePassword>,
        visitor: Visitor<'_>,
        old: Option<String>,
        new: String,
    ) -> Result<Receipt, Problem> {
        const ACTION: &str = "account.change_password";
        let (id, this) = (pass.account().account(), pass.account().session());
        // Read apart: no transaction is open while hashes are computed.
        let mut tx = self.begin().await?;
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
        drop(tx);
        let draft = |draft: Draft| draft.subject("account", id);
        let judged = choose(new, &[&account.address, &account.name]);
        let new = match judged {
            Ok(new) => new,
            Err(problem) => {
                return Err(pass.fail(draft(Draft::failed(EventKind::PasswordChanged)), problem).await);
            }
        };
        if !self.is_password(visitor, &account, this, old, ACTION).await? {
            let problem = Problem::invalid("/old_password", "This is not the password in use.");
            return Err(pass.fail(draft(Draft::refused(EventKind::PasswordChanged)), problem).await);
        }
        let hash = self.hashing.hash(new).await?;
        let (at, own) = (self.vault.clock().now(), pass.tenant());
        let tx = pass.account().system().await?;
        let now = accounts::lock(tx, id).await?;
        if now.is_none_or(|now| now.password != account.password) {
            let problem =
                Problem::new(ProblemKind::Conflict, "The password was changed meanwhile; try again.");
            return Err(pass.fail(draft(Draft::failed(EventKind::PasswordChanged)), problem).await);
        }
        accounts::set_password(tx, id, Some(&hash), at).await?;
        doors::void_links(tx, id).await?;
        let tenants = sessions::tenants_of(tx, id, Some(this)).await?;
        let ended = sessions::revoke_all(tx, id, Some(this), "new password", at).await?;
        let letter = self.password_changed(tx, visitor, id, at).await?;
        self.write(tx, &account.address, &letter).await?;
        self.remember(tx, id, EventKind::PasswordChanged, visitor).await?;
        for tenant in tenants.into_iter().filter(|tenant| *tenant != own) {
            pass.also_into(
                tenant,
                draft(Draft::done(EventKind::SessionRevoked)).fact("because", "new password"),
            )
            .await?;
        }
        pass.seal(draft(Draft::done(EventKind::PasswordChanged)).fact("sessions_ended", ended)).await
    }

    /// Whether `typed` is the account's password; an account without one has nothing to ask for. Counted as the guesses
    /// of this session, which no stranger can use up.
    pub(super) async fn is_password(
        &self,
        visitor: Visitor<'_>,
        account: &Account,
        session: SessionId,
        typed: Option<String>,
        action: &'static str,
    ) -> Result<bool, Problem> {
        let Some(stored) = &account.password else { return Ok(true) };
        let Ok(typed) = Password::parse(typed.unwrap_or_default()) else { return Ok(false) };
        let address = Address::parse(&account.address).map_err(|_| Problem::internal())?.key();
        let target =
            Target::Password { address: &address, account: Some(account.id), session: Some(session) };
        let guess = self.admit(visitor, target, action).await?;
        let matches = self.compare(Some(stored), typed).await?.matches;
        if matches {
            self.forgive(guess).await?;
        }
        Ok(matches)
    }

    /// Whether the database answers: for pages that only want to know.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ready(&self) -> Result<(), Problem> {
        self.vault.ready().await.map_err(|error| unavailable(&error))
    }
}
