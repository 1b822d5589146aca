//! The people of the organization: who they are, what they may do, where they are signed in.

use app::input::{Listed, Page};
use app::members::{
    self, ChangeRole, EndMemberSession, EndMemberSessions, LeaveOrganization, ListMemberSessions,
    ListMembers, Member, MemberSession, ReadMember, RemoveMember, ResumeMember, SuspendMember,
    TransferOwnership,
};
use app::roles::Subject;
use axum::extract::Path;
use gates::{Caller as _, Human};
use kernel::{AccountId, Gate, MemberRole, Permission, Problem, ProblemKind, SessionId, Timestamp};

use super::answer::{Answer, Said};
use super::cookies::Cookie;
use super::posted::Posted;
use super::visit::{Visit, admits, entered, matches, may, now, pass};
use super::{given, invitations};
use crate::layout::Room;
use crate::pages::{self, MemberRow, SessionRow};
use crate::parts::{Badge, Choice, Form, Pager, Tone, When};

/// Members read at once.
const ROWS: i64 = 200;
/// Reads of a filtered list; more people than these hold are reached through its next page.
const FILTER_READS_MAX: usize = 5;

pub(super) fn row(member: &Member, human: &Human, at: Timestamp) -> MemberRow {
    let second_factor =
        if member.second_factor { Badge::new(Tone::Good, "Set up") } else { Badge::new(Tone::Warn, "None") };
    let status = match member.suspended_at {
        Some(_) => Badge::new(Tone::Bad, "Suspended"),
        None => Badge::new(Tone::Good, "Active"),
    };
    MemberRow {
        id: member.account.to_string(),
        name: member.name.clone(),
        email: member.address.clone(),
        role: member.role.title().to_owned(),
        owner: member.owner,
        you: member.account == human.account(),
        second_factor,
        status,
        last_seen: member.seen_at.map(|seen| When::seen(seen, at)),
    }
}

/// The roles this person may give, to choose from.
pub(super) fn roles(human: &Human) -> Vec<Choice> {
    let roles = members::givable(&human.principal());
    roles.into_iter().map(|role| Choice::new(role.name(), role.title()).hint(role.says())).collect()
}

async fn read_page(
    visit: &Visit,
    human: &Human,
    after: Option<AccountId>,
) -> Result<Listed<Member, AccountId>, Answer> {
    let listed = members::list(pass::<ListMembers>(visit, human).await?, Page { after, rows: ROWS }).await;
    Ok(listed.map_err(|problem| visit.refused(&problem))?.0)
}

/// What the list is narrowed to.
struct Filter {
    q: String,
    status: String,
    role: String,
}

impl Filter {
    fn of(visit: &Visit) -> Self {
        let text = |name| visit.query(name).map(|text| text.trim().to_owned()).unwrap_or_default();
        Self { q: text("q"), status: text("status"), role: text("role") }
    }

    fn is_set(&self) -> bool {
        !(self.q.is_empty() && self.status.is_empty() && self.role.is_empty())
    }

    fn lets(&self, member: &Member) -> bool {
        let status = match self.status.as_str() {
            "active" => member.suspended_at.is_none(),
            "suspended" => member.suspended_at.is_some(),
            _ => true,
        };
        let role = self.role.is_empty() || self.role == member.role.name();
        status && role && matches(&self.q, &[&member.name, &member.address])
    }

    fn path(&self, after: Option<AccountId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", &self.q), ("status", &self.status), ("role", &self.role)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(after) = after {
            query.append_pair("after", &after.to_string());
        }
        format!("/members?{}", query.finish())
    }
}

