//! Tuples: written, read, and what changed.

use app::relations::{
    self as house, ChangesAsked, Fault, OnClash, ReadChanges, ReadRelations, TuplesAsked, WriteRelations,
    id_text,
};
use axum::body::Body;
use axum::extract::Path;
use http::StatusCode;
use kernel::Timestamp;
use serde_json::{Value, json};

use crate::{Answer, Visit, answer, wire};

pub(crate) async fn write(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<WriteRelations>().await?;
    let store = wire::store(&store)?;
    let asked: wire::Write = wire::read(&visit.body(body).await?)?;
    let present = OnClash::parse(&asked.writes.on_duplicate, "on_duplicate")?;
    let missing = OnClash::parse(&asked.deletes.on_missing, "on_missing")?;
    let at = (store, wire::model(&asked.authorization_model_id)?);
    let writes = (asked.writes.tuple_keys.as_slice(), present);
    let deletes = (asked.deletes.tuple_keys.as_slice(), missing);
    let (written, receipt) = house::write(pass, &visit.fga.relations, at, writes, deletes).await?;
    let mut response = answer::json(StatusCode::OK, &json!({}), &receipt, &visit.context);
    answer::put(&mut response, answer::HEADER_MODEL, &id_text(written.model.uuid()));
    answer::put(&mut response, answer::HEADER_REVISION, &written.revision.to_string());
    Ok(response)
}

pub(crate) async fn read(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<ReadRelations>().await?;
    let store = wire::store(&store)?;
    let asked: wire::Read = wire::read(&visit.body(body).await?)?;
    let wire::Key { user, relation, object } = asked.tuple_key;
    let rows = wire::page_size(asked.page_size)?;
    let asked = TuplesAsked { user, relation, object, after: asked.continuation_token, rows };
    let ((found, next), receipt) = house::read(pass, store, &asked).await?;
    let tuples: Vec<Value> =
        found.iter().map(|row| json!({ "key": house::tuple_of(row), "timestamp": row.written_at })).collect();
    let body = json!({ "tuples": tuples, "continuation_token": next });
    Ok(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
}

pub(crate) async fn changes(visit: Visit, Path(store): Path<String>) -> Answer {
    let pass = visit.enter::<ReadChanges>().await?;
    let store = wire::store(&store)?;
    let query: wire::PageQuery = wire::query(&visit.parts)?;
    let not_before = match query.start_time.as_str() {
        "" => None,
        text => Some(text.parse::<Timestamp>().map_err(|_| Fault::invalid("start_time is no time"))?),
    };
    let asked = ChangesAsked {
        object_type: query.object_type,
        after: query.continuation_token,
        not_before,
        rows: wire::page_size(query.page_size)?,
    };
    let ((found, next), receipt) = house::changes(pass, store, &asked).await?;
    let operation = |deleted| if deleted { "TUPLE_OPERATION_DELETE" } else { "TUPLE_OPERATION_WRITE" };
    let changes: Vec<Value> = found
        .iter()
        .map(|change| {
            json!({
                "tuple_key": house::tuple_of(&change.tuple),
                "operation": operation(change.deleted),
                "timestamp": change.tuple.written_at,
            })
        })
        .collect();
    let body = json!({ "changes": changes, "continuation_token": next });
    Ok(answer::json(StatusCode::OK, &body, &receipt, &visit.context))
}
