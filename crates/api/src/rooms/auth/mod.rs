//! How people come in, stay in and go. Most of it asks for no credential; all but the asking for a passkey is on record.

mod recover;
mod sign_in;
mod sign_up;

use app::accounts::own::SignOut;
use app::accounts::step_up::{Factor, StepUp};
use axum::extract;
use axum::response::{IntoResponse as _, Response};
use kernel::{Problem, ProblemKind};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::answer::Done;
use crate::cookies::clear_refresh;
use crate::describe::{Leaves, door, of};
use crate::extract::{AtDoor, Gate, Knock, Submitted};
use crate::http::Refused;
use crate::secrets::Typed;
use crate::tokens::Tokens;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .merge(sign_up::routes())
        .merge(sign_in::routes())
        .merge(recover::routes())
        .routes(door(Leaves::Entry, routes!(post_refresh)))
        .routes(of::<StepUp, _>(routes!(post_step_up)))
        .routes(of::<SignOut, _>(routes!(post_sign_out)))
}

/// Get the next access token.
///
/// Exchanges the refresh token in the cookie for an access token and the next refresh token. A refresh token works once;
/// for 30 seconds it leads to its successor once more, so that two tabs do not throw each other out. One that comes back
/// later is taken for a copy: the session ends, and its person is told by mail.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", operation_id = "token.refresh",
    responses(
        (status = 200, description = "The next access token; the cookie holds the next refresh token", body = Tokens),
        (status = 401, description = "The cookie is missing, or its token opens nothing; it is taken back"),
    ))]
async fn post_refresh(
    extract::State(state): extract::State<State>,
    AtDoor { knock, refresh }: AtDoor,
) -> Response {
    let token = refresh.as_deref().map_or("", String::as_str);
    match state.accounts.refresh(knock.visitor(), token).await {
        Ok(refreshed) => state.answer_refreshed(refreshed),
        Err(problem) => {
            let dead = problem.kind == ProblemKind::Unauthenticated;
            let mut response = Refused(problem).into_response();
            if dead {
                clear_refresh(response.headers_mut(), state.accounts.site());
            }
            response
        }
    }
}

/// A passkey as a browser answered with it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyAnswer {
    /// The ceremony that was begun with `/auth/passkey`.
    #[schema(value_type = String, example = "pce_…")]
    ceremony: Typed,
    /// The browser's answer: `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    answer: serde_json::Value,
}

/// A factor: exactly one member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StepUpBody {
    /// The password; enough for people without a second factor.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Typed>,
    /// A code of the authenticator app.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "123456")]
    code: Option<Typed>,
    /// A passkey.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// Confirm that it is you.
///
/// For the next 10 minutes this session may do what asks for a factor confirmed a moment ago (RFC 9470). The new access
/// token says so to others who verify it.
#[utoipa::path(post, path = "/auth/step-up", tag = "auth",
    request_body(content = StepUpBody, example = json!({"password": "seven blue lanterns drift"})),
    responses(
        (status = 200, description = "It is confirmed", body = Tokens),
        (status = 401, description = "The factor does not match"),
        (status = 403, description = "A second factor is there, and the password alone is not enough"),
        (status = 429, description = "Too many requests or too many guesses"),
    ))]
async fn post_step_up(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Submitted { mut pass, body }: Submitted<StepUp, StepUpBody>,
) -> Result<Response, Refused> {
    let factor = match (body.password, body.code, body.passkey) {
        (Some(password), None, None) => Factor::Password(password.take()),
        (None, Some(code), None) => Factor::Totp(code.take()),
        (None, None, Some(PasskeyAnswer { ceremony, answer })) => {
            Factor::Passkey { ceremony: ceremony.take(), answer: answer.to_string() }
        }
        _ => {
            return Err(Problem::invalid("", "Give exactly one of password, code and passkey.").into());
        }
    };
    let session = pass.account().session();
    let receipt = state.accounts.step_up(pass, knock.visitor(), factor).await?;
    Ok(state.answer_access(knock.visitor(), session, &receipt).await?)
}

/// Sign out.
///
/// Ends this session: its access tokens and its refresh token open nothing from now on, on every replica within a second.
#[utoipa::path(post, path = "/auth/sign-out", tag = "auth",
    responses((status = 204, description = "The session has ended; the refresh cookie is taken back")))]
async fn post_sign_out(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<SignOut>,
) -> Result<Response, Refused> {
    let mut response = Done(app::accounts::own::sign_out(pass).await?).into_response();
    clear_refresh(response.headers_mut(), state.accounts.site());
    Ok(response)
}
