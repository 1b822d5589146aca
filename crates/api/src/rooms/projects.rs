//! Projects.

use app::input::Name;
use app::projects::{CreateProject, ListProjects, create, list};
use http::Uri;
use kernel::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, List};
use crate::describe::of;
use crate::extract::{Gate, PageQuery, Submitted, query};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListProjects, _>(routes!(get_projects)))
        .routes(of::<CreateProject, _>(routes!(post_project)))
}

/// A project inside the organization.
#[derive(Serialize, ToSchema)]
struct Project {
    /// Its id.
    id: Uuid,
    /// Its name, unique in the organization.
    #[schema(example = "billing")]
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<app::projects::Project> for Project {
    fn from(project: app::projects::Project) -> Self {
        Self { id: project.id.uuid(), name: project.name, created_at: project.created_at }
    }
}

/// List projects.
///
/// Answers the organization's projects, oldest first.
#[utoipa::path(get, path = "/projects", tag = "projects", params(PageQuery),
    responses((status = 200, description = "A page of projects", body = List<Project>)))]
async fn get_projects(Gate(pass): Gate<ListProjects>, uri: Uri) -> Answered<List<Project>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = list(pass, page).await?;
    Ok(Answer::ok(List::of(listed, Project::from, ProjectId::uuid), &receipt))
}

/// What a new project is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProject {
    /// Its name: 1 to 100 characters, unique in the organization.
    #[schema(min_length = 1, max_length = 100, example = "billing")]
    name: String,
}

/// Create a project.
///
/// Makes a project. Personal data in its name is replaced under the organization's policy.
#[utoipa::path(post, path = "/projects", tag = "projects",
    request_body(content = NewProject, example = json!({"name": "billing"})),
    responses(
        (status = 201, description = "The project", body = Project),
        (status = 409, description = "A project of that name exists already"),
    ))]
async fn post_project(Submitted { pass, body }: Submitted<CreateProject, NewProject>) -> Answered<Project> {
    let (project, receipt) = create(pass, Name::parse(body.name, "/name")?).await?;
    Ok(Answer::created(project.into(), &receipt))
}
