//! The control plane, room by room. A handler takes the pass, does the thing, answers.

mod agents;
mod audit;
mod keys;
pub(crate) mod operations;
mod organizations;
mod policies;
mod projects;
mod providers;

use utoipa_axum::router::OpenApiRouter;

use crate::State;

/// Every operation under `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .merge(organizations::routes())
        .merge(projects::routes())
        .merge(agents::routes())
        .merge(keys::routes())
        .merge(providers::routes())
        .merge(policies::routes())
        .merge(audit::routes())
}
