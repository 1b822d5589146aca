//! What requests say, in OpenFGA's words (openfga/api). Members that are not known are passed over and `null` is as good as
//! absent, as its servers have it.

use app::relations::{
    Asked, Code, Fault, Freshness, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, TupleKey, id_text, parse_id,
};
use kernel::{RelationModelId, RelationStoreId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Reads a body.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    // Lists would be read as the members in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Fault::invalid("the body cannot be read: it is no JSON object"));
    }
    // What is wrong is named by its place; what was sent does not come back.
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = if error.is_data() { "a member is not of the type it must have" } else { "it is no JSON" };
        Fault::invalid(format!("the body cannot be read: {what} (line {line}, column {column})"))
    })
}

/// Reads the query of an address.
pub(crate) fn query<T: DeserializeOwned>(parts: &http::request::Parts) -> Result<T, Fault> {
    axum::extract::Query::<T>::try_from_uri(&parts.uri)
        .map(|query| query.0)
        .map_err(|_| Fault::invalid("the query of the address cannot be read"))
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// The store an address names.
pub(crate) fn store(text: &str) -> Result<RelationStoreId, Fault> {
    let id = parse_id(text).map(RelationStoreId::from_uuid);
    id.ok_or_else(|| {
        Fault::invalid(
            "invalid StoreId: value does not match regex pattern \"^[ABCDEFGHJKMNPQRSTVWXYZ0-9]{26}$\"",
        )
    })
}

/// The model a request names; none when it names none.
pub(crate) fn model(text: &str) -> Result<Option<RelationModelId>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || {
        let rule = "^[ABCDEFGHJKMNPQRSTVWXYZ0-9]{26}$";
        Fault::invalid(format!("invalid AuthorizationModelId: value does not match regex pattern \"{rule}\""))
    };
    parse_id(text).map(RelationModelId::from_uuid).map(Some).ok_or_else(wrong)
}

/// The size of a page.
pub(crate) fn page_size(asked: Option<i64>) -> Result<i64, Fault> {
    match asked {
        None | Some(0) => Ok(PAGE_ITEMS_DEFAULT),
        Some(size) if (1..=PAGE_ITEMS_MAX).contains(&size) => Ok(size),
        Some(_) => Err(Fault::invalid(format!("invalid PageSize: it must be from 1 to {PAGE_ITEMS_MAX}"))),
    }
}

/// Where a list goes on whose places are ids.
pub(crate) fn after(token: &str) -> Result<Option<Uuid>, Fault> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = || Fault::new(Code::ContinuationToken, "Invalid continuation token");
    parse_id(token).map(Some).ok_or_else(wrong)
}

/// Where the page after this one begins; empty when this one is not full.
pub(crate) fn next(found: usize, rows: i64, last: Option<Uuid>) -> String {
    let full = i64::try_from(found).is_ok_and(|found| found == rows);
    last.filter(|_| full).map(id_text).unwrap_or_default()
}

/// How new an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Consistency {
    /// A fraction of a second old is good enough.
    #[default]
    #[serde(rename = "MINIMIZE_LATENCY", alias = "UNSPECIFIED")]
    MinimizeLatency,
    /// Everything that was written before the question counts.
    #[serde(rename = "HIGHER_CONSISTENCY")]
    Higher,
}

/// Tuples in an object of their own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TupleKeys {
    #[serde(alias = "tupleKeys", deserialize_with = "or_default")]
    pub(crate) tuple_keys: Vec<TupleKey>,
}

/// What a question is about; members that are absent are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Key {
    #[serde(deserialize_with = "or_default")]
    pub(crate) user: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) relation: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) object: String,
}

impl From<Key> for TupleKey {
    fn from(Key { user, relation, object }: Key) -> Self {
        TupleKey::new(user, relation, object)
    }
}

/// What every question says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Common {
    #[serde(alias = "authorizationModelId", deserialize_with = "or_default")]
    pub(crate) authorization_model_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) context: Map<String, Value>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) consistency: Consistency,
}

impl Common {
    pub(crate) fn asked(self, contextual: Vec<TupleKey>, freshness: Freshness) -> Result<Asked, Fault> {
        Ok(Asked {
            model: model(&self.authorization_model_id)?,
            freshness,
            contextual,
            context: Some(self.context).filter(|context| !context.is_empty()),
        })
    }
}

/// `POST …/stores`.
#[derive(Debug, Deserialize)]
pub(crate) struct CreateStore {
    pub(crate) name: String,
}

/// A page of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PageQuery {
    pub(crate) page_size: Option<i64>,
    pub(crate) continuation_token: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) object_type: String,
    pub(crate) start_time: String,
}

/// `POST …/write`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Write {
    #[serde(deserialize_with = "or_default")]
    pub(crate) writes: Writes,
    #[serde(deserialize_with = "or_default")]
    pub(crate) deletes: Deletes,
    #[serde(alias = "authorizationModelId", deserialize_with = "or_default")]
    pub(crate) authorization_model_id: String,
}

/// Tuples to write.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Writes {
    #[serde(alias = "tupleKeys", deserialize_with = "or_default")]
    pub(crate) tuple_keys: Vec<TupleKey>,
    #[serde(alias = "onDuplicate", deserialize_with = "or_default")]
    pub(crate) on_duplicate: String,
}

