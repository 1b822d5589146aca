//! The tokens that stand where personal data was.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};
use zeroize::{Zeroize as _, Zeroizing};

use crate::class::Class;

/// How many random symbols, of five bits each, a token starts out with. Thirty bits: a text that was not written
/// with the token in view holds it with a chance of one in a thousand million.
const SUFFIX_SYMBOLS: usize = 6;
/// How many symbols the token of a kept value has. Fifty bits: so that no two of an organization meet.
const KEPT_SYMBOLS: usize = 10;
/// Values that one conversation keeps at most; what comes beyond is replaced for good.
pub const TOKENS_PER_CONVERSATION_MAX: usize = 4_096;
/// Longest value that is kept, in bytes; a longer one is replaced for good.
pub const VALUE_BYTES_MAX: usize = 16 * 1_024;
/// Bytes by which a kept value is found again.
pub const INDEX_BYTES: usize = 32;
/// The least and the most random symbols in what is taken for a token.
pub(crate) const SUFFIX_SYMBOLS_MIN: usize = 4;
pub(crate) const SUFFIX_SYMBOLS_MAX: usize = 16;
/// How many foreign tokens of one document are remembered so that they are not minted again.
const FOREIGN_TOKENS_MAX: usize = 65_536;
/// Tries before a token gets longer.
const TRIES: u32 = 8;
/// RFC 4648 base32, in small letters.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Whose words a text is: what the caller of a model sent, or what the model brought itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The caller's: it may see again what it sent.
    Caller,
    /// The model's: what it brings is not put back.
    Model,
}

/// By what a value is found again without being kept in the clear: a keyed hash, apart for each side and class.
pub type BlindIndex = Box<dyn Fn(Side, Class, &str) -> [u8; INDEX_BYTES] + Send>;

/// A value that was replaced and is to be kept. Wiped when dropped.
pub struct Minted {
    /// What stands in its place.
    pub token: String,
    /// What it is.
    pub class: Class,
    /// Whose it was.
    pub side: Side,
    /// The value, byte for byte as it stood.
    pub value: Zeroizing<String>,
    /// By what it is found again.
    pub index: [u8; INDEX_BYTES],
}

/// What a conversation knows of its values.
struct Keeping {
    index: BlindIndex,
    side: Side,
    known: HashMap<[u8; INDEX_BYTES], String>,
    minted: Vec<Minted>,
    left: usize,
}

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
    mint: Mint,
    by_value: HashMap<(Class, u128), String>,
    keeping: Option<Keeping>,
}

/// Where tokens come from.
struct Mint {
    seed: [u8; 16],
    minted: u64,
    taken: HashSet<u64>,
}

impl Tokens {
    /// Starts a document. The seed must come from a cryptographic random source and be used for one document only.
    pub fn new(seed: [u8; 16]) -> Self {
        Self {
            mint: Mint { seed, minted: 0, taken: HashSet::new() },
            by_value: HashMap::new(),
            keeping: None,
        }
    }

    /// Goes on with a conversation, whose values are kept: those that are known, each by its index, keep their tokens.
    pub fn within(
        seed: [u8; 16],
        index: BlindIndex,
        known: impl IntoIterator<Item = ([u8; INDEX_BYTES], String)>,
    ) -> Self {
        let mut tokens = Self::new(seed);
        let known: HashMap<_, _> = known.into_iter().collect();
        for token in known.values() {
            tokens.foreign(token);
        }
        let left = TOKENS_PER_CONVERSATION_MAX.saturating_sub(known.len());
        tokens.keeping = Some(Keeping { index, side: Side::Caller, known, minted: Vec::new(), left });
        tokens
    }

    /// Says whose words come next.
    pub fn facing(&mut self, side: Side) -> &mut Self {
        if let Some(keeping) = &mut self.keeping {
            keeping.side = side;
        }
        self
    }

    /// The values that were replaced since the last call and are to be kept.
    pub fn minted(&mut self) -> Vec<Minted> {
        self.keeping.as_mut().map(|keeping| std::mem::take(&mut keeping.minted)).unwrap_or_default()
    }

    /// The token of a value that is kept; `None` where nothing is, or no more.
    pub(crate) fn for_kept(&mut self, class: Class, value: &str) -> Option<String> {
        let keeping = self.keeping.as_ref().filter(|_| value.len() <= VALUE_BYTES_MAX)?;
        let (side, index) = (keeping.side, (keeping.index)(keeping.side, class, value));
        if let Some(token) = keeping.known.get(&index) {
            return Some(token.clone());
        }
        if keeping.left == 0 {
            return None;
        }
        let token = self.mint.token(class, KEPT_SYMBOLS);
        let keeping = self.keeping.as_mut()?;
        keeping.left -= 1;
        keeping.known.insert(index, token.clone());
        let value = Zeroizing::new(value.to_owned());
        keeping.minted.push(Minted { token: token.clone(), class, side, value, index });
        Some(token)
    }

    /// A digest for a value, to be fed and then given to [`Tokens::for_value`].
    pub(crate) fn digest(&self, class: Class) -> Digest {
        let mut hasher = SipHasher24::new_with_key(&self.mint.seed);
        hasher.write(class.name().as_bytes());
        hasher.write(&[0]);
        Digest(hasher)
    }

    /// The token of the value that was fed to the digest.
    pub(crate) fn for_value(&mut self, class: Class, digest: &Digest) -> &str {
        let key = (class, digest.0.finish128().as_u128());
        let mint = &mut self.mint;
        self.by_value.entry(key).or_insert_with(|| mint.token(class, SUFFIX_SYMBOLS))
    }

    /// A token that belongs to no value: for what is too long to be compared.
    pub(crate) fn mint(&mut self, class: Class) -> String {
        self.mint.token(class, SUFFIX_SYMBOLS)
    }

    /// Remembers a token that the text brought along. `token` is `<CLASS_suffix>`.
    pub(crate) fn foreign(&mut self, token: &str) {
        self.mint.foreign(token);
    }
}

impl Mint {
    /// A token that was not there yet.
    fn token(&mut self, class: Class, mut length: usize) -> String {
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

    fn foreign(&mut self, token: &str) {
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
        self.mint.seed.zeroize();
        self.mint.minted.zeroize();
        for (_, mut token) in self.by_value.drain() {
            token.zeroize();
        }
        self.mint.taken.clear();
    }
}

/// A keyed digest of a value under way.
pub(crate) struct Digest(SipHasher24);

impl Digest {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}
