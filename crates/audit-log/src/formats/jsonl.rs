//! JSON Lines: the entry byte for byte, with its place, what the catalogue says of its kind, and the personal values that
//! the entry only commits to.

use serde_json::Value;

use super::Event;
use crate::json::write_string;

pub(super) fn line(event: &Event<'_>) -> String {
    let mut out = Vec::with_capacity(event.leaf.len() + 160);
    out.extend_from_slice(
        format!("{{\"index\":{},\"leaf_hash\":\"{}\"", event.index, event.leaf_hash).as_bytes(),
    );
    let words = [
        ("category", event.kind().map(|kind| kind.category().name())),
        ("severity", event.severity().map(kernel::Severity::name)),
    ];
    for (name, word) in words {
        out.push(b',');
        write_string(&mut out, name);
        out.push(b':');
        match word {
            Some(word) => write_string(&mut out, word),
            None => out.extend_from_slice(b"null"),
        }
    }
    // Beside the entry and not in it: its bytes are the ones that were hashed, which hold commitments.
    if let Some(personal) = event.personal {
        out.extend_from_slice(b",\"personal\":");
        out.extend_from_slice(personal.as_bytes());
    }
    out.extend_from_slice(b",\"entry\":");
    // Canonical JSON has no white space, and no line feed but as an escape.
    out.extend_from_slice(event.leaf);
    out.push(b'}');
    // A leaf that was read is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

pub(super) fn index_of(line: &str) -> Option<u64> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("entry")?;
    value.get("index")?.as_u64()
}
