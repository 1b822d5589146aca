use super::*;
use crate::hash::leaf_hash;
use crate::source::MemoryLog;
use crate::testing::{ORIGIN, core, entry, entry_leaves, key, log_of};
use crate::verify::LogVerifier;

/// Entries of the log under test: two bundles.
const ENTRIES: u128 = 300;

fn receipt(n: u128, leaf: &[u8]) -> Receipt {
    let core = core(n);
    Receipt {
        origin: KeyName::new(ORIGIN).unwrap(),
        entry: core.id,
        leaf: leaf_hash(leaf),
        at: core.at,
        signed_at: core.at.unix_micros() / 1_000_000,
    }
}

/// A log whose entries are a minute apart from each other would be long; one entry at its end stands for the time after.
fn leaves() -> Vec<Vec<u8>> {
    let mut leaves = entry_leaves(ENTRIES);
    leaves.push(entry(3_600_000).to_leaf().unwrap());
    leaves
}

fn fates(log: &MemoryLog, keys: &[VerifierKey], text: &str) -> Vec<Fate> {
    let report = LogVerifier::new(keys).run(log, &mut |_| {});
    let found = reconcile(log, &report, keys, text.lines()).unwrap();
    found.into_iter().map(|one| one.fate).collect()
}

#[test]
fn a_receipt_is_read_back_as_it_was_signed() {
    let ours = key(ORIGIN, 1);
    let promised = receipt(5, b"{}");
    let line = sign(&ours, &promised).unwrap();
    assert!(line.bytes().all(|byte| byte.is_ascii_graphic()), "fit for a header: {line}");
    let read = Unverified::parse(&line).unwrap();
    assert_eq!(read.verify(std::slice::from_ref(ours.verifier())), Ok(&promised));
    assert_eq!(read.verify(&[]), Err(JwsError::UnknownKey));
    // Another key of the same name, and one of another name.
    for other in [key(ORIGIN, 2), key("logs.example.com/other", 1)] {
        assert_eq!(read.verify(std::slice::from_ref(other.verifier())), Err(JwsError::UnknownKey));
        let wrong = if *other.verifier().name() == promised.origin {
            continue;
        } else {
            sign(&other, &promised)
        };
        assert_eq!(wrong, Err(JwsError::UnknownKey), "a key signs for its own log alone");
    }
    let (message, signature) = line.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let other = receipt(6, b"{}");
    let claims = URL_SAFE_NO_PAD.encode(
        json!({ "at": other.at.to_string(), "entry": other.entry, "iat": other.signed_at, "iss": ORIGIN,
                "leaf": other.leaf.to_base64() })
        .to_string(),
    );
    let forged = Unverified::parse(&format!("{header}.{claims}.{signature}")).unwrap();
    assert_eq!(forged.verify(std::slice::from_ref(ours.verifier())), Err(JwsError::Signature));
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"x","typ":"receipt+jwt"}"#);
    for (bad, error) in [
        ("a.b".to_owned(), ReceiptError::Format),
        ("a.b.c.d".to_owned(), ReceiptError::Format),
        (format!("{none}.{claims}."), ReceiptError::Header),
        (format!("{header}.e30.{signature}"), ReceiptError::Claims),
        (format!("{line}{}", "A".repeat(RECEIPT_BYTES_MAX)), ReceiptError::Format),
    ] {
        assert_eq!(Unverified::parse(&bad).map(|_| ()), Err(error), "{bad}");
    }
}

#[test]
fn each_receipt_is_held_against_the_log() {
    let ours = key(ORIGIN, 1);
    let keys = [ours.verifier().clone()];
    let leaves = leaves();
    let log = log_of(&leaves, &ours);
    let signed = |n: u128, leaf: &[u8]| sign(&ours, &receipt(n, leaf)).unwrap();
    let (first, last) = (signed(0, &leaves[0]), signed(299, &leaves[299]));
    let text = format!("# mine\n\n{first}\n{last}\n");
    assert_eq!(fates(&log, &keys, &text), [Fate::Kept { index: 0 }, Fate::Kept { index: 299 }]);

    // An entry that is not there; other words under an id; one that is younger than the log; a stranger's; a forgery.
    let missing = signed(777, b"{\"never\":\"placed\"}");
    let changed = signed(7, b"{\"other\":\"words\"}");
    let young = signed(9_000_000, b"{}");
    let stranger = key("logs.example.com/other", 3);
    let foreign =
        sign(&stranger, &Receipt { origin: stranger.verifier().name().clone(), ..receipt(0, &leaves[0]) })
            .unwrap();
    let forged = {
        let twin = key(ORIGIN, 9);
        let line = sign(&twin, &receipt(0, &leaves[0])).unwrap();
        let (_, rest) = line.split_once('.').unwrap();
        let (header, _) = first.split_once('.').unwrap();
        format!("{header}.{rest}")
    };
    let text = [missing, changed, young, foreign, forged, "nonsense".to_owned()].join("\n");
    let found = fates(&log, &keys, &text);
    assert_eq!(
        found[..5],
        [Fate::Missing, Fate::Changed { index: 7 }, Fate::Pending, Fate::UnknownKey, Fate::Forged]
    );
    assert!(matches!(found[5], Fate::Unreadable { .. }));
    assert!(found.iter().all(|fate| !fate.proves().is_empty()));
}

#[test]
fn a_damaged_hash_tile_does_not_hide_an_entry() {
    let ours = key(ORIGIN, 1);
    let leaves = leaves();
    let mut log = log_of(&leaves, &ours);
    log.0.get_mut("tile/0/000").unwrap()[0] ^= 1;
    let line = sign(&ours, &receipt(0, &leaves[0])).unwrap();
    assert_eq!(fates(&log, &[ours.verifier().clone()], &line), [Fate::Kept { index: 0 }]);
}
