//! Models, and what they are expected to answer.

use app::relations::{
    self as house, Fault, ListModels, ReadAssertions, ReadModel, WriteAssertions, WriteModel, id_text,
};
use authz::Model;
use axum::body::Body;
use axum::extract::Path;
use http::StatusCode;
use kernel::{Problem, RelationModelId};
use serde_json::{Value, json};

use crate::{Answer, Visit, answer, wire};

/// A stored model with its id.
fn shown(model: &house::StoredModel) -> Result<Value, Problem> {
    let mut document: Value = serde_json::from_str(&model.document).map_err(|error| {
        tracing::error!(%error, "a stored model cannot be read");
        Problem::internal()
    })?;
    if let Some(members) = document.as_object_mut() {
        members.insert("id".to_owned(), id_text(model.id.uuid()).into());
        members.entry("conditions").or_insert_with(|| json!({}));
    }
    Ok(document)
}

pub(crate) async fn list(visit: Visit, Path(store): Path<String>) -> Answer {
    let pass = visit.enter::<ListModels>().await?;
    let store = wire::store(&store)?;
    let query: wire::PageQuery = wire::query(&visit.parts)?;
    let rows = wire::page_size(query.page_size)?;
    let before = wire::after(&query.continuation_token)?.map(RelationModelId::from_uuid);
    let (found, receipt) = house::models(pass, store, before, rows).await?;
    let next = wire::next(found.len(), rows, found.last().map(|last| last.id.uuid()));
    let body = json!({
        "authorization_models": found.iter().map(shown).collect::<Result<Vec<_>, _>>()?,
        "continuation_token": next,
    });
    Ok(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
}

/// The model a path names.
fn named(text: &str) -> Result<RelationModelId, Fault> {
    wire::model(text)?.ok_or_else(|| Fault::invalid("invalid AuthorizationModelId: it is empty"))
}

pub(crate) async fn read(visit: Visit, Path((store, model)): Path<(String, String)>) -> Answer {
    let pass = visit.enter::<ReadModel>().await?;
    let (found, receipt) = house::model(pass, wire::store(&store)?, named(&model)?).await?;
    let body = json!({ "authorization_model": shown(&found)? });
    Ok(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
}

pub(crate) async fn write(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<WriteModel>().await?;
    let store = wire::store(&store)?;
    let model: Model = wire::read(&visit.body(body).await?)?;
    let (written, receipt) = house::write_model(pass, &visit.fga.relations, store, &model).await?;
    let id = id_text(written.id.uuid());
    let body = json!({ "authorization_model_id": id });
    let mut response = answer::json(StatusCode::CREATED, &body, &receipt, &visit.context);
    answer::put(&mut response, answer::HEADER_MODEL, &id);
    Ok(response)
}

pub(crate) async fn assertions(visit: Visit, Path((store, model)): Path<(String, String)>) -> Answer {
    let pass = visit.enter::<ReadAssertions>().await?;
    let (store, id) = (wire::store(&store)?, named(&model)?);
    let (found, receipt) = house::assertions(pass, store, id).await?;
    let body = json!({ "authorization_model_id": model, "assertions": found });
    Ok(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
}

pub(crate) async fn put_assertions(
    visit: Visit,
    Path((store, model)): Path<(String, String)>,
    body: Body,
) -> Answer {
    let pass = visit.enter::<WriteAssertions>().await?;
    let (store, id) = (wire::store(&store)?, named(&model)?);
    let asked: wire::Assertions = wire::read(&visit.body(body).await?)?;
    let values = asked.assertions.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    let values = values.map_err(|error| Fault::invalid(error.to_string()))?;
    let receipt = house::put_assertions(pass, store, id, &values).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT, &receipt, &visit.context))
}
