//! What handlers answer with. Every answer to a recorded action carries the id of its entry.

use axum::Json;
use axum::response::{IntoResponse, Response};
use gates::Receipt;
use http::{HeaderName, HeaderValue, StatusCode};
use kernel::EntryId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::Refused;

/// The header that names the audit entry of an answer.
pub(crate) const ENTRY_HEADER: HeaderName = HeaderName::from_static("x-portcullis-entry");

/// An answer or a refusal.
pub(crate) type Answered<T> = Result<Answer<T>, Refused>;

/// An answer.
pub(crate) struct Answer<T> {
    status: StatusCode,
    body: T,
    entry: EntryId,
}

impl<T> Answer<T> {
    /// What was asked for.
    pub(crate) fn ok(body: T, receipt: &Receipt) -> Self {
        Self { status: StatusCode::OK, body, entry: receipt.entry() }
    }

    /// Something new.
    pub(crate) fn created(body: T, receipt: &Receipt) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(body, receipt) }
    }

    /// Taken in; what comes of it is seen elsewhere.
    pub(crate) fn accepted(body: T, receipt: &Receipt) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(body, receipt) }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        put_entry(&mut response, self.entry);
        response
    }
}

/// Done, and nothing to say but that.
pub(crate) struct Done(pub(crate) Receipt);

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        put_entry(&mut response, self.0.entry());
        response
    }
}

/// Names the entry of an answer.
pub(crate) fn put_entry(response: &mut Response, entry: EntryId) {
    if let Ok(value) = HeaderValue::from_str(&entry.to_string()) {
        response.headers_mut().insert(ENTRY_HEADER, value);
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items.
    items: Vec<T>,
    /// Give it as `cursor` to get the next page; null at the end.
    next: Option<Uuid>,
}

impl<T> List<T> {
    /// A page as the house gave it.
    pub(crate) fn of<U, I>(
        listed: app::input::Listed<U, I>,
        item: impl FnMut(U) -> T,
        id: impl FnOnce(I) -> Uuid,
    ) -> Self {
        Self { items: listed.items.into_iter().map(item).collect(), next: listed.next.map(id) }
    }

    /// All there is.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
