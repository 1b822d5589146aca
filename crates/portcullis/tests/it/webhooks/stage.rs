//! A house with a clock that is moved by hand, a tenant, a receiver, and the job that sends.

use std::sync::Arc;
use std::time::Duration;

use app::providers::UrlRules;
use app::webhooks::Deliverer;
use gates::{Vault, VaultOptions};
use http::Method;
use kernel::Clock;
use portcullis::webhooks::HttpCourier;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::receiver::Receiver;
use crate::house::{Answer, Ask, Build, Database, House, Tenant, Wire};
use crate::mail::Hands;

/// Everywhere but the metadata services of clouds.
pub(super) const OPEN: UrlRules = UrlRules { allow_private: true, allow_plain_http: true };
/// How long a receiver may take, in a test.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Stage {
    pub(super) database: Database,
    pub(super) clock: Arc<Hands>,
    pub(super) vault: Arc<Vault>,
    pub(super) wire: Wire,
    pub(super) tenant: Tenant,
    pub(super) receiver: Receiver,
    pub(super) job: Deliverer,
}

/// An endpoint that was configured.
pub(super) struct Hook {
    pub(super) id: String,
    pub(super) secret: String,
}

pub(super) fn job(vault: &Arc<Vault>) -> Deliverer {
    let courier = HttpCourier::new().expect("TLS defaults").within(PATIENCE);
    Deliverer::new(Arc::clone(vault), Arc::new(courier), OPEN)
}

impl Stage {
    pub(super) async fn set(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let clock = Hands::now();
        let vault = Self::vault(&database, &clock).await;
        let wire = Build::over(&vault).serve().await;
        let tenant = Tenant::make(&vault, purpose).await;
        let (receiver, job) = (Receiver::start().await, job(&vault));
        Self { database, clock, vault, wire, tenant, receiver, job }
    }

    pub(super) async fn vault(database: &Database, clock: &Arc<Hands>) -> Arc<Vault> {
        let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
        let options =
            VaultOptions { app_connections_max: 8, system_connections_max: 8, clock, ..database.options() };
        Vault::open(options).await.expect("served")
    }

    /// Asks as the tenant's owner.
    pub(super) async fn ask(&self, ask: Ask) -> Answer {
        self.clock.tick();
        self.wire.ask(ask.key(&self.tenant.owner_key)).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Ask::get(path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(super) async fn post(&self, path: &str, body: Option<&Value>, status: u16) -> Value {
        let ask = Ask::post(path);
        let ask = match body {
            Some(body) => ask.json(body.to_string()),
            None => ask,
        };
        let answer = self.ask(ask).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    pub(super) async fn hook(&self, kinds: &[&str]) -> Hook {
        let body = json!({"url": self.receiver.url, "description": "a test", "kinds": kinds});
        let made = self.post("/api/v1/webhooks", Some(&body), 201).await;
        let text = |name: &str| made[name].as_str().expect("text").to_owned();
        Hook { id: text("id"), secret: text("secret") }
    }

    /// Makes an agent; answers its id.
    pub(super) async fn agent(&self) -> String {
        let name = format!("agent {}", self.wire.number());
        let made = self.post("/api/v1/agents", Some(&json!({ "name": name })), 201).await;
        made["id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn agent_is(&self, agent: &str, verb: &str) {
        self.post(&format!("/api/v1/agents/{agent}/{verb}"), None, 204).await;
    }

    pub(super) async fn switch(&self, hook: &Hook, kinds: &[&str], enabled: bool) -> Value {
        let body = json!({"url": self.receiver.url, "kinds": kinds, "enabled": enabled});
        let ask = Ask::new(Method::PUT, format!("/api/v1/webhooks/{}", hook.id)).json(body.to_string());
        let answer = self.ask(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Sends everything that is due now; answers how many messages that were.
    pub(super) async fn round(&self) -> u64 {
        self.job.round().await.expect("a round")
    }

    /// An endpoint's deliveries, oldest first.
    pub(super) async fn deliveries(&self, hook: &Hook, query: &str) -> Vec<Value> {
        let page = self.get(&format!("/api/v1/webhooks/{}/deliveries?limit=200{query}", hook.id)).await;
        let mut items = page["items"].as_array().expect("a list").clone();
        items.reverse();
        items
    }

    pub(super) async fn delivery(&self, hook: &Hook, id: &str) -> Value {
        self.get(&format!("/api/v1/webhooks/{}/deliveries/{id}", hook.id)).await
    }

    /// The entries of a kind in the tenant's log, oldest first.
    pub(super) async fn entries(&self, kind: &str) -> Vec<Value> {
        let rows = sqlx::query("select leaf from audit_entry where tenant_id = $1 and kind = $2 order by id")
            .bind(self.tenant.id.uuid())
            .bind(kind)
            .fetch_all(&mut self.database.superuser().await)
            .await
            .expect("entries");
        rows.iter().map(|row| serde_json::from_slice(row.get("leaf")).expect("JSON")).collect()
    }
}
