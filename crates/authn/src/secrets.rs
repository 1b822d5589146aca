//! Opaque tokens: what a link, a cookie or an invitation carries, of which only a hash is stored.

use std::fmt;

use kernel::Rng;
use zeroize::Zeroizing;

use crate::bytes::{b64url, same, sha256, unb64url};

/// Random bytes in a token.
const SECRET_BYTES: usize = 32;
/// Characters of base64url for them.
const SECRET_CHARS: usize = 43;

/// What an opaque token is for. It is the token's prefix, so that one kind can never stand in for another and a
/// leaked token says what leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A browser session's cookie.
    Session,
    /// The link of an invitation to an organization.
    Invitation,
    /// The link that proves an email address.
    EmailVerification,
    /// The link that sets a new password.
    PasswordReset,
    /// The step between the first factor and the second.
    SecondFactor,
    /// A passkey ceremony under way, or another exchange with a browser that is answered once.
    Ceremony,
    /// The link that proves a new email address.
    AddressChange,
    /// The link that makes the first administrator.
    Welcome,
    /// The mark of a device that signed in before.
    Device,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Session,
        Self::Invitation,
        Self::EmailVerification,
        Self::PasswordReset,
        Self::SecondFactor,
        Self::Ceremony,
        Self::AddressChange,
        Self::Welcome,
        Self::Device,
    ];

    /// The prefix of a token of this kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "pst_",
            Self::Invitation => "pin_",
            Self::EmailVerification => "pev_",
            Self::PasswordReset => "ppr_",
            Self::SecondFactor => "psf_",
            Self::Ceremony => "pce_",
            Self::AddressChange => "pac_",
            Self::Welcome => "pwl_",
            Self::Device => "pdv_",
        }
    }
}

/// The text is not a token of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this kind")]
pub struct ParseTokenError;

/// 256 random bits as text: the kind's prefix and 43 characters of base64url.
///
/// Wiped when dropped; has no `Debug`. There is nothing to guess, so SHA-256 is enough for storage.
pub struct OpaqueToken {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl OpaqueToken {
    /// A fresh token.
    pub fn generate(kind: TokenKind, rng: &dyn Rng) -> Self {
        let secret = Zeroizing::new(rng.bytes32());
        let body = Zeroizing::new(b64url(secret.as_slice()));
        let mut text = Zeroizing::new(String::with_capacity(kind.prefix().len() + SECRET_CHARS));
        text.push_str(kind.prefix());
        text.push_str(&body);
        Self { kind, text }
    }

    /// Reads what a client sent as a token of `kind`.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, ParseTokenError> {
        let body = text.strip_prefix(kind.prefix()).ok_or(ParseTokenError)?;
        if body.len() != SECRET_CHARS {
            return Err(ParseTokenError);
        }
        let secret = Zeroizing::new(unb64url(body).ok_or(ParseTokenError)?);
        debug_assert_eq!(secret.len(), SECRET_BYTES, "43 characters are 32 bytes");
        Ok(Self { kind, text: Zeroizing::new(text.to_owned()) })
    }

    /// What it is for.
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The whole token, for the cookie or the link.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored instead of the token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(sha256(self.text.as_bytes()))
    }
}

/// SHA-256 of an opaque token, as stored. Compared in constant time; says nothing in `Debug`.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Reads a stored hash; `None` unless it is 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for the database.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bytes::testing::Chance;

    #[test]
    fn a_token_reads_back_as_its_own_kind_only() {
        for kind in TokenKind::ALL {
            let token = OpaqueToken::generate(kind, &Chance);
            for other in TokenKind::ALL {
                let read = OpaqueToken::parse(other, token.expose());
                assert_eq!(read.is_ok_and(|read| read.hash() == token.hash()), kind == other, "{kind:?}");
            }
            assert_eq!(TokenHash::from_slice(token.hash().as_bytes()), Some(token.hash()));
            assert_ne!(token.hash(), OpaqueToken::generate(kind, &Chance).hash());
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let token = OpaqueToken::generate(TokenKind::Session, &Chance);
        let text = token.expose();
        // The last character carries four bits; the other two of its six must be zero.
        let bent = format!("{}{}", &text[..text.len() - 1], 'B');
        for bad in [&text[1..], &text[..46], &format!("{text}A"), &format!("{text}="), &bent, "pst_", ""] {
            assert!(OpaqueToken::parse(TokenKind::Session, bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}") {
            let _ = OpaqueToken::parse(TokenKind::Session, &text);
            let _ = OpaqueToken::parse(TokenKind::Session, &format!("pst_{text}"));
        }
    }
}
