use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chat::ChatRequest;

/// Everything shown, as (label, channel, text).
fn shown(body: &str, kind: Body) -> Vec<(String, Channel, String)> {
    let mut seen = Vec::new();
    let limits = Limits::default();
    redact(body.as_bytes(), kind, limits, |leaf| {
        seen.push((leaf.label(), leaf.channel, leaf.text.to_owned()));
        None
    })
    .unwrap();
    seen
}

/// The body with every address masked.
fn masked(body: &str, kind: Body) -> String {
    let mask = |leaf: TextLeaf<'_>| {
        leaf.text.contains("a@example.com").then(|| leaf.text.replace("a@example.com", "[E]"))
    };
    redact(body.as_bytes(), kind, Limits::default(), mask).unwrap().body.into_owned()
}

const REQUEST: &str = r#"{
  "model": "gpt-4.1", "stream": true, "seed": 4111111111111111, "temperature": 0.70,
  "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "name": "sam", "content": [
      {"type": "text", "text": "Look"},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==", "detail": "low"}},
      {"type": "image_url", "image_url": {"url": "https://example.com/?mail=a@example.com"}},
      {"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZFZm10IBAAAAA=", "format": "wav"}}]},
    {"role": "assistant", "content": null, "tool_calls": [
      {"id": "call_123456789012", "type": "function", "function": {"name": "send_mail", "arguments": "{\"to\":\"a\\u0040example.com\"}"}}]},
    {"role": "tool", "tool_call_id": "call_123456789012", "content": "sent to a@example.com"}],
  "tools": [{"type": "function", "function": {"name": "send_mail", "description": "Sends as a@example.com",
    "parameters": {"type": "object", "properties": {"to": {"type": "string", "format": "email", "default": "a@example.com"},
      "n": {"type": "integer", "maximum": 9999999999}}, "required": ["to"]}}}],
  "user": "a@example.com", "metadata": {"a@example.com": "x"}, "unknown": [{"deep": "a@example.com"}, 123456789]
}"#;

#[test]
fn every_text_is_shown_with_its_channel_and_structure_is_not() {
    let seen = shown(REQUEST, Body::ChatRequest);
    let find = |text: &str| -> Vec<(&str, Channel)> {
        seen.iter()
            .filter(|(_, _, shown)| shown == text)
            .map(|(label, channel, _)| (label.as_str(), *channel))
            .collect()
    };
    assert_eq!(find("Be brief."), [("messages[0].content", Channel::Prompt)]);
    assert_eq!(find("Look"), [("messages[1].content[0].text", Channel::Prompt)]);
    assert_eq!(find("sam"), [("messages[1].name", Channel::Prompt)]);
    let address = [
        ("messages[2].tool_calls[0].function.arguments~.to", Channel::ToolArguments),
        ("tools[0].function.parameters.properties.to.default", Channel::ToolDefinition),
        ("user", Channel::Other),
        ("metadata", Channel::Other),
        ("unknown[0].deep", Channel::Other),
    ];
    assert_eq!(find("a@example.com"), address);
    assert_eq!(find("sent to a@example.com"), [("messages[3].content", Channel::ToolResult)]);
    assert_eq!(find("123456789"), [("unknown[1]", Channel::Other)]);
    for structure in [
        "gpt-4.1",
        "user",
        "function",
        "call_123456789012",
        "send_mail",
        "low",
        "wav",
        "email",
        "role",
        "9999999999",
        "4111111111111111",
        "0.70",
    ] {
        assert_eq!(find(structure), [], "{structure}");
    }
    assert!(!seen.iter().any(|(_, _, text)| text.starts_with("data:") || text.starts_with("UklG")));
}

#[test]
fn only_what_was_replaced_changes() {
    let expected = REQUEST.replace("a@example.com", "[E]").replace(r"a\\u0040example.com", "[E]");
    assert_eq!(masked(REQUEST, Body::ChatRequest), expected);
    let report = redact(REQUEST.as_bytes(), Body::ChatRequest, Limits::default(), |_| None).unwrap().report;
    assert_eq!((report.opaque, report.replaced), (2, 0));
}

