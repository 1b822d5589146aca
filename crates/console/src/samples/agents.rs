//! Agents and keys.

use super::people::given;
use super::{DAY, HOSTILE, Sample, ago, ahead, choices, explained, hostile_shell, page, shell};
use crate::layout::Room;
use crate::pages::*;
use crate::parts::{Badge, Choice, Form, Id, Pager, Secret, Tone};

pub(super) fn all() -> Vec<Sample> {
    [agents(), one_agent(), keys(), one_key(), created()].into_iter().flatten().collect()
}

fn statuses() -> Vec<Choice> {
    choices(&[("", "Any"), ("live", "Live"), ("suspended", "Suspended")])
}

fn agents() -> Vec<Sample> {
    let row = |name: &str, tone, status: &str| AgentRow {
        id: "0199aa00-0000-7000-8000-0000000000a1".to_owned(),
        name: name.to_owned(),
        owner: "Member one".to_owned(),
        project: "Accounting".to_owned(),
        status: Badge::new(tone, status),
        credentials: 2,
        last_used: (tone == Tone::Good).then(|| ago(4)),
    };
    let full = Agents {
        shell: shell(Some(Room::Agents)),
        form: Form::blank(),
        statuses: statuses(),
        agents: vec![
            row("Invoice reader", Tone::Good, "Active"),
            row("Support answers", Tone::Good, "Active"),
            row("Old importer", Tone::Bad, "Suspended"),
        ],
        filtered: false,
        pager: Pager::default(),
        may_manage: true,
    };
    let empty = Agents { agents: Vec::new(), ..full.clone() };
    let none = Agents { form: Form::blank().with("q", HOSTILE), filtered: true, ..empty.clone() };
    let hostile = Agents {
        shell: hostile_shell(Some(Room::Agents)),
        agents: vec![AgentRow {
            owner: HOSTILE.to_owned(),
            project: HOSTILE.to_owned(),
            ..row(HOSTILE, Tone::Warn, HOSTILE)
        }],
        pager: Pager { shown: 1, first: Some("/agents".to_owned()), next: None },
        ..full.clone()
    };
    let new = AgentNew {
        shell: shell(Some(Room::Agents)),
        form: Form::blank().with("owner", "1"),
        projects: choices(&[("1", "Accounting"), ("2", "Support")]),
        owners: choices(&[("1", "Member one"), ("2", "Member two")]),
    };
    let refused = AgentNew {
        form: Form::blank().with("name", HOSTILE).refuse("name", "An agent of this name exists."),
        ..new.clone()
    };
    vec![
        page("agents", &full),
        page("agents-empty", &empty),
        page("agents-none", &none),
        page("agents-hostile", &hostile),
        page("agent-new", &new),
        page("agent-new-refused", &refused),
    ]
}

fn key(name: &str, tone: Tone, status: &str) -> KeyRow {
    KeyRow {
        id: "1".to_owned(),
        name: name.to_owned(),
        prefix: "pk_live_7f3a".to_owned(),
        agent: "Invoice reader".to_owned(),
        role: "Editor".to_owned(),
        project: "Accounting".to_owned(),
        created: ago(30 * DAY),
        expires: (tone == Tone::Warn).then(|| ahead(3 * DAY)),
        last_used: (tone != Tone::Plain).then(|| ago(4)),
        status: Badge::new(tone, status),
        live: tone != Tone::Bad,
    }
}

fn one_agent() -> Vec<Sample> {
    let active = AgentPage {
        shell: shell(Some(Room::Agents)),
        id: Id::new("0199aa00-0000-7000-8000-0000000000a1"),
        name: "Invoice reader".to_owned(),
        purpose: "Reads invoices from the inbox and prepares bookings.".to_owned(),
        owner: "Member one".to_owned(),
        project: "Accounting".to_owned(),
        created: ago(40 * DAY),
        last_used: Some(ago(4)),
        suspended: false,
        keys: vec![
            key("Build server", Tone::Warn, "Expires soon"),
            key("Laptop", Tone::Bad, "Revoked"),
            key("Test", Tone::Plain, "Live"),
        ],
        given: Some(given("/agents/1")),
        may_manage: true,
    };
    let bare = AgentPage {
        suspended: true,
        purpose: String::new(),
        keys: Vec::new(),
        given: None,
        ..active.clone()
    };
    let hostile = AgentPage {
        shell: hostile_shell(Some(Room::Agents)),
        name: HOSTILE.to_owned(),
        purpose: HOSTILE.to_owned(),
        owner: HOSTILE.to_owned(),
        keys: vec![key(HOSTILE, Tone::Good, "Live")],
        ..active.clone()
    };
    vec![page("agent", &active), page("agent-suspended", &bare), page("agent-hostile", &hostile)]
}

