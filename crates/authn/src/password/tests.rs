use proptest::prelude::*;

use super::*;
use crate::bytes::testing::{Chance, Counting};

/// Cheap, for tests that are not about the cost.
const FAST: Scheme = Scheme::Bcrypt { cost: BCRYPT_COST_MIN };
const FAST_ARGON2: Scheme = Scheme::Argon2id { memory_kib: 64, passes: 1, lanes: 1 };

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).ok().unwrap()
}

fn hash(text: &str, scheme: Scheme) -> PasswordHash {
    PasswordHash::hash(&password(text), scheme, &Chance).unwrap()
}

#[test]
fn a_password_is_read_or_refused_with_the_reason() {
    let refused = |text: &str| Password::parse(text.to_owned()).err();
    assert_eq!(refused(""), Some(PasswordError::Empty));
    assert_eq!(refused(&"x".repeat(1_025)), Some(PasswordError::TooLong));
    assert_eq!(refused("line\nbreak"), Some(PasswordError::Control));
    assert_eq!(refused("nul\0"), Some(PasswordError::Control));
    // One of these three-byte characters normalises to 33 bytes.
    assert_eq!(refused(&"\u{fdfa}".repeat(64)), Some(PasswordError::TooLong));
    assert_eq!(refused(" "), None);
    assert_eq!(refused(&"x".repeat(1_024)), None);
}

#[test]
fn the_same_keys_on_another_machine_are_the_same_password() {
    let stored = hash("Tu\u{308}r zur ﬁnca", FAST);
    assert!(stored.verify(&password("T\u{fc}r zur finca")));
    assert!(!stored.verify(&password("T\u{fc}r zur finca ")));
}

#[test]
fn the_default_is_bcrypt_with_work_factor_12() {
    let stored = PasswordHash::hash(&password("four unrelated words"), Scheme::default(), &Chance).unwrap();
    assert!(stored.to_text().starts_with("$2b$12$"));
    assert!(stored.verify(&password("four unrelated words")));
}

/// Made by PyPI passlib 1.7.4 (on bcrypt 4.0.1 and argon2-cffi), with the salts given.
#[test]
fn hashes_of_another_implementation_are_understood() {
    for line in include_str!("../../testdata/password/passlib.tsv").lines().filter(|l| !l.starts_with('#')) {
        let (repeat, rest) = line.split_once('\t').unwrap();
        let (unit, text) = rest.split_once('\t').unwrap();
        let typed = unit.repeat(repeat.parse().unwrap());
        let stored = PasswordHash::parse(text).unwrap();
        assert_eq!(stored.to_text(), text);
        assert!(stored.verify(&password(&typed)), "{text}");
        assert!(!stored.verify(&password(&format!("{typed}x"))), "{text}");
    }
}

#[test]
fn nothing_of_a_long_password_is_cut() {
    let (fits, long) = ("x".repeat(72), "x".repeat(73));
    assert!(hash(&fits, FAST).to_text().starts_with("$2b$04$"));
    let stored = hash(&long, FAST);
    assert!(stored.to_text().starts_with("$bcrypt-sha256$v=2,t=2b,r=4$"), "{}", stored.to_text());
    assert!(stored.verify(&password(&long)));
    for other in ["x".repeat(72), "x".repeat(74), format!("{}y", "x".repeat(72))] {
        assert!(!stored.verify(&password(&other)));
    }
    // bcrypt alone would take every longer password with the same beginning.
    assert!(!hash(&fits, FAST).verify(&password(&long)));
    assert!(!PasswordHash::parse(&hash(&fits, FAST).to_text()).unwrap().verify(&password(&long)));
}

#[test]
fn a_hash_reads_back_as_it_was_written() {
    for scheme in [FAST, FAST_ARGON2] {
        for typed in ["short", &"long".repeat(50), "Zugbrücke 跳ね橋"] {
            let text = hash(typed, scheme).to_text();
            let stored = PasswordHash::parse(&text).unwrap();
            assert_eq!(stored.to_text(), text);
            assert!(stored.verify(&password(typed)) && !stored.verify(&password("another")), "{text}");
            assert!(!format!("{stored:?}").contains('$'));
        }
    }
    assert_ne!(hash("same", FAST).to_text(), hash("same", FAST).to_text(), "the salt is fresh");
}

#[test]
fn a_scheme_that_changed_asks_for_a_new_hash() {
    let other = Scheme::Bcrypt { cost: BCRYPT_COST_MIN + 1 };
    for typed in ["short", &"long".repeat(50)] {
        let stored = hash(typed, FAST);
        assert!(!stored.needs_rehash(&FAST));
        assert!(stored.needs_rehash(&other) && stored.needs_rehash(&FAST_ARGON2));
    }
    let stored = hash("short", FAST_ARGON2);
    assert!(!stored.needs_rehash(&FAST_ARGON2));
    assert!(stored.needs_rehash(&FAST));
    assert!(stored.needs_rehash(&Scheme::Argon2id { memory_kib: 64, passes: 2, lanes: 1 }));
    let old = hash("short", FAST).to_text().replace("$2b$", "$2y$");
    let old = PasswordHash::parse(&old).unwrap();
    assert!(old.verify(&password("short")) && old.needs_rehash(&FAST));
}

#[test]
fn a_dummy_never_matches() {
    for scheme in [FAST, FAST_ARGON2] {
        let dummy = PasswordHash::dummy(scheme).unwrap();
        for typed in ["x", &"long".repeat(50)] {
            assert!(!dummy.verify(&password(typed)));
        }
        assert!(!dummy.needs_rehash(&scheme));
        // Even the password that the zero salt and digest would belong to.
        let made = PasswordHash::hash(&password("x"), scheme, &Zeros).unwrap();
        assert_eq!(made.to_text().len(), dummy.to_text().len());
    }
}

