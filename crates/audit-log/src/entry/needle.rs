//! Bytes by which an entry is found in its leaf, without reading the leaf: each stands in it exactly when the entry
//! says so. A leaf is canonical, so a member is written in one way only, and what stands around it tells it from a
//! member of the same name in `data`.

use uuid::Uuid;

use super::Outcome;
use crate::json::write_string;

/// How it ended.
pub fn outcome(outcome: Outcome) -> Vec<u8> {
    format!(",\"outcome\":\"{outcome}\",\"policy\":").into_bytes()
}

/// What it was done to: an id, and the kind of thing when that is known.
pub fn subject(kind: Option<&str>, id: &str) -> Vec<u8> {
    let mut needle = b",\"subject\":{\"id\":".to_vec();
    write_string(&mut needle, id);
    needle.extend_from_slice(b",\"kind\":\"");
    if let Some(kind) = kind {
        needle.extend_from_slice(kind.as_bytes());
        needle.extend_from_slice(b"\"},\"tenant\":");
    }
    needle
}

/// The project it belongs to.
pub fn project(project: Uuid) -> Vec<u8> {
    format!(",\"project\":\"{}\",\"request_id\":", project.hyphenated()).into_bytes()
}

/// The key, or the session, that the actor used.
pub fn key(key: Uuid) -> Vec<u8> {
    format!(",\"key\":\"{}\",\"kind\":\"", key.hyphenated()).into_bytes()
}

/// An id, wherever it stands.
pub fn anywhere(id: Uuid) -> Vec<u8> {
    id.hyphenated().to_string().into_bytes()
}
