use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::properties;

fn refusal(text: impl AsRef<[u8]>) -> (JsonErrorKind, usize) {
    let error = Document::parse(text.as_ref(), Limits::default()).map(|_| ()).unwrap_err();
    (error.kind, error.offset)
}

#[test]
fn a_megabyte_of_brackets_is_refused_at_the_depth_limit() {
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let text = open.repeat(1 << 20);
        let (kind, offset) = refusal(text);
        assert_eq!(kind, JsonErrorKind::TooDeep);
        assert!(offset <= DEPTH_MAX * open.len(), "read on after the limit: {offset}");
    }
    let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
    assert!(Document::parse(deepest.as_bytes(), Limits::default()).is_ok());
    assert_eq!(refusal(format!("[{deepest}]")).0, JsonErrorKind::TooDeep);
}

#[test]
fn errors_name_the_byte() {
    use JsonErrorKind as K;
    for (text, kind, offset) in [
        (&b""[..], K::UnexpectedEnd, 0),
        (b"  ", K::UnexpectedEnd, 2),
        (b"{\"a\":1} x", K::TrailingText, 8),
        (b"{\"a\":1,}", K::UnexpectedByte, 7),
        (b"[1,]", K::UnexpectedByte, 3),
        (b"{a:1}", K::UnexpectedByte, 1),
        (b"[1 2]", K::UnexpectedByte, 3),
        (b"\"a\nb\"", K::ControlCharacter, 2),
        (b"\"\\x\"", K::Escape, 2),
        (b"\"\\u12g4\"", K::Escape, 5),
        (b"\"abc", K::UnexpectedEnd, 4),
        (b"01", K::Number, 1),
        (b"-", K::UnexpectedEnd, 1),
        (b"1.", K::UnexpectedEnd, 2),
        (b"1.x", K::Number, 2),
        (b"1e+", K::UnexpectedEnd, 3),
        (b"+1", K::UnexpectedByte, 0),
        (b"nul", K::UnexpectedEnd, 3),
        (b"nulL", K::UnexpectedByte, 3),
        (b"NaN", K::UnexpectedByte, 0),
        (b"[}", K::UnexpectedByte, 1),
        (b"{\"a\":\"\xff\"}", K::Utf8, 6),
        (b"\xef\xbb\xbf{}", K::UnexpectedByte, 0),
    ] {
        assert_eq!(refusal(text), (kind, offset), "{}", String::from_utf8_lossy(text));
    }
    let error = Document::parse(b"[1,]", Limits::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "invalid JSON at byte 3: unexpected character");
}

#[test]
fn half_a_body_is_an_error_at_every_cut() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"h\u00e9 \"x\""}],"n":-1.5e3,"s":true}"#;
    for cut in 0..body.len() {
        let result = Document::parse(&body[..cut], Limits::default());
        assert!(result.is_err(), "accepted {}", String::from_utf8_lossy(&body[..cut]));
    }
    assert!(Document::parse(body, Limits::default()).is_ok());
}

#[test]
fn a_key_named_twice_is_refused_however_it_is_spelled() {
    for twice in [
        r#"{"model":"a","model":"b"}"#,
        r#"{"model":"a","mod\u0065l":"b"}"#,
        r#"{"mod\u0065l":"a","model":"b"}"#,
        r#"{"a":{"b":[{"c":1,"c":2}]}}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert_eq!(refusal(twice).0, JsonErrorKind::DuplicateKey, "{twice}");
        let allowed = Limits::default().allowing_duplicate_keys();
        assert!(Document::parse(twice.as_bytes(), allowed).is_ok());
    }
    let mut many: Vec<String> = (0..5000).map(|n| format!("\"k{n}\":{n}")).collect();
    assert!(Document::parse(format!("{{{}}}", many.join(",")).as_bytes(), Limits::default()).is_ok());
    many.push("\"k17\":0".to_owned());
    let text = format!("{{{}}}", many.join(","));
    assert_eq!(refusal(&text), (JsonErrorKind::DuplicateKey, text.len() - 8));
}

#[test]
fn limits_bound_bytes_and_values() {
    let small = Limits { bytes_max: 10, nodes_max: 3, ..Limits::default() };
    let kind = |text: &str| Document::parse(text.as_bytes(), small).map(|_| ()).unwrap_err().kind;
    assert_eq!(kind("[1,2,3,4,5]"), JsonErrorKind::TooLarge);
    assert_eq!(kind("[1,2,3]"), JsonErrorKind::TooManyValues);
    assert!(Document::parse(b"[1,2]", small).is_ok());
}

#[test]
fn surrogates_decode_in_pairs_and_alone_become_the_replacement_character() {
    let document = Document::parse(
        br#"["\ud83d\ude00","\ud83d","\ude00x","\ud83d\ud83d\ude00","\ud83dA"]"#,
        Limits::default(),
    )
    .unwrap();
    let texts: Vec<_> = document.root().items().map(|item| item.as_str().unwrap()).collect();
    assert_eq!(texts, ["😀", "\u{fffd}", "\u{fffd}x", "\u{fffd}😀", "\u{fffd}A"]);
}

