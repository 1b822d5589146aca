//! For tests alone: a server that stands for somebody else's OpenAI-compatible provider.
//!
//! It speaks HTTP/1.1 over a plain socket and writes its answers byte by byte itself, because what it has to do is
//! mostly what no HTTP library lets one do: stop in the middle, lie about lengths, send half a character.

mod answers;
mod provider;
mod request;

pub use answers::{PII_CARD, PII_EMAIL, Script, Step, USAGE};
pub use provider::FakeProvider;
pub use request::Received;
