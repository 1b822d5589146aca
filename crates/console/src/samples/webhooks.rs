//! Webhooks.

use super::{DAY, HOSTILE, Sample, ago, ahead, choices, hostile_shell, page, shell};
use crate::layout::Room;
use crate::pages::*;
use crate::parts::{Badge, Form, Id, Pager, Secret, Tone};

const WEBHOOK: &str = "0199aa00-0000-7000-8000-0000000000d1";
const URL: &str = "https://hooks.example.com/portcullis";

pub(super) fn all() -> Vec<Sample> {
    [list(), form(), secret(), one(), delivery()].into_iter().flatten().collect()
}

fn row(url: &str, tone: Tone, status: &str, failures: u32) -> WebhookRow {
    WebhookRow {
        id: WEBHOOK.to_owned(),
        url: url.to_owned(),
        description: "Tickets for the security team".to_owned(),
        status: Badge::new(tone, status),
        kinds: "agent.* and 3 more".to_owned(),
        last_success: Some(ago(4)),
        failures,
    }
}

fn list() -> Vec<Sample> {
    let full = Webhooks {
        shell: shell(Some(Room::Webhooks)),
        endpoints: vec![
            row(URL, Tone::Good, "Delivers", 0),
            row("https://tickets.example.com/in", Tone::Warn, "Fails", 1),
            row("https://old.example.com/events", Tone::Bad, "Off", 12),
            WebhookRow {
                last_success: None,
                description: String::new(),
                ..row("https://new.example.com/", Tone::Plain, "Waits", 0)
            },
        ],
        most: 50,
    };
    let empty = Webhooks { endpoints: Vec::new(), ..full.clone() };
    let hostile = Webhooks {
        shell: hostile_shell(Some(Room::Webhooks)),
        endpoints: vec![WebhookRow {
            description: HOSTILE.to_owned(),
            kinds: HOSTILE.to_owned(),
            ..row(HOSTILE, Tone::Warn, HOSTILE, 2)
        }],
        ..full.clone()
    };
    vec![page("webhooks", &full), page("webhooks-empty", &empty), page("webhooks-hostile", &hostile)]
}

fn form() -> Vec<Sample> {
    let new = WebhookForm {
        shell: shell(Some(Room::Webhooks)),
        form: Form::blank(),
        kinds: choices(&[("*", "Everything"), ("agent.*", "agent"), ("KEY_CREATED", "key created")]),
        existing: None,
        private: false,
        must_confirm: false,
    };
    let first = WebhookForm { must_confirm: true, ..new.clone() };
    let refused = WebhookForm {
        form: Form::blank()
            .with("url", HOSTILE)
            .with("more", HOSTILE)
            .with("kind", "agent.*")
            .refuse("url", "Begin with https://.")
            .refuse("kind", "There is no such kind of event."),
        private: true,
        must_confirm: true,
        ..new.clone()
    };
    let edit = WebhookForm {
        form: Form::blank()
            .with("url", URL)
            .with("kind", "*")
            .with("more", "agent.created")
            .with("enabled", "on"),
        existing: Some(WEBHOOK.to_owned()),
        ..new.clone()
    };
    vec![
        page("webhook-new", &new),
        page("webhook-new-confirm", &first),
        page("webhook-new-refused", &refused),
        page("webhook-edit", &edit),
    ]
}

fn secret() -> Vec<Sample> {
    let made = WebhookSecret {
        shell: shell(Some(Room::Webhooks)),
        id: WEBHOOK.to_owned(),
        url: URL.to_owned(),
        secret: Secret::new("whsec_c2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2E="),
        old_until: None,
    };
    let rotated = WebhookSecret { url: HOSTILE.to_owned(), old_until: Some(ahead(DAY)), ..made.clone() };
    vec![page("webhook-secret", &made), page("webhook-secret-rotated", &rotated)]
}

fn one() -> Vec<Sample> {
    let delivery = |kind: &str, tone, status: &str, note: &str| DeliveryRow {
        id: "0199aa00-0000-7000-8000-0000000000d2".to_owned(),
        kind: kind.to_owned(),
        made: ago(12),
        status: Badge::new(tone, status),
        note: note.to_owned(),
        attempts: 2,
    };
    let full = WebhookPage {
        shell: shell(Some(Room::Webhooks)),
        id: Id::new(WEBHOOK),
        url: URL.to_owned(),
        description: "Tickets for the security team".to_owned(),
        status: Badge::new(Tone::Good, "Delivers"),
        off: None,
        kinds: vec!["KEY_CREATED".to_owned(), "agent.*".to_owned()],
        created: ago(40 * DAY),
        last_success: Some(ago(4)),
        last_failure: Some(ago(DAY)),
        failures: 0,
        old_until: Some(ahead(DAY)),
        form: Form::blank(),
        states: choices(&[("", "Any"), ("pending", "Waits"), ("dead", "Given up")]),
        filtered: false,
        deliveries: vec![
            delivery("agent.created", Tone::Good, "Delivered", "answered 204"),
            delivery("KEY_CREATED", Tone::Warn, "Waits", "no answer in time"),
            delivery("agent.suspended", Tone::Bad, "Given up", "answered 500"),
        ],
        pager: Pager { shown: 3, first: None, next: Some(format!("/webhooks/{WEBHOOK}?after=1")) },
    };
    let fresh = WebhookPage {
        deliveries: Vec::new(),
        pager: Pager::default(),
        last_success: None,
        last_failure: None,
        old_until: None,
        ..full.clone()
    };
    let off = WebhookPage {
        off: Some("It did nothing but fail for 5 days.".to_owned()),
        status: Badge::new(Tone::Bad, "Off"),
        failures: 40,
        filtered: true,
        ..fresh.clone()
    };
    let hostile = WebhookPage {
        shell: hostile_shell(Some(Room::Webhooks)),
        url: HOSTILE.to_owned(),
        description: HOSTILE.to_owned(),
        kinds: vec![HOSTILE.to_owned()],
        off: Some(HOSTILE.to_owned()),
        deliveries: vec![delivery(HOSTILE, Tone::Bad, HOSTILE, HOSTILE)],
        ..full.clone()
    };
    vec![
        page("webhook", &full),
        page("webhook-fresh", &fresh),
        page("webhook-off", &off),
        page("webhook-hostile", &hostile),
    ]
}

fn delivery() -> Vec<Sample> {
    let attempt = |number, tone, outcome: &str, note: &str| AttemptRow {
        number,
        at: ago(number.into()),
        millis: 120,
        outcome: Badge::new(tone, outcome),
        note: note.to_owned(),
    };
    let ended = WebhookDelivery {
        shell: shell(Some(Room::Webhooks)),
        webhook: WEBHOOK.to_owned(),
        id: Id::new("0199aa00-0000-7000-8000-0000000000d2"),
        kind: "agent.created".to_owned(),
        entry: Some("0199aa00-0000-7000-8000-0000000000e1".to_owned()),
        made: ago(12),
        status: Badge::new(Tone::Good, "Delivered"),
        due: None,
        ended: Some(ago(1)),
        attempts: vec![
            attempt(2, Tone::Good, "Taken", "answered 204"),
            attempt(1, Tone::Bad, "Failed", "no answer in time"),
        ],
    };
    let waits = WebhookDelivery {
        kind: HOSTILE.to_owned(),
        entry: None,
        status: Badge::new(Tone::Warn, "Waits"),
        due: Some(ahead(5)),
        ended: None,
        attempts: Vec::new(),
        ..ended.clone()
    };
    vec![page("webhook-delivery", &ended), page("webhook-delivery-waits", &waits)]
}
