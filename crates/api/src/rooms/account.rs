//! What is a person's own: name, password, second factors. Address and passkeys are next door.

use app::accounts::codes::{MakeRecoveryCodes, RecoveryCodes};
use app::accounts::events::{
    self, EndOwnDelegation, ListOwnDelegations, ListOwnEvents, end_delegation, list_delegations, list_events,
};
use app::accounts::factors::{BeginTotp, ConfirmTotp, RemoveTotp, TotpOffer};
use app::accounts::own::{ChangePassword, Own, ReadAccount, Rename, read, rename};
use app::input::Name;
use axum::extract;
use axum::response::{IntoResponse as _, Response};
use gates::Receipt;
use kernel::{AgentId, Timestamp, TotpId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::passkeys::Passkey;
use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, Knock, Submitted};
use crate::http::Refused;
use crate::secrets::{Shown, Typed};
use crate::tokens::unkept;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadAccount, _>(routes!(get_account)))
        .routes(of::<Rename, _>(routes!(patch_account)))
        .routes(of::<ChangePassword, _>(routes!(post_password)))
        .routes(of::<BeginTotp, _>(routes!(post_totp)))
        .routes(of::<ConfirmTotp, _>(routes!(post_totp_confirm)))
        .routes(of::<RemoveTotp, _>(routes!(delete_totp)))
        .routes(of::<MakeRecoveryCodes, _>(routes!(post_recovery_codes)))
        .routes(of::<ListOwnEvents, _>(routes!(get_events)))
        .routes(of::<ListOwnDelegations, _>(routes!(get_delegations)))
        .routes(of::<EndOwnDelegation, _>(routes!(delete_delegation)))
}

/// A person's account.
#[derive(Serialize, ToSchema)]
struct Account {
    /// Its id.
    id: Uuid,
    /// The address.
    #[schema(example = "someone@example.com")]
    address: String,
    /// The address it is to become, as long as that waits to be confirmed; null otherwise.
    #[schema(example = json!(null))]
    pending_address: Option<String>,
    /// The name they go by.
    name: String,
    /// When the password was set; null without one.
    #[schema(value_type = Option<String>, format = DateTime)]
    password_changed_at: Option<Timestamp>,
    /// The authenticator app, when one is enrolled.
    totps: Vec<Totp>,
    /// The passkeys.
    passkeys: Vec<Passkey>,
    /// Recovery codes left.
    recovery_codes: i64,
    /// The organizations they are a member of.
    organizations: Vec<Membership>,
}

/// An authenticator app.
#[derive(Serialize, ToSchema)]
struct Totp {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// When its first code was accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    confirmed_at: Option<Timestamp>,
}

/// An organization one is a member of.
#[derive(Serialize, ToSchema)]
struct Membership {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// One's role there.
    #[schema(example = "member")]
    role: String,
    /// Whether one owns it.
    owner: bool,
}

impl From<Own> for Account {
    fn from(own: Own) -> Self {
        let totp = |totp: app::accounts::own::Totp| Totp {
            id: totp.id.uuid(),
            name: totp.name,
            confirmed_at: totp.confirmed_at,
        };
        let membership = |home: app::accounts::Home| Membership {
            id: home.tenant.uuid(),
            name: home.name,
            role: home.role,
            owner: home.owner,
        };
        Self {
            id: own.id.uuid(),
            address: own.address,
            pending_address: own.pending_address,
            name: own.name,
            password_changed_at: own.password_changed_at,
            totps: own.totps.into_iter().map(totp).collect(),
            passkeys: own.passkeys.into_iter().map(Passkey::from).collect(),
            recovery_codes: own.recovery_codes,
            organizations: own.homes.into_iter().map(membership).collect(),
        }
    }
}

/// Read one's own account.
///
/// Answers what proves who one is, and the organizations one is a member of.
#[utoipa::path(get, path = "/account", tag = "account",
    responses((status = 200, description = "The account", body = Account)))]
async fn get_account(Gate(pass): Gate<ReadAccount>) -> Answered<Account> {
    let (own, receipt) = read(pass).await?;
    Ok(Answer::ok(own.into(), &receipt))
}

/// What is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    /// The name to go by: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "Someone")]
    name: String,
}

/// Change one's name.
///
/// Every organization one is a member of shows the new name.
#[utoipa::path(patch, path = "/account", tag = "account",
    request_body(content = AccountChange, example = json!({"name": "Someone"})),
    responses((status = 204, description = "The name is changed")))]
