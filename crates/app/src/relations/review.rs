//! Access review: everything somebody can reach, over all types and relations of the model.
//!
//! The pages of a review are one answer: each is given by the revision and the model of the first, whatever was written
//! meanwhile.

use std::sync::Arc;

use authz::{Engine, Error, ListObjects, Page};
use gates::{Pass, Receipt};
use kernel::{EventKind, RelationModelId, RelationStoreId};
use serde::Serialize;

use super::ask::{Answered, Asked, answer, draft};
use super::book::{Freshness, Moment, Relations};
use super::fault::{Fault, Refused, fail};
use super::tuples::{place, token};
use super::why::aside;
use crate::action;

action! {
    /// Looks at everything somebody can reach.
    ReviewAccess = "relations.review", PoliciesRead, Principal, Record
}

/// Most rows of a page.
pub const REVIEW_ROWS_MAX: usize = 1_000;
/// Most rows of an export.
pub const REVIEW_EXPORT_ROWS_MAX: usize = 100_000;
/// Relations that are looked at for one page: a page that found little ends there, and the next one goes on.
const REVIEW_RELATIONS_MAX: usize = 1_000;

/// Something that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The object.
    pub object: String,
    /// The relation to it.
    pub relation: String,
}

/// A relation about which nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undecided {
    /// The type of its objects.
    #[serde(rename = "type")]
    pub object_type: String,
    /// The relation.
    pub relation: String,
    /// Why: mostly a condition that lacks values.
    pub reason: String,
}

/// A page of a review.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// What can be reached, by type, relation and object.
    pub access: Vec<Reach>,
    /// The relations of this page about which nothing can be said.
    pub undecided: Vec<Undecided>,
    /// Where the next page begins; empty at the end.
    pub next: String,
    /// More would have had to be looked at than one question may cost.
    pub incomplete: bool,
}

/// Where a review goes on: revision, model, type, relation, and the place in their list.
type Place = (i64, RelationModelId, String, String, Option<String>);

/// One page of everything `user` can reach.
///
/// # Errors
/// When the place is none that was given out, or the user is none under the model; else as [`super::check`].
pub async fn review(
    pass: Pass<ReviewAccess>,
    relations: &Relations,
    store: RelationStoreId,
    user: String,
    (rows, after): (usize, String),
    mut asked: Asked,
) -> Result<(Answered<Review>, Receipt), Refused> {
    let kind = EventKind::RelationsReviewed;
    let sha256 = crypto::sha256(user.as_bytes());
    let found = async {
        asked.around()?;
        let begin: Option<Place> = place(&after)?;
        let begin = begin.map(|(revision, model, of, relation, within)| {
            (asked.freshness, asked.model) = (Freshness::At(Moment::Revision(revision)), Some(model));
            (of, relation, within)
        });
        let bound = relations.engine(&pass, store, asked.model, asked.freshness).await?;
        let (model, engine) = (bound.0, Arc::clone(&bound.1));
        let found = aside(move || reached(&engine, model, &user, (rows, begin), &asked)).await?;
        Ok::<_, Refused>((bound, found))
    };
    match found.await {
        Ok((bound, found)) => {
            let draft = draft(kind, store, &bound)
                .fact("items", found.access.len() as u64)
                .fact("sha256", &audit_log::Hash(sha256));
            let receipt = pass.seal(draft).await?;
            Ok((answer(bound, found), receipt))
        }
        Err(refused) => Err(fail(pass, kind, refused).await),
    }
}

fn reached(
    engine: &Engine,
    model: RelationModelId,
    user: &str,
    (rows, begin): (usize, Option<(String, String, Option<String>)>),
    asked: &Asked,
) -> Result<Review, Fault> {
    let revision = i64::try_from(engine.snapshot().revision()).unwrap_or(i64::MAX);
    let next =
        |of: &str, relation: &str, within: Option<String>| token(&(revision, model, of, relation, within));
    let all = engine.schema().relations();
    let (from, mut within) = match &begin {
        None => (0, None),
        Some((of, relation, within)) => {
            (all.partition_point(|known| *known < (of.as_str(), relation.as_str())), within.clone())
        }
    };
    let mut review = Review::default();
    for (looked, (of, relation)) in all.into_iter().skip(from).enumerate() {
        if review.access.len() >= rows || looked >= REVIEW_RELATIONS_MAX {
            review.next = next(of, relation, None);
            break;
        }
        let cursor = within.take();
        let page = Page { size: rows - review.access.len(), cursor: cursor.as_deref() };
        let question = ListObjects { user, relation, object_type: of, around: asked.around()?, page };
        match engine.list_objects(&question) {
            Ok(list) => {
                let reach = |object| Reach { object, relation: relation.to_owned() };
                review.access.extend(list.items.into_iter().map(reach));
                review.incomplete |= list.incomplete;
                if list.next.is_some() {
                    review.next = next(of, relation, list.next);
                    break;
                }
            }
            // One relation that depends on what was not said hides nothing of the others.
            Err(error @ (Error::Condition { .. } | Error::TooComplex)) => review.undecided.push(Undecided {
                object_type: of.to_owned(),
                relation: relation.to_owned(),
                reason: error.to_string(),
            }),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(review)
}

/// A review as CSV, with a first line that names the columns: what a spreadsheet would run stands there as text.
pub fn review_csv(user: &str, review: &Review) -> String {
    let mut all = audit_log::formats::csv_row(&["user", "relation", "object", "answer", "reason"]);
    for Reach { object, relation } in &review.access {
        all.push_str(&audit_log::formats::csv_row(&[user, relation, object, "yes", ""]));
    }
    for Undecided { object_type, relation, reason } in &review.undecided {
        let object = format!("{object_type}:");
        all.push_str(&audit_log::formats::csv_row(&[user, relation, &object, "undecided", reason]));
    }
    all
}
