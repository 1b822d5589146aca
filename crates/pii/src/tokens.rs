//! The tokens that stand where personal data was.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};
use zeroize::Zeroize as _;

use crate::class::Class;

/// How many random symbols, of five bits each, a token starts out with. Thirty bits: a text that was not written
/// with the token in view holds it with a chance of one in a thousand million.
const SUFFIX_SYMBOLS: usize = 6;
/// The least and the most random symbols in what is taken for a token.
pub(crate) const SUFFIX_SYMBOLS_MIN: usize = 4;
pub(crate) const SUFFIX_SYMBOLS_MAX: usize = 16;
/// How many foreign tokens of one document are remembered so that they are not minted again.
const FOREIGN_TOKENS_MAX: usize = 65_536;
/// Tries before a token gets longer.
const TRIES: u32 = 8;
/// RFC 4648 base32, in small letters.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Mints the tokens of one document or conversation.
///
/// A token is the class and a random suffix, such as `<EMAIL_k3f9qa>`. It says nothing about the value: the suffix
/// comes from the seed and a counter alone. The same value gets the same token as long as this lives, which is known
/// by a keyed digest (SipHash-2-4-128 under the seed); the value itself is not kept. All of it is overwritten on drop,
/// and nothing of it can be printed.
///
/// Text that already reads like a token, from an earlier turn or by chance, is left alone, and its suffix is not
/// minted again. A token cannot collide with one that stands further on in a stream: that would have to be guessed.
pub struct Tokens {
    seed: [u8; 16],
    minted: u64,
    by_value: HashMap<(Class, u128), String>,
    taken: HashSet<u64>,
}

impl Tokens {
    /// Starts a document. The seed must come from a cryptographic random source and be used for one document only.
    pub fn new(seed: [u8; 16]) -> Self {
        Self { seed, minted: 0, by_value: HashMap::new(), taken: HashSet::new() }
    }

    /// A digest for a value, to be fed and then given to [`Tokens::for_value`].
    pub(crate) fn digest(&self, class: Class) -> Digest {
        let mut hasher = SipHasher24::new_with_key(&self.seed);
        hasher.write(class.name().as_bytes());
        hasher.write(&[0]);
        Digest(hasher)
    }

    /// The token of the value that was fed to the digest.
    pub(crate) fn for_value(&mut self, class: Class, digest: &Digest) -> &str {
        let key = (class, digest.0.finish128().as_u128());
        if !self.by_value.contains_key(&key) {
            let token = self.mint(class);
            self.by_value.insert(key, token);
        }
        self.by_value.get(&key).map_or("", String::as_str)
    }

    /// A token that belongs to no value: for what is too long to be compared.
    pub(crate) fn mint(&mut self, class: Class) -> String {
        let mut length = SUFFIX_SYMBOLS;
        let mut tries = 0;
        loop {
            let suffix = self.suffix(length);
            if self.taken.insert(fingerprint(&suffix)) {
                return format!("<{}_{suffix}>", class.name());
            }
            tries += 1;
            if tries % TRIES == 0 && length < SUFFIX_SYMBOLS_MAX.min(12) {
                length += 1;
            }
        }
    }

    fn suffix(&mut self, length: usize) -> String {
        let mut hasher = SipHasher24::new_with_key(&self.seed);
        hasher.write(b"token");
        hasher.write(&self.minted.to_le_bytes());
        self.minted += 1;
        let mut bits = hasher.finish128().as_u128();
        let mut suffix = String::with_capacity(length);
        for _ in 0..length {
            suffix.push(char::from(ALPHABET[(bits & 31) as usize]));
            bits >>= 5;
        }
        suffix
    }

    /// Remembers a token that the text brought along. `token` is `<CLASS_suffix>`.
    pub(crate) fn foreign(&mut self, token: &str) {
        let suffix = token.rsplit('_').next().unwrap_or_default().trim_end_matches('>');
        if self.taken.len() < FOREIGN_TOKENS_MAX {
            self.taken.insert(fingerprint(suffix));
        }
    }
}

/// Five bits a symbol; suffixes of more than twelve symbols share fingerprints, which only makes minting stricter.
fn fingerprint(suffix: &str) -> u64 {
    suffix.bytes().fold(1, |bits: u64, b| bits << 5 | u64::from(b & 31))
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.minted.zeroize();
        for (_, mut token) in self.by_value.drain() {
            token.zeroize();
        }
        self.taken.clear();
    }
}

/// A keyed digest of a value under way.
pub(crate) struct Digest(SipHasher24);

impl Digest {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}
