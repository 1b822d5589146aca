//! How much a pack in force lets pass: calls of models, what they send and have written, and how long keys live.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{Stage, files, id, signed, signer};
use crate::house::run;
use crate::house::web::{Answer, Web, prompt};

const LIMITS: &str = r#"{"limits":[
    {"for":["Agent"],"model_calls_per_minute":3,"model_request_bytes":2000,"model_output_tokens":4},
    {"key_lifetime_days":30},
    {"for":["Agent","Service"],"model_calls_per_minute":9}]}"#;
const TESTS: &str = r#"[
    {"name":"three","principal":"Agent","limit":"model_calls_per_minute","asks":3,"expect":"allow"},
    {"name":"no more","principal":"Agent","limit":"model_calls_per_minute","asks":4,"expect":"deny","policies":["limits.1"]},
    {"name":"keys","principal":"User","limit":"key_lifetime_days","asks":31,"expect":"deny","policies":["limits.2"]}]"#;

fn limiting(version: u64) -> BTreeMap<String, String> {
    let mut files = files("tight", version, None);
    files.remove("policies/main.cedar");
    files.remove("tests/main.json");
    files.insert("limits.json".to_owned(), LIMITS.to_owned());
    files.insert("tests/limits.json".to_owned(), TESTS.to_owned());
    files
}

const WORDS: &str = "one two three four five six";

/// A call of the provider that repeats what it is sent, with these members besides.
fn asking(more: &Value) -> Value {
    let mut body = prompt("loopback-echo", WORDS);
    body.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
    body
}

async fn ask(web: &Web, more: Value) -> Answer {
    web.post("/v1/chat/completions", &asking(&more)).await
}

/// Refused by this rule, for this action, without a word of it in the answer.
async fn refused(stage: &Stage, answer: Answer, status: u16, action: &str, rule: &str) {
    let text = answer.expect(status).text();
    assert!(text.contains("policy pack") && !text.contains(rule) && !text.contains("tight"), "{text}");
    assert!(text.contains("\"gate\":\"token\""), "{text}");
    let entry = stage.key.entries("access.denied").await.remove(0);
    let data = &entry["data"];
    assert_eq!((&entry["action"], &data["verdict"]), (&action.into(), &"limit".into()), "{entry}");
    assert_eq!((&data["policies"], &data["gate"]), (&rule.into(), &"token".into()), "{entry}");
    assert!(data["pack"].as_str().is_some_and(|pack| pack.starts_with("tight/1+")), "{entry}");
}

