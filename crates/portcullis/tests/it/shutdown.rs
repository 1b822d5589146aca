//! Told to stop, the server finishes what it began: a stream under way comes to its end, its outcome is on record,
//! everything is placed and signed, and it exits with 0.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt as _;
use sqlx::Row as _;
use testkit::{FakeProvider, Script};
use tokio::sync::Notify;

use crate::house::process::Process;
use crate::house::web::prompt;
use crate::house::{Database, Tenant, run};

/// Longest time a server with nothing to finish may take to stop.
const IDLE_STOP_SECONDS_MAX: u64 = 5;

/// Kinds and outcomes of the organization's calls, in the order they were written.
async fn calls(database: &Database, tenant: &Tenant) -> Vec<(String, String)> {
    let rows = sqlx::query(
        "select e.kind, convert_from(e.leaf, 'UTF8')::json ->> 'outcome' as outcome from audit_entry e \
         where e.tenant_id = $1::text::uuid and e.kind like 'llm.call.%' order by e.id",
    )
    .bind(tenant.id.to_string())
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("entries");
    rows.into_iter().map(|row| (row.get("kind"), row.get("outcome"))).collect()
}

#[test]
fn a_stream_under_way_is_finished_and_recorded() {
    run(async |house| {
        let gate = Arc::new(Notify::new());
        let script = Script::stream_held(["Hello "], Arc::clone(&gate), ["world."]);
        let provider = FakeProvider::start(script).await.expect("a provider");
        let (database, base_url) = (house.database("stream").await, provider.base_url());
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "stream").await;
        vault.close();
        let env = [("OPENAI_API_KEY", "key"), ("OPENAI_BASE_URL", base_url.as_str())];
        let mut server = Process::serve(&database, &env).await;
        let web = server.web(tenant.agent_key.expose().to_owned());
        // Idle connections must not keep the server waiting.
        web.get("/v1/models").await.expect(200);
        let mut body = prompt("gpt-4o-mini", "hello");
        body["stream"] = true.into();
        let response = web.open(Method::POST, "/v1/chat/completions", Some(&body)).await.expect("an answer");
        assert_eq!(response.status(), 200);
        provider.arrived(1).await;

        server.terminate();
        wait_until_closed(&server).await;
        assert_eq!(calls(&database, &tenant).await.len(), 1, "the intent alone");
        gate.notify_one();
        let rest = response.into_body().collect().await.expect("the stream comes to its end").to_bytes();
        let text = String::from_utf8_lossy(&rest).into_owned();
        assert!(text.contains("world.") || text.contains("world"), "{text}");
        assert!(text.trim_end().ends_with("data: [DONE]"), "{text}");
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.written());

        let calls = calls(&database, &tenant).await;
        let words: Vec<_> = calls.iter().map(|(kind, outcome)| (kind.as_str(), outcome.as_str())).collect();
        assert_eq!(words, [("llm.call.intent", "intent"), ("llm.call.outcome", "ok")]);
        nothing_waits(&database).await;
    });
}

/// Resolves when the server accepts no new connection.
async fn wait_until_closed(server: &Process) {
    let address = server.url.trim_start_matches("http://").to_owned();
    let wait = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("a stopping server accepts nothing new");
}

/// Everything is placed and signed, and the tables agree.
async fn nothing_waits(database: &Database) {
    let mut login = database.superuser().await;
    let sql = "select (select count(*) from audit_queue) as waiting, (select count(*) from audit_tree t where t.size <> \
               (select coalesce(max(c.size), -1) from audit_checkpoint c where c.tenant_id = t.tenant_id)) as unsigned";
    let row = sqlx::query(sql).fetch_one(&mut login).await.expect("counts");
    assert_eq!(
        (row.get::<i64, _>("waiting"), row.get::<i64, _>("unsigned")),
        (0, 0),
        "the last round was made"
    );
    database.verified().await.exited(0);
}

#[test]
fn an_idle_server_stops_at_once_with_everything_signed() {
    run(async |house| {
        let database = house.database("idle").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "idle").await;
        vault.close();
        let server = Process::serve(&database, &[]).await;
        let web = server.web(tenant.agent_key.expose().to_owned());
        for _ in 0..5 {
            web.chat("loopback", "hello").await.expect(200);
        }
        let told = Instant::now();
        assert_eq!(server.stop().await.code(), Some(0));
        let took = told.elapsed();
        println!("an idle server stopped after {took:?}");
        assert!(took < Duration::from_secs(IDLE_STOP_SECONDS_MAX), "{took:?}");
        nothing_waits(&database).await;
    });
}

#[test]
fn a_call_beyond_the_grace_period_is_recorded_as_cut_short() {
    run(async |house| {
        let provider = FakeProvider::start(Script::hang_mid_stream()).await.expect("a provider");
        let (database, base_url) = (house.database("grace").await, provider.base_url());
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "grace").await;
        vault.close();
        let env = [
            ("OPENAI_API_KEY", "key"),
            ("OPENAI_BASE_URL", base_url.as_str()),
            ("PORTCULLIS_SHUTDOWN_GRACE_SECONDS", "1"),
        ];
        let server = Process::serve(&database, &env).await;
        let web = server.web(tenant.agent_key.expose().to_owned());
        let mut body = prompt("gpt-4o-mini", "hello");
        body["stream"] = true.into();
        let response = web.open(Method::POST, "/v1/chat/completions", Some(&body)).await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(server.stop().await.code(), Some(0));
        let calls = calls(&database, &tenant).await;
        let words: Vec<_> = calls.iter().map(|(kind, outcome)| (kind.as_str(), outcome.as_str())).collect();
        assert_eq!(words, [("llm.call.intent", "intent"), ("llm.call.outcome", "failed")]);
        nothing_waits(&database).await;
    });
}
