//! Letters about an account, put into the outbox together with the change they tell of.

use gates::SystemTx;
use kernel::{AccountId, Problem, RequestContext, Timestamp};
use mail::{Address, Circumstances, Letter, Link, Words};
use store::factors;

use super::{Accounts, Visitor};

/// When, from where, with what.
pub(crate) fn circumstances(request: &RequestContext, device: &str, at: Timestamp) -> Circumstances {
    let device = (!device.is_empty()).then(|| Words::name(device));
    Circumstances { at, address: request.peer, device }
}

impl Visitor<'_> {
    pub(crate) fn how(&self, at: Timestamp) -> Circumstances {
        circumstances(self.request, self.device, at)
    }
}

impl Accounts {
    /// Writes to an account's own address, which was checked when it was taken.
    pub(crate) async fn write(&self, tx: &mut SystemTx, to: &str, letter: &Letter) -> Result<(), Problem> {
        let to = Address::parse(to).map_err(|_| Problem::internal())?;
        self.outbox.put(tx, &to, letter).await?;
        Ok(())
    }

    /// The letter after a new password. It names the passkeys that are left: each signs in alone, so a new password does not
    /// put out whoever has added one.
    pub(super) async fn password_changed(
        &self,
        tx: &mut SystemTx,
        visitor: Visitor<'_>,
        account: AccountId,
        at: Timestamp,
    ) -> Result<Letter, Problem> {
        let passkeys = factors::passkeys(tx, account).await?;
        let passkeys = passkeys.iter().map(|passkey| Words::name(&passkey.name)).collect();
        let (reset, security) = (self.page("/reset")?, self.security_page()?);
        Ok(Letter::PasswordChanged { how: visitor.how(at), reset, passkeys, security })
    }

    /// A page of this site, for a letter.
    pub(super) fn page(&self, path: &str) -> Result<Link, Problem> {
        self.site.page(path).map_err(|_| Problem::internal())
    }

    /// The page on which a person looks after their own safety.
    pub(crate) fn security_page(&self) -> Result<Link, Problem> {
        self.page("/security")
    }
}
