//! Passkeys: enrolling, naming and removing them. Signing in with one is next door.

use app::accounts::passkeys::{AddPasskey, BeginPasskey, RemovePasskey, RenamePasskey, rename};
use app::input::Name;
use axum::extract;
use axum::response::{IntoResponse as _, Response};
use kernel::{PasskeyId, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::account::shown;
use crate::State;
use crate::answer::{Answer, Done};
use crate::describe::of;
use crate::extract::{Gate, Id, Knock, Segment, Submitted, id};
use crate::http::Refused;
use crate::secrets::{Shown, Typed};
use crate::tokens::unkept;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<BeginPasskey, _>(routes!(post_passkey)))
        .routes(of::<AddPasskey, _>(routes!(post_passkey_confirm)))
        .routes(of::<RenamePasskey, _>(routes!(patch_passkey)))
        .routes(of::<RemovePasskey, _>(routes!(delete_passkey)))
}

/// A passkey.
#[derive(Serialize, ToSchema)]
pub(super) struct Passkey {
    /// Its id.
    id: Uuid,
    /// What its owner calls it.
    name: String,
    /// Who made the authenticator, where that is known.
    provider: Option<String>,
    /// When it was enrolled.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last used.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl From<app::accounts::own::Passkey> for Passkey {
    fn from(passkey: app::accounts::own::Passkey) -> Self {
        Self {
            id: passkey.id.uuid(),
            name: passkey.name,
            provider: passkey.provider,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        }
    }
}

/// A ceremony for the browser.
#[derive(Serialize, ToSchema)]
pub(super) struct Ceremony {
    /// Names the ceremony in the second request.
    #[schema(value_type = String, example = "pce_…")]
    ceremony: Shown,
    /// What the browser is asked, in the JSON of WebAuthn level 3.
    #[schema(value_type = Object)]
    options: serde_json::Value,
}

impl Ceremony {
    /// As the house began it.
    pub(super) fn of(begun: &app::accounts::passkeys::Ceremony) -> Result<Self, Problem> {
        let options = serde_json::from_str(&begun.options).map_err(|_| Problem::internal())?;
        Ok(Self { ceremony: Shown::new(begun.token.expose()), options })
    }
}

/// Begin to enrol a passkey.
///
/// Give `options` to `PublicKeyCredential.parseCreationOptionsFromJSON`, and the answer to `/account/passkeys/confirm`.
#[utoipa::path(post, path = "/account/passkeys", tag = "account",
    responses(
        (status = 201, description = "A ceremony for the browser; it can be finished for 5 minutes", body = Ceremony),
        (status = 409, description = "There are too many passkeys, or this server is reached by a bare number"),
    ))]
async fn post_passkey(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<BeginPasskey>,
) -> Result<Response, Refused> {
    let (begun, receipt) = state.accounts.begin_passkey(pass).await?;
    Ok(unkept(Answer::created(Ceremony::of(&begun)?, &receipt).into_response()))
}

/// A passkey just made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPasskey {
    /// The ceremony that was begun.
    #[schema(value_type = String, example = "pce_…")]
    ceremony: Typed,
    /// The browser's answer: `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    answer: serde_json::Value,
    /// What to call it: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "laptop")]
    name: String,
}

/// A passkey that is enrolled.
#[derive(Serialize, ToSchema)]
struct Enrolled {
    /// Its id.
    id: Uuid,
    /// Recovery codes, shown this once; each lets in once without the second factor. Null when there are codes already.
    #[schema(value_type = Option<Vec<String>>)]
    recovery_codes: Option<Vec<Shown>>,
}

/// Enrol the passkey.
///
/// With the browser's answer. The first second factor comes with ten recovery codes, and the session counts as confirmed by
/// it. The person is told by mail.
#[utoipa::path(post, path = "/account/passkeys/confirm", tag = "account",
    request_body(content = NewPasskey, example = json!({"ceremony": "pce_…", "answer": {}, "name": "laptop"})),
    responses(
        (status = 201, description = "It is enrolled", body = Enrolled),
        (status = 401, description = "The ceremony is over, or the passkey is not accepted"),
        (status = 409, description = "It is enrolled already"),
    ))]
async fn post_passkey_confirm(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Submitted { pass, body }: Submitted<AddPasskey, NewPasskey>,
) -> Result<Response, Refused> {
    let name = Name::parse(body.name, "/name")?;
    let (ceremony, answer) = (body.ceremony, body.answer.to_string());
    let added = state.accounts.add_passkey(pass, knock.visitor(), ceremony.as_str(), &answer, name).await;
    let (id, codes, receipt) = added?;
    let enrolled = Enrolled { id: id.uuid(), recovery_codes: codes.as_ref().map(shown) };
    Ok(unkept(Answer::created(enrolled, &receipt).into_response()))
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyChange {
    /// What to call it: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "laptop")]
    name: String,
}

/// Rename a passkey.
///
/// The name is for its owner alone.
#[utoipa::path(patch, path = "/account/passkeys/{id}", tag = "account",
    params(("id" = Uuid, Path, description = "The passkey")),
    request_body(content = PasskeyChange, example = json!({"name": "laptop"})),
    responses((status = 204, description = "It has the name")))]
async fn patch_passkey(
    Segment(passkey): Segment,
    Submitted { pass, body }: Submitted<RenamePasskey, PasskeyChange>,
) -> Result<Done, Refused> {
    let id: PasskeyId = id(&passkey)?;
    Ok(Done(rename(pass, id, Name::parse(body.name, "/name")?).await?))
}

/// Remove a passkey.
///
/// It opens nothing from now on. A person without a password keeps the last one. The person is told by mail.
#[utoipa::path(delete, path = "/account/passkeys/{id}", tag = "account",
    params(("id" = Uuid, Path, description = "The passkey")),
    responses(
        (status = 204, description = "It is removed"),
        (status = 409, description = "It is the only way in"),
    ))]
async fn delete_passkey(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Gate(pass): Gate<RemovePasskey>,
    Id(id): Id<PasskeyId>,
) -> Result<Done, Refused> {
    Ok(Done(state.accounts.remove_passkey(pass, knock.visitor(), id).await?))
}
