use proptest::prelude::*;

use super::der::{INTEGER, SEQUENCE};
use super::testing::{Shape, answer, element};
use super::*;

const DIGEST: [u8; 32] = [7; 32];

fn question() -> Question {
    Question::new(DIGEST, [0xff; NONCE_BYTES])
}

fn good() -> Shape {
    Shape::of(&DIGEST, &question().nonce)
}

#[test]
fn a_question_is_what_the_specification_says() {
    let der = question().to_der();
    let mut whole = Der::new(&der);
    let mut asked = whole.inside(SEQUENCE).unwrap();
    whole.end().unwrap();
    assert_eq!(asked.integer().unwrap(), [1]);
    let mut imprint = asked.inside(SEQUENCE).unwrap();
    assert_eq!(imprint.inside(SEQUENCE).unwrap().take(OID).unwrap(), SHA256);
    assert_eq!(imprint.take(OCTET_STRING).unwrap(), DIGEST);
    assert_eq!(asked.integer().unwrap(), question().nonce);
    assert_eq!(asked.take(der::BOOLEAN).unwrap(), [0xff]);
    asked.end().unwrap();
    // Whatever chance says, the number is positive and in its shortest form.
    for chance in [[0; NONCE_BYTES], [0x80; NONCE_BYTES], [0xff; NONCE_BYTES]] {
        let nonce = Question::new(DIGEST, chance).nonce;
        let written = element(INTEGER, &[&nonce]);
        assert_eq!(Der::new(&written).integer().unwrap(), nonce);
        assert!(nonce[0] < 0x80);
    }
}

#[test]
fn an_answer_to_the_question_is_taken() {
    let token = question().accept(&good().build()).unwrap();
    assert_eq!(token.at.to_string(), "2026-11-26T05:00:00.000000Z");
    assert_eq!(token.policy, "1.2.3.4.1");
    let exact = Shape { time: "20261126050000.123456Z", status: 1, ..good() };
    let token = question().accept(&exact.build()).unwrap();
    assert_eq!(token.at.to_string(), "2026-11-26T05:00:00.123456Z");
}

#[test]
fn every_other_answer_is_refused() {
    let wrong = |shape: Shape| question().accept(&shape.build()).unwrap_err();
    assert_eq!(wrong(Shape { status: 2, ..good() }), TokenError::Refused);
    let mismatched = [
        Shape { imprint: vec![8; 32], ..good() },
        Shape { nonce: vec![1], ..good() },
        Shape { nonce: Vec::new(), ..good() },
        // SHA-512
        Shape { algorithm: &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], ..good() },
    ];
    for shape in mismatched {
        assert_eq!(wrong(shape), TokenError::Mismatch);
    }
    let malformed = [
        Shape { imprint: vec![7; 31], ..good() },
        Shape { content: SIGNED_DATA, ..good() },
        Shape { signers: 0, ..good() },
        Shape { signers: 2, ..good() },
        // A nonce that is not in its shortest form.
        Shape { nonce: [[0].as_slice(), &question().nonce].concat(), ..good() },
    ];
    for shape in malformed {
        assert_eq!(wrong(shape), TokenError::Malformed);
    }
    for time in [
        "20261126050000",
        "202611260500Z",
        "20261126050000.Z",
        "20261126050000.10Z",
        "20261126050000,1Z",
        "20261126050000+0100",
        "20261326050000Z",
        "2026112605000xZ",
        "20261126050000.1234567891Z",
    ] {
        assert_eq!(wrong(Shape { time, ..good() }), TokenError::Malformed, "{time}");
    }
    let (mut long, mut more) = (good().build(), good().build());
    more.push(0);
    long.resize(TOKEN_BYTES_MAX + 1, 0);
    for bytes in [more, long, Vec::new(), b"<html>".to_vec()] {
        assert_eq!(question().accept(&bytes), Err(TokenError::Malformed));
    }
}

#[test]
fn an_answer_cut_anywhere_is_none() {
    let whole = answer(&DIGEST, 1);
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "{end}");
    }
    assert!(read(&whole).is_ok());
}

#[test]
fn lengths_are_definite_and_the_shortest() {
    let any = |bytes: &[u8]| Der::new(bytes).any().map(|(tag, content)| (tag, content.len()));
    assert_eq!(any(&[0x04, 0x01, 0x07]), Ok((0x04, 1)));
    assert_eq!(any(&[[0x04, 0x81, 0x80].as_slice(), &[0; 128]].concat()), Ok((0x04, 128)));
    for bytes in [
        [0x04, 0x80, 0, 0].as_slice(),
        &[0x04, 0x81, 0x01, 0],
        &[0x04, 0x82, 0x00, 0x01, 0],
        &[0x04, 0x84, 0, 0, 0, 1, 0],
        &[0x04, 0x02, 0],
        &[0x04, 0x83, 0xff],
        &[0x1f, 0x01, 0],
        &[0x04],
        &[],
    ] {
        assert_eq!(any(bytes), Err(NotDer), "{bytes:?}");
    }
}

#[test]
fn object_identifiers_are_written_out() {
    assert_eq!(dotted(SHA256).as_deref(), Ok("2.16.840.1.101.3.4.2.1"));
    assert_eq!(dotted(TST_INFO).as_deref(), Ok("1.2.840.113549.1.9.16.1.4"));
    assert_eq!(dotted(&[0x88, 0x37, 0x03]).as_deref(), Ok("2.999.3"));
    for bytes in [[].as_slice(), &[0x2a, 0x80], &[0x2a, 0x80, 0x01], &[0xff; 12]] {
        assert_eq!(dotted(bytes), Err(NotDer), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn bytes_from_anywhere_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = dotted(&bytes);
    }

    #[test]
    fn an_altered_answer_never_speaks_for_another_hash(
        at in 0..answer(&DIGEST, 1).len(), byte in any::<u8>(), gone in 0..4_usize, put in proptest::collection::vec(any::<u8>(), 0..4)
    ) {
        let mut bytes = good().build();
        let at = at.min(bytes.len() - 1);
        bytes[at] = byte;
        let end = (at + gone).min(bytes.len());
        bytes.splice(at..end, put);
        if let Ok(token) = question().accept(&bytes) {
            prop_assert_eq!(token.imprint, DIGEST);
        }
    }
}
