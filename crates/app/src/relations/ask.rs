//! Questions: who may do what. Each is on record with the model and the revision it was answered by.

use std::sync::Arc;

use authz::{Around, Check, Engine, List, ListObjects, ListUsers, Node, Page, UserFilter};
use gates::{Action, Draft, Pass, Receipt, Record};
use kernel::{EventKind, RelationModelId, RelationStoreId};
use serde_json::{Map, Value};

use super::book::{Freshness, Relations};
use super::fault::{Fault, Refused, fail};
use super::why::aside;
use super::{BATCH_CHECKS_MAX, CONTEXT_BYTES_MAX, CONTEXTUAL_TUPLES_MAX, TupleKey};
use crate::action;

action! {
    /// Asks whether somebody has a relation to something.
    CheckRelations = "relations.check", PoliciesRead, Principal, Record
}
action! {
    /// Asks several such questions.
    BatchCheck = "relations.batch_check", PoliciesRead, Principal, Record
}
action! {
    /// Asks what a relation of an object consists of.
    Expand = "relations.expand", PoliciesRead, Principal, Record
}
action! {
    /// Asks which objects somebody has a relation to, page by page.
    ListObjectsOf = "relations.list_objects", PoliciesRead, Principal, Record
}
action! {
    /// Asks which objects somebody has a relation to, all at once.
    StreamObjects = "relations.stream_objects", PoliciesRead, Principal, Record
}
action! {
    /// Asks who has a relation to an object.
    ListUsersOf = "relations.list_users", PoliciesRead, Principal, Record
}

/// What every question says.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The model to answer by; the newest when none is named.
    pub model: Option<RelationModelId>,
    /// How new the tuples must be.
    pub freshness: Freshness,
    /// Tuples that count as if they were stored.
    pub contextual: Vec<TupleKey>,
    /// Values for the parameters of conditions.
    pub context: Option<Map<String, Value>>,
}

impl Asked {
    pub(super) fn around(&self) -> Result<Around<'_>, Fault> {
        around(&self.contextual, self.context.as_ref())
    }
}

pub(super) fn around<'a>(
    contextual: &'a [TupleKey],
    context: Option<&'a Map<String, Value>>,
) -> Result<Around<'a>, Fault> {
    if contextual.len() > CONTEXTUAL_TUPLES_MAX {
        let message = format!("at most {CONTEXTUAL_TUPLES_MAX} contextual tuples come with a question");
        return Err(Fault::invalid(message));
    }
    let size =
        context.map_or(0, |context| serde_json::to_string(context).map_or(usize::MAX, |text| text.len()));
    if size > CONTEXT_BYTES_MAX {
        return Err(Fault::invalid(format!("the context has more than {CONTEXT_BYTES_MAX} bytes")));
    }
    Ok(Around { contextual, context })
}

/// An answer and what it was given by.
#[derive(Debug)]
pub struct Answered<T> {
    /// The answer.
    pub answer: T,
    /// The model.
    pub model: RelationModelId,
    /// The revision of the tuples: the same question about it has the same answer for ever.
    pub revision: u64,
}

/// A question on record: what was asked is there as a hash, so that whoever kept the question can show that it was this one.
pub(super) fn question_hash(question: &TupleKey, asked: &Asked) -> [u8; 32] {
    let text = crate::ordered_json(serde_json::json!([question, asked.contextual, asked.context]));
    crypto::sha256(text.as_bytes())
}

pub(super) fn draft(
    kind: EventKind,
    store: RelationStoreId,
    (model, engine): &(RelationModelId, Arc<Engine>),
) -> Draft {
    Draft::done(kind)
        .subject("relation_store", store)
        .fact("store", store)
        .fact("model", *model)
        .fact("revision", engine.snapshot().revision())
}

