//! What cannot be read is refused, and the refusal is on record like any other: once, in the caller's log, with the place
//! and the kind of problem and nothing of what was sent.

use kernel::{Need, Permission};
use serde_json::{Value, json};

use super::samples::plain_ask;
use super::{Cast, Operation, Who};
use crate::house::{Answer, Ask, Entry, run};

/// An id that nothing has: the body is read before anything is looked up.
const NOBODY: &str = "019a0000-0000-7000-8000-000000000000";
/// Stands in everything that is sent, and must stand nowhere in the log.
const MARK: &str = "zebrafinch";

/// Operations whose malformed requests leave no entry, and why. One that leaves an entry after all is to be taken out.
const NOBODY_IS_KNOWN: &[(&str, &str)] = &[
    ("account.sign_up", "a stranger at a door: whose log would it be in?"),
    ("account.verify", "a stranger at a door: the link that would say who it is cannot be read"),
    ("account.welcome", "a stranger at a door: the link that would say who it is cannot be read"),
    ("account.sign_in", "a stranger at a door: the address that would say who it is cannot be read"),
    ("account.sign_in_second", "a stranger at a door: the ticket that would say who it is cannot be read"),
    ("account.sign_in_passkey", "a stranger at a door: the answer that would say who it is cannot be read"),
    ("account.request_reset", "a stranger at a door: the answer is the same to everybody"),
    ("account.reset", "a stranger at a door: the link that would say who it is cannot be read"),
    (
        "token.issue",
        "the client's id and key are in the form that cannot be read; in the header they are known",
    ),
];

#[test]
fn what_cannot_be_read_leaves_one_entry() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        let (mut tried, mut unrecorded) = (0, Vec::new());
        for operation in Operation::all().iter().filter(|operation| operation.has_body || operation.has_query)
        {
            // What no role allows is refused before it is read.
            if operation.needs == Some(Need::Permission(Permission::PiiReveal)) {
                continue;
            }
            let who = Who::best(operation);
            let exception = NOBODY_IS_KNOWN.iter().any(|(id, _)| *id == operation.id);
            for (what, ask) in bad(operation) {
                let what = format!("{}: {what}", operation.id);
                let id = cast.wire.request_id();
                let ask = if operation.needs.is_some() { cast.signed(ask, who) } else { ask };
                let answer = cast.wire.ask(ask.header("x-request-id", &id)).await;
                assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.text());
                let entries = cast.database.entries(&id).await;
                if exception {
                    assert!(
                        entries.is_empty(),
                        "{what}: it leaves an entry now: take it out of NOBODY_IS_KNOWN"
                    );
                } else if let [entry] = entries.as_slice() {
                    judge(&cast, operation, &answer, entry, &what);
                } else {
                    unrecorded.push(format!("{what}: {} {entries:?}", answer.status));
                }
                tried += 1;
            }
        }
        assert!(unrecorded.is_empty(), "{}", unrecorded.join("\n"));
        assert!(tried > 150, "the description lost its bodies and queries: {tried}");
    });
}

/// Every exception is an operation that asks for no credential and takes something.
#[test]
fn every_exception_is_a_door() {
    let known = Operation::all();
    for (id, reason) in NOBODY_IS_KNOWN {
        let operation = known.iter().find(|operation| operation.id == *id);
        let operation = operation.unwrap_or_else(|| panic!("{id} is no operation any more: take it out"));
        assert!(operation.needs.is_none() && operation.has_body, "{id}: {reason} - that is not so");
    }
}

fn judge(cast: &Cast, operation: &Operation, answer: &Answer, entry: &Entry, what: &str) {
    let leaf = &entry.leaf;
    assert_eq!(entry.outcome(), "refused", "{what}: {leaf}");
    assert_eq!(leaf["action"], operation.id, "{what}: {leaf}");
    assert_eq!(entry.tenant, cast.tenant.id.to_string(), "{what}: the caller's own log");
    assert!(!leaf.to_string().contains(MARK), "{what}: what was sent is in the log: {leaf}");
    if operation.is_gateway() {
        return;
    }
    assert_eq!((&*entry.kind, entry.fact("stage")), ("access.denied", &json!("input")), "{what}: {leaf}");
    if !operation.is_oauth() && !operation.is_relations() {
        let kind = answer.json()["type"].as_str().expect("a type").replace("/problems/", "");
        assert_eq!(entry.fact("because"), &json!(kind), "{what}");
    }
}

