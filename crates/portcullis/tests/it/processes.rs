//! Two server processes over one database: what one of them decides holds for the other within a second, and both may
//! keep the logs at once.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Row as _;

use crate::house::process::Process;
use crate::house::web::Web;
use crate::house::{Database, House, Tenant, run};

/// Longest time until a replica refuses what another revoked.
const REFUSED_MILLIS_MAX: u128 = 1_000;
/// How often a replica is asked meanwhile.
const ASK_MILLIS: u64 = 5;
/// Times each refusal is measured.
const TRIES: usize = 5;
/// How long a rotated key goes on working in the test of that.
const OVERLAP_SECONDS: u64 = 3;
/// Clients of each server in the test of two sequencers, and calls of each client.
const CLIENTS: usize = 6;
const CALLS: usize = 25;

struct Pair {
    database: Database,
    tenant: Tenant,
    one: Process,
    other: Process,
}

impl Pair {
    async fn start(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        vault.close();
        drop(vault);
        let (one, other) = tokio::join!(Process::serve(&database, &[]), Process::serve(&database, &[]));
        Self { database, tenant, one, other }
    }

    fn owner(&self) -> Web {
        self.one.web(self.tenant.owner_key.expose().to_owned())
    }

    async fn stop(self) {
        let (one, other) = tokio::join!(self.one.stop(), self.other.stop());
        assert!(one.success() && other.success());
        self.database.verified().await.exited(0);
    }
}

/// Asks until refused; returns how long that took since `since`.
async fn refused(web: &Web, since: Instant) -> u128 {
    loop {
        let status = web.get("/v1/models").await.status;
        let passed = since.elapsed().as_millis();
        if status == 401 || status == 403 {
            return passed;
        }
        assert!(status.is_success(), "{status}");
        assert!(passed <= REFUSED_MILLIS_MAX, "still accepted after {passed} ms");
        tokio::time::sleep(Duration::from_millis(ASK_MILLIS)).await;
    }
}

/// A fresh key of the owner's or of an agent: its id and secret.
async fn key(owner: &Web, agent: Option<&str>) -> (String, String) {
    let body = json!({ "name": "replicas", "role": "editor", "agent": agent });
    let made = owner.post("/api/v1/keys", &body).await.expect(201).json();
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    (text("id"), text("secret"))
}

#[test]
fn a_key_revoked_here_is_refused_there() {
    run(async |house| {
        let pair = Pair::start(house, "revoked").await;
        let owner = pair.owner();
        let mut took = Vec::new();
        for _ in 0..TRIES {
            let (id, secret) = key(&owner, None).await;
            let (here, there) = (pair.one.web(secret.clone()), pair.other.web(secret));
            // Both know it now, and know it from memory.
            for web in [&here, &there] {
                for _ in 0..3 {
                    web.get("/v1/models").await.expect(200);
                }
            }
            owner.delete(&format!("/api/v1/keys/{id}")).await.expect(204);
            let revoked = Instant::now();
            here.get("/v1/models").await.expect(401);
            took.push(refused(&there, revoked).await);
        }
        println!("a revoked key was refused by the other process after {took:?} ms");
        pair.stop().await;
    });
}

#[test]
fn an_agent_suspended_here_is_refused_there() {
    run(async |house| {
        let pair = Pair::start(house, "suspended").await;
        let owner = pair.owner();
        let agent = pair.tenant.agent.to_string();
        let secret = pair.tenant.agent_key.expose().to_owned();
        let (here, there) = (pair.one.web(secret.clone()), pair.other.web(secret));
        let mut took = Vec::new();
        for _ in 0..TRIES {
            here.get("/v1/models").await.expect(200);
            there.get("/v1/models").await.expect(200);
            owner.post_empty(&format!("/api/v1/agents/{agent}/suspend")).await.expect(204);
            let suspended = Instant::now();
            took.push(refused(&there, suspended).await);
            assert!(!here.get("/v1/models").await.status.is_success());
            owner.post_empty(&format!("/api/v1/agents/{agent}/resume")).await.expect(204);
            // The way back may take as long as the way there.
            let resumed = Instant::now();
            while !there.get("/v1/models").await.status.is_success() {
                assert!(resumed.elapsed().as_millis() <= REFUSED_MILLIS_MAX, "still refused");
                tokio::time::sleep(Duration::from_millis(ASK_MILLIS)).await;
            }
        }
        println!("a suspended agent was refused by the other process after {took:?} ms");
        pair.stop().await;
    });
}

