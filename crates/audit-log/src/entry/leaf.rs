//! Writing an entry. Members stand in canonical order, which for these names is alphabetical.

use std::io::Write as _;

use super::{ENTRY_VERSION, EntryError, EntryParts};
use crate::json::{write_object, write_string};
use crate::tiles::ENTRY_BYTES_MAX;

pub(super) fn write(parts: &EntryParts) -> Result<Vec<u8>, EntryError> {
    let mut out = Vec::with_capacity(640);
    let string = |out: &mut Vec<u8>, prefix: &str, text: &str| {
        out.extend_from_slice(prefix.as_bytes());
        write_string(out, text);
    };
    string(&mut out, "{\"action\":", &parts.action);
    out.extend_from_slice(b",\"actor\":{");
    if let Some(id) = &parts.actor.id {
        string(&mut out, "\"id\":", id);
        out.push(b',');
    }
    if let Some(key) = &parts.actor.key {
        string(&mut out, "\"key\":", key);
        out.push(b',');
    }
    // The rest of these needs no escape: a word, a time, an id in hex.
    let plain = |out: &mut Vec<u8>, prefix: &str, text: &dyn std::fmt::Display| {
        // Writing to memory cannot fail.
        let _ = write!(out, "{prefix}{text}\"");
    };
    plain(&mut out, "\"kind\":\"", &parts.actor.kind);
    plain(&mut out, "},\"at\":\"", &parts.at);
    out.extend_from_slice(b",\"data\":");
    write_object(&mut out, &parts.data, 1)?;
    plain(&mut out, ",\"id\":\"", &parts.id.hyphenated());
    plain(&mut out, ",\"kind\":\"", &parts.kind);
    plain(&mut out, ",\"outcome\":\"", &parts.outcome);
    string(&mut out, ",\"policy\":", &parts.policy);
    if let Some(project) = &parts.project {
        plain(&mut out, ",\"project\":\"", &project.hyphenated());
    }
    string(&mut out, ",\"request_id\":", &parts.request_id);
    plain(&mut out, ",\"source\":\"", &parts.source);
    if let Some(subject) = &parts.subject {
        string(&mut out, ",\"subject\":{\"id\":", &subject.id);
        plain(&mut out, ",\"kind\":\"", &subject.kind);
        out.push(b'}');
    }
    plain(&mut out, ",\"tenant\":\"", &parts.tenant.hyphenated());
    if let Some(trace_id) = &parts.trace_id {
        string(&mut out, ",\"trace_id\":", trace_id);
    }
    let _ = write!(out, ",\"v\":{ENTRY_VERSION}}}");
    if out.len() > ENTRY_BYTES_MAX { Err(EntryError::TooLarge(out.len())) } else { Ok(out) }
}
