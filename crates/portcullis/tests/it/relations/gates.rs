//! The five gates around relations: who may write and ask, whose stores are whose, what is on record, and what becomes of
//! what cannot be read.

use http::Method;
use serde_json::{Value, json};

use super::{DOCUMENTS, Stage, allowed, put, put_model, store, take, tuple};
use crate::house::run;
use crate::house::{Tenant, web::Web};

/// More than one page of a list of objects.
const OBJECTS: usize = 1_250;
const FAST: &str = "MINIMIZE_LATENCY";

#[test]
fn what_is_written_counts_at_once_and_is_on_record() {
    run(async |house| {
        let stage = Stage::set(house, "fga_record").await;
        let web = &stage.web;
        let store = store(web, "documents").await;
        // A store without a model answers nothing.
        let nobody = json!({ "tuple_key": tuple("user:a", "viewer", "document:1") });
        let early = web.post(&format!("{store}/check"), &nobody).await.expect(400).json();
        assert_eq!(early["code"], "latest_authorization_model_not_found");
        let model = put_model(web, &store, DOCUMENTS).await;

        let asked = || tuple("user:anne", "viewer", "document:1");
        assert!(!allowed(web, &store, asked(), FAST).await);
        let way = [tuple("folder:a", "parent", "document:1"), tuple("user:anne", "viewer", "folder:a")];
        assert_eq!(put(web, &store, &way).await, 1);
        assert!(allowed(web, &store, asked(), FAST).await, "what this process wrote counts here at once");
        take(web, &store, tuple("user:anne", "viewer", "folder:a")).await;
        assert!(!allowed(web, &store, asked(), FAST).await, "and so does what it took away");
        put(web, &store, &[tuple("user:anne", "owner", "document:1")]).await;

        let answer = web.post(&format!("{store}/check"), &json!({ "tuple_key": asked() })).await.expect(200);
        assert_eq!(answer.json(), json!({ "allowed": true, "resolution": "" }));
        assert_eq!(
            (answer.header("x-authz-revision"), answer.header("openfga-authorization-model-id")),
            ("3", model.as_str())
        );
        assert!(!answer.header("fga-request-id").is_empty());
        let entry = web.entry(&answer.entry()).await;
        assert_eq!(entry["kind"], "relations.checked");
        let data = &entry["data"];
        assert_eq!((&data["checks"], &data["allowed"], &data["revision"]), (&json!(1), &json!(1), &json!(3)));
        assert!(!entry.to_string().contains("anne"), "whom it was about is no business of the log: {entry}");

        let written = web.entries("relations.written").await;
        let counts: Vec<_> =
            written.iter().map(|entry| (&entry["data"]["written"], &entry["data"]["deleted"])).collect();
        for expected in [(&json!(2), &json!(0)), (&json!(0), &json!(1)), (&json!(1), &json!(0))] {
            assert!(counts.contains(&expected), "{expected:?} is not in {counts:?}");
        }
        let denied = web.post(&format!("{store}/write"), &json!({})).await.expect(400);
        assert_eq!(denied.json()["code"], "invalid_write_input");
        let failed = web.entries("relations.written").await;
        assert_eq!(failed.len(), written.len() + 1, "what was not done is on record too");
        stage.end().await;
    });
}

