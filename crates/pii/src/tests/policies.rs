//! Policies on the wire.

use crate::{Class, Mode, Policy, THRESHOLD_DEFAULT};

#[test]
fn the_default_is_strict_for_what_has_a_structure_and_flags_the_rest() {
    let policy = Policy::default();
    for class in Class::ALL {
        let structured = Class::structured().contains(&class);
        let expected = if structured { Mode::Strict } else { Mode::FlagOnly };
        assert_eq!(policy.mode(class), expected, "{class}");
        assert!((policy.threshold(class) - THRESHOLD_DEFAULT).abs() < f32::EPSILON);
    }
}

#[test]
fn a_policy_survives_the_wire() {
    let policy = Policy::new("2026-02")
        .with_mode(Class::Email, Mode::FlagOnly)
        .with_mode(Class::Ip, Mode::Off)
        .with_threshold(Class::Phone, 0.75)
        .unwrap();
    let wire = serde_json::to_string(&policy).unwrap();
    assert!(wire.contains(r#""EMAIL":{"mode":"flag_only","threshold":0.5}"#), "{wire}");
    assert_eq!(serde_json::from_str::<Policy>(&wire).unwrap(), policy);
}

#[test]
fn what_is_not_named_keeps_its_default() {
    let policy: Policy = serde_json::from_str(r#"{"version":"a","classes":{"IP":{"mode":"off"}}}"#).unwrap();
    assert_eq!(policy.version(), "a");
    assert_eq!((policy.mode(Class::Ip), policy.mode(Class::GovId)), (Mode::Off, Mode::Strict));
}

#[test]
fn nonsense_is_refused() {
    for wire in [
        r"{}",
        r#"{"version":"a","classes":{"FAX":{"mode":"strict"}}}"#,
        r#"{"version":"a","classes":{"email":{"mode":"strict"}}}"#,
        r#"{"version":"a","classes":{"EMAIL":{"mode":"loose"}}}"#,
        r#"{"version":"a","classes":{"EMAIL":{"mode":"strict","threshold":1.5}}}"#,
        r#"{"version":"a","classes":{"EMAIL":{"mode":"strict","limit":1}}}"#,
        r#"{"version":"a","extra":1}"#,
    ] {
        assert!(serde_json::from_str::<Policy>(wire).is_err(), "{wire}");
    }
    assert!(Policy::default().with_threshold(Class::Ip, f32::NAN).is_err());
    assert!(Policy::default().with_threshold(Class::Ip, -0.1).is_err());
}

#[test]
fn names_are_those_of_the_evaluation_data() {
    let names: Vec<&str> = Class::ALL.iter().map(|c| c.name()).collect();
    assert_eq!(
        names,
        [
            "PERSON",
            "EMAIL",
            "PHONE",
            "ADDRESS",
            "GOV_ID",
            "PAYMENT",
            "HEALTH",
            "BIOMETRIC",
            "CREDENTIAL",
            "MINOR",
            "IP"
        ]
    );
    for class in Class::ALL {
        assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
    }
}

#[test]
fn the_threshold_decides() {
    let scanner = crate::Scanner::new();
    let text = "at 202 555 0143 today";
    let bold = Policy::default().with_threshold(Class::Phone, 0.5).unwrap();
    let timid = Policy::default().with_threshold(Class::Phone, 0.9).unwrap();
    assert_eq!(scanner.scan_with(text, &bold).len(), 1);
    assert_eq!(scanner.scan_with(text, &timid).len(), 0);
}
