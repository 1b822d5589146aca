//! Reading stores, models, tuples and changes.

use gates::Tx;
use kernel::{RelationModelId, RelationStoreId};

use super::{Change, Model, Store, Tuple};
use crate::StoreError;

macro_rules! store {
    ($row:expr) => {
        Store {
            id: RelationStoreId::from_uuid($row.id),
            name: $row.name,
            revision: $row.revision,
            created_at: $row.created_at.into(),
            updated_at: $row.updated_at.into(),
        }
    };
}

macro_rules! model {
    ($row:expr) => {
        Model {
            id: RelationModelId::from_uuid($row.id),
            document: $row.document,
            sha256: $row.sha256,
            created_at: $row.created_at.into(),
        }
    };
}

macro_rules! tuple {
    ($row:expr) => {
        Tuple {
            object_type: $row.object_type,
            object_id: $row.object_id,
            relation: $row.relation,
            subject: $row.subject,
            condition: $row.condition,
            context: $row.context,
            written_at: $row.written_at.into(),
        }
    };
}

/// A store that was not deleted.
pub async fn store(tx: &mut Tx, id: RelationStoreId) -> Result<Option<Store>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select id, name, revision, created_at, updated_at from relation_store \
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| store!(row)))
}

/// Stores by id, those after `after`, of this name when one is given.
pub async fn stores(
    tx: &mut Tx,
    name: Option<&str>,
    after: Option<RelationStoreId>,
    rows: i64,
) -> Result<Vec<Store>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, name, revision, created_at, updated_at from relation_store \
         where tenant_id = $1 and deleted_at is null and ($2::text is null or name = $2) \
         and ($3::uuid is null or id > $3) order by id limit $4",
        tenant,
        name,
        after.map(RelationStoreId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| store!(row)).collect())
}

/// Writes of a store until now; `None` when there is no such store.
pub async fn revision(tx: &mut Tx, id: RelationStoreId) -> Result<Option<i64>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select revision from relation_store where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.revision))
}

/// One model of a store.
pub async fn model(
    tx: &mut Tx,
    store: RelationStoreId,
    id: RelationModelId,
) -> Result<Option<Model>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select id, document, sha256, created_at from relation_model \
         where tenant_id = $1 and store_id = $2 and id = $3",
        tenant,
        store.uuid(),
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| model!(row)))
}

/// The newest model of a store.
pub async fn latest_model(
    tx: &mut Tx,
    store: RelationStoreId,
) -> Result<Option<RelationModelId>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select id from relation_model where tenant_id = $1 and store_id = $2 order by id desc limit 1",
        tenant,
        store.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| RelationModelId::from_uuid(row.id)))
}

/// The newest model of a store that was there at a moment.
pub async fn model_at(
    tx: &mut Tx,
    store: RelationStoreId,
    at: kernel::Timestamp,
) -> Result<Option<RelationModelId>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select id from relation_model where tenant_id = $1 and store_id = $2 and created_at <= $3 \
         order by id desc limit 1",
        tenant,
        store.uuid(),
        time::OffsetDateTime::from(at)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| RelationModelId::from_uuid(row.id)))
}

/// The revision of the last change that was made until a moment; `None` when there was none.
pub async fn revision_at(
    tx: &mut Tx,
    store: RelationStoreId,
    at: kernel::Timestamp,
) -> Result<Option<i64>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select revision from relation_change where tenant_id = $1 and store_id = $2 and at <= $3 \
         order by at desc, revision desc limit 1",
        tenant,
        store.uuid(),
        time::OffsetDateTime::from(at)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.revision))
}

/// When the last change until a revision was made; `None` when there was none.
pub async fn changed_at(
    tx: &mut Tx,
    store: RelationStoreId,
    revision: i64,
) -> Result<Option<kernel::Timestamp>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select at from relation_change where tenant_id = $1 and store_id = $2 and revision <= $3 \
         order by revision desc, ordinal desc limit 1",
        tenant,
        store.uuid(),
        revision
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.at.into()))
}

