//! The log, break-glass, settings, mail, confirm pages.

use super::{
    DAY, HOSTILE, HOUR, Sample, ago, ahead, choices, explained, hostile_shell, page, people_roles, shell,
    stamp,
};
use crate::layout::Room;
use crate::pages::*;
use crate::parts::{Badge, Form, Id, Pager, Tone, When};

pub(super) fn all() -> Vec<Sample> {
    [heads(), break_glass(), reviews(), settings(), outbox(), confirm()].into_iter().flatten().collect()
}

pub(super) fn entry(actor: Actor, who: &str, what: &str, minutes: u64) -> AuditRow {
    AuditRow {
        id: "0199aa00-0000-7000-8000-0000000000e1".to_owned(),
        at: stamp(minutes),
        actor,
        who: who.to_owned(),
        on_behalf_of: (actor == Actor::Agent).then(|| "Member two".to_owned()),
        what: what.to_owned(),
        kind: "KEY_CREATED".to_owned(),
        outcome: match actor {
            Actor::Unknown => Badge::new(Tone::Bad, "Refused"),
            _ => Badge::new(Tone::Good, "Done"),
        },
        subject: (actor == Actor::Person).then(|| "key “Build server”".to_owned()),
        request_id: Id::new("0199aa00-0000-7000-8000-0000000000ff"),
    }
}

pub(super) fn entries() -> Vec<AuditRow> {
    vec![
        entry(Actor::Person, "Member one", "Made an API key", 2),
        entry(Actor::Agent, "Invoice reader", "Called a model", 7),
        entry(Actor::Unknown, "Somebody", "Tried an unknown API key", 12),
        entry(Actor::Service, "Server", "Signed a checkpoint", 15),
        entry(Actor::Person, "Member three", "Signed in", 31 * HOUR),
    ]
}

fn heads() -> Vec<Sample> {
    let head = |size| Head {
        size,
        at: ago(2),
        vkey: "portcullis/0199aa00/log/0199aa01+1f0a2b3c+AXf3q8pP0JmS5m3m8c5dJ0xq9c0yQ2J7Q3m5v8x1Zk0B"
            .to_owned(),
        note: String::new(),
    };
    let witness = |name: &str, tone, state: &str, seen| WitnessRow {
        name: name.to_owned(),
        vkey: format!("witness.example.org/{name}+5d6e7f80+BAf3q8pP0JmS5m3m8c5dJ0xq9c0yQ2J7Q3m5v8x1Zk0B"),
        state: Badge::new(tone, state),
        seen,
    };
    let full = Heads {
        shell: shell(Some(Room::Audit)),
        alarms: Vec::new(),
        days: "2\u{202f}557 days (about 7 years)".to_owned(),
        holds_standing: 2,
        own: Some(head(48_200)),
        instance: Some(head(1_204)),
        witnessed: true,
        witnesses: vec![
            witness("auditor", Tone::Good, "Cosigns", Some((1_204, ago(1)))),
            witness("partner", Tone::Warn, "Does not answer", None),
        ],
    };
    let empty = Heads {
        own: None,
        instance: None,
        witnessed: false,
        witnesses: Vec::new(),
        holds_standing: 0,
        ..full.clone()
    };
    let alarm = AlarmRow {
        title: HOSTILE.to_owned(),
        detail: HOSTILE.to_owned(),
        todo: "The operator looks into it.",
        since: ago(3),
    };
    let hostile = Heads {
        shell: hostile_shell(Some(Room::Audit)),
        alarms: vec![alarm],
        own: Some(Head { vkey: HOSTILE.to_owned(), ..head(1) }),
        holds_standing: 1,
        witnesses: vec![witness(HOSTILE, Tone::Bad, HOSTILE, None)],
        ..full.clone()
    };
    vec![page("heads", &full), page("heads-empty", &empty), page("heads-hostile", &hostile)]
}

fn past(reason: &str, tone: Tone, review: &str, due: Option<When>) -> PastGlass {
    PastGlass {
        id: "1".to_owned(),
        by: "Member two".to_owned(),
        reason: reason.to_owned(),
        opened: ago(3 * DAY),
        minutes: 30,
        review: Badge::new(tone, review),
        due,
    }
}

fn due() -> PastGlass {
    let reason = "The provider's key leaked; rotating it by hand.";
    past(reason, Tone::Warn, "Review due", Some(ahead(4 * DAY)))
}

fn break_glass() -> Vec<Sample> {
    let full = BreakGlass {
        shell: shell(Some(Room::BreakGlass)),
        form: Form::blank().with("minutes", "30"),
        durations: choices(&[("15", "15 minutes"), ("30", "30 minutes"), ("60", "An hour")]),
        reason_characters_min: 20,
        open: vec![OpenGlass {
            id: "1".to_owned(),
            by: "Member two".to_owned(),
            reason: "An agent sends mail in a loop and its owner cannot be reached.".to_owned(),
            opened: ago(19),
            ends: ahead(41),
            ends_at: "2026-11-22T10:41:07.000000Z".to_owned(),
            left: "41:07".to_owned(),
            may_end: true,
        }],
        past: vec![due(), past("Backup restore.", Tone::Good, "In order", None)],
        pager: Pager::default(),
        may_open: true,
        must_confirm: false,
        review_days: 7,
    };
    let empty = BreakGlass { open: Vec::new(), past: Vec::new(), may_open: false, ..full.clone() };
    let refused = BreakGlass {
        form: Form::blank().with("reason", HOSTILE).refuse("reason", "Say more: at least 20 characters."),
        past: vec![past(HOSTILE, Tone::Bad, "Not in order", None)],
        ..full.clone()
    };
    let stale = BreakGlass { must_confirm: true, form: Form::blank(), ..full.clone() };
    vec![
        page("break-glass", &full),
        page("break-glass-stale", &stale),
        page("break-glass-empty", &empty),
        page("break-glass-refused", &refused),
    ]
}

