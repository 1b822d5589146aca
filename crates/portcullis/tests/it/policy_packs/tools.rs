//! Which tools may be offered to a model, and called by one, is what the pack in force says: nothing that it refuses reaches the
//! provider, and nothing that an answer must not call reaches the caller.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use testkit::{FakeProvider, Script};

use super::{Stage, files, signed, signer};
use crate::house::run;
use crate::house::web::{Answer, Web};

const RULES: &str =
    r#"{"rules":[{"for":["Agent"],"deny":["shell*","*_delete"],"allow":["search_*","web_search"]}]}"#;
const TESTS: &str = r#"[
    {"name":"no shell","principal":"Agent","tool":"Shell_Exec","expect":"deny","policies":["tools.1"]},
    {"name":"searching","principal":"Agent","tool":"search_web","expect":"allow"},
    {"name":"others are free","principal":"ApiKey","tool":"shell","expect":"allow"}]"#;

fn with_tools(version: u64) -> BTreeMap<String, String> {
    let mut files = files("tooling", version, None);
    files.insert("tools.json".to_owned(), RULES.to_owned());
    files.insert("tests/tools.json".to_owned(), TESTS.to_owned());
    files.insert(
        "policies/main.cedar".to_owned(),
        "@id(\"nobody\") forbid(principal, action, resource) when { context.hour > 24 };".to_owned(),
    );
    files.insert(
        "tests/main.json".to_owned(),
        r#"[{"name":"n","principal":{"type":"Agent","role":"editor"},"action":"models.call","expect":"allow"}]"#.to_owned(),
    );
    files
}

fn function(name: &str) -> Value {
    json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } })
}

/// A call with these members besides.
fn asking(model: &str, more: Value) -> Value {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "Good morning" }] });
    if let (Some(members), Value::Object(more)) = (body.as_object_mut(), more) {
        members.extend(more);
    }
    body
}

/// An answer that calls these.
fn calling(names: &[&str]) -> Script {
    let call = |name: &&str| json!({ "id": "c", "type": "function", "function": { "name": name, "arguments": "{}" } });
    let calls: Vec<Value> = names.iter().map(call).collect();
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "fake-1",
        "choices": [{ "index": 0, "finish_reason": "tool_calls",
            "message": { "role": "assistant", "content": null, "tool_calls": calls } }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19 },
    });
    Script::response(200, "application/json", "", body.to_string())
}

