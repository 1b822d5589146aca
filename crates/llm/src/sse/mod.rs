//! Server-sent events, read incrementally as the WHATWG HTML standard (§9.2) defines them, and the tap that
//! stands between a provider's stream and the client.

mod json_filter;
mod parser;
mod tap;
#[cfg(test)]
mod tests;

pub use json_filter::JsonFragmentFilter;
pub use parser::{EVENT_BYTES_MAX, Event, EventStream, SseError};
pub use tap::{
    ChatStreamTap, Ending, FILTERS_MAX, FilterKey, Finished, Fragment, StreamSummary, TapError, TapOptions,
    TextFilter,
};
