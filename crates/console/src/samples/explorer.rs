use super::oversight::{entries, entry};
use super::{DAY, HOSTILE, HOUR, Sample, ago, before, choices, hostile_shell, page, shell, stamp};
use crate::layout::Room;
use crate::pages::{
    Actor, Audit, AuditEntry, AuditFound, AuditRequest, AuditRow, ChartBar, ChartView, Graph, GraphLane,
    GraphMark, GraphSpan, GraphStep, KindView, Named, Place, RequestStep, Sought,
};
use crate::parts::{Badge, Choice, Form, Id, Tone, When};

pub(super) fn all() -> Vec<Sample> {
    [list(), one(), request()].into_iter().flatten().collect()
}

/// Bars with a quiet night, a busy day, one attack and one slice that was not counted to its end.
fn chart() -> ChartView {
    let bar = |at: u64| {
        let day = at % 24;
        let whole = if (7..19).contains(&day) { 30 + (at * 37) % 55 } else { (at * 13) % 9 };
        let (refused, full) = (if at == 31 { 40 } else { u64::from(at.is_multiple_of(7)) * 3 }, at == 34);
        let whole = if full { 100 } else { whole };
        ChartBar {
            x: at * 10,
            fine: whole.saturating_sub(refused + 2),
            failed: u64::from(at.is_multiple_of(5)) * 3,
            refused,
            full,
            empty: whole == 0,
            from: When::stamp(before((48 - at) * 30)),
            to: When::stamp(before((47 - at) * 30)),
            entries: if full { "5\u{202f}000 or more".to_owned() } else { (whole * 50).to_string() },
            fine_count: (whole * 45).to_string(),
            refused_count: (refused * 50).to_string(),
            failed_count: "3".to_owned(),
            path: format!("/audit?range=custom&from=2026-11-22T{:02}%3A00", at / 2),
        }
    };
    ChartView {
        stopped: false,
        bars: (0..48).map(bar).collect(),
        total: "41\u{202f}207".to_owned(),
        refused: "2\u{202f}050".to_owned(),
        failed: "30".to_owned(),
        full: 1,
        slice_max: "5\u{202f}000".to_owned(),
        most: "5\u{202f}000+".to_owned(),
        begin: Some(stamp(DAY)),
        end: Some(stamp(0)),
        slice: "30 minutes".to_owned(),
    }
}

fn full() -> Audit {
    Audit {
        shell: shell(Some(Room::Audit)),
        alarms: Vec::new(),
        form: Form::blank().with("range", "24h"),
        ranges: choices(&[("24h", "Last 24 hours"), ("7d", "Last 7 days"), ("custom", "Between two times")]),
        outcomes: choices(&[("", "Any"), ("ok", "Done"), ("refused", "Refused"), ("failed", "Failed")]),
        actors: vec![
            Choice::new("", "Anybody"),
            Choice::new("human:1", "Member one").group("People"),
            Choice::new("agent:1", "Invoice reader").group("Agents"),
        ],
        kinds: vec![
            Choice::new("", "Any"),
            Choice::new("AUTH_FAILURE", "could not prove who they are")
                .group("Credentials that open nothing"),
            Choice::new("KEY_CREATED", "issued an API key").group("API keys"),
        ],
        categories: choices(&[("", "Any"), ("keys", "API keys")]),
        severities: choices(&[("", "Any"), ("low", "Low or more"), ("high", "High or more")]),
        more: false,
        sought: Vec::new(),
        range: "Last 24 hours",
        found: Some(AuditFound {
            entries: entries(),
            chart: Some(chart()),
            older: Some("/audit?before=5".to_owned()),
            ..AuditFound::default()
        }),
    }
}

