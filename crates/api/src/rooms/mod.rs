//! The control plane, room by room. A handler takes the pass, does the thing, answers.

mod account;
mod address;
mod agents;
mod audit;
mod audit_events;
mod auth;
mod break_glass;
mod evidence;
mod invitations;
mod keys;
mod members;
pub(crate) mod operations;
mod organizations;
mod passkeys;
mod pii;
mod policies;
mod policy_packs;
mod projects;
mod providers;
mod retention;
mod roles;
pub(crate) mod security_txt;
mod sessions;
mod settings;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use crate::State;

/// Every operation under `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .merge(auth::routes())
        .merge(account::routes())
        .merge(address::routes())
        .merge(passkeys::routes())
        .merge(sessions::routes())
        .merge(organizations::routes())
        .merge(settings::routes())
        .merge(roles::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(projects::routes())
        .merge(agents::routes())
        .merge(keys::routes())
        .merge(providers::routes())
        .merge(policies::routes())
        .merge(policy_packs::routes())
        .merge(pii::routes())
        .merge(audit::routes())
        .merge(audit_events::routes())
        .merge(retention::routes())
        .merge(evidence::routes())
        .merge(break_glass::routes())
        .merge(webhooks::routes())
}
