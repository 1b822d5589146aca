//! Tuples: written, deleted, read, and what changed.

use std::collections::HashSet;

use authz::{Tuple as TupleKey, TupleError, names};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, RelationModelId, RelationStoreId, Timestamp};
use store::relations::{self as rows, Change, Key, Refused as Unwritten, Tuple, TupleFilter, Writes};

use super::fault::{Code, Fault, Refused, fail};
use super::{CONTEXT_BYTES_MAX, Relations, WRITE_TUPLES_MAX};
use crate::action;

action! {
    /// Reads tuples of a store.
    ReadRelations = "relations.read", PoliciesRead, Principal, Read
}
action! {
    /// Reads what changed in a store.
    ReadChanges = "relations.read_changes", PoliciesRead, Principal, Read
}
action! {
    /// Writes and deletes tuples. Not for agents: an agent cannot change what binds it.
    WriteRelations = "relations.write", PoliciesManage, Staff, Write
}

/// What a tuple is found by; `user` may be anything that is not empty, since the model it was written under may be gone.
fn key(tuple: &TupleKey) -> Result<Key, Fault> {
    let TupleKey { user, relation, object, .. } = tuple;
    let (object_type, object_id) = object.split_once(':').unwrap_or_default();
    let fits = names::is_type(object_type)
        && !object_id.is_empty()
        && object.len() <= names::OBJECT_BYTES_MAX
        && names::is_relation(relation)
        && (1..=names::USER_BYTES_MAX).contains(&user.len());
    if !fits {
        return Err(Fault::invalid(format!("Invalid tuple '{tuple}'. Reason: it is not well-formed")));
    }
    Ok(Key {
        object_type: object_type.to_owned(),
        object_id: object_id.to_owned(),
        relation: relation.clone(),
        subject: user.clone(),
    })
}

fn row(tuple: &TupleKey, at: Timestamp) -> Result<Tuple, Fault> {
    let Key { object_type, object_id, relation, subject } = key(tuple)?;
    let condition = tuple.condition.as_ref().map(|condition| condition.name.clone());
    let context = tuple.condition.as_ref().and_then(|condition| condition.context.as_ref());
    let context = match context.filter(|context| !context.is_empty()) {
        None => None,
        Some(context) => Some(written_context(context)?),
    };
    Ok(Tuple { object_type, object_id, relation, subject, condition, context, written_at: at })
}

/// The values of a condition as they are kept: in one order, so that two that say the same are the same.
pub(super) fn written_context(context: &serde_json::Map<String, serde_json::Value>) -> Result<String, Fault> {
    let text = crate::ordered_json(serde_json::Value::Object(context.clone()));
    if text.len() > CONTEXT_BYTES_MAX {
        return Err(Fault::invalid(format!(
            "condition context size limit exceeded: {CONTEXT_BYTES_MAX} bytes"
        )));
    }
    Ok(text)
}

/// A stored tuple, as it is asked about.
pub fn tuple_of(row: &Tuple) -> TupleKey {
    let context = row.context.as_deref().and_then(|context| serde_json::from_str(context).ok());
    TupleKey {
        user: row.subject.clone(),
        relation: row.relation.clone(),
        object: format!("{}:{}", row.object_type, row.object_id),
        condition: row.condition.clone().map(|name| authz::TupleCondition { name, context }),
    }
}

/// What becomes of a write whose tuple is there already, or a delete whose tuple is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnClash {
    /// Nothing is written.
    #[default]
    Error,
    /// It is passed over; a tuple to write only when the one that is there is the same.
    Ignore,
}

