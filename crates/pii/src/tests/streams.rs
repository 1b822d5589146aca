//! A stream says what the whole text says.

use proptest::prelude::*;

use super::texts::{self, RANDOM};
use crate::{CANDIDATE_SYMBOLS_MAX, Class, Counts, Mode, Policy, Scanner, StreamRedactor, Tokens, redact};

const SEED: [u8; 16] = *b"sixteen bytes, 1";

fn whole(text: &str, policy: &Policy) -> (String, Counts) {
    let redacted = redact(&Scanner::new(), text, policy, &mut Tokens::new(SEED));
    (redacted.text.into_owned(), redacted.counts)
}

/// Streams the text, cutting after as many characters as `sizes` says in turn.
fn streamed(text: &str, policy: &Policy, sizes: &[usize]) -> (String, Counts) {
    let scanner = Scanner::new();
    let mut tokens = Tokens::new(SEED);
    let mut stream = StreamRedactor::new(&scanner, policy, &mut tokens);
    let mut out = String::new();
    let mut chars = text.chars();
    for size in sizes.iter().cycle() {
        let chunk: String = chars.by_ref().take(*size).collect();
        if chunk.is_empty() {
            break;
        }
        out += &stream.push(&chunk);
    }
    let (rest, counts) = stream.finish();
    (out + &rest, counts)
}

fn policies() -> impl Strategy<Value = Policy> {
    prop::collection::vec(prop::sample::select(vec![Mode::Strict, Mode::FlagOnly, Mode::Off]), 11).prop_map(
        |modes| {
            Class::ALL
                .iter()
                .zip(modes)
                .fold(Policy::default(), |policy, (class, mode)| policy.with_mode(*class, mode))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn any_chunking_gives_the_same_bytes(
        text in prop_oneof![3 => texts::dense(14), 1 => texts::several(14)],
        sizes in prop::collection::vec(1..40_usize, 1..6),
    ) {
        let policy = Policy::default();
        prop_assert_eq!(streamed(&text, &policy, &sizes), whole(&text, &policy));
    }

    #[test]
    fn any_policy_gives_the_same_bytes(
        text in texts::dense(10),
        policy in policies(),
        size in 1..9_usize,
    ) {
        prop_assert_eq!(streamed(&text, &policy, &[size]), whole(&text, &policy));
    }

    #[test]
    fn names_and_addresses_give_the_same_bytes(
        text in texts::dense(10),
        sizes in prop::collection::vec(1..40_usize, 1..6),
    ) {
        let policy = Policy::default().with_all(Mode::Strict);
        prop_assert_eq!(streamed(&text, &policy, &sizes), whole(&text, &policy));
    }

    #[test]
    fn any_characters_give_the_same_bytes(text in "\\PC{0,200}", size in 1..5_usize) {
        let policy = Policy::default();
        prop_assert_eq!(streamed(&text, &policy, &[size]), whole(&text, &policy));
    }
}

#[test]
fn a_long_text_in_single_characters_is_forgotten_and_stays_the_same() {
    let part = format!("Write to reader@example.com or call +1 202-555-0143. {} é ", texts::github());
    let text = part.repeat(60);
    let policy = Policy::default();
    assert_eq!(streamed(&text, &policy, &[1]), whole(&text, &policy));
}

#[test]
fn prose_is_held_back_by_the_word_and_the_two_behind_it_only() {
    let scanner = Scanner::new();
    let policy = Policy::default();
    let mut tokens = Tokens::new(SEED);
    let mut stream = StreamRedactor::new(&scanner, &policy, &mut tokens);
    let text = "The committee met twice before the extraordinary assembly and left early. ".repeat(20);
    for c in text.chars() {
        stream.push(c.encode_utf8(&mut [0; 4]));
        let most = "extraordinary assembly and ".len();
        assert!(stream.held_bytes() <= most, "{} bytes held", stream.held_bytes());
    }
}

#[test]
fn nothing_is_held_longer_than_the_cap_says() {
    let scanner = Scanner::new();
    let policy = Policy::default();
    // A word that is never an end, digits that are never a number, a host name without end.
    for text in
        ["a".repeat(5_000), "7".repeat(5_000), format!("reader@{}", "ab.".repeat(2_000)), texts::jwt(5_000)]
    {
        let mut tokens = Tokens::new(SEED);
        let mut stream = StreamRedactor::new(&scanner, &policy, &mut tokens);
        for c in text.chars() {
            stream.push(c.encode_utf8(&mut [0; 4]));
            assert!(stream.held_bytes() <= CANDIDATE_SYMBOLS_MAX + 8, "{} bytes held", stream.held_bytes());
        }
    }
}

#[test]
fn a_candidate_longer_than_the_cap_is_redacted_to_its_end() {
    let long: String = RANDOM.chars().cycle().take(20 * CANDIDATE_SYMBOLS_MAX).collect();
    for (before, secret, after) in [
        ("say ", texts::jwt(2_000), " now"),
        ("", format!("reader@{}example.com", "ab.".repeat(300)), " bye"),
        ("x ", format!("gh{}_{long}", "p"), " y"),
        ("token=", long.clone(), " y"),
        ("password=\"", "q7!?".repeat(100), "\" y"),
        ("pw: ", "q7!?".repeat(100), " y"),
        ("postgres://app:", "q7!?".repeat(100), " y"),
        ("login('a', '", "q7!?".repeat(100), "') y"),
        ("password=\"", long.clone(), "\" y"),
        ("Authorization: Bearer ", long.clone(), "\n"),
    ] {
        let text = format!("{before}{secret}{after}");
        for size in [1, 7, 100, 10_000] {
            let (out, counts) = streamed(&text, &Policy::default(), &[size]);
            assert_eq!(counts.total(), 1, "{text}");
            assert!(out.starts_with(before) && out.ends_with(after), "{out}");
            assert!(out.len() < before.len() + after.len() + 24, "{out}");
        }
    }
}

#[test]
fn the_same_long_value_gets_the_same_token() {
    let jwt = texts::jwt(400);
    let (out, _) = streamed(&format!("{jwt} {jwt} {}", texts::jwt(401)), &Policy::default(), &[3]);
    let tokens: Vec<&str> = out.split(' ').collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[0], tokens[2]);
}

#[test]
fn a_key_block_is_swallowed_from_its_first_line() {
    let scanner = Scanner::new();
    let policy = Policy::default();
    let mut tokens = Tokens::new(SEED);
    let mut stream = StreamRedactor::new(&scanner, &policy, &mut tokens);
    let pem = texts::pem(20);
    let (head, rest) = pem.split_at(120);
    let first = stream.push(&format!("key:\n{head}"));
    assert!(first.starts_with("key:\n<CREDENTIAL_") && first.ends_with('>'), "{first}");
    assert_eq!(stream.push(&rest[..700]), "");
    let second = stream.push(&format!("{} and so on ", &rest[700..]));
    assert_eq!(second + &stream.finish().0, " and so on ");
}

#[test]
fn a_key_block_without_an_end_is_swallowed_to_the_limit() {
    let line = format!("{}\n", "A1b2".repeat(16));
    let text = format!("-----{} PRIVATE KEY-----\n{}", "BEGIN", line.repeat(2_000));
    let (out, counts) = streamed(&text, &Policy::default(), &[997]);
    assert_eq!((out, counts), whole(&text, &Policy::default()));
    assert_eq!(counts.found(Class::Credential), 1);
    let short = &text[..4_000];
    assert!(whole(short, &Policy::default()).0.len() < 24);
}
