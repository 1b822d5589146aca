//! The questions of AuthZEN (OpenID Authorization API 1.0): the same as OpenFGA's, under names of their own, so that the log
//! says by which door they came.

use std::sync::Arc;

use authz::{Check, Engine, List};
use gates::{Pass, Receipt};
use kernel::{EventKind, RelationModelId, RelationStoreId};
use serde_json::{Map, Value};

use super::ask::{Answered, Asked, answer, around, draft, list_objects, list_users};
use super::book::{Freshness, Moment, Relations};
use super::fault::{Fault, Refused, fail};
use super::tuples::{place, token};
use super::why::aside;
use super::{BATCH_CHECKS_MAX, LIST_ITEMS_MAX, TupleKey};
use crate::action;

action! {
    /// Asks for one decision.
    Evaluate = "relations.evaluate", PoliciesRead, Principal, Record
}
action! {
    /// Asks for several decisions.
    EvaluateAll = "relations.evaluate_all", PoliciesRead, Principal, Record
}
action! {
    /// Asks who may do something to a resource.
    SearchSubjects = "relations.search_subjects", PoliciesRead, Principal, Record
}
action! {
    /// Asks to which resources somebody may do something.
    SearchResources = "relations.search_resources", PoliciesRead, Principal, Record
}
action! {
    /// Asks what somebody may do to a resource.
    SearchActions = "relations.search_actions", PoliciesRead, Principal, Record
}

/// A decision that is asked for.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Who, what, to what.
    pub question: TupleKey,
    /// Values for conditions.
    pub context: Option<Map<String, Value>>,
}

/// After which decision no further one is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantic {
    /// After none.
    #[default]
    ExecuteAll,
    /// After the first that is no yes.
    DenyOnFirstDeny,
    /// After the first yes.
    PermitOnFirstPermit,
}

