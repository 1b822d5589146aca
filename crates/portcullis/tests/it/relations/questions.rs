//! Questions beside OpenFGA's: why, what if, of when, and everything somebody can reach.

use serde_json::{Value, json};

use super::{DOCUMENTS, Stage, put, put_model, store, take, tuple};
use crate::house::run;
use crate::house::web::{Answer, Web};

async fn ask(web: &Web, path: &str, body: &Value) -> Answer {
    web.post(path, body).await.expect(200)
}

/// A folder that Anne sees through a group, with two documents in it, one of which is kept from Carl.
async fn furnish(web: &Web) -> (String, String) {
    let store = store(web, "documents").await;
    let model = put_model(web, &store, DOCUMENTS).await;
    put(
        web,
        &store,
        &[
            tuple("user:anne", "member", "group:staff"),
            tuple("user:carl", "member", "group:staff"),
            tuple("group:staff#member", "viewer", "folder:a"),
            tuple("folder:a", "parent", "document:1"),
            tuple("folder:a", "parent", "document:2"),
            tuple("user:carl", "blocked", "document:1"),
        ],
    )
    .await;
    (store, model)
}

#[test]
fn why_is_answered_for_a_yes_and_for_a_no() {
    run(async |house| {
        let stage = Stage::set(house, "fga_why").await;
        let web = &stage.web;
        let (store, model) = furnish(web).await;
        let why = async |user: &str| {
            let body = json!({ "tuple_key": tuple(user, "viewer", "document:1") });
            ask(web, &format!("{store}/explain"), &body).await
        };
        let yes = why("user:anne").await;
        assert_eq!(
            (yes.header("x-authz-revision"), yes.header("openfga-authorization-model-id")),
            ("1", &*model)
        );
        let trace = yes.json();
        assert_eq!(trace["allowed"], true);
        let through = &trace["because"]["from"]["without"]["base"]["through"];
        assert_eq!(through["tuple"], tuple("folder:a", "parent", "document:1"));
        let member = &through["because"]["from"]["member"];
        assert_eq!(member["tuple"], tuple("group:staff#member", "viewer", "folder:a"));
        assert_eq!(member["because"]["from"]["tuple"], tuple("user:anne", "member", "group:staff"));
        // Carl would see it, were he not blocked; Bob has nothing at all.
        let blocked = why("user:carl").await.json();
        assert_eq!(blocked["missing"], json!([{ "delete": tuple("user:carl", "blocked", "document:1") }]));
        let stranger = why("user:bob").await.json();
        assert_eq!(stranger["missing"].as_array().map(Vec::len), Some(1), "{stranger}");
        assert_eq!(stranger["allowed"], false);

        let entry = web.entry(&yes.entry()).await;
        assert_eq!(
            (&entry["kind"], &entry["action"]),
            (&json!("relations.checked"), &json!("relations.explain"))
        );
        assert!(!entry.to_string().contains("anne"), "whom it was about is no business of the log: {entry}");
        let nonsense = json!({ "tuple_key": tuple("user:anne", "friend", "document:1") });
        let refused = web.post(&format!("{store}/explain"), &nonsense).await.expect(400);
        assert_eq!(refused.json()["code"], "validation_error");
        stage.end().await;
    });
}

