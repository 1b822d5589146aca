//! The table of structural positions: the only places whose text is not shown.
//!
//! Each row says: inside this kind of object, this key leads to that kind of value, and a string or number
//! found there is treated by this rule. A key that is in the table is protocol and is not shown; a key that is
//! not in the table is shown, and so is everything below it.

use super::{Body, Channel};
use crate::json::Value;

/// Longest value that still counts as a protocol word or an identifier.
const WORD_BYTES_MAX: usize = 128;
/// A protocol word holds fewer digits than this; with more it could be somebody's number.
const WORD_DIGITS_MAX: usize = 8;

/// What kind of object (or array of them) a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Request,
    Response,
    Message,
    /// An element of a message's `content`.
    Part,
    /// A small object whose members are all listed under [`Context::step_media`].
    Media,
    ToolCall,
    CallFunction,
    Tool,
    ToolFunction,
    ToolChoice,
    ResponseFormat,
    Schema,
    /// Free names that lead to schemas: `properties`, `$defs`.
    SchemaMap,
    StreamOptions,
    Choice,
    Delta,
    DeltaToolCall,
    DeltaFunction,
    /// Counts only.
    Usage,
    /// No exceptions.
    Free,
}

/// What happens to a string or number in a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Shown.
    Text,
    /// A word of the protocol (`role`, `type`, a function's name): not shown while [`is_word`], because a
    /// replacement would break the call. No address, number or sentence has that shape; a single name could,
    /// and would be refused by the provider as a role or be part of a function's name.
    Word,
    /// An identifier made by a provider (`tool_call_id`): not shown while [`is_id`]. Random digits in it would
    /// look like telephone numbers, and the two ends must keep matching.
    Id,
    /// A number that steers the call (`seed`, `created`, `minimum`): never shown; a string here is.
    Number,
    /// An address that may be a `data:` URL; base64 ones are counted as opaque, all others shown.
    Url,
    /// Base64 of audio or a file: counted as opaque while it is base64.
    Base64,
    /// Replaced by the gateway itself (`model`): never shown.
    Skip,
}

/// What becomes of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// It is a text.
    Text,
    /// It is structure, and looks it.
    Structure,
    /// It is an attachment that cannot be searched.
    Opaque,
}

/// Where the walk stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    context: Context,
    pub(super) rule: Rule,
    pub(super) channel: Channel,
    response: bool,
}

impl State {
    pub(super) const fn root(body: Body) -> Self {
        let (context, response) = match body {
            Body::ChatRequest => (Context::Request, false),
            Body::ChatResponse => (Context::Response, true),
            Body::Unknown => (Context::Free, false),
        };
        Self { context, rule: Rule::Text, channel: Channel::Other, response }
    }

    pub(super) const fn free(channel: Channel) -> Self {
        Self { context: Context::Free, rule: Rule::Text, channel, response: false }
    }

    /// The state for the members of a choice of a streamed response.
    pub(super) const fn choice() -> Self {
        Self { context: Context::Choice, rule: Rule::Text, channel: Channel::Completion, response: true }
    }

    /// Whether this is the state for the members of a delta.
    pub(super) fn is_delta(self) -> bool {
        self.context == Context::Delta
    }

    /// What becomes of a string here.
    pub(super) fn shown(self, text: &str) -> Shown {
        match self.rule {
            Rule::Skip => Shown::Structure,
            Rule::Word if is_word(text) => Shown::Structure,
            Rule::Id if is_id(text) => Shown::Structure,
            Rule::Url if is_base64_data_url(text) => Shown::Opaque,
            Rule::Base64 if is_base64(text) => Shown::Opaque,
            _ => Shown::Text,
        }
    }

    /// The state for the members of `object`: a message's role decides what its content is.
    pub(super) fn inside(mut self, object: Value<'_, '_>) -> Self {
        if self.context == Context::Message && !self.response {
            let role = object.get("role");
            let from_tool = role.is_some_and(|role| role.is_text("tool") || role.is_text("function"));
            self.channel = if from_tool { Channel::ToolResult } else { Channel::Prompt };
        }
        self
    }

