use axum::body::to_bytes;
use http::Request;
use http::header::AUTHORIZATION;
use kernel::{Gate, Rng, SystemClock};

use super::*;

pub(crate) struct Ones;

impl Rng for Ones {
    fn fill(&self, out: &mut [u8]) {
        out.fill(1);
    }
}

pub(crate) fn context() -> RequestContext {
    RequestContext::internal(Face::Gateway, &SystemClock, &Ones)
}

fn parts(headers: &[&str]) -> Parts {
    let mut request = Request::builder();
    for value in headers {
        request = request.header(AUTHORIZATION, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn a_credential_is_read_from_one_bearer_header_and_nothing_else() {
    let read = |headers: &[&str]| app::input::bearer(&parts(headers).headers).map(str::to_owned);
    assert_eq!(read(&[]), None, "no header is no credential: gate one");
    assert_eq!(read(&["Bearer pcl_x"]).as_deref(), Some("pcl_x"));
    assert_eq!(read(&["bEaReR  pcl_x "]).as_deref(), Some("pcl_x"));
    for bad in [&["Basic pcl_x"][..], &["pcl_x"], &["Bearer"], &["Bearer a", "Bearer b"]] {
        assert_eq!(read(bad).as_deref(), Some(""), "{bad:?}: a credential that opens nothing");
    }
}

#[tokio::test]
async fn a_gates_refusal_has_openais_shape_and_names_the_gate() {
    let context = context();
    let problem = Problem::at(Gate::Token, ProblemKind::Forbidden, "It needs models:invoke.").retry_after(3);
    let response = openai_error(&problem, &context);
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["x-request-id"], context.id.as_str());
    assert_eq!(response.headers()["retry-after"], "3");
    let body = to_bytes(response.into_body(), 4096).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"]["code"], "permission_denied");
    assert_eq!(body["error"]["gate"], "token");
    assert_eq!(body["error"]["request_id"], context.id.as_str());
    assert!(body["error"]["message"].as_str().unwrap().ends_with("It needs models:invoke."));
    let unknown = Problem::at(Gate::Identity, ProblemKind::Unauthenticated, "x");
    assert_eq!(openai_error(&unknown, &context).headers()["www-authenticate"], "Bearer");
    assert_eq!(openai_error(&Problem::invalid("/x", "y"), &context).status(), 400);
}
