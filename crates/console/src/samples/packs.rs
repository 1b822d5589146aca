//! Signed policy packs: in force and not, opened, tried, taken in, and the keys that sign them.

use super::{DAY, HOSTILE, HOUR, Sample, ago, ahead, hostile_shell, page, shell, stamp};
use crate::layout::Room;
use crate::pages::*;
use crate::parts::{Badge, Form, Id, Tone};

const PACK: &str = "0199aa00-0000-7000-8000-0000000000f1";
const KEY: &str = "0199aa00-0000-7000-8000-0000000000f2";
const HASH: &str = "5f0c3a7e9b1d2c485f0c3a7e9b1d2c485f0c3a7e9b1d2c485f0c3a7e9b1d2c48";
const FORBIDS: &str = "Refuses what it forbids; everything else that is granted passes.";

pub(super) fn all() -> Vec<Sample> {
    [list(), new(), one(), tried(), key()].into_iter().flatten().collect()
}

fn row(title: &str, state: Badge) -> PolicyPackRow {
    PolicyPackRow {
        id: PACK.to_owned(),
        title: title.to_owned(),
        label: Some("1.2.0".to_owned()),
        mode: "forbid".to_owned(),
        policies: 3,
        sha256: Id::new(HASH),
        signer: "the security team's key".to_owned(),
        state,
        uploaded: ago(2 * HOUR),
    }
}

fn key_row(name: &str, state: Badge, gone: bool) -> PolicyKeyRow {
    PolicyKeyRow {
        id: KEY.to_owned(),
        name: name.to_owned(),
        vkey: "policy.example.com+0b2e7d4a+AfJ4zQ".to_owned(),
        state,
        trusted: (ago(3 * DAY), "Robin Owner".to_owned()),
        from: (!gone).then(|| ahead(DAY)),
        until: Some(ahead(30 * DAY)),
        revoked: gone.then(|| (ago(DAY), "Robin Owner".to_owned())),
    }
}

fn turn(number: i64, way: &'static str, pack: Option<&str>) -> TurnRow {
    TurnRow {
        number,
        way,
        pack: pack.map(|title| (PACK.to_owned(), title.to_owned())),
        at: stamp(HOUR),
        by: "Robin Owner".to_owned(),
    }
}

fn list() -> Vec<Sample> {
    let full = PolicyPacks {
        shell: shell(Some(Room::Packs)),
        in_force: Some(InForcePack {
            id: PACK.to_owned(),
            title: "office-hours 3".to_owned(),
            mode: FORBIDS,
            policies: 3,
            sha256: Id::new(HASH),
            signer: "the security team's key".to_owned(),
            signer_state: Some(Badge::new(Tone::Warn, "Key's time is over")),
            since: ago(HOUR),
            by: "Robin Owner".to_owned(),
            behind: Some("office-hours 2".to_owned()),
        }),
        lost: false,
        packs: vec![
            row("office-hours 3", Badge::new(Tone::Good, "In force")),
            PolicyPackRow {
                label: None,
                policies: 1,
                ..row("office-hours 2", Badge::new(Tone::Plain, "Was in force"))
            },
        ],
        turns: vec![turn(2, "Rolled back", None), turn(1, "Put into force", Some("office-hours 3"))],
        keys: vec![
            key_row("the security team's key", Badge::new(Tone::Good, "Trusted"), false),
            key_row("the old key", Badge::new(Tone::Bad, "Key revoked"), true),
        ],
        may_manage: true,
    };
    let empty = PolicyPacks {
        in_force: None,
        packs: Vec::new(),
        turns: Vec::new(),
        keys: Vec::new(),
        ..full.clone()
    };
    let looking = PolicyPacks { may_manage: false, ..full.clone() };
    let lost = PolicyPacks { in_force: None, lost: true, ..full.clone() };
    let hostile = PolicyPacks {
        shell: hostile_shell(Some(Room::Packs)),
        packs: vec![row(HOSTILE, Badge::new(Tone::Plain, HOSTILE))],
        turns: vec![turn(1, "Put into force", Some(HOSTILE))],
        keys: vec![key_row(HOSTILE, Badge::new(Tone::Good, "Trusted"), true)],
        ..full.clone()
    };
    vec![
        page("packs", &full),
        page("packs-empty", &empty),
        page("packs-looking", &looking),
        page("packs-lost", &lost),
        page("packs-hostile", &hostile),
    ]
}