fn list() -> Vec<Sample> {
    let full = full();
    let sought =
        |name, value: &str| Sought { name, value: value.to_owned(), without: "/audit?range=24h".to_owned() };
    let none = Audit {
        form: Form::blank().with("range", "24h").with("subject", HOSTILE).with("outcome", "refused"),
        more: true,
        sought: vec![sought("Outcome", "Refused"), sought("Subject", HOSTILE)],
        found: Some(AuditFound {
            longer: Some(("Last 7 days", "/audit?range=7d".to_owned())),
            ..AuditFound::default()
        }),
        ..full.clone()
    };
    let empty = Audit { found: Some(AuditFound::default()), ..full.clone() };
    let malformed = Audit {
        form: Form::blank()
            .with("range", "custom")
            .with("from", "2026-11-22T10:00")
            .with("project", "billing")
            .refuse("to", "It ends before it begins.")
            .refuse("project", "This is no id of a project."),
        more: true,
        sought: vec![sought("Project", "billing")],
        found: None,
        ..full.clone()
    };
    let slow = Audit {
        form: Form::blank().with("range", "all").problem(
            "The search was ended after 3 seconds: it reads every entry of the range. Narrow the range, or name a request.",
        ),
        range: "All of it",
        found: None,
        ..full.clone()
    };
    let uncounted = Audit {
        found: Some(AuditFound {
            entries: entries(),
            chart: Some(ChartView { stopped: true, ..ChartView::default() }),
            newer: Some("/audit?after=1".to_owned()),
            ..AuditFound::default()
        }),
        ..full.clone()
    };
    let hostile = Audit {
        shell: hostile_shell(Some(Room::Audit)),
        form: Form::blank().with("q", HOSTILE).with("actor", HOSTILE).problem(HOSTILE),
        actors: vec![Choice::new(HOSTILE, HOSTILE).group(HOSTILE)],
        sought: vec![sought("Text", HOSTILE), sought("Who", HOSTILE)],
        found: Some(AuditFound {
            entries: vec![bad()],
            request: Some(HOSTILE.to_owned()),
            ..AuditFound::default()
        }),
        ..full.clone()
    };
    vec![
        page("audit", &full),
        page("audit-empty", &empty),
        page("audit-none", &none),
        page("audit-malformed", &malformed),
        page("audit-slow", &slow),
        page("audit-uncounted", &uncounted),
        page("audit-hostile", &hostile),
    ]
}

fn bad() -> AuditRow {
    AuditRow {
        subject: Some(HOSTILE.to_owned()),
        request_id: Id::new(HOSTILE),
        ..entry(Actor::Agent, HOSTILE, HOSTILE, 4)
    }
}

fn named(what: &str, name: Option<&str>, page: Option<&str>) -> Named {
    Named {
        what: what.to_owned(),
        name: name.map(str::to_owned),
        id: Id::new("0199aa00-0000-7000-8000-000000000001"),
        page: page.map(str::to_owned),
        log: Some("/audit?actor=human:0199aa00-0000-7000-8000-000000000001".to_owned()),
    }
}

fn one() -> Vec<Sample> {
    let one = AuditEntry {
        shell: shell(Some(Room::Audit)),
        entry: entry(Actor::Person, "Member one", "issued an API key", 2),
        kind: Some(KindView {
            name: "KEY_CREATED".to_owned(),
            says: "An API key was issued.".to_owned(),
            category: ("keys".to_owned(), "API keys.".to_owned()),
            severity: Badge::new(Tone::Plain, "Low"),
            severity_says: "Worth knowing.".to_owned(),
            data_class: "Ids, numbers and the product's own words about things of the organization.".to_owned(),
            path: "/audit?kind=KEY_CREATED".to_owned(),
        }),
        named: vec![
            named("Person", Some("Member one"), Some("/members/1")),
            named("Session", None, None),
            named("Subject: key", None, None),
        ],
        facts: vec![("Role".to_owned(), "editor".to_owned()), ("Agent".to_owned(), "Invoice reader".to_owned())],
        gate: None,
        source: "By the console".to_owned(),
        canonical: r#"{"actor":{"id":"0199aa00-0000-7000-8000-000000000001","kind":"human"},"at":"2026-11-22T09:58:00.000000Z","kind":"KEY_CREATED","outcome":"done","request":"0199aa00-0000-7000-8000-0000000000ff","v":1}"#
            .to_owned(),
        place: Some(Place {
            index: 48_151,
            leaf_hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            checkpoint_size: Some(48_200),
            checkpoint_at: Some(ago(1)),
        }),
        vkey: Some("portcullis/0199aa00/log/0199aa01+1f0a2b3c+AXf3q8pP0JmS5m3m8c5dJ0xq9c0yQ2J7Q3m5v8x1Zk0B".to_owned()),
    };
    let waiting = AuditEntry {
        shell: hostile_shell(Some(Room::Audit)),
        entry: bad(),
        kind: None,
        named: vec![named(HOSTILE, Some(HOSTILE), None)],
        facts: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        gate: Some("Gate 2, token".to_owned()),
        canonical: HOSTILE.to_owned(),
        place: None,
        ..one.clone()
    };
    vec![page("audit-entry", &one), page("audit-entry-waiting", &waiting)]
}

