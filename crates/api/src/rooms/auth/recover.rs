//! A new password by mail.

use app::accounts::SessionKind;
use axum::extract;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sign_up::{LinkAndPassword, Taken};
use crate::State;
use crate::answer::Done;
use crate::describe::{Leaves, door};
use crate::extract::Knocked;
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(door(Leaves::Silence, routes!(post_reset)))
        .routes(door(Leaves::Entry, routes!(post_confirm)))
}

/// An address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetBody {
    /// The address of the account.
    #[schema(format = Email, example = "someone@example.com")]
    address: String,
}

/// Ask for a new password.
///
/// A link that works for 30 minutes goes to the address, when it has an account. The answer and its time are the same
/// otherwise.
#[utoipa::path(post, path = "/auth/reset", tag = "auth", operation_id = "account.request_reset",
    request_body(content = ResetBody, example = json!({"address": "someone@example.com"})),
    responses((status = 202, description = "It was taken in; the rest is said by mail", body = Taken)))]
async fn post_reset(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<ResetBody>,
) -> Result<(StatusCode, axum::Json<Taken>), Refused> {
    state.accounts.request_reset(knock.visitor(), &body.address).await?;
    Ok(Taken::answer())
}

/// Set a new password.
///
/// By the link from the letter. Every session ends, every other link is void and known devices are forgotten; a second
/// factor goes on being asked for. Guesses that were counted against the account are forgotten. A weak password does not cost the link.
#[utoipa::path(post, path = "/auth/reset/confirm", tag = "auth", operation_id = "account.reset",
    request_body(content = LinkAndPassword, example = json!({
        "token": "ppr_…", "password": "nine quiet harbours wait",
    })),
    responses(
        (status = 204, description = "The password is set; sign in with it"),
        (status = 404, description = "The link does not work (any more)"),
    ))]
async fn post_confirm(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<LinkAndPassword>,
) -> Result<Done, Refused> {
    let (token, password) = (body.token, body.password.take());
    let kind = SessionKind::Program;
    Ok(Done(state.accounts.reset(knock.visitor(), token.as_str(), password, kind).await?.receipt))
}
