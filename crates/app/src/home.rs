//! What a person sees first: what needs them, how the gates stand, what happened lately. One pass reads it all, so that one
//! look is one entry.

use std::sync::Arc;
use std::time::Duration;

use gates::{Action, Draft, Pass, Principal, Read, Receipt, Vault};
use kernel::limits::KEY_EXPIRES_SOON_SECONDS;
use kernel::{EventKind, Permission, Problem, Timestamp};
use pii::{Channel, Class, Mode, Rulebook};
pub use store::audit::{REFUSALS_ROWS_MAX, Refusals, Standing};
pub use store::keys::Key;

use crate::audit::personal::records;
use crate::audit::{EntryRecord, Names, ReadEntries, names};
use crate::break_glass::{Override, Stage, waiting_for};

/// Keys that are named as about to expire, at most.
const EXPIRING_ROWS_MAX: i64 = 20;
/// How far back refusals are counted, in seconds (one day).
const REFUSALS_SECONDS: u64 = 24 * 3_600;
/// Age at which an entry should have had its place in the log long ago, in seconds.
pub const PLACED_SECONDS_MAX: u64 = 30;

/// How gate five stands, by what the log itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHealth {
    /// Its tree and its newest checkpoint; `None` before the first entry is placed.
    pub standing: Option<Standing>,
    /// Entries older than [`PLACED_SECONDS_MAX`] still wait for their place.
    pub behind: bool,
    /// Alarms about the log that nobody has settled.
    pub alarms: usize,
    /// What was refused within the last day.
    pub refusals: Refusals,
}

/// How gate four stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyHealth {
    /// The version of the policy in force.
    pub version: String,
    /// Classes whose findings are replaced on every channel.
    pub strict: usize,
    /// Classes whose findings are only counted on some channel, and looked for on all.
    pub flagged: usize,
    /// Classes that could be looked for and are not, on some channel at least.
    pub off: usize,
    /// Classes with which less is done on some channel than the product does by itself.
    pub loosened: usize,
}

/// The PII policy in force for this caller's organization, as far as it says how the gate stands.
///
/// # Errors
/// When it cannot be read.
pub async fn policy(vault: &Vault, caller: &Principal) -> Result<PolicyHealth, Problem> {
    let rules = vault.policy_of(caller).await?;
    Ok(health(rules.book()))
}

fn health(book: &Rulebook) -> PolicyHealth {
    let default = Rulebook::default();
    // A class stands where the least is done with it: one open channel lets out what nine keep.
    let least = |class: Class| Channel::ALL.iter().map(|channel| rank(book.on(*channel).mode(class))).min();
    let count = |wanted: u8| Class::ALL.iter().filter(|class| least(**class) == Some(wanted)).count();
    let looser = |class: &&Class| {
        let done = |book: &Rulebook, channel| rank(book.on(channel).mode(**class));
        Channel::ALL.iter().any(|channel| done(book, *channel) < done(&default, *channel))
    };
    PolicyHealth {
        version: book.version().to_owned(),
        strict: count(rank(Mode::Strict)),
        flagged: count(rank(Mode::FlagOnly)),
        off: count(rank(Mode::Off)),
        loosened: Class::ALL.iter().filter(looser).count(),
    }
}

/// How much is done with what is found. What is replaced does not go out, whether or not it can be put back.
const fn rank(mode: Mode) -> u8 {
    match mode {
        Mode::Strict | Mode::Reversible => 2,
        Mode::FlagOnly => 1,
        Mode::Off => 0,
    }
}

/// What is there for somebody who may read the log.
pub struct Inside {
    /// What people and agents are called.
    pub names: Names,
    /// What happened last.
    pub entries: Vec<EntryRecord>,
    /// How the log stands.
    pub log: LogHealth,
    /// Overrides that wait for this person's review.
    pub reviews: Vec<(Override, Stage)>,
    /// Keys that stop working soon and have no successor, for those who may do something about it.
    pub keys: Vec<Key>,
}

async fn log_health<A: Action<Mode = Read>>(
    pass: &mut Pass<A>,
    now: Timestamp,
) -> Result<LogHealth, Problem> {
    let ago = |seconds| now.minus(Duration::from_secs(seconds));
    let standing = store::audit::standing(pass.tx()).await?;
    let behind = !store::audit::is_placed_before(pass.tx(), ago(PLACED_SECONDS_MAX)).await?;
    let refusals = store::audit::refusals(pass.tx(), ago(REFUSALS_SECONDS)).await?;
    let alarms = crate::audit::alarms(pass).await?.len();
    Ok(LogHealth { standing, behind, alarms, refusals })
}

/// Looks around, with the newest `rows` entries of the log.
///
/// # Errors
/// When the database cannot be used, or the look cannot be put on record: then nothing is shown.
pub async fn look(mut pass: Pass<ReadEntries>, rows: i64) -> Result<(Inside, Receipt), Problem> {
    let now = pass.vault().clock().now();
    let caller = pass.principal();
    let has = |permission| caller.capabilities().has(permission);
    let names = names(&mut pass).await?;
    let found =
        store::audit_search::older(pass.tx(), &store::audit_search::Sieve::default(), None, rows).await?;
    let log = log_health(&mut pass, now).await?;
    let reviews = match caller.account().filter(|_| has(Permission::OrganizationManage)) {
        Some(me) => waiting_for(&mut pass, me).await?,
        None => Vec::new(),
    };
    let keys = if has(Permission::KeysManage) {
        let until = now.plus(Duration::from_secs(KEY_EXPIRES_SOON_SECONDS));
        store::keys::expiring(pass.tx(), now, until, EXPIRING_ROWS_MAX).await?
    } else {
        Vec::new()
    };
    let vault = Arc::clone(pass.vault());
    let entries = records(&vault, pass.tx(), found).await?;
    let draft = Draft::done(EventKind::AuditRead)
        .fact("items", entries.len() as u64)
        .fact("reviews", reviews.len() as u64)
        .fact("keys", keys.len() as u64);
    let receipt = pass.seal(draft).await?;
    Ok((Inside { names, entries, log, reviews, keys }, receipt))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(wire: &str) -> PolicyHealth {
        health(&serde_json::from_str(wire).unwrap())
    }

    #[test]
    fn the_default_is_not_loosened_and_one_open_channel_is() {
        let default = health(&Rulebook::default());
        assert_eq!((default.strict, default.flagged, default.off, default.loosened), (6, 5, 0, 0));
        let one = stands(
            r#"{"version":"v","channels":{"export":{"EMAIL":{"mode":"off"},"IP":{"mode":"flag_only"}}}}"#,
        );
        assert_eq!((one.strict, one.flagged, one.off, one.loosened), (4, 6, 1, 2));
        let kept =
            stands(r#"{"version":"v","classes":{"EMAIL":{"mode":"reversible"},"PERSON":{"mode":"strict"}}}"#);
        assert_eq!((kept.strict, kept.loosened), (7, 0), "what can be put back does not go out either");
    }
}