async fn patch_account(Submitted { pass, body }: Submitted<Rename, AccountChange>) -> Result<Done, Refused> {
    Ok(Done(rename(pass, Name::parse(body.name, "/name")?).await?))
}

/// The old password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The password in use; left out by people who have none.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    old_password: Option<Typed>,
    /// A password of at least 15 characters that is not easily guessed.
    #[schema(value_type = String, format = Password, min_length = 15)]
    new_password: Typed,
}

/// Change one's password.
///
/// All other sessions end, and links that were sent before are void.
#[utoipa::path(post, path = "/account/password", tag = "account",
    request_body(content = PasswordChange, example = json!({"new_password": "nine quiet harbours wait"})),
    responses(
        (status = 204, description = "The password is changed"),
        (status = 409, description = "It was changed meanwhile"),
        (status = 429, description = "Too many requests or too many guesses"),
    ))]
async fn post_password(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Submitted { pass, body }: Submitted<ChangePassword, PasswordChange>,
) -> Result<Done, Refused> {
    let (old, new) = (body.old_password.map(Typed::take), body.new_password.take());
    let done = state.accounts.change_password(pass, knock.visitor(), old, new).await;
    let receipt = done.map_err(|mut problem| {
        // The house calls a chosen password by one name, whatever form it stood in.
        for error in problem.errors.iter_mut().filter(|error| error.pointer == "/password") {
            "/new_password".clone_into(&mut error.pointer);
        }
        problem
    })?;
    Ok(Done(receipt))
}

/// What an authenticator app needs. It is shown this once.
#[derive(Serialize, ToSchema)]
struct Offer {
    /// As an `otpauth` URI.
    #[schema(value_type = String, example = "otpauth://totp/…")]
    uri: Shown,
    /// The secret in base 32, for typing.
    #[schema(value_type = String, example = "GEZDGNBVGY3TQOJQ…")]
    secret: Shown,
    /// The URI as a QR code, in SVG.
    #[schema(value_type = String, example = "<svg …>")]
    qr_svg: Shown,
}

impl From<TotpOffer> for Offer {
    fn from(offer: TotpOffer) -> Self {
        Self { uri: offer.uri.into(), secret: offer.secret.into(), qr_svg: offer.qr_svg.into() }
    }
}

/// Begin to enrol an authenticator app.
///
/// It counts for nothing before its first code: see `/account/totp/confirm`. A new app takes the place of the old one then.
#[utoipa::path(post, path = "/account/totp", tag = "account",
    responses((status = 201, description = "What the app needs, shown this once", body = Offer)))]
async fn post_totp(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<BeginTotp>,
) -> Result<Response, Refused> {
    let (offer, receipt) = state.accounts.begin_totp(pass).await?;
    Ok(unkept(Answer::created(Offer::from(offer), &receipt).into_response()))
}

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeBody {
    /// The code that the app shows.
    #[schema(value_type = String, example = "123456")]
    code: Typed,
}

/// Recovery codes.
#[derive(Serialize, ToSchema)]
struct Codes {
    /// The codes, shown this once; each lets in once without the second factor. Null when there are codes already.
    #[schema(value_type = Option<Vec<String>>)]
    recovery_codes: Option<Vec<Shown>>,
}

/// Codes as they are shown.
pub(super) fn shown(codes: &RecoveryCodes) -> Vec<Shown> {
    codes.iter().map(|code| Shown::new(code.expose())).collect()
}

impl Codes {
    fn answer(codes: Option<&RecoveryCodes>, receipt: &Receipt) -> Response {
        unkept(Answer::ok(Self { recovery_codes: codes.map(shown) }, receipt).into_response())
    }
}

/// Enrol the authenticator app.
///
/// With a code it shows. The first second factor comes with ten recovery codes, and the session counts as confirmed by it.
#[utoipa::path(post, path = "/account/totp/confirm", tag = "account",
    request_body(content = CodeBody, example = json!({"code": "123456"})),
    responses(
        (status = 200, description = "The app is enrolled", body = Codes),
        (status = 401, description = "Nothing was begun, or the code does not match"),
        (status = 429, description = "Too many requests or too many guesses"),
    ))]
async fn post_totp_confirm(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Submitted { pass, body }: Submitted<ConfirmTotp, CodeBody>,
) -> Result<Response, Refused> {
    let (codes, receipt) = state.accounts.confirm_totp(pass, knock.visitor(), body.code.as_str()).await?;
    Ok(Codes::answer(codes.as_ref(), &receipt))
}

