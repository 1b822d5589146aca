//! Personal values of an entry, which stand outside its leaf.
//!
//! A leaf is kept for as long as its log is, and nothing in it can ever be taken back. So where a value is about a person the
//! leaf holds a commitment to it: `{"commitment":"…"}`, the hash of the value behind a random salt. Value and salt are kept
//! apart, and can be destroyed; the leaf, its place and every proof of it stay what they were. Whoever has value and salt
//! can show that they are the ones that were committed to ([`Disclosure`]); whoever has neither learns nothing from the
//! commitment, not even by trying all addresses there are.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::entry::{EntryError, EntryView};
use crate::json::{JsonError, from_canonical, to_canonical, write_object};

/// Bytes of a salt.
pub const SALT_BYTES: usize = 32;

/// What is shown in the place of a value that was destroyed, or that is not shown to whoever reads.
pub const ERASED: &str = "erased";

/// What is shown in the place of a value that is not the one that was committed to.
pub const ALTERED: &str = "altered";

/// Entries whose disclosures stand in one file of an export.
pub const DISCLOSED_ENTRIES: u64 = 4_096;

/// The folder of these files within an export.
pub const DISCLOSURES_FOLDER: &str = "disclosures";

/// The one member of the object that stands for a personal value.
const MEMBER: &str = "commitment";

/// Set before what is hashed, so that no hash of another use is a commitment.
const DOMAIN: &[u8] = b"portcullis/personal/v1\n";

/// Bytes of a SHA-256 in base64url without padding.
const COMMITMENT_BYTES: usize = 43;

/// A random salt.
pub type Salt = [u8; SALT_BYTES];

/// The commitment to a value: base64url of SHA-256 over a fixed prefix, the salt, and the value as canonical JSON.
///
/// # Errors
/// When the value has no canonical form.
pub fn commitment(salt: &Salt, value: &Value) -> Result<String, JsonError> {
    let mut hash = Context::new(&SHA256);
    hash.update(DOMAIN);
    hash.update(salt);
    hash.update(&to_canonical(value)?);
    Ok(URL_SAFE_NO_PAD.encode(hash.finish()))
}

/// What stands in the leaf.
///
/// # Errors
/// When the value has no canonical form.
pub fn committed(salt: &Salt, value: &Value) -> Result<Value, JsonError> {
    Ok(json!({ MEMBER: commitment(salt, value)? }))
}

/// The commitment that a value of a leaf's data is; `None` when it is a value of its own.
pub fn commitment_in(value: &Value) -> Option<&str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let text = members.get(MEMBER)?.as_str()?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (text.len() == COMMITMENT_BYTES && text.bytes().all(letter)).then_some(text)
}

