//! Messages that arrive, are tried again, stay in order, and are given up.

use app::webhooks::{FAILING_DAYS_MAX, RETRY_SECONDS};
use crypto::SystemRng;
use kernel::{EntryId, SystemClock};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::receiver::{Got, Reply};
use super::stage::{Hook, Stage};
use crate::house::{Ask, execute, run};

#[test]
fn an_event_arrives_signed_and_is_on_the_list() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_arrive").await;
        let hook = stage.hook(&["agent.created"]).await;
        let everything = stage.hook(&["*"]).await;
        stage.switch(&everything, &["*"], false).await;
        let made = Ask::post("/api/v1/agents").json(json!({"name": "told of"}).to_string());
        let made = stage.ask(made.header("x-request-id", "it-told-of")).await;
        assert_eq!(made.status, 201);
        assert_eq!(stage.round().await, 1);
        let got = stage.receiver.one();
        assert!(got.is_believed(&hook.secret) && !got.is_believed(&everything.secret));
        let altered = Got { body: got.body.slice(1..), ..got.clone() };
        assert!(!altered.is_believed(&hook.secret));
        assert_eq!(got.header("content-type"), "application/json");
        assert!(got.header("user-agent").starts_with("Portcullis/"));
        assert!(!got.id().contains('.') && got.header("webhook-signature").starts_with("v1,"));
        let body = got.json();
        assert_eq!(body["type"], "agent.created");
        assert_eq!(body["data"]["id"], made.header("x-portcullis-entry"));
        assert_eq!(body["data"]["organization"], stage.tenant.id.to_string());
        assert_eq!(body["data"]["request_id"], "it-told-of");
        assert_eq!(body["data"]["outcome"], "ok");
        assert_eq!(body["data"]["actor"]["kind"], "service");
        assert_eq!(body["data"]["target"], json!({"kind": "agent", "id": made.json()["id"]}));
        let listed = stage.deliveries(&hook, "").await;
        assert_eq!(listed.len(), 1);
        let listed = &listed[0];
        assert_eq!((&listed["id"], &listed["state"]), (&got.id().into(), &"delivered".into()));
        assert_eq!((&listed["attempts"], &listed["last_status"]), (&1.into(), &204.into()));
        let read = stage.delivery(&hook, got.id()).await;
        assert_eq!(read["log"].as_array().expect("a log").len(), 1, "{read}");
        assert_eq!(read["log"][0]["error"], Value::Null);
        let health = stage.get(&format!("/api/v1/webhooks/{}", hook.id)).await["health"].clone();
        assert!(health["last_success_at"].is_string() && health["failures"] == 0, "{health}");
        nothing_is_kept_open(&stage, &hook).await;
    });
}

/// Neither the secret nor what a receiver said is anywhere in the tables, and nothing of the address but its host in the log.
async fn nothing_is_kept_open(stage: &Stage, hook: &Hook) {
    let mut look = stage.database.superuser().await;
    for table in ["webhook_endpoint", "webhook_delivery", "webhook_attempt", "audit_entry"] {
        let sql = format!("select coalesce(string_agg(to_jsonb(t)::text, ''), '') from {table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut look).await.expect("rows");
        for secret in [hook.secret.as_str(), "whsec_", "kept nowhere"] {
            assert!(!rows.contains(secret), "{secret} is in {table}");
        }
    }
    let created = stage.entries("webhook.created").await;
    assert!(created[0]["data"]["host"].is_string(), "{created:?}");
    assert!(!format!("{created:?}").contains("for=it"), "{created:?}");
}

#[test]
fn only_what_was_asked_for_leaves_and_webhooks_do_not_tell_of_themselves() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_kinds").await;
        let all = stage.hook(&["*"]).await;
        let agents = stage.hook(&["agent.*", "KEY_CREATED"]).await;
        stage.get("/api/v1/projects").await;
        stage.agent().await;
        stage.get("/api/v1/agents").await;
        let kinds = async |hook: &Hook| -> Vec<String> {
            let listed = stage.deliveries(hook, "").await;
            listed.iter().map(|one| one["kind"].as_str().expect("a kind").to_owned()).collect()
        };
        assert_eq!(kinds(&agents).await, ["agent.created", "agent.listed"]);
        let everything = ["project.listed", "agent.created", "agent.listed"];
        assert_eq!(kinds(&all).await, everything, "nothing of kind webhook.*");
        stage.round().await;
        assert_eq!(kinds(&all).await, everything, "delivering is no event");
        // Another tenant's events stay its own.
        let stranger = crate::house::Tenant::make(&stage.vault, "Next door").await;
        stage.wire.ask(Ask::get("/api/v1/agents").key(&stranger.owner_key)).await;
        assert_eq!(kinds(&all).await, everything);
    });
}

