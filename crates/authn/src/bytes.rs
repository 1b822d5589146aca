//! The few operations every module here needs.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// SHA-256.
pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    out
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref());
    out
}

/// Whether two byte strings are equal, in time that depends on their length alone.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// base64url without padding (RFC 4648 §5).
pub(crate) fn b64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url: no padding, no other alphabet, and the unused bits of the last character are zero, so that one
/// value has one spelling.
pub(crate) fn unb64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Mutex;

    use kernel::Rng;

    /// The operating system's generator.
    pub(crate) struct Chance;

    impl Rng for Chance {
        fn fill(&self, out: &mut [u8]) {
            aws_lc_rs::rand::fill(out).unwrap();
        }
    }

    /// Bytes that count up from a seed: reproducible, and different at each call.
    pub(crate) struct Counting(pub(crate) Mutex<u8>);

    impl Counting {
        pub(crate) fn from(seed: u8) -> Self {
            Self(Mutex::new(seed))
        }
    }

    impl Rng for Counting {
        fn fill(&self, out: &mut [u8]) {
            let mut next = self.0.lock().unwrap();
            for byte in out {
                *byte = *next;
                *next = next.wrapping_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_spelling() {
        assert_eq!(unb64url("Zg").as_deref(), Some(b"f".as_slice()));
        for bad in ["Zh", "Zg==", "Z", "+/+/", "Zg\n", " Zg", "Zg "] {
            assert!(unb64url(bad).is_none(), "{bad:?}");
        }
        assert_eq!(b64url(&[0xfb, 0xff]), "-_8");
    }
}
