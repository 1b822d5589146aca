//! Another address: asked for, confirmed by whoever asked and reads its mail, or withdrawn.
//!
//! The link alone moves nothing. Somebody could ask for *your* address on *their* account and wait for you to press the
//! button in the letter: your address would then be theirs. So the link works only in a session of the account that
//! asked, and letter and page say which account that is.

use gates::{Draft, Pass, Receipt};
use kernel::{AccountId, EventKind, Gate, Problem, ProblemKind};
use mail::{Address, Letter};
use store::doors::{self, LinkPurpose};
use store::{StoreError, accounts, sessions};

use super::own::tell_homes;
use super::{Accounts, Visitor, dead_link};
use crate::action;

const PURPOSE: LinkPurpose = LinkPurpose::ChangeAddress;

action! {
    /// Asks for another address.
    ChangeAddress = "account.change_address", Own, Human, Account, Fresh
}

action! {
    /// Confirms the address that was asked for.
    ConfirmAddress = "account.confirm_address", Own, Human, Account
}

action! {
    /// Withdraws the change of address that waits to be confirmed.
    WithdrawAddressChange = "account.withdraw_address_change", Own, Human, Account
}

/// The answer to a link that another account asked for. Its holder may know: it was sent to them.
fn not_yours() -> Problem {
    let detail = "Another account asked for this address. If that account is yours, sign in with it and follow the link \
                  again; if not, do nothing: without you it gets nothing.";
    Problem::at(Gate::Identity, ProblemKind::Forbidden, detail)
}

impl Accounts {
    /// Asks for another address: a link goes to the new one, and nothing changes before it is followed. The answer is the
    /// same whether or not the address has an account of its own.
    ///
    /// # Errors
    /// When the text is no address, or too many letters were asked for.
    pub async fn change_address(
        &self,
        mut pass: Pass<ChangeAddress>,
        visitor: Visitor<'_>,
        address: &str,
    ) -> Result<Receipt, Problem> {
        let id = pass.account().account();
        let failed = || Draft::failed(EventKind::AddressChangeRequested).subject("account", id);
        let new = match Address::parse(address) {
            Ok(new) => new,
            Err(error) => {
                return Err(pass.fail(failed(), Problem::invalid("/address", error.to_string())).await);
            }
        };
        if !self.may_write(visitor, &new.key()).await? {
            let problem =
                Problem::new(ProblemKind::RateLimited, "Too many letters were asked for; try again later.");
            return Err(pass.fail(failed(), problem.retry_after(kernel::limits::GUESS_WINDOW_SECONDS)).await);
        }
        let at = self.vault.clock().now();
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let taken = accounts::by_address(tx, &new.key()).await?.is_some();
        let how = visitor.how(at);
        // Made in either case, though a link to a taken address reaches nobody: what waits to be confirmed is shown, and
        // must not tell one from the other.
        let (link, until) = self.make_link(tx, PURPOSE, Some(id), Some(new.as_str())).await?;
        let letter = if taken {
            Letter::AccountExists { sign_in: self.page("/sign-in")?, reset: self.page("/reset")?, how }
        } else {
            let account = Address::parse(&account.address).map_err(|_| Problem::internal())?;
            Letter::AddressChangeRequested { account, link, until, how }
        };
        self.outbox.put(tx, &new, &letter).await?;
        pass.seal(Draft::done(EventKind::AddressChangeRequested).subject("account", id)).await
    }

    /// The address that a link would give to this account: for the page that asks before it is given.
    ///
    /// # Errors
    /// When the link does not work, or another account asked for it.
    pub async fn address_asked_for(&self, account: AccountId, token: &str) -> Result<String, Problem> {
        let mut tx = self.begin().await?;
        let link = self.look_at_link(&mut tx, PURPOSE, token).await?;
        if link.account != Some(account) {
            return Err(not_yours());
        }
        link.detail.ok_or_else(dead_link)
    }

    /// Confirms a new address by the link that was sent there, in a session of the account that asked for it.
    ///
    /// # Errors
    /// When the link does not work, another account asked for it, or the address has an account of its own by now.
    pub async fn confirm_address(
        &self,
        mut pass: Pass<ConfirmAddress>,
        visitor: Visitor<'_>,
        token: &str,
    ) -> Result<Receipt, Problem> {
        let (id, at) = (pass.account().account(), self.vault.clock().now());
        let draft = |draft: Draft| draft.subject("account", id);
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let link = match self.take_link(tx, PURPOSE, token).await {
            Ok(link) => link,
            Err(problem) => {
                return Err(pass.fail(draft(Draft::failed(EventKind::AddressChanged)), problem).await);
            }
        };
        // Failing gives the link back: it goes on working for whoever asked.
        if link.account != Some(id) {
            let refused = draft(Draft::refused(EventKind::AddressChanged));
            return Err(pass.fail(refused.fact("reason", "link of another account"), not_yours()).await);
        }
        let new = Address::parse(&link.detail.unwrap_or_default()).map_err(|_| Problem::internal())?;
        match accounts::readdress(tx, id, new.as_str(), &new.key(), at).await {
            Err(StoreError::Taken) => {
                return Err(pass.fail(draft(Draft::failed(EventKind::AddressChanged)), dead_link()).await);
            }
            other => other?,
        }
        // Links that were sent to the old address must not open the account of the new one.
        doors::void_links(tx, id).await?;
        sessions::show(tx, id).await?;
        let letter = Letter::AddressChanged { new, how: visitor.how(at), help: self.page("/reset")? };
        self.write(tx, &account.address, &letter).await?;
        self.remember(tx, id, EventKind::AddressChanged, visitor).await?;
        tell_homes(&mut pass, EventKind::AddressChanged).await?;
        pass.seal(draft(Draft::done(EventKind::AddressChanged))).await
    }
}

/// Withdraws the change of address that waits to be confirmed: its link is dead.
///
/// # Errors
/// When none waits.
pub async fn withdraw(mut pass: Pass<WithdrawAddressChange>) -> Result<Receipt, Problem> {
    let (id, now) = (pass.account().account(), pass.vault().clock().now());
    let draft = |draft: Draft| draft.subject("account", id);
    let tx = pass.account().system().await?;
    if doors::void_pending(tx, id, PURPOSE, now).await? {
        return pass.seal(draft(Draft::done(EventKind::AddressChangeWithdrawn))).await;
    }
    Err(pass.fail(draft(Draft::failed(EventKind::AddressChangeWithdrawn)), Problem::not_found()).await)
}
