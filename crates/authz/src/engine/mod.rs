//! Questions about relations: a compiled model and a snapshot of tuples, bound together.

mod bind;
mod check;
mod conditions;
pub(crate) mod error;
mod expand;
mod explain;
mod list_objects;
mod list_users;
mod page;
pub(crate) mod schema;
mod suppose;
pub(crate) mod tuple;
mod validate;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::store::{Overlay, Snapshot, View};
use bind::Bind;
use error::Error;
use schema::Schema;
use tuple::Tuple;

pub use check::{CHECK_STEPS_MAX, RESOLVE_DEPTH_MAX};
pub use expand::{Computed, DifferenceNode, Leaf, Node, NodeValue, Nodes, TuplesetLeaf, Users};
pub use explain::{EXPLAIN_STEPS_MAX, Explanation, Missing, Reason, Trace};
pub use list_objects::ListObjects;
pub use list_users::{ListUsers, UserFilter};
pub use page::{LIST_STEPS_MAX, List, Page};
pub use suppose::AnswerDifference;

/// What a question says besides what it asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// Tuples that count as if they were stored.
    pub contextual: &'a [Tuple],
    /// Values for the parameters of conditions.
    pub context: Option<&'a Map<String, Value>>,
}

/// Whether a user has a relation to an object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Check<'a> {
    /// `user:anne`, `user:*` or `group:staff#member`.
    pub user: &'a str,
    /// The relation.
    pub relation: &'a str,
    /// `document:1`.
    pub object: &'a str,
    /// What counts besides.
    pub around: Around<'a>,
}

/// A model and the tuples at one revision. Answers are a function of these two and the question alone.
#[derive(Clone, Debug)]
pub struct Engine {
    schema: Arc<Schema>,
    snapshot: Arc<Snapshot>,
    bind: Arc<Bind>,
}

impl Engine {
    /// Binds a model to tuples. Cheap: a look-up per name of the model.
    ///
    /// # Errors
    /// Model and tuples together have too many names.
    pub fn new(schema: Arc<Schema>, snapshot: Arc<Snapshot>) -> Result<Self, Error> {
        let bind = Arc::new(Bind::new(&schema, snapshot.names())?);
        Ok(Self { schema, snapshot, bind })
    }

    /// The model.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The tuples.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Answers several questions; one that has no answer does not hinder the others.
    pub fn check_all(&self, questions: &[Check<'_>]) -> Vec<Result<bool, Error>> {
        questions.iter().map(|question| self.check(question)).collect()
    }

    /// A layer with the contextual tuples of a question, if it has any.
    fn layer(&self, around: Around<'_>) -> Result<Option<Overlay>, Error> {
        let contextual = around.contextual;
        if let Some(context) = around.context {
            validate::context(context).map_err(Error::Validation)?;
        }
        if contextual.is_empty() {
            return Ok(None);
        }
        let mut layer = self.snapshot.layer();
        for tuple in contextual {
            self.schema.validate_tuple(tuple).map_err(Error::InvalidTuple)?;
            self.bind.write(&self.schema, self.snapshot.view(None), &mut layer, tuple);
        }
        Ok(Some(layer))
    }

    fn view<'a>(&'a self, layer: Option<&'a Overlay>) -> View<'a> {
        self.snapshot.view(layer)
    }
}
