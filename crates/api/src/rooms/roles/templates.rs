//! Templates of roles, and what is given beside a role.

use app::roles::{
    ChangeTemplate, CreateTemplate, DeleteTemplate, GiveRole, ListGrants, ListTemplates, NewTemplate,
    ReadMemberPermissions, Subject, TakeRole, change_template, create_template, delete_template, give,
    list_grants, list_templates, of_members, take,
};
use gates::{Holders, Template};
use http::Uri;
use kernel::{AccountId, MemberRole, Permission, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Ids, PageQuery, Segment, Submitted, id, query};
use crate::http::Refused;

/// Most grants of a page.
const GRANTS_PAGE_MAX: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListTemplates, _>(routes!(get_templates)))
        .routes(of::<CreateTemplate, _>(routes!(post_template)))
        .routes(of::<ChangeTemplate, _>(routes!(put_template)))
        .routes(of::<DeleteTemplate, _>(routes!(delete_one)))
        .routes(of::<ListGrants, _>(routes!(get_grants)))
        .routes(of::<GiveRole, _>(routes!(post_grant)))
        .routes(of::<TakeRole, _>(routes!(delete_grant)))
        .routes(of::<ReadMemberPermissions, _>(routes!(get_member_permissions)))
}

/// A named bundle of permissions.
#[derive(Serialize, ToSchema)]
struct RoleTemplate {
    /// Its name.
    #[schema(example = "auditor")]
    name: String,
    /// Whose it can be: `person` or `key`.
    #[schema(example = "person")]
    holders: String,
    /// Whether it is the product's own, the same in every organization.
    built_in: bool,
    /// Its name as people read it.
    #[schema(example = "Auditor")]
    title: String,
    /// What it is for.
    says: String,
    /// What it carries.
    #[schema(example = json!(["audit:read", "audit:export"]))]
    permissions: Vec<String>,
    /// The SHA-256 of its canonical JSON (RFC 8785), in hex.
    sha256: String,
    /// Whether it is what it was written as: `none`, `changed` past the product, or `foreign`: of another program.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<&'static str>,
    /// The policy pack it came with, by name; null when the organization made it. While that pack is in force, only another
    /// version of it changes the template.
    #[schema(example = json!(null))]
    from_pack: Option<String>,
    /// How many hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<i64>,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// Every template, and how far the relations are from them.
#[derive(Serialize, ToSchema)]
struct RoleTemplates {
    /// The product's, then the organization's own, by name.
    data: Vec<RoleTemplate>,
    /// Whether nothing was changed past the product.
    sound: bool,
    /// Relations that are missing.
    missing_tuples: i64,
    /// Relations that nothing explains.
    extra_tuples: i64,
}

impl RoleTemplate {
    fn written(template: &Template, changed_at: Timestamp) -> Self {
        Self {
            name: template.name.clone(),
            holders: template.holders.relation().to_owned(),
            built_in: false,
            title: template.title.clone(),
            says: template.says.clone(),
            permissions: template.permissions.iter().map(|each| each.name().to_owned()).collect(),
            sha256: crypto::hex(&template.sha256),
            drift: None,
            from_pack: None,
            held_by: None,
            changed_at,
        }
    }
}

/// List the templates of roles.
///
/// Answers the product's roles and the organization's own templates, each with the hash of its canonical form, and whether
/// anything was changed past the product (*drift*).
#[utoipa::path(get, path = "/roles/templates", tag = "organization",
    responses((status = 200, description = "The templates", body = RoleTemplates)))]
async fn get_templates(Gate(pass): Gate<ListTemplates>) -> Answered<RoleTemplates> {
    let (found, receipt) = list_templates(pass).await?;
    let sound = found.is_sound();
    let (missing_tuples, extra_tuples) = (found.missing, found.extra);
    let data = found.items.into_iter().map(|(template, drift)| RoleTemplate {
        name: template.name,
        holders: template.holders,
        built_in: template.built_in,
        title: template.title,
        says: template.says,
        permissions: template.permissions,
        sha256: crypto::hex(&template.sha256),
        drift: Some(drift.name()),
        from_pack: template.from_pack,
        held_by: Some(template.held_by),
        changed_at: template.changed_at,
    });
    let body = RoleTemplates { data: data.collect(), sound, missing_tuples, extra_tuples };
    Ok(Answer::ok(body, &receipt))
}

