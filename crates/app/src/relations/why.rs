//! Why an answer is what it is, and what it would be with other tuples or another model. Nothing is changed by asking.

use std::sync::Arc;

use authz::{
    AnswerDifference, Around, Change, Check, Engine, Explanation, ListObjects, ListUsers, Page, UserFilter,
};
use gates::{Pass, Receipt};
use kernel::{EventKind, Problem, RelationModelId, RelationStoreId};
use serde::Serialize;

use super::ask::{Answered, Asked, answer, draft, question_hash};
use super::book::Relations;
use super::fault::{Code, Fault, Refused, fail};
use super::{LIST_ITEMS_MAX, TupleKey, WRITE_TUPLES_MAX};
use crate::action;

action! {
    /// Asks why somebody has a relation to something, or what is missing.
    Explain = "relations.explain", PoliciesRead, Principal, Record
}
action! {
    /// Asks what would be with other tuples or another model.
    WhatIf = "relations.what_if", PoliciesRead, Principal, Record
}

/// Work that may take a while, without keeping others from theirs.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| Refused::Problem(Problem::internal()))??)
}

/// The answer to a question with its reason: the way a yes follows from tuples, or the fewest changes a no lacks.
///
/// # Errors
/// As [`super::check`].
pub async fn explain(
    pass: Pass<Explain>,
    relations: &Relations,
    store: RelationStoreId,
    question: TupleKey,
    asked: Asked,
) -> Result<(Answered<Explanation>, Receipt), Refused> {
    let kind = EventKind::RelationsChecked;
    let sha256 = question_hash(&question, &asked);
    let answered = async {
        asked.around()?;
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let engine = Arc::clone(&bound.1);
        let found = aside(move || explained(&engine, &question, asked.around()?)).await?;
        Ok::<_, Refused>((bound, found))
    };
    match answered.await {
        Ok((bound, found)) => {
            let draft = draft(kind, store, &bound)
                .fact("checks", 1_u64)
                .fact("allowed", u64::from(found.allowed))
                .fact("sha256", &audit_log::Hash(sha256));
            let receipt = pass.seal(draft).await?;
            Ok((answer(bound, found), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

fn explained(engine: &Engine, question: &TupleKey, around: Around<'_>) -> Result<Explanation, Fault> {
    let TupleKey { user, relation, object, .. } = question;
    Ok(engine.explain(&Check { user, relation, object, around })?)
}

/// What is supposed.
#[derive(Debug, Clone, Default)]
pub struct Supposed {
    /// Tuples as if they were written.
    pub writes: Vec<TupleKey>,
    /// Tuples as if they were deleted; one that is not there changes nothing.
    pub deletes: Vec<TupleKey>,
    /// A model of the store as if it were the one to answer by.
    pub model: Option<RelationModelId>,
}

impl Supposed {
    fn is_something(&self) -> Result<(), Fault> {
        let tuples = self.writes.len() + self.deletes.len();
        if tuples == 0 && self.model.is_none() {
            let message = "nothing is supposed: name tuples to write or to delete, another model, or both";
            return Err(Fault::invalid(message));
        }
        if tuples > WRITE_TUPLES_MAX {
            let message =
                format!("at most {WRITE_TUPLES_MAX} tuples can be supposed to be written or deleted");
            return Err(Fault::new(Code::TooMany, message));
        }
        Ok(())
    }

    /// As the engine takes them: deletes first, as in a write.
    fn changes(&self) -> Vec<Change> {
        let deletes = self.deletes.iter().cloned().map(Change::Delete);
        deletes.chain(self.writes.iter().cloned().map(Change::Write)).collect()
    }
}

/// What is asked about what is supposed.
#[derive(Debug, Clone)]
pub enum Wondered {
    /// Whether somebody has a relation to something, before and after.
    Check(TupleKey),
    /// Who gains and who loses a relation to an object.
    Users {
        /// The object.
        object: String,
        /// The relation.
        relation: String,
        /// The type of the users.
        user_type: String,
        /// For `group#member` the relation.
        user_relation: Option<String>,
    },
    /// Which objects somebody gains and loses.
    Objects {
        /// The user.
        user: String,
        /// The relation.
        relation: String,
        /// The type of the objects.
        object_type: String,
    },
}

/// What differs.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Differs {
    /// The two answers.
    Check {
        /// As it is.
        before: Box<Explanation>,
        /// As it would be.
        after: Box<Explanation>,
    },
    /// Who or what is gained and lost; at most [`LIST_ITEMS_MAX`] of each.
    Lists(AnswerDifference),
}

impl Differs {
    fn items(&self) -> usize {
        match self {
            Self::Check { before, after } => usize::from(before.allowed != after.allowed),
            Self::Lists(lists) => lists.gained.len() + lists.lost.len(),
        }
    }
}

/// What would be, held against what is.
///
/// # Errors
/// When nothing or too much is supposed, or a tuple does not fit the model it is supposed under; else as [`super::check`].
pub async fn what_if(
    pass: Pass<WhatIf>,
    relations: &Relations,
    store: RelationStoreId,
    supposed: Supposed,
    (wondered, asked): (Wondered, Asked),
) -> Result<(Answered<Differs>, Receipt), Refused> {
    let kind = EventKind::RelationsSupposed;
    let sha256 = crypto::sha256(format!("{supposed:?}{wondered:?}").as_bytes());
    let (writes, deletes, model) = (supposed.writes.len(), supposed.deletes.len(), supposed.model);
    let answered = async {
        supposed.is_something()?;
        asked.around()?;
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let before = Arc::clone(&bound.1);
        let other = match supposed.model {
            None => Engine::clone(&before),
            Some(id) => {
                let schema = relations.other_schema(&pass, store, id).await?;
                Engine::new(schema, Arc::clone(before.snapshot())).map_err(Fault::from)?
            }
        };
        let found = aside(move || {
            let after = other.supposing(&supposed.changes())?;
            difference(&before, &after, &wondered, asked.around()?)
        });
        Ok::<_, Refused>((bound, found.await?))
    };
    match answered.await {
        Ok((bound, found)) => {
            let draft = draft(kind, store, &bound)
                .fact("other_model", model.unwrap_or(bound.0))
                .fact("written", writes as u64)
                .fact("deleted", deletes as u64)
                .fact("items", found.items() as u64)
                .fact("sha256", &audit_log::Hash(sha256));
            let receipt = pass.seal(draft).await?;
            Ok((answer(bound, found), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

fn difference(
    before: &Engine,
    after: &Engine,
    wondered: &Wondered,
    around: Around<'_>,
) -> Result<Differs, Fault> {
    let page = Page::default();
    let mut lists = match wondered {
        Wondered::Check(question) => {
            let (is, would) = (knows(before, question), knows(after, question));
            // What one of the two models has no relation for is had by nobody under it.
            let ask = |engine: &Engine, known: bool| {
                let nobody = Explanation { allowed: false, because: None, missing: None };
                let said = if known || is == would { explained(engine, question, around)? } else { nobody };
                Ok::<_, Fault>(Box::new(said))
            };
            return Ok(Differs::Check { before: ask(before, is)?, after: ask(after, would)? });
        }
        Wondered::Users { object, relation, user_type, user_relation } => {
            let filter = UserFilter { type_name: user_type, relation: user_relation.as_deref() };
            before.who_differs(after, &ListUsers { object, relation, filter, around, page })?
        }
        Wondered::Objects { user, relation, object_type } => {
            before.what_differs(after, &ListObjects { user, relation, object_type, around, page })?
        }
    };
    for list in [&mut lists.gained, &mut lists.lost] {
        lists.incomplete |= list.len() > LIST_ITEMS_MAX;
        list.truncate(LIST_ITEMS_MAX);
    }
    Ok(Differs::Lists(lists))
}

fn knows(engine: &Engine, question: &TupleKey) -> bool {
    let (of, _) = question.object.split_once(':').unwrap_or_default();
    engine.schema().relations().binary_search(&(of, question.relation.as_str())).is_ok()
}
