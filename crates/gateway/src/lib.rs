//! The LLM endpoint, `/v1`: any OpenAI SDK in, any OpenAI-compatible provider out, five gates between.
//!
//! A call, in order: the key is checked (gates one and two), the pass is taken (three), the body is read and cleaned
//! (four), the intent is committed (five), and only then does the provider see a byte. The answer streams back through
//! gate four; its last byte waits until the outcome is committed. A client that goes away takes the connection to the
//! provider with it, and leaves an outcome that says so.
//!
//! Architecture invariant: this face translates. What is allowed, routed and recorded is decided in `app` and `gates`.

mod answer;
mod chat;
mod limits;
mod models;
mod relay;
mod source;
mod upstream;

use std::sync::Arc;

use app::audit::Receipts;
use app::models::Calls;
use app::providers::Directory;
use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use gates::Vault;
use kernel::{Face, Problem, ProblemKind, RequestContext};

pub use answer::{HEADER_CONVERSATION, HEADER_ENTRY, HEADER_REDACTIONS, openai_error};
pub use limits::Limits;
pub use upstream::{
    GuardedClient, GuardedClients, GuardedResolver, NotPermitted, UnknownHost, Upstream, UpstreamSetupError,
};

/// What the LLM endpoint stands on. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) vault: Arc<Vault>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) upstream: Upstream,
    pub(crate) limits: Limits,
    pub(crate) calls: Calls,
    pub(crate) receipts: Option<Receipts>,
}

impl Gateway {
    /// An endpoint over these gates, these providers and this way out.
    pub fn new(vault: Arc<Vault>, directory: Arc<Directory>, upstream: Upstream, limits: Limits) -> Self {
        Self { vault, directory, upstream, limits, calls: Calls::new(), receipts: None }
    }

    /// With keys for receipts of what streams leave at their end, for callers who ask for them.
    #[must_use]
    pub fn with_receipts(self, receipts: Receipts) -> Self {
        Self { receipts: Some(receipts), ..self }
    }

    /// The calls under way. A server that stops awaits [`Calls::settled`] after its connections are closed and before
    /// it closes the vault, so that every outcome is on record.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// What the outer layers know of the request; made here when there are none.
    fn context(&self, parts: &Parts) -> RequestContext {
        let known = parts.extensions.get::<RequestContext>().cloned();
        known.unwrap_or_else(|| RequestContext::internal(Face::Gateway, self.vault.clock(), self.vault.rng()))
    }
}

/// `POST /v1/chat/completions`, `GET /v1/models`, `GET /v1/models/{id}`.
///
/// Request ids, header hygiene, rate limits and the first body limit are the outer layers' work; they hand their
/// [`RequestContext`] over in the request's extensions.
pub fn router(gateway: Gateway) -> Router {
    let routes = routes().into_iter();
    let add = |router: Router<Gateway>, (path, methods): (&str, MethodRouter<Gateway>)| {
        router.route(path, methods.fallback(wrong_method))
    };
    routes.fold(Router::new(), add).with_state(gateway)
}

/// The paths of this endpoint, as patterns: each must stand in the description of the API.
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

fn routes() -> [(&'static str, MethodRouter<Gateway>); 3] {
    [
        ("/v1/chat/completions", post(chat::completions)),
        ("/v1/models", get(models::list)),
        ("/v1/models/{*id}", get(models::one)),
    ]
}

async fn wrong_method(State(gateway): State<Gateway>, parts: Parts) -> Response {
    let problem = Problem::new(ProblemKind::MethodNotAllowed, "See /docs for the methods of this path.");
    openai_error(&problem, &gateway.context(&parts))
}

#[cfg(test)]
mod tests;
