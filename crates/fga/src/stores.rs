//! Stores.

use app::relations::{
    self as house, Code, CreateStore, DeleteStore, Fault, ListStores, ReadStore, Refused, id_text, parse_id,
};
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
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
    let context = fga.context(&parts);
    let done = async {
        let pass = fga.enter::<ListStores>(&parts).await?;
        let query: wire::PageQuery = wire::query(&parts)?;
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
        Ok::<_, Refused>(answer::json(StatusCode::OK, &body, &receipt, &context))
    };
    done.await.unwrap_or_else(|refused| answer::refused(&refused, &parts, &context))
}

pub(crate) async fn create(State(fga): State<Fga>, parts: Parts, body: Bytes) -> Response {
    let context = fga.context(&parts);
    let done = async {
        let pass = fga.enter::<CreateStore>(&parts).await?;
        let asked: wire::CreateStore = wire::read(&body)?;
        let (made, receipt) = house::create_store(pass, asked.name).await?;
        Ok::<_, Refused>(answer::json(StatusCode::CREATED, &shown(&made), &receipt, &context))
    };
    done.await.unwrap_or_else(|refused| answer::refused(&refused, &parts, &context))
}

pub(crate) async fn read(State(fga): State<Fga>, Path(store): Path<String>, parts: Parts) -> Response {
    let context = fga.context(&parts);
    let done = async {
        let pass = fga.enter::<ReadStore>(&parts).await?;
        let (found, receipt) = house::store(pass, wire::store(&store)?).await?;
        Ok::<_, Refused>(answer::json(StatusCode::OK, &shown(&found), &receipt, &context))
    };
    done.await.unwrap_or_else(|refused| answer::refused(&refused, &parts, &context))
}

pub(crate) async fn delete(State(fga): State<Fga>, Path(store): Path<String>, parts: Parts) -> Response {
    let context = fga.context(&parts);
    let done = async {
        let pass = fga.enter::<DeleteStore>(&parts).await?;
        let receipt = house::delete_store(pass, &fga.relations, wire::store(&store)?).await?;
        Ok::<_, Refused>(answer::empty(StatusCode::NO_CONTENT, &receipt, &context))
    };
    done.await.unwrap_or_else(|refused| answer::refused(&refused, &parts, &context))
}
