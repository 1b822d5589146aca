//! Whether a password may be chosen. Length and guessability count; composition rules do not (NIST SP 800-63B-4
//! §3.1.1.2: they make people predictable).
//!
//! zxcvbn's own dictionaries hold the 30,000 most common passwords and tens of thousands of words and names. On top
//! of them stand a few words of this product's surroundings and the words of the person: name, address,
//! organization. Few of those passwords are as long as ours must be, so the long ones among the most used million are
//! kept beside them: nine of ten of those get past the estimator.

use zeroize::Zeroizing;
use zxcvbn::Score;
use zxcvbn::feedback::{Suggestion, Warning};

use super::Password;
use crate::bytes::sha256;

/// Fewest characters of a password that stands alone as a factor (NIST SP 800-63B-4 §3.1.1.2).
pub const PASSWORD_CHARS_MIN: usize = 15;
/// Most words about the person that are looked at; further ones are left out.
pub const PERSON_WORDS_MAX: usize = 32;
/// What is looked at of a password and of a word, in characters: the estimate's time grows faster than its input.
const JUDGED_CHARS_MAX: usize = 100;
/// Shortest part of a person's words that counts by itself, in characters.
const WORD_CHARS_MIN: usize = 3;
/// Words anybody who attacks this server would try first.
const CONTEXT_WORDS: &[&str] = &[
    "portcullis",
    "gateway",
    "company",
    "organization",
    "organisation",
    "corporate",
    "business",
    "office",
    "admin",
    "administrator",
    "operator",
    "owner",
    "tenant",
    "server",
    "localhost",
    "production",
    "staging",
    "correcthorsebatterystaple",
    "passphrase",
    "changeme",
    "letmein",
    "welcome",
    "artificial",
    "intelligence",
    "assistant",
    "chatgpt",
    "claude",
    "openai",
    "anthropic",
    "gemini",
    "copilot",
    "prompt",
    "agent",
];

/// The passwords of at least [`PASSWORD_CHARS_MIN`] characters among the million most used ones, in lower case: the first
/// [`HEAD_BYTES`] of the SHA-256 of each, sorted. `testdata/ORIGIN.md` says where they come from. Hashes, because a look-up
/// needs no more, and nobody should have to read them.
static COMMON: &[u8] = include_bytes!("common.bin");
/// What is kept of each, in bytes: enough that no other password is taken for one of them.
const HEAD_BYTES: usize = 8;

/// Why a password may not be chosen, in words for the person who chose it. Never holds the password or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer than [`PASSWORD_CHARS_MIN`] characters.
    #[error("Use at least 15 characters; a sentence of four or more unrelated words is easy to remember.")]
    TooShort,
    /// Among the passwords that attackers try first, or close to one of them.
    #[error("This is a commonly used password, or close to one. Use four or more unrelated words.")]
    Common,
    /// Longer than needed, but made of what is easily guessed.
    #[error("{advice}")]
    Guessable {
        /// What makes it guessable and what to do instead.
        advice: String,
    },
}

/// Whether the person may choose this password. `words` are what others know of them: name, address, organization.
///
/// Takes a few milliseconds. The estimator keeps copies of its input while it works and does not wipe them.
pub fn judge(password: &Password, words: &[&str]) -> Result<(), Weakness> {
    let text = password.text();
    if text.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Weakness::TooShort);
    }
    if is_common(text) {
        return Err(Weakness::Common);
    }
    let known = known_words(words);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(cut(text), &known);
    if estimate.score() >= Score::Three {
        return Ok(());
    }
    let feedback = estimate.feedback();
    let warning = feedback.and_then(zxcvbn::feedback::Feedback::warning);
    if matches!(
        warning,
        Some(
            Warning::ThisIsATop10Password
                | Warning::ThisIsATop100Password
                | Warning::ThisIsACommonPassword
                | Warning::ThisIsSimilarToACommonlyUsedPassword
        )
    ) {
        return Err(Weakness::Common);
    }
    let suggestions = feedback.map_or(&[][..], zxcvbn::feedback::Feedback::suggestions);
    Err(Weakness::Guessable { advice: advice(warning, suggestions) })
}

/// Whether a password is among the long ones that many use, as it is or dressed up at its ends with digits and signs.
fn is_common(text: &str) -> bool {
    let lower = Zeroizing::new(text.to_lowercase());
    let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
    [lower.as_str(), bare].into_iter().any(|text| {
        let hash = sha256(text.as_bytes());
        let (heads, _) = COMMON.as_chunks::<HEAD_BYTES>();
        heads.binary_search_by(|head| head.as_slice().cmp(&hash[..HEAD_BYTES])).is_ok()
    })
}

/// The estimator's fixed sentences, joined. It has a closed list of them, none of which quotes the password.
fn advice(warning: Option<Warning>, suggestions: &[Suggestion]) -> String {
    let mut sentences: Vec<String> = warning.iter().map(ToString::to_string).collect();
    sentences.extend(suggestions.iter().map(ToString::to_string));
    if sentences.is_empty() {
        sentences.push("This is easy to guess.".to_owned());
        sentences
            .push("Use four or more words that have nothing to do with you or with each other.".to_owned());
    }
    sentences.join(" ")
}

/// The first characters, at most [`JUDGED_CHARS_MAX`].
fn cut(text: &str) -> &str {
    text.char_indices().nth(JUDGED_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

/// The words of the place and of the person, the latter whole, run together and in parts: an address is also its user
/// and its host.
fn known_words(words: &[&str]) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for word in words.iter().take(PERSON_WORDS_MAX) {
        let word = cut(word);
        known.push(word.to_lowercase());
        known.push(word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase());
        known.extend(
            word.split(|c: char| !c.is_alphanumeric())
                .filter(|part| part.chars().count() >= WORD_CHARS_MIN && part.len() < word.len())
                .map(str::to_lowercase),
        );
    }
    known.extend(CONTEXT_WORDS.iter().map(|word| (*word).to_owned()));
    known
}
