use std::fmt;
use std::str::FromStr;

use kernel::Rng;
use zeroize::Zeroizing;

use crate::{same, sha256};

/// The published pattern of an API key, for secret scanners.
pub const API_KEY_PATTERN: &str = "pcl_(live|test|dev)_[0-9A-Za-z]{49}";

const RANDOM_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What an API key was made for; part of its text, so that a leaked key says how bad the leak is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyEnv {
    /// Real work.
    Live,
    /// Tests.
    Test,
    /// Development mode on one machine.
    Dev,
}

impl ApiKeyEnv {
    /// The word inside the key.
    pub const fn name(self) -> &'static str {
        match self {
            ApiKeyEnv::Live => "live",
            ApiKeyEnv::Test => "test",
            ApiKeyEnv::Dev => "dev",
        }
    }
}

impl FromStr for ApiKeyEnv {
    type Err = ParseApiKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Live, Self::Test, Self::Dev].into_iter().find(|env| env.name() == text).ok_or(ParseApiKeyError)
    }
}

/// The text is not an API key: wrong shape or wrong checksum. Known without asking the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct ParseApiKeyError;

/// An API key in full: `pcl_<env>_<43 random base-62 characters><6 characters of CRC-32>`.
///
/// 43 characters carry 256 bits. The checksum covers everything before it and lets scanners and this server tell a
/// key from a look-alike without a lookup; it is no security measure. Wiped when dropped; has no `Debug`.
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Makes a new key.
    pub fn generate(env: ApiKeyEnv, rng: &dyn Rng) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(60));
        text.push_str("pcl_");
        text.push_str(env.name());
        text.push('_');
        let end = text.len() + RANDOM_CHARS;
        while text.len() < end {
            let mut bytes = Zeroizing::new([0; 64]);
            rng.fill(bytes.as_mut_slice());
            // Rejection keeps every character equally likely: 248 is the largest multiple of 62 in a byte.
            for byte in bytes.iter().filter(|byte| **byte < 248).take(end - text.len()) {
                text.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
        let check = checksum(&text);
        text.push_str(&check);
        Self(text)
    }

    /// Reads a key a client sent.
    pub fn parse(text: &str) -> Result<Self, ParseApiKeyError> {
        let rest = text.strip_prefix("pcl_").ok_or(ParseApiKeyError)?;
        let (env, body) = rest.split_once('_').ok_or(ParseApiKeyError)?;
        env.parse::<ApiKeyEnv>()?;
        if body.len() != RANDOM_CHARS + CHECK_CHARS || !body.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(ParseApiKeyError);
        }
        let (signed, check) = text.split_at(text.len() - CHECK_CHARS);
        if checksum(signed) != check {
            return Err(ParseApiKeyError);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The whole key, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first characters, by which a person can tell keys apart in a list: `pcl_live_` and four more.
    pub fn hint(&self) -> &str {
        let end = self.0.rfind('_').map_or(0, |at| at + 5);
        &self.0[..end.min(self.0.len())]
    }

    /// What is stored instead of the key.
    pub fn hash(&self) -> KeyHash {
        KeyHash(sha256(self.0.as_bytes()))
    }
}

/// SHA-256 of an API key. A key has 256 random bits, so a fast hash is enough: there is nothing to guess.
#[derive(Clone, Copy, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Reads a stored hash; `None` unless it is 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for the database.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for KeyHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl std::hash::Hash for KeyHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

fn checksum(text: &str) -> String {
    let mut crc = crc32fast::hash(text.as_bytes());
    let mut out = [b'0'; CHECK_CHARS];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(crc % 62) as usize];
        crc /= 62;
    }
    out.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRng;
    use proptest::prelude::*;

    #[test]
    fn a_key_reads_back_and_one_wrong_character_does_not() {
        for env in [ApiKeyEnv::Live, ApiKeyEnv::Test, ApiKeyEnv::Dev] {
            let key = ApiKey::generate(env, &SystemRng);
            let text = key.expose().to_owned();
            assert_eq!(ApiKey::parse(&text).ok().unwrap().hash(), key.hash());
            assert!(key.hint().starts_with("pcl_") && key.hint().len() < 14);
            for index in 9..text.len() {
                let mut bent = text.clone().into_bytes();
                bent[index] = if bent[index] == b'a' { b'b' } else { b'a' };
                assert!(ApiKey::parse(&String::from_utf8(bent).unwrap()).is_err(), "{index}");
            }
        }
    }

    #[test]
    fn keys_do_not_repeat() {
        let (a, b) =
            (ApiKey::generate(ApiKeyEnv::Live, &SystemRng), ApiKey::generate(ApiKeyEnv::Live, &SystemRng));
        assert!(a.hash() != b.hash());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            let _ = ApiKey::parse(&text);
            let _ = ApiKey::parse(&format!("pcl_live_{text}"));
        }
    }
}
