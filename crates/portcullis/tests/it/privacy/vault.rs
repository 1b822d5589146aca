//! What is replaced reversibly comes back to whoever sent it, in their conversation, and to nobody else.

use crypto::ApiKey;
use gates::Reason;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};
use testkit::Script;

use super::Stage;
use crate::house::members::{Somebody, past};
use crate::house::{Answer, Ask, House, run};

const EMAIL: &str = "ada.canary@example.com";
const CONVERSATION: &str = "x-portcullis-conversation";

async fn stage(house: &'static House) -> Stage {
    let rules = json!({
        "channels": {
            "prompt": {"EMAIL": {"mode": "reversible"}}, "tool_arguments": {"EMAIL": {"mode": "reversible"}},
            "completion": {"EMAIL": {"mode": "reversible"}, "PHONE": {"mode": "strict"}},
        },
        "keep_seconds": 600,
    });
    Stage::with(house, &rules).await
}

/// Says `text` to the model; the answer as text, put together when it streams.
async fn say(stage: &Stage, key: &ApiKey, conversation: Option<&str>, text: &str, model: &str) -> String {
    let messages = json!([{"role": "user", "content": text}]);
    let answer = call(stage, key, conversation, &json!({"model": model, "messages": messages})).await;
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
}

async fn call(stage: &Stage, key: &ApiKey, conversation: Option<&str>, body: &Value) -> Answer {
    let ask = Ask::chat(body.to_string()).key(key);
    let ask = match conversation {
        Some(name) => ask.header(CONVERSATION, name),
        None => ask,
    };
    let answer = stage.web.ask(ask).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// The token in what the provider was sent last.
fn token_in(text: &str) -> String {
    let start = text.find("<EMAIL_").unwrap_or_else(|| panic!("no token in {text}"));
    let end = start + text[start..].find('>').expect("its end");
    text[start..=end].to_owned()
}

#[test]
fn a_value_comes_back_to_its_caller_in_its_conversation_alone() {
    run(async |house| {
        let stage = stage(house).await;
        let (agent, owner) = (&stage.tenant.agent_key, &stage.tenant.owner_key);
        let text = format!("Write to {EMAIL}");
        say(&stage, agent, Some("one"), &text, "fake-1").await;
        let token = token_in(&stage.sent());
        assert!(!stage.sent().contains(EMAIL));
        let forged = "<EMAIL_aaaabbbb22>";
        stage.provider.always(Script::json(&format!("To {token}, not {forged}.")));
        let restored = format!("To {EMAIL}, not {forged}.");
        assert_eq!(say(&stage, agent, Some("one"), &text, "fake-1").await, restored);
        assert_eq!(token_in(&stage.sent()), token, "the value keeps its token");
        assert_eq!(say(&stage, agent, Some("one"), "And again?", "fake-1").await, restored, "a later turn");
        let kept = format!("To {token}, not {forged}.");
        for (key, name) in [(agent, Some("two")), (agent, None), (owner, Some("one"))] {
            assert_eq!(say(&stage, key, name, "What was it?", "fake-1").await, kept, "{name:?}");
        }
        let elsewhere = say(&stage, agent, Some("two"), &text, "fake-1").await;
        assert_eq!(elsewhere, kept);
        assert_ne!(token_in(&stage.sent()), token, "another conversation, another token");
    });
}

#[test]
fn a_stream_is_restored_wherever_it_is_cut_and_tool_calls_too() {
    run(async |house| {
        let stage = stage(house).await;
        let agent = &stage.tenant.agent_key;
        say(&stage, agent, Some("s"), &format!("Write to {EMAIL}"), "fake-1").await;
        let token = token_in(&stage.sent());
        let said = format!("Dear {token}, call +1 202-555-0143 <EMAIL_ {token}");
        let pieces: Vec<String> = said.chars().map(String::from).collect();
        stage.provider.always(Script::stream(pieces.iter().map(String::as_str)));
        let body =
            json!({"model": "fake-1", "stream": true, "messages": [{"role": "user", "content": "Go"}]});
        let answer = call(&stage, agent, Some("s"), &body).await.text();
        let text: String = answer
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "))
            .filter_map(|event| serde_json::from_str::<Value>(event).ok())
            .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect();
        assert!(text.starts_with(&format!("Dear {EMAIL}, call <PHONE_")), "{text}");
        assert!(text.ends_with(&format!("> <EMAIL_ {EMAIL}")), "{text}");
        let id = stage.web.request_id();
        let arguments = json!({"to": token}).to_string();
        let whole = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "fake-1", "choices": [
            {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "send", "arguments": arguments}}]}},
        ]});
        stage.provider.always(Script::response(200, "application/json", "", whole.to_string()));
        let body = json!({"model": "fake-1", "messages": [{"role": "user", "content": "Go"}]});
        let ask =
            Ask::chat(body.to_string()).key(agent).header(CONVERSATION, "s").header("x-request-id", &id);
        let answer = stage.web.ask(ask).await.json();
        let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
        assert_eq!(call, &json!({"to": EMAIL}).to_string());
        assert_eq!(stage.entry(&id, "llm.call.outcome").await.fact("restored"), 1);
    });
}

