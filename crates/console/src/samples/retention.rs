//! Retention, legal holds, archived entries, receipts.

use super::{DAY, HOSTILE, Sample, ago, before, hostile_shell, page, shell, stamp};
use crate::layout::Room;
use crate::pages::*;
use crate::parts::{Form, Id, When};

const FOLDER: &str = "019a0000-0000-7000-8000-000000000000";
const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const VKEY: &str = "portcullis/0199aa00/log/0199aa01+1f0a2b3c+AXf3q8pP0JmS5m3m8c5dJ0xq9c0yQ2J7Q3m5v8x1Zk0B";

pub(super) fn all() -> Vec<Sample> {
    [looked_at(), days(), holds(), entries()].into_iter().flatten().collect()
}

fn archive(removed: bool) -> ArchiveView {
    ArchiveView {
        name: FOLDER.to_owned(),
        range: "Entries 0 to 25\u{202f}599".to_owned(),
        removed,
        written: ago(2 * DAY),
        entry: Id::new("0199aa00-0000-7000-8000-0000000000e1"),
        sha256: SHA256.to_owned(),
    }
}

fn hold(scope: &str, reason: &str, why: Option<&str>) -> HoldRow {
    HoldRow {
        id: "0199aa00-0000-7000-8000-0000000000d1".to_owned(),
        reason: reason.to_owned(),
        scope: scope.to_owned(),
        placed: ago(40 * DAY),
        by: "Member one".to_owned(),
        lifted: why.map(|why| LiftedRow { at: ago(DAY), by: "Member two".to_owned(), why: why.to_owned() }),
    }
}

fn timeline() -> Timeline {
    Timeline {
        label: "The log from 1 Feb 2019 to now. Entries 0 to 25 599 are archived.".to_owned(),
        archived: Some(Stretch { x: 0, width: 180 }),
        both: false,
        here: Stretch { x: 180, width: 820 },
        holds: vec![Stretch { x: 560, width: 440 }, Stretch { x: 300, width: 130 }],
        more: 0,
        due: Some(184),
        began: When::day(before(2_850 * DAY)),
    }
}

fn looked_at() -> Vec<Sample> {
    let full = Retention {
        shell: shell(Some(Room::Audit)),
        timeline: Some(timeline()),
        entries: "48\u{202f}200".to_owned(),
        oldest: Some(When::day(before(2_550 * DAY))),
        leaves: Some(When::day(before(0))),
        days: "2\u{202f}557 days (about 7 years)".to_owned(),
        pending: Some(("365 days (about a year)".to_owned(), When::day(before(0)))),
        form: Form::blank().with("days", "2557"),
        days_in_force: 2_557,
        days_min: 184,
        days_max: 36_500,
        shorten_days: 30,
        holds: vec![
            hold("Entries from 1 Jan 2024 on", "A court has asked for the records of these years.", None),
            hold(
                "Entries from 1 Mar 2021 to 31 Mar 2022, that day included",
                "An audit by the authority.",
                None,
            ),
            hold("The whole log", "A dispute with a supplier.", Some("The dispute is settled.")),
        ],
        standing: 2,
        archive: Some(archive(true)),
        may_change: true,
    };
    let looking = Retention { may_change: false, archive: Some(archive(false)), ..full.clone() };
    let both = Timeline { both: true, more: 1, ..timeline() };
    let looking = Retention { timeline: Some(both), ..looking };
    let empty = Retention {
        timeline: None,
        oldest: None,
        leaves: None,
        pending: None,
        holds: Vec::new(),
        standing: 0,
        archive: None,
        ..full.clone()
    };
    let young = Timeline {
        archived: None,
        here: Stretch { x: 0, width: 1_000 },
        holds: Vec::new(),
        due: None,
        ..timeline()
    };
    let young = Retention { timeline: Some(young), may_change: false, ..empty.clone() };
    let hostile = Retention {
        shell: hostile_shell(Some(Room::Audit)),
        form: Form::blank().with("days", HOSTILE).refuse("days", "Write a whole number from 184 to 36500."),
        holds: vec![
            HoldRow { by: HOSTILE.to_owned(), ..hold(HOSTILE, HOSTILE, None) },
            hold(HOSTILE, HOSTILE, Some(HOSTILE)),
        ],
        archive: Some(ArchiveView { name: HOSTILE.to_owned(), ..archive(true) }),
        ..full.clone()
    };
    vec![
        page("retention", &full),
        page("retention-looking", &looking),
        page("retention-empty", &empty),
        page("retention-young", &young),
        page("retention-hostile", &hostile),
    ]
}

