use proptest::prelude::*;

use super::*;
use crate::error::ErrorCode;
use crate::properties::{self, MASK, WordFilter, tap_in_pieces};

const STREAM: &str = concat!(
    ": keep-alive\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m-1\",\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello, h\\u00e9 \"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"my SEC\"},\"finish_reason\":null,\"logprobs\":{\"content\":[{\"token\":\"my\"}]}}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"RET is S\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13,\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\n",
    "data: [DONE]\n\n",
);

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn tap(stream: &str, wants_usage: bool) -> (String, Finished) {
    let (out, finished) = tap_in_pieces(stream.as_bytes(), &[], wants_usage);
    (text(out), finished)
}

/// What an SDK would put together: per choice the content, and per tool call the arguments.
fn assemble(out: &str) -> (String, Vec<String>) {
    let (mut content, mut calls) = (String::new(), Vec::new());
    let mut finished = false;
    for line in out.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        for choice in event["choices"].as_array().into_iter().flatten() {
            let delta = &choice["delta"];
            let piece = delta["content"].as_str().unwrap_or("");
            assert!(!finished || piece.is_empty(), "text after the finish reason: {line}");
            content.push_str(piece);
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                calls.resize(calls.len().max(index + 1), String::new());
                calls[index].push_str(call["function"]["arguments"].as_str().unwrap_or(""));
            }
            finished |= choice["finish_reason"].is_string();
        }
    }
    (content, calls)
}

#[test]
fn held_text_is_given_out_before_the_choice_finishes() {
    let (out, finished) = tap(STREAM, false);
    assert_eq!(assemble(&out).0, format!("Hello, hé my {MASK} is S"));
    let flushed = out.find("\"content\":\"S\"").unwrap();
    assert!(flushed < out.find("\"finish_reason\":\"stop\"").unwrap());
    // The chunk made here carries the head of the provider's own.
    assert!(out.contains("\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m-1\",\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"S\"},\"finish_reason\":null}]"));
    let summary = finished.summary();
    assert_eq!(summary.ending, Ending::Done);
    assert_eq!(summary.model.as_deref(), Some("m-1"));
    assert_eq!(summary.finish_reasons[&0], "stop");
    assert_eq!(summary.event_count, 6);
    let usage = summary.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.output_tokens), (9, 8, 4));
    assert_eq!(finished.into_last_bytes(), "data: [DONE]\n\n");
}

#[test]
fn events_that_stay_as_they_are_keep_their_bytes() {
    let (out, _) = tap(STREAM, true);
    let events: Vec<&str> = STREAM.split_inclusive("\n\n").collect();
    for untouched in [0, 1, 2, 5, 6] {
        assert!(out.contains(events[untouched]), "{}", events[untouched]);
    }
    assert!(!out.contains("[DONE]"), "the end marker comes only from the proof");
    // The tokens would spell out the text that was held back.
    assert!(out.contains("\"my \"},\"finish_reason\":null,\"logprobs\":null"), "{out}");
}

#[test]
fn usage_is_hidden_unless_the_client_asked() {
    let (hidden, finished) = tap(STREAM, false);
    assert!(!hidden.contains("prompt_tokens"));
    assert!(finished.summary().usage.is_some());
    let (shown, _) = tap(STREAM, true);
    assert!(shown.contains("\"choices\":[],\"usage\":{\"prompt_tokens\":9"));
    // Some providers put usage into the chunk that finishes the choice: only the member goes.
    let together = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
    let (out, finished) = tap(together, false);
    assert!(out.contains("\"content\":\"x\"") && out.contains("\"usage\":null"), "{out}");
    assert_eq!(finished.summary().usage.unwrap().output_tokens, 1);
    assert_eq!(tap(together, true).0, together);
}

