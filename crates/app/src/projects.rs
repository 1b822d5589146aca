//! Projects.

use gates::{Action, Channel, Draft, Pass, Receipt};
use kernel::{EventKind, Problem, ProjectId};
pub use store::projects::Project;

use crate::action;
use crate::input::{Listed, Name, Page};

action! {
    /// Lists projects.
    ListProjects = "project.list", ProjectsRead, Principal, Read
}

action! {
    /// Creates a project.
    CreateProject = "project.create", ProjectsWrite, Principal, Write
}

/// The project that something new belongs to: that of the credential, which no parameter reaches beyond, or for credentials
/// of the whole organization the one that is named.
pub(crate) fn project_of<A: Action>(pass: &Pass<A>, named: Option<ProjectId>) -> Result<ProjectId, Problem> {
    match (pass.project(), named) {
        (Some(own), Some(named)) if named != own => Err(Problem::not_found()),
        (Some(project), _) | (None, Some(project)) => Ok(project),
        (None, None) => {
            Err(Problem::invalid("/project", "This credential has no project of its own, so name one."))
        }
    }
}

/// A page of the organization's projects.
pub async fn list(
    mut pass: Pass<ListProjects>,
    page: Page<ProjectId>,
) -> Result<(Listed<Project, ProjectId>, Receipt), Problem> {
    let found = store::projects::list(pass.tx(), page.after, page.rows + 1).await?;
    let listed = Listed::cut(found, page.rows, |project| project.id);
    let draft = Draft::done(EventKind::ProjectsListed).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft).await?))
}

/// Creates a project.
pub async fn create(mut pass: Pass<CreateProject>, name: Name) -> Result<(Project, Receipt), Problem> {
    let name = pass.privacy(Channel::Log).text(name.raw());
    let vault = pass.vault().clone();
    let (id, at) = (ProjectId::new(vault.clock(), vault.rng()), vault.clock().now());
    if let Err(error) = store::projects::create(pass.tx(), id, &name, at).await {
        return Err(pass.fail(Draft::failed(EventKind::ProjectCreated), error.into()).await);
    }
    let draft = Draft::done(EventKind::ProjectCreated).subject("project", id).fact("name", &name);
    let receipt = pass.seal(draft).await?;
    Ok((Project { id, name: name.into_inner(), created_at: at }, receipt))
}
