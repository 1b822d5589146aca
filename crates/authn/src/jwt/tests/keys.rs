//! Keys in and out.

use super::*;

#[test]
fn a_signing_key_reads_back_with_the_same_id() {
    let der = KEY.to_pkcs8().unwrap();
    let again = SigningKey::from_pkcs8(&der).ok().unwrap();
    assert_eq!(again.kid(), KEY.kid());
    assert_eq!(again.kid(), again.public().thumbprint());
    let token = sign(&again, "at+jwt", &claims(&json!({}))).unwrap();
    assert!(verify(&token, &keys(), &expected()).is_ok());
    assert_eq!(SigningKey::from_pkcs8(&der[1..]).err(), Some(KeyError::Malformed));
    assert_eq!(SigningKey::from_pkcs8(b"").err(), Some(KeyError::Malformed));
}

#[test]
fn a_key_set_goes_out_and_comes_in() {
    let set = KeySet::new([KEY.public().clone(), OTHER_KEY.public().clone()]).unwrap();
    let text = set.to_jwks().to_string();
    let (read, left_out) = KeySet::from_jwks(text.as_bytes(), None).unwrap();
    assert_eq!((read.iter().count(), left_out.len()), (2, 0));
    assert_eq!(read.to_jwks(), set.to_jwks());
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"", "\"k\""] {
        assert!(!text.contains(private), "{private}");
    }
    assert_eq!(KeySet::new([KEY.public().clone(), KEY.public().clone()]).err(), Some(KeyError::Set));
    assert_eq!(set.get(KEY.kid()).map(PublicKey::kid), Some(KEY.kid()));
    assert!(set.get("unknown").is_none());
}