/// Whether a leaf may hold commitments: a look that costs little, and errs only towards yes.
pub fn may_hold(leaf: &[u8]) -> bool {
    const MARK: &[u8] = b"{\"commitment\":\"";
    let mut rest = leaf;
    while let Some(at) = rest.iter().position(|byte| *byte == MARK[0]) {
        rest = &rest[at..];
        if rest.starts_with(MARK) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// A personal value with what shows that it is the one that was committed to. Says neither in its `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// The entry.
    pub entry: Uuid,
    /// The member of its data.
    pub field: String,
    /// The salt.
    pub salt: Salt,
    /// The value.
    pub value: Value,
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disclosure")
            .field("entry", &self.entry)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// A line is no disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a disclosure: an object of entry, field, salt and value, as canonical JSON")]
pub struct ParseDisclosureError;

impl Disclosure {
    /// Whether this is what was committed to.
    pub fn opens(&self, found: &str) -> bool {
        commitment(&self.salt, &self.value).is_ok_and(|own| own == found)
    }

    /// One line of a file of disclosures, without its end: canonical JSON.
    ///
    /// # Errors
    /// When the value has no canonical form.
    pub fn line(&self) -> Result<Vec<u8>, JsonError> {
        to_canonical(&json!({
            "entry": self.entry,
            "field": self.field,
            "salt": URL_SAFE_NO_PAD.encode(self.salt),
            "value": self.value,
        }))
    }

    /// Reads such a line.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(line: &[u8]) -> Result<Self, ParseDisclosureError> {
        let read = || {
            let Value::Object(mut members) = from_canonical(line).ok()? else { return None };
            let entry = Uuid::try_parse(members.get("entry")?.as_str()?).ok()?;
            let field = members.get("field")?.as_str()?.to_owned();
            let salt = URL_SAFE_NO_PAD.decode(members.get("salt")?.as_str()?).ok()?.try_into().ok()?;
            let value = members.remove("value")?;
            (members.len() == 3).then_some(Self { entry, field, salt, value })
        };
        read().ok_or(ParseDisclosureError)
    }

    /// The path, within an export, of the file that holds what is disclosed of the entry at `index`.
    pub fn path(index: u64) -> String {
        format!("{DISCLOSURES_FOLDER}/{:08}.jsonl", index / DISCLOSED_ENTRIES)
    }

    /// Whether a path is that of such a file.
    pub fn is_path(path: &str) -> bool {
        let number = path
            .strip_prefix(DISCLOSURES_FOLDER)
            .and_then(|rest| rest.strip_prefix('/')?.strip_suffix(".jsonl"))
            .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        number.and_then(|number| number.parse::<u64>().ok()).is_some_and(|number| {
            number.checked_mul(DISCLOSED_ENTRIES).is_some_and(|first| Self::path(first) == path)
        })
    }
}

/// Disclosures by entry and field.
#[derive(Debug, Clone, Default)]
pub struct Disclosures(HashMap<(Uuid, String), Disclosure>);

impl Disclosures {
    /// Adds one. False when there is one of this field already.
    pub fn add(&mut self, one: Disclosure) -> bool {
        self.0.insert((one.entry, one.field.clone()), one).is_none()
    }

    /// The disclosure of a field.
    pub fn of(&self, entry: Uuid, field: &str) -> Option<&Disclosure> {
        self.0.get(&(entry, field.to_owned()))
    }

    /// Takes the disclosure of a field out.
    pub fn take(&mut self, entry: Uuid, field: &str) -> Option<Disclosure> {
        self.0.remove(&(entry, field.to_owned()))
    }

    /// One that is left; the least, so that it is always the same.
    pub fn any(&self) -> Option<&Disclosure> {
        self.0.iter().min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, left)| left)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An entry's data as it is shown to whoever may read it: values in the place of their commitments. What is hashed and
/// proven is the leaf, never this.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// The data, values in their places; canonical JSON.
    pub data: String,
    /// The personal values alone; canonical JSON.
    pub personal: String,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

impl Shown {
    /// Puts what is disclosed of an entry in its place; [`ERASED`] where nothing is, and [`ALTERED`] where it is not what was
    /// committed to. `None` when the entry commits to nothing.
    ///
    /// # Errors
    /// When the entry's data is no canonical JSON, which a leaf that was read cannot have.
    pub fn of(entry: &EntryView<'_>, disclosed: &Disclosures) -> Result<Option<Self>, EntryError> {
        let (mut data, mut personal) = (entry.data_map()?, Map::new());
        for (name, value) in &mut data {
            let Some(found) = commitment_in(value) else { continue };
            let shown = match disclosed.of(entry.id, name) {
                Some(one) if one.opens(found) => one.value.clone(),
                Some(_) => ALTERED.into(),
                None => ERASED.into(),
            };
            personal.insert(name.clone(), shown.clone());
            *value = shown;
        }
        if personal.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { data: text(&data)?, personal: text(&personal)? }))
    }
}

/// Appends the lines that disclose what an entry commits to, in the order of its fields.
///
/// # Errors
/// When the entry's data is no canonical JSON, which a leaf that was read cannot have.
pub fn put_lines(
    entry: &EntryView<'_>,
    disclosed: &Disclosures,
    out: &mut Vec<u8>,
) -> Result<(), EntryError> {
    let data = entry.data_map()?;
    let mut fields: Vec<&String> =
        data.iter().filter(|(_, value)| commitment_in(value).is_some()).map(|(name, _)| name).collect();
    fields.sort_unstable();
    for one in fields.into_iter().filter_map(|field| disclosed.of(entry.id, field)) {
        out.extend_from_slice(&one.line()?);
        out.push(b'\n');
    }
    Ok(())
}

fn text(members: &Map<String, Value>) -> Result<String, JsonError> {
    let mut out = Vec::new();
    write_object(&mut out, members, 1)?;
    String::from_utf8(out).map_err(|_| JsonError::Utf8)
}

#[cfg(test)]
mod tests;
