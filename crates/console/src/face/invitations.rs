//! Asking people in.

use app::input::Page;
use app::invitations::{self, Invitation, Invite, ListInvitations, RevokeInvitation};
use app::members::Member;
use axum::extract::Path;
use gates::Human;
use kernel::limits::INVITATION_SECONDS;
use kernel::{InvitationId, MemberRole, Problem, ProblemKind, Timestamp};

use super::answer::{Answer, Said};
use super::members::roles;
use super::posted::Posted;
use super::sign_in::refused_by;
use super::visit::{Visit, admits, entered, pass};
use crate::layout::Room;
use crate::pages::{self, InvitationRow};
use crate::parts::{Form, Tone, When};

/// Invitations that wait are read as a whole: [`kernel::limits::INVITATIONS_MAX`] of them at most.
const ROWS: i64 = kernel::limits::INVITATIONS_MAX;
const DAY_SECONDS: u64 = 24 * 3_600;

async fn waiting(visit: &Visit, human: &Human) -> Result<Vec<Invitation>, Answer> {
    let all = Page { after: None, rows: ROWS };
    let listed = invitations::list(pass::<ListInvitations>(visit, human).await?, all).await;
    Ok(listed.map_err(|problem| visit.refused(&problem))?.0.items)
}

/// The invitations that wait, as rows. `members` are those whose names the page has read already.
pub(super) async fn rows(
    visit: &Visit,
    human: &Human,
    members: &[Member],
    at: Timestamp,
) -> Result<Vec<InvitationRow>, Answer> {
    let by = |invitation: &Invitation| {
        let known = invitation.invited_by.map(|id| members.iter().find(|member| member.account == id));
        match known {
            None => "a service".to_owned(),
            Some(None) => "a colleague".to_owned(),
            Some(Some(member)) => member.name.clone(),
        }
    };
    let row = |invitation: &Invitation| InvitationRow {
        id: invitation.id.to_string(),
        email: invitation.address.clone(),
        role: invitation.role.title().to_owned(),
        by: by(invitation),
        sent: When::seen(invitation.made_at, at),
        expires: When::seen(invitation.expires_at, at),
        expired: invitation.expires_at <= at,
    };
    Ok(waiting(visit, human).await?.iter().map(row).collect())
}

fn invite_form(visit: &Visit, human: &Human, form: Form) -> pages::Invite {
    pages::Invite {
        shell: visit.shell(human, Some(Room::Members)),
        form,
        roles: roles(human),
        days_valid: u32::try_from(INVITATION_SECONDS / DAY_SECONDS).unwrap_or(7),
    }
}

/// `GET /members/invite`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<Invite>(&visit, &human).await?;
    let form = Form::blank().with("role", MemberRole::Member.name());
    let page = invite_form(&visit, &human, form);
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /members/invite`.
pub(super) async fn invite(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = pass::<Invite>(visit, &human).await?;
    let invited = match posted.get("role").parse::<MemberRole>() {
        Err(_) => Err(Problem::invalid("/role", "Choose a role.")),
        Ok(role) => {
            invitations::create(pass, posted.get("email").trim(), role, &visit.state.accounts.post()).await
        }
    };
    match invited {
        Ok(_) => Ok(Answer::redirect("/members").saying(&visit.site().clone(), Said::Invited)),
        Err(problem) => {
            let form = posted.form(&["email", "role"]);
            // What is wrong is the person who is asked in, also where no field is named.
            let form = match problem.kind {
                ProblemKind::Conflict | ProblemKind::RateLimited => {
                    form.refuse("email", problem.detail.clone())
                }
                _ => refused_by(form, &problem),
            };
            let page = invite_form(visit, &human, form);
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

async fn one(visit: &Visit, human: &Human, id: &str) -> Result<Invitation, Answer> {
    let id: InvitationId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let found = waiting(visit, human).await?.into_iter().find(|invitation| invitation.id == id);
    found.ok_or_else(|| visit.refused(&Problem::not_found()))
}

/// `POST /invitations/{id}/resend`: a new invitation in place of the old one, whose link stops working.
pub(super) async fn resend(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let found = one(visit, &human, &id).await?;
    let Ok(pass) = entered::<Invite>(visit, &human).await? else {
        // The button stands on the list: that is where to come back to.
        return Err(Visit::to_step_up("/members"));
    };
    let sent = invitations::create(pass, &found.address, found.role, &visit.state.accounts.post()).await;
    let said = match sent {
        Ok(_) => Said::Invited,
        Err(problem) if problem.kind == ProblemKind::RateLimited => Said::InvitedLately,
        Err(problem) => return Err(visit.refused(&problem)),
    };
    Ok(Answer::redirect("/members").saying(&visit.site().clone(), said))
}

/// `GET /invitations/{id}/withdraw`.
pub(super) async fn withdraw_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let found = one(&visit, &human, &id).await?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Members)),
        title: "Withdraw this invitation?".into(),
        lead: format!("It was sent to {}.", found.address),
        effects: vec![
            "The link in its letter leads nowhere from now on.".into(),
            "Nobody is told. You can invite the address again.".into(),
        ],
        action: format!("/invitations/{}/withdraw", found.id),
        button: "Withdraw".into(),
        tone: Tone::Bad,
        cancel: "/members".into(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /invitations/{id}/withdraw`.
pub(super) async fn withdraw(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: InvitationId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<RevokeInvitation>(visit, &human).await?;
    invitations::revoke(pass, id).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/members").saying(&visit.site().clone(), Said::InvitationWithdrawn))
}