impl OnClash {
    /// As OpenFGA's clients write it in the member `name`; nothing is an error.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str, name: &str) -> Result<Self, Fault> {
        match text {
            "" | "error" => Ok(Self::Error),
            "ignore" => Ok(Self::Ignore),
            _ => Err(Fault::invalid(format!("{name} is error or ignore"))),
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The revision from which on it counts: what is asked "at least as fresh as" this knows of it.
    pub revision: i64,
    /// The model it was held against.
    pub model: RelationModelId,
}

/// Deletes and writes tuples in one step.
///
/// # Errors
/// When the model does not allow a tuple, one is there or missing, or they are too many: then nothing is written.
pub async fn write(
    mut pass: Pass<WriteRelations>,
    relations: &Relations,
    (store, model): (RelationStoreId, Option<RelationModelId>),
    (writes, present): (&[TupleKey], OnClash),
    (deletes, missing): (&[TupleKey], OnClash),
) -> Result<(Written, Receipt), Refused> {
    let kind = EventKind::RelationsWritten;
    let asked = Asked { store, model, writes, present, deletes, missing };
    match asked.apply(&mut pass, relations).await {
        Ok((written, applied, sha256)) => {
            let draft = Draft::done(kind)
                .subject("relation_store", store)
                .fact("store", store)
                .fact("model", written.model)
                .fact("revision", applied.revision.unsigned_abs())
                .fact("written", applied.written as u64)
                .fact("deleted", applied.deleted as u64)
                .fact("sha256", &audit_log::Hash(sha256));
            let tenant = pass.tenant();
            let receipt = pass.seal(draft).await?;
            relations.wrote(tenant, store);
            Ok((written, receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

struct Asked<'a> {
    store: RelationStoreId,
    model: Option<RelationModelId>,
    writes: &'a [TupleKey],
    present: OnClash,
    deletes: &'a [TupleKey],
    missing: OnClash,
}

impl Asked<'_> {
    async fn apply(
        &self,
        pass: &mut Pass<WriteRelations>,
        relations: &Relations,
    ) -> Result<(Written, rows::Applied, [u8; 32]), Refused> {
        Fault::unless_kept(pass.tenant(), self.store)?;
        self.is_well_formed()?;
        let now = pass.vault().clock().now();
        let (id, schema) = relations.schema(pass.tx(), self.store, self.model).await?;
        for tuple in self.writes {
            schema.validate_write(tuple).map_err(|error: TupleError| Fault::invalid(error.to_string()))?;
        }
        let writes = self.writes.iter().map(|tuple| row(tuple, now)).collect::<Result<Vec<_>, _>>()?;
        let deletes = self.deletes.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let sha256 = digest(&deletes, &writes);
        let what = Writes {
            deletes: &deletes,
            ignore_missing: self.missing == OnClash::Ignore,
            writes: &writes,
            ignore_present: self.present == OnClash::Ignore,
            at: now,
        };
        match rows::apply(pass.tx(), self.store, &what).await? {
            Ok(applied) => Ok((Written { revision: applied.revision, model: id }, applied, sha256)),
            Err(unwritten) => Err(refusal(unwritten).into()),
        }
    }

    fn is_well_formed(&self) -> Result<(), Fault> {
        let all = self.writes.len() + self.deletes.len();
        if all == 0 {
            return Err(Fault::new(
                Code::InvalidWrite,
                "Invalid input. Make sure you provide at least one write, or at least one delete",
            ));
        }
        if all > WRITE_TUPLES_MAX {
            let message =
                format!("The number of write operations exceeds the allowed limit of {WRITE_TUPLES_MAX}");
            return Err(Fault::new(Code::TooMany, message));
        }
        let mut seen = HashSet::with_capacity(all);
        for TupleKey { user, relation, object, .. } in self.deletes.iter().chain(self.writes) {
            if !seen.insert((user, relation, object)) {
                let message = format!(
                    "duplicate tuple in write: user: '{user}', relation: '{relation}', object: '{object}'"
                );
                return Err(Fault::new(Code::DuplicateTuples, message));
            }
        }
        Ok(())
    }
}

/// What a write asked for, as a hash: the entry holds it, the store holds what was hashed.
fn digest(deletes: &[Key], writes: &[Tuple]) -> [u8; 32] {
    let mut text = String::new();
    let mut put = |sign: &str, parts: [&str; 6]| {
        text.push_str(sign);
        for part in parts {
            text.push_str(&part.len().to_string());
            text.push(':');
            text.push_str(part);
        }
        text.push('\n');
    };
    for key in deletes {
        put("-", [&key.object_type, &key.object_id, &key.relation, &key.subject, "", ""]);
    }
    for tuple in writes {
        let Tuple { object_type, object_id, relation, subject, condition, context, .. } = tuple;
        let (condition, context) = (condition.as_deref(), context.as_deref());
        let (condition, context) = (condition.unwrap_or_default(), context.unwrap_or_default());
        put("+", [object_type, object_id, relation, subject, condition, context]);
    }
    crypto::sha256(text.as_bytes())
}

fn refusal(unwritten: Unwritten) -> Fault {
    let name = |key: &Key| {
        let Key { object_type, object_id, relation, subject } = key;
        format!("user: '{subject}', relation: '{relation}', object: '{object_type}:{object_id}'")
    };
    let why = "tuple to be written already existed or the tuple to be deleted did not exist";
    match unwritten {
        Unwritten::NoStore => Fault::no_store(),
        Unwritten::Missing(key) => {
            let message = format!("cannot delete a tuple which does not exist: {}: {why}", name(&key));
            Fault::new(Code::WriteFailed, message)
        }
        Unwritten::Present(key) => {
            let message = format!("cannot write a tuple which already exists: {}: {why}", name(&key));
            Fault::new(Code::WriteFailed, message)
        }
        Unwritten::Different(key) => {
            let message = format!(
                "transactional write failed due to conflict: attempted to write a tuple which already exists with a \
                 different condition: {}",
                name(&key)
            );
            Fault::new(Code::Conflict, message)
        }
    }
}

/// Which tuples are asked for.
#[derive(Debug, Clone, Default)]
pub struct TuplesAsked {
    /// Of this user.
    pub user: String,
    /// Of this relation.
    pub relation: String,
    /// Of this object, or of objects of this type (`type:`).
    pub object: String,
    /// Where the page before ended.
    pub after: String,
    /// So many at most.
    pub rows: i64,
}

impl TuplesAsked {
    fn filter(&self) -> Result<TupleFilter<'_>, Fault> {
        let Self { user, relation, object, .. } = self;
        let given = |text: &&str| !text.is_empty();
        let (object_type, object_id) = object.split_once(':').unwrap_or_default();
        let all = [user, relation, object].iter().all(|text| text.is_empty());
        if !all && (object_type.is_empty() || object_id.is_empty() && user.is_empty()) {
            let message = "the 'tuple_key' field was provided but the object type field is required and both the object \
                           id and user cannot be empty";
            return Err(Fault::invalid(message));
        }
        Ok(TupleFilter {
            object_type: Some(object_type).filter(given),
            object_id: Some(object_id).filter(given),
            relation: Some(relation.as_str()).filter(given),
            subject: Some(user.as_str()).filter(given),
        })
    }
}

/// A page, and where the next one begins; empty at the end.
pub type PageOf<T> = (Vec<T>, String);

/// One page of the tuples that are there.
///
/// # Errors
/// When the filter or the place is none; when there is no such store.
pub async fn read(
    mut pass: Pass<ReadRelations>,
    store: RelationStoreId,
    asked: &TuplesAsked,
) -> Result<(PageOf<Tuple>, Receipt), Refused> {
    match page(&mut pass, store, asked).await {
        Ok(found) => {
            let draft = read_draft(store, found.0.len());
            Ok((found, pass.seal(draft).await?))
        }
        Err(refused) => Err(fail(pass, EventKind::RelationsRead, refused).await),
    }
}

fn read_draft(store: RelationStoreId, items: usize) -> Draft {
    Draft::done(EventKind::RelationsRead).fact("store", store).fact("items", items as u64)
}

async fn page(
    pass: &mut Pass<ReadRelations>,
    store: RelationStoreId,
    asked: &TuplesAsked,
) -> Result<PageOf<Tuple>, Refused> {
    let filter = asked.filter()?;
    let after: Option<[String; 4]> = place(&asked.after)?;
    let after = after.as_ref().map(|[object_type, object_id, relation, subject]| {
        (object_type.as_str(), object_id.as_str(), relation.as_str(), subject.as_str())
    });
    if rows::revision(pass.tx(), store).await?.is_none() {
        return Err(Fault::no_store().into());
    }
    let found = rows::tuples(pass.tx(), store, filter, after, asked.rows).await?;
    let next = found.last().filter(|_| is_full(found.len(), asked.rows)).map(|last| {
        let Key { object_type, object_id, relation, subject } = last.key();
        token(&[object_type, object_id, relation, subject])
    });
    Ok((found, next.unwrap_or_default()))
}

fn is_full(found: usize, rows: i64) -> bool {
    i64::try_from(found).is_ok_and(|found| found >= rows)
}

/// Which changes are asked for.
#[derive(Debug, Clone, Default)]
pub struct ChangesAsked {
    /// Of objects of this type; of all when it is empty.
    pub object_type: String,
    /// Where the page before ended.
    pub after: String,
    /// Not before this moment.
    pub not_before: Option<Timestamp>,
    /// So many at most.
    pub rows: i64,
}

/// One page of changes, oldest first. The place after them is given even at the end, so that one can wait there for more.
///
/// # Errors
/// When the place is none, or one of another list; when there is no such store.
pub async fn changes(
    mut pass: Pass<ReadChanges>,
    store: RelationStoreId,
    asked: &ChangesAsked,
) -> Result<(PageOf<Change>, Receipt), Refused> {
    match changed(&mut pass, store, asked).await {
        Ok(found) => {
            let draft = read_draft(store, found.0.len());
            Ok((found, pass.seal(draft).await?))
        }
        Err(refused) => Err(fail(pass, EventKind::RelationsRead, refused).await),
    }
}

async fn changed(
    pass: &mut Pass<ReadChanges>,
    store: RelationStoreId,
    asked: &ChangesAsked,
) -> Result<PageOf<Change>, Refused> {
    let after: Option<(i64, i16, String)> = place(&asked.after)?;
    let after = match after {
        None => (0, 0),
        Some((.., object_type)) if object_type != asked.object_type => {
            let message =
                "mismatched types: the type in the querystring and the continuation token don't match";
            return Err(Fault::invalid(message).into());
        }
        Some((revision, ordinal, _)) => (revision, ordinal),
    };
    if rows::revision(pass.tx(), store).await?.is_none() {
        return Err(Fault::no_store().into());
    }
    let wanted = Some(asked.object_type.as_str()).filter(|wanted| !wanted.is_empty());
    let found = rows::changes(pass.tx(), store, after, wanted, asked.not_before, asked.rows).await?;
    let next = match found.last() {
        Some(last) => token(&(last.revision, last.ordinal, &asked.object_type)),
        None => asked.after.clone(),
    };
    Ok((found, next))
}

/// A place in a list, as it is given out.
pub(super) fn token(place: &impl serde::Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that was given out; `None` for the beginning.
pub(super) fn place<T: serde::de::DeserializeOwned>(token: &str) -> Result<Option<T>, Fault> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let wrong = || Fault::new(Code::ContinuationToken, "Invalid continuation token");
    read.map(Some).ok_or_else(wrong)
}
