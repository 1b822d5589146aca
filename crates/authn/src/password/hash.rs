//! Stored hashes: three self-describing forms, all readable by other people's tools.
//!
//! * `$2b$12$<salt><digest>`: bcrypt of a password of at most 72 bytes without NUL;
//! * `$bcrypt-sha256$v=2,t=2b,r=12$<salt>$<digest>`: the form of PyPI's passlib for longer ones. bcrypt would
//!   silently ignore what lies beyond 72 bytes or behind a NUL, so it is given
//!   `base64(HMAC-SHA-256(key = salt text, password))` instead;
//! * `$argon2id$v=19$m=…,t=…,p=…$<salt>$<digest>`: the PHC form.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD, STANDARD_NO_PAD};
use kernel::Rng;
use zeroize::Zeroizing;

use super::{Password, Scheme, SchemeError};
use crate::bytes::{hmac_sha256, same};

/// bcrypt's own base 64: another alphabet, no padding.
const BCRYPT_64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);
/// What bcrypt reads of its input, in bytes.
const BCRYPT_INPUT_BYTES_MAX: usize = 72;
/// Bytes of a bcrypt digest that are kept; the 24th is dropped by tradition.
const BCRYPT_DIGEST_BYTES: usize = 23;
const SALT_BYTES: usize = 16;
/// Characters of a bcrypt salt in its base 64.
const BCRYPT_SALT_CHARS: usize = 22;
const ARGON2_DIGEST_BYTES: usize = 32;
/// Longest text read as a hash, in bytes.
const HASH_BYTES_MAX: usize = 256;

/// The text is not a hash of a known form, or one that would cost too much to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a password hash of a known form and cost")]
pub struct ParseHashError;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `$2b$`, or the same under the older names `$2a$` and `$2y$`.
    Bcrypt {
        variant: char,
        cost: u32,
    },
    BcryptSha256 {
        cost: u32,
    },
    Argon2id {
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    },
}

/// A password's hash as it is stored. No `Debug` of its content: who holds it can guess at leisure.
pub struct PasswordHash {
    form: Form,
    salt: Vec<u8>,
    digest: Vec<u8>,
    /// A dummy: costs what a hash costs and never matches.
    never: bool,
}

impl PasswordHash {
    /// Hashes a password. Takes a few hundred milliseconds of one core by design: not for an async thread.
    pub fn hash(password: &Password, scheme: Scheme, rng: &dyn Rng) -> Result<Self, SchemeError> {
        scheme.check()?;
        let salt = rng.bytes16();
        let form = match scheme {
            Scheme::Bcrypt { cost } if fits_bcrypt(password.bytes()) => Form::Bcrypt { variant: 'b', cost },
            Scheme::Bcrypt { cost } => Form::BcryptSha256 { cost },
            Scheme::Argon2id { memory_kib, passes, lanes } => Form::Argon2id { memory_kib, passes, lanes },
        };
        let digest = digest(form, &salt, password.bytes()).ok_or(SchemeError)?;
        Ok(Self { form, salt: salt.to_vec(), digest, never: false })
    }

    /// A hash that no password matches and that takes as long to check as a real one: for accounts that do not
    /// exist, so that the time of an answer does not tell.
    pub fn dummy(scheme: Scheme) -> Result<Self, SchemeError> {
        scheme.check()?;
        let (form, len) = match scheme {
            Scheme::Bcrypt { cost } => (Form::Bcrypt { variant: 'b', cost }, BCRYPT_DIGEST_BYTES),
            Scheme::Argon2id { memory_kib, passes, lanes } => {
                (Form::Argon2id { memory_kib, passes, lanes }, ARGON2_DIGEST_BYTES)
            }
        };
        Ok(Self { form, salt: vec![0; SALT_BYTES], digest: vec![0; len], never: true })
    }

    /// Reads a stored hash. Costs beyond the limits are refused here rather than computed.
    pub fn parse(text: &str) -> Result<Self, ParseHashError> {
        if text.len() > HASH_BYTES_MAX {
            return Err(ParseHashError);
        }
        let mut parts = text.strip_prefix('$').ok_or(ParseHashError)?.split('$');
        let parsed = match parts.next() {
            Some("2b") => bcrypt('b', &mut parts),
            Some("2a") => bcrypt('a', &mut parts),
            Some("2y") => bcrypt('y', &mut parts),
            Some("bcrypt-sha256") => bcrypt_sha256(&mut parts),
            Some("argon2id") => argon2id(&mut parts),
            _ => None,
        };
        parsed.filter(|_| parts.next().is_none()).ok_or(ParseHashError)
    }

    /// Whether this is the password's hash. Takes as long as making it; the comparison is in constant time.
    pub fn verify(&self, password: &Password) -> bool {
        let typed = password.bytes();
        // What bcrypt would cut is never a match, but it costs the same: a quick answer would tell of the account.
        let (form, fits) = match self.form {
            Form::Bcrypt { cost, .. } if !fits_bcrypt(typed) => (Form::BcryptSha256 { cost }, false),
            form => (form, true),
        };
        let matches = digest(form, &self.salt, typed).is_some_and(|found| same(&found, &self.digest));
        matches && fits && !self.never
    }

