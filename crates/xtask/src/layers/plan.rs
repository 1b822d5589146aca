//! Who stands on which floor. A new crate is given its place here.

use std::fmt;

/// The floors; an upper floor compares greater than a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Floor {
    /// Not part of the server: tests, benchmarks and this tool.
    Beside,
    /// Words everybody uses.
    Kernel,
    /// One subject each, without a database and without waiting.
    Room,
    /// The five gates; owns the pool.
    Gates,
    /// The SQL of the rooms.
    Store,
    /// What the house does.
    App,
    /// What people and programs talk to.
    Face,
    /// The binary.
    Binary,
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Beside => "beside the house",
            Self::Kernel => "kernel",
            Self::Room => "a room",
            Self::Gates => "gates",
            Self::Store => "store",
            Self::App => "app",
            Self::Face => "a face",
            Self::Binary => "the binary",
        })
    }
}

/// Every crate and its floor. A name may stand here before its crate exists.
const FLOORS: &[(Floor, &[&str])] = &[
    (Floor::Binary, &["portcullis"]),
    (Floor::Face, &["api", "console", "fga", "gateway"]),
    (Floor::App, &["app"]),
    (Floor::Store, &["store"]),
    (Floor::Gates, &["gates"]),
    (
        Floor::Room,
        &[
            "audit-log",
            "authn",
            "authz",
            "crypto",
            "deep",
            "evidence",
            "forge",
            "llm",
            "mail",
            "packs",
            "pii",
            "retrieval",
            "sandbox",
        ],
    ),
    (Floor::Kernel, &["kernel"]),
    (Floor::Beside, &["benches", "testkit", "xtask"]),
];

/// An arrow between two rooms that was argued for.
#[derive(Debug)]
pub(crate) struct Arrow {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// Why the two rooms cannot be joined further up; for the reader of the plan.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "read by people, and by the test that it is not empty")
    )]
    pub(crate) why: &'static str,
}

/// The arrows between rooms. The list may only shrink: an arrow that is no longer there is a finding.
pub(crate) const ROOM_ARROWS: &[Arrow] = &[
    Arrow {
        from: "evidence",
        to: "audit-log",
        why: "a pack is a part of a log: its tiles, proofs, checkpoint and signature, made and verified without a database",
    },
    Arrow {
        from: "packs",
        to: "audit-log",
        why: "one canonical JSON and one detached signature: what signs an evidence pack signs a policy pack",
    },
    Arrow { from: "packs", to: "pii", why: "a pack raises rules about personal data, in their own form" },
];

/// Crates that may name the database driver.
const DRIVER_USERS: &[&str] = &["gates", "portcullis", "store"];

/// The database driver: the package and its parts, for example `sqlx-postgres`.
const DRIVERS: &[&str] = &["sqlx"];

/// The async runtime and the HTTP stack: packages and their parts, for example `tokio-util`.
const RUNTIMES: &[&str] = &["axum", "hyper", "sqlx", "tokio"];

/// The floor of a crate, if it has one.
pub(crate) fn floor(name: &str) -> Option<Floor> {
    FLOORS.iter().find(|(_, names)| names.contains(&name)).map(|(floor, _)| *floor)
}

/// Whether the package is the database driver or a part of it.
pub(crate) fn is_driver(package: &str) -> bool {
    family(package, DRIVERS)
}

/// Whether the package is the async runtime, the HTTP stack, or a part of them.
pub(crate) fn is_runtime(package: &str) -> bool {
    family(package, RUNTIMES)
}

/// Whether the crate may name the database driver. Tools may: they do not ship.
pub(crate) fn may_use_driver(name: &str, floor: Floor) -> bool {
    floor == Floor::Beside || DRIVER_USERS.contains(&name)
}

fn family(package: &str, heads: &[&str]) -> bool {
    heads.iter().any(|head| {
        package.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_floor_and_every_arrow_a_reason() {
        let mut names: Vec<&str> = FLOORS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for arrow in ROOM_ARROWS {
            assert!(!arrow.why.is_empty(), "{} -> {}", arrow.from, arrow.to);
        }
    }

    #[test]
    fn a_family_is_the_head_and_its_parts_only() {
        assert!(is_driver("sqlx") && is_driver("sqlx-postgres") && is_driver("sqlx_core"));
        assert!(!is_driver("sqlxyz"));
        assert!(is_runtime("tokio-util") && is_runtime("hyper-rustls") && is_runtime("axum"));
        assert!(!is_runtime("hyperx") && !is_runtime("http"));
    }
}
