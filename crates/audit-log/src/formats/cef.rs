//! Common Event Format, version 0: a header of seven fields and an extension of `key=value` pairs.

use std::fmt::Write as _;

use super::{Event, PRODUCT};

/// Longest value of a custom string that receivers keep, in bytes.
const CUSTOM_BYTES_MAX: usize = 4_000;

/// What begins the last pair, by which a whole line is known.
const INDEX: &str = " cn1Label=logIndex cn1=";

pub(super) fn line(event: &Event<'_>, log: &str, version: &str) -> String {
    let entry = &event.entry;
    // Unknown severity is none of CEF's numbers.
    let severity = event.severity().map_or("Unknown".to_owned(), |severity| severity.cef().to_string());
    let mut line = String::with_capacity(event.leaf.len() + 512);
    line.push_str("CEF:0");
    for field in [PRODUCT, PRODUCT, version, entry.kind, event.says(), &severity] {
        line.push('|');
        header(&mut line, field);
    }
    line.push('|');
    let millis = entry.at.unix_micros() / 1_000;
    // Writing to a String cannot fail.
    let _ = write!(line, "rt={millis}");
    pair(&mut line, "externalId", &entry.id.to_string());
    if let Some(kind) = event.kind() {
        pair(&mut line, "cat", kind.category().name());
    }
    pair(&mut line, "act", entry.action);
    pair(&mut line, "outcome", entry.outcome.as_str());
    pair(&mut line, "sourceServiceName", entry.source);
    if let Some(id) = &entry.actor_id {
        pair(&mut line, "suid", id);
    }
    custom(&mut line, "cs1", "actorKind", entry.actor_kind.as_str());
    custom(&mut line, "cs2", "requestId", &entry.request_id);
    if let Some((kind, id)) = &entry.subject {
        custom(&mut line, "cs3", "subject", &format!("{kind}:{id}"));
    }
    custom(&mut line, "cs4", "logOrigin", log);
    custom(&mut line, "cs5", "leafHash", &event.leaf_hash.to_string());
    custom(&mut line, "cs6", "data", entry.data);
    custom(&mut line, "flexString1", "tenant", &entry.tenant.to_string());
    custom(&mut line, "flexString2", "policy", &entry.policy);
    let _ = write!(line, "{INDEX}{}", event.index);
    line
}

/// A field of the header: backslash and bar are escaped; no line may end in it.
fn header(line: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' | '|' => line.extend(['\\', c]),
            c if breaks(c) => line.push(' '),
            c => line.push(c),
        }
    }
}

fn custom(line: &mut String, key: &str, label: &str, value: &str) {
    let _ = write!(line, " {key}Label={label}");
    pair(line, key, value);
}

/// A pair of the extension: backslash and equals sign are escaped, line ends are spelled out.
fn pair(line: &mut String, key: &str, value: &str) {
    let _ = write!(line, " {key}=");
    let (kept, rest) = value.split_at(value.floor_char_boundary(CUSTOM_BYTES_MAX));
    for c in kept.chars() {
        match c {
            '\\' | '=' => line.extend(['\\', c]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            c if breaks(c) => line.push(' '),
            c => line.push(c),
        }
    }
    if !rest.is_empty() {
        line.push('…');
    }
}

fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

pub(super) fn index_of(line: &str) -> Option<u64> {
    line.starts_with("CEF:0|").then(|| line.rsplit_once(INDEX))??.1.parse().ok()
}