/// Whether a user has a relation to an object.
///
/// # Errors
/// When the question makes no sense under the model, has no answer, or there is no such store or model.
pub async fn check<A: Action<Mode = Record>>(
    pass: Pass<A>,
    relations: &Relations,
    store: RelationStoreId,
    question: &TupleKey,
    asked: &Asked,
) -> Result<(Answered<bool>, Receipt), Refused> {
    let kind = EventKind::RelationsChecked;
    let answered = async {
        let around = asked.around()?;
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let TupleKey { user, relation, object, .. } = question;
        let allowed = bound.1.check(&Check { user, relation, object, around }).map_err(Fault::from)?;
        Ok::<_, Refused>((bound, allowed))
    };
    match answered.await {
        Ok((bound, allowed)) => {
            let draft = draft(kind, store, &bound)
                .fact("checks", 1_u64)
                .fact("allowed", u64::from(allowed))
                .fact("sha256", &audit_log::Hash(question_hash(question, asked)));
            let receipt = pass.seal(draft).await?;
            Ok((answer(bound, allowed), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

pub(super) fn answer<T>((model, engine): (RelationModelId, Arc<Engine>), answer: T) -> Answered<T> {
    Answered { answer, model, revision: engine.snapshot().revision() }
}

/// One question of a batch.
#[derive(Debug, Clone, Default)]
pub struct BatchItem {
    /// What the asker calls it.
    pub correlation_id: String,
    /// The question.
    pub question: TupleKey,
    /// Tuples that count for this question.
    pub contextual: Vec<TupleKey>,
    /// Values for this question.
    pub context: Option<Map<String, Value>>,
}

/// The answers of a batch, by what the asker calls each.
pub type Batch = Vec<(String, Result<bool, Fault>)>;

/// Answers several questions by one model and one revision. One that has no answer does not hinder the others.
///
/// # Errors
/// When there are none, too many, or two of one name; when there is no such store or model.
pub async fn batch_check(
    pass: Pass<BatchCheck>,
    relations: &Relations,
    store: RelationStoreId,
    items: Vec<BatchItem>,
    asked: &Asked,
) -> Result<(Answered<Batch>, Receipt), Refused> {
    let kind = EventKind::RelationsChecked;
    let answered = async {
        named_once(&items)?;
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let answers: Batch = items
            .iter()
            .map(|item| {
                let TupleKey { user, relation, object, .. } = &item.question;
                let around = around(&item.contextual, item.context.as_ref());
                let allowed =
                    around.and_then(|around| Ok(bound.1.check(&Check { user, relation, object, around })?));
                (item.correlation_id.clone(), allowed)
            })
            .collect();
        Ok::<_, Refused>((bound, answers))
    };
    match answered.await {
        Ok((bound, answers)) => {
            let allowed = answers.iter().filter(|(_, answer)| *answer == Ok(true)).count();
            let draft = draft(kind, store, &bound)
                .fact("checks", answers.len() as u64)
                .fact("allowed", allowed as u64);
            let receipt = pass.seal(draft).await?;
            Ok((answer(bound, answers), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

fn named_once(items: &[BatchItem]) -> Result<(), Fault> {
    if items.is_empty() {
        return Err(Fault::invalid("batch check requires at least one check, got none"));
    }
    if items.len() > BATCH_CHECKS_MAX {
        let message =
            format!("batchCheck received {} checks, the maximum allowed is {BATCH_CHECKS_MAX}", items.len());
        return Err(Fault::invalid(message));
    }
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    for BatchItem { correlation_id: id, .. } in items {
        let fits = (1..=36).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !fits {
            let message = "invalid BatchCheckItem.CorrelationId: value does not match regex pattern \"^[\\\\w\\\\d-]{1,36}$\"";
            return Err(Fault::invalid(message));
        }
        if !seen.insert(id) {
            return Err(Fault::invalid(format!("received duplicate correlation id: {id}")));
        }
    }
    Ok(())
}

/// Finds an answer that may take a while without keeping others from theirs, and puts it on record.
async fn search<A: Action<Mode = Record>, T: Send + 'static>(
    pass: Pass<A>,
    relations: &Relations,
    store: RelationStoreId,
    asked: Asked,
    find: impl FnOnce(&Engine, Around<'_>) -> Result<T, authz::Error> + Send + 'static,
    count: impl FnOnce(&T) -> usize,
) -> Result<(Answered<T>, Receipt), Refused> {
    let kind = EventKind::RelationsSearched;
    let found = async {
        asked.around()?;
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let engine = Arc::clone(&bound.1);
        let work = move || {
            let around = asked.around()?;
            find(&engine, around).map_err(Fault::from)
        };
        Ok::<_, Refused>((bound, aside(work).await?))
    };
    match found.await {
        Ok((bound, found)) => {
            let draft = draft(kind, store, &bound).fact("items", count(&found) as u64);
            let receipt = pass.seal(draft).await?;
            Ok((answer(bound, found), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

/// The objects of a type that a user has a relation to: all of them, in pages.
///
/// # Errors
/// As [`check`].
pub async fn list_objects<A: Action<Mode = Record>>(
    pass: Pass<A>,
    relations: &Relations,
    store: RelationStoreId,
    (user, relation, object_type): (String, String, String),
    (size, cursor): (usize, Option<String>),
    asked: Asked,
) -> Result<(Answered<List>, Receipt), Refused> {
    let find = move |engine: &Engine, around: Around<'_>| {
        let page = Page { size, cursor: cursor.as_deref() };
        let question =
            ListObjects { user: &user, relation: &relation, object_type: &object_type, around, page };
        engine.list_objects(&question)
    };
    search(pass, relations, store, asked, find, |found| found.items.len()).await
}

/// The users of a kind who have a relation to an object: all of them, in pages.
///
/// # Errors
/// As [`check`].
pub async fn list_users<A: Action<Mode = Record>>(
    pass: Pass<A>,
    relations: &Relations,
    store: RelationStoreId,
    (object, relation): (String, String),
    (user_type, user_relation): (String, Option<String>),
    (size, cursor): (usize, Option<String>),
    asked: Asked,
) -> Result<(Answered<List>, Receipt), Refused> {
    let find = move |engine: &Engine, around: Around<'_>| {
        let filter = UserFilter { type_name: &user_type, relation: user_relation.as_deref() };
        let page = Page { size, cursor: cursor.as_deref() };
        engine.list_users(&ListUsers { object: &object, relation: &relation, filter, around, page })
    };
    search(pass, relations, store, asked, find, |found| found.items.len()).await
}

/// What a relation of an object consists of, one level deep.
///
/// # Errors
/// As [`check`].
pub async fn expand(
    pass: Pass<Expand>,
    relations: &Relations,
    store: RelationStoreId,
    (object, relation): (String, String),
    asked: Asked,
) -> Result<(Answered<Node>, Receipt), Refused> {
    let find = move |engine: &Engine, around: Around<'_>| engine.expand(&relation, &object, around);
    search(pass, relations, store, asked, find, |_| 1).await
}