#[test]
fn a_cause_that_is_rolled_back_leaves_no_delivery() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_rollback").await;
        stage.hook(&["*"]).await;
        let mut raw = stage.database.superuser().await;
        let append = format!(
            "begin; select gate.append('{}', '{}', now(), 'agent.created', 'system', 'none', convert_to('{{}}', 'UTF8'))",
            stage.tenant.id,
            EntryId::new(&SystemClock, &SystemRng)
        );
        execute(&mut raw, &append).await.expect("appended");
        let count = "select count(*) from webhook_delivery";
        let inside: i64 = sqlx::query_scalar(count).fetch_one(&mut raw).await.expect("a count");
        execute(&mut raw, "rollback").await.expect("undone");
        let after: i64 = sqlx::query_scalar(count).fetch_one(&mut raw).await.expect("a count");
        assert_eq!((inside, after), (1, 0));
        assert_eq!(stage.round().await, 0);
    });
}

#[test]
fn what_fails_is_tried_again_and_a_receiver_may_ask_for_time() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_retry").await;
        let hook = stage.hook(&["agent.created"]).await;
        let mut replies = vec![Reply(204, None), Reply(503, Some(1_000)), Reply(500, None)];
        stage.receiver.answers(move |_| replies.pop().unwrap_or(Reply(204, None)));
        stage.agent().await;
        assert_eq!(stage.round().await, 1);
        let first = stage.receiver.one();
        let waits = stage.delivery(&hook, first.id()).await;
        assert_eq!((&waits["state"], &waits["last_status"]), (&"pending".into(), &500.into()));
        assert!(waits["due_at"].is_string() && waits["last_error"] == "status", "{waits}");
        stage.clock.forward(4);
        assert_eq!(stage.round().await, 0, "five seconds have not passed");
        stage.clock.forward(2);
        assert_eq!(stage.round().await, 1);
        stage.clock.forward(900);
        assert_eq!(stage.round().await, 0, "it asked for a thousand seconds");
        stage.clock.forward(300);
        assert_eq!(stage.round().await, 1);
        let again = stage.receiver.got();
        assert_eq!(again.len(), 2);
        assert!(again.iter().all(|got| got.id() == first.id() && got.body == first.body), "the same message");
        assert_ne!(again[1].header("webhook-signature"), first.header("webhook-signature"));
        let read = stage.delivery(&hook, first.id()).await;
        assert_eq!((&read["state"], &read["attempts"]), (&"delivered".into(), &3.into()));
        let statuses: Vec<&Value> =
            read["log"].as_array().expect("a log").iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, [&204, &503, &500]);
        assert!(stage.entries("webhook.dead_lettered").await.is_empty());
    });
}

#[test]
fn of_one_subject_events_arrive_in_their_order() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_order").await;
        let (one, other) = (stage.agent().await, stage.agent().await);
        stage.hook(&["agent.suspended", "agent.resumed"]).await;
        for verb in ["suspend", "resume", "suspend"] {
            stage.agent_is(&one, verb).await;
        }
        stage.agent_is(&other, "suspend").await;
        let (broken, mut refused) = (one.clone(), 0);
        stage.receiver.answers(move |got| {
            let first = got.what() == ("agent.suspended".to_owned(), broken.clone()) && refused == 0;
            refused += usize::from(first);
            Reply(if first { 500 } else { 204 }, None)
        });
        assert_eq!(stage.round().await, 2, "the first of each subject");
        let what = |got: Vec<Got>| -> Vec<(String, String)> { got.iter().map(Got::what).collect() };
        let mut first = what(stage.receiver.got());
        first.sort();
        let mut expected = [("agent.suspended", &one), ("agent.suspended", &other)]
            .map(|(kind, id)| (kind.to_owned(), id.clone()));
        expected.sort();
        assert_eq!(first, expected);
        stage.clock.forward(1);
        assert_eq!(stage.round().await, 0, "the second waits for the first");
        stage.clock.forward(5);
        assert_eq!(stage.round().await, 3);
        let expected = ["agent.suspended", "agent.resumed", "agent.suspended"]
            .map(|kind| (kind.to_owned(), one.clone()));
        assert_eq!(what(stage.receiver.got()), expected);
    });
}

