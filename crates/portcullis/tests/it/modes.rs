//! The modes of `PORTCULLIS_AUTH`: whom each recognises and whom it refuses, asked of the real program. Every refused
//! credential leaves its entry, and no key is ever in what the server writes.

use std::net::{Ipv4Addr, SocketAddr};

use crypto::{ApiKey, ApiKeyEnv, SystemRng};
use gates::{Vault, VaultOptions};
use http::Method;
use kernel::MemberRole;
use serde_json::{Value, json};

use crate::house::members::Somebody;
use crate::house::process::{Process, command};
use crate::house::{Answer, Ask, Database, House, Tenant, Wire, request, run};

/// A server in one mode, a tenant with keys in the database, and keys of the static list.
struct Stage {
    database: Database,
    server: Process,
    wire: Wire,
    tenant: Tenant,
    /// Keys of the list: a reader's and an owner's of the tenant, and an editor's of another one.
    reader: ApiKey,
    owner: ApiKey,
    foreign: ApiKey,
    other: Tenant,
}

fn fresh() -> ApiKey {
    ApiKey::generate(ApiKeyEnv::Live, &SystemRng)
}

impl Stage {
    /// With the static list in the environment whatever the mode.
    async fn set(house: &'static House, mode: &str) -> Self {
        let database = house.database(&format!("mode_{mode}")).await;
        let vault = database.vault().await.expect("served");
        let (tenant, other) = (Tenant::make(&vault, "first").await, Tenant::make(&vault, "other").await);
        vault.close();
        let (reader, owner, foreign) = (fresh(), fresh(), fresh());
        let list = format!(
            "{}={}:reader,\n {}={}:owner , {}={}:editor",
            reader.expose(),
            tenant.id,
            owner.expose(),
            tenant.id,
            foreign.expose(),
            other.id
        );
        let env = [("PORTCULLIS_AUTH", mode), ("PORTCULLIS_API_KEYS", &list), ("PORTCULLIS_LOG", "debug")];
        let server = Process::serve(&database, &env).await;
        let wire = Wire::to(address(&server));
        Self { database, server, wire, tenant, reader, owner, foreign, other }
    }

    async fn ask(&self, ask: Ask, key: Option<&str>) -> (Answer, String) {
        let id = self.wire.request_id();
        let ask = ask.header("x-request-id", &id);
        let ask = match key {
            Some(key) => ask.bearer(key),
            None => ask,
        };
        (self.wire.ask(ask).await, id)
    }

