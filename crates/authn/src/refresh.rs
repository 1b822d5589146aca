//! A family of refresh tokens as a state machine: one living token, replaced at each use.
//!
//! The next token is not drawn but derived from the one before, under a key of the server. So a client that presents the
//! same token twice, because two of its tabs raced or an answer was lost, gets the same successor twice: there is never a
//! second living token, and only the hash of the living one has to be kept. Within [`GRACE_SECONDS`] after a token was
//! replaced it leads to the living one; after that, it can only be a copy, and the whole family ends.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use kernel::{Rng, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::bytes::{b64url, same, sha256, unb64url};

/// How long a replaced token still leads to the living one, in seconds: time for an honest client's second try.
pub const GRACE_SECONDS: u64 = 30;
/// How long a token can wait to be used, in seconds (7 days).
pub const TOKEN_SECONDS: u64 = 7 * 24 * 3_600;
/// How long a family lives at most, in seconds (30 days): then the person signs in again.
pub const FAMILY_SECONDS: u64 = 30 * 24 * 3_600;
/// Replacements within the grace that are remembered. When there were as many, the living token is given once more,
/// unreplaced: forgetting one would sign out an honest client that was a moment late.
pub const ROTATIONS_MAX: usize = 16;
/// Generations a presented token may lie behind the living one; what lies further back is not worth deriving.
const BEHIND_MAX: u64 = 4_096;

const PREFIX: &str = "prt_";
const SECRET_BYTES: usize = 32;
const FAMILY_CHARS: usize = 32;
const SECRET_CHARS: usize = 43;
const GENERATION_DIGITS_MAX: usize = 15;

/// The server's key under which successors are derived. Wiped when dropped.
pub struct RefreshKey(hmac::Key);

impl RefreshKey {
    /// Takes 32 secret bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The secret of `generation`, from the secret of the one before.
    fn derive(
        &self,
        before: &[u8; SECRET_BYTES],
        family: Uuid,
        generation: u64,
    ) -> Zeroizing<[u8; SECRET_BYTES]> {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(before);
        mac.update(family.as_bytes());
        mac.update(&generation.to_be_bytes());
        let mut out = Zeroizing::new([0; SECRET_BYTES]);
        out.copy_from_slice(mac.sign().as_ref());
        out
    }
}

/// The text is not a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct ParseRefreshError;

/// A refresh token: `prt_<family>_<generation>_<secret>`. Wiped when dropped; has no `Debug`.
pub struct RefreshToken {
    family: Uuid,
    generation: u64,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

impl RefreshToken {
    /// Reads what a client sent. There is one spelling of every token.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, ParseRefreshError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ParseRefreshError)?;
        let mut parts = rest.splitn(3, '_');
        let (Some(family), Some(generation), Some(secret)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseRefreshError);
        };
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if family.len() != FAMILY_CHARS || !family.bytes().all(lower) || secret.len() != SECRET_CHARS {
            return Err(ParseRefreshError);
        }
        let digits = generation.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || generation.len() > GENERATION_DIGITS_MAX || generation.starts_with('0') {
            return Err(ParseRefreshError);
        }
        let bytes = Zeroizing::new(unb64url(secret).ok_or(ParseRefreshError)?);
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        if bytes.len() != SECRET_BYTES {
            return Err(ParseRefreshError);
        }
        secret.copy_from_slice(&bytes);
        Ok(Self {
            family: Uuid::try_parse(family).map_err(|_| ParseRefreshError)?,
            generation: generation.parse().map_err(|_| ParseRefreshError)?,
            secret,
        })
    }

    /// The family it belongs to.
    pub fn family(&self) -> Uuid {
        self.family
    }

    /// The whole token, for the cookie.
    pub fn expose(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(b64url(self.secret.as_slice()));
        let family = self.family.simple();
        Zeroizing::new(format!("{PREFIX}{family}_{}_{}", self.generation, secret.as_str()))
    }
}

/// What is kept of a family.
#[derive(Clone, PartialEq, Eq)]
pub struct Family {
    /// Its id.
    pub id: Uuid,
    /// The generation of the living token, from 1.
    pub generation: u64,
    /// SHA-256 of the living token's secret.
    pub hash: [u8; 32],
    /// When the living token, and those lately before it, took their place; newest first, at most [`ROTATIONS_MAX`].
    pub rotations: Vec<Timestamp>,
    /// When the living token expires unused.
    pub expires_at: Timestamp,
    /// When the family ends, whatever is refreshed.
    pub ends_at: Timestamp,
    /// Whether it was ended.
    pub revoked: bool,
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Family({}, generation {}, revoked {})", self.id, self.generation, self.revoked)
    }
}

