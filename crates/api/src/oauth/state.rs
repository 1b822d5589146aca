//! What became of a token: asked about, and called back.

use app::tokens::{IntrospectToken, RevokeToken, introspect, revoke};
use axum::extract;
use axum::response::{IntoResponse as _, Response};
use gates::{Action, TokenFacts};
use kernel::Permission;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::client::caller;
use super::form::Sent;
use super::refusal::Refusal;
use crate::State;
use crate::answer::{Answer, put_entry};
use crate::tokens::unkept;

/// Which token.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form, which is read parameter by parameter")]
pub(super) struct WhichToken {
    /// The token.
    #[schema(example = "eyJ…")]
    token: String,
    /// What kind it is, which is found out without being told.
    token_type_hint: Option<String>,
}

/// Who acts, when it is not the subject (RFC 8693 §4.1).
#[derive(Serialize, ToSchema)]
struct Acting {
    /// The agent.
    sub: String,
}

/// What is known of a token (RFC 7662 §2.2). Of one that opens nothing, or is none of the caller's organization, nothing
/// but that.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"active": true, "sub": "019a0000-0000-7000-8000-000000000000", "scope": "models:invoke"}))]
struct Introspection {
    /// Whether it opens anything at this moment.
    active: bool,
    /// What, and of whom.
    #[serde(flatten)]
    known: Option<Known>,
}

/// The members of an active token.
#[derive(Serialize, ToSchema)]
struct Known {
    /// The permissions it opens now, separated by spaces; they may have changed since it was issued.
    #[schema(example = "models:read models:invoke")]
    scope: String,
    /// The role they come from now.
    role: &'static str,
    /// The agent it was issued to, when it was issued to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// How it is sent.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// When it ends, in seconds since 1970.
    exp: i64,
    /// When it was issued, in seconds since 1970.
    iat: i64,
    /// The person, or the agent when it acts for itself.
    sub: Uuid,
    /// Whom it is for.
    aud: String,
    /// Who issued it.
    iss: String,
    /// Its id.
    jti: Uuid,
    /// The organization.
    tenant_id: Uuid,
    /// The session, or the key, with which it ends.
    sid: Uuid,
    /// How sure the server was of the person: aal1 or aal2.
    acr: String,
    /// When the person last proved it, in seconds since 1970.
    auth_time: i64,
    /// Who acts, when it is not the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Acting>,
}

impl Introspection {
    fn of(facts: Option<TokenFacts>) -> Self {
        let known = facts.and_then(|facts| {
            let (opens, claims) = (facts.opens?, facts.claims);
            let names: Vec<&str> = opens.held().map(Permission::name).collect();
            Some(Known {
                scope: names.join(" "),
                role: opens.rank().name(),
                client_id: claims.client_id,
                token_type: "Bearer",
                exp: claims.exp,
                iat: claims.iat,
                sub: claims.sub,
                aud: claims.aud,
                iss: claims.iss,
                jti: claims.jti,
                tenant_id: claims.tenant_id.uuid(),
                sid: claims.sid,
                acr: claims.acr,
                auth_time: claims.auth_time,
                act: claims.act.map(|act| Acting { sub: act.sub }),
            })
        });
        Self { active: known.is_some(), known }
    }
}

/// Ask about a token.
///
/// Answers whether an access token of the caller's organization opens anything at this moment (RFC 7662). Everything else is
/// answered with `{"active": false}`: other organizations' tokens, API keys, words. Ask with a credential of your own, or as
/// an OAuth client.
#[utoipa::path(post, path = "/oauth/introspect", tag = "oauth",
    request_body(content = WhichToken, content_type = "application/x-www-form-urlencoded",
        example = json!({"token": "eyJ…"})),
    responses((status = 200, description = "What is known of it", body = Introspection)))]
pub(super) async fn post_introspect(
    extract::State(state): extract::State<State>,
    request: extract::Request,
) -> Result<Response, Refusal> {
    let sent = Sent::read(&state, request, IntrospectToken::NAME).await?;
    let (pass, facts) = look::<IntrospectToken>(&state, &sent).await?;
    let (facts, receipt) = introspect(pass, facts).await?;
    Ok(unkept(Answer::ok(Introspection::of(facts), &receipt).into_response()))
}

/// Call a token back.
///
/// The access token opens nothing from now on, on every replica within a second (RFC 7009). A token of another organization,
/// or none at all, is answered alike. Sessions, with their refresh tokens, are ended by signing out.
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth",
    request_body(content = WhichToken, content_type = "application/x-www-form-urlencoded",
        example = json!({"token": "eyJ…"})),
    responses((status = 200, description = "It opens nothing (any more)", body = Revoked)))]
pub(super) async fn post_revoke(
    extract::State(state): extract::State<State>,
    request: extract::Request,
) -> Result<Response, Refusal> {
    let sent = Sent::read(&state, request, RevokeToken::NAME).await?;
    let (pass, facts) = look::<RevokeToken>(&state, &sent).await?;
    let receipt = revoke(pass, facts.as_ref()).await?;
    let mut response = unkept(axum::Json(Revoked {}).into_response());
    put_entry(&mut response, receipt.entry());
    Ok(response)
}

/// Nothing: an empty object.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({}))]
pub(super) struct Revoked {}

/// Gates one to three for the caller, and what the token says.
async fn look<A: Action>(
    state: &State,
    sent: &Sent,
) -> Result<(gates::Pass<A>, Option<TokenFacts>), Refusal> {
    let vault = &state.vault;
    let (who, scheme) = caller(state, sent, A::NAME).await?;
    let token = sent.form.need("token")?;
    let facts = vault.token_facts(token, &sent.context).await?;
    let pass = vault.enter::<A>(who, sent.context.clone()).await;
    let pass = pass.map_err(|problem| Refusal::from_problem(problem, scheme))?;
    Ok((pass, facts))
}
