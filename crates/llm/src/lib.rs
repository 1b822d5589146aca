//! What Portcullis knows about the wire formats of language-model providers.
//!
//! The crate is pure: bytes go in, bytes and values come out. It opens no connection, reads no clock and
//! holds no state of its own; the gateway moves the bytes and decides.
//!
//! * [`json`]: a strict JSON validator that remembers where every value lies, and [`json::Splice`], which
//!   edits a body while leaving every other byte as the client wrote it.
//! * [`walk`]: visits every text of a body that a privacy policy has to see.
//! * [`chat`]: reads `chat.completions` requests and responses.
//! * [`sse`]: server-sent events, and the tap through which an answer streams to the client.
//! * [`tools`]: the tools a request offers, and those an answer calls.
//! * [`usage`] and [`price`]: tokens and money, in integers only.
//! * [`error`]: errors in the shape that the OpenAI SDKs understand.
//! * [`loopback`]: a built-in provider that calls no model.
//! * [`models`]: the list served at `/v1/models`.

pub mod chat;
pub mod error;
pub mod json;
pub mod loopback;
pub mod models;
pub mod price;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod properties;
pub mod sse;
pub mod tools;
pub mod usage;
pub mod walk;