#[test]
fn structure_is_skipped_only_while_it_looks_like_structure() {
    let body = r#"{"model":"m","messages":[{"role":"a@example.com","content":"x","tool_call_id":"4111111111111111"},
        {"role":"user 123456789"}],"service_tier":"123456789","tools":[{"type":"my name is a@example.com"}],
        "stream":"a@example.com","seed":"a@example.com"}"#;
    let texts: Vec<String> = shown(body, Body::ChatRequest).into_iter().map(|(_, _, text)| text).collect();
    for text in
        ["a@example.com", "4111111111111111", "user 123456789", "123456789", "my name is a@example.com"]
    {
        assert!(texts.contains(&text.to_owned()), "{text}: {texts:?}");
    }
    assert_eq!(texts.iter().filter(|text| *text == "a@example.com").count(), 3);
}

#[test]
fn attachments_that_are_not_base64_are_text() {
    for url in [
        "data:text/plain,a@example.com",
        "data:text/plain;base64,a@example.com",
        "a@example.com",
        "data:image/png;base64,short",
    ] {
        let body = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": url},
            {"type": "file", "file": {"file_data": url}}]}]})
        .to_string();
        assert_eq!(shown(&body, Body::ChatRequest).len(), 2, "{url}");
    }
    let digits = r#"{"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"41111111111111114111111111111111"}}]}]}"#;
    assert_eq!(shown(digits, Body::ChatRequest).len(), 1);
}