fn keys() -> Vec<Sample> {
    let full = Keys {
        shell: shell(Some(Room::Keys)),
        form: Form::blank(),
        statuses: statuses(),
        keys: vec![
            key("Build server", Tone::Warn, "Expires soon"),
            key("Cluster", Tone::Good, "Live"),
            key("Laptop", Tone::Bad, "Revoked"),
            key("Test", Tone::Plain, "Live"),
        ],
        filtered: false,
        pager: Pager { shown: 4, first: Some("/keys".to_owned()), next: Some("/keys?after=4".to_owned()) },
        may_manage: true,
    };
    let empty = Keys { keys: Vec::new(), ..full.clone() };
    let none = Keys { form: Form::blank().with("q", HOSTILE), filtered: true, ..empty.clone() };
    let new = KeyNew {
        shell: shell(Some(Room::Keys)),
        form: Form::blank().with("role", "reader").with("expires_days", "90"),
        agents: choices(&[("1", "Invoice reader"), ("2", "Support answers")]),
        roles: explained(&[
            ("reader", "Reader", "Sees, changes nothing, calls nothing."),
            ("editor", "Editor", "Calls models and works with projects."),
            ("admin", "Admin", "Manages agents, keys, providers and policies."),
        ]),
        capabilities: explained(&[
            ("models:read", "models:read", "List the models that can be called."),
            ("models:invoke", "models:invoke", "Call a model."),
        ]),
        lifetimes: choices(&[("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "Never")]),
    };
    let refused = KeyNew {
        form: Form::blank()
            .with("name", HOSTILE)
            .with("capability", "models:invoke")
            .refuse("name", "Give it a name of at most 100 characters.")
            .refuse("capability", "The role Reader does not carry models:invoke."),
        ..new.clone()
    };
    let no_agents = KeyNew { agents: Vec::new(), ..new.clone() };
    vec![
        page("keys", &full),
        page("keys-empty", &empty),
        page("keys-none", &none),
        page("key-new", &new),
        page("key-new-refused", &refused),
        page("key-new-no-agents", &no_agents),
    ]
}

fn one_key() -> Vec<Sample> {
    let live = KeyPage {
        shell: shell(Some(Room::Keys)),
        id: Id::new("0199aa00-0000-7000-8000-0000000000b1"),
        key: key("Build server", Tone::Warn, "Expires soon"),
        agent: Some("0199aa00-0000-7000-8000-0000000000a1".to_owned()),
        capabilities: vec!["models:read".to_owned(), "models:invoke".to_owned()],
        given: given("/keys/1"),
        may_manage: true,
    };
    let service = KeyPage {
        key: key("Cluster", Tone::Good, "Live"),
        agent: None,
        capabilities: Vec::new(),
        given: Given { held: Vec::new(), ..given("/keys/1") },
        ..live.clone()
    };
    let revoked = KeyPage {
        key: key("Laptop", Tone::Bad, "Revoked"),
        given: Given { may_change: false, ..given("/keys/1") },
        ..live.clone()
    };
    let hostile = KeyPage {
        shell: hostile_shell(Some(Room::Keys)),
        key: KeyRow {
            prefix: HOSTILE.to_owned(),
            agent: HOSTILE.to_owned(),
            ..key(HOSTILE, Tone::Good, HOSTILE)
        },
        given: Given {
            held: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
            more: choices(&[(HOSTILE, HOSTILE)]),
            ..given("/keys/1")
        },
        ..live.clone()
    };
    vec![
        page("key", &live),
        page("key-service", &service),
        page("key-revoked", &revoked),
        page("key-hostile", &hostile),
    ]
}

fn created() -> Vec<Sample> {
    let key = KeyCreated {
        shell: shell(Some(Room::Keys)),
        kind: NewSecret::ApiKey,
        name: "Build server".to_owned(),
        secret: Secret::new("pk_sample_000000000000000000000000000000000000000000"),
        next: "/keys".to_owned(),
        server_url: "https://portcullis.example.com".to_owned(),
    };
    let client = KeyCreated {
        kind: NewSecret::Client(Id::new("0199aa00-0000-7000-8000-0000000000c1")),
        name: HOSTILE.to_owned(),
        ..key.clone()
    };
    vec![page("key-created", &key), page("client-created", &client)]
}
