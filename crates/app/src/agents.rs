//! AI agents: principals of their own kind, owned by an organization.

use gates::{Channel, Draft, Pass, Principal, Receipt};
use kernel::{AgentId, EventKind, Problem, ProjectId};
pub use store::agents::{Agent, Maker};

use crate::action;
use crate::input::{Description, Listed, Name, Page};
use crate::projects::project_of;

action! {
    /// Lists agents.
    ListAgents = "agent.list", AgentsRead, Principal, Read
}

action! {
    /// Creates an agent. Not for agents themselves: an agent cannot make another.
    CreateAgent = "agent.create", AgentsManage, Staff, Write
}

action! {
    /// Suspends an agent: every key of it stops working at once.
    SuspendAgent = "agent.suspend", AgentsManage, Staff, Write
}

action! {
    /// Lets a suspended agent work again.
    ResumeAgent = "agent.resume", AgentsManage, Staff, Write
}

/// A page of the agents that the caller reaches: the organization's, or those of the project its key is bound to.
pub async fn list(
    mut pass: Pass<ListAgents>,
    page: Page<AgentId>,
) -> Result<(Listed<Agent, AgentId>, Receipt), Problem> {
    let found = store::agents::list(pass.tx(), page.after, page.rows + 1).await?;
    let listed = Listed::cut(found, page.rows, |agent| agent.id);
    let draft = Draft::done(EventKind::AgentsListed).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft).await?))
}

/// What a new agent is to be.
pub struct NewAgent {
    /// The project it works in; the credential's own when absent, and no other than that.
    pub project: Option<ProjectId>,
    /// Its name, unique in the project.
    pub name: Name,
    /// What it is for.
    pub description: Description,
}

/// Who makes something: known by an account, or by a key the database knows.
pub(crate) fn maker(principal: &Principal) -> Option<Maker> {
    principal.account().map(Maker::Person).or_else(|| principal.key().map(Maker::Service))
}

/// Creates an agent. It belongs to whoever creates it, for those who ask later whose it is.
pub async fn create(mut pass: Pass<CreateAgent>, new: NewAgent) -> Result<(Agent, Receipt), Problem> {
    let project = match project_of(&pass, new.project) {
        Ok(project) => project,
        Err(problem) => return Err(pass.fail(Draft::failed(EventKind::AgentCreated), problem).await),
    };
    let privacy = pass.privacy(Channel::Log);
    let (name, description) = (privacy.text(new.name.raw()), privacy.text(new.description.raw()));
    let vault = pass.vault().clone();
    let (id, at) = (AgentId::new(vault.clock(), vault.rng()), vault.clock().now());
    let created_by = maker(&pass.principal());
    let made = store::agents::create(pass.tx(), (id, created_by), project, &name, &description, at).await;
    if let Err(error) = made {
        return Err(pass.fail(Draft::failed(EventKind::AgentCreated), error.into()).await);
    }
    let draft = Draft::done(EventKind::AgentCreated)
        .subject("agent", id)
        .fact("project", project)
        .fact("name", &name);
    let receipt = pass.seal(draft).await?;
    let (name, description) = (name.into_inner(), description.into_inner());
    let agent = Agent {
        id,
        project,
        name,
        description,
        suspended_at: None,
        created_at: at,
        created_by,
        last_used_at: None,
    };
    Ok((agent, receipt))
}

/// Suspends an agent.
pub async fn suspend(mut pass: Pass<SuspendAgent>, id: AgentId) -> Result<Receipt, Problem> {
    let now = pass.vault().clock().now();
    let found = store::agents::set_suspended(pass.tx(), id, Some(now)).await?;
    if found {
        return pass.seal(Draft::done(EventKind::AgentSuspended).subject("agent", id)).await;
    }
    Err(pass.fail(Draft::failed(EventKind::AgentSuspended), Problem::not_found()).await)
}

/// Lets an agent work again.
pub async fn resume(mut pass: Pass<ResumeAgent>, id: AgentId) -> Result<Receipt, Problem> {
    let found = store::agents::set_suspended(pass.tx(), id, None).await?;
    if found {
        return pass.seal(Draft::done(EventKind::AgentResumed).subject("agent", id)).await;
    }
    Err(pass.fail(Draft::failed(EventKind::AgentResumed), Problem::not_found()).await)
}
