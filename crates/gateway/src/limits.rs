use std::time::Duration;

use kernel::limits::BODY_BYTES_DEFAULT;

/// Time a connection to a provider may take by default, in seconds.
const CONNECT_SECONDS_DEFAULT: u64 = 10;
/// Time until a provider's first byte by default, in seconds. A model that thinks before it answers needs minutes.
const FIRST_BYTE_SECONDS_DEFAULT: u64 = 300;
/// Silence in the middle of an answer by default, in seconds.
const BETWEEN_BYTES_SECONDS_DEFAULT: u64 = 60;
/// Time of a whole call by default, in seconds.
const TOTAL_SECONDS_DEFAULT: u64 = 900;
/// Longest answer read by default, in bytes, streamed or not.
const ANSWER_BYTES_DEFAULT: usize = llm::json::BODY_BYTES_MAX;

/// What a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest request body, in bytes.
    pub body_bytes_max: usize,
    /// Longest answer of a provider, in bytes.
    pub answer_bytes_max: usize,
    /// Longest time for a connection to a provider to open.
    pub connect: Duration,
    /// Longest time from sending the request to the head of the response, connecting included.
    pub first_byte: Duration,
    /// Longest silence of a provider within its answer.
    pub between_bytes: Duration,
    /// Longest time from sending the request to the last byte of the answer.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_DEFAULT,
            answer_bytes_max: ANSWER_BYTES_DEFAULT,
            connect: Duration::from_secs(CONNECT_SECONDS_DEFAULT),
            first_byte: Duration::from_secs(FIRST_BYTE_SECONDS_DEFAULT),
            between_bytes: Duration::from_secs(BETWEEN_BYTES_SECONDS_DEFAULT),
            total: Duration::from_secs(TOTAL_SECONDS_DEFAULT),
        }
    }
}
