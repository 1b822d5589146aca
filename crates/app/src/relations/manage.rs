//! Stores, models and what models are expected to answer.

use authz::{Model, Schema};
use gates::{Channel, Draft, Pass, Raw, Receipt};
use kernel::{EventKind, RelationModelId, RelationStoreId};
use store::relations::{self as rows, Store};

use super::fault::{Code, Fault, Refused, fail};
use super::{ASSERTIONS_MAX, MODEL_BYTES_MAX, Relations, STORES_MAX, TYPES_MAX};
use crate::action;

action! {
    /// Lists the stores of relations.
    ListStores = "relations.list_stores", PoliciesRead, Principal, Read
}
action! {
    /// Reads a store of relations.
    ReadStore = "relations.read_store", PoliciesRead, Principal, Read
}
action! {
    /// Makes a store of relations.
    CreateStore = "relations.create_store", PoliciesManage, Staff, Write
}
action! {
    /// Deletes a store of relations. It opens nothing any more; what it held stays on record.
    DeleteStore = "relations.delete_store", PoliciesManage, Staff, Write, Fresh
}
action! {
    /// Lists the models of a store.
    ListModels = "relations.list_models", PoliciesRead, Principal, Read
}
action! {
    /// Reads a model of a store.
    ReadModel = "relations.read_model", PoliciesRead, Principal, Read
}
action! {
    /// Writes a model. Not for agents: an agent cannot change what binds it.
    WriteModel = "relations.write_model", PoliciesManage, Staff, Write, Fresh
}
action! {
    /// Reads what a model is expected to answer.
    ReadAssertions = "relations.read_assertions", PoliciesRead, Principal, Read
}
action! {
    /// Writes what a model is expected to answer.
    WriteAssertions = "relations.write_assertions", PoliciesManage, Staff, Write
}

