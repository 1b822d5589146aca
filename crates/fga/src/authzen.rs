//! AuthZEN (OpenID Authorization API 1.0): decisions and searches, each store a policy decision point of its own.
//!
//! A subject is a user, an action is a relation, a resource is an object. Properties reach conditions as OpenFGA has it:
//! `subject_x`, `resource_x` and `action_x` in the context; what the context says itself comes first.

use app::relations::{
    self as house, Asked, Evaluate, EvaluateAll, Evaluation, Fault, LIST_ITEMS_MAX, SearchActions,
    SearchResources, SearchSubjects, Semantic, TupleKey,
};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{Answer, Fga, Refusal, Visit, answer, freshness, wire};

/// For how long a description may be kept.
const CONFIGURATION_KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A subject or a resource.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Entity {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    properties: Option<Map<String, Value>>,
}

/// An action.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Deed {
    name: Option<String>,
    properties: Option<Map<String, Value>>,
}

/// What is asked. What is not known is passed over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Request {
    subject: Option<Entity>,
    action: Option<Deed>,
    resource: Option<Entity>,
    context: Option<Map<String, Value>>,
    evaluations: Option<Vec<Value>>,
    options: Option<Options>,
    page: Option<Page>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Options {
    evaluations_semantic: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Page {
    /// Where the page before ended. Drafts called it as the answer does.
    #[serde(alias = "next_token")]
    token: Option<String>,
    limit: Option<u64>,
}

fn missing(what: &str) -> Fault {
    Fault::invalid(format!("{what} is required"))
}

impl Entity {
    fn kind(this: Option<&Self>, name: &str) -> Result<String, Fault> {
        let kind = this.ok_or_else(|| missing(name))?.kind.clone();
        kind.filter(|kind| !kind.is_empty()).ok_or_else(|| missing(&format!("{name}.type")))
    }

    /// `type:id`.
    fn text(this: Option<&Self>, name: &str) -> Result<String, Fault> {
        let kind = Self::kind(this, name)?;
        let id = this.and_then(|this| this.id.as_deref()).filter(|id| !id.is_empty());
        Ok(format!("{kind}:{}", id.ok_or_else(|| missing(&format!("{name}.id")))?))
    }

    /// This one, with what it lacks from the default: as a whole, but for its type and id.
    fn or(self, default: Option<&Self>) -> Self {
        let default = default.cloned().unwrap_or_default();
        Self { kind: self.kind.or(default.kind), id: self.id.or(default.id), properties: self.properties }
    }
}

impl Request {
    fn action(&self) -> Result<String, Fault> {
        let name = self.action.as_ref().ok_or_else(|| missing("action"))?.name.clone();
        name.filter(|name| !name.is_empty()).ok_or_else(|| missing("action.name"))
    }

    /// Values for conditions: the context, and the properties of all three under names of their own.
    fn values(&self) -> Option<Map<String, Value>> {
        let mut values = self.context.clone().unwrap_or_default();
        let properties = [
            ("subject", self.subject.as_ref().and_then(|it| it.properties.as_ref())),
            ("action", self.action.as_ref().and_then(|it| it.properties.as_ref())),
            ("resource", self.resource.as_ref().and_then(|it| it.properties.as_ref())),
        ];
        for (of, properties) in properties {
            for (name, value) in properties.into_iter().flatten() {
                values.entry(format!("{of}_{name}")).or_insert_with(|| value.clone());
            }
        }
        Some(values).filter(|values| !values.is_empty())
    }

    fn evaluation(&self) -> Result<Evaluation, Fault> {
        let user = Entity::text(self.subject.as_ref(), "subject")?;
        let object = Entity::text(self.resource.as_ref(), "resource")?;
        let question = TupleKey::new(user, self.action()?, object);
        Ok(Evaluation { question, context: self.values() })
    }

    /// One of several, with the defaults of all.
    fn one(&self, item: &Value) -> Result<Evaluation, Fault> {
        if !item.is_object() {
            return Err(Fault::invalid("an evaluation is no object"));
        }
        let own: Self = serde_json::from_value(item.clone())
            .map_err(|_| Fault::invalid("a member of the evaluation is not of the type it must have"))?;
        let merged = Self {
            subject: own.subject.map(|it| it.or(self.subject.as_ref())).or_else(|| self.subject.clone()),
            resource: own.resource.map(|it| it.or(self.resource.as_ref())).or_else(|| self.resource.clone()),
            action: own.action.or_else(|| self.action.clone()),
            context: own.context.or_else(|| self.context.clone()),
            ..Self::default()
        };
        merged.evaluation()
    }

    fn semantic(&self) -> Result<Semantic, Fault> {
        match self.options.as_ref().and_then(|options| options.evaluations_semantic.as_deref()) {
            None | Some("execute_all") => Ok(Semantic::ExecuteAll),
            Some("deny_on_first_deny") => Ok(Semantic::DenyOnFirstDeny),
            Some("permit_on_first_permit") => Ok(Semantic::PermitOnFirstPermit),
            Some(_) => Err(Fault::invalid(
                "options.evaluations_semantic is execute_all, deny_on_first_deny or permit_on_first_permit",
            )),
        }
    }

    fn page(&self) -> (usize, &str) {
        let limit = self.page.as_ref().and_then(|page| page.limit).filter(|limit| *limit > 0);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIST_ITEMS_MAX);
        let token = self.page.as_ref().and_then(|page| page.token.as_deref()).unwrap_or_default();
        (limit.min(LIST_ITEMS_MAX), token)
    }
}

/// Reads a body; anything else than JSON in an object is refused.
async fn read<T: DeserializeOwned>(visit: &Visit, body: Body) -> Result<T, Refusal> {
    let kind =
        visit.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let bytes: Bytes = visit.body(body).await?;
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Fault::invalid("the Content-Type is not application/json").into());
    }
    Ok(wire::read(&bytes)?)
}