/// The same as a stream.
fn streaming(names: &[&str]) -> Script {
    let mut events = String::new();
    let mut event = |delta: Value, reason: Value| {
        let data = json!({ "id": "chatcmpl-1", "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
        let _ = write!(events, "data: {data}\n\n");
    };
    for (index, name) in names.iter().enumerate() {
        let function = json!({ "name": name, "arguments": "" });
        let call =
            json!({ "index": index, "id": format!("c{index}"), "type": "function", "function": function });
        event(json!({ "role": "assistant", "tool_calls": [call] }), Value::Null);
        let more = json!({ "index": index, "function": { "arguments": "{\"a\":1}" } });
        event(json!({ "tool_calls": [more] }), Value::Null);
    }
    event(json!({}), "tool_calls".into());
    events.push_str("data: [DONE]\n\n");
    Script::response(200, "text/event-stream", "", events)
}

async fn ask(web: &Web, body: &Value) -> Answer {
    web.post("/v1/chat/completions", body).await
}

/// Refused at a gate, without a word of what the pack says.
fn refused(answer: &Answer) {
    let (status, text) = (answer.status.as_u16(), answer.text());
    assert_eq!(status, 403, "{text}");
    let error = &answer.json()["error"];
    assert_eq!((&error["code"], &error["gate"]), (&"permission_denied".into(), &"token".into()), "{text}");
    assert!(text.contains("policy pack") && !text.contains("tools.1") && !text.contains("tooling"), "{text}");
}

/// The newest entry of the kind says which pack and which rule it was.
async fn on_record(stage: &Stage, kind: &str) -> Value {
    let entry = stage.key.entries(kind).await.remove(0);
    let data = &entry["data"];
    assert_eq!((&entry["outcome"], &data["verdict"]), (&"refused".into(), &"tool".into()), "{entry}");
    assert_eq!((&data["policies"], &entry["action"]), (&"tools.1".into(), &"models.call".into()), "{entry}");
    assert!(data["pack"].as_str().is_some_and(|pack| pack.starts_with("tooling/1+")), "{entry}");
    entry
}

async fn stage(house: &'static crate::house::House, purpose: &str, provider: &FakeProvider) -> Stage {
    let providers = format!("fake={}", provider.base_url());
    let env = [("PORTCULLIS_PROVIDERS", &*providers), ("PORTCULLIS_PROVIDER_FAKE_MODELS", "fake-1")];
    let stage = Stage::with(house, purpose, &env).await;
    stage.trust(7).await;
    stage
}

#[test]
fn a_tool_that_is_refused_reaches_no_provider() {
    run(async |house| {
        let provider = FakeProvider::start(Script::json("fine")).await.expect("a provider");
        let stage = stage(house, "tools_offered", &provider).await;
        let agent = stage.agent(&stage.one);
        let shell = asking("fake-1", json!({ "tools": [function("shell_exec")] }));
        ask(&agent, &shell).await.expect(200);
        let asked = provider.received().len();

        // Seen before it is done.
        let pack = stage.upload(&signed(with_tools(1), &signer(7))).await;
        let (hash, report) = stage.try_out(&pack).await;
        let told = &report["tools"];
        assert_eq!((&told["before"], &told["calls_with_tools"]), (&json!([]), &1.into()), "{report}");
        assert!(
            told["after"][0].as_str().is_some_and(|rule| rule.starts_with("tools.1 for Agent")),
            "{report}"
        );
        let activate = json!({ "dry_run": hash });
        stage.person.post(&format!("/api/v1/policies/packs/{pack}/activate"), &activate).await.expect(200);

        for more in [
            json!({ "tools": [function("search_web"), function("shell_exec")] }),
            json!({ "tools": [function("ＳＨＥＬＬ_exec")] }),
            json!({ "tools": [function("search_w\u{0435}b")] }),
            json!({ "tools": [function("calendar")] }),
            json!({ "tools": [function("search_delete")] }),
            json!({ "functions": [{ "name": "shell" }] }),
            json!({ "Functions": [{ "Name": "shell" }] }),
            json!({ "tools": [{ "type": "code_interpreter" }] }),
            json!({ "tools": [{ "type": "custom", "custom": { "name": "shell" } }] }),
            json!({ "tools": [{ "function_declarations": [{ "name": "search_web" }] }] }),
            json!({ "tools": [function("search_web")], "tool_choice": { "type": "function", "function": { "name": "shell" } } }),
            json!({ "tools": [function("search_web")], "function_call": { "name": "shell" } }),
        ] {
            refused(&ask(&agent, &asking("fake-1", more.clone())).await);
            on_record(&stage, "access.denied").await;
            assert_eq!(provider.received().len(), asked, "{more}");
        }
        for more in [
            json!({}),
            json!({ "tools": [function("search_web"), function("Search_Books")], "tool_choice": "auto" }),
            json!({ "tools": [{ "type": "web_search" }], "web_search_options": {} }),
        ] {
            ask(&agent, &asking("fake-1", more)).await.expect(200);
        }
        assert_eq!(provider.received().len(), asked + 3);
        // The rule is for agents.
        ask(&stage.key, &shell).await.expect(200);

        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        ask(&agent, &shell).await.expect(200);
        let plain = stage.upload(&signed(files("plain", 1, None), &signer(7))).await;
        assert_eq!(stage.try_out(&plain).await.1["tools"], Value::Null, "nothing changes about tools");
        stage.stop().await;
    });
}

#[test]
fn a_call_that_was_not_offered_reaches_no_caller() {
    run(async |house| {
        let provider = FakeProvider::start(Script::json("fine")).await.expect("a provider");
        let stage = stage(house, "tools_called", &provider).await;
        let agent = stage.agent(&stage.one);
        stage.put(&signed(with_tools(1), &signer(7))).await;
        let offer = json!({ "tools": [function("search_web"), function("search_books")] });
        let whole = asking("fake-1", offer.clone());
        let mut stream = whole.clone();
        stream["stream"] = true.into();

        // What was offered passes, whole and streamed.
        provider.next(calling(&["search_web", "search_books"]));
        let answer = ask(&agent, &whole).await.expect(200).json();
        assert_eq!(answer["choices"][0]["message"]["tool_calls"][1]["function"]["name"], "search_books");
        provider.next(streaming(&["search_web", "search_books"]));
        let text = ask(&agent, &stream).await.expect(200).text();
        assert!(text.contains("search_books") && text.ends_with("data: [DONE]\n\n"), "{text}");

        // What is refused does not, and neither does what nobody offered.
        for name in ["shell_exec", "search_other", "search_wеb"] {
            provider.next(calling(&["search_web", name]));
            let answer = ask(&agent, &whole).await.expect(403);
            assert!(
                !answer.text().contains(name) && !answer.text().contains("search_web"),
                "{}",
                answer.text()
            );
            assert_eq!(answer.json()["error"]["code"], "permission_denied");
            let outcome = on_record(&stage, "llm.call.outcome").await;
            assert_eq!(
                (&outcome["data"]["status"], &outcome["data"]["output_tokens"]),
                (&"withheld".into(), &7.into()),
                "{outcome}"
            );

            provider.next(streaming(&["search_web", name, "search_books"]));
            let text = ask(&agent, &stream).await.expect(200).text();
            assert!(text.contains("search_web") && !text.contains(name), "{text}");
            assert!(!text.contains("search_books") && !text.contains("[DONE]"), "{text}");
            assert!(text.contains("permission_denied") && !text.contains("tools.1"), "{text}");
            assert_eq!(on_record(&stage, "llm.call.outcome").await["data"]["status"], "withheld");
        }
        // The built-in provider is held to it like any other.
        let forced =
            asking("loopback", json!({ "tools": [function("search_web")], "tool_choice": "required" }));
        let answer = ask(&agent, &forced).await.expect(200).json();
        assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "search_web");

        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        provider.next(calling(&["shell_exec"]));
        assert!(ask(&agent, &whole).await.expect(200).text().contains("shell_exec"));
        stage.stop().await;
    });
}
