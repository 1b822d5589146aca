//! Another address: asked for, confirmed, or withdrawn.

use app::accounts::address::{ChangeAddress, ConfirmAddress, WithdrawAddressChange, withdraw};
use axum::extract;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::answer::{Answer, Answered, Done};
use crate::describe::of;
use crate::extract::{Gate, Knock, Submitted};
use crate::http::Refused;
use crate::secrets::Typed;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ChangeAddress, _>(routes!(post_address)))
        .routes(of::<WithdrawAddressChange, _>(routes!(delete_address)))
        .routes(of::<ConfirmAddress, _>(routes!(post_confirm_address)))
}

/// The address wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddressChange {
    /// The new address; a link is sent there.
    #[schema(format = Email, example = "someone@example.org")]
    address: String,
}

/// Something was taken in, and more is said by mail.
#[derive(Serialize, ToSchema)]
struct Asked {
    /// What happens next.
    #[schema(example = "A letter is on its way to the new address.")]
    message: &'static str,
}

/// Change one's address.
///
/// A link goes to the new address, and nothing changes before it is followed: give what it says to
/// `/account/address/confirm`. The answer is the same whether or not the address has an account of its own.
#[utoipa::path(post, path = "/account/address", tag = "account",
    request_body(content = AddressChange, example = json!({"address": "someone@example.org"})),
    responses(
        (status = 202, description = "It was taken in; the rest is said by mail", body = Asked),
        (status = 429, description = "Too many requests, or too many letters were asked for"),
    ))]
async fn post_address(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Submitted { pass, body }: Submitted<ChangeAddress, AddressChange>,
) -> Answered<Asked> {
    let receipt = state.accounts.change_address(pass, knock.visitor(), &body.address).await?;
    let message = "A letter is on its way to the new address.";
    Ok(Answer::accepted(Asked { message }, &receipt))
}

/// Withdraw the change of one's address.
///
/// The link that was sent to the new address is dead.
#[utoipa::path(delete, path = "/account/address", tag = "account",
    responses(
        (status = 204, description = "Nothing waits to be confirmed any more"),
        (status = 404, description = "No change of address waits to be confirmed"),
    ))]
async fn delete_address(Gate(pass): Gate<WithdrawAddressChange>) -> Result<Done, Refused> {
    Ok(Done(withdraw(pass).await?))
}

/// What a link from a letter says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkBody {
    /// What stands behind `?t=` in the link.
    #[schema(value_type = String, example = "pac_…")]
    token: Typed,
}

/// Confirm a new address.
///
/// By the link that was sent to the new address, in a session of the account that asked for it: a link of another account
/// changes nothing. The old address is told.
#[utoipa::path(post, path = "/account/address/confirm", tag = "account",
    request_body(content = LinkBody, example = json!({"token": "pac_…"})),
    responses(
        (status = 204, description = "The account has the new address"),
        (status = 403, description = "Another account asked for this address"),
        (status = 404, description = "The link does not work (any more)"),
    ))]
async fn post_confirm_address(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Submitted { pass, body }: Submitted<ConfirmAddress, LinkBody>,
) -> Result<Done, Refused> {
    Ok(Done(state.accounts.confirm_address(pass, knock.visitor(), body.token.as_str()).await?))
}
