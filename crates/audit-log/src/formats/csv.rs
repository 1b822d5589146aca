//! CSV (RFC 4180) for people: one row an event, one line a row, and nothing a spreadsheet would run.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Event;

/// The columns.
pub(super) const HEAD: &str = "index,time,id,kind,what,category,severity,outcome,actor_kind,actor_id,actor_key,action,\
                               source,subject_kind,subject_id,project,request_id,trace_id,policy,data,leaf_hash";

pub(super) fn line(event: &Event<'_>) -> String {
    let entry = &event.entry;
    let (subject_kind, subject_id) =
        entry.subject.as_ref().map_or(("", ""), |(kind, id)| (kind, id.as_ref()));
    let project = entry.project.map(|project| project.to_string()).unwrap_or_default();
    let fields: [&str; 21] = [
        &event.index.to_string(),
        &entry.at.to_string(),
        &entry.id.to_string(),
        entry.kind,
        event.says(),
        event.kind().map_or("", |kind| kind.category().name()),
        event.severity().map_or("", kernel::Severity::name),
        entry.outcome.as_str(),
        entry.actor_kind.as_str(),
        entry.actor_id.as_deref().unwrap_or_default(),
        entry.actor_key.as_deref().unwrap_or_default(),
        entry.action,
        entry.source,
        subject_kind,
        subject_id,
        &project,
        &entry.request_id,
        entry.trace_id.as_deref().unwrap_or_default(),
        &entry.policy,
        entry.data,
        &event.leaf_hash.to_string(),
    ];
    let mut line = String::with_capacity(event.leaf.len() + 256);
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        put(&mut line, &cell(field));
    }
    line
}

/// A row of these cells, with the end of its line.
pub(super) fn row(cells: &[&str]) -> String {
    let mut line = String::new();
    for (at, value) in cells.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        put(&mut line, &cell(value));
    }
    line.push_str("\r\n");
    line
}

/// What stands in a cell for a value. A spreadsheet takes what begins like a formula for one, wherever it came from: an
/// apostrophe before it makes it text. Control characters, which could end a line or hide what follows, are spelled out.
pub(super) fn cell(value: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    if !formula && !value.contains(breaks) {
        return Cow::Borrowed(value);
    }
    let mut safe = String::with_capacity(value.len() + 8);
    if formula {
        safe.push('\'');
    }
    for c in value.chars() {
        if breaks(c) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Quotes where a reader could go wrong without: RFC 4180 §2, and separators other locales use.
fn put(line: &mut String, cell: &str) {
    let quote = cell.contains([',', '"', ';', '\'']) || cell.starts_with(' ') || cell.ends_with(' ');
    if !quote {
        line.push_str(cell);
        return;
    }
    line.push('"');
    line.push_str(&cell.replace('"', "\"\""));
    line.push('"');
}

pub(super) fn index_of(line: &str) -> Option<u64> {
    // A row that was cut off has no hash at its end.
    let (_, hash) = line.rsplit_once(',')?;
    let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    line.split_once(',').filter(|_| whole)?.0.parse().ok()
}
