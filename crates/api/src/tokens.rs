//! The answer to whoever came in: an access token in the body, the refresh token in a cookie no script can read.

use app::accounts::{NewSession, Visitor};
use app::tokens::Refreshed;
use axum::response::{IntoResponse as _, Response};
use gates::{AccessToken, Receipt};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};
use kernel::{Problem, SessionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::State;
use crate::answer::Answer;
use crate::cookies::set_refresh;
use crate::secrets::Shown;

/// An access token (RFC 6749 §5.1). The refresh token is in the cookie `portcullis_refresh`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900}))]
pub(crate) struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    #[schema(value_type = String, example = "eyJ…")]
    access_token: Shown,
    /// How to send it.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long it lives, in seconds.
    #[schema(example = 900)]
    expires_in: u64,
}

impl From<AccessToken> for Tokens {
    fn from(access: AccessToken) -> Self {
        Self { access_token: access.token.into(), token_type: "Bearer", expires_in: access.lives_seconds }
    }
}

impl State {
    /// The next access token of a session that is open.
    pub(crate) async fn access(
        &self,
        visitor: Visitor<'_>,
        session: SessionId,
    ) -> Result<AccessToken, Problem> {
        self.accounts.access_token(visitor, session).await
    }

    /// Answers with a fresh access token of a session, which goes on with the refresh token it has.
    pub(crate) async fn answer_access(
        &self,
        visitor: Visitor<'_>,
        session: SessionId,
        receipt: &Receipt,
    ) -> Result<Response, Problem> {
        let tokens = Tokens::from(self.access(visitor, session).await?);
        Ok(unkept(Answer::ok(tokens, receipt).into_response()))
    }

    /// Answers whoever has just come in.
    pub(crate) async fn answer_opened(
        &self,
        visitor: Visitor<'_>,
        opened: NewSession,
    ) -> Result<Response, Problem> {
        let mut response = self.answer_access(visitor, opened.id, &opened.receipt).await?;
        if let (Some(refresh), Some(until)) = (&opened.refresh, opened.refresh_expires_at) {
            self.keep_refresh(response.headers_mut(), &refresh.expose(), until);
        }
        Ok(response)
    }

    /// Answers whoever has refreshed.
    pub(crate) fn answer_refreshed(&self, refreshed: Refreshed) -> Response {
        let Refreshed { access, refresh, refresh_expires_at, receipt, .. } = refreshed;
        let mut response = unkept(Answer::ok(Tokens::from(access), &receipt).into_response());
        self.keep_refresh(response.headers_mut(), &refresh.expose(), refresh_expires_at);
        response
    }

    fn keep_refresh(&self, headers: &mut HeaderMap, token: &str, until: Timestamp) {
        let seconds = until.since(self.vault.clock().now()).as_secs();
        set_refresh(headers, self.accounts.site(), token, seconds);
    }
}

/// An answer that holds a secret and that nobody on the way keeps (RFC 6749 §5.1).
pub(crate) fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