/// One page of stores, by id.
///
/// # Errors
/// When the database cannot be used.
pub async fn stores(
    mut pass: Pass<ListStores>,
    name: Option<&str>,
    after: Option<RelationStoreId>,
    rows: i64,
) -> Result<(Vec<Store>, Receipt), Refused> {
    let found = rows::stores(pass.tx(), name, after, rows).await?;
    let draft = Draft::done(EventKind::RelationStoresListed).fact("items", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// One store.
///
/// # Errors
/// When there is none of that id.
pub async fn store(mut pass: Pass<ReadStore>, id: RelationStoreId) -> Result<(Store, Receipt), Refused> {
    let Some(found) = rows::store(pass.tx(), id).await? else {
        return Err(fail(pass, EventKind::RelationStoreRead, Fault::no_store().into()).await);
    };
    let draft = Draft::done(EventKind::RelationStoreRead).subject("relation_store", id);
    Ok((found, pass.seal(draft).await?))
}

/// Whether OpenFGA allows a store to be called so: `^[a-zA-Z0-9\s\.\-\/^_&@]{3,64}$`.
fn is_store_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ".-/^_&@".contains(c);
    (3..=64).contains(&name.len()) && name.chars().all(fits)
}

/// Makes a store.
///
/// # Errors
/// When the name is none, or the organization has [`STORES_MAX`] already.
pub async fn create_store(mut pass: Pass<CreateStore>, name: String) -> Result<(Store, Receipt), Refused> {
    let kind = EventKind::RelationStoreCreated;
    let made = match make_store(&mut pass, &name).await {
        Ok(made) => made,
        Err(refused) => return Err(fail(pass, kind, refused).await),
    };
    let name = pass.privacy(Channel::Log).text(Raw::new(name));
    let draft = Draft::done(kind).subject("relation_store", made.id).fact("name", &name);
    Ok((made, pass.seal(draft).await?))
}

async fn make_store(pass: &mut Pass<CreateStore>, name: &str) -> Result<Store, Refused> {
    if !is_store_name(name) {
        let message = r#"invalid CreateStoreRequest.Name: value does not match regex pattern "^[a-zA-Z0-9\\s\\.\\-\\/^_&@]{3,64}$""#;
        return Err(Fault::invalid(message).into());
    }
    if pass.privacy(Channel::Log).text(Raw::new(name.to_owned())).get() != name {
        let message = "the name looks like personal data or a secret; choose another";
        return Err(Fault::invalid(message).into());
    }
    if rows::count_stores(pass.tx()).await? >= STORES_MAX {
        let message = format!("an organization has at most {STORES_MAX} stores; delete one first");
        return Err(Fault::new(Code::TooMany, message).into());
    }
    let (now, id) = {
        let vault = pass.vault();
        (vault.clock().now(), RelationStoreId::new(vault.clock(), vault.rng()))
    };
    rows::create_store(pass.tx(), id, name, now).await?;
    rows::store(pass.tx(), id).await?.ok_or_else(|| Fault::no_store().into())
}

/// Deletes a store.
///
/// # Errors
/// When there is none of that id.
pub async fn delete_store(
    mut pass: Pass<DeleteStore>,
    relations: &Relations,
    id: RelationStoreId,
) -> Result<Receipt, Refused> {
    let (kind, now) = (EventKind::RelationStoreDeleted, pass.vault().clock().now());
    let tenant = pass.tenant();
    if let Err(kept) = Fault::unless_kept(tenant, id) {
        return Err(fail(pass, kind, kept.into()).await);
    }
    if !rows::delete_store(pass.tx(), id, now).await? {
        return Err(fail(pass, kind, Fault::no_store().into()).await);
    }
    let receipt = pass.seal(Draft::done(kind).subject("relation_store", id)).await?;
    relations.wrote(tenant, id);
    Ok(receipt)
}

/// One page of a store's models, newest first.
///
/// # Errors
/// When there is no such store.
pub async fn models(
    mut pass: Pass<ListModels>,
    store: RelationStoreId,
    before: Option<RelationModelId>,
    rows: i64,
) -> Result<(Vec<rows::Model>, Receipt), Refused> {
    let kind = EventKind::RelationModelsRead;
    if rows::store(pass.tx(), store).await?.is_none() {
        return Err(fail(pass, kind, Fault::no_store().into()).await);
    }
    let found = rows::models(pass.tx(), store, before, rows).await?;
    let draft = Draft::done(kind).fact("store", store).fact("items", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// One model.
///
/// # Errors
/// When there is no such store or model.
pub async fn model(
    mut pass: Pass<ReadModel>,
    store: RelationStoreId,
    id: RelationModelId,
) -> Result<(rows::Model, Receipt), Refused> {
    let kind = EventKind::RelationModelsRead;
    let refused = if rows::store(pass.tx(), store).await?.is_none() {
        Fault::no_store()
    } else if let Some(found) = rows::model(pass.tx(), store, id).await? {
        let draft = Draft::done(kind).subject("relation_model", id).fact("store", store).fact("items", 1_u64);
        return Ok((found, pass.seal(draft).await?));
    } else {
        no_model(id)
    };
    Err(fail(pass, kind, refused.into()).await)
}

/// There is no such model in the store.
pub(super) fn no_model(id: RelationModelId) -> Fault {
    let id = super::id_text(id.uuid());
    Fault::new(Code::ModelNotFound, format!("Authorization Model '{id}' not found"))
}

/// A model that was written.
#[derive(Debug, Clone)]
pub struct WrittenModel {
    /// Its id.
    pub id: RelationModelId,
    /// SHA-256 of its canonical JSON.
    pub sha256: [u8; 32],
}

/// Writes a model: from then on it is the one in force where a request names none.
///
/// # Errors
/// When it breaks a rule of the language, or is too large; when there is no such store.
pub async fn write_model(
    mut pass: Pass<WriteModel>,
    relations: &Relations,
    store: RelationStoreId,
    model: &Model,
) -> Result<(WrittenModel, Receipt), Refused> {
    let kind = EventKind::RelationModelWritten;
    let written = match keep_model(&mut pass, store, model).await {
        Ok(written) => written,
        Err(refused) => return Err(fail(pass, kind, refused).await),
    };
    let draft = Draft::done(kind)
        .subject("relation_model", written.id)
        .fact("store", store)
        .fact("sha256", &audit_log::Hash(written.sha256))
        .fact("types", model.types().len() as u64);
    let tenant = pass.tenant();
    let receipt = pass.seal(draft).await?;
    relations.wrote(tenant, store);
    Ok((written, receipt))
}

async fn keep_model(
    pass: &mut Pass<WriteModel>,
    store: RelationStoreId,
    model: &Model,
) -> Result<WrittenModel, Refused> {
    Fault::unless_kept(pass.tenant(), store)?;
    if model.types().is_empty() || model.types().len() > TYPES_MAX {
        let message = format!("a model has 1 to {TYPES_MAX} type definitions");
        return Err(Fault::invalid(message).into());
    }
    Schema::compile(model).map_err(|error| Fault::new(Code::InvalidModel, error.to_string()))?;
    let value = serde_json::to_value(model).map_err(|error| Fault::invalid(error.to_string()))?;
    let document =
        audit_log::json::to_canonical(&value).map_err(|error| Fault::invalid(error.to_string()))?;
    if document.len() > MODEL_BYTES_MAX {
        let message =
            format!("model exceeds size limit: {} bytes vs {MODEL_BYTES_MAX} bytes", document.len());
        return Err(Fault::new(Code::TooMany, message).into());
    }
    if rows::hold_store(pass.tx(), store).await?.is_none() {
        return Err(Fault::no_store().into());
    }
    let (now, id) = {
        let vault = pass.vault();
        (vault.clock().now(), RelationModelId::new(vault.clock(), vault.rng()))
    };
    let sha256 = crypto::sha256(&document);
    let document = String::from_utf8(document).map_err(|error| Fault::invalid(error.to_string()))?;
    rows::create_model(pass.tx(), store, id, (&document, &sha256), now).await?;
    Ok(WrittenModel { id, sha256 })
}

/// What a model is expected to answer: the JSON that was written.
pub type Asserted = Vec<serde_json::Value>;

/// Reads what a model is expected to answer; nothing when nothing was written.
///
/// # Errors
/// When there is no such store or model.
pub async fn assertions(
    mut pass: Pass<ReadAssertions>,
    store: RelationStoreId,
    model: RelationModelId,
) -> Result<(Asserted, Receipt), Refused> {
    let kind = EventKind::RelationAssertionsRead;
    let refused = if rows::store(pass.tx(), store).await?.is_none() {
        Fault::no_store()
    } else if rows::model(pass.tx(), store, model).await?.is_none() {
        no_model(model)
    } else {
        let document = rows::assertions(pass.tx(), store, model).await?;
        let found: Asserted =
            document.and_then(|document| serde_json::from_str(&document).ok()).unwrap_or_default();
        let draft =
            Draft::done(kind).fact("store", store).fact("model", model).fact("items", found.len() as u64);
        return Ok((found, pass.seal(draft).await?));
    };
    Err(fail(pass, kind, refused.into()).await)
}

/// Writes what a model is expected to answer, in the place of what was written before.
///
/// # Errors
/// When there are more than [`ASSERTIONS_MAX`]; when there is no such store or model.
pub async fn put_assertions(
    mut pass: Pass<WriteAssertions>,
    store: RelationStoreId,
    model: RelationModelId,
    asserted: &Asserted,
) -> Result<Receipt, Refused> {
    let (kind, now) = (EventKind::RelationAssertionsWritten, pass.vault().clock().now());
    let refused = if let Err(kept) = Fault::unless_kept(pass.tenant(), store) {
        kept
    } else if asserted.len() > ASSERTIONS_MAX {
        Fault::invalid(format!("a model has at most {ASSERTIONS_MAX} assertions"))
    } else if rows::hold_store(pass.tx(), store).await?.is_none() {
        Fault::no_store()
    } else if rows::model(pass.tx(), store, model).await?.is_none() {
        no_model(model)
    } else {
        let document = serde_json::to_string(asserted).map_err(|error| Fault::invalid(error.to_string()))?;
        rows::put_assertions(pass.tx(), store, model, &document, now).await?;
        let draft = Draft::done(kind)
            .subject("relation_model", model)
            .fact("store", store)
            .fact("model", model)
            .fact("items", asserted.len() as u64);
        return Ok(pass.seal(draft).await?);
    };
    Err(fail(pass, kind, refused.into()).await)
}
