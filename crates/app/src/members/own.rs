//! Leaving an organization.

use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, Problem};
use store::{accounts, break_glass, member_sessions, members};

use super::conflict;
use crate::break_glass::review_due;
use crate::{action, undone};

action! {
    /// Leaves the organization one is in. Its sessions end, this one too: whoever has other organizations signs in to them.
    LeaveOrganization = "member.leave", Own, Human, Account
}

/// Leaves the organization.
///
/// # Errors
/// When one is in none, or is its last owner.
pub async fn leave(mut pass: Pass<LeaveOrganization>) -> Result<Receipt, Problem> {
    let (kind, id) = (EventKind::MemberLeft, pass.account().account());
    match go(&mut pass).await {
        Ok(ended) => pass.seal(Draft::done(kind).subject("account", id).fact("sessions_ended", ended)).await,
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("account", id), problem).await),
    }
}

async fn go(pass: &mut Pass<LeaveOrganization>) -> Result<u64, Problem> {
    let (tenant, instance) = (pass.tenant(), pass.vault().instance());
    let (id, now) = (pass.account().account(), pass.vault().clock().now());
    let tx = pass.account().system().await?;
    let owners = members::hold_owners_of(tx, tenant).await?;
    if owners == [id] {
        return Err(conflict("You are the organization's last owner; hand it over first."));
    }
    if !members::leave(tx, tenant, id, now).await? {
        return Err(conflict("You are in no organization."));
    }
    break_glass::leave(tx, tenant, id, now, review_due(now)).await?;
    // What happens to the account from now on is no business of this organization any more.
    accounts::set_last_tenant(tx, id, instance).await?;
    Ok(member_sessions::leave(tx, tenant, id, "member left", now).await?)
}