    async fn whoami(&self, key: &ApiKey) -> Value {
        let (answer, _) = self.ask(Ask::get("/api/v1/whoami"), Some(key.expose())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Refused on both faces, with one entry each for `reason`, in the log of `tenant` (the instance's without).
    async fn refuses(&self, key: Option<&str>, reason: &str, tenant: Option<&Tenant>) {
        for path in ["/api/v1/whoami", "/v1/models"] {
            let (answer, id) = self.ask(Ask::get(path), key).await;
            assert_eq!(answer.status, 401, "{path}, {reason}: {}", answer.text());
            let entries = self.database.entries(&id).await;
            let [entry] = entries.as_slice() else { panic!("{path}, {reason}: {entries:?}") };
            assert_eq!((&*entry.kind, entry.outcome()), ("AUTH_FAILURE", "refused"), "{path}");
            assert_eq!(entry.fact("reason"), reason, "{path}");
            assert_eq!(tenant.is_some_and(|tenant| entry.tenant == tenant.id.to_string()), tenant.is_some());
            if let Some(key) = key {
                assert!(
                    !entry.leaf.to_string().contains(key),
                    "the credential is in the log: {}",
                    entry.leaf
                );
                assert!(!answer.text().contains(key), "{}", answer.text());
            }
        }
    }

    /// What every mode refuses alike.
    async fn refuses_strangers(&self) {
        self.refuses(Some(fresh().expose()), "unknown", None).await;
        self.refuses(Some("sk-not-one-of-ours-0123456789"), "malformed", None).await;
        // One character off: the checksum tells before anybody looks.
        let mut typo = self.reader.expose().to_owned();
        let last = if typo.ends_with('a') { 'b' } else { 'a' };
        typo.pop();
        typo.push(last);
        self.refuses(Some(&typo), "malformed", None).await;
        self.refuses(Some("pcl_live_short"), "malformed", None).await;
    }

    /// The keys of the list have the role that stands beside them, in the organization that stands beside them.
    async fn knows_the_list(&self) {
        for (key, tenant, role) in [
            (&self.reader, &self.tenant, "reader"),
            (&self.owner, &self.tenant, "owner"),
            (&self.foreign, &self.other, "editor"),
        ] {
            let known = self.whoami(key).await;
            assert_eq!(known["role"], role, "{known}");
            assert_eq!(known["organization"], tenant.id.to_string(), "{known}");
            assert_eq!((&known["kind"], &known["key"]), (&json!("service"), &Value::Null), "{known}");
        }
        let make = || Ask::post("/api/v1/projects").json(r#"{"name":"made by the list"}"#);
        let (refused, id) = self.ask(make(), Some(self.reader.expose())).await;
        assert_eq!(refused.status, 403, "a reader's key makes nothing: {}", refused.text());
        assert_eq!(self.database.entries(&id).await[0].kind, "access.denied");
        let (made, id) = self.ask(make(), Some(self.owner.expose())).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let entries = self.database.entries(&id).await;
        assert_eq!(entries[0].tenant, self.tenant.id.to_string());
        assert!(entries[0].leaf["actor"].to_string().contains("service"), "{}", entries[0].leaf);
        // The other tenant's key sees nothing of it.
        let (seen, _) = self.ask(Ask::get("/api/v1/projects"), Some(self.foreign.expose())).await;
        assert!(!seen.text().contains("made by the list"), "{}", seen.text());
    }

    async fn knows_the_database(&self) {
        let agent = self.whoami(&self.tenant.agent_key).await;
        assert_eq!((&agent["kind"], &agent["role"]), (&json!("agent"), &json!("editor")), "{agent}");
        let owner = self.whoami(&self.tenant.owner_key).await;
        assert_eq!(owner["key"], self.tenant.owner_key_id.to_string(), "{owner}");
    }

    /// Stops it; nothing it wrote, at whatever level, holds a key.
    async fn over(self) {
        let written = self.server.written();
        for key in [&self.reader, &self.owner, &self.foreign, &self.tenant.agent_key, &self.tenant.owner_key]
        {
            assert!(!written.contains(key.expose()), "a key is in the server's log");
        }
        assert!(self.server.stop().await.success());
        self.database.verified().await.exited(0);
    }
}

fn address(server: &Process) -> SocketAddr {
    let port = server.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    (Ipv4Addr::LOCALHOST, port).into()
}

#[test]
fn env_knows_its_list_and_nobody_else() {
    run(async |house| {
        let stage = Stage::set(house, "env").await;
        stage.knows_the_list().await;
        for key in [&stage.tenant.agent_key, &stage.tenant.owner_key] {
            stage.refuses(Some(key.expose()), "unknown", None).await;
        }
        stage.refuses(None, "missing", None).await;
        stage.refuses_strangers().await;
        // An access token that another process issued for a key of the database opens no more than the key.
        let vault = VaultOptions { issuer: stage.server.url.clone(), ..stage.database.options() };
        let vault = Vault::open(vault).await.expect("served");
        let agent = stage.tenant.agent(&vault).await;
        vault.ensure_access_keys(&request()).await.expect("keys");
        let token = vault.access_token(&agent, None).await.expect("a token").token;
        stage.refuses(Some(&token), "key not in the list", Some(&stage.tenant)).await;
        // Nor does the key get a new one.
        let form = json!({"grant_type": "client_credentials", "client_id": stage.tenant.agent.to_string(),
                          "client_secret": stage.tenant.agent_key.expose()});
        let (answer, id) = stage.ask(Ask::post("/oauth/token").form(&form), None).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (401, &json!("invalid_client")));
        assert_eq!(stage.database.entries(&id).await[0].kind, "AUTH_FAILURE");
        // The list is about programs: people who sign in are known in every mode.
        let person = Somebody::member(&vault, stage.tenant.id, MemberRole::Viewer).await;
        let token = person.token(&vault).await;
        let (answer, _) = stage.ask(Ask::get("/api/v1/whoami"), Some(&token)).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["kind"]), (200, &json!("human")));
        vault.close();
        stage.over().await;
    });
}

#[test]
fn auto_knows_the_list_and_the_database() {
    run(async |house| {
        let stage = Stage::set(house, "auto").await;
        stage.knows_the_list().await;
        stage.knows_the_database().await;
        stage.refuses(None, "missing", None).await;
        stage.refuses_strangers().await;
        stage.over().await;
    });
}

#[test]
fn db_does_not_know_the_list() {
    run(async |house| {
        let stage = Stage::set(house, "db").await;
        stage.knows_the_database().await;
        for key in [&stage.reader, &stage.owner, &stage.foreign] {
            stage.refuses(Some(key.expose()), "unknown", None).await;
        }
        stage.refuses(None, "missing", None).await;
        stage.refuses_strangers().await;
        stage.over().await;
    });
}

#[test]
fn dev_takes_whoever_is_on_this_machine_for_the_first_owner() {
    run(async |house| {
        let stage = Stage::set(house, "dev").await;
        let (answer, id) = stage.ask(Ask::get("/api/v1/whoami"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let known = answer.json();
        assert_eq!(
            (&known["role"], &known["name"]),
            (&json!("owner"), &json!("development mode")),
            "{known}"
        );
        assert_eq!(known["organization"], stage.tenant.id.to_string(), "the first, not any: {known}");
        let entries = stage.database.entries(&id).await;
        assert_eq!(entries.len(), 1, "what is done without a key is on record all the same: {entries:?}");
        // A credential that is sent counts, and a bad one is not mended by the mode.
        stage.knows_the_database().await;
        stage.refuses(Some(stage.owner.expose()), "unknown", None).await;
        stage.refuses_strangers().await;
        // A name that somebody else made resolve to this machine, and a page from elsewhere in the local browser.
        let create = || Ask::post("/api/v1/projects").json(r#"{"name":"from elsewhere"}"#);
        for ask in [
            Ask::get("/api/v1/whoami").header("host", "attacker.example"),
            create().header("host", "attacker.example:8080"),
            create().header("origin", "https://attacker.example"),
            create().header("origin", "null"),
            Ask::post("/api/v1/audit/checkpoints").header("origin", "https://attacker.example"),
            Ask::new(Method::GET, "/v1/models").header("host", "attacker.example"),
        ] {
            let what = format!("{ask:?}");
            let (answer, _) = stage.ask(ask, None).await;
            assert_eq!(answer.status, 403, "{what}: {}", answer.text());
            assert!(answer.header("access-control-allow-origin").is_empty(), "{what}");
        }
        let own = create().header("origin", &stage.server.url);
        assert_eq!(stage.ask(own, None).await.0.status, 201, "the server's own pages are no strangers");
        let (projects, _) = stage.ask(Ask::get("/api/v1/projects"), None).await;
        let count = projects.text().matches("from elsewhere").count();
        assert_eq!(count, 1, "a page from elsewhere made something: {}", projects.text());
        stage.over().await;
    });
}

/// What the program says when it refuses to start, and that it said so before it opened anything.
async fn refused(env: &[(&str, &str)], arguments: &[&str]) -> String {
    let arguments = [&["serve"], arguments].concat();
    let ran = command(&arguments, env).await;
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{arguments:?}: {}", ran.err);
    ran.err
}

#[test]
fn settings_that_would_let_in_too_many_or_nobody_stop_the_start() {
    run(async |house| {
        let database = house.database("mode_settings").await;
        let key = fresh();
        let own = database.environment();
        let base: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let with = |more: &[(&'static str, &'static str)]| [&base[..], more].concat();
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.7:8080"] {
            let said = refused(&with(&[("PORTCULLIS_AUTH", "dev")]), &["--listen", address]).await;
            assert!(said.contains("PORTCULLIS_AUTH") && said.contains("loopback"), "{address}: {said}");
        }
        let said = refused(&with(&[("PORTCULLIS_AUTH", "env")]), &["--listen", "127.0.0.1:0"]).await;
        assert!(said.contains("PORTCULLIS_API_KEYS"), "{said}");
        let said = refused(&with(&[("PORTCULLIS_AUTH", "open")]), &["--listen", "127.0.0.1:0"]).await;
        assert!(said.contains("PORTCULLIS_AUTH"), "{said}");
        let organization = "019a0000-0000-7000-8000-000000000000";
        let key = key.expose();
        for list in [
            format!("{key}={organization}:king"),
            format!("{key}={organization}"),
            format!("{key}:owner"),
            format!("{key}x={organization}:owner"),
            format!("{key}={organization}:reader,{key}={organization}:owner"),
        ] {
            let env = [&base[..], &[("PORTCULLIS_AUTH", "env"), ("PORTCULLIS_API_KEYS", &*list)]].concat();
            let said = refused(&env, &["--listen", "127.0.0.1:0"]).await;
            assert!(said.contains("PORTCULLIS_API_KEYS") && said.contains("item"), "{said}");
            assert!(!said.contains(key), "the key itself is shown: {said}");
        }
    });
}
