//! Relations: who may do what, asked and written with OpenFGA's words and semantics.
//!
//! An organization has stores; a store has models, which never change, and tuples. Each write moves the store's revision by
//! one and is on record with it; every answer says at which revision it was given, so that it can be given again.

mod ask;
mod book;
mod evaluate;
mod fault;
mod manage;
mod review;
mod tuples;
mod ulid;
mod why;

#[cfg(test)]
mod tests;

pub use ask::{
    Answered, Asked, Batch, BatchCheck, BatchItem, CheckRelations, Expand, ListObjectsOf, ListUsersOf,
    StreamObjects, batch_check, check, expand, list_objects, list_users,
};
pub use authz::Tuple as TupleKey;
pub use book::{Freshness, Moment, Relations};
pub use evaluate::{
    Evaluate, EvaluateAll, Evaluation, Found, SearchActions, SearchResources, SearchSubjects, Semantic,
    evaluate_all, search_actions, search_resources, search_subjects,
};
pub use fault::{Code, Fault, Refused, problem_json};
pub use manage::{
    Asserted, CreateStore, DeleteStore, ListModels, ListStores, ReadAssertions, ReadModel, ReadStore,
    WriteAssertions, WriteModel, WrittenModel, assertions, create_store, delete_store, model, models,
    put_assertions, store, stores, write_model,
};
pub use review::{
    REVIEW_EXPORT_ROWS_MAX, REVIEW_ROWS_MAX, Reach, Review, ReviewAccess, Undecided, review, review_csv,
};
pub use store::relations::{Change as StoredChange, Model as StoredModel, Store, Tuple as StoredTuple};
pub use tuples::{
    ChangesAsked, OnClash, PageOf, ReadChanges, ReadRelations, TuplesAsked, WriteRelations, Written, changes,
    read, tuple_of, write,
};
pub use ulid::{parse as parse_id, text as id_text};
pub use why::{Differs, Explain, Supposed, WhatIf, Wondered, explain, what_if};

/// Most tuples that come with a question.
pub const CONTEXTUAL_TUPLES_MAX: usize = 100;
/// Most questions of one batch.
pub const BATCH_CHECKS_MAX: usize = 50;
/// Most objects or users that are listed at once.
pub const LIST_ITEMS_MAX: usize = 1_000;
/// Most objects of one stream.
pub const STREAM_ITEMS_MAX: usize = 1_000_000;
/// Most stores an organization may have.
pub const STORES_MAX: i64 = 1_000;
/// Most types of a model.
pub const TYPES_MAX: usize = 100;
/// Longest model, in bytes of its canonical JSON.
pub const MODEL_BYTES_MAX: usize = 256 * 1_024;
/// Most tuples of one write, deletes and writes together.
pub const WRITE_TUPLES_MAX: usize = 100;
/// Most items of a page, where OpenFGA allows 100.
pub const PAGE_ITEMS_MAX: i64 = 100;
/// Items of a page when none is asked for.
pub const PAGE_ITEMS_DEFAULT: i64 = 50;
/// Longest context of a condition, in bytes of its JSON.
pub const CONTEXT_BYTES_MAX: usize = 32 * 1_024;
/// Most assertions of a model.
pub const ASSERTIONS_MAX: usize = 100;
