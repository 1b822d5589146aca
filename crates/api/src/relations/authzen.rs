//! The description of AuthZEN's operations.

use app::relations::{Evaluate, EvaluateAll, SearchActions, SearchResources, SearchSubjects};
use utoipa::Path as _;
use utoipa::openapi::{HttpMethod, OpenApi};

use super::{Refusals, RelationError, add};

operation!(evaluate, post, "/fga/stores/{store}/access/v1/evaluation",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (request_body(content = Value, example = json!({
        "subject": {"type": "user", "id": "anne"}, "action": {"name": "viewer"}, "resource": {"type": "document", "id": "1"},
    })), responses((status = 200, description = "The decision", body = Value, example = json!({"decision": true})), Refusals)),
    "Ask for a decision (AuthZEN).",
    "The Access Evaluation API of OpenID's Authorization API 1.0. The action is a relation; properties reach conditions as \
     `subject_x`, `resource_x` and `action_x`.");

operation!(evaluate_all, post, "/fga/stores/{store}/access/v1/evaluations",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (request_body(content = Value, example = json!({
        "subject": {"type": "user", "id": "anne"}, "action": {"name": "viewer"},
        "evaluations": [{"resource": {"type": "document", "id": "1"}}, {"resource": {"type": "document", "id": "2"}}],
        "options": {"evaluations_semantic": "execute_all"},
    })), responses((status = 200, description = "The decisions, in order", body = Value, example = json!({
        "evaluations": [{"decision": true}, {"decision": false}],
    })), Refusals)),
    "Ask for several decisions (AuthZEN).",
    "The Access Evaluations API: at most 50, by one model and one revision, with `execute_all`, `deny_on_first_deny` or \
     `permit_on_first_permit`. One that cannot be decided is a no with its error.");

operation!(search_subject, post, "/fga/stores/{store}/access/v1/search/subject",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (request_body(content = Value, example = json!({
        "subject": {"type": "user"}, "action": {"name": "viewer"}, "resource": {"type": "document", "id": "1"},
    })), responses((status = 200, description = "The subjects", body = Value, example = json!({
        "results": [{"type": "user", "id": "anne"}], "page": {"next_token": "", "count": 1},
    })), Refusals)),
    "Search for subjects (AuthZEN).", "Who of a type may do something to a resource, in pages.");

operation!(search_resource, post, "/fga/stores/{store}/access/v1/search/resource",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (request_body(content = Value, example = json!({
        "subject": {"type": "user", "id": "anne"}, "action": {"name": "viewer"}, "resource": {"type": "document"},
        "page": {"limit": 100},
    })), responses((status = 200, description = "The resources", body = Value, example = json!({
        "results": [{"type": "document", "id": "1"}], "page": {"next_token": "", "count": 1},
    })), Refusals)),
    "Search for resources (AuthZEN).", "The resources of a type that a subject may do something to, in pages.");

operation!(search_action, post, "/fga/stores/{store}/access/v1/search/action",
    (("store" = String, Path, description = "The store"),
     ("X-Authz-At" = Option<String>, Header, description = "Ask as of then: a revision, or a time (RFC 3339)")),
    (request_body(content = Value, example = json!({
        "subject": {"type": "user", "id": "anne"}, "resource": {"type": "document", "id": "1"},
    })), responses((status = 200, description = "The actions", body = Value, example = json!({
        "results": [{"name": "viewer"}], "page": {"next_token": "", "count": 1},
    })), Refusals)),
    "Search for actions (AuthZEN).", "What a subject may do to a resource: the relations that hold.");

/// Describe a store as a policy decision point (AuthZEN).
///
/// The endpoints of a store, where AuthZEN's clients look for them. It says nothing of whether there is such a store.
#[utoipa::path(get, path = "/.well-known/authzen-configuration/fga/stores/{store}", tag = "relations", security(()),
    operation_id = "relations.authzen", params(("store" = String, Path, description = "The store")),
    responses((status = 200, description = "The description", body = Value),
        (status = 400, description = "That is no id of a store", body = RelationError)))]
fn configuration() {}

/// Adds them to the description.
pub(super) fn describe(api: &mut OpenApi) {
    add::<__path_evaluate, Evaluate>(api, &HttpMethod::Post);
    add::<__path_evaluate_all, EvaluateAll>(api, &HttpMethod::Post);
    add::<__path_search_subject, SearchSubjects>(api, &HttpMethod::Post);
    add::<__path_search_resource, SearchResources>(api, &HttpMethod::Post);
    add::<__path_search_action, SearchActions>(api, &HttpMethod::Post);
    let item = api.paths.paths.entry(__path_configuration::path()).or_default();
    let mut operation = __path_configuration::operation();
    operation.tags = Some(vec!["relations".to_owned()]);
    item.get = Some(operation);
}
