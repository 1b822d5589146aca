//! `ENCRYPTION_KEY` is changed while servers run: each step of docs/operating.md with the real programs, over a cluster whose
//! roles have passwords. At the end nothing lies under the key of before, and everything works as it did.

use crypto::InstanceKey;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};
use testkit::{FakeProvider, Script};
use tokio::process::Command;

use crate::crash::zones::{Site, Zone, until};
use crate::house::process::{Folder, Process, Ran, command, program, run_to_end};
use crate::house::web::{Web, prompt};
use crate::house::{instance_key, run};

const UPSTREAM_KEY: &str = "upstream-key-that-must-survive";
const EMAIL: &str = "kept.value@example.com";
/// Letters that wait: more than one transaction's worth is not needed, the batches are counted elsewhere.
const INVITATIONS: usize = 3;

fn next_key() -> InstanceKey {
    InstanceKey::from_bytes(*b"the-next-key-of-the-instance-32b").expect("32 bytes")
}

/// The cluster, and what every program is told of it.
struct Stage<'a> {
    zone: &'a Zone<'a>,
    folder: &'a Folder,
}

impl Stage<'_> {
    /// Settings with one key, or with another beside it.
    fn tell(&self, command: &mut Command, key: &InstanceKey, other: Option<&InstanceKey>) {
        command
            .env("DATABASE_URL", self.zone.url("postgres", ""))
            .env("ENCRYPTION_KEY", key.to_base64().as_str());
        if let Some(other) = other {
            command.env("ENCRYPTION_KEY_OTHER", other.to_base64().as_str());
        }
        command.env("PORTCULLIS_DATA_DIR", self.folder.join("data"));
    }

    async fn command(&self, arguments: &[&str], key: &InstanceKey, other: Option<&InstanceKey>) -> Ran {
        let mut command = program(arguments);
        self.tell(&mut command, key, other);
        run_to_end(command).await
    }

    async fn try_serve(&self, key: &InstanceKey, other: Option<&InstanceKey>) -> Result<Process, String> {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        self.tell(&mut command, key, other);
        command
            .env("PORTCULLIS_ALLOW_PRIVATE_UPSTREAMS", "true")
            .env("PORTCULLIS_ALLOW_PLAIN_HTTP_UPSTREAMS", "true");
        command.env("PORTCULLIS_CHECKPOINT_SECONDS", "1");
        self.zone.as_its_account(&mut command);
        Process::try_start(command, false).await
    }

    async fn serve(&self, key: &InstanceKey, other: Option<&InstanceKey>) -> Process {
        self.try_serve(key, other).await.unwrap_or_else(|wrote| panic!("it does not serve:\n{wrote}"))
    }

    /// Where bytes stand that begin as everything sealed under `key` does: any column of any table.
    async fn under(&self, key: &InstanceKey) -> Vec<String> {
        let mut header = Vec::new();
        key.envelope().header(&mut header);
        let mut login = self.zone.try_login("portcullis").await.expect("a login");
        let columns = "select table_name::text as relation, column_name::text as name from information_schema.columns \
            where table_schema = 'portcullis' and data_type = 'bytea'";
        let columns = sqlx::query(columns).fetch_all(&mut login).await.expect("columns");
        assert!(columns.len() > 20, "the schema has columns");
        let mut found = Vec::new();
        for column in columns {
            let (relation, name): (String, String) = (column.get("relation"), column.get("name"));
            let count = format!("select count(*) from portcullis.{relation} where substr({name}, 1, 5) = $1");
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
                .bind(&header)
                .fetch_one(&mut login)
                .await
                .expect("a count");
            if count > 0 {
                found.push(format!("{relation}.{name}"));
            }
        }
        found.sort();
        found
    }
}

/// What an organization has that lies under the key.
async fn fill(owner: &Web, provider: &FakeProvider) {
    let body =
        json!({"name": "sealed", "base_url": provider.base_url(), "key": UPSTREAM_KEY, "models": ["fake-1"]});
    owner.post("/api/v1/providers", &body).await.expect(201);
    let rules = json!({"channels": {"prompt": {"EMAIL": {"mode": "reversible"}}}});
    let put =
        owner.try_call(http::Method::PUT, "/api/v1/policies/pii", Some(&rules)).await.expect("an answer");
    assert_eq!(put.status, 200, "{}", put.text());
    let hook = json!({"url": "https://hooks.example.com/x", "kinds": ["agent.*"]});
    let hook = owner.post("/api/v1/webhooks", &hook).await.expect(201).json();
    let again = format!("/api/v1/webhooks/{}/rotate", hook["id"].as_str().expect("an id"));
    owner.post(&again, &json!({"overlap_seconds": 3600})).await.expect(201);
    for number in 0..INVITATIONS {
        let invitation = json!({"address": format!("invited{number}@example.com"), "role": "viewer"});
        owner.post("/api/v1/invitations", &invitation).await.expect(201);
    }
}

