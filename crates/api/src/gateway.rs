//! The description of the LLM endpoint. Its operations live in another face; they are described here because there is
//! one document for the whole server.

#![expect(dead_code, reason = "these functions and types exist for their descriptions alone")]

use app::models::{CallModel, ListModels};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{HttpMethod, OpenApi};

use crate::describe::elsewhere;

/// A chat request. Members that are not listed here go to the provider as they are.
#[derive(ToSchema)]
struct ChatCompletionRequest {
    /// The model, by a name of `/v1/models` or as `provider/model`.
    #[schema(example = "loopback")]
    model: String,
    /// The conversation. Personal data and secrets in it are handled under the organization's policy.
    messages: Vec<Value>,
    /// Whether to stream the answer as server-sent events.
    #[schema(required = false)]
    stream: bool,
}

/// An answer, in the shape of the OpenAI API.
#[derive(ToSchema)]
struct ChatCompletion {
    /// The provider's id of the answer.
    id: String,
    /// The answers.
    choices: Vec<Value>,
    /// Tokens used.
    usage: Value,
}

/// A model that can be called.
#[derive(ToSchema)]
struct Model {
    /// The name to call it by.
    id: String,
    /// Always `model`.
    #[schema(example = "model")]
    object: String,
    /// When it was configured, in seconds since 1970.
    created: i64,
    /// The provider.
    owned_by: String,
}

/// The models that can be called.
#[derive(ToSchema)]
struct ModelList {
    /// Always `list`.
    #[schema(example = "list")]
    object: String,
    /// The models.
    data: Vec<Model>,
}

/// An error, in the shape of the OpenAI API.
#[derive(ToSchema)]
struct OpenAiError {
    /// What went wrong.
    error: OpenAiErrorBody,
}

/// What went wrong.
#[derive(ToSchema)]
struct OpenAiErrorBody {
    /// A sentence for the person reading it.
    message: String,
    /// The kind SDKs tell apart.
    #[schema(example = "rate_limit_error")]
    r#type: String,
    /// The member of the request at fault.
    param: Option<String>,
    /// The code to match on.
    #[schema(example = "rate_limit_exceeded")]
    code: String,
    /// The gate that refused.
    gate: Option<String>,
    /// The id to quote when reporting this.
    request_id: String,
}

/// Call a model.
///
/// The prompt passes the privacy gate, the call is on record before the provider sees it, and how it ended is on
/// record before the last byte of the answer is sent.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "gateway",
    params(("X-Portcullis-Conversation" = Option<String>, Header,
        description = "Which of the caller's conversations this is part of, 1 to 128 visible ASCII characters: what was \
                       replaced reversibly in it is put back in the answer.")),
    request_body(content = ChatCompletionRequest, example = json!({
        "model": "loopback", "messages": [{"role": "user", "content": "Say hello."}],
    })),
    responses(
        (status = 200, description = "The answer, or a stream of it", content(
            (ChatCompletion = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request cannot be read or is not allowed", body = OpenAiError),
        (status = 401, description = "A valid API key is needed", body = OpenAiError),
        (status = 403, description = "The credential may not call models", body = OpenAiError),
        (status = 404, description = "There is no such model", body = OpenAiError),
        (status = 413, description = "The request is too large", body = OpenAiError),
        (status = 429, description = "Too many requests", body = OpenAiError),
        (status = 502, description = "The provider could not answer", body = OpenAiError),
        (status = 503, description = "It could not be put on record, so it was not done", body = OpenAiError),
        (status = 504, description = "The provider took too long", body = OpenAiError),
    ))]
fn chat() {}

/// List models.
///
/// The models that the credential's organization can call.
#[utoipa::path(get, path = "/v1/models", tag = "gateway",
    responses(
        (status = 200, description = "The models", body = ModelList, example = json!({
            "object": "list",
            "data": [{"id": "loopback", "object": "model", "created": 0, "owned_by": "loopback"}],
        })),
        (status = 401, description = "A valid API key is needed", body = OpenAiError),
        (status = 403, description = "The credential may not list models", body = OpenAiError),
        (status = 429, description = "Too many requests", body = OpenAiError),
    ))]
fn models() {}

/// Look up a model.
///
/// One model, by the name it is called by. The name may contain a slash.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "gateway",
    params(("id" = String, Path, description = "The model's name", example = "loopback")),
    responses(
        (status = 200, description = "The model", body = Model),
        (status = 401, description = "A valid API key is needed", body = OpenAiError),
        (status = 403, description = "The credential may not list models", body = OpenAiError),
        (status = 404, description = "There is no such model", body = OpenAiError),
        (status = 429, description = "Too many requests", body = OpenAiError),
    ))]
fn model() {}

/// What the operations are listed under.
const TAG: &str = "gateway";

/// Adds the gateway's operations to the description.
pub(crate) fn describe(api: &mut OpenApi) {
    elsewhere::<__path_chat, CallModel>(api, TAG, &HttpMethod::Post);
    elsewhere::<__path_models, ListModels>(api, TAG, &HttpMethod::Get);
    let model = elsewhere::<__path_model, ListModels>(api, TAG, &HttpMethod::Get);
    model.operation_id = Some("models.read".to_owned());
}
