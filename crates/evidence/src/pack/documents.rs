//! The small files of a pack: all but the streamed ones, tiles and proofs.

use audit_log::jws::jwk;
use serde_json::{Value, json};

use super::{CHECKPOINT, CONTROLS, Description, JWKS, OSCAL, POLICIES, REPORT, VKEY};
use crate::controls::MAP_JSON;
use crate::survey::Summary;
use crate::{oscal, report};

/// A document could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The report's template.
    #[error(transparent)]
    Report(#[from] askama::Error),
}

/// Name and content of each small file, in the order of the archive.
///
/// # Errors
/// When one cannot be written down.
pub fn documents(
    what: &Description,
    summary: &Summary,
) -> Result<Vec<(&'static str, Vec<u8>)>, DocumentError> {
    Ok(vec![
        (POLICIES, pretty(&policies(what, summary))?),
        (CONTROLS, MAP_JSON.as_bytes().to_vec()),
        (OSCAL, pretty(&oscal::results(what, summary))?),
        (REPORT, report::html(what, summary)?.into_bytes()),
        (JWKS, pretty(&json!({ "keys": [jwk(&what.signed.key)] }))?),
        (VKEY, format!("{}\n", what.signed.key).into_bytes()),
        (CHECKPOINT, what.signed.note.as_bytes().to_vec()),
    ])
}

fn pretty(value: &Value) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The versions of the policy that entries of the pack were made under or that came into force, with their rules.
fn policies(what: &Description, summary: &Summary) -> Value {
    let changed_by = |label: &str| {
        let change = summary.policy_changes.iter().find(|(_, version)| version == label);
        change.map(|(example, _)| json!(example))
    };
    let concerned = |label: &str| summary.policies.contains_key(label) || changed_by(label).is_some();
    let mut versions: Vec<Value> = what
        .policies
        .iter()
        .filter(|version| concerned(&version.label))
        .map(|version| {
            json!({
                "label": version.label,
                "since": version.since,
                "rules": version.rules,
                "changed_by_entry": changed_by(&version.label),
                "entries_made_under_it": summary.policies.get(&version.label),
            })
        })
        .collect();
    // Named by entries and not at hand: said, rather than left out.
    let known = |label: &String| what.policies.iter().any(|version| version.label == *label);
    versions.extend(summary.policies.iter().filter(|(label, _)| !known(label)).map(|(label, used)| {
        json!({ "label": label, "since": null, "rules": null, "changed_by_entry": changed_by(label),
                "entries_made_under_it": used })
    }));
    json!({
        "note": "Rules are as the database holds them when the pack is made; that a version came into force is proven by the \
                 entry that changed it.",
        "versions": versions,
    })
}
