use super::soft::{PRESENT, SYNCHRONISED, Soft, VERIFIED};
use super::*;

#[test]
fn an_origin_is_a_name_under_tls_or_this_machine() {
    for good in ["https://portcullis.example.com", "http://localhost:8080", "https://p.example.com:8443"] {
        assert!(RelyingParty::new(good, "Portcullis").is_ok(), "{good}");
    }
    for bad in [
        "http://portcullis.example.com",
        "https://192.0.2.1",
        "http://127.0.0.1:8080",
        "ftp://localhost",
        "https://p.example.com/x",
        "https://p.example.com/?x",
        "https://u@p.example.com",
        "nonsense",
        "",
    ] {
        assert!(RelyingParty::new(bad, "Portcullis").is_err(), "{bad}");
    }
}

#[test]
fn options_ask_for_a_discoverable_passkey_that_verifies_its_user() {
    let party = RelyingParty::new("http://localhost:8080", "Portcullis").unwrap();
    let begun =
        party.begin_registration(Uuid::from_u128(7), "someone@example.com", "Someone", &[vec![1, 2, 3]]);
    let begun = begun.unwrap();
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    let key = &options["publicKey"];
    assert_eq!(key["rp"]["id"], "localhost");
    assert_eq!(key["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(key["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(key["excludeCredentials"].as_array().unwrap().len(), 1);
    let begun = party.begin_authentication().unwrap();
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    assert_eq!(options["mediation"], "conditional");
    assert_eq!(options["publicKey"]["userVerification"], "required");
}

#[test]
fn answers_that_are_none_are_refused() {
    let party = RelyingParty::new("http://localhost:8080", "Portcullis").unwrap();
    let begun = party.begin_authentication().unwrap();
    let person = Uuid::from_u128(7);
    for answer in ["", "{}", "[]", &"x".repeat(ANSWER_BYTES_MAX + 1)] {
        assert!(party.credential_of(answer).is_err());
        let ended = party.finish_authentication(&begun.state, answer, "{}", person);
        assert_eq!(ended.err(), Some(PasskeyError::Malformed));
    }
    assert_eq!(party.finish_registration("{}", "{}").err(), Some(PasskeyError::State));
}

const PERSON: Uuid = Uuid::from_u128(7);

fn party() -> RelyingParty {
    RelyingParty::new("https://portcullis.example.com", "Portcullis").ok().unwrap()
}

fn enrol(party: &RelyingParty, soft: &Soft) -> Result<Enrolled, PasskeyError> {
    let begun = party.begin_registration(PERSON, "someone@example.com", "Someone", &[]).unwrap();
    party.finish_registration(&begun.state, &soft.create(&begun.options))
}

fn ask(party: &RelyingParty, soft: &Soft, credential: &str) -> Result<Used, PasskeyError> {
    let begun = party.begin_authentication().unwrap();
    let answer = soft.get(&begun.options);
    assert_eq!(party.credential_of(&answer).unwrap(), soft.id);
    party.finish_authentication(&begun.state, &answer, credential, PERSON)
}

#[test]
fn a_passkey_is_made_and_used() {
    let (party, mut soft) = (party(), Soft::new(b"credential", PERSON));
    let made = enrol(&party, &soft).ok().unwrap();
    assert_eq!(
        (made.credential_id.as_slice(), made.provider, made.synchronised),
        (&b"credential"[..], None, false)
    );
    let mut credential = made.credential;
    for counter in 2..5 {
        soft.counter = counter;
        let used = ask(&party, &soft, &credential).ok().unwrap();
        assert!(!used.synchronised);
        assert_ne!(used.credential, credential, "the counter is kept");
        credential = used.credential;
    }
    // As a second factor the person is known, and the authenticator need not say whose passkey it is.
    (soft.counter, soft.handle) = (5, None);
    assert!(ask(&party, &soft, &credential).is_ok());
}

#[test]
fn a_counter_that_does_not_move_shows_a_copy() {
    let (party, mut soft) = (party(), Soft::new(b"credential", PERSON));
    let credential = enrol(&party, &soft).ok().unwrap().credential;
    for counter in [1, 0] {
        soft.counter = counter;
        assert_eq!(ask(&party, &soft, &credential).err(), Some(PasskeyError::Copied), "{counter}");
    }
}

#[test]
fn a_synchronised_passkey_counts_nothing() {
    let (party, mut soft) = (party(), Soft::new(b"credential", PERSON));
    (soft.counter, soft.flags) = (0, PRESENT | VERIFIED | SYNCHRONISED);
    let made = enrol(&party, &soft).ok().unwrap();
    assert!(made.synchronised);
    for _ in 0..3 {
        assert!(ask(&party, &soft, &made.credential).ok().unwrap().synchronised);
    }
    // It cannot stop being one.
    soft.flags = PRESENT | VERIFIED;
    assert_eq!(ask(&party, &soft, &made.credential).err(), Some(PasskeyError::Refused));
}

/// What is wrong with an answer, and how it comes about.
type Bend = (&'static str, fn(&mut Soft));

/// Ways in which an answer is not the one that was asked for; each alone is enough.
const BENDS: &[Bend] = &[
    ("another challenge", |soft| soft.challenge = Some(crate::bytes::b64url(&[1; 32]))),
    ("another origin", |soft| "https://portcullis.example.org".clone_into(&mut soft.origin)),
    ("a part of the domain", |soft| "https://x.portcullis.example.com".clone_into(&mut soft.origin)),
    ("another port", |soft| "https://portcullis.example.com:8443".clone_into(&mut soft.origin)),
    ("without TLS", |soft| "http://portcullis.example.com".clone_into(&mut soft.origin)),
    ("inside another page", |soft| soft.cross_origin = true),
    ("another domain", |soft| "example.com".clone_into(&mut soft.domain)),
    ("nobody present", |soft| soft.flags = VERIFIED),
    ("nobody verified", |soft| soft.flags = PRESENT),
    ("another ceremony", |soft| soft.kind = Some("payment.get")),
];

#[test]
fn an_answer_to_something_else_is_refused() {
    let party = party();
    for (what, bend) in BENDS {
        let mut soft = Soft::new(b"credential", PERSON);
        let credential = enrol(&party, &soft).ok().unwrap().credential;
        soft.counter = 2;
        bend(&mut soft);
        assert_eq!(ask(&party, &soft, &credential).err(), Some(PasskeyError::Refused), "using: {what}");
        assert_eq!(enrol(&party, &soft).err(), Some(PasskeyError::Refused), "making: {what}");
    }
}

#[test]
fn somebody_elses_passkey_is_refused() {
    let party = party();
    let mut soft = Soft::new(b"credential", PERSON);
    let credential = enrol(&party, &soft).ok().unwrap().credential;
    // Another key under the same id.
    let mut other = Soft::new(b"credential", PERSON);
    other.counter = 2;
    assert_eq!(ask(&party, &other, &credential).err(), Some(PasskeyError::Refused));
    // Another id with the same key.
    soft.counter = 2;
    soft.id = b"another".to_vec();
    assert_eq!(ask(&party, &soft, &credential).err(), Some(PasskeyError::Refused));
    soft.id = b"credential".to_vec();
    // The authenticator names another person than the one the credential is kept for.
    soft.handle = Some(Uuid::from_u128(8).as_bytes().to_vec());
    assert_eq!(ask(&party, &soft, &credential).err(), Some(PasskeyError::Refused));
    soft.handle = Some(b"not an id".to_vec());
    assert_eq!(ask(&party, &soft, &credential).err(), Some(PasskeyError::Refused));
}

#[test]
fn an_answer_is_good_for_its_own_ceremony() {
    let (party, mut soft) = (party(), Soft::new(b"credential", PERSON));
    let made = enrol(&party, &soft).ok().unwrap();
    soft.counter = 2;
    let (first, second) = (party.begin_authentication().unwrap(), party.begin_authentication().unwrap());
    let answer = soft.get(&first.options);
    let end = |state: &str, credential: &str| party.finish_authentication(state, &answer, credential, PERSON);
    assert_eq!(end(&second.state, &made.credential).err(), Some(PasskeyError::Refused));
    let used = end(&first.state, &made.credential).ok().unwrap();
    assert_eq!(
        end(&first.state, &used.credential).err(),
        Some(PasskeyError::Copied),
        "the counter saw it before"
    );
    assert_eq!(end("{}", &made.credential).err(), Some(PasskeyError::State));
    assert_eq!(end(&first.state, "{}").err(), Some(PasskeyError::State));
    // The state of making one is no state of asking for one.
    let making = party.begin_registration(PERSON, "someone@example.com", "Someone", &[]).unwrap();
    assert_eq!(end(&making.state, &made.credential).err(), Some(PasskeyError::State));
}

#[test]
fn a_passkey_that_is_there_is_not_made_again() {
    let (party, soft) = (party(), Soft::new(b"credential", PERSON));
    let existing = [soft.id.clone()];
    let begun = party.begin_registration(PERSON, "someone@example.com", "Someone", &existing).unwrap();
    let again = party.finish_registration(&begun.state, &soft.create(&begun.options));
    assert_eq!(again.err(), Some(PasskeyError::Refused));
}

#[test]
fn every_changed_byte_of_what_is_signed_is_refused() {
    let (party, mut soft) = (party(), Soft::new(b"credential", PERSON));
    let credential = enrol(&party, &soft).ok().unwrap().credential;
    soft.counter = 2;
    let begun = party.begin_authentication().unwrap();
    let answer: Value = serde_json::from_str(&soft.get(&begun.options)).unwrap();
    for member in ["authenticatorData", "clientDataJSON", "signature"] {
        let bytes = crate::bytes::unb64url(answer["response"][member].as_str().unwrap()).unwrap();
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            let mut answer = answer.clone();
            answer["response"][member] = crate::bytes::b64url(&bent).into();
            let ended = party.finish_authentication(&begun.state, &answer.to_string(), &credential, PERSON);
            assert!(ended.is_err(), "{member} {at}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn reading_answers_never_panics(text in "\\PC{0,200}", bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
        let party = party();
        let state = party.begin_authentication().unwrap().state;
        let _ = party.finish_authentication(&state, &text, "{}", PERSON);
        let begun = party.begin_registration(PERSON, "someone@example.com", "Someone", &[]).unwrap();
        let mut answer: Value = serde_json::from_str(&Soft::new(b"credential", PERSON).create(&begun.options)).unwrap();
        answer["response"]["attestationObject"] = crate::bytes::b64url(&bytes).into();
        proptest::prop_assert!(party.finish_registration(&begun.state, &answer.to_string()).is_err());
    }
}
