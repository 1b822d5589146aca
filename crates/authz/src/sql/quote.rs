//! Names and texts inside of SQL. Names of a model are anything without blanks, quotes and backslashes included.

/// Longest identifier of PostgreSQL, in bytes; it cuts longer ones without saying so.
pub(super) const IDENTIFIER_BYTES_MAX: usize = 63;
/// What stands in place of the end of a longer name: a mark and 64 bits in hexadecimal.
const MARK: char = '~';
const MARK_BYTES: usize = 1 + 16;

/// A quoted identifier.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text constant that means the same whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        return format!("E'{}'", quoted.replace('\\', "\\\\"));
    }
    format!("'{quoted}'")
}

/// Several text constants, separated.
pub(super) fn literals<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(literal).collect::<Vec<_>>().join(", ")
}

/// The body of a function between marks that it does not contain.
pub(super) fn body(text: &str) -> String {
    let mut number = 0;
    let mut mark = "$body$".to_owned();
    while text.contains(&mark) {
        number += 1;
        mark = format!("$body{number}$");
    }
    format!("{mark}\n{text}\n{mark}")
}

/// A name that fits: a longer one keeps its beginning and gets a hash of all of it.
pub(super) fn fitting(name: &str) -> String {
    if name.len() <= IDENTIFIER_BYTES_MAX {
        return name.to_owned();
    }
    let mut end = IDENTIFIER_BYTES_MAX - MARK_BYTES;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}{:016x}", &name[..end], hash(name.as_bytes()))
}

/// FNV-1a. Collisions within a model are looked for where names are given.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
