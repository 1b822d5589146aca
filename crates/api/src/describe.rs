//! What the API description says of every operation, taken from the action itself, so that the two cannot differ.

use std::any::TypeId;

use gates::{Account, Action, Agent, Caller as _, Proof as _, Service, Write};
use kernel::{Need, ProblemKind};
use serde_json::json;
use utoipa::__dev::SchemaReferences;
use utoipa::Path;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem, Paths};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, HttpMethod, OpenApi, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::http::PROBLEM_JSON;

/// The name of the security scheme.
pub(crate) const BEARER: &str = "bearer";
/// The name of the security scheme of OAuth clients.
pub(crate) const CLIENT: &str = "client";
/// Extension: the permission an operation needs, or `account:own` and `account:enrol` for what is a person's own.
pub(crate) const PERMISSION: &str = "x-portcullis-permission";
/// Extension: whether the operation changes what the organization has.
pub(crate) const MUTATING: &str = "x-portcullis-mutating";
/// Extension: the kind of caller the operation is for.
pub(crate) const CALLER: &str = "x-portcullis-caller";

/// Extension: an operation that asks for no credential and is on record nevertheless.
pub(crate) const RECORDED: &str = "x-portcullis-recorded";

/// Extension: how lately a person must have confirmed who they are, where a session alone is not enough.
pub(crate) const ASSURANCE: &str = "x-portcullis-assurance";

/// The route of the action `A`: its description is completed from the action.
pub(crate) fn of<A: Action, S>((schemas, mut paths, router): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S> {
    complete::<A>(&mut paths);
    (schemas, paths, router)
}

/// The same, for the second operation of an action: operations need names of their own.
pub(crate) fn of_named<A: Action, S>(
    name: &'static str,
    (schemas, mut paths, router): UtoipaMethodRouter<S>,
) -> UtoipaMethodRouter<S> {
    complete::<A>(&mut paths);
    for item in paths.paths.values_mut() {
        for operation in slots(item) {
            operation.operation_id = Some(name.to_owned());
        }
    }
    (schemas, paths, router)
}

/// Spells parameters that reach over several segments as OpenAPI does, which has one spelling for all: `{*a}` is `{a}`.
pub(crate) fn spell_paths(paths: &mut Paths) {
    let spelled = std::mem::take(&mut paths.paths);
    paths.paths = spelled.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
}

/// The operations of a path.
fn slots(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn complete<A: Action>(paths: &mut Paths) {
    for (path, item) in &mut paths.paths {
        if let Some(operation) = &mut item.get {
            action::<A>(operation, true);
        }
        let changing = [&mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in changing.into_iter().flatten() {
            action::<A>(operation, false);
        }
        for operation in slots(item) {
            problems(operation, path.contains('{'));
            persons::<A>(operation);
        }
    }
}

/// Adds an operation that lives in another face: there is one document for the whole server. Where its path is known already,
/// beside what that has.
pub(crate) fn elsewhere<'a, P: Path + SchemaReferences, A: Action>(
    api: &'a mut OpenApi,
    tag: &str,
    method: &HttpMethod,
) -> &'a mut Operation {
    let mut operation = P::operation();
    operation.tags = Some(vec![tag.to_owned()]);
    action::<A>(&mut operation, *method == HttpMethod::Get);
    let mut schemas = Vec::new();
    P::schemas(&mut schemas);
    api.components.get_or_insert_default().schemas.extend(schemas);
    let item: &mut PathItem = api.paths.paths.entry(P::path()).or_default();
    let place = match method {
        HttpMethod::Get => &mut item.get,
        HttpMethod::Put => &mut item.put,
        HttpMethod::Delete => &mut item.delete,
        _ => &mut item.post,
    };
    place.insert(operation)
}

/// Says of an operation what its action says. What is a person's own is read in a transaction that could write; whether it
/// does the method says (`reads`).
pub(crate) fn action<A: Action>(operation: &mut Operation, reads: bool) {
    operation.operation_id = Some(A::NAME.to_owned());
    operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let mode = TypeId::of::<A::Mode>();
    let mutating = mode == TypeId::of::<Write>() || (mode == TypeId::of::<Account>() && !reads);
    let mut said = vec![
        (PERMISSION, json!(A::NEEDS.name())),
        (MUTATING, json!(mutating)),
        (CALLER, json!(A::Who::KIND)),
    ];
    if A::Proof::FRESH {
        said.push((ASSURANCE, json!("fresh")));
    }
    operation.extensions = Some(Extensions::from_iter(said));
    names_entry(operation);
}

/// Says that a good answer carries the id of its entry.
fn names_entry(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let (RefOr::T(response), true) = (response, status.starts_with('2')) {
            let entry =
                HeaderBuilder::new().description(Some("Id of the audit entry of this answer.")).build();
            response.headers.insert("x-portcullis-entry".to_owned(), RefOr::T(entry));
        }
    }
}

/// Says how it can be refused to people, whom statuses are shared with: by the problem's `type`.
pub(crate) fn persons<A: Action>(operation: &mut Operation) {
    let mut more = |kind: ProblemKind, says: &str| {
        let said = operation.responses.responses.get_mut(&kind.status().to_string());
        if let Some(RefOr::T(response)) = said {
            response.description = format!("{}, or `{}`: {says}", response.description, kind.slug());
        }
    };
    if A::Proof::FRESH {
        more(
            ProblemKind::StepUp,
            "the session must have confirmed a factor within the last 10 minutes (RFC 9470)",
        );
    }
    if A::NEEDS != Need::Enrol && A::Who::KIND != Service::KIND && A::Who::KIND != Agent::KIND {
        more(ProblemKind::MustEnrol, "the organization asks for a second factor, and the person has none");
    }
}

