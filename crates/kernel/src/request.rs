use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Serialize, Serializer};

use crate::limits::REQUEST_ID_BYTES_MAX;
use crate::{Clock, Recorder, Rng};

/// The id that follows one request from the edge to the database row.
///
/// Letters, digits, `-`, `_` and `.`, at most [`REQUEST_ID_BYTES_MAX`] bytes, so that it can stand in a header, a
/// log line and a database setting without quoting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// Takes a client's `x-request-id`, or `None` when it is not fit to be carried further.
    pub fn parse(text: &str) -> Option<Self> {
        let fit = !text.is_empty()
            && text.len() <= REQUEST_ID_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        fit.then(|| Self(text.into()))
    }

    /// A fresh id.
    pub fn new(clock: &dyn Clock, rng: &dyn Rng) -> Self {
        let mut random = [0; 10];
        rng.fill(&mut random);
        let id = uuid::Builder::from_unix_timestamp_millis(clock.now().unix_millis(), &random).into_uuid();
        Self(id.to_string().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// W3C Trace Context, level 1: the ids of the trace and of the span that called us, plus the sampling flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceContext {
    /// Reads a `traceparent` header; `None` when it is malformed, which the specification says to ignore.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if !(hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2)) || version == "ff" {
            return None;
        }
        if version == "00" && parts.next().is_some() {
            return None;
        }
        let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (trace != 0 && span != 0).then_some(Self { trace, span, flags })
    }

    /// A new trace, not sampled.
    pub fn new(rng: &dyn Rng) -> Self {
        let mut span = [0; 8];
        rng.fill(&mut span);
        Self { trace: u128::from_be_bytes(rng.bytes16()) | 1, span: u64::from_be_bytes(span) | 1, flags: 0 }
    }

    /// The same trace with a new span id: what we send to the next hop.
    #[must_use]
    pub fn child(self, rng: &dyn Rng) -> Self {
        let mut span = [0; 8];
        rng.fill(&mut span);
        Self { span: u64::from_be_bytes(span) | 1, ..self }
    }

    /// The trace id, 32 hex digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The trace id as bytes.
    pub fn trace_bytes(self) -> [u8; 16] {
        self.trace.to_be_bytes()
    }

    /// The span id as bytes.
    pub fn span_bytes(self) -> [u8; 8] {
        self.span.to_be_bytes()
    }

    /// Whether the caller asked for this trace to be recorded.
    pub fn sampled(self) -> bool {
        self.flags & 1 == 1
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// Which face of the house a request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The control plane, `/api/v1`.
    Api,
    /// The LLM endpoint, `/v1`.
    Gateway,
    /// The web console.
    Console,
    /// The command line on the machine itself.
    Cli,
    /// The server's own background work.
    System,
}

impl Face {
    /// The stable lower-case name used in audit entries.
    pub const fn name(self) -> &'static str {
        match self {
            Face::Api => "api",
            Face::Gateway => "gateway",
            Face::Console => "console",
            Face::Cli => "cli",
            Face::System => "system",
        }
    }
}

/// Whether the log has an entry of it that a request was refused, or failed. All copies of a context share it, so that
/// whoever answers the request in the end can tell whether one must still be written.
#[derive(Debug, Clone, Default)]
pub struct RefusalMark(Arc<AtomicBool>);

impl RefusalMark {
    /// Such an entry was made. When it cannot be committed, the answer is a failure of ours and no refusal.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether one was made.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What is known of a request before anybody has asked who sent it.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The request id, from the client or fresh.
    pub id: RequestId,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// The face it came in by.
    pub face: Face,
    /// The client's address, after the trusted-proxy rule; `None` for work that did not come over the network.
    pub peer: Option<IpAddr>,
    /// Whether its refusal is on record.
    pub refusal: RefusalMark,
    /// Where its entries are noted, when the caller asked for receipts of them.
    pub recorder: Recorder,
}

impl RequestContext {
    /// The context of work the server or its operator starts without a request.
    pub fn internal(face: Face, clock: &dyn Clock, rng: &dyn Rng) -> Self {
        let (id, trace) = (RequestId::new(clock, rng), TraceContext::new(rng));
        Self { id, trace, face, peer: None, refusal: RefusalMark::default(), recorder: Recorder::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_carried_only_when_it_is_harmless() {
        assert!(RequestId::parse("req_1.2-a").is_some());
        for bad in ["", "a b", "a\"b", "a\nb", "é", &"x".repeat(129)] {
            assert!(RequestId::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn traceparent_follows_the_specification() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::parse(good).unwrap();
        assert_eq!(context.to_string(), good);
        assert!(context.sampled());
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert!(TraceContext::parse(bad).is_none(), "{bad:?}");
        }
        assert!(TraceContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x").is_some());
    }
}
