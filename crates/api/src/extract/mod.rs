//! From a request to what a handler works with. Every refusal is a problem; nothing a caller sent is repeated in one.

mod json;
mod knock;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use app::input::bearer;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Path, Query, Request};
use gates::{Action, Docket, Pass, Principal, Vault};
use http::request::Parts;
use http::{Extensions, Uri};
use http_body_util::BodyExt as _;
use kernel::{Face, Problem, ProblemKind, RequestContext};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use zeroize::Zeroizing;

pub(crate) use knock::{AtDoor, Knock, Knocked};

use crate::http::{BodyFate, Refused};

/// The pass for `A`: gates one to three, for requests without a body.
pub(crate) struct Gate<A: Action>(pub(crate) Pass<A>);

impl<A: Action, S: Send + Sync> FromRequestParts<S> for Gate<A>
where
    Arc<Vault>: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let vault = Arc::<Vault>::from_ref(state);
        let (principal, context) = identify(&vault, parts, A::NAME).await?;
        Ok(Self(vault.enter::<A>(principal, context).await?))
    }
}

/// The pass for `A`, and the means to pass the gates once more for as long as an answer lasts.
pub(crate) struct GateAgain<A: Action>(pub(crate) Pass<A>, pub(crate) Again);

impl<A: Action, S: Send + Sync> FromRequestParts<S> for GateAgain<A>
where
    Arc<Vault>: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let vault = Arc::<Vault>::from_ref(state);
        let (principal, context) = identify(&vault, parts, A::NAME).await?;
        let pass = vault.enter::<A>(principal, context.clone()).await?;
        let bearer = bearer(&parts.headers).map(|text| Zeroizing::new(text.to_owned()));
        Ok(Self(pass, Again { vault, bearer, context }))
    }
}

/// A credential and the request it came with, to be judged again.
pub(crate) struct Again {
    vault: Arc<Vault>,
    bearer: Option<Zeroizing<String>>,
    context: RequestContext,
}

impl Again {
    /// Gates one to three, as they stand now.
    pub(crate) async fn enter<A: Action>(&self) -> Result<Pass<A>, Problem> {
        let bearer = self.bearer.as_ref().map(|text| text.as_str());
        let principal = self.vault.authenticate(bearer, &self.context).await?;
        self.vault.enter::<A>(principal, self.context.clone()).await
    }
}

/// The pass for `A` and what was sent along, as JSON.
///
/// The caller is known before the body is read, and the transaction opens only once the body is there: a slow sender
/// holds a socket, never a connection to the database.
pub(crate) struct Submitted<A: Action, T> {
    pub(crate) pass: Pass<A>,
    pub(crate) body: T,
}

impl<A: Action, T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Submitted<A, T>
where
    Arc<Vault>: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let vault = Arc::<Vault>::from_ref(state);
        let (parts, body) = request.into_parts();
        let (principal, context) = identify(&vault, &parts, A::NAME).await?;
        let collected = body.collect().await.map_err(|_| broken_body(&parts))?;
        let pass = vault.enter::<A>(principal, context).await?;
        let body = json::read(&parts.headers, &collected.to_bytes())?;
        Ok(Self { pass, body })
    }
}

async fn identify(
    vault: &Arc<Vault>,
    parts: &Parts,
    action: &'static str,
) -> Result<(Principal, RequestContext), Problem> {
    let context = context_of(parts, vault);
    let principal = vault.authenticate(bearer(&parts.headers), &context).await?;
    note(&parts.extensions, &principal, action);
    Ok((principal, context))
}

/// Notes who sent a request and what they asked for, for the case that it is refused.
pub(crate) fn note(extensions: &Extensions, principal: &Principal, action: &'static str) {
    if let Some(docket) = extensions.get::<Docket>() {
        docket.note(principal, action);
    }
}

pub(crate) fn context_of(parts: &Parts, vault: &Vault) -> RequestContext {
    let context = parts.extensions.get::<RequestContext>().cloned();
    context.unwrap_or_else(|| RequestContext::internal(Face::Api, vault.clock(), vault.rng()))
}

pub(crate) fn broken_body(parts: &Parts) -> Problem {
    let known = parts.extensions.get::<BodyFate>().and_then(BodyFate::problem);
    known.unwrap_or_else(|| Problem::new(ProblemKind::BadRequest, "The body broke off."))
}

/// What stands in the path, as text: empty, which names nothing, when it is no text. So the caller is known before it is
/// judged.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map_or_else(|_| String::new(), |Path(text)| text)))
    }
}

/// The id in the path. What is no id names nothing, so the answer is that of an id nobody has.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::not_found())?;
        Ok(Self(id(&text)?))
    }
}

/// Two ids in the path: that of a thing, and that of something of it.
pub(crate) struct Ids<T, U>(pub(crate) T, pub(crate) U);

impl<T: FromStr, U: FromStr, S: Send + Sync> FromRequestParts<S> for Ids<T, U> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((one, other)) = path.map_err(|_| Problem::not_found())?;
        Ok(Self(id(&one)?, id(&other)?))
    }
}

/// The same, for operations with a body: there the path is read before the caller is known.
pub(crate) fn id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Most items to answer, 1 to 200; 50 when not said.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, example = 50)]
    pub(crate) limit: Option<String>,
    /// Where to go on: `next` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// The page, checked.
    pub(crate) fn page<I: FromStr>(&self) -> Result<app::input::Page<I>, Problem> {
        let after = self.cursor.as_deref().map(str::parse).transpose();
        let after =
            after.map_err(|_| Problem::invalid("/cursor", "Give `next` of the page before, unchanged."))?;
        let rows = self.limit.as_deref().map(str::parse).transpose();
        let rows = rows.map_err(|_| Problem::invalid("/limit", "Give a whole number."))?;
        app::input::Page::parse(after, rows)
    }
}

/// Reads a query string strictly: no unknown parameter, none twice.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    Query::<T>::try_from_uri(uri).map(|Query(params)| params).map_err(|_| {
        let detail = "A query parameter is unknown here, given twice or not readable; /docs lists them.";
        Problem::new(ProblemKind::BadRequest, detail)
    })
}
