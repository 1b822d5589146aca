//! Whether a model has a place for a tuple, in OpenFGA's words.

use super::error::TupleError;
use super::schema::{Kind, RelNo, Schema, TypeNo};
use super::tuple::{self, Tuple, User, WILDCARD};
use crate::names;

/// The parts of a question or a tuple, in the schema's numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) id: &'a str,
    pub(super) relation: RelNo,
    pub(super) object_type: TypeNo,
    pub(super) user: User<'a>,
    pub(super) user_type: TypeNo,
    pub(super) user_relation: Option<RelNo>,
}

impl Schema {
    /// Whether a tuple can be written: it is well formed, and the model has a place for it.
    ///
    /// # Errors
    /// Why not.
    pub fn validate_tuple(&self, tuple: &Tuple) -> Result<(), TupleError> {
        let invalid = |cause: String| TupleError::Invalid { tuple: tuple.to_string(), cause };
        let parts =
            self.parts(&tuple.user, &tuple.relation, &tuple.object).map_err(|e| invalid(e.to_string()))?;
        let relation = self.relation(parts.relation);
        let name = self.relation_name(parts.relation);
        let (user, wildcard) = (&tuple.user, parts.user.is_wildcard());
        if relation.is_tupleset && wildcard {
            return Err(invalid(format!("unexpected wildcard relationship with tupleset relation '{name}'")));
        }
        if relation.is_tupleset && parts.user_relation.is_some() {
            return Err(invalid(format!("unexpected user '{user}' with tupleset relation '{name}'")));
        }
        let kind = match parts.user_relation {
            Some(number) => Kind::Userset(number),
            None if wildcard => Kind::Wildcard,
            None => Kind::Object,
        };
        if !relation.allowed.iter().any(|a| a.of == parts.user_type && a.kind == kind) {
            let type_name = parts.user.type_name;
            return Err(invalid(match kind {
                Kind::Userset(number) => {
                    format!(
                        "'{}' is not an allowed type restriction for '{name}'",
                        self.relation_name(number)
                    )
                }
                Kind::Wildcard => {
                    format!("the typed wildcard '{user}' is not an allowed type restriction for '{name}'")
                }
                Kind::Object => format!("type '{type_name}' is not an allowed type restriction for '{name}'"),
            }));
        }
        let wrong = |cause: String| TupleError::Condition { tuple: tuple.to_string(), cause };
        let Some(condition) = &tuple.condition else {
            return if self.fits_without_condition(parts.relation, parts.user_type, kind) {
                Ok(())
            } else {
                Err(wrong("condition is missing".to_owned()))
            };
        };
        let number =
            self.condition_no(&condition.name).ok_or_else(|| wrong("undefined condition".to_owned()))?;
        if !relation.allowed.iter().any(|a| a.of == parts.user_type && a.condition == Some(number)) {
            return Err(wrong("invalid condition for type restriction".to_owned()));
        }
        match &condition.context {
            Some(context) => self.conditions[usize::from(number)].program.accepts(context).map_err(wrong),
            None => Ok(()),
        }
    }

    /// As OpenFGA: an entry for objects without a condition also lets usersets of its type pass.
    pub(super) fn fits_without_condition(&self, relation: RelNo, of: TypeNo, kind: Kind) -> bool {
        self.relation(relation).allowed.iter().any(|a| {
            a.condition.is_none()
                && a.of == of
                && match a.kind {
                    Kind::Object => kind != Kind::Wildcard,
                    other => other == kind,
                }
        })
    }

    /// Takes a question apart.
    pub(super) fn parts<'a>(
        &self,
        user: &'a str,
        relation: &str,
        object: &'a str,
    ) -> Result<Parts<'a>, TupleError> {
        let (parsed, user_type, user_relation) = self.user(user)?;
        let cause = |text: &str| TupleError::Invalid {
            tuple: format!("{object}#{relation}@{user}"),
            cause: text.to_owned(),
        };
        let (type_name, id) = names::object(object).ok_or_else(|| cause("invalid 'object' field format"))?;
        if id == WILDCARD {
            return Err(cause("the 'object' field cannot reference a typed wildcard"));
        }
        let object_type =
            self.type_no(type_name).ok_or_else(|| TupleError::TypeNotFound(type_name.to_owned()))?;
        let Some(number) = self.relation_no(object_type, relation) else {
            if !tuple::is_relation(relation) {
                return Err(cause("the 'relation' field is malformed"));
            }
            let (type_name, relation) = (type_name.to_owned(), relation.to_owned());
            return Err(TupleError::RelationNotFound { type_name, relation });
        };
        Ok(Parts { id, relation: number, object_type, user: parsed, user_type, user_relation })
    }

    pub(super) fn user<'a>(&self, user: &'a str) -> Result<(User<'a>, TypeNo, Option<RelNo>), TupleError> {
        let parsed = User::parse(user).ok_or_else(|| TupleError::Invalid {
            tuple: user.to_owned(),
            cause: "the 'user' field must be an object (e.g. document:1) or an 'object#relation' or a typed wildcard \
                    (e.g. group:*)"
                .to_owned(),
        })?;
        let type_name = || parsed.type_name.to_owned();
        let user_type =
            self.type_no(parsed.type_name).ok_or_else(|| TupleError::TypeNotFound(type_name()))?;
        let relation = match parsed.relation {
            "" => None,
            relation => Some(self.relation_no(user_type, relation).ok_or_else(|| {
                TupleError::RelationNotFound { type_name: type_name(), relation: relation.to_owned() }
            })?),
        };
        Ok((parsed, user_type, relation))
    }
}
