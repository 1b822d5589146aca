use std::borrow::Cow;

use crate::json::{Document, JsonError, Kind, Limits, Splice, Value, string};

/// Most answers one request may ask for.
pub const CHOICES_MAX: u64 = 128;
/// Longest model name, in bytes.
pub const MODEL_BYTES_MAX: usize = 256;

/// The members this reader gives a meaning to. Some servers match member names without regard to case, so a
/// `Model` beside `model` would be read differently there: such a name is refused.
const INTERPRETED: [&str; 9] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "user",
];

/// Why a request cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member that must be there is not, or is empty. Names no member when the body is not an object.
    #[error("Missing required parameter: '{param}'.")]
    Missing {
        /// The member.
        param: &'static str,
    },
    /// A member of the wrong type.
    #[error("Invalid type for '{param}': expected {expected}.")]
    WrongType {
        /// The member; empty for the body itself.
        param: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A member whose value is out of bounds.
    #[error("Invalid value for '{param}': {expected}.")]
    WrongValue {
        /// The member.
        param: &'static str,
        /// What is allowed.
        expected: &'static str,
    },
    /// A member whose name differs from a known one only in case.
    #[error("Unknown parameter: did you mean '{param}' in lower case?")]
    Miscased {
        /// The name as it should be written.
        param: &'static str,
    },
}

impl RequestError {
    /// The member at fault; empty for the body as a whole.
    pub const fn param(&self) -> &'static str {
        match self {
            Self::Json(_) => "",
            Self::Missing { param }
            | Self::WrongType { param, .. }
            | Self::WrongValue { param, .. }
            | Self::Miscased { param } => param,
        }
    }
}

/// A `chat.completions` request, borrowed from its body.
#[derive(Debug)]
pub struct ChatRequest<'a> {
    document: Document<'a>,
    /// The model asked for, as written by the client.
    pub model: Cow<'a, str>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the client asked for a usage chunk (`stream_options.include_usage`).
    pub include_usage: bool,
    /// How many answers (`n`), 1 if absent.
    pub choices: u64,
    /// The most tokens the model may write: `max_completion_tokens`, else the older `max_tokens`.
    pub output_tokens_max: Option<u64>,
    /// How many messages.
    pub message_count: usize,
    /// How many tools are offered (`tools`, or the older `functions`).
    pub tool_count: usize,
    /// The end user named by the client.
    pub user: Option<Cow<'a, str>>,
}

impl<'a> ChatRequest<'a> {
    /// Reads a request. Only the members named in this type are checked; all others pass untouched.
    ///
    /// # Errors
    /// [`RequestError`] in the words of OpenAI's API; convert it to [`crate::error::ApiError`] to answer.
    pub fn parse(body: &'a [u8], limits: Limits) -> Result<Self, RequestError> {
        let document = Document::parse(body, limits)?;
        let root = document.root();
        if root.kind() != Kind::Object {
            return Err(RequestError::WrongType { param: "", expected: "an object" });
        }
        let mut found: [Option<Value<'_, 'a>>; INTERPRETED.len()] = [None; INTERPRETED.len()];
        let mut functions = None;
        for (key, value) in root.entries() {
            let name = key.as_str().unwrap_or_default();
            if name == "functions" {
                functions = Some(value);
            }
            for (known, slot) in INTERPRETED.iter().zip(&mut found) {
                if name == *known {
                    *slot = Some(value);
                } else if name.eq_ignore_ascii_case(known) {
                    return Err(RequestError::Miscased { param: known });
                }
            }
        }
        // `null` is the SDKs' way of leaving a member out.
        let [model, messages, stream, options, n, max_old, max_new, tools, user] =
            found.map(|value| value.filter(|value| !value.is_null()));
        let stream = optional_bool(stream, "stream")?;
        let (model, message_count) = (read_model(model)?, read_messages(messages)?);
        let include_usage = read_include_usage(options)?;
        let choices = optional_count(n, "n")?.unwrap_or(1);
        if !(1..=CHOICES_MAX).contains(&choices) {
            return Err(RequestError::WrongValue { param: "n", expected: "expected 1 to 128" });
        }
        let max_new = optional_count(max_new, "max_completion_tokens")?;
        let output_tokens_max = max_new.or(optional_count(max_old, "max_tokens")?);
        let tools = array(tools, "tools")?.max(array(functions.filter(|f| !f.is_null()), "functions")?);
        let user = match user {
            Some(user) => {
                Some(user.as_str().ok_or(RequestError::WrongType { param: "user", expected: "a string" })?)
            }
            None => None,
        };
        Ok(Self {
            model,
            stream,
            include_usage,
            choices,
            output_tokens_max,
            message_count,
            tool_count: tools,
            user,
            document,
        })
    }