    /// The state for the value of member `key`, and whether the key itself is protocol.
    pub(super) fn step(self, key: &str) -> (Self, bool) {
        if self.context == Context::SchemaMap {
            // The name of a property is the client's own word; below it lies a schema again.
            return (Self { context: Context::Schema, rule: Rule::Text, ..self }, false);
        }
        let Some((context, rule)) = self.context.step(key) else {
            return (Self::free(self.channel), false);
        };
        let channel = match (self.context, key) {
            (Context::Request, "messages" | "prediction" | "stop" | "suffix" | "prompt") => Channel::Prompt,
            (Context::Request, "tools" | "functions" | "response_format") => Channel::ToolDefinition,
            (Context::Response, "choices") => Channel::Completion,
            (Context::CallFunction | Context::DeltaFunction, _) => Channel::ToolArguments,
            _ => self.channel,
        };
        (Self { context, rule, channel, response: self.response }, true)
    }
}

impl Context {
    fn step(self, key: &str) -> Option<(Self, Rule)> {
        match self {
            Self::Request => step_request(key),
            Self::Response | Self::Choice | Self::Usage => self.step_response(key),
            Self::Message => step_message(key),
            Self::Delta | Self::DeltaToolCall | Self::DeltaFunction => self.step_delta(key),
            Self::Part | Self::Media => step_media(key),
            Self::ToolCall | Self::CallFunction | Self::Tool | Self::ToolFunction | Self::ToolChoice => {
                self.step_tool(key)
            }
            Self::ResponseFormat => match key {
                "type" | "name" => Some((Self::Free, Rule::Word)),
                "json_schema" => Some((Self::ResponseFormat, Rule::Text)),
                "schema" => Some((Self::Schema, Rule::Text)),
                "description" => Some((Self::Free, Rule::Text)),
                "strict" => Some((Self::Free, Rule::Number)),
                _ => None,
            },
            Self::Schema => step_schema(key),
            Self::StreamOptions => match key {
                "include_usage" | "include_obfuscation" => Some((Self::Free, Rule::Text)),
                _ => None,
            },
            Self::SchemaMap | Self::Free => None,
        }
    }

    #[expect(clippy::match_same_arms, reason = "a table is read row by row")]
    fn step_response(self, key: &str) -> Option<(Self, Rule)> {
        Some(match (self, key) {
            (Self::Response, "id" | "system_fingerprint") => (Self::Free, Rule::Id),
            (Self::Response, "object" | "service_tier") => (Self::Free, Rule::Word),
            (Self::Response, "created") => (Self::Free, Rule::Number),
            (Self::Response, "model") => (Self::Free, Rule::Skip),
            (Self::Response, "choices") => (Self::Choice, Rule::Text),
            (Self::Response, "usage") => (Self::Usage, Rule::Number),
            (Self::Choice, "index") => (Self::Free, Rule::Number),
            (Self::Choice, "finish_reason" | "native_finish_reason") => (Self::Free, Rule::Word),
            (Self::Choice, "message") => (Self::Message, Rule::Text),
            (Self::Choice, "delta") => (Self::Delta, Rule::Text),
            (Self::Choice, "logprobs" | "text") => (Self::Free, Rule::Text),
            (
                Self::Usage,
                "prompt_tokens"
                | "completion_tokens"
                | "total_tokens"
                | "prompt_tokens_details"
                | "completion_tokens_details"
                | "cached_tokens"
                | "audio_tokens"
                | "reasoning_tokens"
                | "accepted_prediction_tokens"
                | "rejected_prediction_tokens",
            ) => (Self::Usage, Rule::Number),
            _ => return None,
        })
    }

