use proptest::prelude::*;

use super::key::verify_ed25519;
use super::*;
use crate::testing::{key, read_json, testdata};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn the_example_of_the_specification_verifies() {
    let bytes = std::fs::read(testdata("signed-note/note_ok.txt")).unwrap();
    let vkey = std::fs::read_to_string(testdata("signed-note/note_ok.vkey")).unwrap();
    let known: VerifierKey = vkey.trim().parse().unwrap();
    assert_eq!(known.to_string(), vkey.trim());
    let note = Note::parse(&bytes).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(std::slice::from_ref(&known)), Ok(vec![&known]));
    assert_eq!(note.to_string().as_bytes(), bytes);
}

#[test]
fn ed25519_agrees_with_wycheproof() {
    let cases = read_json("ed25519/wycheproof.json");
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 151);
    for case in cases {
        let part = |at: usize| hex(case[at].as_str().unwrap());
        assert_eq!(verify_ed25519(&part(1), &part(2), &part(3)), case[4] == true, "case {}", case[0]);
    }
}

/// RFC 8032 read strictly: no cofactor, and no other encoding of a point than the canonical one. It refuses what
/// the common lenient verifiers refuse and non-canonical public keys besides, so none of them refuses what we accept.
#[test]
fn ed25519_edge_cases_follow_the_strict_rule() {
    let all = read_json("ed25519/cctv.json");
    let text = |list: &str, at: &serde_json::Value| {
        all[list][usize::try_from(at.as_u64().unwrap()).unwrap()].as_str().unwrap()
    };
    let flags: Vec<_> = all["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()).collect();
    let refused = ["low_order_residue", "non_canonical_R", "non_canonical_A"];
    let mut accepted = 0;
    for case in all["cases"].as_array().unwrap() {
        let bits = case[5].as_u64().unwrap();
        let mut set = flags.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, flag)| *flag);
        let expected = !set.any(|flag| refused.contains(&flag));
        let (public, signature) =
            (hex(text("keys", &case[1])), hex(&format!("{}{}", text("rs", &case[2]), text("ss", &case[3]))));
        let verified = verify_ed25519(&public, text("msgs", &case[4]).as_bytes(), &signature);
        assert_eq!(verified, expected, "case {}", case[0]);
        accepted += usize::from(verified);
    }
    assert!(accepted > 100, "accepted {accepted}");
}

#[test]
fn unknown_lines_are_ignored_and_kept() {
    let (ours, other) = (key("logs.example.com/a", 1), key("witness.example.com", 2));
    let mut note = Note::new("hello\n\nworld\n").unwrap();
    let cosignature = NoteSignature::new(other.verifier().name().clone(), 0x1234_5678, vec![6; 2_420]);
    note.add_signature(cosignature.clone()).unwrap();
    note.sign(&ours).unwrap();
    note.sign(&other).unwrap();
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read, note);
    assert_eq!(read.text(), "hello\n\nworld\n");
    assert_eq!(read.signatures()[0], cosignature);
    let known = [ours.verifier().clone()];
    assert_eq!(read.verify(&known), Ok(vec![&known[0]]));
    let both = [ours.verifier().clone(), other.verifier().clone()];
    assert_eq!(read.verify(&both).unwrap().len(), 2);
    assert_eq!(read.verify(&[]), Err(SignatureError::Unsigned));
    assert_eq!(
        read.verify(&[key("logs.example.com/a", 9).verifier().clone()]),
        Err(SignatureError::Unsigned)
    );
}

#[test]
fn a_bad_line_of_a_known_key_condemns_the_note() {
    let (ours, second) = (key("logs.example.com/a", 1), key("logs.example.com/a", 2));
    let mut note = Note::new("text\n").unwrap();
    note.sign(&ours).unwrap();
    let forged =
        NoteSignature::new(second.verifier().name().clone(), second.verifier().key_id(), vec![0; 64]);
    note.add_signature(forged).unwrap();
    let name = ours.verifier().name().clone();
    assert!(note.verify(std::slice::from_ref(ours.verifier())).is_ok());
    let both = [ours.verifier().clone(), second.verifier().clone()];
    assert_eq!(note.verify(&both), Err(SignatureError::Invalid(name)));
    // Signing again with the genuine key replaces the forged line.
    note.sign(&second).unwrap();
    assert_eq!(note.signatures().len(), 2);
    assert_eq!(note.verify(&both).unwrap().len(), 2);
}