#[test]
fn a_rotated_key_overlaps_and_then_ends_everywhere() {
    run(async |house| {
        let pair = Pair::start(house, "rotated").await;
        let owner = pair.owner();
        let (id, old) = key(&owner, None).await;
        let overlap = Duration::from_secs(OVERLAP_SECONDS);
        let rotation = json!({ "overlap_seconds": OVERLAP_SECONDS });
        let rotated = Instant::now();
        let made = owner.post(&format!("/api/v1/keys/{id}/rotate"), &rotation).await.expect(201).json();
        // The overlap began while the request was under way.
        let answered = Instant::now();
        let new = made["secret"].as_str().expect("a secret").to_owned();
        for server in [&pair.one, &pair.other] {
            server.web(new.clone()).get("/v1/models").await.expect(200);
            server.web(old.clone()).get("/v1/models").await.expect(200);
        }
        assert!(rotated.elapsed() < overlap, "this machine is too slow for this test");
        let over = overlap + Duration::from_millis(50);
        tokio::time::sleep(over.saturating_sub(answered.elapsed())).await;
        for server in [&pair.one, &pair.other] {
            server.web(old.clone()).get("/v1/models").await.expect(401);
            server.web(new.clone()).get("/v1/models").await.expect(200);
        }
        pair.stop().await;
    });
}

#[test]
fn two_sequencers_do_not_fork_a_log() {
    run(async |house| {
        let pair = Pair::start(house, "sequencers").await;
        let secret = pair.tenant.agent_key.expose().to_owned();
        let webs = [pair.one.web(secret.clone()), pair.other.web(secret)];
        let owner = pair.owner();
        let clients = (0..2 * CLIENTS).map(|number| {
            let web = webs[number % 2].clone();
            tokio::spawn(async move {
                for _ in 0..CALLS {
                    web.chat("loopback", "hello").await.expect(200);
                }
            })
        });
        let clients: Vec<_> = clients.collect();
        // Checkpoints on demand from both, while both place entries.
        let there = pair.other.web(pair.tenant.owner_key.expose().to_owned());
        let mut sizes = Vec::new();
        while clients.iter().any(|client| !client.is_finished()) {
            for web in [&owner, &there] {
                let signed = web.post_empty("/api/v1/audit/checkpoints").await.expect(201).json();
                sizes.push(signed["size"].as_u64().expect("a size"));
            }
        }
        for client in clients {
            client.await.expect("all calls were answered");
        }
        assert!(sizes.is_sorted(), "a checkpoint covers less than the one before it: {sizes:?}");
        let signed = owner.post_empty("/api/v1/audit/checkpoints").await.expect(201).json();
        let calls = u64::try_from(2 * CLIENTS * CALLS).expect("few");
        assert!(
            signed["size"].as_u64().is_some_and(|size| size > 2 * calls),
            "intents and outcomes: {signed}"
        );
        let database = pair.database.name().to_owned();
        let mut login = pair.database.superuser().await;
        let tenant = pair.tenant.id.to_string();
        pair.stop().await;
        let row = sqlx::query(
            "select (select count(*) from audit_entry where tenant_id = $1::text::uuid) as entries, \
             (select size from audit_tree where tenant_id = $1::text::uuid) as size",
        )
        .bind(tenant)
        .fetch_one(&mut login)
        .await
        .unwrap_or_else(|error| panic!("{database}: {error}"));
        assert_eq!(row.get::<i64, _>("entries"), row.get::<i64, _>("size"), "every entry has one place");
    });
}
