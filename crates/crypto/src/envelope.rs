use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use kernel::{Rng, TenantId};

use crate::Secret;

/// Bytes an envelope adds to its content: version 1, IV 12, tag 16.
pub const ENVELOPE_OVERHEAD_BYTES: usize = 1 + IV_BYTES + TAG_BYTES;
const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const VERSION: u8 = 1;

/// Why an envelope did not open. Deliberately poor in detail: who may not read it learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not something this version sealed.
    #[error("this is not a sealed value of a known version")]
    Malformed,
    /// The key is another one, the place is another one, or the bytes were changed.
    #[error("the sealed value does not open here: wrong ENCRYPTION_KEY, moved to another row, or altered")]
    Refused,
}

/// Where a sealed value lives. It is the associated data, so that a ciphertext copied to another tenant, table,
/// column or row does not open there.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The tenant that owns the row; `None` for rows of the instance itself.
    pub tenant: Option<TenantId>,
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's identity as text.
    pub row: &'a str,
}

impl Place<'_> {
    /// `tenant‖table‖column‖row`, each part behind its length (32-bit big-endian) so that no two places collide.
    fn associated_data(&self) -> Vec<u8> {
        let tenant = self.tenant.map(|id| *id.uuid().as_bytes());
        let parts: [&[u8]; 4] = [
            tenant.as_ref().map_or(&[], |id| id.as_slice()),
            self.table.as_bytes(),
            self.column.as_bytes(),
            self.row.as_bytes(),
        ];
        let mut out = Vec::with_capacity(96);
        for part in parts {
            out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

/// AES-256-GCM (NIST SP 800-38D) with a random 96-bit IV and a 128-bit tag, bound to its [`Place`].
///
/// Layout: version byte `1`, IV (12 bytes), ciphertext, tag (16 bytes).
pub struct Envelope {
    key: LessSafeKey,
}

impl Envelope {
    /// An envelope under a 32-byte key. One key seals at most 2³² values; stored credentials stay far below that.
    #[expect(
        clippy::expect_used,
        reason = "a 32-byte array is always an AES-256 key; there is no other failure"
    )]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256-GCM takes a 32-byte key");
        Self { key: LessSafeKey::new(key) }
    }

    /// Seals `plain` for `place`.
    pub fn seal(&self, rng: &dyn Rng, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        let mut iv = [0; IV_BYTES];
        rng.fill(&mut iv);
        let mut out = Vec::with_capacity(plain.len() + ENVELOPE_OVERHEAD_BYTES);
        out.push(VERSION);
        out.extend_from_slice(&iv);
        out.extend_from_slice(plain);
        let aad = Aad::from(place.associated_data());
        let body = &mut out[1 + IV_BYTES..];
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), aad, body)
            .map_err(|_| EnvelopeError::Refused)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Opens what [`Envelope::seal`] made for the same place.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret, EnvelopeError> {
        if sealed.len() < ENVELOPE_OVERHEAD_BYTES || sealed[0] != VERSION {
            return Err(EnvelopeError::Malformed);
        }
        let nonce =
            Nonce::try_assume_unique_for_key(&sealed[1..=IV_BYTES]).map_err(|_| EnvelopeError::Malformed)?;
        let mut body = zeroize::Zeroizing::new(sealed[1 + IV_BYTES..].to_vec());
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(place.associated_data()), &mut body)
            .map_err(|_| EnvelopeError::Refused)?;
        Ok(Secret::new(&*plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstanceKey, SystemRng};
    use kernel::SystemClock;

    fn envelope(byte: u8) -> Envelope {
        let mut key = [byte; 32];
        key[0] = 1;
        InstanceKey::from_bytes(key).ok().unwrap().envelope()
    }

    #[test]
    fn opens_only_at_its_own_place_and_key() {
        let tenant = TenantId::new(&SystemClock, &SystemRng);
        let place = Place { tenant: Some(tenant), table: "provider", column: "key_sealed", row: "r1" };
        let sealed = envelope(7).seal(&SystemRng, &place, b"sk-test").unwrap();
        assert_eq!(sealed.len(), b"sk-test".len() + ENVELOPE_OVERHEAD_BYTES);
        assert_eq!(envelope(7).open(&place, &sealed).ok().unwrap().expose(), b"sk-test");

        let other = TenantId::new(&SystemClock, &SystemRng);
        for moved in [
            Place { tenant: Some(other), ..place },
            Place { tenant: None, ..place },
            Place { table: "audit_log", ..place },
            Place { column: "note", ..place },
            Place { row: "r2", ..place },
        ] {
            assert_eq!(envelope(7).open(&moved, &sealed).err(), Some(EnvelopeError::Refused));
        }
        assert_eq!(envelope(8).open(&place, &sealed).err(), Some(EnvelopeError::Refused));
        for index in 1..sealed.len() {
            let mut bent = sealed.clone();
            bent[index] ^= 1;
            assert_eq!(envelope(7).open(&place, &bent).err(), Some(EnvelopeError::Refused), "byte {index}");
        }
        assert_eq!(envelope(7).open(&place, &sealed[..20]).err(), Some(EnvelopeError::Malformed));
    }

    #[test]
    fn two_seals_of_one_secret_share_nothing() {
        let place = Place { tenant: None, table: "t", column: "c", row: "r" };
        let (a, b) = (
            envelope(7).seal(&SystemRng, &place, b"same").unwrap(),
            envelope(7).seal(&SystemRng, &place, b"same").unwrap(),
        );
        assert_ne!(a[1..13], b[1..13], "the IV is fresh each time");
        assert_ne!(a[13..], b[13..]);
    }
}
