//! Detached signatures over bytes that stand elsewhere (RFC 7515 appendix F with RFC 7797): `header..signature`.
//!
//! Always with `"b64":false` and `crit`: the bytes are signed as they are, and a verifier that does not understand
//! that must refuse instead of misreading it.

use super::header::{self, Header, Payload};
use super::verify::{Parts, accepted, check_type, key_for};
use super::{ExpectedType, JwtError, KeySet, SignError, SigningKey};
use crate::bytes::{b64url, unb64url};

/// Signs `content` as it is.
pub fn sign_detached(key: &SigningKey, typ: &str, content: &[u8]) -> Result<String, SignError> {
    let header = b64url(&header::ours(key, typ, true)?);
    let signature = key.sign(&input(&header, content))?;
    Ok(format!("{header}..{}", b64url(&signature)))
}

/// Verifies a signature over `content` that [`sign_detached`] or another implementation made.
pub fn verify_detached(
    token: &str,
    content: &[u8],
    keys: &KeySet,
    typ: ExpectedType<'_>,
) -> Result<Header, JwtError> {
    let parts = Parts::of(token)?;
    if !parts.payload.is_empty() {
        return Err(JwtError::Shape);
    }
    let claimed = header::read(parts.header, Payload::AsIs)?;
    check_type(claimed.typ.as_deref(), typ)?;
    let key = key_for(&claimed, keys)?;
    let signature = unb64url(parts.signature).ok_or(JwtError::Base64)?;
    if !key.verify(&input(parts.header, content), &signature) {
        return Err(JwtError::Signature);
    }
    Ok(accepted(claimed, key))
}

/// `header.content` (RFC 7797 §3).
fn input(header: &str, content: &[u8]) -> Vec<u8> {
    [header.as_bytes(), b".", content].concat()
}
