//! JSON Web Tokens: the one place that signs and verifies them (RFC 7515, 7517, 7519, 7638, 7797, 8725, 9068).
//!
//! Only the compact form, only [`Algorithm::Rs256`] and [`Algorithm::Es256`]. The key decides the algorithm; what a
//! token says about itself is compared, never obeyed. A token is refused at the first thing that is wrong with it,
//! and [`JwtError`] says which, for tests and the audit entry; the caller of the outside world is told nothing.

pub mod access;
mod der;
mod detached;
mod header;
mod json;
mod jwk;
mod key;
mod roca;
mod verify;

pub use detached::{sign_detached, verify_detached};
pub use header::Header;
pub use jwk::{JWKS_BYTES_MAX, JwkError};
pub use key::{
    Algorithm, KEYS_MAX, KID_BYTES_MAX, KeyError, KeySet, PublicKey, RSA_BITS_MAX, RSA_BITS_MIN, SigningKey,
};
use serde::Serialize;
pub use verify::{Audience, Expectations, ExpectedType, Verified, verify, verify_signature};

use crate::bytes::b64url;

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1_024;
/// Longest header, in bytes, after decoding.
pub const HEADER_BYTES_MAX: usize = 1_024;
/// Deepest nesting of a header or a payload; the object itself counts as one.
pub const JSON_DEPTH_MAX: usize = 8;

/// Why a token was refused: one reason for each way to attack it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Longer than [`TOKEN_BYTES_MAX`], or its header longer than [`HEADER_BYTES_MAX`].
    #[error("larger than any token of ours")]
    TooLarge,
    /// Not three parts between two dots.
    #[error("not a compact JWS")]
    Shape,
    /// A part is not base64url in its one spelling.
    #[error("not strict base64url")]
    Base64,
    /// The header is not a JSON object with members of the right kinds, each once.
    #[error("the header is not the JSON of one")]
    HeaderJson,
    /// Another type of token than expected.
    #[error("another type of token")]
    Typ,
    /// The header demands the understanding of an extension.
    #[error("demands an unknown extension")]
    Crit,
    /// The algorithm is `none`.
    #[error("the algorithm is none")]
    AlgorithmNone,
    /// The algorithm is not the key's.
    #[error("the algorithm is not the key's")]
    AlgorithmMismatch,
    /// No known key has that id, or the token names none and there are several.
    #[error("no known key has this id")]
    UnknownKey,
    /// The header brings its own key or says where to get it.
    #[error("brings its own key")]
    EmbeddedKey,
    /// `b64` (RFC 7797) where it is not expected, or missing where it is.
    #[error("an unencoded payload where none is expected, or the reverse")]
    B64,
    /// The signature is not the key's over these bytes.
    #[error("the signature is wrong")]
    Signature,
    /// The payload is not a JSON object with each member once.
    #[error("the payload is not a JSON object")]
    PayloadJson,
    /// Nested deeper than [`JSON_DEPTH_MAX`].
    #[error("nested too deeply")]
    Nesting,
    /// A claim is missing or is of the wrong kind; the name is ours, not the token's.
    #[error("the claim {0} is missing or wrong")]
    Claim(&'static str),
    /// Past its end.
    #[error("expired")]
    Expired,
    /// Before its beginning.
    #[error("not valid yet")]
    NotYet,
    /// Issued in the future.
    #[error("issued in the future")]
    IssuedInFuture,
    /// By another issuer.
    #[error("another issuer")]
    Issuer,
    /// For somebody else.
    #[error("for another audience")]
    Audience,
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The claims are not a JSON object.
    #[error("claims are a JSON object")]
    Claims,
    /// The token would be longer than [`TOKEN_BYTES_MAX`].
    #[error("the token would be larger than its verifiers accept")]
    TooLarge,
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Signs claims as a compact JWS of the given `typ`, such as `at+jwt`.
pub fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
    let payload = serde_json::to_vec(claims).map_err(|_| SignError::Claims)?;
    if payload.first() != Some(&b'{') {
        return Err(SignError::Claims);
    }
    let mut token = format!("{}.{}", b64url(&header::ours(key, typ, false)?), b64url(&payload));
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&b64url(&signature));
    if token.len() > TOKEN_BYTES_MAX {
        return Err(SignError::TooLarge);
    }
    Ok(token)
}

#[cfg(test)]
mod tests;
