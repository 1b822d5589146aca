use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use kernel::{Rng, TenantId};

use crate::Secret;

/// Bytes an envelope adds to its content at least: version 1, IV 12, tag 16. With the id of its key it is four more.
pub const ENVELOPE_OVERHEAD_BYTES: usize = 1 + IV_BYTES + TAG_BYTES;
/// Bytes of the id of a key.
pub(crate) const KEY_ID_BYTES: usize = 4;
const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Sealed under a key that is known from elsewhere.
const PLAIN: u8 = 1;
/// Sealed under the instance's key, whose id follows.
const NAMED: u8 = 2;

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

/// A key, and the id that stands in what it sealed.
pub(crate) struct Kept {
    pub(crate) id: Option<[u8; KEY_ID_BYTES]>,
    pub(crate) key: LessSafeKey,
}

#[expect(clippy::expect_used, reason = "a 32-byte array is always an AES-256 key; there is no other failure")]
pub(crate) fn sealing_key(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256-GCM takes a 32-byte key"))
}

/// AES-256-GCM (NIST SP 800-38D) with a random 96-bit IV and a 128-bit tag, bound to its [`Place`].
///
/// Layout: version byte `1`, IV (12 bytes), ciphertext, tag (16 bytes). Under the instance's key, whose id matters when it is
/// changed: version byte `2`, id of the key (4 bytes), and the rest as before. Such a header is bound too.
pub struct Envelope {
    pub(crate) seals: Kept,
    /// The other key of the instance, while it is being changed.
    pub(crate) also_opens: Option<Kept>,
}

impl Envelope {
    /// An envelope under a 32-byte key. One key seals at most 2³² values; stored credentials stay far below that.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { seals: Kept { id: None, key: sealing_key(key) }, also_opens: None }
    }

    /// Seals `plain` for `place`.
    pub fn seal(&self, rng: &dyn Rng, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        let mut iv = [0; IV_BYTES];
        rng.fill(&mut iv);
        let mut out = Vec::with_capacity(plain.len() + KEY_ID_BYTES + ENVELOPE_OVERHEAD_BYTES);
        self.header(&mut out);
        let aad = Aad::from(associated_data(&out, place));
        out.extend_from_slice(&iv);
        let body = out.len();
        out.extend_from_slice(plain);
        let tag = self
            .seals
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), aad, &mut out[body..])
            .map_err(|_| EnvelopeError::Refused)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// What everything that this envelope seals begins with. What begins otherwise is to be sealed anew when the instance's
    /// key was changed.
    pub fn header(&self, out: &mut Vec<u8>) {
        match self.seals.id {
            Some(id) => {
                out.push(NAMED);
                out.extend_from_slice(&id);
            }
            None => out.push(PLAIN),
        }
    }

    /// Opens what [`Envelope::seal`] made for the same place, with this key or the other one.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret, EnvelopeError> {
        let version = *sealed.first().ok_or(EnvelopeError::Malformed)?;
        let header_bytes = match version {
            PLAIN => 1,
            NAMED => 1 + KEY_ID_BYTES,
            _ => return Err(EnvelopeError::Malformed),
        };
        let (header, rest) = sealed.split_at_checked(header_bytes).ok_or(EnvelopeError::Malformed)?;
        if rest.len() < IV_BYTES + TAG_BYTES {
            return Err(EnvelopeError::Malformed);
        }
        let aad = associated_data(header, place);
        let mut keys = [Some(&self.seals), self.also_opens.as_ref()].into_iter().flatten().filter(|kept| {
            version == PLAIN || kept.id.as_ref().map(<[u8; _]>::as_slice) == Some(&header[1..])
        });
        keys.find_map(|kept| open_with(&kept.key, &aad, rest).ok()).ok_or(EnvelopeError::Refused)
    }
}

/// The place, and the header where it says more than the version. Values of the first version are bound to their place alone.
fn associated_data(header: &[u8], place: &Place<'_>) -> Vec<u8> {
    let mut aad = place.associated_data();
    if header.len() > 1 {
        aad.extend_from_slice(header);
    }
    aad
}

/// Opens IV, ciphertext and tag.
fn open_with(key: &LessSafeKey, aad: &[u8], rest: &[u8]) -> Result<Secret, EnvelopeError> {
    let (iv, body) = rest.split_at(IV_BYTES);
    let nonce = Nonce::try_assume_unique_for_key(iv).map_err(|_| EnvelopeError::Malformed)?;
    let mut body = zeroize::Zeroizing::new(body.to_vec());
    let plain = key.open_in_place(nonce, Aad::from(aad), &mut body).map_err(|_| EnvelopeError::Refused)?;
    Ok(Secret::new(&*plain))
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
        assert_eq!(sealed.len(), b"sk-test".len() + KEY_ID_BYTES + ENVELOPE_OVERHEAD_BYTES);
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
        assert_eq!(a[..5], b[..5], "version and id of the key");
        assert_ne!(a[5..17], b[5..17], "the IV is fresh each time");
        assert_ne!(a[17..], b[17..]);
    }

    #[test]
    fn while_the_key_is_changed_either_opens_and_the_one_seals() {
        let key = |byte: u8| {
            InstanceKey::from_bytes(std::array::from_fn(|at| u8::from(at > 0) * byte)).ok().unwrap()
        };
        let place = Place { tenant: None, table: "t", column: "c", row: "r" };
        let opens = |envelope: &Envelope, sealed: &[u8]| envelope.open(&place, sealed).is_ok();
        let (old, new) = (key(1).envelope(), key(2).envelope());
        let changing = key(2).beside(key(1)).ok().unwrap().envelope();
        let before = old.seal(&SystemRng, &place, b"value").unwrap();
        let after = changing.seal(&SystemRng, &place, b"value").unwrap();
        assert!(opens(&changing, &before) && opens(&changing, &after));
        assert!(opens(&new, &after) && !opens(&new, &before));
        assert!(opens(&old, &before) && !opens(&old, &after));
        let mut header = Vec::new();
        new.header(&mut header);
        assert!(after.starts_with(&header) && !before.starts_with(&header));
        assert!(key(1).beside(key(1)).is_err(), "that would change nothing");
    }

    /// Values of databases from before ids stood in them.
    #[test]
    fn what_names_no_key_opens_with_whichever_it_is() {
        let key = |byte: u8| {
            InstanceKey::from_bytes(std::array::from_fn(|at| u8::from(at > 0) * byte)).ok().unwrap()
        };
        let place = Place { tenant: None, table: "t", column: "c", row: "r" };
        let before = Envelope::new(&key(1).derive("envelope/v1")).seal(&SystemRng, &place, b"value").unwrap();
        assert_eq!(before[0], PLAIN);
        assert!(key(1).envelope().open(&place, &before).is_ok());
        assert!(key(2).beside(key(1)).ok().unwrap().envelope().open(&place, &before).is_ok());
        assert!(key(2).envelope().open(&place, &before).is_err());
    }
}
