//! Becoming somebody here: signing up, verifying the address, and the first administrator.

use app::accounts::SessionKind;
use app::accounts::first::First;
use app::accounts::newcomers::Secret;
use app::accounts::sign_up::SignUp;
use app::input::Name;
use axum::extract;
use axum::response::Response;
use http::StatusCode;
use kernel::Problem;
use mail::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::describe::{Leaves, door};
use crate::extract::Knocked;
use crate::http::Refused;
use crate::secrets::Typed;
use crate::tokens::Tokens;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(door(Leaves::Silence, routes!(post_sign_up)))
        .routes(door(Leaves::Entry, routes!(post_verify)))
        .routes(door(Leaves::Entry, routes!(post_welcome)))
}

/// Something was taken in, and more is said by mail alone.
#[derive(Serialize, ToSchema)]
pub(super) struct Taken {
    /// What happens next; the same for every address.
    #[schema(example = "If this can be done, a letter is on its way to the address.")]
    message: &'static str,
}

impl Taken {
    pub(super) fn answer() -> (StatusCode, axum::Json<Self>) {
        let message = "If this can be done, a letter is on its way to the address.";
        (StatusCode::ACCEPTED, axum::Json(Self { message }))
    }
}

/// Reads an address that stands at `/address`.
pub(in crate::rooms) fn address(text: &str) -> Result<Address, Problem> {
    Address::parse(text).map_err(|error| Problem::invalid("/address", error.to_string()))
}

/// Somebody new.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignUpBody {
    /// The address; a link is sent there.
    #[schema(format = Email, example = "someone@example.com")]
    address: String,
    /// The name they go by: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "Someone")]
    name: String,
    /// A password of at least 15 characters that is not easily guessed.
    #[schema(value_type = String, format = Password, min_length = 15)]
    password: Typed,
}

/// Sign up.
///
/// The answer is the same whether or not the address has an account, and takes as long; what differs is the letter. Nothing
/// opens before the address is verified.
#[utoipa::path(post, path = "/auth/sign-up", tag = "auth", operation_id = "account.sign_up",
    request_body(content = SignUpBody, example = json!({
        "address": "someone@example.com", "name": "Someone", "password": "seven blue lanterns drift",
    })),
    responses((status = 202, description = "It was taken in; the rest is said by mail", body = Taken)))]
async fn post_sign_up(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<SignUpBody>,
) -> Result<(StatusCode, axum::Json<Taken>), Refused> {
    let new = SignUp {
        address: address(&body.address)?,
        name: Name::parse(body.name, "/name")?,
        password: body.password.take(),
    };
    state.accounts.sign_up(knock.visitor(), new).await?;
    Ok(Taken::answer())
}

/// What a link from a letter says, and the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkAndPassword {
    /// What stands behind `?t=` in the link.
    #[schema(value_type = String, example = "pev_…")]
    pub(super) token: Typed,
    /// The password.
    #[schema(value_type = String, format = Password)]
    pub(super) password: Typed,
}

/// Verify an address.
///
/// The link is not enough: whoever follows it also says the password that was chosen, so that nobody confirms another
/// person's sign-up by pressing a button. Opens a session.
#[utoipa::path(post, path = "/auth/verify", tag = "auth", operation_id = "account.verify",
    request_body(content = LinkAndPassword, example = json!({
        "token": "pev_…", "password": "seven blue lanterns drift",
    })),
    responses(
        (status = 200, description = "The address is verified, and the person is signed in", body = Tokens),
        (status = 401, description = "The password is another one; the link goes on working"),
        (status = 404, description = "The link does not work (any more)"),
    ))]
async fn post_verify(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<LinkAndPassword>,
) -> Result<Response, Refused> {
    let (visitor, kind) = (knock.visitor(), SessionKind::Program);
    let opened = state.accounts.verify(visitor, body.token.as_str(), body.password.take(), kind).await?;
    Ok(state.answer_opened(visitor, opened).await?)
}

/// The first administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WelcomeBody {
    /// What stands behind `?t=` in the link that the server printed.
    #[schema(value_type = String, example = "pwl_…")]
    token: Typed,
    /// The address.
    #[schema(format = Email, example = "someone@example.com")]
    address: String,
    /// The name they go by: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "Someone")]
    name: String,
    /// A password of at least 15 characters that is not easily guessed.
    #[schema(value_type = String, format = Password, min_length = 15)]
    password: Typed,
}

/// Make the first administrator.
///
/// By the link that `portcullis up` prints as long as there is no account. Opens a session.
#[utoipa::path(post, path = "/auth/welcome", tag = "auth", operation_id = "account.welcome",
    request_body(content = WelcomeBody, example = json!({
        "token": "pwl_…", "address": "someone@example.com", "name": "Someone",
        "password": "seven blue lanterns drift",
    })),
    responses(
        (status = 200, description = "The person owns the first organization, and is signed in", body = Tokens),
        (status = 404, description = "The link does not work (any more)"),
        (status = 409, description = "There is an administrator already"),
    ))]
async fn post_welcome(
    extract::State(state): extract::State<State>,
    Knocked { knock, body }: Knocked<WelcomeBody>,
) -> Result<Response, Refused> {
    let new = First {
        address: address(&body.address)?,
        name: Name::parse(body.name, "/name")?,
        secret: Secret::Password(body.password.take()),
    };
    let (visitor, kind) = (knock.visitor(), SessionKind::Program);
    let opened = state.accounts.welcome(visitor, body.token.as_str(), new, kind).await?;
    Ok(state.answer_opened(visitor, opened).await?)
}
