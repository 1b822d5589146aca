//! Answers of an authority, built element by element, for tests. Nobody signs them.

use super::der::{BOOLEAN, CONTEXT_0, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use super::{SHA256, SIGNED_DATA, TST_INFO};

/// An element.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut bytes = vec![tag];
    if length < 0x80 {
        bytes.push(u8::try_from(length).unwrap());
    } else {
        let digits = length.to_be_bytes();
        let digits = &digits[digits.iter().position(|byte| *byte != 0).unwrap()..];
        bytes.push(0x80 | u8::try_from(digits.len()).unwrap());
        bytes.extend_from_slice(digits);
    }
    bytes.extend(content);
    bytes
}

/// What a test changes of an answer.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) status: u8,
    pub(super) algorithm: &'static [u8],
    pub(super) imprint: Vec<u8>,
    pub(super) nonce: Vec<u8>,
    pub(super) time: &'static str,
    pub(super) content: &'static [u8],
    pub(super) signers: usize,
}

impl Shape {
    pub(super) fn of(imprint: &[u8; 32], nonce: &[u8]) -> Self {
        Self {
            status: 0,
            algorithm: SHA256,
            imprint: imprint.to_vec(),
            nonce: nonce.to_vec(),
            time: "20261126050000Z",
            content: TST_INFO,
            signers: 1,
        }
    }

    pub(super) fn info(&self) -> Vec<u8> {
        let algorithm = element(SEQUENCE, &[&element(OID, &[self.algorithm]), &[0x05, 0x00]]);
        let imprint = element(SEQUENCE, &[&algorithm, &element(OCTET_STRING, &[&self.imprint])]);
        let nonce = if self.nonce.is_empty() { Vec::new() } else { element(INTEGER, &[&self.nonce]) };
        let accuracy = element(SEQUENCE, &[&element(INTEGER, &[&[1]])]);
        element(
            SEQUENCE,
            &[
                &element(INTEGER, &[&[1]]),
                // 1.2.3.4.1
                &element(OID, &[&[0x2a, 0x03, 0x04, 0x01]]),
                &imprint,
                &element(INTEGER, &[&[0x2a]]),
                &element(GENERALIZED_TIME, &[self.time.as_bytes()]),
                &accuracy,
                &element(BOOLEAN, &[&[0xff]]),
                &nonce,
                &element(CONTEXT_0, &[&element(0x82, &[b"tsa.example.com"])]),
            ],
        )
    }

    pub(super) fn build(&self) -> Vec<u8> {
        let octets = element(OCTET_STRING, &[&self.info()]);
        let held = element(SEQUENCE, &[&element(OID, &[self.content]), &element(CONTEXT_0, &[&octets])]);
        let signer = element(SEQUENCE, &[&element(INTEGER, &[&[1]])]).repeat(self.signers);
        let certificates = element(CONTEXT_0, &[&element(SEQUENCE, &[&[7; 300]])]);
        let signed = element(
            SEQUENCE,
            &[
                &element(INTEGER, &[&[3]]),
                &element(SET, &[]),
                &held,
                &certificates,
                &element(SET, &[&signer]),
            ],
        );
        let token = element(SEQUENCE, &[&element(OID, &[SIGNED_DATA]), &element(CONTEXT_0, &[&signed])]);
        let status = element(SEQUENCE, &[&element(INTEGER, &[&[self.status]])]);
        let token = if self.status > 1 { Vec::new() } else { token };
        element(SEQUENCE, &[&status, &token])
    }
}

/// An answer about this hash.
pub(crate) fn answer(imprint: &[u8; 32], nonce: u8) -> Vec<u8> {
    Shape::of(imprint, &[nonce]).build()
}
