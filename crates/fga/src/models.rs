//! Models, and what they are expected to answer.

use app::relations::{
    self as house, Code, Fault, ListModels, ReadAssertions, ReadModel, Refused, WriteAssertions, WriteModel,
    id_text, parse_id,
};
use authz::Model;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use http::StatusCode;
use kernel::{Problem, RelationModelId};
use serde_json::{Value, json};

use crate::{Fga, answer, wire};

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

pub(crate) async fn list(State(fga): State<Fga>, Path(store): Path<String>, parts: Parts) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<ListModels>().await?;
        let store = wire::store(&store)?;
        let query: wire::PageQuery = wire::query(&visit.parts)?;
        let rows = wire::page_size(query.page_size)?;
        let before = match query.continuation_token.as_str() {
            "" => None,
            text => Some(
                parse_id(text)
                    .map(RelationModelId::from_uuid)
                    .ok_or_else(|| Fault::new(Code::ContinuationToken, "Invalid continuation token"))?,
            ),
        };
        let (found, receipt) = house::models(pass, store, before, rows).await?;
        let full = i64::try_from(found.len()).is_ok_and(|found| found == rows);
        let next = found.last().filter(|_| full).map(|last| id_text(last.id.uuid()));
        let body = json!({
            "authorization_models": found.iter().map(shown).collect::<Result<Vec<_>, _>>()?,
            "continuation_token": next.unwrap_or_default(),
        });
        Ok::<_, Refused>(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
    };
    visit.answer(done.await).await
}

/// The model a path names.
fn named(text: &str) -> Result<RelationModelId, Fault> {
    wire::model(text)?.ok_or_else(|| Fault::invalid("invalid AuthorizationModelId: it is empty"))
}

pub(crate) async fn read(
    State(fga): State<Fga>,
    Path((store, model)): Path<(String, String)>,
    parts: Parts,
) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<ReadModel>().await?;
        let (found, receipt) = house::model(pass, wire::store(&store)?, named(&model)?).await?;
        let body = json!({ "authorization_model": shown(&found)? });
        Ok::<_, Refused>(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
    };
    visit.answer(done.await).await
}

pub(crate) async fn write(
    State(fga): State<Fga>,
    Path(store): Path<String>,
    parts: Parts,
    body: Body,
) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<WriteModel>().await?;
        let store = wire::store(&store)?;
        let model: Model = wire::read(&visit.body(body).await?)?;
        let (written, receipt) = house::write_model(pass, &visit.fga.relations, store, &model).await?;
        let id = id_text(written.id.uuid());
        let body = json!({ "authorization_model_id": id });
        let mut response = answer::json(StatusCode::CREATED, &body, &receipt, &visit.context);
        answer::put(&mut response, answer::HEADER_MODEL, &id);
        Ok::<_, Refused>(response)
    };
    visit.answer(done.await).await
}

pub(crate) async fn assertions(
    State(fga): State<Fga>,
    Path((store, model)): Path<(String, String)>,
    parts: Parts,
) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<ReadAssertions>().await?;
        let (store, id) = (wire::store(&store)?, named(&model)?);
        let (found, receipt) = house::assertions(pass, store, id).await?;
        let body = json!({ "authorization_model_id": model, "assertions": found });
        Ok::<_, Refused>(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
    };
    visit.answer(done.await).await
}

pub(crate) async fn put_assertions(
    State(fga): State<Fga>,
    Path((store, model)): Path<(String, String)>,
    parts: Parts,
    body: Body,
) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<WriteAssertions>().await?;
        let (store, id) = (wire::store(&store)?, named(&model)?);
        let asked: wire::Assertions = wire::read(&visit.body(body).await?)?;
        let values = asked.assertions.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|error| Fault::invalid(error.to_string()))?;
        let receipt = house::put_assertions(pass, store, id, &values).await?;
        Ok::<_, Refused>(answer::empty(StatusCode::NO_CONTENT, &receipt, &visit.context))
    };
    visit.answer(done.await).await
}
