//! Each channel has its rules, each version is kept, and entries say under which they were made.

use serde_json::{Value, json};
use testkit::{PII_EMAIL, Script};

use super::Stage;
use crate::house::{Ask, run};

#[test]
fn each_channel_is_judged_by_its_own_rules() {
    run(async |house| {
        let rules = json!({
            "classes": {"IP": {"mode": "off"}},
            "channels": {"prompt": {"EMAIL": {"mode": "flag_only"}}, "completion": {"EMAIL": {"mode": "off"}}},
            "allow": ["help@example.com"],
            "deny": [{"phrase": "project falcon", "class": "CREDENTIAL"}],
        });
        let stage = Stage::with(house, &rules).await;
        stage.provider.always(Script::json(&format!("Write to {PII_EMAIL}, who knows Project Falcon.")));
        let messages = json!([
            {"role": "user", "content": "Ask ada@example.com or help@example.com about 192.0.2.7"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function",
                "function": {"name": "look", "arguments": "{\"who\":\"eve@example.com\"}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "bob@example.com and help@example.com"},
        ]);
        let (answer, id) = stage.chat(&messages).await;
        let sent = stage.sent();
        for kept in ["ada@example.com", "help@example.com about", "and help@example.com", "192.0.2.7"] {
            assert!(sent.contains(kept), "{kept}: {sent}");
        }
        for gone in ["eve@example.com", "bob@example.com"] {
            assert!(!sent.contains(gone), "{gone}: {sent}");
        }
        let said = answer.json()["choices"][0]["message"]["content"].to_string();
        assert!(said.contains(PII_EMAIL), "off for answers: {said}");
        assert!(!said.contains("Falcon") && said.contains("<CREDENTIAL_"), "denied everywhere: {said}");
        let intent = stage.entry(&id, "llm.call.intent").await;
        assert_eq!(intent.leaf["policy"], "pii@1");
        let findings = intent.fact("findings");
        for channel in ["prompt", "tool_arguments", "tool_results"] {
            let found = findings[channel]["EMAIL"].as_object().expect("a count by confidence");
            assert_eq!(found.values().filter_map(Value::as_u64).sum::<u64>(), 1, "{findings}");
        }
        assert_eq!(intent.fact("redacted"), 2);
        let outcome = stage.entry(&id, "llm.call.outcome").await;
        assert!(outcome.fact("findings")["completion"]["CREDENTIAL"].is_object(), "{}", outcome.leaf);
        assert!(outcome.fact("findings")["prompt"].is_null(), "what was counted before: {}", outcome.leaf);
    });
}

#[test]
fn every_version_is_kept_with_its_maker_and_its_hash() {
    run(async |house| {
        let stage = Stage::with(house, &json!({"classes": {"EMAIL": {"mode": "off"}}})).await;
        let id = stage.web.request_id();
        let second = json!({"channels": {"memory": {"PERSON": {"mode": "reversible", "threshold": 0.75}}}});
        let ask = Ask::new(http::Method::PUT, "/api/v1/policies/pii").json(second.to_string());
        let ask = ask.key(&stage.tenant.owner_key).header("x-request-id", &id);
        let put = stage.web.ask(ask).await.json();
        assert_eq!(put["channels"]["memory"]["PERSON"]["mode"], "reversible");
        assert_eq!(put["channels"]["prompt"]["PERSON"]["mode"], "flag_only", "the default");
        assert_eq!(put["classes"]["EMAIL"]["mode"], "strict", "each version says all that differs");
        let changed = stage.entry(&id, "policy.changed").await;
        assert_eq!(changed.fact("hash"), &put["hash"]);
        let key = &stage.tenant.owner_key;
        let listed = stage.web.ask(Ask::get("/api/v1/policies/pii/versions").key(key)).await.json();
        let labels: Vec<&str> = listed["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter_map(|version| version["label"].as_str())
            .collect();
        assert_eq!(labels, ["pii@2", "pii@1"]);
        for version in listed["items"].as_array().expect("items") {
            assert_eq!(version["made_by"]["id"], stage.tenant.owner_key_id.to_string());
            assert_eq!(version["hash"].as_str().map(str::len), Some(44));
        }
        assert_eq!(listed["items"][0]["rules"]["channels"], second["channels"]);
        let current = stage.web.ask(Ask::get("/api/v1/policies/pii").key(key)).await.json();
        assert_eq!(current["rules"], listed["items"][0]["rules"]);
    });
}

#[test]
fn a_trial_tells_which_requests_would_have_changed_and_changes_nothing() {
    run(async |house| {
        let stage = Stage::with(house, &json!({"classes": {"IP": {"mode": "off"}}})).await;
        let messages = |text: &str| json!([{"role": "user", "content": text}]);
        let (_, id) = stage.chat(&messages("Ask ada@example.com and bob@example.com")).await;
        stage.chat(&messages("Good morning")).await;
        let rules = json!({"channels": {"prompt": {"EMAIL": {"mode": "flag_only"}}}});
        let ask = Ask::post("/api/v1/policies/pii/try").json(rules.to_string()).key(&stage.tenant.owner_key);
        let trial = stage.web.ask(ask).await;
        assert_eq!(trial.status, 200, "{}", trial.text());
        let trial = trial.json();
        assert_eq!((&trial["looked_at"], &trial["changed"]), (&json!(4), &json!(1)), "{trial}");
        let shift = json!({"channel": "prompt", "class": "EMAIL", "now": "strict", "then": "flag_only", "findings": 2});
        assert_eq!(trial["shifts"], json!([shift]));
        assert_eq!(trial["examples"][0]["entry"], stage.entry(&id, "llm.call.intent").await.id);
        assert!(trial["unknown"].to_string().contains("IP was not looked for on prompt"), "{trial}");
        let ask = Ask::get("/api/v1/policies/pii").key(&stage.tenant.owner_key);
        assert_eq!(stage.web.ask(ask).await.json()["version"], 1, "nothing is in force");
    });
}

#[test]
fn rules_that_cannot_be_meant_are_refused_with_their_place() {
    run(async |house| {
        let stage = Stage::with(house, &json!({"classes": {}})).await;
        for (rules, at) in [
            (json!({"channels": {"log": {"EMAIL": {"mode": "reversible"}}}}), "/channels/log/EMAIL"),
            (json!({"allow": ["-"]}), "/allow/0"),
            (json!({"keep_seconds": 1}), "/keep_seconds"),
        ] {
            let answer = stage.put(&rules).await;
            assert_eq!(answer.status, 422, "{}", answer.text());
            assert_eq!(answer.json()["errors"][0]["pointer"], at, "{}", answer.text());
        }
    });
}
