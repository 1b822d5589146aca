//! What an organization does with its members.

use gates::{Action, Draft, Pass, Receipt, Write};
use kernel::{AccountId, EventKind, Gate, MemberRole, Permission, Problem, ProblemKind};
use mail::{Change, Letter, Words};
use store::members::{self, Member};
use store::{break_glass, member_sessions};

use super::{conflict, level, may_change};
use crate::accounts::circumstances;
use crate::break_glass::review_due;
use crate::mail::Post;
use crate::{action, undone};

action! {
    /// Gives a member another role.
    ChangeRole = "member.change_role", MembersManage, Staff, Write, Fresh
}

action! {
    /// Suspends a member: nothing of the organization opens for them until they are let back.
    SuspendMember = "member.suspend", MembersManage, Staff, Write
}

action! {
    /// Lets a suspended member work again.
    ResumeMember = "member.resume", MembersManage, Staff, Write
}

action! {
    /// Removes a member. What refers to them goes on doing so.
    RemoveMember = "member.remove", MembersManage, Staff, Write, Fresh
}

action! {
    /// Hands the organization over: another admin owns it from then on, and the owner is an admin like others.
    TransferOwnership = "organization.transfer", OrganizationManage, Human, Write, Fresh
}

const LAST_OWNER: &str = "This is the organization's last owner; hand the organization over first.";

/// The member an action is about, held until the pass ends.
async fn held<A: Action<Mode = Write>>(pass: &mut Pass<A>, id: AccountId) -> Result<Member, Problem> {
    if !members::hold(pass.tx(), id).await? {
        return Err(Problem::not_found());
    }
    let member = members::read(pass.tx(), id).await?.ok_or_else(Problem::not_found)?;
    may_change(&pass.principal(), &member)?;
    Ok(member)
}

/// Tells the member what became of their place.
async fn tell<A: Action<Mode = Write>>(
    pass: &mut Pass<A>,
    post: &Post,
    member: &Member,
    change: Change,
) -> Result<(), Problem> {
    let organization = store::organizations::read(pass.tx()).await?.ok_or_else(Problem::not_found)?;
    let letter = Letter::MembershipChanged {
        organization: Words::name(&organization.name),
        change,
        by: Words::name(pass.principal().name()),
        at: pass.vault().clock().now(),
        instance: post.page("/")?,
    };
    post.put(pass, &member.address, &letter).await
}

/// Closes the override a member may have open: what they were trusted with has ended.
async fn close_override<A: Action<Mode = Write>>(pass: &mut Pass<A>, id: AccountId) -> Result<u64, Problem> {
    let now = pass.vault().clock().now();
    Ok(break_glass::close_of(pass.tx(), id, now, review_due(now)).await?)
}

/// Gives a member another role. Nobody gives a role above their own, and the one that reaches across organizations is the
/// operator's to give.
///
/// # Errors
/// When there is no such member, or the caller may not do that to them.
pub async fn change_role(
    mut pass: Pass<ChangeRole>,
    id: AccountId,
    role: MemberRole,
    post: &Post,
) -> Result<Receipt, Problem> {
    let kind = EventKind::MemberRoleChanged;
    match give(&mut pass, id, role, post).await {
        Ok(before) => {
            let draft = Draft::done(kind).subject("account", id).fact("before", before).fact("role", role);
            pass.seal(draft).await
        }
        Err(problem) => {
            let draft = undone(kind, &problem).subject("account", id).fact("role", role);
            Err(pass.fail(draft, problem).await)
        }
    }
}

async fn give(
    pass: &mut Pass<ChangeRole>,
    id: AccountId,
    role: MemberRole,
    post: &Post,
) -> Result<MemberRole, Problem> {
    if role > MemberRole::Admin {
        return Err(Problem::invalid("/role", "Only the operator of this server gives this role."));
    }
    if role > level(&pass.principal()) {
        let detail = "Nobody gives a role above their own.";
        return Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    }
    let member = held(pass, id).await?;
    if member.owner && role < MemberRole::Admin {
        return Err(conflict("An owner is an admin; hand the organization over first."));
    }
    if member.role == role {
        return Ok(role);
    }
    members::set_role(pass.tx(), id, role).await?;
    if !role.has(Permission::BreakGlassOpen) {
        close_override(pass, id).await?;
    }
    tell(pass, post, &member, Change::Role { before: member.role, now: role }).await?;
    Ok(member.role)
}

/// Suspends a member; their sessions in the organization end with it. Suspending twice is suspending once.
///
/// # Errors
/// When there is no such member, it is oneself or the last owner, or the caller may not do that to them.
pub async fn suspend(mut pass: Pass<SuspendMember>, id: AccountId, post: &Post) -> Result<Receipt, Problem> {
    let kind = EventKind::MemberSuspended;
    match shut_out(&mut pass, id, post).await {
        Ok((changed, ended)) => {
            let draft = Draft::done(kind)
                .subject("account", id)
                .fact("changed", changed)
                .fact("sessions_ended", ended);
            pass.seal(draft).await
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("account", id), problem).await),
    }
}