/// RFC 7638 §3.1.
#[test]
fn the_thumbprint_is_the_standards() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi\
             FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb\
             9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls\
             1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256"});
    let key = PublicKey::from_jwk(jwk.to_string().as_bytes(), None).unwrap();
    assert_eq!(key.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// The key of this server as a JWK with some members replaced; `null` removes one.
fn jwk(changes: &Value) -> Result<PublicKey, JwkError> {
    let mut members = KEY.public().to_jwk();
    for (name, value) in changes.as_object().unwrap().clone() {
        members[name] = value;
    }
    members.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    PublicKey::from_jwk(members.to_string().as_bytes(), None)
}

#[test]
fn a_key_says_what_it_is_for_or_is_refused() {
    assert!(jwk(&json!({})).is_ok());
    assert!(jwk(&json!({"use": null})).is_ok());
    assert!(jwk(&json!({"key_ops": ["verify"]})).is_ok());
    assert!(jwk(&json!({"x5t": "ignored", "ext": true})).is_ok());
    for (changes, wanted) in [
        (json!({"alg": null}), JwkError::NoAlgorithm),
        (json!({"alg": "RS512"}), JwkError::Kind),
        (json!({"alg": "ES256"}), JwkError::Kind),
        (json!({"alg": 256}), JwkError::Json),
        (json!({"kty": null}), JwkError::Kind),
        (json!({"kty": "EC"}), JwkError::Kind),
        (json!({"crv": "P-256"}), JwkError::Kind),
        (json!({"use": "enc"}), JwkError::Use),
        (json!({"key_ops": []}), JwkError::Use),
        (json!({"key_ops": ["encrypt"]}), JwkError::Use),
        (json!({"key_ops": ["verify", "verify"]}), JwkError::Json),
        (json!({"key_ops": "verify"}), JwkError::Json),
        (json!({"d": "AQAB"}), JwkError::Private),
        (json!({"oth": []}), JwkError::Private),
        (json!({"n": null}), JwkError::Json),
        (json!({"n": "AQAB"}), JwkError::Key(KeyError::Modulus)),
        (json!({"n": "AQA="}), JwkError::Base64),
        (json!({"e": "Aw"}), JwkError::Key(KeyError::Exponent)),
        (json!({"e": "AQ"}), JwkError::Key(KeyError::Exponent)),
        (json!({"e": "AAEAAQ"}), JwkError::Key(KeyError::Exponent)),
        (json!({"kid": ""}), JwkError::Key(KeyError::Kid)),
        (json!({"kid": "x".repeat(257)}), JwkError::Key(KeyError::Kid)),
    ] {
        assert_eq!(jwk(&changes).err(), Some(wanted), "{changes}");
    }
    let twice = KEY.public().to_jwk().to_string().replacen('{', r#"{"use":"enc","#, 1);
    assert_eq!(PublicKey::from_jwk(twice.as_bytes(), None).err(), Some(JwkError::Json));
}

#[test]
fn an_owner_may_have_agreed_on_the_algorithm() {
    let mut members = KEY.public().to_jwk();
    members.as_object_mut().unwrap().remove("alg");
    let text = members.to_string();
    assert!(PublicKey::from_jwk(text.as_bytes(), Some(Algorithm::Rs256)).is_ok());
    assert_eq!(PublicKey::from_jwk(text.as_bytes(), Some(Algorithm::Es256)).err(), Some(JwkError::Kind));
    let stated = KEY.public().to_jwk().to_string();
    assert_eq!(PublicKey::from_jwk(stated.as_bytes(), Some(Algorithm::Es256)).err(), Some(JwkError::Kind));
}

#[test]
fn weak_moduli_are_refused() {
    let n = vec![0xff; 256];
    assert!(PublicKey::rsa(&n, &[1, 0, 1], None).is_ok(), "2,048 bits and odd");
    for bad in [
        &[],
        &[0xff; 255][..],
        &[&[0x7f][..], &[0xff; 255]].concat(),
        &[&[0][..], &n].concat(),
        &[0xff; 1_025],
    ] {
        assert_eq!(PublicKey::rsa(bad, &[1, 0, 1], None).err(), Some(KeyError::Modulus), "{}", bad.len());
    }
    let even = [&[0xff; 255][..], &[0xfe]].concat();
    assert_eq!(PublicKey::rsa(&even, &[1, 0, 1], None).err(), Some(KeyError::Modulus));
}

#[test]
fn a_set_with_a_private_key_is_refused_and_keys_for_other_purposes_are_left_out() {
    let (mine, mut secret) = (KEY.public().to_jwk(), OTHER_KEY.public().to_jwk());
    let mut other = secret.clone();
    other["use"] = json!("enc");
    let set = json!({"keys": [mine, other, {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": "AA"}]});
    let (read, left_out) = KeySet::from_jwks(set.to_string().as_bytes(), None).unwrap();
    assert_eq!(read.iter().map(PublicKey::kid).collect::<Vec<_>>(), [KEY.kid()]);
    assert_eq!(left_out, [JwkError::Use, JwkError::Kind]);
    secret["d"] = json!("AQAB");
    let set = json!({"keys": [mine, secret]});
    assert_eq!(KeySet::from_jwks(set.to_string().as_bytes(), None).err(), Some(JwkError::Private));
    let set = json!({"keys": [mine, mine]});
    assert_eq!(KeySet::from_jwks(set.to_string().as_bytes(), None).err(), Some(JwkError::Key(KeyError::Set)));
    for bad in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[1]}"] {
        assert_eq!(KeySet::from_jwks(bad.as_bytes(), None).err(), Some(JwkError::Json), "{bad}");
    }
    let many = json!({"keys": vec![json!({}); KEYS_MAX + 1]});
    assert_eq!(KeySet::from_jwks(many.to_string().as_bytes(), None).err(), Some(JwkError::TooLarge));
}

#[test]
fn what_is_signed_has_bounds() {
    assert_eq!(sign(&KEY, "at+jwt", &json!([])).err(), Some(SignError::Claims));
    assert_eq!(sign(&KEY, "at+jwt", &json!({"x": "a".repeat(8_000)})).err(), Some(SignError::TooLarge));
    assert_eq!(sign(&KEY, &"t".repeat(2_000), &json!({})).err(), Some(SignError::TooLarge));
}
