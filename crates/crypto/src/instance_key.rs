use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::envelope::{KEY_ID_BYTES, Kept, sealing_key};
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
    /// The key to change to is the key.
    #[error("ENCRYPTION_KEY_OTHER is the same key; leave it out, or set the one that follows or went before")]
    Same,
}

/// The instance's root key, `ENCRYPTION_KEY`: 32 random bytes known to the operator and to nobody's database.
///
/// It encrypts nothing itself; every use takes a key derived for that purpose alone (HKDF-SHA-256, RFC 5869).
///
/// While it is being changed it carries the other one too ([`InstanceKey::beside`]): what is stored opens with either, and
/// is sealed with this one.
pub struct InstanceKey {
    key: Zeroizing<[u8; 32]>,
    other: Option<Zeroizing<[u8; 32]>>,
}

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
        Ok(Self { key, other: None })
    }

    /// This key, with the one that it follows or that follows it.
    ///
    /// # Errors
    /// When both are the same: then nothing would be changed.
    pub fn beside(self, other: Self) -> Result<Self, InstanceKeyError> {
        if self.key == other.key {
            return Err(InstanceKeyError::Same);
        }
        Ok(Self { other: Some(other.key), ..self })
    }

    /// The other key alone, while this one is being changed.
    pub fn other(&self) -> Option<Self> {
        self.other.clone().map(|key| Self { key, other: None })
    }

    /// The key in base64, to be written to the operator's key file once. Without the other one.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.key.as_slice()))
    }

    /// A 32-byte key for one purpose, named like `claims/v1`. Different purposes give unrelated keys.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(self.key.as_slice(), purpose)
    }

    /// The envelope that keeps this instance's stored secrets.
    pub fn envelope(&self) -> Envelope {
        let kept = |key: &Self| Kept { id: Some(key.id()), key: sealing_key(&key.derive("envelope/v1")) };
        Envelope { seals: kept(self), also_opens: self.other().as_ref().map(kept) }
    }

    /// The password a role of the database logs in with, so that nothing more has to be kept or configured.
    pub fn role_password(&self, role: &str) -> Zeroizing<String> {
        Zeroizing::new(crate::hex(self.derive(&format!("role/{role}/v1")).as_slice()))
    }

    /// What stands in what it sealed, so that one can tell under which key something is. Says nothing of the key.
    fn id(&self) -> [u8; KEY_ID_BYTES] {
        let derived = self.derive("envelope-id/v1");
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&derived[..KEY_ID_BYTES]);
        id
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
