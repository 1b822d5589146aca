use proptest::prelude::*;
use serde_json::json;

use super::*;

fn text(value: &Value) -> String {
    String::from_utf8(to_canonical(value).unwrap()).unwrap()
}

#[test]
fn strings_are_escaped_as_in_rfc_8785() {
    // The string of the example in RFC 8785 §3.2.2.
    let value = json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/");
    assert_eq!(text(&value), r#""€$\u000f\nA'B\"\\\\\"/""#);
    assert_eq!(text(&json!("\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}")), "\"\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}\"");
    assert_eq!(text(&json!([null, true, false, [], {}])), "[null,true,false,[],{}]");
}

#[test]
fn names_are_sorted_as_in_rfc_8785() {
    // The example of §3.2.3: a Hebrew letter of the presentation forms sorts after the emoji's surrogates.
    let value = json!({"\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis"});
    let found: Vec<_> =
        text(&value).split("\":\"").skip(1).map(|part| part.split('"').next().unwrap().to_owned()).collect();
    assert_eq!(
        found,
        [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        ]
    );
    assert_eq!(from_canonical(text(&value).as_bytes()), Ok(value));
}

#[test]
fn numbers_are_exact_integers() {
    assert_eq!(text(&json!([0, -1, INTEGER_MAX, -INTEGER_MAX])), "[0,-1,9007199254740991,-9007199254740991]");
    for value in [json!(1.5), json!(INTEGER_MAX + 1), json!(-INTEGER_MAX - 1), json!(u64::MAX), json!(1e300)]
    {
        assert_eq!(to_canonical(&value), Err(JsonError::Number), "{value}");
    }
    for wrong in
        ["1.0", "1e3", "1E3", "9007199254740992", "-9007199254740992", "123456789012345678901234567890"]
    {
        assert_eq!(from_canonical(wrong.as_bytes()), Err(JsonError::Number), "{wrong}");
    }
    for wrong in ["-0", "01", "-", "-01", "+1"] {
        assert_eq!(from_canonical(wrong.as_bytes()), Err(JsonError::Syntax(0)), "{wrong}");
    }
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = from_canonical(nested(DEPTH_MAX).as_bytes()).unwrap();
    assert_eq!(text(&deepest), nested(DEPTH_MAX));
    assert_eq!(from_canonical(nested(DEPTH_MAX + 1).as_bytes()), Err(JsonError::Depth));
    assert_eq!(to_canonical(&json!([deepest])), Err(JsonError::Depth));
    assert_eq!(from_canonical(&vec![b'['; 1_000_000]), Err(JsonError::Depth));
    assert_eq!(from_canonical("{\"a\":".repeat(100_000).as_bytes()), Err(JsonError::Depth));
}

#[test]
fn every_other_spelling_is_refused() {
    for wrong in [
        "",
        " null",
        "null ",
        "nul",
        "nulll",
        "True",
        "[1, 2]",
        "[1,]",
        "[,1]",
        "[1 ]",
        "{\"a\": 1}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\"}",
        "{\"a\":}",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\/\"",
        "\"\\u0041\"",
        "\"\\u000A\"",
        "\"\\u000a\"",
        "\"\\u001F\"",
        "\"\\u0022\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\x\"",
        "\"\\",
        "\"\\u00",
        "1 1",
        "[]]",
        "\u{feff}1",
        "NaN",
    ] {
        assert!(matches!(from_canonical(wrong.as_bytes()), Err(JsonError::Syntax(_))), "{wrong:?}");
    }
    for wrong in [r#"{"b":1,"a":2}"#, r#"{"a":1,"a":2}"#, "{\"\u{fb33}\":1,\"\u{1f600}\":2}"] {
        assert!(matches!(from_canonical(wrong.as_bytes()), Err(JsonError::Order(_))), "{wrong:?}");
    }
    assert_eq!(from_canonical(b"\"\xff\""), Err(JsonError::Utf8));
    assert_eq!(from_canonical(b"\"\xed\xa0\x80\""), Err(JsonError::Utf8));
}

pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-INTEGER_MAX..=INTEGER_MAX).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x7f]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_round_trip(value in any_value()) {
        let bytes = to_canonical(&value).unwrap();
        prop_assert_eq!(from_canonical(&bytes), Ok(value.clone()));
        prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
    }

    #[test]
    fn what_parses_is_written_back_the_same(
        text in "[\\[\\]{}\",:\\\\/u0-9a-fnrtbl\\-. ]{0,24}",
        quoted in "\"([a-f]|\\\\[\"\\\\/bfnrtu]|\\\\u00[01][0-9a-fA-F])*\"",
    ) {
        for text in [text.clone(), quoted.clone(), format!("[{quoted},{text}]"), format!("{{{quoted}:{text}}}")] {
            if let Ok(value) = from_canonical(text.as_bytes()) {
                prop_assert_eq!(String::from_utf8(to_canonical(&value).unwrap()).unwrap(), text);
            }
        }
    }

    #[test]
    fn changed_bytes_never_panic_and_never_give_another_spelling(value in any_value(), at: usize, byte: u8) {
        let mut bytes = to_canonical(&value).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(value) = from_canonical(&bytes) {
            prop_assert_eq!(to_canonical(&value).unwrap(), bytes);
        }
    }
}
