//! OAuth 2.0 for agents and for those who verify tokens. The bodies are forms, the refusals are OAuth's, nothing is kept
//! by anybody on the way; everything else is as under `/api/v1`: the same gates, the same log, the same counting.

mod client;
mod form;
mod metadata;
mod refusal;
mod state;
mod token;

use app::tokens::{IntrospectToken, RevokeToken};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::describe::{Leaves, door, oauth, of, open};

/// Every operation of OAuth.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(open(routes!(metadata::get_keys)))
        .routes(open(routes!(metadata::get_server)))
        .routes(open(routes!(metadata::get_openid)))
        .routes(oauth(door(Leaves::Entry, routes!(token::post_token))))
        .routes(oauth(of::<IntrospectToken, _>(routes!(state::post_introspect))))
        .routes(oauth(of::<RevokeToken, _>(routes!(state::post_revoke))))
}
