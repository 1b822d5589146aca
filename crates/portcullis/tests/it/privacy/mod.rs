//! Gate four through the real server: rules by channel, and what is kept to be put back.

mod benchmark;
mod canary;
mod channels;
mod deep;
mod keys;
mod vault;

use gates::Vault;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{FakeProvider, Script};

use crate::house::{Answer, Ask, Build, Database, Entry, House, Tenant, Wire};

/// A tenant with a policy of its own, a provider that does as it is told, and the house between them.
struct Stage {
    vault: &'static Arc<Vault>,
    database: &'static Database,
    tenant: Tenant,
    provider: FakeProvider,
    web: Wire,
}

impl Stage {
    async fn with(house: &'static House, rules: &Value) -> Self {
        let desk = house.shared().await;
        let provider = FakeProvider::start(Script::json("Done")).await.expect("a provider");
        let web = Build::over(&desk.vault).provider(&provider).serve().await;
        let tenant = Tenant::make(&desk.vault, "Privacy").await;
        let stage = Self { vault: &desk.vault, database: &desk.database, tenant, provider, web };
        let answer = stage.put(rules).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        stage
    }

    async fn put(&self, rules: &Value) -> Answer {
        let ask = Ask::new(http::Method::PUT, "/api/v1/policies/pii").json(rules.to_string());
        self.web.ask(ask.key(&self.tenant.owner_key)).await
    }

    /// Calls the model with these messages as the tenant's agent; answers what came back and under which request.
    async fn chat(&self, messages: &Value) -> (Answer, String) {
        let id = self.web.request_id();
        let body = json!({"model": "fake-1", "messages": messages}).to_string();
        let ask = Ask::chat(body).key(&self.tenant.agent_key).header("x-request-id", &id);
        let answer = self.web.ask(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        (answer, id)
    }

    /// What the provider was sent last.
    fn sent(&self) -> String {
        self.provider.last().expect("a request").text()
    }

    async fn entry(&self, request: &str, kind: &str) -> Entry {
        let entries = self.database.entries_once(request, 1).await;
        let found = entries.into_iter().find(|entry| entry.kind == kind);
        found.unwrap_or_else(|| panic!("{request} left no {kind}"))
    }
}
