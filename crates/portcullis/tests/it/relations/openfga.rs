//! A server of relations that is asked beside the engine: another server's `/fga`, which speaks the protocol. Both must
//! allow; one that is down, slow or unwilling is a refusal that says so.

use std::time::{Duration, Instant};

use gates::{Vault, VaultOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Stage, put, store, take, tuple};
use crate::house::members::Somebody;
use crate::house::process::Process;
use crate::house::run;
use crate::house::web::{Answer, Web};
use crate::house::{Database, House, Tenant};

/// How long the slow server may be waited for, in milliseconds, and how much a busy machine may add.
const LIMIT_MILLIS: u64 = 400;
const BUSY_MILLIS: u64 = 5_000;
/// What the caller is told when the other server does not answer.
const UNCONFIRMED: &str = "What may be done cannot be confirmed; try again shortly.";

/// A server of ours, the one beside it, and the store there.
struct Beside {
    database: Database,
    tenant: Tenant,
    /// Our server without the other: what the engine alone says.
    alone: Process,
    key: Web,
    there: Stage,
    store: String,
    model: String,
    mirrored: String,
}

impl Beside {
    async fn set(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        vault.close();
        let alone = Process::serve(&database, &[]).await;
        let key = alone.web(tenant.owner_key.expose().to_owned());
        let there = Stage::set(house, &format!("{purpose}_there")).await;
        let store = store(&there.web, "mirror").await;
        let mut beside = Self {
            database,
            tenant,
            alone,
            key,
            there,
            store,
            model: String::new(),
            mirrored: String::new(),
        };
        beside.model = beside.mirror_model().await;
        beside.mirror().await;
        beside
    }

    /// The path of the organization's own store here.
    async fn own(&self) -> String {
        let stores = self.key.get("/fga/stores?name=portcullis").await.expect(200).json();
        format!("/fga/stores/{}", stores["stores"][0]["id"].as_str().expect("the own store"))
    }

    /// Writes the model there that is asked here; its id.
    async fn mirror_model(&self) -> String {
        let here = format!("{}/authorization-models", self.own().await);
        let models = self.key.get(&here).await.expect(200).json();
        let mut model = models["authorization_models"][0].clone();
        model.as_object_mut().expect("a model").remove("id");
        let there = format!("{}/authorization-models", self.store);
        let written = self.there.web.post(&there, &model).await.expect(201).json();
        written["authorization_model_id"].as_str().expect("an id").to_owned()
    }

    /// Does there what was done here since the last time, as a tool of the operator's does.
    async fn mirror(&mut self) {
        let changes = format!("{}/changes", self.own().await);
        loop {
            let page = format!("{changes}?page_size=100&continuation_token={}", self.mirrored);
            let page = self.key.get(&page).await.expect(200).json();
            page["continuation_token"].as_str().expect("a place").clone_into(&mut self.mirrored);
            let changes = page["changes"].as_array().expect("changes").clone();
            if changes.is_empty() {
                return;
            }
            for change in changes {
                let key = json!([change["tuple_key"]]);
                let body = match change["operation"].as_str() {
                    Some("TUPLE_OPERATION_DELETE") => {
                        json!({ "deletes": { "tuple_keys": key, "on_missing": "ignore" } })
                    }
                    _ => json!({ "writes": { "tuple_keys": key, "on_duplicate": "ignore" } }),
                };
                self.there.web.post(&format!("{}/write", self.store), &body).await.expect(200);
            }
        }
    }

    fn stores(&self) -> String {
        let store = self.store.rsplit('/').next().expect("an id");
        format!("{}={store}/{}", self.tenant.id, self.model)
    }

    /// Our server with another beside it.
    async fn with(&self, url: &str, token: &str) -> Process {
        let (stores, limit) = (self.stores(), LIMIT_MILLIS.to_string());
        let env = [
            ("PORTCULLIS_OPENFGA_URL", url),
            ("PORTCULLIS_OPENFGA_STORES", &stores),
            ("PORTCULLIS_OPENFGA_TOKEN", token),
            ("PORTCULLIS_OPENFGA_TIMEOUT_MILLIS", &limit),
        ];
        Process::serve(&self.database, &env).await
    }

    /// The same beside the server that has the store.
    async fn served(&self) -> Process {
        // A busy machine may take longer than the limit of the other tests.
        let url = format!("{}/fga", self.there.server.url);
        let stores = self.stores();
        let env = [
            ("PORTCULLIS_OPENFGA_URL", url.as_str()),
            ("PORTCULLIS_OPENFGA_STORES", &stores),
            ("PORTCULLIS_OPENFGA_TOKEN", self.there.tenant.owner_key.expose()),
            ("PORTCULLIS_OPENFGA_TIMEOUT_MILLIS", "10000"),
        ];
        Process::serve(&self.database, &env).await
    }

    /// The newest refusal, read where nobody else is asked.
    async fn refusal(&self, answer: &Answer) -> Value {
        let request = answer.header("x-request-id").to_owned();
        let entries = self.key.entries("access.denied").await;
        let found = entries.into_iter().find(|entry| entry["request_id"] == request.as_str());
        found.unwrap_or_else(|| panic!("no entry of request {request}"))["data"].clone()
    }
}

/// Refused as unconfirmed, and nothing told of who was asked.
#[track_caller]
fn unconfirmed(answer: Answer) -> Answer {
    let answer = answer.expect(503);
    let said = answer.json();
    assert_eq!((&said["detail"], &said["gate"]), (&json!(UNCONFIRMED), &json!("token")), "{said}");
    assert!(!answer.header("retry-after").is_empty());
    for inside in ["openfga", "127.0.0.1", "localhost", "stores/", "connect"] {
        assert!(!answer.text().to_lowercase().contains(inside), "{}", answer.text());
    }
    answer
}