#[test]
fn what_would_be_is_told_and_nothing_changes() {
    run(async |house| {
        let stage = Stage::set(house, "fga_whatif").await;
        let web = &stage.web;
        let (store, model) = furnish(web).await;
        let path = format!("{store}/what-if");
        let left = json!({ "deletes": { "tuple_keys": [tuple("user:anne", "member", "group:staff")] },
                           "writes": { "tuple_keys": [tuple("user:bob", "member", "group:staff")] } });
        let users = json!({ "object": { "type": "document", "id": "2" }, "relation": "viewer",
                            "user_filters": [{ "type": "user" }] });
        let who = ask(web, &path, &json!({ "suppose": left, "list_users": users })).await;
        let said = who.json();
        assert_eq!((&said["gained"], &said["lost"]), (&json!(["user:bob"]), &json!(["user:anne"])));
        assert_eq!(
            (&said["incomplete"], &said["supposed_authorization_model_id"]),
            (&json!(false), &json!(model))
        );
        let objects = json!({ "user": "user:anne", "relation": "viewer", "type": "document" });
        let what = ask(web, &path, &json!({ "suppose": left, "list_objects": objects })).await.json();
        assert_eq!((&what["gained"], &what["lost"]), (&json!([]), &json!(["document:1", "document:2"])));
        let one = tuple("user:anne", "viewer", "document:1");
        let check = ask(web, &path, &json!({ "suppose": left, "check": one })).await.json();
        assert_eq!((&check["before"]["allowed"], &check["after"]["allowed"]), (&json!(true), &json!(false)));
        assert!(check["before"]["because"].is_object() && check["after"]["missing"].is_array(), "{check}");

        // Another model: folders open nothing any more. And a model that has no documents at all.
        let strict = DOCUMENTS.replace(" or viewer from parent", "");
        let strict = put_model(web, &store, &strict).await;
        let by = json!({ "authorization_model_id": model, "suppose": { "authorization_model_id": strict },
                         "list_users": users });
        let said = ask(web, &path, &by).await.json();
        assert_eq!(said["lost"], json!(["user:anne", "user:carl"]));
        assert_eq!(said["supposed_authorization_model_id"], json!(strict));
        let bare = put_model(web, &store, "model\n  schema 1.1\ntype user\n").await;
        let by = json!({ "authorization_model_id": model, "suppose": { "authorization_model_id": bare },
                         "check": one });
        let said = ask(web, &path, &by).await.json();
        assert_eq!((&said["before"]["allowed"], &said["after"]["allowed"]), (&json!(true), &json!(false)));

        let entry = web.entry(&who.entry()).await;
        assert_eq!(entry["kind"], "relations.supposed");
        let data = &entry["data"];
        assert_eq!((&data["written"], &data["deleted"], &data["items"]), (&json!(1), &json!(1), &json!(2)));
        let read = web.post(&format!("{store}/read"), &json!({})).await.expect(200).json();
        assert_eq!(read["tuples"].as_array().map(Vec::len), Some(6), "nothing was written");

        let many: Vec<Value> = (0..101).map(|n| tuple(&format!("user:{n}"), "owner", "document:1")).collect();
        for (suppose, question, code) in [
            (json!({}), "check", "validation_error"),
            (json!({ "writes": { "tuple_keys": many } }), "check", "exceeded_entity_limit"),
            (
                json!({ "writes": { "tuple_keys": [tuple("cat:tom", "owner", "document:1")] } }),
                "check",
                "invalid_tuple",
            ),
            (
                json!({ "authorization_model_id": "01HVMMBCMGZNT3SED4Z17ECXCA" }),
                "check",
                "authorization_model_not_found",
            ),
            (left.clone(), "nothing", "validation_error"),
        ] {
            let body = json!({ "authorization_model_id": model, "suppose": suppose, question: one });
            let refused = web.post(&path, &body).await.expect(400).json();
            assert_eq!(refused["code"], code, "{refused}");
        }
        stage.end().await;
    });
}

#[test]
fn every_question_can_be_asked_as_of_then() {
    run(async |house| {
        let stage = Stage::set(house, "fga_then").await;
        let web = &stage.web;
        let (store, model) = furnish(web).await;
        // A moment between two writes, as the server's clock has it.
        let seen = web.get(&format!("{store}/changes")).await.expect(200).json();
        let then = seen["changes"][0]["timestamp"].as_str().expect("a time").to_owned();
        take(web, &store, tuple("user:anne", "member", "group:staff")).await;
        let later = put_model(web, &store, &DOCUMENTS.replace(" or viewer from parent", "")).await;
        let one = json!({ "tuple_key": tuple("user:anne", "viewer", "document:1") });
        let now = ask(web, &format!("{store}/check"), &one).await;
        assert_eq!((now.json()["allowed"].clone(), now.header("x-authz-revision")), (json!(false), "2"));
        assert_eq!(now.header("openfga-authorization-model-id"), later);

        let objects = json!({ "user": "user:anne", "relation": "viewer", "type": "document" });
        let users = json!({ "object": { "type": "document", "id": "1" }, "relation": "viewer",
                            "user_filters": [{ "type": "user" }] });
        let batch = json!({ "checks": [{ "tuple_key": tuple("user:anne", "viewer", "document:1"), "correlation_id": "a" }] });
        for moment in ["1", then.as_str()] {
            let past = web.with_header("x-authz-at", moment);
            // More than once: what is held must answer as what was read.
            for _ in 0..2 {
                let check = ask(&past, &format!("{store}/check"), &one).await;
                assert_eq!(
                    (check.json()["allowed"].clone(), check.header("x-authz-revision")),
                    (json!(true), "1")
                );
                assert_eq!(check.header("openfga-authorization-model-id"), model, "the model of then");
            }
            let all = ask(&past, &format!("{store}/batch-check"), &batch).await.json();
            assert_eq!(all["result"]["a"]["allowed"], true);
            let why = ask(&past, &format!("{store}/explain"), &one).await.json();
            assert!(why["because"].is_object(), "{why}");
            let listed = ask(&past, &format!("{store}/list-objects"), &objects).await.json();
            assert_eq!(listed["objects"], json!(["document:1", "document:2"]));
            let listed = ask(&past, &format!("{store}/list-users"), &users).await.json();
            assert_eq!(listed["users"], json!([{ "object": { "type": "user", "id": "anne" } }]));
            let tree = json!({ "tuple_key": { "relation": "member", "object": "group:staff" } });
            let tree = ask(&past, &format!("{store}/expand"), &tree).await.json();
            assert_eq!(tree["tree"]["root"]["leaf"]["users"]["users"], json!(["user:anne", "user:carl"]));
        }
        // The model that is named counts, whenever it was written; and the newest revision is a past one like any other.
        let mut named = one.clone();
        named["authorization_model_id"] = json!(later);
        let past = web.with_header("x-authz-at", "1");
        assert_eq!(ask(&past, &format!("{store}/check"), &named).await.json()["allowed"], false);
        let newest = web.with_header("x-authz-at", "2");
        let newest = ask(&newest, &format!("{store}/check"), &one).await;
        assert_eq!(
            (newest.json()["allowed"].clone(), newest.header("x-authz-revision")),
            (json!(false), "2")
        );
        // Before anything was written there was no model either.
        for (moment, code) in [
            ("0", "latest_authorization_model_not_found"),
            ("3", "validation_error"),
            ("-1", "validation_error"),
            ("yesterday", "validation_error"),
            ("2001-01-01T00:00:00Z", "validation_error"),
            ("2999-01-01T00:00:00Z", "validation_error"),
        ] {
            let refused = web.with_header("x-authz-at", moment);
            let refused = refused.post(&format!("{store}/check"), &one).await.expect(400).json();
            assert_eq!(refused["code"], code, "{moment}: {refused}");
        }
        stage.end().await;
    });
}

