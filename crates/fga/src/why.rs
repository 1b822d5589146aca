//! Questions OpenFGA has no operation for: why, what if, and everything somebody can reach. Their bodies are made of what
//! OpenFGA's are made of.

use app::relations::{
    self as house, Answered, Differs, Explain, Fault, REVIEW_EXPORT_ROWS_MAX, REVIEW_ROWS_MAX, Review,
    ReviewAccess, Supposed, WhatIf, Wondered, id_text,
};
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Answer, Visit, answer, freshness, wire};

pub(crate) async fn explain(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<Explain>().await?;
    let store = wire::store(&store)?;
    let question: wire::Question = wire::read(&visit.body(body).await?)?;
    let freshness = freshness(&visit.parts, question.common.consistency)?;
    let asked = question.common.asked(question.contextual_tuples.tuple_keys, freshness)?;
    let key = question.tuple_key.into();
    let (answered, receipt) = house::explain(pass, &visit.fga.relations, store, key, asked).await?;
    let mut response = answer::json(StatusCode::OK, &answered.answer, &receipt, &visit.context);
    answer::name_source(&mut response, &answered);
    Ok(response)
}

pub(crate) async fn what_if(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<WhatIf>().await?;
    let store = wire::store(&store)?;
    let question: wire::WhatIf = wire::read(&visit.body(body).await?)?;
    let freshness = freshness(&visit.parts, question.common.consistency)?;
    let asked = question.common.asked(question.contextual_tuples.tuple_keys, freshness)?;
    let wondered = wondered(question.check, question.list_users, question.list_objects)?;
    let supposed = Supposed {
        writes: question.suppose.writes.tuple_keys,
        deletes: question.suppose.deletes.tuple_keys,
        model: wire::model(&question.suppose.authorization_model_id)?,
    };
    let supposed_model = supposed.model;
    let about = (wondered, asked);
    let (answered, receipt) = house::what_if(pass, &visit.fga.relations, store, supposed, about).await?;
    let model = id_text(supposed_model.unwrap_or(answered.model).uuid());
    let said = match &answered.answer {
        Differs::Check { before, after } => json!({ "before": before, "after": after }),
        Differs::Lists(lists) => json!(lists),
    };
    let mut body = said;
    if let Some(members) = body.as_object_mut() {
        members.insert("supposed_authorization_model_id".to_owned(), model.into());
    }
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    answer::name_source(&mut response, &answered);
    Ok(response)
}

/// The one question of a body that may hold three.
fn wondered(
    check: Option<wire::Key>,
    users: Option<wire::WhoElse>,
    objects: Option<wire::WhatElse>,
) -> Result<Wondered, Fault> {
    match (check, users, objects) {
        (Some(key), None, None) => Ok(Wondered::Check(key.into())),
        (None, Some(users), None) => {
            let [filter] = users.user_filters.as_slice() else {
                return Err(Fault::invalid("user_filters must contain exactly 1 item"));
            };
            Ok(Wondered::Users {
                object: users.object.text(),
                relation: users.relation,
                user_type: filter.type_name.clone(),
                user_relation: Some(filter.relation.clone()).filter(|relation| !relation.is_empty()),
            })
        }
        (None, None, Some(wire::WhatElse { user, relation, object_type })) => {
            Ok(Wondered::Objects { user, relation, object_type })
        }
        _ => Err(Fault::invalid("exactly one of check, list_users and list_objects is asked")),
    }
}

/// How a review is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReviewQuery {
    format: String,
}

pub(crate) async fn access_review(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<ReviewAccess>().await?;
    let store = wire::store(&store)?;
    let is_csv = match wire::query::<ReviewQuery>(&visit.parts)?.format.as_str() {
        "" | "json" => false,
        "csv" => true,
        _ => return Err(Fault::invalid("format is json or csv").into()),
    };
    let question: wire::Review = wire::read(&visit.body(body).await?)?;
    let rows = rows(question.page_size, is_csv)?;
    let freshness = freshness(&visit.parts, question.common.consistency)?;
    let asked = question.common.asked(question.contextual_tuples.tuple_keys, freshness)?;
    let (user, after) = (question.user, (rows, question.continuation_token));
    let relations = &visit.fga.relations;
    let (answered, receipt) = house::review(pass, relations, store, user.clone(), after, asked).await?;
    let mut response = if is_csv {
        let mut response =
            answer::lines(house::review_csv(&user, &answered.answer), &receipt, &visit.context);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
        let name = HeaderValue::from_static("attachment; filename=\"access-review.csv\"");
        headers.insert(CONTENT_DISPOSITION, name);
        response
    } else {
        answer::json(StatusCode::OK, &shown(&answered.answer), &receipt, &visit.context)
    };
    name_review(&mut response, &answered);
    Ok(response)
}

fn rows(asked: Option<i64>, is_csv: bool) -> Result<usize, Fault> {
    let most = if is_csv { REVIEW_EXPORT_ROWS_MAX } else { REVIEW_ROWS_MAX };
    match asked {
        None | Some(0) => Ok(most),
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| *size <= most)
            .ok_or_else(|| Fault::invalid(format!("invalid PageSize: it must be from 1 to {most}"))),
    }
}

fn shown(review: &Review) -> Value {
    json!({ "access": review.access, "undecided": review.undecided, "continuation_token": review.next })
}

fn name_review(response: &mut Response, answered: &Answered<Review>) {
    answer::name_source(response, answered);
    if !answered.answer.next.is_empty() {
        answer::put(response, answer::HEADER_CONTINUATION, &answered.answer.next);
    }
    if answered.answer.incomplete {
        answer::put(response, answer::HEADER_INCOMPLETE, "true");
    }
}
