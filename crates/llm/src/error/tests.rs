use super::*;

fn parse(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn every_code_has_its_own_word_and_a_status_that_fits_its_type() {
    let mut words: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), ErrorCode::ALL.len());
    for code in ErrorCode::ALL {
        let server = code.error_type() == "server_error";
        assert_eq!(server, code.http_status() >= 500, "{code:?}");
    }
}

#[test]
fn the_body_has_the_four_members_the_sdks_read() {
    let error = ApiError::new(ErrorCode::InvalidType, "`stream` must be \"true\" or \"false\"\n")
        .with_param("stream");
    let body = parse(&error.to_json());
    assert_eq!(body["error"]["message"], "`stream` must be \"true\" or \"false\"\n");
    assert_eq!(body["error"]["type"], "invalid_request_error");
    assert_eq!(body["error"]["param"], "stream");
    assert_eq!(body["error"]["code"], "invalid_type");
    assert!(parse(&ApiError::new(ErrorCode::Internal, "x").to_json())["error"]["param"].is_null());
    assert!(error.to_sse_event().starts_with("data: {\"error\":") && error.to_sse_event().ends_with("\n\n"));
    let long = ApiError::new(ErrorCode::Internal, "é".repeat(MESSAGE_BYTES_MAX));
    assert!(long.message.len() <= MESSAGE_BYTES_MAX);
}

#[test]
fn a_provider_refusal_keeps_what_the_client_can_mend_and_nothing_else() {
    let body = br#"{"error":{"message":"max_tokens is too large: 99999. See https://api.example.com/docs or ask org-abc123 (key sk-live-123). Host api.internal.example.com:443 id 1f9d8c7b6a5e4d3c2b1a0f","type":"x","param":"max_tokens","code":null}}"#;
    let error = ApiError::from_upstream(400, body);
    assert_eq!((error.code, error.http_status()), (ErrorCode::UpstreamRefused, 400));
    assert_eq!(error.param.as_deref(), Some("max_tokens"));
    assert!(error.message.contains("max_tokens is too large: 99999."), "{}", error.message);
    for leak in ["example.com", "org-abc", "sk-live", "1f9d8c"] {
        assert!(!error.message.contains(leak), "{leak}: {}", error.message);
    }
}

#[test]
fn the_gateways_own_trouble_with_a_provider_is_not_told() {
    let body =
        br#"{"error":{"message":"Incorrect API key provided: sk-proj-abcdef","code":"invalid_api_key"}}"#;
    for (status, code) in [
        (401, ErrorCode::UpstreamFailed),
        (403, ErrorCode::UpstreamFailed),
        (429, ErrorCode::UpstreamRateLimited),
        (500, ErrorCode::UpstreamFailed),
        (503, ErrorCode::Unavailable),
        (504, ErrorCode::UpstreamTimeout),
        (302, ErrorCode::UpstreamFailed),
    ] {
        let error = ApiError::from_upstream(status, body);
        assert_eq!(error.code, code, "{status}");
        assert!(!error.message.contains("sk-"), "{}", error.message);
    }
    for garbage in [&b"<html>502</html>"[..], b"", b"{", b"[]", br#"{"error":5}"#, &[0xff, 0xfe]] {
        let error = ApiError::from_upstream(400, garbage);
        assert_eq!(error.message, "The provider refused the request.");
    }
}

#[test]
fn a_body_over_the_limit_is_413_and_other_json_trouble_400() {
    let long = JsonError { kind: JsonErrorKind::TooLarge, offset: 3 };
    assert_eq!(ApiError::from(long).http_status(), 413);
    let bad = JsonError { kind: JsonErrorKind::UnexpectedEnd, offset: 3 };
    let answer = ApiError::from(bad);
    assert_eq!(answer.http_status(), 400);
    assert!(answer.message.contains("byte 3"), "{}", answer.message);
}

#[test]
fn a_problem_names_its_gate_and_the_request_beside_openais_members() {
    let body = parse(&problem_json(429, "rate-limited", "Wait 3 seconds.", None, "req-1"));
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    assert_eq!(body["error"]["type"], "rate_limit_error");
    assert_eq!(body["error"]["request_id"], "req-1");
    assert!(body["error"].get("gate").is_none() && body["error"]["param"].is_null());
    let body = parse(&problem_json(401, "unauthenticated", "Send a \"key\".", Some("token"), "r"));
    assert_eq!(
        (&body["error"]["code"], &body["error"]["gate"]),
        (&"invalid_api_key".into(), &"token".into())
    );
    assert_eq!(parse(&problem_json(502, "bad-gateway", "x", None, "r"))["error"]["code"], "bad_gateway");
    let error = ApiError::new(ErrorCode::UpstreamFailed, "x").to_json_for("r\"1");
    assert_eq!(parse(&error)["error"]["request_id"], "r\"1");
}
