//! What would be if: other tuples, or another model, and who gains and who loses by it.

use std::sync::Arc;

use serde::Serialize;

use super::error::Error;
use super::page::{List, Page};
use super::{Engine, ListObjects, ListUsers};
use crate::store::Change;

/// What two answers differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnswerDifference {
    /// Only in the second.
    pub gained: Vec<String>,
    /// Only in the first.
    pub lost: Vec<String>,
    /// One of the answers may lack entries.
    pub incomplete: bool,
}

impl Engine {
    /// The same model over other tuples, as if the changes had been made. This engine stays as it is.
    ///
    /// # Errors
    /// A tuple that the model has no place for.
    pub fn supposing(&self, changes: &[Change]) -> Result<Self, Error> {
        for change in changes {
            if let Change::Write(tuple) = change {
                self.schema.validate_tuple(tuple).map_err(Error::InvalidTuple)?;
            }
        }
        let snapshot = self.snapshot.supposing(changes).map_err(|e| Error::Validation(e.to_string()))?;
        Self::new(Arc::clone(&self.schema), Arc::new(snapshot))
    }

    /// Who has a relation to an object with `other` and not with this, and the other way round.
    ///
    /// # Errors
    /// As [`Engine::list_users`]; a type or relation that one of the two models does not have is had by nobody.
    pub fn who_differs(&self, other: &Self, question: &ListUsers<'_>) -> Result<AnswerDifference, Error> {
        let question = ListUsers { page: Page::default(), ..*question };
        compare(self.list_users(&question), other.list_users(&question))
    }

    /// To which objects a user has a relation with `other` and not with this, and the other way round.
    ///
    /// # Errors
    /// As [`Engine::list_objects`]; a type or relation that one of the two models does not have is had by nobody.
    pub fn what_differs(&self, other: &Self, question: &ListObjects<'_>) -> Result<AnswerDifference, Error> {
        let question = ListObjects { page: Page::default(), ..*question };
        compare(self.list_objects(&question), other.list_objects(&question))
    }
}

fn compare(before: Result<List, Error>, after: Result<List, Error>) -> Result<AnswerDifference, Error> {
    let known = |list: Result<List, Error>| match list {
        Err(Error::TypeNotFound(_) | Error::RelationNotFound { .. }) => {
            Ok(List { items: Vec::new(), next: None, incomplete: false })
        }
        other => other,
    };
    let (before, after) = (known(before)?, known(after)?);
    let only = |these: &List, those: &List| {
        these.items.iter().filter(|item| those.items.binary_search(item).is_err()).cloned().collect()
    };
    Ok(AnswerDifference {
        gained: only(&after, &before),
        lost: only(&before, &after),
        incomplete: before.incomplete || after.incomplete,
    })
}
