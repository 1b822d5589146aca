//! What crosses over: personal data never, everything else byte for byte.

use serde_json::{Value, json};
use testkit::{PII_CARD, PII_EMAIL, Script};

use super::{Stage, events, request, said};
use crate::house::run;

/// The documentation key of a cloud provider; it opens nothing.
const CLOUD_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const EMAIL: &str = "jane.roe@example.com";

/// Every string in a value, those in JSON that is itself a string included.
fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            into.push(text.clone());
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                strings(&inner, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(members) => {
            for (name, member) in members {
                into.push(name.clone());
                strings(member, into);
            }
        }
        _ => {}
    }
}

fn find(body: &[u8], word: &str) -> bool {
    let value: Value = serde_json::from_slice(body).expect("JSON");
    let mut found = Vec::new();
    strings(&value, &mut found);
    String::from_utf8_lossy(body).contains(word) || found.iter().any(|text| text.contains(word))
}

/// Requests with one piece of personal data each, in every place a prompt has.
fn places() -> Vec<(&'static str, String)> {
    let user = json!({"role": "user", "content": "Go on"});
    let with = |messages: Value, extra: Value| {
        let mut body = json!({"model": "fake-1", "messages": messages});
        for (name, value) in extra.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body.to_string()
    };
    let none = json!({});
    let call = |arguments: &str| {
        json!([user, {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sent"}])
    };
    let escaped =
        with(call("{\"to\":\"PLACE\"}"), none.clone()).replace("PLACE", r"jane.roe\\u0040example.com");
    vec![
        ("a message", with(json!([{"role": "user", "content": format!("Write to {EMAIL}.")}]), none.clone())),
        (
            "a system message",
            with(json!([{"role": "system", "content": format!("You are {EMAIL}.")}, user]), none.clone()),
        ),
        (
            "a part of a message",
            with(json!([{"role": "user", "content": [{"type": "text", "text": EMAIL}]}]), none.clone()),
        ),
        (
            "an escaped message",
            with(json!([{"role": "user", "content": "PLACE"}]), none.clone())
                .replace("PLACE", r"jane.roe\u0040example.com"),
        ),
        ("tool arguments", with(call(&json!({"to": EMAIL}).to_string()), none.clone())),
        ("escaped tool arguments", escaped),
        (
            "a tool result",
            with(
                json!([user, {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": json!({"from": EMAIL}).to_string()}]),
                none.clone(),
            ),
        ),
        (
            "a tool's description",
            with(
                json!([user]),
                json!({"tools": [{"type": "function", "function":
            {"name": "send", "description": format!("Sends to {EMAIL}"), "parameters": {"type": "object"}}}]}),
            ),
        ),
        ("metadata", with(json!([user]), json!({"metadata": {"owner": EMAIL}}))),
        ("the user field", with(json!([user]), json!({"user": EMAIL}))),
        (
            "a predicted output",
            with(json!([user]), json!({"prediction": {"type": "content", "content": EMAIL}})),
        ),
        ("a stop word", with(json!([user]), json!({"stop": [EMAIL]}))),
        ("a field nobody knows", with(json!([user]), json!({"x_new": {"deep": [{"er": EMAIL}]}}))),
        ("a message's name", with(json!([{"role": "user", "name": EMAIL, "content": "Hello"}]), none)),
    ]
}

#[test]
fn personal_data_in_a_request_never_reaches_the_provider() {
    run(async |house| {
        let stage = Stage::patient(house, Script::json("Done")).await;
        for (place, body) in places() {
            for (word, body) in [
                (EMAIL, body.clone()),
                (
                    PII_CARD,
                    body.replace(r"jane.roe\\u0040example.com", PII_CARD)
                        .replace(r"jane.roe\u0040example.com", PII_CARD)
                        .replace(EMAIL, PII_CARD),
                ),
                (
                    CLOUD_KEY,
                    body.replace(r"jane.roe\\u0040example.com", CLOUD_KEY)
                        .replace(r"jane.roe\u0040example.com", CLOUD_KEY)
                        .replace(EMAIL, CLOUD_KEY),
                ),
            ] {
                assert!(find(body.as_bytes(), word), "the test sends {word} in {place}: {body}");
                let before = stage.provider.received().len();
                let (ask, id) = stage.call(&body);
                let answer = stage.web.ask(ask).await;
                let received = stage.provider.received();
                if answer.status != 200 {
                    // A refusal keeps it as well.
                    assert_eq!(received.len(), before, "{place}: refused, and sent all the same");
                    assert_eq!(answer.status, 400, "{place}: {}", answer.text());
                    continue;
                }
                assert_eq!(received.len(), before + 1);
                let sent = &received[before];
                assert!(!find(&sent.body, word), "{word} in {place} reached the provider: {}", sent.text());
                for (name, value) in &sent.headers {
                    assert!(!value.to_str().unwrap_or_default().contains(word), "{place}: header {name}");
                }
                assert_ne!(answer.header("x-portcullis-redactions"), "0", "{place}");
                let (intent, outcome) = stage.call_entries(&id).await;
                assert!(
                    intent.fact("redacted").as_u64().is_some_and(|count| count > 0),
                    "{place}: {}",
                    intent.leaf
                );
                for entry in [&intent, &outcome] {
                    assert!(
                        !entry.leaf.to_string().contains(word),
                        "{word} in {place} is in the log: {}",
                        entry.leaf
                    );
                }
            }
        }
    });
}

#[test]
fn personal_data_in_an_answer_never_reaches_the_client() {
    run(async |house| {
        let stage = Stage::patient(house, Script::stream_with_pii()).await;
        let (ask, id) = stage.call(&request(true));
        let answer = stage.web.ask(ask).await;
        let (events, done) = events(&answer);
        assert!(done, "{}", answer.text());
        let said = said(&events);
        assert!(said.starts_with("Write to ") && said.ends_with(" today."), "the rest arrives: {said}");
        for word in [PII_EMAIL, PII_CARD] {
            assert!(!said.contains(word) && !answer.text().contains(word), "{word}: {said}");
        }
        // A part of it would be enough to guess the rest.
        for part in ["jane", "roe@", "4111", "1111 1111"] {
            assert!(!said.contains(part), "{part}: {said}");
        }
        let (_, outcome) = stage.call_entries(&id).await;
        assert_eq!(outcome.fact("status"), "ok");
        assert!(outcome.fact("redacted").as_u64().is_some_and(|count| count >= 2), "{}", outcome.leaf);

        for script in [
            Script::json_with_pii(),
            Script::json_with_logprobs(PII_EMAIL),
            Script::json_with_logprobs(PII_CARD),
        ] {
            stage.provider.next(script);
            let answer = stage.web.ask(stage.call(&request(false)).0).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            for word in [PII_EMAIL, PII_CARD] {
                assert!(!find(&answer.body, word), "{word}: {}", answer.text());
            }
        }
    });
}

#[test]
fn what_nobody_need_touch_arrives_byte_for_byte() {
    run(async |house| {
        let stage = Stage::patient(house, Script::json("Done")).await;
        let odd = "{ \"messages\" : [ {\"content\":\"caf\\u00e9 \\ud83d\\ude00 \\/ \u{e9}\",\"role\":\"user\",\"x\":null} ],\n\t\
             \"temperature\":1.50, \"top_p\":1e-1, \"seed\":12345678901234567890, \"big\":1E+3,\r\n \"neg\":-0,\
             \"x_unknown\":{\"kept\":[1.0,0.10,[],{}],\"\":true},  \"model\":\"fake-1\" }";
        let answer = stage.web.ask(stage.call(odd).0).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stage.provider.last().expect("a request").text(), odd);
        assert!(answer.text().contains(r#""x_unknown":{"kept":[1.50,1e3]}"#), "{}", answer.text());

        let routed = odd.replace("\"fake-1\"", "\"fake/fake-1\"");
        let answer = stage.web.ask(stage.call(&routed).0).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stage.provider.last().expect("a request").text(), odd, "only the model's name is edited");
    });
}

/// Of the client's headers the provider gets the request id and the trace, and nothing else.
#[test]
fn the_clients_headers_stay_here() {
    run(async |house| {
        let stage = Stage::patient(house, Script::json("Done")).await;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let (ask, id) = stage.call(&request(false));
        let ask = ask
            .header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"))
            .header("cookie", "session=abc")
            .header("x-forwarded-for", "198.51.100.7")
            .header("openai-organization", "org-abc");
        assert_eq!(stage.web.ask(ask).await.status, 200);
        let sent = stage.provider.last().expect("a request");
        let mut names: Vec<&str> = sent.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let known = [
            "accept",
            "accept-encoding",
            "content-length",
            "content-type",
            "host",
            "traceparent",
            "user-agent",
            "x-request-id",
        ];
        assert_eq!(names, known, "a header more or less than what is meant");
        assert_eq!(sent.header("x-request-id"), id);
        assert!(
            sent.header("traceparent").starts_with(&format!("00-{trace}-")),
            "{}",
            sent.header("traceparent")
        );
        assert!(!sent.header("traceparent").contains("00f067aa0ba902b7"), "a span of its own");
        let (intent, _) = stage.call_entries(&id).await;
        assert_eq!(intent.leaf["trace_id"], trace);
    });
}
