//! Agents and API keys.

use std::collections::BTreeSet;
use std::time::Duration;

use app::agents::{self, Agent, CreateAgent, ListAgents, NewAgent, ResumeAgent, SuspendAgent};
use app::input::{Description, Name, Page};
use app::keys::{self, CreateKey, Key, ListKeys, NewKey, RevokeKey, RotateKey};
use app::projects::ListProjects;
use app::roles::Subject;
use axum::extract::Path;
use gates::{Caller as _, Human};
use kernel::{AgentId, KeyId, Permission, Problem, ProjectId, Role, Timestamp};

use super::answer::{Answer, Said};
use super::given;
use super::posted::Posted;
use super::visit::{Visit, matches, may, now, pass};
use crate::layout::Room;
use crate::pages::{self, AgentRow, KeyRow, NewSecret};
use crate::parts::{Badge, Choice, Form, Id, Pager, Secret, Tone, When};

/// Rows of a list that is shown as a whole.
const ROWS: i64 = 200;
/// Days until a key stops working that are offered.
const LIFETIME_DAYS: [(u64, &str); 4] = [(30, "30 days"), (90, "90 days"), (365, "One year"), (0, "Never")];
const DAY_SECONDS: u64 = 24 * 3_600;

fn all<T>() -> Page<T> {
    Page { after: None, rows: ROWS }
}

async fn agents_of(visit: &Visit, human: &Human) -> Result<Vec<Agent>, Answer> {
    let listed = agents::list(pass::<ListAgents>(visit, human).await?, all()).await;
    Ok(listed.map_err(|problem| visit.refused(&problem))?.0.items)
}

async fn keys_of(visit: &Visit, human: &Human) -> Result<Vec<Key>, Answer> {
    if !human.principal().capabilities().has(Permission::KeysRead) {
        return Ok(Vec::new());
    }
    let listed = keys::list(pass::<ListKeys>(visit, human).await?, all()).await;
    Ok(listed.map_err(|problem| visit.refused(&problem))?.0.items)
}

async fn projects_of(visit: &Visit, human: &Human) -> Result<Vec<(ProjectId, String)>, Answer> {
    let listed = app::projects::list(pass::<ListProjects>(visit, human).await?, all()).await;
    let projects = listed.map_err(|problem| visit.refused(&problem))?.0.items;
    Ok(projects.into_iter().map(|project| (project.id, project.name)).collect())
}

fn name_of(projects: &[(ProjectId, String)], id: ProjectId) -> String {
    projects
        .iter()
        .find(|(known, _)| *known == id)
        .map_or_else(|| "another project".to_owned(), |(_, name)| name.clone())
}

fn is_live(key: &Key, now: Timestamp) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now)
}

fn agent_status(agent: &Agent) -> Badge {
    match agent.suspended_at {
        Some(_) => Badge::new(Tone::Bad, "Suspended"),
        None => Badge::new(Tone::Good, "Active"),
    }
}

/// `GET /agents`.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Agents));
    let at = now(&visit.state);
    let (found, keys, projects) = (
        agents_of(&visit, &human).await?,
        keys_of(&visit, &human).await?,
        projects_of(&visit, &human).await?,
    );
    let (q, status) = (visit.query("q").unwrap_or_default(), visit.query("status").unwrap_or_default());
    let rows = found.iter().filter(|agent| {
        let right = match status.as_str() {
            "active" => agent.suspended_at.is_none(),
            "suspended" => agent.suspended_at.is_some(),
            _ => true,
        };
        right && matches(&q, &[&agent.name])
    });
    let agents: Vec<AgentRow> = rows
        .map(|agent| AgentRow {
            id: agent.id.to_string(),
            name: agent.name.clone(),
            owner: human.organization_name().unwrap_or_default().to_owned(),
            project: name_of(&projects, agent.project),
            status: agent_status(agent),
            credentials: u32::try_from(
                keys.iter().filter(|key| key.agent == Some(agent.id) && is_live(key, at)).count(),
            )
            .unwrap_or(u32::MAX),
            last_used: agent.last_used_at.map(|used| When::seen(used, at)),
        })
        .collect();
    let page = pages::Agents {
        shell,
        form: Form::blank().with("q", q.as_str()).with("status", status.as_str()),
        statuses: vec![
            Choice::new("", "Any"),
            Choice::new("active", "Active"),
            Choice::new("suspended", "Suspended"),
        ],
        filtered: !q.is_empty() || !status.is_empty(),
        pager: Pager { shown: agents.len(), first: None, next: None },
        agents,
        may_manage: may(&human, Permission::AgentsManage),
    };
    Ok(visit.settle(Answer::page(&page)))
}