#[test]
fn a_store_of_another_organization_does_not_exist() {
    run(async |house| {
        let stage = Stage::set(house, "fga_tenants").await;
        let vault = stage.database.vault().await.expect("served");
        let other = Tenant::make(&vault, "fga_other").await;
        vault.close();
        let stranger = stage.server.web(other.owner_key.expose().to_owned());
        let store = store(&stage.web, "documents").await;
        let model = put_model(&stage.web, &store, DOCUMENTS).await;
        put(&stage.web, &store, &[tuple("user:anne", "owner", "document:1")]).await;
        let question = json!({ "tuple_key": tuple("user:anne", "viewer", "document:1") });
        let users = json!({ "object": { "type": "document", "id": "1" }, "relation": "viewer",
                            "user_filters": [{ "type": "user" }] });
        let objects = json!({ "user": "user:anne", "relation": "viewer", "type": "document" });
        let expand = json!({ "tuple_key": { "relation": "viewer", "object": "document:1" } });
        let batch = json!({ "checks": [{ "tuple_key": tuple("user:anne", "viewer", "document:1"), "correlation_id": "a" }] });
        let write = json!({ "writes": { "tuple_keys": [tuple("user:eve", "owner", "document:1")] } });
        let decision = json!({ "subject": { "type": "user", "id": "anne" }, "action": { "name": "viewer" },
                               "resource": { "type": "document", "id": "1" } });
        let supposed = json!({ "suppose": { "writes": { "tuple_keys": [tuple("user:anne", "viewer", "document:1")] } },
                               "check": tuple("user:anne", "viewer", "document:1") });
        let all = [
            (Method::GET, String::new(), None),
            (Method::DELETE, String::new(), None),
            (Method::GET, "/authorization-models".to_owned(), None),
            (Method::POST, "/authorization-models".to_owned(), Some(super::model(DOCUMENTS))),
            (Method::GET, format!("/authorization-models/{model}"), None),
            (Method::GET, format!("/assertions/{model}"), None),
            (Method::PUT, format!("/assertions/{model}"), Some(json!({ "assertions": [] }))),
            (Method::POST, "/write".to_owned(), Some(write)),
            (Method::POST, "/read".to_owned(), Some(json!({}))),
            (Method::GET, "/changes".to_owned(), None),
            (Method::POST, "/check".to_owned(), Some(question.clone())),
            (Method::POST, "/explain".to_owned(), Some(question.clone())),
            (Method::POST, "/what-if".to_owned(), Some(supposed)),
            (Method::POST, "/access/v1/evaluation".to_owned(), Some(decision.clone())),
            (Method::POST, "/access/v1/evaluations".to_owned(), Some(decision.clone())),
            (Method::POST, "/access/v1/search/subject".to_owned(), Some(decision.clone())),
            (Method::POST, "/access/v1/search/resource".to_owned(), Some(decision.clone())),
            (Method::POST, "/access/v1/search/action".to_owned(), Some(decision)),
            (Method::POST, "/access-review".to_owned(), Some(json!({ "user": "user:anne" }))),
            (Method::POST, "/batch-check".to_owned(), Some(batch)),
            (Method::POST, "/expand".to_owned(), Some(expand)),
            (Method::POST, "/list-objects".to_owned(), Some(objects.clone())),
            (Method::POST, "/streamed-list-objects".to_owned(), Some(objects)),
            (Method::POST, "/list-users".to_owned(), Some(users)),
        ];
        let nobody = "/fga/stores/01HVMMBCMGZNT3SED4Z17ECXCA";
        for (method, path, body) in &all {
            let theirs = stranger
                .try_call(method.clone(), &format!("{store}{path}"), body.as_ref())
                .await
                .expect("an answer");
            let none = stranger
                .try_call(method.clone(), &format!("{nobody}{path}"), body.as_ref())
                .await
                .expect("an answer");
            let (theirs, none) = (theirs.expect(404).json(), none.expect(404).json());
            assert_eq!(theirs["code"], "store_id_not_found", "{method} {path}");
            // Nothing tells somebody else's from nobody's.
            assert_eq!(
                (&theirs["code"], &theirs["message"]),
                (&none["code"], &none["message"]),
                "{method} {path}"
            );
        }
        let seen = stranger.get("/fga/stores?name=documents").await.expect(200).json();
        assert_eq!(seen["stores"], json!([]));
        // Its owner sees what it was, unchanged.
        let read = stage.web.post(&format!("{store}/read"), &json!({})).await.expect(200).json();
        assert_eq!(read["tuples"].as_array().expect("tuples").len(), 1);
        stage.end().await;
    });
}

