//! The crate `openfga`, unmodified, against this server. Its reading of streams is left out: it takes each line for the object
//! itself, where OpenFGA wraps it in `result`.

use openfga::apis::assertions_api::{read_assertions, write_assertions};
use openfga::apis::authorization_models_api::{read_authorization_model, write_authorization_model};
use openfga::apis::configuration::Configuration;
use openfga::apis::relationship_queries_api::{batch_check, check, expand, list_objects, list_users};
use openfga::apis::relationship_tuples_api::{read, read_changes, write};
use openfga::apis::stores_api::{create_store, delete_store, get_store, list_stores};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The crate's own type of a request.
fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the crate's own form")
}

fn ok(what: &str) {
    println!("ok {what}");
}

fn tuple(user: &str, relation: &str, object: &str) -> Value {
    json!({ "user": user, "relation": relation, "object": object })
}

fn model() -> Value {
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            {
                "type": "document",
                "relations": {
                    "owner": { "this": {} },
                    "viewer": { "union": { "child": [{ "this": {} }, { "computedUserset": { "relation": "owner" } }] } }
                },
                "metadata": { "relations": {
                    "owner": { "directly_related_user_types": [{ "type": "user" }] },
                    "viewer": { "directly_related_user_types": [
                        { "type": "user" }, { "type": "user", "condition": "at_work" }
                    ] }
                } }
            }
        ],
        "conditions": { "at_work": {
            "name": "at_work", "expression": "hour >= 9 && hour < 17",
            "parameters": { "hour": { "type_name": "TYPE_NAME_INT" } }
        } }
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name: &str| std::env::var(name).expect("set by the test");
    let at = Configuration::builder()
        .base_path(variable("FGA_API_URL"))
        .bearer_token(variable("FGA_API_TOKEN"))
        .build();

    let store = create_store(&at, of(json!({ "name": "rust" }))).await?.id;
    let stores = list_stores(&at, None, None, Some("rust")).await?.stores;
    assert!(stores.iter().any(|known| known.id == store));
    assert_eq!(get_store(&at, &store).await?.name, "rust");
    ok("a store is made, listed and read");

    let model = write_authorization_model(&at, &store, of(model())).await?.authorization_model_id;
    let read_back =
        read_authorization_model(&at, &store, &model).await?.authorization_model.expect("the model");
    assert_eq!((read_back.id.as_str(), read_back.type_definitions.len()), (model.as_str(), 2));
    ok("a model is written and read");

    let conditional = json!({ "user": "user:bob", "relation": "viewer", "object": "document:1",
                              "condition": { "name": "at_work", "context": {} } });
    let written =
        [tuple("user:anne", "owner", "document:1"), tuple("user:anne", "viewer", "document:2"), conditional];
    write(&at, &store, of(json!({ "writes": { "tuple_keys": written } }))).await?;
    write(
        &at,
        &store,
        of(json!({ "deletes": { "tuple_keys": [tuple("user:anne", "viewer", "document:2")] } })),
    )
    .await?;
    ok("tuples are written and deleted");

    let asked = |user: &str, context: Value| {
        of(json!({ "tuple_key": tuple(user, "viewer", "document:1"), "context": context,
                   "authorization_model_id": model, "consistency": "HIGHER_CONSISTENCY" }))
    };
    assert_eq!(check(&at, &store, asked("user:anne", json!({}))).await?.allowed, Some(true));
    assert_eq!(check(&at, &store, asked("user:eve", json!({}))).await?.allowed, Some(false));
    ok("checks are answered");
    assert_eq!(check(&at, &store, asked("user:bob", json!({ "hour": 10 }))).await?.allowed, Some(true));
    assert_eq!(check(&at, &store, asked("user:bob", json!({ "hour": 20 }))).await?.allowed, Some(false));
    ok("conditions count");

    let checks = ["user:anne", "user:eve"].map(|user| {
        json!({ "tuple_key": tuple(user, "owner", "document:1"), "correlation_id": user.replace(':', "-") })
    });
    let answers = batch_check(&at, &store, of(json!({ "checks": checks }))).await?.result.expect("answers");
    assert_eq!((answers["user-anne"].allowed, answers["user-eve"].allowed), (Some(true), Some(false)));
    ok("a batch is answered");

    let objects = json!({ "user": "user:anne", "relation": "viewer", "type": "document" });
    assert_eq!(list_objects(&at, &store, of(objects.clone())).await?.objects, ["document:1"]);
    ok("objects are listed");
    let users = json!({ "object": { "type": "document", "id": "1" }, "relation": "owner",
                        "user_filters": [{ "type": "user" }] });
    let users = list_users(&at, &store, of(users)).await?.users;
    assert_eq!(serde_json::to_value(&users)?, json!([{ "object": { "type": "user", "id": "anne" } }]));
    ok("users are listed");
    let tree =
        expand(&at, &store, of(json!({ "tuple_key": { "relation": "viewer", "object": "document:1" } })))
            .await?;
    assert!(serde_json::to_string(&tree.tree)?.contains("document:1#owner"));
    ok("a relation is expanded");

    let all = read(&at, &store, of(json!({}))).await?.tuples;
    assert_eq!(all.len(), 2);
    let changes = read_changes(&at, &store, Some("document"), None, None, None).await?;
    assert_eq!(changes.changes.len(), 4);
    let token = changes.continuation_token.expect("a place");
    let rest = read_changes(&at, &store, Some("document"), None, Some(&token), None).await?;
    assert!(rest.changes.is_empty() && rest.continuation_token.as_deref() == Some(token.as_str()));
    ok("tuples and changes are read");

    let assertion = json!({ "tuple_key": tuple("user:anne", "owner", "document:1"), "expectation": true });
    write_assertions(&at, &store, &model, of(json!({ "assertions": [assertion] }))).await?;
    let kept = read_assertions(&at, &store, &model).await?.assertions.expect("assertions");
    assert!(kept.len() == 1 && kept[0].expectation);
    ok("assertions are kept");

    let wrong = of(json!({ "tuple_key": tuple("user:anne", "friend", "document:1") }));
    match check(&at, &store, wrong).await {
        Err(openfga::apis::Error::ResponseError(refused)) => {
            assert_eq!(refused.status.as_u16(), 400);
            let said: Value = serde_json::from_str(&refused.content)?;
            assert_eq!(said["code"], "validation_error");
        }
        other => panic!("{other:?}"),
    }
    ok("what makes no sense is an error with its code");

    delete_store(&at, &store).await?;
    assert!(get_store(&at, &store).await.is_err());
    ok("a store is deleted");
    Ok(())
}