/// The provider gets its key and a token, and the caller gets their value back.
async fn works(agent: &Web, provider: &FakeProvider) {
    let agent = agent.with_header("x-portcullis-conversation", "of-before");
    let call = async |text: &str| {
        let answer = agent.post("/v1/chat/completions", &prompt("fake-1", text)).await.expect(200);
        assert_eq!(
            provider.last().expect("called").header("authorization"),
            format!("Bearer {UPSTREAM_KEY}")
        );
        answer.json()["choices"][0]["message"]["content"].clone()
    };
    call(&format!("To {EMAIL}")).await;
    let sent = provider.last().expect("called").text();
    let start = sent.find("<EMAIL_").expect("a token");
    let token = sent[start..=start + sent[start..].find('>').expect("its end")].to_owned();
    provider.always(Script::json(&token));
    assert_eq!(call("And again").await, EMAIL, "a value kept under the organization's key comes back");
    provider.always(Script::json("Done."));
}

/// The organization's log grows and is signed.
async fn signs(owner: &Web) {
    owner.post_empty("/api/v1/audit/checkpoints").await.expect(201);
}

#[test]
fn the_key_is_changed_while_servers_run() {
    run(async |house| {
        let (site, folder) = (Site::of(house), Folder::new("newkey"));
        folder.open_to_all();
        let mut zone = Zone::at(&site, &folder, "z", 54_330);
        zone.make().await;
        zone.ask_for_passwords();
        zone.start(None).await;
        let tenant = zone.prepared().await;
        let (old, new) = (instance_key(), next_key());
        let stage = Stage { zone: &zone, folder: &folder };
        let provider = FakeProvider::start(Script::json("Done.")).await.expect("a provider");
        let keys = (tenant.owner_key.expose().to_owned(), tenant.agent_key.expose().to_owned());
        let of = |server: &Process| (server.web(keys.0.clone()), server.web(keys.1.clone()));

        // As it was: one key, one server.
        let first = stage.serve(&old, None).await;
        let (owner, agent) = of(&first);
        fill(&owner, &provider).await;
        works(&agent, &provider).await;
        signs(&owner).await;
        let before = stage.under(&old).await;
        for place in [
            "provider.key_sealed",
            "webhook_endpoint.secret_sealed",
            "webhook_endpoint.old_secret_sealed",
            "data_key.sealed",
            "audit_log.seed_sealed",
            "mail_outbox.to_sealed",
            "mail_outbox.message_sealed",
            "subject_key.sealed",
            "instance.canary",
        ] {
            assert!(before.iter().any(|found| found == place), "{place} holds nothing: {before:?}");
        }

        // Every server learns to open with both, and seals with the old one.
        stage.command(&["migrate"], &old, Some(&new)).await.exited(0);
        works(&agent, &provider).await;
        let second = stage.serve(&old, Some(&new)).await;
        assert!(first.stop().await.success());
        // The database and the next servers seal with the new one; those of before go on beside them.
        stage.command(&["migrate"], &new, Some(&old)).await.exited(0);
        zone.break_connections().await;
        let (owner, agent) = of(&second);
        // It notices that its connections are gone, and makes new ones with the password there is now.
        until("a new connection", async || agent.chat("loopback", "there?").await.status == 200).await;
        works(&agent, &provider).await;
        let third = stage.serve(&new, Some(&old)).await;
        let (owner_new, agent_new) = of(&third);
        works(&agent_new, &provider).await;
        works(&agent, &provider).await;
        signs(&owner).await;
        signs(&owner_new).await;

        let refused = stage.try_serve(&new, None).await.err().unwrap_or_default();
        assert!(refused.contains("ENCRYPTION_KEY is not the key"), "not before all is done: {refused}");
        assert!(second.stop().await.success());
        sealed_anew(&stage, (&old, &new), &before, &agent_new, &provider).await;

        // With the new one alone; the old one opens nothing any more.
        stage.command(&["migrate"], &new, None).await.exited(0);
        assert!(third.stop().await.success());
        let refused = stage.try_serve(&old, None).await.err().unwrap_or_default();
        assert!(refused.contains("ENCRYPTION_KEY") || refused.contains("password"), "{refused}");
        let last = stage.serve(&new, None).await;
        let (owner, agent) = of(&last);
        works(&agent, &provider).await;
        signs(&owner).await;
        let said = owner.entries("encryption_key.changed").await;
        assert!(said.iter().any(|entry| entry["data"]["table"] == "provider"), "{said:?}");
        let alone = stage.command(&["operator", "rewrap"], &new, None).await;
        assert!(alone.code == Some(1) && alone.err.contains("ENCRYPTION_KEY_OTHER"), "{alone:?}");
        let doctor = stage.command(&["doctor", "--json"], &new, None).await.out;
        assert!(doctor.contains("all lie under ENCRYPTION_KEY"), "{doctor}");
        assert!(last.stop().await.success());
    });
}

