//! What a pack does once it is in force, in every process; and that there is always a way out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{EVERYTHING, NO_LISTS, Stage, files, signed, signer};
use crate::house::members::past;
use crate::house::run;
use crate::house::web::Web;

/// Longest until the other process knows.
const WITHIN: Duration = Duration::from_secs(1);

/// Asks until the status is this one; how long that took.
async fn until(web: &Web, path: &str, status: u16) -> Duration {
    let since = Instant::now();
    while web.get(path).await.status != status {
        assert!(since.elapsed() < WITHIN, "{path} is not {status} after {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}

#[test]
fn a_pack_holds_for_every_process_within_a_second_and_stands_in_every_entry() {
    run(async |house| {
        let stage = Stage::new(house, "in_force").await;
        stage.trust(7).await;
        let there = stage.other.web(stage.tenant.owner_key.expose().to_owned());
        for web in [&stage.key, &there] {
            web.get("/api/v1/projects").await.expect(200);
        }
        let before = stage.key.entries("project.listed").await;
        assert_eq!(before[0]["data"]["pack"], Value::Null, "entries without a pack are as they were");
        stage.put(&signed(files("lists", 1, Some(NO_LISTS)), &signer(7))).await;
        let answer = stage.key.get("/api/v1/projects").await.expect(403).json();
        assert_eq!(answer["gate"], "token", "{answer}");
        let text = answer.to_string();
        assert!(
            text.contains("policy pack") && !text.contains("no-lists") && !text.contains("lists/1"),
            "{text}"
        );
        println!("the other process refused after {:?}", until(&there, "/api/v1/projects", 403).await);
        // People are not keys, and other actions are not this one.
        stage.person.get("/api/v1/projects").await.expect(200);
        stage.key.get("/api/v1/agents").await.expect(200);

        let denied = &stage.key.entries("access.denied").await[0];
        let label = denied["data"]["pack"].as_str().expect("a label").to_owned();
        assert!(label.starts_with("lists/1+") && label.len() == "lists/1+".len() + 16, "{label}");
        assert_eq!(
            (&denied["data"]["verdict"], &denied["data"]["policies"]),
            (&"forbid".into(), &"no-lists".into())
        );
        assert_eq!(denied["action"], "project.list");
        assert_eq!(stage.key.entries("agent.listed").await[0]["data"]["pack"], label.as_str());
        let activated = &stage.key.entries("policy_pack.activated").await[0]["data"];
        assert_eq!(
            (&activated["label"], &activated["replaces"]),
            (&label.as_str().into(), &Value::Null),
            "{activated}"
        );

        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        stage.key.get("/api/v1/projects").await.expect(200);
        until(&there, "/api/v1/projects", 200).await;
        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(409);
        stage.stop().await;
    });
}

#[test]
fn a_pack_that_forbids_everything_locks_nobody_out() {
    run(async |house| {
        let stage = Stage::new(house, "everything").await;
        stage.trust(7).await;
        stage.put(&signed(files("everything", 1, Some(EVERYTHING)), &signer(7))).await;
        for path in ["/api/v1/projects", "/api/v1/organization", "/v1/models", "/api/v1/audit/entries"] {
            stage.person.get(path).await.expect(403);
            stage.key.get(path).await.expect(403);
        }
        let again = signed(files("everything", 2, Some(EVERYTHING)), &signer(7));
        stage.key.post("/api/v1/policies/packs", &again).await.expect(403);
        // What is one's own, seeing what is in force, an override, and the way back.
        stage.person.get("/api/v1/account").await.expect(200);
        stage.key.get("/api/v1/policies/packs").await.expect(200);
        let open = json!({"reason": "The pack in force forbids everything.", "minutes": 15});
        let opened = stage.person.post("/api/v1/break-glass", &open).await;
        assert_ne!(opened.status, 403, "{}", opened.text());
        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        stage.person.get("/api/v1/projects").await.expect(200);
        let denied = stage.key.entries("access.denied").await;
        assert!(denied.iter().any(|entry| entry["data"]["policies"] == "everything"), "{denied:?}");
        stage.stop().await;
    });
}

#[test]
fn a_pack_whose_rows_were_changed_closes_what_it_reaches() {
    run(async |house| {
        let stage = Stage::new(house, "tampered").await;
        stage.trust(7).await;
        let pack = stage.put(&signed(files("lists", 1, Some(NO_LISTS)), &signer(7))).await;
        stage.key.get("/api/v1/agents").await.expect(200);
        // Another document under another hash: nothing that was put together before stands for it.
        let sql = format!(
            "update policy_pack set document = document || ' '::bytea, sha256 = sha256(document || ' '::bytea) where id = '{pack}'"
        );
        past(&stage.database, &sql).await;
        for web in [&stage.key, &stage.person] {
            let answer = web.get("/api/v1/agents").await.expect(403).json();
            assert!(answer.to_string().contains("cannot be evaluated"), "{answer}");
        }
        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        stage.key.get("/api/v1/agents").await.expect(200);
        let denied = stage.key.entries("access.denied").await;
        assert_eq!(denied[0]["data"]["verdict"], "broken", "{denied:?}");
        stage.stop().await;
    });
}

#[test]
fn a_dry_run_shows_what_would_have_been_refused() {
    run(async |house| {
        let stage = Stage::new(house, "dry_run").await;
        stage.trust(7).await;
        for _ in 0..3 {
            stage.key.get("/api/v1/projects").await.expect(200);
        }
        stage.person.get("/api/v1/projects").await.expect(200);
        let pack = stage.upload(&signed(files("lists", 1, Some(NO_LISTS)), &signer(7))).await;
        let (hash, report) = stage.try_out(&pack).await;
        assert_eq!((&report["would_refuse"], &report["would_allow"]), (&3.into(), &0.into()), "{report}");
        let first = &report["refused"][0];
        assert_eq!(
            (&first["action"], &first["policies"]),
            (&"project.list".into(), &json!(["no-lists"])),
            "{report}"
        );
        assert!(report["replayed"].as_u64() >= Some(4), "{report}");
        // Trying does not put into force.
        stage.key.get("/api/v1/projects").await.expect(200);
        let body = json!({ "dry_run": hash });
        stage.person.post(&format!("/api/v1/policies/packs/{pack}/activate"), &body).await.expect(200);
        stage.key.get("/api/v1/projects").await.expect(403);
        // A pack that says nothing about it would allow what this one refused.
        let (policies, tests) = (
            "@id(\"other\") forbid(principal is Agent, action, resource);",
            r#"[{"name":"n","principal":{"type":"ApiKey","role":"owner"},"action":"project.list","expect":"allow"}]"#,
        );
        let next = stage.upload(&signed(files("lists", 2, Some((policies, tests))), &signer(7))).await;
        let (_, report) = stage.try_out(&next).await;
        assert_eq!((&report["would_refuse"], &report["would_allow"]), (&0.into(), &1.into()), "{report}");
        assert_eq!(report["allowed"][0]["was_refused_by"], "no-lists", "{report}");
        stage.stop().await;
    });
}

#[test]
fn what_a_pack_asks_of_people_is_asked_at_the_gate() {
    run(async |house| {
        let stage = Stage::new(house, "prove").await;
        stage.trust(7).await;
        let mut files = files("prove", 1, Some(NO_LISTS));
        let rules = r#"{"rules":[{"actions":["agents:read"],"assurance":"aal2"}]}"#;
        files.insert("mfa.json".to_owned(), rules.to_owned());
        stage.put(&signed(files, &signer(7))).await;
        let answer = stage.person.get("/api/v1/agents").await.expect(403).json();
        assert!(
            answer["type"].as_str().is_some_and(|kind| kind.ends_with("second-factor-required")),
            "{answer}"
        );
        stage.key.get("/api/v1/agents").await.expect(200);
        let denied = &stage.key.entries("access.denied").await[0]["data"];
        assert_eq!((&denied["verdict"], &denied["policies"]), (&"prove".into(), &"mfa.1".into()), "{denied}");
        stage.stop().await;
    });
}
