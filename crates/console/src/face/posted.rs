//! A form or a script's JSON that was sent, after its token and its origin were checked.

use std::collections::HashMap;

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName};
use http_body_util::{BodyExt as _, Limited};
use kernel::{Problem, ProblemKind};
use zeroize::Zeroizing;

use super::State;
use super::answer::Answer;
use super::visit::Visit;
use crate::parts::Form;

/// Largest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 128 * 1_024;
/// Largest form that carries a whole file, in bytes. The server's own limit for bodies may be lower.
const FILE_FORM_BYTES_MAX: usize = 2 * 1_048_576;
/// Most fields of a form.
const FIELDS_MAX: usize = 100;
/// Where scripts put the form's token.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// A form that was sent.
pub(super) struct Posted {
    pub(super) visit: Visit,
    fields: HashMap<String, Vec<Zeroizing<String>>>,
}

/// A form that carries a whole file as text.
pub(super) struct PostedFile(pub(super) Posted);

/// A script's JSON that was sent.
pub(super) struct Script {
    pub(super) visit: Visit,
    pub(super) body: serde_json::Value,
}

fn forged() -> Problem {
    let detail = "This form is not from the page you have open, or it waited too long. Open the page again and send it anew.";
    Problem::new(ProblemKind::Forbidden, detail)
}

/// Whether a browser says that the request comes from this site: two ways, because old ones know only one.
fn is_ours(headers: &HeaderMap, visit: &Visit) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let fetched = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if fetched.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    match text(&ORIGIN) {
        None => true,
        // Our pages send no referrer, and with it browsers withhold the origin of a form; the other header speaks then.
        Some("null") => fetched == Some("same-origin"),
        Some(origin) => {
            origin == visit.site().origin()
                || text(&HOST)
                    .is_some_and(|host| !visit.site().is_secure() && origin == format!("http://{host}"))
        }
    }
}

async fn collected(
    request: Request,
    state: &State,
    bytes_max: usize,
) -> Result<(Visit, HeaderMap, Zeroizing<Vec<u8>>), Answer> {
    let (mut parts, body) = request.into_parts();
    let visit = Visit::from_request_parts(&mut parts, state).await?;
    if !is_ours(&parts.headers, &visit) {
        return Err(visit.refused(&forged()));
    }
    let read = Limited::new(body, bytes_max).collect().await;
    let bytes = read.map_err(|_| {
        visit.refused(&Problem::new(ProblemKind::TooLarge, "The form is larger than any of ours."))
    })?;
    Ok((visit, parts.headers, Zeroizing::new(bytes.to_bytes().to_vec())))
}

fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

impl FromRequest<State> for Posted {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &State) -> Result<Self, Answer> {
        Self::read(request, state, FORM_BYTES_MAX).await
    }
}

impl FromRequest<State> for PostedFile {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &State) -> Result<Self, Answer> {
        Posted::read(request, state, FILE_FORM_BYTES_MAX).await.map(Self)
    }
}

impl Posted {
    async fn read(request: Request, state: &State, bytes_max: usize) -> Result<Self, Answer> {
        let (visit, headers, bytes) = collected(request, state, bytes_max).await?;
        if !is_type(&headers, "application/x-www-form-urlencoded") {
            return Err(visit.refused(&Problem::new(ProblemKind::UnsupportedMediaType, "Send a form.")));
        }
        let mut fields: HashMap<String, Vec<Zeroizing<String>>> = HashMap::new();
        for (name, value) in form_urlencoded::parse(&bytes).take(FIELDS_MAX) {
            fields.entry(name.into_owned()).or_default().push(Zeroizing::new(value.into_owned()));
        }
        let posted = Self { visit, fields };
        if !posted.visit.is_csrf(posted.get("csrf")) {
            return Err(posted.visit.refused(&forged()));
        }
        Ok(posted)
    }
}

impl FromRequest<State> for Script {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &State) -> Result<Self, Answer> {
        let (visit, headers, bytes) = collected(request, state, FORM_BYTES_MAX).await?;
        let token = headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !is_type(&headers, "application/json") || !visit.is_csrf(token) {
            return Err(Answer::json_problem(&forged()));
        }
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Self { visit, body }),
            Err(_) => Err(Answer::json_problem(&Problem::new(ProblemKind::BadRequest, "That is no JSON."))),
        }
    }
}

impl Posted {
    /// A field; empty when it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.get(name).and_then(|values| values.first()).map_or("", |value| value.as_str())
    }

    /// All values of a field.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.fields.get(name).into_iter().flatten().map(|value| value.to_string()).collect()
    }

    /// A field that may be left empty.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A form with these fields as they were sent; secrets are left out by whoever names them.
    pub(super) fn form(&self, names: &[&'static str]) -> Form {
        names.iter().fold(Form::blank(), |form, name| form.with(*name, self.get(name)))
    }

    /// `path` with these fields in its query, for a form that is come back to after a confirmation. For what may stand in
    /// an address: never a secret, never prose.
    pub(super) fn kept_in(&self, path: &str, names: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in names {
            query.extend_pairs(self.all(name).iter().map(|value| (*name, value.as_str())));
        }
        format!("{path}?{}", query.finish())
    }

    /// The page to go to afterwards.
    pub(super) fn return_to(&self) -> Option<String> {
        super::visit::safe_path(self.get("return"))
    }
}

impl Script {
    /// A member that is text.
    pub(super) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The browser's credential, as JSON text.
    pub(super) fn credential(&self) -> String {
        self.body["credential"].to_string()
    }
}