/// What a template is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WantedTemplate {
    /// Its name: 2 to 50 lower-case letters, digits, `-` and `_`, beginning with a letter.
    #[schema(example = "auditor")]
    name: String,
    /// Whose it can be: `person` or `key`.
    #[schema(example = "person")]
    holders: String,
    /// Its name as people read it.
    #[schema(min_length = 1, max_length = 100, example = "Auditor")]
    title: String,
    /// What it is for, at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500, example = "Sees the log and takes it away.")]
    says: String,
    /// What it carries; nothing its maker does not hold.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 64, example = json!(["audit:read", "audit:export"]))]
    permissions: Vec<Permission>,
}

/// What a template is to be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedTemplate {
    /// Its name as people read it.
    #[schema(min_length = 1, max_length = 100, example = "Auditor")]
    title: String,
    /// What it is for, at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500, example = "Sees the log.")]
    says: String,
    /// What it carries; nothing its maker does not hold.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 64, example = json!(["audit:read"]))]
    permissions: Vec<Permission>,
}

/// Make a template.
///
/// Makes a named bundle of permissions that can be given to members or API keys beside their role. Nobody makes one with a
/// permission they do not hold.
#[utoipa::path(post, path = "/roles/templates", tag = "organization",
    request_body(content = WantedTemplate, example = json!({"name": "auditor", "holders": "person", "title": "Auditor",
        "says": "Sees the log and takes it away.", "permissions": ["audit:read", "audit:export"]})),
    responses(
        (status = 201, description = "The template", body = RoleTemplate),
        (status = 409, description = "There is a template of that name, or too many"),
    ))]
async fn post_template(
    Submitted { pass, body }: Submitted<CreateTemplate, WantedTemplate>,
) -> Answered<RoleTemplate> {
    let Some(holders) = Holders::parse(&body.holders) else {
        return Err(Problem::invalid("/holders", "Expected person or key.").into());
    };
    let (name, title, says, permissions) = (body.name, body.title, body.says, body.permissions);
    let new = NewTemplate { name, holders, title, says, permissions };
    let (template, at, receipt) = create_template(pass, new).await?;
    Ok(Answer::created(RoleTemplate::written(&template, at), &receipt))
}

/// Change a template.
///
/// Changes what one of the organization's own templates carries, for everybody who holds it, within a second on every
/// replica. Nobody changes one that carries more than they hold.
#[utoipa::path(put, path = "/roles/templates/{name}", tag = "organization",
    params(("name" = String, Path, description = "The template's name")),
    request_body(content = ChangedTemplate, example = json!({"title": "Auditor", "says": "Sees the log.",
        "permissions": ["audit:read"]})),
    responses(
        (status = 200, description = "The template", body = RoleTemplate),
        (status = 409, description = "It is the product's"),
    ))]
async fn put_template(
    Segment(name): Segment,
    Submitted { pass, body }: Submitted<ChangeTemplate, ChangedTemplate>,
) -> Answered<RoleTemplate> {
    let ChangedTemplate { title, says, permissions } = body;
    let new = NewTemplate { name, holders: Holders::People, title, says, permissions };
    let (template, at, receipt) = change_template(pass, new).await?;
    Ok(Answer::ok(RoleTemplate::written(&template, at), &receipt))
}

/// Remove a template.
///
/// Removes one of the organization's own templates, and takes it from everybody who holds it.
#[utoipa::path(delete, path = "/roles/templates/{name}", tag = "organization",
    params(("name" = String, Path, description = "The template's name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "It is the product's"),
    ))]
async fn delete_one(Gate(pass): Gate<DeleteTemplate>, Segment(name): Segment) -> Result<Done, Refused> {
    Ok(Done(delete_template(pass, &name).await?))
}

/// What somebody was given beside their role.
#[derive(Serialize, ToSchema)]
struct RoleGrant {
    /// To whom: `user:<account>`, `api_key:<key>` or `agent:<agent>`.
    #[schema(example = "user:019a0000-0000-7000-8000-000000000000")]
    subject: String,
    /// A template's name, or `mcp_access`.
    #[schema(example = "auditor")]
    grants: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    given_at: Timestamp,
}

/// What was given.
#[derive(Serialize, ToSchema)]
struct RoleGrants {
    /// By whom it was given to.
    data: Vec<RoleGrant>,
    /// What to send as `after` for the next page; null at the end.
    next: Option<String>,
}

/// Which grants are asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct GrantsQuery {
    /// Those of this subject alone.
    #[param(example = "user:019a0000-0000-7000-8000-000000000000")]
    subject: Option<String>,
    /// Where the page before ended.
    after: Option<String>,
}

