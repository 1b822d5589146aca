//! What rules that are not in force yet would have changed. Prompts are not stored, so it is told from what entries hold: how
//! much was found of each class, on which channel, with which confidence. What cannot be told from that is said.

use std::collections::BTreeMap;

use gates::{Draft, Pass, Receipt, Tx};
use kernel::limits::{TRIAL_EXAMPLES_MAX, TRIAL_ROWS_MAX};
use kernel::{EntryId, EventKind, Problem, Timestamp};
use packs::Floor;
use pii::{Channel, Class, Mode, Rulebook, Said};
use serde_json::Value;
use store::audit_search::{Sieve, older};

use super::label;
use crate::action;

action! {
    /// Tries rules on what was found lately, before they are put into force.
    TryPolicy = "policy.try", PoliciesManage, Staff, Read
}

/// How many findings of a class on a channel something else would have been done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The channel.
    pub channel: Channel,
    /// The class.
    pub class: Class,
    /// What the rules in force do.
    pub now: Mode,
    /// What the proposed ones would do.
    pub then: Mode,
    /// How many findings.
    pub findings: u64,
}

/// A request of which something would have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its entry.
    pub entry: EntryId,
    /// When it was.
    pub at: Timestamp,
    /// How many findings.
    pub findings: u64,
}

/// What a trial says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trial {
    /// How many entries were looked at.
    pub looked_at: u64,
    /// In how many of them something would have changed.
    pub changed: u64,
    /// In how many it may have: a threshold lies within the tenth that was written down.
    pub uncertain: u64,
    /// By channel and class.
    pub shifts: Vec<Shift>,
    /// The newest of what would have changed.
    pub examples: Vec<Changed>,
    /// What cannot be told, in sentences.
    pub unknown: Vec<String>,
    /// Since when; `None` when nothing was found lately.
    pub since: Option<Timestamp>,
}

/// What is done with a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Sure(Mode),
    /// Above the threshold or below it.
    Either,
}

fn done(book: &Rulebook, channel: Channel, class: Class, tenth: u8) -> Done {
    let rule = book.on(channel).rule(class);
    let (from, to) = (f32::from(tenth) / 10.0, f32::from(tenth + 1) / 10.0);
    match rule.mode {
        Mode::Off => Done::Sure(Mode::Off),
        mode if rule.threshold <= from => Done::Sure(mode),
        // What does not reach the threshold is left alone, as if it were not looked for.
        _ if rule.threshold >= to && tenth < 9 => Done::Sure(Mode::Off),
        _ => Done::Either,
    }
}

/// The findings of an entry: channel, class, tenth and how many.
fn findings(data: &Value) -> Vec<(Channel, Class, u8, u64)> {
    let mut all = Vec::new();
    for (channel, classes) in data["findings"].as_object().into_iter().flatten() {
        let Some(channel) = Channel::ALL.into_iter().find(|known| known.name() == channel) else { continue };
        for (class, tenths) in classes.as_object().into_iter().flatten() {
            let Some(class) = Class::ALL.into_iter().find(|known| known.name() == class) else { continue };
            for (tenth, count) in tenths.as_object().into_iter().flatten() {
                let tenth = tenth.strip_prefix("0.").and_then(|digit| digit.parse::<u8>().ok());
                let (Some(tenth), Some(count)) = (tenth.filter(|t| *t < 10), count.as_u64()) else {
                    continue;
                };
                all.push((channel, class, tenth, count));
            }
        }
    }
    all
}

/// One entry, as far as a trial reads it.
struct Seen {
    entry: EntryId,
    at: Timestamp,
    data: Value,
}

