//! The one place that sees every answer of the console: what was refused outside a pass is written down here.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State as FromState};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use gates::{Docket, Principal};
use kernel::{Face, Gate, Problem, ProblemKind, RequestContext};

use super::State;
use super::answer::Answer;
use super::cookies::Cookie;
use crate::layout::Frame;

/// The action of an entry about a form or a page that was refused before any action had been asked for.
const REQUEST: &str = "console.request";

/// What a page that refuses was made of, for whoever writes it down.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefusedAs {
    gate: Option<Gate>,
    kind: ProblemKind,
}

impl From<&Problem> for RefusedAs {
    fn from(problem: &Problem) -> Self {
        Self { gate: problem.gate, kind: problem.kind }
    }
}

/// What the layer knows beforehand.
#[derive(Clone)]
pub(super) struct Recorder {
    state: State,
    paths: Arc<[&'static str]>,
}

impl Recorder {
    pub(super) fn new(state: State, paths: Vec<&'static str>) -> Self {
        Self { state, paths: paths.into() }
    }
}

/// Notes whose visit it is, for the case that it is refused.
pub(super) fn note(docket: &Docket, principal: &Principal) {
    docket.note(principal, REQUEST);
}

/// Keeps a docket beside a request, and sees to it that a refusal of somebody who is signed in is on record before it is
/// shown. What is not refused costs nothing.
pub(super) async fn refusals(
    FromState(recorder): FromState<Recorder>,
    mut request: Request,
    next: Next,
) -> Response {
    let vault = recorder.state.vault();
    let docket = Docket::default();
    let known = request.extensions().get::<RequestContext>().cloned();
    let known = known.unwrap_or_else(|| RequestContext::internal(Face::Console, vault.clock(), vault.rng()));
    let context = RequestContext { face: Face::Console, ..known.clone() };
    request.extensions_mut().insert(known);
    request.extensions_mut().insert(docket.clone());
    let pattern = request.extensions().get::<MatchedPath>().cloned();
    let session = Cookie::Session.read(request.headers(), recorder.state.accounts.site());
    let response = next.run(request).await;
    let Some(RefusedAs { gate, kind }) = response.extensions().get::<RefusedAs>().copied() else {
        return response;
    };
    if !docket.is_noted()
        && !context.refusal.is_set()
        && let Some(secret) = &session
    {
        // Refused before anybody asked who it is: a forged form, one that is too large. Whoever is signed in is told of.
        if let Ok(principal) = vault.authenticate_session(secret, &context).await {
            note(&docket, &principal);
        }
    }
    let route = pattern.and_then(|pattern| recorder.paths.iter().find(|path| **path == pattern.as_str()));
    match vault.record_refusal(&docket, &context, (gate, kind), route.copied()).await {
        Ok(()) => response,
        Err(problem) => Answer::problem(Frame::default(), &problem, &context).into_response(),
    }
}
