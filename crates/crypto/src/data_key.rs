use kernel::Rng;
use zeroize::Zeroizing;

use crate::instance_key::derive;
use crate::{Envelope, EnvelopeError, Place};

/// Bytes of a data key.
const KEY_BYTES: usize = 32;

/// A key of its own for what belongs together and must be able to go together: what logs hold about one person, for example.
///
/// It is stored under the instance's envelope and nowhere else. Once its row is destroyed, nothing that it sealed opens any
/// more, with the instance's key neither. Wiped from memory when dropped; without `Debug`.
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

impl DataKey {
    /// A random key.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rng.fill(key.as_mut_slice());
        Self(key)
    }

    /// The key as it is stored at `place`.
    ///
    /// # Errors
    /// See [`Envelope::seal`].
    pub fn wrap(&self, under: &Envelope, rng: &dyn Rng, place: &Place<'_>) -> Result<Vec<u8>, EnvelopeError> {
        under.seal(rng, place, self.0.as_slice())
    }

    /// Reads what [`DataKey::wrap`] made for the same place.
    ///
    /// # Errors
    /// When it does not open there, or is no key.
    pub fn unwrap(under: &Envelope, place: &Place<'_>, wrapped: &[u8]) -> Result<Self, EnvelopeError> {
        let opened = under.open(place, wrapped)?;
        let key = opened.expose().try_into().map_err(|_| EnvelopeError::Malformed)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// A 32-byte key for one purpose, named like `index/v1`; different purposes give unrelated keys (HKDF-SHA-256).
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(self.0.as_slice(), purpose)
    }

    /// The envelope under a key derived for one purpose.
    pub fn envelope_for(&self, purpose: &str) -> Envelope {
        Envelope::new(&self.derive(purpose))
    }

    /// The envelope under this key.
    pub fn envelope(&self) -> Envelope {
        Envelope::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstanceKey, SystemRng};

    #[test]
    fn what_a_key_sealed_opens_with_it_alone() {
        let instance =
            InstanceKey::from_bytes(std::array::from_fn(|at| u8::from(at == 0))).ok().unwrap().envelope();
        let (key_place, place) = (
            Place { tenant: None, table: "subject_key", column: "sealed", row: "k" },
            Place { tenant: None, table: "audit_personal", column: "sealed", row: "e/f" },
        );
        let key = DataKey::generate(&SystemRng);
        let wrapped = key.wrap(&instance, &SystemRng, &key_place).unwrap();
        let sealed = key.envelope().seal(&SystemRng, &place, b"value").unwrap();
        drop(key);
        let key = DataKey::unwrap(&instance, &key_place, &wrapped).ok().unwrap();
        assert_eq!(key.envelope().open(&place, &sealed).ok().unwrap().expose(), b"value");
        assert!(instance.open(&place, &sealed).is_err(), "the instance's key alone opens nothing");
        assert!(DataKey::unwrap(&instance, &place, &wrapped).is_err(), "a key opens at its own place");
        let other = DataKey::generate(&SystemRng);
        assert!(other.envelope().open(&place, &sealed).is_err());
    }
}
