//! What is replaced reversibly comes back, byte for byte, and nothing else does.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::texts;
use crate::{
    BlindIndex, Class, INDEX_BYTES, Mode, Policy, Restorer, Scanner, Side, StreamState, Tokens, redact,
    restore,
};

const SEED: [u8; 16] = *b"sixteen bytes, 1";

/// No cryptography: the tests are about who calls it with what.
fn index() -> BlindIndex {
    Box::new(|side, class, value| {
        let mut hasher = DefaultHasher::new();
        (side, class, value).hash(&mut hasher);
        let mut out = [0; INDEX_BYTES];
        out[..8].copy_from_slice(&hasher.finish().to_le_bytes());
        out
    })
}

fn reversible() -> Policy {
    Policy::report_all().with_all(Mode::Reversible)
}

/// The text with tokens, and what they stand for.
fn kept(text: &str, tokens: &mut Tokens) -> (String, HashMap<String, String>) {
    let out = redact(&Scanner::new(), text, &reversible(), tokens).text.into_owned();
    let minted = tokens.minted();
    (out, minted.into_iter().map(|minted| (minted.token, minted.value.to_string())).collect())
}

fn put_back(text: &str, vault: &HashMap<String, String>, size: usize) -> String {
    let mut value_of = |token: &str| vault.get(token).map(|value| Zeroizing::new(value.clone()));
    let (mut restorer, mut out) = (Restorer::new(), String::new());
    let chars: Vec<char> = text.chars().collect();
    for chunk in chars.chunks(size) {
        out += &restorer.push(&chunk.iter().collect::<String>(), &mut value_of);
    }
    out + &restorer.finish(&mut value_of)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn there_and_back_is_the_same_text_however_it_is_cut(
        text in prop_oneof![texts::dense(14), texts::several(14)], size in 1..40_usize,
    ) {
        // A key block is not kept, so its text would not come back.
        prop_assume!(!text.contains("PRIVATE KEY"));
        let mut tokens = Tokens::within(SEED, index(), []);
        let (clean, vault) = kept(&text, &mut tokens);
        prop_assert_eq!(put_back(&clean, &vault, size), text);
    }

    #[test]
    fn any_chunking_mints_the_same_tokens_for_the_same_values(text in texts::dense(12), size in 1..20_usize) {
        let (whole, vault) = kept(&text, &mut Tokens::within(SEED, index(), []));
        let (scanner, policy) = (Scanner::new(), reversible());
        let (mut state, mut tokens) = (StreamState::new(&scanner), Tokens::within(SEED, index(), []));
        let mut out = String::new();
        let chars: Vec<char> = text.chars().collect();
        for chunk in chars.chunks(size) {
            out += &state.push(&chunk.iter().collect::<String>(), &policy, &mut tokens);
        }
        out += &state.finish(&policy, &mut tokens);
        let minted: HashMap<_, _> =
            tokens.minted().into_iter().map(|minted| (minted.token, minted.value.to_string())).collect();
        prop_assert_eq!((out, minted), (whole, vault));
    }

    #[test]
    fn any_text_is_put_back_the_same_however_it_is_cut(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<", ">", "<EMAIL_", "<EMAIL_aaaabbbb22>", "<PERSON_zzzz>", "<GOV_ID_", "<GOV", "_", "aaaabbbb22>", "é", "x ",
            "<EMAIL_aaaabbbb2", "2", "<<IP_aaaabbbb22>", "<IP_aaaabbbb22aaaabbbb22>", "EMAIL",
        ]), 0..20),
        size in 1..9_usize,
    ) {
        let text: String = parts.concat();
        let vault = HashMap::from([
            ("<EMAIL_aaaabbbb22>".to_owned(), "<EMAIL_".to_owned()), ("<IP_aaaabbbb22>".to_owned(), "192.0.2.1".to_owned()),
        ]);
        let mut value_of = |token: &str| vault.get(token).map(|value| Zeroizing::new(value.clone()));
        let whole = restore(&text, &mut value_of).map_or(text.clone(), |out| out.to_string());
        prop_assert_eq!(put_back(&text, &vault, size), whole);
    }
}

#[test]
fn a_value_keeps_its_token_and_forged_tokens_stay() {
    let mut tokens = Tokens::within(SEED, index(), []);
    let (first, vault) = kept("to reader@example.com", &mut tokens);
    let token = first.strip_prefix("to ").unwrap();
    assert_eq!(token.len(), "<EMAIL_>".len() + 10, "{first}");
    let (second, fresh) = kept("and reader@example.com", &mut tokens);
    assert_eq!((second, fresh.len()), (format!("and {token}"), 0));
    let text = format!("{token} <EMAIL_forged2222> <EMAIL_ {token}");
    assert_eq!(
        put_back(&text, &vault, 3),
        "reader@example.com <EMAIL_forged2222> <EMAIL_ reader@example.com"
    );
    let known = tokens_known(token);
    let (later, fresh) =
        kept("again reader@example.com", &mut Tokens::within(*b"another 16 bytes", index(), known));
    assert_eq!((later, fresh.len()), (format!("again {token}"), 0), "a later request knows it");
}

fn tokens_known(token: &str) -> [([u8; INDEX_BYTES], String); 1] {
    [(index()(Side::Caller, Class::Email, "reader@example.com"), token.to_owned())]
}

#[test]
fn what_the_model_brings_has_a_token_of_its_own() {
    let mut tokens = Tokens::within(SEED, index(), []);
    let (sent, _) = kept("reader@example.com", &mut tokens);
    tokens.facing(Side::Model);
    let scanner = Scanner::new();
    let brought = redact(&scanner, "reader@example.com", &reversible(), &mut tokens).text.into_owned();
    assert_ne!(sent, brought);
    assert_eq!(tokens.minted()[0].side, Side::Model);
}

#[test]
fn without_a_conversation_reversible_is_strict() {
    let mut tokens = Tokens::new(SEED);
    let (out, vault) = kept("to reader@example.com", &mut tokens);
    assert!(out.starts_with("to <EMAIL_") && vault.is_empty());
    let strict = redact(&Scanner::new(), "to reader@example.com", &Policy::default(), &mut Tokens::new(SEED));
    assert_eq!(out, strict.text);
}

#[test]
fn a_value_longer_than_what_is_kept_is_replaced_for_good() {
    let long = format!("say {} end", texts::jwt(20_000));
    let mut tokens = Tokens::within(SEED, index(), []);
    let (out, vault) = kept(&long, &mut tokens);
    assert!(out.starts_with("say <CREDENTIAL_") && out.ends_with(" end") && vault.is_empty());
}
