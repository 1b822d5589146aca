//! OpenFGA's HTTP API, `/fga`: relations are written and asked about by OpenFGA's own clients, behind the five gates.
//!
//! Paths, bodies and error codes are OpenFGA's (openfga/api, service `OpenFGAService`); a store is an organization's own, so
//! that somebody else's does not exist. What OpenFGA's bodies have no place for stands in headers: the revision of an answer
//! ([`HEADER_REVISION`]), the entry in the audit log, where a list goes on.
//!
//! Architecture invariant: this face translates. What is allowed, answered and recorded is decided in `app` and `gates`.

mod answer;
mod authzen;
mod models;
mod query;
mod stores;
mod tuples;
mod why;
mod wire;

use std::sync::Arc;

use app::input::bearer;
use app::relations::{Fault, Freshness, Moment, Refused, Relations};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use gates::{Action, Docket, Pass, Vault};
use http::header::AUTHORIZATION;
use kernel::{Face, Problem, ProblemKind, RequestContext};

pub use answer::{
    HEADER_AT, HEADER_AT_LEAST, HEADER_CONTINUATION, HEADER_INCOMPLETE, HEADER_MODEL, HEADER_REVISION,
};

/// Longest body that is read, in bytes, whatever the outer layers let through.
const BODY_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// What this face stands on. Cheap to clone.
#[derive(Clone)]
pub struct Fga {
    vault: Arc<Vault>,
    relations: Arc<Relations>,
}

impl Fga {
    /// The API over these gates.
    pub fn new(vault: Arc<Vault>, relations: Arc<Relations>) -> Self {
        Self { vault, relations }
    }
}

/// A request under way.
struct Visit {
    fga: Fga,
    parts: Parts,
    context: RequestContext,
    /// Who sent it, for what no pass puts on record.
    docket: Docket,
}

impl FromRequestParts<Fga> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, fga: &Fga) -> Result<Self, Refusal> {
        let context = parts.extensions.get::<RequestContext>().cloned();
        let docket = parts.extensions.get::<Docket>().cloned();
        // `recorded`, around every route, puts both there.
        let (Some(context), Some(docket)) = (context, docket) else {
            return Err(Problem::internal().into());
        };
        Ok(Self { fga: fga.clone(), parts: parts.clone(), context, docket })
    }
}

impl Visit {
    /// Gates one to three.
    async fn enter<A: Action>(&self) -> Result<Pass<A>, Refusal> {
        let vault = &self.fga.vault;
        let credential = bearer(&self.parts.headers);
        let principal = vault.authenticate_for(A::NAME, credential, &self.context).await?;
        self.docket.note(&principal, A::NAME);
        Ok(vault.enter::<A>(principal, self.context.clone()).await?)
    }

    /// The body, read to its end.
    async fn body(&self, body: Body) -> Result<Bytes, Refusal> {
        axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
            while let Some(this) = cause {
                // Whoever handed the body on cut it, and says why.
                if let Some(problem) = this.downcast_ref::<Problem>() {
                    return problem.clone().into();
                }
                cause = this.source();
            }
            Fault::invalid("the body ended before it was complete, or is too large").into()
        })
    }
}

/// What a handler answers.
type Answer = Result<Response, Refusal>;

/// A refusal on its way to [`recorded`].
#[derive(Clone)]
struct Refusal(Refused);

macro_rules! refusals {
    ($($from:ty),*) => {$(
        impl From<$from> for Refusal {
            fn from(refused: $from) -> Self {
                Self(refused.into())
            }
        }
    )*};
}

refusals!(Refused, Fault, Problem);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

/// Puts refusals into OpenFGA's words. That of a known caller which no pass has written is on record before.
async fn recorded(State(fga): State<Fga>, mut request: Request, next: Next) -> Response {
    let vault = &fga.vault;
    let context = request.extensions().get::<RequestContext>().cloned();
    let context = context.unwrap_or_else(|| RequestContext::internal(Face::Api, vault.clock(), vault.rng()));
    let (docket, anonymous) = (Docket::default(), !request.headers().contains_key(AUTHORIZATION));
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(docket.clone());
    let mut response = next.run(request).await;
    let Some(Refusal(refused)) = response.extensions_mut().remove::<Refusal>() else { return response };
    let why = match &refused {
        Refused::Problem(problem) => (problem.gate, problem.kind),
        Refused::Fault(fault) => (None, fault.code.kind()),
    };
    let written = vault.record_refusal(&docket, &context, why, None).await;
    let refused = written.err().map_or(refused, Refused::Problem);
    answer::refused(&refused, anonymous, &context)
}

