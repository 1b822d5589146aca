//! The one place that sees every answer of the control plane: what was refused outside a pass is written down here.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use gates::{Docket, Vault};
use kernel::{Face, Problem, RequestContext};

use crate::http::Refused;

/// A refusal that its face has put into words of its own already, for whoever writes it down.
#[derive(Debug, Clone)]
pub(crate) struct Worded(pub(crate) Problem);

/// Keeps a docket beside a request, and sees to it that a known caller's refusal is on record before it is answered. What is
/// not refused costs nothing.
pub(crate) async fn refusals(State(vault): State<Arc<Vault>>, mut request: Request, next: Next) -> Response {
    let docket = Docket::default();
    let context = request.extensions().get::<RequestContext>().cloned();
    let context = context.unwrap_or_else(|| RequestContext::internal(Face::Api, vault.clock(), vault.rng()));
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(docket.clone());
    let response = next.run(request).await;
    let extensions = response.extensions();
    let refused = extensions.get::<Refused>().map(|Refused(problem)| problem);
    let Some(problem) = refused.or_else(|| extensions.get::<Worded>().map(|Worded(problem)| problem)) else {
        return response;
    };
    match vault.record_refusal(&docket, &context, (problem.gate, problem.kind), None).await {
        Ok(()) => response,
        Err(problem) => Refused(problem).into_response(),
    }
}
