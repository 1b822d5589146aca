//! `POST /oauth/token`: access tokens for agents, for themselves or on behalf of a person.

use app::tokens::{ExchangeToken, IssueToken, exchange, issue};
use axum::extract;
use axum::response::{IntoResponse as _, Response};
use gates::Action as _;
use kernel::{Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::Credential;
use super::form::{Form, Sent};
use super::refusal::{Refusal, Scheme};
use crate::State;
use crate::answer::Answer;
use crate::secrets::Shown;
use crate::tokens::unkept;

/// An agent for itself (RFC 6749 §4.4).
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// An agent on behalf of a person (RFC 8693 §2.1).
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The one type of token that is exchanged and given (RFC 8693 §3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The parameters of the two grants.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form, which is read parameter by parameter")]
pub(super) struct TokenForm {
    /// `client_credentials`, or `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The agent's id, when it is not in the header.
    client_id: Option<String>,
    /// One of the agent's API keys, when it is not in the header.
    #[schema(format = Password)]
    client_secret: Option<String>,
    /// For an exchange: the access token of the person to act for.
    subject_token: Option<String>,
    /// For an exchange: `urn:ietf:params:oauth:token-type:access_token`.
    subject_token_type: Option<String>,
    /// For an exchange: the same, or not sent.
    requested_token_type: Option<String>,
    /// Whom the token is for: this server's public URL, or not sent.
    audience: Option<String>,
    /// The same, as RFC 8707 calls it.
    resource: Option<String>,
}

/// An access token (RFC 6749 §5.1). There is no refresh token: the client asks again.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900}))]
pub(super) struct ClientTokens {
    /// Send it as `Authorization: Bearer …`.
    #[schema(value_type = String, example = "eyJ…")]
    access_token: Shown,
    /// How to send it.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long it lives, in seconds.
    #[schema(example = 900)]
    expires_in: u64,
    /// What was issued, in the answer to an exchange (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

/// What is asked for.
enum Grant<'a> {
    ForItself,
    OnBehalf { subject_token: &'a str },
}

impl<'a> Grant<'a> {
    fn read(form: &'a Form, issuer: &str) -> Result<Self, Refusal> {
        let grant = match form.need("grant_type")? {
            CLIENT_CREDENTIALS => Self::ForItself,
            TOKEN_EXCHANGE => Self::exchange(form)?,
            _ => {
                let detail = "The grants are client_credentials and token exchange (RFC 8693).";
                return Err(Refusal::of("unsupported_grant_type", detail));
            }
        };
        if form.get("scope").is_some() {
            let detail =
                "Scopes are not asked for here: a token opens what its key, and the person acted for, may.";
            return Err(Refusal::of("invalid_scope", detail));
        }
        for name in ["audience", "resource"] {
            if form.get(name).is_some_and(|target| target.trim_end_matches('/') != issuer) {
                return Err(Refusal::of(
                    "invalid_target",
                    "Tokens of this server are for this server alone.",
                ));
            }
        }
        Ok(grant)
    }

    fn exchange(form: &'a Form) -> Result<Self, Refusal> {
        let subject_token = form.need("subject_token")?;
        for (name, sent) in [
            ("subject_token_type", Some(form.need("subject_token_type")?)),
            ("requested_token_type", form.get("requested_token_type")),
        ] {
            if sent.is_some_and(|sent| sent != ACCESS_TOKEN) {
                return Err(Refusal::invalid_request(format!(
                    "The parameter {name} must be {ACCESS_TOKEN}."
                )));
            }
        }
        if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
            let detail = "Who acts is the client itself; an actor_token is not taken.";
            return Err(Refusal::invalid_request(detail));
        }
        Ok(Self::OnBehalf { subject_token })
    }
}

/// Get an access token for an agent.
///
/// The client is an agent: its id is `client_id`, one of its API keys is the secret, in the header or in the body. With
/// `client_credentials` the token is the agent's own. A token exchange (RFC 8693) with a person's access token as
/// `subject_token` gives one whose `sub` is the person and whose `act` is the agent: it opens only what both may, and ends
/// with the person's session.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth", operation_id = "token.issue",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded",
        example = json!({"grant_type": "client_credentials"})),
    responses(
        (status = 200, description = "The token", body = ClientTokens),
        (status = 400, description = "`invalid_request`, `invalid_scope`, `invalid_target` or `unsupported_grant_type`; \
                                      a `subject_token` that opens nothing is an invalid request (RFC 8693 §2.2.2)"),
        (status = 401, description = "`invalid_client`: the agent's id and key do not match, or open nothing"),
    ))]
pub(super) async fn post_token(
    extract::State(state): extract::State<State>,
    request: extract::Request,
) -> Result<Response, Refusal> {
    let sent = Sent::read(&state, request, IssueToken::NAME).await?;
    let (vault, context) = (&state.vault, &sent.context);
    let client = match Credential::read(&sent.headers, &sent.form)? {
        Credential::Nothing => None,
        Credential::Client { id, secret } => Some((id, secret)),
        // Whoever brings a token has one already.
        Credential::Bearer(_) => Some(Default::default()),
    };
    let client = client.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
    let agent = vault.authenticate_client(IssueToken::NAME, client, context).await?;
    sent.note(&agent, IssueToken::NAME);
    let grant = Grant::read(&sent.form, vault.issuer())?;
    let (access, receipt, issued_token_type) = match grant {
        Grant::ForItself => {
            let pass = vault.enter::<IssueToken>(agent, sent.context.clone()).await?;
            let (access, receipt) = issue(pass).await.map_err(bad_subject)?;
            (access, receipt, None)
        }
        Grant::OnBehalf { subject_token } => {
            let person = vault.authenticate_for(ExchangeToken::NAME, Some(subject_token), context).await;
            let person = person.map_err(bad_subject)?;
            let pass = vault.enter::<ExchangeToken>(agent, sent.context.clone()).await?;
            let (access, receipt) = exchange(pass, &person).await.map_err(bad_subject)?;
            (access, receipt, Some(ACCESS_TOKEN))
        }
    };
    let body = ClientTokens {
        access_token: access.token.into(),
        token_type: "Bearer",
        expires_in: access.lives_seconds,
        issued_token_type,
    };
    Ok(unkept(Answer::ok(body, &receipt).into_response()))
}

/// A subject that cannot be acted for makes the request invalid; it says nothing about the client (RFC 8693 §2.2.2).
fn bad_subject(problem: Problem) -> Refusal {
    match problem.kind {
        ProblemKind::Unauthenticated => Refusal::invalid_request(
            "The subject_token opens nothing (any more); it must be a person's access token.",
        ),
        ProblemKind::Forbidden | ProblemKind::MustEnrol => Refusal::invalid_request(problem.detail),
        _ => Refusal::from_problem(problem, Scheme::Basic),
    }
}