/// Tuples to delete.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Deletes {
    #[serde(alias = "tupleKeys", deserialize_with = "or_default")]
    pub(crate) tuple_keys: Vec<TupleKey>,
    #[serde(alias = "onMissing", deserialize_with = "or_default")]
    pub(crate) on_missing: String,
}

/// `POST …/read`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Read {
    #[serde(alias = "tupleKey", deserialize_with = "or_default")]
    pub(crate) tuple_key: Key,
    #[serde(alias = "pageSize")]
    pub(crate) page_size: Option<i64>,
    #[serde(alias = "continuationToken", deserialize_with = "or_default")]
    pub(crate) continuation_token: String,
}

/// `POST …/check` and `POST …/expand`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Question {
    #[serde(alias = "tupleKey", deserialize_with = "or_default")]
    pub(crate) tuple_key: Key,
    #[serde(alias = "contextualTuples", deserialize_with = "or_default")]
    pub(crate) contextual_tuples: TupleKeys,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// `POST …/batch-check`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BatchCheck {
    #[serde(deserialize_with = "or_default")]
    pub(crate) checks: Vec<BatchItem>,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// One question of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BatchItem {
    #[serde(alias = "tupleKey", deserialize_with = "or_default")]
    pub(crate) tuple_key: Key,
    #[serde(alias = "contextualTuples", deserialize_with = "or_default")]
    pub(crate) contextual_tuples: TupleKeys,
    #[serde(deserialize_with = "or_default")]
    pub(crate) context: Map<String, Value>,
    #[serde(alias = "correlationId", deserialize_with = "or_default")]
    pub(crate) correlation_id: String,
}

/// `POST …/list-objects` and `POST …/streamed-list-objects`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListObjects {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(crate) object_type: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) relation: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) user: String,
    #[serde(alias = "contextualTuples", deserialize_with = "or_default")]
    pub(crate) contextual_tuples: TupleKeys,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// `POST …/list-users`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListUsers {
    #[serde(deserialize_with = "or_default")]
    pub(crate) object: ObjectId,
    #[serde(deserialize_with = "or_default")]
    pub(crate) relation: String,
    #[serde(alias = "userFilters", deserialize_with = "or_default")]
    pub(crate) user_filters: Vec<UserFilter>,
    #[serde(alias = "contextualTuples", deserialize_with = "or_default")]
    pub(crate) contextual_tuples: Vec<TupleKey>,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// An object in two parts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ObjectId {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(crate) object_type: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) id: String,
}

impl ObjectId {
    /// `type:id`.
    pub(crate) fn text(&self) -> String {
        format!("{}:{}", self.object_type, self.id)
    }
}

/// A kind of users.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserFilter {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(crate) type_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) relation: String,
}

/// `POST …/what-if`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WhatIf {
    #[serde(deserialize_with = "or_default")]
    pub(crate) suppose: Suppose,
    pub(crate) check: Option<Key>,
    #[serde(alias = "listUsers")]
    pub(crate) list_users: Option<WhoElse>,
    #[serde(alias = "listObjects")]
    pub(crate) list_objects: Option<WhatElse>,
    #[serde(alias = "contextualTuples", deserialize_with = "or_default")]
    pub(crate) contextual_tuples: TupleKeys,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// What is supposed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Suppose {
    #[serde(deserialize_with = "or_default")]
    pub(crate) writes: TupleKeys,
    #[serde(deserialize_with = "or_default")]
    pub(crate) deletes: TupleKeys,
    #[serde(alias = "authorizationModelId", deserialize_with = "or_default")]
    pub(crate) authorization_model_id: String,
}

/// Who gains and who loses a relation to an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WhoElse {
    #[serde(deserialize_with = "or_default")]
    pub(crate) object: ObjectId,
    #[serde(deserialize_with = "or_default")]
    pub(crate) relation: String,
    #[serde(alias = "userFilters", deserialize_with = "or_default")]
    pub(crate) user_filters: Vec<UserFilter>,
}

/// Which objects somebody gains and loses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WhatElse {
    #[serde(deserialize_with = "or_default")]
    pub(crate) user: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) relation: String,
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(crate) object_type: String,
}

/// `POST …/access-review`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Review {
    #[serde(deserialize_with = "or_default")]
    pub(crate) user: String,
    #[serde(alias = "pageSize")]
    pub(crate) page_size: Option<i64>,
    #[serde(alias = "continuationToken", deserialize_with = "or_default")]
    pub(crate) continuation_token: String,
    #[serde(alias = "contextualTuples", deserialize_with = "or_default")]
    pub(crate) contextual_tuples: TupleKeys,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// `PUT …/assertions/{model}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Assertions {
    #[serde(deserialize_with = "or_default")]
    pub(crate) assertions: Vec<Assertion>,
}

/// What a model is expected to answer to one question.
#[derive(Debug, Default, Deserialize, serde::Serialize)]
#[serde(default)]
pub(crate) struct Assertion {
    pub(crate) tuple_key: AssertionKey,
    #[serde(deserialize_with = "or_default")]
    pub(crate) expectation: bool,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(crate) contextual_tuples: Vec<TupleKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<Map<String, Value>>,
}

/// The question of an assertion.
#[derive(Debug, Default, Deserialize, serde::Serialize)]
#[serde(default)]
pub(crate) struct AssertionKey {
    pub(crate) object: String,
    pub(crate) relation: String,
    pub(crate) user: String,
}
