//! Rules of many channels on the wire.

use crate::{BadRules, Channel, Class, Mode, Policy, Rulebook, Scanner};

fn book(wire: &str) -> Rulebook {
    serde_json::from_str(wire).unwrap()
}

#[test]
fn what_is_said_for_a_channel_goes_before_what_is_said_for_all() {
    let book = book(
        r#"{"version":"pii@2","classes":{"PERSON":{"mode":"reversible"},"IP":{"mode":"off"}},
            "channels":{"log":{"PERSON":{"mode":"flag_only"}},"prompt":{"IP":{"mode":"strict","threshold":0.75}}}}"#,
    );
    assert_eq!(book.version(), "pii@2");
    let mode = |channel, class| book.on(channel).mode(class);
    assert_eq!(mode(Channel::Prompt, Class::Person), Mode::Reversible);
    assert_eq!(mode(Channel::Log, Class::Person), Mode::FlagOnly);
    assert_eq!(mode(Channel::Export, Class::Person), Mode::Strict, "nothing is put back there");
    assert_eq!(
        (mode(Channel::Prompt, Class::Ip), mode(Channel::Upload, Class::Ip)),
        (Mode::Strict, Mode::Off)
    );
    assert!((book.on(Channel::Prompt).threshold(Class::Ip) - 0.75).abs() < f32::EPSILON);
    assert_eq!(mode(Channel::Memory, Class::Email), Mode::Strict, "the default");
    assert!(book.keeps(&[Channel::Prompt]) && !book.keeps(&[Channel::Log, Channel::Export]));
}

#[test]
fn a_policy_of_one_kind_reads_and_means_the_same_on_every_channel() {
    let old = Policy::new("pii@7").with_mode(Class::Email, Mode::FlagOnly).with_mode(Class::Minor, Mode::Off);
    let book = book(&serde_json::to_string(&old).unwrap());
    for channel in Channel::ALL {
        assert_eq!(book.on(channel), &old, "{channel}");
    }
    assert_eq!(Rulebook::new("pii@default").on(Channel::Log), &Policy::new("pii@default"));
}

#[test]
fn a_rulebook_survives_the_wire_and_says_only_what_differs() {
    let wire = r#"{"version":"pii@2","classes":{},"channels":{"prompt":{"EMAIL":{"mode":"reversible","threshold":0.5}}},"allow":["help@example.com"],"deny":[{"phrase":"project falcon","class":"CREDENTIAL"}],"keep_seconds":600}"#;
    let read = book(wire);
    assert_eq!(serde_json::to_string(&read).unwrap(), wire);
    assert_eq!(read.keep_seconds(), 600);
    let scanner = Scanner::new().listing(read.lists());
    let text = "help@example.com on Project Falcon, other@example.com";
    let found = scanner.scan_with(text, read.on(Channel::Prompt));
    let found: Vec<&str> = found.into_iter().map(|m| &text[m.range]).collect();
    assert_eq!(found, ["Project Falcon", "other@example.com"]);
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let said = |wire: &str| Rulebook::of("v", serde_json::from_str(wire).unwrap()).unwrap_err();
    let wrong = said(r#"{"channels":{"log":{"EMAIL":{"mode":"reversible"}}}}"#);
    assert_eq!(wrong, BadRules::Irreversible(Channel::Log, Class::Email));
    assert_eq!(wrong.pointer(), "/channels/log/EMAIL");
    assert_eq!(said(r#"{"allow":["ok"," - "]}"#).pointer(), "/allow/1");
    assert_eq!(
        said(r#"{"deny":[{"phrase":"one two three four","class":"IP"}]}"#).pointer(),
        "/deny/0/phrase"
    );
    assert_eq!(said(r#"{"keep_seconds":1}"#), BadRules::KeepSeconds);
    assert_eq!(said(r#"{"keep_seconds":99999999}"#), BadRules::KeepSeconds);
    let long = format!(r#"{{"allow":["{}"]}}"#, "a".repeat(201));
    assert_eq!(said(&long), BadRules::TooMuch("allow"));
    for wire in [
        r#"{"version":"a","channels":{"fax":{}}}"#,
        r#"{"version":"a","channels":{"prompt":{"FAX":{"mode":"strict"}}}}"#,
        r#"{"version":"a","extra":1}"#,
        r#"{"classes":{}}"#,
    ] {
        assert!(serde_json::from_str::<Rulebook>(wire).is_err(), "{wire}");
    }
}
