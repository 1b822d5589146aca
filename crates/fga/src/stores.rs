//! Stores.

use app::relations::{self as house, CreateStore, DeleteStore, ListStores, ReadStore, id_text};
use axum::body::Body;
use axum::extract::Path;
use http::StatusCode;
use kernel::RelationStoreId;
use serde_json::{Value, json};

use crate::{Answer, Visit, answer, wire};

fn shown(store: &house::Store) -> Value {
    json!({
        "id": id_text(store.id.uuid()),
        "name": store.name,
        "created_at": store.created_at,
        "updated_at": store.updated_at,
        "deleted_at": null,
    })
}

pub(crate) async fn list(visit: Visit) -> Answer {
    let pass = visit.enter::<ListStores>().await?;
    let query: wire::PageQuery = wire::query(&visit.parts)?;
    let rows = wire::page_size(query.page_size)?;
    let after = wire::after(&query.continuation_token)?.map(RelationStoreId::from_uuid);
    let name = Some(query.name.as_str()).filter(|name| !name.is_empty());
    let (found, receipt) = house::stores(pass, name, after, rows).await?;
    let next = wire::next(found.len(), rows, found.last().map(|last| last.id.uuid()));
    let body = json!({
        "stores": found.iter().map(shown).collect::<Vec<_>>(),
        "continuation_token": next,
    });
    Ok(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
}

pub(crate) async fn create(visit: Visit, body: Body) -> Answer {
    let pass = visit.enter::<CreateStore>().await?;
    let asked: wire::CreateStore = wire::read(&visit.body(body).await?)?;
    let (made, receipt) = house::create_store(pass, asked.name).await?;
    Ok(answer::json(StatusCode::CREATED, &shown(&made), &receipt, &visit.context))
}

pub(crate) async fn read(visit: Visit, Path(store): Path<String>) -> Answer {
    let pass = visit.enter::<ReadStore>().await?;
    let (found, receipt) = house::store(pass, wire::store(&store)?).await?;
    Ok(answer::json(StatusCode::OK, &shown(&found), &receipt, &visit.context))
}

pub(crate) async fn delete(visit: Visit, Path(store): Path<String>) -> Answer {
    let pass = visit.enter::<DeleteStore>().await?;
    let receipt = house::delete_store(pass, &visit.fga.relations, wire::store(&store)?).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT, &receipt, &visit.context))
}