#[test]
fn an_endpoint_that_is_gone_is_switched_off() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_gone").await;
        let hook = stage.hook(&["agent.created"]).await;
        stage.receiver.answers(|_| Reply(410, None));
        stage.agent().await;
        stage.agent().await;
        stage.round().await;
        let read = stage.get(&format!("/api/v1/webhooks/{}", hook.id)).await;
        assert_eq!((&read["enabled"], &read["disabled_because"]), (&false.into(), &"gone".into()));
        let disabled = stage.entries("webhook.disabled").await;
        assert_eq!(disabled.len(), 1, "{disabled:?}");
        assert_eq!(disabled[0]["data"]["because"], "gone");
        assert_eq!(disabled[0]["actor"]["kind"], "system");
        stage.agent().await;
        stage.clock.forward(60);
        assert_eq!(stage.round().await, 0, "nobody is told any more");
        let path = format!("/api/v1/webhooks/{}/test", hook.id);
        stage.post(&path, None, 409).await;
        stage.post(&format!("/api/v1/webhooks/{}/replay", hook.id), None, 409).await;

        stage.receiver.answers(|_| Reply(204, None));
        stage.receiver.got();
        assert_eq!(stage.switch(&hook, &["agent.created"], true).await["enabled"], true);
        let replayed = stage.post(&format!("/api/v1/webhooks/{}/replay", hook.id), None, 200).await;
        assert_eq!(replayed["replayed"], 2);
        assert_eq!(stage.round().await, 2);
        assert!(stage.receiver.got().iter().all(|got| got.is_believed(&hook.secret)));
        let states = stage.deliveries(&hook, "&state=delivered").await;
        assert_eq!(states.len(), 2, "{states:?}");
    });
}

/// Moves the clock past each pause until the delivery has ended; answers how many messages were sent.
async fn exhaust(stage: &Stage) -> u64 {
    let mut sent = stage.round().await;
    for pause in RETRY_SECONDS {
        stage.clock.forward(pause + pause / 10 + 1);
        sent += stage.round().await;
    }
    sent
}

#[test]
fn what_nobody_takes_is_given_up_and_can_be_replayed() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_dead").await;
        let agent = stage.agent().await;
        let hook = stage.hook(&["agent.suspended", "agent.resumed"]).await;
        stage.receiver.answers(|_| Reply(500, None));
        stage.agent_is(&agent, "suspend").await;
        stage.agent_is(&agent, "resume").await;
        // When the first is given up the second, which waited for it, gets its first attempt.
        assert_eq!(exhaust(&stage).await, 11);
        let listed = stage.deliveries(&hook, "").await;
        assert_eq!(listed.len(), 2);
        let (first, second) = (&listed[0], &listed[1]);
        assert_eq!((&first["state"], &first["attempts"]), (&"dead".into(), &10.into()));
        assert_eq!((&second["state"], &second["attempts"]), (&"pending".into(), &1.into()));
        let dead = stage.entries("webhook.dead_lettered").await;
        assert_eq!(dead.len(), 1, "told once: {dead:?}");
        assert_eq!(dead[0]["subject"]["id"], first["id"]);
        assert_eq!(
            (&dead[0]["data"]["attempts"], &dead[0]["data"]["because"]),
            (&10.into(), &"status".into())
        );
        let read = stage.get(&format!("/api/v1/webhooks/{}", hook.id)).await;
        assert_eq!((&read["enabled"], &read["health"]["failures"]), (&true.into(), &11.into()));

        // Replayed, it goes to the end of the line: the one that waits comes first, and then it arrives under its id.
        stage.receiver.answers(|_| Reply(204, None));
        stage.receiver.got();
        let replay = |id: &Value| {
            format!("/api/v1/webhooks/{}/deliveries/{}/replay", hook.id, id.as_str().expect("an id"))
        };
        stage.post(&replay(&second["id"]), None, 409).await;
        let replayed = stage.post(&replay(&first["id"]), None, 200).await;
        assert_eq!(replayed["state"], "pending");
        stage.clock.forward(10);
        assert_eq!(stage.round().await, 2);
        let ids: Vec<String> = stage.receiver.got().iter().map(|got| got.id().to_owned()).collect();
        assert_eq!(ids, [second["id"].as_str().expect("an id"), first["id"].as_str().expect("an id")]);
        assert_eq!(stage.entries("webhook.replayed").await.len(), 1 + 1, "the refused one is on record too");
    });
}

