//! Who may do what: relations between users and objects, in OpenFGA's modelling language and with its semantics.
//!
//! Everything here is pure: bytes in, values out, no clock, no randomness of its own, no network.
//!
//! * [`parse`] and [`parse_and_validate`] read a model in the modelling language, [`to_dsl`] writes one,
//!   [`validate`] says what is wrong with one; the JSON form is the `serde` form of [`Model`].
//! * [`Schema::compile`] makes a program of a model, with its conditions.
//! * [`Snapshot`] holds tuples at one revision; [`Snapshot::with`] is the one after some changes.
//! * [`Engine`] binds the two, and answers: [`Engine::check`], [`Engine::list_objects`], [`Engine::list_users`],
//!   [`Engine::expand`].
//! * [`sql::compile`] makes functions for PostgreSQL of a model, so that row-security policies ask the same questions.

mod cel;
mod dsl;
mod engine;
mod model;
pub mod modules;
pub mod names;
mod problem;
pub mod sql;
mod store;

#[cfg(test)]
mod tests;

pub use cel::{
    CONDITION_COST_MAX, CONDITION_PARAMETERS_MAX, ConditionError, EXPRESSION_BYTES_MAX, EvalError,
};
pub use dsl::{MODEL_BYTES_MAX, parse, parse_and_validate};
pub use engine::error::{Error, SchemaError, TupleError};
pub use engine::schema::{SCHEMA_NUMBERS_MAX, Schema};
pub use engine::tuple::{Tuple, TupleCondition};
pub use engine::{
    AnswerDifference, Around, CHECK_STEPS_MAX, Check, Computed, DifferenceNode, EXPLAIN_STEPS_MAX, Engine,
    Explanation, LIST_STEPS_MAX, Leaf, List, ListObjects, ListUsers, Missing, Node, NodeValue, Nodes, Page,
    RESOLVE_DEPTH_MAX, Reason, Trace, TuplesetLeaf, UserFilter, Users,
};
pub use model::validate::validate;
pub use model::{
    Condition, ConditionMetadata, Difference, Empty, Metadata, Model, ObjectRelation, Ordered, ParameterType,
    PrintError, PrintOptions, RelationMetadata, RelationReference, SourceInfo, TupleToUserset,
    TypeDefinition, Userset, Usersets, modules as modules_of, to_dsl,
};
pub use problem::{Fault, Problem, Problems, Span};
pub use store::{Change, DELTA_EDITS_MAX, Live, Snapshot, SnapshotError};
