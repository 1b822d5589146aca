//! Stores.

use app::relations::{
    self as house, Code, CreateStore, DeleteStore, Fault, ListStores, ReadStore, Refused, id_text, parse_id,
};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use http::StatusCode;
use kernel::RelationStoreId;
use serde_json::{Value, json};

use crate::{Fga, answer, wire};

fn shown(store: &house::Store) -> Value {
    json!({
        "id": id_text(store.id.uuid()),
        "name": store.name,
        "created_at": store.created_at,
        "updated_at": store.updated_at,
        "deleted_at": null,
    })
}

pub(crate) async fn list(State(fga): State<Fga>, parts: Parts) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<ListStores>().await?;
        let query: wire::PageQuery = wire::query(&visit.parts)?;
        let rows = wire::page_size(query.page_size)?;
        let after = match query.continuation_token.as_str() {
            "" => None,
            text => Some(
                parse_id(text)
                    .map(RelationStoreId::from_uuid)
                    .ok_or_else(|| Fault::new(Code::ContinuationToken, "Invalid continuation token"))?,
            ),
        };
        let name = Some(query.name.as_str()).filter(|name| !name.is_empty());
        let (found, receipt) = house::stores(pass, name, after, rows).await?;
        let full = i64::try_from(found.len()).is_ok_and(|found| found == rows);
        let next = found.last().filter(|_| full).map(|last| id_text(last.id.uuid()));
        let body = json!({
            "stores": found.iter().map(shown).collect::<Vec<_>>(),
            "continuation_token": next.unwrap_or_default(),
        });
        Ok::<_, Refused>(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
    };
    visit.answer(done.await).await
}

pub(crate) async fn create(State(fga): State<Fga>, parts: Parts, body: Body) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<CreateStore>().await?;
        let asked: wire::CreateStore = wire::read(&visit.body(body).await?)?;
        let (made, receipt) = house::create_store(pass, asked.name).await?;
        Ok::<_, Refused>(answer::json(StatusCode::CREATED, &shown(&made), &receipt, &visit.context))
    };
    visit.answer(done.await).await
}

pub(crate) async fn read(State(fga): State<Fga>, Path(store): Path<String>, parts: Parts) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<ReadStore>().await?;
        let (found, receipt) = house::store(pass, wire::store(&store)?).await?;
        Ok::<_, Refused>(answer::json(StatusCode::OK, &shown(&found), &receipt, &visit.context))
    };
    visit.answer(done.await).await
}

pub(crate) async fn delete(State(fga): State<Fga>, Path(store): Path<String>, parts: Parts) -> Response {
    let visit = fga.visit(parts);
    let done = async {
        let pass = visit.enter::<DeleteStore>().await?;
        let receipt = house::delete_store(pass, &visit.fga.relations, wire::store(&store)?).await?;
        Ok::<_, Refused>(answer::empty(StatusCode::NO_CONTENT, &receipt, &visit.context))
    };
    visit.answer(done.await).await
}