/// How new an answer must be: what the body says, unless a revision is named; or of when it must be.
fn freshness(parts: &Parts, consistency: wire::Consistency) -> Result<Freshness, Fault> {
    let named = parts.headers.get(HEADER_AT_LEAST).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(moment) = parts.headers.get(HEADER_AT) {
        if named.is_some() {
            return Err(Fault::invalid("X-Authz-At and X-Authz-At-Least contradict each other"));
        }
        return moment.to_str().ok().and_then(moment_of).map(Freshness::At).ok_or_else(|| {
            Fault::invalid("X-Authz-At is neither a revision nor a time, as in 2026-03-03T12:00:00Z")
        });
    }
    Ok(match (consistency, named) {
        (wire::Consistency::Higher, _) => Freshness::Higher,
        (_, Some(revision)) => Freshness::AtLeast(revision),
        _ => Freshness::MinimizeLatency,
    })
}

fn moment_of(text: &str) -> Option<Moment> {
    let is_revision = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_revision { text.parse().ok().map(Moment::Revision) } else { text.parse().ok().map(Moment::Time) }
}

/// The routes.
///
/// Request ids, header hygiene, rate limits and body limits are the outer layers' work; they hand their [`RequestContext`]
/// over in the request's extensions.
pub fn router(fga: Fga) -> Router {
    let add = |router: Router<Fga>, (path, methods): (&str, MethodRouter<Fga>)| {
        router.route(path, methods.fallback(wrong_method))
    };
    let routes = routes().into_iter().fold(Router::new(), add);
    routes.layer(from_fn_with_state(fga.clone(), recorded)).with_state(fga)
}

/// The paths of this face, as patterns: each must stand in the description of the API.
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

fn routes() -> [(&'static str, MethodRouter<Fga>); 23] {
    [
        ("/fga/stores", get(stores::list).post(stores::create)),
        ("/fga/stores/{store}", get(stores::read).delete(stores::delete)),
        ("/fga/stores/{store}/authorization-models", get(models::list).post(models::write)),
        ("/fga/stores/{store}/authorization-models/{model}", get(models::read)),
        ("/fga/stores/{store}/assertions/{model}", get(models::assertions).put(models::put_assertions)),
        ("/fga/stores/{store}/write", post(tuples::write)),
        ("/fga/stores/{store}/read", post(tuples::read)),
        ("/fga/stores/{store}/changes", get(tuples::changes)),
        ("/fga/stores/{store}/check", post(query::check)),
        ("/fga/stores/{store}/batch-check", post(query::batch_check)),
        ("/fga/stores/{store}/expand", post(query::expand)),
        ("/fga/stores/{store}/list-objects", post(query::list_objects)),
        ("/fga/stores/{store}/streamed-list-objects", post(query::streamed_list_objects)),
        ("/fga/stores/{store}/list-users", post(query::list_users)),
        ("/fga/stores/{store}/access/v1/evaluation", post(authzen::evaluation)),
        ("/fga/stores/{store}/access/v1/evaluations", post(authzen::evaluations)),
        ("/fga/stores/{store}/access/v1/search/subject", post(authzen::search_subject)),
        ("/fga/stores/{store}/access/v1/search/resource", post(authzen::search_resource)),
        ("/fga/stores/{store}/access/v1/search/action", post(authzen::search_action)),
        ("/.well-known/authzen-configuration/fga/stores/{store}", get(authzen::configuration)),
        ("/fga/stores/{store}/explain", post(why::explain)),
        ("/fga/stores/{store}/what-if", post(why::what_if)),
        ("/fga/stores/{store}/access-review", post(why::access_review)),
    ]
}

async fn wrong_method() -> Refusal {
    Problem::new(ProblemKind::MethodNotAllowed, "See /docs for the methods of this path.").into()
}
