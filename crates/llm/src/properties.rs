//! Properties that hold for every input. The fuzz targets and the property tests share them.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::json::{Document, DuplicateKeys, JsonErrorKind, Kind, Limits, Splice, Value};
use crate::sse::{ChatStreamTap, Ending, Finished, JsonFragmentFilter, TapOptions, TextFilter};
use crate::walk::{Body, redact};

/// Small limits, so that fuzzers reach them.
const EVENT_BYTES_MAX: usize = 2048;

/// Splicing: agreement with serde_json on what is JSON, and edits that touch nothing else.
pub fn json_splice(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes);
    let reference = text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    let document = match Document::parse(bytes, Limits::default()) {
        Ok(document) => document,
        Err(error) => {
            let stricter = matches!(
                error.kind,
                JsonErrorKind::TooDeep
                    | JsonErrorKind::DuplicateKey
                    | JsonErrorKind::TooLarge
                    | JsonErrorKind::TooManyValues
            );
            assert!(stricter || !reference, "refused ({error}) what serde_json accepts");
            assert!(error.offset <= bytes.len());
            return;
        }
    };
    assert!(reference, "accepted what serde_json refuses");
    assert!(matches!(Splice::new().apply(document.text()), Cow::Borrowed(same) if same.as_bytes() == bytes));

    let mut splice = Splice::new();
    let mut leaves = 0;
    visit(document.root(), &mut |leaf| {
        leaves += 1;
        splice.replace(leaf.span(), leaf.raw());
    });
    assert_eq!(splice.len(), leaves);
    assert_eq!(splice.apply(document.text()), document.text());

    for kind in [Body::ChatRequest, Body::ChatResponse, Body::Unknown] {
        let same = redact(bytes, kind, Limits::default(), |_| None);
        assert!(same.is_ok_and(|same| matches!(same.body, Cow::Borrowed(body) if body.as_bytes() == bytes)));
        let limits = Limits::default();
        let masked = redact(bytes, kind, limits, |leaf| Some(format!("\"\\{}\n", leaf.text.len())));
        let masked = masked.map(|masked| masked.body.into_owned()).unwrap_or_default();
        let check = Limits { duplicate_keys: DuplicateKeys::Refuse, ..limits };
        assert!(Document::parse(masked.as_bytes(), check).is_ok(), "masking broke the document: {masked}");
    }
}

fn visit<'d, 'a>(value: Value<'d, 'a>, on_leaf: &mut dyn FnMut(Value<'d, 'a>)) {
    match value.kind() {
        Kind::Array => value.items().for_each(|item| visit(item, on_leaf)),
        Kind::Object => {
            for (key, member) in value.entries() {
                on_leaf(key);
                visit(member, on_leaf);
            }
        }
        _ => on_leaf(value),
    }
}

/// A filter that replaces a word and holds back what may become it.
#[derive(Debug, Default)]
pub struct WordFilter {
    held: String,
}

/// The word it looks for.
pub const WORD: &str = "SECRET";
/// What it writes instead: with characters that JSON has to escape.
pub const MASK: &str = "[\"\\X]";

impl TextFilter for WordFilter {
    fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let text = self.held.replace(WORD, MASK);
        let keep = (0..WORD.len()).rev().find(|n| WORD.get(..*n).is_some_and(|start| text.ends_with(start)));
        let (out, held) = text.split_at(text.len() - keep.unwrap_or(0));
        held.clone_into(&mut self.held);
        out.to_owned()
    }

    fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Runs a tap over a stream cut into pieces of the given sizes (repeated; an empty list means no cuts).
pub fn tap_in_pieces(stream: &[u8], sizes: &[usize], client_wants_usage: bool) -> (Vec<u8>, Finished) {
    let options = TapOptions { client_wants_usage, event_bytes_max: EVENT_BYTES_MAX };
    let mut tap = ChatStreamTap::new(options, |key| -> Box<dyn TextFilter> {
        if key.is_json() {
            Box::new(JsonFragmentFilter::new(WordFilter::default))
        } else {
            Box::new(WordFilter::default())
        }
    });
    let mut out = Vec::new();
    let mut rest = stream;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().copied().unwrap_or(rest.len()).clamp(1, rest.len());
        let (piece, after) = rest.split_at(size);
        if tap.push(piece, &mut out).is_err() {
            break;
        }
        rest = after;
    }
    let finished = tap.finish(&mut out);
    (out, finished)
}

/// The tap: the same bytes out however the bytes came in, and no end marker but from the proof.
pub fn sse_tap(input: &[u8]) {
    let (head, stream) = input.split_at(input.len().min(4));
    let sizes: Vec<usize> = head.iter().map(|byte| usize::from(*byte) + 1).collect();
    let wants_usage = head.first().is_some_and(|byte| byte % 2 == 1);
    let (whole, finished) = tap_in_pieces(stream, &[], wants_usage);
    let (cut, finished_cut) = tap_in_pieces(stream, &sizes, wants_usage);
    let (bytewise, _) = tap_in_pieces(stream, &[1], wants_usage);
    assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&cut));
    assert_eq!(whole, bytewise);
    assert_eq!(finished.summary(), finished_cut.summary());
    let done = finished.summary().ending == Ending::Done;
    let last = finished.into_last_bytes();
    assert_eq!(last == "data: [DONE]\n\n", done);
    assert_eq!(last, finished_cut.into_last_bytes());
}
