//! Why a question about relations has no answer, and the code OpenFGA's API has for it.

use crate::cel::{ConditionError, EvalError};

/// Why a model cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Which rules of the language it breaks.
    #[error("{0}")]
    Invalid(#[from] crate::Problems),
    /// A condition that cannot be compiled.
    #[error("{0}")]
    Condition(#[from] ConditionError),
    /// A relation that is made of itself.
    #[error(
        "the definition of relation '{relation}' in object type '{type_name}' is invalid: potential loop"
    )]
    Cycle {
        /// The type.
        type_name: String,
        /// The relation.
        relation: String,
    },
    /// Kinds of users for a relation that no tuple can have.
    #[error(
        "the non-assignable relation '{relation}' in object type '{type_name}' should not contain a related type"
    )]
    NotAssignable {
        /// The type.
        type_name: String,
        /// The relation.
        relation: String,
    },
    /// A tuple may name what `x from y` cannot go through.
    #[error(
        "the '{type_name}#{relation}' relation is referenced in at least one tupleset and thus must be a direct relation"
    )]
    Tupleset {
        /// The type.
        type_name: String,
        /// The relation.
        relation: String,
    },
    /// More types or relations than this engine numbers.
    #[error("the model has more than {0} types or relations")]
    TooLarge(usize),
}

/// What is wrong with a tuple.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TupleError {
    /// It cannot be read, or the model has no place for it.
    #[error("Invalid tuple '{tuple}'. Reason: {cause}")]
    Invalid {
        /// The tuple.
        tuple: String,
        /// Why.
        cause: String,
    },
    /// Its type is not defined.
    #[error("type '{0}' not found")]
    TypeNotFound(String),
    /// Its relation is not defined.
    #[error("relation '{type_name}#{relation}' not found")]
    RelationNotFound {
        /// The type.
        type_name: String,
        /// The relation.
        relation: String,
    },
    /// Its condition does not fit.
    #[error("Invalid tuple '{tuple}'. Reason: {cause}")]
    Condition {
        /// The tuple.
        tuple: String,
        /// Why.
        cause: String,
    },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The question itself makes no sense.
    #[error("{0}")]
    Validation(String),
    /// A contextual tuple is wrong.
    #[error("{0}")]
    InvalidTuple(TupleError),
    /// The type that is asked for is not defined.
    #[error("type '{0}' not found")]
    TypeNotFound(String),
    /// The relation that is asked for is not defined.
    #[error("relation '{type_name}#{relation}' not found")]
    RelationNotFound {
        /// The type.
        type_name: String,
        /// The relation.
        relation: String,
    },
    /// A condition has no answer, and nothing else decides.
    #[error("'{condition}' - {cause}")]
    Condition {
        /// The condition.
        condition: String,
        /// Why.
        cause: EvalError,
    },
    /// More steps from one object to the next than are followed, or more work than one question may cost.
    #[error(
        "Authorization Model resolution required too many rewrite rules to be resolved. Check your authorization model for \
         infinite recursion or too much nesting"
    )]
    TooComplex,
    /// More tuples, objects or names than are numbered.
    #[error("{0}")]
    Limit(String),
    /// A cursor that this engine did not give.
    #[error("Invalid continuation token")]
    Cursor,
}

impl Error {
    /// The number OpenFGA's API has for it.
    pub fn code(&self) -> u16 {
        match self {
            Self::Validation(_) | Self::Condition { .. } => 2000,
            Self::TooComplex => 2002,
            Self::Cursor => 2007,
            Self::TypeNotFound(_) => 2021,
            Self::RelationNotFound { .. } => 2022,
            Self::InvalidTuple(_) => 2027,
            Self::Limit(_) => 2053,
        }
    }

    /// The name OpenFGA's API has for it.
    pub fn name(&self) -> &'static str {
        match self.code() {
            2000 => "validation_error",
            2002 => "authorization_model_resolution_too_complex",
            2007 => "invalid_continuation_token",
            2021 => "type_not_found",
            2022 => "relation_not_found",
            2027 => "invalid_tuple",
            _ => "exceeded_entity_limit",
        }
    }
}