/// What comes of presenting a token.
pub enum Outcome {
    /// It was the living one: here is the next, and what to keep of the family from now on.
    Rotated(RefreshToken, Family),
    /// It was replaced a moment ago, or too many were: here is the living one once more. Nothing changes.
    Again(RefreshToken),
    /// It was replaced long ago: somebody holds a copy. End the family.
    Reused,
    /// It, or its family, has expired.
    Expired,
    /// The family was ended.
    Revoked,
    /// It was never a token of this family.
    Unknown,
}

impl Family {
    /// A new family and its first token.
    pub fn begin(id: Uuid, now: Timestamp, rng: &dyn Rng) -> (Self, RefreshToken) {
        let secret = Zeroizing::new(rng.bytes32());
        let family = Self {
            id,
            generation: 1,
            hash: sha256(secret.as_slice()),
            rotations: vec![now],
            expires_at: now.plus(Duration::from_secs(TOKEN_SECONDS)),
            ends_at: now.plus(Duration::from_secs(FAMILY_SECONDS)),
            revoked: false,
        };
        (family, RefreshToken { family: id, generation: 1, secret })
    }

    /// Presents a token.
    pub fn present(&self, token: &RefreshToken, key: &RefreshKey, now: Timestamp) -> Outcome {
        let Some(behind) = self.generation.checked_sub(token.generation) else { return Outcome::Unknown };
        if token.family != self.id || behind > BEHIND_MAX {
            return Outcome::Unknown;
        }
        // Genuine first: a forged token must not be able to end a family, nor learn anything about it.
        let mut secret = token.secret.clone();
        for generation in token.generation + 1..=self.generation {
            secret = key.derive(&secret, self.id, generation);
        }
        if !same(&sha256(secret.as_slice()), &self.hash) {
            return Outcome::Unknown;
        }
        if self.revoked {
            return Outcome::Revoked;
        }
        if behind > 0 && !self.is_in_grace(behind, now) {
            return Outcome::Reused;
        }
        if now >= self.expires_at || now >= self.ends_at {
            return Outcome::Expired;
        }
        if behind > 0 {
            return Outcome::Again(RefreshToken { family: self.id, generation: self.generation, secret });
        }
        self.rotate(&secret, key, now)
    }

    /// Whether the token `behind` generations back was replaced within the grace. The newest rotation replaced the token
    /// one back, the rotation before it the one two back, and so on.
    fn is_in_grace(&self, behind: u64, now: Timestamp) -> bool {
        let replaced = usize::try_from(behind - 1).ok().and_then(|index| self.rotations.get(index));
        replaced.is_some_and(|at| within_grace(*at, now))
    }

    fn rotate(&self, secret: &[u8; SECRET_BYTES], key: &RefreshKey, now: Timestamp) -> Outcome {
        // The first one too old ends the list, whatever clocks did: its order says which token each of them replaced.
        let lately: Vec<Timestamp> =
            self.rotations.iter().copied().take_while(|at| within_grace(*at, now)).collect();
        if lately.len() >= ROTATIONS_MAX {
            let secret = Zeroizing::new(*secret);
            return Outcome::Again(RefreshToken { family: self.id, generation: self.generation, secret });
        }
        let generation = self.generation + 1;
        let next = key.derive(secret, self.id, generation);
        let family = Self {
            generation,
            hash: sha256(next.as_slice()),
            rotations: std::iter::once(now).chain(lately).collect(),
            expires_at: now.plus(Duration::from_secs(TOKEN_SECONDS)).min(self.ends_at),
            ..self.clone()
        };
        Outcome::Rotated(RefreshToken { family: self.id, generation, secret: next }, family)
    }
}

/// Whether no more than the grace lies between the two moments. In either direction: a clock that was wrong, or another
/// process's, may have written a moment that has not come yet, which must not mean grace until it comes.
fn within_grace(then: Timestamp, now: Timestamp) -> bool {
    now.since(then).max(then.since(now)) <= Duration::from_secs(GRACE_SECONDS)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
