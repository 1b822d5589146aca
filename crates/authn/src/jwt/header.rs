//! The header of a token.

use serde::Serialize;
use serde_json::{Map, Value};

use super::json::{Fault, object};
use super::{Algorithm, HEADER_BYTES_MAX, JSON_DEPTH_MAX, JwtError, SignError, SigningKey};
use crate::bytes::unb64url;

/// Members that bring a key or say where one is: whoever obeys them lets the attacker choose it.
const KEY_CARRIERS: &[&str] = &["jwk", "jku", "x5u", "x5c"];

/// What a verified token's header said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, which is the key's.
    pub algorithm: Algorithm,
    /// The id of the key that verified it: the token's, or the set's only key's.
    pub kid: String,
    /// The type, when the token has one.
    pub typ: Option<String>,
}

/// A header read and not yet believed.
pub(super) struct Claimed {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
}

/// Whether the payload is in base64url or, as RFC 7797 has it, stands as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    Encoded,
    AsIs,
}

/// Reads a header and refuses what no header may say.
pub(super) fn read(encoded: &str, payload: Payload) -> Result<Claimed, JwtError> {
    if encoded.is_empty() {
        return Err(JwtError::Shape);
    }
    if encoded.len() > HEADER_BYTES_MAX.div_ceil(3) * 4 {
        return Err(JwtError::TooLarge);
    }
    let bytes = unb64url(encoded).ok_or(JwtError::Base64)?;
    let mut members = object(&bytes, JSON_DEPTH_MAX).map_err(|fault| match fault {
        Fault::Nesting => JwtError::Nesting,
        Fault::Syntax | Fault::Duplicate => JwtError::HeaderJson,
    })?;
    if KEY_CARRIERS.iter().any(|name| members.contains_key(*name)) {
        return Err(JwtError::EmbeddedKey);
    }
    extensions(&members, payload)?;
    let alg = text(&mut members, "alg")?.ok_or(JwtError::HeaderJson)?;
    if alg.eq_ignore_ascii_case("none") {
        return Err(JwtError::AlgorithmNone);
    }
    Ok(Claimed { alg, kid: text(&mut members, "kid")?, typ: text(&mut members, "typ")? })
}

/// `b64` and `crit` go together (RFC 7797 §6) and are the only extension there is.
fn extensions(members: &Map<String, Value>, payload: Payload) -> Result<(), JwtError> {
    let (b64, crit) = (members.get("b64"), members.get("crit"));
    match payload {
        Payload::Encoded if b64.is_some() => Err(JwtError::B64),
        Payload::Encoded if crit.is_some() => Err(JwtError::Crit),
        Payload::Encoded => Ok(()),
        Payload::AsIs if b64 != Some(&Value::Bool(false)) => Err(JwtError::B64),
        Payload::AsIs => match crit.and_then(Value::as_array).map(Vec::as_slice) {
            Some([Value::String(name)]) if name == "b64" => Ok(()),
            _ => Err(JwtError::Crit),
        },
    }
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, JwtError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwtError::HeaderJson),
    }
}

/// The header of what this server signs, as JSON.
pub(super) fn ours(key: &SigningKey, typ: &str, as_is: bool) -> Result<Vec<u8>, SignError> {
    #[derive(Serialize)]
    struct Ours<'a> {
        alg: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        b64: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        crit: Option<[&'a str; 1]>,
        kid: &'a str,
        typ: &'a str,
    }
    let header = Ours {
        alg: key.public().algorithm().name(),
        b64: as_is.then_some(false),
        crit: as_is.then_some(["b64"]),
        kid: key.kid(),
        typ,
    };
    let bytes = serde_json::to_vec(&header).map_err(|_| SignError::Claims)?;
    if bytes.len() > HEADER_BYTES_MAX {
        return Err(SignError::TooLarge);
    }
    Ok(bytes)
}
