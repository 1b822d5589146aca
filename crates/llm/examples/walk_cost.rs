//! CPU time of reading and walking a request of about one kilobyte, beside serde_json building a tree of it,
//! and of tapping a streamed answer.
//!
//! `cargo run --release -p llm --example walk_cost`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use llm::chat::ChatRequest;
use llm::json::{Limits, Splice};
use llm::loopback;
use llm::sse::{ChatStreamTap, FilterKey, TapOptions, TextFilter};
use llm::walk::{Body, for_each_text};

const ROUNDS: u32 = 20_000;
const REPEATS: u32 = 7;

fn main() -> std::io::Result<()> {
    let plain = r#"{"role":"user","content":"Please read the attached report and tell me in three sentences what it says about the second quarter, without naming anybody."},"#.repeat(5);
    let body = format!(
        r#"{{"model":"gpt-4.1","messages":[{{"role":"system","content":"You are a helpful assistant."}},{plain}{{"role":"assistant","tool_calls":[{{"id":"call_1","type":"function","function":{{"name":"f","arguments":"{{\"a\":\"b\"}}"}}}}]}}],"temperature":0.7,"stream":true,"user":"u-1"}}"#
    );
    let ours = best(|| {
        let Ok(request) = ChatRequest::parse(body.as_bytes(), Limits::default()) else { return };
        let mut splice = Splice::new();
        black_box(for_each_text(request.document(), Body::ChatRequest, &mut splice, &mut |_| None));
        black_box(splice.apply(&body));
    });
    let parse = best(|| {
        black_box(ChatRequest::parse(body.as_bytes(), Limits::default()).is_ok());
    });
    let tree = best(|| {
        black_box(serde_json::from_slice::<serde_json::Value>(body.as_bytes()).is_ok());
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "body: {} bytes", body.len())?;
    writeln!(out, "read: {parse:.3} us; read and walk: {ours:.3} us; serde_json tree: {tree:.3} us")?;
    writeln!(out, "read and walk costs {:.2} of the tree", ours / tree)?;

    let Ok(request) = ChatRequest::parse(body.as_bytes(), Limits::default()) else { return Ok(()) };
    let events: Vec<String> = loopback::answer(&request, "chatcmpl-1", 1_700_000_000).chunks(true).collect();
    let stream = best(|| {
        let mut tap = ChatStreamTap::new(TapOptions::default(), |_: FilterKey| Pass);
        let mut written = Vec::new();
        for event in &events {
            if tap.push(event.as_bytes(), &mut written).is_err() {
                return;
            }
        }
        black_box(tap.finish(&mut written).into_last_bytes());
    });
    let each = stream / f64::from(u32::try_from(events.len()).unwrap_or(1));
    writeln!(
        out,
        "tap: {each:.3} us an event of {} bytes",
        events.iter().map(String::len).sum::<usize>() / events.len()
    )
}

/// A filter that lets everything through.
struct Pass;

impl TextFilter for Pass {
    fn push(&mut self, piece: &str) -> String {
        piece.to_owned()
    }

    fn finish(&mut self) -> String {
        String::new()
    }
}

/// The best of several runs, in microseconds a round: other load only ever adds.
fn best(mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    }
    best
}
