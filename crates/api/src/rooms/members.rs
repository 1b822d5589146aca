//! Members, and their sessions in the organization.

use app::members::{
    ChangeRole, EndMemberSession, EndMemberSessions, LeaveOrganization, ListMemberSessions, ListMembers,
    ReadMember, RemoveMember, ResumeMember, SuspendMember, TransferOwnership, change_role, end_session,
    end_sessions, leave, list, list_sessions, read, remove, resume, suspend, transfer,
};
use axum::extract;
use http::Uri;
use kernel::{AccountId, MemberRole, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, Ids, PageQuery, Segment, Submitted, id, query};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListMembers, _>(routes!(get_members)))
        .routes(of::<ReadMember, _>(routes!(get_member)))
        .routes(of::<ChangeRole, _>(routes!(put_role)))
        .routes(of::<SuspendMember, _>(routes!(post_suspend)))
        .routes(of::<ResumeMember, _>(routes!(post_resume)))
        .routes(of::<RemoveMember, _>(routes!(delete_member)))
        .routes(of::<TransferOwnership, _>(routes!(post_transfer)))
        .routes(of::<LeaveOrganization, _>(routes!(post_leave)))
        .routes(of::<ListMemberSessions, _>(routes!(get_sessions)))
        .routes(of::<EndMemberSessions, _>(routes!(delete_sessions)))
        .routes(of::<EndMemberSession, _>(routes!(delete_session)))
}

/// A person in the organization.
#[derive(Serialize, ToSchema)]
struct Member {
    /// The id of the person's account.
    id: Uuid,
    /// The address they are known by.
    #[schema(example = "someone@example.com")]
    address: String,
    /// The name they go by.
    name: String,
    /// Their role: viewer, member, admin or provider_admin.
    #[schema(value_type = String, example = "member")]
    role: MemberRole,
    /// Whether they own the organization.
    owner: bool,
    /// Whether they have a second factor.
    second_factor: bool,
    /// When they joined.
    #[schema(value_type = String, format = DateTime)]
    joined_at: Timestamp,
    /// Since when they are suspended; null while they may work.
    #[schema(value_type = Option<String>, format = DateTime)]
    suspended_at: Option<Timestamp>,
    /// When one of their sessions here was last seen, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Timestamp>,
}

impl From<app::members::Member> for Member {
    fn from(member: app::members::Member) -> Self {
        Self {
            id: member.account.uuid(),
            address: member.address,
            name: member.name,
            role: member.role,
            owner: member.owner,
            second_factor: member.second_factor,
            joined_at: member.joined_at,
            suspended_at: member.suspended_at,
            seen_at: member.seen_at,
        }
    }
}

/// List members.
///
/// Answers the organization's members, by their accounts' age.
#[utoipa::path(get, path = "/members", tag = "members", params(PageQuery),
    responses((status = 200, description = "A page of members", body = List<Member>)))]
async fn get_members(Gate(pass): Gate<ListMembers>, uri: Uri) -> Answered<List<Member>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = list(pass, page).await?;
    Ok(Answer::ok(List::of(listed, Member::from, AccountId::uuid), &receipt))
}

/// Read a member.
///
/// Answers one member.
#[utoipa::path(get, path = "/members/{id}", tag = "members",
    params(("id" = Uuid, Path, description = "The member's account")),
    responses((status = 200, description = "The member", body = Member)))]
async fn get_member(Gate(pass): Gate<ReadMember>, Id(id): Id<AccountId>) -> Answered<Member> {
    let (member, receipt) = read(pass, id).await?;
    Ok(Answer::ok(member.into(), &receipt))
}

/// A role to be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// The role: viewer, member or admin. Provider Admin is the operator's to give.
    #[schema(value_type = String, example = "member")]
    role: MemberRole,
}

/// Change a member's role.
///
/// Nobody gives a role above their own, or changes somebody above them. Only an owner changes an owner's role, which
/// stays admin at least. The member is told by mail.
#[utoipa::path(put, path = "/members/{id}/role", tag = "members",
    params(("id" = Uuid, Path, description = "The member's account")),
    request_body(content = NewRole, example = json!({"role": "member"})),
    responses(
        (status = 204, description = "The member has the role"),
        (status = 409, description = "An owner's role would sink below admin"),
    ))]
async fn put_role(
    extract::State(state): extract::State<State>,
    Segment(member): Segment,
    Submitted { pass, body }: Submitted<ChangeRole, NewRole>,
) -> Result<Done, Refused> {
    let id: AccountId = id(&member)?;
    Ok(Done(change_role(pass, id, body.role, &state.post).await?))
}

/// Suspend a member.
///
/// Their sessions in the organization end, and nothing of it opens for them on any replica within a second. Nobody
/// suspends themselves or the last owner.
#[utoipa::path(post, path = "/members/{id}/suspend", tag = "members",
    params(("id" = Uuid, Path, description = "The member's account")),
    responses(
        (status = 204, description = "The member is suspended"),
        (status = 409, description = "It is the caller, or the last owner"),
    ))]
async fn post_suspend(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<SuspendMember>,
    Id(id): Id<AccountId>,
) -> Result<Done, Refused> {
    Ok(Done(suspend(pass, id, &state.post).await?))
}