/// Decides several questions by one model and one revision. One that has no answer is a no with its reason.
///
/// # Errors
/// When there are too many; when there is no such store or model.
pub async fn evaluate_all(
    pass: Pass<EvaluateAll>,
    relations: &Relations,
    store: RelationStoreId,
    (items, semantic): (Vec<Result<Evaluation, Fault>>, Semantic),
    asked: &Asked,
) -> Result<(Answered<Vec<Result<bool, Fault>>>, Receipt), Refused> {
    let kind = EventKind::RelationsChecked;
    let decided = async {
        if items.len() > BATCH_CHECKS_MAX {
            return Err(Fault::invalid(format!(
                "at most {BATCH_CHECKS_MAX} evaluations are asked for at once"
            ))
            .into());
        }
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let mut decisions = Vec::with_capacity(items.len());
        for item in items {
            let decision = item.and_then(|item| decide(&bound.1, &item));
            let is_yes = decision == Ok(true);
            decisions.push(decision);
            match semantic {
                Semantic::DenyOnFirstDeny if !is_yes => break,
                Semantic::PermitOnFirstPermit if is_yes => break,
                _ => {}
            }
        }
        Ok::<_, Refused>((bound, decisions))
    };
    match decided.await {
        Ok((bound, decisions)) => {
            let allowed = decisions.iter().filter(|decision| **decision == Ok(true)).count();
            let draft = draft(kind, store, &bound)
                .fact("checks", decisions.len() as u64)
                .fact("allowed", allowed as u64);
            let receipt = pass.seal(draft).await?;
            Ok((answer(bound, decisions), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

fn decide(engine: &Engine, item: &Evaluation) -> Result<bool, Fault> {
    let TupleKey { user, relation, object, .. } = &item.question;
    let around = around(&[], item.context.as_ref())?;
    Ok(engine.check(&Check { user, relation, object, around })?)
}

/// A page of a search, and where the next one begins; empty at the end. All pages answer by the tuples and the model of the
/// first.
pub type Found<T> = (Answered<T>, String);

/// Where the page before ended: its revision, its model, and the place in the list.
fn resume(after: &str, asked: &mut Asked) -> Result<Option<String>, Fault> {
    let begin: Option<(i64, RelationModelId, String)> = place(after)?;
    Ok(begin.map(|(revision, model, cursor)| {
        (asked.freshness, asked.model) = (Freshness::At(Moment::Revision(revision)), Some(model));
        cursor
    }))
}

fn next<T>(answered: &Answered<T>, cursor: Option<&str>) -> String {
    let revision = i64::try_from(answered.revision).unwrap_or(i64::MAX);
    cursor.map(|cursor| token(&(revision, answered.model, cursor))).unwrap_or_default()
}

/// The subjects of a type who may do something to a resource.
///
/// # Errors
/// As [`super::list_users`].
pub async fn search_subjects(
    pass: Pass<SearchSubjects>,
    relations: &Relations,
    store: RelationStoreId,
    (object, relation, user_type): (String, String, String),
    (size, after): (usize, &str),
    mut asked: Asked,
) -> Result<(Found<List>, Receipt), Refused> {
    let cursor = match resume(after, &mut asked) {
        Ok(cursor) => cursor,
        Err(fault) => return Err(fail(pass, EventKind::RelationsSearched, fault.into()).await),
    };
    let (about, page) = ((object, relation), (size.min(LIST_ITEMS_MAX), cursor));
    let (found, receipt) = list_users(pass, relations, store, about, (user_type, None), page, asked).await?;
    let next = next(&found, found.answer.next.as_deref());
    Ok(((found, next), receipt))
}

/// The resources of a type that somebody may do something to.
///
/// # Errors
/// As [`super::list_objects`].
pub async fn search_resources(
    pass: Pass<SearchResources>,
    relations: &Relations,
    store: RelationStoreId,
    about: (String, String, String),
    (size, after): (usize, &str),
    mut asked: Asked,
) -> Result<(Found<List>, Receipt), Refused> {
    let cursor = match resume(after, &mut asked) {
        Ok(cursor) => cursor,
        Err(fault) => return Err(fail(pass, EventKind::RelationsSearched, fault.into()).await),
    };
    let page = (size.min(LIST_ITEMS_MAX), cursor);
    let (found, receipt) = list_objects(pass, relations, store, about, page, asked).await?;
    let next = next(&found, found.answer.next.as_deref());
    Ok(((found, next), receipt))
}

/// What somebody may do to a resource: the relations that hold. One about which nothing can be said, because a condition
/// lacks values, is not among them.
///
/// # Errors
/// When the user or the object is none under the model; else as [`super::check`].
pub async fn search_actions(
    pass: Pass<SearchActions>,
    relations: &Relations,
    store: RelationStoreId,
    (user, object): (String, String),
    (size, after): (usize, &str),
    mut asked: Asked,
) -> Result<(Found<Vec<String>>, Receipt), Refused> {
    let kind = EventKind::RelationsSearched;
    let found = async {
        let begin = resume(after, &mut asked)?;
        asked.around()?;
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let engine = Arc::clone(&bound.1);
        let found =
            aside(move || actions(&engine, (&user, &object), (size, begin.as_deref()), &asked)).await?;
        Ok::<_, Refused>((bound, found))
    };
    match found.await {
        Ok((bound, (names, more))) => {
            let draft = draft(kind, store, &bound).fact("items", names.len() as u64);
            let receipt = pass.seal(draft).await?;
            let answered = answer(bound, names);
            let last = answered.answer.last().map(String::as_str).filter(|_| more);
            let next = next(&answered, last);
            Ok(((answered, next), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

/// The relations that hold, those after a name, and whether there are more.
fn actions(
    engine: &Engine,
    (user, object): (&str, &str),
    (size, after): (usize, Option<&str>),
    asked: &Asked,
) -> Result<(Vec<String>, bool), Fault> {
    let (of, _) = object.split_once(':').unwrap_or_default();
    let schema = Arc::clone(engine.schema());
    let known: Vec<&str> =
        schema.relations().into_iter().filter(|(known, _)| *known == of).map(|(_, name)| name).collect();
    if known.is_empty() {
        return Err(authz::Error::TypeNotFound(of.to_owned()).into());
    }
    let mut names = Vec::new();
    for relation in known.into_iter().filter(|name| after.is_none_or(|after| *name > after)) {
        match engine.check(&Check { user, relation, object, around: asked.around()? }) {
            Ok(true) if names.len() == size => return Ok((names, true)),
            Ok(true) => names.push(relation.to_owned()),
            Ok(false) | Err(authz::Error::Condition { .. } | authz::Error::TooComplex) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok((names, false))
}
