//! What each role may do, and what is given beside a role.

mod templates;

use app::roles::{ReadRoles, read};
use kernel::{MemberRole, Permission, Role};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::answer::{Answer, Answered};
use crate::describe::of;
use crate::extract::Gate;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(of::<ReadRoles, _>(routes!(get_roles))).merge(templates::routes())
}

/// A role.
#[derive(Serialize, ToSchema)]
struct NamedRole {
    /// Its stable name.
    #[schema(example = "admin")]
    name: &'static str,
    /// Its name as people read it.
    #[schema(example = "Admin")]
    title: &'static str,
    /// What it is for.
    says: &'static str,
}

/// A permission, and the roles that have it.
#[derive(Serialize, ToSchema)]
struct HeldPermission {
    /// Its stable name.
    #[schema(example = "members:manage")]
    name: &'static str,
    /// The part of the product it belongs to.
    #[schema(example = "People")]
    area: &'static str,
    /// What its holder may do.
    says: &'static str,
    /// The roles of members that have it; none: only an override opens it.
    #[schema(example = json!(["admin", "provider_admin"]))]
    member_roles: Vec<&'static str>,
    /// The roles of API keys that have it; none: it is for people alone.
    #[schema(example = json!(["admin", "owner"]))]
    key_roles: Vec<&'static str>,
}

/// The table of roles and permissions.
#[derive(Serialize, ToSchema)]
struct RoleTable {
    /// The roles of members, least first; each has all that the one before it has.
    member_roles: Vec<NamedRole>,
    /// The roles of API keys, least first.
    key_roles: Vec<NamedRole>,
    /// The permissions.
    permissions: Vec<HeldPermission>,
}

/// Read the roles.
///
/// Answers what each role may do: the table that the gates decide by, the same in every organization.
#[utoipa::path(get, path = "/roles", tag = "organization",
    responses((status = 200, description = "The table", body = RoleTable)))]
async fn get_roles(Gate(pass): Gate<ReadRoles>) -> Answered<RoleTable> {
    let receipt = read(pass).await?;
    let said = |name, title, says| NamedRole { name, title, says };
    let member = |role: &MemberRole| said(role.name(), role.title(), role.says());
    let key = |role: &Role| said(role.name(), role.title(), role.says());
    let permission = |one: &Permission| HeldPermission {
        name: one.name(),
        area: one.area(),
        says: one.says(),
        member_roles: MemberRole::ALL.iter().filter(|role| role.has(*one)).map(|role| role.name()).collect(),
        key_roles: Role::ALL.iter().filter(|role| role.has(*one)).map(|role| role.name()).collect(),
    };
    let body = RoleTable {
        member_roles: MemberRole::ALL.iter().map(member).collect(),
        key_roles: Role::ALL.iter().map(key).collect(),
        permissions: Permission::ALL.iter().map(permission).collect(),
    };
    Ok(Answer::ok(body, &receipt))
}
