//! What holds for every text.

use proptest::prelude::*;

use super::texts;
use crate::policy::Policy;
use crate::scanner::View;
use crate::window::Window;
use crate::{Mode, Scanner, Tokens, redact};

fn check(text: &str) -> Result<(), TestCaseError> {
    let scanner = Scanner::new();
    let mut end = 0;
    for m in scanner.scan(text) {
        prop_assert!(m.range.start >= end && m.range.end > m.range.start, "{:?}", m);
        prop_assert!(text.is_char_boundary(m.range.start) && text.is_char_boundary(m.range.end));
        prop_assert!((0.0..=1.0).contains(&m.confidence));
        end = m.range.end;
    }
    prop_assert!(end <= text.len());
    let flagging = Policy::default().with_all(Mode::FlagOnly);
    let flagged = redact(&scanner, text, &flagging, &mut Tokens::new([1; 16]));
    prop_assert_eq!(flagged.text.as_ref(), text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn ranges_are_sound_in_dense_text(text in texts::dense(12)) {
        check(&text)?;
    }

    #[test]
    fn ranges_are_sound_in_any_text(text in any::<String>()) {
        check(&text)?;
    }

    /// Characters that read as several symbols each, where findings begin and end within one.
    #[test]
    fn ranges_are_sound_where_a_character_reads_as_several(text in texts::several(12)) {
        check(&text)?;
        // What is replaced is what is found, to the last byte of the text.
        let policy = Policy::default().with_all(Mode::Strict);
        let scanner = Scanner::new();
        let redacted = redact(&scanner, &text, &policy, &mut Tokens::new([3; 16]));
        let (mut rest, mut at) = (redacted.text.as_ref(), 0);
        for found in scanner.scan_with(&text, &policy) {
            let behind = rest.strip_prefix(&text[at..found.range.start]).and_then(|rest| rest.split_once('>'));
            prop_assert!(behind.is_some(), "{:?}: {}", found, redacted.text);
            (rest, at) = (behind.unwrap_or_default().1, found.range.end);
        }
        prop_assert_eq!(rest, &text[at..]);
    }

    /// A second pass finds nothing in what the first made of ordinary sentences.
    #[test]
    fn a_second_pass_changes_nothing(
        values in prop::collection::vec(
            prop::sample::select(vec![
                "reader@example.com", "4111 1111 1111 1111", "GB82WEST12345698765432", "078-05-1120", "+1 202-555-0143",
                "198.51.100.7", "password: Summ3r!99", "passport L1234567", "111.444.777-35", "2001:db8:655::a8",
                "api_key=q7ZpL2xVd9Kc4TnR", "postgres://app:Winter-77@db.example.com/main", "phone 020 7946 0018",
            ]),
            1..12,
        ),
    ) {
        let scanner = Scanner::new();
        let policy = Policy::default();
        let mut tokens = Tokens::new([2; 16]);
        let text = values.join(", and ");
        let once = redact(&scanner, &text, &policy, &mut tokens);
        prop_assert_eq!(once.counts.total() as usize, values.len());
        let twice = redact(&scanner, &once.text, &policy, &mut tokens);
        prop_assert_eq!(&twice.text, &once.text);
        prop_assert_eq!(twice.counts.total(), 0);
    }
}

#[test]
fn a_scanner_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    fn moved<T: Send>() {}
    shared::<Scanner>();
    shared::<Policy>();
    moved::<Tokens>();
    moved::<crate::StreamRedactor<'_>>();
}

/// Rule calls for each symbol, and symbols looked at, stay under a constant for the worst texts that could be thought of.
#[test]
fn the_work_is_linear() {
    let policy = Policy::report_all();
    for unit in [
        "7",
        "a",
        "a@",
        "a@a",
        "a.",
        "-",
        "-----",
        "-----BEGIN ",
        "eyJhbGciOi",
        "sk-",
        "1 ",
        "1-",
        "1.1.",
        ":",
        "::",
        "a:",
        "<EMAIL_",
        "password=",
        "//a:",
        "(",
        "+1",
        "AB 12 ",
        "GB82 ",
        "login(\"",
        "a@a.aa",
        "\\",
        "&#64;",
        "%40",
        "Bearer ",
        "1234 ",
        "a-a@b",
        "_",
        "x1",
        "'",
        "{\"name\":[",
        "-----BEGIN PRIVATE KEY-----\nA",
        "\u{202e}\u{200b}a\u{200d}",
        "Anna Bo ",
        "12 Main St, ",
        "diagnosed with ",
        "6 year old ",
        "\\\\u0040%25",
    ] {
        let mut per_symbol = Vec::new();
        for size in [2_000, 20_000] {
            let text = unit.repeat(size / unit.len());
            let view = View::of(&text);
            let scanner = Scanner::new();
            let mut engine = scanner.start();
            engine.run(Window { symbols: view.bytes(), last: true }, &policy, &mut |_| {});
            assert_eq!(engine.place, view.bytes().len(), "{unit}");
            per_symbol.push(engine.work / (size / 100));
        }
        assert!(
            per_symbol[0] <= 110 && per_symbol[1] <= per_symbol[0] + 1,
            "{unit}: {per_symbol:?} calls per 100"
        );
    }
}
