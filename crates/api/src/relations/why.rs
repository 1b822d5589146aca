//! The description of the questions that OpenFGA has no operation for.

use app::relations::{Explain, ReviewAccess, WhatIf};
use utoipa::openapi::{HttpMethod, OpenApi};

use super::{Refusals, add};

operation!(explain, post, "/fga/stores/{store}/explain",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (request_body(content = Value, example = json!({
        "tuple_key": {"user": "user:anne", "relation": "viewer", "object": "document:1"},
    })), responses((status = 200, description = "The answer with its reason", body = Value, example = json!({
        "allowed": false,
        "missing": [{"write": {"user": "user:anne", "relation": "viewer", "object": "document:1"}}],
    })), Refusals)),
    "Ask why.",
    "The answer of check, with the way a yes follows from tuples (`because`), or with the fewest changes that a no lacks (`missing`: \
     tuples to `write` or to `delete`, or a `condition` that does not hold and the values it needs).");

operation!(what_if, post, "/fga/stores/{store}/what-if",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (request_body(content = Value, example = json!({
        "suppose": {
            "writes": {"tuple_keys": [{"user": "user:anne", "relation": "viewer", "object": "document:1"}]},
            "deletes": {"tuple_keys": [{"user": "user:bob", "relation": "viewer", "object": "document:1"}]},
        },
        "list_users": {
            "object": {"type": "document", "id": "1"}, "relation": "viewer", "user_filters": [{"type": "user"}],
        },
    })), responses((status = 200, description = "What differs", body = Value, example = json!({
        "gained": ["user:anne"], "lost": [], "incomplete": false,
        "supposed_authorization_model_id": "01KJ0000000000000000000000",
    })), Refusals)),
    "Ask what would be if.",
    "Supposes tuples written and deleted (`suppose.writes`, `suppose.deletes`), another model (`suppose.authorization_model_id`), or \
     both, and answers one question about it: `check` (`before` and `after`, each with its reason), `list_users` (who gains and who \
     loses a relation to an object) or `list_objects` (which objects somebody gains and loses). Nothing is changed.");

operation!(access_review, post, "/fga/stores/{store}/access-review",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)"),
     ("format" = Option<String>, Query, description = "`json` when not said, or `csv`: at most 100,000 rows, as a file")),
    (request_body(content = Value, example = json!({"user": "user:anne", "page_size": 100})),
     responses((status = 200, description = "The page", content(
        (Value = "application/json", example = json!({
            "access": [{"object": "document:1", "relation": "viewer"}], "undecided": [], "continuation_token": "",
        })),
        (String = "text/csv"))), Refusals)),
    "Review what somebody can reach.",
    "Everything a user has a relation to, over all types and relations of the model, in pages of at most 1,000. All pages answer by \
     the revision and the model of the first. A relation about which nothing can be said, for the lack of values for a condition, \
     stands in `undecided`.");

/// Adds them to the description.
pub(super) fn describe(api: &mut OpenApi) {
    add::<__path_explain, Explain>(api, &HttpMethod::Post);
    add::<__path_what_if, WhatIf>(api, &HttpMethod::Post);
    add::<__path_access_review, ReviewAccess>(api, &HttpMethod::Post);
}
