//! An authenticator made of software, with its browser: P-256, attestation `none`. Every part of what it answers can be
//! bent before it is signed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bytes::{b64url, sha256};

/// User present, user verified.
pub(super) const PRESENT: u8 = 0x01;
pub(super) const VERIFIED: u8 = 0x04;
/// Can be, and is, on several devices.
pub(super) const SYNCHRONISED: u8 = 0x08 | 0x10;
const WITH_KEY: u8 = 0x40;

/// A passkey in its authenticator, and what the browser around it says.
pub(super) struct Soft {
    key: EcdsaKeyPair,
    pub(super) id: Vec<u8>,
    pub(super) handle: Option<Vec<u8>>,
    pub(super) counter: u32,
    pub(super) flags: u8,
    pub(super) origin: String,
    pub(super) domain: String,
    pub(super) cross_origin: bool,
    /// Replaces the kind of ceremony.
    pub(super) kind: Option<&'static str>,
    /// Replaces the challenge.
    pub(super) challenge: Option<String>,
}

impl Soft {
    pub(super) fn new(id: &[u8], person: Uuid) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: id.to_vec(),
            handle: Some(person.as_bytes().to_vec()),
            counter: 1,
            flags: PRESENT | VERIFIED,
            origin: "https://portcullis.example.com".to_owned(),
            domain: "portcullis.example.com".to_owned(),
            cross_origin: false,
            kind: None,
            challenge: None,
        }
    }

    /// The answer to `navigator.credentials.create`.
    pub(super) fn create(&self, options: &str) -> String {
        let client = self.client_data("webauthn.create", options);
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let cose = [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat();
        let len = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [&self.data(WITH_KEY)[..], &[0; 16], &len, &self.id, &cose].concat();
        let size = u16::try_from(data.len()).unwrap().to_be_bytes();
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59", &size[..], &data].concat();
        self.answer(&json!({ "attestationObject": b64url(&object), "clientDataJSON": b64url(&client) }))
    }

    /// The answer to `navigator.credentials.get`.
    pub(super) fn get(&self, options: &str) -> String {
        let client = self.client_data("webauthn.get", options);
        let data = self.data(0);
        let signed = [&data[..], &sha256(&client)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        self.answer(&json!({
            "authenticatorData": b64url(&data),
            "clientDataJSON": b64url(&client),
            "signature": b64url(signature.as_ref()),
            "userHandle": self.handle.as_deref().map(b64url),
        }))
    }

    fn client_data(&self, kind: &str, options: &str) -> Vec<u8> {
        let options: Value = serde_json::from_str(options).unwrap();
        let challenge = self
            .challenge
            .clone()
            .unwrap_or_else(|| options["publicKey"]["challenge"].as_str().unwrap().to_owned());
        let (kind, origin) = (self.kind.unwrap_or(kind), &self.origin);
        let crossed = self.cross_origin;
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": crossed })
            .to_string()
            .into_bytes()
    }

    /// Authenticator data (Web Authentication §6.1) without a key.
    fn data(&self, flags: u8) -> Vec<u8> {
        let domain = sha256(self.domain.as_bytes());
        [&domain[..], &[self.flags | flags], &self.counter.to_be_bytes()].concat()
    }

    fn answer(&self, response: &Value) -> String {
        let id = b64url(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {},
        })
        .to_string()
    }
}
