use super::*;

const SECURITY: [(&str, &str); 8] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("content-security-policy", crate::http::CSP_ANSWERS),
];

#[tokio::test]
async fn security_headers_are_on_every_answer() {
    let house = house(HttpSettings { rate_llm_per_minute: Some(0), ..HttpSettings::default() });
    let cases = [
        ("GET", "/health", 200),
        ("GET", "/refuses", 404),
        ("GET", "/no/such/path", 404),
        ("PUT", "/health", 405),
        ("GET", "/panics", 500),
        ("POST", "/v1/chat/completions", 429),
        ("OPTIONS", "/health", 405),
        ("HEAD", "/health", 200),
    ];
    for (method, path, status) in cases {
        let response = send(&house, request(method, path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), status, "{method} {path}");
        for (name, value) in SECURITY {
            assert_eq!(header(&response, name), value, "{method} {path}");
        }
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert_ne!(header(&response, "x-request-id"), "(none)");
    }
}

#[tokio::test]
async fn a_problem_has_the_shape_of_rfc_9457() {
    let asked =
        request("GET", "/refuses?secret=1").header("x-request-id", "req-1").body(Body::empty()).unwrap();
    let response = send(&house(HttpSettings::default()), asked).await;
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    assert_eq!(
        text(response).await,
        "{\"type\":\"/problems/not-found\",\"title\":\"There is nothing here for this credential\",\"status\":404,\
         \"detail\":\"Check the id; things of other organizations answer the same way.\",\"instance\":\"/refuses\",\
         \"request_id\":\"req-1\",\"gate\":null}"
    );
}

#[tokio::test]
async fn under_v1_a_problem_has_the_shape_openai_sdks_read() {
    let asked = request("GET", "/v1/nothing").header("x-request-id", "req-1").body(Body::empty()).unwrap();
    let response = send(&house(HttpSettings::default()), asked).await;
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (404, "application/json"));
    let body: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(body["error"]["type"], "invalid_request_error");
    assert_eq!(body["error"]["request_id"], "req-1");
    assert!(body["error"]["message"].is_string() && body["error"]["code"].is_string());
}

#[tokio::test]
async fn a_panic_is_a_500_that_says_nothing_of_the_inside() {
    let response = send(&house(HttpSettings::default()), get_request("/panics")).await;
    assert_eq!(response.status(), 500);
    let body = text(response).await;
    assert!(!body.contains("secret") && body.contains("/problems/internal"), "{body}");
}

#[tokio::test]
async fn a_405_says_which_methods_there_are() {
    let response =
        send(&house(HttpSettings::default()), request("PUT", "/health").body(Body::empty()).unwrap()).await;
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET,HEAD"));
    assert!(text(response).await.contains("/problems/method-not-allowed"));
}

#[tokio::test]
async fn request_ids_are_echoed_when_harmless_and_fresh_otherwise() {
    let house = house(HttpSettings::default());
    let kept = request("GET", "/context").header("x-request-id", "req_1.a-B").body(Body::empty()).unwrap();
    let response = send(&house, kept).await;
    assert_eq!(header(&response, "x-request-id"), "req_1.a-B");
    assert_eq!(text(response).await, "req_1.a-B api Some(\"203.0.113.9\")");
    for bad in ["", "a b", "x\"y", "<script>", &"x".repeat(129)] {
        let asked = request("GET", "/health").header("x-request-id", bad).body(Body::empty()).unwrap();
        let response = send(&house, asked).await;
        let id = header(&response, "x-request-id");
        assert!(uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 7), "{bad:?} gave {id}");
    }
    let twice = request("GET", "/health").header("x-request-id", "a").header("x-request-id", "b");
    let response = send(&house, twice.body(Body::empty()).unwrap()).await;
    assert!(uuid::Uuid::parse_str(header(&response, "x-request-id")).is_ok());
}

#[tokio::test]
async fn the_trace_goes_through_and_the_face_follows_the_path() {
    let house = house(HttpSettings::default());
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let asked = request("GET", "/v1/context").header("traceparent", trace).body(Body::empty()).unwrap();
    let response = send(&house, asked).await;
    assert_eq!(header(&response, "traceparent"), trace);
    assert!(text(response).await.contains(" gateway "));
    let bad = request("GET", "/health").header("traceparent", "00-nonsense").body(Body::empty()).unwrap();
    let response = send(&house, bad).await;
    assert!(kernel::TraceContext::parse(header(&response, "traceparent")).is_some());
}

fn cross_origin(method: &str, origin: &str) -> http::request::Builder {
    request(method, "/context").header("origin", origin)
}

#[tokio::test]
async fn cors_is_off_until_an_origin_is_listed() {
    let house = house(HttpSettings::default());
    let origin = "https://console.example.com";
    let simple = send(&house, cross_origin("GET", origin).body(Body::empty()).unwrap()).await;
    assert_eq!(simple.status(), 200);
    assert_eq!(header(&simple, "access-control-allow-origin"), "(none)");
    let preflight = cross_origin("OPTIONS", origin).header("access-control-request-method", "GET");
    let refused = send(&house, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(header(&refused, "access-control-allow-origin"), "(none)");
}

#[tokio::test]
async fn a_listed_origin_may_read_and_its_neighbours_may_not() {
    let cors_origins = vec!["https://console.example.com".parse().unwrap()];
    let house = house(HttpSettings { cors_origins, ..HttpSettings::default() });
    let preflight = cross_origin("OPTIONS", "https://console.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "Authorization, x-stainless-lang, x-evil, bad name");
    let response = send(&house, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 204);
    assert_eq!(header(&response, "access-control-allow-origin"), "https://console.example.com");
    assert_eq!(header(&response, "access-control-allow-headers"), "authorization, x-stainless-lang");
    assert_eq!(header(&response, "access-control-allow-credentials"), "(none)");
    assert_eq!(header(&response, "vary"), "Origin");
    // Errors can be read by the page too, or it could not tell what went wrong.
    let failed = request("GET", "/refuses").header("origin", "https://console.example.com");
    let failed = send(&house, failed.body(Body::empty()).unwrap()).await;
    assert_eq!(header(&failed, "access-control-allow-origin"), "https://console.example.com");
    for stranger in ["https://console.example.com.evil.example", "http://console.example.com", "null"] {
        let response = send(&house, cross_origin("GET", stranger).body(Body::empty()).unwrap()).await;
        assert_eq!(header(&response, "access-control-allow-origin"), "(none)", "{stranger}");
        assert_eq!(header(&response, "vary"), "Origin");
    }
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    for good in ["https://console.example.com", "http://localhost:3000", "http://[::1]:3000"] {
        assert!(good.parse::<crate::http::CorsOrigin>().is_ok(), "{good}");
    }
    for bad in
        ["*", "null", "https://", "https://a.example/", "https://A.example", "ftp://a.example", "a.example"]
    {
        assert!(bad.parse::<crate::http::CorsOrigin>().is_err(), "{bad}");
    }
}