#[test]
fn malformed_notes_are_refused() {
    let mut note = Note::new("text\n").unwrap();
    note.sign(&key("k.example.com", 1)).unwrap();
    let good = note.to_string();
    let line = good.strip_prefix("text\n\n").unwrap();
    let parse = |text: &str| Note::parse(text.as_bytes()).unwrap_err();
    assert_eq!(parse(""), NoteError::Structure);
    assert_eq!(parse("text\n"), NoteError::Structure);
    assert_eq!(parse(good.trim_end()), NoteError::Structure);
    assert_eq!(parse("text\n\n\n"), NoteError::Structure);
    assert_eq!(parse(&format!("{good}{}", line.replace('\u{2014}', "-"))), NoteError::Line(2));
    assert_eq!(parse(&good.replace("k.example.com", "k+example.com")), NoteError::Line(1));
    assert_eq!(parse(&good.replace("text", "te\txt")), NoteError::Control);
    assert_eq!(parse(&good.replace("text", "text\r")), NoteError::Control);
    assert_eq!(parse(&good.replace("=\n", "\n")), NoteError::Line(1));
    assert_eq!(parse("text\n\n\u{2014} k AAAAAA==\n"), NoteError::Line(1));
    assert_eq!(Note::parse(b"\xff\n\n\n"), Err(NoteError::Utf8));
    assert_eq!(Note::parse(&vec![b'a'; NOTE_BYTES_MAX + 1]), Err(NoteError::TooLong(NOTE_BYTES_MAX + 1)));
    let many = format!("text\n\n{}", line.repeat(NOTE_SIGNATURES_MAX));
    assert_eq!(Note::parse(many.as_bytes()).unwrap().signatures().len(), NOTE_SIGNATURES_MAX);
    assert_eq!(parse(&format!("{many}{line}")), NoteError::TooManySignatures);
    assert_eq!(Note::new("no newline"), Err(NoteError::Structure));
}

#[test]
fn malformed_keys_are_refused() {
    let good = key("logs.example.com/a", 1).verifier().to_string();
    let [name, id, encoded] = good.splitn(3, '+').collect::<Vec<_>>().try_into().unwrap();
    let parse = |text: String| text.parse::<VerifierKey>().unwrap_err();
    assert_eq!(parse(format!("{name}+{id}")), KeyError::Format);
    assert_eq!(parse(format!("{name}+00000000+{encoded}")), KeyError::Id);
    assert_eq!(parse(format!("other+{id}+{encoded}")), KeyError::Id);
    assert_eq!(parse(format!("{name}+{}+{encoded}", &id[1..])), KeyError::Format);
    assert_eq!(parse(format!("{name}+{}+{encoded}", "XYZWVUTS")), KeyError::Format);
    assert_eq!(parse(format!("+{id}+{encoded}")), KeyError::Name);
    assert_eq!(parse(format!("a b+{id}+{encoded}")), KeyError::Name);
    assert_eq!(
        parse(format!("{name}+{id}+{}", &encoded[4..])),
        KeyError::Type(STANDARD.decode(&encoded[4..]).unwrap()[0])
    );
    assert_eq!(parse(format!("{name}+{id}+AQ==")), KeyError::Format);
    assert_eq!(KeyName::new("x".repeat(KEY_NAME_BYTES_MAX + 1)), Err(KeyError::Name));
    assert_eq!(KeyName::new("a\u{2003}b"), Err(KeyError::Name));
}

#[test]
fn signed_note_accepts_what_we_sign_and_we_accept_what_it_signs() {
    use signed_note::{StandardVerifier, VerifierList};
    let (ours, other) = (key("logs.example.com/a", 1), key("logs.example.com/b", 2));
    let mut note = Note::new("some text\nof two lines\n").unwrap();
    note.sign(&ours).unwrap();
    note.sign(&other).unwrap();
    let theirs = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&ours.verifier().to_string()).unwrap();
    let (verified, unknown) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 1));

    // Their private key text: PRIVATE+KEY+name+id+base64(type || seed).
    let seed = STANDARD.encode([[SIGNATURE_ED25519].as_slice(), &[1; 32]].concat());
    let private = format!("PRIVATE+KEY+logs.example.com/a+{:08x}+{seed}", ours.verifier().key_id());
    let signer = signed_note::StandardSigner::new(&private).unwrap();
    let mut theirs = signed_note::Note::new(b"their text\n", &[]).unwrap();
    theirs.add_sigs(&[&signer]).unwrap();
    let read = Note::parse(&theirs.to_bytes()).unwrap();
    assert!(read.verify(std::slice::from_ref(ours.verifier())).is_ok());
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_signed_note_is_refused(at: usize, bit in 0_u8..8) {
        let ours = key("logs.example.com/a", 1);
        let mut note = Note::new("logs.example.com/a\n5\n").unwrap();
        note.sign(&ours).unwrap();
        let mut bytes = note.to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let accepted = Note::parse(&bytes).is_ok_and(|note| note.verify(std::slice::from_ref(ours.verifier())).is_ok());
        prop_assert!(!accepted, "byte {at} bit {bit}");
    }

    #[test]
    fn notes_round_trip(text in "[ -~\\n\u{e9}\u{2014}]{0,80}", seed: u8) {
        let mut note = Note::new(format!("{text}\n")).unwrap();
        note.sign(&key("k.example.com", seed)).unwrap();
        prop_assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }

    #[test]
    fn parsers_never_panic(bytes: Vec<u8>, text in "\\PC*", block in "(\u{2014} [a-z+ ]{0,5} [A-Za-z0-9+/=]{0,12}\\n?){0,4}") {
        let _ = Note::parse(&bytes);
        let _ = Note::parse(format!("{text}\n\n{block}").as_bytes());
        let _ = text.parse::<VerifierKey>();
        let _ = format!("a+{text}+{block}").parse::<VerifierKey>();
    }
}
