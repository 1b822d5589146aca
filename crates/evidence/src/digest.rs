//! Hashes and ids that follow from bytes alone.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use uuid::Uuid;

/// SHA-256 of a file that is written piece by piece.
#[derive(Clone)]
pub(crate) struct Running {
    context: Context,
    bytes: u64,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self { context: Context::new(&SHA256), bytes: 0 }
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.context.update(piece);
        self.bytes += piece.len() as u64;
    }

    /// Its length in bytes, and its hash in hex.
    pub(crate) fn finish(self) -> (u64, String) {
        (self.bytes, hex(self.context.finish().as_ref()))
    }
}

/// SHA-256 itself.
#[cfg(test)]
pub(crate) fn raw(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The namespace of ids in packs.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f5d_6c0e_3b1a_4f6e_9a77_5e1d_0c42_b9a1);

/// The UUID (version 5, RFC 9562 §5.5) that stands for `name`. SHA-1 is what the format asks for; nothing rests on it.
pub(crate) fn uuid5(name: &str) -> Uuid {
    let material = [NAMESPACE.as_bytes().as_slice(), name.as_bytes()].concat();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest(&SHA1_FOR_LEGACY_USE_ONLY, &material).as_ref()) {
        *to = *from;
    }
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let id = uuid5("a name");
        assert_eq!((id.get_version_num(), id), (5, uuid5("a name")));
        assert_ne!(id, uuid5("another"));
    }
}
