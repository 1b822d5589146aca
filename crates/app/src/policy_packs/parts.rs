//! What a dry run says of limits and of rules about tools that come, change or go. Entries hold who called when and how much
//! was written, and no sizes, ends of keys or names of tools; what hangs on those is said to be unknown and not guessed.

use std::hash::{BuildHasher as _, RandomState};

use audit_log::ActorKind;
use audit_log::entry::EntryView;
use kernel::quota::Quota;
use kernel::{EventKind, Timestamp};
use packs::{AskerKind, Limit, Limits, Tools};
use serde_json::{Map, Value, json};

/// The kind of principal an entry names. Programs that the operator configured have no id.
fn kind_of(entry: &EntryView<'_>) -> Option<AskerKind> {
    match (entry.actor_kind, &entry.actor_id) {
        (ActorKind::Human, _) => Some(AskerKind::User),
        (ActorKind::Agent, _) => Some(AskerKind::Agent),
        (ActorKind::Service, Some(_)) => Some(AskerKind::ApiKey),
        (ActorKind::Service, None) => Some(AskerKind::Service),
        _ => None,
    }
}

/// Those of the entries that are of this kind, oldest first; `entries` are newest first.
fn of_kind<'e, 'l>(
    entries: &'e [EntryView<'l>],
    kind: EventKind,
) -> impl Iterator<Item = (AskerKind, &'e EntryView<'l>)> {
    let of_kind = entries.iter().rev().filter(move |entry| entry.kind == kind.name());
    of_kind.filter_map(|entry| Some((kind_of(entry)?, entry)))
}

/// How many of the recorded calls would have come too soon.
fn too_often(limits: &Limits, entries: &[EntryView<'_>]) -> u64 {
    let (quota, hasher) = (Quota::new(0), RandomState::new());
    let mut count = 0;
    for (kind, entry) in of_kind(entries, EventKind::LlmCallIntent) {
        let Some(bound) = limits.bound(Limit::ModelCallsPerMinute, kind) else { continue };
        // As calls are counted: a person is one credential, whatever their session.
        let (id, key) = (entry.actor_id.as_deref(), entry.actor_key.as_deref());
        let credential = if kind == AskerKind::User { id } else { key.or(id) };
        let most = u32::try_from(bound.most).unwrap_or(u32::MAX);
        let at = Timestamp::from_unix_micros(entry.at.unix_micros());
        count += u64::from(!quota.take_of(most, hasher.hash_one(credential), at).allowed);
    }
    count
}

/// How many of the recorded calls had more written than they may have.
fn too_much(limits: &Limits, entries: &[EntryView<'_>]) -> u64 {
    let over = of_kind(entries, EventKind::LlmCallOutcome).filter(|(kind, entry)| {
        let written =
            entry.data_map().ok().and_then(|data| data.get("output_tokens").and_then(Value::as_u64));
        let bound = limits.bound(Limit::ModelOutputTokens, *kind);
        bound.is_some_and(|bound| written.is_some_and(|written| written > bound.most))
    });
    over.count() as u64
}

/// The rules as people read them, each with its number.
fn numbered<R: std::fmt::Display>(part: &str, rules: &[R]) -> Vec<String> {
    rules.iter().enumerate().map(|(at, rule)| format!("{part}.{} {rule}", at + 1)).collect()
}

/// Whether a limit stands for anybody.
fn says(limits: &Limits, limit: Limit) -> bool {
    limits.rules().iter().any(|rule| rule.value(limit).is_some())
}

/// What other limits would have done; `None` when they stay as they are.
pub(super) fn limits(
    before: Option<&Limits>,
    after: Option<&Limits>,
    entries: &[EntryView<'_>],
) -> Option<Value> {
    if before == after {
        return None;
    }
    let rules = |limits: Option<&Limits>| limits.map_or_else(Vec::new, |one| numbered("limits", one.rules()));
    let (mut exceed, mut unknown) = (Map::new(), Vec::new());
    if let Some(after) = after {
        if says(after, Limit::ModelCallsPerMinute) {
            exceed.insert(Limit::ModelCallsPerMinute.name().to_owned(), too_often(after, entries).into());
        }
        if says(after, Limit::ModelOutputTokens) {
            exceed.insert(Limit::ModelOutputTokens.name().to_owned(), too_much(after, entries).into());
            unknown.push("What calls asked to be written is not known: counted is what was written.");
        }
        if says(after, Limit::ModelRequestBytes) {
            unknown.push("How long requests were is not known: entries hold no sizes.");
        }
        if says(after, Limit::KeyLifetimeDays) {
            unknown.push("Which keys would have been refused is not known: entries hold no end of a key.");
        }
    }
    Some(
        json!({ "before": rules(before), "after": rules(after), "would_exceed": exceed, "unknown": unknown }),
    )
}

/// What other rules about tools mean for recorded calls; `None` when they stay as they are.
pub(super) fn tools(
    before: Option<&Tools>,
    after: Option<&Tools>,
    entries: &[EntryView<'_>],
) -> Option<Value> {
    if before == after {
        return None;
    }
    let rules = |tools: Option<&Tools>| tools.map_or_else(Vec::new, |one| numbered("tools", one.rules()));
    let spoken_of = |kind| after.is_some_and(|tools| tools.speaks_of(kind));
    let offering = of_kind(entries, EventKind::LlmCallIntent).filter(|(kind, entry)| {
        let offered = entry.data_map().ok().and_then(|data| data.get("tools").and_then(Value::as_u64));
        spoken_of(*kind) && offered.is_some_and(|offered| offered > 0)
    });
    let calls = offering.count();
    let mut unknown = Vec::new();
    if calls > 0 {
        unknown.push("Which tools these calls offered is not known: entries hold no names of tools.");
    }
    Some(json!({
        "before": rules(before), "after": rules(after), "calls_with_tools": calls, "unknown": unknown,
    }))
}
