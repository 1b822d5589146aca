//! Tuples: `user` has `relation` to `object`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::names;

/// A tuple.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuple {
    /// An object such as `user:anne`, everything of a type such as `user:*`, or those who have a relation to an object,
    /// such as `group:staff#member`.
    pub user: String,
    /// The relation.
    pub relation: String,
    /// The object, such as `document:1`.
    pub object: String,
    /// Under which condition it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<TupleCondition>,
}

/// The condition of a tuple.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TupleCondition {
    /// Its name in the model.
    pub name: String,
    /// Values of its parameters; they count more than those of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Map<String, Value>>,
}

impl Tuple {
    /// A tuple without a condition.
    pub fn new(user: impl Into<String>, relation: impl Into<String>, object: impl Into<String>) -> Self {
        Self { user: user.into(), relation: relation.into(), object: object.into(), condition: None }
    }
}

impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)?;
        match &self.condition {
            Some(condition) => write!(f, " (condition {})", condition.name),
            None => Ok(()),
        }
    }
}

/// A user taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User<'a> {
    pub(crate) type_name: &'a str,
    pub(crate) id: &'a str,
    /// Empty for an object.
    pub(crate) relation: &'a str,
}

/// The id that stands for every object of a type.
pub(crate) const WILDCARD: &str = "*";

impl<'a> User<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > names::USER_BYTES_MAX {
            return None;
        }
        let hash = text.bytes().position(|b| b == b'#');
        let (object, relation) = hash.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
        let (type_name, id) = names::object(object)?;
        let userset = text.len() > object.len();
        if userset && (!is_relation(relation) || id.contains('*')) {
            return None;
        }
        Some(Self { type_name, id, relation })
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        self.relation.is_empty() && self.id == WILDCARD
    }
}

/// Whether this can be a relation, as OpenFGA's server takes it.
pub(crate) fn is_relation(text: &str) -> bool {
    let fits = |c: char| !matches!(c, '#' | ':' | '@' | ' ') && !c.is_control();
    !text.is_empty() && text.len() <= names::RELATION_CHARS_MAX && text.chars().all(fits)
}
