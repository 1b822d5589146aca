//! Who may do what: relations between users and objects, in OpenFGA's modelling language and with its semantics.
//!
//! Everything here is pure: bytes in, values out, no clock, no randomness of its own, no network.
//!
//! * [`parse`] and [`parse_and_validate`] read a model in the modelling language, [`to_dsl`] writes one,
//!   [`validate`] says what is wrong with one; the JSON form is the `serde` form of [`Model`].

mod dsl;
mod model;
pub mod modules;
pub mod names;
mod problem;

#[cfg(test)]
mod tests;

pub use dsl::{MODEL_BYTES_MAX, parse, parse_and_validate};
pub use model::validate::validate;
pub use model::{
    Condition, ConditionMetadata, Difference, Empty, Metadata, Model, ObjectRelation, Ordered, ParameterType,
    PrintError, PrintOptions, RelationMetadata, RelationReference, SourceInfo, TupleToUserset,
    TypeDefinition, Userset, Usersets, modules as modules_of, to_dsl,
};
pub use problem::{Fault, Problem, Problems, Span};
