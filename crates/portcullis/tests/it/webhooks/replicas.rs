//! Several processes over one outbox, one that dies, and the program itself.

use std::collections::BTreeSet;
use std::time::Duration;

use app::webhooks::LEASE_SECONDS;
use serde_json::{Value, json};

use super::receiver::Reply;
use super::stage::{Hook, Stage, job};
use crate::house::process::Process;
use crate::house::{Tenant, run, soon};

#[test]
fn a_process_that_dies_leaves_its_deliveries_to_others() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_death").await;
        let hook = stage.hook(&["agent.created"]).await;
        stage.agent().await;
        let other = Stage::vault(&stage.database, &stage.clock).await;
        let dying = job(&other);
        let (taken, _) = dying.take(10).await.expect("taken");
        assert_eq!(taken.len(), 1);
        drop((taken, dying));
        assert_eq!(stage.round().await, 0, "what the dead one holds is left alone");
        stage.clock.forward(LEASE_SECONDS + 1);
        assert_eq!(stage.round().await, 1, "and taken over when its time is up");
        let got = stage.receiver.one();
        let read = stage.delivery(&hook, got.id()).await;
        assert_eq!((&read["state"], &read["attempts"]), (&"delivered".into(), &2.into()));
        other.close();
    });
}

#[test]
fn replicas_share_the_outbox() {
    run(async |house| {
        const EVENTS: usize = 40;
        let stage = Stage::set(house, "hooks_replicas").await;
        let hook = stage.hook(&["agent.created", "agent.suspended"]).await;
        for _ in 0..EVENTS / 2 {
            let agent = stage.agent().await;
            stage.agent_is(&agent, "suspend").await;
        }
        let other = Stage::vault(&stage.database, &stage.clock).await;
        let second = job(&other);
        let everything = async {
            while !stage.deliveries(&hook, "&state=pending").await.is_empty() {
                let (a, b) = tokio::join!(stage.job.round(), second.round());
                a.and(b).expect("rounds");
            }
        };
        soon("all deliveries", everything).await;
        let got = stage.receiver.got();
        let ids: BTreeSet<&str> = got.iter().map(super::receiver::Got::id).collect();
        assert_eq!((got.len(), ids.len()), (EVENTS, EVENTS), "each once");
        let mut seen = BTreeSet::new();
        for one in &got {
            let (kind, agent) = one.what();
            assert!(kind == "agent.created" || seen.contains(&agent), "suspended before it was created");
            seen.insert(agent);
        }
        other.close();
    });
}

/// The delivery once it has ended.
async fn ended(stage: &Stage, hook: &Hook, id: &str) -> Value {
    soon("the end of a delivery", async {
        loop {
            let read = stage.delivery(hook, id).await;
            if read["state"] != "pending" {
                return read;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

#[test]
fn the_program_delivers_and_calls_nobody_at_home_unless_it_may() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_program").await;
        let strict = Process::serve(&stage.database, &[]).await;
        let web = strict.web(stage.tenant.owner_key.expose().to_owned());
        let body = |url: &str| json!({"url": url, "kinds": ["agent.created"]});
        for inside in
            [stage.receiver.url.as_str(), "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/"]
        {
            let refused = web.post("/api/v1/webhooks", &body(inside)).await.expect(422).json();
            assert_eq!(refused["errors"][0]["pointer"], "/url", "{inside}: {refused}");
        }
        // A name is judged when it is called.
        let made = web.post("/api/v1/webhooks", &body("https://localhost:9/")).await.expect(201).json();
        let hook = Hook { id: made["id"].as_str().expect("an id").to_owned(), secret: String::new() };
        let put = web.post_empty(&format!("/api/v1/webhooks/{}/test", hook.id)).await.expect(201).json();
        let read = ended(&stage, &hook, put["id"].as_str().expect("an id")).await;
        assert_eq!(read["last_error"], "address_refused", "{read}");
        assert!(strict.stop().await.success());

        let env = [("PORTCULLIS_WEBHOOKS_ALLOW_PRIVATE", "true")];
        let server = Process::serve(&stage.database, &env).await;
        let web = server.web(stage.tenant.owner_key.expose().to_owned());
        let made = web.post("/api/v1/webhooks", &body(&stage.receiver.url)).await.expect(201).json();
        let secret = made["secret"].as_str().expect("a secret").to_owned();
        stage.receiver.answers(|_| Reply(200, None));
        web.post("/api/v1/agents", &json!({"name": "by the program"})).await.expect(201);
        let got = soon("a message", async {
            loop {
                if let Some(got) = stage.receiver.got().pop() {
                    return got;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        assert!(got.is_believed(&secret));
        assert_eq!(got.json()["type"], "agent.created");
        assert!(server.stop().await.success());
        stage.database.verified().await.exited(0);
    });
}

/// What a stranger may know of an endpoint: nothing, not even that it is there.
#[test]
fn a_stranger_finds_nothing_to_replay_or_to_test() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_stranger").await;
        let hook = stage.hook(&["*"]).await;
        let put = stage.post(&format!("/api/v1/webhooks/{}/test", hook.id), None, 201).await;
        let delivery = put["id"].as_str().expect("an id");
        let stranger = Tenant::make(&stage.vault, "Stranger").await;
        for path in [
            format!("/api/v1/webhooks/{}/test", hook.id),
            format!("/api/v1/webhooks/{}/replay", hook.id),
            format!("/api/v1/webhooks/{}/deliveries/{delivery}/replay", hook.id),
        ] {
            let ask = crate::house::Ask::post(&path).key(&stranger.owner_key);
            assert_eq!(stage.wire.ask(ask).await.status, 404, "{path}");
        }
        let ask = crate::house::Ask::get("/api/v1/webhooks").key(&stranger.owner_key);
        assert_eq!(stage.wire.ask(ask).await.json()["items"], json!([]));
    });
}