#[test]
fn without_a_name_a_request_restores_within_its_answer() {
    run(async |house| {
        let stage = stage(house).await;
        let agent = &stage.tenant.agent_key;
        let text = format!("Write to {EMAIL} twice: {EMAIL}");
        assert_eq!(say(&stage, agent, None, &text, "loopback-echo").await, text);
        say(&stage, agent, None, &text, "fake-1").await;
        let first = token_in(&stage.sent());
        say(&stage, agent, None, &text, "fake-1").await;
        assert_ne!(token_in(&stage.sent()), first, "two requests share nothing");
        for bad in ["", "two words", &"x".repeat(129)] {
            let body = json!({"model": "fake-1", "messages": [{"role": "user", "content": "Go"}]});
            let ask = Ask::chat(body.to_string()).key(agent).header(CONVERSATION, bad);
            assert_eq!(stage.web.ask(ask).await.status, 400, "{bad}");
        }
    });
}

#[test]
fn what_the_model_brings_is_kept_and_never_put_back() {
    run(async |house| {
        let stage = stage(house).await;
        let agent = &stage.tenant.agent_key;
        stage.provider.always(Script::json(&format!("Ask {EMAIL}")));
        let said = say(&stage, agent, Some("m"), "Whom?", "fake-1").await;
        let token = token_in(&said);
        stage.provider.always(Script::json(&format!("Really {token}")));
        let again = say(&stage, agent, Some("m"), &format!("{token}?"), "fake-1").await;
        assert_eq!(again, format!("Really {token}"));
        let revealed = reveal(&stage, &token).await;
        assert_eq!(revealed.json()["value"], EMAIL, "{}", revealed.text());
        assert_eq!(revealed.json()["channel"], "completion");
    });
}

