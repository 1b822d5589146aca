//! Questions.

use app::relations::{
    self as house, Answered, BatchCheck, BatchItem, CheckRelations, Code, Expand, Fault, LIST_ITEMS_MAX,
    ListObjectsOf, ListUsersOf, STREAM_ITEMS_MAX, StreamObjects,
};
use authz::List;
use axum::body::Body;
use axum::extract::Path;
use axum::http::request::Parts;
use axum::response::Response;
use gates::{Action, Receipt, Record};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{Answer, Refusal, Visit, answer, freshness, wire};

pub(crate) async fn check(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<CheckRelations>().await?;
    let store = wire::store(&store)?;
    let question: wire::Question = wire::read(&visit.body(body).await?)?;
    let freshness = freshness(&visit.parts, question.common.consistency)?;
    let asked = question.common.asked(question.contextual_tuples.tuple_keys, freshness)?;
    let key = question.tuple_key.into();
    let (answered, receipt) = house::check(pass, &visit.fga.relations, store, &key, &asked).await?;
    let body = json!({ "allowed": answered.answer, "resolution": "" });
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    answer::name_source(&mut response, &answered);
    Ok(response)
}

pub(crate) async fn batch_check(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<BatchCheck>().await?;
    let store = wire::store(&store)?;
    let batch: wire::BatchCheck = wire::read(&visit.body(body).await?)?;
    let freshness = freshness(&visit.parts, batch.common.consistency)?;
    let asked = batch.common.asked(Vec::new(), freshness)?;
    let items = batch.checks.into_iter().map(|item| BatchItem {
        correlation_id: item.correlation_id,
        question: item.tuple_key.into(),
        contextual: item.contextual_tuples.tuple_keys,
        context: Some(item.context).filter(|context| !context.is_empty()),
    });
    let (answered, receipt) =
        house::batch_check(pass, &visit.fga.relations, store, items.collect(), &asked).await?;
    let result: Map<String, Value> =
        answered.answer.iter().map(|(id, answer)| (id.clone(), one(answer))).collect();
    let mut response = answer::json(StatusCode::OK, &json!({ "result": result }), &receipt, &visit.context);
    answer::name_source(&mut response, &answered);
    Ok(response)
}

/// One answer of a batch.
fn one(answer: &Result<bool, Fault>) -> Value {
    match answer {
        Ok(allowed) => json!({ "allowed": allowed }),
        Err(Fault { code, message }) => {
            json!({ "allowed": false, "error": { "input_error": code.name(), "message": message } })
        }
    }
}

pub(crate) async fn expand(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<Expand>().await?;
    let store = wire::store(&store)?;
    let question: wire::Question = wire::read(&visit.body(body).await?)?;
    let freshness = freshness(&visit.parts, question.common.consistency)?;
    let asked = question.common.asked(question.contextual_tuples.tuple_keys, freshness)?;
    let wire::Key { relation, object, .. } = question.tuple_key;
    let (answered, receipt) =
        house::expand(pass, &visit.fga.relations, store, (object, relation), asked).await?;
    let body = json!({ "tree": { "root": answered.answer } });
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    answer::name_source(&mut response, &answered);
    Ok(response)
}

/// Where the list that is asked for goes on.
fn cursor(parts: &Parts) -> Result<Option<String>, Fault> {
    let query: wire::PageQuery = wire::query(parts)?;
    Ok(Some(query.continuation_token).filter(|token| !token.is_empty()))
}

async fn objects<A: Action<Mode = Record>>(
    visit: &Visit,
    store: &str,
    body: Body,
    size: usize,
) -> Result<(Answered<List>, Receipt), Refusal> {
    let pass = visit.enter::<A>().await?;
    let store = wire::store(store)?;
    let question: wire::ListObjects = wire::read(&visit.body(body).await?)?;
    let freshness = freshness(&visit.parts, question.common.consistency)?;
    let asked = question.common.asked(question.contextual_tuples.tuple_keys, freshness)?;
    let about = (question.user, question.relation, question.object_type);
    Ok(house::list_objects(pass, &visit.fga.relations, store, about, (size, cursor(&visit.parts)?), asked)
        .await?)
}

/// Says by what a list was given and where it goes on.
fn name_list(response: &mut Response, answered: &Answered<List>) {
    answer::name_source(response, answered);
    if let Some(next) = &answered.answer.next {
        answer::put(response, answer::HEADER_CONTINUATION, next);
    }
    if answered.answer.incomplete {
        answer::put(response, answer::HEADER_INCOMPLETE, "true");
    }
}

pub(crate) async fn list_objects(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let (answered, receipt) = objects::<ListObjectsOf>(&visit, &store, body, LIST_ITEMS_MAX).await?;
    let body = json!({ "objects": answered.answer.items });
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    name_list(&mut response, &answered);
    Ok(response)
}

pub(crate) async fn streamed_list_objects(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let (answered, receipt) = objects::<StreamObjects>(&visit, &store, body, STREAM_ITEMS_MAX).await?;
    let mut lines = String::new();
    for object in &answered.answer.items {
        lines.push_str(&json!({ "result": { "object": object } }).to_string());
        lines.push('\n');
    }
    let mut response = answer::lines(lines, &receipt, &visit.context);
    name_list(&mut response, &answered);
    Ok(response)
}

pub(crate) async fn list_users(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<ListUsersOf>().await?;
    let store = wire::store(&store)?;
    let question: wire::ListUsers = wire::read(&visit.body(body).await?)?;
    let freshness = freshness(&visit.parts, question.common.consistency)?;
    let asked = question.common.asked(question.contextual_tuples, freshness)?;
    let [filter] = question.user_filters.as_slice() else {
        let message = "invalid ListUsersRequest.UserFilters: value must contain exactly 1 item(s)";
        return Err(Fault::new(Code::Validation, message).into());
    };
    let about = (question.object.text(), question.relation);
    let relation = Some(filter.relation.clone()).filter(|relation| !relation.is_empty());
    let filter = (filter.type_name.clone(), relation);
    let (relations, page) = (&visit.fga.relations, (LIST_ITEMS_MAX, cursor(&visit.parts)?));
    let (answered, receipt) = house::list_users(pass, relations, store, about, filter, page, asked).await?;
    let users: Vec<Value> = answered.answer.items.iter().map(|user| in_parts(user)).collect();
    let mut response = answer::json(StatusCode::OK, &json!({ "users": users }), &receipt, &visit.context);
    name_list(&mut response, &answered);
    Ok(response)
}

/// A user in the parts that OpenFGA's API has for it.
fn in_parts(user: &str) -> Value {
    let (of, id) = user.split_once(':').unwrap_or_default();
    match id.split_once('#') {
        Some((id, relation)) => json!({ "userset": { "type": of, "id": id, "relation": relation } }),
        None if id == "*" => json!({ "wildcard": { "type": of } }),
        None => json!({ "object": { "type": of, "id": id } }),
    }
}
