use proptest::prelude::*;

use super::*;
use crate::testing::{ORIGIN, key};
use crate::{Checkpoint, EMPTY_ROOT};

fn cosigner(name: &str, seed: u8) -> Cosigner {
    Cosigner::from_seed(KeyName::new(name).unwrap(), &[seed; 32]).unwrap()
}

fn note() -> Note {
    Checkpoint::new(KeyName::new(ORIGIN).unwrap(), 0, EMPTY_ROOT).unwrap().sign(&key(ORIGIN, 1)).unwrap()
}

#[test]
fn a_cosignature_says_when_and_survives_the_text_form() {
    let witness = cosigner("witness.example.com/w1", 2);
    let mut note = note();
    assert_eq!(witness.key().verify(&note), Ok(None));
    note.add_signature(witness.cosign(note.text(), 1_679_315_147).unwrap()).unwrap();
    note.add_signature(witness.cosign(note.text(), 1_679_315_140).unwrap()).unwrap();
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(witness.key().verify(&read), Ok(Some(1_679_315_147)), "the newest counts");
    // The log's own line is not disturbed, and means nothing as a cosignature.
    assert!(Checkpoint::open(&read, &[key(ORIGIN, 1).verifier().clone()]).is_ok());
    let strangers = [cosigner("witness.example.com/w1", 3), cosigner("witness.example.com/w2", 2)];
    assert!(strangers.iter().all(|stranger| stranger.key().verify(&read) == Ok(None)));
    let known = [witness.key().clone(), strangers[0].key().clone()];
    let found = cosignatures(&read, &known).unwrap();
    assert_eq!(found, [Cosignature { key: &known[0], at: 1_679_315_147 }]);
}

#[test]
fn whatever_is_changed_condemns_the_line() {
    let witness = cosigner("witness.example.com/w1", 2);
    let good = witness.cosign(note().text(), 7).unwrap();
    let with = |bytes: Vec<u8>| {
        let mut note = note();
        note.add_signature(NoteSignature::new(good.name().clone(), good.key_id(), bytes)).unwrap();
        witness.key().verify(&note)
    };
    assert_eq!(with(good.bytes().to_vec()), Ok(Some(7)));
    let forged = Err(CosignError::Invalid(witness.key().name().clone()));
    for at in 0..good.bytes().len() {
        let mut bytes = good.bytes().to_vec();
        bytes[at] ^= 1;
        assert_eq!(with(bytes), forged, "byte {at}");
    }
    assert_eq!(with(good.bytes()[..71].to_vec()), forged);
    assert_eq!(with(vec![1]), forged);
    for time in [0, u64::MAX, 1 << 63] {
        assert_eq!(with(witness.cosign(note().text(), time).unwrap().bytes().to_vec()), forged, "{time}");
    }
    let other = Checkpoint::new(KeyName::new(ORIGIN).unwrap(), 0, crate::leaf_hash(b"x")).unwrap();
    let mut other = other.sign(&key(ORIGIN, 1)).unwrap();
    other.add_signature(good).unwrap();
    assert_eq!(witness.key().verify(&other), forged);
}

#[test]
fn a_vkey_is_of_type_four() {
    let witness = cosigner("witness.example.com/w1", 2);
    let text = witness.key().to_string();
    assert_eq!(text.parse::<CosignerKey>().unwrap(), *witness.key());
    assert_eq!(text.parse::<crate::VerifierKey>(), Err(KeyError::Type(4)));
    let log = key(ORIGIN, 1).verifier().to_string();
    assert_eq!(log.parse::<CosignerKey>(), Err(KeyError::Type(1)));
    assert_eq!(text.replacen('+', "+f", 1).parse::<CosignerKey>(), Err(KeyError::Format));
}

#[test]
fn an_answer_is_signature_lines_and_nothing_else() {
    let line = cosigner("w", 2).cosign(note().text(), 7).unwrap();
    assert_eq!(parse_lines(format!("{line}\n").as_bytes()), Ok(vec![line.clone()]));
    assert_eq!(parse_lines(format!("{line}\n{line}\n").as_bytes()).unwrap().len(), 2);
    let bad = [
        String::new(),
        line.to_string(),
        format!("\n{line}\n"),
        format!("x\n{line}\n"),
        "\u{2014} w\n".to_owned(),
    ];
    for text in bad {
        assert!(parse_lines(text.as_bytes()).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_answer_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_lines(&bytes);
    }
}
