//! The rules about personal data, tried and changed; what is found and kept.

use super::{DAY, HOSTILE, Sample, ago, ahead, hostile_shell, page, shell};
use crate::layout::Room;
use crate::pages::*;
use crate::parts::{Badge, Choice, Form, Tone};

const CHANNELS: [(&str, &str); 2] = [("To a model", "prompt"), ("From a model", "completion")];

pub(super) fn all() -> Vec<Sample> {
    [looked_at(), changed(), tried()].into_iter().flatten().collect()
}

fn cell(tone: Tone, words: &str, differs: bool) -> RuleCell {
    RuleCell {
        mode: Badge::new(tone, words),
        threshold: differs.then(|| "0.75".to_owned()),
        differs,
        raised: differs,
    }
}

fn rows() -> Vec<RuleRow> {
    let cells = || vec![cell(Tone::Good, "Replaced", false), cell(Tone::Accent, "Put back", true)];
    [("EMAIL", "E-mail addresses"), ("PERSON", "Names of people")]
        .map(|(class, says)| RuleRow { class, says, cells: cells() })
        .into()
}

fn amount(class: &str, kept: bool) -> AmountRow {
    AmountRow {
        class: class.to_owned(),
        channel: "To a model".to_owned(),
        amount: "12".to_owned(),
        conversations: kept.then(|| "3".to_owned()),
        until: kept.then(|| ahead(DAY)),
    }
}

fn looked_at() -> Vec<Sample> {
    let full = Privacy {
        shell: shell(Some(Room::Privacy)),
        version: "pii@3".to_owned(),
        since: Some(ago(2 * DAY)),
        floor: Some("names-stay-here/2+5f0c3a7e9b1d2c48".to_owned()),
        channels: CHANNELS.into(),
        rows: rows(),
        listed: (2, 1),
        found: vec![amount("EMAIL", false)],
        kept: vec![amount("PERSON", true)],
        deep: Form::named("deep").with("deep", "on"),
        has_model: true,
        may_change: true,
        may_try: true,
    };
    let looking = Privacy {
        version: "pii@default".to_owned(),
        since: None,
        floor: None,
        listed: (0, 0),
        found: Vec::new(),
        kept: Vec::new(),
        deep: Form::named("deep"),
        has_model: false,
        may_change: false,
        may_try: false,
        ..full.clone()
    };
    let hostile = Privacy {
        shell: hostile_shell(Some(Room::Privacy)),
        found: vec![amount(HOSTILE, false)],
        kept: vec![amount(HOSTILE, true)],
        deep: Form::named("deep").with("deep", "on").refuse("deep", HOSTILE),
        ..full.clone()
    };
    vec![page("privacy", &full), page("privacy-looking", &looking), page("privacy-hostile", &hostile)]
}

fn changed() -> Vec<Sample> {
    let edit = PrivacyEdit {
        shell: shell(Some(Room::Privacy)),
        channel: CHANNELS[0],
        form: Form::blank().with("EMAIL", "reversible"),
        fields: vec![RuleField {
            class: "EMAIL",
            threshold_name: "EMAIL_from".to_owned(),
            default: "E-mail addresses. By itself the product says: Replaced.".to_owned(),
        }],
        modes: vec![Choice::new("", "As for all ways"), Choice::new("reversible", "Put back")],
    };
    let refused = PrivacyEdit {
        form: Form::blank()
            .with("EMAIL_from", HOSTILE)
            .refuse("EMAIL_from", "A confidence is a number from 0 to 1."),
        ..edit.clone()
    };
    let shift = |class: &str| ShiftRow {
        channel: "To a model".to_owned(),
        class: class.to_owned(),
        now: "Replaced".to_owned(),
        then: "Counted".to_owned(),
        findings: 12,
    };
    let confirm = PrivacyConfirm {
        shell: shell(Some(Room::Privacy)),
        channel: CHANNELS[0],
        fields: vec![("EMAIL".to_owned(), "flag_only".to_owned())],
        verdict: "Of the 480 newest entries about calls, 12 would have changed.".to_owned(),
        shifts: vec![shift("EMAIL")],
        unknown: vec!["IP was not looked for on prompt: how often it is there is not known.".to_owned()],
    };
    let nothing = PrivacyConfirm { shifts: Vec::new(), unknown: Vec::new(), ..confirm.clone() };
    let hostile = PrivacyConfirm {
        fields: vec![("EMAIL".to_owned(), HOSTILE.to_owned())],
        shifts: vec![shift(HOSTILE)],
        ..confirm.clone()
    };
    vec![
        page("privacy-edit", &edit),
        page("privacy-edit-refused", &refused),
        page("privacy-confirm", &confirm),
        page("privacy-confirm-nothing", &nothing),
        page("privacy-confirm-hostile", &hostile),
    ]
}

fn tried() -> Vec<Sample> {
    let blank = PrivacyPlayground {
        shell: shell(Some(Room::Privacy)),
        form: Form::blank(),
        channels: CHANNELS.iter().map(|(words, name)| Choice::new(*name, *words)).collect(),
        looked: None,
        verdict: String::new(),
    };
    let plain = |text: &str| Stretched { text: text.to_owned(), found: None };
    let found = |text: &str| Stretched {
        text: text.to_owned(),
        found: Some("EMAIL, replaced, sure to 0.98".to_owned()),
    };
    let looked = PrivacyPlayground {
        form: Form::blank().with("text", "Write to ada@example.com."),
        looked: Some(vec![plain("Write to "), found("ada@example.com"), plain(".")]),
        verdict: "One finding, under pii@3.".to_owned(),
        ..blank.clone()
    };
    let hostile = PrivacyPlayground {
        form: Form::blank().with("text", HOSTILE),
        looked: Some(vec![plain(HOSTILE), found(HOSTILE)]),
        ..looked.clone()
    };
    let reveal = PrivacyReveal { shell: shell(Some(Room::Privacy)), form: Form::blank(), value: None };
    let revealed = PrivacyReveal { value: Some("ada@example.com".to_owned()), ..reveal.clone() };
    let refused = PrivacyReveal {
        form: Form::blank()
            .with("token", HOSTILE)
            .refuse("token", "Nothing is kept under this token, or not any more."),
        value: Some(HOSTILE.to_owned()),
        ..reveal.clone()
    };
    vec![
        page("privacy-playground", &blank),
        page("privacy-playground-looked", &looked),
        page("privacy-playground-hostile", &hostile),
        page("privacy-reveal", &reveal),
        page("privacy-revealed", &revealed),
        page("privacy-reveal-hostile", &refused),
    ]
}
