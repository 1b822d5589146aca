use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use serde_json::Value;
use sqlx::Row as _;
use testkit::{FakeProvider, Script};

use super::load::{Acknowledged, Load};
use crate::house::process::Process;
use crate::house::web::Web;
use crate::house::{Database, Tenant, run};

/// Times the server is killed.
const ROUNDS: u64 = 10;
/// Clients of each of the two organizations.
const CLIENTS: usize = 6;
/// Answers that clients wait for before the kill, at most; and the time from then on, in milliseconds, at most. A
/// count, because time alone means nothing on a busy machine.
const ANSWERS_MAX: u64 = 24;
const DELAY_MILLIS_MAX: u64 = 120;
/// Longest wait for those answers.
const ANSWERS_SECONDS_MAX: u64 = 60;
/// The moments follow from this, so that a round can be repeated.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// Longest wait for a started server to place what waited.
const PLACED_SECONDS_MAX: u64 = 20;

/// When a round's kill comes: after so many answers, and so long after them (splitmix64).
fn moment(round: u64) -> (usize, Duration) {
    let mut value = SEED.wrapping_mul(round + 1);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^= value >> 31;
    let answers = usize::try_from(value % ANSWERS_MAX).unwrap_or_default();
    (answers, Duration::from_millis((value >> 32) % DELAY_MILLIS_MAX))
}

