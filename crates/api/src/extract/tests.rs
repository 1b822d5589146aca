use std::collections::BTreeMap;

use http::HeaderMap;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::header::CONTENT_TYPE;
use kernel::Role;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape matters")]
struct Thing {
    name: String,
    role: Option<Role>,
    numbers: Option<Vec<u8>>,
    more: Option<BTreeMap<String, bool>>,
}

fn read(media_type: &str, body: &str) -> Result<Thing, Problem> {
    let mut headers = HeaderMap::new();
    if !media_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap());
    }
    json::read(&headers, body.as_bytes())
}

#[test]
fn only_json_is_read() {
    for good in ["application/json", "Application/JSON; charset=utf-8"] {
        assert!(read(good, r#"{"name":"a"}"#).is_ok(), "{good}");
    }
    for bad in ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
        let problem = read(bad, r#"{"name":"a"}"#).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::UnsupportedMediaType, "{bad}");
    }
    assert_eq!(read("", "").unwrap_err().kind, ProblemKind::Invalid, "an empty body is an empty object");
}

#[test]
fn an_array_is_no_object_whatever_its_items() {
    for body in ["[]", r#"["a"]"#, " [\"a\", \"owner\", [], {}]"] {
        let problem = read("application/json", body).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Invalid, "{body}");
    }
}

#[test]
fn malformed_json_is_told_by_place() {
    for (body, place) in [
        ("{\n  \"name\": secret}", "line 2, column 11"),
        ("{\"name\":", "line 1, column 8"),
        ("{\"name\":\"a\"} x", "line 1, column 14"),
    ] {
        let problem = read("application/json", body).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::BadRequest);
        assert!(problem.detail.contains(place), "{body}: {}", problem.detail);
        assert!(!problem.detail.contains("secret"));
    }
    let deep = format!("{{\"name\":{}", "[".repeat(100_000));
    assert!(read("application/json", &deep).is_err());
}

#[test]
fn wrong_values_are_told_by_pointer_and_never_repeated() {
    for (body, pointer, said) in [
        (r#"{"name":7351}"#, "/name", "expected a string"),
        (r#"{"name":"a","numbers":[1,"s3cret"]}"#, "/numbers/1", "expected u8"),
        (r#"{"name":"a","numbers":[1,7351]}"#, "/numbers/1", "expected u8"),
        (r#"{"name":"a","role":"s3cret"}"#, "/role", "expected one of `reader`, `editor`, `admin`, `owner`"),
        (r#"{"name":"a","more":{"a/b~c":1}}"#, "/more/a~1b~0c", "expected a boolean"),
        (r#"{"name":"a","name":"s3cret"}"#, "", "duplicate field `name`"),
        (r"{}", "", "missing field `name`"),
        (r#"["s3cret, expected nothing"]"#, "", ""),
    ] {
        let problem = read("application/json", body).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Invalid, "{body}");
        let [error] = problem.errors.as_slice() else { panic!("{body}: {problem:?}") };
        assert_eq!(error.pointer, pointer, "{body}");
        assert!(error.detail.contains(said), "{body}: {}", error.detail);
        assert!(!error.detail.contains("s3cret") && !error.detail.contains("7351"), "{}", error.detail);
    }
    let unknown = read("application/json", r#"{"name":"a","s3cret":1}"#).unwrap_err();
    assert!(unknown.errors[0].detail.contains("expected one of `name`"));
    assert!(!unknown.errors[0].detail.contains("s3cret"));
}

#[test]
fn a_bearer_is_one_header_of_one_scheme() {
    let sent = |lines: &[&str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        bearer(&headers).map(str::to_owned)
    };
    assert_eq!(sent(&[]), None);
    assert_eq!(sent(&["Bearer abc"]).as_deref(), Some("abc"));
    assert_eq!(sent(&["bearer  abc "]).as_deref(), Some("abc"));
    for bad in [&["Basic abc"][..], &["abc"], &["Bearer a", "Bearer b"], &[""]] {
        assert_eq!(sent(bad).as_deref(), Some(""), "{bad:?}");
    }
}

#[test]
fn queries_are_strict() {
    let page = |text: &str| -> Result<app::input::Page<kernel::AgentId>, Problem> {
        query::<PageQuery>(&format!("/x?{text}").parse().unwrap())?.page()
    };
    assert_eq!(page("").unwrap().rows, 50);
    assert_eq!(page("limit=7").unwrap().rows, 7);
    assert!(page("cursor=019a0000-0000-7000-8000-000000000000").unwrap().after.is_some());
    for (bad, kind) in [
        ("limit=0", ProblemKind::Invalid),
        ("limit=201", ProblemKind::Invalid),
        ("limit=x", ProblemKind::Invalid),
        ("cursor=x", ProblemKind::Invalid),
        ("limit=1&limit=2", ProblemKind::BadRequest),
        ("colour=red", ProblemKind::BadRequest),
    ] {
        assert_eq!(page(bad).unwrap_err().kind, kind, "{bad}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let _ = json::read::<Thing>(&headers, &body);
    }

    #[test]
    fn a_string_value_never_comes_back(value in "[a-z]{12,40}") {
        let body = format!("{{\"name\":\"a\",\"numbers\":[\"{value}\"],\"role\":\"{value}\"}}");
        let problem = read("application/json", &body).unwrap_err();
        let shown = format!("{problem:?}");
        prop_assert!(!shown.contains(&value));
    }
}
