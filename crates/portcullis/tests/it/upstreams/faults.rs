//! One table of everything a provider can do wrong, asked for streamed and whole.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use testkit::{FakeProvider, Script, Step};
use tokio::net::TcpListener;

use super::{Stage, events, openai_error, request};
use crate::house::{Ask, Build, Tenant, fake, run};

/// A fault, and what must come of it.
struct Fault {
    what: &'static str,
    script: Script,
    /// Whether a streamed answer has begun when it happens: then the status is 200 and the error an event.
    mid_stream: bool,
    /// The status and code of the client's error.
    client: (u16, &'static str),
    /// The word in the outcome.
    word: &'static str,
    /// The provider's status in the outcome.
    upstream: Option<u16>,
    retry_after: &'static str,
}

fn fault(what: &'static str, script: Script, client: (u16, &'static str), upstream: Option<u16>) -> Fault {
    Fault { what, script, mid_stream: false, client, word: "upstream_error", upstream, retry_after: "" }
}

fn mid_stream(what: &'static str, script: Script, code: &'static str, word: &'static str) -> Fault {
    Fault { mid_stream: true, word, ..fault(what, script, (200, code), Some(200)) }
}

/// What does not depend on the form of the answer.
fn either() -> Vec<Fault> {
    let failed = (502, "upstream_failed");
    vec![
        fault("silence before the head", Script::hang(), (504, "upstream_timeout"), None),
        fault("the connection slammed shut", Script::slam(), (502, "upstream_stream_cut"), None),
        fault("a 500", Script::server_error(), failed, Some(500)),
        fault("the gateway's key refused", Script::bad_key(), failed, Some(401)),
        fault("a redirect to the metadata service", Script::redirect(), failed, Some(307)),
        fault("a refusal", Script::refusal(), (400, "upstream_refused"), Some(400)),
        Fault {
            retry_after: "7",
            ..fault("a 429", Script::rate_limited(), (429, "upstream_rate_limited"), Some(429))
        },
        fault(
            "no HTTP at all",
            Script::new([Step::Send("SSH-2.0-OpenSSH_9.7\r\n".into())]),
            (502, "upstream_stream_cut"),
            None,
        ),
    ]
}

