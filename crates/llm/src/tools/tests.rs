use proptest::prelude::*;

use super::*;
use crate::json::Limits;

fn document(text: &str) -> Document<'_> {
    Document::parse(text.as_bytes(), Limits::default()).unwrap()
}

fn mentions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for_each_mention(&document(text), &mut |mention| {
        found.push(match mention {
            Mention::Offered(name) => format!("+{name}"),
            Mention::Chosen(name) => format!("!{name}"),
            Mention::Nameless => "?".to_owned(),
        });
    });
    found
}

#[test]
fn every_tool_of_a_request_is_told() {
    for (request, expected) in [
        (r#"{"messages":[]}"#, &[][..]),
        (r#"{"tools":[{"type":"function","function":{"name":"a","parameters":{"name":"b"}}}]}"#, &["+a"]),
        (
            r#"{"tools":[{"type":"custom","custom":{"name":"c"}},{"type":"web_search"}]}"#,
            &["+c", "+web_search"],
        ),
        (r#"{"tools":[{"type":"web_search_1","name":"w"}]}"#, &["+web_search_1", "+w"]),
        (r#"{"functions":[{"name":"old"}],"function_call":{"name":"old"}}"#, &["+old", "!old"]),
        (r#"{"function_call":"auto","tool_choice":"required"}"#, &[]),
        (r#"{"tool_choice":"shell"}"#, &["!shell"]),
        (r#"{"tool_choice":{"type":"function","function":{"name":"f"}}}"#, &["!f"]),
        (r#"{"tool_choice":{"type":"tool","name":"t"}}"#, &["!t"]),
        (r#"{"tool_choice":{"type":"computer"}}"#, &["!computer"]),
        (
            r#"{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[
                {"type":"function","function":{"name":"x"}},{"type":"mcp"}]}}}"#,
            &["!x", "!mcp"],
        ),
        (r#"{"web_search_options":{}}"#, &["+web_search"]),
        (r#"{"web_search_options":null,"tools":null}"#, &[]),
        (r#"{"Tools":[{"type":"function","Function":{"name":"a","NAME":"b"}}]}"#, &["+a", "+b"]),
        (r#"{"tools":[{"type":"function"}]}"#, &["?"]),
        (r#"{"tools":[{"function_declarations":[{"name":"g"}]}]}"#, &["?"]),
        (r#"{"tools":["shell",{"type":"function","function":{"name":7}}]}"#, &["?", "?"]),
        (r#"{"tools":{"name":"x"}}"#, &["?"]),
        (r#"{"tools":[{"type":"function","function":{"name":"\u0073hell"}}]}"#, &["+shell"]),
    ] {
        assert_eq!(mentions(request), expected, "{request}");
    }
}

/// A guard that lets `a` and `b` through.
fn guard() -> CallGuard {
    CallGuard::new(Box::new(|name| matches!(name, Some("a" | "b"))))
}

#[test]
fn a_complete_answer_passes_when_all_it_calls_does() {
    let answer = |message: &str| format!(r#"{{"choices":[{{"index":0,"message":{message}}}]}}"#);
    let call = |name: &str| {
        format!(r#"{{"id":"1","type":"function","function":{{"name":"{name}","arguments":"{{}}"}}}}"#)
    };
    for (message, passes) in [
        (r#"{"content":"hello","tool_calls":null,"function_call":null}"#.to_owned(), true),
        (format!(r#"{{"tool_calls":[{},{}]}}"#, call("a"), call("b")), true),
        (format!(r#"{{"tool_calls":[{},{}]}}"#, call("a"), call("shell")), false),
        (format!(r#"{{"Tool_Calls":[{}]}}"#, call("shell")), false),
        (r#"{"tool_calls":[{"type":"function","function":{"name":"a","Name":"shell"}}]}"#.to_owned(), false),
        (r#"{"tool_calls":[{"type":"function","function":{"arguments":"{}"}}]}"#.to_owned(), false),
        (r#"{"tool_calls":[{"type":"computer_call"}]}"#.to_owned(), false),
        (r#"{"function_call":{"name":"a","arguments":""}}"#.to_owned(), true),
        (r#"{"function_call":{"name":"shell"}}"#.to_owned(), false),
    ] {
        assert_eq!(guard().passes_whole(&document(&answer(&message))), passes, "{message}");
    }
    let second =
        r#"{"choices":[{"message":{"content":""}},{"message":{"tool_calls":[{"function":{"name":"x"}}]}}]}"#;
    assert!(!guard().passes_whole(&document(second)));
}

/// How many events of a stream pass.
fn passed(deltas: &[&str]) -> usize {
    let mut guard = guard();
    let passes = |delta: &&&str| {
        let event = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
        guard.passes_event(&document(&event))
    };
    deltas.iter().take_while(passes).count()
}

#[test]
fn a_stream_passes_up_to_what_it_must_not_call() {
    let begin =
        r#"{"tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"a","arguments":""}}]}"#;
    let more = r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#;
    let empty = r#"{"tool_calls":[{"index":0,"type":"","function":{"name":null,"arguments":"{}"}}]}"#;
    let shell = r#"{"tool_calls":[{"index":1,"function":{"name":"shell"}}]}"#;
    assert_eq!(passed(&[r#"{"content":"x"}"#, begin, more, empty, begin]), 5);
    assert_eq!(passed(&[begin, more, shell, more]), 2);
    // Put together these would be another name than the one that was looked at.
    let rest = r#"{"tool_calls":[{"index":0,"function":{"name":"b"}}]}"#;
    assert_eq!(passed(&[begin, rest]), 1);
    let other = r#"{"tool_calls":[{"index":1,"function":{"name":"b"}}]}"#;
    assert_eq!(passed(&[begin, other]), 2);
    assert_eq!(passed(&[r#"{"function_call":{"name":"a"}}"#, r#"{"function_call":{"name":"sh"}}"#]), 1);
}

#[test]
fn more_calls_than_are_kept_do_not_pass() {
    let deltas: Vec<String> = (0..=CALLS_MAX)
        .map(|index| format!(r#"{{"tool_calls":[{{"index":{index},"function":{{"name":"a"}}}}]}}"#))
        .collect();
    let deltas: Vec<&str> = deltas.iter().map(String::as_str).collect();
    assert_eq!(passed(&deltas), CALLS_MAX);
}

proptest! {
    #[test]
    fn a_name_is_found_wherever_it_stands(name in "[a-z]{1,8}", upper: bool, kind in "function|custom") {
        let key = if upper { "NAME" } else { "name" };
        let request = format!(r#"{{"tools":[{{"{kind}":{{"{key}":"{name}"}}}}]}}"#);
        prop_assert_eq!(mentions(&request), vec![format!("+{name}")]);
        let answer = format!(r#"{{"choices":[{{"message":{{"tool_calls":[{{"{kind}":{{"{key}":"{name}"}}}}]}}}}]}}"#);
        let mut guard = CallGuard::new(Box::new(move |told| told == Some(name.as_str())));
        prop_assert!(guard.passes_whole(&document(&answer)));
    }
}
