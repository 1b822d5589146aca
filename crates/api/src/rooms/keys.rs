//! API keys.

use std::collections::BTreeSet;

use app::input::Name;
use app::keys::{
    CreateKey, Issued, ListKeys, RevokeKey, RotateKey, RotateOwnKey, create, list, revoke, rotate, rotate_own,
};
use http::Uri;
use kernel::{AgentId, KeyId, Permission, ProjectId, Role, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, PageQuery, Segment, Submitted, id, query};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListKeys, _>(routes!(get_keys)))
        .routes(of::<CreateKey, _>(routes!(post_key)))
        .routes(of::<RotateOwnKey, _>(routes!(post_rotate_own)))
        .routes(of::<RotateKey, _>(routes!(post_rotate)))
        .routes(of::<RevokeKey, _>(routes!(delete_key)))
}

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
struct Key {
    /// Its id.
    id: Uuid,
    /// Its name.
    #[schema(example = "continuous integration")]
    name: String,
    /// The project it is bound to.
    project: Uuid,
    /// The agent its holder is; null for a service.
    agent: Option<Uuid>,
    /// Its role: reader, editor, admin or owner.
    #[schema(example = "editor")]
    role: String,
    /// The permissions it has of its role; null for all of them.
    capabilities: Option<Vec<String>>,
    /// How the secret begins.
    #[schema(example = "pcl_live_8Jx2")]
    hint: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it stops working by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// The key that replaces it.
    replaced_by: Option<Uuid>,
    /// When it was last used, to the minute; null when it never was. A use shows within ten seconds.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl From<app::keys::Key> for Key {
    fn from(key: app::keys::Key) -> Self {
        Self {
            id: key.id.uuid(),
            name: key.name,
            project: key.project.uuid(),
            agent: key.agent.map(AgentId::uuid),
            role: key.role,
            capabilities: key.capabilities,
            hint: key.hint,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            replaced_by: key.replaced_by.map(KeyId::uuid),
            last_used_at: key.last_used_at,
        }
    }
}

/// A key just issued. Its secret is shown this once and kept nowhere.
#[derive(Serialize, ToSchema)]
struct IssuedKey {
    /// The key itself; send it as `Authorization: Bearer …`.
    #[schema(value_type = String, example = "pcl_live_…")]
    secret: Shown,
    /// Its record.
    #[serde(flatten)]
    key: Key,
}

/// The secret on its way into the one answer that shows it.
struct Shown(crypto::ApiKey);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl From<Issued> for IssuedKey {
    fn from(issued: Issued) -> Self {
        Self { secret: Shown(issued.secret), key: issued.record.into() }
    }
}

/// List keys.
///
/// Answers the organization's API keys, oldest first; their secrets are kept nowhere. A key sees those of its own project.
#[utoipa::path(get, path = "/keys", tag = "keys", params(PageQuery),
    responses((status = 200, description = "A page of keys", body = List<Key>)))]
async fn get_keys(Gate(pass): Gate<ListKeys>, uri: Uri) -> Answered<List<Key>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = list(pass, page).await?;
    Ok(Answer::ok(List::of(listed, Key::from, KeyId::uuid), &receipt))
}

/// What a new key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// Its name: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "continuous integration")]
    name: String,
    /// Its role: reader, editor, admin or owner.
    #[schema(value_type = String, example = "editor")]
    role: Role,
    /// The permissions it has of its role; all of them when not said.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["models:read", "models:invoke"]))]
    capabilities: Option<BTreeSet<Permission>>,
    /// The project it is bound to; that of the credential when not said. A key issues keys of its own project only.
    #[serde(default)]
    project: Option<Uuid>,
    /// The agent its holder will be; a service when not said.
    #[serde(default)]
    agent: Option<Uuid>,
    /// When it stops working by itself; never when not said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Issue a key.
///
/// Makes an API key and shows it this once. A key may not do more than the key that issues it, and agents issue none.
#[utoipa::path(post, path = "/keys", tag = "keys",
    request_body(content = NewKey, example = json!({"name": "continuous integration", "role": "reader"})),
    responses(
        (status = 201, description = "The key, with its secret", body = IssuedKey),
        (status = 404, description = "There is no such project or agent"),
    ))]
async fn post_key(Submitted { pass, body }: Submitted<CreateKey, NewKey>) -> Answered<IssuedKey> {
    let new = app::keys::NewKey {
        name: Name::parse(body.name, "/name")?,
        project: body.project.map(ProjectId::from_uuid),
        agent: body.agent.map(AgentId::from_uuid),
        role: body.role,
        capabilities: body.capabilities,
        expires_at: body.expires_at,
    };
    let (issued, receipt) = create(pass, new).await?;
    Ok(Answer::created(issued.into(), &receipt))
}

/// How to change over to the new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// How long the old key goes on working, in seconds, up to 7 days; one hour when not said.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604_800, example = 3600)]
    overlap_seconds: Option<i64>,
}

/// Rotate a key.
///
/// Issues a key of the same name, role and scope. The old one goes on working for the overlap, then stops.
#[utoipa::path(post, path = "/keys/{id}/rotate", tag = "keys",
    params(("id" = Uuid, Path, description = "The key to replace")),
    request_body(content = Rotation, example = json!({"overlap_seconds": 3600})),
    responses(
        (status = 201, description = "The new key, with its secret", body = IssuedKey),
        (status = 409, description = "The key is revoked, expired or replaced already"),
    ))]
async fn post_rotate(
    Segment(key): Segment,
    Submitted { pass, body }: Submitted<RotateKey, Rotation>,
) -> Answered<IssuedKey> {
    let id: KeyId = id(&key)?;
    let (issued, receipt) = rotate(pass, id, body.overlap_seconds).await?;
    Ok(Answer::created(issued.into(), &receipt))
}

/// Rotate the key in use.
///
/// Replaces the very key the request was made with; its holder, an agent too, needs nobody's help for that.
#[utoipa::path(post, path = "/keys/current/rotate", tag = "keys",
    request_body(content = Rotation, example = json!({"overlap_seconds": 3600})),
    responses(
        (status = 201, description = "The new key, with its secret", body = IssuedKey),
        (status = 409, description = "The credential is no key that is kept here"),
    ))]
async fn post_rotate_own(Submitted { pass, body }: Submitted<RotateOwnKey, Rotation>) -> Answered<IssuedKey> {
    let (issued, receipt) = rotate_own(pass, body.overlap_seconds).await?;
    Ok(Answer::created(issued.into(), &receipt))
}

/// Revoke a key.
///
/// The key stops working at once, on every replica within a second. There is no way back.
#[utoipa::path(delete, path = "/keys/{id}", tag = "keys",
    params(("id" = Uuid, Path, description = "The key")),
    responses((status = 204, description = "It is revoked")))]
async fn delete_key(Gate(pass): Gate<RevokeKey>, Id(id): Id<KeyId>) -> Result<Done, Refused> {
    Ok(Done(revoke(pass, id).await?))
}
