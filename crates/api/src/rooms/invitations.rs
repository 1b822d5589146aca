//! Invitations that wait for an answer.

use app::invitations::{Invite, ListInvitations, RevokeInvitation, create, list, revoke};
use axum::extract;
use http::Uri;
use kernel::{AccountId, InvitationId, MemberRole, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, PageQuery, Submitted, query};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListInvitations, _>(routes!(get_invitations)))
        .routes(of::<Invite, _>(routes!(post_invitation)))
        .routes(of::<RevokeInvitation, _>(routes!(delete_invitation)))
}

/// An invitation that was neither accepted nor withdrawn.
#[derive(Serialize, ToSchema)]
struct Invitation {
    /// Its id.
    id: Uuid,
    /// The address it was sent to.
    #[schema(example = "someone@example.com")]
    address: String,
    /// The role it gives: viewer, member or admin.
    #[schema(value_type = String, example = "member")]
    role: MemberRole,
    /// The account of whoever invited; null when a service did.
    invited_by: Option<Uuid>,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Until when it can be accepted.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<app::invitations::Invitation> for Invitation {
    fn from(invitation: app::invitations::Invitation) -> Self {
        Self {
            id: invitation.id.uuid(),
            address: invitation.address,
            role: invitation.role,
            invited_by: invitation.invited_by.map(AccountId::uuid),
            made_at: invitation.made_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// List invitations.
///
/// Answers the invitations that wait for an answer, oldest first; those too old to be accepted are among them.
#[utoipa::path(get, path = "/invitations", tag = "members", params(PageQuery),
    responses((status = 200, description = "A page of invitations", body = List<Invitation>)))]
async fn get_invitations(Gate(pass): Gate<ListInvitations>, uri: Uri) -> Answered<List<Invitation>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = list(pass, page).await?;
    Ok(Answer::ok(List::of(listed, Invitation::from, InvitationId::uuid), &receipt))
}

/// Who is to be invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvitation {
    /// The address.
    #[schema(max_length = 254, example = "someone@example.com")]
    address: String,
    /// The role: viewer, member or admin.
    #[schema(value_type = String, example = "member")]
    role: MemberRole,
}

/// Invite somebody.
///
/// Sends a letter with a link that can be used once within 7 days, by whoever has or makes an account of that address.
/// An earlier invitation of the address stops working. The link is in the letter alone.
#[utoipa::path(post, path = "/invitations", tag = "members",
    request_body(content = NewInvitation, example = json!({"address": "someone@example.com", "role": "member"})),
    responses(
        (status = 201, description = "The invitation", body = Invitation),
        (status = 409, description = "The person is a member already, or too many invitations wait"),
    ))]
async fn post_invitation(
    extract::State(state): extract::State<State>,
    Submitted { pass, body }: Submitted<Invite, NewInvitation>,
) -> Answered<Invitation> {
    let (invitation, receipt) = create(pass, &body.address, body.role, &state.post).await?;
    Ok(Answer::created(invitation.into(), &receipt))
}

/// Withdraw an invitation.
///
/// Its letter leads nowhere from now on.
#[utoipa::path(delete, path = "/invitations/{id}", tag = "members",
    params(("id" = Uuid, Path, description = "The invitation")),
    responses((status = 204, description = "It is withdrawn")))]
async fn delete_invitation(
    Gate(pass): Gate<RevokeInvitation>,
    Id(id): Id<InvitationId>,
) -> Result<Done, Refused> {
    Ok(Done(revoke(pass, id).await?))
}
