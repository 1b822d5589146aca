//! The built-in provider: it answers valid chat requests and calls no model.
//!
//! It exists so that a new installation can be tried without a key, and so that a person sees what reached the
//! provider after redaction: the answer repeats the last user message as it arrived. The same request, id and
//! time always give the same answer.
//!
//! Tokens are counted as words separated by whitespace. That is no model's tokenizer; it is easy to check.
//!
//! * `loopback` says that no model was called and then repeats the message.
//! * `loopback-echo` repeats the message alone; `system_fingerprint` still says so.
//!
//! Tool calling: when `tool_choice` is `required` or names a function, the answer is a call of it with sample
//! arguments that satisfy the required properties of its schema; after a message with role `tool` the answer
//! is text.

mod answer;
mod sample;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use answer::{Answer, Chunks};

use crate::chat::ChatRequest;
use crate::json::{Kind, Value};
use crate::models::Model;
use crate::usage::Usage;
use answer::Reply;

/// The model that introduces itself.
pub const MODEL: &str = "loopback";
/// The model that only repeats.
pub const MODEL_ECHO: &str = "loopback-echo";
/// What `system_fingerprint` says of every answer.
pub const FINGERPRINT: &str = "loopback-no-model-called";
/// The sentence before the repeated message.
pub const NOTICE: &str = "This is the built-in loopback provider. No model was called. It received:";
/// Most answers to one request.
pub const CHOICES_MAX: u64 = 16;
/// Most stop sequences looked for.
pub const STOPS_MAX: usize = 16;
/// Longest text repeated, in bytes.
pub const ECHO_BYTES_MAX: usize = 64 * 1024;

/// Whether this provider answers to the name.
pub fn serves(model: &str) -> bool {
    model == MODEL || model == MODEL_ECHO
}

/// The entries of `/v1/models`.
pub fn models(created_unix_s: u64) -> [Model<'static>; 2] {
    [MODEL, MODEL_ECHO].map(|id| Model { id, created_unix_s, owned_by: "portcullis" })
}

/// Answers a request. `id` becomes the id of the answer (and, with a suffix, of tool calls);
/// `created_unix_s` is the time in seconds since 1970-01-01 UTC.
pub fn answer(request: &ChatRequest<'_>, id: &str, created_unix_s: u64) -> Answer {
    let last_user = last_user_text(request);
    let model = if serves(&request.model) { request.model.to_string() } else { MODEL.to_owned() };
    let tool = forced_tool(request).filter(|_| !last_message_is_tool_result(request));
    let reply = match tool {
        Some((name, schema)) => {
            let arguments = sample::arguments(schema, &last_user);
            let pieces = answer::words(&arguments).map(str::to_owned).collect();
            Reply::ToolCall { name: name.into_owned(), pieces }
        }
        None => text_reply(request, &model, &last_user),
    };
    let choices = request.choices.min(CHOICES_MAX);
    let usage = Usage {
        input_tokens: input_words(request),
        output_tokens: choices * reply.words(),
        ..Usage::default()
    };
    Answer { id: id.to_owned(), created_unix_s, model, choices, reply, usage }
}

/// The text of the answer after `stop` and the token limit.
fn text_reply(request: &ChatRequest<'_>, model: &str, last_user: &str) -> Reply {
    let cut = last_user.floor_char_boundary(ECHO_BYTES_MAX);
    let echo = last_user.get(..cut).unwrap_or(last_user);
    let mut text = if model == MODEL_ECHO { echo.to_owned() } else { format!("{NOTICE}\n\n{echo}") };
    for stop in stop_sequences(request) {
        if let Some(at) = text.find(stop.as_ref()).filter(|_| !stop.is_empty()) {
            text.truncate(at);
        }
    }
    let words_max = request.output_tokens_max.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
    let mut pieces: Vec<String> = answer::words(&text).map(str::to_owned).collect();
    let cut_short = pieces.len() > words_max;
    pieces.truncate(words_max);
    Reply::Text { pieces, cut_short }
}

fn stop_sequences<'a>(request: &'a ChatRequest<'_>) -> Vec<Cow<'a, str>> {
    let Some(stop) = request.document().root().get("stop") else { return Vec::new() };
    stop.as_str().into_iter().chain(stop.items().filter_map(Value::as_str)).take(STOPS_MAX).collect()
}

/// The text of a message: a string, or the text parts joined by line feeds.
fn content_text(message: Value<'_, '_>) -> String {
    let Some(content) = message.get("content") else { return String::new() };
    if let Some(text) = content.as_str() {
        return text.into_owned();
    }
    let parts: Vec<_> = content.items().filter_map(|part| part.get("text")?.as_str()).collect();
    parts.join("\n")
}

fn last_user_text(request: &ChatRequest<'_>) -> String {
    let from_user = |message: &Value<'_, '_>| message.get("role").is_some_and(|role| role.is_text("user"));
    request.messages().filter(from_user).last().map(content_text).unwrap_or_default()
}

fn last_message_is_tool_result(request: &ChatRequest<'_>) -> bool {
    let role = request.messages().last().and_then(|message| message.get("role"));
    role.is_some_and(|role| role.is_text("tool") || role.is_text("function"))
}

fn input_words(request: &ChatRequest<'_>) -> u64 {
    let count = |message| answer::word_count(&content_text(message));
    request.messages().map(count).sum()
}

/// The function the request insists on, with its parameter schema.
fn forced_tool<'d, 'a>(request: &'d ChatRequest<'a>) -> Option<(Cow<'a, str>, Option<Value<'d, 'a>>)> {
    let root = request.document().root();
    let choice = root.get("tool_choice")?;
    let functions =
        || root.get("tools").into_iter().flat_map(Value::items).filter_map(|tool| tool.get("function"));
    let function = match choice.kind() {
        Kind::String if choice.is_text("required") => functions().next(),
        Kind::Object => {
            let name = choice.get("function")?.get("name")?.as_str()?;
            functions().find(|function| function.get("name").is_some_and(|given| given.is_text(&name)))
        }
        _ => None,
    }?;
    Some((function.get("name")?.as_str()?, function.get("parameters")))
}
