//! Other people's test vectors; `testdata/ORIGIN.md` says where they come from.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Group {
    comment: String,
    key: Value,
    tests: Vec<(u32, String, bool)>,
}

/// Wycheproof's JWS cases for RS256, ES256 and keys for encryption: 276 of its 401. The other 125 are for HMAC (39 and
/// one of RFC 7520), RSA-PSS, RS384, RS512 and ES512, none of which is verified here.
#[test]
fn agrees_with_wycheproof_on_signatures() {
    let groups: Vec<Group> =
        serde_json::from_str(include_str!("../../../testdata/wycheproof/jws.json")).unwrap();
    let (mut valid, mut invalid, mut keys_refused) = (0, 0, 0);
    for group in groups {
        let key = PublicKey::from_jwk(group.key.to_string().as_bytes(), None);
        for (id, jws, wanted) in group.tests {
            let accepted = match &key {
                Ok(key) => verify_signature(&jws, &KeySet::new([key.clone()]).unwrap()).is_ok(),
                Err(reason) => {
                    assert!(matches!(reason, JwkError::Use), "{id}: {reason}");
                    keys_refused += 1;
                    false
                }
            };
            assert_eq!(accepted, wanted, "{id} of {}", group.comment);
            if wanted { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!((valid, invalid, keys_refused), (10, 266, 4));
}

/// Wycheproof's JWK cases, all 26. The four valid ones for HMAC keys are refused: symmetric keys have no place in a set.
#[test]
fn agrees_with_wycheproof_on_keys() {
    let cases: Vec<(u32, String, Value, String, bool)> =
        serde_json::from_str(include_str!("../../../testdata/wycheproof/jwk.json")).unwrap();
    let mut counts = [0; 3];
    for (id, comment, jwks, jws, wanted) in cases {
        let text = jwks.to_string();
        let read = KeySet::from_jwks(text.as_bytes(), None);
        let accepted = read.as_ref().is_ok_and(|(set, _)| verify_signature(&jws, set).is_ok());
        let symmetric = text.contains("\"oct\"");
        if symmetric {
            assert_eq!(read.err(), Some(JwkError::Private), "{id} {comment}");
        } else {
            assert_eq!(accepted, wanted, "{id} {comment}");
        }
        counts[usize::from(!symmetric) + usize::from(!symmetric && wanted)] += 1;
    }
    assert_eq!(counts, [15, 10, 1], "symmetric, invalid, valid");
}

/// The key of CVE-2017-15361 is refused for that and for nothing else.
#[test]
fn the_flawed_generator_is_recognised() {
    let cases: Vec<(u32, String, Value, String, bool)> =
        serde_json::from_str(include_str!("../../../testdata/wycheproof/jwk.json")).unwrap();
    let (_, _, jwks, ..) = cases.into_iter().find(|case| case.1 == "jws_rsa_roca_key").unwrap();
    let key = PublicKey::from_jwk(jwks["keys"][0].to_string().as_bytes(), None);
    assert_eq!(key.err(), Some(JwkError::Key(KeyError::Roca)));
}

/// The cookbook's signatures with a protected header. Two are RS256; of the others the key is not known (HMAC) or the
/// algorithm is not the key's (PS384, ES512, EdDSA, HMAC without a key id). Two more of its signatures have no
/// protected header and so no compact form.
#[test]
fn agrees_with_the_jose_cookbook() {
    let jwk = include_bytes!("../../../testdata/jose-cookbook/rsa_public_key.json");
    let set = KeySet::new([PublicKey::from_jwk(jwk, Some(Algorithm::Rs256)).unwrap()]).unwrap();
    let cases: Vec<(String, String, String)> =
        serde_json::from_str(include_str!("../../../testdata/jose-cookbook/jws.json")).unwrap();
    let mut seen = Vec::new();
    for (name, jws, payload) in &cases {
        let attached = verify_signature(jws, &set);
        if let Ok((_, read)) = &attached {
            assert_eq!(read, payload.as_bytes(), "{name}");
        }
        let detached = verify_detached(jws, payload.as_bytes(), &set, ExpectedType::JwtOrNone).err();
        seen.push((name.as_str(), attached.err(), detached));
    }
    let mismatch = Some(JwtError::AlgorithmMismatch);
    let (unknown, shape, b64) = (Some(JwtError::UnknownKey), Some(JwtError::Shape), Some(JwtError::B64));
    assert_eq!(
        seen,
        [
            ("jws/4_1.rsa_v15_signature.json", None, shape),
            ("jws/4_2.rsa-pss_signature.json", mismatch, shape),
            ("jws/4_3.ecdsa_signature.json", mismatch, shape),
            ("jws/4_4.hmac-sha2_integrity_protection.json", unknown, shape),
            ("jws/4_5.signature_with_detached_content.json", unknown, b64),
            ("jws/4_6.protecting_specific_header_fields.json", mismatch, shape),
            ("jws/4_8.multiple_signatures.json#0", None, shape),
            ("jws/4_8.multiple_signatures.json#2", unknown, shape),
            ("rfc7797/4.2.hmac-sha2_b64_false.json", b64, Some(JwtError::Crit)),
            ("rfc7797/hmac-sha2_b64_false.json", b64, mismatch),
            ("curve25519/jws.json", mismatch, shape),
        ]
    );
}