#[test]
fn both_must_allow() {
    run(async |house| {
        let mut beside = Beside::set(house, "openfga_both").await;
        let server = beside.served().await;
        let owner = server.web(beside.tenant.owner_key.expose().to_owned());
        owner.get("/api/v1/keys").await.expect(200);

        // What is not over there yet is not allowed yet.
        let body = json!({ "name": "a reader", "role": "reader" });
        let made = owner.post("/api/v1/keys", &body).await.expect(201).json();
        let secret = made["secret"].as_str().expect("a secret").to_owned();
        let (reader, alone) = (server.web(secret.clone()), beside.alone.web(secret));
        alone.get("/api/v1/projects").await.expect(200);
        let refused = reader.get("/api/v1/projects").await.expect(403);
        let entry = beside.refusal(&refused).await;
        assert_eq!((&entry["authorizer"], &entry["gate"]), (&json!("openfga"), &json!("token")), "{entry}");
        assert_eq!(
            (&entry["needs"], &entry["unanswered"]),
            (&json!("projects:read"), &Value::Null),
            "{entry}"
        );
        beside.mirror().await;
        reader.get("/api/v1/projects").await.expect(200);

        // What is taken away over there is closed here with the next request, and here alone it is not.
        let organization = format!("organization:{}", beside.tenant.id);
        let grant = || tuple("role:key_reader#key", "projects_read", &organization);
        take(&beside.there.web, &beside.store, grant()).await;
        reader.get("/api/v1/projects").await.expect(403);
        alone.get("/api/v1/projects").await.expect(200);
        put(&beside.there.web, &beside.store, &[grant()]).await;
        reader.get("/api/v1/projects").await.expect(200);

        // What is given over there opens nothing: our engine said no before.
        let id = made["id"].as_str().expect("an id");
        let given = tuple(&format!("api_key:{id}"), "keys_read", &organization);
        put(&beside.there.web, &beside.store, &[given]).await;
        let refused = reader.get("/api/v1/keys").await.expect(403);
        let entry = beside.refusal(&refused).await;
        assert_eq!((&entry["needs"], &entry["authorizer"]), (&json!("keys:read"), &Value::Null), "{entry}");

        assert!(server.stop().await.success() && beside.alone.stop().await.success());
        beside.there.end().await;
        beside.database.verified().await.exited(0);
    });
}

#[test]
fn a_server_that_does_not_answer_refuses_within_its_time() {
    run(async |house| {
        let beside = Beside::set(house, "openfga_silent").await;
        let owner_key = beside.tenant.owner_key.expose().to_owned();
        let theirs = beside.there.tenant.owner_key.expose().to_owned();
        let vault = beside.database.vault().await.expect("served");
        let other = Tenant::make(&vault, "openfga_unnamed").await;
        vault.close();

        // One that takes connections and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", silent.local_addr().expect("an address"));
        let server = beside.with(&url, &theirs).await;
        let asked = Instant::now();
        let answer = unconfirmed(server.web(owner_key.clone()).get("/api/v1/keys").await);
        let took = asked.elapsed();
        assert!(
            took >= Duration::from_millis(LIMIT_MILLIS) && took < Duration::from_millis(BUSY_MILLIS),
            "{took:?}"
        );
        let entry = beside.refusal(&answer).await;
        let said = (&entry["authorizer"], &entry["unanswered"], &entry["because"]);
        assert_eq!(said, (&json!("openfga"), &json!("silent"), &json!("unavailable")), "{entry}");
        // Another organization is none of its business.
        server.web(other.owner_key.expose().to_owned()).get("/api/v1/keys").await.expect(200);
        // Nor is what is open so that nobody is locked out, or what our engine refuses by itself.
        server.web(owner_key.clone()).get("/api/v1/policies/packs").await.expect(200);
        server.web(beside.tenant.agent_key.expose().to_owned()).get("/api/v1/keys").await.expect(403);
        assert!(server.stop().await.success());
        drop(silent);

        // One that refuses to answer: it knows no such token.
        let there = format!("{}/fga", beside.there.server.url);
        let server = beside.with(&there, "pcl_test_nobody").await;
        let answer = unconfirmed(server.web(owner_key.clone()).get("/api/v1/keys").await);
        assert_eq!(beside.refusal(&answer).await["unanswered"], "refused");
        assert!(server.stop().await.success());

        // One that went down: nothing opens, but an override, and what it opens.
        let server = beside.served().await;
        server.web(owner_key.clone()).get("/api/v1/keys").await.expect(200);
        let Beside { there, database, alone, tenant, key, .. } = beside;
        there.end().await;
        let answer = unconfirmed(server.web(owner_key).get("/api/v1/keys").await);
        let entries = key.entries("access.denied").await;
        let request = answer.header("x-request-id");
        let entry = entries.iter().find(|entry| entry["request_id"] == request).expect("an entry");
        assert_eq!(entry["data"]["unanswered"], "unreachable", "{entry}");
        let vault = VaultOptions { issuer: server.url.clone(), ..database.options() };
        let vault = Vault::open(vault).await.expect("served");
        let person = server.web(Somebody::owner(&vault, tenant.id).await.token(&vault).await);
        unconfirmed(person.get("/api/v1/keys").await);
        let open = json!({ "reason": "The server beside this one is down.", "seconds": 600 });
        person.post("/api/v1/break-glass", &open).await.expect(201);
        person.get("/api/v1/keys").await.expect(200);
        vault.close();
        assert!(server.stop().await.success() && alone.stop().await.success());
        database.verified().await.exited(0);
    });
}
