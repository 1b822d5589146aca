//! What lately happened to an account, for its person to look over; and which agents act for them.
//!
//! The log of each organization says it all, and can be verified. It is long, and a person has no right to read it; so the
//! few things that count are kept apart, in the transactions that write the letters about them.

use gates::{Draft, Pass, Receipt, SystemTx};
use kernel::limits::{ACCOUNT_EVENTS_ROWS_MAX, DELEGATIONS_ROWS_MAX};
use kernel::{AccountId, AgentId, EntryId, EventKind, Problem};
pub use store::account_events::AccountEvent;
use store::account_events::{self, NewEvent};
use store::delegations;
pub use store::delegations::Delegation;

use super::own::{Own, ReadAccount, own_of};
use super::{Accounts, Visitor};
use crate::action;

action! {
    /// Lists what lately happened to one's own account.
    ListOwnEvents = "account.list_events", Own, Human, Account
}

action! {
    /// Lists the agents that act for oneself.
    ListOwnDelegations = "delegation.list_own", Own, Human, Account
}

action! {
    /// Ends what an agent holds on one's behalf.
    EndOwnDelegation = "delegation.end_own", Own, Human, Account
}

/// What one's security page shows.
pub struct Security {
    /// The account.
    pub own: Own,
    /// What lately happened to it, newest first.
    pub events: Vec<AccountEvent>,
    /// The agents that act for its person, the latest first.
    pub delegations: Vec<Delegation>,
}

/// Reads one's own account with all that its security page shows: one look, one entry.
///
/// # Errors
/// When the database cannot be used.
pub async fn security(mut pass: Pass<ReadAccount>) -> Result<(Security, Receipt), Problem> {
    let (id, now) = (pass.account().account(), pass.vault().clock().now());
    let tx = pass.account().system().await?;
    let own = own_of(tx, id, now).await?;
    let events = account_events::newest(tx, id, ACCOUNT_EVENTS_ROWS_MAX).await?;
    let delegations = delegations::of_account(tx, id, now, DELEGATIONS_ROWS_MAX).await?;
    let draft = Draft::done(EventKind::AccountRead).subject("account", id);
    let receipt = pass.seal(draft.fact("events", events.len() as u64)).await?;
    Ok((Security { own, events, delegations }, receipt))
}

/// Lists what lately happened to one's own account, newest first.
///
/// # Errors
/// When the database cannot be used.
pub async fn list_events(mut pass: Pass<ListOwnEvents>) -> Result<(Vec<AccountEvent>, Receipt), Problem> {
    let id = pass.account().account();
    let found = account_events::newest(pass.account().system().await?, id, ACCOUNT_EVENTS_ROWS_MAX).await?;
    let draft = Draft::done(EventKind::AccountRead).subject("account", id).fact("events", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// Lists the agents that hold a living token which acts for oneself, in every organization.
///
/// # Errors
/// When the database cannot be used.
pub async fn list_delegations(
    mut pass: Pass<ListOwnDelegations>,
) -> Result<(Vec<Delegation>, Receipt), Problem> {
    let (id, now) = (pass.account().account(), pass.vault().clock().now());
    let tx = pass.account().system().await?;
    let found = delegations::of_account(tx, id, now, DELEGATIONS_ROWS_MAX).await?;
    let draft =
        Draft::done(EventKind::DelegationsListed).subject("account", id).fact("items", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// Ends what an agent holds on one's behalf, in all of one's sessions: its tokens open nothing from now on, on every replica
/// within a second, and it gets no other one for those sessions as long as the token it was handed may live.
///
/// # Errors
/// When the agent holds nothing.
pub async fn end_delegation(mut pass: Pass<EndOwnDelegation>, agent: AgentId) -> Result<Receipt, Problem> {
    let (id, now, kind) = (pass.account().account(), pass.vault().clock().now(), EventKind::DelegationEnded);
    let draft = |draft: Draft| draft.subject("agent", agent).fact("account", id);
    let Some(tenant) = delegations::end(pass.account().system().await?, id, agent, now).await? else {
        return Err(pass.fail(draft(Draft::failed(kind)), Problem::not_found()).await);
    };
    if tenant != pass.tenant() {
        pass.also_into(tenant, draft(Draft::done(kind))).await?;
    }
    pass.seal(draft(Draft::done(kind))).await
}

/// From where something was done to an account: kept under the key of its person.
pub(super) fn seen(draft: Draft, account: AccountId, visitor: Visitor<'_>) -> Draft {
    let draft = match visitor.device {
        "" => draft,
        device => draft.about(account, "device", device),
    };
    match visitor.request.peer {
        Some(peer) => draft.about(account, "address", peer.to_string()),
        None => draft,
    }
}

impl Accounts {
    fn event<'a>(&self, account: AccountId, kind: EventKind, visitor: Visitor<'a>) -> NewEvent<'a> {
        NewEvent {
            id: EntryId::new(self.vault.clock(), self.vault.rng()),
            account,
            kind,
            at: self.vault.clock().now(),
            device: visitor.device,
            address: visitor.request.peer.map(|peer| peer.to_string()),
        }
    }

    /// Remembers what happened to an account, together with the change itself.
    pub(crate) async fn remember(
        &self,
        tx: &mut SystemTx,
        account: AccountId,
        kind: EventKind,
        visitor: Visitor<'_>,
    ) -> Result<(), Problem> {
        account_events::remember(tx, &self.event(account, kind, visitor)).await?;
        Ok(())
    }

    /// Counts an attempt that was refused. Beside the answer and not before it: how long the answer takes must not say
    /// whether there is an account. What cannot be counted is on record in the log all the same.
    pub(super) fn count_refused(&self, account: AccountId, visitor: Visitor<'_>) {
        let (this, device) = (self.clone(), visitor.device.to_owned());
        let event = self.event(account, EventKind::AuthFailure, visitor);
        let (id, at, address) = (event.id, event.at, event.address);
        tokio::spawn(async move {
            let kind = EventKind::AuthFailure;
            let counted = async {
                let mut tx = this.begin().await?;
                let event = NewEvent { id, account, kind, at, device: &device, address };
                account_events::count(&mut tx, &event).await?;
                tx.finish().await.map_err(|error| super::unavailable(&error))
            };
            if let Err(problem) = counted.await {
                tracing::warn!(%problem, "a refused attempt could not be counted for its person");
            }
        });
    }
}
