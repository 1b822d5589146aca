//! Every letter as it is sent, against the files in `testdata`; and what hostile names do to them: nothing.

use std::fs;
use std::path::{Path, PathBuf};

use kernel::{MemberRole, Timestamp};
use mail::{Address, Change, Circumstances, Letter, Letterhead, Link, SecondFactor, Words};
use proptest::prelude::*;

const HOUR_MICROS: i64 = 3_600_000_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_unix_micros(1_795_000_000_000_000 + hours * HOUR_MICROS)
}

fn link(path: &str) -> Link {
    Link::parse(&format!("https://portcullis.example.com/{path}")).unwrap()
}

fn head() -> Letterhead {
    Letterhead { instance: Link::parse("https://portcullis.example.com").unwrap() }
}

fn to() -> Address {
    Address::parse("someone@example.org").unwrap()
}

fn how() -> Circumstances {
    Circumstances {
        at: at(0),
        address: Some("192.0.2.7".parse().unwrap()),
        device: Some(Words::name("Firefox on Linux")),
    }
}

/// One letter of every kind, with `name` wherever something is named.
fn letters(name: &str) -> Vec<Letter> {
    let words = || Words::name(name);
    let security = || link("account/security");
    vec![
        Letter::VerifyAddress { link: link("verify?token=one-time-1&x=2"), until: at(24), how: how() },
        Letter::AccountExists { sign_in: link("sign-in"), reset: link("reset"), how: how() },
        Letter::ResetPassword { link: link("reset?token=one-time-2"), until: at(1), how: how() },
        Letter::PasswordChanged {
            how: how(),
            reset: link("reset"),
            passkeys: vec![words(), Words::name("Key in the drawer")],
            security: security(),
        },
        Letter::AddressChangeRequested {
            account: Address::parse("another@example.net").unwrap(),
            link: link("verify?token=one-time-3"),
            until: at(24),
            how: how(),
        },
        Letter::AddressChanged {
            new: Address::parse("another@example.net").unwrap(),
            how: how(),
            help: link("account/undo?token=one-time-4"),
        },
        Letter::SignedInFromNewDevice { how: how(), security: security() },
        Letter::SecondFactorAdded { factor: SecondFactor::Totp, how: how(), security: security() },
        Letter::SecondFactorRemoved { factor: SecondFactor::SecurityKey, how: how(), security: security() },
        Letter::RecoveryCodesUsed { left: 3, how: how(), security: security() },
        Letter::RecoveryCodesRegenerated { how: how(), security: security() },
        Letter::PasskeyAdded { name: words(), how: how(), security: security() },
        Letter::PasskeyRemoved { name: words(), how: how(), security: security() },
        Letter::FactorsReset { at: at(0), sign_in: link("sign-in"), reset: link("reset") },
        Letter::RefreshTokenReuse { client: words(), how: how(), security: security() },
        Letter::Invitation {
            organization: words(),
            role: MemberRole::Member,
            by: words(),
            link: link("invitations/accept?token=one-time-5"),
            until: at(168),
        },
        Letter::BreakGlassOpened {
            organization: words(),
            by: words(),
            reason: Words::reason(name),
            until: at(1),
            how: how(),
            review: link("audit/break-glass"),
        },
        Letter::BreakGlassReviewDue {
            organization: words(),
            by: words(),
            reason: Words::reason(name),
            opened: at(0),
            due: at(168),
            review: link("audit/break-glass"),
        },
        Letter::OwnershipTransferred {
            organization: words(),
            before: words(),
            now: words(),
            how: how(),
            members: link("members"),
        },
        Letter::MembershipChanged {
            organization: words(),
            change: Change::Role { before: MemberRole::Viewer, now: MemberRole::Admin },
            by: words(),
            at: at(0),
            instance: link(""),
        },
    ]
}

/// The other three forms of a changed membership, and circumstances of which nothing is known.
fn variants() -> Vec<(&'static str, Letter)> {
    let changed = |change| Letter::MembershipChanged {
        organization: Words::name("Example Organization"),
        change,
        by: Words::name("The administrator"),
        at: at(0),
        instance: link(""),
    };
    let unknown = Circumstances { at: at(0), address: None, device: None };
    vec![
        (
            "password_changed.no_passkeys",
            Letter::PasswordChanged {
                how: how(),
                reset: link("reset"),
                passkeys: Vec::new(),
                security: link("account/security"),
            },
        ),
        ("membership_changed.suspended", changed(Change::Suspended)),
        ("membership_changed.restored", changed(Change::Restored)),
        ("membership_changed.removed", changed(Change::Removed)),
        (
            "signed_in_from_new_device.unknown",
            Letter::SignedInFromNewDevice { how: unknown, security: link("account/security") },
        ),
    ]
}