#[test]
fn tool_arguments_stay_json_and_interleaved_calls_stay_apart() {
    let event = |index: u32, piece: &str| {
        let piece = crate::json::string(piece);
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":{piece}}}}}]}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let stream = [
        event(0, r#"{"to":"SE"#),
        event(1, r#"{"n":1234567,"x":"SECRE"#),
        event(0, r#"C\u0052ET","b":["a\"#),
        event(1, r#"T"}"#),
        event(0, r#"n"]}"#),
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n".to_owned(),
    ]
    .concat();
    let (out, finished) = tap(&stream, false);
    let calls = assemble(&out).1;
    let parsed: Vec<serde_json::Value> =
        calls.iter().map(|call| serde_json::from_str(call).unwrap()).collect();
    assert_eq!(parsed[0], serde_json::json!({"to": MASK, "b": ["a\n"]}));
    assert_eq!(parsed[1], serde_json::json!({"n": 1_234_567, "x": MASK}));
    assert_eq!(finished.summary().finish_reasons[&0], "tool_calls");
    assert_eq!(finished.summary().ending, Ending::Cut);
}

#[test]
fn text_in_the_finishing_event_comes_in_order() {
    let stream = concat!(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a SEC\"},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"OND S\"},\"finish_reason\":\"length\"}]}\n\n",
    );
    let (out, _) = tap(stream, false);
    assert_eq!(assemble(&out).0, "a SECOND S");
    assert_eq!(out.matches("data: ").count(), 2, "no chunk had to be made: {out}");
}

#[test]
fn every_choice_and_channel_has_its_own_filter() {
    let stream = concat!(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"SEC\",\"reasoning\":\"SEC\"}},{\"index\":1,\"delta\":{\"content\":\"SEC\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"TOR\"}},{\"index\":0,\"delta\":{\"content\":\"RET\",\"reasoning\":\"\",\"function_call\":{\"arguments\":\"{}\"}}}]}\n\n",
    );
    let (out, _) = tap(stream, false);
    assert!(out.contains("{\"index\":1,\"delta\":{\"content\":\"SECTOR\"}}"), "{out}");
    assert!(out.contains(&crate::json::string(MASK)), "{out}");
    assert!(out.contains("{\"reasoning\":\"SEC\"}"), "flushed at the end: {out}");
}

/// An event whose choice has these members.
fn choice_event(choice: &serde_json::Value) -> String {
    format!("data: {}\n\n", serde_json::json!({"choices": [choice]}))
}

/// Per path the strings of all events put together, elements of arrays by their `index` where they have one: what a client
/// can make of a stream.
fn joined(out: &str) -> std::collections::BTreeMap<String, String> {
    fn walk(value: &serde_json::Value, path: &str, all: &mut std::collections::BTreeMap<String, String>) {
        match value {
            serde_json::Value::String(text) => all.entry(path.to_owned()).or_default().push_str(text),
            serde_json::Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    let index =
                        item["index"].as_u64().map_or(position, |index| usize::try_from(index).unwrap());
                    walk(item, &format!("{path}[{index}]"), all);
                }
            }
            serde_json::Value::Object(members) => {
                members.iter().for_each(|(key, value)| walk(value, &format!("{path}.{key}"), all));
            }
            _ => {}
        }
    }
    let mut all = std::collections::BTreeMap::new();
    for line in out.lines().filter_map(|line| line.strip_prefix("data: ")) {
        walk(&serde_json::from_str(line).unwrap(), "", &mut all);
    }
    all
}

#[test]
fn a_value_cut_between_events_is_found_in_any_field_of_a_delta() {
    use serde_json::json;
    /// A choice that carries a piece.
    type Shape = fn(&str) -> serde_json::Value;
    let shapes: [(&str, Shape); 9] = [
        ("delta.note", |s| json!({"delta": {"content": "", "note": s}})),
        ("delta.a.b[0].c", |s| json!({"delta": {"a": {"b": [{"c": s}]}}})),
        ("delta.list[2]", |s| json!({"delta": {"list": [1, null, s]}})),
        ("delta.content[0].text", |s| json!({"delta": {"content": [{"type": "text", "text": s}]}})),
        (
            "delta.tool_calls[3].custom.input",
            |s| json!({"delta": {"tool_calls": [{"index": 3, "type": "custom", "custom": {"input": s}}]}}),
        ),
        (
            "delta.reasoning_details[0].text",
            |s| json!({"delta": {"reasoning_details": [{"type": "reasoning.text", "text": s}]}}),
        ),
        ("delta.audio.transcript", |s| json!({"delta": {"audio": {"id": "audio_1", "transcript": s}}})),
        (
            "delta.thinking_blocks[0].thinking",
            |s| json!({"delta": {"thinking_blocks": [{"type": "thinking", "thinking": s}]}}),
        ),
        ("text", |s| json!({"text": s})),
    ];
    for (path, shape) in shapes {
        for finish in [false, true] {
            let mut stream: String =
                ["a S", "ECR", "ET b S", "E"].map(|piece| choice_event(&shape(piece))).concat();
            let mut last = json!({"delta": {}, "finish_reason": "stop"});
            if finish {
                last = shape("C");
                last["finish_reason"] = "stop".into();
            }
            stream.push_str(&choice_event(&last));
            let (out, finished) = tap(&stream, false);
            let rest = if finish { "SEC" } else { "SE" };
            let all = joined(&out);
            let expected = format!("a {MASK} b {rest}");
            assert_eq!(all.get(&format!(".choices[0].{path}")), Some(&expected), "{path}: {out}");
            assert_eq!(finished.summary().finish_reasons[&0], "stop");
            let (_, after) = out.split_once("\"stop\"").unwrap();
            assert_eq!(after.matches("data: ").count(), 0, "{path}: nothing after the finish reason: {out}");
            if let Some(object) = path.strip_suffix("].text") {
                let sort = all[&format!(".choices[0].{object}].type")].as_str();
                let one = if path.contains("reasoning") { "reasoning.text" } else { "text" };
                assert_eq!(sort, one.repeat(if finish { 5 } else { 4 }), "it stays where it was: {out}");
            }
        }
    }
}

#[test]
fn fields_of_two_choices_and_of_two_elements_stay_apart() {
    use serde_json::json;
    let stream = [
        choice_event(
            &json!({"index": 1, "delta": {"x": [{"index": 0, "t": "SEC"}, {"index": 1, "t": "SEC"}]}}),
        ),
        choice_event(&json!({"index": 0, "delta": {"x": [{"index": 0, "t": "RET"}]}})),
        choice_event(&json!({"index": 1, "delta": {"x": [{"index": 1, "t": "RET"}]}})),
    ];
    let (out, _) = tap(&stream.concat(), false);
    let all = joined(&out);
    assert_eq!(all[".choices[1].delta.x[1].t"], MASK, "{out}");
    assert_eq!(all[".choices[1].delta.x[0].t"], "SEC", "{out}");
    assert_eq!(all[".choices[0].delta.x[0].t"], "RET", "{out}");
}

/// A chunk that is made repeats keys and heads of the provider's: they are filtered there too.
#[test]
fn what_stands_around_held_text_is_filtered_too() {
    let stream = "data: {\"id\":\"a SECRET b\",\"choices\":[{\"delta\":{\"SECRET key\":\"x S\"}}]}\n\n";
    let (out, _) = tap(stream, false);
    assert!(!out.contains("SECRET"), "{out}");
    assert_eq!(out.matches("data: ").count(), 2, "{out}");
}

/// What comes whole, again and again, stays where it is: words that say the sort of an object, citations, metadata.
#[test]
fn what_is_not_streamed_is_not_moved() {
    use serde_json::json;
    let event = format!(
        "data: {}\n\n",
        json!({"provider": "Some S", "choices": [{"index": 0, "delta": {"role": "assistant",
            "annotations": [{"type": "url_citation", "url_citation": {"title": "On S", "url": "https://a.example/S"}}],
            "extra": {"type": "extra.S", "format": "v1-S"}}}]})
    );
    let stream = event.repeat(3);
    assert_eq!(tap(&stream, false).0, stream);
}

#[test]
fn fields_are_bounded_in_number_and_path() {
    use serde_json::json;
    let many = |n: usize| {
        let field = format!("f{n}");
        choice_event(&json!({"delta": {field: "x"}}))
            + &choice_event(&json!({"delta": {}, "finish_reason": "stop"}))
    };
    let stream: String = (0..=FIELDS_MAX).map(many).collect();
    let (out, finished) = tap(&stream, false);
    assert_eq!(finished.summary().ending, Ending::Failed(TapError::TooManyFields));
    assert!(!out.contains(&format!("f{FIELDS_MAX}\"")), "what is beyond the bound does not pass");
    let long = "k".repeat(crate::walk::FIELD_PATH_BYTES_MAX);
    let options = TapOptions::default();
    for delta in [json!({&long: "SECRET"}), json!({"x": [vec![0; 2000], vec!["SECRET"; 900]]})] {
        let mut tap = ChatStreamTap::new(options, |_| properties::WordFilter::default());
        let mut out = Vec::new();
        let pushed = tap.push(choice_event(&json!({"delta": delta})).as_bytes(), &mut out);
        assert_eq!((pushed, out.len()), (Err(TapError::PathTooLong), 0));
    }
    let mut tap = ChatStreamTap::new(options, |_| properties::WordFilter::default());
    let mut out = Vec::new();
    let numbers =
        json!({"delta": {&long: 7, "vector": vec![1; 100_000], "deep": vec![Vec::<u8>::new(); 50_000]}});
    assert_eq!(tap.push(choice_event(&numbers).as_bytes(), &mut out), Ok(()), "no text, no bound");
}

#[test]
fn texts_of_an_event_that_are_not_streamed_are_filtered_whole() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\",\"annotations\":[{\"title\":\"a SECRET S\"}]}}],\"citations\":[\"SECRET\"]}\n\n";
    let (out, _) = tap(stream, false);
    assert!(!out.contains("SECRET"), "{out}");
    assert!(out.contains("S\"}]"), "nothing held is lost: {out}");
}

#[test]
fn a_fragment_in_an_odd_place_does_not_slip_through() {
    for odd in [
        r#"[[{"delta":{"content":"SECRET"}}]]"#,
        r#"[{"delta":[{"content":"SECRET"}]}]"#,
        r#"[{"delta":{"content":["SECRET"]}}]"#,
        r#"[{"delta":{"content":[{"type":"text","text":"SECRET"}]}}]"#,
        r#"[{"delta":{"tool_calls":{"function":{"arguments":"SECRET"}}}}]"#,
        r#"[{"delta":{"tool_calls":[{"function":{"arguments":["SECRET"]}}]}}]"#,
        r#"[{"message":{"content":"SECRET"}}]"#,
        r#"[{"text":"SECRET"}]"#,
        r#"{"delta":{"content":"SECRET"}}"#,
        r#""SECRET""#,
        r#"[{"delta":{"SECRET":null}}]"#,
    ] {
        let (out, _) = tap(&format!("data: {{\"choices\":{odd}}}\n\n"), false);
        assert!(!out.contains("SECRET") && out.contains(&crate::json::string(MASK)), "{odd}: {out}");
    }
}

#[test]
fn an_error_in_the_middle_is_cleaned_and_everything_held_comes_first() {
    let stream = concat!(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"so far SE\"}}]}\n\n",
        "data: {\"error\":{\"message\":\"key sk-abc at https://host.example.com broke\",\"code\":502}}\n\n",
    );
    let (out, finished) = tap(stream, false);
    assert_eq!(assemble(&out).0, "so far SE");
    assert!(out.find("\"SE\"").unwrap() < out.find("\"error\"").unwrap());
    assert!(!out.contains("sk-abc") && !out.contains("host.example"), "{out}");
    assert_eq!(finished.summary().error.as_ref().unwrap().code, ErrorCode::UpstreamFailed);
    assert_eq!(finished.into_last_bytes(), "", "the client has seen an error already");
}

#[test]
fn a_cut_stream_is_told_from_a_whole_one() {
    let cut = STREAM.strip_suffix("data: [DONE]\n\n").unwrap();
    let (_, finished) = tap(cut, false);
    assert_eq!(finished.summary().ending, Ending::Cut);
    assert!(finished.into_last_bytes().contains("upstream_stream_cut"));
    // The end marker without its blank line is a whole stream; half an event is dropped.
    assert_eq!(tap(&format!("{cut}data: [DONE]"), false).1.summary().ending, Ending::Done);
    let (out, finished) = tap("data: {\"choices\":[{\"delta\":{\"content\":\"lost", false);
    assert_eq!((out.as_str(), finished.summary().event_count), ("", 0));
    assert!(tap("", false).1.into_last_bytes().contains("\"error\""));
}

#[test]
fn what_cannot_be_read_does_not_pass() {
    for bad in ["data: not json SECRET\n\n", "data: [1]\n\n", "data: {\"a\":1,\"a\":2}\n\n"] {
        let (out, finished) = tap(&format!("{bad}data: [DONE]\n\n"), false);
        assert_eq!(out, "", "{bad}");
        assert!(matches!(finished.summary().ending, Ending::Failed(TapError::Event(_))), "{bad}");
        assert!(finished.into_last_bytes().contains("upstream_failed"));
    }
    let endless = format!("data: {}", "x".repeat(5000));
    let (out, finished) = tap(&endless, false);
    assert!(out.is_empty());
    assert!(matches!(finished.summary().ending, Ending::Failed(TapError::Sse(_))));
    let event = |n| format!("data: {{\"choices\":[{{\"index\":{n},\"delta\":{{\"content\":\"x\"}}}}]}}\n\n");
    let many = (0..=FILTERS_MAX).map(event).collect::<Vec<_>>().concat();
    assert_eq!(tap(&many, false).1.summary().ending, Ending::Failed(TapError::TooManyTexts));
    let after_done = format!("data: [DONE]\n\n{STREAM}");
    assert_eq!(tap(&after_done, false).0, "", "nothing after the end marker is read");
}

#[test]
fn an_altered_event_keeps_its_other_lines_and_line_ends() {
    let stream = "event: message\r\nid: 7\r\ndata: {\"choices\":\r\ndata: [{\"delta\":{\"content\":\"SECRET\"}}]}\r\n: end\r\n\r\n";
    let (out, _) = tap(stream, false);
    let mask = crate::json::string(MASK);
    assert_eq!(
        out,
        format!(
            "event: message\r\nid: 7\r\ndata: {{\"choices\":\r\ndata: [{{\"delta\":{{\"content\":{mask}}}}}]}}\r\n: end\r\n\r\n"
        )
    );
}

/// The name and data of an event.
type Read = (String, Option<String>);

/// Events read in pieces of `size` bytes.
fn read(bytes: &[u8], size: usize) -> Vec<Read> {
    let mut events = Vec::new();
    let mut stream = EventStream::default();
    for piece in bytes.chunks(size) {
        stream
            .push(piece, |event| -> Result<(), SseError> {
                events.push((event.name.into_owned(), event.data.map(std::borrow::Cow::into_owned)));
                Ok(())
            })
            .unwrap();
    }
    events
}

#[test]
fn the_examples_of_the_standard_read_as_it_says() {
    let data = |text: &str| (String::new(), Some(text.to_owned()));
    let cases: [(&[u8], Vec<Read>); 9] = [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", vec![data("YHOO\n+2\n10")]),
        (b"data\n\ndata\ndata\n\ndata:", vec![data(""), data("\n")]),
        (b"data:test\n\ndata: test\n\ndata:  x\n\n", vec![data("test"), data("test"), data(" x")]),
        (b"event: add\ndata: 7\n\n", vec![("add".to_owned(), Some("7".to_owned()))]),
        (b": comment\n\n", vec![(String::new(), None)]),
        (b"\xEF\xBB\xBFdata: bom\n\n", vec![data("bom")]),
        (b"data: a\r\rdata: b\r\r", vec![data("a"), data("b")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", vec![data("a"), data("b")]),
        (b"data: \xff\xe2\x82\n\n", vec![data("\u{fffd}\u{fffd}")]),
    ];
    for (bytes, expected) in cases {
        for size in 1..=bytes.len() {
            assert_eq!(read(bytes, size), expected, "{} by {size}", String::from_utf8_lossy(bytes));
        }
    }
}

#[test]
fn an_event_is_handed_out_with_its_last_byte() {
    for bytes in ["data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", "data: a\n\r"] {
        let events = read(bytes.as_bytes(), 1);
        assert_eq!(events.len(), 1, "{bytes:?}");
    }
    let mut stream = EventStream::default();
    stream.push(b"data: x\n", |_| Ok::<(), SseError>(())).unwrap();
    assert_eq!(stream.unfinished().unwrap().data.as_deref(), Some("x"));
}

#[test]
fn the_json_filter_writes_json_whatever_the_cut() {
    let cases = [
        (r#"{"a":"SECRET"}"#, format!("{{\"a\":{}}}", crate::json::string(MASK))),
        (r#"{"SECRET":1}"#, format!("{{{}:1}}", crate::json::string(MASK))),
        (
            r#"["S\u0045CRET","\ud83d\ude00","\ud83d","x\\","\""]"#,
            format!("[{},\"\\ud83d\\ude00\",\"\\ud83d\",\"x\\\\\",\"\\\"\"]", crate::json::string(MASK)),
        ),
        ("SECRET", crate::json::string(MASK)),
        ("[true,null,-1.5e9,123456789012]", "[true,null,-1.5e9,123456789012]".to_owned()),
        ("{\"a\":\"S", "{\"a\":\"S".to_owned()),
        (r#"{"a":"\ud83d\"#, r#"{"a":"\ud83d\"#.to_owned()),
    ];
    for (input, expected) in cases {
        for size in 1..=input.len() {
            let mut filter = JsonFragmentFilter::new(WordFilter::default);
            let pieces: Vec<String> =
                input.as_bytes().chunks(size).map(|c| String::from_utf8(c.to_vec()).unwrap()).collect();
            let mut out: String = pieces.iter().map(|piece| filter.push(piece)).collect();
            out.push_str(&filter.finish());
            assert_eq!(out, expected, "{input} by {size}");
        }
    }
}

/// Between the letters of the word stands a byte that is no text: a client that leaves it out would read the word.
#[test]
fn an_event_that_is_no_text_does_not_pass() {
    let bytes = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"SEC\xffRET\"}}]}\n\n";
    let (out, finished) = tap_in_pieces(bytes, &[], false);
    assert_eq!(text(out), "");
    assert!(
        matches!(finished.summary().ending, Ending::Failed(TapError::Event(_))),
        "{:?}",
        finished.summary()
    );
}

/// Streams made of recorded shapes, so that cuts fall everywhere in them.
fn shapes() -> impl Strategy<Value = String> {
    let end = prop::sample::select(vec!["\n\n", "\r\n\r\n", "\r\r", "\n", "\r\n"]);
    let data = prop::sample::select(vec![
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"é SEC\"}}]}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"RET 😀\"}}],\"usage\":null}",
        "data:{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\\\"SECR\"}}]}}]}",
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"ET\\\"}\"}}]}}]}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"S\"},\"finish_reason\":\"stop\"}]}",
        "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"note\":{\"n\":[\"x SECR\"]}}}]}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"note\":{\"n\":[\"ET\"]}},\"text\":\"S\"}]}",
        "data: {\"error\":{\"message\":\"x\"}}",
        "event: error\ndata: {}",
        "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"SECRET\"}}]}",
        ": comment",
        "id: 1\nretry: 5",
        "data: [DONE]",
        "data: {broken",
    ]);
    prop::collection::vec((data, end), 0..10)
        .prop_map(|events| events.into_iter().flat_map(|(data, end)| [data, end]).collect())
}

proptest! {
    #[test]
    fn any_cut_of_any_stream_gives_the_same_bytes(head in any::<[u8; 4]>(), stream in shapes()) {
        properties::sse_tap(&[&head[..], stream.as_bytes()].concat());
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        properties::sse_tap(&bytes);
    }

    #[test]
    fn the_recorded_stream_in_any_cut(sizes in prop::collection::vec(1_usize..40, 1..8)) {
        let (whole, _) = tap_in_pieces(STREAM.as_bytes(), &[], false);
        let (cut, _) = tap_in_pieces(STREAM.as_bytes(), &sizes, false);
        prop_assert_eq!(whole, cut);
    }
}

#[test]
fn a_tool_that_must_not_be_called_ends_the_stream_before_its_event() {
    let call = |index: u32, name: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c{index}\",\"type\":\"function\",\
             \"function\":{{\"name\":\"{name}\",\"arguments\":\"\"}}}}]}}}}]}}\n\n"
        )
    };
    let stream = format!("{}{}data: [DONE]\n\n", call(0, "search"), call(1, "shell"));
    let guard = crate::tools::CallGuard::new(Box::new(|name| name == Some("search")));
    let mut tap = ChatStreamTap::new(TapOptions::default(), |_| WordFilter::default()).guarded(Some(guard));
    let mut out = Vec::new();
    assert_eq!(tap.push(stream.as_bytes(), &mut out), Err(TapError::Tool));
    let finished = tap.finish(&mut out);
    assert_eq!(finished.summary().ending, Ending::Failed(TapError::Tool));
    let (out, last) = (text(out), finished.into_last_bytes());
    assert!(out.contains("search") && !out.contains("shell"), "{out}");
    assert!(last.contains(ErrorCode::PermissionDenied.as_str()) && !last.contains("[DONE]"), "{last}");
}
