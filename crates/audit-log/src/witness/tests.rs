use proptest::prelude::*;

use super::*;
use crate::note::KeyName;
use crate::proof::{LeafHashes, prove_consistency};
use crate::testing::{ORIGIN, key, numbered_leaves, testdata};

/// The log that the vectors speak of, as the sigsum project names it.
const SIGSUM: &str = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";
const SIGSUM_KEY: &str = "ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f";

/// Another implementation's conversation with a witness: every request gets the answer it got there.
#[test]
fn the_vectors_of_another_witness() {
    let mut public = [0; 32];
    for (at, byte) in public.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&SIGSUM_KEY[2 * at..2 * at + 2], 16).unwrap();
    }
    let keys = [VerifierKey::new(KeyName::new(SIGSUM).unwrap(), public)];
    let script = std::fs::read_to_string(testdata("litewitness/add-checkpoint.hurl")).unwrap();
    let mut seen = Seen::NOTHING;
    let mut answers = Vec::new();
    for case in script.split("POST ").skip(1) {
        let mut parts = case.split("```");
        let (body, expected) = (parts.nth(1).unwrap().trim_start_matches('\n'), parts.next().unwrap());
        let Ok(request) = AddCheckpoint::parse(body.as_bytes()) else {
            // The signature's last character was changed into one that no encoder writes (RFC 4648 §3.5): refused there
            // because it does not verify, here before that.
            assert!(body.ends_with("6gx=\n") && expected.contains("HTTP 403"), "{body}");
            answers.push(400);
            continue;
        };
        assert_eq!(request.body(), body);
        let known: &[VerifierKey] = if request.origin() == SIGSUM { &keys } else { &[] };
        let status = match (known.is_empty(), request.judge(known, seen)) {
            // Older than the specification as it stands, which says 404.
            (true, _) => 403,
            (false, Ok(now)) => {
                seen = now;
                200
            }
            (false, Err(refusal)) => {
                if let Refusal::OtherSize(size) = refusal {
                    assert!(expected.contains(&format!("body == \"{size}\\n\"")), "{expected}");
                }
                refusal.status()
            }
        };
        assert!(expected.contains(&format!("HTTP {status}")), "{status}, not {expected}");
        answers.push(status);
    }
    assert_eq!(answers, [200, 400, 403, 422, 422, 200, 409, 200, 409]);
    assert_eq!(seen.size, 5);
}

fn request(old: usize, new: usize, leaves: &[Hash]) -> AddCheckpoint {
    let nodes = LeafHashes(&leaves[..new]);
    let proof = if old == 0 || old == new {
        Vec::new()
    } else {
        prove_consistency(&nodes, old as u64, new as u64).unwrap()
    };
    let root = crate::testing::naive_root(&leaves[..new]);
    let checkpoint = Checkpoint::new(KeyName::new(ORIGIN).unwrap(), new as u64, root).unwrap();
    AddCheckpoint { old_size: old as u64, proof, note: checkpoint.sign(&key(ORIGIN, 1)).unwrap() }
}

fn seen(size: usize, leaves: &[Hash]) -> Seen {
    Seen { size: size as u64, root: crate::testing::naive_root(&leaves[..size]) }
}

#[test]
fn every_step_of_a_growing_log_is_taken_and_no_other() {
    let leaves = numbered_leaves(20);
    let keys = [key(ORIGIN, 1).verifier().clone()];
    for old in 0..=20 {
        for new in old..=20 {
            let good = request(old, new, &leaves);
            assert_eq!(AddCheckpoint::parse(good.body().as_bytes()), Ok(good.clone()));
            assert_eq!(good.judge(&keys, seen(old, &leaves)), Ok(seen(new, &leaves)), "{old} {new}");
            for other in (0..=20).filter(|other| *other != old) {
                let answer = good.judge(&keys, seen(other, &leaves));
                assert_eq!(answer, Err(Refusal::OtherSize(other as u64)));
            }
            let mut longer = good.clone();
            longer.proof.push(leaves[0]);
            assert_eq!(longer.judge(&keys, seen(old, &leaves)).unwrap_err().status(), 422, "{old} {new}");
        }
    }
}

#[test]
fn a_rewritten_log_is_refused() {
    let (leaves, keys) = (numbered_leaves(9), [key(ORIGIN, 1).verifier().clone()]);
    let mut rewritten = leaves.clone();
    rewritten[2] = crate::leaf_hash(b"something else");
    for old in 3..9 {
        for new in old..=9 {
            let forged = request(old, new, &rewritten);
            assert_eq!(forged.judge(&keys, seen(old, &leaves)).unwrap_err().status(), 422, "{old} {new}");
        }
    }
    let shrunk = AddCheckpoint { old_size: 9, ..request(0, 5, &leaves) };
    assert_eq!(shrunk.judge(&keys, seen(9, &leaves)).unwrap_err().status(), 400);
    let stranger = [key(ORIGIN, 2).verifier().clone()];
    assert_eq!(request(0, 5, &leaves).judge(&stranger, Seen::NOTHING), Err(Refusal::Signature));
    // Of size zero there is one root.
    let root = leaves[0];
    let empty = Checkpoint::new(KeyName::new(ORIGIN).unwrap(), 0, root).unwrap();
    let empty = AddCheckpoint { old_size: 0, proof: vec![], note: empty.sign(&key(ORIGIN, 1)).unwrap() };
    assert_eq!(empty.judge(&keys, Seen::NOTHING).unwrap_err().status(), 422);
}

#[test]
fn malformed_requests_are_refused() {
    let good = request(3, 7, &numbered_leaves(7)).body();
    let parse = |text: &str| AddCheckpoint::parse(text.as_bytes()).unwrap_err();
    for old in ["old 03", "old -3", "old", "old ", "Old 3", "new 3", "old 99999999999999999999"] {
        assert_eq!(parse(&good.replacen("old 3", old, 1)), RequestError::Old, "{old}");
    }
    assert_eq!(parse(&good.replacen("old 3\n", "old 3\nAAAA\n", 1)), RequestError::Proof);
    let hash = format!("{}\n", numbered_leaves(1)[0].to_base64());
    assert_eq!(
        parse(&good.replacen("old 3\n", &format!("old 3\n{}", hash.repeat(62)), 1)),
        RequestError::Proof
    );
    assert_eq!(parse(""), RequestError::Old);
    assert_eq!(parse("old 0\n"), RequestError::Proof);
    assert!(matches!(parse("old 0\n\n"), RequestError::Note(_)));
    assert_eq!(parse(&"x".repeat(REQUEST_BYTES_MAX + 1)), RequestError::TooLong(REQUEST_BYTES_MAX + 1));
}

proptest! {
    #[test]
    fn no_request_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = AddCheckpoint::parse(&bytes);
    }

    #[test]
    fn cut_requests_are_refused(cut in 0_usize..400) {
        let good = request(3, 7, &numbered_leaves(7)).body();
        let cut = cut % good.len();
        prop_assume!(good.is_char_boundary(cut));
        prop_assert!(AddCheckpoint::parse(&good.as_bytes()[..cut]).is_err());
    }
}