#[test]
fn every_letter_is_as_it_was() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let written = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("letters");
    let _ = fs::remove_dir_all(&written);
    fs::create_dir_all(&written).unwrap();
    let named = letters("Example & Sons").into_iter().map(|letter| (letter.kind(), letter));
    let mut different = Vec::new();
    let mut count = 0;
    for (name, letter) in named.chain(variants()) {
        let message = letter.write(&head(), &to()).unwrap();
        let text = format!("Subject: {}\n\n{}", message.subject(), message.text());
        for (file, now) in [(format!("{name}.txt"), text.as_str()), (format!("{name}.html"), message.html())]
        {
            count += 1;
            fs::write(written.join(&file), now).unwrap();
            if fs::read_to_string(committed.join(&file)).ok().as_deref() != Some(now) {
                different.push(file);
            }
        }
    }
    let files = fs::read_dir(&committed).map_or(0, Iterator::count);
    assert!(
        different.is_empty() && files == count,
        "{} letters are not what testdata says ({files} files for {count}): {different:?}\n\
         Read what changed, and if it is right: rm -f {committed}/* && cp {written}/* {committed}/",
        different.len(),
        committed = committed.display(),
        written = written.display(),
    );
}

#[test]
fn every_kind_is_there_once_and_text_and_html_agree() {
    let all = letters("Example & Sons");
    let kinds: std::collections::BTreeSet<_> = all.iter().map(Letter::kind).collect();
    assert_eq!(kinds.len(), all.len());
    for letter in &all {
        let message = letter.write(&head(), &to()).unwrap();
        let html = unescaped(message.html());
        for line in message.text().split("\n\n").map(|part| part.replace('\n', " ")) {
            if line.starts_with("-- ") || line.contains("https://") || line.contains("  ") {
                continue;
            }
            assert!(html.contains(line.trim()), "{}: the HTML does not say: {line}", letter.kind());
        }
        assert!(!message.html().contains("<img") && !message.html().contains("<table"), "{}", letter.kind());
        assert!(message.text().lines().all(|line| line.chars().count() <= 110), "{}", letter.kind());
        let lasts = message.until().is_some();
        assert_eq!(lasts, message.text().contains("The link works once, until"), "{}", letter.kind());
    }
}

/// The text of the HTML, as far as these tests need it.
fn unescaped(html: &str) -> String {
    let html = html.replace("&#38;", "&").replace("&#39;", "'").replace("&#34;", "\"");
    html.replace("&amp;", "&").replace("&#60;", "<").replace("&#62;", ">")
}

#[test]
fn hostile_names_stay_words() {
    for name in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "a\r\nBcc: everybody@example.com\r\n\r\nAnother body",
        "visit https://evil.example/now and www.evil.example",
        "{{ 7*7*7*7 }}{% for %}",
        "\u{202e}txt.exe",
    ] {
        for letter in letters(name) {
            let message = letter.write(&head(), &to()).unwrap();
            let what = format!("{}: {name}", letter.kind());
            assert!(!message.html().contains("<script") && !message.html().contains("<img"), "{what}");
            assert!(!message.subject().contains(['\r', '\n']), "{what}");
            assert!(!message.text().contains("\nBcc:") && !message.text().contains('\r'), "{what}");
            for shown in [message.html(), message.text(), message.subject()] {
                assert!(!shown.contains("https://evil") && !shown.contains("www.evil"), "{what}");
                assert!(!shown.contains('\u{202e}'), "{what}");
            }
            assert!(!message.html().contains("2401"), "{what}");
        }
    }
}

proptest! {
    #[test]
    fn no_name_breaks_a_letter(name in "\\PC{0,600}|.{0,80}|[<>&\"'=/ a]{0,200}") {
        for letter in letters(&name) {
            let message = letter.write(&head(), &to()).unwrap();
            let tags = message.html().matches('<').count();
            let plain = letters("x").into_iter().find(|other| other.kind() == letter.kind()).unwrap();
            let plain = plain.write(&head(), &to()).unwrap();
            prop_assert_eq!(tags, plain.html().matches('<').count());
            let read = mail::Message::from_bytes(to(), &message.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(read, message);
        }
    }
}
