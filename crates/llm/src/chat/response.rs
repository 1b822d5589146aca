use std::borrow::Cow;

use crate::json::{Document, JsonError, JsonErrorKind, Kind, Limits, Value};
use crate::usage::Usage;

/// What a gateway keeps of a complete `chat.completions` response.
#[derive(Debug)]
pub struct ChatResponse<'a> {
    document: Document<'a>,
    /// The provider's id of the answer.
    pub id: Option<Cow<'a, str>>,
    /// The model that answered, as the provider names it.
    pub model: Option<Cow<'a, str>>,
    /// The tokens used; `None` when the provider did not say.
    pub usage: Option<Usage>,
    /// Why each choice ended, in order; `None` where the provider gave no reason.
    pub finish_reasons: Vec<Option<Cow<'a, str>>>,
}

impl<'a> ChatResponse<'a> {
    /// Reads a response body.
    ///
    /// # Errors
    /// [`JsonError`] when the body is not a JSON object.
    pub fn parse(body: &'a [u8], limits: Limits) -> Result<Self, JsonError> {
        let document = Document::parse(body, limits)?;
        let root = document.root();
        if root.kind() != Kind::Object {
            return Err(JsonError { kind: JsonErrorKind::UnexpectedByte, offset: root.span().start });
        }
        let text = |key: &str| root.get(key).and_then(Value::as_str);
        let finish_reasons = root
            .get("choices")
            .into_iter()
            .flat_map(Value::items)
            .map(|choice| choice.get("finish_reason").and_then(Value::as_str))
            .collect();
        Ok(Self {
            id: text("id"),
            model: text("model"),
            usage: root.get("usage").and_then(Usage::from_openai),
            finish_reasons,
            document,
        })
    }

    /// The whole response, for walks.
    pub const fn document(&self) -> &Document<'a> {
        &self.document
    }
}
