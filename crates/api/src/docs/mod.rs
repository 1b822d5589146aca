//! `/openapi.json`, and `/docs`: the description for people. The page is whole without scripts; a small one adds
//! search and copying. Nothing inline, nothing from elsewhere, so the strictest content policy holds.

mod html;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use utoipa::openapi::OpenApi;

use crate::http::CSP_PAGES;

const STYLE: &str = include_str!("viewer.css");
const SCRIPT: &str = include_str!("viewer.js");

/// The routes; page and description are made once, here.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(api: &OpenApi) -> Router<S> {
    let document = crate::pretty(api);
    let page = html::page(&serde_json::to_value(api).unwrap_or_default());
    let (document, page) = (bytes::Bytes::from(document), bytes::Bytes::from(page));
    Router::new()
        .route("/openapi.json", get(move || async move { file("application/json", document) }))
        .route("/docs", get(move || async move { file("text/html; charset=utf-8", page) }))
        .route("/docs/viewer.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/docs/viewer.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
}

fn file(media_type: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_PAGES));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests;
