//! What members, API keys and agents are given beside a role: the section of their pages, and what it sends.

use std::str::FromStr;

use app::roles::{self as house, GiveRole, ListGrants, Subject, TakeRole};
use axum::extract::Path;
use gates::{Holders, Human};
use kernel::{Permission, Problem};

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::roles::templates;
use super::visit::{Visit, entered, may, pass};
use crate::pages::Given;
use crate::parts::{Choice, Form};

/// How people read what can be given by name.
const MCP_TITLE: &str = "Access to the MCP endpoint";

/// The page of somebody that something can be given to.
fn page_of(subject: Subject) -> String {
    match subject {
        Subject::Member(id) => format!("/members/{id}"),
        Subject::Key(id) => format!("/keys/{id}"),
        Subject::Agent(id) => format!("/agents/{id}"),
    }
}

/// What this section says about them, under its heading.
const fn lead(subject: Subject) -> &'static str {
    match subject {
        Subject::Member(_) => {
            "Templates of your organization, and access to the MCP endpoint, which comes with no role."
        }
        Subject::Key(_) => {
            "Templates for keys of your organization, and access to the MCP endpoint, which comes with no role."
        }
        Subject::Agent(_) => {
            "Access to the MCP endpoint, for all of its keys. What else it may do is given to a key."
        }
    }
}

/// Whose templates fit; `None` for an agent, which has what its keys have.
const fn holders(subject: Subject) -> Option<Holders> {
    match subject {
        Subject::Member(_) => Some(Holders::People),
        Subject::Key(_) => Some(Holders::Keys),
        Subject::Agent(_) => None,
    }
}

/// What somebody was given, with how people read it; and what more can be given, which `may_change` lets this person do.
pub(super) async fn section(
    visit: &Visit,
    human: &Human,
    subject: Subject,
    may_change: bool,
) -> Result<Given, Answer> {
    let all = templates(visit, human).await?;
    let entered = pass::<ListGrants>(visit, human).await?;
    let listed = house::list_grants(entered, Some(subject), None, house::GRANTS_MAX).await;
    let (grants, _) = listed.map_err(|problem| visit.refused(&problem))?;
    let fitting = holders(subject).map(Holders::relation);
    let own = || {
        let own = all.items.iter().map(|(one, _)| one);
        own.filter(|one| !one.built_in && fitting.is_some_and(|fitting| one.holders == fitting))
    };
    let title = |word: &str| match own().find(|one| one.name == word) {
        Some(one) => one.title.clone(),
        None if word == gates::MCP_ACCESS => MCP_TITLE.to_owned(),
        None => word.to_owned(),
    };
    let held: Vec<_> = grants.iter().map(|grant| (grant.grants.clone(), title(&grant.grants))).collect();
    let has = |word: &str| held.iter().any(|(one, _)| one == word);
    let mut more: Vec<Choice> = Vec::new();
    if !has(gates::MCP_ACCESS) {
        more.push(Choice::new(gates::MCP_ACCESS, MCP_TITLE));
    }
    more.extend(
        own().filter(|one| !has(&one.name)).map(|one| Choice::new(one.name.as_str(), one.title.as_str())),
    );
    let chosen = visit.query("grants").map(|chosen| chosen.to_string()).unwrap_or_default();
    Ok(Given {
        base: page_of(subject),
        title: if holders(subject).is_some() { "Beside the role" } else { "Given by name" },
        lead: lead(subject),
        held,
        more,
        form: Form::named("give").with("grants", chosen),
        may_change: may_change && may(human, Permission::MembersManage),
    })
}

async fn give<T: FromStr>(posted: &Posted, id: &str, of: fn(T) -> Subject) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let subject = id.parse().map(of).map_err(|_| visit.refused(&Problem::not_found()))?;
    let there = page_of(subject);
    let Ok(pass) = entered::<GiveRole>(visit, &human).await? else {
        return Err(Visit::to_step_up(&posted.kept_in(&there, &["grants"])));
    };
    let done = house::give(pass, subject, posted.get("grants")).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::RoleGiven))
}

async fn take<T: FromStr>(posted: &Posted, id: &str, of: fn(T) -> Subject) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let subject = id.parse().map(of).map_err(|_| visit.refused(&Problem::not_found()))?;
    let entered = pass::<TakeRole>(visit, &human).await?;
    let done = house::take(entered, subject, posted.get("grants")).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&page_of(subject)).saying(&visit.site().clone(), Said::RoleTaken))
}

/// `POST /members/{id}/give`.
pub(super) async fn give_member(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    give(&posted, &id, Subject::Member).await
}

/// `POST /members/{id}/take`.
pub(super) async fn take_member(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    take(&posted, &id, Subject::Member).await
}

/// `POST /keys/{id}/give`.
pub(super) async fn give_key(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    give(&posted, &id, Subject::Key).await
}

/// `POST /keys/{id}/take`.
pub(super) async fn take_key(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    take(&posted, &id, Subject::Key).await
}

/// `POST /agents/{id}/give`.
pub(super) async fn give_agent(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    give(&posted, &id, Subject::Agent).await
}

/// `POST /agents/{id}/take`.
pub(super) async fn take_agent(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    take(&posted, &id, Subject::Agent).await
}
