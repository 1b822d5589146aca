//! Every limit of the server's own interfaces, by name and unit. Limits of a wire format live beside its parser.

/// Longest request id accepted from a client, in bytes; a longer or odd one is replaced by a fresh id.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Largest request body by default, in bytes.
pub const BODY_BYTES_DEFAULT: usize = 1_048_576;
/// Largest request body an operator may configure, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1_048_576;
/// Longest name of a project, agent, key or provider, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Most rows a list answers at once.
pub const PAGE_ROWS_MAX: i64 = 200;
/// Rows a list answers when the caller does not say.
pub const PAGE_ROWS_DEFAULT: i64 = 50;
/// Most models a provider may be configured to serve.
pub const PROVIDER_MODELS_MAX: usize = 500;
/// Longest model name, in bytes.
pub const MODEL_NAME_BYTES_MAX: usize = 200;
/// Longest a key lookup may be served from memory, in seconds.
pub const KEY_CACHE_SECONDS_MAX: u64 = 60;
/// Most key lookups kept in memory.
pub const KEY_CACHE_ENTRIES_MAX: usize = 10_000;
/// Longest overlap in which a rotated key still works beside its successor, in seconds (7 days).
pub const KEY_OVERLAP_SECONDS_MAX: i64 = 7 * 24 * 3_600;
/// How long signed tenant claims stay valid, in seconds: longer than any transaction may run.
pub const CLAIMS_SECONDS: i64 = 120;
/// Longest time between two checkpoints of a log that grows, in seconds.
pub const CHECKPOINT_SECONDS_MAX: u64 = 300;
/// Requests per minute, address and path class, by default.
pub const RATE_STANDARD_PER_MINUTE: u32 = 60;
/// Requests per minute and address to paths that call a model, by default.
pub const RATE_LLM_PER_MINUTE: u32 = 10;
