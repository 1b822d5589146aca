//! The organization, and who one is.

use app::organizations::{ReadOrganization, WhoAmI, read, who_am_i};
use kernel::{Permission, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered};
use crate::describe::of;
use crate::extract::Gate;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<WhoAmI, _>(routes!(get_whoami)))
        .routes(of::<ReadOrganization, _>(routes!(get_organization)))
}

/// Who the credential makes its holder, and what it may do.
#[derive(Serialize, ToSchema)]
struct WhoAmIAnswer {
    /// The kind of caller: human, agent or service.
    #[schema(example = "agent")]
    kind: &'static str,
    /// The name of the credential.
    name: String,
    /// The organization.
    organization: Uuid,
    /// The project the credential is bound to.
    project: Option<Uuid>,
    /// The agent, when the caller is one.
    agent: Option<Uuid>,
    /// The person an agent acts for, when its token says so.
    acting_for: Option<Uuid>,
    /// The API key, when it is one kept in the database.
    key: Option<Uuid>,
    /// The role.
    #[schema(example = "editor")]
    role: &'static str,
    /// Every permission held.
    permissions: Vec<&'static str>,
}

/// Say who is calling.
///
/// Answers what the server knows of the credential: its kind, its organization, its permissions.
#[utoipa::path(get, path = "/whoami", tag = "organization",
    responses((status = 200, description = "The caller", body = WhoAmIAnswer)))]
async fn get_whoami(Gate(pass): Gate<WhoAmI>) -> Answered<WhoAmIAnswer> {
    let (principal, receipt) = who_am_i(pass).await?;
    let body = WhoAmIAnswer {
        kind: principal.kind(),
        name: principal.name().to_owned(),
        organization: principal.tenant().uuid(),
        project: principal.project().map(kernel::ProjectId::uuid),
        agent: principal.agent().map(kernel::AgentId::uuid),
        acting_for: principal.acting_for().map(kernel::AccountId::uuid),
        key: principal.key().map(kernel::KeyId::uuid),
        role: principal.capabilities().rank().name(),
        permissions: principal.capabilities().held().map(Permission::name).collect(),
    };
    Ok(Answer::ok(body, &receipt))
}

/// An organization: the tenant whose data nobody else sees.
#[derive(Serialize, ToSchema)]
struct Organization {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Read the organization.
///
/// Answers the record of the organization the credential belongs to.
#[utoipa::path(get, path = "/organization", tag = "organization",
    responses((status = 200, description = "The organization", body = Organization, example = json!({
        "id": "019a0000-0000-7000-8000-000000000000",
        "name": "Example",
        "created_at": "2026-01-01T12:00:00.000000Z",
    }))))]
async fn get_organization(Gate(pass): Gate<ReadOrganization>) -> Answered<Organization> {
    let (found, receipt) = read(pass).await?;
    let body = Organization { id: found.id.uuid(), name: found.name, created_at: found.created_at };
    Ok(Answer::ok(body, &receipt))
}