const LANES: [(u32, &str, &str, bool); 8] = [
    (116, "Caller", "Who", false),
    (201, "Identity", "1", true),
    (287, "Token", "2", true),
    (373, "Tenancy", "3", true),
    (458, "Privacy", "4", true),
    (544, "Audit", "5", true),
    (630, "House", "In", false),
    (716, "Provider", "Out", false),
];

fn graph() -> Graph {
    let lane = |(x, name, short, gate)| GraphLane { x, name, short, gate };
    let step = |number: usize, begin, end, passed: &[u32], mark, tone, after: &str| GraphStep {
        number,
        y: 18 + 44 * u32::try_from(number).unwrap(),
        begin,
        end,
        written: 544,
        beside: mark == GraphMark::Refused,
        passed: passed.to_vec(),
        mark,
        tone,
        back: begin > end,
        after: after.to_owned(),
    };
    Graph {
        width: 760,
        height: 62 + 4 * 44,
        label: "4 entries of this request, from the caller through the five gates, one of them refused."
            .to_owned(),
        lanes: LANES.into_iter().map(lane).collect(),
        steps: vec![
            step(1, 116, 716, &[201, 287, 373, 458], GraphMark::Begun, Tone::Accent, "0.0 ms"),
            step(2, 716, 116, &[458, 373, 287, 201], GraphMark::Done, Tone::Accent, "318 ms"),
            step(3, 116, 287, &[201], GraphMark::Refused, Tone::Bad, "321 ms"),
            step(4, 116, 630, &[201, 287, 373, 458], GraphMark::Failed, Tone::Warn, "1.2 s"),
        ],
        spans: vec![GraphSpan { x: 716, top: 62, bottom: 106, words: "312 ms".to_owned() }],
    }
}

fn request() -> Vec<Sample> {
    let step = |entry: AuditRow, after: &str, gate: Option<&str>, facts: &[(&str, &str)]| RequestStep {
        entry,
        after: after.to_owned(),
        gate: gate.map(str::to_owned),
        facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let agent = |what| entry(Actor::Agent, "Invoice reader", what, 7);
    let facts =
        [("Model", "loopback"), ("Provider", "example"), ("Duration", "312 ms"), ("Input tokens", "412")];
    let full = AuditRequest {
        shell: shell(Some(Room::Audit)),
        id: Id::new("0199aa00-0000-7000-8000-0000000000ff"),
        began: Some(stamp(31 * HOUR)),
        took: "1.2 s".to_owned(),
        graph: Some(graph()),
        steps: vec![
            step(agent("is about to call a model"), "0.0 ms", None, &facts[..2]),
            step(agent("called a model"), "318 ms", None, &facts),
            step(
                entry(Actor::Unknown, "Somebody unknown", "asked for something that is not open to them", 7),
                "321 ms",
                Some("Gate 2, token"),
                &[("Needs", "keys:manage")],
            ),
            step(agent("called a model"), "1.2 s", None, &[("Error", "upstream_unreachable")]),
        ],
        more: false,
    };
    let empty = AuditRequest { began: None, graph: None, steps: Vec::new(), ..full.clone() };
    let hostile = AuditRequest {
        shell: hostile_shell(Some(Room::Audit)),
        id: Id::new(HOSTILE),
        graph: Some(Graph { label: HOSTILE.to_owned(), ..graph() }),
        steps: vec![step(bad(), "0.0 ms", Some(HOSTILE), &[(HOSTILE, HOSTILE)])],
        more: true,
        ..full.clone()
    };
    vec![
        page("audit-request", &full),
        page("audit-request-empty", &empty),
        page("audit-request-hostile", &hostile),
    ]
}