#[test]
fn calls_of_models_stay_within_what_the_pack_says() {
    run(async |house| {
        let stage = Stage::new(house, "limits_calls").await;
        stage.trust(7).await;
        let agent = stage.agent(&stage.one);
        for _ in 0..5 {
            let answer = ask(&agent, json!({})).await.expect(200);
            assert_eq!(answer.header("ratelimit-policy"), "", "without a pack nothing is counted");
            assert!(answer.text().contains(WORDS));
        }
        // Seen before it is done.
        let pack = stage.upload(&signed(limiting(1), &signer(7))).await;
        let (hash, report) = stage.try_out(&pack).await;
        let exceed = json!({ "model_calls_per_minute": 2, "model_output_tokens": 5 });
        assert_eq!(report["limits"]["would_exceed"], exceed, "{report}");
        assert_eq!(report["limits"]["after"].as_array().map(Vec::len), Some(3), "{report}");
        let activate = json!({ "dry_run": hash });
        stage.person.post(&format!("/api/v1/policies/packs/{pack}/activate"), &activate).await.expect(200);

        // A request that asks for no limit gets one; nothing from before counts.
        let answer = ask(&agent, json!({})).await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"pack\";q=3;w=60");
        assert_eq!((answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")), ("3", "2"));
        let choice = &answer.json()["choices"][0];
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&"one two three four".into(), &"length".into())
        );
        // What asks for more is refused, by either name and counted over all answers; what asks for less is as before.
        for more in [
            json!({ "max_completion_tokens": 5 }),
            json!({ "max_tokens": 5 }),
            json!({ "max_tokens": 5, "max_completion_tokens": 2 }),
            json!({ "max_completion_tokens": 0 }),
            json!({ "n": 2, "max_completion_tokens": 3 }),
            json!({ "n": 5 }),
        ] {
            refused(&stage, ask(&agent, more).await, 403, "models.call", "limits.1").await;
        }
        let long = prompt("loopback-echo", &"x".repeat(2_000));
        let answer = agent.post("/v1/chat/completions", &long).await;
        assert_eq!(answer.json()["error"]["code"], "request_too_large");
        refused(&stage, answer, 413, "models.call", "limits.1").await;
        let answer = ask(&agent, json!({ "max_tokens": 2 })).await.expect(200).json();
        assert_eq!(answer["choices"][0]["message"]["content"], "one two");
        let answer = ask(&agent, json!({ "n": 2, "max_completion_tokens": null })).await.expect(200).json();
        assert_eq!(answer["choices"][1]["message"]["content"], "one two");

        let late = ask(&agent, json!({})).await;
        let wait: u64 = late.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!((late.header("ratelimit-remaining"), late.header("ratelimit-limit")), ("0", "3"));
        assert_eq!(late.json()["error"]["code"], "rate_limit_exceeded");
        refused(&stage, late, 429, "models.call", "limits.1").await;
        // Each credential and each process counts for itself, and the rule is for agents.
        ask(&stage.agent(&stage.other), json!({})).await.expect(200);
        for _ in 0..4 {
            assert!(ask(&stage.key, json!({})).await.expect(200).text().contains(WORDS));
        }
        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        assert!(ask(&agent, json!({})).await.expect(200).text().contains(WORDS));
        stage.stop().await;
    });
}

#[test]
fn keys_live_no_longer_than_the_pack_says() {
    run(async |house| {
        let stage = Stage::new(house, "limits_keys").await;
        stage.trust(7).await;
        let make = async |days: Option<u64>| {
            let end =
                days.map(|days| SystemClock.now().plus(Duration::from_secs(days * 86_400 - 60)).to_string());
            let key = json!({ "name": "a key", "role": "reader", "expires_at": end });
            stage.key.post("/api/v1/keys", &key).await
        };
        let endless = id(&make(None).await.expect(201).json());
        stage.put(&signed(limiting(1), &signer(7))).await;
        for days in [None, Some(31)] {
            let answer = make(days).await;
            let problem = answer.json();
            assert_eq!(problem["errors"][0]["pointer"], "/expires_at", "{problem}");
            assert!(
                problem["errors"][0]["detail"].as_str().is_some_and(|says| says.contains("30 days")),
                "{problem}"
            );
            refused(&stage, answer, 422, "key.create", "limits.2").await;
        }
        let good = id(&make(Some(30)).await.expect(201).json());
        let rotate =
            async |key: &str| stage.key.post(&format!("/api/v1/keys/{key}/rotate"), &json!({})).await;
        let end = |rotated: &Answer| rotated.json()["expires_at"].as_str().map(str::to_owned);
        let latest = SystemClock.now().plus(Duration::from_mins(30 * 1_440 + 1)).to_string();
        let kept = rotate(&good).await.expect(201);
        assert!(end(&kept).is_some_and(|end| end < latest), "{}", kept.text());
        // What has no end gets the one that the pack leaves it.
        let own = stage.key.post("/api/v1/keys/current/rotate", &json!({})).await.expect(201);
        for ended in [rotate(&endless).await.expect(201), own] {
            let earliest = SystemClock.now().plus(Duration::from_mins(30 * 1_440 - 1)).to_string();
            assert!(end(&ended).is_some_and(|end| earliest < end && end < latest), "{}", ended.text());
        }

        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        let endless = make(None).await.expect(201);
        let again = rotate(&id(&endless.json())).await.expect(201);
        assert_eq!(end(&again), None, "{}", again.text());
        stage.stop().await;
    });
}
