//! Signing in: with a password, with the second factor behind it, with a passkey.

use app::accounts::SessionKind;
use app::accounts::sign_in::{Second, Step, Waiting};
use axum::Json;
use axum::extract;
use axum::response::{IntoResponse as _, Response};
use kernel::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::answer::Answer;
use crate::describe::{Leaves, door};
use crate::extract::{AtDoor, Knocked};
use crate::http::Refused;
use crate::rooms::passkeys::Ceremony;
use crate::secrets::{Shown, Typed};
use crate::tokens::{Tokens, unkept};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(door(Leaves::Entry, routes!(post_sign_in)))
        .routes(door(Leaves::Entry, routes!(post_second)))
        .routes(door(Leaves::Nothing, routes!(post_passkey)))
        .routes(door(Leaves::Entry, routes!(post_sign_in_passkey)))
}

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInBody {
    /// The address.
    #[schema(format = Email, example = "someone@example.com")]
    address: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Typed,
}

/// How far a sign-in got: all the way, or to the second factor.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two bodies; each is answered in its own way")]
enum SignedIn {
    /// All the way.
    Done(Tokens),
    /// The password was right; now the second factor.
    Waiting(SecondFactorNeeded),
}

/// The password was right; now the second factor.
#[derive(Serialize, ToSchema)]
struct SecondFactorNeeded {
    /// What is there to prove it with.
    second_factor: SecondFactor,
}

/// A sign-in that waits for its second factor.
#[derive(Serialize, ToSchema)]
struct SecondFactor {
    /// Names the sign-in in the next request; works once, for 5 minutes.
    #[schema(value_type = String, example = "psf_…")]
    ticket: Shown,
    /// Whether an authenticator app is enrolled.
    totp: bool,
    /// Whether a passkey is enrolled.
    passkey: bool,
    /// Whether recovery codes are left.
    recovery: bool,
}

impl From<&Waiting> for SecondFactorNeeded {
    fn from(waiting: &Waiting) -> Self {
        let ticket = Shown::new(waiting.ticket.expose());
        let (totp, passkey, recovery) = (waiting.totp, waiting.passkey, waiting.recovery);
        Self { second_factor: SecondFactor { ticket, totp, passkey, recovery } }
    }
}

/// Sign in.
///
/// Answers tokens, or what the second factor can be. Whatever does not match is answered alike, for known and unknown
/// addresses, and takes as long.
#[utoipa::path(post, path = "/auth/sign-in", tag = "auth", operation_id = "account.sign_in",
    request_body(content = SignInBody, example = json!({
        "address": "someone@example.com", "password": "seven blue lanterns drift",
    })),
    responses(
        (status = 200, description = "Signed in, or the second factor is needed", body = SignedIn),
        (status = 401, description = "Address and password do not match an account"),
        (status = 403, description = "The address is yet to be verified, or the request comes from a page of an \
                                      origin that is not listed"),
    ))]
async fn post_sign_in(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<SignInBody>,
) -> Result<Response, Refused> {
    let (visitor, kind) = (knock.visitor(), SessionKind::Program);
    match state.accounts.sign_in(visitor, &body.address, body.password.take(), kind).await? {
        Step::Done(opened) => Ok(state.answer_opened(visitor, *opened).await?),
        Step::SecondFactor(waiting) => {
            let body = SecondFactorNeeded::from(&waiting);
            Ok(unkept(Answer::ok(body, &waiting.receipt).into_response()))
        }
    }
}

/// The second factor: a code or a recovery code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecondBody {
    /// The ticket of the sign-in.
    #[schema(value_type = String, example = "psf_…")]
    ticket: Typed,
    /// A code of the authenticator app.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "123456")]
    code: Option<Typed>,
    /// A recovery code; each works once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    recovery_code: Option<Typed>,
}

/// Sign in with the second factor.
///
/// A wrong code does not cost the ticket. With a passkey instead, give the ticket to `/auth/sign-in/passkey`.
#[utoipa::path(post, path = "/auth/sign-in/second", tag = "auth", operation_id = "account.sign_in_second",
    request_body(content = SecondBody, example = json!({"ticket": "psf_…", "code": "123456"})),
    responses(
        (status = 200, description = "Signed in", body = Tokens),
        (status = 401, description = "The code does not match or was used before, or the ticket does not work"),
    ))]
async fn post_second(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<SecondBody>,
) -> Result<Response, Refused> {
    let second = match (body.code, body.recovery_code) {
        (Some(code), None) => Second::Totp(code.take()),
        (None, Some(code)) => Second::Recovery(code.take()),
        _ => return Err(Problem::invalid("", "Give exactly one of code and recovery_code.").into()),
    };
    let visitor = knock.visitor();
    let opened = state.accounts.sign_in_second(visitor, body.ticket.as_str(), second).await?;
    Ok(state.answer_opened(visitor, opened).await?)
}

/// Ask for a passkey.
///
/// Begins a ceremony, for signing in, for a second factor or for a step-up. Give `options` to
/// `PublicKeyCredential.parseRequestOptionsFromJSON`.
#[utoipa::path(post, path = "/auth/passkey", tag = "auth", operation_id = "account.ask_for_passkey",
    responses(
        (status = 200, description = "A ceremony for the browser; it can be finished for 5 minutes", body = Ceremony),
        (status = 409, description = "This server is reached by a bare number, and passkeys know places by name"),
    ))]
async fn post_passkey(extract::State(state): extract::State<State>, _: AtDoor) -> Result<Response, Refused> {
    let begun = Ceremony::of(&state.accounts.ask_for_passkey().await?)?;
    Ok(unkept(Json(begun).into_response()))
}

/// A passkey's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyBody {
    /// The ceremony that was begun with `/auth/passkey`.
    #[schema(value_type = String, example = "pce_…")]
    ceremony: Typed,
    /// The browser's answer: `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    answer: serde_json::Value,
    /// The ticket of a sign-in whose second factor this is.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "psf_…")]
    ticket: Option<Typed>,
}

/// Sign in with a passkey.
///
/// A passkey is all that is needed: it is something one has, and it verified its user. With a ticket it is the second factor
/// of a sign-in that has begun.
#[utoipa::path(post, path = "/auth/sign-in/passkey", tag = "auth", operation_id = "account.sign_in_passkey",
    request_body(content = PasskeyBody, example = json!({"ceremony": "pce_…", "answer": {}})),
    responses(
        (status = 200, description = "Signed in", body = Tokens),
        (status = 401, description = "The ceremony is over, or the passkey is not accepted"),
    ))]
async fn post_sign_in_passkey(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<PasskeyBody>,
) -> Result<Response, Refused> {
    let (visitor, kind) = (knock.visitor(), SessionKind::Program);
    let (ticket, ceremony) = (body.ticket.as_ref().map(Typed::as_str), body.ceremony.as_str());
    let answer = body.answer.to_string();
    let opened = state.accounts.sign_in_passkey(visitor, ticket, ceremony, &answer, kind).await?;
    Ok(state.answer_opened(visitor, opened).await?)
}
