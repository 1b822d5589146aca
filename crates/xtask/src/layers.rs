//! The floor plan, proved from `cargo metadata`: arrows between crates point down only.
//!
//! ```text
//! portcullis                  the binary
//! api  console  gateway       faces: they translate, they never decide
//! app                         what the house does
//! store                       all SQL of the rooms
//! gates                       owns the connection pool
//! crypto authn authz pii …    rooms: bytes in, values out
//! kernel                      words; knows nobody
//! ```
//!
//! Beside the house stand `testkit`, `benches` and `xtask`. Dependencies for tests are free.

mod plan;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};

use crate::metadata::{Metadata, Package};
use plan::{Arrow, Floor};

/// Checks the workspace and prints one line when it holds.
///
/// # Errors
/// Lists every arrow that must not exist, with what to do about it.
pub(crate) fn run(metadata: &Metadata) -> Result<()> {
    let findings = check(metadata, plan::ROOM_ARROWS);
    if findings.is_empty() {
        let members = metadata.members();
        let arrows: usize = members.values().map(|package| ours(package, metadata).count()).sum();
        println!("layers: {} crates, {arrows} arrows, all of them point down", members.len());
        return Ok(());
    }
    for finding in &findings {
        eprintln!("layers: {finding}");
    }
    bail!("{} break(s) of the floor plan (crates/xtask/src/layers/plan.rs)", findings.len());
}

/// Every break of the plan, as sentences.
fn check(metadata: &Metadata, room_arrows: &[Arrow]) -> Vec<String> {
    let members = metadata.members();
    let mut findings = Vec::new();
    for (name, package) in &members {
        let Some(floor) = plan::floor(name) else {
            findings.push(format!(
                "crate `{name}` stands on no floor: give it one in crates/xtask/src/layers/plan.rs"
            ));
            continue;
        };
        for to in ours(package, metadata) {
            if let Some(target) = plan::floor(to)
                && let Some(why) = refusal((name, floor), (to, target), room_arrows)
            {
                findings.push(why);
            }
        }
        outside(name, floor, package, &mut findings);
    }
    for arrow in room_arrows {
        let both = members.contains_key(arrow.from) && members.contains_key(arrow.to);
        let used = members.get(arrow.from).is_some_and(|p| ours(p, metadata).any(|to| to == arrow.to));
        if both && !used {
            findings.push(format!(
                "`{}` no longer depends on `{}`: remove the arrow from ROOM_ARROWS, the list may only shrink",
                arrow.from, arrow.to
            ));
        }
    }
    findings
}

/// The workspace crates this one is built with.
fn ours<'a>(package: &'a Package, metadata: &'a Metadata) -> impl Iterator<Item = &'a str> {
    package
        .dependencies
        .iter()
        .filter(|d| d.ships())
        .map(|d| d.name.as_str())
        .filter(|n| metadata.has_member(n))
}

/// Why the arrow between two crates must not exist; `None` when it may.
fn refusal(
    (from, above): (&str, Floor),
    (to, below): (&str, Floor),
    room_arrows: &[Arrow],
) -> Option<String> {
    if below == Floor::Beside {
        // Tools may use each other; nothing that ships may.
        return (above != Floor::Beside).then(|| {
            format!(
                "`{from}` depends on `{to}`, which does not ship: move it to [dev-dependencies] of `{from}`"
            )
        });
    }
    let advice = match (above, below) {
        (Floor::Beside, _) => return None,
        (Floor::Face, Floor::Store) => {
            "faces never touch the store: put the action into `app` and call it from there".to_owned()
        }
        (Floor::Face, Floor::Face) => {
            "faces do not know each other: what both need belongs into `app` or a room".to_owned()
        }
        (Floor::Gates, Floor::Store) => {
            "the store borrows a transaction from the gates, never the other way round".to_owned()
        }
        (Floor::Room, Floor::Room) => {
            if room_arrows.iter().any(|arrow| arrow.from == from && arrow.to == to) {
                return None;
            }
            "rooms stand alone: join them in `gates` or `app`, or argue the arrow in ROOM_ARROWS".to_owned()
        }
        (Floor::Kernel, _) => {
            format!("the kernel knows nobody: what it needs of `{to}` belongs into the kernel")
        }
        _ if above > below => return None,
        _ => format!("arrows point down: move what is needed of `{to}` to the floor of `{from}` or below"),
    };
    Some(format!("`{from}` ({above}) depends on `{to}` ({below}): {advice}"))
}

/// Breaks of who may know the database driver and the async stack.
fn outside(name: &str, floor: Floor, package: &Package, findings: &mut Vec<String>) {
    for dependency in package.dependencies.iter().filter(|d| d.ships()) {
        let other = dependency.name.as_str();
        if plan::is_driver(other) && !plan::may_use_driver(name, floor) {
            findings.push(format!(
                "`{name}` depends on `{other}`: only `gates`, `store` and `portcullis` know the database driver; \
                 put the query into `store` and call that"
            ));
        } else if matches!(floor, Floor::Room | Floor::Kernel) && plan::is_runtime(other) {
            findings.push(format!(
                "`{name}` ({floor}) depends on `{other}`: rooms take bytes and return values; \
                 do the waiting in a face, `app` or `gates`"
            ));
        }
    }
}
