use app::audit::retention::{Archive, Keeping};

use super::*;

const NOBODY: &str = "019a0000-0000-7000-8000-000000000001";
const SECOND: i64 = 1_000_000;
/// 22 November 2026, midnight UTC.
const MIDNIGHT: i64 = 1_795_305_600 * SECOND;

fn at(days: i64) -> Timestamp {
    Timestamp::from_unix_micros(MIDNIGHT + days * 86_400 * SECOND)
}

fn hold(from: Option<Timestamp>, until: Option<Timestamp>) -> Hold {
    Hold {
        id: NOBODY.parse().unwrap(),
        reason: "A court has asked for these records.".to_owned(),
        from,
        until,
        placed_at: at(0),
        placed_by: NOBODY.parse().unwrap(),
        lifted: None,
    }
}

fn archive(size: i64, removed: bool) -> Archive {
    Archive {
        size,
        root: Vec::new(),
        sha256: vec![0xab],
        name: "an-archive".to_owned(),
        checkpoint_size: size,
        entry: NOBODY.parse().unwrap(),
        written_at: at(-1),
        removed,
    }
}

fn found(holds: Vec<Hold>, archive: Option<Archive>) -> Overview {
    let unarchived_from = Some(if archive.is_some() { at(-50) } else { at(-100) });
    let standing = i64::try_from(holds.len()).unwrap();
    Overview {
        keeping: Keeping { days: 365, next: None, changed_at: None, holds_standing: standing, archive },
        holds,
        size: 2_000,
        began: Some(at(-100)),
        unarchived_from,
    }
}

#[test]
fn days_are_told_as_people_think_of_them() {
    for (days, words) in [
        (1, "1 day"),
        (30, "30 days"),
        (184, "184 days (about 6 months)"),
        (365, "365 days (about a year)"),
        (900, "900 days (about 30 months)"),
        (730, "730 days (about 2 years)"),
        (2_557, "2\u{202f}557 days (about 7 years)"),
        (36_500, "36\u{202f}500 days (about 100 years)"),
    ] {
        assert_eq!(days_in_words(days), words);
    }
}

#[test]
fn a_hold_says_what_it_is_about_and_whole_days_are_days() {
    for (from, until, words) in [
        (None, None, "The whole log"),
        (Some(at(0)), None, "Entries from 22 Nov 2026 on"),
        (None, Some(at(1)), "Entries from the first to 22 Nov 2026, that day included"),
        (Some(at(-21)), Some(at(0)), "Entries from 1 Nov 2026 to 21 Nov 2026, that day included"),
        (
            None,
            Some(at(0).plus(Duration::from_hours(1))),
            "Entries from the first until 22 Nov 2026, 01:00 UTC",
        ),
    ] {
        assert_eq!(scope(&hold(from, until)), words);
    }
}

#[test]
fn the_oldest_entry_leaves_when_the_time_in_force_or_the_one_that_waits_says_so() {
    let Overview { keeping, .. } = found(Vec::new(), None);
    assert_eq!(leaves(&keeping, at(-100)), at(265));
    let waits = |from| Keeping { next: Some((184, from)), ..keeping.clone() };
    assert_eq!(leaves(&waits(at(30)), at(-100)), at(84));
    // Old enough for the shorter time already, which does not count yet.
    assert_eq!(leaves(&waits(at(30)), at(-300)), at(30));
    assert_eq!(leaves(&waits(at(30)), at(-340)), at(25), "the time in force is over before");
}

#[test]
fn a_change_says_what_it_does() {
    let Overview { keeping, .. } = found(vec![hold(None, None)], None);
    let less = effects(&keeping, 184, at(0)).join(" ");
    assert!(
        less.contains("It counts from 22 December 2026 on.") && less.contains("asking for 365 days"),
        "{less}"
    );
    assert!(less.contains("legal hold"), "{less}");
    let more = effects(&keeping, 3_650, at(0)).join(" ");
    assert!(more.contains("It counts at once.") && !more.contains("given up"), "{more}");
    let waits = Keeping { next: Some((184, at(3))), ..keeping };
    assert!(effects(&waits, 365, at(0)).join(" ").contains("given up"));
}

#[test]
fn the_drawing_shows_what_is_where() {
    let young = timeline::draw(&Overview { began: None, ..found(Vec::new(), None) }, at(0));
    assert!(young.is_none(), "nothing before the first entry");
    let whole = timeline::draw(&found(Vec::new(), None), at(0)).unwrap();
    assert_eq!((whole.archived, whole.here.x, whole.here.width, whole.due), (None, 0, 1_000, None));

    let holds = vec![
        hold(Some(at(-25)), None),
        hold(None, None),
        hold(Some(at(-300)), Some(at(-200))),
        hold(Some(at(10)), None),
        hold(Some(at(-75)), Some(at(-50))),
    ];
    let drawn = timeline::draw(&found(holds, Some(archive(512, true))), at(0)).unwrap();
    assert_eq!((drawn.archived.unwrap().width, drawn.here.x, drawn.here.width), (500, 500, 500));
    let lanes: Vec<_> = drawn.holds.iter().map(|lane| (lane.x, lane.width)).collect();
    assert_eq!(lanes, [(750, 250), (0, 1_000), (250, 250)], "what is outside of the log is not drawn");
    assert!(drawn.label.contains("Entries 0 to 511 are archived; those from 3 Oct 2026"), "{}", drawn.label);
    assert!(drawn.label.contains("5 legal holds stand."), "{}", drawn.label);
    assert!(!drawn.both);

    let many = found((0..9).map(|_| hold(None, None)).collect(), Some(archive(512, false)));
    let drawn = timeline::draw(&many, at(300)).unwrap();
    assert_eq!((drawn.holds.len(), drawn.more, drawn.both), (6, 3, true));
    // 400 days are drawn, and entries stay for 365.
    assert_eq!(drawn.due, Some(87));
}
