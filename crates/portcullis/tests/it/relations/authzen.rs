//! AuthZEN: the shapes of its certification scenario (Basic, Batch, Search, Discovery) against a model that answers as its
//! fixture asks for.

use http::Method;
use serde_json::{Value, json};

use super::{Stage, put, put_model, store, take, tuple};
use crate::house::run;
use crate::house::web::Web;

/// Rules 5 to 8 of the fixture depend on properties, which reach conditions as `resource_status` and `action_soft`.
const FIXTURE: &str = "model
  schema 1.1
type user
type record
  relations
    define read: [user]
    define write: [user, user with not_archived]
    define delete: [user with soft]
condition not_archived(resource_status: string) {
  resource_status != \"archived\"
}
condition soft(action_soft: bool) {
  action_soft
}
";

async fn furnish(web: &Web) -> (String, String) {
    let store = store(web, "certified").await;
    let model = put_model(web, &store, FIXTURE).await;
    let with = |user: &str, relation: &str, object: &str, name: &str| json!({ "user": user, "relation": relation, "object": object, "condition": { "name": name } });
    put(
        web,
        &store,
        &[
            tuple("user:alice", "read", "record:record-1"),
            tuple("user:alice", "write", "record:record-1"),
            tuple("user:bob", "read", "record:record-1"),
            with("user:alice", "write", "record:record-2", "not_archived"),
            tuple("user:bob", "write", "record:record-2"),
            with("user:alice", "delete", "record:record-1", "soft"),
        ],
    )
    .await;
    (format!("{store}/access/v1"), model)
}

fn user(id: &str) -> Value {
    json!({ "type": "user", "id": id })
}

fn record(id: &str) -> Value {
    json!({ "type": "record", "id": id })
}

fn archived(id: &str) -> Value {
    json!({ "type": "record", "id": id, "properties": { "status": "archived" } })
}

fn named(name: &str) -> Value {
    json!({ "name": name })
}

fn asks(subject: impl Into<Value>, action: impl Into<Value>, resource: impl Into<Value>) -> Value {
    json!({ "subject": subject.into(), "action": action.into(), "resource": resource.into() })
}

