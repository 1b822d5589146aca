//! Whether a model has a place for a tuple, in OpenFGA's words.

use serde_json::{Map, Value};

use super::error::TupleError;
use super::schema::{CondNo, Kind, RelNo, Schema, TypeNo};
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
            return if self.allows(parts.relation, parts.user_type, kind, None) {
                Ok(())
            } else {
                Err(wrong("condition is missing".to_owned()))
            };
        };
        let number =
            self.condition_no(&condition.name).ok_or_else(|| wrong("undefined condition".to_owned()))?;
        if !self.allows(parts.relation, parts.user_type, kind, Some(number)) {
            return Err(wrong("invalid condition for type restriction".to_owned()));
        }
        match &condition.context {
            Some(values) => {
                context(values).map_err(wrong)?;
                self.conditions[usize::from(number)].program.accepts(values).map_err(wrong)
            }
            None => Ok(()),
        }
    }

    /// Whether a tuple can be written to a store: also, it says something. That a userset is in itself needs no tuple.
    ///
    /// # Errors
    /// Why not.
    pub fn validate_write(&self, tuple: &Tuple) -> Result<(), TupleError> {
        self.validate_tuple(tuple)?;
        let itself = tuple.user.strip_prefix(tuple.object.as_str()).and_then(|rest| rest.strip_prefix('#'));
        if itself == Some(&tuple.relation) {
            let cause = "cannot write a tuple that is implicit".to_owned();
            return Err(TupleError::Invalid { tuple: tuple.to_string(), cause });
        }
        Ok(())
    }

    /// Whether tuples of a relation may name this kind of users, without a condition or with this one.
    #[inline]
    pub(super) fn allows(&self, relation: RelNo, of: TypeNo, kind: Kind, condition: Option<CondNo>) -> bool {
        let allowed = &self.relation(relation).allowed;
        allowed.iter().any(|a| a.of == of && a.kind == kind && a.condition == condition)
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

/// How deeply values may be nested.
const CONTEXT_NESTING_MAX: usize = 32;

/// Whether the values for conditions are free of control characters, which have no place in any log.
pub(super) fn context(values: &Map<String, Value>) -> Result<(), String> {
    values.iter().try_for_each(|(key, value)| {
        if key.contains(char::is_control) {
            return Err(format!("context key {key:?} contains forbidden characters"));
        }
        clean(value, 0)
    })
}

fn clean(value: &Value, depth: usize) -> Result<(), String> {
    match value {
        _ if depth > CONTEXT_NESTING_MAX => Err("the context is nested too deeply".to_owned()),
        Value::String(text) if text.contains(char::is_control) => {
            Err(format!("context value {text:?} contains forbidden characters"))
        }
        Value::Array(items) => items.iter().try_for_each(|item| clean(item, depth + 1)),
        Value::Object(values) => values.iter().try_for_each(|(key, value)| {
            if key.contains(char::is_control) {
                return Err(format!("context key {key:?} contains forbidden characters"));
            }
            clean(value, depth + 1)
        }),
        _ => Ok(()),
    }
}
