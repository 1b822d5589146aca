//! Ed25519 keys of signed notes.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KEY_ID_BYTES, NoteSignature};
use crate::hash::{hex_digit, sha256};

/// Signature type byte of Ed25519 over the note's text.
pub const SIGNATURE_ED25519: u8 = 0x01;

/// Longest key name.
pub const KEY_NAME_BYTES_MAX: usize = 256;

const PUBLIC_KEY_BYTES: usize = 32;

/// A key's name: not empty, no space, plus or control character. By custom a URL without a scheme; the key of a
/// log has the log's origin as its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct KeyName(String);

/// Why a key cannot be read or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// See [`KeyName`].
    #[error("a key name is 1 to 256 bytes without spaces, plus signs and control characters")]
    Name,
    /// Not `name+id+key`.
    #[error("a verifier key reads name+id+key: 8 lower-case hex digits and standard base64")]
    Format,
    /// Another signature type than [`SIGNATURE_ED25519`].
    #[error("signature type {0:#04x} is not supported")]
    Type(u8),
    /// The id is not the one that belongs to this name and key.
    #[error("the key id does not belong to this name and key")]
    Id,
    /// The seed or key was refused, or signing failed.
    #[error("the Ed25519 key cannot be used")]
    Rejected,
}

impl KeyName {
    /// Checks a name.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyError> {
        let name = name.into();
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > KEY_NAME_BYTES_MAX || name.chars().any(bad) {
            return Err(KeyError::Name);
        }
        Ok(Self(name))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A private key with its name. It has neither `Debug` nor a way to read the secret back; the library that
/// holds it wipes the memory when the key is dropped.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl SigningKey {
    /// The key that the 32-byte seed of RFC 8032 §5.1.5 stands for. The caller wipes the seed.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Rejected)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Rejected)?;
        Ok(Self { pair, verifier: VerifierKey::new(name, public) })
    }

    /// The public half.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature over any bytes, for statements that are not the note's own text.
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(self.pair.try_sign(message).map_err(|_| KeyError::Rejected)?.as_ref().to_vec())
    }

    pub(super) fn sign_text(&self, text: &str) -> Result<NoteSignature, KeyError> {
        let bytes = self.sign_bytes(text.as_bytes())?;
        Ok(NoteSignature::new(self.verifier.name.clone(), self.verifier.key_id, bytes))
    }
}

/// A public key with its name ("vkey"). Its text form is `name+id+base64(type || key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    key_id: u32,
    public: [u8; PUBLIC_KEY_BYTES],
}

impl VerifierKey {
    /// The key with the id that belongs to it.
    pub fn new(name: KeyName, public: [u8; PUBLIC_KEY_BYTES]) -> Self {
        let key_id = key_id(&name, SIGNATURE_ED25519, &public);
        Self { name, key_id, public }
    }

    /// The key's name.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// First four bytes, big-endian, of `SHA-256(name || 0x0A || 0x01 || key)`.
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The public key as RFC 8032 encodes it.
    pub const fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public
    }

    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        verify_ed25519(&self.public, text.as_bytes(), signature)
    }
}

/// Ed25519 of RFC 8032 without the cofactor; points in another than their canonical encoding are refused.
pub(crate) fn verify_ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_vkey(f, &self.name, self.key_id, SIGNATURE_ED25519, &self.public)
    }
}

/// First four bytes, big-endian, of `SHA-256(name || 0x0A || type || key)`.
pub(crate) fn key_id(name: &KeyName, kind: u8, public: &[u8; PUBLIC_KEY_BYTES]) -> u32 {
    let material = [name.0.as_bytes(), &[b'\n', kind], public].concat();
    let [a, b, c, d, ..] = sha256(&material).0;
    u32::from_be_bytes([a, b, c, d])
}

/// Writes `name+id+base64(type || key)`.
pub(crate) fn write_vkey(
    f: &mut fmt::Formatter<'_>,
    name: &KeyName,
    id: u32,
    kind: u8,
    public: &[u8; PUBLIC_KEY_BYTES],
) -> fmt::Result {
    let typed = [[kind].as_slice(), public].concat();
    write!(f, "{name}+{id:08x}+{}", STANDARD.encode(typed))
}

/// Reads `name+id+base64(type || key)` with a 32-byte key of the type `kind`, whose id must be its own.
pub(crate) fn parse_vkey(text: &str, kind: u8) -> Result<(KeyName, [u8; PUBLIC_KEY_BYTES]), KeyError> {
    // Base64 may itself hold plus signs, so the name and the id are cut off from the front.
    let (name, rest) = text.split_once('+').ok_or(KeyError::Format)?;
    let (id, encoded) = rest.split_once('+').ok_or(KeyError::Format)?;
    let name = KeyName::new(name)?;
    if id.len() != 2 * KEY_ID_BYTES {
        return Err(KeyError::Format);
    }
    let id = id.bytes().try_fold(0_u32, |id, digit| Some(id << 4 | u32::from(hex_digit(digit)?)));
    let id = id.ok_or(KeyError::Format)?;
    let typed = STANDARD.decode(encoded).map_err(|_| KeyError::Format)?;
    let (&found, public) = typed.split_first().ok_or(KeyError::Format)?;
    if found != kind {
        return Err(KeyError::Type(found));
    }
    let public = public.try_into().map_err(|_| KeyError::Format)?;
    if key_id(&name, kind, &public) == id { Ok((name, public)) } else { Err(KeyError::Id) }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, public) = parse_vkey(text, SIGNATURE_ED25519)?;
        Ok(Self::new(name, public))
    }
}