#[test]
fn days_of_nothing_but_failures_switch_an_endpoint_off() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_failing").await;
        let hook = stage.hook(&["agent.created"]).await;
        stage.receiver.answers(|_| Reply(500, None));
        stage.agent().await;
        exhaust(&stage).await;
        assert_eq!(stage.get(&format!("/api/v1/webhooks/{}", hook.id)).await["enabled"], true);
        stage.agent().await;
        exhaust(&stage).await;
        let read = stage.get(&format!("/api/v1/webhooks/{}", hook.id)).await;
        assert_eq!(read["disabled_because"], "failing", "more than {FAILING_DAYS_MAX} days have passed");
        assert_eq!(stage.entries("webhook.disabled").await.len(), 1);
        assert_eq!(stage.entries("webhook.dead_lettered").await.len(), 2);
        // What has ended is removed when it has been kept for its time.
        stage.clock.forward((app::webhooks::KEPT_DAYS + 1) * 24 * 3_600);
        stage.job.sweep().await.expect("swept");
        assert!(stage.deliveries(&hook, "").await.is_empty());
    });
}

#[test]
fn a_test_is_sent_once_and_says_what_came_of_it() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_test").await;
        let hook = stage.hook(&["agent.created"]).await;
        let path = format!("/api/v1/webhooks/{}/test", hook.id);
        let put = stage.post(&path, None, 201).await;
        assert_eq!((&put["state"], &put["entry"]), (&"pending".into(), &Value::Null));
        assert_eq!(stage.round().await, 1);
        let got = stage.receiver.one();
        assert!(got.is_believed(&hook.secret));
        assert_eq!(got.json()["type"], "webhook.tested");
        assert_eq!(got.json()["data"]["webhook"], hook.id);
        stage.receiver.answers(|_| Reply(302, None));
        let put = stage.post(&path, None, 201).await;
        assert_eq!(stage.round().await, 1);
        assert_eq!(stage.receiver.got().len(), 1, "a redirect is not followed");
        let read = stage.delivery(&hook, put["id"].as_str().expect("an id")).await;
        assert_eq!((&read["state"], &read["last_error"]), (&"dead".into(), &"redirect".into()));
        assert!(stage.entries("webhook.dead_lettered").await.is_empty());
    });
}

#[test]
fn while_a_secret_is_rotated_both_are_believed() {
    run(async |house| {
        let stage = Stage::set(house, "hooks_rotate").await;
        let hook = stage.hook(&["agent.created"]).await;
        let path = format!("/api/v1/webhooks/{}/rotate", hook.id);
        let rotated = stage.post(&path, Some(&json!({"overlap_seconds": 100})), 201).await;
        let secret = rotated["secret"].as_str().expect("a secret").to_owned();
        assert_ne!(secret, hook.secret);
        stage.agent().await;
        stage.round().await;
        let got = stage.receiver.one();
        assert_eq!(got.header("webhook-signature").split(' ').count(), 2);
        assert!(got.is_believed(&hook.secret) && got.is_believed(&secret));
        stage.clock.forward(101);
        stage.agent().await;
        stage.round().await;
        let got = stage.receiver.one();
        assert_eq!(got.header("webhook-signature").split(' ').count(), 1);
        assert!(!got.is_believed(&hook.secret) && got.is_believed(&secret));
        stage.post(&path, Some(&json!({"overlap_seconds": 604_801})), 422).await;
        // At once: whoever knows the old one is shut out.
        stage.post(&path, Some(&json!({"overlap_seconds": 0})), 201).await;
        stage.agent().await;
        stage.round().await;
        assert!(!stage.receiver.one().is_believed(&secret));
    });
}
