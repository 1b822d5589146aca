//! SHA-256 Merkle tree hashing, RFC 6962 §2.1 (unchanged in RFC 9162 §2.1.1).
//!
//! Leaves and interior nodes are hashed under different one-byte prefixes, so that no entry can be passed off
//! as an interior node.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Length of a [`struct@Hash`].
pub const HASH_BYTES: usize = 32;

/// Root of the tree without leaves: SHA-256 of the empty string.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// Leaves up to this length are prefixed in a stack buffer: one call to the hash without an allocated context.
const LEAF_STACK_BYTES: usize = 2_048;

/// A SHA-256 output: a leaf hash, an interior node or a root.
///
/// `Display` and `FromStr` use 64 lower-case hex digits; serde and checkpoints use standard base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// The text or bytes are not one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Not exactly 32 bytes.
    #[error("a hash is 32 bytes, got {0}")]
    Length(usize),
    /// Not 64 lower-case hex digits.
    #[error("not 64 lower-case hex digits")]
    Hex,
    /// Not padded standard base64 (RFC 4648 §4) of 32 bytes.
    #[error("not the standard base64 of 32 bytes")]
    Base64,
}

impl Hash {
    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Padded standard base64, the form used in checkpoints.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads the form written by [`Hash::to_base64`]; other spellings of the same bytes are refused.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        // 44 characters is the only length that can be right; checked first so that huge input costs nothing.
        if text.len() != HASH_BYTES.div_ceil(3) * 4 {
            return Err(HashError::Base64);
        }
        let bytes = STANDARD.decode(text).map_err(|_| HashError::Base64)?;
        Self::try_from(bytes.as_slice()).map_err(|_| HashError::Base64)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Self).map_err(|_| HashError::Length(bytes.len()))
    }
}

impl From<[u8; HASH_BYTES]> for Hash {
    fn from(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first four bytes, enough to tell hashes apart in a log line or a failed assertion.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..")
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let digits = text.as_bytes();
        if digits.len() != 2 * HASH_BYTES {
            return Err(HashError::Hex);
        }
        let mut out = [0_u8; HASH_BYTES];
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            for &digit in pair {
                *byte = *byte << 4 | hex_digit(digit).ok_or(HashError::Hex)?;
            }
        }
        Ok(Self(out))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_base64(&text).map_err(serde::de::Error::custom)
    }
}

/// Value of one lower-case hex digit.
pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Plain SHA-256, without a tree prefix.
pub(crate) fn sha256(data: &[u8]) -> Hash {
    to_hash(&digest::digest(&digest::SHA256, data))
}

pub(crate) fn to_hash(digest: &digest::Digest) -> Hash {
    let mut out = [0_u8; HASH_BYTES];
    out.copy_from_slice(digest.as_ref());
    Hash(out)
}

/// Hash of one log entry: `SHA-256(0x00 || entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut buffer = [LEAF_PREFIX; 1 + LEAF_STACK_BYTES];
    if let Some(room) = buffer.get_mut(1..=entry.len()) {
        room.copy_from_slice(entry);
        return sha256(&buffer[..=entry.len()]);
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(entry);
    to_hash(&context.finish())
}

/// Hash of an interior node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut buffer = [NODE_PREFIX; 1 + 2 * HASH_BYTES];
    buffer[1..=HASH_BYTES].copy_from_slice(&left.0);
    buffer[1 + HASH_BYTES..].copy_from_slice(&right.0);
    sha256(&buffer)
}

#[cfg(test)]
mod tests;