async fn answered(web: &Web, path: &str, body: &Value) -> Value {
    let answer = web.post(path, body).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

#[test]
fn basic() {
    run(async |house| {
        let stage = Stage::set(house, "authzen_basic").await;
        let web = &stage.web;
        let (base, model) = furnish(web).await;
        let path = format!("{base}/evaluation");
        let admin = json!({ "type": "user", "id": "bob", "properties": { "role": "admin" } });
        let delete = |soft: bool| json!({ "name": "delete", "properties": { "soft": soft } });
        for (request, expected) in [
            (asks(user("alice"), named("read"), record("record-1")), true),
            (asks(user("alice"), named("write"), record("record-1")), true),
            (asks(user("bob"), named("read"), record("record-1")), true),
            (asks(user("bob"), named("write"), record("record-1")), false),
            (asks(user("alice"), named("write"), archived("record-2")), false),
            (asks(admin, named("write"), archived("record-2")), true),
            (asks(user("alice"), delete(true), record("record-1")), true),
            (asks(user("alice"), delete(false), record("record-1")), false),
        ] {
            for _ in 0..2 {
                assert_eq!(
                    answered(web, &path, &request).await,
                    json!({ "decision": expected }),
                    "{request}"
                );
            }
        }
        // What is not known is passed over, and a context changes nothing.
        let mut more = asks(user("alice"), named("read"), record("record-1"));
        more["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
        more["subject"]["properties"] = json!({ "department": "Sales" });
        more["futureField"] = json!({ "nested": true });
        let answer = web.with_header("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        let answer = answer.post(&path, &more).await.expect(200);
        assert_eq!(answer.json(), json!({ "decision": true }));
        assert_eq!(answer.header("x-request-id"), "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        assert_eq!(
            (answer.header("x-authz-revision"), answer.header("openfga-authorization-model-id")),
            ("1", &*model)
        );
        let entry = web.entry(&answer.entry()).await;
        assert_eq!(
            (&entry["kind"], &entry["action"]),
            (&json!("relations.checked"), &json!("relations.evaluate"))
        );
        assert!(!entry.to_string().contains("alice"), "{entry}");
        // As of then: before anything was written nobody could.
        take(web, base.trim_end_matches("/access/v1"), tuple("user:alice", "read", "record:record-1")).await;
        let read = asks(user("alice"), named("read"), record("record-1"));
        assert_eq!(answered(web, &path, &read).await, json!({ "decision": false }));
        assert_eq!(
            answered(&web.with_header("x-authz-at", "1"), &path, &read).await,
            json!({ "decision": true })
        );
        wrong(web, &path).await;
        stage.end().await;
    });
}

/// What lacks something or is of another type is refused with 400.
async fn wrong(web: &Web, path: &str) {
    let good = asks(user("alice"), named("read"), record("record-1"));
    for (member, inner) in [
        ("subject", None),
        ("action", None),
        ("resource", None),
        ("subject", Some("type")),
        ("subject", Some("id")),
        ("action", Some("name")),
        ("resource", Some("type")),
        ("resource", Some("id")),
    ] {
        let mut bad = good.clone();
        let within = match inner {
            None => &mut bad,
            Some(_) => &mut bad[member],
        };
        within.as_object_mut().expect("an object").remove(inner.unwrap_or(member));
        let refused = web.post(path, &bad).await.expect(400).json();
        assert_eq!(refused["code"], "validation_error", "{bad}");
    }
    for (member, value) in
        [("subject", json!("alice")), ("action", json!({ "name": 123 })), ("resource", json!(7))]
    {
        let mut bad = good.clone();
        bad[member] = value;
        web.post(path, &bad).await.expect(400);
    }
    web.post(path, &asks(user("alice"), named("fly"), record("record-1"))).await.expect(400);
    web.post(path, &json!([])).await.expect(400);
    web.post_empty(path).await.expect(400);
}

#[test]
fn batch() {
    run(async |house| {
        let stage = Stage::set(house, "authzen_batch").await;
        let web = &stage.web;
        let (base, _) = furnish(web).await;
        let path = format!("{base}/evaluations");
        let decisions = async |body: Value| -> Vec<bool> {
            let said = answered(web, &path, &body).await;
            assert!(said.get("decision").is_none(), "{said}");
            let all = said["evaluations"].as_array().expect("evaluations").clone();
            all.iter().map(|one| one["decision"].as_bool().expect("a decision")).collect()
        };
        let bob = json!({ "subject": user("bob"), "resource": record("record-1"),
                          "evaluations": [{ "action": named("read") }, { "action": named("write") }] });
        assert_eq!(decisions(bob).await, [true, false]);
        let whole = json!({ "evaluations": [asks(user("alice"), named("read"), record("record-1")),
                                            asks(user("bob"), named("write"), record("record-1"))] });
        assert_eq!(decisions(whole).await, [true, false]);
        // Each brings its own properties; what it lacks of type and id comes from the default.
        let merged = json!({ "subject": user("alice"), "action": named("write"), "resource": { "type": "record" },
                             "context": { "time": "2025-06-27T18:03-07:00" },
                             "evaluations": [{ "resource": { "id": "record-1", "properties": { "status": "active" } } },
                                             { "resource": archived("record-2"), "context": { "source": "own" } }] });
        assert_eq!(decisions(merged).await, [true, false]);
        let subjects = json!({ "action": named("write"), "resource": archived("record-2"),
                               "evaluations": [{ "subject": user("alice") }, { "subject": user("bob") }] });
        assert_eq!(decisions(subjects).await, [false, true]);
        // One that lacks something is a no among the others.
        let partly = json!({ "subject": user("alice"), "action": named("read"),
                             "evaluations": [{ "resource": record("record-1") }, {}, 7, { "resource": "record-1" }] });
        let said = answered(web, &path, &partly).await;
        assert_eq!(said["evaluations"][0], json!({ "decision": true }));
        for at in 1..4 {
            let one = &said["evaluations"][at];
            assert_eq!(
                (&one["decision"], &one["context"]["error"]["status"]),
                (&json!(false), &json!(400)),
                "{one}"
            );
        }
        let semantic = |name: &str| {
            json!({ "subject": user("alice"), "options": { "evaluations_semantic": name, "another": 1 },
                    "resource": record("record-1"),
                    "evaluations": [{ "action": named("read") }, { "action": named("delete") }, { "action": named("write") }] })
        };
        assert_eq!(decisions(semantic("execute_all")).await, [true, false, true]);
        assert_eq!(decisions(semantic("deny_on_first_deny")).await, [true, false], "a failure is a deny");
        assert_eq!(decisions(semantic("permit_on_first_permit")).await, [true]);
        web.post(&path, &semantic("toss_a_coin")).await.expect(400);
        // Without evaluations it is the other operation.
        let mut single = asks(user("alice"), named("read"), record("record-1"));
        assert_eq!(answered(web, &path, &single).await, json!({ "decision": true }));
        single["evaluations"] = json!([]);
        assert_eq!(answered(web, &path, &single).await, json!({ "decision": true }));
        let many: Vec<Value> = (0..51).map(|_| json!({})).collect();
        web.post(&path, &json!({ "subject": user("alice"), "evaluations": many })).await.expect(400);
        web.post(&path, &json!({ "evaluations": 7 })).await.expect(400);
        stage.end().await;
    });
}

#[test]
fn search_and_discovery() {
    run(async |house| {
        let stage = Stage::set(house, "authzen_search").await;
        let web = &stage.web;
        let (base, _) = furnish(web).await;
        let found = async |kind: &str, body: Value| -> Value {
            let said = answered(web, &format!("{base}/search/{kind}"), &body).await;
            assert_eq!(said["page"]["count"], json!(said["results"].as_array().expect("results").len()));
            said
        };
        let readers = asks(json!({ "type": "user" }), named("read"), record("record-1"));
        let said = found("subject", readers.clone()).await;
        assert_eq!(said["results"], json!([user("alice"), user("bob")]));
        assert_eq!(said["page"]["next_token"], "");
        let writers = asks(json!({ "type": "user" }), named("write"), archived("record-2"));
        assert_eq!(found("subject", writers).await["results"], json!([user("bob")]));
        let reads = asks(user("alice"), named("read"), json!({ "type": "record" }));
        assert_eq!(found("resource", reads).await["results"], json!([record("record-1")]));
        let mut admin = user("bob");
        admin["properties"] = json!({ "role": "admin" });
        let writes = asks(admin.clone(), named("write"), json!({ "type": "record" }));
        assert_eq!(found("resource", writes).await["results"], json!([record("record-2")]));
        let deeds = json!({ "subject": user("alice"), "resource": record("record-1") });
        assert_eq!(found("action", deeds).await["results"], json!([named("read"), named("write")]));
        let deeds = json!({ "subject": admin, "resource": archived("record-2") });
        assert_eq!(found("action", deeds).await["results"], json!([named("write")]));

        // Pages; what is written between two of them is in neither.
        let mut paged = readers;
        paged["page"] = json!({ "limit": 1 });
        let first = found("subject", paged.clone()).await;
        assert_eq!(first["results"], json!([user("alice")]));
        put(web, base.trim_end_matches("/access/v1"), &[tuple("user:adam", "read", "record:record-1")]).await;
        paged["page"] = json!({ "limit": 5, "token": first["page"]["next_token"] });
        let second = found("subject", paged).await;
        assert_eq!((&second["results"], &second["page"]["next_token"]), (&json!([user("bob")]), &json!("")));
        let mut paged =
            json!({ "subject": user("alice"), "resource": record("record-1"), "page": { "limit": 1 } });
        let first = found("action", paged.clone()).await;
        assert_eq!(first["results"], json!([named("read")]));
        paged["page"] = json!({ "token": first["page"]["next_token"] });
        let second = found("action", paged).await;
        assert_eq!(
            (&second["results"], &second["page"]["next_token"]),
            (&json!([named("write")]), &json!(""))
        );

        for (kind, body) in [
            ("subject", json!({ "action": named("read"), "resource": record("record-1") })),
            ("subject", asks(json!({}), named("read"), record("record-1"))),
            ("resource", asks(user("alice"), named("read"), json!({}))),
            ("resource", asks(json!({ "type": "user" }), named("read"), json!({ "type": "record" }))),
            ("action", json!({ "subject": user("alice") })),
            ("action", json!({ "subject": user("alice"), "resource": { "type": "planet", "id": "1" } })),
            (
                "action",
                json!({ "subject": user("alice"), "resource": record("record-1"), "page": { "token": "nowhere" } }),
            ),
        ] {
            web.post(&format!("{base}/search/{kind}"), &body).await.expect(400);
        }
        discovery(&stage, base.trim_end_matches("/access/v1")).await;
        stage.end().await;
    });
}

async fn discovery(stage: &Stage, store: &str) {
    let nobody = stage.server.web(None);
    let answer = nobody.get(&format!("/.well-known/authzen-configuration{store}")).await.expect(200);
    assert!(answer.header("content-type").starts_with("application/json"));
    let said = answer.json();
    let point = said["policy_decision_point"].as_str().expect("a URL").to_owned();
    assert!(point.starts_with("http") && point.ends_with(store), "{point}");
    for (name, path) in [
        ("access_evaluation_endpoint", "evaluation"),
        ("access_evaluations_endpoint", "evaluations"),
        ("search_subject_endpoint", "search/subject"),
        ("search_resource_endpoint", "search/resource"),
        ("search_action_endpoint", "search/action"),
    ] {
        assert_eq!(said[name], format!("{point}/access/v1/{path}"));
    }
    nobody.get("/.well-known/authzen-configuration/fga/stores/short").await.expect(400);
    let refused =
        nobody.try_call(Method::POST, &format!("{store}/access/v1/evaluation"), Some(&json!({}))).await;
    refused.expect("an answer").expect(401);
}