#[test]
fn an_agent_may_ask_and_never_write() {
    run(async |house| {
        let stage = Stage::set(house, "fga_agent").await;
        let store = store(&stage.web, "documents").await;
        put_model(&stage.web, &store, DOCUMENTS).await;
        let agent = stage.server.web(stage.tenant.agent_key.expose().to_owned());
        let question = json!({ "tuple_key": tuple("user:anne", "viewer", "document:1") });
        agent.post(&format!("{store}/check"), &question).await.expect(200);
        let write = json!({ "writes": { "tuple_keys": [tuple("user:eve", "owner", "document:1")] } });
        let refused = agent.post(&format!("{store}/write"), &write).await.expect(403).json();
        assert_eq!(refused["code"], "forbidden");
        agent.post("/fga/stores", &json!({ "name": "mine" })).await.expect(403);
        agent.post(&format!("{store}/authorization-models"), &super::model(DOCUMENTS)).await.expect(403);
        agent.delete(&store).await.expect(403);
        let nobody = stage.server.web(None);
        let refused = nobody.post(&format!("{store}/check"), &question).await.expect(401);
        assert_eq!(refused.json()["code"], "bearer_token_missing");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        stage.end().await;
    });
}

/// Sends a body that may be anything.
async fn refused(web: &Web, path: &str, body: Value) -> (u16, String) {
    let answer = web.post(path, &body).await;
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// A path, a body, and the status and the code it is refused with.
type Wrong = (&'static str, Value, u16, &'static str);

fn anne() -> Value {
    tuple("user:anne", "owner", "document:1")
}

fn wrong_writes() -> Vec<Wrong> {
    let write = |tuples: Value| json!({ "writes": { "tuple_keys": tuples } });
    let many: Vec<Value> = (0..101).map(|n| tuple(&format!("user:{n}"), "owner", "document:1")).collect();
    let conditional = json!({ "user": "user:bob", "relation": "viewer", "object": "document:1",
                              "condition": { "name": "in_hours", "context": { "hour": "noon" } } });
    vec![
        ("/write", write(json!([anne()])), 400, "write_failed_due_to_invalid_input"),
        (
            "/write",
            write(json!([tuple("user:bob", "owner", "document:1"), anne()])),
            400,
            "write_failed_due_to_invalid_input",
        ),
        (
            "/write",
            json!({ "deletes": { "tuple_keys": [tuple("user:bob", "owner", "document:1")] } }),
            400,
            "write_failed_due_to_invalid_input",
        ),
        (
            "/write",
            write(json!([
                tuple("user:bob", "owner", "document:1"),
                tuple("user:bob", "owner", "document:1")
            ])),
            400,
            "cannot_allow_duplicate_tuples_in_one_request",
        ),
        ("/write", write(json!(many)), 400, "exceeded_entity_limit"),
        ("/write", write(json!([tuple("user:bob", "friend", "document:1")])), 400, "validation_error"),
        ("/write", write(json!([tuple("cat:tom", "owner", "document:1")])), 400, "validation_error"),
        ("/write", write(json!([tuple("group:a#member", "owner", "document:1")])), 400, "validation_error"),
        ("/write", write(json!([tuple("bob", "owner", "document:1")])), 400, "validation_error"),
        ("/write", write(json!([conditional])), 400, "validation_error"),
        ("/write", json!({ "writes": 7 }), 400, "validation_error"),
        (
            "/write",
            json!({ "writes": { "tuple_keys": [anne()], "on_duplicate": "perhaps" } }),
            400,
            "validation_error",
        ),
    ]
}

fn wrong_questions() -> Vec<Wrong> {
    vec![
        (
            "/check",
            json!({ "tuple_key": tuple("user:anne", "friend", "document:1") }),
            400,
            "validation_error",
        ),
        ("/check", json!({ "tuple_key": anne(), "authorization_model_id": "x" }), 400, "validation_error"),
        (
            "/check",
            json!({ "tuple_key": anne(), "authorization_model_id": "01HVMMBCMGZNT3SED4Z17ECXCA" }),
            400,
            "authorization_model_not_found",
        ),
        ("/batch-check", json!({ "checks": [] }), 400, "validation_error"),
        ("/read", json!({ "tuple_key": { "user": "user:anne" } }), 400, "validation_error"),
        ("/read", json!({ "continuation_token": "nowhere" }), 400, "invalid_continuation_token"),
        (
            "/list-users",
            json!({ "object": { "type": "document", "id": "1" }, "relation": "viewer", "user_filters": [] }),
            400,
            "validation_error",
        ),
        (
            "/authorization-models",
            json!({ "schema_version": "1.1", "type_definitions": [] }),
            400,
            "validation_error",
        ),
        (
            "/authorization-models",
            json!({ "schema_version": "1.1", "type_definitions": [{ "type": "document",
            "relations": { "viewer": { "computedUserset": { "relation": "nobody" } } } }] }),
            400,
            "invalid_authorization_model",
        ),
    ]
}

#[test]
fn what_makes_no_sense_is_told_and_changes_nothing() {
    run(async |house| {
        let stage = Stage::set(house, "fga_nonsense").await;
        let web = &stage.web;
        let store = store(web, "documents").await;
        put_model(web, &store, DOCUMENTS).await;
        put(web, &store, &[anne()]).await;
        for (path, body, status, code) in wrong_writes().into_iter().chain(wrong_questions()) {
            let said = refused(web, &format!("{store}{path}"), body.clone()).await;
            assert_eq!(said, (status, code.to_owned()), "{path} {body}");
        }
        assert_eq!(
            refused(web, "/fga/stores", json!({ "name": "x" })).await,
            (400, "validation_error".to_owned())
        );
        assert_eq!(
            refused(web, "/fga/stores/short/check", json!({})).await,
            (400, "validation_error".to_owned())
        );
        // What is there may be passed over when it is asked for.
        let again = json!({ "writes": { "tuple_keys": [anne()], "on_duplicate": "ignore" },
                            "deletes": { "tuple_keys": [tuple("user:bob", "owner", "document:1")], "on_missing": "ignore" } });
        web.post(&format!("{store}/write"), &again).await.expect(200);
        let read = web.post(&format!("{store}/read"), &json!({})).await.expect(200).json();
        assert_eq!(read["tuples"].as_array().expect("tuples").len(), 1, "nothing else was written: {read}");
        let changes = web.get(&format!("{store}/changes")).await.expect(200).json();
        assert_eq!(changes["changes"].as_array().expect("changes").len(), 1, "{changes}");
        stage.end().await;
    });
}

#[test]
fn lists_come_in_pages_and_whole() {
    run(async |house| {
        let stage = Stage::set(house, "fga_pages").await;
        let web = &stage.web;
        let store = store(web, "documents").await;
        put_model(web, &store, DOCUMENTS).await;
        let all: Vec<Value> =
            (0..OBJECTS).map(|n| tuple("user:anne", "owner", &format!("document:{n:04}"))).collect();
        for some in all.chunks(100) {
            put(web, &store, some).await;
        }
        // Lists of objects are cut at a thousand and say where they go on.
        let question = json!({ "user": "user:anne", "relation": "viewer", "type": "document" });
        let page = web.post(&format!("{store}/list-objects"), &question).await.expect(200);
        let next = page.header("x-authz-continuation").to_owned();
        let rest =
            web.post(&format!("{store}/list-objects?continuation_token={next}"), &question).await.expect(200);
        assert_eq!(rest.header("x-authz-continuation"), "");
        let items = |value: Value| value["objects"].as_array().expect("objects").clone();
        let (page, rest) = (items(page.json()), items(rest.json()));
        assert_eq!((page.len(), page.len() + rest.len()), (1_000, OBJECTS));
        // A stream has all of them, a line each.
        let stream = web.post(&format!("{store}/streamed-list-objects"), &question).await.expect(200).text();
        let lines: Vec<Value> =
            stream.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), OBJECTS);
        assert_eq!(lines[0]["result"]["object"], page[0]);

        // Tuples and changes, page by page, each once.
        let (mut seen, mut place) = (0, String::new());
        loop {
            let asked = json!({ "page_size": 100, "continuation_token": place });
            let page = web.post(&format!("{store}/read"), &asked).await.expect(200).json();
            seen += page["tuples"].as_array().expect("tuples").len();
            page["continuation_token"].as_str().expect("a place").clone_into(&mut place);
            if place.is_empty() {
                break;
            }
        }
        assert_eq!(seen, OBJECTS);
        let (mut seen, mut place) = (0, String::new());
        loop {
            let asked = format!("{store}/changes?page_size=100&type=document&continuation_token={place}");
            let page = web.get(&asked).await.expect(200).json();
            let found = page["changes"].as_array().expect("changes").len();
            page["continuation_token"].as_str().expect("a place").clone_into(&mut place);
            if found == 0 {
                break;
            }
            seen += found;
        }
        assert_eq!(seen, OBJECTS);
        let other =
            web.get(&format!("{store}/changes?type=folder&continuation_token={place}")).await.expect(400);
        assert_eq!(other.json()["code"], "validation_error");
        let filtered = json!({ "tuple_key": { "user": "user:anne", "relation": "owner", "object": "document:" }, "page_size": 1 });
        let page = web.post(&format!("{store}/read"), &filtered).await.expect(200).json();
        assert_eq!(page["tuples"][0]["key"], tuple("user:anne", "owner", "document:0000"));
        stage.end().await;
    });
}