async fn shut_out(
    pass: &mut Pass<SuspendMember>,
    id: AccountId,
    post: &Post,
) -> Result<(bool, u64), Problem> {
    if pass.principal().account() == Some(id) {
        return Err(conflict("Nobody suspends themselves."));
    }
    let owners = members::hold_owners(pass.tx()).await?;
    let member = held(pass, id).await?;
    if owners == [id] {
        return Err(conflict(LAST_OWNER));
    }
    let now = pass.vault().clock().now();
    let changed = members::set_suspended(pass.tx(), id, Some(now)).await?;
    let ended = member_sessions::end_all(pass.tx(), id, "member suspended", now).await?;
    close_override(pass, id).await?;
    if changed {
        tell(pass, post, &member, Change::Suspended).await?;
    }
    Ok((changed, ended))
}

/// Lets a suspended member work again; they sign in anew.
///
/// # Errors
/// When there is no such member, or the caller may not do that to them.
pub async fn resume(mut pass: Pass<ResumeMember>, id: AccountId, post: &Post) -> Result<Receipt, Problem> {
    let kind = EventKind::MemberResumed;
    match let_back(&mut pass, id, post).await {
        Ok(changed) => pass.seal(Draft::done(kind).subject("account", id).fact("changed", changed)).await,
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("account", id), problem).await),
    }
}

async fn let_back(pass: &mut Pass<ResumeMember>, id: AccountId, post: &Post) -> Result<bool, Problem> {
    let member = held(pass, id).await?;
    let changed = members::set_suspended(pass.tx(), id, None).await?;
    if changed {
        tell(pass, post, &member, Change::Restored).await?;
    }
    Ok(changed)
}

/// Removes a member: the membership ends, and with it their sessions here and what they have open.
///
/// # Errors
/// When there is no such member, it is oneself or the last owner, or the caller may not do that to them.
pub async fn remove(mut pass: Pass<RemoveMember>, id: AccountId, post: &Post) -> Result<Receipt, Problem> {
    let kind = EventKind::MemberRemoved;
    match expel(&mut pass, id, post).await {
        Ok((role, ended)) => {
            let draft =
                Draft::done(kind).subject("account", id).fact("role", role).fact("sessions_ended", ended);
            pass.seal(draft).await
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("account", id), problem).await),
    }
}

async fn expel(
    pass: &mut Pass<RemoveMember>,
    id: AccountId,
    post: &Post,
) -> Result<(MemberRole, u64), Problem> {
    if pass.principal().account() == Some(id) {
        return Err(conflict("Nobody removes themselves; leave the organization instead."));
    }
    let owners = members::hold_owners(pass.tx()).await?;
    let member = held(pass, id).await?;
    if owners == [id] {
        return Err(conflict(LAST_OWNER));
    }
    let now = pass.vault().clock().now();
    close_override(pass, id).await?;
    members::end(pass.tx(), id, now).await?;
    let ended = member_sessions::end_all(pass.tx(), id, "member removed", now).await?;
    tell(pass, post, &member, Change::Removed).await?;
    Ok((member.role, ended))
}

/// Hands the organization over to another admin. Only an owner does that, and stays an admin.
///
/// # Errors
/// When the caller is no owner, or the other person no admin of the organization.
pub async fn transfer(
    mut pass: Pass<TransferOwnership>,
    to: AccountId,
    post: &Post,
) -> Result<Receipt, Problem> {
    let (kind, from) = (EventKind::OwnershipTransferred, pass.who().account());
    match hand_over(&mut pass, from, to, post).await {
        Ok(()) => pass.seal(Draft::done(kind).subject("account", to).fact("from", from)).await,
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("account", to), problem).await),
    }
}

async fn hand_over(
    pass: &mut Pass<TransferOwnership>,
    from: AccountId,
    to: AccountId,
    post: &Post,
) -> Result<(), Problem> {
    let owners = members::hold_owners(pass.tx()).await?;
    // Asked of the database and not of what is remembered: of two transfers at once, the second finds no owner here.
    if !owners.contains(&from) {
        let detail = "Only an owner hands the organization over.";
        return Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    }
    if !members::hold(pass.tx(), to).await? {
        return Err(Problem::not_found());
    }
    let heir = members::read(pass.tx(), to).await?.ok_or_else(Problem::not_found)?;
    if heir.owner {
        return Err(conflict("This person owns the organization already."));
    }
    if heir.role < MemberRole::Admin || heir.suspended_at.is_some() {
        return Err(conflict("Only an admin who is not suspended can own the organization."));
    }
    let before = members::read(pass.tx(), from).await?.ok_or_else(Problem::not_found)?;
    members::set_owner(pass.tx(), from, false).await?;
    members::set_owner(pass.tx(), to, true).await?;
    let organization = store::organizations::read(pass.tx()).await?.ok_or_else(Problem::not_found)?;
    let letter = Letter::OwnershipTransferred {
        organization: Words::name(&organization.name),
        before: Words::name(&before.name),
        now: Words::name(&heir.name),
        how: circumstances(pass.request(), "", pass.vault().clock().now()),
        members: post.page("/members")?,
    };
    for person in [&before, &heir] {
        post.put(pass, &person.address, &letter).await?;
    }
    Ok(())
}