    /// The parts of a streamed delta. The pieces themselves are text like any other here; the stream tap names those it
    /// filters itself, see `for_each_streamed` and `for_each_text_except`.
    #[expect(clippy::match_same_arms, reason = "a table is read row by row")]
    fn step_delta(self, key: &str) -> Option<(Self, Rule)> {
        Some(match (self, key) {
            (Self::Delta, "content" | "refusal" | "reasoning_content" | "reasoning") => {
                (Self::Part, Rule::Text)
            }
            (Self::Delta, "reasoning_details" | "thinking_blocks" | "images") => (Self::Part, Rule::Text),
            (Self::Delta, "audio") => (Self::Media, Rule::Text),
            (Self::Delta, "role") => (Self::Free, Rule::Word),
            (Self::Delta, "tool_calls") => (Self::DeltaToolCall, Rule::Text),
            (Self::Delta, "function_call") | (Self::DeltaToolCall, "function" | "custom") => {
                (Self::DeltaFunction, Rule::Text)
            }
            (Self::DeltaToolCall, "id") => (Self::Free, Rule::Id),
            (Self::DeltaToolCall, "type") | (Self::DeltaFunction, "name") => (Self::Free, Rule::Word),
            (Self::DeltaToolCall, "index") => (Self::Free, Rule::Number),
            (Self::DeltaFunction, "arguments" | "input") => (Self::Free, Rule::Text),
            _ => return None,
        })
    }

    #[expect(clippy::match_same_arms, reason = "a table is read row by row")]
    fn step_tool(self, key: &str) -> Option<(Self, Rule)> {
        Some(match (self, key) {
            (Self::ToolCall, "id") => (Self::Free, Rule::Id),
            (Self::ToolCall, "index") => (Self::Free, Rule::Number),
            (Self::ToolCall, "function" | "custom") => (Self::CallFunction, Rule::Text),
            (Self::CallFunction, "arguments" | "input") => (Self::Free, Rule::Text),
            (Self::Tool, "function" | "custom") => (Self::ToolFunction, Rule::Text),
            (Self::ToolFunction, "description") => (Self::Free, Rule::Text),
            (Self::ToolFunction, "parameters") => (Self::Schema, Rule::Text),
            (Self::ToolFunction, "strict") => (Self::Free, Rule::Number),
            (Self::ToolChoice, "function" | "custom" | "allowed_tools") => (Self::ToolChoice, Rule::Text),
            (Self::ToolChoice, "tools") => (Self::ToolChoice, Rule::Word),
            (Self::ToolChoice, "mode") | (Self::ToolCall | Self::Tool | Self::ToolChoice, "type") => {
                (Self::Free, Rule::Word)
            }
            (Self::CallFunction | Self::ToolFunction | Self::ToolChoice, "name") => (Self::Free, Rule::Word),
            _ => return None,
        })
    }
}

fn step_request(key: &str) -> Option<(Context, Rule)> {
    use Context as C;
    Some(match key {
        // The gateway resolves and sets the model itself.
        "model" => (C::Free, Rule::Skip),
        "messages" | "prediction" => (C::Message, Rule::Text),
        "tools" => (C::Tool, Rule::Text),
        "functions" => (C::ToolFunction, Rule::Text),
        "tool_choice" | "function_call" => (C::ToolChoice, Rule::Word),
        "response_format" => (C::ResponseFormat, Rule::Text),
        "stream_options" => (C::StreamOptions, Rule::Text),
        "audio" => (C::Media, Rule::Text),
        "reasoning_effort" | "service_tier" | "verbosity" | "modalities" | "prompt_cache_retention" => {
            (C::Free, Rule::Word)
        }
        // Knobs: a seed of sixteen digits is not somebody's card, and a string in its place would be refused.
        "max_tokens"
        | "max_completion_tokens"
        | "n"
        | "seed"
        | "temperature"
        | "top_p"
        | "top_k"
        | "min_p"
        | "top_logprobs"
        | "logprobs"
        | "stream"
        | "store"
        | "presence_penalty"
        | "frequency_penalty"
        | "repetition_penalty"
        | "parallel_tool_calls" => (C::Free, Rule::Number),
        "stop" | "user" | "metadata" | "safety_identifier" | "prompt_cache_key" | "logit_bias"
        | "web_search_options" => (C::Free, Rule::Text),
        _ => return None,
    })
}

