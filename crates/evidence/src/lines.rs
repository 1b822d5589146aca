//! One entry as a line of each file: the log's own bytes, a row of a table, a fact about an output of a model.

use audit_log::entry::EntryView;
use audit_log::{Hash, leaf_hash};
use serde_json::json;

/// The kind of entry that tells how a call of a model ended.
const OUTPUT_KIND: &str = "llm.call.outcome";

/// First line of `events.csv`.
pub const CSV_HEADER: &str = "index,at,kind,outcome,action,actor_kind,actor_id,actor_key,subject_kind,subject_id,\
                              project,policy,source,request_id,trace_id,entry_id,leaf_hash,data\r\n";
/// How `outputs.json` begins.
pub const OUTPUTS_HEAD: &str = "{\"note\":\"One object for each call of a model that ended. The log keeps counts, hashes and \
                                the product's own words, never the text of a prompt or an answer.\",\"outputs\":[";
/// How `outputs.json` ends.
pub const OUTPUTS_TAIL: &str = "\n]}\n";

/// An entry and its place in the log.
pub(crate) struct Line<'a> {
    pub(crate) index: u64,
    pub(crate) leaf: &'a [u8],
    pub(crate) view: EntryView<'a>,
}

impl<'a> Line<'a> {
    /// Reads a leaf.
    pub(crate) fn read(index: u64, leaf: &'a [u8]) -> Result<Self, audit_log::EntryError> {
        Ok(Self { index, leaf, view: EntryView::parse(leaf)? })
    }

    pub(crate) fn leaf_hash(&self) -> Hash {
        leaf_hash(self.leaf)
    }

    /// The line of `events.jsonl`: the bytes that were hashed. Canonical JSON holds no newline.
    pub(crate) fn jsonl(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.leaf);
        out.push(b'\n');
    }

    /// The row of `events.csv` (RFC 4180).
    pub(crate) fn csv(&self, out: &mut Vec<u8>) {
        let view = &self.view;
        let (subject_kind, subject_id) =
            view.subject.as_ref().map_or(("", ""), |(kind, id)| (*kind, id.as_ref()));
        let project = view.project.map(|id| id.to_string()).unwrap_or_default();
        let fields = [
            &self.index.to_string(),
            &view.at.to_string(),
            view.kind,
            view.outcome.as_str(),
            view.action,
            view.actor_kind.as_str(),
            view.actor_id.as_deref().unwrap_or_default(),
            view.actor_key.as_deref().unwrap_or_default(),
            subject_kind,
            subject_id,
            &project,
            &view.policy,
            view.source,
            &view.request_id,
            view.trace_id.as_deref().unwrap_or_default(),
            &view.id.to_string(),
            &self.leaf_hash().to_base64(),
            view.data,
        ];
        for (at, field) in fields.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            csv_field(out, field);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The object in `outputs.json`, when the entry tells how a call of a model ended; `first` when it is the first there.
    pub(crate) fn output(&self, out: &mut Vec<u8>, first: bool) {
        let view = &self.view;
        if view.kind != OUTPUT_KIND {
            return;
        }
        let actor = json!({ "id": view.actor_id, "key": view.actor_key, "kind": view.actor_kind.as_str() });
        let head = json!({
            "actor": actor, "at": view.at.to_string(), "entry": view.id, "index": self.index,
            "outcome": view.outcome.as_str(), "request_id": view.request_id,
        });
        let head = head.to_string();
        out.extend_from_slice(if first { b"\n" } else { b",\n" });
        out.extend_from_slice(head.strip_suffix('}').unwrap_or(&head).as_bytes());
        out.extend_from_slice(b",\"facts\":");
        out.extend_from_slice(view.data.as_bytes());
        out.push(b'}');
    }

    /// Whether [`Line::output`] writes anything.
    pub(crate) fn is_output(&self) -> bool {
        self.view.kind == OUTPUT_KIND
    }
}

/// A field in quotes where it needs them. One that a spreadsheet would run as a formula gets an apostrophe in front.
fn csv_field(out: &mut Vec<u8>, field: &str) {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !field.contains(['"', ',', '\n', '\r']) {
        out.extend_from_slice(field.as_bytes());
        return;
    }
    out.push(b'"');
    if formula {
        out.push(b'\'');
    }
    for byte in field.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(text: &str) -> String {
        let mut out = Vec::new();
        csv_field(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(field("=1+1"), "\"'=1+1\"");
        assert_eq!(field("@SUM(A1)"), "\"'@SUM(A1)\"");
    }

    proptest! {
        #[test]
        fn a_field_reads_back(text in "[\\x20-\\x7e\n\r\té]{0,40}") {
            let written = field(&text);
            let read = match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(inner) => inner.replace("\"\"", "\""),
                None => written.clone(),
            };
            let safe = format!("'{text}");
            prop_assert!(read == text || read == safe);
            prop_assert!(!written.starts_with(['=', '+', '-', '@']));
        }
    }
}