fn whole() -> Vec<Fault> {
    let failed = (502, "upstream_failed");
    let ok = Some(200);
    let nested = "[".repeat(1 << 20);
    let json = |body: &str| Script::response(200, "application/json", "", body);
    vec![
        fault("silence within the body", Script::hang_mid_body(), (504, "upstream_timeout"), ok),
        Fault {
            word: "cut",
            ..fault("half a body", Script::half_a_body(), (502, "upstream_stream_cut"), ok)
        },
        fault("garbage", Script::garbage(), failed, ok),
        fault("invalid UTF-8", Script::invalid_utf8(), failed, ok),
        fault("a megabyte of nesting", json(&nested), failed, ok),
        fault("JSON that is no answer", json("{\"object\":\"list\"}"), failed, ok),
        fault("an empty body", json(""), failed, ok),
    ]
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A stream without chunks: its end is the end of the connection.
fn plain_stream(bytes: impl Into<Vec<u8>>) -> Script {
    let bytes: Vec<u8> = bytes.into();
    Script::new([Step::Send(STREAM.into()), Step::Send(bytes.into()), Step::Close])
}

fn streamed() -> Vec<Fault> {
    let nested = format!("data: {}\n\n", "[".repeat(1 << 20));
    vec![
        mid_stream(
            "silence within the stream",
            Script::hang_mid_stream(),
            "upstream_timeout",
            "upstream_error",
        ),
        mid_stream("half a stream", Script::half_a_stream(), "upstream_stream_cut", "cut"),
        mid_stream("a stream without its end", Script::stream_without_done(), "upstream_stream_cut", "cut"),
        mid_stream("an event of garbage", Script::garbage_stream(), "upstream_failed", "upstream_error"),
        mid_stream("an error as an event", Script::error_mid_stream(), "upstream_failed", "upstream_error"),
        mid_stream("a megabyte of nesting", plain_stream(nested), "upstream_failed", "upstream_error"),
        mid_stream(
            "invalid UTF-8",
            plain_stream(*b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n"),
            "upstream_failed",
            "upstream_error",
        ),
        mid_stream("an empty stream", plain_stream([]), "upstream_stream_cut", "cut"),
        fault(
            "an answer that is no stream",
            Script::json_for_a_stream(),
            (502, "upstream_failed"),
            Some(200),
        ),
    ]
}

/// What no client may read of a provider's affairs.
const PRIVATE: [&str; 4] = ["db-7.internal", "sk-live-", "169.254.169.254", testkit::PII_EMAIL];

async fn suffer(stage: &Stage, fault: Fault, stream: bool) {
    let what = format!("{} (stream: {stream})", fault.what);
    stage.provider.next(fault.script);
    let (ask, id) = stage.call(&request(stream));
    let answer = stage.web.ask(ask).await;
    let text =
        String::from_utf8(answer.body.to_vec()).unwrap_or_else(|_| panic!("{what}: the answer is text"));
    let (status, code) = fault.client;
    assert_eq!(answer.status.as_u16(), status, "{what}: {text}");
    for private in PRIVATE {
        assert!(!text.contains(private), "{what}: {text}");
    }
    if fault.mid_stream {
        let (events, done) = events(&answer);
        assert!(!done, "{what}: an answer that broke off is not passed off as whole: {text}");
        let last = events.last().unwrap_or_else(|| panic!("{what}: an event says so"));
        assert_eq!(openai_error(last, None), code, "{what}");
        assert_eq!(events.iter().filter(|event| event.get("error").is_some()).count(), 1, "{what}: {text}");
    } else {
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert_eq!(openai_error(&answer.json(), Some(&id)), code, "{what}");
    }
    assert_eq!(answer.header("retry-after"), fault.retry_after, "{what}");
    let (intent, outcome) = stage.call_entries(&id).await;
    assert_eq!(answer.header("x-portcullis-entry"), intent.id, "{what}");
    assert_eq!(outcome.fact("status"), fault.word, "{what}");
    assert_eq!(outcome.outcome(), "failed", "{what}");
    assert_eq!(outcome.fact("error"), code, "{what}");
    assert_eq!(
        outcome.fact("upstream_status"),
        &fault.upstream.map_or(Value::Null, |status| json!(status)),
        "{what}"
    );
    assert_eq!(outcome.fact("tokens_known"), false, "{what}");
}

#[test]
fn a_whole_answer_that_goes_wrong_is_told_and_recorded() {
    run(async |house| {
        let stage = Stage::impatient(house, Script::json("unused")).await;
        for fault in either().into_iter().chain(whole()) {
            suffer(&stage, fault, false).await;
        }
    });
}

#[test]
fn a_streamed_answer_that_goes_wrong_is_told_and_recorded() {
    run(async |house| {
        let stage = Stage::impatient(house, Script::json("unused")).await;
        for fault in either().into_iter().chain(streamed()) {
            suffer(&stage, fault, true).await;
        }
    });
}

/// After any fault the next call is served as if nothing had happened: no connection is used in a state it should
/// not be in.
#[test]
fn a_fault_leaves_no_trace_in_the_next_call() {
    run(async |house| {
        let stage = Stage::impatient(house, Script::json("Good morning to you")).await;
        for (fault, stream) in whole()
            .into_iter()
            .map(|fault| (fault, false))
            .chain(streamed().into_iter().map(|fault| (fault, true)))
        {
            let what = fault.what;
            stage.provider.next(fault.script);
            stage.web.ask(stage.call(&request(stream)).0).await;
            let answer = stage.web.ask(stage.call(&request(false)).0).await;
            assert_eq!(answer.status, 200, "after {what}: {}", answer.text());
            assert_eq!(
                answer.json()["choices"][0]["message"]["content"],
                "Good morning to you",
                "after {what}"
            );
        }
    });
}

#[test]
fn a_provider_that_is_not_there_is_told_and_recorded() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "Nobody home").await;
        // A port that was free a moment ago and that nobody listens on.
        let gone =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port").local_addr().expect("it");
        let build = Build { operator: vec![fake(&format!("http://{gone}/v1"))], ..Build::over(&desk.vault) };
        let web = build.serve().await;
        for stream in [false, true] {
            let id = web.request_id();
            let ask = Ask::chat(request(stream)).key(&tenant.agent_key).header("x-request-id", &id);
            let answer = web.ask(ask).await;
            assert_eq!(answer.status, 502);
            assert_eq!(openai_error(&answer.json(), Some(&id)), "upstream_failed");
            assert!(
                !answer.text().contains(&gone.port().to_string()),
                "the address is the operator's: {}",
                answer.text()
            );
            let (_, outcome) = super::call_entries(&desk.database, &tenant, &id).await;
            assert_eq!(outcome.fact("status"), "upstream_error");
            assert_eq!(outcome.fact("upstream_status"), &Value::Null);
        }
    });
}

/// An answer without end is cut off at the limit, told and recorded.
#[test]
fn an_answer_without_end_is_cut_off() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "Floods").await;
        let provider =
            FakeProvider::start(Script::flood(4_000, &"and on ".repeat(50))).await.expect("a provider");
        let mut build = Build::over(&desk.vault).provider(&provider);
        build.limits.answer_bytes_max = 256 * 1024;
        let web = build.serve().await;
        let id = web.request_id();
        let ask = Ask::chat(request(true)).key(&tenant.agent_key).header("x-request-id", &id);
        let answer = web.ask(ask).await;
        assert!(answer.body.len() < 512 * 1024, "{} bytes", answer.body.len());
        let (events, done) = events(&answer);
        assert!(!done);
        assert_eq!(openai_error(events.last().expect("an event"), None), "upstream_failed");
        let (_, outcome) = super::call_entries(&desk.database, &tenant, &id).await;
        assert_eq!(outcome.fact("status"), "upstream_error");
        crate::house::soon("the provider is let go", provider.abandoned(1)).await;
    });
}
