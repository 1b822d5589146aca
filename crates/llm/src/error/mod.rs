//! Errors in the shape that the OpenAI SDKs understand:
//! `{"error":{"message":…,"type":…,"param":…,"code":…}}`.
//!
//! [`ErrorCode`] is the complete list of what this product answers; a client can match on `code`, an SDK
//! chooses its exception by the HTTP status.

#[cfg(test)]
mod tests;
mod upstream;

use std::borrow::Cow;

use crate::chat::RequestError;
use crate::json::{JsonError, JsonErrorKind, push_string};

/// Longest message written into an error body, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1024;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $kind:literal, $status:literal;)+) => {
        /// Every `code` this product answers with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[$doc])* $name,)+ }

        impl ErrorCode {
            /// All codes, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The value of `error.code`.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $code,)+ } }

            /// The value of `error.type`.
            pub const fn error_type(self) -> &'static str { match self { $(Self::$name => $kind,)+ } }

            /// The HTTP status of the response.
            pub const fn http_status(self) -> u16 { match self { $(Self::$name => $status,)+ } }
        }
    };
}

codes! {
    /// The body is not JSON, or not the strict JSON a gateway can pass on.
    InvalidJson => "invalid_json", "invalid_request_error", 400;
    /// A required member is absent or empty.
    MissingParameter => "missing_required_parameter", "invalid_request_error", 400;
    /// A member has the wrong JSON type.
    InvalidType => "invalid_type", "invalid_request_error", 400;
    /// A member has the right type and a value that is not allowed.
    InvalidValue => "invalid_value", "invalid_request_error", 400;
    /// The privacy policy refused the text.
    PrivacyRefused => "privacy_policy_refused", "invalid_request_error", 400;
    /// The provider refused the request as malformed or too long for the model.
    UpstreamRefused => "upstream_refused", "invalid_request_error", 400;
    /// No key, or one that is unknown, expired or revoked.
    InvalidApiKey => "invalid_api_key", "invalid_request_error", 401;
    /// The caller is known and may not do this.
    PermissionDenied => "permission_denied", "permission_error", 403;
    /// No such model for this caller.
    ModelNotFound => "model_not_found", "invalid_request_error", 404;
    /// No such path.
    UnknownUrl => "unknown_url", "invalid_request_error", 404;
    /// The path exists, the method does not.
    MethodNotAllowed => "method_not_allowed", "invalid_request_error", 405;
    /// The body did not arrive in time.
    BodyTooSlow => "request_timeout", "invalid_request_error", 408;
    /// The body is longer than allowed.
    BodyTooLarge => "request_too_large", "invalid_request_error", 413;
    /// Too many requests by this caller.
    RateLimited => "rate_limit_exceeded", "rate_limit_error", 429;
    /// The budget is spent.
    BudgetSpent => "insufficient_quota", "insufficient_quota", 429;
    /// The provider asked to slow down.
    UpstreamRateLimited => "upstream_rate_limited", "rate_limit_error", 429;
    /// Something broke here.
    Internal => "internal_error", "server_error", 500;
    /// The provider answered with something that is not an answer, or refused the gateway's own key.
    UpstreamFailed => "upstream_failed", "server_error", 502;
    /// The provider ended the stream before the answer was complete.
    UpstreamCut => "upstream_stream_cut", "server_error", 502;
    /// The audit log cannot be written, so nothing is done; or no provider is available.
    Unavailable => "service_unavailable", "server_error", 503;
    /// The provider did not answer in time.
    UpstreamTimeout => "upstream_timeout", "server_error", 504;
}

/// One error answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} ({}): {message}", code.as_str(), code.http_status())]
pub struct ApiError {
    /// What happened.
    pub code: ErrorCode,
    /// A sentence for the person reading it. Holds no text of the request and no address of a provider.
    pub message: Cow<'static, str>,
    /// The member of the request that is at fault, such as `messages`.
    pub param: Option<Cow<'static, str>>,
}

