//! Fernet (the `fernet/spec` format, version 0x80): AES-128-CBC with PKCS #7 padding, then HMAC-SHA-256 over
//! everything. Used for secrets at rest that other Fernet tools must be able to read.
//!
//! Written on the house's one cryptography library rather than taken from a crate: that crate brings a second
//! implementation of AES and SHA-2 and reads the clock and the random generator itself.

use std::time::Duration;

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use kernel::{Rng, Timestamp};
use zeroize::Zeroizing;

use crate::bytes::{hmac_sha256, same};

/// Most keys of one ring.
pub const FERNET_KEYS_MAX: usize = 16;
/// Largest value that is encrypted, in bytes.
pub const FERNET_PLAIN_BYTES_MAX: usize = 64 * 1_024;
/// Seconds the clock of the token's maker may be ahead, as the specification's own tools allow.
pub const FERNET_SKEW_SECONDS_MAX: u64 = 60;

const VERSION: u8 = 0x80;
const KEY_BYTES: usize = 32;
const IV_BYTES: usize = 16;
const TAG_BYTES: usize = 32;
const BLOCK_BYTES: usize = 16;
/// Version, moment (seconds, 64-bit big-endian) and IV.
const HEAD_BYTES: usize = 1 + 8 + IV_BYTES;
/// Longest token, in characters: the largest value with its frame in base64.
const TOKEN_CHARS_MAX: usize =
    (HEAD_BYTES + FERNET_PLAIN_BYTES_MAX + BLOCK_BYTES + TAG_BYTES).div_ceil(3) * 4;

/// Why a key, a value or a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FernetError {
    /// Not 32 bytes of padded base64url.
    #[error("a Fernet key is 32 bytes in padded base64url")]
    Key,
    /// No key at all, or more than [`FERNET_KEYS_MAX`].
    #[error("a key ring holds 1 to 16 keys")]
    Ring,
    /// The value is larger than [`FERNET_PLAIN_BYTES_MAX`].
    #[error("the value is larger than 64 KiB")]
    TooLarge,
    /// Not a Fernet token.
    #[error("not a Fernet token")]
    Malformed,
    /// No key of the ring made it, or it was altered.
    #[error("no key of the ring made this token, or it was altered")]
    Refused,
    /// Older than the caller accepts.
    #[error("the token is too old")]
    Expired,
    /// From a moment that has not come yet.
    #[error("the token is from the future")]
    Future,
}

/// One Fernet key: sixteen bytes that sign and sixteen that encrypt. Wiped when dropped; no `Debug`.
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    /// A fresh key.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Zeroizing::new(rng.bytes32()))
    }

    /// Takes 32 random bytes, for example derived for this purpose.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a key in the specification's text form, padded base64url.
    pub fn parse(text: &str) -> Result<Self, FernetError> {
        let bytes = Zeroizing::new(URL_SAFE.decode(text).map_err(|_| FernetError::Key)?);
        bytes.as_slice().try_into().map(|bytes| Self(Zeroizing::new(bytes))).map_err(|_| FernetError::Key)
    }

    /// The key in its text form, for whoever keeps it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE.encode(self.0.as_slice()))
    }

    fn tag(&self, signed: &[u8]) -> [u8; TAG_BYTES] {
        hmac_sha256(&self.0[..16], signed)
    }

    fn cipher(&self) -> Result<UnboundCipherKey, FernetError> {
        UnboundCipherKey::new(&AES_128, &self.0[16..]).map_err(|_| FernetError::Key)
    }

    fn seal(&self, plain: &[u8], seconds: u64, iv: [u8; IV_BYTES]) -> Result<String, FernetError> {
        if plain.len() > FERNET_PLAIN_BYTES_MAX {
            return Err(FernetError::TooLarge);
        }
        // Room for the padding as well, so that the clear text is encrypted where it lies.
        let mut body = Zeroizing::new(Vec::with_capacity(plain.len() + BLOCK_BYTES));
        body.extend_from_slice(plain);
        let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(self.cipher()?).map_err(|_| FernetError::Key)?;
        cipher
            .less_safe_encrypt(&mut *body, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map_err(|_| FernetError::Refused)?;
        let mut token = Vec::with_capacity(HEAD_BYTES + body.len() + TAG_BYTES);
        token.push(VERSION);
        token.extend_from_slice(&seconds.to_be_bytes());
        token.extend_from_slice(&iv);
        token.extend_from_slice(&body);
        let tag = self.tag(&token);
        token.extend_from_slice(&tag);
        Ok(URL_SAFE.encode(token))
    }
}

