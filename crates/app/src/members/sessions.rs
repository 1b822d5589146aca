//! Sessions of members, seen and ended by who looks after the organization.

use gates::{Draft, Pass, Receipt};
use kernel::limits::MEMBER_SESSIONS_ROWS_MAX;
use kernel::{AccountId, EventKind, Problem, SessionId};
use store::member_sessions::{self, MemberSession};
use store::members;

use crate::action;

action! {
    /// Lists a member's sessions in this organization.
    ListMemberSessions = "member.list_sessions", SessionsManage, Staff, Read
}

action! {
    /// Ends one of a member's sessions in this organization.
    EndMemberSession = "member.end_session", SessionsManage, Staff, Write
}

action! {
    /// Ends all of a member's sessions in this organization.
    EndMemberSessions = "member.end_sessions", SessionsManage, Staff, Write
}

const BECAUSE: &str = "by the organization";

/// A member's living sessions here, newest first.
///
/// # Errors
/// When there is no such member.
pub async fn list_sessions(
    mut pass: Pass<ListMemberSessions>,
    id: AccountId,
) -> Result<(Vec<MemberSession>, Receipt), Problem> {
    let now = pass.vault().clock().now();
    if members::read(pass.tx(), id).await?.is_none() {
        let draft = Draft::failed(EventKind::SessionsListed).subject("account", id);
        return Err(pass.fail(draft, Problem::not_found()).await);
    }
    let found = member_sessions::list(pass.tx(), id, now, MEMBER_SESSIONS_ROWS_MAX).await?;
    let draft =
        Draft::done(EventKind::SessionsListed).subject("account", id).fact("items", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// Ends one of a member's sessions: nothing opens with it any more, on every replica within a second.
///
/// # Errors
/// When the member has no such session here.
pub async fn end_session(
    mut pass: Pass<EndMemberSession>,
    id: AccountId,
    session: SessionId,
) -> Result<Receipt, Problem> {
    let now = pass.vault().clock().now();
    let draft = |draft: Draft| draft.subject("session", session).fact("account", id);
    if member_sessions::end(pass.tx(), id, session, BECAUSE, now).await? {
        return pass.seal(draft(Draft::done(EventKind::SessionRevoked))).await;
    }
    Err(pass.fail(draft(Draft::failed(EventKind::SessionRevoked)), Problem::not_found()).await)
}

/// Ends all of a member's sessions here; answers how many that were.
///
/// # Errors
/// When there is no such member.
pub async fn end_sessions(
    mut pass: Pass<EndMemberSessions>,
    id: AccountId,
) -> Result<(u64, Receipt), Problem> {
    let now = pass.vault().clock().now();
    if !members::hold(pass.tx(), id).await? {
        let draft = Draft::failed(EventKind::SessionRevoked).subject("account", id);
        return Err(pass.fail(draft, Problem::not_found()).await);
    }
    let ended = member_sessions::end_all(pass.tx(), id, BECAUSE, now).await?;
    let draft = Draft::done(EventKind::SessionRevoked).subject("account", id).fact("sessions_ended", ended);
    Ok((ended, pass.seal(draft).await?))
}