fn reviews() -> Vec<Sample> {
    let review = BreakGlassReview {
        shell: shell(Some(Room::BreakGlass)),
        glass: due(),
        open: false,
        may_end: false,
        entries: entries(),
        pager: Pager::default(),
        form: Form::blank(),
        verdicts: explained(&[
            ("in_order", "In order", "The reason holds and what was done fits it."),
            ("not_in_order", "Not in order", "Something has to follow; say what."),
        ]),
        reviewed: None,
        may_review: true,
        own: false,
    };
    let done = BreakGlassReview {
        glass: past(HOSTILE, Tone::Good, "In order", None),
        entries: Vec::new(),
        reviewed: Some(Reviewed {
            by: "Member one".to_owned(),
            at: ago(DAY),
            verdict: Badge::new(Tone::Good, "In order"),
            note: HOSTILE.to_owned(),
        }),
        ..review.clone()
    };
    let own = BreakGlassReview { own: true, ..review.clone() };
    let open = BreakGlassReview { open: true, may_end: true, ..review.clone() };
    vec![
        page("break-glass-review", &review),
        page("break-glass-reviewed", &done),
        page("break-glass-review-own", &own),
        page("break-glass-review-open", &open),
    ]
}

fn settings() -> Vec<Sample> {
    let full = Settings {
        shell: shell(Some(Room::Organization)),
        id: Id::new("0199aa00-0000-7000-8000-000000000001"),
        name: Form::named("name").with("name", "Example organization"),
        second_factor: Form::named("factor").with("role", "admin"),
        roles: people_roles(),
        sessions: Form::named("sessions").with("hours", "12"),
        session_hours_max: 168,
        may_change: true,
    };
    let refused = Settings {
        name: Form::named("name").with("name", HOSTILE).refuse("name", "At most 100 characters."),
        sessions: Form::named("sessions").with("hours", "900").refuse("hours", "At most 168 hours."),
        ..full.clone()
    };
    let looking = Settings { may_change: false, ..full.clone() };
    vec![page("settings", &full), page("settings-refused", &refused), page("settings-looking", &looking)]
}

fn outbox() -> Vec<Sample> {
    let mail = |subject: &str, tone, status: &str, error: Option<&str>| MailRow {
        id: "1".to_owned(),
        to: "member.six@example.com".to_owned(),
        subject: subject.to_owned(),
        at: ago(20),
        status: Badge::new(tone, status),
        error: error.map(str::to_owned),
    };
    let full = Outbox {
        shell: shell(Some(Room::Outbox)),
        smtp: None,
        messages: vec![
            mail("You are invited to Example organization", Tone::Warn, "Waiting", None),
            mail(HOSTILE, Tone::Bad, "Failed", Some("550 5.1.1 no such mailbox")),
        ],
        pager: Pager::default(),
    };
    let empty =
        Outbox { smtp: Some("mail.example.com:587".to_owned()), messages: Vec::new(), ..full.clone() };
    let message = OutboxMessage {
        shell: shell(Some(Room::Outbox)),
        mail: mail("You are invited to Example organization", Tone::Warn, "Waiting", None),
        text: "Hello,\n\nMember one invites you to Example organization as Member.\n\nFollow this link within 7 days:\n\nhttps://portcullis.example.com/invitation?t=sample\n\nYou do not know who this is? Do nothing.\n".to_owned(),
        link: Some("https://portcullis.example.com/invitation?t=sample".to_owned()),
    };
    let hostile = OutboxMessage {
        mail: mail(HOSTILE, Tone::Bad, "Failed", Some(HOSTILE)),
        text: HOSTILE.to_owned(),
        link: None,
        ..message.clone()
    };
    vec![
        page("outbox", &full),
        page("outbox-empty", &empty),
        page("outbox-message", &message),
        page("outbox-message-hostile", &hostile),
    ]
}

fn confirm() -> Vec<Sample> {
    let suspend = Confirm {
        shell: shell(Some(Room::Agents)),
        title: "Stop Invoice reader?".to_owned(),
        lead: "From this moment every request of this agent is refused.".to_owned(),
        effects: vec![
            "Its two API keys and one OAuth client stop working, on every replica.".to_owned(),
            "Calls that are under way are cut off.".to_owned(),
            "You can let it work again at any time.".to_owned(),
        ],
        action: "/agents/1/suspend".to_owned(),
        button: "Stop the agent".to_owned(),
        tone: Tone::Bad,
        cancel: "/agents/1".to_owned(),
    };
    let transfer = Confirm { title: HOSTILE.to_owned(), effects: Vec::new(), ..suspend.clone() };
    vec![page("confirm", &suspend), page("confirm-hostile", &transfer)]
}