/// Waits for a round's moment.
async fn reach(load: &Load, round: u64) {
    let (answers, delay) = moment(round);
    let wait = async {
        while load.count() < answers {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let limit = Duration::from_secs(ANSWERS_SECONDS_MAX);
    tokio::time::timeout(limit, wait).await.expect("calls are answered before the kill");
    tokio::time::sleep(delay).await;
}

/// Every entry of the database by id.
async fn entries(database: &Database) -> BTreeMap<String, Value> {
    let rows = sqlx::query("select id::text, leaf from audit_entry")
        .fetch_all(&mut database.superuser().await)
        .await;
    let read = |row: sqlx::postgres::PgRow| {
        let leaf: Vec<u8> = row.get("leaf");
        (row.get("id"), serde_json::from_slice(&leaf).expect("an entry"))
    };
    rows.expect("entries").into_iter().map(read).collect()
}

/// Every signed checkpoint.
async fn checkpoints(database: &Database) -> BTreeSet<(String, i64, String)> {
    let rows = sqlx::query("select tenant_id::text, size, note from audit_checkpoint")
        .fetch_all(&mut database.superuser().await)
        .await
        .expect("checkpoints");
    rows.into_iter().map(|row| (row.get("tenant_id"), row.get("size"), row.get("note"))).collect()
}

/// Waits until nothing waits for its place.
async fn all_placed(database: &Database) {
    let mut login = database.superuser().await;
    let wait = async {
        loop {
            let left = sqlx::query("select count(*) as left from audit_queue").fetch_one(&mut login).await;
            if left.expect("the queue").get::<i64, _>("left") == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(PLACED_SECONDS_MAX);
    tokio::time::timeout(limit, wait).await.expect("what waited gets its place after a restart");
}

/// Everything acknowledged is there; answered calls have their outcome.
async fn holds(database: &Database, told: &Acknowledged) {
    let entries = entries(database).await;
    let missing: Vec<_> = told.entries.iter().filter(|id| !entries.contains_key(*id)).collect();
    assert!(missing.is_empty(), "{} acknowledged entries are gone: {missing:?}", missing.len());
    let outcomes: BTreeSet<&str> = entries
        .values()
        .filter(|entry| entry["kind"] == "llm.call.outcome" && entry["outcome"] == "ok")
        .filter_map(|entry| entry["data"]["intent"].as_str())
        .collect();
    let missing: Vec<_> = told.calls.iter().filter(|id| !outcomes.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "{} answered calls have no outcome: {missing:?}", missing.len());
}

#[test]
fn a_killed_server_loses_nothing_it_acknowledged() {
    run(async |house| {
        let database = house.database("killed").await;
        let vault = database.vault().await.expect("served");
        let tenants = [Tenant::make(&vault, "killed").await, Tenant::make(&vault, "killed too").await];
        vault.close();
        drop(vault);
        let (mut told, mut signed) = (Acknowledged::default(), BTreeSet::new());
        for round in 0..ROUNDS {
            let server = Process::serve(&database, &[("PORTCULLIS_CHECKPOINT_SECONDS", "1")]).await;
            let clients = tenants.iter().flat_map(|tenant| {
                let web = server.web(tenant.agent_key.expose().to_owned());
                std::iter::repeat_n(web, CLIENTS)
            });
            let load = Load::start(clients.collect::<Vec<Web>>());
            // Checkpoints are signed meanwhile, so that some are cut off too.
            let owner = server.web(tenants[0].owner_key.expose().to_owned());
            let signing = tokio::spawn(async move {
                while owner.try_call(Method::POST, "/api/v1/audit/checkpoints", None).await.is_ok() {}
            });
            reach(&load, round).await;
            server.kill().await;
            told.add(&load.stop().await);
            signing.await.expect("joined");
            holds(&database, &told).await;
            let now = checkpoints(&database).await;
            assert!(now.is_superset(&signed), "a signed checkpoint is gone");
            signed = now;
            // As the crash left it, entries still waiting.
            database.verified().await.exited(0);
        }
        let server = Process::serve(&database, &[("PORTCULLIS_CHECKPOINT_SECONDS", "1")]).await;
        all_placed(&database).await;
        assert!(server.stop().await.success());
        holds(&database, &told).await;
        let now = checkpoints(&database).await;
        assert!(now.is_superset(&signed), "a signed checkpoint is gone");
        // Every checkpoint ever signed is checked against the leaves.
        database.verified().await.exited(0);
        println!(
            "{ROUNDS} kills: {} entries acknowledged, {} calls answered, {} without an answer, {} checkpoints",
            told.entries.len(),
            told.calls.len(),
            told.lost,
            now.len()
        );
        assert!(told.entries.len() > 50 && told.lost > 0 && now.len() > 2, "the kills came under load");
    });
}

#[test]
fn killed_between_intent_and_outcome_the_intent_stays() {
    run(async |house| {
        let provider = FakeProvider::start(Script::hang()).await.expect("a provider");
        let (database, base_url) = (house.database("between").await, provider.base_url());
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "between").await;
        vault.close();
        let env = [("OPENAI_API_KEY", "key"), ("OPENAI_BASE_URL", base_url.as_str())];
        let server = Process::serve(&database, &env).await;
        let web = server.web(tenant.agent_key.expose().to_owned());
        let call = tokio::spawn(async move { web.try_chat("gpt-4o-mini", "hello").await });
        provider.arrived(1).await;
        server.kill().await;
        assert!(call.await.expect("joined").is_err(), "nobody answered");

        let of_calls = |entries: BTreeMap<String, Value>| -> Vec<Value> {
            let of_call =
                |entry: &Value| entry["kind"].as_str().is_some_and(|kind| kind.starts_with("llm.call"));
            entries.into_values().filter(of_call).collect()
        };
        let left = of_calls(entries(&database).await);
        let [intent] = left.as_slice() else { panic!("the intent alone, not {left:?}") };
        assert_eq!(intent["outcome"], "intent");

        let server = Process::serve(&database, &env).await;
        let answer = server.web(tenant.agent_key.expose().to_owned()).chat("loopback", "hello").await;
        assert!(answer.status.is_success());
        all_placed(&database).await;
        assert!(server.stop().await.success());
        let now = of_calls(entries(&database).await);
        assert_eq!(now.len(), 3, "no outcome is invented for what nobody knows: {now:?}");
        database.verified().await.exited(0);
    });
}

/// Longest wait until a call that was cut off is recorded as unknown.
const REAPED_SECONDS_MAX: u64 = 40;

#[test]
fn a_call_that_was_cut_off_ends_unknown_once_and_no_other_does() {
    run(async |house| {
        let provider = FakeProvider::start(Script::hang()).await.expect("a provider");
        let (database, base_url) = (house.database("reaped").await, provider.base_url());
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "reaped").await;
        vault.close();
        let asked = [("OPENAI_API_KEY", "key"), ("OPENAI_BASE_URL", base_url.as_str())];
        let server = Process::serve(&database, &asked).await;
        let agent = server.web(tenant.agent_key.expose().to_owned());
        agent.chat("loopback", "hello").await.expect(200);
        let call = tokio::spawn(async move { agent.try_chat("gpt-4o-mini", "hello").await });
        provider.arrived(1).await;
        server.kill().await;
        assert!(call.await.expect("joined").is_err(), "nobody answered");

        // Two replicas look at the same time, while another call runs.
        let short =
            [asked[0], asked[1], ("PORTCULLIS_CALL_SECONDS", "4"), ("PORTCULLIS_CALL_UNKNOWN_SECONDS", "6")];
        let servers = [Process::serve(&database, &short).await, Process::serve(&database, &short).await];
        let agent = servers[0].web(tenant.agent_key.expose().to_owned());
        let running = tokio::spawn(async move { agent.chat("gpt-4o-mini", "hello").await });
        let owner = servers[1].web(tenant.owner_key.expose().to_owned());
        let unknown = async {
            loop {
                let outcomes = owner.entries("llm.call.outcome").await;
                if let Some(found) = outcomes.into_iter().find(|entry| entry["outcome"] == "unknown") {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let unknown = tokio::time::timeout(Duration::from_secs(REAPED_SECONDS_MAX), unknown).await;
        let unknown = unknown.expect("the call that was cut off has an outcome");
        assert_eq!(unknown["data"]["status"], "unknown");
        assert_eq!(
            (&unknown["data"]["tokens_known"], &unknown["actor"]["kind"]),
            (&false.into(), &"system".into())
        );
        assert_eq!(running.await.expect("joined").status, 504);
        // Long enough for whatever is older than the limit to be looked at again.
        tokio::time::sleep(Duration::from_secs(9)).await;

        let intents = owner.entries("llm.call.intent").await;
        let outcomes = owner.entries("llm.call.outcome").await;
        assert_eq!((intents.len(), outcomes.len()), (3, 3), "{outcomes:#?}");
        let mut words = Vec::new();
        for intent in &intents {
            let of_it: Vec<_> =
                outcomes.iter().filter(|outcome| outcome["data"]["intent"] == intent["id"]).collect();
            let [outcome] = of_it[..] else { panic!("one outcome of {intent}, not {of_it:?}") };
            assert_eq!(outcome["request_id"], intent["request_id"]);
            words.push(outcome["data"]["status"].as_str().expect("a status").to_owned());
        }
        // Newest first.
        assert_eq!(words, ["upstream_error", "unknown", "ok"]);
        for server in servers {
            assert!(server.stop().await.success());
        }
        database.verified().await.exited(0);
    });
}
