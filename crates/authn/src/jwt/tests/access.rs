//! This server's own access tokens.

use uuid::Uuid;

use super::*;
use crate::jwt::access::{ACCESS_SECONDS, AccessClaims, Actor};

const ISSUER: &str = "https://portcullis.example.com";
const API: &str = "https://portcullis.example.com/api";

fn sample() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        sub: Uuid::from_u128(1),
        aud: API.to_owned(),
        tenant_id: kernel::TenantId::from_uuid(Uuid::from_u128(2)),
        org: "Example Works".to_owned(),
        roles: vec!["owner".to_owned()],
        permissions: vec!["keys:manage".to_owned(), "models:invoke".to_owned()],
        sid: Uuid::from_u128(3),
        acr: "aal2".to_owned(),
        amr: vec!["pwd".to_owned(), "otp".to_owned()],
        auth_time: NOW - 100,
        iat: NOW,
        exp: NOW + ACCESS_SECONDS,
        jti: Uuid::from_u128(4),
        client_id: None,
        key_id: None,
        act: None,
    }
}

fn read(token: &str, audience: &str, seconds: i64) -> Result<AccessClaims, JwtError> {
    let now = Timestamp::from_unix_micros(seconds * 1_000_000);
    AccessClaims::verify(token, &keys(), ISSUER, audience, now).map(|(_, claims)| claims)
}

#[test]
fn reads_back_for_its_audience_and_its_quarter_of_an_hour() {
    let delegated = AccessClaims {
        client_id: Some("example-client".to_owned()),
        key_id: Some(Uuid::from_u128(6)),
        act: Some(Actor { sub: Uuid::from_u128(5).to_string() }),
        ..sample()
    };
    for claims in [sample(), delegated] {
        let token = claims.sign(&KEY).unwrap();
        assert_eq!(read(&token, API, NOW), Ok(claims.clone()));
        assert_eq!(read(&token, API, NOW + ACCESS_SECONDS + 4), Ok(claims));
        assert_eq!(read(&token, API, NOW + ACCESS_SECONDS + 5), Err(JwtError::Expired));
        assert_eq!(read(&token, API, NOW - 6), Err(JwtError::IssuedInFuture));
        assert_eq!(read(&token, ISSUER, NOW), Err(JwtError::Audience));
    }
}

#[test]
fn absent_members_are_not_written() {
    let text = serde_json::to_string(&sample()).unwrap();
    assert!(!text.contains("client_id") && !text.contains("act\""), "{text}");
    assert!(text.contains(r#""tenant_id":"00000000-0000-0000-0000-000000000002""#), "{text}");
}

#[test]
fn what_no_access_token_of_ours_says_is_neither_signed_nor_read() {
    let long = AccessClaims { exp: NOW + ACCESS_SECONDS + 1, ..sample() };
    let reversed = AccessClaims { exp: NOW, ..sample() };
    let later = AccessClaims { auth_time: NOW + 6, ..sample() };
    let many = AccessClaims { roles: vec!["r".to_owned(); 129], ..sample() };
    for claims in [long, reversed, later, many] {
        assert_eq!(claims.sign(&KEY).err(), Some(SignError::Claims));
        let token = sign(&KEY, "at+jwt", &claims).unwrap();
        assert!(matches!(read(&token, API, NOW), Err(JwtError::Claim(_) | JwtError::Expired)));
    }
    for (name, value) in [
        ("sub", json!("robin")),
        ("tenant_id", json!(null)),
        ("tenant_id", json!("")),
        ("roles", json!("owner")),
        ("permissions", json!({"keys:manage": true})),
        ("auth_time", json!(1.5)),
        ("act", json!("robin")),
    ] {
        let mut claims = serde_json::to_value(sample()).unwrap();
        claims[name] = value;
        let token = sign(&KEY, "at+jwt", &claims).unwrap();
        assert_eq!(read(&token, API, NOW), Err(JwtError::Claim("access")), "{name}");
    }
    let mut newer = serde_json::to_value(sample()).unwrap();
    newer["claim_of_a_newer_release"] = json!(1);
    assert_eq!(read(&sign(&KEY, "at+jwt", &newer).unwrap(), API, NOW), Ok(sample()));
    let typed = sign(&KEY, "JWT", &sample()).unwrap();
    assert_eq!(read(&typed, API, NOW), Err(JwtError::Typ));
}
