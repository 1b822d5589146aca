//! Server-sent events, read incrementally as the WHATWG HTML standard (§9.2) defines them, and the tap that
//! stands between a provider's stream and the client.
//!
//! A line of a stream that is not `data:` (a comment, an `event:` name, an `id:`) passes as it is: SDKs do not
//! show such lines to anybody, and providers use them to keep the connection open.

mod fields;
mod filter;
mod json_filter;
mod outcome;
mod parser;
mod tap;
#[cfg(test)]
mod tests;

pub use filter::{FilterKey, Fragment, TextFilter};
pub use json_filter::JsonFragmentFilter;
pub use outcome::{Ending, FIELDS_MAX, FILTERS_MAX, Finished, StreamSummary, TapError};
pub use parser::{EVENT_BYTES_MAX, Event, EventStream, SseError};
pub use tap::{ChatStreamTap, TapOptions};
