//! JSON Web Keys and sets of them (RFC 7517), in and out.

use serde_json::{Map, Value, json};

use super::json::object;
use super::key::Numbers;
use super::{Algorithm, JSON_DEPTH_MAX, KEYS_MAX, KeyError, KeySet, PublicKey};
use crate::bytes::{b64url, unb64url};

/// Longest key or key set that is read, in bytes.
pub const JWKS_BYTES_MAX: usize = 256 * 1_024;
/// Members only private or symmetric keys have (RFC 7518 §6).
const PRIVATE_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Larger than [`JWKS_BYTES_MAX`], or more than [`KEYS_MAX`] keys.
    #[error("more than 256 KiB or 64 keys")]
    TooLarge,
    /// Not a JSON object of this kind, or a member twice or of the wrong kind.
    #[error("not a JSON Web Key, or not a set of them")]
    Json,
    /// It holds a private or a symmetric key, which must not be where this came from.
    #[error("holds a private or symmetric key: it must be considered public now")]
    Private,
    /// Not for verifying signatures.
    #[error("not a key for verifying signatures")]
    Use,
    /// No algorithm is stated, and none was agreed on.
    #[error("states no algorithm")]
    NoAlgorithm,
    /// A kind of key, a curve or an algorithm that is not used here, or ones that do not belong together.
    #[error("not a kind of key that is used here: RSA with RS256, or P-256 with ES256")]
    Kind,
    /// A number is not in strict base64url.
    #[error("a number is not in strict base64url")]
    Base64,
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl PublicKey {
    /// Reads one key. It must say what it is for; `pinned` is the algorithm agreed on with its owner, for owners whose
    /// keys do not state one, and refuses keys that state another.
    pub fn from_jwk(bytes: &[u8], pinned: Option<Algorithm>) -> Result<Self, JwkError> {
        from_members(&members(bytes)?, pinned)
    }

    /// The key as a JWK: public numbers, `use`, `alg` and `kid`.
    pub fn to_jwk(&self) -> Value {
        let (kid, alg) = (self.kid(), self.algorithm().name());
        match self.numbers() {
            Numbers::Rsa { n, e } => json!({
                "kty": "RSA", "use": "sig", "alg": alg, "kid": kid, "n": b64url(n), "e": b64url(e),
            }),
            Numbers::P256 { x, y } => json!({
                "kty": "EC", "use": "sig", "alg": alg, "kid": kid, "crv": "P-256", "x": b64url(x), "y": b64url(y),
            }),
        }
    }
}

impl KeySet {
    /// Reads a key set. Keys that are of no use here are left out, each with its reason: sets hold keys for other
    /// purposes. A set with a private key or with two keys of one id is refused as a whole.
    pub fn from_jwks(bytes: &[u8], pinned: Option<Algorithm>) -> Result<(Self, Vec<JwkError>), JwkError> {
        let members = members(bytes)?;
        let keys = members.get("keys").and_then(Value::as_array).ok_or(JwkError::Json)?;
        if keys.len() > KEYS_MAX {
            return Err(JwkError::TooLarge);
        }
        let (mut set, mut left_out) = (Self::default(), Vec::new());
        for key in keys {
            let members = key.as_object().ok_or(JwkError::Json)?;
            match from_members(members, pinned) {
                Ok(key) => set.add(key)?,
                Err(JwkError::Private) => return Err(JwkError::Private),
                Err(reason) => left_out.push(reason),
            }
        }
        Ok((set, left_out))
    }

    /// The set as a JWKS document.
    pub fn to_jwks(&self) -> Value {
        json!({ "keys": self.iter().map(PublicKey::to_jwk).collect::<Vec<_>>() })
    }
}

fn members(bytes: &[u8]) -> Result<Map<String, Value>, JwkError> {
    if bytes.len() > JWKS_BYTES_MAX {
        return Err(JwkError::TooLarge);
    }
    object(bytes, JSON_DEPTH_MAX).map_err(|_| JwkError::Json)
}

fn from_members(members: &Map<String, Value>, pinned: Option<Algorithm>) -> Result<PublicKey, JwkError> {
    if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
        return Err(JwkError::Private);
    }
    check_use(members)?;
    let stated = match text(members, "alg")? {
        Some(name) => Some(Algorithm::named(name).ok_or(JwkError::Kind)?),
        None => None,
    };
    let algorithm = match (stated, pinned) {
        (Some(stated), Some(pinned)) if stated != pinned => return Err(JwkError::Kind),
        (stated, pinned) => stated.or(pinned).ok_or(JwkError::NoAlgorithm)?,
    };
    let kid = text(members, "kid")?;
    match (text(members, "kty")?, text(members, "crv")?, algorithm) {
        (Some("RSA"), None, Algorithm::Rs256) => {
            Ok(PublicKey::rsa(&number(members, "n")?, &number(members, "e")?, kid)?)
        }
        (Some("EC"), Some("P-256"), Algorithm::Es256) => {
            Ok(PublicKey::p256(&number(members, "x")?, &number(members, "y")?, kid)?)
        }
        _ => Err(JwkError::Kind),
    }
}

/// `use` and `key_ops` may both be missing; what they say must be `sig` and include `verify` (RFC 7517 §4.2, §4.3).
fn check_use(members: &Map<String, Value>) -> Result<(), JwkError> {
    if text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::Use);
    }
    let Some(operations) = members.get("key_ops") else { return Ok(()) };
    let operations = operations.as_array().ok_or(JwkError::Json)?;
    let names: Vec<&str> =
        operations.iter().map(Value::as_str).collect::<Option<_>>().ok_or(JwkError::Json)?;
    if (1..names.len()).any(|at| names[..at].contains(&names[at])) {
        return Err(JwkError::Json);
    }
    names.contains(&"verify").then_some(()).ok_or(JwkError::Use)
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, JwkError> {
    members.get(name).map(|value| value.as_str().ok_or(JwkError::Json)).transpose()
}

fn number(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JwkError> {
    unb64url(text(members, name)?.ok_or(JwkError::Json)?).ok_or(JwkError::Base64)
}