/// `GET /members`.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let filter = Filter::of(&visit);
    let after: Option<AccountId> = visit.query("after").and_then(|id| id.parse().ok());
    let mut found = read_page(&visit, &human, after).await?;
    for _ in 1..FILTER_READS_MAX {
        let Some(next) = found.next.filter(|_| filter.is_set()) else { break };
        let more = read_page(&visit, &human, Some(next)).await?;
        found.items.extend(more.items);
        found.next = more.next;
    }
    let at = now(&visit.state);
    let may_invite = may(&human, Permission::MembersManage);
    let invitations = if may_invite && after.is_none() {
        invitations::rows(&visit, &human, &found.items, at).await?
    } else {
        Vec::new()
    };
    let shown = found.items.iter().filter(|member| filter.lets(member));
    let rows: Vec<MemberRow> = shown.map(|member| row(member, &human, at)).collect();
    let mut roles = vec![Choice::new("", "Any")];
    roles.extend(MemberRole::ALL.iter().map(|role| Choice::new(role.name(), role.title())));
    let page = pages::Members {
        shell: visit.shell(&human, Some(Room::Members)),
        form: Form::blank()
            .with("q", filter.q.as_str())
            .with("status", filter.status.as_str())
            .with("role", filter.role.as_str()),
        statuses: vec![
            Choice::new("", "Any"),
            Choice::new("active", "Active"),
            Choice::new("suspended", "Suspended"),
        ],
        roles,
        pager: Pager {
            shown: rows.len(),
            first: after.map(|_| filter.path(None)),
            next: found.next.map(|next| filter.path(Some(next))),
        },
        members: rows,
        invitations,
        may_invite,
    };
    Ok(visit.settle(Answer::page(&page)))
}

async fn one(visit: &Visit, human: &Human, id: &str) -> Result<Member, Answer> {
    let id: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let read = members::read(pass::<ReadMember>(visit, human).await?, id).await;
    Ok(read.map_err(|problem| visit.refused(&problem))?.0)
}

fn session_row(session: &MemberSession, this: SessionId, at: Timestamp) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        device: session.device.clone(),
        phone: ["Android", "iOS", "iPhone"].iter().any(|phone| session.device.contains(phone)),
        address: session.address.clone().unwrap_or_else(|| "an unknown address".to_owned()),
        how: if session.assurance == "aal2" { "two factors" } else { "one factor" }.to_owned(),
        started: When::seen(session.created_at, at),
        last_seen: When::seen(session.seen_at.unwrap_or(session.created_at), at),
        this: session.id == this,
    }
}

async fn sessions(visit: &Visit, human: &Human, id: AccountId) -> Result<Option<Vec<SessionRow>>, Answer> {
    if !may(human, Permission::SessionsManage) {
        return Ok(None);
    }
    let listed = members::list_sessions(pass::<ListMemberSessions>(visit, human).await?, id).await;
    let found = listed.map_err(|problem| visit.refused(&problem))?.0;
    let at = now(&visit.state);
    Ok(Some(found.iter().map(|session| session_row(session, human.session(), at)).collect()))
}

async fn member_page(
    visit: &Visit,
    human: &Human,
    member: &Member,
    form: Form,
) -> Result<pages::MemberPage, Answer> {
    let at = now(&visit.state);
    let you = member.account == human.account();
    let manages = may(human, Permission::MembersManage);
    let may_manage = manages && members::may_change(&human.principal(), member).is_ok();
    let heir = member.role >= MemberRole::Admin && member.suspended_at.is_none() && !member.owner;
    Ok(pages::MemberPage {
        shell: visit.shell(human, Some(Room::Members)),
        member: row(member, human, at),
        joined: When::day(member.joined_at),
        form,
        roles: roles(human),
        given: given::section(visit, human, Subject::Member(member.account), may_manage).await?,
        sessions: sessions(visit, human, member.account).await?,
        suspended: member.suspended_at.is_some(),
        may_manage,
        may_transfer: human.is_owner() && !you && heir,
    })
}