/// List what was given.
///
/// Answers what members, keys and agents were given beside their roles.
#[utoipa::path(get, path = "/roles/grants", tag = "organization", params(GrantsQuery),
    responses((status = 200, description = "A page of grants", body = RoleGrants)))]
async fn get_grants(Gate(pass): Gate<ListGrants>, uri: Uri) -> Answered<RoleGrants> {
    let asked = query::<GrantsQuery>(&uri)?;
    let parse = |text: &str, pointer| {
        text.parse::<Subject>().map_err(|error| Problem::invalid(pointer, error.to_string()))
    };
    let subject = asked.subject.as_deref().map(|text| parse(text, "/subject")).transpose()?;
    let after = match asked.after.as_deref() {
        None => None,
        Some(text) => {
            let (subject, grants) = text.split_once('/').unwrap_or((text, ""));
            Some((parse(subject, "/after")?, grants.to_owned()))
        }
    };
    let (found, receipt) = list_grants(pass, subject, after, GRANTS_PAGE_MAX).await?;
    let full = i64::try_from(found.len()).is_ok_and(|rows| rows >= GRANTS_PAGE_MAX);
    let last = found.last().filter(|_| full);
    let next = last.map(|grant| format!("{}/{}", grant.subject, grant.grants));
    let grant = |each: app::roles::Grant| RoleGrant {
        subject: each.subject,
        grants: each.grants,
        given_at: each.given_at,
    };
    Ok(Answer::ok(RoleGrants { data: found.into_iter().map(grant).collect(), next }, &receipt))
}

/// What is to be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGrant {
    /// The name of one of the organization's own templates, or `mcp_access`.
    #[schema(example = "auditor")]
    grants: String,
}

/// Give a template.
///
/// Gives somebody one of the organization's own templates beside their role, or access to the MCP endpoint, which comes with
/// no role. Nobody gives what they do not hold. It holds on every replica within a second.
#[utoipa::path(post, path = "/roles/grants/{subject}", tag = "organization",
    params(("subject" = String, Path, description = "To whom: user:<account>, api_key:<key> or agent:<agent>",
        example = "user:019a0000-0000-7000-8000-000000000000")),
    request_body(content = NewGrant, example = json!({"grants": "mcp_access"})),
    responses((status = 204, description = "They have it")))]
async fn post_grant(
    Segment(subject): Segment,
    Submitted { pass, body }: Submitted<GiveRole, NewGrant>,
) -> Result<Done, Refused> {
    let subject: Subject = id(&subject)?;
    let (_, receipt) = give(pass, subject, &body.grants).await?;
    Ok(Done(receipt))
}

/// Take back what was given.
///
/// It is gone on every replica within a second.
#[utoipa::path(delete, path = "/roles/grants/{subject}/{grants}", tag = "organization",
    params(
        ("subject" = String, Path, description = "Whose it is",
            example = "user:019a0000-0000-7000-8000-000000000000"),
        ("grants" = String, Path, description = "What was given", example = "auditor"),
    ),
    responses((status = 204, description = "They no longer have it")))]
async fn delete_grant(
    Gate(pass): Gate<TakeRole>,
    Ids(subject, grants): Ids<Subject, String>,
) -> Result<Done, Refused> {
    Ok(Done(take(pass, subject, &grants).await?))
}

/// What a member may do.
#[derive(Serialize, ToSchema)]
struct MemberPermissions {
    /// The member's account.
    id: Uuid,
    /// Their role.
    #[schema(value_type = String, example = "member")]
    role: MemberRole,
    /// What they were given beside it.
    #[schema(example = json!(["auditor"]))]
    given: Vec<String>,
    /// What the gates would let them do.
    #[schema(example = json!(["organization:read", "projects:read"]))]
    permissions: Vec<&'static str>,
}

/// List what members may do.
///
/// Answers, for a page of members, every permission that the gates would find they hold now: by their role and by what they
/// were given. An override that is open is not counted.
#[utoipa::path(get, path = "/members/permissions", tag = "members", params(PageQuery),
    responses((status = 200, description = "A page of members", body = List<MemberPermissions>)))]
async fn get_member_permissions(
    Gate(pass): Gate<ReadMemberPermissions>,
    uri: Uri,
) -> Answered<List<MemberPermissions>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = of_members(pass, page).await?;
    let each = |one: app::roles::Standing| MemberPermissions {
        id: one.member.account.uuid(),
        role: one.member.role,
        given: one.given,
        permissions: one.held.iter().map(Permission::name).collect(),
    };
    Ok(Answer::ok(List::of(listed, each, AccountId::uuid), &receipt))
}