    /// The whole request, for walks and for members this type does not name.
    pub const fn document(&self) -> &Document<'a> {
        &self.document
    }

    /// The messages in order.
    pub fn messages(&self) -> impl Iterator<Item = Value<'_, 'a>> {
        self.document.root().get("messages").into_iter().flat_map(Value::items)
    }

    /// Writes `model` in the place of the client's model name.
    pub fn set_model(&self, splice: &mut Splice, model: &str) {
        if let Some(value) = self.document.root().get("model") {
            splice.replace(value.span(), string(model));
        }
    }

    /// The most tokens asked for one answer, by the new name or the older one: whichever asks for more.
    pub fn output_tokens_asked(&self) -> Option<u64> {
        let root = self.document.root();
        let asked = |name| root.get(name).and_then(Value::as_u64);
        asked("max_completion_tokens").max(asked("max_tokens"))
    }

    /// Sets the most tokens the model may write for one answer. For a request that asks for none itself.
    pub fn hold_to(&self, splice: &mut Splice, tokens: u64) {
        let root = self.document.root();
        match root.get("max_completion_tokens") {
            Some(value) => splice.replace(value.span(), tokens.to_string()),
            None => insert_first(splice, root, &format!("\"max_completion_tokens\":{tokens}")),
        }
    }

    /// Makes a streaming provider report usage: sets `stream_options.include_usage` to `true`, adding what is
    /// missing. Does nothing when it is set already or the request does not stream.
    pub fn ask_for_usage(&self, splice: &mut Splice) {
        if self.include_usage || !self.stream {
            return;
        }
        let root = self.document.root();
        match root.get("stream_options") {
            None => insert_first(splice, root, r#""stream_options":{"include_usage":true}"#),
            Some(options) if options.is_null() => {
                splice.replace(options.span(), r#"{"include_usage":true}"#);
            }
            Some(options) => match options.get("include_usage") {
                Some(value) => splice.replace(value.span(), "true"),
                None => insert_first(splice, options, r#""include_usage":true"#),
            },
        }
    }
}

/// Adds a member right after the opening brace.
fn insert_first(splice: &mut Splice, object: Value<'_, '_>, member: &str) {
    let at = object.span().start + 1;
    let comma = if object.entries().next().is_some() { "," } else { "" };
    splice.replace(at..at, format!("{member}{comma}"));
}

fn read_model<'a>(model: Option<Value<'_, 'a>>) -> Result<Cow<'a, str>, RequestError> {
    let model = model.ok_or(RequestError::Missing { param: "model" })?;
    let model = model.as_str().ok_or(RequestError::WrongType { param: "model", expected: "a string" })?;
    if model.trim().is_empty() {
        return Err(RequestError::Missing { param: "model" });
    }
    if model.len() > MODEL_BYTES_MAX {
        return Err(RequestError::WrongValue { param: "model", expected: "expected at most 256 bytes" });
    }
    Ok(model)
}

fn read_messages(messages: Option<Value<'_, '_>>) -> Result<usize, RequestError> {
    let messages = messages.ok_or(RequestError::Missing { param: "messages" })?;
    if messages.kind() != Kind::Array {
        return Err(RequestError::WrongType { param: "messages", expected: "an array of objects" });
    }
    let mut count = 0;
    for message in messages.items() {
        if message.kind() != Kind::Object {
            return Err(RequestError::WrongType { param: "messages", expected: "an array of objects" });
        }
        count += 1;
    }
    if count == 0 {
        return Err(RequestError::WrongValue {
            param: "messages",
            expected: "expected at least one message",
        });
    }
    Ok(count)
}

fn read_include_usage(options: Option<Value<'_, '_>>) -> Result<bool, RequestError> {
    let Some(options) = options else { return Ok(false) };
    if options.kind() != Kind::Object {
        return Err(RequestError::WrongType { param: "stream_options", expected: "an object" });
    }
    let asked = options.get("include_usage").filter(|value| !value.is_null());
    optional_bool(asked, "stream_options.include_usage")
}

fn optional_bool(value: Option<Value<'_, '_>>, param: &'static str) -> Result<bool, RequestError> {
    value.map_or(Ok(false), |value| {
        value.as_bool().ok_or(RequestError::WrongType { param, expected: "a boolean" })
    })
}

fn optional_count(value: Option<Value<'_, '_>>, param: &'static str) -> Result<Option<u64>, RequestError> {
    let Some(value) = value else { return Ok(None) };
    let wrong = RequestError::WrongType { param, expected: "a non-negative integer" };
    value.as_u64().map(Some).ok_or(wrong)
}

fn array(value: Option<Value<'_, '_>>, param: &'static str) -> Result<usize, RequestError> {
    match value {
        None => Ok(0),
        Some(value) if value.kind() == Kind::Array => Ok(value.items().count()),
        Some(_) => Err(RequestError::WrongType { param, expected: "an array" }),
    }
}