/// `operator rewrap`, beside a server that works.
async fn sealed_anew(
    stage: &Stage<'_>,
    (old, new): (&InstanceKey, &InstanceKey),
    before: &[String],
    agent: &Web,
    provider: &FakeProvider,
) {
    let doctor = stage.command(&["doctor", "--json"], new, Some(old)).await.out;
    assert!(doctor.contains("lie under ENCRYPTION_KEY_OTHER"), "{doctor}");
    let arguments = ["operator", "rewrap", "--json"];
    let (ran, ()) = tokio::join!(stage.command(&arguments, new, Some(old)), works(agent, provider));
    assert!(ran.err.contains("values sealed anew"), "its progress: {}", ran.err);
    let told: Value = serde_json::from_str(&ran.exited(0)).expect("JSON");
    assert!(told["values"].as_u64() >= Some(before.len() as u64), "{told}");
    assert_eq!(told["unreadable"], json!([]));
    assert_eq!(stage.under(old).await, Vec::<String>::new(), "nothing lies under the key of before");
    assert!(stage.under(new).await.len() >= before.len(), "and what did lies under the other one");

    let again = stage.command(&arguments, new, Some(old)).await.exited(0);
    let again: Value = serde_json::from_str(&again).expect("JSON");
    assert_eq!(again["values"], 0, "there is nothing left to do");
}

#[test]
fn a_value_that_opens_with_neither_key_is_named_and_not_in_the_way() {
    run(async |house| {
        let (site, folder) = (Site::of(house), Folder::new("lostkey"));
        folder.open_to_all();
        let mut zone = Zone::at(&site, &folder, "z", 54_331);
        zone.make().await;
        zone.start(None).await;
        let tenant = zone.prepared().await;
        let (old, new) = (instance_key(), next_key());
        let stage = Stage { zone: &zone, folder: &folder };
        stage.command(&["migrate"], &new, Some(&old)).await.exited(0);
        let mut login = zone.try_login("portcullis").await.expect("a login");
        let lost = format!(
            "set session_replication_role = replica; insert into portcullis.data_key (tenant_id, id, state, sealed, made_at) \
             values ('{}', gen_random_uuid(), 'current', '\\x01{}', now())",
            tenant.id,
            "00".repeat(60)
        );
        sqlx::raw_sql(AssertSqlSafe(lost)).execute(&mut login).await.expect("a lost value");

        let stopped = stage.command(&["operator", "rewrap", "--json"], &new, Some(&old)).await;
        assert_eq!(stopped.code, Some(1), "{stopped:?}");
        assert!(stopped.err.contains("1 values open with neither key"), "{}", stopped.err);
        let told: Value = serde_json::from_str(&stopped.out).expect("JSON");
        assert_eq!(told["unreadable"][0]["table"], "data_key", "{told}");
        assert!(stage.under(&old).await.contains(&"instance.canary".to_owned()), "it is not finished");

        let arguments = ["operator", "rewrap", "--json", "--leave-unreadable"];
        let done: Value =
            serde_json::from_str(&stage.command(&arguments, &new, Some(&old)).await.exited(0)).expect("JSON");
        assert_eq!(done["unreadable"].as_array().map(Vec::len), Some(1), "{done}");
        assert_eq!(stage.under(&old).await, Vec::<String>::new());
    });
}

#[test]
fn a_server_with_a_database_of_its_own_takes_the_other_key_from_beside_the_first() {
    run(async |house| {
        let folder = Folder::new("upkey");
        let data = folder.path().join("data");
        let first = Process::up(house, &data, &[]).await;
        let key = first.said["api_key"].as_str().expect("a key").to_owned();
        first.web(key.clone()).chat("loopback", "one").await.expect(200);
        assert!(first.stop().await.success());

        let file = data.join("encryption.key");
        let beside = data.join("encryption.key.other");
        std::fs::rename(&file, &beside).expect("renamed");
        std::fs::copy(&beside, &file).expect("copied, with its mode");
        std::fs::write(&file, format!("{}\n", next_key().to_base64().as_str())).expect("written");
        let second = Process::up(house, &data, &[]).await;
        second.web(key.clone()).chat("loopback", "two").await.expect(200);
        let bin = house.home().bin_dir().display().to_string();
        let data_dir = data.display().to_string();
        let arguments = ["operator", "rewrap", "--json", "--data-dir", &data_dir, "--pg-bin", &bin];
        command(&arguments, &[]).await.exited(0);
        assert!(second.stop().await.success());

        std::fs::remove_file(&beside).expect("removed");
        let third = Process::up(house, &data, &[]).await;
        third.web(key).chat("loopback", "three").await.expect(200);
        assert!(third.stop().await.success());
    });
}
