//! Providers as they are: silent, broken, slow, talkative. Whatever one does, the client gets a clear answer in the
//! shape its SDK reads, the log has an intent and an outcome, and nothing hangs.

mod faults;
mod order;
mod words;

use gates::Vault;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FakeProvider, Script};

use crate::house::{Answer, Ask, Build, Database, Entry, House, Tenant, Wire, impatient};

/// A tenant, a provider that does as it is told, and the house between them.
struct Stage {
    database: &'static Database,
    tenant: Tenant,
    provider: FakeProvider,
    web: Wire,
}

impl Stage {
    /// With a gateway that waits for nobody long.
    async fn impatient(house: &'static House, script: Script) -> Self {
        let desk = house.shared().await;
        let provider = FakeProvider::start(script).await.expect("a provider");
        let build = Build { limits: impatient(), ..Build::over(&desk.vault).provider(&provider) };
        Self::over(&desk.vault, &desk.database, provider, build).await
    }

    /// With a gateway that waits as long as in production.
    async fn patient(house: &'static House, script: Script) -> Self {
        let desk = house.shared().await;
        let provider = FakeProvider::start(script).await.expect("a provider");
        let build = Build::over(&desk.vault).provider(&provider);
        Self::over(&desk.vault, &desk.database, provider, build).await
    }

    async fn over(
        vault: &Arc<Vault>,
        database: &'static Database,
        provider: FakeProvider,
        build: Build<'_>,
    ) -> Self {
        let tenant = Tenant::make(vault, "Upstreams").await;
        Self { database, tenant, provider, web: build.serve().await }
    }

    /// A call with the tenant's agent key, and the id it goes by.
    fn call(&self, body: &str) -> (Ask, String) {
        let id = self.web.request_id();
        let ask = Ask::chat(body.to_owned()).key(&self.tenant.agent_key).header("x-request-id", &id);
        (ask, id)
    }

    /// The intent and the outcome of a call, once both are there; and nothing else.
    async fn call_entries(&self, id: &str) -> (Entry, Entry) {
        call_entries(self.database, &self.tenant, id).await
    }
}

/// The intent and the outcome of a call, once both are there; and nothing else.
async fn call_entries(database: &Database, tenant: &Tenant, id: &str) -> (Entry, Entry) {
    let entries = database.entries_once(id, 2).await;
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["llm.call.intent", "llm.call.outcome"], "{id}");
    assert!(entries.iter().all(|entry| entry.tenant == tenant.id.to_string()), "{id}");
    let mut entries = entries.into_iter();
    let (Some(intent), Some(outcome)) = (entries.next(), entries.next()) else { panic!("two entries") };
    assert_eq!(intent.outcome(), "intent");
    assert_eq!(outcome.fact("intent"), &json!(intent.id), "the outcome names its intent");
    (intent, outcome)
}

/// A small request.
fn request(stream: bool) -> String {
    json!({"model": "fake-1", "stream": stream, "messages": [{"role": "user", "content": "Good morning"}]})
        .to_string()
}

/// The error of an answer, its shape checked: what the SDKs read, and the id to quote.
fn openai_error<'a>(body: &'a Value, request_id: Option<&str>) -> &'a str {
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty(), "an error says what happened: {body}");
    assert!(error["type"].is_string(), "{body}");
    assert!(error.get("param").is_some_and(|param| param.is_null() || param.is_string()), "{body}");
    if let Some(id) = request_id {
        assert_eq!(error["request_id"], id, "{body}");
    }
    error["code"].as_str().unwrap_or_else(|| panic!("an error has a code: {body}"))
}

/// The JSON events of a streamed answer, and whether it ended with `[DONE]`.
fn events(answer: &Answer) -> (Vec<Value>, bool) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("text/event-stream"), "{:?}", answer.headers);
    let text = answer.text();
    let data: Vec<&str> =
        text.split("\n\n").filter_map(|event| event.trim().strip_prefix("data: ")).collect();
    let done = data.last() == Some(&"[DONE]");
    let json = data.iter().filter(|data| **data != "[DONE]");
    (
        json.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
            .collect(),
        done,
    )
}

/// All that the events say, put together as a client does.
fn said(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}