#[test]
fn a_review_has_everything_and_its_pages_are_one_answer() {
    run(async |house| {
        let stage = Stage::set(house, "fga_review").await;
        let web = &stage.web;
        let (store, model) = furnish(web).await;
        let path = format!("{store}/access-review");
        put(web, &store, &[tuple("user:*", "viewer", "document:3")]).await;
        let all = ask(web, &path, &json!({ "user": "user:anne" })).await;
        let reach = |object: &str, relation: &str| json!({ "object": object, "relation": relation });
        let expected = [
            reach("document:1", "viewer"),
            reach("document:2", "viewer"),
            reach("document:3", "viewer"),
            reach("folder:a", "viewer"),
            reach("group:staff", "member"),
        ];
        assert_eq!(all.json()["access"], json!(expected));
        assert_eq!(
            (all.header("x-authz-revision"), all.header("openfga-authorization-model-id")),
            ("2", &*model)
        );
        let entry = web.entry(&all.entry()).await;
        assert_eq!((&entry["kind"], &entry["data"]["items"]), (&json!("relations.reviewed"), &json!(5)));

        // What is written between two pages is in none of them.
        let (mut token, mut found, mut pages) = (String::new(), Vec::new(), 0);
        loop {
            let body = json!({ "user": "user:anne", "page_size": 2, "continuation_token": token });
            let page = ask(web, &path, &body).await;
            assert_eq!(page.header("x-authz-revision"), "2");
            found.extend(page.json()["access"].as_array().cloned().expect("rows"));
            token = page.json()["continuation_token"].as_str().unwrap_or_default().to_owned();
            pages += 1;
            if token.is_empty() {
                break;
            }
            put(web, &store, &[tuple("user:anne", "owner", &format!("document:new-{pages}"))]).await;
            put_model(web, &store, DOCUMENTS).await;
        }
        assert_eq!((json!(found), pages), (json!(expected), 3));

        // One relation that depends on what was not said hides nothing of the others.
        let conditional = json!({ "user": "user:bob", "relation": "viewer", "object": "document:1",
                                  "condition": { "name": "in_hours" } });
        put(web, &store, &[conditional, tuple("user:bob", "member", "group:=staff")]).await;
        let open = ask(web, &path, &json!({ "user": "user:bob" })).await.json();
        assert_eq!(open["access"], json!([reach("group:=staff", "member")]));
        assert_eq!(open["undecided"][0]["relation"], "viewer", "{open}");
        let told = ask(web, &path, &json!({ "user": "user:bob", "context": { "hour": 10 } })).await.json();
        assert_eq!(told["access"].as_array().map(Vec::len), Some(3), "{told}");

        let file = ask(web, &format!("{path}?format=csv"), &json!({ "user": "user:bob" })).await;
        assert!(file.header("content-type").starts_with("text/csv"));
        assert!(file.header("content-disposition").contains("access-review.csv"));
        let lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "user,relation,object,answer,reason");
        assert_eq!(lines[1], "user:bob,member,group:=staff,yes,");
        assert!(lines[2].starts_with("user:bob,viewer,document:,undecided,"), "{lines:?}");
        for (path, body) in [
            (path.clone(), json!({ "user": "user:anne", "continuation_token": "nowhere" })),
            (path.clone(), json!({ "user": "user:anne", "page_size": 1001 })),
            (path.clone(), json!({ "user": "cat:tom" })),
            (format!("{path}?format=xml"), json!({ "user": "user:anne" })),
        ] {
            web.post(&path, &body).await.expect(400);
        }
        stage.end().await;
    });
}