/// Models of a store, newest first, those before `before`.
pub async fn models(
    tx: &mut Tx,
    store: RelationStoreId,
    before: Option<RelationModelId>,
    rows: i64,
) -> Result<Vec<Model>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, document, sha256, created_at from relation_model \
         where tenant_id = $1 and store_id = $2 and ($3::uuid is null or id < $3) order by id desc limit $4",
        tenant,
        store.uuid(),
        before.map(RelationModelId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| model!(row)).collect())
}

/// Where a list of tuples goes on: after this key.
pub type Position<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The tuples that were there at a revision, by key, those after `after`.
pub async fn at(
    tx: &mut Tx,
    store: RelationStoreId,
    revision: i64,
    after: Option<Position<'_>>,
    rows: i64,
) -> Result<Vec<Tuple>, StoreError> {
    let tenant = tx.tenant().uuid();
    let (object_type, object_id, relation, subject) = after.unwrap_or_default();
    let found = sqlx::query!(
        "select object_type, object_id, relation, subject, condition, context, written_at from relation_tuple \
         where tenant_id = $1 and store_id = $2 and since <= $3 and (until is null or until > $3) \
         and (object_type, object_id, relation, subject) > ($4, $5, $6, $7) \
         order by object_type, object_id, relation, subject limit $8",
        tenant,
        store.uuid(),
        revision,
        object_type,
        object_id,
        relation,
        subject,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| tuple!(row)).collect())
}

/// Which tuples are asked for; all of them where nothing is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct TupleFilter<'a> {
    /// Of objects of this type.
    pub object_type: Option<&'a str>,
    /// Of the object with this id.
    pub object_id: Option<&'a str>,
    /// Of this relation.
    pub relation: Option<&'a str>,
    /// Of this user.
    pub subject: Option<&'a str>,
}

/// The tuples that are there now and are asked for, by key, those after `after`.
pub async fn tuples(
    tx: &mut Tx,
    store: RelationStoreId,
    filter: TupleFilter<'_>,
    after: Option<Position<'_>>,
    rows: i64,
) -> Result<Vec<Tuple>, StoreError> {
    let tenant = tx.tenant().uuid();
    let (object_type, object_id, relation, subject) = after.unwrap_or_default();
    let found = sqlx::query!(
        "select object_type, object_id, relation, subject, condition, context, written_at from relation_tuple \
         where tenant_id = $1 and store_id = $2 and until is null \
         and ($3::text is null or object_type = $3) and ($4::text is null or object_id = $4) \
         and ($5::text is null or relation = $5) and ($6::text is null or subject = $6) \
         and (object_type, object_id, relation, subject) > ($7, $8, $9, $10) \
         order by object_type, object_id, relation, subject limit $11",
        tenant,
        store.uuid(),
        filter.object_type,
        filter.object_id,
        filter.relation,
        filter.subject,
        object_type,
        object_id,
        relation,
        subject,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| tuple!(row)).collect())
}

/// Changes in their order, those after a place, of objects of one type when one is given, and not before a moment.
pub async fn changes(
    tx: &mut Tx,
    store: RelationStoreId,
    (revision, ordinal): (i64, i16),
    object_type: Option<&str>,
    not_before: Option<kernel::Timestamp>,
    rows: i64,
) -> Result<Vec<Change>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select revision, ordinal, deleted, object_type, object_id, relation, subject, condition, context, \
         at as written_at from relation_change \
         where tenant_id = $1 and store_id = $2 and (revision, ordinal) > ($3, $4) \
         and ($5::text is null or object_type = $5) and ($6::timestamptz is null or at >= $6) \
         order by revision, ordinal limit $7",
        tenant,
        store.uuid(),
        revision,
        ordinal,
        object_type,
        not_before.map(time::OffsetDateTime::from),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Change {
            revision: row.revision,
            ordinal: row.ordinal,
            deleted: row.deleted,
            tuple: tuple!(row),
        })
        .collect())
}

/// What a model is expected to answer, as it was written.
pub async fn assertions(
    tx: &mut Tx,
    store: RelationStoreId,
    model: RelationModelId,
) -> Result<Option<String>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select document from relation_assertions where tenant_id = $1 and store_id = $2 and model_id = $3",
        tenant,
        store.uuid(),
        model.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.document))
}
