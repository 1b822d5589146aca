use proptest::prelude::*;

use super::*;
use crate::cosign::Cosigner;
use crate::note::KeyName;
use crate::testing::{ORIGIN, key};
use crate::{Checkpoint, EMPTY_ROOT};

fn witness(seed: u8) -> Cosigner {
    Cosigner::from_seed(KeyName::new(format!("witness.example.com/{seed}")).unwrap(), &[seed; 32]).unwrap()
}

fn note(by: &[u8]) -> Note {
    let checkpoint = Checkpoint::new(KeyName::new(ORIGIN).unwrap(), 0, EMPTY_ROOT).unwrap();
    let mut note = checkpoint.sign(&key(ORIGIN, 1)).unwrap();
    for seed in by {
        note.add_signature(witness(*seed).cosign(note.text(), 9).unwrap()).unwrap();
    }
    note
}

/// The example of the specification, with keys.
fn example() -> String {
    let key = |seed: u8| witness(seed).key().to_string();
    format!(
        "# two organizations\nlog {} https://log.example.com\n\nwitness X1 {} http://127.0.0.1:1\n\twitness X2\t{}  \n\
         witness X3 {}\ngroup X-witnesses 2 X1 X2 X3\nwitness Y1 {}\nwitness Y2 {}\nwitness Y3 {}\n\
         group Y-witnesses any Y1 Y2 Y3\n  # both\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        key_of_log(),
        key(11),
        key(12),
        key(13),
        key(21),
        key(22),
        key(23),
    )
}

fn key_of_log() -> String {
    key(ORIGIN, 1).verifier().to_string()
}

#[test]
fn the_example_of_the_specification_asks_for_what_it_says() {
    let policy = Policy::parse(&example()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    assert_eq!(policy.witnesses()[0].url.as_deref(), Some("http://127.0.0.1:1"));
    assert!(policy.asks_for_witnesses());
    let enough = [vec![11, 12, 21], vec![13, 11, 23], vec![11, 12, 13, 21, 22, 23]];
    let few = [
        vec![],
        vec![11, 12, 13],
        vec![11, 21, 22, 23],
        vec![21, 22, 23],
        vec![31, 32, 33],
        vec![11, 11, 21],
    ];
    for by in enough {
        assert!(policy.check(&note(&by)).is_ok(), "{by:?}");
        assert_eq!(policy.cosignatures(&note(&by)).unwrap().len(), by.len());
    }
    for by in few {
        assert_eq!(policy.check(&note(&by)), Err(Unmet::Quorum), "{by:?}");
    }
    let mut forged = note(&[11, 12, 21]);
    forged.add_signature(witness(22).cosign("another text\n", 9).unwrap()).unwrap();
    assert!(matches!(policy.check(&forged), Err(Unmet::Cosignature(_))));
}

#[test]
fn none_asks_for_nobody_and_a_log_must_have_signed() {
    let policy = Policy::parse(&format!("log {}\nquorum none", key_of_log())).unwrap();
    assert!(!policy.asks_for_witnesses() && policy.check(&note(&[])).is_ok());
    let other = Policy::parse(&format!("log {}\nquorum none", key(ORIGIN, 2).verifier())).unwrap();
    assert!(matches!(other.check(&note(&[])), Err(Unmet::Log(OpenError::Signature(_)))));
    let one =
        Policy::parse(&format!("log {}\nwitness w {}\nquorum w\n", key_of_log(), witness(2).key())).unwrap();
    assert!(one.check(&note(&[2])).is_ok() && one.check(&note(&[3])) == Err(Unmet::Quorum));
}

#[test]
fn faults_are_named_by_line() {
    let (a, b) = (witness(1).key().to_string(), witness(2).key().to_string());
    let fault = |text: &str| match Policy::parse(text).unwrap_err() {
        PolicyError::Line { line, fault } => (line, fault),
        other => panic!("{text}: {other}"),
    };
    let twice = |name: &str| LineFault::Twice(name.to_owned());
    let unknown = |name: &str| LineFault::Unknown(name.to_owned());
    assert_eq!(Policy::parse("# nothing\n"), Err(PolicyError::NoQuorum));
    assert_eq!(fault("quorum w"), (1, unknown("w")));
    assert_eq!(fault("\n\nquorum none\nquorum none"), (4, twice("quorum")));
    assert_eq!(fault(&format!("witness none {a}")), (1, twice("none")));
    assert_eq!(fault(&format!("witness w {a}\nwitness w {b}")), (2, twice("w")));
    assert_eq!(fault(&format!("witness v {a}\nwitness w {a}")), (2, twice(&a)));
    assert_eq!(fault(&format!("witness w {a}\ngroup w any w")), (2, twice("w")));
    assert_eq!(fault(&format!("witness w {a}\ngroup g any w none")), (2, unknown("none")));
    assert_eq!(fault("group g any g"), (1, unknown("g")));
    assert_eq!(fault("group g any"), (1, LineFault::Words));
    assert_eq!(fault("logs x"), (1, LineFault::Words));
    assert_eq!(fault(&format!("log {a}")), (1, LineFault::Key(KeyError::Type(4))));
    assert_eq!(fault(&format!("witness w {}", key_of_log())), (1, LineFault::Key(KeyError::Type(1))));
    for least in ["0", "2", "01", "-1", "most"] {
        assert_eq!(fault(&format!("witness w {a}\ngroup g {least} w")), (2, LineFault::Threshold), "{least}");
    }
    assert_eq!(
        fault(&format!("log {0}\nlog {0} https://again.example.com", key_of_log())),
        (2, twice(&key_of_log()))
    );
    assert_eq!(Policy::parse(&"#\n".repeat(POLICY_BYTES_MAX)), Err(PolicyError::TooLarge));
}

proptest! {
    #[test]
    fn no_policy_panics(text in "[a-z0-9 #+\n]{0,200}") {
        let _ = Policy::parse(&text);
    }
}