/// Which of a write's tuples are there, as the store asks it, for tuples of one subject that has many.
const THERE: &str = "explain (analyze, format json) select t.object_id from portcullis.relation_tuple t \
    join unnest($1::text[]) as k (object_id) on t.object_type = 'document' and t.object_id = k.object_id \
        and t.relation = 'owner' and t.subject = 'user:anne' \
    where t.tenant_id = $2 and t.store_id = $3 and t.until is null";

/// Every value of a field anywhere in a plan.
fn all_of(plan: &Value, field: &str, into: &mut Vec<f64>) {
    match plan {
        Value::Array(items) => items.iter().for_each(|item| all_of(item, field, into)),
        Value::Object(items) => {
            into.extend(items.get(field).and_then(Value::as_f64));
            items.values().for_each(|item| all_of(item, field, into));
        }
        _ => {}
    }
}

#[test]
fn what_a_write_costs_does_not_grow_with_what_its_subject_has() {
    run(async |house| {
        let stage = Stage::set(house, "fga_hot").await;
        let web = &stage.web;
        let store = store(web, "documents").await;
        put_model(web, &store, DOCUMENTS).await;
        let objects: Vec<String> = (0..OBJECTS).map(|n| format!("{n:04}")).collect();
        for some in objects.chunks(100) {
            let tuples: Vec<Value> =
                some.iter().map(|id| tuple("user:anne", "owner", &format!("document:{id}"))).collect();
            put(web, &store, &tuples).await;
        }
        let mut superuser = stage.database.superuser().await;
        let id: uuid::Uuid =
            sqlx::query_scalar("select id from portcullis.relation_store where id <> tenant_id")
                .fetch_one(&mut superuser)
                .await
                .expect("the store");
        let plan: Value = sqlx::query_scalar(THERE)
            .bind(&objects[..100])
            .bind(stage.tenant.id.uuid())
            .bind(id)
            .fetch_one(&mut superuser)
            .await
            .expect("a plan");
        let mut read_in_vain = Vec::new();
        all_of(&plan, "Rows Removed by Filter", &mut read_in_vain);
        assert!(read_in_vain.iter().all(|rows| *rows < 1.0), "{plan:#}");
        stage.end().await;
    });
}