fn judge(now: &Rulebook, then: &Rulebook, seen: &[Seen]) -> Trial {
    let mut trial = Trial { looked_at: seen.len() as u64, ..Trial::default() };
    let mut shifts: BTreeMap<(Channel, Class), (Mode, Mode, u64)> = BTreeMap::new();
    for one in seen {
        let (mut changed, mut maybe) = (0, false);
        for (channel, class, tenth, count) in findings(&one.data) {
            match (done(now, channel, class, tenth), done(then, channel, class, tenth)) {
                (Done::Sure(before), Done::Sure(after)) if before != after => {
                    changed += count;
                    shifts.entry((channel, class)).or_insert((before, after, 0)).2 += count;
                }
                (Done::Sure(_), Done::Sure(_)) => {}
                // Left as it is by the same rule, wherever in the tenth it lies.
                _ if now.on(channel).rule(class) == then.on(channel).rule(class) => {}
                _ => maybe = true,
            }
        }
        if changed > 0 {
            trial.changed += 1;
            if trial.examples.len() < TRIAL_EXAMPLES_MAX {
                trial.examples.push(Changed { entry: one.entry, at: one.at, findings: changed });
            }
        } else if maybe {
            trial.uncertain += 1;
        }
    }
    trial.since = seen.last().map(|one| one.at);
    let shift = |((channel, class), (now, then, findings))| Shift { channel, class, now, then, findings };
    trial.shifts = shifts.into_iter().map(shift).collect();
    trial.unknown = unknown(now, then);
    trial
}

/// What no count can tell.
fn unknown(now: &Rulebook, then: &Rulebook) -> Vec<String> {
    let mut said = Vec::new();
    for channel in Channel::ALL {
        for class in Class::ALL {
            let (before, after) = (now.on(channel).rule(class), then.on(channel).rule(class));
            if before.mode == Mode::Off && after.mode != Mode::Off {
                said.push(format!(
                    "{class} was not looked for on {channel}: how often it is there is not known."
                ));
            } else if after.mode != Mode::Off && after.threshold < before.threshold {
                said.push(format!(
                    "{class} on {channel}: what lies below the threshold in force, {}, was not counted.",
                    before.threshold
                ));
            }
        }
    }
    if now.said().allow != then.said().allow || now.said().deny != then.said().deny {
        said.push("What the lists would change is not known: entries hold no text.".to_owned());
    }
    if then.said().deep && !now.said().deep {
        said.push("What deep reading would add is not known: entries hold no text.".to_owned());
    } else if now.said().deep && !then.said().deep {
        said.push(
            "What was found by deep reading alone is not known: it would not be found any more.".to_owned(),
        );
    }
    said
}

/// Tries what is said on what was found lately.
///
/// # Errors
/// When it cannot be meant, or the log cannot be read.
pub async fn attempt(mut pass: Pass<TryPolicy>, said: Said) -> Result<(Trial, Receipt), Problem> {
    match look(&mut pass, said).await {
        Ok(trial) => {
            let draft = Draft::done(EventKind::PolicyTried)
                .fact("items", trial.looked_at)
                .fact("changed", trial.changed);
            let receipt = pass.seal(draft).await?;
            Ok((trial, receipt))
        }
        Err(problem) => Err(pass.fail(Draft::failed(EventKind::PolicyTried), problem).await),
    }
}

/// The newest entries that say what was found.
async fn recent(tx: &mut Tx) -> Result<Vec<Seen>, Problem> {
    let kinds = [EventKind::LlmCallIntent, EventKind::LlmCallOutcome, EventKind::PiiRedacted];
    let kinds = Some(kinds.iter().map(|kind| kind.name().to_owned()).collect());
    let sieve = Sieve { kinds, ..Sieve::default() };
    let found = older(tx, &sieve, None, TRIAL_ROWS_MAX).await?;
    let seen = found.into_iter().filter_map(|placed| {
        let leaf: Value = serde_json::from_slice(&placed.leaf).ok()?;
        leaf["data"]["findings"].is_object().then_some(())?;
        let at = placed.id.made_at()?;
        Some(Seen { entry: placed.id, at, data: leaf["data"].clone() })
    });
    Ok(seen.collect())
}

/// How much was found of a class on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundOn {
    /// The channel.
    pub channel: Channel,
    /// The class.
    pub class: Class,
    /// How many findings.
    pub findings: u64,
}

/// What was found in the newest calls, and in texts that were cleaned, by channel and class.
pub(super) async fn found_lately(tx: &mut Tx) -> Result<Vec<FoundOn>, Problem> {
    let mut all: BTreeMap<(Channel, Class), u64> = BTreeMap::new();
    for (channel, class, _, count) in recent(tx).await?.iter().flat_map(|seen| findings(&seen.data)) {
        *all.entry((channel, class)).or_default() += count;
    }
    Ok(all.into_iter().map(|((channel, class), findings)| FoundOn { channel, class, findings }).collect())
}

