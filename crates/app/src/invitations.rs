//! Invitations: somebody is asked by mail to join. Accepting is in [`crate::accounts::join`].
//!
//! An address is an identifier and no prose: it is read as one ([`mail::Address`]) and kept as it is, because the letter
//! must reach it; gate four, which would put a token in its place, does not see it. Nor does the log: an entry could never
//! be forgotten again, so it names the invitation by its id alone.

use std::time::Duration;

use authn::secrets::{OpaqueToken, TokenKind};
use gates::{Draft, Pass, Receipt};
use kernel::limits::{INVITATION_PAUSE_SECONDS, INVITATION_SECONDS, INVITATIONS_MAX};
use kernel::{EventKind, Gate, InvitationId, MemberRole, Problem, ProblemKind};
use mail::{Address, Letter, Words};
pub use store::invitations::Invitation;
use store::invitations::{self, NewInvitation};
use store::members;

use crate::input::{Listed, Page};
use crate::mail::Post;
use crate::members::level;
use crate::{action, undone};

action! {
    /// Lists the invitations that wait for an answer.
    ListInvitations = "invitation.list", MembersManage, Staff, Read
}

action! {
    /// Invites somebody by their address.
    Invite = "invitation.create", MembersManage, Staff, Write, Fresh
}

action! {
    /// Withdraws an invitation.
    RevokeInvitation = "invitation.revoke", MembersManage, Staff, Write
}

/// A page of the invitations that wait.
///
/// # Errors
/// When the database cannot be used.
pub async fn list(
    mut pass: Pass<ListInvitations>,
    page: Page<InvitationId>,
) -> Result<(Listed<Invitation, InvitationId>, Receipt), Problem> {
    let found = invitations::list(pass.tx(), page.after, page.rows + 1).await?;
    let listed = Listed::cut(found, page.rows, |invitation| invitation.id);
    let draft = Draft::done(EventKind::InvitationsListed).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft).await?))
}

/// Invites somebody. An invitation of the same address that waits stops working. The code is in the letter alone: who
/// accepts with it has shown that the address is theirs, so whoever invites must not know it.
///
/// # Errors
/// When the text is no address, its owner is a member already, or the role is above the caller's own.
pub async fn create(
    mut pass: Pass<Invite>,
    address: &str,
    role: MemberRole,
    post: &Post,
) -> Result<(Invitation, Receipt), Problem> {
    match ask_in(&mut pass, address, role, post).await {
        Ok((invitation, replaced)) => {
            let draft = Draft::done(EventKind::MemberInvited)
                .subject("invitation", invitation.id)
                .fact("role", role)
                .fact("replaced", replaced)
                // There may be no account yet: the invitation stands for the person, and goes with them.
                .about(invitation.id, "address", &invitation.address);
            let receipt = pass.seal(draft).await?;
            Ok((invitation, receipt))
        }
        Err(problem) => {
            let draft = undone(EventKind::MemberInvited, &problem).fact("role", role);
            Err(pass.fail(draft, problem).await)
        }
    }
}

async fn ask_in(
    pass: &mut Pass<Invite>,
    address: &str,
    role: MemberRole,
    post: &Post,
) -> Result<(Invitation, bool), Problem> {
    let address = Address::parse(address).map_err(|error| Problem::invalid("/address", error.to_string()))?;
    if role > MemberRole::Admin {
        return Err(Problem::invalid("/role", "Only the operator of this server gives this role."));
    }
    let caller = pass.principal();
    if role > level(&caller) {
        let detail = "Nobody gives a role above their own.";
        return Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    }
    let (key, now) = (address.key(), pass.vault().clock().now());
    if members::has_address(pass.tx(), &key).await? {
        return Err(Problem::new(ProblemKind::Conflict, "This person is a member already."));
    }
    let pause = Duration::from_secs(INVITATION_PAUSE_SECONDS);
    if invitations::last_invited(pass.tx(), &key).await?.is_some_and(|last| now.since(last) < pause) {
        let detail = "This address was invited a moment ago; wait a minute before the next letter.";
        let problem = Problem::new(ProblemKind::RateLimited, detail);
        return Err(problem.retry_after(INVITATION_PAUSE_SECONDS));
    }
    if invitations::waiting(pass.tx()).await? >= INVITATIONS_MAX {
        let detail = format!("At most {INVITATIONS_MAX} invitations can wait; withdraw some first.");
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let code = OpaqueToken::generate(TokenKind::Invitation, pass.vault().rng());
    let hash = code.hash();
    let id = InvitationId::new(pass.vault().clock(), pass.vault().rng());
    let expires_at = now.plus(Duration::from_secs(INVITATION_SECONDS));
    let new = NewInvitation {
        id,
        address: address.as_str(),
        address_key: &key,
        role,
        invited_by: caller.account(),
        hash: hash.as_bytes(),
        at: now,
        expires_at,
    };
    let replaced = invitations::put(pass.tx(), &new).await?;
    let organization = store::organizations::read(pass.tx()).await?.ok_or_else(Problem::not_found)?;
    let letter = Letter::Invitation {
        organization: Words::name(&organization.name),
        role,
        by: Words::name(caller.name()),
        link: post.link("/invitation", &code)?,
        until: expires_at,
    };
    post.put(pass, address.as_str(), &letter).await?;
    let invitation = Invitation {
        id,
        address: address.as_str().to_owned(),
        role,
        invited_by: caller.account(),
        made_at: now,
        expires_at,
    };
    Ok((invitation, replaced))
}

/// Withdraws an invitation: its letter leads nowhere from now on.
///
/// # Errors
/// When none of this id waits.
pub async fn revoke(mut pass: Pass<RevokeInvitation>, id: InvitationId) -> Result<Receipt, Problem> {
    let now = pass.vault().clock().now();
    let draft = |draft: Draft| draft.subject("invitation", id);
    if invitations::revoke(pass.tx(), id, now).await? {
        return pass.seal(draft(Draft::done(EventKind::InvitationRevoked))).await;
    }
    Err(pass.fail(draft(Draft::failed(EventKind::InvitationRevoked)), Problem::not_found()).await)
}