/// A token taken apart, before anybody has checked it.
struct Frame {
    signed: Vec<u8>,
    tag: [u8; TAG_BYTES],
    seconds: u64,
}

impl Frame {
    fn parse(token: &str) -> Result<Self, FernetError> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(FernetError::Malformed);
        }
        let mut signed = URL_SAFE.decode(token).map_err(|_| FernetError::Malformed)?;
        let body = signed.len().checked_sub(HEAD_BYTES + TAG_BYTES).ok_or(FernetError::Malformed)?;
        if body == 0 || !body.is_multiple_of(BLOCK_BYTES) || signed[0] != VERSION {
            return Err(FernetError::Malformed);
        }
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&signed.split_off(HEAD_BYTES + body));
        let seconds = signed[1..9].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        Ok(Self { signed, tag, seconds })
    }

    fn open(mut self, key: &Key) -> Result<Zeroizing<Vec<u8>>, FernetError> {
        let mut iv = [0; IV_BYTES];
        iv.copy_from_slice(&self.signed[9..HEAD_BYTES]);
        let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(key.cipher()?).map_err(|_| FernetError::Key)?;
        let mut body = Zeroizing::new(self.signed.split_off(HEAD_BYTES));
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        let len = cipher.decrypt(&mut body, context).map_err(|_| FernetError::Refused)?.len();
        body.truncate(len);
        Ok(body)
    }
}

/// Keys in the order of their age, the newest first: it encrypts, all of them decrypt.
pub struct KeyRing(Vec<Key>);

impl KeyRing {
    /// A ring of 1 to [`FERNET_KEYS_MAX`] keys.
    pub fn new(keys: Vec<Key>) -> Result<Self, FernetError> {
        if keys.is_empty() || keys.len() > FERNET_KEYS_MAX {
            return Err(FernetError::Ring);
        }
        Ok(Self(keys))
    }

    /// Encrypts with the newest key.
    pub fn encrypt(&self, plain: &[u8], now: Timestamp, rng: &dyn Rng) -> Result<String, FernetError> {
        self.newest()?.seal(plain, seconds(now), rng.bytes16())
    }

    /// Decrypts with whichever key made the token, whatever its age: what is stored does not expire.
    pub fn decrypt(&self, token: &str) -> Result<Zeroizing<Vec<u8>>, FernetError> {
        let (frame, at) = self.find(token)?;
        frame.open(self.0.get(at).ok_or(FernetError::Refused)?)
    }

    /// Decrypts a token that must not be older than `age_max`, nor from the future.
    pub fn decrypt_fresh(
        &self,
        token: &str,
        age_max: Duration,
        now: Timestamp,
    ) -> Result<Zeroizing<Vec<u8>>, FernetError> {
        let (frame, at) = self.find(token)?;
        let now = seconds(now);
        if frame.seconds > now.saturating_add(FERNET_SKEW_SECONDS_MAX) {
            return Err(FernetError::Future);
        }
        if frame.seconds.saturating_add(age_max.as_secs()) < now {
            return Err(FernetError::Expired);
        }
        frame.open(self.0.get(at).ok_or(FernetError::Refused)?)
    }

    /// Whether another key than the newest made the token.
    pub fn needs_rotation(&self, token: &str) -> Result<bool, FernetError> {
        self.find(token).map(|(_, at)| at != 0)
    }

    /// The same value under the newest key and a fresh IV. The moment in the token stays what it was.
    pub fn rotate(&self, token: &str, rng: &dyn Rng) -> Result<String, FernetError> {
        let (frame, at) = self.find(token)?;
        let seconds = frame.seconds;
        let plain = frame.open(self.0.get(at).ok_or(FernetError::Refused)?)?;
        self.newest()?.seal(&plain, seconds, rng.bytes16())
    }

    fn newest(&self) -> Result<&Key, FernetError> {
        self.0.first().ok_or(FernetError::Ring)
    }

    /// The token with the place of the key that made it. Nothing is decrypted before the tag is right.
    fn find(&self, token: &str) -> Result<(Frame, usize), FernetError> {
        let frame = Frame::parse(token)?;
        let at = self.0.iter().position(|key| same(&key.tag(&frame.signed), &frame.tag));
        Ok((frame, at.ok_or(FernetError::Refused)?))
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.unix_seconds()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