struct Zeros;

impl kernel::Rng for Zeros {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

#[test]
fn costs_out_of_bounds_are_refused_and_never_computed() {
    for scheme in [
        Scheme::Bcrypt { cost: 3 },
        Scheme::Bcrypt { cost: 17 },
        Scheme::Argon2id { memory_kib: 7, passes: 1, lanes: 1 },
        Scheme::Argon2id { memory_kib: 64, passes: 0, lanes: 1 },
        Scheme::Argon2id { memory_kib: 64, passes: 1, lanes: 0 },
        Scheme::Argon2id { memory_kib: 64, passes: 1, lanes: 17 },
        Scheme::Argon2id { memory_kib: ARGON2_MEMORY_KIB_MAX + 1, passes: 1, lanes: 1 },
    ] {
        assert_eq!(PasswordHash::hash(&password("x"), scheme, &Chance).err(), Some(SchemeError));
        assert_eq!(PasswordHash::dummy(scheme).err(), Some(SchemeError));
    }
}

#[test]
fn what_is_not_a_hash_is_refused() {
    let rng = Counting::from(1);
    let good = PasswordHash::hash(&password("x"), FAST, &rng).unwrap().to_text();
    let argon2 = PasswordHash::hash(&password("x"), FAST_ARGON2, &rng).unwrap().to_text();
    let long = PasswordHash::hash(&password(&"x".repeat(99)), FAST, &rng).unwrap().to_text();
    for bad in [
        String::new(),
        "$".to_owned(),
        "plain".to_owned(),
        good[1..].to_owned(),
        format!("{good}$"),
        format!("{good}x"),
        good[..good.len() - 1].to_owned(),
        good.replace("$2b$", "$2x$"),
        good.replace("$04$", "$4$"),
        good.replace("$04$", "$31$"),
        good.replace("$04$", "$+4$"),
        argon2.replace("v=19", "v=16"),
        argon2.replace("m=64", "m=064"),
        argon2.replace("m=64", "m=4294967295"),
        argon2.replace("p=1$", "p=1,x=1$"),
        argon2.replace("argon2id", "argon2i"),
        long.replace("v=2", "v=1"),
        long.replace("r=4", "r=30"),
        long.replace("t=2b", "t=2a"),
        format!("{argon2}{}", " ".repeat(300)),
    ] {
        assert!(PasswordHash::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn weak_choices_are_refused_with_advice() {
    let judged = |text: &str, words: &[&str]| judge(&password(text), words);
    assert_eq!(judged("Tr0ub4dor&3", &[]), Err(Weakness::TooShort));
    assert_eq!(judged("four-unrelated!", &[]).err(), None);
    // Fifteen characters, not fifteen bytes.
    assert_eq!(judged("äöüäöüäöüäöüäö", &[]), Err(Weakness::TooShort));
    for weak in [
        "passwordpassword",
        "aaaaaaaaaaaaaaaaaaaaaa",
        "abcdefghijklmnopqrstuvwxyz",
        "qwertyuiopasdfghjkl",
        "123456789012345678901234567890",
        "PortcullisPortcullis1",
        "correcthorsebatterystaple",
    ] {
        assert!(judged(weak, &[]).is_err(), "{weak}");
    }
    let person = ["robin.example@example.org", "Example Drawbridge Works"];
    assert!(judged("robin.example@example.org", &person).is_err());
    assert!(judged("exampledrawbridgeworks", &person).is_err());
    for strong in ["kettle-vapor orbit mossy 7", "Der Mond trägt heute gelbe Stiefel", "x8Kd02mfQwz!pLr5v"] {
        assert_eq!(judged(strong, &person), Ok(()), "{strong}");
    }
}

/// Long passwords that many use get past the estimator; they are known by name.
#[test]
fn long_passwords_that_many_use_are_refused() {
    for common in [
        "stairwaytoheaven",
        "StairwayToHeaven",
        "StairwayToHeaven1975!",
        "worldofwarcraft",
        "1213141516171819",
        "qwertyuiopasdfghjklzxcvbnm",
        "youngandrestless",
    ] {
        assert_eq!(judge(&password(common), &[]), Err(Weakness::Common), "{common}");
    }
    for other in ["stairway to a blue heaven", "worldofwarcraftkettle", "heaven to stairway 7 orbit"] {
        assert_eq!(judge(&password(other), &[]), Ok(()), "{other}");
    }
}

#[test]
fn the_list_of_common_passwords_is_sorted() {
    let bytes = include_bytes!("common.bin");
    let (heads, rest) = bytes.as_chunks::<8>();
    assert!(rest.is_empty() && heads.len() > 9_000, "{}", heads.len());
    assert!(heads.is_sorted_by(|a, b| a < b), "a search by halves needs an order");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parsers_never_panic(text in "\\PC{0,80}", form in 0..4_usize) {
        let head = ["", "$2b$04$", "$bcrypt-sha256$v=2,t=2b,r=4$", "$argon2id$v=19$m=64,t=1,p=1$"][form];
        let _ = PasswordHash::parse(&format!("{head}{text}"));
        let _ = Password::parse(text);
    }

    #[test]
    fn a_weakness_never_quotes_the_password(text in "[a-z0-9]{15,40}") {
        let typed = password(&text);
        if let Err(weakness) = judge(&typed, &[]) {
            prop_assert!(!weakness.to_string().contains(&text));
            let shown = format!("{weakness:?}");
            prop_assert!(!shown.contains(&text));
        }
    }

    #[test]
    fn judging_never_panics(text in "\\PC{1,200}", word in "\\PC{0,150}") {
        if let Ok(typed) = Password::parse(text) {
            let _ = judge(&typed, &[&word]);
        }
    }
}
