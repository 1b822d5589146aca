//! One's own security.

use super::people::session;
use super::{DAY, HOSTILE, HOUR, Sample, ago, ahead, flashed, hostile_shell, outside, page, paths, shell};
use crate::layout::{Flash, Room};
use crate::pages::*;
use crate::parts::{Form, Secret, Tone};

pub(super) fn all() -> Vec<Sample> {
    [overview(), forms()].into_iter().flatten().collect()
}

fn passkey(name: &str) -> PasskeyRow {
    PasskeyRow {
        id: "1".to_owned(),
        name: name.to_owned(),
        provider: "Security key".to_owned(),
        created: ago(60 * DAY),
        last_used: Some(ago(2 * HOUR)),
        credential: "c2FtcGxl".to_owned(),
    }
}

fn delegation(name: &str) -> DelegationRow {
    DelegationRow {
        agent: "1".to_owned(),
        name: name.to_owned(),
        organization: "Example Works".to_owned(),
        since: ago(HOUR),
        until: ahead(9),
    }
}

fn event(what: &str, tone: Tone, minutes: u64) -> EventRow {
    EventRow {
        tone,
        what: what.to_owned(),
        at: ago(minutes),
        device: Some("Firefox on Linux".to_owned()),
        address: Some("203.0.113.9".to_owned()),
    }
}

fn overview() -> Vec<Sample> {
    let full = Security {
        shell: flashed(Some(Room::Security), Flash::done("The passkey “Laptop” was added.")),
        advice: Vec::new(),
        passkeys: vec![passkey("Laptop"), PasskeyRow { last_used: None, ..passkey("Key in the drawer") }],
        account: "1".to_owned(),
        relying_party: "portcullis.example.com".to_owned(),
        password_changed: Some(ago(200 * DAY)),
        totp_since: Some(ago(60 * DAY)),
        recovery_codes_left: 8,
        delegations: vec![delegation("Invoice reader")],
        events: vec![
            event("Signed in", Tone::Plain, 3),
            event("3 attempts to sign in were refused", Tone::Warn, HOUR),
            EventRow { device: None, address: None, ..event("Password changed", Tone::Plain, 3 * DAY) },
        ],
    };
    let bare = Security {
        shell: shell(Some(Room::Security)),
        advice: vec![Advice {
            tone: Tone::Warn,
            title: "Add a passkey".to_owned(),
            why: "Your password alone opens everything you may do here.".to_owned(),
            button: "Add".to_owned(),
            path: "/security/passkeys/new".to_owned(),
        }],
        passkeys: Vec::new(),
        account: "1".to_owned(),
        relying_party: "portcullis.example.com".to_owned(),
        password_changed: None,
        totp_since: None,
        recovery_codes_left: 0,
        delegations: Vec::new(),
        events: Vec::new(),
    };
    let hostile = Security {
        shell: hostile_shell(Some(Room::Security)),
        passkeys: vec![PasskeyRow { provider: HOSTILE.to_owned(), ..passkey(HOSTILE) }],
        delegations: vec![DelegationRow { organization: HOSTILE.to_owned(), ..delegation(HOSTILE) }],
        events: vec![EventRow { device: Some(HOSTILE.to_owned()), ..event(HOSTILE, Tone::Warn, 1) }],
        ..full.clone()
    };
    let sessions = Sessions {
        shell: shell(Some(Room::Sessions)),
        sessions: vec![session(true, false), session(false, true), session(false, false)],
    };
    vec![
        page("security", &full),
        page("security-bare", &bare),
        page("security-hostile", &hostile),
        page("sessions", &sessions),
        page("sessions-one", &Sessions { sessions: vec![session(true, false)], ..sessions.clone() }),
    ]
}

fn forms() -> Vec<Sample> {
    let shell = || shell(Some(Room::Security));
    let password = SecurityPassword {
        shell: shell(),
        form: Form::blank(),
        has_password: true,
        password_characters_min: 12,
    };
    let refused = SecurityPassword {
        form: Form::blank()
            .refuse("current", "That is not your password.")
            .refuse("password", "Take at least 12 characters."),
        ..password.clone()
    };
    let totp = SecurityTotp {
        shell: shell(),
        form: Form::blank().refuse("code", "That code is not right. Is the clock of your phone?"),
        qr: outside::qr(),
        secret: Secret::new("JBSWY3DPEHPK3PXPJBSWY3DP"),
        replaces: true,
    };
    let codes = RecoveryCodes { shell: shell(), codes: Vec::new(), left: 3, made: Some(ago(60 * DAY)) };
    let email = SecurityEmail { shell: shell(), form: Form::blank(), pending: None };
    vec![
        page("security-password", &password),
        page("security-password-refused", &refused),
        page("security-totp", &totp),
        page("recovery-codes", &codes),
        page("recovery-codes-none", &RecoveryCodes { left: 0, ..codes.clone() }),
        page("recovery-codes-made", &RecoveryCodes { codes: outside::codes(), ..codes.clone() }),
        page("passkey-new", &PasskeyNew { shell: shell(), form: Form::blank(), passkey: paths() }),
        page(
            "passkey-rename",
            &PasskeyRename {
                shell: shell(),
                form: Form::blank().with("name", HOSTILE).refuse("name", "At most 60 characters."),
                passkey: passkey(HOSTILE),
            },
        ),
        page("security-email", &email),
        page(
            "security-email-pending",
            &SecurityEmail { pending: Some("member.new@example.com".to_owned()), ..email.clone() },
        ),
    ]
}
