//! What is sent: an entry of the log in the form of Standard Webhooks.

use std::borrow::Cow;

use audit_log::EntryError;
use audit_log::entry::EntryView;
use kernel::{Timestamp, WebhookId};
use serde::Serialize;
use serde_json::{Map, Value};

/// Longest body that is sent, in bytes: an entry, and what is around it.
pub const BODY_BYTES_MAX: usize = 65_535 + 1_024;

/// The members every body has.
#[derive(Serialize)]
struct Body<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    data: T,
}

#[derive(Serialize)]
struct Data<'a> {
    /// The entry's id.
    id: String,
    organization: String,
    project: Option<String>,
    action: &'a str,
    outcome: &'static str,
    actor: Named<'a>,
    target: Option<Named<'a>>,
    request_id: &'a str,
    /// What the entry says of the case.
    facts: Map<String, Value>,
}

#[derive(Serialize)]
struct Named<'a> {
    kind: &'a str,
    id: Option<Cow<'a, str>>,
}

/// The body that tells of an entry, with its data as `facts` shows it where the entry only commits to personal values. The
/// same entry gives the same bytes, until somebody it is about is erased.
///
/// # Errors
/// When the stored bytes are no entry.
pub fn body(leaf: &[u8], facts: Option<&str>) -> Result<Vec<u8>, EntryError> {
    let mut entry = EntryView::parse(leaf)?;
    if let Some(facts) = facts {
        entry.data = facts;
    }
    let data = Data {
        id: entry.id.to_string(),
        organization: entry.tenant.to_string(),
        project: entry.project.map(|project| project.to_string()),
        action: entry.action,
        outcome: entry.outcome.as_str(),
        actor: Named { kind: entry.actor_kind.as_str(), id: entry.actor_id.clone() },
        target: entry.subject.as_ref().map(|(kind, id)| Named { kind, id: Some(id.clone()) }),
        request_id: &entry.request_id,
        facts: entry.data_map()?,
    };
    Ok(written(entry.kind, entry.at.to_string(), data))
}

#[derive(Serialize)]
struct Test {
    organization: String,
    webhook: String,
}

/// The body of a test: that it is one, and of which endpoint.
pub fn test_body(organization: kernel::TenantId, webhook: WebhookId, at: Timestamp) -> Vec<u8> {
    let data = Test { organization: organization.to_string(), webhook: webhook.to_string() };
    written("webhook.tested", at.to_string(), data)
}

fn written<T: Serialize>(kind: &str, timestamp: String, data: T) -> Vec<u8> {
    // Strings and numbers into a vector: there is nothing to fail.
    serde_json::to_vec(&Body { kind, timestamp, data }).unwrap_or_default()
}