#[test]
fn huge_numbers_keep_their_spelling() {
    let digits = format!("{}.5e-400", "9".repeat(400));
    let body = format!("{{\"a\" : {digits} , \"b\":\"x\"}}");
    let document = Document::parse(body.as_bytes(), Limits::default()).unwrap();
    let a = document.root().get("a").unwrap();
    assert_eq!((a.raw(), a.as_u64()), (digits.as_str(), None));
    let mut splice = Splice::new();
    splice.replace(document.root().get("b").unwrap().span(), "\"y\"");
    assert_eq!(splice.apply(&body), format!("{{\"a\" : {digits} , \"b\":\"y\"}}"));
}

#[test]
fn a_value_tells_what_it_is() {
    let document = Document::parse(
        br#" {"k\u0065y":[1,true,null,{"x":[]}],"n":18446744073709551616,"z":"a\/b"} "#,
        Limits::default(),
    )
    .unwrap();
    let root = document.root();
    assert_eq!(root.get("key").unwrap().raw(), r#"[1,true,null,{"x":[]}]"#);
    assert_eq!(root.get("key").unwrap().items().count(), 4);
    assert_eq!(root.get("n").unwrap().as_u64(), None);
    assert_eq!(root.get("z").unwrap().as_str().unwrap(), "a/b");
    assert!(root.get("absent").is_none() && root.get("n").unwrap().get("n").is_none());
    assert_eq!(root.entries().count(), 3);
    assert_eq!(root.items().count(), 0);
    assert_eq!(document.node_count(), 13);
}

#[test]
fn edits_of_one_place_never_mix() {
    let body = "0123456789";
    let mut splice = Splice::new();
    splice.replace(6..8, "b");
    splice.replace(2..4, "a");
    splice.replace(6..7, "ignored: inside another");
    splice.replace(5..7, "ignored: half over another");
    splice.replace(5..9, "B");
    splice.replace(10..10, "!");
    splice.replace(0..0, "^");
    assert_eq!(splice.apply(body), "^01a4B9!");
    assert_eq!(splice.len(), 4);
    splice.replace(90..99, "beyond the body");
    assert_eq!(splice.apply(body), "^01a4B9!");
}

#[test]
fn unicode_escapes_in_plain_text_are_resolved_at_any_depth_of_escaping() {
    assert_eq!(unescape_unicode(r"mail a\u0040b.example").unwrap(), "mail a@b.example");
    assert_eq!(unescape_unicode(r"a\\\\u0040b \u00").unwrap(), r"a@b \u00");
    assert_eq!(unescape_unicode(r"\ud83d\ude00 \ud83d").unwrap(), "😀 \u{fffd}");
    for none in ["", "plain", r"C:\users", r"\u12", r"\uZZZZ"] {
        assert_eq!(unescape_unicode(none), None, "{none}");
    }
}

#[test]
fn nothing_to_change_borrows() {
    assert!(matches!(Splice::new().apply("{}"), Cow::Borrowed("{}")));
}

/// Text made of the pieces JSON is made of, so that a good part of it is JSON or nearly so.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"model\"",
        "\"\\u0061\"",
        "\"\\ud800\"",
        "\"",
        "\\",
        "0",
        "-1",
        "1e5",
        "1.",
        "123456789012",
        "true",
        "null",
        "fals",
        " ",
        "\n",
        "\u{1}",
        "é",
        "\"[1]\"",
        "\"{\\\"a\\\":\\\"x\\\"}\"",
        "\"messages\":",
        "\"content\":",
        "\"arguments\":",
        "\"data:image/png;base64,AAAA\"",
    ]);
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// Valid JSON of limited depth.
fn valid_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        ".{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-c]{0,2}|content|role|model|messages|tools", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        properties::json_splice(&bytes);
    }

    #[test]
    fn text_that_is_nearly_json(text in nearly_json()) {
        properties::json_splice(text.as_bytes());
    }

    #[test]
    fn valid_documents_are_accepted_and_read_alike(value in valid_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        properties::json_splice(text.as_bytes());
        let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
        same(document.root(), &value);
    }

    #[test]
    fn strings_survive_encoding_and_decoding(text in any::<String>()) {
        let json = string(&text);
        prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.clone());
        let document = Document::parse(json.as_bytes(), Limits::default()).unwrap();
        prop_assert_eq!(document.root().as_str().unwrap(), text);
    }
}

fn same(ours: Value<'_, '_>, theirs: &serde_json::Value) {
    match theirs {
        serde_json::Value::Array(items) => {
            assert_eq!(ours.items().count(), items.len());
            ours.items().zip(items).for_each(|(ours, theirs)| same(ours, theirs));
        }
        serde_json::Value::Object(members) => {
            assert_eq!(ours.entries().count(), members.len());
            members.iter().for_each(|(key, theirs)| same(ours.get(key).unwrap(), theirs));
        }
        serde_json::Value::String(text) => assert_eq!(ours.as_str().unwrap(), text.as_str()),
        other => assert_eq!(ours.raw(), other.to_string()),
    }
}
