//! The answer as one JSON body or as a stream.

use super::FINGERPRINT;
use crate::json::{push_string, string};
use crate::usage::Usage;

/// What is said in every choice.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Text in words, each with the whitespace before it.
    Text { pieces: Vec<String>, cut_short: bool },
    /// A call of one function.
    ToolCall { name: String, pieces: Vec<String> },
}

impl Reply {
    pub(super) fn words(&self) -> u64 {
        match self {
            Self::Text { pieces, .. } | Self::ToolCall { pieces, .. } => {
                pieces.iter().map(|piece| word_count(piece)).sum()
            }
        }
    }

    const fn finish_reason(&self) -> &'static str {
        match self {
            Self::Text { cut_short: true, .. } => "length",
            Self::Text { .. } => "stop",
            Self::ToolCall { .. } => "tool_calls",
        }
    }
}

/// Words separated by whitespace.
pub(super) fn word_count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// Cuts text into words, each with the whitespace before it; trailing whitespace stays with the last one.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(|char: char| !char.is_whitespace()).unwrap_or(rest.len());
        let end = rest.get(word..)?.find(char::is_whitespace).map_or(rest.len(), |length| word + length);
        let end = if rest.get(end..)?.trim_start().is_empty() { rest.len() } else { end };
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(piece)
    })
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) id: String,
    pub(super) created_unix_s: u64,
    pub(super) model: String,
    pub(super) choices: u64,
    pub(super) reply: Reply,
    pub(super) usage: Usage,
}

impl Answer {
    /// The tokens used, in words.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// The body of a response that is not streamed.
    pub fn to_json(&self) -> String {
        let mut out = self.head("chat.completion");
        out.push_str("\"choices\":[");
        for index in 0..self.choices {
            if index > 0 {
                out.push(',');
            }
            let message = match &self.reply {
                Reply::Text { pieces, .. } => {
                    format!(r#"{{"role":"assistant","content":{},"refusal":null}}"#, string(&pieces.concat()))
                }
                Reply::ToolCall { name, pieces } => format!(
                    r#"{{"role":"assistant","content":null,"refusal":null,"tool_calls":[{}]}}"#,
                    self.call(index, name, &pieces.concat(), "")
                ),
            };
            let reason = self.reply.finish_reason();
            let choice = format!(
                r#"{{"index":{index},"message":{message},"logprobs":null,"finish_reason":"{reason}"}}"#
            );
            out.push_str(&choice);
        }
        out.push_str("],\"usage\":");
        out.push_str(&self.usage.to_openai_json());
        out.push('}');
        out
    }

    /// The events of a streamed response, `[DONE]` included: this is the provider's side of the stream.
    pub const fn chunks(&self, include_usage: bool) -> Chunks<'_> {
        Chunks { answer: self, include_usage, choice: 0, step: 0, ended: 0 }
    }

    /// The opening brace and the members before `choices`.
    fn head(&self, object: &str) -> String {
        let mut out = String::from("{\"id\":");
        push_string(&mut out, &self.id);
        out.push_str(",\"object\":");
        push_string(&mut out, object);
        out.push_str(",\"created\":");
        out.push_str(&self.created_unix_s.to_string());
        out.push_str(",\"model\":");
        push_string(&mut out, &self.model);
        out.push_str(",\"system_fingerprint\":");
        push_string(&mut out, FINGERPRINT);
        out.push(',');
        out
    }

    /// A tool call; `index` is the member that streams need in front.
    fn call(&self, choice: u64, name: &str, arguments: &str, index: &str) -> String {
        let id = string(&format!("call_{}_{choice}", self.id));
        let (name, arguments) = (string(name), string(arguments));
        format!(
            r#"{{{index}"id":{id},"type":"function","function":{{"name":{name},"arguments":{arguments}}}}}"#
        )
    }

    fn chunk(&self, choice: u64, delta: &str, reason: Option<&str>) -> String {
        let head = self.head("chat.completion.chunk");
        let reason = reason.map_or_else(|| "null".to_owned(), string);
        format!(
            "data: {head}\"choices\":[{{\"index\":{choice},\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{reason}}}]}}\n\n"
        )
    }

    /// The delta of one step of a choice: the role, then the pieces; `None` when they are exhausted.
    fn delta(&self, choice: u64, step: usize) -> Option<String> {
        match (&self.reply, step) {
            (Reply::Text { .. }, 0) => Some(r#"{"role":"assistant","content":"","refusal":null}"#.to_owned()),
            (Reply::Text { pieces, .. }, _) => {
                pieces.get(step - 1).map(|piece| format!(r#"{{"content":{}}}"#, string(piece)))
            }
            (Reply::ToolCall { name, .. }, 0) => {
                let call = self.call(choice, name, "", "\"index\":0,");
                Some(format!(r#"{{"role":"assistant","content":null,"tool_calls":[{call}]}}"#))
            }
            (Reply::ToolCall { pieces, .. }, _) => pieces.get(step - 1).map(|piece| {
                let piece = string(piece);
                format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{piece}}}}}]}}"#)
            }),
        }
    }
}

/// Iterator over the events of a streamed answer.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    answer: &'a Answer,
    include_usage: bool,
    choice: u64,
    step: usize,
    ended: u8,
}

impl Iterator for Chunks<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let answer = self.answer;
        if self.choice < answer.choices {
            let choice = self.choice;
            if let Some(delta) = answer.delta(choice, self.step) {
                self.step += 1;
                return Some(answer.chunk(choice, &delta, None));
            }
            self.choice += 1;
            self.step = 0;
            return Some(answer.chunk(choice, "{}", Some(answer.reply.finish_reason())));
        }
        self.ended += 1;
        if self.ended == 1 && self.include_usage {
            let (head, usage) = (answer.head("chat.completion.chunk"), answer.usage.to_openai_json());
            return Some(format!("data: {head}\"choices\":[],\"usage\":{usage}}}\n\n"));
        }
        if self.ended <= 1 + u8::from(self.include_usage) {
            return Some("data: [DONE]\n\n".to_owned());
        }
        self.ended = u8::MAX - 1;
        None
    }
}
