//! Whether a stored tuple counts: the model must have a place for it, and its condition must hold.

use serde_json::{Map, Value};

use super::Engine;
use super::error::Error;
use super::schema::{Kind, RelNo, TypeNo};
use crate::store::{Cond, View};

/// What decides about stored tuples.
#[derive(Clone, Copy)]
pub(super) struct Conditions<'a> {
    pub(super) engine: &'a Engine,
    pub(super) view: View<'a>,
    pub(super) context: Option<&'a Map<String, Value>>,
}

impl Conditions<'_> {
    /// Whether a tuple of a relation counts that names a user of this type and kind.
    #[inline]
    pub(super) fn counts(
        &self,
        relation: RelNo,
        of: TypeNo,
        kind: Kind,
        condition: Cond,
    ) -> Result<bool, Error> {
        if condition == 0 {
            return Ok(self.engine.schema.allows(relation, of, kind, None));
        }
        self.holds(relation, of, kind, condition)
    }

    fn holds(&self, relation: RelNo, of: TypeNo, kind: Kind, condition: Cond) -> Result<bool, Error> {
        let schema = &self.engine.schema;
        let (name, stored) = self.view.condition(condition);
        let Some(number) = self.engine.bind.condition_no(name) else { return Ok(false) };
        if !schema.allows(relation, of, kind, Some(number)) {
            return Ok(false);
        }
        let condition = &schema.conditions[usize::from(number)];
        let stored = stored.as_deref();
        if stored.is_some_and(|context| condition.program.accepts(context).is_err()) {
            return Ok(false);
        }
        condition
            .program
            .holds(stored, self.context)
            .map_err(|cause| Error::Condition { condition: condition.name.to_string(), cause })
    }
}
