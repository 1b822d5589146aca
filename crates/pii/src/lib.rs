//! Finds personal data and credentials in text and replaces them by tokens.
//!
//! This crate is the privacy gate's eye and hand. It is pure: bytes in, values out, no clock, no randomness of its own.
//! Classes that have a structure are found by rules: mail addresses, telephone numbers, government numbers, payment cards
//! and accounts, credentials, Internet addresses. Names of people, postal addresses and what is said of health, bodies and
//! childhood are read from free text by a linear model whose weights are part of the program.
//!
//! * [`Scanner::scan`] says what is in a text, with byte ranges and confidence.
//! * [`redact`] applies a [`Policy`] to a whole text.
//! * [`StreamRedactor`] does the same to a text in chunks, with byte for byte the same result however it is cut.
//! * [`Scanner::scan_twice`] and [`redact_twice`] ask a [`Reader`] besides, about the sentences in which the linear model is
//!   not sure. It only adds findings.
//!
//! One pass each, rules anchored at their left end, bounded look in both directions: the time is linear for every input,
//! so there is no timeout that could let something through. Disguises (characters of no width, full-width digits, percent,
//! HTML and JSON escapes) are undone for the rules and left as they are in the text.

mod ascii;
mod channel;
mod class;
mod counts;
mod engine;
mod explain;
mod lists;
mod policy;
mod redact;
mod resolve;
mod restore;
mod rulebook;
mod rules;
mod scanner;
mod second;
mod symbols;
mod tagger;
mod tokens;
mod window;

#[cfg(test)]
mod tests;

pub use channel::{CHANNEL_COUNT, Channel};
pub use class::{CLASS_COUNT, Class};
pub use counts::{Counts, Tally};
pub use lists::{BadEntry, DENIED_WORDS_MAX, Lists};
pub use policy::{BadThreshold, ClassPolicy, Mode, Policy, THRESHOLD_DEFAULT};
pub use redact::{Redacted, StreamRedactor, StreamState, redact, redact_twice};
pub use restore::{Restorer, restore};
pub use rulebook::{
    BadRules, ClassRules, Denied, KEEP_SECONDS_DEFAULT, KEEP_SECONDS_MAX, KEEP_SECONDS_MIN, LISTED_CHARS_MAX,
    LISTED_MAX, Rulebook, Said,
};
pub use scanner::{Match, Scanner};
pub use second::{Reader, Reading, SENTENCE_BYTES_MAX, SENTENCES_MAX, Second};
#[cfg(feature = "training")]
pub use tagger::training;
pub use tokens::{
    BlindIndex, INDEX_BYTES, Minted, Side, TOKENS_PER_CONVERSATION_MAX, Tokens, VALUE_BYTES_MAX,
};
pub use window::CANDIDATE_SYMBOLS_MAX;
