//! What lately happened to one's account, and the agents that act for one.

use app::accounts::events::{AccountEvent, Delegation, EndOwnDelegation, end_delegation};
use axum::extract::Path;
use kernel::{AgentId, EventKind, Problem, Timestamp};

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::visit::Visit;
use crate::layout::Room;
use crate::pages::{self, DelegationRow, EventRow};
use crate::parts::{Tone, When};

/// An event in words that speak to its person.
pub(super) fn event_row(event: &AccountEvent, at: Timestamp) -> EventRow {
    use EventKind as K;
    let kind = event.kind.parse::<EventKind>().ok();
    let (tone, what) = match kind {
        Some(K::SignedIn) => (Tone::Plain, "Signed in".to_owned()),
        Some(K::AuthFailure) => (Tone::Warn, attempts(event.count)),
        Some(K::PasswordChanged) => (Tone::Plain, "Password changed".to_owned()),
        Some(K::PasswordReset) => (Tone::Warn, "Password set anew by a link from your mail".to_owned()),
        Some(K::AddressChanged) => (Tone::Warn, "E-mail address changed".to_owned()),
        Some(K::TotpAdded) => (Tone::Plain, "Authenticator app set up".to_owned()),
        Some(K::TotpRemoved) => (Tone::Warn, "Authenticator app removed".to_owned()),
        Some(K::RecoveryCodesMade) => (Tone::Plain, "New recovery codes made".to_owned()),
        Some(K::PasskeyAdded) => (Tone::Plain, "Passkey added".to_owned()),
        Some(K::PasskeyRemoved) => (Tone::Warn, "Passkey removed".to_owned()),
        Some(K::TokenReused) => {
            (Tone::Bad, "A copy of a refresh token was shown; its session was ended".to_owned())
        }
        _ => (Tone::Plain, super::words::what(&event.kind)),
    };
    let (device, address) = (event.device.clone(), event.address.clone());
    EventRow { tone, what, at: When::seen(event.at, at), device, address }
}

fn attempts(count: i32) -> String {
    match count {
        1 => "An attempt to sign in was refused".to_owned(),
        count => format!("{count} attempts to sign in were refused"),
    }
}

/// An agent that acts for one.
pub(super) fn delegation_row(held: &Delegation, at: Timestamp) -> DelegationRow {
    DelegationRow {
        agent: held.agent.to_string(),
        name: held.name.clone(),
        organization: held.organization.clone(),
        since: When::seen(held.since, at),
        until: When::seen(held.until, at),
    }
}

/// `GET /security/delegations/{agent}/end`.
pub(super) async fn end_page(Path(agent): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let agent: AgentId = agent.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Security)),
        title: "End what this agent does for you".into(),
        lead: "Its tokens that act for you stop opening anything.".into(),
        effects: vec![
            "It stops within a second, on every replica.".into(),
            "It gets no other one from the token you handed it.".into(),
            "What it may do by itself, with its own key, stays.".into(),
        ],
        action: format!("/security/delegations/{agent}/end"),
        button: "End it".into(),
        tone: Tone::Bad,
        cancel: "/security".into(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /security/delegations/{agent}/end`.
pub(super) async fn end(Path(agent): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let agent: AgentId = agent.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = visit.enter::<EndOwnDelegation>(human).await?;
    end_delegation(pass, agent).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/security").saying(&visit.site().clone(), Said::DelegationEnded))
}
