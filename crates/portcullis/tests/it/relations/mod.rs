//! Relations over OpenFGA's HTTP API: OpenFGA's own suites, its own clients, the gates around it, and two processes.

mod authzen;
mod clients;
mod fuzz;
mod gates;
mod openfga;
mod own;
mod peer;
mod questions;
mod random;
mod replicas;
mod sql;
mod suites;

use serde_json::{Value, json};

use crate::house::process::Process;
use crate::house::web::Web;
use crate::house::{Database, House, Tenant};

/// A served organization.
pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) tenant: Tenant,
    pub(crate) server: Process,
    pub(crate) web: Web,
}

impl Stage {
    pub(crate) async fn set(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        vault.close();
        let server = Process::serve(&database, &[]).await;
        let web = server.web(tenant.owner_key.expose().to_owned());
        Self { database, tenant, server, web }
    }

    pub(crate) async fn end(self) {
        assert!(self.server.stop().await.success());
        self.database.verified().await.exited(0);
    }
}

/// Makes a store; its path.
pub(crate) async fn store(web: &Web, name: &str) -> String {
    let made = web.post("/fga/stores", &json!({ "name": name })).await.expect(201).json();
    format!("/fga/stores/{}", made["id"].as_str().expect("an id"))
}

/// A model in the wire form.
#[track_caller]
pub(crate) fn model(dsl: &str) -> Value {
    serde_json::to_value(authz::parse(dsl).unwrap_or_else(|problems| panic!("{problems}\n{dsl}")))
        .expect("JSON")
}

/// Writes a model; its id.
pub(crate) async fn put_model(web: &Web, store: &str, dsl: &str) -> String {
    let written = web.post(&format!("{store}/authorization-models"), &model(dsl)).await.expect(201).json();
    written["authorization_model_id"].as_str().expect("an id").to_owned()
}

pub(crate) fn tuple(user: &str, relation: &str, object: &str) -> Value {
    json!({ "user": user, "relation": relation, "object": object })
}

/// Writes tuples; the revision.
pub(crate) async fn put(web: &Web, store: &str, tuples: &[Value]) -> i64 {
    let written =
        web.post(&format!("{store}/write"), &json!({ "writes": { "tuple_keys": tuples } })).await.expect(200);
    written.header("x-authz-revision").parse().expect("a revision")
}

/// Deletes a tuple.
pub(crate) async fn take(web: &Web, store: &str, gone: Value) {
    web.post(&format!("{store}/write"), &json!({ "deletes": { "tuple_keys": [gone] } })).await.expect(200);
}

/// Whether it is allowed, by what is new enough.
pub(crate) async fn allowed(web: &Web, store: &str, asked: Value, consistency: &str) -> bool {
    let question = json!({ "tuple_key": asked, "consistency": consistency });
    let answer = web.post(&format!("{store}/check"), &question).await.expect(200).json();
    answer["allowed"].as_bool().expect("an answer")
}

/// Folders with documents.
pub(crate) const DOCUMENTS: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define viewer: [user, group#member]
type document
  relations
    define parent: [folder]
    define blocked: [user]
    define owner: [user]
    define viewer: ([user, user:*, user with in_hours] or owner or viewer from parent) but not blocked
condition in_hours(hour: int) {
  hour >= 9 && hour < 17
}
";
