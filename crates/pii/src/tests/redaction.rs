//! What redaction does to a text.

use std::borrow::Cow;

use crate::{Class, Mode, Policy, Scanner, Tokens, redact};

fn strict(text: &str) -> String {
    redact(&Scanner::new(), text, &Policy::default(), &mut Tokens::new([7; 16])).text.into_owned()
}

fn tokens_in(text: &str) -> Vec<&str> {
    text.split(['<', '>']).skip(1).step_by(2).collect()
}

#[test]
fn a_token_names_its_class_and_is_random() {
    let one = strict("to reader@example.com");
    let suffix = one.strip_prefix("to <EMAIL_").and_then(|s| s.strip_suffix('>')).unwrap();
    assert!(suffix.len() >= 4 && suffix.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')));
    let other =
        redact(&Scanner::new(), "to reader@example.com", &Policy::default(), &mut Tokens::new([8; 16]));
    assert_ne!(one, other.text);
    // The same place in the order of minting gives the same suffix: it does not depend on the value.
    assert_eq!(strict("to writer@example.com"), one);
}

#[test]
fn the_same_value_gets_the_same_token() {
    let out = strict("reader@example.com, READER@example.com, other@example.com, reader%40example.com");
    let tokens = tokens_in(&out);
    assert_eq!(tokens.len(), 4);
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(tokens[0], tokens[3]);
    assert_ne!(tokens[0], tokens[2]);
    let out = strict("4111 1111 1111 1111 and 4111111111111111");
    let tokens = tokens_in(&out);
    assert_eq!(tokens[0], tokens[1]);
    // An accent makes another address.
    let out = strict("jose@example.com and josé@example.com");
    let tokens = tokens_in(&out);
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn tokens_live_as_long_as_the_conversation() {
    let (scanner, policy) = (Scanner::new(), Policy::default());
    let mut tokens = Tokens::new([7; 16]);
    let first = redact(&scanner, "reader@example.com", &policy, &mut tokens).text.into_owned();
    let second = redact(&scanner, "again reader@example.com", &policy, &mut tokens).text.into_owned();
    assert_eq!(second, format!("again {first}"));
    // What the model says back passes, and is not counted.
    let echo = redact(&scanner, &second, &policy, &mut tokens);
    assert_eq!((echo.text.as_ref(), echo.counts.total()), (second.as_str(), 0));
}

#[test]
fn a_token_that_stands_in_the_text_is_kept_and_not_minted_again() {
    let minted = strict("reader@example.com");
    let text = format!("{minted} is not reader@example.com");
    let out = strict(&text);
    assert!(out.starts_with(&format!("{minted} is not <EMAIL_")), "{out}");
    let tokens = tokens_in(&out);
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn no_collision_in_many_tokens() {
    let text = (0..20_000).map(|i| format!("u{i}@example.com")).collect::<Vec<_>>().join(" ");
    let out = strict(&text);
    let tokens = tokens_in(&out);
    let different: std::collections::HashSet<_> = tokens.iter().collect();
    assert_eq!((tokens.len(), different.len()), (20_000, 20_000));
}

#[test]
fn untouched_text_is_borrowed_and_identical() {
    for text in ["", "nothing here", "non\u{200b}e he&#64;re 100%41 \\n é 日本"] {
        let mut tokens = Tokens::new([7; 16]);
        let redacted = redact(&Scanner::new(), text, &Policy::default(), &mut tokens);
        assert!(matches!(redacted.text, Cow::Borrowed(t) if t == text));
    }
    let out = strict("\u{200b}é\u{200b} reader@example.com\u{200b} ％ 日本");
    assert!(out.starts_with("\u{200b}é\u{200b} <EMAIL_") && out.ends_with(">\u{200b} ％ 日本"), "{out:?}");
}

#[test]
fn json_stays_json() {
    let text =
        r#"{"a":"one\nreader@example.com\n","b":"C:\\reader@example.com","c":"\u0070reader@example.com"}"#;
    let out = strict(text);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(json["a"].as_str().unwrap().starts_with("one\n<EMAIL_"), "{out}");
    assert!(json["b"].as_str().unwrap().starts_with("C:\\<EMAIL_"), "{out}");
    assert!(!out.contains("example.com"));
}

#[test]
fn flagging_changes_nothing_and_counts() {
    let policy = Policy::default().with_all(Mode::FlagOnly);
    let text = "reader@example.com 198.51.100.7 password=Summ3r!99";
    let redacted = redact(&Scanner::new(), text, &policy, &mut Tokens::new([7; 16]));
    assert!(matches!(redacted.text, Cow::Borrowed(_)));
    assert_eq!(redacted.counts.found(Class::Email), 1);
    assert_eq!(redacted.counts.redacted(Class::Email), 0);
    assert_eq!(serde_json::to_string(&redacted.counts).unwrap(), r#"{"EMAIL":1,"CREDENTIAL":1,"IP":1}"#);
}

/// A card inside an address: flagging addresses must not let the card through, nor may switching them off.
#[test]
fn what_is_strict_is_found_inside_what_is_not() {
    for mode in [Mode::FlagOnly, Mode::Off] {
        let policy = Policy::default().with_mode(Class::Email, mode);
        let out = redact(&Scanner::new(), "4111111111111111@example.com", &policy, &mut Tokens::new([7; 16]));
        assert!(out.text.starts_with("<PAYMENT_") && out.text.ends_with(">@example.com"), "{}", out.text);
        let out =
            redact(&Scanner::new(), "x.4111111111111111@example.com", &policy, &mut Tokens::new([7; 16]));
        assert!(!out.text.contains("41111"), "{}", out.text);
    }
}

#[test]
fn counts_merge() {
    let mut tokens = Tokens::new([7; 16]);
    let mut all = crate::Counts::default();
    for _ in 0..3 {
        let redacted = redact(&Scanner::new(), "reader@example.com", &Policy::default(), &mut tokens);
        all.merge(&redacted.counts);
    }
    assert_eq!((all.total(), all.redacted(Class::Email)), (3, 3));
}
