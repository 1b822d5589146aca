//! Recovery codes: ten of them, each good once, for the day the second factor is lost.

use std::fmt;

use kernel::Rng;
use zeroize::Zeroizing;

use crate::bytes::{same, sha256};

/// Codes in a set.
pub const RECOVERY_CODES: usize = 10;
/// Characters of a code without its hyphens; each carries five random bits, 75 in all.
const CODE_CHARS: usize = 15;
/// Characters between two hyphens.
const GROUP_CHARS: usize = 5;
/// Longest text read as a code, in bytes.
const INPUT_BYTES_MAX: usize = 64;
/// Crockford's base 32: no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The text is not a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recovery code looks like 7k3fd-9xq2m-04trw")]
pub struct ParseRecoveryError;

/// A recovery code in its canonical form, `xxxxx-xxxxx-xxxxx` in lower case. Wiped when dropped; no `Debug`.
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// A fresh code.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut random = Zeroizing::new([0; CODE_CHARS]);
        rng.fill(random.as_mut_slice());
        // 32 divides 256, so the low five bits of a byte are uniform.
        Self::from_symbols(random.iter().map(|byte| byte & 31))
    }

    /// A fresh set, to be shown once.
    pub fn generate_set(rng: &dyn Rng) -> [Self; RECOVERY_CODES] {
        std::array::from_fn(|_| Self::generate(rng))
    }

    /// Reads what a person typed: either case, hyphens and blanks anywhere, `O` for `0`, `I` and `L` for `1`.
    pub fn parse(text: &str) -> Result<Self, ParseRecoveryError> {
        if text.len() > INPUT_BYTES_MAX {
            return Err(ParseRecoveryError);
        }
        let mut symbols = Zeroizing::new([0; CODE_CHARS]);
        let mut len = 0;
        for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            let slot = symbols.get_mut(len).ok_or(ParseRecoveryError)?;
            *slot = symbol(byte).ok_or(ParseRecoveryError)?;
            len += 1;
        }
        if len != CODE_CHARS {
            return Err(ParseRecoveryError);
        }
        Ok(Self::from_symbols(symbols.iter().copied()))
    }

    fn from_symbols(symbols: impl Iterator<Item = u8>) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(CODE_CHARS + 2));
        for (index, symbol) in symbols.enumerate() {
            if index > 0 && index.is_multiple_of(GROUP_CHARS) {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(symbol & 31)]));
        }
        Self(text)
    }

    /// The code, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored instead of the code.
    pub fn hash(&self) -> RecoveryHash {
        RecoveryHash(sha256(self.0.as_bytes()))
    }

    /// Which of a person's stored hashes this code is. Looks at all of them, whichever matches.
    pub fn find(&self, stored: &[RecoveryHash]) -> Option<usize> {
        let hash = self.hash();
        let mut found = None;
        for (index, other) in stored.iter().enumerate() {
            if hash == *other {
                found = Some(index);
            }
        }
        found
    }
}

/// SHA-256 of a recovery code. 75 random bits need no slow hash.
#[derive(Clone, Copy, Eq)]
pub struct RecoveryHash([u8; 32]);

impl RecoveryHash {
    /// Reads a stored hash; `None` unless it is 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for the database.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for RecoveryHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl fmt::Debug for RecoveryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryHash(…)")
    }
}

/// The value of a typed character.
fn symbol(byte: u8) -> Option<u8> {
    let byte = match byte.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        other => other,
    };
    ALPHABET.iter().position(|known| *known == byte).and_then(|at| u8::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bytes::testing::{Chance, Counting};

    #[test]
    fn a_set_is_ten_different_codes() {
        let set = RecoveryCode::generate_set(&Chance);
        let mut texts: Vec<_> = set.iter().map(|code| code.expose().to_owned()).collect();
        assert!(texts.iter().all(|text| text.len() == 17 && text.as_bytes()[5] == b'-'), "{texts:?}");
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), RECOVERY_CODES);
    }

    #[test]
    fn what_people_type_is_read_as_they_meant_it() {
        let code = RecoveryCode::generate(&Counting::from(0));
        assert_eq!(code.expose(), "01234-56789-abcde");
        for typed in ["01234-56789-ABCDE", "O1234 56789 abcde", "oi23456789abcde", " 0l234--56789-abCde "] {
            assert_eq!(RecoveryCode::parse(typed).ok().unwrap().expose(), code.expose(), "{typed}");
        }
        let long = "0".repeat(16);
        for bad in ["", "01234-56789-abcd", &long, "01234-56789-abcdu", "01234-56789-abcdé", &" ".repeat(99)]
        {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_code_is_found_among_the_stored() {
        let set = RecoveryCode::generate_set(&Chance);
        let mut stored: Vec<_> = set.iter().map(RecoveryCode::hash).collect();
        let typed = RecoveryCode::parse(&set[3].expose().to_uppercase()).ok().unwrap();
        assert_eq!(typed.find(&stored), Some(3));
        stored.remove(3);
        assert_eq!(typed.find(&stored), None, "a used code is gone");
        assert_eq!(typed.find(&[]), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,70}") {
            let _ = RecoveryCode::parse(&text);
        }
    }
}
