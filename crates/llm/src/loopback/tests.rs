use serde_json::{Value as Json, json};

use super::*;
use crate::json::Limits;
use crate::properties::tap_in_pieces;
use crate::sse::Ending;

const ID: &str = "chatcmpl-7";
const CREATED_UNIX_S: u64 = 1_700_000_000;

fn ask(request: &Json) -> Answer {
    let body = request.to_string();
    let request = ChatRequest::parse(body.as_bytes(), Limits::default()).unwrap();
    answer(&request, ID, CREATED_UNIX_S)
}

fn reply(request: &Json) -> Json {
    serde_json::from_str(&ask(request).to_json()).unwrap()
}

fn request(model: &str, content: &str) -> Json {
    json!({"model": model, "messages": [{"role": "user", "content": "first"}, {"role": "user", "content": content}]})
}

/// Content, tool arguments and finish reasons of a stream, put together as an SDK does.
fn assemble(answer: &Answer, include_usage: bool) -> (Vec<String>, Vec<String>, Vec<String>, Option<Json>) {
    let choices = usize::try_from(answer.choices).unwrap();
    let (mut content, mut arguments) = (vec![String::new(); choices], vec![String::new(); choices]);
    let (mut reasons, mut usage) = (vec![String::new(); choices], None);
    let events: Vec<String> = answer.chunks(include_usage).collect();
    assert_eq!(events.last().unwrap(), "data: [DONE]\n\n");
    for event in &events[..events.len() - 1] {
        let chunk: Json = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            (chunk["object"].as_str(), chunk["id"].as_str()),
            (Some("chat.completion.chunk"), Some(ID))
        );
        usage = usage.or(chunk.get("usage").cloned());
        for choice in chunk["choices"].as_array().unwrap() {
            let index = usize::try_from(choice["index"].as_u64().unwrap()).unwrap();
            content[index].push_str(choice["delta"]["content"].as_str().unwrap_or(""));
            let call = &choice["delta"]["tool_calls"][0]["function"]["arguments"];
            arguments[index].push_str(call.as_str().unwrap_or(""));
            reasons[index].push_str(choice["finish_reason"].as_str().unwrap_or(""));
        }
    }
    (content, arguments, reasons, usage)
}

#[test]
fn it_says_that_no_model_was_called_and_repeats_the_last_user_message() {
    let body = reply(&request("loopback", "Mail [EMAIL_1],\n  please"));
    assert_eq!(body["choices"][0]["message"]["content"], format!("{NOTICE}\n\nMail [EMAIL_1],\n  please"));
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!((body["id"].as_str(), body["created"].as_u64()), (Some(ID), Some(CREATED_UNIX_S)));
    assert_eq!(body["system_fingerprint"], FINGERPRINT);
    let echo = reply(&request("loopback-echo", " spaced \n"));
    assert_eq!(echo["choices"][0]["message"]["content"], " spaced \n");
    assert_eq!(echo["usage"]["prompt_tokens"], 2);
    assert_eq!(echo["usage"]["completion_tokens"], 1);
    let parts = json!({"model": "loopback-echo", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "two"}]}]});
    assert_eq!(reply(&parts)["choices"][0]["message"]["content"], "one\ntwo");
    assert!(serves(MODEL) && serves(MODEL_ECHO) && !serves("gpt-4.1"));
    assert_eq!(models(1).map(|model| model.id), [MODEL, MODEL_ECHO]);
}

#[test]
fn limits_stop_sequences_and_n_are_honoured() {
    let mut asked = request("loopback-echo", "a b c d e");
    for (member, value, content, reason) in [
        ("max_tokens", json!(3), "a b c", "length"),
        ("max_completion_tokens", json!(2), "a b", "length"),
        ("max_completion_tokens", json!(5), "a b c d e", "stop"),
        ("stop", json!("c"), "a b ", "stop"),
        ("stop", json!(["e", "", "b"]), "a ", "stop"),
        ("max_tokens", json!(0), "", "length"),
    ] {
        asked[member] = value;
        let body = reply(&asked);
        assert_eq!(body["choices"][0]["message"]["content"], content);
        assert_eq!(body["choices"][0]["finish_reason"], reason);
        asked.as_object_mut().unwrap().remove(member);
    }
    asked["n"] = json!(3);
    let body = reply(&asked);
    assert_eq!(body["choices"].as_array().unwrap().len(), 3);
    assert_eq!(body["choices"][2]["index"], 2);
    assert_eq!(body["usage"]["completion_tokens"], 15);
    asked["n"] = json!(100);
    assert_eq!(ask(&asked).choices, CHOICES_MAX);
}

