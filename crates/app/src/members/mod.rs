//! Members: the people of an organization, what each may do there, and their sessions in it.
//!
//! Names and addresses of members are shown to who may see them and are never changed by gate four: they identify
//! people, and a token in their place would identify nobody. For the same reason no entry of the log holds them: it names
//! accounts by id, and can be kept for ever.

mod manage;
mod own;
mod sessions;

use gates::{Draft, Pass, Principal, Receipt};
use kernel::{AccountId, EventKind, Gate, MemberRole, Problem, ProblemKind, Rank, Role};
pub use store::member_sessions::MemberSession;
pub use store::members::Member;

pub use manage::{
    ChangeRole, RemoveMember, ResumeMember, SuspendMember, TransferOwnership, change_role, remove, resume,
    suspend, transfer,
};
pub use own::{LeaveOrganization, leave};
pub use sessions::{
    EndMemberSession, EndMemberSessions, ListMemberSessions, end_session, end_sessions, list_sessions,
};

use crate::action;
use crate::input::{Listed, Page};

action! {
    /// Lists members.
    ListMembers = "member.list", MembersRead, Staff, Read
}

action! {
    /// Looks at one member.
    ReadMember = "member.read", MembersRead, Staff, Read
}

/// A page of the organization's members.
///
/// # Errors
/// When the database cannot be used.
pub async fn list(
    mut pass: Pass<ListMembers>,
    page: Page<AccountId>,
) -> Result<(Listed<Member, AccountId>, Receipt), Problem> {
    let found = store::members::list(pass.tx(), page.after, page.rows + 1).await?;
    let listed = Listed::cut(found, page.rows, |member| member.account);
    let draft = Draft::done(EventKind::MembersListed).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft).await?))
}

/// One member.
///
/// # Errors
/// When there is no such member.
pub async fn read(mut pass: Pass<ReadMember>, id: AccountId) -> Result<(Member, Receipt), Problem> {
    let draft = |draft: Draft| draft.subject("account", id);
    if let Some(member) = store::members::read(pass.tx(), id).await? {
        return Ok((member, pass.seal(draft(Draft::done(EventKind::MemberRead))).await?));
    }
    Err(pass.fail(draft(Draft::failed(EventKind::MemberRead)), Problem::not_found()).await)
}

/// How high the caller stands among the members. A service has no place there; it does what an admin does.
pub(crate) fn level(caller: &Principal) -> MemberRole {
    match caller.capabilities().rank() {
        Rank::Member(role) => role,
        Rank::Key(_) => MemberRole::Admin,
        Rank::Newcomer => MemberRole::Viewer,
    }
}

/// Whether the caller acts for the owners: one of them, or a service whose key has the role owner.
pub(crate) fn is_owner(caller: &Principal) -> bool {
    match caller {
        Principal::Human(human) => human.is_owner(),
        Principal::Service(_) => caller.capabilities().rank() == Rank::Key(Role::Owner),
        Principal::Agent(_) => false,
    }
}

/// The roles a caller may give: those up to their own. The one that reaches across organizations is the operator's.
pub fn givable(caller: &Principal) -> Vec<MemberRole> {
    let most = level(caller).min(MemberRole::Admin);
    MemberRole::ALL.iter().copied().filter(|role| *role <= most).collect()
}

/// Nobody changes what somebody above them is or has.
///
/// # Errors
/// When the caller may not, and why.
pub fn may_change(caller: &Principal, member: &Member) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    if member.owner && !is_owner(caller) {
        return refused("This member owns the organization; only an owner can do that.");
    }
    if member.role > level(caller) {
        return refused("This member's role is above your own.");
    }
    Ok(())
}

fn conflict(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::Conflict, detail)
}
