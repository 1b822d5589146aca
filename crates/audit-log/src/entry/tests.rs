use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::json::tests::any_value;
use crate::testing::{core, entry};
use crate::tiles::ENTRY_BYTES_MAX;

const LEAF: &str = concat!(
    r#"{"action":"llm.call","actor":{"id":"agent-1","key":"key-1","kind":"agent"},"at":"2026-11-18T11:06:40.003000Z","#,
    r#""data":{"call":{"prompt_sha256":"0000000000000000000000000000000000000000000000000000000000000000","#,
    r#""provider":"example","tokens":1234}},"id":"01900000-0000-7000-8000-000000000003","kind":"llm.call.intent","#,
    r#""outcome":"intent","policy":"2026-11-01","request_id":"req-3","source":"gateway","#,
    r#""subject":{"id":"small-1","kind":"model"},"tenant":"00000000-0000-0000-0000-000000000007","v":1}"#,
);

fn refused(leaf: &str) -> EntryError {
    Entry::from_leaf(leaf.as_bytes()).unwrap_err()
}

#[test]
fn a_leaf_is_spelled_so_for_ever() {
    let leaf = entry(3).to_leaf().unwrap();
    assert_eq!(std::str::from_utf8(&leaf).unwrap(), LEAF);
    assert_eq!(Entry::from_leaf(&leaf).unwrap(), entry(3));
    // It is what a general writer of canonical JSON would write.
    let value: Value = serde_json::from_slice(&leaf).unwrap();
    assert_eq!(crate::json::to_canonical(&value).unwrap(), leaf);
}