fn new() -> Vec<Sample> {
    let first = PackNew { shell: shell(Some(Room::Packs)), form: Form::blank(), has_key: false };
    let refused = PackNew {
        form: Form::blank().with("pack", HOSTILE).refuse("pack", "It is signed with a key that was revoked."),
        has_key: true,
        ..first.clone()
    };
    vec![page("pack-new", &first), page("pack-new-refused", &refused)]
}

fn brought(text: &str) -> PackRoleRow {
    PackRoleRow {
        name: "auditor".to_owned(),
        title: text.to_owned(),
        says: "Sees the log and takes it away.".to_owned(),
        holders: "people",
        permissions: vec!["audit:read", "audit:export"],
    }
}

fn limited(text: &str) -> PartRow {
    PartRow {
        rule: "limits.1".to_owned(),
        whom: "Agent, ApiKey".to_owned(),
        says: vec!["30 calls of models a minute by one credential".to_owned(), text.to_owned()],
    }
}

fn tooled(text: &str) -> PartRow {
    PartRow {
        rule: "tools.1".to_owned(),
        whom: "whoever calls".to_owned(),
        says: vec![format!("refused: shell*, {text}"), "allowed alone: search_*".to_owned()],
    }
}

fn opened(text: &str) -> PackPage {
    PackPage {
        shell: shell(Some(Room::Packs)),
        id: PACK.to_owned(),
        title: "office-hours 3".to_owned(),
        state: Badge::new(Tone::Plain, "Not in force"),
        description: Some(text.to_owned()),
        label: Some("1.2.0".to_owned()),
        mode: FORBIDS,
        organization: "this organization alone",
        engines: Some((1, 1)),
        expires: Some(ahead(30 * DAY)),
        sha256: HASH.to_owned(),
        signer: (text.to_owned(), Some(Badge::new(Tone::Bad, "Key revoked"))),
        uploaded: ago(HOUR),
        findings: vec![PackFindingRow {
            place: "schema.cedarschema:1:1".to_owned(),
            says: text.to_owned(),
            error: false,
        }],
        policies: vec![("policies/main.cedar".to_owned(), text.to_owned())],
        tests: vec![
            PackTestRow {
                file: "tests/main.json".to_owned(),
                name: text.to_owned(),
                expected: "forbid".to_owned(),
                said: "forbid by agents-by-day".to_owned(),
                outcome: Badge::new(Tone::Good, "Passed"),
            },
            PackTestRow {
                file: "tests/main.json".to_owned(),
                name: "and keys by night".to_owned(),
                expected: "allow".to_owned(),
                said: "forbid by agents-by-day".to_owned(),
                outcome: Badge::new(Tone::Bad, "Failed"),
            },
        ],
        passed: 1,
        proofs: vec![ProofRow {
            number: 1,
            actions: vec!["keys:manage".to_owned(), "audit.export".to_owned()],
            asks: "two factors, confirmed within 300 seconds".to_owned(),
        }],
        channels: vec!["To a model", "From a model"],
        floor: vec![FloorRow {
            class: "PERSON",
            says: "Names of people",
            cells: vec![Some((Badge::new(Tone::Good, "Replaced"), Some("0.7".to_owned()))), None],
        }],
        keep_seconds: Some(600),
        roles: vec![brought(text)],
        limits: vec![limited(text)],
        tools: vec![tooled(text)],
        reach: vec![ReachRow {
            action: "models.call".to_owned(),
            need: "models:invoke".to_owned(),
            by: vec!["agents-by-day".to_owned(), "mfa.1".to_owned()],
        }],
        closes: 12,
        read_me: Some(text.to_owned()),
        tried: Some(ago(5)),
        in_force: false,
        may_manage: true,
    }
}

fn one() -> Vec<Sample> {
    let full = opened("Agents work by day.");
    let plain = PackPage {
        description: None,
        label: None,
        engines: None,
        expires: None,
        findings: vec![PackFindingRow {
            place: "pack.json:1:1".to_owned(),
            says: "it was written for engines 2 to 3, and this is engine 1".to_owned(),
            error: true,
        }],
        policies: Vec::new(),
        tests: Vec::new(),
        proofs: Vec::new(),
        floor: Vec::new(),
        keep_seconds: None,
        roles: Vec::new(),
        limits: Vec::new(),
        tools: Vec::new(),
        reach: Vec::new(),
        closes: 0,
        read_me: None,
        tried: None,
        in_force: true,
        ..full.clone()
    };
    let hostile = PackPage { shell: hostile_shell(Some(Room::Packs)), ..opened(HOSTILE) };
    vec![page("pack", &full), page("pack-plain", &plain), page("pack-hostile", &hostile)]
}