async fn new_form(visit: &Visit, human: &Human, form: Form) -> Result<pages::AgentNew, Answer> {
    let projects = projects_of(visit, human).await?;
    Ok(pages::AgentNew {
        shell: visit.shell(human, Some(Room::Agents)),
        form,
        projects: projects.into_iter().map(|(id, name)| Choice::new(id.to_string(), name)).collect(),
        owners: vec![Choice::new("", human.principal().name())],
    })
}

/// `GET /agents/new`.
pub(super) async fn new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = new_form(&visit, &human, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

async fn create_of(posted: &Posted, human: &Human) -> Result<Result<AgentId, Problem>, Answer> {
    let fields = || {
        let name = Name::parse(posted.get("name").to_owned(), "/name")?;
        let description = Description::parse(posted.get("purpose").to_owned(), "/purpose")?;
        let project =
            posted.get("project").parse().map_err(|_| Problem::invalid("/project", "Choose a project."))?;
        Ok(NewAgent { project: Some(project), name, description })
    };
    let new = match fields() {
        Ok(new) => new,
        Err(problem) => return Ok(Err(problem)),
    };
    let pass = pass::<CreateAgent>(&posted.visit, human).await?;
    Ok(agents::create(pass, new).await.map(|(agent, _)| agent.id))
}

/// `POST /agents/new`.
pub(super) async fn create(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    match create_of(&posted, &human).await? {
        Ok(id) => {
            Ok(Answer::redirect(&format!("/agents/{id}")).saying(&visit.site().clone(), Said::AgentCreated))
        }
        Err(problem) => {
            let form = posted.form(&["name", "purpose", "project"]).refused_by(&problem);
            let page = new_form(visit, &human, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

async fn one(visit: &Visit, human: &Human, id: &str) -> Result<Agent, Answer> {
    let id: AgentId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let found = agents_of(visit, human).await?.into_iter().find(|agent| agent.id == id);
    found.ok_or_else(|| visit.refused(&Problem::not_found()))
}

/// `GET /agents/{id}`.
pub(super) async fn page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let agent = one(&visit, &human, &id).await?;
    let at = now(&visit.state);
    let (keys, projects) = (keys_of(&visit, &human).await?, projects_of(&visit, &human).await?);
    let mine = keys.iter().filter(|key| key.agent == Some(agent.id));
    let page = pages::AgentPage {
        shell: visit.shell(&human, Some(Room::Agents)),
        id: Id::new(agent.id.to_string()),
        name: agent.name.clone(),
        purpose: agent.description.clone(),
        owner: human.organization_name().unwrap_or_default().to_owned(),
        project: name_of(&projects, agent.project),
        created: When::day(agent.created_at),
        last_used: agent.last_used_at.map(|used| When::seen(used, at)),
        suspended: agent.suspended_at.is_some(),
        keys: mine.map(|key| key_row(key, &agent.name, &projects, at)).collect(),
        // Whoever may not see what was given sees the rest of the page.
        given: given::section(&visit, &human, Subject::Agent(agent.id), true).await.ok(),
        may_manage: may(&human, Permission::AgentsManage),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /agents/{id}/suspend`.
pub(super) async fn suspend_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let agent = one(&visit, &human, &id).await?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Agents)),
        title: format!("Suspend {}", agent.name),
        lead: "Nothing it holds opens anything until you let it work again.".into(),
        effects: vec![
            "Its keys and tokens stop within a second, on every replica.".into(),
            "Calls under way end on their own.".into(),
        ],
        action: format!("/agents/{}/suspend", agent.id),
        button: "Suspend the agent".into(),
        tone: Tone::Bad,
        cancel: format!("/agents/{}", agent.id),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /agents/{id}/suspend`.
pub(super) async fn suspend(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let agent = one(visit, &human, &id).await?;
    let pass = pass::<SuspendAgent>(visit, &human).await?;
    agents::suspend(pass, agent.id).await.map_err(|problem| visit.refused(&problem))?;
    let there = format!("/agents/{}", agent.id);
    Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::AgentSuspended))
}

/// `POST /agents/{id}/resume`.
pub(super) async fn resume(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let agent = one(visit, &human, &id).await?;
    let pass = pass::<ResumeAgent>(visit, &human).await?;
    agents::resume(pass, agent.id).await.map_err(|problem| visit.refused(&problem))?;
    let there = format!("/agents/{}", agent.id);
    Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::AgentResumed))
}

fn key_row(key: &Key, agent: &str, projects: &[(ProjectId, String)], at: Timestamp) -> KeyRow {
    let status = if key.revoked_at.is_some() {
        Badge::new(Tone::Bad, "Revoked")
    } else if !is_live(key, at) {
        Badge::new(Tone::Plain, "Expired")
    } else if key.replaced_by.is_some() {
        Badge::new(Tone::Warn, "Being replaced")
    } else {
        Badge::new(Tone::Good, "Live")
    };
    KeyRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        prefix: key.hint.clone(),
        agent: agent.to_owned(),
        role: key.role.parse::<Role>().map_or_else(|_| key.role.clone(), |role| role.title().to_owned()),
        project: name_of(projects, key.project),
        created: When::day(key.created_at),
        expires: key.expires_at.map(|expires| When::seen(expires, at)),
        last_used: key.last_used_at.map(|used| When::seen(used, at)),
        status,
        live: is_live(key, at),
    }
}

/// `GET /keys`.
pub(super) async fn keys(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Keys));
    let at = now(&visit.state);
    // Refused by the gate itself when the role does not cover it.
    let found = keys::list(pass::<ListKeys>(&visit, &human).await?, all()).await;
    let found = found.map_err(|problem| visit.refused(&problem))?.0.items;
    let (agents, projects) = (agents_of(&visit, &human).await?, projects_of(&visit, &human).await?);
    let (q, status) = (visit.query("q").unwrap_or_default(), visit.query("status").unwrap_or_default());
    let agent_name = |key: &Key| {
        let agent = key.agent.and_then(|id| agents.iter().find(|agent| agent.id == id));
        agent.map_or_else(|| "A service".to_owned(), |agent| agent.name.clone())
    };
    let rows = found.iter().filter(|key| {
        let right = match status.as_str() {
            "live" => is_live(key, at),
            "ended" => !is_live(key, at),
            _ => true,
        };
        right && matches(&q, &[&key.name, &key.hint, &agent_name(key)])
    });
    let rows: Vec<KeyRow> = rows.map(|key| key_row(key, &agent_name(key), &projects, at)).collect();
    let page = pages::Keys {
        shell,
        form: Form::blank().with("q", q.as_str()).with("status", status.as_str()),
        statuses: vec![Choice::new("", "Any"), Choice::new("live", "Live"), Choice::new("ended", "Ended")],
        filtered: !q.is_empty() || !status.is_empty(),
        pager: Pager { shown: rows.len(), first: None, next: None },
        keys: rows,
        may_manage: may(&human, Permission::KeysManage),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /keys/{id}`.
pub(super) async fn key(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: KeyId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let found = keys_of(&visit, &human).await?.into_iter().find(|key| key.id == id);
    let key = found.ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let (agents, projects) = (agents_of(&visit, &human).await?, projects_of(&visit, &human).await?);
    let agent = agents.iter().find(|agent| key.agent == Some(agent.id));
    let at = now(&visit.state);
    let page = pages::KeyPage {
        shell: visit.shell(&human, Some(Room::Keys)),
        id: Id::new(key.id.to_string()),
        key: key_row(&key, agent.map_or("", |agent| &agent.name), &projects, at),
        agent: agent.map(|agent| agent.id.to_string()),
        capabilities: key.capabilities.clone().unwrap_or_default(),
        given: given::section(&visit, &human, Subject::Key(key.id), is_live(&key, at)).await?,
        may_manage: may(&human, Permission::KeysManage),
    };
    Ok(visit.settle(Answer::page(&page)))
}

async fn key_form(visit: &Visit, human: &Human, form: Form) -> Result<pages::KeyNew, Answer> {
    let agents = agents_of(visit, human).await?;
    let mut holders: Vec<Choice> =
        agents.iter().map(|agent| Choice::new(agent.id.to_string(), &agent.name)).collect();
    holders.push(Choice::new("", "No agent: a service"));
    let held = |permission: &&Permission| permission.least_key_role().is_some();
    let capability =
        |permission: &Permission| Choice::new(permission.name(), permission.name()).hint(permission.says());
    Ok(pages::KeyNew {
        shell: visit.shell(human, Some(Room::Keys)),
        form,
        agents: holders,
        roles: Role::ALL
            .iter()
            .map(|role| Choice::new(role.name(), role.title()).hint(role.says()))
            .collect(),
        capabilities: Permission::ALL.iter().filter(held).map(capability).collect(),
        lifetimes: LIFETIME_DAYS.iter().map(|(days, words)| Choice::new(days.to_string(), *words)).collect(),
    })
}

/// `GET /keys/new`.
pub(super) async fn key_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let agent = visit.query("agent").unwrap_or_default();
    let form = Form::blank()
        .with("agent", agent.as_str())
        .with("role", Role::Editor.name())
        .with("expires_days", "90");
    let page = key_form(&visit, &human, form).await?;
    Ok(visit.settle(Answer::page(&page)))
}

async fn key_of(posted: &Posted, human: &Human) -> Result<Result<keys::Issued, Problem>, Answer> {
    let visit = &posted.visit;
    let agent = match posted.optional("agent").map(|id| id.parse::<AgentId>()) {
        None => None,
        Some(Ok(id)) => agents_of(visit, human).await?.into_iter().find(|agent| agent.id == id),
        Some(Err(_)) => return Ok(Err(Problem::invalid("/agent", "Choose an agent."))),
    };
    let project = match &agent {
        Some(agent) => Some(agent.project),
        None => projects_of(visit, human).await?.first().map(|(id, _)| *id),
    };
    let at = now(&visit.state);
    let fields = || {
        let days: u64 = posted
            .get("expires_days")
            .parse()
            .map_err(|_| Problem::invalid("/expires_days", "Choose a time."))?;
        let only: BTreeSet<Permission> = posted
            .all("capability")
            .iter()
            .map(|name| name.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| Problem::invalid("/capability", "Choose from the list."))?;
        Ok(NewKey {
            name: Name::parse(posted.get("name").to_owned(), "/name")?,
            project,
            agent: agent.as_ref().map(|agent| agent.id),
            role: posted.get("role").parse().map_err(|_| Problem::invalid("/role", "Choose a role."))?,
            capabilities: (!only.is_empty()).then_some(only),
            expires_at: (days > 0).then(|| at.plus(Duration::from_secs(days * DAY_SECONDS))),
        })
    };
    match fields() {
        Ok(new) => {
            let pass = pass::<CreateKey>(visit, human).await?;
            Ok(keys::create(pass, new).await.map(|(issued, _)| issued))
        }
        Err(problem) => Ok(Err(problem)),
    }
}

/// `POST /keys/new`: the one page that shows the secret.
pub(super) async fn key_create(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    match key_of(&posted, &human).await? {
        Ok(issued) => Ok(created(visit, &human, &issued)),
        Err(problem) => {
            let mut form = posted.form(&["name", "agent", "role", "expires_days"]).refused_by(&problem);
            for capability in posted.all("capability") {
                form = form.with("capability", capability);
            }
            let page = key_form(visit, &human, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn created(visit: &Visit, human: &Human, issued: &keys::Issued) -> Answer {
    let page = pages::KeyCreated {
        shell: visit.shell(human, Some(Room::Keys)),
        kind: NewSecret::ApiKey,
        name: issued.record.name.clone(),
        secret: Secret::new(issued.secret.expose()),
        next: issued.record.agent.map_or_else(|| "/keys".to_owned(), |agent| format!("/agents/{agent}")),
        server_url: visit.site().origin().to_owned(),
    };
    visit.settle(Answer::page(&page))
}

/// `POST /keys/created`: the secret is stored.
pub(super) async fn key_stored(posted: Posted) -> Answer {
    Answer::redirect(posted.return_to().as_deref().unwrap_or("/keys"))
}

async fn confirm_key(visit: &Visit, id: &str, rotate: bool) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: KeyId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let found = keys_of(visit, &human).await?.into_iter().find(|key| key.id == id);
    let key = found.ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let (title, lead, effect, verb, tone) = if rotate {
        (
            format!("Rotate {}", key.name),
            "You get a new key of the same name, role and scope.",
            "The old one goes on working for one hour, so that its holder can change over.",
            "rotate",
            Tone::Accent,
        )
    } else {
        (
            format!("Revoke {}", key.name),
            "There is no way back.",
            "Whatever uses this key stops within a second, on every replica.",
            "revoke",
            Tone::Bad,
        )
    };
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Keys)),
        button: title.clone(),
        title,
        lead: lead.into(),
        effects: vec![effect.into()],
        action: format!("/keys/{id}/{verb}"),
        tone,
        cancel: "/keys".into(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /keys/{id}/revoke`.
pub(super) async fn key_revoke_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    confirm_key(&visit, &id, false).await
}

/// `POST /keys/{id}/revoke`.
pub(super) async fn key_revoke(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: KeyId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<RevokeKey>(visit, &human).await?;
    keys::revoke(pass, id).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/keys").saying(&visit.site().clone(), Said::KeyRevoked))
}

/// `GET /keys/{id}/rotate`.
pub(super) async fn key_rotate_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    confirm_key(&visit, &id, true).await
}

/// `POST /keys/{id}/rotate`.
pub(super) async fn key_rotate(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: KeyId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = pass::<RotateKey>(visit, &human).await?;
    let (issued, _) = keys::rotate(pass, id, None).await.map_err(|problem| visit.refused(&problem))?;
    Ok(created(visit, &human, &issued))
}
