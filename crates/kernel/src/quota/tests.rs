use proptest::prelude::*;

use super::*;

const START_MILLIS: i64 = 1_700_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_micros((START_MILLIS + millis) * 1_000)
}

fn passes(quota: &Quota, client: u64, millis: i64) -> bool {
    quota.take(client, at(millis)).allowed
}

#[test]
fn the_quota_passes_and_the_next_waits_for_the_window() {
    let quota = Quota::new(10);
    for nth in 0..10 {
        let verdict = quota.take(1, at(nth * 50));
        assert!(verdict.allowed);
        assert_eq!(i64::from(verdict.remaining), 9 - nth);
    }
    let refused = quota.take(1, at(500));
    assert_eq!((refused.allowed, refused.remaining, refused.reset_seconds), (false, 0, 60));
    // The group's last request was at 450 ms: a millisecond before it leaves, nothing passes.
    assert!(!passes(&quota, 1, 60_449));
    assert!(passes(&quota, 1, 60_450));
}

#[test]
fn a_limit_that_changes_counts_what_was_let_through_before() {
    let quota = Quota::new(0);
    assert!((0..3).all(|_| quota.take_of(5, 1, at(0)).allowed));
    let tighter = quota.take_of(3, 1, at(1));
    assert_eq!((tighter.allowed, tighter.quota, tighter.remaining), (false, 3, 0));
    assert!(quota.take_of(4, 1, at(2)).allowed && !quota.take(1, at(3)).allowed);
    assert_eq!(tighter.fields("pack")[0], ("ratelimit-policy", "\"pack\";q=3;w=60".to_owned()));
}

#[test]
fn there_is_no_boundary_at_which_twice_the_quota_passes() {
    let quota = Quota::new(10);
    assert!(passes(&quota, 1, 0));
    for _ in 0..9 {
        assert!(passes(&quota, 1, 59_000));
    }
    assert!(passes(&quota, 1, 60_000), "the first has left");
    assert!(!passes(&quota, 1, 60_000), "the nine have not");
    assert!(!passes(&quota, 1, 118_999));
    assert!(passes(&quota, 1, 119_000));
}

#[test]
fn waiting_as_told_is_enough() {
    let quota = Quota::new(3);
    for millis in [0, 999, 30_500] {
        assert!(passes(&quota, 1, millis));
    }
    let told = quota.take(1, at(31_234));
    assert!(!told.allowed);
    assert!(passes(&quota, 1, 31_234 + i64::try_from(told.reset_seconds).unwrap() * 1_000));
}

#[test]
fn refused_requests_are_not_counted_and_clients_do_not_share() {
    let quota = Quota::new(1);
    assert!(passes(&quota, 1, 0));
    for second in 1..60 {
        assert!(!passes(&quota, 1, second * 1_000));
    }
    assert!(passes(&quota, 2, 59_000));
    assert!(passes(&quota, 1, 60_000));
}

#[test]
fn memory_is_bounded_by_forgetting_those_not_seen_for_longest() {
    let quota = Quota { clients_max: 100, ..Quota::new(1) };
    for client in 0..10_000 {
        assert!(passes(&quota, client, 0));
        let logs = quota.logs.lock().unwrap();
        assert!(logs.young.len() <= 100 && logs.old.len() <= 100);
    }
    assert!(!passes(&quota, 9_999, 1), "a client just seen is still known");
    let groups = Quota::new(u32::MAX);
    for millis in 0..120_000 {
        groups.take(1, at(millis));
    }
    assert!(groups.logs.lock().unwrap().young[&1].groups.len() <= 61);
}

#[test]
fn a_clock_set_back_locks_nobody_out_for_longer_than_a_window() {
    let quota = Quota::new(1);
    assert!(passes(&quota, 1, 3_600_000));
    assert!(!passes(&quota, 1, 0));
    assert!(passes(&quota, 1, 60_000));
}

proptest! {
    #[test]
    fn never_more_than_the_quota_in_any_window(
        quota in 1_u32..8,
        gaps in proptest::collection::vec(0_i64..20_000, 1..200),
    ) {
        let counted = Quota::new(quota);
        let (mut now, mut passed) = (0, Vec::new());
        for gap in gaps {
            now += gap;
            if passes(&counted, 1, now) {
                passed.push(now);
            } else {
                let inside = passed.iter().filter(|at| **at > now - 61_000).count();
                prop_assert!(inside >= quota as usize, "refused without need");
            }
        }
        for window in passed.windows(quota as usize + 1) {
            prop_assert!(window[quota as usize] - window[0] >= 60_000);
        }
    }
}
