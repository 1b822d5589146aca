//! Where a person is signed in, and in which organization.

use app::accounts::own::{
    EndOtherSessions, EndOwnSession, ListOwnSessions, SwitchOrganization, end_other_sessions, end_session,
    list_sessions, switch,
};
use axum::extract;
use axum::response::Response;
use kernel::{Problem, SessionId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, Knock, Submitted};
use crate::http::Refused;
use crate::tokens::Tokens;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListOwnSessions, _>(routes!(get_sessions)))
        .routes(of::<EndOwnSession, _>(routes!(delete_session)))
        .routes(of::<EndOtherSessions, _>(routes!(post_end_others)))
        .routes(of::<SwitchOrganization, _>(routes!(post_organization)))
}

/// A place where one is signed in.
#[derive(Serialize, ToSchema)]
struct OwnSession {
    /// Its id.
    id: Uuid,
    /// The organization it is in; null for a person without one.
    organization: Option<Uuid>,
    /// That organization's name.
    organization_name: Option<String>,
    /// What signed in.
    #[schema(example = "Firefox on Linux")]
    device: String,
    /// From where it signed in, or was last seen.
    #[schema(example = "203.0.113.9")]
    address: Option<String>,
    /// How sure the server is: aal1 or aal2 (NIST SP 800-63B).
    #[schema(example = "aal2")]
    assurance: String,
    /// Whether it is a program with refresh tokens rather than a browser at the console.
    program: bool,
    /// Whether it is the one that asks.
    current: bool,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last seen, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Timestamp>,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// List one's own sessions.
///
/// Answers where one is signed in, in every organization, newest first.
#[utoipa::path(get, path = "/sessions", tag = "sessions",
    responses((status = 200, description = "The sessions, at most 200", body = List<OwnSession>)))]
async fn get_sessions(Gate(mut pass): Gate<ListOwnSessions>) -> Answered<List<OwnSession>> {
    let this = pass.account().session();
    let (found, receipt) = list_sessions(pass).await?;
    let session = |session: app::accounts::own::Session| OwnSession {
        id: session.id.uuid(),
        organization: session.organization.as_ref().map(|_| session.tenant.uuid()),
        organization_name: session.organization,
        device: session.device,
        address: session.address,
        assurance: session.assurance,
        program: session.program,
        current: session.id == this,
        created_at: session.created_at,
        seen_at: session.seen_at,
        expires_at: session.expires_at,
    };
    Ok(Answer::ok(List::whole(found.into_iter().map(session).collect()), &receipt))
}

/// End one of one's own sessions.
///
/// It opens nothing from now on, on every replica within a second.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions",
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "It has ended")))]
async fn delete_session(Gate(pass): Gate<EndOwnSession>, Id(id): Id<SessionId>) -> Result<Done, Refused> {
    Ok(Done(end_session(pass, id).await?))
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
struct Ended {
    /// So many.
    #[schema(example = 2)]
    sessions_ended: u64,
}

/// End all other sessions of one's own.
///
/// This one stays.
#[utoipa::path(post, path = "/sessions/end-others", tag = "sessions",
    responses((status = 200, description = "They have ended", body = Ended)))]
async fn post_end_others(Gate(pass): Gate<EndOtherSessions>) -> Answered<Ended> {
    let (sessions_ended, receipt) = end_other_sessions(pass).await?;
    Ok(Answer::ok(Ended { sessions_ended }, &receipt))
}

/// Where to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    /// An organization one is a member of.
    organization: Uuid,
}

/// Move to another organization.
///
/// A session is in one organization at a time. Access tokens from before open nothing any more; the answer holds the next.
#[utoipa::path(post, path = "/session/organization", tag = "sessions",
    request_body(content = Switch, example = json!({"organization": "019a0000-0000-7000-8000-000000000000"})),
    responses(
        (status = 200, description = "The session is there now", body = Tokens),
        (status = 404, description = "One is no member there, or there is no such organization"),
    ))]
async fn post_organization(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Submitted { mut pass, body }: Submitted<SwitchOrganization, Switch>,
) -> Result<Response, Refused> {
    let session = pass.account().session();
    // The secret is for a browser's cookie; a program goes on with its refresh token.
    let (_, receipt) = switch(pass, TenantId::from_uuid(body.organization)).await?;
    let answered: Result<Response, Problem> = state.answer_access(knock.visitor(), session, &receipt).await;
    Ok(answered?)
}
