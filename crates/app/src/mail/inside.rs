//! The outbox from inside the console, for administrators of the instance: where no mail server is configured, somebody must
//! be able to hand a link over by another way.
//!
//! A letter may open an account, so it is shown only after a factor was confirmed a moment ago. Each look is in the
//! instance's log, with the letter's id and never with what it says.

use gates::{Account, Action, Draft, Human, Pass, Receipt};
use kernel::{EventKind, Gate, LetterId, Problem, ProblemKind};
use mail::Message;

use super::outbox::{MailError, Shown, open};
use crate::action;
use crate::input::{Listed, Page};

action! {
    /// Lists the letters of the outbox.
    ReadOutbox = "outbox.list", Own, Human, Account
}

action! {
    /// Reads one letter of the outbox.
    ReadLetter = "outbox.read", Own, Human, Account, Fresh
}

/// The pass again, when its person administers the instance.
async fn admitted<A>(pass: Pass<A>) -> Result<Pass<A>, Problem>
where
    A: Action<Who = Human, Mode = Account>,
{
    if pass.who().is_super_admin() {
        return Ok(pass);
    }
    let detail = "It is for administrators of this instance.";
    let problem = Problem::at(Gate::Token, ProblemKind::Forbidden, detail);
    Err(pass.fail(Draft::refused(EventKind::OutboxRead), problem).await)
}

/// A page of the letters, newest first.
///
/// # Errors
/// When the caller does not administer the instance, or the database cannot be used.
pub async fn page(
    pass: Pass<ReadOutbox>,
    page: Page<LetterId>,
) -> Result<(Listed<Shown, LetterId>, Receipt), Problem> {
    let mut pass = admitted(pass).await?;
    let vault = pass.vault().clone();
    let found = store::mail::list(pass.account().system().await?, page.after, page.rows + 1).await?;
    let found = found.into_iter().map(|listed| Shown::of(&vault, listed)).collect();
    let listed = Listed::cut(found, page.rows, |letter: &Shown| letter.id);
    let draft = Draft::done(EventKind::OutboxRead).fact("items", listed.items.len() as u64);
    let receipt = pass.seal_into(vault.instance(), draft).await?;
    Ok((listed, receipt))
}

/// One letter with what it says.
///
/// # Errors
/// When the caller does not administer the instance, there is no such letter, or it does not open.
pub async fn read(pass: Pass<ReadLetter>, id: LetterId) -> Result<((Shown, Message), Receipt), Problem> {
    let mut pass = admitted(pass).await?;
    let vault = pass.vault().clone();
    let draft = |draft: Draft| draft.subject("letter", id);
    let Some((listed, sealed)) = store::mail::get(pass.account().system().await?, id).await? else {
        return Err(pass.fail(draft(Draft::failed(EventKind::OutboxRead)), Problem::not_found()).await);
    };
    let message = match open(&vault, id, &listed.to_sealed, &sealed).map_err(MailError::into) {
        Ok(message) => message,
        Err(problem) => return Err(pass.fail(draft(Draft::failed(EventKind::OutboxRead)), problem).await),
    };
    let receipt = pass.seal_into(vault.instance(), draft(Draft::done(EventKind::OutboxRead))).await?;
    Ok(((Shown::of(&vault, listed), message), receipt))
}