/// Every way to send what cannot be read.
fn bad(operation: &Operation) -> Vec<(&'static str, Ask)> {
    let plain = |query: &str| plain_ask(operation, NOBODY, query);
    let mut all = Vec::new();
    // Whoever calls a model may send members that only its provider knows.
    if operation.has_query {
        all.push(("an unknown parameter", plain(&format!("?{MARK}=1"))));
        all.push(("a parameter twice", plain("?limit=1&limit=2")));
    }
    if !operation.has_body {
        return all;
    }
    let ask = || plain("");
    all.push(("half", ask().json(format!("{{\"{MARK}"))));
    all.push(("another type", ask().bare(format!("{MARK}=x")).header("content-type", "text/plain")));
    all.push(("not an object", ask().json(format!("[\"{MARK}\"]"))));
    all.push(("too large", ask().json(format!("{{\"name\":\"{}\"}}", MARK.repeat(200_000)))));
    if operation.is_form {
        let twice = format!("token={MARK}&token={MARK}");
        all.push(("twice", ask().bare(twice).header("content-type", "application/x-www-form-urlencoded")));
        return all;
    }
    if !operation.is_gateway() {
        all.push(("an unknown member", ask().json(format!("{{\"{MARK}\":1}}"))));
    }
    all.push(("another kind of value", ask().json(bent(operation).to_string())));
    all
}

/// The body of the description with its members bent out of shape.
fn bent(operation: &Operation) -> Value {
    let mut body = operation.example.clone().expect("an example");
    for (_, value) in body.as_object_mut().expect("an object") {
        *value = json!([{MARK: [MARK]}]);
    }
    body
}

/// What is read only by the handler: a name that is none, a page that is none, an id that is none.
#[test]
fn what_a_handler_refuses_leaves_one_entry_too() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        let project = |body: Value| Ask::post("/api/v1/projects").json(body.to_string());
        let key = |body: Value| Ask::post("/api/v1/keys").json(body.to_string());
        for (what, ask, status, action) in [
            ("an empty name", project(json!({"name": "  "})), 422, "project.create"),
            ("a name too long", project(json!({"name": MARK.repeat(50)})), 422, "project.create"),
            ("a role that is none", key(json!({"name": "k", "role": MARK})), 422, "key.create"),
            ("a page too long", Ask::get("/api/v1/agents?limit=9999"), 422, "agent.list"),
            ("a page that is none", Ask::get(format!("/api/v1/agents?limit={MARK}")), 422, "agent.list"),
            ("a cursor that is none", Ask::get(format!("/api/v1/keys?cursor={MARK}")), 422, "key.list"),
            ("an id that is none", Ask::post(format!("/api/v1/agents/{MARK}/suspend")), 404, "agent.suspend"),
            ("an id that is no text", Ask::post("/api/v1/agents/%ff/suspend"), 404, "agent.suspend"),
            (
                "an id that is no text, with a body",
                Ask::post("/api/v1/keys/%ff/rotate").json("{}"),
                404,
                "key.rotate",
            ),
            (
                "an id that is none, with a body",
                Ask::post(format!("/api/v1/keys/{MARK}/rotate")).json("{}"),
                404,
                "key.rotate",
            ),
        ] {
            let id = cast.wire.request_id();
            let answer = cast.wire.ask(ask.key(&cast.tenant.owner_key).header("x-request-id", &id)).await;
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            let entries = cast.database.entries(&id).await;
            let [entry] = entries.as_slice() else { panic!("{what}: {entries:?}") };
            assert_eq!((entry.outcome(), &entry.leaf["action"]), ("refused", &json!(action)), "{what}");
            assert!(!entry.leaf.to_string().contains(MARK), "{what}: {}", entry.leaf);
            assert_eq!(entry.leaf["actor"]["kind"], "service", "{what}");
        }
    });
}

/// A client that proves itself in the header is known, whatever its form says.
#[test]
fn a_client_known_by_its_header_is_on_record() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        let form = "application/x-www-form-urlencoded";
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            for (body, kind) in [("token=a&token=b", form), ("", form), ("{}", "application/json")] {
                let id = cast.wire.request_id();
                let ask = Ask::post(path).bare(body).header("content-type", kind).header("x-request-id", &id);
                let answer = cast.wire.ask(ask.key(&cast.tenant.owner_key)).await;
                assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
                let entries = cast.database.entries(&id).await;
                assert_eq!(entries.len(), 1, "{path} {body}: {entries:?}");
                assert_eq!(entries[0].tenant, cast.tenant.id.to_string());
            }
        }
    });
}