impl ApiError {
    /// An error without a parameter. The message is cut at [`MESSAGE_BYTES_MAX`].
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let mut message = message.into();
        if message.len() > MESSAGE_BYTES_MAX {
            let cut = message.floor_char_boundary(MESSAGE_BYTES_MAX);
            message.to_mut().truncate(cut);
        }
        Self { code, message, param: None }
    }

    /// The model called a tool that its answer must not call, so that the answer, or its rest, is held back.
    pub fn tool_withheld() -> Self {
        let message = "The model called a tool that your organization's policy pack does not let pass, or that was not \
                       offered, so its answer was held back.";
        Self::new(ErrorCode::PermissionDenied, message)
    }

    /// Names the member at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The HTTP status to answer with.
    pub const fn http_status(&self) -> u16 {
        self.code.http_status()
    }

    /// The body to answer with.
    pub fn to_json(&self) -> String {
        self.body().write()
    }

    /// The body to answer with, naming the request so that it can be found in the log.
    pub fn to_json_for(&self, request_id: &str) -> String {
        ErrorBody { request_id: Some(request_id), ..self.body() }.write()
    }

    fn body(&self) -> ErrorBody<'_> {
        ErrorBody {
            message: &self.message,
            kind: self.code.error_type(),
            param: self.param.as_deref(),
            code: self.code.as_str(),
            gate: None,
            request_id: None,
        }
    }

    /// The same error as an event of a stream that has already begun.
    pub fn to_sse_event(&self) -> String {
        format!("data: {}\n\n", self.to_json())
    }
}

/// The members of `error`, in the order they are written. The first four are OpenAI's; SDKs ignore the others.
struct ErrorBody<'a> {
    message: &'a str,
    kind: &'a str,
    param: Option<&'a str>,
    code: &'a str,
    gate: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl ErrorBody<'_> {
    fn write(&self) -> String {
        let mut out = String::with_capacity(self.message.len() + 160);
        out.push_str("{\"error\":{\"message\":");
        push_string(&mut out, self.message);
        out.push_str(",\"type\":");
        push_string(&mut out, self.kind);
        out.push_str(",\"param\":");
        match self.param {
            Some(param) => push_string(&mut out, param),
            None => out.push_str("null"),
        }
        out.push_str(",\"code\":");
        push_string(&mut out, self.code);
        for (name, value) in [("gate", self.gate), ("request_id", self.request_id)] {
            if let Some(value) = value {
                out.push(',');
                push_string(&mut out, name);
                out.push(':');
                push_string(&mut out, value);
            }
        }
        out.push_str("}}");
        out
    }
}

/// An error of the server itself (a gate's refusal, a rate limit, a body too large) in OpenAI's shape.
///
/// `status` is the HTTP status and `slug` the product's short name of the problem, such as `rate-limited`; what
/// OpenAI has a `code` of its own for is called by that. `gate` and `request_id` are additional members of `error`.
pub fn problem_json(status: u16, slug: &str, message: &str, gate: Option<&str>, request_id: &str) -> String {
    let own;
    let code = match slug {
        "unauthenticated" => ErrorCode::InvalidApiKey.as_str(),
        "forbidden" => ErrorCode::PermissionDenied.as_str(),
        "not-found" => ErrorCode::UnknownUrl.as_str(),
        "method-not-allowed" => ErrorCode::MethodNotAllowed.as_str(),
        "too-large" => ErrorCode::BodyTooLarge.as_str(),
        "too-slow" => ErrorCode::BodyTooSlow.as_str(),
        "rate-limited" => ErrorCode::RateLimited.as_str(),
        "internal" => ErrorCode::Internal.as_str(),
        "unavailable" => ErrorCode::Unavailable.as_str(),
        other => {
            own = other.replace('-', "_");
            &own
        }
    };
    let kind = match status {
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let body = ErrorBody { message, kind, param: None, code, gate, request_id: Some(request_id) };
    body.write()
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        let code = match error.kind {
            JsonErrorKind::TooLarge => ErrorCode::BodyTooLarge,
            _ => ErrorCode::InvalidJson,
        };
        Self::new(code, format!("The body could not be read: {error}."))
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let code = match error {
            RequestError::Json(error) => return error.into(),
            RequestError::Missing { .. } => ErrorCode::MissingParameter,
            RequestError::WrongType { .. } => ErrorCode::InvalidType,
            RequestError::WrongValue { .. } | RequestError::Miscased { .. } => ErrorCode::InvalidValue,
        };
        let param = error.param();
        let answer = Self::new(code, error.to_string());
        if param.is_empty() { answer } else { answer.with_param(param) }
    }
}