/// Says how an operation can be refused.
fn problems(operation: &mut Operation, has_id: bool) {
    use ProblemKind as P;
    let mut kinds =
        vec![P::Unauthenticated, P::Forbidden, P::RateLimited, P::Internal, P::Unavailable, P::Timeout];
    if has_id {
        kinds.push(P::NotFound);
    }
    let asks = |parameter: &Parameter| parameter.parameter_in == ParameterIn::Query;
    let asks = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(parameter) if asks(parameter));
    if operation.parameters.iter().flatten().any(asks) {
        kinds.extend([P::BadRequest, P::Invalid]);
    }
    if operation.request_body.is_some() {
        kinds.extend([P::BadRequest, P::Invalid, P::TooLarge, P::TooSlow, P::UnsupportedMediaType]);
    }
    for kind in kinds {
        let responses = &mut operation.responses.responses;
        responses.entry(kind.status().to_string()).or_insert_with(|| RefOr::T(problem(kind)));
    }
    for (status, response) in &mut operation.responses.responses {
        let kind = P::ALL.iter().find(|kind| kind.status().to_string() == *status);
        // Said by the operation itself, in words of its own: the body is a problem like any other.
        if let (Some(kind), RefOr::T(said)) = (kind, response)
            && said.content.is_empty()
        {
            said.content = problem(*kind).content;
            retry_after(*kind, said);
        }
    }
}

/// Says of an operation that is open to everybody how it can be refused.
pub(crate) fn open<S>((schemas, mut paths, router): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S> {
    for (path, item) in &mut paths.paths {
        if let Some(operation) = &mut item.get {
            problems(operation, path.contains('{'));
            // No credential is looked at, and nothing is written down.
            for status in ["401", "403"] {
                operation.responses.responses.remove(status);
            }
        }
    }
    (schemas, paths, router)
}

/// What an open operation leaves behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// An entry, which its answer names.
    Entry,
    /// An entry; the answer does not name it, because it says the same to everybody.
    Silence,
    /// Nothing.
    Nothing,
}

/// Says of a door, an operation by which people come in and which asks for no credential, how it can be refused.
pub(crate) fn door<S>(
    leaves: Leaves,
    (schemas, mut paths, router): UtoipaMethodRouter<S>,
) -> UtoipaMethodRouter<S> {
    for item in paths.paths.values_mut() {
        for operation in slots(item) {
            operation.security = Some(vec![SecurityRequirement::default()]);
            operation.extensions =
                Some(Extensions::from_iter([(RECORDED, json!(leaves != Leaves::Nothing))]));
            if leaves == Leaves::Entry {
                names_entry(operation);
            }
            problems(operation, false);
            let mut says = |kind: ProblemKind, words: &str| {
                let said = operation.responses.responses.get_mut(&kind.status().to_string());
                if let Some(RefOr::T(response)) = said
                    && response.description == kind.title()
                {
                    words.clone_into(&mut response.description);
                }
            };
            says(ProblemKind::Forbidden, "The request comes from a page of an origin that is not listed");
            says(
                ProblemKind::RateLimited,
                "Too many requests or too many guesses; `Retry-After` says for how long",
            );
        }
    }
    (schemas, paths, router)
}

/// Says of a door or a guarded operation for OAuth clients that it refuses as OAuth does, and by whom it may be called.
pub(crate) fn oauth<S>((schemas, mut paths, router): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S> {
    for item in paths.paths.values_mut() {
        for operation in slots(item) {
            let guarded = operation.security.as_ref().is_some_and(|security| {
                *security == [SecurityRequirement::new(BEARER, Vec::<String>::new())]
            });
            let responses = &mut operation.responses.responses;
            // Said as 400, like everything that is wrong with a request.
            for kind in [ProblemKind::Invalid, ProblemKind::UnsupportedMediaType] {
                responses.remove(&kind.status().to_string());
            }
            if guarded {
                let client = SecurityRequirement::new(CLIENT, Vec::<String>::new());
                operation.security.get_or_insert_default().push(client);
            } else {
                responses.remove(&ProblemKind::Forbidden.status().to_string());
            }
            for (status, response) in responses {
                let kind = ProblemKind::ALL.iter().find(|kind| kind.status().to_string() == *status);
                if let (Some(kind), RefOr::T(said)) = (kind, response) {
                    said.content.clear();
                    said.content.insert("application/json".to_owned(), RefOr::T(oauth_error(*kind)));
                }
            }
        }
    }
    (schemas, paths, router)
}

fn oauth_error(kind: ProblemKind) -> utoipa::openapi::Content {
    let example = json!({
        "error": crate::http::oauth_code(kind),
        "error_description": "What happened this time, and what to do about it.",
    });
    ContentBuilder::new().schema(Some(Ref::from_schema_name("OAuthError"))).example(Some(example)).build()
}

fn problem(kind: ProblemKind) -> Response {
    let example = json!({
        "type": format!("/problems/{}", kind.slug()),
        "title": kind.title(),
        "status": kind.status(),
        "detail": "What happened this time, and what to do about it.",
        "instance": "/api/v1/…",
        "request_id": "019a0000-0000-7000-8000-000000000001",
        "gate": null,
    });
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).example(Some(example)).build();
    let mut response =
        ResponseBuilder::new().description(kind.title()).content(PROBLEM_JSON, content).build();
    retry_after(kind, &mut response);
    response
}

fn retry_after(kind: ProblemKind, response: &mut Response) {
    if kind == ProblemKind::RateLimited {
        let seconds =
            HeaderBuilder::new().description(Some("Seconds until it makes sense to try again.")).build();
        response.headers.insert("retry-after".to_owned(), RefOr::T(seconds));
    }
}
