//! `GET /v1/models` and `GET /v1/models/{id}`.

use app::input::bearer;
use app::models::{ListModels, listed};
use app::providers::ListedModel;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use gates::Receipt;
use kernel::{Problem, RequestContext};
use llm::models::{Model, list_json};

use crate::Gateway;
use crate::answer::{self, Refusal};
use crate::chat::model_not_found;

/// The models this key may name.
pub(crate) async fn list(State(gateway): State<Gateway>, parts: Parts) -> Response {
    let context = gateway.context(&parts);
    match read(&gateway, &parts, &context).await {
        Ok((models, receipt)) => {
            let body = list_json(models.iter().map(model));
            let mut response = answer::json(200, body, &context);
            answer::name_entry(&mut response, &receipt);
            response
        }
        Err(problem) => Refusal::Problem(problem).answer(&context),
    }
}

/// One of them.
pub(crate) async fn one(State(gateway): State<Gateway>, Path(id): Path<String>, parts: Parts) -> Response {
    let context = gateway.context(&parts);
    match read(&gateway, &parts, &context).await {
        Ok((models, receipt)) => match models.iter().find(|model| model.id == id) {
            Some(found) => {
                let mut response = answer::json(200, model(found).to_json(), &context);
                answer::name_entry(&mut response, &receipt);
                response
            }
            None => Refusal::Api(model_not_found(), None, Some(receipt)).answer(&context),
        },
        Err(problem) => Refusal::Problem(problem).answer(&context),
    }
}

/// The list, on record before it is shown.
async fn read(
    gateway: &Gateway,
    parts: &Parts,
    context: &RequestContext,
) -> Result<(Vec<ListedModel>, Receipt), Problem> {
    let vault = &gateway.vault;
    let principal = vault.authenticate(bearer(&parts.headers), context).await?;
    let pass = vault.enter::<ListModels>(principal, context.clone()).await?;
    let models = gateway.directory.models(&pass).await?;
    let receipt = listed(pass, models.len()).await?;
    Ok((models, receipt))
}

fn model(listed: &ListedModel) -> Model<'_> {
    Model {
        id: &listed.id,
        created_unix_s: u64::try_from(listed.created.unix_seconds()).unwrap_or(0),
        owned_by: &listed.owned_by,
    }
}