/// Remove the authenticator app.
///
/// Its codes open nothing from now on. The person is told by mail.
#[utoipa::path(delete, path = "/account/totp/{id}", tag = "account",
    params(("id" = Uuid, Path, description = "The authenticator app")),
    responses((status = 204, description = "It is removed")))]
async fn delete_totp(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Gate(pass): Gate<RemoveTotp>,
    Id(id): Id<TotpId>,
) -> Result<Done, Refused> {
    Ok(Done(state.accounts.remove_totp(pass, knock.visitor(), id).await?))
}

/// Make new recovery codes.
///
/// The old ones are void.
#[utoipa::path(post, path = "/account/recovery-codes", tag = "account",
    responses((status = 200, description = "The codes, shown this once", body = Codes)))]
async fn post_recovery_codes(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Gate(pass): Gate<MakeRecoveryCodes>,
) -> Result<Response, Refused> {
    let (codes, receipt) = state.accounts.make_recovery_codes(pass, knock.visitor()).await?;
    Ok(Codes::answer(Some(&codes), &receipt))
}

/// Something that lately happened to one's account.
#[derive(Serialize, ToSchema)]
struct AccountEvent {
    /// What, in the names of the log. AUTH_FAILURE stands for attempts that were refused: those of an hour are one item.
    #[schema(example = "account.signed_in")]
    kind: String,
    /// When; of several the last.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How often.
    #[schema(example = 1)]
    count: i32,
    /// What the browser or program called itself; it proves nothing.
    #[schema(example = "Firefox on Linux")]
    device: Option<String>,
    /// From which network address.
    #[schema(example = "203.0.113.9")]
    address: Option<String>,
}

impl From<events::AccountEvent> for AccountEvent {
    fn from(event: events::AccountEvent) -> Self {
        let events::AccountEvent { kind, at, count, device, address } = event;
        Self { kind, at, count, device, address }
    }
}

/// List what lately happened to one's own account.
///
/// Answers sign-ins, changes of what proves who one is, and refused attempts, newest first.
#[utoipa::path(get, path = "/account/events", tag = "account",
    responses((status = 200, description = "What happened, at most 20 items", body = List<AccountEvent>)))]
async fn get_events(Gate(pass): Gate<ListOwnEvents>) -> Answered<List<AccountEvent>> {
    let (found, receipt) = list_events(pass).await?;
    Ok(Answer::ok(List::whole(found.into_iter().map(AccountEvent::from).collect()), &receipt))
}

/// An agent that holds an access token which acts for oneself.
#[derive(Serialize, ToSchema)]
struct Delegation {
    /// The agent.
    agent: Uuid,
    /// Its name.
    #[schema(example = "invoice-reader")]
    name: String,
    /// The organization it is of.
    organization: Uuid,
    /// That organization's name.
    organization_name: String,
    /// The session of one's own that its tokens end with.
    session: Uuid,
    /// Since when it holds such a token without a gap.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When the last one ends by itself.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

/// List the agents that act for oneself.
///
/// Answers which agents hold a living token had by token exchange (RFC 8693), in every organization.
#[utoipa::path(get, path = "/account/delegations", tag = "account",
    responses((status = 200, description = "The agents, at most 100", body = List<Delegation>)))]
async fn get_delegations(Gate(pass): Gate<ListOwnDelegations>) -> Answered<List<Delegation>> {
    let (found, receipt) = list_delegations(pass).await?;
    let delegation = |held: events::Delegation| Delegation {
        agent: held.agent.uuid(),
        name: held.name,
        organization: held.tenant.uuid(),
        organization_name: held.organization,
        session: held.session.uuid(),
        since: held.since,
        until: held.until,
    };
    Ok(Answer::ok(List::whole(found.into_iter().map(delegation).collect()), &receipt))
}

/// End what an agent holds on one's behalf.
///
/// Its tokens that act for oneself open nothing from now on, on every replica within a second, and it gets no other one for
/// the same sessions for 16 minutes: longer than the token it was handed lives. What the agent may do by itself stays.
#[utoipa::path(delete, path = "/account/delegations/{id}", tag = "account",
    params(("id" = Uuid, Path, description = "The agent")),
    responses((status = 204, description = "It has ended"), (status = 404, description = "It holds nothing")))]
async fn delete_delegation(Gate(pass): Gate<EndOwnDelegation>, Id(id): Id<AgentId>) -> Result<Done, Refused> {
    Ok(Done(end_delegation(pass, id).await?))
}
