use llm::json::Limits;
use llm::sse::{ChatStreamTap, FilterKey, TapOptions, TextFilter};

use super::*;

struct Through;

impl TextFilter for Through {
    fn push(&mut self, piece: &str) -> String {
        piece.to_owned()
    }

    fn finish(&mut self) -> String {
        String::new()
    }
}

fn finished(stream: &str) -> Finished {
    let mut tap = ChatStreamTap::new(TapOptions::default(), |_: FilterKey| Through);
    let mut out = Vec::new();
    let _ = tap.push(stream.as_bytes(), &mut out);
    tap.finish(&mut out)
}

const HELLO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";

#[test]
fn the_outcome_says_how_the_stream_ended_and_so_does_its_last_event() {
    let error = "data: {\"error\":{\"message\":\"x\",\"code\":500}}\n\n";
    let (done, garbage) = ("data: [DONE]\n\n", "data: {oops\n\n");
    let table = [
        (done, None, Status::Ok, None, "data: [DONE]\n\n"),
        ("", None, Status::Cut, Some("upstream_stream_cut"), "upstream_stream_cut"),
        (garbage, None, Status::UpstreamError, Some("upstream_failed"), "upstream_failed"),
        // The client has seen the provider's error already.
        (error, None, Status::UpstreamError, Some("upstream_failed"), ""),
        (
            "",
            Some(UpstreamError::Timeout),
            Status::UpstreamError,
            Some("upstream_timeout"),
            "upstream_timeout",
        ),
        ("", Some(UpstreamError::Broken), Status::Cut, Some("upstream_stream_cut"), "upstream_stream_cut"),
        ("", Some(UpstreamError::TooLong), Status::UpstreamError, Some("upstream_failed"), "longer than"),
    ];
    for (rest, fault, status, code, last) in table {
        let finished = finished(&format!("{HELLO}{rest}"));
        let ended = ended(finished.summary(), fault, Some(200));
        assert_eq!((ended.status, ended.error, ended.upstream_status), (status, code, Some(200)), "{rest:?}");
        let bytes = last_bytes(finished, fault);
        assert!(bytes.contains(last) && bytes.is_empty() == last.is_empty(), "{rest:?}: {bytes:?}");
        assert_eq!(bytes.contains("[DONE]"), status == Status::Ok, "{bytes:?}");
    }
}

#[test]
fn an_answer_without_a_record_is_an_error_event() {
    let event = unrecorded().to_sse_event();
    let data = event.strip_prefix("data: ").unwrap().trim_end();
    let document = llm::json::Document::parse(data.as_bytes(), Limits::default()).unwrap();
    assert!(document.root().get("error").is_some());
}
