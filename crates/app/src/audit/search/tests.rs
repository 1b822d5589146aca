use super::*;

const ID: &str = "019a0000-0000-7000-8000-000000000001";

fn pointers(words: &SearchWords<'_>) -> Vec<String> {
    let problem = Search::parse(words).expect_err("a fault");
    problem.errors.into_iter().map(|error| error.pointer).collect()
}

fn sieve(words: &SearchWords<'_>) -> Sieve {
    Search::parse(words).expect("no fault").0
}

#[test]
fn every_fault_is_named_at_once() {
    let words = SearchWords {
        kind: Some("nobody.*"),
        category: Some("rooms"),
        severity: Some("grave"),
        outcome: Some("fine"),
        actor: Some("robot:1"),
        subject: Some("key:"),
        project: Some("billing"),
        request_id: Some("a b"),
        since: Some("yesterday"),
        until: Some("2026-11-22"),
        ..SearchWords::default()
    };
    let mut found = pointers(&words);
    found.sort_unstable();
    let expected = [
        "/actor",
        "/category",
        "/kind",
        "/outcome",
        "/project",
        "/request_id",
        "/severity",
        "/since",
        "/subject",
        "/until",
    ];
    assert_eq!(found, expected);
    let words = SearchWords {
        since: Some("2026-11-22T10:00:00Z"),
        until: Some("2026-11-22T10:00:00Z"),
        ..SearchWords::default()
    };
    assert_eq!(pointers(&words), ["/until"]);
    let long = "x".repeat(101);
    assert_eq!(pointers(&SearchWords { text: Some(&long), ..SearchWords::default() }), ["/q"]);
    for actor in ["agent", "agent:1", "human:", ":", "nobody"] {
        assert_eq!(pointers(&SearchWords { actor: Some(actor), ..SearchWords::default() }), ["/actor"]);
    }
}

#[test]
fn nothing_named_is_everything() {
    assert_eq!(sieve(&SearchWords::default()), Sieve::default());
    let informational = SearchWords { severity: Some("informational"), ..SearchWords::default() };
    assert_eq!(sieve(&informational), Sieve::default());
    assert_eq!(sieve(&SearchWords { text: Some("  "), ..SearchWords::default() }), Sieve::default());
}

#[test]
fn all_needles_have_a_place() {
    let key = format!("key:{ID}");
    let words = SearchWords {
        text: Some(ID),
        outcome: Some("ok"),
        actor: Some(&key),
        subject: Some("key:k1"),
        project: Some(ID),
        ..SearchWords::default()
    };
    let sieve = sieve(&words);
    assert_eq!((sieve.needles.len(), sieve.words), (store::audit_search::NEEDLES_MAX, None));
}

#[test]
fn severity_narrows_kinds_and_leaves_what_went_wrong() {
    let low = sieve(&SearchWords { severity: Some("low"), ..SearchWords::default() });
    let (kinds, needles) = low.kinds_or.expect("kinds, or an outcome");
    assert!(kinds.contains(&"KEY_CREATED".to_owned()) && !kinds.contains(&"audit.read".to_owned()));
    assert_eq!(needles, unsuccessful());
    let words =
        SearchWords { severity: Some("medium"), kind: Some("AUTH_FAILURE,KEY_*"), ..SearchWords::default() };
    assert_eq!(sieve(&words).kinds, Some(vec!["AUTH_FAILURE".to_owned()]));
    let words = SearchWords { category: Some("keys"), kind: Some("AUTH_FAILURE"), ..SearchWords::default() };
    assert_eq!(sieve(&words).kinds, Some(Vec::new()), "no kind is both");
}

#[test]
fn words_find_kinds_by_what_they_mean() {
    let (kinds, text) =
        sieve(&SearchWords { text: Some(" Revoked "), ..SearchWords::default() }).words.expect("words");
    assert_eq!(text, "revoked");
    assert!(kinds.contains(&"KEY_REVOKED".to_owned()) && !kinds.contains(&"KEY_CREATED".to_owned()));
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(seconds * 1_000_000)
}

#[test]
fn slices_are_round_and_not_too_many() {
    const DAY: i64 = 86_400;
    for (length, width) in [(0, 1), (50, 1), (3_600, 60), (DAY, 1_800), (7 * DAY, 10_800), (30 * DAY, 43_200)]
    {
        let begin = 1_795_341_600 + 7;
        let edges = edges(at(begin), at(begin + length), 62);
        assert!((2..=63).contains(&edges.len()), "{length}: {}", edges.len());
        assert!(
            edges.windows(2).all(|pair| pair[1].unix_seconds() - pair[0].unix_seconds() == width),
            "{length}"
        );
        assert!(edges[0] <= at(begin) && edges[edges.len() - 1] > at(begin + length), "{length}");
        assert_eq!(edges[0].unix_seconds() % width, 0);
    }
    // Whatever the range, even one of a clock that was wrong.
    assert!(edges(at(0), at(40_000_000_000), 62).len() <= 63);
    assert!(edges(at(10), at(5), 62).len() <= 3);
}

#[test]
fn a_full_bar_says_so() {
    let bar = Bar { from: at(0), to: at(60), entries: 5_000, refused: 20, failed: 3 };
    assert!(bar.is_full());
    assert_eq!(bar.fine(), 4_977);
    assert!(!Bar { entries: 4_999, ..bar }.is_full());
}
