//! Known answers of others, attacks, and this server's own tokens.

mod access;
mod attacks;
mod keys;
mod vectors;

use std::sync::LazyLock;
use std::time::Duration;

use kernel::Timestamp;
use serde_json::{Map, Value, json};

use super::*;
use crate::bytes::b64url;

/// Made once: looking for primes takes long.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().ok().unwrap());
static OTHER_KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().ok().unwrap());

const NOW: i64 = 1_700_000_000;

fn keys() -> KeySet {
    KeySet::new([KEY.public().clone()]).unwrap()
}

fn expected() -> Expectations<'static> {
    Expectations {
        typ: ExpectedType::Exactly("at+jwt"),
        issuer: "https://issuer.example.com",
        audience: Audience::Includes("https://api.example.com"),
        now: Timestamp::from_unix_micros(NOW * 1_000_000),
        leeway: Duration::from_secs(10),
    }
}

/// Claims that are accepted, with some replaced; `null` removes one.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example.com", "aud": "https://api.example.com",
        "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 60,
    });
    for (name, value) in changes.as_object().unwrap().clone() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(&name);
        } else {
            claims[name] = value;
        }
    }
    claims
}

/// A token with any header and any payload under a right signature, so that nothing but its content is wrong.
fn forged(header: &str, payload: &[u8]) -> String {
    let signed = format!("{}.{}", b64url(header.as_bytes()), b64url(payload));
    let signature = KEY.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", b64url(&signature))
}

/// The header this server writes, with some members replaced; `null` removes one.
fn header(changes: &Value) -> String {
    let mut members = Map::new();
    members.insert("alg".into(), "RS256".into());
    members.insert("kid".into(), KEY.kid().into());
    members.insert("typ".into(), "at+jwt".into());
    for (name, value) in changes.as_object().unwrap().clone() {
        members.insert(name, value);
    }
    members.retain(|_, value| !value.is_null());
    Value::Object(members).to_string()
}