async fn look(pass: &mut Pass<TryPolicy>, said: Said) -> Result<Trial, Problem> {
    let proposed = Rulebook::of("proposed", said)
        .map_err(|error| Problem::invalid(error.pointer(), error.to_string()))?;
    let now = said_now(pass.tx()).await?;
    let seen = recent(pass.tx()).await?;
    let rules = pass.vault().policy_of(&pass.principal()).await?;
    // What the policy pack in force asks for holds before and after.
    match rules.raising() {
        Some(raising) => Ok(judge(&raising.under(&now)?, &raising.under(&proposed)?, &seen)),
        None => Ok(judge(&now, &proposed, &seen)),
    }
}

/// What the organization says now.
async fn said_now(tx: &mut Tx) -> Result<Rulebook, Problem> {
    match store::policies::current(tx).await? {
        None => Ok(Rulebook::new(label(0))),
        Some(stored) => serde_json::from_value(stored.document).map_err(|error| {
            tracing::error!(%error, "a stored policy cannot be read");
            Problem::internal()
        }),
    }
}

/// What another floor under the organization's rules would have changed; `None` when there is none before nor after.
pub(crate) async fn of_floors(
    tx: &mut Tx,
    before: Option<&Floor>,
    after: Option<&Floor>,
) -> Result<Option<Trial>, Problem> {
    if before.is_none() && after.is_none() {
        return Ok(None);
    }
    let said = said_now(tx).await?;
    let under = |floor: Option<&Floor>| match floor {
        None => Ok(said.clone()),
        Some(floor) => floor.under(&said).map_err(|error| {
            tracing::error!(%error, "the rules about personal data cannot be raised");
            Problem::internal()
        }),
    };
    let (now, then) = (under(before)?, under(after)?);
    let seen = recent(tx).await?;
    Ok(Some(judge(&now, &then, &seen)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn book(wire: &Value) -> Rulebook {
        Rulebook::of("v", serde_json::from_value(wire.clone()).unwrap()).unwrap()
    }

    fn seen(findings: &Value) -> Seen {
        let entry = EntryId::first_at(Timestamp::from_unix_micros(1_700_000_000_000_000));
        Seen { entry, at: Timestamp::from_unix_micros(5), data: json!({ "findings": findings }) }
    }

    #[test]
    fn what_would_change_is_counted_by_request_channel_and_class() {
        let all = [
            seen(&json!({"prompt": {"EMAIL": {"0.9": 2}}, "completion": {"EMAIL": {"0.9": 1}}})),
            seen(&json!({"completion": {"EMAIL": {"0.9": 1}}})),
            seen(&json!({})),
        ];
        let then = book(&json!({"channels": {"prompt": {"EMAIL": {"mode": "flag_only"}}}}));
        let trial = judge(&Rulebook::default(), &then, &all);
        assert_eq!((trial.looked_at, trial.changed, trial.uncertain), (3, 1, 0));
        let (now, then) = (Mode::Strict, Mode::FlagOnly);
        let shift = Shift { channel: Channel::Prompt, class: Class::Email, now, then, findings: 2 };
        assert_eq!(trial.shifts, [shift]);
        assert_eq!(trial.examples[0].findings, 2);
        assert!(trial.unknown.is_empty(), "{:?}", trial.unknown);
    }

    #[test]
    fn thresholds_change_what_they_surely_change_and_the_rest_is_uncertain() {
        let all = [
            seen(&json!({"prompt": {"PHONE": {"0.6": 1}}})),
            seen(&json!({"prompt": {"PHONE": {"0.7": 1}}})),
            seen(&json!({"prompt": {"PHONE": {"0.9": 1}}})),
        ];
        let then = book(&json!({"classes": {"PHONE": {"mode": "strict", "threshold": 0.75}}}));
        let trial = judge(&Rulebook::default(), &then, &all);
        assert_eq!((trial.changed, trial.uncertain), (1, 1));
        assert_eq!(trial.shifts[0].then, Mode::Off);
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let now = book(&json!({"classes": {"IP": {"mode": "off"}}}));
        let then = book(
            &json!({"classes": {"EMAIL": {"mode": "strict", "threshold": 0.25}}, "allow": ["a@example.com"]}),
        );
        let trial = judge(&now, &then, &[]);
        let about = |word: &str| trial.unknown.iter().filter(|said| said.contains(word)).count();
        assert_eq!(
            (about("IP was not looked for"), about("0.5, was not counted"), about("lists")),
            (10, 10, 1)
        );
    }
}
