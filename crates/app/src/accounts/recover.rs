//! A new password by a link from the mail.

use authn::secrets::OpaqueToken;
use gates::{By, Draft, Receipt};
use kernel::{EventKind, Problem};
use mail::{Address, Letter};
use store::doors::{self, LinkPurpose};
use store::{accounts, sessions};

use super::guesses::shown_device;
use super::{Accounts, Floor, SessionKind, Visitor, choose, counts_against, dead_link, unavailable};

const REQUEST: &str = "account.request_reset";
const RESET: &str = "account.reset";

/// A new password is set.
pub struct Renewed {
    /// The mark of this device, to be kept by it; nothing when it has one, or is a program.
    pub device: Option<OpaqueToken>,
    /// The entry.
    pub receipt: Receipt,
}

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
    /// A second factor goes on being asked for. Whoever followed the link must be able to sign in now, however many guess at
    /// the account meanwhile: the guesses counted against it are forgotten, and this device is known from here on.
    ///
    /// # Errors
    /// When the link does not work or the password is weak; the link is used up only by success.
    pub async fn reset(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        password: String,
        kind: SessionKind,
    ) -> Result<Renewed, Problem> {
        let done = self.follow_reset(visitor, token, password, kind).await;
        self.watched(visitor, RESET, done).await
    }

    async fn follow_reset(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        password: String,
        kind: SessionKind,
    ) -> Result<Renewed, Problem> {
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
        let key = Address::parse(&account.address).map_err(|_| Problem::internal())?.key();
        for (scope, key) in counts_against(&self.vault, &key, id) {
            doors::forget_guesses(&mut tx, scope, &key).await?;
        }
        let keeps_mark = kind == SessionKind::Browser || shown_device(visitor).is_some();
        let device = if keeps_mark { self.mark_device(&mut tx, visitor, id, at).await? } else { None };
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
        let letter = self.password_changed(&mut tx, visitor, id, at).await?;
        self.write(&mut tx, &account.address, &letter).await?;
        self.remember(&mut tx, id, EventKind::PasswordReset, visitor).await?;
        let draft =
            Draft::done(EventKind::PasswordReset).subject("account", id).fact("sessions_ended", ended);
        let sealed = tx.seal_by(by, home, draft, visitor.request, RESET).await;
        Ok(Renewed { device, receipt: sealed.map_err(|error| unavailable(&error))? })
    }
}
