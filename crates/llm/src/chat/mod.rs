//! Reading `chat.completions` requests and responses, and the two edits a gateway makes to a request.

mod request;
mod response;
#[cfg(test)]
mod tests;

pub use request::{CHOICES_MAX, ChatRequest, MODEL_BYTES_MAX, RequestError};
pub use response::ChatResponse;