fn days() -> Vec<Sample> {
    let shorter = RetentionDays {
        shell: shell(Some(Room::Audit)),
        days: 365,
        wanted: "365 days (about a year)".to_owned(),
        now: "2\u{202f}557 days (about 7 years)".to_owned(),
        shorter: true,
        effects: vec!["It counts from 22 December 2026 on.".to_owned(), "Older entries go.".to_owned()],
    };
    let longer = RetentionDays {
        days: 3_650,
        wanted: "3\u{202f}650 days (about 10 years)".to_owned(),
        shorter: false,
        effects: vec!["It counts at once.".to_owned()],
        ..shorter.clone()
    };
    vec![page("retention-shorter", &shorter), page("retention-longer", &longer)]
}

fn holds() -> Vec<Sample> {
    let blank = HoldNew {
        shell: shell(Some(Room::Audit)),
        form: Form::blank(),
        reason_characters_min: 10,
        must_confirm: false,
    };
    let refused = HoldNew {
        form: Form::blank().with("reason", HOSTILE).refuse("until", "A hold ends after it begins."),
        ..blank.clone()
    };
    let stale = HoldNew {
        form: Form::blank().with("reason", "A court has asked.").problem("Confirm a factor first."),
        must_confirm: true,
        ..blank.clone()
    };
    let lift = HoldLift {
        shell: shell(Some(Room::Audit)),
        hold: hold("The whole log", "A dispute with a supplier.", None),
        others: 1,
        form: Form::blank(),
        reason_characters_min: 10,
        must_confirm: false,
    };
    let lift_refused = HoldLift {
        shell: hostile_shell(Some(Room::Audit)),
        hold: hold(HOSTILE, HOSTILE, None),
        others: 0,
        form: Form::blank().with("reason", HOSTILE).refuse("reason", "It takes 10 to 2000 characters."),
        must_confirm: true,
        ..lift.clone()
    };
    vec![
        page("hold-new", &blank),
        page("hold-new-refused", &refused),
        page("hold-new-stale", &stale),
        page("hold-lift", &lift),
        page("hold-lift-refused", &lift_refused),
    ]
}

fn entries() -> Vec<Sample> {
    let archived = AuditArchived {
        shell: shell(Some(Room::Audit)),
        id: Id::new("0199aa00-0000-7000-8000-0000000000e1"),
        at: Some(When::day(before(2_800 * DAY))),
        index: 17_204,
        leaf_hash: SHA256.to_owned(),
        bundle: "tile/entries/067".to_owned(),
        place: 53,
        bundle_entries: 256,
        archive: archive(true),
    };
    let hostile = AuditArchived {
        shell: hostile_shell(Some(Room::Audit)),
        archive: ArchiveView { name: HOSTILE.to_owned(), ..archive(true) },
        at: None,
        ..archived.clone()
    };
    let receipt = AuditReceipt {
        shell: shell(Some(Room::Audit)),
        entry: "0199aa00-0000-7000-8000-0000000000e1".to_owned(),
        at: stamp(DAY),
        leaf_hash: "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=".to_owned(),
        origin: "portcullis/0199aa00/log/0199aa01".to_owned(),
        receipt: format!("eyJhbGciOiJFZERTQSJ9.{}.{}", "eyJpc3MiOiJwb3J0Y3VsbGlz".repeat(8), "c2ln".repeat(21)),
        jwk: "{\n  \"kty\": \"OKP\",\n  \"crv\": \"Ed25519\",\n  \"x\": \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"\n}"
            .to_owned(),
        vkey: VKEY.to_owned(),
    };
    vec![
        page("audit-archived", &archived),
        page("audit-archived-hostile", &hostile),
        page("audit-receipt", &receipt),
    ]
}
