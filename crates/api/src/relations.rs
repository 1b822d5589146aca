//! The description of OpenFGA's API. Its operations live in another face; they are described here because there is one
//! document for the whole server.

#![expect(dead_code, reason = "these functions and types exist for their descriptions alone")]

use app::relations::{
    BatchCheck, CheckRelations, CreateStore, DeleteStore, Expand, ListModels, ListObjectsOf, ListStores,
    ListUsersOf, ReadAssertions, ReadChanges, ReadModel, ReadRelations, ReadStore, StreamObjects,
    WriteAssertions, WriteModel, WriteRelations,
};
use gates::Action;
use serde_json::Value;
use utoipa::openapi::{HttpMethod, OpenApi};
use utoipa::{IntoResponses, Path, ToSchema};

use crate::describe::{elsewhere, persons};

/// An error, in the shape of OpenFGA's API.
#[derive(ToSchema)]
struct RelationError {
    /// The code to match on.
    #[schema(example = "validation_error")]
    code: String,
    /// A sentence for the person reading it.
    message: String,
    /// The gate that refused.
    gate: Option<String>,
    /// The id to quote when reporting this.
    request_id: String,
}

/// What every operation may answer besides.
#[derive(IntoResponses)]
enum Refusals {
    /// The request makes no sense, or does not fit the model
    #[response(status = 400)]
    Invalid(#[to_schema] RelationError),
    /// A valid API key is needed
    #[response(status = 401)]
    Unauthenticated(#[to_schema] RelationError),
    /// The credential may not do that
    #[response(status = 403)]
    Forbidden(#[to_schema] RelationError),
    /// There is no such store for this credential
    #[response(status = 404)]
    NotFound(#[to_schema] RelationError),
    /// Too many requests
    #[response(status = 429)]
    TooMany(#[to_schema] RelationError),
    /// It could not be looked up or put on record, so there is no answer
    #[response(status = 503)]
    Unavailable(#[to_schema] RelationError),
}

/// A store of relations.
#[derive(ToSchema)]
struct RelationStore {
    /// Its id: a ULID.
    #[schema(example = "01KJ0000000000000000000000")]
    id: String,
    /// What it is called.
    #[schema(example = "documents")]
    name: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last written to.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Always null: a deleted store is not shown.
    deleted_at: Option<String>,
}

/// `user` has `relation` to `object`.
#[derive(ToSchema)]
struct RelationTuple {
    /// `type:id`, `type:*` or `type:id#relation`.
    #[schema(max_length = 512, example = "user:anne")]
    user: String,
    /// The relation.
    #[schema(max_length = 50, example = "viewer")]
    relation: String,
    /// `type:id`.
    #[schema(max_length = 256, example = "document:1")]
    object: String,
    /// The condition under which it counts: `{"name", "context"}`.
    #[schema(value_type = Option<Object>)]
    condition: Option<Value>,
}

/// Tuples.
#[derive(ToSchema)]
struct RelationTuples {
    /// They.
    #[schema(max_items = 100)]
    tuple_keys: Vec<RelationTuple>,
}

macro_rules! operation {
    ($name:ident, $method:ident, $path:literal, ($($params:tt)*), ($($rest:tt)*), $title:literal, $says:literal) => {
        #[doc = $title]
        #[doc = ""]
        #[doc = $says]
        #[utoipa::path($method, path = $path, tag = "relations", params($($params)*), $($rest)*)]
        fn $name() {}
    };
}

mod authzen;
mod why;

operation!(list_stores, get, "/fga/stores",
    (("page_size" = Option<i64>, Query, description = "1 to 100", minimum = 1, maximum = 100),
     ("continuation_token" = Option<String>, Query, description = "Where the page before ended"),
     ("name" = Option<String>, Query, description = "Only stores of this name")),
    (responses((status = 200, description = "The stores", body = Value), Refusals)),
    "List stores of relations.", "One page of the organization's stores, oldest first.");

operation!(
    create_store,
    post,
    "/fga/stores",
    (),
    (
        request_body(content = Value, example = json!({"name": "documents"})),
        responses((status = 201, description = "The store", body = RelationStore), Refusals)
    ),
    "Make a store of relations.",
    "A store has models, of which the newest counts, and tuples."
);

operation!(
    read_store,
    get,
    "/fga/stores/{store}",
    (("store" = String, Path, description = "The store")),
    (responses((status = 200, description = "The store", body = RelationStore), Refusals)),
    "Read a store of relations.",
    "Answers one store."
);

operation!(
    delete_store,
    delete,
    "/fga/stores/{store}",
    (("store" = String, Path, description = "The store")),
    (responses((status = 204, description = "It is deleted"), Refusals)),
    "Delete a store of relations.",
    "It opens nothing from now on; what it held stays on record."
);

operation!(list_models, get, "/fga/stores/{store}/authorization-models",
    (("store" = String, Path, description = "The store"),
     ("page_size" = Option<i64>, Query, description = "1 to 100", minimum = 1, maximum = 100),
     ("continuation_token" = Option<String>, Query, description = "Where the page before ended")),
    (responses((status = 200, description = "The models", body = Value), Refusals)),
    "List models of relations.", "One page of a store's models, newest first.");

operation!(
    write_model,
    post,
    "/fga/stores/{store}/authorization-models",
    (("store" = String, Path, description = "The store")),
    (
        request_body(
            content = Value,
            example = json!({
                "schema_version": "1.1",
                "type_definitions": [
                    {"type": "user"},
                    {"type": "document", "relations": {"viewer": {"this": {}}},
                     "metadata": {"relations": {"viewer": {"directly_related_user_types": [{"type": "user"}]}}}},
                ],
            })
        ),
        responses((status = 201, description = "The model's id", body = Value), Refusals)
    ),
    "Write a model of relations.",
    "Models never change; the newest counts where a request names none."
);

operation!(
    read_model,
    get,
    "/fga/stores/{store}/authorization-models/{model}",
    (
        ("store" = String, Path, description = "The store"),
        ("model" = String, Path, description = "The model")
    ),
    (responses((status = 200, description = "The model", body = Value), Refusals)),
    "Read a model of relations.",
    "Answers one model."
);

operation!(
    read_assertions,
    get,
    "/fga/stores/{store}/assertions/{model}",
    (
        ("store" = String, Path, description = "The store"),
        ("model" = String, Path, description = "The model")
    ),
    (responses((status = 200, description = "The assertions", body = Value), Refusals)),
    "Read assertions.",
    "What a model is expected to answer."
);

operation!(
    write_assertions,
    put,
    "/fga/stores/{store}/assertions/{model}",
    (
        ("store" = String, Path, description = "The store"),
        ("model" = String, Path, description = "The model")
    ),
    (
        request_body(
            content = Value,
            example = json!({"assertions": [
                {"tuple_key": {"user": "user:anne", "relation": "viewer", "object": "document:1"}, "expectation": true},
            ]})
        ),
        responses((status = 204, description = "They are kept"), Refusals)
    ),
    "Write assertions.",
    "Keeps what a model is expected to answer, in the place of what was kept before."
);

operation!(
    write_tuples,
    post,
    "/fga/stores/{store}/write",
    (("store" = String, Path, description = "The store")),
    (
        request_body(
            content = Value,
            example = json!({
                "writes": {"tuple_keys": [{"user": "user:anne", "relation": "viewer", "object": "document:1"}],
                           "on_duplicate": "ignore"},
            })
        ),
        responses(
            (
                status = 200,
                description = "An empty object; the revision is in X-Authz-Revision",
                body = Value
            ),
            (status = 409, description = "A tuple is there with another condition", body = RelationError),
            Refusals
        )
    ),
    "Write and delete tuples.",
    "All of them or none, at most 100, each held against the model."
);

operation!(
    read_tuples,
    post,
    "/fga/stores/{store}/read",
    (("store" = String, Path, description = "The store")),
    (
        request_body(
            content = Value,
            example = json!({"tuple_key": {"object": "document:1"}, "page_size": 50})
        ),
        responses((status = 200, description = "The tuples", body = Value), Refusals)
    ),
    "Read tuples.",
    "One page of the tuples that are there, as they were written; nothing is derived."
);

operation!(read_changes, get, "/fga/stores/{store}/changes",
    (("store" = String, Path, description = "The store"),
     ("type" = Option<String>, Query, description = "Only objects of this type"),
     ("start_time" = Option<String>, Query, description = "Not before this time (RFC 3339)"),
     ("page_size" = Option<i64>, Query, description = "1 to 100", minimum = 1, maximum = 100),
     ("continuation_token" = Option<String>, Query, description = "Where the page before ended")),
    (responses((status = 200, description = "The changes", body = Value), Refusals)),
    "Read what changed.", "One page of writes and deletes, oldest first.");

operation!(
    check,
    post,
    "/fga/stores/{store}/check",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (
        request_body(
            content = Value,
            example = json!({
                "tuple_key": {"user": "user:anne", "relation": "viewer", "object": "document:1"},
                "consistency": "HIGHER_CONSISTENCY",
            })
        ),
        responses(
            (
                status = 200,
                description = "Whether it is allowed",
                body = Value,
                example = json!({"allowed": true, "resolution": ""})
            ),
            Refusals
        )
    ),
    "Ask whether somebody may.",
    "Whether a user has a relation to an object, by the model and the tuples."
);

operation!(
    batch_check,
    post,
    "/fga/stores/{store}/batch-check",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (
        request_body(
            content = Value,
            example = json!({"checks": [
                {"tuple_key": {"user": "user:anne", "relation": "viewer", "object": "document:1"}, "correlation_id": "one"},
            ]})
        ),
        responses((status = 200, description = "An answer for each correlation id", body = Value), Refusals)
    ),
    "Ask several questions.",
    "At most 50, answered by one model and one revision."
);

operation!(
    expand,
    post,
    "/fga/stores/{store}/expand",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (
        request_body(
            content = Value,
            example = json!({"tuple_key": {"relation": "viewer", "object": "document:1"}})
        ),
        responses((status = 200, description = "A tree, one level deep", body = Value), Refusals)
    ),
    "Ask what a relation consists of.",
    "One level of it: users, other relations, other objects."
);

operation!(list_objects, post, "/fga/stores/{store}/list-objects",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)"),
     ("continuation_token" = Option<String>, Query, description = "The X-Authz-Continuation of the page before")),
    (request_body(content = Value, example = json!({"user": "user:anne", "relation": "viewer", "type": "document"})),
     responses((status = 200, description = "At most 1,000 objects", body = Value), Refusals)),
    "Ask what somebody may.", "The objects of a type that a user has a relation to, in pages.");

operation!(
    streamed_list_objects,
    post,
    "/fga/stores/{store}/streamed-list-objects",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (
        request_body(
            content = Value,
            example = json!({"user": "user:anne", "relation": "viewer", "type": "document"})
        ),
        responses((status = 200, description = "A line of JSON for each object", body = String), Refusals)
    ),
    "Ask what somebody may, as lines.",
    "All objects of a type that a user has a relation to."
);

operation!(list_users, post, "/fga/stores/{store}/list-users",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)"),
     ("continuation_token" = Option<String>, Query, description = "The X-Authz-Continuation of the page before")),
    (request_body(content = Value, example = json!({
        "object": {"type": "document", "id": "1"}, "relation": "viewer", "user_filters": [{"type": "user"}],
    })), responses((status = 200, description = "At most 1,000 users", body = Value), Refusals)),
    "Ask who may.", "The users of a kind who have a relation to an object, in pages.");

/// Adds OpenFGA's operations to the description.
pub(crate) fn describe(api: &mut OpenApi) {
    add::<__path_list_stores, ListStores>(api, &HttpMethod::Get);
    add::<__path_create_store, CreateStore>(api, &HttpMethod::Post);
    add::<__path_read_store, ReadStore>(api, &HttpMethod::Get);
    add::<__path_delete_store, DeleteStore>(api, &HttpMethod::Delete);
    add::<__path_list_models, ListModels>(api, &HttpMethod::Get);
    add::<__path_write_model, WriteModel>(api, &HttpMethod::Post);
    add::<__path_read_model, ReadModel>(api, &HttpMethod::Get);
    add::<__path_read_assertions, ReadAssertions>(api, &HttpMethod::Get);
    add::<__path_write_assertions, WriteAssertions>(api, &HttpMethod::Put);
    add::<__path_write_tuples, WriteRelations>(api, &HttpMethod::Post);
    add::<__path_read_tuples, ReadRelations>(api, &HttpMethod::Post);
    add::<__path_read_changes, ReadChanges>(api, &HttpMethod::Get);
    add::<__path_check, CheckRelations>(api, &HttpMethod::Post);
    add::<__path_batch_check, BatchCheck>(api, &HttpMethod::Post);
    add::<__path_expand, Expand>(api, &HttpMethod::Post);
    add::<__path_list_objects, ListObjectsOf>(api, &HttpMethod::Post);
    add::<__path_streamed_list_objects, StreamObjects>(api, &HttpMethod::Post);
    add::<__path_list_users, ListUsersOf>(api, &HttpMethod::Post);
    why::describe(api);
    authzen::describe(api);
}

fn add<P: Path + utoipa::__dev::SchemaReferences, A: Action>(api: &mut OpenApi, method: &HttpMethod) {
    persons::<A>(elsewhere::<P, A>(api, "relations", method));
}
