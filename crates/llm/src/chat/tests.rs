use super::*;
use crate::error::ApiError;
use crate::json::{Limits, Splice};

fn parse(body: &str) -> Result<ChatRequest<'_>, RequestError> {
    ChatRequest::parse(body.as_bytes(), Limits::default())
}

fn edited(body: &str) -> String {
    let request = parse(body).unwrap();
    let mut splice = Splice::new();
    request.set_model(&mut splice, "n\"ew");
    request.ask_for_usage(&mut splice);
    splice.apply(body).into_owned()
}

#[test]
fn a_request_is_read_as_the_client_meant_it() {
    let request = parse(
        r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}],"stream":true,"n":3,
            "stream_options":{"include_usage":true},"max_tokens":5,"max_completion_tokens":7,
            "tools":[{},{}],"user":"u\u00e9","temperature":null}"#,
    )
    .unwrap();
    assert_eq!((request.model.as_ref(), request.stream, request.include_usage), ("m", true, true));
    assert_eq!((request.choices, request.output_tokens_max), (3, Some(7)));
    assert_eq!((request.message_count, request.tool_count), (2, 2));
    assert_eq!(request.user.as_deref(), Some("ué"));
    assert_eq!(request.messages().count(), 2);
    let least =
        parse(r#"{"model":"m","messages":[{}],"stream":null,"n":null,"tools":null,"stream_options":null}"#)
            .unwrap();
    assert_eq!((least.stream, least.include_usage, least.choices, least.tool_count), (false, false, 1, 0));
    assert_eq!((least.output_tokens_max, least.user.is_none()), (None, true));
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_the_api() {
    let messages = r#""messages":[{}]"#;
    let cases = [
        ("[]".to_owned(), "", "invalid_type"),
        (format!("{{{messages}}}"), "model", "missing_required_parameter"),
        (format!(r#"{{"model":"",{messages}}}"#), "model", "missing_required_parameter"),
        (format!(r#"{{"model":"  ",{messages}}}"#), "model", "missing_required_parameter"),
        (format!(r#"{{"model":null,{messages}}}"#), "model", "missing_required_parameter"),
        (format!(r#"{{"model":7,{messages}}}"#), "model", "invalid_type"),
        (format!(r#"{{"model":"{}",{messages}}}"#, "m".repeat(257)), "model", "invalid_value"),
        (r#"{"model":"m"}"#.to_owned(), "messages", "missing_required_parameter"),
        (r#"{"model":"m","messages":"hi"}"#.to_owned(), "messages", "invalid_type"),
        (r#"{"model":"m","messages":["hi"]}"#.to_owned(), "messages", "invalid_type"),
        (r#"{"model":"m","messages":[]}"#.to_owned(), "messages", "invalid_value"),
        (format!(r#"{{"model":"m",{messages},"stream":"true"}}"#), "stream", "invalid_type"),
        (format!(r#"{{"model":"m",{messages},"stream_options":[]}}"#), "stream_options", "invalid_type"),
        (
            format!(r#"{{"model":"m",{messages},"stream_options":{{"include_usage":1}}}}"#),
            "stream_options.include_usage",
            "invalid_type",
        ),
        (format!(r#"{{"model":"m",{messages},"n":0}}"#), "n", "invalid_value"),
        (format!(r#"{{"model":"m",{messages},"n":129}}"#), "n", "invalid_value"),
        (format!(r#"{{"model":"m",{messages},"n":1.5}}"#), "n", "invalid_type"),
        (format!(r#"{{"model":"m",{messages},"max_tokens":-1}}"#), "max_tokens", "invalid_type"),
        (format!(r#"{{"model":"m",{messages},"tools":{{}}}}"#), "tools", "invalid_type"),
        (format!(r#"{{"model":"m",{messages},"user":[]}}"#), "user", "invalid_type"),
        (format!(r#"{{"model":"m",{messages},"Model":"other"}}"#), "model", "invalid_value"),
        (format!(r#"{{"model":"m",{messages},"M\u0065SSAGES":[]}}"#), "messages", "invalid_value"),
        (format!(r#"{{"model":"m",{messages},"mod\u0065l":"other"}}"#), "", "invalid_json"),
        (r#"{"model":"m""#.to_owned(), "", "invalid_json"),
    ];
    for (body, param, code) in cases {
        let error = parse(&body).map(|_| ()).unwrap_err();
        assert_eq!(error.param(), param, "{body}");
        let answer = ApiError::from(error);
        assert_eq!((answer.code.as_str(), answer.http_status()), (code, 400), "{body}");
        assert_eq!(answer.param.as_deref().unwrap_or(""), param, "{body}");
    }
}

#[test]
fn the_model_and_the_usage_option_are_all_that_an_edit_touches() {
    let tail = r#""messages" : [ {"role":"user","content":"é\/"} ], "temperature":0.70, "x":1e400}"#;
    let head = r#"{ "model" : "m", "stream":true, "#;
    let new = r#" "model" : "n\"ew", "stream":true, "#;
    assert_eq!(
        edited(&format!("{head}{tail}")),
        format!(r#"{{"stream_options":{{"include_usage":true}},{new}{tail}"#)
    );
    for (before, after) in [
        ("{}", r#"{"include_usage":true}"#),
        ("{ }", r#"{"include_usage":true }"#),
        ("null", r#"{"include_usage":true}"#),
        (r#"{"include_usage":false}"#, r#"{"include_usage":true}"#),
        (r#"{"include_usage":null,"z":1}"#, r#"{"include_usage":true,"z":1}"#),
        (r#"{"include_obfuscation":false}"#, r#"{"include_usage":true,"include_obfuscation":false}"#),
        (r#"{"include_usage":true}"#, r#"{"include_usage":true}"#),
    ] {
        let body = format!(r#"{head}"stream_options":{before},{tail}"#);
        let expected = format!(r#"{{{new}"stream_options":{after},{tail}"#);
        let result = edited(&body);
        assert_eq!(result, expected);
        assert!(parse(&result).unwrap().include_usage);
    }
    let whole = r#"{"model":"m","messages":[{}]}"#;
    assert_eq!(
        edited(whole),
        r#"{"model":"n\"ew","messages":[{}]}"#,
        "nothing is added to a call that does not stream"
    );
}

#[test]
fn a_request_is_held_to_what_it_may_have_written() {
    let held = |body: &str| {
        let request = parse(body).unwrap();
        let mut splice = Splice::new();
        request.ask_for_usage(&mut splice);
        request.hold_to(&mut splice, 7);
        let out = splice.apply(body).into_owned();
        assert_eq!(parse(&out).unwrap().output_tokens_asked(), Some(7), "{out}");
        out
    };
    assert_eq!(
        held(r#"{"model":"m","messages":[{}]}"#),
        r#"{"max_completion_tokens":7,"model":"m","messages":[{}]}"#
    );
    assert_eq!(
        held(r#"{"max_completion_tokens":null,"model":"m","messages":[{}]}"#),
        r#"{"max_completion_tokens":7,"model":"m","messages":[{}]}"#
    );
    let streamed = held(r#"{"model":"m","messages":[{}],"stream":true,"max_tokens":null}"#);
    assert!(parse(&streamed).unwrap().include_usage, "{streamed}");
    let both = parse(r#"{"model":"m","messages":[{}],"max_tokens":9,"max_completion_tokens":5}"#).unwrap();
    assert_eq!((both.output_tokens_max, both.output_tokens_asked()), (Some(5), Some(9)));
}

#[test]
fn a_response_gives_what_is_billed_and_logged() {
    let body = br#"{"id":"chatcmpl-1","model":"m-2025","choices":[{"finish_reason":"stop"},{"finish_reason":null},{"finish_reason":"length"}],
        "usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#;
    let response = ChatResponse::parse(body, Limits::default()).unwrap();
    assert_eq!((response.id.as_deref(), response.model.as_deref()), (Some("chatcmpl-1"), Some("m-2025")));
    assert_eq!(response.usage.unwrap().total_tokens(), 12);
    let reasons: Vec<_> = response.finish_reasons.iter().map(|reason| reason.as_deref()).collect();
    assert_eq!(reasons, [Some("stop"), None, Some("length")]);
    assert_eq!(response.document().root().entries().count(), 4);
    let bare = ChatResponse::parse(b"{}", Limits::default()).unwrap();
    assert!(bare.usage.is_none() && bare.finish_reasons.is_empty());
    assert!(ChatResponse::parse(b"[]", Limits::default()).is_err());
    assert!(ChatResponse::parse(b"<html>", Limits::default()).is_err());
}
