//! How types, relations, objects and users are written.

/// Naming rule of types, as messages quote it.
pub(crate) const TYPE_RULE: &str = r"^[^:#@\*\s]{1,254}$";
/// Naming rule of relations, as messages quote it.
pub(crate) const RELATION_RULE: &str = r"^[^:#@\*\s]{1,50}$";

/// Naming rule of conditions.
pub(crate) const CONDITION_RULE: &str = r"^[^:#@\s]{2,50}$";

/// Longest name of a type, in characters.
pub const TYPE_CHARS_MAX: usize = 254;
/// Longest name of a relation, in characters.
pub const RELATION_CHARS_MAX: usize = 50;
/// Shortest name of a condition, in characters.
pub const CONDITION_CHARS_MIN: usize = 2;
/// Longest name of a condition, in characters.
pub const CONDITION_CHARS_MAX: usize = 50;
/// Longest object, type included, in bytes.
pub const OBJECT_BYTES_MAX: usize = 256;
/// Longest user, in bytes.
pub const USER_BYTES_MAX: usize = 512;

/// Whether a name is kept for the language itself.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(name, "self" | "this")
}

fn is_name(name: &str, chars_max: usize) -> bool {
    let fits = |c: char| !matches!(c, ':' | '#' | '@' | '*') && !c.is_whitespace();
    (1..=chars_max).contains(&name.chars().count()) && name.chars().all(fits)
}

/// Whether this can be the name of a type.
pub fn is_type(name: &str) -> bool {
    is_name(name, TYPE_CHARS_MAX)
}

/// Whether this can be the name of a relation.
pub fn is_relation(name: &str) -> bool {
    is_name(name, RELATION_CHARS_MAX)
}

/// Whether this can be the name of a condition of a compiled model.
pub fn is_condition(name: &str) -> bool {
    let fits = |c: char| !matches!(c, ':' | '#' | '@') && !c.is_whitespace();
    (CONDITION_CHARS_MIN..=CONDITION_CHARS_MAX).contains(&name.chars().count()) && name.chars().all(fits)
}

/// Whether this can be the id of an object by the stricter rule of OpenFGA's language tools; its server takes more.
pub fn is_object_id(id: &str) -> bool {
    let mut chars = id.chars();
    let first = chars.next().is_some_and(|c| !matches!(c, '#' | ':' | '*') && !c.is_whitespace());
    first && chars.all(|c| c.is_ascii_alphanumeric() || "_|*@.+/-".contains(c))
}

/// `type:id` as its two parts, when it is an object as OpenFGA's server takes it: one colon, no `#`, no blank.
#[inline]
pub(crate) fn object(text: &str) -> Option<(&str, &str)> {
    if text.len() > OBJECT_BYTES_MAX {
        return None;
    }
    let mut colon = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b':' if colon == 0 && at > 0 => colon = at,
            b':' | b'#' | ..=b' ' | 0x7f => return None,
            _ => {}
        }
    }
    if colon == 0 || colon + 1 == text.len() || (!text.is_ascii() && text.contains(char::is_control)) {
        return None;
    }
    Some((&text[..colon], &text[colon + 1..]))
}