fn asked(visit: &Visit, context: Option<Map<String, Value>>) -> Result<Asked, Fault> {
    let freshness = freshness(&visit.parts, wire::Consistency::default())?;
    Ok(Asked { freshness, context, ..Asked::default() })
}

pub(crate) async fn evaluation(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<Evaluate>().await?;
    let store = wire::store(&store)?;
    let request: Request = read(&visit, body).await?;
    let Evaluation { question, context } = request.evaluation()?;
    let asked = asked(&visit, context)?;
    let (answered, receipt) = house::check(pass, &visit.fga.relations, store, &question, &asked).await?;
    let body = json!({ "decision": answered.answer });
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    answer::name_source(&mut response, &answered);
    Ok(response)
}

/// A decision as it is shown: what could not be decided is a no that says why.
fn shown(decision: &Result<bool, Fault>) -> Value {
    match decision {
        Ok(decision) => json!({ "decision": decision }),
        Err(Fault { code, message }) => json!({
            "decision": false,
            "context": { "error": { "status": code.kind().status(), "message": message } },
        }),
    }
}

pub(crate) async fn evaluations(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<EvaluateAll>().await?;
    let store = wire::store(&store)?;
    let request: Request = read(&visit, body).await?;
    let semantic = request.semantic()?;
    let several = request.evaluations.as_deref().filter(|items| !items.is_empty());
    let items = match several {
        None => vec![Ok(request.evaluation()?)],
        Some(items) => items.iter().map(|item| request.one(item)).collect(),
    };
    let asked = asked(&visit, None)?;
    let relations = &visit.fga.relations;
    let (answered, receipt) = house::evaluate_all(pass, relations, store, (items, semantic), &asked).await?;
    let body = match (several, answered.answer.as_slice()) {
        (None, [Ok(decision)]) => json!({ "decision": decision }),
        // Asked as a single one it is refused as a single one.
        (None, [Err(fault)]) => return Err(fault.clone().into()),
        (_, decisions) => json!({ "evaluations": decisions.iter().map(shown).collect::<Vec<_>>() }),
    };
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    answer::name_source(&mut response, &answered);
    Ok(response)
}

fn page_of(results: &[Value], next: &str) -> Value {
    json!({ "results": results, "page": { "next_token": next, "count": results.len() } })
}

/// `type:id` in two members.
fn in_parts(text: &str) -> Value {
    let (kind, id) = text.split_once(':').unwrap_or_default();
    json!({ "type": kind, "id": id })
}

pub(crate) async fn search_subject(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<SearchSubjects>().await?;
    let store = wire::store(&store)?;
    let request: Request = read(&visit, body).await?;
    let kind = Entity::kind(request.subject.as_ref(), "subject")?;
    let about = (Entity::text(request.resource.as_ref(), "resource")?, request.action()?, kind);
    let asked = asked(&visit, request.values())?;
    let relations = &visit.fga.relations;
    let ((found, next), receipt) =
        house::search_subjects(pass, relations, store, about, request.page(), asked).await?;
    let results: Vec<Value> = found.answer.items.iter().map(|user| in_parts(user)).collect();
    let body = page_of(&results, &next);
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    answer::name_source(&mut response, &found);
    Ok(response)
}

pub(crate) async fn search_resource(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<SearchResources>().await?;
    let store = wire::store(&store)?;
    let request: Request = read(&visit, body).await?;
    let kind = Entity::kind(request.resource.as_ref(), "resource")?;
    let about = (Entity::text(request.subject.as_ref(), "subject")?, request.action()?, kind);
    let asked = asked(&visit, request.values())?;
    let relations = &visit.fga.relations;
    let ((found, next), receipt) =
        house::search_resources(pass, relations, store, about, request.page(), asked).await?;
    let results: Vec<Value> = found.answer.items.iter().map(|object| in_parts(object)).collect();
    let body = page_of(&results, &next);
    let mut response = answer::json(StatusCode::OK, &body, &receipt, &visit.context);
    answer::name_source(&mut response, &found);
    Ok(response)
}

pub(crate) async fn search_action(visit: Visit, Path(store): Path<String>, body: Body) -> Answer {
    let pass = visit.enter::<SearchActions>().await?;
    let store = wire::store(&store)?;
    let request: Request = read(&visit, body).await?;
    let user = Entity::text(request.subject.as_ref(), "subject")?;
    let about = (user, Entity::text(request.resource.as_ref(), "resource")?);
    let asked = asked(&visit, request.values())?;
    let relations = &visit.fga.relations;
    let ((found, next), receipt) =
        house::search_actions(pass, relations, store, about, request.page(), asked).await?;
    let results: Vec<Value> = found.answer.iter().map(|name| json!({ "name": name })).collect();
    let mut response = answer::json(StatusCode::OK, &page_of(&results, &next), &receipt, &visit.context);
    answer::name_source(&mut response, &found);
    Ok(response)
}

/// What there is at a store (§ Policy Decision Point Metadata). It is a function of the address that was asked for: nobody
/// learns from it whether there is such a store.
pub(crate) async fn configuration(State(fga): State<Fga>, Path(store): Path<String>) -> Answer {
    wire::store(&store)?;
    let point = format!("{}/fga/stores/{store}", fga.vault.issuer().trim_end_matches('/'));
    let body = json!({
        "policy_decision_point": point,
        "access_evaluation_endpoint": format!("{point}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{point}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{point}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{point}/access/v1/search/resource"),
        "search_action_endpoint": format!("{point}/access/v1/search/action"),
    });
    let mut response: Response = body.to_string().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, CONFIGURATION_KEPT);
    Ok(response)
}
