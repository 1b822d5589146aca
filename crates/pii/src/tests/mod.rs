//! Tests that go through the public face, and what they share.

mod cases;
mod detect;
mod negatives;
mod policies;
mod properties;
mod redaction;
mod reversible;
mod rulebooks;
mod streams;
mod texts;
mod twice;

use crate::{Class, Match, Policy, Scanner};

/// What the default policy finds, as class, kind and text.
fn found(text: &str) -> Vec<(Class, &'static str, &str)> {
    Scanner::new()
        .scan_with(text, &Policy::default())
        .into_iter()
        .map(|Match { class, kind, range, .. }| (class, kind, &text[range]))
        .collect()
}
