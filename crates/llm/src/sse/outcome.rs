//! How a stream ended, and the only way to end the client's.

use std::collections::BTreeMap;

use super::parser::SseError;
use crate::error::{ApiError, ErrorCode};
use crate::json::JsonError;
use crate::usage::Usage;
use crate::walk::FIELD_PATH_BYTES_MAX;

/// Most streamed texts (choice × field × tool call) filtered at one time.
pub const FILTERS_MAX: usize = 1024;
/// Most fields with streamed texts, of no shape that is known, in one stream.
pub const FIELDS_MAX: usize = 1024;

const DONE: &str = "data: [DONE]\n\n";

/// Why the tap stopped. What it wrote before is valid; nothing unread was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TapError {
    /// The stream is not one that can be buffered.
    #[error(transparent)]
    Sse(#[from] SseError),
    /// An event is not a JSON object, so its text cannot be filtered and must not pass.
    #[error("an event of the stream is unreadable: {0}")]
    Event(JsonError),
    /// More than [`FILTERS_MAX`] texts at one time.
    #[error("the stream interleaves more than {FILTERS_MAX} texts")]
    TooManyTexts,
    /// More than [`FIELDS_MAX`] fields.
    #[error("the stream has texts in more than {FIELDS_MAX} fields")]
    TooManyFields,
    /// A text lies deeper than [`FIELD_PATH_BYTES_MAX`].
    #[error("the path to a text of the stream is longer than {FIELD_PATH_BYTES_MAX} bytes")]
    PathTooLong,
    /// The answer calls a tool that may not be called.
    #[error("the stream calls a tool that is refused")]
    Tool,
}

/// How the provider ended its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With `[DONE]`.
    Done,
    /// Without it: the answer may be incomplete.
    Cut,
    /// The tap stopped reading.
    Failed(TapError),
}

/// What is known of a stream when it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSummary {
    /// The tokens used, from the last event that told; `None` when none did.
    pub usage: Option<Usage>,
    /// Why each choice ended, by index.
    pub finish_reasons: BTreeMap<u32, String>,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// JSON events read, error events included, `[DONE]` not.
    pub event_count: u64,
    /// The first error the provider sent in the middle of the stream, as the client saw it.
    pub error: Option<ApiError>,
    /// How it ended.
    pub ending: Ending,
}

/// The proof that a stream has ended and the only source of its last bytes.
///
/// The tap never writes `[DONE]`. Commit the outcome ([`Finished::summary`]), then write
/// [`Finished::into_last_bytes`]: a client that waits for the end of the answer waits for the record of it.
#[must_use = "commit the summary, then write `into_last_bytes()` to the client, else it waits forever"]
#[derive(Debug)]
pub struct Finished {
    pub(super) summary: StreamSummary,
}

impl Finished {
    /// What to put on record.
    pub const fn summary(&self) -> &StreamSummary {
        &self.summary
    }

    /// The bytes that end the client's stream: `[DONE]` if the provider sent it; otherwise an error event,
    /// unless the client has seen one already, so that a cut answer is never taken for a whole one.
    pub fn into_last_bytes(self) -> String {
        match (self.summary.ending, &self.summary.error) {
            (Ending::Done, _) => DONE.to_owned(),
            (_, Some(_)) => String::new(),
            (Ending::Cut, None) => {
                ApiError::new(ErrorCode::UpstreamCut, "The provider ended the answer early.").to_sse_event()
            }
            (Ending::Failed(TapError::Tool), None) => ApiError::tool_withheld().to_sse_event(),
            (Ending::Failed(_), None) => {
                let message = "The provider's stream could not be read.";
                ApiError::new(ErrorCode::UpstreamFailed, message).to_sse_event()
            }
        }
    }
}
