//! AI agents.

use app::agents::{CreateAgent, ListAgents, Maker, ResumeAgent, SuspendAgent, create, list, resume, suspend};
use app::input::{Description, Name};
use http::Uri;
use kernel::{AgentId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, PageQuery, Submitted, query};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListAgents, _>(routes!(get_agents)))
        .routes(of::<CreateAgent, _>(routes!(post_agent)))
        .routes(of::<SuspendAgent, _>(routes!(post_suspend)))
        .routes(of::<ResumeAgent, _>(routes!(post_resume)))
}

/// An AI agent: a principal of its own kind, known by the keys issued to it.
#[derive(Serialize, ToSchema)]
struct Agent {
    /// Its id.
    id: Uuid,
    /// The project it works in.
    project: Uuid,
    /// Its name, unique in the project.
    #[schema(example = "invoice-reader")]
    name: String,
    /// What it is for.
    description: String,
    /// Since when it is suspended; null while it may work.
    #[schema(value_type = Option<String>, format = DateTime)]
    suspended_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who made it; null for an organization's first agent.
    created_by: Option<CreatedBy>,
    /// When one of its keys, or a token made with one, was last used, to the minute; null when none ever was.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

/// Whoever made an agent, and answers for it.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedBy {
    /// What they are: human or service.
    #[schema(example = "human")]
    kind: &'static str,
    /// A person's account, or a service's key.
    id: Uuid,
}

impl From<Maker> for CreatedBy {
    fn from(maker: Maker) -> Self {
        match maker {
            Maker::Person(account) => Self { kind: "human", id: account.uuid() },
            Maker::Service(key) => Self { kind: "service", id: key.uuid() },
        }
    }
}

impl From<app::agents::Agent> for Agent {
    fn from(agent: app::agents::Agent) -> Self {
        Self {
            id: agent.id.uuid(),
            project: agent.project.uuid(),
            name: agent.name,
            description: agent.description,
            suspended_at: agent.suspended_at,
            created_at: agent.created_at,
            created_by: agent.created_by.map(CreatedBy::from),
            last_used_at: agent.last_used_at,
        }
    }
}

/// List agents.
///
/// Answers the organization's agents, oldest first. A key sees those of its own project.
#[utoipa::path(get, path = "/agents", tag = "agents", params(PageQuery),
    responses((status = 200, description = "A page of agents", body = List<Agent>)))]
async fn get_agents(Gate(pass): Gate<ListAgents>, uri: Uri) -> Answered<List<Agent>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = list(pass, page).await?;
    Ok(Answer::ok(List::of(listed, Agent::from, AgentId::uuid), &receipt))
}

/// What a new agent is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAgent {
    /// Its name: 1 to 100 characters, unique in the project.
    #[schema(min_length = 1, max_length = 100, example = "invoice-reader")]
    name: String,
    /// What it is for: at most 2000 characters.
    #[serde(default)]
    #[schema(max_length = 2000, example = "Reads invoices and proposes bookings.")]
    description: String,
    /// The project it works in; that of the credential when not said. A key makes agents of its own project only.
    #[serde(default)]
    project: Option<Uuid>,
}

/// Create an agent.
///
/// Makes an agent; issue it a key to let it work. Agents cannot make agents.
#[utoipa::path(post, path = "/agents", tag = "agents",
    request_body(content = NewAgent, example = json!({
        "name": "invoice-reader", "description": "Reads invoices and proposes bookings.",
    })),
    responses(
        (status = 201, description = "The agent", body = Agent),
        (status = 404, description = "There is no such project"),
        (status = 409, description = "An agent of that name exists already"),
    ))]
async fn post_agent(Submitted { pass, body }: Submitted<CreateAgent, NewAgent>) -> Answered<Agent> {
    let new = app::agents::NewAgent {
        project: body.project.map(ProjectId::from_uuid),
        name: Name::parse(body.name, "/name")?,
        description: Description::parse(body.description, "/description")?,
    };
    let (agent, receipt) = create(pass, new).await?;
    Ok(Answer::created(agent.into(), &receipt))
}

/// Suspend an agent.
///
/// Every key of the agent stops working at once, on every replica within a second.
#[utoipa::path(post, path = "/agents/{id}/suspend", tag = "agents",
    params(("id" = Uuid, Path, description = "The agent")),
    responses((status = 204, description = "It is suspended")))]
async fn post_suspend(Gate(pass): Gate<SuspendAgent>, Id(id): Id<AgentId>) -> Result<Done, Refused> {
    Ok(Done(suspend(pass, id).await?))
}

/// Resume an agent.
///
/// Lets a suspended agent work again with the keys it has.
#[utoipa::path(post, path = "/agents/{id}/resume", tag = "agents",
    params(("id" = Uuid, Path, description = "The agent")),
    responses((status = 204, description = "It may work")))]
async fn post_resume(Gate(pass): Gate<ResumeAgent>, Id(id): Id<AgentId>) -> Result<Done, Refused> {
    Ok(Done(resume(pass, id).await?))
}