/// Reveals a token as an owner with an open override.
async fn reveal(stage: &Stage, token: &str) -> Answer {
    let owner = Somebody::owner(stage.vault, stage.tenant.id).await;
    let bearer = owner.token(stage.vault).await;
    let body = json!({"token": token, "reason": "A customer must be called back."});
    let ask = || Ask::post("/api/v1/pii/reveal").json(body.to_string()).bearer(&bearer);
    assert_eq!(stage.web.ask(ask()).await.status, 403, "no role allows it");
    let open = Ask::post("/api/v1/break-glass").json(r#"{"reason":"a reason of ten","seconds":300}"#);
    assert!(stage.web.ask(open.bearer(&bearer)).await.status.is_success());
    let id = stage.web.request_id();
    let answer = stage.web.ask(ask().header("x-request-id", &id)).await;
    let entry = stage.entry(&id, "pii.revealed").await;
    assert!(entry.leaf["data"]["break_glass"].is_string(), "{}", entry.leaf);
    assert!(!entry.leaf.to_string().contains(EMAIL) && !entry.leaf.to_string().contains("called back"));
    answer
}

#[test]
fn the_value_stands_nowhere_in_the_clear_and_goes_when_it_has_expired() {
    run(async |house| {
        let stage = stage(house).await;
        let (agent, key) = (&stage.tenant.agent_key, &stage.tenant.owner_key);
        let id = stage.web.request_id();
        let body = json!({"text": format!("Write to {EMAIL}"), "channel": "prompt", "conversation": "r"});
        let ask =
            Ask::post("/api/v1/pii/redact").json(body.to_string()).key(agent).header("x-request-id", &id);
        let cleaned = stage.web.ask(ask).await.json();
        let token = token_in(cleaned["text"].as_str().expect("a text"));
        assert!(cleaned["kept_until"].is_string(), "{cleaned}");
        let kept = stage.entry(&id, "pii.kept").await;
        assert_eq!(kept.fact("values"), 1);
        assert_eq!(stage.entry(&id, "PII_REDACTED").await.fact("redacted"), 1);
        stage.provider.always(Script::json(&token));
        assert_eq!(say(&stage, agent, Some("r"), "Go on", "fake-1").await, EMAIL, "the same conversation");
        let counted = stage.web.ask(Ask::get("/api/v1/pii/vault").key(key)).await.json();
        assert_eq!(counted["items"][0]["values"], 1, "{counted}");

        let tenant = stage.tenant.id;
        let mut look = stage.database.superuser().await;
        for table in ["pii_token", "data_key", "audit_entry", "audit_personal"] {
            let sql =
                format!("select t::text as line, t as whole from {table} t where tenant_id = '{tenant}'");
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut look).await.expect("rows");
            assert!(!rows.is_empty() || table == "audit_personal", "{table} has rows");
            for row in rows {
                let line: String = row.get("line");
                let hex = crypto::hex(EMAIL.as_bytes());
                assert!(!line.contains(EMAIL) && !line.contains(&hex), "{table} holds it: {line}");
            }
        }
        past(stage.database, &format!(
            "update pii_token set minted_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' \
             where tenant_id = '{tenant}'")).await;
        assert_eq!(say(&stage, agent, Some("r"), "Go on", "fake-1").await, token, "it has expired");
        assert_eq!(reveal(&stage, &token).await.status, 404);
        let mut tx = stage.vault.system(Reason::Sweep).await.expect("a transaction");
        assert!(store::pii_tokens::sweep(&mut tx, 1_000).await.expect("swept") >= 1);
        tx.finish().await.expect("finished");
        let left = format!("select count(*) as rows from pii_token where tenant_id = '{tenant}'");
        let row = sqlx::query(AssertSqlSafe(left)).fetch_one(&mut look).await.expect("a count");
        assert_eq!(row.get::<i64, _>("rows"), 0);
    });
}

#[test]
fn a_look_says_where_and_never_what() {
    run(async |house| {
        let stage = stage(house).await;
        let id = stage.web.request_id();
        let body = json!({"text": format!("é {EMAIL}"), "channel": "memory"});
        let ask = Ask::post("/api/v1/pii/scan").json(body.to_string()).key(&stage.tenant.agent_key);
        let found = stage.web.ask(ask.header("x-request-id", &id)).await;
        assert!(!found.text().contains(EMAIL), "{}", found.text());
        let finding = &found.json()["findings"][0];
        assert_eq!((&finding["class"], &finding["mode"]), (&json!("EMAIL"), &json!("strict")));
        assert_eq!((&finding["start"], &finding["end"]), (&json!(3), &json!(3 + EMAIL.len())));
        assert_eq!(stage.entry(&id, "pii.scanned").await.fact("items"), 1);
        let long = json!({"text": "x".repeat(600_000)}).to_string();
        let ask = Ask::post("/api/v1/pii/scan").json(long).key(&stage.tenant.agent_key);
        assert_eq!(stage.web.ask(ask).await.status, 422);
    });
}
