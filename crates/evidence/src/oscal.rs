//! Assessment results in OSCAL 1.2.1, as GRC tools read them.
//!
//! Every id follows from the head of the log, so that the same pack gives the same bytes. A status can only say satisfied
//! or not; a log proves neither for most controls, so each finding also says in a property how far it speaks.

use serde_json::{Value, json};

use crate::controls::{Control, ControlMap, Strength};
use crate::digest::uuid5;
use crate::pack::{Description, EVENTS_JSONL, NOT_PROVEN};
use crate::survey::Summary;

/// The version of OSCAL that this is.
const OSCAL_VERSION: &str = "1.2.1";
/// The namespace of our properties.
const NS: &str = "https://portcullis.example/ns/oscal";
/// Longest list of examples of one observation.
const EXAMPLES_MAX: usize = 6;

/// The document.
pub(crate) fn results(what: &Description, summary: &Summary) -> Value {
    let seed = what.seed();
    let id = |part: &str| uuid5(&format!("{seed}\n{part}")).to_string();
    let at = what.created_at.to_string();
    let counts = summary.counts();
    let mut observations = Vec::new();
    let mut findings = Vec::new();
    for control in &what.framework.controls {
        let entries = control.events.count(&counts);
        observations.push(observation(what, summary, control, entries, &id));
        findings.push(finding(control, entries, &id));
    }
    let controls: Vec<Value> =
        what.framework.controls.iter().map(|control| json!({ "control-id": token(&control.id) })).collect();
    json!({ "assessment-results": {
        "uuid": id("document"),
        "metadata": {
            "title": format!("What the log shows: {}", what.framework.title),
            "last-modified": at,
            "version": ControlMap::sha256(),
            "oscal-version": OSCAL_VERSION,
            "parties": [{
                "uuid": uuid5(&format!("organization {}", what.organization)).to_string(),
                "type": "organization",
                "name": what.organization_name,
                "external-ids": [{ "scheme": NS, "id": what.organization.to_string() }],
            }],
        },
        "import-ap": { "href": format!("#{}", id("plan")) },
        "results": [{
            "uuid": id("result"),
            "title": what.framework.title,
            "description": format!(
                "Entries {} to {} of the log {}, made between {} and {}; {} of them are in the pack. {}",
                what.first, what.end.saturating_sub(1), what.signed.checkpoint.origin(), what.from, what.to,
                summary.included, what.map.note,
            ),
            "start": what.from.to_string(),
            "end": what.to.to_string(),
            "reviewed-controls": { "control-selections": [{ "include-controls": controls }] },
            "observations": observations,
            "findings": findings,
        }],
        "back-matter": { "resources": [
            {
                "uuid": id("plan"),
                "title": "No assessment plan",
                "description": "These results were drawn from a log, not from an assessment plan.",
            },
            {
                "uuid": id("events"),
                "title": "The entries",
                "description": "Each line is an entry of the log; the pack's tiles prove its place.",
                "rlinks": [{ "href": EVENTS_JSONL }],
            },
            { "uuid": id("not-proven"), "title": "What is not proven", "description": NOT_PROVEN.join(" ") },
        ] },
    } })
}

fn observation(
    what: &Description,
    summary: &Summary,
    control: &Control,
    entries: u64,
    id: &dyn Fn(&str) -> String,
) -> Value {
    let shown = summary.kinds.iter().filter(|(kind, _)| control.events.has(kind));
    let examples = shown.flat_map(|(kind, of)| {
        let one = json!({ "name": "example", "ns": NS, "class": kind, "value": of.first.id });
        let last = json!({ "name": "example", "ns": NS, "class": kind, "value": of.last.id });
        if of.first == of.last { vec![one] } else { vec![one, last] }
    });
    let mut props: Vec<Value> = vec![json!({ "name": "entries", "ns": NS, "value": entries.to_string() })];
    props.extend(examples.take(EXAMPLES_MAX));
    json!({
        "uuid": id(&format!("observation {}", control.id)),
        "title": control.title,
        "description": format!("{entries} entries speak to it. {}", control.says),
        "props": props,
        "methods": ["EXAMINE"],
        "collected": what.created_at.to_string(),
        "relevant-evidence": [{
            "href": format!("#{}", id("events")),
            "description": "Entries of the log, proven by its tiles and its signed checkpoint.",
        }],
    })
}

fn finding(control: &Control, entries: u64, id: &dyn Fn(&str) -> String) -> Value {
    let satisfied = control.strength == Strength::Full && entries > 0;
    let remarks = match (control.strength, entries) {
        (_, 0) => {
            "No entry of the period speaks to it. That is no proof that nothing happened outside the product."
        }
        (Strength::Full, _) => "The entries show it for what passed the product.",
        (Strength::Partial, _) => {
            "The entries show a part of it. The status says only that a log alone does not satisfy it."
        }
        (Strength::None, _) => "A log of this product does not show it.",
    };
    json!({
        "uuid": id(&format!("finding {}", control.id)),
        "title": format!("{} {}", control.id, control.title),
        "description": control.says,
        "props": [{ "name": "evidence-strength", "ns": NS, "value": control.strength.name() }],
        "target": {
            "type": "objective-id",
            "target-id": token(&control.id),
            "status": {
                "state": if satisfied { "satisfied" } else { "not-satisfied" },
                "reason": if satisfied { "pass" } else { "other" },
                "remarks": remarks,
            },
        },
        "related-observations": [{ "observation-uuid": id(&format!("observation {}", control.id)) }],
    })
}

/// The id as OSCAL spells one: it begins with a letter and holds letters, digits, dots, hyphens and underscores.
fn token(id: &str) -> String {
    let mut token = String::new();
    if id.starts_with(|first: char| first.is_ascii_digit()) {
        token.push_str("art-");
    }
    for letter in id.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() => token.push(letter.to_ascii_lowercase()),
            ')' => {}
            '.' | '(' => token.push('.'),
            _ => token.push('-'),
        }
    }
    token
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn ids_are_tokens() {
        assert_eq!(token("12(2)(a)"), "art-12.2.a");
        assert_eq!(token("CC6.1"), "cc6.1");
        assert_eq!(token("GOVERN 1.4"), "govern-1.4");
        assert_eq!(token("A.6.2.8"), "a.6.2.8");
    }
}
