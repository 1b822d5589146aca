//! Passwords: how they are read, judged, hashed and checked.
//!
//! A password never leaves [`Password`], which wipes itself and has no `Debug`. A stored hash says itself how it was
//! made, so that the scheme can change without anybody losing an account.

mod hash;
mod scheme;
mod strength;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use hash::{ParseHashError, PasswordHash};
pub use scheme::{
    ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES_MAX, BCRYPT_COST_MAX, BCRYPT_COST_MIN, Scheme,
    SchemeError,
};
pub use strength::{PASSWORD_CHARS_MIN, PERSON_WORDS_MAX, Weakness, judge};

/// Longest password, in bytes, before and after normalisation.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Why a text cannot be a password at all. How good it is, is asked of [`judge`] when it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was typed.
    #[error("type a password")]
    Empty,
    /// Longer than [`PASSWORD_BYTES_MAX`].
    #[error("a password has at most 1,024 bytes")]
    TooLong,
    /// A character that no keyboard types, such as a line break.
    #[error("a password has no control characters such as line breaks or tabs")]
    Control,
}

/// A password as a person typed it, normalised to NFKC (NIST SP 800-63B-4 §3.1.1.2), so that the same keys pressed
/// on another machine are the same password. Wiped when dropped; no `Debug`, no `Clone`.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Reads a password of 1 to [`PASSWORD_BYTES_MAX`] bytes without control characters. Blanks count: nothing is
    /// trimmed.
    pub fn parse(typed: String) -> Result<Self, PasswordError> {
        let typed = Zeroizing::new(typed);
        if typed.is_empty() {
            return Err(PasswordError::Empty);
        }
        if typed.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        if typed.chars().any(char::is_control) {
            return Err(PasswordError::Control);
        }
        // Measured first: a string that grows leaves copies of itself behind.
        let bytes: usize = typed.nfkc().map(char::len_utf8).sum();
        if bytes > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        let mut normal = Zeroizing::new(String::with_capacity(bytes));
        normal.extend(typed.nfkc());
        Ok(Self(normal))
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