    /// The scheme it was made under. What bcrypt needs for long passwords costs what bcrypt costs.
    pub fn scheme(&self) -> Scheme {
        match self.form {
            Form::Bcrypt { cost, .. } | Form::BcryptSha256 { cost } => Scheme::Bcrypt { cost },
            Form::Argon2id { memory_kib, passes, lanes } => Scheme::Argon2id { memory_kib, passes, lanes },
        }
    }

    /// Whether the password should be hashed again with `scheme` at its next use.
    pub fn needs_rehash(&self, scheme: &Scheme) -> bool {
        match (self.form, *scheme) {
            (Form::Bcrypt { variant, cost }, Scheme::Bcrypt { cost: wanted }) => {
                variant != 'b' || cost != wanted
            }
            (Form::BcryptSha256 { cost }, Scheme::Bcrypt { cost: wanted }) => cost != wanted,
            (Form::Argon2id { memory_kib: m, passes: t, lanes: p }, wanted) => {
                wanted != Scheme::Argon2id { memory_kib: m, passes: t, lanes: p }
            }
            _ => true,
        }
    }

    /// The text to store.
    pub fn to_text(&self) -> String {
        match self.form {
            Form::Bcrypt { variant, cost } => {
                let (salt, digest) = (BCRYPT_64.encode(&self.salt), BCRYPT_64.encode(&self.digest));
                format!("$2{variant}${cost:02}${salt}{digest}")
            }
            Form::BcryptSha256 { cost } => {
                let (salt, digest) = (BCRYPT_64.encode(&self.salt), BCRYPT_64.encode(&self.digest));
                format!("$bcrypt-sha256$v=2,t=2b,r={cost}${salt}${digest}")
            }
            Form::Argon2id { memory_kib, passes, lanes } => {
                let (salt, digest) =
                    (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.digest));
                format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${digest}")
            }
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Whether bcrypt reads all of it.
fn fits_bcrypt(password: &[u8]) -> bool {
    password.len() <= BCRYPT_INPUT_BYTES_MAX && !password.contains(&0)
}

fn digest(form: Form, salt: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    match form {
        Form::Bcrypt { cost, .. } => raw_bcrypt(cost, salt, password),
        Form::BcryptSha256 { cost } => {
            let mac = Zeroizing::new(hmac_sha256(BCRYPT_64.encode(salt).as_bytes(), password));
            let short = Zeroizing::new(STANDARD.encode(mac.as_slice()));
            raw_bcrypt(cost, salt, short.as_bytes())
        }
        Form::Argon2id { memory_kib, passes, lanes } => {
            let params = Params::new(memory_kib, passes, lanes, Some(ARGON2_DIGEST_BYTES)).ok()?;
            let mut out = vec![0; ARGON2_DIGEST_BYTES];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(password, salt, &mut out)
                .ok()?;
            Some(out)
        }
    }
}

/// bcrypt, revision 2b: the terminating NUL is part of the input as far as 72 bytes reach.
fn raw_bcrypt(cost: u32, salt: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let salt: [u8; SALT_BYTES] = salt.try_into().ok()?;
    let mut input = Zeroizing::new([0; BCRYPT_INPUT_BYTES_MAX + 1]);
    input.get_mut(..password.len())?.copy_from_slice(password);
    let len = (password.len() + 1).min(BCRYPT_INPUT_BYTES_MAX);
    let digest = bcrypt::bcrypt(cost, salt, &input[..len]);
    Some(digest[..BCRYPT_DIGEST_BYTES].to_vec())
}

/// A decimal number without sign, blanks or leading zeros.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

fn bcrypt<'a>(variant: char, parts: &mut impl Iterator<Item = &'a str>) -> Option<PasswordHash> {
    let (cost, body) = (parts.next()?, parts.next()?);
    // Always two digits: `04`, `12`.
    let cost = if cost.len() == 2 { number(cost.strip_prefix('0').unwrap_or(cost))? } else { return None };
    let (salt, digest) = body.split_at_checked(BCRYPT_SALT_CHARS)?;
    from_bcrypt(Form::Bcrypt { variant, cost }, cost, salt, digest)
}

fn bcrypt_sha256<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<PasswordHash> {
    let cost = number(parts.next()?.strip_prefix("v=2,t=2b,r=")?)?;
    let (salt, digest) = (parts.next()?, parts.next()?);
    from_bcrypt(Form::BcryptSha256 { cost }, cost, salt, digest)
}

fn from_bcrypt(form: Form, cost: u32, salt: &str, digest: &str) -> Option<PasswordHash> {
    Scheme::Bcrypt { cost }.check().ok()?;
    let (salt, digest) = (BCRYPT_64.decode(salt).ok()?, BCRYPT_64.decode(digest).ok()?);
    let fits = salt.len() == SALT_BYTES && digest.len() == BCRYPT_DIGEST_BYTES;
    fits.then_some(PasswordHash { form, salt, digest, never: false })
}

fn argon2id<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<PasswordHash> {
    if parts.next()? != "v=19" {
        return None;
    }
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| number(costs.next()?.strip_prefix(name)?);
    let (memory_kib, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    Scheme::Argon2id { memory_kib, passes, lanes }.check().ok()?;
    let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    let digest = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    let fits = costs.next().is_none() && salt.len() == SALT_BYTES && digest.len() == ARGON2_DIGEST_BYTES;
    let form = Form::Argon2id { memory_kib, passes, lanes };
    fits.then_some(PasswordHash { form, salt, digest, never: false })
}