fn decision(actor: Actor, who: &str, policies: &[&str]) -> DecisionRow {
    DecisionRow {
        entry: PACK.to_owned(),
        at: stamp(HOUR),
        actor,
        who: who.to_owned(),
        action: "models.call".to_owned(),
        why: "No policy permits it".to_owned(),
        policies: policies.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn part(title: &'static str, rule: &str) -> PartTold {
    PartTold {
        title,
        before: Vec::new(),
        after: vec![rule.to_owned()],
        counted: vec!["4 recorded calls are over model_calls_per_minute.".to_owned()],
        unknown: vec!["How long requests were is not known: entries hold no sizes.".to_owned()],
    }
}

fn changes() -> Vec<RoleChangeRow> {
    vec![
        RoleChangeRow {
            name: "auditor".to_owned(),
            then: Badge::new(Tone::Warn, "Changed"),
            why: None,
            gains: vec!["audit:export".to_owned()],
            loses: Vec::new(),
            held_by: 3,
        },
        RoleChangeRow {
            name: "admin".to_owned(),
            then: Badge::new(Tone::Bad, "Cannot be made"),
            why: Some("the product has a role of this name".to_owned()),
            gains: Vec::new(),
            loses: Vec::new(),
            held_by: 0,
        },
    ]
}

fn shifted() -> FloorTold {
    FloorTold {
        looked_at: 20,
        changed: 3,
        shifts: vec![ShiftRow {
            channel: "To a model".to_owned(),
            class: "PERSON".to_owned(),
            now: "Counted".to_owned(),
            then: "Replaced".to_owned(),
            findings: 5,
        }],
        unknown: vec!["IP was not looked for on prompt.".to_owned()],
    }
}

fn tried() -> Vec<Sample> {
    let told = DryRunTold {
        at: ago(5),
        against: Some("office-hours/2+5f0c3a7e9b1d2c48".to_owned()),
        entries: 1_000,
        replayed: 412,
        unknown: 3,
        would_refuse: 120,
        would_allow: 1,
        refused: vec![
            decision(Actor::Agent, "Nightly reporter", &["agents-by-day", "no-nights"]),
            decision(Actor::Person, "Robin Owner", &[]),
        ],
        allowed: vec![decision(Actor::Service, "A program", &["old"])],
        personal: Some(shifted()),
        roles: changes(),
        parts: vec![part("Limits", "limits.1 for Agent, model_calls_per_minute 30")],
        sha256: HASH.to_owned(),
    };
    let full = PackDryRun {
        shell: shell(Some(Room::Packs)),
        id: PACK.to_owned(),
        title: "office-hours 3".to_owned(),
        told: Some(told.clone()),
        stale: None,
        may_manage: true,
        must_confirm: false,
        minutes: 60,
    };
    let quiet = DryRunTold {
        against: None,
        unknown: 0,
        would_refuse: 0,
        would_allow: 0,
        refused: Vec::new(),
        allowed: Vec::new(),
        personal: Some(FloorTold { looked_at: 0, changed: 0, shifts: Vec::new(), unknown: Vec::new() }),
        roles: Vec::new(),
        parts: Vec::new(),
        ..told.clone()
    };
    let hostile = DryRunTold {
        refused: vec![decision(Actor::Unknown, HOSTILE, &[HOSTILE])],
        parts: vec![part("Tools of models", HOSTILE)],
        ..told
    };
    let first = PackDryRun { told: None, ..full.clone() };
    let unsure = PackDryRun { must_confirm: true, told: Some(quiet), ..full.clone() };
    let stale = PackDryRun { stale: Some("It is in force already."), ..full.clone() };
    let hostile = PackDryRun {
        shell: hostile_shell(Some(Room::Packs)),
        title: HOSTILE.to_owned(),
        told: Some(hostile),
        ..full.clone()
    };
    vec![
        page("pack-dry-run", &full),
        page("pack-dry-run-first", &first),
        page("pack-dry-run-unsure", &unsure),
        page("pack-dry-run-stale", &stale),
        page("pack-dry-run-hostile", &hostile),
    ]
}

fn key() -> Vec<Sample> {
    let blank = PackKeyNew { shell: shell(Some(Room::Packs)), form: Form::blank(), must_confirm: false };
    let unsure = PackKeyNew { must_confirm: true, ..blank.clone() };
    let refused = PackKeyNew {
        form: Form::blank().with("key", HOSTILE).refuse("key", "It is no public key."),
        must_confirm: true,
        ..blank.clone()
    };
    vec![page("pack-key", &blank), page("pack-key-unsure", &unsure), page("pack-key-refused", &refused)]
}