/// `GET /members/{id}`; with `role` in its query, one that was chosen and is not given yet.
pub(super) async fn page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let member = one(&visit, &human, &id).await?;
    let chosen = visit.query("role").and_then(|role| role.parse::<MemberRole>().ok());
    let form = match chosen.filter(|role| *role != member.role) {
        Some(role) => Form::blank().with("role", role.name()).problem("The role is not changed yet."),
        None => Form::blank().with("role", member.role.name()),
    };
    let page = member_page(&visit, &human, &member, form).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /members/{id}`: another role.
pub(super) async fn change_role(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let account: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let there = format!("/members/{account}");
    let given = match posted.get("role").parse::<MemberRole>() {
        Err(_) => Err(Problem::invalid("/role", "Choose a role.")),
        Ok(role) => {
            let Ok(pass) = entered::<ChangeRole>(visit, &human).await? else {
                return Err(Visit::to_step_up(&posted.kept_in(&there, &["role"])));
            };
            members::change_role(pass, account, role, &visit.state.accounts.post()).await
        }
    };
    match given {
        Ok(_) => Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::RoleChanged)),
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let member = one(visit, &human, &id).await?;
            let form = posted.form(&["role"]).refused_by(&problem);
            let page = member_page(visit, &human, &member, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// What is asked once more about a member.
struct Question {
    title: String,
    lead: String,
    effects: Vec<&'static str>,
    verb: String,
    button: &'static str,
}

fn confirm(visit: &Visit, human: &Human, member: &Member, asked: Question) -> Answer {
    let there = format!("/members/{}", member.account);
    let page = pages::Confirm {
        shell: visit.shell(human, Some(Room::Members)),
        title: asked.title,
        lead: asked.lead,
        effects: asked.effects.into_iter().map(str::to_owned).collect(),
        action: format!("{there}/{}", asked.verb),
        button: asked.button.to_owned(),
        tone: Tone::Bad,
        cancel: there,
    };
    visit.settle(Answer::page(&page))
}

/// `GET /members/{id}/suspend`.
pub(super) async fn suspend_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<SuspendMember>(&visit, &human).await?;
    let member = one(&visit, &human, &id).await?;
    members::may_change(&human.principal(), &member).map_err(|problem| visit.refused(&problem))?;
    let asked = Question {
        title: format!("Suspend {}?", member.name),
        lead: "Nothing of this organization opens for them until you let them in again.".into(),
        effects: vec![
            "They are signed out of this organization within a second.",
            "A break-glass they have open ends.",
            "What they own stays. They are told by mail.",
        ],
        verb: "suspend".into(),
        button: "Suspend",
    };
    Ok(confirm(&visit, &human, &member, asked))
}

/// `POST /members/{id}/suspend`.
pub(super) async fn suspend(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<SuspendMember>(visit, &human).await?;
    let done = members::suspend(pass, id, &visit.state.accounts.post()).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&format!("/members/{id}")).saying(&visit.site().clone(), Said::MemberSuspended))
}

/// `POST /members/{id}/resume`.
pub(super) async fn resume(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<ResumeMember>(visit, &human).await?;
    let done = members::resume(pass, id, &visit.state.accounts.post()).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&format!("/members/{id}")).saying(&visit.site().clone(), Said::MemberResumed))
}

/// `GET /members/{id}/remove`.
pub(super) async fn remove_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<RemoveMember>(&visit, &human).await?;
    let member = one(&visit, &human, &id).await?;
    members::may_change(&human.principal(), &member).map_err(|problem| visit.refused(&problem))?;
    let asked = Question {
        title: format!("Remove {}?", member.name),
        lead: "They no longer belong to this organization. To come back they must be invited anew.".into(),
        effects: vec![
            "They are signed out of this organization within a second.",
            "A break-glass they have open ends.",
            "What they did stays in the log. They are told by mail.",
        ],
        verb: "remove".into(),
        button: "Remove",
    };
    Ok(confirm(&visit, &human, &member, asked))
}

/// `POST /members/{id}/remove`.
pub(super) async fn remove(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<RemoveMember>(visit, &human).await?;
    let done = members::remove(pass, id, &visit.state.accounts.post()).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/members").saying(&visit.site().clone(), Said::MemberRemoved))
}

/// `GET /members/{id}/transfer`.
pub(super) async fn transfer_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<TransferOwnership>(&visit, &human).await?;
    if !human.is_owner() {
        let problem =
            Problem::at(Gate::Token, ProblemKind::Forbidden, "Only an owner hands the organization over.");
        return Err(visit.refused(&problem));
    }
    let member = one(&visit, &human, &id).await?;
    let asked = Question {
        title: format!("Hand the organization over to {}?", member.name),
        lead: "From then on it is theirs, and only they can give it back.".into(),
        effects: vec![
            "You stay an administrator, and are the owner no more.",
            "They can change what you may do, and remove you.",
            "Both of you are told by mail.",
        ],
        verb: "transfer".into(),
        button: "Hand it over",
    };
    Ok(confirm(&visit, &human, &member, asked))
}

/// `POST /members/{id}/transfer`.
pub(super) async fn transfer(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<TransferOwnership>(visit, &human).await?;
    let done = members::transfer(pass, id, &visit.state.accounts.post()).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&format!("/members/{id}")).saying(&visit.site().clone(), Said::HandedOver))
}

/// `GET /members/{id}/sessions/revoke-all`.
pub(super) async fn end_all_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<EndMemberSessions>(&visit, &human).await?;
    let member = one(&visit, &human, &id).await?;
    let asked = Question {
        title: format!("Sign {} out everywhere?", member.name),
        lead: "All their sessions in this organization end.".into(),
        effects: vec![
            "They stop within a second, wherever they are.",
            "Sessions in other organizations of theirs stay.",
            "They can sign in again at once.",
        ],
        verb: "sessions/revoke-all".into(),
        button: "Sign them out",
    };
    Ok(confirm(&visit, &human, &member, asked))
}

/// `POST /members/{id}/sessions/revoke-all`.
pub(super) async fn end_all(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<EndMemberSessions>(visit, &human).await?;
    members::end_sessions(pass, id).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&format!("/members/{id}")).saying(&visit.site().clone(), Said::MemberSignedOut))
}

/// `GET /members/{id}/sessions/{session}/revoke`.
pub(super) async fn end_page(
    Path((id, session)): Path<(String, String)>,
    visit: Visit,
) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let session: SessionId = session.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    admits::<EndMemberSession>(&visit, &human).await?;
    let member = one(&visit, &human, &id).await?;
    let asked = Question {
        title: format!("End this session of {}?", member.name),
        lead: "Whoever uses it must sign in again.".into(),
        effects: vec!["It stops within a second, wherever it is."],
        verb: format!("sessions/{session}/revoke"),
        button: "End the session",
    };
    Ok(confirm(&visit, &human, &member, asked))
}

/// `POST /members/{id}/sessions/{session}/revoke`.
pub(super) async fn end(
    Path((id, session)): Path<(String, String)>,
    posted: Posted,
) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: AccountId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let session: SessionId = session.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<EndMemberSession>(visit, &human).await?;
    members::end_session(pass, id, session).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&format!("/members/{id}")).saying(&visit.site().clone(), Said::MemberSignedOut))
}

/// `GET /members/leave`.
pub(super) async fn leave_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let name = human.organization_name().ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Members)),
        title: format!("Leave {name}?"),
        lead: "You no longer belong to it. To come back you must be invited anew.".into(),
        effects: vec![
            "You are signed out here; other organizations of yours are open when you sign in again.".into(),
            "What you did stays in its log.".into(),
        ],
        action: "/members/leave".into(),
        button: "Leave".into(),
        tone: Tone::Bad,
        cancel: format!("/members/{}", human.account()),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /members/leave`.
pub(super) async fn leave(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = pass::<LeaveOrganization>(visit, &human).await?;
    members::leave(pass).await.map_err(|problem| visit.refused(&problem))?;
    let site = visit.site().clone();
    let mut answer = Answer::redirect("/sign-in").saying(&site, Said::Left);
    Cookie::Session.clear(answer.headers_mut(), &site);
    Ok(answer)
}
