//! A new password by a link from the mail, and the proof of a new address.

use gates::{By, Draft, Receipt};
use kernel::{EventKind, Problem};
use mail::{Address, Letter};
use store::doors::{self, LinkPurpose};
use store::{StoreError, accounts, sessions};

use super::{Accounts, Floor, Visitor, choose, dead_link, unavailable};

const REQUEST: &str = "account.request_reset";
const RESET: &str = "account.reset";
const CONFIRM: &str = "account.confirm_address";

impl Accounts {
    /// Sends a link to set a new password, when the address has an account. The answer and its time are the same
    /// otherwise.
    ///
    /// # Errors
    /// When the text is no address, or the database cannot be used.
    pub async fn request_reset(&self, visitor: Visitor<'_>, address: &str) -> Result<(), Problem> {
        let floor = Floor::begin();
        let address =
            Address::parse(address).map_err(|error| Problem::invalid("/address", error.to_string()))?;
        let done = self.send_reset(visitor, &address).await;
        floor.reached().await;
        done
    }

    async fn send_reset(&self, visitor: Visitor<'_>, address: &Address) -> Result<(), Problem> {
        let key = address.key();
        let may = self.may_write(visitor, &key).await?;
        let mut tx = self.begin().await?;
        let account = accounts::by_address(&mut tx, &key).await?;
        let account = account.filter(|account| may && account.disabled_at.is_none());
        if let Some(account) = &account {
            let purpose = LinkPurpose::Reset;
            let (link, until) = self.make_link(&mut tx, purpose, Some(account.id), None).await?;
            let how = visitor.how(self.vault.clock().now());
            self.write(&mut tx, &account.address, &Letter::ResetPassword { link, until, how }).await?;
        }
        let draft = match &account {
            Some(account) => Draft::done(EventKind::PasswordResetRequested).subject("account", account.id),
            None => Draft::refused(EventKind::PasswordResetRequested).fact("reason", "no letter sent"),
        };
        let home = self.home(account.as_ref());
        tx.seal_by(By::Nobody, home, draft, visitor.request, REQUEST)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(())
    }

    /// Whether a link to set a new password still works, without using it up: for the page that asks for the password.
    ///
    /// # Errors
    /// When it does not.
    pub async fn reset_link_works(&self, token: &str) -> Result<(), Problem> {
        let mut tx = self.begin().await?;
        self.look_at_link(&mut tx, LinkPurpose::Reset, token).await.map(drop)
    }

    /// Sets a new password by a link. Everything that was open is closed: all sessions, all links, all known devices.
    /// A second factor goes on being asked for.
    ///
    /// # Errors
    /// When the link does not work or the password is weak; the link is used up only by success.
    pub async fn reset(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        password: String,
    ) -> Result<Receipt, Problem> {
        let done = self.follow_reset(visitor, token, password).await;
        self.watched(visitor, RESET, done).await
    }

    async fn follow_reset(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        password: String,
    ) -> Result<Receipt, Problem> {
        let mut tx = self.begin().await?;
        let link = self.look_at_link(&mut tx, LinkPurpose::Reset, token).await?;
        let id = link.account.ok_or_else(dead_link)?;
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(dead_link)?;
        drop(tx);
        let password = choose(password, &[&account.address, &account.name])?;
        let hash = self.hashing.hash(password).await?;
        let at = self.vault.clock().now();
        let mut tx = self.begin().await?;
        self.take_link(&mut tx, LinkPurpose::Reset, token).await?;
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(dead_link)?;
        accounts::set_password(&mut tx, id, Some(&hash), at).await?;
        // Whoever reads the mail of an address owns it.
        accounts::verify(&mut tx, id, at).await?;
        doors::void_links(&mut tx, id).await?;
        doors::forget_devices(&mut tx, id).await?;
        let home = self.home(Some(&account));
        let by = By::Person(id, None);
        for tenant in sessions::tenants_of(&mut tx, id, None).await? {
            if tenant != home {
                let draft = Draft::done(EventKind::SessionRevoked)
                    .subject("account", id)
                    .fact("because", "new password");
                tx.also(by, tenant, draft, visitor.request, RESET)
                    .await
                    .map_err(|error| unavailable(&error))?;
            }
        }
        let ended = sessions::revoke_all(&mut tx, id, None, "new password", at).await?;
        let letter = Letter::PasswordChanged { how: visitor.how(at), reset: self.page("/reset")? };
        self.write(&mut tx, &account.address, &letter).await?;
        self.remember(&mut tx, id, EventKind::PasswordReset, visitor).await?;
        let draft =
            Draft::done(EventKind::PasswordReset).subject("account", id).fact("sessions_ended", ended);
        tx.seal_by(by, home, draft, visitor.request, RESET).await.map_err(|error| unavailable(&error))
    }

    /// Confirms a new address by the link that was sent there.
    ///
    /// # Errors
    /// When the link does not work, or the address has an account of its own by now.
    pub async fn confirm_address(&self, visitor: Visitor<'_>, token: &str) -> Result<Receipt, Problem> {
        let done = self.follow_confirm(visitor, token).await;
        self.watched(visitor, CONFIRM, done).await
    }

    async fn follow_confirm(&self, visitor: Visitor<'_>, token: &str) -> Result<Receipt, Problem> {
        let at = self.vault.clock().now();
        let mut tx = self.begin().await?;
        let link = self.take_link(&mut tx, LinkPurpose::ChangeAddress, token).await?;
        let (Some(id), Some(new)) = (link.account, link.detail) else { return Err(dead_link()) };
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(dead_link)?;
        let new = Address::parse(&new).map_err(|_| Problem::internal())?;
        match accounts::readdress(&mut tx, id, new.as_str(), &new.key(), at).await {
            Err(StoreError::Taken) => return Err(dead_link()),
            other => other?,
        }
        // Links that were sent to the old address must not open the account of the new one.
        doors::void_links(&mut tx, id).await?;
        sessions::show(&mut tx, id).await?;
        let (by, home) = (By::Person(id, None), self.home(Some(&account)));
        for tenant in sessions::shown_in(&mut tx, id).await?.into_iter().filter(|tenant| *tenant != home) {
            let draft = Draft::done(EventKind::AddressChanged).subject("account", id);
            tx.also(by, tenant, draft, visitor.request, CONFIRM)
                .await
                .map_err(|error| unavailable(&error))?;
        }
        let letter = Letter::AddressChanged { new, how: visitor.how(at), help: self.page("/reset")? };
        self.write(&mut tx, &account.address, &letter).await?;
        self.remember(&mut tx, id, EventKind::AddressChanged, visitor).await?;
        let draft = Draft::done(EventKind::AddressChanged).subject("account", id);
        tx.seal_by(by, home, draft, visitor.request, CONFIRM).await.map_err(|error| unavailable(&error))
    }
}
