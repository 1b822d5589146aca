use std::collections::BTreeSet;

use kernel::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::bytes::testing::Counting;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn key() -> RefreshKey {
    RefreshKey::new(&[9; 32])
}

fn begin() -> (Family, RefreshToken) {
    Family::begin(Uuid::from_u128(1), at(0), &Counting::from(1))
}

fn rotated(outcome: Outcome) -> (RefreshToken, Family) {
    match outcome {
        Outcome::Rotated(token, family) => (token, family),
        other => panic!("{}", name(&other)),
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Rotated(..) => "rotated",
        Outcome::Again(_) => "again",
        Outcome::Reused => "reused",
        Outcome::Expired => "expired",
        Outcome::Revoked => "revoked",
        Outcome::Unknown => "unknown",
    }
}

#[test]
fn a_token_reads_back_and_has_one_spelling() {
    let (_, token) = begin();
    let text = token.expose();
    assert_eq!(*RefreshToken::parse(&text).ok().unwrap().expose(), *text);
    let bent =
        ["", "prt_", "prt_1_1_1", &text.to_uppercase(), &format!("{}x", *text), &text.replace("_1_", "_01_")];
    for bad in bent {
        assert!(RefreshToken::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_same_token_twice_within_the_grace_gives_the_same_successor() {
    let (family, first) = begin();
    let (second, family) = rotated(family.present(&first, &key(), at(100)));
    for later in [100, 115, 130] {
        match family.present(&first, &key(), at(later)) {
            Outcome::Again(again) => assert_eq!(*again.expose(), *second.expose()),
            other => panic!("after {later}: {}", name(&other)),
        }
    }
    assert_eq!(name(&family.present(&first, &key(), at(131))), "reused");
}

#[test]
fn two_rotations_within_the_grace_lose_nobody_and_an_old_copy_is_never_taken() {
    let (family, first) = begin();
    let (second, family) = rotated(family.present(&first, &key(), at(100)));
    let (third, family) = rotated(family.present(&second, &key(), at(110)));
    match family.present(&first, &key(), at(125)) {
        Outcome::Again(again) => assert_eq!(*again.expose(), *third.expose()),
        other => panic!("{}", name(&other)),
    }
    assert_eq!(name(&family.present(&first, &key(), at(131))), "reused", "replaced at 100");
    assert_eq!(name(&family.present(&second, &key(), at(140))), "again", "replaced at 110");
    // A copy of a token replaced long ago does not slip in behind a fresh rotation.
    let (_, family) = rotated(family.present(&third, &key(), at(1_000)));
    for old in [&first, &second] {
        assert_eq!(name(&family.present(old, &key(), at(1_001))), "reused");
    }
}

#[test]
fn expired_forged_and_foreign_tokens_open_nothing() {
    let (family, first) = begin();
    assert_eq!(name(&family.present(&first, &key(), at(TOKEN_SECONDS))), "expired");
    assert_eq!(name(&Family { revoked: true, ..family.clone() }.present(&first, &key(), at(1))), "revoked");
    let other = Family { id: Uuid::from_u128(2), ..family.clone() };
    assert_eq!(name(&other.present(&first, &key(), at(1))), "unknown");
    let forged = RefreshToken { secret: Zeroizing::new([7; 32]), ..begin().1 };
    assert_eq!(name(&family.present(&forged, &key(), at(1))), "unknown");
    let ahead = RefreshToken { generation: 2, ..begin().1 };
    assert_eq!(name(&family.present(&ahead, &key(), at(1))), "unknown");
    let (mut family, mut token) = begin();
    let mut now = 0;
    while now + 6 * 24 * 3_600 < FAMILY_SECONDS {
        now += 6 * 24 * 3_600;
        (token, family) = rotated(family.present(&token, &key(), at(now)));
    }
    assert_eq!(name(&family.present(&token, &key(), at(FAMILY_SECONDS))), "expired", "a family ends");
}

#[test]
fn a_burst_forgets_nobody_and_does_not_run_away() {
    let (mut family, mut token) = begin();
    let mut older = Vec::new();
    for _ in 0..ROTATIONS_MAX {
        older.push(RefreshToken::parse(&token.expose()).ok().unwrap());
        (token, family) = rotated(family.present(&token, &key(), at(100)));
    }
    for presented in older.iter().chain([&token]) {
        match family.present(presented, &key(), at(130)) {
            Outcome::Again(again) => assert_eq!(*again.expose(), *token.expose()),
            other => panic!("{}", name(&other)),
        }
    }
    let (_, family) = rotated(family.present(&token, &key(), at(131)));
    assert_eq!(family.rotations, [at(131)], "what no longer counts is forgotten");
}

#[test]
fn a_clock_that_was_wrong_gives_no_grace_until_its_moment_comes() {
    let (family, first) = begin();
    let (second, family) = rotated(family.present(&first, &key(), at(100_000)));
    assert_eq!(name(&family.present(&first, &key(), at(99_980))), "again", "a little is forgiven");
    assert_eq!(name(&family.present(&first, &key(), at(50_000))), "reused");
    // The list keeps its order: what is judged is the moment of the token presented, not of another.
    let (third, family) = rotated(family.present(&second, &key(), at(99_980)));
    let (_, family) = rotated(family.present(&third, &key(), at(100_020)));
    assert_eq!(family.rotations, [at(100_020)]);
    assert_eq!(name(&family.present(&second, &key(), at(100_020))), "reused", "replaced 40 seconds ago");
}

/// What may happen to a family: time passes, one of the honest client's tabs refreshes (and may lose the answer), or a
/// thief who copied a token presents it.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Tab { tab: usize, answer_lost: bool },
    Copy(usize),
    Steal(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_u64..90).prop_map(Step::Wait),
        (0_usize..3, any::<bool>()).prop_map(|(tab, answer_lost)| Step::Tab { tab, answer_lost }),
        (0_usize..3).prop_map(Step::Copy),
        (0_usize..4).prop_map(Step::Steal),
    ];
    prop::collection::vec(step, 1..60)
}

/// The tokens that would be taken as the living one.
fn living(family: &Family, tokens: &[String], now: Timestamp) -> usize {
    let taken = tokens.iter().filter_map(|text| match family.present(&token(text), &key(), now) {
        Outcome::Rotated(..) => Some(text.clone()),
        _ => None,
    });
    taken.collect::<BTreeSet<_>>().len()
}

fn token(text: &str) -> RefreshToken {
    RefreshToken::parse(text).ok().unwrap()
}

proptest! {
    #[test]
    fn never_two_living_tokens_and_no_honest_client_is_lost_in_the_grace(steps in steps()) {
        let (mut family, first) = begin();
        let first = first.expose().to_string();
        let (mut tabs, mut stolen, mut all) = (vec![first.clone(); 3], Vec::<String>::new(), vec![first]);
        // When each tab's own token was replaced, if it was.
        let (mut now, mut replaced, mut robbed) = (0_u64, vec![None::<u64>; 3], false);
        for step in steps {
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::Copy(tab) => stolen.push(tabs[tab].clone()),
                Step::Steal(which) => {
                    let Some(text) = stolen.get(which).cloned() else { continue };
                    let before = family.generation;
                    match family.present(&token(&text), &key(), at(now)) {
                        Outcome::Rotated(next, moved) => {
                            robbed = true;
                            family = moved;
                            let next = next.expose().to_string();
                            all.push(next.clone());
                            stolen.push(next);
                        }
                        Outcome::Reused => family.revoked = true,
                        _ => {}
                    }
                    if family.generation > before {
                        for at in &mut replaced {
                            at.get_or_insert(now);
                        }
                    }
                }
                Step::Tab { tab, answer_lost } => {
                    let before = family.generation;
                    match family.present(&token(&tabs[tab]), &key(), at(now)) {
                        Outcome::Rotated(next, moved) => {
                            family = moved;
                            let next = next.expose().to_string();
                            all.push(next.clone());
                            for at in &mut replaced {
                                at.get_or_insert(now);
                            }
                            if !answer_lost {
                                // The tabs share a cookie jar: all have the new one.
                                for text in &mut tabs {
 text.clone_from(&next);
}
                                replaced.fill(None);
                            }
                        }
                        Outcome::Again(head) => {
                            prop_assert_eq!(family.generation, before);
                            if !answer_lost {
                                tabs[tab] = head.expose().to_string();
                                replaced[tab] = None;
                            }
                        }
                        Outcome::Reused => {
                            let late = replaced[tab].is_some_and(|since| now - since > GRACE_SECONDS);
                            prop_assert!(late, "an honest client was taken for a thief within the grace");
                            family.revoked = true;
                        }
                        Outcome::Revoked => prop_assert!(family.revoked),
                        Outcome::Expired => {}
                        Outcome::Unknown => prop_assert!(false, "a genuine token was not known"),
                    }
                    if family.generation == before && replaced[tab].is_none() && !family.revoked {
                        // Its token is the living one.
                        prop_assert_eq!(living(&family, &tabs[tab..=tab], at(now)), 1);
                    }
                }
            }
            prop_assert!(living(&family, &all, at(now)) <= 1, "two living tokens");
            if family.revoked {
                prop_assert_eq!(living(&family, &all, at(now)), 0);
            }
        }
        // A thief who rotated has the living token, and the honest client's next try after the grace ends the family.
        if robbed && !family.revoked {
            let late = at(now + GRACE_SECONDS + 1);
            let ends = tabs.iter().any(|text| matches!(family.present(&token(text), &key(), late), Outcome::Reused));
            let owns = living(&family, &tabs, late) == 1;
            prop_assert!(ends || owns);
        }
    }

    #[test]
    fn parsing_never_panics(text in "\\PC*") {
        let _ = RefreshToken::parse(&text);
        let _ = RefreshToken::parse(&format!("prt_{text}"));
    }
}