#[test]
fn escapes_hide_nothing_at_any_level() {
    let mut text = r#"{"to":"a\u0040example.com"}"#.to_owned();
    for level in 0..8 {
        let body =
            json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": text}}]}]})
                .to_string();
        let result = masked(&body, Body::ChatRequest);
        assert!(result.contains("[E]"), "level {level}: {result}");
        assert!(!result.contains("0040"), "level {level}: {result}");
        serde_json::from_str::<serde_json::Value>(&result).unwrap();
        text = json!([text]).to_string();
    }
    // Truncated JSON and JSON inside a sentence.
    for text in
        [r#"{"to":"a\u0040example.com"#, r#"Call it: {"to":"a\u0040example.com"}"#, r"a\u0040example.com"]
    {
        let body = json!({"messages": [{"role": "user", "content": text}]}).to_string();
        assert!(masked(&body, Body::ChatRequest).contains("[E]"), "{text}");
    }
    let repeated =
        json!({"messages": [{"content": r#"{"a":"a@example.com","a":"a@example.com"}"#}]}).to_string();
    assert_eq!(masked(&repeated, Body::ChatRequest).matches("[E]").count(), 2);
}

#[test]
fn numbers_become_strings_only_when_they_match() {
    let card = |leaf: TextLeaf<'_>| (leaf.text == "4111111111111111").then(|| "[CARD]".to_owned());
    for (number, expected) in [
        ("4111111111111111", "\"[CARD]\""),
        ("-4111111111111111", "\"[CARD]\""),
        ("4111111111111111.0", "\"[CARD]\""),
        ("4.111111111111111e15", "\"[CARD]\""),
        ("4111111111111112", "4111111111111112"),
        ("41111111", "41111111"),
    ] {
        let body = format!("{{\"x\": {number} }}");
        let result = redact(body.as_bytes(), Body::ChatRequest, Limits::default(), card).unwrap();
        assert_eq!(result.body, format!("{{\"x\": {expected} }}"));
    }
}

#[test]
fn masked_keys_stay_apart() {
    let body = r#"{"b@example.com":1,"c@example.com":2,"[E]_2":3}"#;
    let mask =
        |leaf: TextLeaf<'_>| (leaf.place == Place::Key && leaf.text.contains('@')).then(|| "[E]".to_owned());
    let result = redact(body.as_bytes(), Body::Unknown, Limits::default(), mask).unwrap();
    assert_eq!(result.body, r#"{"[E]":1,"[E]_3":2,"[E]_2":3}"#);
}

#[test]
fn masking_many_keys_alike_stays_linear() {
    let keys: Vec<String> = (0..50_000).map(|n| format!("\"u{n}@example.com\":0")).collect();
    let body = format!("{{{}}}", keys.join(","));
    let mask = |_: TextLeaf<'_>| Some("[E]".to_owned());
    let result = redact(body.as_bytes(), Body::Unknown, Limits::default(), mask).unwrap();
    assert!(result.body.ends_with("\"[E]_50000\":0}"));
    assert!(Document::parse(result.body.as_bytes(), Limits::default()).is_ok(), "all names differ");
}

#[test]
fn a_response_shows_its_texts_and_keeps_its_ids() {
    let body = r#"{"id":"chatcmpl-123456789","object":"chat.completion","created":1700000000,"model":"m",
        "choices":[{"index":0,"message":{"role":"assistant","content":"write a@example.com","refusal":null,
          "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"n\":123456789}"}}]},
          "logprobs":null,"finish_reason":"stop"}],
        "usage":{"prompt_tokens":1234567890,"completion_tokens":1}, "citations":["a@example.com"]}"#;
    let seen = shown(body, Body::ChatResponse);
    let expected = [
        ("choices[0].message.content", Channel::Completion, "write a@example.com"),
        ("choices[0].message.tool_calls[0].function.arguments~", Channel::ToolArguments, "n"),
        ("choices[0].message.tool_calls[0].function.arguments~.n", Channel::ToolArguments, "123456789"),
        ("", Channel::Other, "citations"),
        ("citations[0]", Channel::Other, "a@example.com"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(label, channel, text)| ((*label).to_owned(), *channel, (*text).to_owned()))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn edits_of_the_gateway_and_of_the_policy_share_one_splice() {
    let body = br#"{"model":"alias","stream":true,"messages":[{"role":"user","content":"a@example.com"}]}"#;
    let request = ChatRequest::parse(body, Limits::default()).unwrap();
    let mut splice = Splice::new();
    for_each_text(request.document(), Body::ChatRequest, &mut splice, &mut |leaf| {
        (leaf.text == "a@example.com").then(|| "[E]".to_owned())
    });
    request.set_model(&mut splice, "real");
    request.ask_for_usage(&mut splice);
    assert_eq!(
        splice.apply(request.document().text()),
        r#"{"stream_options":{"include_usage":true},"model":"real","stream":true,"messages":[{"role":"user","content":"[E]"}]}"#
    );
}

#[test]
fn the_deepest_documents_fit_the_stack() {
    let mut text = "\"a@example.com\"".to_owned();
    for _ in 0..5 {
        let deep = format!("{}{text}{}", "[".repeat(json::DEPTH_MAX - 3), "]".repeat(json::DEPTH_MAX - 3));
        text = json::string(&deep);
    }
    let body = format!("{{\"metadata\":{text}}}");
    assert!(redact(body.as_bytes(), Body::ChatRequest, Limits::default(), |_| None).is_ok());
}

proptest! {
    /// The rule "everything unless listed": an address is found wherever it is put, under any known or unknown
    /// names. `model` is the one exception, because the gateway itself writes it.
    #[test]
    fn an_address_is_found_wherever_it_stands(
        path in prop::collection::vec(prop::sample::select(vec![
            "messages", "content", "tools", "function", "parameters", "properties", "items", "role", "type", "name",
            "tool_calls", "arguments", "id", "tool_call_id", "image_url", "url", "input_audio", "data", "seed", "usage",
            "choices", "message", "logprobs", "metadata", "user", "stop", "response_format", "json_schema", "schema",
            "enum", "required", "format", "anything", "[]",
        ]), 1..8),
        response in any::<bool>(),
    ) {
        let mut value = json!("mail a@example.com now");
        for name in path.iter().rev() {
            value = if *name == "[]" { json!([value]) } else { json!({*name: value}) };
        }
        let kind = if response { Body::ChatResponse } else { Body::ChatRequest };
        let result = masked(&value.to_string(), kind);
        prop_assert!(!result.contains("a@example.com"), "{}", result);
    }
}
