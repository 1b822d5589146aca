//! Signed policy packs through the real server and the real command: each way one can be refused has a reason of its own,
//! one that is in force holds for every process within a second, and no pack locks an organization out.

mod command;
mod floor;
mod foreign;
mod in_force;
mod limits;
mod refusals;
mod roles;
mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_log::{KeyName, SigningKey};
use gates::{Vault, VaultOptions};
use packs::{Document, Mode, sample};
use serde_json::{Value, json};

use crate::house::members::Somebody;
use crate::house::process::{Env, Process};
use crate::house::web::Web;
use crate::house::{Database, House, Tenant};

/// A key that signs packs.
pub(crate) fn signer(seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new("policy.example.com").expect("a name"), &[seed; 32]).expect("a key")
}

/// The files of the sample pack with this version, and with these policies in place of its own.
pub(crate) fn files(name: &str, version: u64, policies: Option<(&str, &str)>) -> BTreeMap<String, String> {
    let mut files = sample::files(name, Mode::Forbid);
    let manifest = files["pack.json"].replace("\"version\": 1", &format!("\"version\": {version}"));
    files.insert("pack.json".to_owned(), manifest);
    if let Some((policies, tests)) = policies {
        files.insert("policies/main.cedar".to_owned(), policies.to_owned());
        files.insert("tests/main.json".to_owned(), tests.to_owned());
    }
    files
}

/// The pack as it is uploaded.
pub(crate) fn signed(files: BTreeMap<String, String>, key: &SigningKey) -> Value {
    let document = Document::of_files(files).expect("a document");
    let text: Value = serde_json::from_slice(document.bytes()).expect("JSON");
    json!({ "document": text, "signature": document.sign(key).expect("signed") })
}

/// A pack that forbids everything it reaches.
pub(crate) const EVERYTHING: (&str, &str) = (
    "@id(\"everything\") forbid(principal, action, resource);",
    r#"[{"name":"all","principal":{"type":"User","role":"admin"},"action":"project.list","expect":"forbid"}]"#,
);

/// A pack that keeps keys from listing projects.
pub(crate) const NO_LISTS: (&str, &str) = (
    "@id(\"no-lists\") forbid(principal is ApiKey, action == Action::\"project.list\", resource);",
    r#"[{"name":"keys","principal":{"type":"ApiKey","role":"owner"},"action":"project.list","expect":"forbid"}]"#,
);

/// Two servers over a database of their own, the owner's key, and a person who owns the organization.
struct Stage {
    database: Database,
    tenant: Tenant,
    vault: Arc<Vault>,
    one: Process,
    other: Process,
    /// With the owner's key, at the first server.
    key: Web,
    /// With the token of a person, at the first server.
    person: Web,
}

impl Stage {
    async fn new(house: &'static House, purpose: &str) -> Self {
        Self::with(house, purpose, &[]).await
    }

    /// With these settings of both servers.
    async fn with(house: &'static House, purpose: &str, env: Env<'_>) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        let (one, other) = tokio::join!(Process::serve(&database, env), Process::serve(&database, env));
        vault.close();
        // Tokens are bound to the URL of who issued them.
        let vault = Vault::open(VaultOptions { issuer: one.url.clone(), ..database.options() }).await;
        let vault = vault.expect("served");
        let person = one.web(Somebody::owner(&vault, tenant.id).await.token(&vault).await);
        let key = one.web(tenant.owner_key.expose().to_owned());
        Self { database, tenant, vault, one, other, key, person }
    }

    /// Trusts the key of this seed; its id.
    async fn trust(&self, seed: u8) -> String {
        let body = json!({ "name": "a key", "key": signer(seed).verifier().to_string() });
        id(&self.person.post("/api/v1/policies/keys", &body).await.expect(201).json())
    }

    /// Uploads a pack; its id.
    async fn upload(&self, pack: &Value) -> String {
        id(&self.key.post("/api/v1/policies/packs", pack).await.expect(201).json())
    }

    /// Tries a pack; the hash of what it showed, and what it showed.
    async fn try_out(&self, pack: &str) -> (String, Value) {
        let tried =
            self.key.post_empty(&format!("/api/v1/policies/packs/{pack}/dry-run")).await.expect(200).json();
        (tried["sha256"].as_str().expect("a hash").to_owned(), tried["report"].clone())
    }

    /// Uploads, tries and activates a pack; its id.
    async fn put(&self, pack: &Value) -> String {
        let id = self.upload(pack).await;
        let (hash, _) = self.try_out(&id).await;
        let body = json!({ "dry_run": hash });
        self.person.post(&format!("/api/v1/policies/packs/{id}/activate"), &body).await.expect(200);
        id
    }

    /// The client of the tenant's agent at a server.
    fn agent(&self, at: &Process) -> Web {
        at.web(self.tenant.agent_key.expose().to_owned())
    }

    async fn stop(self) {
        self.vault.close();
        let (one, other) = tokio::join!(self.one.stop(), self.other.stop());
        assert!(one.success() && other.success());
        self.database.verified().await.exited(0);
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}
