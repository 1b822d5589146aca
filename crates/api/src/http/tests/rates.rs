use super::*;

fn call() -> Request<Body> {
    request("POST", "/v1/chat/completions").body(Body::from("{}")).unwrap()
}

#[tokio::test]
async fn ten_calls_of_a_model_in_a_minute_and_no_more() {
    let clock = Arc::new(HandClock::default());
    let house = house_at(Arc::clone(&clock), HttpSettings::default());
    for nth in 1..=10 {
        let response = send(&house, call()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "ratelimit-policy"), "\"llm\";q=10;w=60");
        assert_eq!(header(&response, "ratelimit"), format!("\"llm\";r={};t=60", 10 - nth));
        assert_eq!(header(&response, "ratelimit-limit"), "10");
        assert_eq!(header(&response, "ratelimit-remaining"), (10 - nth).to_string());
        assert_eq!(header(&response, "ratelimit-reset"), "60");
    }
    clock.forward_millis(20_000);
    let response = send(&house, call()).await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "retry-after"), "40");
    assert_eq!(header(&response, "ratelimit"), "\"llm\";r=0;t=40");
    assert_eq!(header(&response, "content-type"), "application/json");
    assert!(text(response).await.starts_with("{\"error\":{\"message\":\"This address may send 10 requests"));
    clock.forward_millis(39_999);
    assert_eq!(send(&house, call()).await.status(), 429);
    clock.forward_millis(1);
    assert_eq!(send(&house, call()).await.status(), 200);
}

#[tokio::test]
async fn classes_and_addresses_are_counted_apart() {
    let house = house(HttpSettings::default());
    for _ in 0..60 {
        assert_eq!(send(&house, get_request("/context")).await.status(), 200);
    }
    let refused = send(&house, get_request("/context")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "ratelimit-policy"), "\"standard\";q=60;w=60");
    assert_eq!(send(&house, get_request("/no/such/path")).await.status(), 429, "unknown paths count too");
    assert_eq!(send(&house, call()).await.status(), 200);
    assert_eq!(send(&house, from_address("/context", "203.0.113.10")).await.status(), 200);
    let health = send(&house, get_request("/health")).await;
    assert_eq!(health.status(), 200);
    assert_eq!(header(&health, "ratelimit"), "(none)");
}

#[tokio::test]
async fn doors_have_a_count_of_their_own() {
    let house = house(HttpSettings { rate_auth_per_minute: Some(2), ..HttpSettings::default() });
    let knock = || request("POST", "/api/v1/auth/sign-in").body(Body::from("{}")).unwrap();
    for _ in 0..2 {
        let answer = send(&house, knock()).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "ratelimit-policy")),
            (404, "\"auth\";q=2;w=60")
        );
    }
    assert_eq!(send(&house, knock()).await.status(), 429);
    assert_eq!(send(&house, get_request("/context")).await.status(), 200);
}

#[tokio::test]
async fn an_ipv6_network_is_one_client_and_proxied_clients_are_many() {
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let house =
        house(HttpSettings { rate_standard_per_minute: Some(1), trusted_proxies, ..HttpSettings::default() });
    assert_eq!(send(&house, from_address("/context", "2001:db8::1")).await.status(), 200);
    assert_eq!(send(&house, from_address("/context", "2001:db8::2")).await.status(), 429);
    for (client, status) in [("198.51.100.1", 200), ("198.51.100.2", 200), ("198.51.100.1", 429)] {
        let mut request = from_address("/context", "10.0.0.1");
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        assert_eq!(send(&house, request).await.status(), status, "{client}");
    }
    // Without a trusted proxy in between the header changes nothing.
    for status in [200, 429] {
        let mut request = from_address("/context", "203.0.113.77");
        request.headers_mut().insert("x-forwarded-for", "198.51.100.9".parse().unwrap());
        assert_eq!(send(&house, request).await.status(), status);
    }
}

#[tokio::test]
async fn a_limit_can_be_switched_off() {
    let house = house(HttpSettings { rate_llm_per_minute: None, ..HttpSettings::default() });
    for _ in 0..30 {
        let response = send(&house, call()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "ratelimit-limit"), "(none)");
    }
}

#[tokio::test]
async fn preflights_cost_nothing() {
    let cors_origins = vec!["https://console.example.com".parse().unwrap()];
    let house =
        house(HttpSettings { rate_standard_per_minute: Some(1), cors_origins, ..HttpSettings::default() });
    for _ in 0..5 {
        let preflight = request("OPTIONS", "/context")
            .header("origin", "https://console.example.com")
            .header("access-control-request-method", "GET")
            .body(Body::empty())
            .unwrap();
        assert_eq!(send(&house, preflight).await.status(), 204);
    }
    assert_eq!(send(&house, get_request("/context")).await.status(), 200);
}
