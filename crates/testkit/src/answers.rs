use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;

/// An address that stands in answers with personal data.
pub const PII_EMAIL: &str = "jane.roe@example.com";
/// A card number from the payment networks' public test numbers.
pub const PII_CARD: &str = "4111 1111 1111 1111";
/// Usage as every good answer reports it: 12 tokens in, of them 4 cached, and 7 out, of them 2 reasoning.
pub const USAGE: &str = concat!(
    r#"{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19,"#,
    r#""prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}"#
);

/// One thing the provider does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes in one write.
    Send(Bytes),
    /// Does nothing more and keeps the connection open until the other side closes it.
    Hang,
    /// Waits until told to go on, with the connection open.
    Wait(Arc<Notify>),
    /// Closes the connection.
    Close,
}

/// What the provider does with a request: its steps, in order. When they are done the connection is kept for the next
/// request unless the last step says otherwise.
#[derive(Debug, Clone)]
pub struct Script(pub(crate) Vec<Step>);

impl Script {
    /// These steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }

    /// A complete response with a length.
    pub fn response(status: u16, content_type: &str, extra: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let mut bytes = format!(
            "HTTP/1.1 {status} Any\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{extra}\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        Self::new([Step::Send(bytes.into())])
    }

    /// A complete answer that says `text`, with [`USAGE`].
    pub fn json(text: &str) -> Self {
        Self::response(200, "application/json", "", completion(text))
    }

    /// A complete answer that says `text`, with log probabilities that spell it out.
    pub fn json_with_logprobs(text: &str) -> Self {
        let logprobs = format!(
            r#"{{"content":[{{"token":{},"logprob":-0.1,"bytes":null,"top_logprobs":[]}}]}}"#,
            quoted(text)
        );
        let body = completion(text).replace(r#""logprobs":null"#, &format!(r#""logprobs":{logprobs}"#));
        Self::response(200, "application/json", "", body)
    }

    /// A streamed answer of these pieces, each in a chunk and a write of its own, then usage, then `[DONE]`.
    pub fn stream<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        let mut steps = vec![stream_head()];
        steps.extend(pieces.into_iter().map(|piece| chunk(&delta(piece))));
        steps.push(chunk(&finish()));
        steps.push(chunk(&usage()));
        steps.push(chunk("data: [DONE]\n\n"));
        steps.push(end_of_chunks());
        Self(steps)
    }

    /// A streamed answer of two parts, the second of which waits for `gate`.
    pub fn stream_held<'a>(
        first: impl IntoIterator<Item = &'a str>,
        gate: Arc<Notify>,
        second: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let first: Vec<_> = first.into_iter().collect();
        let mut script = Self::stream(first.iter().copied().chain(second));
        // Past the head and the first pieces.
        script.0.insert(1 + first.len(), Step::Wait(gate));
        script
    }