#[test]
fn streamed_and_whole_answers_say_the_same() {
    for content in ["hello there é\u{1F600}", "", "  leading and trailing  \n\n", "one"] {
        for n in [1, 2] {
            let mut asked = request("loopback-echo", content);
            asked["n"] = json!(n);
            let answer = ask(&asked);
            let (texts, _, reasons, usage) = assemble(&answer, true);
            assert!(texts.iter().all(|text| text == content) && texts.len() == n, "{texts:?}");
            assert!(reasons.iter().all(|reason| reason == "stop"));
            assert_eq!(usage.unwrap(), serde_json::from_str::<Json>(&answer.to_json()).unwrap()["usage"]);
            assert!(assemble(&answer, false).3.is_none());
            assert!(answer.chunks(true).eq(ask(&asked).chunks(true)), "deterministic");
        }
    }
}

#[test]
fn a_forced_tool_is_called_with_arguments_that_fit_its_schema() {
    let tools = json!([
        {"type": "function", "function": {"name": "other"}},
        {"type": "function", "function": {"name": "book", "parameters": {
            "type": "object",
            "required": ["who", "seats", "price", "window", "class", "tags", "where", "kind", "when", "free", "late"],
            "properties": {
                "who": {"type": "string"}, "seats": {"type": "integer", "minimum": 2}, "price": {"type": "number", "maximum": 9},
                "window": {"type": "boolean"}, "class": {"enum": ["econ\"omy", "first"]},
                "tags": {"type": "array", "minItems": 2, "items": {"type": "string"}},
                "where": {"type": "object", "required": ["city"], "properties": {"city": {"type": ["string", "null"]}}},
                "kind": {"const": {"k": 1}}, "when": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                "late": {"type": "integer", "exclusiveMinimum": 4}, "optional": {"type": "string"}
            }}}}
    ]);
    let mut asked = request("loopback", "one two three four five six seven eight nine");
    asked["tools"] = tools;
    asked["tool_choice"] = json!({"type": "function", "function": {"name": "book"}});
    let body = reply(&asked);
    let call = &body["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((call["type"].as_str(), call["function"]["name"].as_str()), (Some("function"), Some("book")));
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert!(body["choices"][0]["message"]["content"].is_null());
    let words = "one two three four five six seven eight";
    let expected = json!({"who": words, "seats": 2, "price": 1, "window": true, "class": "econ\"omy", "tags": [words, words],
        "where": {"city": words}, "kind": {"k": 1}, "when": null, "free": words, "late": 5});
    let arguments: Json = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, expected);
    let (_, streamed, reasons, _) = assemble(&ask(&asked), true);
    assert_eq!(serde_json::from_str::<Json>(&streamed[0]).unwrap(), expected);
    assert_eq!(reasons, ["tool_calls"]);

    asked["tool_choice"] = json!("required");
    assert_eq!(reply(&asked)["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "other");
    for unforced in
        [json!("auto"), json!("none"), json!({"type": "function", "function": {"name": "absent"}})]
    {
        asked["tool_choice"] = unforced;
        assert!(reply(&asked)["choices"][0]["message"]["content"].is_string());
    }
}

#[test]
fn after_a_tool_result_it_answers_in_text() {
    let asked = json!({"model": "loopback", "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "messages": [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": []},
                     {"role": "tool", "tool_call_id": "call_1", "content": "done"}]});
    assert_eq!(reply(&asked)["choices"][0]["finish_reason"], "stop");
}

#[test]
fn a_recursive_schema_ends() {
    let mut schema = json!({"type": "string"});
    for _ in 0..30 {
        schema = json!({"type": "object", "required": ["a"], "properties": {"a": schema}});
    }
    let mut asked = request("loopback", "x");
    asked["tools"] = json!([{"function": {"name": "f", "parameters": schema}}]);
    asked["tool_choice"] = json!("required");
    let body = reply(&asked);
    let arguments = body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert_eq!(arguments.matches('{').count(), 9);
    serde_json::from_str::<Json>(arguments).unwrap();
}

#[test]
fn a_schema_that_multiplies_stays_small() {
    let mut schema = json!({"type": "string"});
    for _ in 0..8 {
        schema = json!({"type": "array", "minItems": 99, "items": schema});
    }
    let schema = json!({"type": "object", "required": ["a", "b"], "properties": {"a": schema, "b": {"const": "x".repeat(90_000)}}});
    let mut asked = request("loopback", "x");
    asked["tools"] = json!([{"function": {"name": "f", "parameters": schema}}]);
    asked["tool_choice"] = json!("required");
    let body = reply(&asked);
    let arguments = body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert!(arguments.len() < 70_000, "{}", arguments.len());
    serde_json::from_str::<Json>(arguments).unwrap();
}

#[test]
fn its_stream_passes_the_tap() {
    let asked = request("loopback-echo", "the SECRET is S");
    let stream: String = ask(&asked).chunks(true).collect();
    let (out, finished) = tap_in_pieces(stream.as_bytes(), &[7], true);
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("SECRET"), "{out}");
    assert_eq!(finished.summary().ending, Ending::Done);
    assert_eq!(finished.summary().usage.unwrap(), ask(&asked).usage());
}
