use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::bytes::testing::Chance;

/// A case of the specification's own files, which stand unchanged in `testdata/fernet`.
#[derive(Deserialize)]
struct Case {
    token: String,
    now: Timestamp,
    secret: String,
    #[serde(default)]
    desc: String,
    #[serde(default)]
    ttl_sec: u64,
    #[serde(default)]
    iv: Vec<u8>,
    #[serde(default)]
    src: String,
}

fn cases(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap()
}

fn ring(keys: &[&Key]) -> KeyRing {
    KeyRing::new(keys.iter().map(|key| Key::from_bytes(*key.0)).collect()).ok().unwrap()
}

#[test]
fn agrees_with_the_specification() {
    let generate = cases(include_str!("../../testdata/fernet/generate.json"));
    let verify = cases(include_str!("../../testdata/fernet/verify.json"));
    let invalid = cases(include_str!("../../testdata/fernet/invalid.json"));
    assert_eq!((generate.len(), verify.len(), invalid.len()), (1, 1, 8));
    for case in generate {
        let key = Key::parse(&case.secret).ok().unwrap();
        let iv = case.iv.as_slice().try_into().unwrap();
        assert_eq!(key.seal(case.src.as_bytes(), seconds(case.now), iv).unwrap(), case.token);
        assert_eq!(*key.to_text(), case.secret);
    }
    let open = |case: &Case| {
        let ring = KeyRing::new(vec![Key::parse(&case.secret).ok().unwrap()]).ok().unwrap();
        ring.decrypt_fresh(&case.token, Duration::from_secs(case.ttl_sec), case.now)
    };
    for case in verify {
        assert_eq!(open(&case).ok().unwrap().as_slice(), case.src.as_bytes());
    }
    for case in invalid {
        let wanted = match case.desc.as_str() {
            "too short" | "invalid base64" | "payload size not multiple of block size" => {
                FernetError::Malformed
            }
            "expired TTL" => FernetError::Expired,
            "far-future TS (unacceptable clock skew)" => FernetError::Future,
            _ => FernetError::Refused,
        };
        assert_eq!(open(&case).err(), Some(wanted), "{}", case.desc);
    }
}

#[test]
fn any_key_opens_and_the_first_one_seals() {
    let (old, new, other) = (Key::generate(&Chance), Key::generate(&Chance), Key::generate(&Chance));
    let now = Timestamp::from_unix_micros(1_700_000_000_000_000);
    let token = ring(&[&old]).encrypt(b"secret", now, &Chance).unwrap();
    let both = ring(&[&new, &old]);
    assert_eq!(both.decrypt(&token).ok().unwrap().as_slice(), b"secret");
    assert_eq!(both.needs_rotation(&token), Ok(true));
    let rotated = both.rotate(&token, &Chance).unwrap();
    assert_eq!(both.needs_rotation(&rotated), Ok(false));
    assert_eq!(ring(&[&new]).decrypt(&rotated).ok().unwrap().as_slice(), b"secret");
    assert_eq!(ring(&[&old]).decrypt(&rotated).err(), Some(FernetError::Refused));
    assert_eq!(ring(&[&other]).needs_rotation(&token), Err(FernetError::Refused));
    assert_eq!(ring(&[&other]).rotate(&token, &Chance).err(), Some(FernetError::Refused));
    // Rotation does not make an old token young.
    let later = now.plus(Duration::from_secs(61));
    let fresh = both.decrypt_fresh(&rotated, Duration::from_mins(1), later);
    assert_eq!(fresh.err(), Some(FernetError::Expired));
}

#[test]
fn one_changed_bit_is_refused_and_two_seals_share_nothing() {
    let key = Key::generate(&Chance);
    let ring = ring(&[&key]);
    let now = Timestamp::from_unix_micros(0);
    let token = ring.encrypt(b"the same", now, &Chance).unwrap();
    assert_ne!(token, ring.encrypt(b"the same", now, &Chance).unwrap());
    let bytes = URL_SAFE.decode(&token).unwrap();
    for index in 0..bytes.len() {
        let mut bent = bytes.clone();
        bent[index] ^= 1;
        assert!(ring.decrypt(&URL_SAFE.encode(bent)).is_err(), "byte {index}");
    }
    assert!(ring.decrypt(token.trim_end_matches('=')).is_err(), "one value has one spelling");
}

#[test]
fn keys_rings_and_values_have_bounds() {
    for bad in [
        "",
        "AAAA",
        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4",
        "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=",
    ] {
        assert_eq!(Key::parse(bad).err(), Some(FernetError::Key), "{bad}");
    }
    assert_eq!(KeyRing::new(Vec::new()).err(), Some(FernetError::Ring));
    let many = (0..17).map(|_| Key::generate(&Chance)).collect();
    assert_eq!(KeyRing::new(many).err(), Some(FernetError::Ring));
    let ring = ring(&[&Key::generate(&Chance)]);
    let now = Timestamp::from_unix_micros(0);
    let largest = vec![7; FERNET_PLAIN_BYTES_MAX];
    let token = ring.encrypt(&largest, now, &Chance).unwrap();
    assert_eq!(ring.decrypt(&token).ok().unwrap().as_slice(), largest);
    let over = vec![7; FERNET_PLAIN_BYTES_MAX + 1];
    assert_eq!(ring.encrypt(&over, now, &Chance).err(), Some(FernetError::TooLarge));
    assert_eq!(ring.decrypt(&"A".repeat(TOKEN_CHARS_MAX + 4)).err(), Some(FernetError::Malformed));
}

proptest! {
    #[test]
    fn what_is_sealed_opens(plain in prop::collection::vec(any::<u8>(), 0..200)) {
        let ring = ring(&[&Key::generate(&Chance)]);
        let token = ring.encrypt(&plain, Timestamp::from_unix_micros(0), &Chance).unwrap();
        let opened = ring.decrypt(&token).ok().unwrap();
        prop_assert_eq!(opened.as_slice(), plain);
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120), text in "\\PC{0,60}") {
        let ring = ring(&[&Key::generate(&Chance)]);
        prop_assert!(ring.decrypt(&text).is_err());
        prop_assert!(ring.decrypt(&URL_SAFE.encode(bytes)).is_err());
        let _ = Key::parse(&text);
    }
}
