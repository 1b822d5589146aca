//! Each way to attack a JWT, refused for its own reason.

use aws_lc_rs::hmac;
use proptest::prelude::*;

use super::*;

fn refused(token: &str) -> JwtError {
    verify(token, &keys(), &expected()).err().unwrap()
}

/// The payload that is accepted.
fn good() -> Vec<u8> {
    claims(&json!({})).to_string().into_bytes()
}

fn with_header(changes: &Value) -> JwtError {
    refused(&forged(&header(changes), &good()))
}

fn with_claims(changes: &Value) -> JwtError {
    refused(&forged(&header(&json!({})), claims(changes).to_string().as_bytes()))
}

#[test]
fn without_a_flaw_the_token_is_accepted() {
    let verified = verify(&forged(&header(&json!({})), &good()), &keys(), &expected()).unwrap();
    assert_eq!(verified.header.kid, KEY.kid());
    assert_eq!(verified.header.algorithm, Algorithm::Rs256);
    assert_eq!(Value::Object(verified.payload), claims(&json!({})));
    let signed = sign(&KEY, "at+jwt", &claims(&json!({}))).unwrap();
    assert!(verify(&signed, &keys(), &expected()).is_ok());
    // RFC 7515 §4.1.9: the prefix and the case of letters do not count.
    let prefixed = forged(&header(&json!({"typ": "Application/AT+JWT"})), &good());
    assert!(verify(&prefixed, &keys(), &expected()).is_ok());
}

