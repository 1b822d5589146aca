use proptest::prelude::*;

use super::*;
use crate::entry::{Actor, ActorKind, At, Entry, EntryCore, Kind, Outcome};

const SALT: Salt = [7; SALT_BYTES];

fn one(value: impl Into<Value>) -> Disclosure {
    Disclosure { entry: Uuid::from_u128(1), field: "device".into(), salt: SALT, value: value.into() }
}

fn leaf(data: &[(&str, Value)]) -> Vec<u8> {
    let core = EntryCore {
        id: Uuid::from_u128(1),
        at: At::from_unix_micros(1).unwrap(),
        tenant: Uuid::from_u128(2),
        kind: Kind::from_static("account.signed_in"),
        actor: Actor::unnamed(ActorKind::System),
        action: "test".into(),
        outcome: Outcome::Ok,
        request_id: "r".into(),
        policy: "none".into(),
        source: "api".into(),
    };
    let builder = Entry::builder(core);
    let builder = data.iter().fold(builder, |builder, (name, value)| builder.data(*name, value.clone()));
    builder.build().unwrap().to_leaf().unwrap()
}

#[test]
fn a_commitment_is_what_the_documentation_says() {
    // printf 'portcullis/personal/v1\n' with 32 bytes 07 and "Firefox" in quotes after it, through sha256sum.
    let mut message = b"portcullis/personal/v1\n".to_vec();
    message.extend_from_slice(&SALT);
    message.extend_from_slice(b"\"Firefox\"");
    let hash = aws_lc_rs::digest::digest(&SHA256, &message);
    assert_eq!(commitment(&SALT, &"Firefox".into()).unwrap(), URL_SAFE_NO_PAD.encode(hash));
}

#[test]
fn only_the_value_that_was_committed_to_opens_it() {
    let found = commitment(&SALT, &"Firefox".into()).unwrap();
    assert!(one("Firefox").opens(&found));
    assert!(!one("firefox").opens(&found));
    assert!(!Disclosure { salt: [8; SALT_BYTES], ..one("Firefox") }.opens(&found));
    assert!(commitment(&SALT, &json!(0.5)).is_err(), "no canonical form, no commitment");
}

#[test]
fn a_commitment_is_known_by_its_form_alone() {
    let committed = committed(&SALT, &"x".into()).unwrap();
    assert_eq!(commitment_in(&committed), committed["commitment"].as_str());
    let text = committed["commitment"].clone();
    for other in [json!("x"), json!({"commitment": "short"}), json!({"commitment": text, "x": 1}), json!({})]
    {
        assert_eq!(commitment_in(&other), None, "{other}");
    }
    assert!(may_hold(&leaf(&[("device", committed)])));
    assert!(!may_hold(&leaf(&[("device", json!("commitment"))])));
}

#[test]
fn values_stand_in_their_places_and_what_is_gone_says_so() {
    let of = |value: &str| committed(&SALT, &value.into()).unwrap();
    let bytes = leaf(&[("address", of("192.0.2.1")), ("by", json!("password")), ("device", of("Firefox"))]);
    let view = EntryView::parse(&bytes).unwrap();
    let mut disclosed = Disclosures::default();
    assert!(disclosed.add(one("Firefox")));
    let shown = Shown::of(&view, &disclosed).unwrap().unwrap();
    assert_eq!(shown.data, r#"{"address":"erased","by":"password","device":"Firefox"}"#);
    assert_eq!(shown.personal, r#"{"address":"erased","device":"Firefox"}"#);
    assert!(!disclosed.add(one("Safari")), "one of a field");
    assert!(Shown::of(&view, &disclosed).unwrap().unwrap().data.contains(r#""device":"altered""#));
    let plain = leaf(&[("by", json!("password"))]);
    assert_eq!(Shown::of(&EntryView::parse(&plain).unwrap(), &disclosed).unwrap(), None);
}

#[test]
fn files_are_named_by_the_entries_they_speak_of() {
    assert_eq!(Disclosure::path(0), "disclosures/00000000.jsonl");
    assert_eq!(Disclosure::path(DISCLOSED_ENTRIES), "disclosures/00000001.jsonl");
    assert!(Disclosure::is_path(&Disclosure::path(u64::MAX)));
    for bad in [
        "disclosures/1.jsonl",
        "disclosures/../x.jsonl",
        "disclosures/00000001",
        "disclosures/-0000001.jsonl",
    ] {
        assert!(!Disclosure::is_path(bad), "{bad}");
    }
}

#[test]
fn nothing_is_said_by_debug() {
    assert!(!format!("{:?}", one("Firefox")).contains("Firefox"));
}

proptest! {
    #[test]
    fn a_line_reads_back(field in "[a-z_]{1,20}", value in ".{0,60}", salt in any::<[u8; SALT_BYTES]>()) {
        let one = Disclosure { entry: Uuid::from_u128(9), field, salt, value: value.into() };
        prop_assert_eq!(Disclosure::parse(&one.line().unwrap()), Ok(one));
    }

    #[test]
    fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Disclosure::parse(&line);
    }
}
