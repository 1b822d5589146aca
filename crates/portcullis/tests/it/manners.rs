//! How the house speaks HTTP, over a real socket: what every answer carries, how bad input is told, how much one
//! client may ask.

use api::http::HttpSettings;
use http::Method;
use kernel::{Need, Role};
use serde_json::Value;

use crate::house::{Answer, Ask, Build, Tenant, run, unmetered};
use crate::lists::{Cast, Operation, Who};

/// What every answer says, whatever it is.
const ALWAYS: [(&str, &str); 6] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

fn well_mannered(answer: &Answer, what: &str) {
    kept(answer, "no-store", what);
}

/// The same for an answer that says in words of its own who may keep it.
fn kept(answer: &Answer, by: &str, what: &str) {
    assert_eq!(answer.header("cache-control"), by, "{what}");
    for (name, value) in ALWAYS {
        assert_eq!(answer.header(name), value, "{what}: {name}");
    }
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
    assert!(answer.headers.get("access-control-allow-origin").is_none(), "{what}: CORS is off");
    assert!(answer.headers.get("server").is_none(), "{what}");
}

/// A refusal of the control plane or of the LLM endpoint, its shape checked; returns the problem's type or the code.
fn problem(answer: &Answer, path: &str, what: &str) -> String {
    let body = answer.json();
    let id = answer.header("x-request-id");
    if path.starts_with("/v1/") {
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert_eq!(body["error"]["request_id"], id, "{what}: {body}");
        assert!(body["error"]["message"].is_string(), "{what}: {body}");
        return body["error"]["code"].as_str().expect("a code").to_owned();
    }
    if path.starts_with("/fga/") {
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert_eq!(body["request_id"], id, "{what}: {body}");
        assert!(body["message"].is_string(), "{what}: {body}");
        return body["code"].as_str().expect("a code").to_owned();
    }
    if path.starts_with("/oauth/") {
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert!(body["error_description"].is_string(), "{what}: {body}");
        return body["error"].as_str().expect("a code").to_owned();
    }
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(body["status"], answer.status.as_u16(), "{what}: {body}");
    assert_eq!(body["instance"], path, "{what}: {body}");
    assert_eq!(body["request_id"], id, "{what}: {body}");
    body["type"].as_str().expect("a type").to_owned()
}

#[test]
fn every_answer_of_every_operation_has_the_security_headers() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        for operation in Operation::all() {
            for who in [Who::Service(Role::Owner), Who::Anonymous, Who::Service(Role::Reader), Who::Stranger]
            {
                let answer = cast.wire.ask(cast.good(&operation, who).await).await;
                let by = if operation.path.starts_with("/.well-known/") {
                    "public, max-age=300"
                } else {
                    "no-store"
                };
                kept(&answer, by, &format!("{} as {who:?} ({})", operation.id, answer.status));
            }
        }
        for ask in [
            Ask::get("/nowhere"),
            Ask::get("/v1/nowhere"),
            Ask::new(Method::DELETE, "/health"),
            Ask::new(Method::OPTIONS, "/api/v1/keys").header("origin", "https://evil.example"),
            Ask::get("/api/v1/keys").header("origin", "https://evil.example"),
        ] {
            let what = format!("{ask:?}");
            well_mannered(&cast.wire.ask(ask).await, &what);
        }
    });
}

#[test]
fn what_is_not_there_is_a_problem_that_says_so() {
    run(async |house| {
        let wire = Build::over(&house.shared().await.vault).serve().await;
        for (method, path, status, kind) in [
            (Method::GET, "/nowhere", 404, "/problems/not-found"),
            (Method::GET, "/api/v1/nowhere", 404, "/problems/not-found"),
            (Method::GET, "/v1/nowhere", 404, "unknown_url"),
            (Method::GET, "/fga/nowhere", 404, "undefined_endpoint"),
            (Method::PUT, "/fga/stores", 405, "undefined_endpoint"),
            (Method::DELETE, "/api/v1/projects", 405, "/problems/method-not-allowed"),
            (Method::PUT, "/v1/models", 405, "method_not_allowed"),
            (Method::GET, "/v1/chat/completions", 405, "method_not_allowed"),
        ] {
            let what = format!("{method} {path}");
            let answer = wire.ask(Ask::new(method, path)).await;
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            assert_eq!(problem(&answer, path, &what), kind, "{what}");
            assert_eq!(status == 405, !answer.header("allow").is_empty(), "{what}: {:?}", answer.headers);
        }
        // What a problem's type refers to is there.
        let explained = wire.ask(Ask::get("/problems/not-found")).await;
        assert_eq!((explained.status.as_u16(), &explained.json()["status"]), (200, &Value::from(404)));
    });
}

/// The path of an operation, about something of the tenant's or of nobody's.
fn path_of(operation: &Operation, cast: &Cast) -> String {
    let id = cast.tenant.agent_key_id.to_string();
    let nobody = "01HVMMBCMGZNT3SED4Z17ECXCA";
    operation.path.replace("{id}", &id).replace("{store}", nobody).replace("{model}", nobody)
}

