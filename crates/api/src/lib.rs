//! The control plane, `/api/v1`, its OpenAPI description, and the HTTP manners every face shares.
//!
//! Architecture invariants: a face translates and never decides. Nothing here opens a transaction, seals an entry or
//! knows SQL; what the house does is said in `app`. What the description says of an operation it takes from the
//! operation's action.

mod answer;
mod cookies;
mod describe;
mod docs;
mod extract;
mod gateway;
pub mod http;
mod oauth;
mod record;
mod relations;
mod rooms;
mod secrets;
mod tokens;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use app::accounts::Accounts;
use app::audit::jobs::Sequencer;
use app::audit::{Receipts, Tails};
use app::mail::Post;
use app::providers::UrlRules;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use gates::Vault;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

/// What the control plane works with.
#[derive(Clone)]
pub struct State {
    vault: Arc<Vault>,
    accounts: Accounts,
    origins: Arc<[http::CorsOrigin]>,
    post: Post,
    sequencer: Sequencer,
    receipts: Receipts,
    tails: Tails,
    url_rules: UrlRules,
    security_contact: Option<Arc<str>>,
    webhook_rules: UrlRules,
}

impl State {
    /// `accounts` are the doors for people; `sequencer` signs checkpoints on demand; `url_rules` says where tenants'
    /// providers may be; pages of `origins` may sign people in besides this server's own.
    pub fn new(
        accounts: Accounts,
        sequencer: Sequencer,
        url_rules: UrlRules,
        origins: &[http::CorsOrigin],
    ) -> Self {
        let (vault, post) = (Arc::clone(accounts.vault()), accounts.post());
        let tails = Tails::new(Arc::clone(&vault));
        let receipts = Receipts::new(sequencer.clone());
        let (origins, webhook_rules) = (origins.into(), UrlRules::default());
        Self {
            vault,
            accounts,
            origins,
            post,
            sequencer,
            receipts,
            tails,
            url_rules,
            webhook_rules,
            security_contact: None,
        }
    }

    /// With these listeners to the logs, whom somebody else can tell to go.
    #[must_use]
    pub fn with_tails(self, tails: Tails) -> Self {
        Self { tails, ..self }
    }

    /// The same, with the keys for receipts that other faces hold too.
    #[must_use]
    pub fn with_receipts(self, receipts: Receipts) -> Self {
        Self { receipts, ..self }
    }

    /// The same, where webhooks may be sent to more than public addresses by TLS.
    #[must_use]
    pub fn with_webhooks(self, webhook_rules: UrlRules) -> Self {
        Self { webhook_rules, ..self }
    }

    /// The same, with whom to tell of a weakness of this installation: a URI (RFC 9116 §2.5.3).
    #[must_use]
    pub fn with_security_contact(self, contact: Option<&str>) -> Self {
        Self { security_contact: contact.map(Arc::from), ..self }
    }
}

impl FromRef<State> for Arc<Vault> {
    fn from_ref(state: &State) -> Self {
        Self::clone(&state.vault)
    }
}

/// Where the control plane's paths begin.
const BASE: &str = "/api/v1";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Portcullis",
        description = "One server between people, AI agents, LLM providers, tools and data. Every request passes five \
                       gates: identity, token, tenancy, privacy, audit. Send an API key, or a person's access token, as Authorization: Bearer …. \
                       Refusals are problems (RFC 9457); under /v1/ they have the shape of the OpenAI API, under /fga/ that of OpenFGA's.",
    ),
    components(schemas(http::ProblemBody<'static>, http::FieldProblem, http::OAuthErrorBody<'static>)),
    tags(
        (name = "gateway", description = "The LLM endpoint: point any SDK of the OpenAI API at it."),
        (name = "relations", description = "Who may do what: OpenFGA's API, for its SDKs and its command, under the URL of this server and /fga."),
        (name = "organization", description = "Who is calling, for whom, and what the organization asks of its members."),
        (name = "members", description = "The people of the organization, and those who are invited."),
        (name = "auth", description = "How people come in, stay in and go: no credential is needed for most of it."),
        (name = "oauth", description = "Tokens for agents, asked about and called back, and what others need to verify them: \
                       RFC 6749, 8693, 7662, 7009, 8414, 7517."),
        (name = "account", description = "What is a person's own, wherever they work."),
        (name = "sessions", description = "Where a person is signed in, and in which organization."),
        (name = "projects", description = "Parts of an organization."),
        (name = "agents", description = "AI agents, principals of their own kind."),
        (name = "keys", description = "API keys: shown once, kept as a hash."),
        (name = "providers", description = "Whom the organization's calls may go to."),
        (name = "policies", description = "What may be said."),
        (name = "audit", description = "The tamper-evident log."),
        (name = "webhooks", description = "Where the organization is told of its events (Standard Webhooks)."),
        (name = "evidence", description = "What the log shows for the controls of a framework, signed, to be taken away."),
        (name = "break-glass", description = "Overrides: for a reason, for a while, reviewed afterwards."),
        (name = "operations", description = "Health and description of this server; no key needed."),
    ),
)]
struct Description;

fn described() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(Description::openapi())
        .nest(BASE, rooms::routes())
        .merge(rooms::operations::routes())
        .merge(rooms::security_txt::routes())
        .merge(oauth::routes())
}

/// The control plane, `/health`, `/ready`, `/openapi.json`, `/docs` and `/problems`. Wrap it, together with the other
/// faces, in [`http::layers`].
pub fn router(state: State) -> Router {
    let (router, _) = described().split_for_parts();
    let recorded = from_fn_with_state(Arc::clone(&state.vault), record::refusals);
    router.layer(recorded).merge(docs::routes(&openapi())).with_state(state)
}

/// The description of every operation of this server, the gateway's included.
pub fn openapi() -> OpenApi {
    let (_, mut api) = described().split_for_parts();
    env!("CARGO_PKG_VERSION").clone_into(&mut api.info.version);
    api.info.license = Some(utoipa::openapi::License::new("Apache-2.0"));
    gateway::describe(&mut api);
    relations::describe(&mut api);
    describe::spell_paths(&mut api.paths);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("pcl_<env>_<random><crc>")
        .description(Some("An API key of this server, or an access token: see the tag auth."))
        .build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(describe::BEARER, SecurityScheme::Http(bearer));
    let client = HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some(
        "An agent as an OAuth client: its id and one of its API keys, here or in the form's body.",
    ));
    components.add_security_scheme(describe::CLIENT, SecurityScheme::Http(client.build()));
    api
}

/// The description as JSON, members sorted, so that the same server gives the same bytes.
pub fn openapi_json() -> String {
    pretty(&openapi())
}

fn pretty(api: &OpenApi) -> String {
    // Through a value that is sorted: extensions are kept in a hash map, and what the maps of values keep is the order in
    // which they were filled.
    let mut value = serde_json::to_value(api).unwrap_or_default();
    value.sort_all_objects();
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}