fn step_message(key: &str) -> Option<(Context, Rule)> {
    use Context as C;
    Some(match key {
        "role" | "type" => (C::Free, Rule::Word),
        "content" => (C::Part, Rule::Text),
        "tool_call_id" => (C::Free, Rule::Id),
        "tool_calls" => (C::ToolCall, Rule::Text),
        "function_call" => (C::CallFunction, Rule::Text),
        "audio" => (C::Media, Rule::Text),
        "name" | "refusal" | "reasoning_content" | "reasoning" | "annotations" => (C::Free, Rule::Text),
        _ => return None,
    })
}

fn step_media(key: &str) -> Option<(Context, Rule)> {
    use Context as C;
    Some(match key {
        "type" | "detail" | "format" | "voice" => (C::Free, Rule::Word),
        "text" | "refusal" | "transcript" | "filename" => (C::Free, Rule::Text),
        "thinking" => (C::Part, Rule::Text),
        "image_url" => (C::Media, Rule::Url),
        "url" | "file_data" => (C::Free, Rule::Url),
        "input_audio" | "file" => (C::Media, Rule::Text),
        "data" => (C::Free, Rule::Base64),
        "file_id" | "id" => (C::Free, Rule::Id),
        "expires_at" => (C::Free, Rule::Number),
        _ => return None,
    })
}

fn step_schema(key: &str) -> Option<(Context, Rule)> {
    use Context as C;
    Some(match key {
        "type" | "format" | "$schema" | "$ref" | "$id" | "$anchor" => (C::Free, Rule::Word),
        "properties" | "$defs" | "definitions" | "patternProperties" | "dependentSchemas" => {
            (C::SchemaMap, Rule::Text)
        }
        "items"
        | "additionalProperties"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "anyOf"
        | "oneOf"
        | "allOf"
        | "prefixItems" => (C::Schema, Rule::Text),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "minLength"
        | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "uniqueItems" => {
            (C::Free, Rule::Number)
        }
        "description" | "title" | "default" | "enum" | "const" | "examples" | "required" | "pattern" => {
            (C::Free, Rule::Text)
        }
        _ => return None,
    })
}

/// Whether `text` can only be a word of the protocol: short, without spaces or `@`, hardly any digits.
pub(super) fn is_word(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() <= WORD_BYTES_MAX && digits <= WORD_DIGITS_MAX && text.bytes().all(is_word_byte)
}

/// Whether `text` can only be an identifier made by a machine: as [`is_word`], any number of digits, but not
/// digits and punctuation alone.
pub(super) fn is_id(text: &str) -> bool {
    text.len() <= WORD_BYTES_MAX
        && text.bytes().all(is_word_byte)
        && (text.is_empty() || text.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/' | b'#' | b'$')
}

/// `data:image/png;base64,…` with nothing but base64 after the comma.
pub(super) fn is_base64_data_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("data:") else { return false };
    let Some((head, data)) = rest.split_once(',') else { return false };
    let Some(media_type) = head.strip_suffix(";base64") else { return false };
    media_type.len() <= WORD_BYTES_MAX
        && media_type.bytes().all(|byte| is_word_byte(byte) || matches!(byte, b';' | b'=' | b'+'))
        && is_base64(data)
}

/// Whether `text` is base64 (either alphabet), and long enough that it is not just a word or a number.
pub(super) fn is_base64(text: &str) -> bool {
    const BASE64_BYTES_MIN: usize = 20;
    text.len() >= BASE64_BYTES_MIN
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text
            .trim_end_matches('=')
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
}