/// Whether some role opens it: what an override alone opens is refused before its body is read.
fn is_somebodys(operation: &Operation) -> bool {
    !matches!(operation.needs, Some(Need::Permission(permission)) if permission.least_member_role().is_none())
}

/// Every operation of the control plane that takes a body, and every way to send a bad one.
#[test]
fn bad_bodies_are_refused_with_the_right_status() {
    run(async |house| {
        let desk = house.shared().await;
        let cast = Cast::gather(desk).await;
        let big = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
        let deep = "[".repeat(1 << 19);
        let own = |operation: &Operation| {
            let path = path_of(operation, &cast);
            // As somebody who may: who may not is told so before the body is read.
            cast.signed(Ask::new(operation.method.clone(), path), Who::best(operation))
        };
        for operation in
            Operation::all().iter().filter(|operation| operation.has_body && is_somebodys(operation))
        {
            let plain = operation.is_gateway() || operation.is_oauth() || operation.is_relations();
            let (unknown, type_wrong) = if plain { (400, 400) } else { (422, 415) };
            // Members that are not known are passed over; what is asked then makes no sense, or there is no such store.
            let passed_over = operation.path.contains("{store}");
            for (ask, status, what) in [
                (own(operation).json(big.clone()), 413, "too large"),
                (
                    own(operation).bare("name=x").header("content-type", "text/plain"),
                    type_wrong,
                    "another type",
                ),
                (own(operation).json("{"), 400, "half"),
                (own(operation).json(&b"{\"\xff\":1}"[..]), 400, "invalid UTF-8"),
                (own(operation).json(deep.clone()), 400, "nesting"),
                (own(operation).json("{\"never_heard_of\":1}"), unknown, "an unknown member"),
                (own(operation).json("[]"), unknown, "not an object"),
            ] {
                let what = format!("{}: {what}", operation.id);
                let answer = cast.wire.ask(ask).await;
                let clear = answer.status.as_u16();
                // Whether depth or kind is noticed first is the reader's affair.
                // Forms are small: what is deep is too large for one.
                let deep = if operation.is_form { 413 } else { 422 };
                let fine = clear == status
                    || (what.ends_with("nesting") && clear == deep)
                    || (what.ends_with("an unknown member") && passed_over && clear == 404);
                assert!(fine, "{what}: {clear} instead of {status}: {}", answer.text());
                let path = path_of(operation, &cast);
                problem(&answer, &path, &what);
                well_mannered(&answer, &what);
            }
        }
    });
}

#[test]
fn a_field_at_fault_is_named_and_not_repeated() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "Fields").await;
        let wire = Build::over(&desk.vault).serve().await;
        for (path, body, pointer) in [
            ("/api/v1/projects", r#"{"name":7331}"#, "/name"),
            ("/api/v1/projects", r#"{"name":"   "}"#, "/name"),
            ("/api/v1/keys", r#"{"name":"k","role":"7331-king"}"#, "/role"),
            ("/api/v1/providers", r#"{"name":"p","base_url":"ftp://7331.example"}"#, "/base_url"),
            (
                "/api/v1/providers",
                r#"{"name":"p","base_url":"https://x.example","models":["a", 7331]}"#,
                "/models/1",
            ),
        ] {
            let answer = wire.ask(Ask::post(path).key(&tenant.owner_key).json(body)).await;
            assert_eq!(answer.status, 422, "{body}: {}", answer.text());
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}: {}", answer.text());
            assert!(!answer.text().contains("7331"), "{body}: what was sent is repeated: {}", answer.text());
        }
    });
}

fn metered(standard: u32, llm: u32) -> HttpSettings {
    HttpSettings { rate_standard_per_minute: Some(standard), rate_llm_per_minute: Some(llm), ..unmetered() }
}

#[test]
fn too_many_requests_are_told_when_to_come_back() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "Rates").await;
        let wire = Build { settings: metered(4, 2), ..Build::over(&desk.vault) }.serve().await;
        let chat = r#"{"model":"loopback","messages":[{"role":"user","content":"Hello"}]}"#;
        let asks = [(4_u32, "standard", Ask::get("/api/v1/whoami")), (2, "llm", Ask::chat(chat))];
        for (quota, class, ask) in asks {
            let ask = ask.key(&tenant.owner_key);
            for used in 1..=quota {
                let answer = wire.ask(ask.clone()).await;
                assert_eq!(answer.status, 200, "{class} {used}: {}", answer.text());
                let left = quota - used;
                assert_eq!(answer.header("ratelimit-policy"), format!("\"{class}\";q={quota};w=60"));
                assert!(
                    answer.header("ratelimit").starts_with(&format!("\"{class}\";r={left};t=")),
                    "{:?}",
                    answer.headers
                );
                assert_eq!(answer.header("ratelimit-limit"), quota.to_string());
                assert_eq!(answer.header("ratelimit-remaining"), left.to_string());
            }
            let id = wire.request_id();
            let refused = wire.ask(ask.header("x-request-id", &id)).await;
            assert_eq!(refused.status, 429, "{class}: {}", refused.text());
            let wait: u32 = refused.header("retry-after").parse().expect("seconds");
            assert!((1..=60).contains(&wait), "{wait}");
            well_mannered(&refused, class);
            let path = if class == "llm" { "/v1/chat/completions" } else { "/api/v1/whoami" };
            problem(&refused, path, class);
            assert!(
                desk.database.entries(&id).await.is_empty(),
                "what is turned away at the door is not an event"
            );
        }
        for _ in 0..8 {
            assert_eq!(wire.ask(Ask::get("/health")).await.status, 200, "health is not counted");
        }
    });
}

