//! Evidence packs.

use super::{DAY, HOSTILE, Sample, ago, choices, explained, hostile_shell, page, shell, stamp};
use crate::layout::Room;
use crate::pages::*;
use crate::parts::{Badge, Form, Id, Pager, Secret, Tone, When};

pub(super) fn all() -> Vec<Sample> {
    [lists(), new(), one(), links()].into_iter().flatten().collect()
}

fn pack(framework: &str) -> PackRow {
    PackRow {
        id: "0199aa00-0000-7000-8000-0000000000b1".to_owned(),
        framework: framework.to_owned(),
        from: When::day(super::before(90 * DAY)),
        to: When::day(super::before(DAY)),
        entries: 48_151,
        made: ago(12),
    }
}

fn control(id: &str, title: &str, tone: Tone, strength: &str, entries: u64) -> ControlRow {
    ControlRow {
        id: id.to_owned(),
        title: title.to_owned(),
        says: "Each call of a model leaves an intent before and an outcome after it.".to_owned(),
        strength: Badge::new(tone, strength),
        entries,
    }
}

fn controls() -> Vec<ControlRow> {
    vec![
        control("12(1)", "Events are recorded automatically", Tone::Good, "full", 48_151),
        control("14(4)(e)", "A person can stop the system", Tone::Warn, "partial", 3),
        control("14(5)", "Two persons confirm an identification", Tone::Bad, "none", 0),
    ]
}

fn lists() -> Vec<Sample> {
    let full = Evidence {
        shell: shell(Some(Room::Evidence)),
        packs: vec![pack("EU AI Act"), pack("SOC 2")],
        pager: Pager { shown: 2, first: None, next: Some("/evidence?after=1".to_owned()) },
        may_make: true,
    };
    let empty = Evidence { packs: Vec::new(), pager: Pager::default(), ..full.clone() };
    let hostile = Evidence {
        shell: hostile_shell(Some(Room::Evidence)),
        packs: vec![pack(HOSTILE)],
        may_make: false,
        ..full.clone()
    };
    vec![page("evidence", &full), page("evidence-empty", &empty), page("evidence-hostile", &hostile)]
}

fn new() -> Vec<Sample> {
    let form = Form::blank().with("framework", "soc2").with("from", "2026-08-24").with("to", "2026-11-22");
    let blank = EvidenceNew {
        shell: shell(Some(Room::Evidence)),
        form,
        frameworks: explained(&[
            ("eu-ai-act", "EU AI Act", "Records that providers and deployers keep."),
            ("soc2", "SOC 2", "Monitoring, access, operations and change."),
        ]),
        contents: explained(&[
            ("", "Those that speak to a control", "Of the others the hash alone."),
            ("1", "All of the period", "Whether or not they speak to a control."),
        ]),
        preview: None,
    };
    let preview = Preview { title: "SOC 2".to_owned(), entries: 48_151, controls: controls() };
    let looked = EvidenceNew { preview: Some(preview.clone()), ..blank.clone() };
    let nothing = EvidenceNew { preview: Some(Preview { entries: 0, ..preview }), ..blank.clone() };
    let refused = EvidenceNew {
        form: Form::blank().with("from", HOSTILE).refuse("to", "The period ends before it begins."),
        ..blank.clone()
    };
    vec![
        page("evidence-new", &blank),
        page("evidence-preview", &looked),
        page("evidence-preview-nothing", &nothing),
        page("evidence-refused", &refused),
    ]
}

fn one() -> Vec<Sample> {
    let full = EvidencePack {
        shell: shell(Some(Room::Evidence)),
        pack: pack("EU AI Act"),
        whole_id: Id::new("0199aa00-0000-7000-8000-0000000000b1"),
        held_back: 204,
        range: "Entries 100 to 48454 of the 60000 that the log had".to_owned(),
        manifest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        stamped: Some(stamp(12)),
        unstamped: None,
        controls: controls(),
        may_take: true,
    };
    let hostile = EvidencePack {
        shell: hostile_shell(Some(Room::Evidence)),
        pack: pack(HOSTILE),
        stamped: None,
        unstamped: Some(HOSTILE.to_owned()),
        controls: vec![control(HOSTILE, HOSTILE, Tone::Bad, HOSTILE, 1)],
        may_take: false,
        ..full.clone()
    };
    let unstamped = EvidencePack { stamped: None, ..full.clone() };
    vec![
        page("evidence-pack", &full),
        page("evidence-pack-unstamped", &unstamped),
        page("evidence-pack-hostile", &hostile),
    ]
}

fn links() -> Vec<Sample> {
    let ask = EvidenceLink {
        shell: shell(Some(Room::Evidence)),
        pack: pack("SOC 2"),
        form: Form::blank().with("seconds", "86400"),
        lifetimes: choices(&[("3600", "An hour"), ("86400", "A day")]),
        made: None,
    };
    let link = "https://portcullis.example.com/api/v1/evidence/links/AZmqAAAAcACAAAAAAAAAAAE";
    let made = EvidenceLink { made: Some((Secret::new(link), stamp(0))), ..ask.clone() };
    vec![page("evidence-link", &ask), page("evidence-link-made", &made)]
}