#[test]
fn the_algorithm_is_the_keys() {
    for none in ["none", "None", "NONE", "nOnE"] {
        let head = b64url(header(&json!({"alg": none})).as_bytes());
        assert_eq!(refused(&format!("{head}.{}.", b64url(&good()))), JwtError::AlgorithmNone);
        assert_eq!(with_header(&json!({"alg": none})), JwtError::AlgorithmNone);
    }
    // The public key as the secret of an HMAC, in the forms in which people print it.
    let public = serde_json::to_vec(&KEY.public().to_jwk()).unwrap();
    for secret in [public.as_slice(), KEY.kid().as_bytes()] {
        let signed = format!("{}.{}", b64url(header(&json!({"alg": "HS256"})).as_bytes()), b64url(&good()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        assert_eq!(refused(&format!("{signed}.{}", b64url(tag.as_ref()))), JwtError::AlgorithmMismatch);
    }
    for other in ["RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256", "RS256 ", ""] {
        assert_eq!(with_header(&json!({"alg": other})), JwtError::AlgorithmMismatch, "{other}");
    }
    assert_eq!(with_header(&json!({"alg": null})), JwtError::HeaderJson);
    assert_eq!(with_header(&json!({"alg": ["RS256"]})), JwtError::HeaderJson);
}

#[test]
fn the_key_is_a_known_one() {
    for kid in ["unknown", "", "../../../dev/null", "' OR '1'='1", "https://example.org/jwks.json", "\0"] {
        assert_eq!(with_header(&json!({"kid": kid})), JwtError::UnknownKey, "{kid}");
    }
    assert_eq!(with_header(&json!({"kid": 1})), JwtError::HeaderJson);
    let jwk = OTHER_KEY.public().to_jwk();
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://example.org/jwks.json")),
        ("x5u", json!("https://example.org/cert.pem")),
        ("x5c", json!(["MIIB"])),
    ] {
        assert_eq!(with_header(&json!({name: value})), JwtError::EmbeddedKey, "{name}");
    }
    // Another key under the id of a known one.
    let signed = format!("{}.{}", b64url(header(&json!({})).as_bytes()), b64url(&good()));
    let signature = OTHER_KEY.sign(signed.as_bytes()).unwrap();
    assert_eq!(refused(&format!("{signed}.{}", b64url(&signature))), JwtError::Signature);
    // No id is enough only where there is one key.
    let bare = forged(&header(&json!({"kid": null})), &good());
    assert!(verify(&bare, &keys(), &expected()).is_ok());
    let two = KeySet::new([KEY.public().clone(), OTHER_KEY.public().clone()]).unwrap();
    assert_eq!(verify(&bare, &two, &expected()).err(), Some(JwtError::UnknownKey));
    assert_eq!(verify(&bare, &KeySet::default(), &expected()).err(), Some(JwtError::UnknownKey));
}

#[test]
fn extensions_are_not_understood() {
    assert_eq!(with_header(&json!({"crit": ["exp"]})), JwtError::Crit);
    assert_eq!(with_header(&json!({"crit": []})), JwtError::Crit);
    assert_eq!(with_header(&json!({"crit": null, "b64": false})), JwtError::B64);
    assert_eq!(with_header(&json!({"crit": ["b64"], "b64": true})), JwtError::B64);
}

#[test]
fn the_type_is_the_expected_one() {
    for typ in [json!("JWT"), json!("logout+jwt"), json!("at+jwt2"), json!(""), json!(null)] {
        assert_eq!(with_header(&json!({"typ": typ})), JwtError::Typ, "{typ}");
    }
    let id_token = Expectations { typ: ExpectedType::JwtOrNone, ..expected() };
    let accepts =
        |typ: Value| verify(&forged(&header(&json!({"typ": typ})), &good()), &keys(), &id_token).err();
    assert_eq!(accepts(json!("JWT")), None);
    assert_eq!(accepts(json!(null)), None);
    assert_eq!(accepts(json!("at+jwt")), Some(JwtError::Typ), "an access token is no ID token");
}

#[test]
fn times_are_checked_to_the_second() {
    // The leeway is ten seconds.
    assert_eq!(with_claims(&json!({"exp": NOW - 10})), JwtError::Expired);
    assert!(
        verify(
            &forged(&header(&json!({})), claims(&json!({"exp": NOW - 9})).to_string().as_bytes()),
            &keys(),
            &expected()
        )
        .is_ok()
    );
    assert_eq!(with_claims(&json!({"exp": 0})), JwtError::Expired);
    assert_eq!(with_claims(&json!({"nbf": NOW + 11})), JwtError::NotYet);
    assert_eq!(with_claims(&json!({"iat": NOW + 11})), JwtError::IssuedInFuture);
    for (name, value) in [
        ("exp", json!(null)),
        ("exp", json!("1700000060")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("nbf", json!(true)),
        ("iat", json!([NOW])),
    ] {
        assert_eq!(with_claims(&json!({name: value})), JwtError::Claim(name), "{name} {value}");
    }
    let fraction = claims(&json!({"exp": 1_700_000_000.75}));
    assert!(
        verify(&forged(&header(&json!({})), fraction.to_string().as_bytes()), &keys(), &expected()).is_ok()
    );
}

#[test]
fn issuer_and_audience_are_compared_letter_by_letter() {
    for issuer in
        [json!(null), json!("https://issuer.example.com/"), json!("https://ISSUER.example.com"), json!(1)]
    {
        assert_eq!(with_claims(&json!({"iss": issuer})), JwtError::Issuer, "{issuer}");
    }
    for audience in [
        json!(null),
        json!("https://api.example.com.example.org"),
        json!([]),
        json!(["https://other.example.com"]),
        json!(["https://api.example.com", 1]),
        json!({"https://api.example.com": true}),
    ] {
        assert_eq!(with_claims(&json!({"aud": audience})), JwtError::Audience, "{audience}");
    }
    let many = claims(&json!({"aud": ["https://other.example.com", "https://api.example.com"]})).to_string();
    let token = forged(&header(&json!({})), many.as_bytes());
    assert!(verify(&token, &keys(), &expected()).is_ok());
    let only = Expectations { audience: Audience::Only("https://api.example.com"), ..expected() };
    assert_eq!(verify(&token, &keys(), &only).err(), Some(JwtError::Audience));
}

#[test]
fn large_deep_and_doubled_is_refused() {
    assert_eq!(refused(&"a".repeat(TOKEN_BYTES_MAX + 1)), JwtError::TooLarge);
    assert_eq!(with_header(&json!({"x": "a".repeat(HEADER_BYTES_MAX)})), JwtError::TooLarge);
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let body = |levels: usize| format!(r#"{{"a":{}}}"#, deep(levels));
    assert_eq!(refused(&forged(&header(&json!({})), body(JSON_DEPTH_MAX).as_bytes())), JwtError::Nesting);
    assert_eq!(refused(&forged(&header(&json!({})), body(JSON_DEPTH_MAX - 1).as_bytes())), JwtError::Issuer);
    let head = format!(r#"{{"alg":"RS256","x":{}}}"#, deep(JSON_DEPTH_MAX));
    assert_eq!(refused(&forged(&head, &good())), JwtError::Nesting);
    let twice = header(&json!({})).replacen('{', r#"{"alg":"none","#, 1);
    assert_eq!(refused(&forged(&twice, &good())), JwtError::HeaderJson);
    let twice = String::from_utf8(good()).unwrap().replacen('{', r#"{"aud":"https://other.example.com","#, 1);
    assert_eq!(refused(&forged(&header(&json!({})), twice.as_bytes())), JwtError::PayloadJson);
    for body in [b"".as_slice(), b"[]", b"\"x\"", b"{\"a\":\"\xff\"}", b"{} "] {
        let wanted = if body == b"{} " { JwtError::Issuer } else { JwtError::PayloadJson };
        assert_eq!(refused(&forged(&header(&json!({})), body)), wanted);
    }
    for head in ["", "null", "[]", "{\"alg\":\"RS256\"", "{\"alg\":\"RS256\"}x"] {
        let wanted = if head.is_empty() { JwtError::Shape } else { JwtError::HeaderJson };
        assert_eq!(refused(&forged(head, &good())), wanted, "{head}");
    }
}

#[test]
fn one_token_has_one_spelling() {
    let token = forged(&header(&json!({})), &good());
    let parts: Vec<&str> = token.split('.').collect();
    for (bad, wanted) in [
        (String::new(), JwtError::Shape),
        ("..".to_owned(), JwtError::Shape),
        (parts[0].to_owned(), JwtError::Shape),
        (format!("{}.{}", parts[0], parts[1]), JwtError::Shape),
        (format!("{token}."), JwtError::Shape),
        (format!("{token}.{}", parts[2]), JwtError::Shape),
        (format!("{token}="), JwtError::Base64),
        (format!("{token}\n"), JwtError::Base64),
        (format!(" {token}"), JwtError::Base64),
        (format!("{}.{}=.{}", parts[0], parts[1], parts[2]), JwtError::Base64),
        (format!("{}.{}. {}", parts[0], parts[1], parts[2]), JwtError::Base64),
        (format!("{}.{}.", parts[0], parts[1]), JwtError::Signature),
        (format!("{}..{}", parts[0], parts[2]), JwtError::Signature),
        (format!("{}.{}.{}", parts[0], parts[1], &parts[2][..340]), JwtError::Signature),
    ] {
        assert_eq!(refused(&bad), wanted, "{bad}");
    }
    // The last character of 256 bytes carries two bits; its other four are zero or the token is another text.
    let last = token.as_bytes()[token.len() - 1];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.iter().position(|byte| *byte == last).unwrap();
    let bent = format!("{}{}", &token[..token.len() - 1], char::from(alphabet[at + 1]));
    assert_eq!(refused(&bent), JwtError::Base64);
}

#[test]
fn every_changed_character_is_refused() {
    let token = forged(&header(&json!({})), &good());
    let keys = keys();
    for at in 0..token.len() {
        let mut bent = token.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).unwrap();
        assert!(verify(&bent, &keys, &expected()).is_err(), "{at}");
    }
}

#[test]
fn a_detached_signature_covers_its_content_as_it_is() {
    let content = b"evidence. with dots, \xff and no encoding";
    let token = sign_detached(&KEY, "evidence+jws", content).unwrap();
    let typ = ExpectedType::Exactly("evidence+jws");
    let check = |token: &str, content: &[u8]| verify_detached(token, content, &keys(), typ).err();
    assert_eq!(check(&token, content), None);
    assert_eq!(check(&token, b"evidence"), Some(JwtError::Signature));
    let (head, signature) = token.split_once("..").unwrap();
    assert_eq!(check(&format!("{head}.{}.{signature}", b64url(content)), content), Some(JwtError::Shape));
    assert_eq!(refused(&format!("{head}.{}.{signature}", b64url(content))), JwtError::B64);
    // Without b64 and crit the same bytes could be read in two ways.
    let detached = |changes: &Value| {
        let head = b64url(header(changes).as_bytes());
        let signature = KEY.sign(&[head.as_bytes(), b".", content].concat()).unwrap();
        verify_detached(
            &format!("{head}..{}", b64url(&signature)),
            content,
            &keys(),
            ExpectedType::Exactly("at+jwt"),
        )
        .err()
    };
    assert_eq!(detached(&json!({"b64": false, "crit": ["b64"]})), None);
    assert_eq!(detached(&json!({"b64": false})), Some(JwtError::Crit));
    assert_eq!(detached(&json!({"b64": false, "crit": ["b64", "exp"]})), Some(JwtError::Crit));
    assert_eq!(detached(&json!({"b64": true, "crit": ["b64"]})), Some(JwtError::B64));
    assert_eq!(detached(&json!({"crit": ["b64"]})), Some(JwtError::B64));
    assert_eq!(detached(&json!({})), Some(JwtError::B64));
    let other = verify_detached(&token, content, &keys(), ExpectedType::Exactly("at+jwt"));
    assert_eq!(other.err(), Some(JwtError::Typ));
}

proptest! {
    #[test]
    fn verifying_never_panics(token in "[A-Za-z0-9_.=-]{0,200}", text in "\\PC{0,80}") {
        let _ = verify(&token, &keys(), &expected());
        let _ = verify(&text, &keys(), &expected());
        let _ = verify_detached(&token, b"x", &keys(), ExpectedType::JwtOrNone);
    }

    #[test]
    fn reading_json_never_panics(head in "\\PC{0,80}", payload in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = verify(&format!("{}.{}.AA", b64url(head.as_bytes()), b64url(&payload)), &keys(), &expected());
        let _ = json::object(&payload, JSON_DEPTH_MAX);
        let _ = PublicKey::from_jwk(&payload, None);
        let _ = KeySet::from_jwks(head.as_bytes(), Some(Algorithm::Rs256));
    }
}
