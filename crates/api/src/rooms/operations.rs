//! Operations of the server itself, open to everybody.

use axum::extract::{Path, State as Held};
use axum::{Json, Router};
use kernel::{Problem, ProblemKind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::describe::open;
use crate::http::Refused;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::from(Router::new())
        .routes(routes!(get_health))
        .routes(open(routes!(get_ready)))
        .routes(open(routes!(get_problem)))
}

/// How the server is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok` or `ready`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the server runs.
///
/// Answers as long as the process does, whatever the database does; not counted by rate limits.
#[utoipa::path(get, path = "/health", tag = "operations", operation_id = "health", security(()),
    responses((status = 200, description = "It runs", body = Health, example = json!({"status": "ok"}))))]
async fn get_health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the server can work.
///
/// Asks the database as both of its roles.
#[utoipa::path(get, path = "/ready", tag = "operations", operation_id = "ready", security(()),
    responses(
        (status = 200, description = "It can", body = Health, example = json!({"status": "ready"})),
        (status = 503, description = "The database does not answer"),
    ))]
async fn get_ready(Held(state): Held<State>) -> Result<Json<Health>, Refused> {
    match state.vault.ready().await {
        Ok(()) => Ok(Json(Health { status: "ready" })),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            let problem = Problem::new(ProblemKind::Unavailable, "The database does not answer.");
            Err(problem.retry_after(2).into())
        }
    }
}

/// A kind of problem.
#[derive(Serialize, ToSchema)]
struct ProblemExplained {
    /// The `type` under which problems of this kind come.
    #[serde(rename = "type")]
    #[schema(example = "/problems/rate-limited")]
    kind: String,
    /// What it means.
    title: &'static str,
    /// The HTTP status it comes with.
    status: u16,
}

/// Explain a kind of problem.
///
/// Answers what the `type` of a problem refers to.
#[utoipa::path(get, path = "/problems/{slug}", tag = "operations", operation_id = "problems.explain", security(()),
    params(("slug" = String, Path, description = "The last segment of the problem's type", example = "rate-limited")),
    responses(
        (status = 200, description = "The kind", body = ProblemExplained),
        (status = 404, description = "There is no such kind"),
    ))]
async fn get_problem(Path(slug): Path<String>) -> Result<Json<ProblemExplained>, Refused> {
    let kind = ProblemKind::ALL.iter().copied().find(|kind| kind.slug() == slug);
    let kind =
        kind.ok_or_else(|| Problem::new(ProblemKind::NotFound, "There is no such kind of problem."))?;
    let (title, status) = (kind.title(), kind.status());
    Ok(Json(ProblemExplained { kind: format!("/problems/{slug}"), title, status }))
}
