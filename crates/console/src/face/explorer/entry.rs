//! One entry, in words.

use app::audit::{
    Archived, BUNDLE_ENTRIES, CheckpointRecord, Entry, Names, ProveEntry, ReadCheckpoint, ReadEntries,
    Whereabouts,
};
use axum::extract::Path;
use gates::{Caller as _, Human};
use kernel::{EntryId, EventKind, Problem, Severity};
use serde_json::Value;

use super::{gate_words, graph};
use crate::face::answer::Answer;
use crate::face::retention::archive_view;
use crate::face::visit::{Visit, escaped, now};
use crate::face::words;
use crate::layout::{Room, Shell};
use crate::pages::{self, KindView, Named, Place};
use crate::parts::{Badge, Id, Tone, When};

/// Facts that other parts of the page say.
const SAID: [&str; 3] = ["acting_for", "gate", "status"];

/// `GET /audit/{id}`.
pub(in crate::face) async fn page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EntryId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let shell = visit.shell(&human, Some(Room::Audit));
    let signed = covered(&visit, &human).await;
    let mut pass = visit.enter::<ReadEntries>(human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let key = app::audit::key(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let (found, _) = app::audit::find(pass, id).await.map_err(|problem| visit.refused(&problem))?;
    let record = match found {
        Whereabouts::Here(record) => record,
        Whereabouts::Archived(gone) => return Ok(visit.settle(archived(&visit, shell, &gone))),
    };
    let entry = record.entry().ok_or_else(|| visit.refused(&Problem::internal()))?;
    let at = now(&visit.state);
    let place = record.index.map(|index| Place {
        index,
        leaf_hash: record.leaf_hash.to_string(),
        checkpoint_size: signed.as_ref().map(|signed| signed.size).filter(|size| *size > index),
        checkpoint_at: signed.as_ref().map(|signed| When::seen(signed.signed_at, at)),
    });
    let page = pages::AuditEntry {
        shell,
        entry: words::row(&entry, &|id| names.of(id).map(str::to_owned)),
        kind: kind(&entry),
        named: named(&entry, &names),
        facts: facts(&entry, &names),
        gate: gate_words(&entry),
        source: source(&entry).to_owned(),
        canonical: String::from_utf8_lossy(&record.leaf).into_owned(),
        place,
        vkey: key.map(|key| key.to_string()),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// The page of an entry that is in an archive.
fn archived(visit: &Visit, shell: Shell, gone: &Archived) -> Answer {
    Answer::page(&pages::AuditArchived {
        shell,
        id: Id::new(gone.id.to_string()),
        at: gone.id.made_at().map(When::day),
        index: gone.index,
        leaf_hash: gone.leaf_hash.to_string(),
        bundle: gone.bundle.clone(),
        place: gone.index % BUNDLE_ENTRIES + 1,
        bundle_entries: BUNDLE_ENTRIES,
        archive: archive_view(&gone.archive, now(&visit.state)),
    })
}

/// `GET /audit/{id}/proof`: that the entry stands in the log, as a file to keep (C2SP tlog-proof).
pub(in crate::face) async fn proof(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EntryId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = visit.enter::<ProveEntry>(human).await?;
    let proof = app::audit::prove(pass, &visit.state.sequencer, id).await;
    let (proof, _) = proof.map_err(|problem| visit.refused(&problem))?;
    Ok(visit.settle(Answer::file(&format!("{id}.tlog-proof"), proof.to_string())))
}

async fn covered(visit: &Visit, human: &Human) -> Option<CheckpointRecord> {
    let entered = visit.state.vault().enter::<ReadCheckpoint>(human.principal(), visit.context.clone()).await;
    let (checkpoint, _) = app::audit::checkpoint(entered.ok()?).await.ok()?;
    Some(checkpoint)
}

/// What the catalogue says of an entry's kind. What went wrong matters a little at least.
fn kind(entry: &Entry) -> Option<KindView> {
    let kind: EventKind = entry.kind.as_str().parse().ok()?;
    let wrong = matches!(entry.outcome.as_str(), "refused" | "failed");
    let severity = if wrong { kind.severity().max(Severity::Low) } else { kind.severity() };
    let tone = match severity {
        Severity::Informational | Severity::Low => Tone::Plain,
        Severity::Medium => Tone::Warn,
        Severity::High | Severity::Critical => Tone::Bad,
    };
    Some(KindView {
        name: kind.name().to_owned(),
        says: kind.says().to_owned(),
        category: (kind.category().name().to_owned(), kind.category().says().to_owned()),
        severity: Badge::new(tone, words::titled(severity.name())),
        severity_says: severity.says().to_owned(),
        data_class: kind.data_class().says().to_owned(),
        path: format!("/audit?kind={}", escaped(kind.name())),
    })
}

fn source(entry: &Entry) -> &'static str {
    match entry.source.as_str() {
        "api" => "By the API",
        "gateway" => "By the endpoint for models",
        "console" => "By the console",
        "cli" => "By the command line on the machine itself",
        "system" => "By the server itself",
        _ => "By another way",
    }
}

/// The page of a thing, for those things that have one.
fn page_of(kind: &str, id: &str) -> Option<String> {
    let room = match kind {
        "human" | "account" => "members",
        "agent" => "agents",
        "webhook" => "webhooks",
        "break_glass" => "break-glass",
        "evidence_pack" => "evidence",
        "entry" => "audit",
        _ => return None,
    };
    id.parse::<EntryId>().is_ok().then(|| format!("/{room}/{id}"))
}

/// Who did it, whom for, with which key, to what, in which project.
fn named(entry: &Entry, names: &Names) -> Vec<Named> {
    let name = |id: &str| names.of(id).map(str::to_owned);
    let mut all = Vec::new();
    let actor = entry.actor.kind.as_str();
    if let Some(id) = &entry.actor.id {
        let what = match actor {
            "human" => "Person",
            "agent" => "Agent",
            _ => "Service",
        };
        all.push(Named {
            what: what.to_owned(),
            name: name(id),
            id: Id::new(id.as_str()),
            page: page_of(actor, id),
            log: Some(format!("/audit?actor={actor}:{}", escaped(id))),
        });
    }
    if let Some(person) = entry.data.get("acting_for").and_then(Value::as_str) {
        all.push(Named {
            what: "On behalf of".to_owned(),
            name: name(person),
            id: Id::new(person),
            page: page_of("human", person),
            log: Some(format!("/audit?actor=human:{}", escaped(person))),
        });
    }
    if let Some(key) = entry.actor.key.as_ref().filter(|key| entry.actor.id.as_ref() != Some(*key)) {
        let what = if actor == "human" { "Session" } else { "Key" };
        all.push(Named {
            what: what.to_owned(),
            name: None,
            id: Id::new(key.as_str()),
            page: None,
            log: Some(format!("/audit?actor=key:{}", escaped(key))),
        });
    }
    if let Some(subject) = &entry.subject {
        all.push(Named {
            what: format!("Subject: {}", subject.kind.replace('_', " ")),
            name: name(&subject.id),
            id: Id::new(subject.id.as_str()),
            page: page_of(&subject.kind, &subject.id),
            log: Some(format!("/audit?subject={}:{}", escaped(&subject.kind), escaped(&subject.id))),
        });
    }
    if let Some(project) = &entry.project {
        let id = project.to_string();
        all.push(Named {
            what: "Project".to_owned(),
            name: None,
            log: Some(format!("/audit?project={id}")),
            id: Id::new(id),
            page: None,
        });
    }
    all
}

/// What else an entry tells, in words.
pub(super) fn facts(entry: &Entry, names: &Names) -> Vec<(String, String)> {
    let told = entry.data.iter().filter(|(name, _)| !SAID.contains(&name.as_str()));
    told.map(|(name, value)| fact(name, value, names)).collect()
}

fn fact(name: &str, value: &Value, names: &Names) -> (String, String) {
    if let (Some(short), Some(millis)) = (name.strip_suffix("_ms"), value.as_i64()) {
        return (words::titled(short), graph::duration(millis.saturating_mul(1_000)));
    }
    (words::titled(name), told(value, names))
}

/// A value, in words: names for ids that have one, lists and counts without brackets.
fn told(value: &Value, names: &Names) -> String {
    match value {
        Value::Null => "Not known".to_owned(),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), super::chart::grouped),
        Value::String(text) => names.of(text).unwrap_or(text).to_owned(),
        Value::Array(all) if all.is_empty() => "None".to_owned(),
        Value::Array(all) => all.iter().map(|one| told(one, names)).collect::<Vec<_>>().join(", "),
        Value::Object(all) if all.is_empty() => "None".to_owned(),
        Value::Object(all) => {
            let pair = |(name, value): (&String, &Value)| format!("{name} {}", told(value, names));
            all.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_told_in_words() {
        let names = Names::default().with("019a".into(), "Member one");
        for (name, value, expected) in [
            ("duration_ms", json!(312), ("Duration", "312 ms")),
            ("input_tokens", json!(14_120), ("Input tokens", "14\u{202f}120")),
            ("redactions", json!({"EMAIL": 2, "IBAN": 1}), ("Redactions", "EMAIL 2, IBAN 1")),
            ("owner", json!("019a"), ("Owner", "Member one")),
            ("streaming", json!(false), ("Streaming", "No")),
            ("models", json!([]), ("Models", "None")),
            ("error", Value::Null, ("Error", "Not known")),
        ] {
            let (name, value) = fact(name, &value, &names);
            assert_eq!((name.as_str(), value.as_str()), expected);
        }
    }

    #[test]
    fn only_what_has_a_page_is_linked() {
        let id = "019a0000-0000-7000-8000-000000000001";
        assert_eq!(page_of("agent", id), Some(format!("/agents/{id}")));
        assert_eq!(page_of("session", id), None);
        assert_eq!(page_of("agent", "../sign-out"), None);
    }
}
