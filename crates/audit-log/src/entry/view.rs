//! Reading an entry without copying it.

use std::borrow::Cow;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::fields::{is_action, is_kind, is_label, is_text};
use super::{Actor, ActorKind, At, ENTRY_VERSION, Entry, EntryError, EntryParts, Kind, Outcome, Subject};
use crate::json::{JsonError, Reader, from_canonical};
use crate::tiles::ENTRY_BYTES_MAX;

/// Bytes of a hyphenated UUID.
const UUID_BYTES: usize = 36;

/// An entry read in place: checked as strictly as [`Entry::from_leaf`], nothing copied unless it was escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryView<'a> {
    /// See [`EntryParts::id`].
    pub id: Uuid,
    /// See [`EntryParts::at`].
    pub at: At,
    /// See [`EntryParts::tenant`].
    pub tenant: Uuid,
    /// See [`EntryParts::kind`].
    pub kind: &'a str,
    /// See [`Actor::kind`].
    pub actor_kind: ActorKind,
    /// See [`Actor::id`].
    pub actor_id: Option<Cow<'a, str>>,
    /// See [`Actor::key`].
    pub actor_key: Option<Cow<'a, str>>,
    /// See [`EntryParts::action`].
    pub action: &'a str,
    /// See [`EntryParts::outcome`].
    pub outcome: Outcome,
    /// See [`EntryParts::request_id`].
    pub request_id: Cow<'a, str>,
    /// See [`EntryParts::trace_id`].
    pub trace_id: Option<Cow<'a, str>>,
    /// See [`EntryParts::policy`].
    pub policy: Cow<'a, str>,
    /// See [`EntryParts::source`].
    pub source: &'a str,
    /// See [`EntryParts::project`].
    pub project: Option<Uuid>,
    /// See [`EntryParts::subject`]: its kind and id.
    pub subject: Option<(&'a str, Cow<'a, str>)>,
    /// See [`EntryParts::data`]: the object's canonical text.
    pub data: &'a str,
}

impl<'a> EntryView<'a> {
    /// Reads a leaf.
    pub fn parse(leaf: &'a [u8]) -> Result<Self, EntryError> {
        if leaf.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge(leaf.len()));
        }
        let text = std::str::from_utf8(leaf).map_err(|_| JsonError::Utf8)?;
        parse_members(&mut Reader::new(text)).map_err(|error| foreign_version(leaf).unwrap_or(error))
    }

    /// Copies the entry out of the leaf.
    pub fn to_entry(&self) -> Result<Entry, EntryError> {
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let subject = self.subject.as_ref();
        Entry::from_parts(EntryParts {
            id: self.id,
            at: self.at,
            tenant: self.tenant,
            kind: Kind::new(self.kind)?,
            actor: Actor { kind: self.actor_kind, id: owned(&self.actor_id), key: owned(&self.actor_key) },
            action: self.action.to_owned(),
            outcome: self.outcome,
            request_id: self.request_id.clone().into_owned(),
            trace_id: owned(&self.trace_id),
            policy: self.policy.clone().into_owned(),
            source: self.source.to_owned(),
            project: self.project,
            subject: subject
                .map(|(kind, id)| Subject { kind: (*kind).to_owned(), id: id.clone().into_owned() }),
            data: self.data_map()?,
        })
    }

    /// Builds [`EntryView::data`].
    pub fn data_map(&self) -> Result<Map<String, Value>, EntryError> {
        Ok(Reader::new(self.data).object(1)?)
    }
}

/// The version of a leaf that is canonical JSON with another `v`: "made by a newer version" is a more useful
/// answer than "a byte is wrong".
fn foreign_version(leaf: &[u8]) -> Option<EntryError> {
    let version = from_canonical(leaf).ok()?.get("v")?.as_i64()?;
    (version != ENTRY_VERSION).then_some(EntryError::Version(version))
}

fn parse_members<'a>(reader: &mut Reader<'a>) -> Result<EntryView<'a>, EntryError> {
    reader.expect("{\"action\":")?;
    let action = plain(reader, "action", is_action)?;
    reader.expect(",\"actor\":{")?;
    let actor_id = optional(reader, "\"id\":", "actor.id", ",")?;
    let actor_key = optional(reader, "\"key\":", "actor.key", ",")?;
    reader.expect("\"kind\":")?;
    let actor_kind = plain(reader, "actor.kind", |_| true)?.parse()?;
    reader.expect("},\"at\":")?;
    let at = plain(reader, "at", |_| true)?.parse()?;
    reader.expect(",\"data\":")?;
    let data = reader.raw_object(1)?;
    reader.expect(",\"id\":")?;
    let id = uuid(reader, "id")?;
    reader.expect(",\"kind\":")?;
    let kind = plain(reader, "kind", is_kind)?;
    reader.expect(",\"outcome\":")?;
    let outcome = plain(reader, "outcome", |_| true)?.parse()?;
    reader.expect(",\"policy\":")?;
    let policy = text(reader, "policy")?;
    let project = if reader.take(",\"project\":") { Some(uuid(reader, "project")?) } else { None };
    reader.expect(",\"request_id\":")?;
    let request_id = text(reader, "request_id")?;
    reader.expect(",\"source\":")?;
    let source = plain(reader, "source", is_label)?;
    let subject = if reader.take(",\"subject\":{\"id\":") { Some(subject(reader)?) } else { None };
    reader.expect(",\"tenant\":")?;
    let tenant = uuid(reader, "tenant")?;
    let trace_id = optional(reader, ",\"trace_id\":", "trace_id", "")?;
    reader.expect(",\"v\":1}")?;
    reader.end()?;
    Ok(EntryView {
        id,
        at,
        tenant,
        kind,
        actor_kind,
        actor_id,
        actor_key,
        action,
        outcome,
        request_id,
        trace_id,
        policy,
        source,
        project,
        subject,
        data,
    })
}

fn subject<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, Cow<'a, str>), EntryError> {
    let id = text(reader, "subject.id")?;
    reader.expect(",\"kind\":")?;
    let kind = plain(reader, "subject.kind", is_label)?;
    reader.expect("}")?;
    Ok((kind, id))
}

#[inline]
fn text<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<Cow<'a, str>, EntryError> {
    let value = reader.string()?;
    if is_text(&value) { Ok(value) } else { Err(EntryError::Field(field)) }
}

/// A member that may be absent; `after` is what separates it from the next one.
#[inline]
fn optional<'a>(
    reader: &mut Reader<'a>,
    name: &str,
    field: &'static str,
    after: &str,
) -> Result<Option<Cow<'a, str>>, EntryError> {
    if !reader.take(name) {
        return Ok(None);
    }
    let value = text(reader, field)?;
    reader.expect(after)?;
    Ok(Some(value))
}

/// A string from a set of characters that never need an escape, so it is always borrowed.
#[inline]
fn plain<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
    good: impl Fn(&str) -> bool,
) -> Result<&'a str, EntryError> {
    match reader.string()? {
        Cow::Borrowed(value) if good(value) => Ok(value),
        _ => Err(EntryError::Field(field)),
    }
}

/// A UUID in its one canonical spelling: hyphenated, lower-case.
#[inline]
fn uuid(reader: &mut Reader<'_>, field: &'static str) -> Result<Uuid, EntryError> {
    let canonical =
        |text: &str| text.len() == UUID_BYTES && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let text = plain(reader, field, canonical)?;
    Uuid::try_parse(text).map_err(|_| EntryError::Field(field))
}
