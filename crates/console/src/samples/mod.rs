//! Every page with made-up values: full, empty, refused, and with hostile text. The tests read them, and the gallery
//! is made of them.

mod agents;
mod evidence;
mod explorer;
mod outside;
mod oversight;
mod packs;
mod people;
mod privacy;
mod relations;
mod retention;
mod security;
mod webhooks;

use std::time::Duration;

use askama::Template;
use kernel::Timestamp;

use crate::layout::{Flash, Frame, Membership, Nav, Person, Room, Shell, Theme};
use crate::pages::PasskeyPaths;
use crate::parts::{Choice, Secret, When};

/// What somebody might write into any field that takes text.
pub(crate) const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} ' & a_very_long_word_without_any_place_to_break_it_at_all";

/// A rendered page and the name of its file.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) html: String,
}

pub(crate) fn all() -> Vec<Sample> {
    [
        outside::all(),
        people::all(),
        agents::all(),
        security::all(),
        oversight::all(),
        explorer::all(),
        webhooks::all(),
        evidence::all(),
        retention::all(),
        relations::all(),
        privacy::all(),
        packs::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn page(name: &'static str, page: &impl Template) -> Sample {
    Sample { name, html: page.render().unwrap() }
}

/// The present of all samples: 22 November 2026, 10:00 UTC.
fn now() -> Timestamp {
    Timestamp::from_unix_micros(1_795_341_600_000_000)
}

fn ago(minutes: u64) -> When {
    When::seen(before(minutes), now())
}

fn stamp(minutes: u64) -> When {
    When::stamp(before(minutes))
}

fn before(minutes: u64) -> Timestamp {
    let micros = i64::try_from(minutes * 60_000_000).unwrap();
    Timestamp::from_unix_micros(now().unix_micros() - micros)
}

fn ahead(minutes: u64) -> When {
    When::seen(now().plus(Duration::from_secs(minutes * 60)), now())
}

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;

fn shell(at: Option<Room>) -> Shell {
    let membership = |id: &str, name: &str, role: &str, current| Membership {
        id: id.to_owned(),
        name: name.to_owned(),
        role: role.to_owned(),
        current,
    };
    Shell {
        csrf: Secret::new("sample-token"),
        theme: Theme::Auto,
        here: "/members".to_owned(),
        person: person(),
        organization: "Example organization".to_owned(),
        memberships: vec![
            membership("0199aa00-0000-7000-8000-000000000001", "Example organization", "Owner", true),
            membership("0199aa00-0000-7000-8000-000000000002", "Second organization", "Viewer", false),
        ],
        nav: Nav::new(at, |_| true).waiting(Room::BreakGlass, 1),
        flash: None,
        banner: None,
    }
}

fn flashed(at: Option<Room>, flash: Flash) -> Shell {
    Shell { flash: Some(flash), ..shell(at) }
}

fn hostile_shell(at: Option<Room>) -> Shell {
    let person = Person { name: HOSTILE.to_owned(), email: HOSTILE.to_owned(), role: HOSTILE.to_owned() };
    let organization = HOSTILE.to_owned();
    Shell { person, organization, here: HOSTILE.to_owned(), flash: Some(Flash::warn(HOSTILE)), ..shell(at) }
}

fn person() -> Person {
    Person {
        name: "Member one".to_owned(),
        email: "member.one@example.com".to_owned(),
        role: "Admin".to_owned(),
    }
}

fn frame() -> Frame {
    Frame { csrf: Secret::new("sample-token"), ..Frame::default() }
}

fn half_in() -> Frame {
    Frame { person: Some(person()), ..frame() }
}

fn paths() -> PasskeyPaths {
    PasskeyPaths { options: "/passkey/options".to_owned(), finish: "/passkey/finish".to_owned() }
}

fn choices(list: &[(&str, &str)]) -> Vec<Choice> {
    list.iter().map(|(value, label)| Choice::new(*value, *label)).collect()
}

fn explained(list: &[(&str, &str, &str)]) -> Vec<Choice> {
    list.iter().map(|(value, label, hint)| Choice::new(*value, *label).hint(*hint)).collect()
}

fn people_roles() -> Vec<Choice> {
    explained(&[
        ("viewer", "Viewer", "Sees, changes nothing."),
        ("member", "Member", "Works with projects and calls models."),
        ("admin", "Admin", "Manages members, agents, keys and policies."),
    ])
}
