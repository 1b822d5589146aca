//! A second reader only adds. The readers here are stand-ins for a model that is not part of this crate.

use std::sync::Mutex;

use proptest::prelude::*;

use super::texts;
use crate::{
    Channel, Class, Lists, Match, Mode, Policy, Reader, Reading, Rulebook, SENTENCE_BYTES_MAX, SENTENCES_MAX,
    Scanner, Second, StreamRedactor, Tokens, redact, redact_twice,
};

/// Sees the same places in every sentence, good and bad ones.
#[derive(Debug)]
struct Sees(Vec<(Class, usize, usize)>);

impl Reader for Sees {
    fn read(&self, _: &str) -> Option<Vec<Reading>> {
        let reading = |&(class, start, end)| Reading { class, range: start..end };
        Some(self.0.iter().map(reading).collect())
    }
}

/// Sees one word wherever it stands, and remembers what it was asked.
#[derive(Debug)]
struct Knows(&'static str, Mutex<Vec<String>>);

impl Knows {
    fn new(word: &'static str) -> Self {
        Self(word, Mutex::default())
    }

    fn asked(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

impl Reader for Knows {
    fn read(&self, sentence: &str) -> Option<Vec<Reading>> {
        self.1.lock().unwrap().push(sentence.to_owned());
        let range = |(at, word): (usize, &str)| at..at + word.len();
        let reading = |range| Reading { class: Class::Person, range };
        Some(sentence.match_indices(self.0).map(range).map(reading).collect())
    }
}

/// Cannot read anything.
#[derive(Debug)]
struct Blind;

impl Reader for Blind {
    fn read(&self, _: &str) -> Option<Vec<Reading>> {
        None
    }
}

fn strict() -> Policy {
    Policy::default().with_all(Mode::Strict)
}

/// Letters and digits of the text that are in none of the findings that are replaced.
fn open(text: &str, found: &[Match], policy: &Policy) -> Vec<usize> {
    let covered = |at: usize| found.iter().any(|m| policy.mode(m.class).replaces() && m.range.contains(&at));
    text.char_indices().filter(|(at, c)| c.is_alphanumeric() && !covered(*at)).map(|(at, _)| at).collect()
}

fn only_adds(text: &str, reader: &dyn Reader, policy: &Policy) -> Result<(), TestCaseError> {
    let scanner = Scanner::new();
    let once = scanner.scan_with(text, policy);
    let twice = scanner.scan_twice(text, policy, &mut Second::new(reader, usize::MAX));
    for found in &once {
        prop_assert!(twice.contains(found), "{found:?} is gone");
    }
    for found in twice.iter().filter(|found| !once.contains(found)) {
        prop_assert!(found.rule.starts_with("deep_"), "{found:?}");
        prop_assert!(text.get(found.range.clone()).is_some(), "{found:?}");
    }
    let (before, after) = (open(text, &once, policy), open(text, &twice, policy));
    prop_assert!(after.iter().all(|at| before.contains(at)));
    let mut tokens = Tokens::new([3; 16]);
    let whole = redact_twice(&scanner, text, policy, &mut tokens, &mut Second::new(reader, usize::MAX));
    prop_assert_eq!(whole.counts.total() as usize, twice.len());
    // What is left of the text, between the tokens, in its order.
    let mut at = 0;
    let mut left = String::new();
    for found in twice.iter().filter(|found| policy.mode(found.class).replaces()) {
        left.push_str(&text[at..found.range.start.max(at)]);
        left.push('\u{1}');
        at = found.range.end.max(at);
    }
    left.push_str(&text[at..]);
    let mut written = whole.text.as_ref();
    for piece in left.split('\u{1}').filter(|_| !text.contains('\u{1}')) {
        let found = written.find(piece);
        prop_assert!(found.is_some(), "{piece:?} of {left:?} is not in {:?}", whole.text);
        written = &written[found.unwrap() + piece.len()..];
    }
    let mut tokens = Tokens::new([3; 16]);
    let plain = redact(&scanner, text, policy, &mut tokens);
    if once == twice {
        prop_assert_eq!(whole, plain);
    }
    Ok(())
}

fn readings() -> impl Strategy<Value = Sees> {
    let class = prop::sample::select(vec![Class::Person, Class::Address, Class::Email]);
    prop::collection::vec((class, 0_usize..80, 0_usize..90), 0..6).prop_map(Sees)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_second_reader_removes_nothing_from_dense_text(text in texts::dense(12), reader in readings()) {
        only_adds(&text, &reader, &strict())?;
        only_adds(&text, &reader, &Policy::default())?;
    }

    #[test]
    fn a_second_reader_removes_nothing_from_any_text(text in any::<String>(), reader in readings()) {
        only_adds(&text, &reader, &strict())?;
    }

    /// What nobody sees anything in is found as if nobody had been asked.
    #[test]
    fn a_reader_that_sees_nothing_changes_nothing(text in texts::dense(8)) {
        let scanner = Scanner::new();
        for reader in [&Sees(Vec::new()) as &dyn Reader, &Blind] {
            let twice = scanner.scan_twice(&text, &strict(), &mut Second::new(reader, 9));
            prop_assert_eq!(twice, scanner.scan_with(&text, &strict()));
        }
    }
}

/// A sentence in which the tagger is not sure, and what a reader would have to know to be of use.
const DOUBTFUL: &str = "I am not going unless olive promises to be there.";

#[test]
fn what_the_reader_sees_is_found_besides_and_replaced() {
    let scanner = Scanner::new();
    let text = format!("nothing of it\n{DOUBTFUL}\nthis is not it");
    let reader = Knows::new("olive");
    let mut second = Second::new(&reader, 9);
    let twice = scanner.scan_twice(&text, &strict(), &mut second);
    let added: Vec<_> = twice.iter().filter(|m| m.rule == "deep_person").collect();
    assert_eq!(added.len(), 1, "{twice:?}");
    assert_eq!((&text[added[0].range.clone()], added[0].class), ("olive", Class::Person));
    assert!(!added[0].explanation().contains("olive") && added[0].explanation().contains("second model"));
    assert_eq!((second.read(), second.unread()), (1, 0));
    assert_eq!(reader.asked(), [DOUBTFUL], "only where the tagger is not sure");
    let text = format!("{DOUBTFUL} reader@example.com");
    let mut tokens = Tokens::new([4; 16]);
    let redacted = redact_twice(&scanner, &text, &strict(), &mut tokens, &mut Second::new(&reader, 9));
    assert!(!redacted.text.contains("olive") && redacted.text.contains("<EMAIL_"), "{}", redacted.text);
}

#[test]
fn it_is_asked_and_heard_only_about_words_of_which_the_tagger_thought_too() {
    let scanner = Scanner::new();
    let sure = Knows::new("invoice");
    let text = "please ask Peter Schmidt about the invoice";
    let found = scanner.scan_twice(text, &strict(), &mut Second::new(&sure, 9));
    assert_eq!(
        (sure.asked().len(), found),
        (0, scanner.scan_with(text, &strict())),
        "nothing is left to doubt"
    );
    let wrong = Knows::new("promises");
    let found = scanner.scan_twice(DOUBTFUL, &strict(), &mut Second::new(&wrong, 9));
    assert_eq!((wrong.asked().len(), found.len()), (1, 0), "{found:?}");
    let whole =
        Sees(vec![(Class::Person, DOUBTFUL.find("olive").unwrap(), DOUBTFUL.find(" to be").unwrap())]);
    let found = scanner.scan_twice(DOUBTFUL, &strict(), &mut Second::new(&whole, 9));
    assert_eq!(&DOUBTFUL[found[0].range.clone()], "olive promises", "all of what the reader sees");
    assert!((0.5..=0.8).contains(&found[0].confidence), "{found:?}");
    let asked = |policy: &Policy| {
        let reader = Knows::new("olive");
        scanner.scan_twice(DOUBTFUL, policy, &mut Second::new(&reader, 9));
        reader.asked().len()
    };
    let names = [Class::Person, Class::Address];
    let none = names.iter().fold(strict(), |policy, class| policy.with_mode(*class, Mode::Off));
    let sure = names.iter().fold(strict(), |policy, class| policy.with_threshold(*class, 0.9).unwrap());
    assert_eq!((asked(&strict()), asked(&none), asked(&sure)), (1, 0, 0), "where nothing could come of it");
}

#[test]
fn a_full_stop_inside_a_word_ends_no_sentence() {
    let reader = Knows::new("olive");
    let text = "I read example.com and I am not going unless olive promises to be there";
    Scanner::new().scan_twice(text, &strict(), &mut Second::new(&reader, 9));
    assert_eq!(reader.asked(), [text]);
}

#[test]
fn lists_and_thresholds_go_before_the_reader() {
    let mut lists = Lists::default();
    lists.allow("OLIVE").unwrap();
    let reader = Knows::new("olive");
    let found = |scanner: &Scanner, policy: &Policy| {
        let all = scanner.scan_twice(DOUBTFUL, policy, &mut Second::new(&reader, 9));
        all.iter().filter(|m| m.rule == "deep_person").count()
    };
    assert_eq!(found(&Scanner::new(), &strict()), 1);
    assert_eq!(found(&Scanner::with_lists(lists), &strict()), 0);
    assert_eq!(found(&Scanner::new(), &strict().with_mode(Class::Person, Mode::Off)), 0);
    assert_eq!(found(&Scanner::new(), &strict().with_threshold(Class::Person, 0.95).unwrap()), 0);
}

#[test]
fn what_one_text_and_one_request_may_ask_is_bounded_and_counted() {
    let scanner = Scanner::new();
    let text = format!("{DOUBTFUL} ").repeat(SENTENCES_MAX + 5);
    let mut second = Second::new(&Blind, usize::MAX);
    scanner.scan_twice(&text, &strict(), &mut second);
    assert_eq!((second.read(), second.failed(), second.unread()), (0, SENTENCES_MAX, 5));
    let reader = Knows::new("olive");
    let mut second = Second::new(&reader, 7);
    for _ in 0..2 {
        scanner.scan_twice(&format!("{DOUBTFUL} ").repeat(5), &strict(), &mut second);
    }
    assert_eq!((second.read(), second.unread()), (7, 3));
}

#[test]
fn a_sentence_without_an_end_is_cut_between_words() {
    let scanner = Scanner::new();
    let reader = Knows::new("olive");
    let text = format!("é {} ", DOUBTFUL.trim_end_matches('.')).repeat(60);
    scanner.scan_twice(&text, &strict(), &mut Second::new(&reader, usize::MAX));
    let asked = reader.asked();
    assert!(asked.len() > 4, "{asked:?}");
    for sentence in asked {
        assert!(sentence.len() <= SENTENCE_BYTES_MAX, "{} bytes", sentence.len());
        let words = format!("é {}", DOUBTFUL.trim_end_matches('.'));
        let whole = sentence.split_whitespace().all(|one| words.split(' ').any(|word| word == one));
        assert!(whole, "{sentence}");
    }
}

#[test]
fn titles_end_no_sentence() {
    let scanner = Scanner::new();
    let reader = Knows::new("olive");
    let text = "this is not it\nI told Mr. Rose that I am not going unless olive promises to be there.\nnothing of it";
    scanner.scan_twice(text, &strict(), &mut Second::new(&reader, 9));
    assert_eq!(reader.asked(), ["I told Mr. Rose that I am not going unless olive promises to be there."]);
}

#[test]
fn streams_are_not_read_twice_and_rules_say_nothing_of_it_by_themselves() {
    assert!(!Rulebook::default().deep());
    let wire = r#"{"version":"pii@2","classes":{}}"#;
    let plain: Rulebook = serde_json::from_str(wire).unwrap();
    assert_eq!(serde_json::to_string(&plain).unwrap(), wire, "old documents keep their bytes and their hash");
    let deep: Rulebook = serde_json::from_str(r#"{"version":"pii@2","classes":{},"deep":true}"#).unwrap();
    assert!(deep.deep() && serde_json::to_string(&deep).unwrap().contains(r#""deep":true"#));
    let (scanner, policy) = (Scanner::new(), deep.on(Channel::Completion));
    let mut tokens = Tokens::new([5; 16]);
    let mut stream = StreamRedactor::new(&scanner, policy, &mut tokens);
    let mut out = stream.push(DOUBTFUL);
    out.push_str(&stream.finish().0);
    assert_eq!(out, redact(&scanner, DOUBTFUL, policy, &mut Tokens::new([5; 16])).text);
}
