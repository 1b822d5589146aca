//! Receipts for those who ask: signed promises that what the request left in the log is there.

use app::audit::Receipts;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use kernel::RequestContext;

/// Asks for receipts, when it is `1` in a request; carries one receipt a line in the answer.
pub const RECEIPT_HEADER: HeaderName = HeaderName::from_static("portcullis-receipt");

/// Whether the caller asks for receipts.
pub(super) fn asked(headers: &HeaderMap) -> bool {
    headers.get(RECEIPT_HEADER).is_some_and(|value| value.as_bytes() == b"1")
}

/// Puts receipts on the answers of these routes for callers who ask for them: one for each entry that was committed before
/// the head of the answer. Wrap it in [`layers`](super::layers), which reads the request's header.
pub fn with_receipts(router: Router, receipts: Receipts) -> Router {
    router.layer(from_fn_with_state(receipts, apply))
}

async fn apply(State(receipts): State<Receipts>, request: Request, next: Next) -> Response {
    let asked = request.extensions().get::<RequestContext>().map(|context| context.recorder.clone());
    let Some(recorder) = asked.filter(kernel::Recorder::is_on) else { return next.run(request).await };
    let mut response = next.run(request).await;
    for recorded in recorder.take() {
        // What happened is on record whether or not a receipt can be had; it can be asked for later.
        let Ok(signed) = receipts.sign(&recorded).await else { continue };
        if let Ok(value) = HeaderValue::from_str(&signed.text) {
            response.headers_mut().append(RECEIPT_HEADER, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_asked_for_with_a_one() {
        let mut headers = HeaderMap::new();
        assert!(!asked(&headers));
        for (value, wanted) in [("1", true), ("0", false), ("", false), ("true", false)] {
            headers.insert(RECEIPT_HEADER, HeaderValue::from_static(value));
            assert_eq!(asked(&headers), wanted, "{value}");
        }
    }
}