#[test]
fn a_request_keeps_its_name_and_its_trace_into_the_log() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "Names").await;
        let wire = Build::over(&desk.vault).serve().await;
        let trace = "0af7651916cd43dd8448eb211c80319c";
        for path in ["/api/v1/whoami", "/v1/models"] {
            let id = wire.request_id();
            let ask = Ask::get(path)
                .key(&tenant.owner_key)
                .header("x-request-id", &id)
                .header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"));
            let answer = wire.ask(ask).await;
            assert_eq!(answer.header("x-request-id"), id);
            assert!(answer.header("traceparent").contains(trace), "{:?}", answer.headers);
            let entries = desk.database.entries(&id).await;
            let [entry] = entries.as_slice() else { panic!("{path}: {entries:?}") };
            assert_eq!(entry.leaf["trace_id"], trace);
        }
        let long = "x".repeat(129);
        for odd in ["a b", "'; drop table agent; --", "<script>", long.as_str()] {
            let ask = Ask::get("/api/v1/whoami").key(&tenant.owner_key).header("x-request-id", odd);
            let answer = wire.ask(ask).await;
            assert_eq!(answer.status, 200);
            let id = answer.header("x-request-id");
            assert!(id != odd && id.len() <= 64, "{odd:?} is carried further as {id:?}");
            assert_eq!(desk.database.entries(id).await.len(), 1, "the fresh id is that of the entry");
        }
        // A trace that is none is ignored, as the specification says.
        let bad = Ask::get("/api/v1/whoami").key(&tenant.owner_key).header("traceparent", "00-zz-zz-01");
        assert_eq!(wire.ask(bad).await.status, 200);
    });
}

#[test]
fn the_open_doors_are_open_and_say_little() {
    run(async |house| {
        let wire = Build::over(&house.shared().await.vault).serve().await;
        let health = wire.ask(Ask::get("/health")).await;
        assert_eq!((health.status.as_u16(), health.text().as_str()), (200, r#"{"status":"ok"}"#));
        assert_eq!(wire.ask(Ask::get("/ready")).await.status, 200);
        let document = wire.ask(Ask::get("/openapi.json")).await;
        assert_eq!(document.status, 200);
        assert!(document.json()["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    });
}

/// Values of an attribute in the page, by plain search: the page is the server's own.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_docs_page_works_under_its_own_policy() {
    run(async |house| {
        let wire = Build::over(&house.shared().await.vault).serve().await;
        let page = wire.ask(Ask::get("/docs")).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").starts_with("text/html"));
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let html = page.text();
        for tag in html.split("<script").skip(1) {
            let (head, rest) = tag.split_once('>').expect("a tag ends");
            assert!(
                head.contains("src=\"/") && rest.starts_with("</script>"),
                "an inline script: <script{head}>"
            );
        }
        assert!(!html.contains("<style") && !html.contains(" style=\""), "an inline style");
        let handlers = ["onclick", "onload", "onerror", "oninput", "onchange"];
        assert!(handlers.iter().all(|name| attributes(&html, name).is_empty()), "an inline handler");
        let links = attributes(&html, "src").into_iter().chain(attributes(&html, "href"));
        for link in links.filter(|link| !link.starts_with('#')) {
            assert!(link.starts_with('/') && !link.starts_with("//"), "{link} is somebody else's");
            let file = wire.ask(Ask::get(link)).await;
            assert_eq!(file.status, 200, "{link}");
            assert_eq!(file.header("x-content-type-options"), "nosniff", "{link}");
        }
        for operation in Operation::all() {
            assert!(html.contains(&operation.id), "{} is not in the page", operation.id);
        }
    });
}

#[test]
fn whoever_finds_a_weakness_is_told_whom_to_write_to() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let answer = wire.ask(Ask::get("/.well-known/security.txt")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "text/plain; charset=utf-8")
        );
        let text = answer.text();
        assert!(text.starts_with("Contact: mailto:security@example.com\n"), "{text}");
        assert!(text.contains("Canonical: http://localhost/.well-known/security.txt\n"), "{text}");
        let wire = Build { contact: None, ..Build::over(&desk.vault) }.serve().await;
        assert_eq!(wire.ask(Ask::get("/.well-known/security.txt")).await.status, 404);
    });
}
