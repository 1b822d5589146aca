//! Verifying: shape, header, key, signature, claims, in this order.

use std::time::Duration;

use kernel::Timestamp;
use serde_json::{Map, Value};

use super::header::{self, Claimed, Header, Payload};
use super::json::{Fault, object};
use super::{Algorithm, JSON_DEPTH_MAX, JwtError, KeySet, PublicKey, TOKEN_BYTES_MAX};
use crate::bytes::unb64url;

/// The year 10000, in seconds: a moment beyond it is a mistake or worse.
const SECONDS_MAX: i64 = 253_402_300_800;

/// Which `typ` a token must have. The prefix `application/` and the case of letters do not count (RFC 7515 §4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedType<'a> {
    /// This one and no other (RFC 8725 §3.11): for every kind of token that has a type of its own.
    Exactly(&'a str),
    /// `JWT` or none: ID tokens of other issuers, which have no type of their own.
    JwtOrNone,
}

/// Whom a token must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// The audience may name others beside this one.
    Includes(&'a str),
    /// The audience is this one alone.
    Only(&'a str),
}

/// What a token must be to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'a> {
    /// Its type.
    pub typ: ExpectedType<'a>,
    /// Its issuer, letter by letter.
    pub issuer: &'a str,
    /// Whom it is for.
    pub audience: Audience<'a>,
    /// The present moment.
    pub now: Timestamp,
    /// How far clocks may differ.
    pub leeway: Duration,
}

/// A token that was accepted.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its header.
    pub header: Header,
    /// Its claims, of which `iss`, `aud`, `exp`, `nbf` and `iat` were checked.
    pub payload: Map<String, Value>,
}

/// Verifies a JWT: signature, type, issuer, audience and times. `exp` must be there; `nbf` and `iat` may be.
pub fn verify(token: &str, keys: &KeySet, expected: &Expectations<'_>) -> Result<Verified, JwtError> {
    let parts = Parts::of(token)?;
    let claimed = header::read(parts.header, Payload::Encoded)?;
    check_type(claimed.typ.as_deref(), expected.typ)?;
    let (header, payload) = parts.verified(claimed, keys)?;
    let payload = object(&payload, JSON_DEPTH_MAX).map_err(|fault| match fault {
        Fault::Nesting => JwtError::Nesting,
        Fault::Syntax | Fault::Duplicate => JwtError::PayloadJson,
    })?;
    check_claims(&payload, expected)?;
    Ok(Verified { header, payload })
}

/// Verifies a JWS whose payload is any bytes and whose meaning is the caller's to check.
pub fn verify_signature(token: &str, keys: &KeySet) -> Result<(Header, Vec<u8>), JwtError> {
    let parts = Parts::of(token)?;
    let claimed = header::read(parts.header, Payload::Encoded)?;
    parts.verified(claimed, keys)
}

/// A compact JWS taken apart.
pub(super) struct Parts<'a> {
    pub(super) header: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
    /// Header and payload with the dot between them: what is signed.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Result<Self, JwtError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwtError::TooLarge);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Shape)?;
        let (header, payload) = signed.split_once('.').ok_or(JwtError::Shape)?;
        if payload.contains('.') {
            return Err(JwtError::Shape);
        }
        Ok(Self { header, payload, signature, signed })
    }

    /// The payload, once the signature is right. Decoded strictly although the signature covers its text: two
    /// readers of one token must see the same bytes.
    fn verified(&self, claimed: Claimed, keys: &KeySet) -> Result<(Header, Vec<u8>), JwtError> {
        let key = key_for(&claimed, keys)?;
        let signature = unb64url(self.signature).ok_or(JwtError::Base64)?;
        let payload = unb64url(self.payload).ok_or(JwtError::Base64)?;
        if !key.verify(self.signed.as_bytes(), &signature) {
            return Err(JwtError::Signature);
        }
        Ok((accepted(claimed, key), payload))
    }
}

/// The key a token means. Without an id there must be one key only.
pub(super) fn key_for<'k>(claimed: &Claimed, keys: &'k KeySet) -> Result<&'k PublicKey, JwtError> {
    let key = match &claimed.kid {
        Some(kid) => keys.get(kid),
        None => keys.only(),
    };
    let key = key.ok_or(JwtError::UnknownKey)?;
    if Algorithm::named(&claimed.alg) != Some(key.algorithm()) {
        return Err(JwtError::AlgorithmMismatch);
    }
    Ok(key)
}

pub(super) fn accepted(claimed: Claimed, key: &PublicKey) -> Header {
    Header { algorithm: key.algorithm(), kid: key.kid().to_owned(), typ: claimed.typ }
}

pub(super) fn check_type(typ: Option<&str>, expected: ExpectedType<'_>) -> Result<(), JwtError> {
    let bare = typ.map(|typ| match typ.split_at_checked(12) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    });
    let fits = match (bare, expected) {
        (Some(typ), ExpectedType::Exactly(wanted)) => typ.eq_ignore_ascii_case(wanted),
        (Some(typ), ExpectedType::JwtOrNone) => typ.eq_ignore_ascii_case("JWT"),
        (None, ExpectedType::JwtOrNone) => true,
        (None, ExpectedType::Exactly(_)) => false,
    };
    fits.then_some(()).ok_or(JwtError::Typ)
}

fn check_claims(payload: &Map<String, Value>, expected: &Expectations<'_>) -> Result<(), JwtError> {
    if payload.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(JwtError::Issuer);
    }
    check_audience(payload.get("aud"), expected.audience)?;
    let now = expected.now.unix_seconds();
    let leeway = i64::try_from(expected.leeway.as_secs()).unwrap_or(SECONDS_MAX);
    let end = moment(payload, "exp")?.ok_or(JwtError::Claim("exp"))?;
    // RFC 7519 §4.1.4: on or after `exp` a token is dead.
    if now.saturating_sub(leeway) >= end {
        return Err(JwtError::Expired);
    }
    if moment(payload, "nbf")?.is_some_and(|start| start > now.saturating_add(leeway)) {
        return Err(JwtError::NotYet);
    }
    if moment(payload, "iat")?.is_some_and(|issued| issued > now.saturating_add(leeway)) {
        return Err(JwtError::IssuedInFuture);
    }
    Ok(())
}

fn check_audience(claim: Option<&Value>, expected: Audience<'_>) -> Result<(), JwtError> {
    let named: Vec<&str> = match claim {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            many.iter().map(Value::as_str).collect::<Option<_>>().ok_or(JwtError::Audience)?
        }
        _ => return Err(JwtError::Audience),
    };
    let fits = match expected {
        Audience::Includes(wanted) => named.contains(&wanted),
        Audience::Only(wanted) => named == [wanted],
    };
    fits.then_some(()).ok_or(JwtError::Audience)
}

/// A `NumericDate` in whole seconds. Fractions are allowed (RFC 7519 §2) and cut off.
fn moment(payload: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, JwtError> {
    let Some(value) = payload.get(name) else { return Ok(None) };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and what is out of range is refused"
    )]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
    match seconds {
        Some(seconds) if (0..SECONDS_MAX).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(JwtError::Claim(name)),
    }
}