/// Resume a member.
///
/// Lets a suspended member work again; they sign in anew.
#[utoipa::path(post, path = "/members/{id}/resume", tag = "members",
    params(("id" = Uuid, Path, description = "The member's account")),
    responses((status = 204, description = "The member may work")))]
async fn post_resume(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<ResumeMember>,
    Id(id): Id<AccountId>,
) -> Result<Done, Refused> {
    Ok(Done(resume(pass, id, &state.post).await?))
}

/// Remove a member.
///
/// The membership ends, and with it their sessions in the organization and an override they have open. What refers to
/// them in the organization goes on doing so. Nobody removes themselves or the last owner.
#[utoipa::path(delete, path = "/members/{id}", tag = "members",
    params(("id" = Uuid, Path, description = "The member's account")),
    responses(
        (status = 204, description = "They are no member any more"),
        (status = 409, description = "It is the caller, or the last owner"),
    ))]
async fn delete_member(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<RemoveMember>,
    Id(id): Id<AccountId>,
) -> Result<Done, Refused> {
    Ok(Done(remove(pass, id, &state.post).await?))
}

/// Hand the organization over.
///
/// Another admin owns the organization from then on; the owner stays an admin. Only an owner does that. Both are told by
/// mail.
#[utoipa::path(post, path = "/members/{id}/transfer", tag = "members",
    params(("id" = Uuid, Path, description = "The account of the admin who is to own the organization")),
    responses(
        (status = 204, description = "They own the organization"),
        (status = 409, description = "They are no admin, are suspended, or own it already"),
    ))]
async fn post_transfer(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<TransferOwnership>,
    Id(id): Id<AccountId>,
) -> Result<Done, Refused> {
    Ok(Done(transfer(pass, id, &state.post).await?))
}

/// Leave the organization.
///
/// Ends the caller's own membership and all their sessions in the organization, this one too. The last owner cannot leave.
#[utoipa::path(post, path = "/members/leave", tag = "members",
    responses(
        (status = 204, description = "The caller is no member any more"),
        (status = 409, description = "The caller is the last owner, or in no organization"),
    ))]
async fn post_leave(Gate(pass): Gate<LeaveOrganization>) -> Result<Done, Refused> {
    Ok(Done(leave(pass).await?))
}

/// A session of a member in the organization.
#[derive(Serialize, ToSchema)]
struct MemberSession {
    /// Its id.
    id: Uuid,
    /// What signed in, in a few words.
    #[schema(example = "Firefox on Linux")]
    device: String,
    /// The network address it was last seen at.
    address: Option<String>,
    /// How sure the server is of who it is: aal1 or aal2 (NIST SP 800-63B).
    #[schema(example = "aal2")]
    assurance: String,
    /// How they proved it: authentication method references (RFC 8176).
    #[schema(example = json!(["pwd", "otp"]))]
    methods: Vec<String>,
    /// Whether it is a program with refresh tokens rather than a browser.
    program: bool,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last seen, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Timestamp>,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<app::members::MemberSession> for MemberSession {
    fn from(session: app::members::MemberSession) -> Self {
        Self {
            id: session.id.uuid(),
            device: session.device,
            address: session.address,
            assurance: session.assurance,
            methods: session.methods,
            program: session.program,
            created_at: session.created_at,
            seen_at: session.seen_at,
            expires_at: session.expires_at,
        }
    }
}

/// List a member's sessions.
///
/// Answers the member's living sessions in this organization, newest first. Sessions elsewhere are not shown.
#[utoipa::path(get, path = "/members/{id}/sessions", tag = "members",
    params(("id" = Uuid, Path, description = "The member's account")),
    responses((status = 200, description = "The sessions", body = List<MemberSession>)))]
async fn get_sessions(
    Gate(pass): Gate<ListMemberSessions>,
    Id(id): Id<AccountId>,
) -> Answered<List<MemberSession>> {
    let (found, receipt) = list_sessions(pass, id).await?;
    Ok(Answer::ok(List::whole(found.into_iter().map(MemberSession::from).collect()), &receipt))
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
struct Ended {
    /// So many.
    ended: u64,
}

/// End a member's sessions.
///
/// Ends all of the member's sessions in this organization, on every replica within a second.
#[utoipa::path(delete, path = "/members/{id}/sessions", tag = "members",
    params(("id" = Uuid, Path, description = "The member's account")),
    responses((status = 200, description = "They have ended", body = Ended)))]
async fn delete_sessions(Gate(pass): Gate<EndMemberSessions>, Id(id): Id<AccountId>) -> Answered<Ended> {
    let (ended, receipt) = end_sessions(pass, id).await?;
    Ok(Answer::ok(Ended { ended }, &receipt))
}

/// End one session of a member.
///
/// Nothing opens with the session any more, on every replica within a second.
#[utoipa::path(delete, path = "/members/{id}/sessions/{session}", tag = "members",
    params(
        ("id" = Uuid, Path, description = "The member's account"),
        ("session" = Uuid, Path, description = "The session"),
    ),
    responses((status = 204, description = "It has ended")))]
async fn delete_session(
    Gate(pass): Gate<EndMemberSession>,
    Ids(member, session): Ids<AccountId, SessionId>,
) -> Result<Done, Refused> {
    Ok(Done(end_session(pass, member, session).await?))
}