    /// A streamed answer with an address and a card number cut across its chunks.
    pub fn stream_with_pii() -> Self {
        let text = format!("Write to {PII_EMAIL} or charge {PII_CARD} today.");
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(3));
            pieces.push(piece);
            rest = after;
        }
        Self::stream(pieces)
    }

    /// A complete answer with an address and a card number in it.
    pub fn json_with_pii() -> Self {
        Self::json(&format!("Write to {PII_EMAIL} or charge {PII_CARD} today."))
    }

    /// Takes the request and never answers.
    pub fn hang() -> Self {
        Self::new([Step::Hang])
    }

    /// Begins a stream and falls silent in the middle of it.
    pub fn hang_mid_stream() -> Self {
        Self::new([stream_head(), chunk(&delta("Hello ")), Step::Hang])
    }

    /// Promises a length, sends a part and falls silent.
    pub fn hang_mid_body() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\":";
        Self::new([Step::Send(head.into()), Step::Hang])
    }

    /// Promises a length, sends a part and closes.
    pub fn half_a_body() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\":";
        Self::new([Step::Send(head.into()), Step::Close])
    }

    /// Closes in the middle of a stream, without its end.
    pub fn half_a_stream() -> Self {
        Self::new([stream_head(), chunk(&delta("Hello ")), Step::Close])
    }

    /// Ends a stream properly, as HTTP, but without `[DONE]`.
    pub fn stream_without_done() -> Self {
        Self::new([stream_head(), chunk(&delta("Hello ")), end_of_chunks()])
    }

    /// Closes without a word.
    pub fn slam() -> Self {
        Self::new([Step::Close])
    }

    /// A 200 whose body is no JSON.
    pub fn garbage() -> Self {
        Self::response(200, "application/json", "", "<html>it works</html>")
    }

    /// A 200 whose body is not even text.
    pub fn invalid_utf8() -> Self {
        Self::response(
            200,
            "application/json",
            "",
            b"{\"choices\":[{\"message\":{\"content\":\"\xff\xfe\"}}]}",
        )
    }

    /// A stream whose events are no JSON.
    pub fn garbage_stream() -> Self {
        Self::new([stream_head(), chunk(&delta("Hello ")), chunk("data: {oops\n\n"), end_of_chunks()])
    }

    /// A 500 with an error body that names things of the provider's own.
    pub fn server_error() -> Self {
        let body = r#"{"error":{"message":"shard db-7.internal.example.com failed for key sk-live-0123456789abcdefghij","type":"server_error","code":null}}"#;
        Self::response(500, "application/json", "", body)
    }

    /// A 429 that asks to wait 7 seconds.
    pub fn rate_limited() -> Self {
        let body =
            r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
        Self::response(429, "application/json", "retry-after: 7\r\n", body)
    }

    /// A 400 in the provider's words, which quote an address.
    pub fn refusal() -> Self {
        let body = format!(
            r#"{{"error":{{"message":"max_tokens is too large for {PII_EMAIL}","type":"invalid_request_error","param":"max_tokens","code":null}}}}"#
        );
        Self::response(400, "application/json", "", body)
    }

    /// A 401: the provider does not know the gateway's key.
    pub fn bad_key() -> Self {
        let body = r#"{"error":{"message":"Incorrect API key provided: sk-live-0123456789abcdefghij","type":"invalid_request_error","code":"invalid_api_key"}}"#;
        Self::response(401, "application/json", "", body)
    }

    /// A redirect, which must not be followed.
    pub fn redirect() -> Self {
        Self::response(307, "text/plain", "location: http://169.254.169.254/latest/meta-data/\r\n", "")
    }

    /// A stream that turns into an error event.
    pub fn error_mid_stream() -> Self {
        let event = r#"{"error":{"message":"The server had an error","type":"server_error","code":500}}"#;
        let event = format!("data: {event}\n\n");
        Self::new([stream_head(), chunk(&delta("Hello ")), chunk(&event), end_of_chunks()])
    }

    /// A whole JSON answer to a request for a stream.
    pub fn json_for_a_stream() -> Self {
        Self::json("Hello")
    }

    /// A stream that never ends: the same chunk again and again, `times` times, without an end.
    pub fn flood(times: usize, piece: &str) -> Self {
        let mut steps = vec![stream_head()];
        steps.extend(std::iter::repeat_n(chunk(&delta(piece)), times));
        steps.push(Step::Hang);
        Self(steps)
    }
}

/// The body of a complete answer.
fn completion(text: &str) -> String {
    format!(
        concat!(
            r#"{{"id":"chatcmpl-fake","object":"chat.completion","created":1700000000,"model":"fake-1-2025-01-01","#,
            r#""choices":[{{"index":0,"message":{{"role":"assistant","content":{},"refusal":null}},"#,
            r#""logprobs":null,"finish_reason":"stop"}}],"usage":{},"x_unknown":{{"kept":[1.50,1e3]}}}}"#
        ),
        quoted(text),
        USAGE
    )
}

fn delta(piece: &str) -> String {
    event(&format!(r#"[{{"index":0,"delta":{{"content":{}}},"finish_reason":null}}]"#, quoted(piece)), "null")
}

fn finish() -> String {
    event(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#, "null")
}

fn usage() -> String {
    event("[]", USAGE)
}

fn event(choices: &str, usage: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-fake\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"fake-1\",\"choices\":{choices},\"usage\":{usage}}}\n\n"
    )
}

fn stream_head() -> Step {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    Step::Send(head.into())
}

fn chunk(text: &str) -> Step {
    Step::Send(format!("{:x}\r\n{text}\r\n", text.len()).into())
}

fn end_of_chunks() -> Step {
    Step::Send("0\r\n\r\n".into())
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|char| match char {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            char if char.is_control() => format!("\\u{:04x}", u32::from(char)),
            char => char.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}
