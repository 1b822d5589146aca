//! Strict JSON bodies. Messages name places and expectations, never what was sent: it may be a secret.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use kernel::{Problem, ProblemKind};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// Longest explanation given for one field, in bytes.
const DETAIL_BYTES_MAX: usize = 600;

/// Reads a body. An empty one without a content type is an empty object, for operations that need nothing.
pub(super) fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let body = match media_type {
        None if body.is_empty() => b"{}".as_slice(),
        Some(media_type) if is_json(media_type) => body,
        _ => {
            let detail = "Send JSON, with the header Content-Type: application/json.";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
    };
    // The deserializers of structs read arrays too, member by member in the order of declaration.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::invalid("", "Wrong kind of value; expected an object."));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| refuse(error.inner(), &pointer(error.path())))?;
    reader.end().map_err(|error| refuse(&error, ""))?;
    Ok(value)
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn refuse(error: &serde_json::Error, pointer: &str) -> Problem {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => Problem::invalid(pointer, explain(&error.to_string())),
        Category::Eof => Problem::new(
            ProblemKind::BadRequest,
            format!("The JSON ends too early, at line {line}, column {column}."),
        ),
        Category::Syntax | Category::Io => Problem::new(
            ProblemKind::BadRequest,
            format!("The JSON cannot be read from line {line}, column {column} on."),
        ),
    }
}

/// What was expected, without what was found.
fn explain(message: &str) -> String {
    let message = message.rfind(" at line ").map_or(message, |at| &message[..at]);
    let found =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant ", "unknown field "];
    let mut said = if found.iter().any(|start| message.starts_with(start)) {
        // The last one: what was found may itself contain these words.
        let expected = message.rfind(", expected ").map(|at| &message[at + 2..]);
        let unknown = message.starts_with("unknown field ");
        match (expected, unknown) {
            (Some(expected), true) => format!("There is a member that is not known here; {expected}."),
            (Some(expected), false) => format!("Wrong kind of value; {expected}."),
            (None, true) => "There is a member that is not known here.".to_owned(),
            (None, false) => "Wrong kind of value.".to_owned(),
        }
    } else {
        format!("{message}.")
    };
    said.truncate(said.floor_char_boundary(DETAIL_BYTES_MAX));
    said
}

/// The place as a JSON Pointer (RFC 6901 §3).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Unknown => pointer.push('?'),
        }
    }
    pointer.truncate(pointer.floor_char_boundary(DETAIL_BYTES_MAX));
    pointer
}