#[test]
fn optional_parts_come_and_go() {
    let mut plain = core(1);
    plain.actor = Actor::unnamed(ActorKind::System);
    let plain = Entry::builder(plain).build().unwrap();
    let leaf = String::from_utf8(plain.to_leaf().unwrap()).unwrap();
    assert!(leaf.contains(r#""actor":{"kind":"system"},"#) && leaf.contains(r#""data":{},"#), "{leaf}");
    let full = Entry::builder(core(1)).trace_id("0af7").project(Uuid::from_u128(9)).subject("key", "k\"\n1");
    let full = full.data("a", 1).data("b", json!(["x"])).build().unwrap();
    for entry in [plain, full] {
        assert_eq!(Entry::from_leaf(&entry.to_leaf().unwrap()), Ok(entry));
    }
}

#[test]
fn a_leaf_is_searched_without_being_read() {
    let (project, key) = (Uuid::from_u128(9), Uuid::from_u128(10));
    let mut core = core(1);
    core.actor = Actor::new(ActorKind::Agent, "agent-1").with_key(key.to_string());
    core.outcome = Outcome::Refused;
    // Members of these names in `data`, and text that looks like them, are no members of the entry.
    let misleading = json!({"project": Uuid::from_u128(7).to_string(), "outcome": "ok", "subject": {"id": "k2", "kind": "key"}});
    let entry = Entry::builder(core).project(project).subject("key", "k\"1").data("data", misleading);
    let leaf = entry.data("text", ",\"outcome\":\"failed\",\"policy\":").build().unwrap().to_leaf().unwrap();
    let has = |needle: Vec<u8>| leaf.windows(needle.len()).any(|window| window == needle);
    assert!(has(needle::outcome(Outcome::Refused)));
    assert!(has(needle::subject(None, "k\"1")) && has(needle::subject(Some("key"), "k\"1")));
    assert!(has(needle::project(project)) && has(needle::key(key)) && has(needle::anywhere(key)));
    for outcome in [Outcome::Ok, Outcome::Failed, Outcome::Intent, Outcome::Unknown] {
        assert!(!has(needle::outcome(outcome)), "{outcome}");
    }
    assert!(!has(needle::subject(Some("agent"), "k\"1")) && !has(needle::subject(Some("key"), "k2")));
    assert!(!has(needle::subject(None, "k")) && !has(needle::project(Uuid::from_u128(7))));
    assert!(!has(needle::key(project)));
}

#[test]
fn too_large_is_an_error_and_not_a_cut() {
    let with = |bytes: usize| Entry::builder(core(1)).data("x", "y".repeat(bytes)).build().unwrap();
    let overhead = with(0).to_leaf().unwrap().len();
    let largest = with(ENTRY_BYTES_MAX - overhead);
    let leaf = largest.to_leaf().unwrap();
    assert_eq!(leaf.len(), ENTRY_BYTES_MAX);
    assert_eq!(Entry::from_leaf(&leaf), Ok(largest));
    assert_eq!(with(ENTRY_BYTES_MAX - overhead + 1).to_leaf(), Err(EntryError::TooLarge(65_536)));
    assert_eq!(Entry::from_leaf(&vec![b' '; 65_536]), Err(EntryError::TooLarge(65_536)));
}

#[test]
fn leaves_that_are_not_canonical_are_refused() {
    let syntax =
        |leaf: &str| assert!(matches!(refused(leaf), EntryError::Json(JsonError::Syntax(_))), "{leaf}");
    syntax("");
    syntax("{}");
    syntax(&LEAF.replace(":{\"id\"", ": {\"id\""));
    syntax(&format!("{LEAF}\n"));
    syntax(&LEAF.replace("\"v\":1}", "\"v\":1,\"v\":1}"));
    syntax(&LEAF.replace("\"v\":1}", "\"v\":1,\"w\":1}"));
    syntax(&LEAF.replace("{\"action\"", "{\"aa\":1,\"action\""));
    syntax(&LEAF.replace("\"policy\":\"2026-11-01\",", ""));
    syntax(&LEAF.replace(",\"kind\":\"agent\"}", "}"));
    syntax(&LEAF.replace("req-3", "req\\u002d3"));
    let twice = LEAF.replace("{\"call\":", "{\"call\":1,\"call\":");
    assert!(matches!(refused(&twice), EntryError::Json(JsonError::Order(_))));
    assert_eq!(refused(&LEAF.replace("1234", "12.5")), EntryError::Json(JsonError::Number));
    assert_eq!(Entry::from_leaf(&[0xff]), Err(EntryError::Json(JsonError::Utf8)));
}

#[test]
fn another_version_is_named() {
    assert_eq!(refused(&LEAF.replace("\"v\":1}", "\"v\":2}")), EntryError::Version(2));
    assert_eq!(refused(r#"{"something":"else","v":7}"#), EntryError::Version(7));
    assert!(matches!(refused(r#"{"something":"else","v":1}"#), EntryError::Json(_)));
}

#[test]
fn fields_are_checked_when_read() {
    for (good, wrong, field) in [
        ("\"llm.call\"", "\"llm call\"", "action"),
        ("\"agent\"}", "\"robot\"}", "actor.kind"),
        ("\"agent-1\"", "\"\"", "actor.id"),
        ("2026-11-18T", "2026-11-31T", "at"),
        ("003000Z", "003000z", "at"),
        ("01900000-0000-7000", "0190000A-0000-7000", "id"),
        ("01900000-0000-7000", "0190000000007000", "id"),
        ("llm.call.intent", "llm.Call", "kind"),
        ("\"outcome\":\"intent\"", "\"outcome\":\"maybe\"", "outcome"),
        ("\"gateway\"", "\"Gateway\"", "source"),
        ("\"model\"", "\"\\n\"", "subject.kind"),
        ("-000000000007", "-00000000000g", "tenant"),
    ] {
        assert!(LEAF.contains(good), "{good}");
        assert_eq!(refused(&LEAF.replace(good, wrong)), EntryError::Field(field), "{wrong}");
    }
}

#[test]
fn fields_are_checked_when_built() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let broken = |change: &dyn Fn(&mut EntryParts)| {
        let mut parts = entry(1).into_parts();
        change(&mut parts);
        match Entry::from_parts(parts) {
            Err(EntryError::Field(field)) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(broken(&|parts| parts.action = String::new()), "action");
    assert_eq!(broken(&|parts| parts.actor.id = Some(long.clone())), "actor.id");
    assert_eq!(broken(&|parts| parts.actor.key = Some(String::new())), "actor.key");
    assert_eq!(broken(&|parts| parts.request_id = long.clone()), "request_id");
    assert_eq!(broken(&|parts| parts.trace_id = Some(String::new())), "trace_id");
    assert_eq!(broken(&|parts| parts.policy = String::new()), "policy");
    assert_eq!(broken(&|parts| parts.source = "1api".to_owned()), "source");
    assert_eq!(
        broken(&|parts| parts.subject = Some(Subject { kind: "a b".to_owned(), id: "1".to_owned() })),
        "subject.kind"
    );
    let fraction = Entry::builder(core(1)).data("x", 0.5).build().unwrap();
    assert_eq!(fraction.to_leaf(), Err(EntryError::Json(JsonError::Number)));
}

#[test]
fn kinds_have_two_spellings() {
    const KNOWN: Kind = Kind::from_static("KEY_CREATED");
    assert_eq!(Kind::new("KEY_CREATED"), Ok(KNOWN));
    for good in ["a", "A", "llm.call.intent", "rls.denied", "a1.b_2", "MFA_2"] {
        assert!(Kind::new(good).is_ok(), "{good}");
    }
    let long = "a".repeat(KIND_BYTES_MAX + 1);
    for wrong in
        ["", ".", "a.", ".a", "a..b", "a.1", "1a", "_a", "aB", "Ab", "A.B", "a-b", "a b", "\u{e9}", &long]
    {
        assert_eq!(Kind::new(wrong), Err(EntryError::Field("kind")), "{wrong:?}");
    }
}

#[test]
fn times_are_those_of_the_calendar() {
    for (micros, text) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        (1_709_251_199_999_999, "2024-02-29T23:59:59.999999Z"),
        (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    ] {
        assert_eq!(At::from_unix_micros(micros).unwrap().to_string(), text);
        assert_eq!(text.parse::<At>().unwrap().unix_micros(), micros);
    }
    for wrong in [
        "1969-12-31T23:59:59.999999Z",
        "2023-02-29T00:00:00.000000Z",
        "2100-02-29T00:00:00.000000Z",
        "2026-13-01T00:00:00.000000Z",
        "2026-00-01T00:00:00.000000Z",
        "2026-01-00T00:00:00.000000Z",
        "2026-04-31T00:00:00.000000Z",
        "2026-01-01T24:00:00.000000Z",
        "2026-01-01T00:60:00.000000Z",
        "2026-01-01T00:00:60.000000Z",
        "2026-01-01 00:00:00.000000Z",
        "2026-01-01T00:00:00.000000z",
        "2026-01-01T00:00:00.00000Z",
        "2026-01-01T00:00:00Z",
        "+026-01-01T00:00:00.000000Z",
        "",
    ] {
        assert_eq!(wrong.parse::<At>(), Err(EntryError::Field("at")), "{wrong}");
    }
    assert!(At::from_unix_micros(-1).is_err());
    assert!(At::from_unix_micros(253_402_300_800_000_000).is_err());
}

/// Every day from 1970 to 2400 and the years around each later century, against plain counting.
#[test]
fn no_day_is_lost_or_doubled() {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut day_number = 0;
    for year in 1970..=9999 {
        for month in 1..=12 {
            let days = match month {
                2 => 28 + i64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let each_day = year < 2400 || matches!(year % 100, 99 | 0 | 1);
            for day in (1..=days).filter(|day| each_day || *day == 1 || *day == days) {
                let text = format!("{year:04}-{month:02}-{day:02}T00:00:00.000000Z");
                let at = At::from_unix_micros((day_number + day - 1) * 86_400_000_000).unwrap();
                assert_eq!(at.to_string(), text);
                assert_eq!(text.parse(), Ok(at));
            }
            day_number += days;
        }
    }
}

pub(crate) fn any_entry() -> impl Strategy<Value = Entry> {
    let text = || prop_oneof!["[ -~]{1,20}", "\\PC{1,20}", "[\\x00-\\x1f\"\\\\]{1,8}"];
    let head = (any::<[u8; 16]>(), 0..253_402_300_799_999_999_i64, text(), text());
    let tail = (prop::option::of(text()), prop::option::of(text()), prop::option::of(text()), any::<bool>());
    let data = prop::collection::btree_map(text(), any_value(), 0..4);
    (head, tail, data).prop_map(|((id, at, request_id, policy), (actor, trace, subject, project), data)| {
        let mut parts = entry(1).into_parts();
        parts.id = Uuid::from_bytes(id);
        parts.at = At::from_unix_micros(at).unwrap();
        parts.actor.id = actor.clone();
        parts.actor.key = actor;
        (parts.request_id, parts.policy, parts.trace_id) = (request_id, policy, trace);
        parts.subject = subject.map(|id| Subject { kind: "key".to_owned(), id });
        parts.project = project.then_some(parts.id);
        parts.data = data.into_iter().collect();
        Entry::from_parts(parts).unwrap()
    })
}

proptest! {
    #[test]
    fn entries_round_trip(entry in any_entry()) {
        let leaf = entry.to_leaf().unwrap();
        let value: Value = serde_json::from_slice(&leaf).unwrap();
        prop_assert_eq!(&crate::json::to_canonical(&value).unwrap(), &leaf);
        prop_assert_eq!(Entry::from_leaf(&leaf), Ok(entry));
    }

    #[test]
    fn a_changed_leaf_is_refused_or_is_another_canonical_leaf(entry in any_entry(), at: usize, byte: u8) {
        let mut leaf = entry.to_leaf().unwrap();
        let at = at % leaf.len();
        leaf[at] = byte;
        if let Ok(read) = Entry::from_leaf(&leaf) {
            prop_assert_eq!(read.to_leaf().unwrap(), leaf);
        }
    }

    #[test]
    fn from_leaf_never_panics(bytes: Vec<u8>, text: String, cut: usize) {
        let _ = Entry::from_leaf(&bytes);
        let _ = Entry::from_leaf(text.as_bytes());
        let _ = Entry::from_leaf(&LEAF.as_bytes()[..cut % LEAF.len()]);
        let _ = text.parse::<At>();
    }
}
