use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{Envelope, unhex};

/// Why `ENCRYPTION_KEY` cannot be used. The value itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstanceKeyError {
    /// Neither base64 nor hexadecimal.
    #[error("ENCRYPTION_KEY is neither base64 nor hexadecimal; make one with: openssl rand -base64 32")]
    Encoding,
    /// Decoded, but not 32 bytes long.
    #[error("ENCRYPTION_KEY holds {0} bytes and must hold 32; make one with: openssl rand -base64 32")]
    Size(usize),
    /// All bytes are the same, which no random generator gives.
    #[error("ENCRYPTION_KEY is 32 times the same byte; make a random one with: openssl rand -base64 32")]
    Trivial,
}

/// The instance's root key, `ENCRYPTION_KEY`: 32 random bytes known to the operator and to nobody's database.
///
/// It encrypts nothing itself; every use takes a key derived for that purpose alone (HKDF-SHA-256, RFC 5869).
pub struct InstanceKey(Zeroizing<[u8; 32]>);

impl InstanceKey {
    /// Reads the operator's text: base64 (any alphabet, padded or not) or 64 hexadecimal digits of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InstanceKeyError> {
        let text = text.trim();
        let decoded = if text.len() == 64 { unhex(text) } else { None }.or_else(|| {
            [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
                .iter()
                .find_map(|alphabet| alphabet.decode(text).ok())
        });
        let bytes = Zeroizing::new(decoded.ok_or(InstanceKeyError::Encoding)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| InstanceKeyError::Size(bytes.len()))?;
        Self::from_bytes(key)
    }

    /// Takes 32 random bytes.
    pub fn from_bytes(key: [u8; 32]) -> Result<Self, InstanceKeyError> {
        let key = Zeroizing::new(key);
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(InstanceKeyError::Trivial);
        }
        Ok(Self(key))
    }

    /// The key in base64, to be written to the operator's key file once.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// A 32-byte key for one purpose, named like `claims/v1`. Different purposes give unrelated keys.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(self.0.as_slice(), purpose)
    }

    /// The envelope that keeps this instance's stored secrets.
    pub fn envelope(&self) -> Envelope {
        Envelope::new(&self.derive("envelope/v1"))
    }
}

/// A 32-byte key for one purpose: HKDF-SHA-256, RFC 5869.
pub(crate) fn derive(key: &[u8], purpose: &str) -> Zeroizing<[u8; 32]> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis/v1");
    let mut out = Zeroizing::new([0; 32]);
    let info = [purpose.as_bytes()];
    let filled =
        salt.extract(key).expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(out.as_mut_slice()));
    debug_assert!(filled.is_ok(), "32 bytes are one block of HKDF-SHA-256 and always fit");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_operators_type_and_says_what_is_wrong() {
        let hex_key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let key = InstanceKey::parse(hex_key).ok().unwrap();
        let again = InstanceKey::parse(&format!(" {}\n", *key.to_base64())).ok().unwrap();
        assert_eq!(*key.derive("a"), *again.derive("a"));
        assert_ne!(*key.derive("a"), *key.derive("b"));
        assert_eq!(InstanceKey::parse("short").err(), Some(InstanceKeyError::Encoding));
        assert_eq!(InstanceKey::parse("AAAA").err(), Some(InstanceKeyError::Size(3)));
        assert_eq!(InstanceKey::parse(&"00".repeat(32)).err(), Some(InstanceKeyError::Trivial));
        assert_eq!(InstanceKey::parse("").err(), Some(InstanceKeyError::Size(0)));
    }
}
