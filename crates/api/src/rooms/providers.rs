//! LLM providers.

use app::providers::{CreateProvider, DeleteProvider, ListProviders, create, delete, list};
use axum::extract;
use crypto::Secret;
use kernel::{ProviderId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, Submitted};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListProviders, _>(routes!(get_providers)))
        .routes(of::<CreateProvider, _>(routes!(post_provider)))
        .routes(of::<DeleteProvider, _>(routes!(delete_provider)))
}

/// A configured provider. Its key is never shown.
#[derive(Serialize, ToSchema)]
struct Provider {
    /// Its id.
    id: Uuid,
    /// Its name, unique in the organization; the prefix in `name/model`.
    #[schema(example = "openai")]
    name: String,
    /// Where it is, up to and without `/chat/completions`.
    #[schema(example = "https://api.example.com/v1")]
    base_url: String,
    /// The models it serves; none means whatever is asked for as `name/model`.
    models: Vec<String>,
    /// Whether a key is kept for it.
    has_key: bool,
    /// When it was configured.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<app::providers::Provider> for Provider {
    fn from(provider: app::providers::Provider) -> Self {
        Self {
            id: provider.id.uuid(),
            name: provider.name,
            base_url: provider.base_url,
            models: provider.models,
            has_key: provider.has_key,
            created_at: provider.created_at,
        }
    }
}

/// List providers.
///
/// Answers all providers of the organization; those the operator configured for everybody are not among them.
#[utoipa::path(get, path = "/providers", tag = "providers",
    responses((status = 200, description = "The providers", body = List<Provider>)))]
async fn get_providers(Gate(pass): Gate<ListProviders>) -> Answered<List<Provider>> {
    let (found, receipt) = list(pass).await?;
    Ok(Answer::ok(List::whole(found.into_iter().map(Provider::from).collect()), &receipt))
}

/// A provider to be configured.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProvider {
    /// Its name: 1 to 63 lower-case letters, digits and hyphens, unique in the organization.
    #[schema(min_length = 1, max_length = 63, example = "openai")]
    name: String,
    /// Where it is, up to and without `/chat/completions`.
    #[schema(max_length = 2000, example = "https://api.example.com/v1")]
    base_url: String,
    /// The models it serves; when none is said, whatever is asked for as `name/model`.
    #[serde(default)]
    #[schema(max_items = 500, example = json!(["gpt-4o-mini"]))]
    models: Vec<String>,
    /// Its key. Sealed before it is stored, and never shown again.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4096, write_only, example = "sk-example")]
    key: Option<ProviderKey>,
}

/// A provider's key on its way in.
struct ProviderKey(Secret);

impl<'de> Deserialize<'de> for ProviderKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// Configure a provider.
///
/// Makes a provider known to the organization; calls go to it from the next request on.
#[utoipa::path(post, path = "/providers", tag = "providers",
    request_body(content = NewProvider, example = json!({
        "name": "openai", "base_url": "https://api.example.com/v1", "models": ["gpt-4o-mini"], "key": "sk-example",
    })),
    responses(
        (status = 201, description = "The provider", body = Provider),
        (status = 409, description = "A provider of that name exists already"),
    ))]
async fn post_provider(
    extract::State(state): extract::State<State>,
    Submitted { pass, body }: Submitted<CreateProvider, NewProvider>,
) -> Answered<Provider> {
    let key = body.key.map(|ProviderKey(secret)| secret);
    let new =
        app::providers::NewProvider::parse(&body.name, &body.base_url, &body.models, key, state.url_rules)?;
    let (provider, receipt) = create(pass, new).await?;
    Ok(Answer::created(provider.into(), &receipt))
}

/// Remove a provider.
///
/// Removes a provider and its key. Calls under way are finished.
#[utoipa::path(delete, path = "/providers/{id}", tag = "providers",
    params(("id" = Uuid, Path, description = "The provider")),
    responses((status = 204, description = "It is gone")))]
async fn delete_provider(Gate(pass): Gate<DeleteProvider>, Id(id): Id<ProviderId>) -> Result<Done, Refused> {
    Ok(Done(delete(pass, id).await?))
}
