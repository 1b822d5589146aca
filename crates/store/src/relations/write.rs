//! Writing stores, models and tuples. Whoever writes to a store waits for whoever writes to it already.

use std::collections::{HashMap, HashSet};

use gates::WriteTx;
use kernel::{RelationModelId, RelationStoreId, Timestamp};
use time::OffsetDateTime;

use super::Tuple;
use crate::StoreError;

/// Makes a store.
pub async fn create_store(
    tx: &mut WriteTx,
    id: RelationStoreId,
    name: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into relation_store (tenant_id, id, name, revision, created_at, updated_at) \
         values ($1, $2, $3, 0, $4, $4)",
        tenant,
        id.uuid(),
        name,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Stores of the organization that were not deleted. Those who ask while one is being made wait for it.
pub async fn count_stores(tx: &mut WriteTx) -> Result<i64, StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select tenant_id from organization where tenant_id = $1 for no key update", tenant)
        .fetch_optional(tx.connection())
        .await?;
    let row = sqlx::query!(
        r#"select count(*) as "count!" from relation_store where tenant_id = $1 and deleted_at is null"#,
        tenant
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.count)
}

/// Deletes a store; its tuples stay for whoever must know what they were. False when there is none.
pub async fn delete_store(tx: &mut WriteTx, id: RelationStoreId, at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update relation_store set deleted_at = $3, revision = revision + 1 \
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant,
        id.uuid(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Holds a store until the transaction ends, and tells its revision. `None` when there is no such store.
pub async fn hold_store(tx: &mut WriteTx, id: RelationStoreId) -> Result<Option<i64>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select revision from relation_store where tenant_id = $1 and id = $2 and deleted_at is null \
         for no key update",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| row.revision))
}

/// Keeps a model.
pub async fn create_model(
    tx: &mut WriteTx,
    store: RelationStoreId,
    id: RelationModelId,
    (document, sha256): (&str, &[u8]),
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into relation_model (tenant_id, store_id, id, document, sha256, created_at) \
         values ($1, $2, $3, $4, $5, $6)",
        tenant,
        store.uuid(),
        id.uuid(),
        document,
        sha256,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Keeps what a model is expected to answer, in the place of what was kept before.
pub async fn put_assertions(
    tx: &mut WriteTx,
    store: RelationStoreId,
    model: RelationModelId,
    document: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into relation_assertions (tenant_id, store_id, model_id, document, changed_at) \
         values ($1, $2, $3, $4, $5) \
         on conflict (tenant_id, store_id, model_id) do update set document = excluded.document, \
         changed_at = excluded.changed_at",
        tenant,
        store.uuid(),
        model.uuid(),
        document,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What a tuple is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The type of its object.
    pub object_type: String,
    /// The id of its object.
    pub object_id: String,
    /// Its relation.
    pub relation: String,
    /// Its user.
    pub subject: String,
}

impl Tuple {
    /// What it is found by.
    pub fn key(&self) -> Key {
        Key {
            object_type: self.object_type.clone(),
            object_id: self.object_id.clone(),
            relation: self.relation.clone(),
            subject: self.subject.clone(),
        }
    }
}

/// What a write is to do, and what it may pass over.
pub struct Writes<'a> {
    /// Tuples that go.
    pub deletes: &'a [Key],
    /// Whether one that is not there is passed over.
    pub ignore_missing: bool,
    /// Tuples that come; each key once, and none of them among the deletes. When they are written is what `at` says.
    pub writes: &'a [Tuple],
    /// Whether one that is there already, with the same condition, is passed over.
    pub ignore_present: bool,
    /// Now.
    pub at: Timestamp,
}

/// What a write did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The revision from which on it counts.
    pub revision: i64,
    /// Tuples that went.
    pub deleted: usize,
    /// Tuples that came.
    pub written: usize,
}

/// Why a write was not done. The transaction must not be committed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There is no such store.
    NoStore,
    /// A tuple that was to go is not there.
    Missing(Key),
    /// A tuple that was to come is there already.
    Present(Key),
    /// A tuple that was to come is there with another condition.
    Different(Key),
}

#[derive(Default)]
struct Columns {
    types: Vec<String>,
    ids: Vec<String>,
    relations: Vec<String>,
    subjects: Vec<String>,
}

impl Columns {
    fn of<'k>(keys: impl Iterator<Item = &'k Key>) -> Self {
        let mut columns = Self::default();
        for key in keys {
            columns.types.push(key.object_type.clone());
            columns.ids.push(key.object_id.clone());
            columns.relations.push(key.relation.clone());
            columns.subjects.push(key.subject.clone());
        }
        columns
    }
}

/// Deletes and writes tuples, all of them or none.
///
/// # Errors
/// When the database fails. What it refuses stands in the answer.
pub async fn apply(
    tx: &mut WriteTx,
    store: RelationStoreId,
    what: &Writes<'_>,
) -> Result<Result<Applied, Refused>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "update relation_store set revision = revision + 1, updated_at = $3 \
         where tenant_id = $1 and id = $2 and deleted_at is null returning revision",
        tenant,
        store.uuid(),
        OffsetDateTime::from(what.at)
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(row) = row else { return Ok(Err(Refused::NoStore)) };
    let at = (store, row.revision, what.at);
    let gone = delete(tx, at, what.deletes).await?;
    if let (false, Some(missing)) = (what.ignore_missing, what.deletes.iter().find(|key| !gone.contains(key)))
    {
        return Ok(Err(Refused::Missing(missing.clone())));
    }
    let (came, refused) = insert(tx, at, what).await?;
    if let Some(refused) = refused {
        return Ok(Err(refused));
    }
    let came: Vec<&Tuple> = came.into_iter().filter_map(|at| what.writes.get(at)).collect();
    note(tx, at, &gone, &came).await?;
    Ok(Ok(Applied { revision: row.revision, deleted: gone.len(), written: came.len() }))
}

type At = (RelationStoreId, i64, Timestamp);

async fn delete(
    tx: &mut WriteTx,
    (store, revision, _): At,
    keys: &[Key],
) -> Result<HashSet<Key>, StoreError> {
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let tenant = tx.tenant().uuid();
    let columns = Columns::of(keys.iter());
    let gone = sqlx::query!(
        "update relation_tuple t set until = $3 \
         from unnest($4::text[], $5::text[], $6::text[], $7::text[]) as k (object_type, object_id, relation, subject) \
         where t.tenant_id = $1 and t.store_id = $2 and t.until is null and t.object_type = k.object_type \
         and t.object_id = k.object_id and t.relation = k.relation and t.subject = k.subject \
         returning t.object_type, t.object_id, t.relation, t.subject",
        tenant,
        store.uuid(),
        revision,
        &columns.types,
        &columns.ids,
        &columns.relations,
        &columns.subjects
    )
    .fetch_all(tx.connection())
    .await?;
    let key = gone.into_iter().map(|row| Key {
        object_type: row.object_type,
        object_id: row.object_id,
        relation: row.relation,
        subject: row.subject,
    });
    Ok(key.collect())
}

/// The condition and its values of those of the tuples that are there.
async fn present(
    tx: &mut WriteTx,
    store: RelationStoreId,
    columns: &Columns,
) -> Result<HashMap<Key, (Option<String>, Option<String>)>, StoreError> {
    let tenant = tx.tenant().uuid();
    let present = sqlx::query!(
        "select t.object_type, t.object_id, t.relation, t.subject, t.condition, t.context from relation_tuple t \
         join unnest($3::text[], $4::text[], $5::text[], $6::text[]) as k (object_type, object_id, relation, subject) \
         on t.object_type = k.object_type and t.object_id = k.object_id and t.relation = k.relation \
         and t.subject = k.subject \
         where t.tenant_id = $1 and t.store_id = $2 and t.until is null",
        tenant,
        store.uuid(),
        &columns.types,
        &columns.ids,
        &columns.relations,
        &columns.subjects
    )
    .fetch_all(tx.connection())
    .await?;
    let found = present
        .into_iter()
        .map(|row| {
            let key = Key {
                object_type: row.object_type,
                object_id: row.object_id,
                relation: row.relation,
                subject: row.subject,
            };
            (key, (row.condition, row.context))
        })
        .collect();
    Ok(found)
}

/// Which of the tuples came, by their place; and why all of it is refused, when it is.
async fn insert(
    tx: &mut WriteTx,
    (store, revision, at): At,
    what: &Writes<'_>,
) -> Result<(Vec<usize>, Option<Refused>), StoreError> {
    if what.writes.is_empty() {
        return Ok((Vec::new(), None));
    }
    let tenant = tx.tenant().uuid();
    let keys: Vec<Key> = what.writes.iter().map(Tuple::key).collect();
    let columns = Columns::of(keys.iter());
    let conditions: Vec<Option<String>> = what.writes.iter().map(|tuple| tuple.condition.clone()).collect();
    let contexts: Vec<Option<String>> = what.writes.iter().map(|tuple| tuple.context.clone()).collect();
    let present = present(tx, store, &columns).await?;
    let mut new = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        match present.get(key) {
            None => new.push(at),
            Some(_) if !what.ignore_present => return Ok((Vec::new(), Some(Refused::Present(key.clone())))),
            Some((condition, context)) => {
                if conditions.get(at) != Some(condition) || contexts.get(at) != Some(context) {
                    return Ok((Vec::new(), Some(Refused::Different(key.clone()))));
                }
            }
        }
    }
    if new.is_empty() {
        return Ok((new, None));
    }
    let columns = Columns::of(new.iter().filter_map(|at| keys.get(*at)));
    let pick =
        |all: &[Option<String>]| new.iter().map(|at| all.get(*at).cloned().flatten()).collect::<Vec<_>>();
    let (conditions, contexts) = (pick(&conditions), pick(&contexts));
    sqlx::query!(
        "insert into relation_tuple (tenant_id, store_id, object_type, object_id, relation, subject, condition, \
         context, since, written_at) \
         select $1, $2, k.*, $9, $10 \
         from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) as k",
        tenant,
        store.uuid(),
        &columns.types,
        &columns.ids,
        &columns.relations,
        &columns.subjects,
        &conditions as &[Option<String>],
        &contexts as &[Option<String>],
        revision,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok((new, None))
}

/// Writes down what changed: what went, then what came.
async fn note(
    tx: &mut WriteTx,
    (store, revision, at): At,
    gone: &HashSet<Key>,
    came: &[&Tuple],
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    let mut gone: Vec<&Key> = gone.iter().collect();
    gone.sort_by(|a, b| {
        (&a.object_type, &a.object_id, &a.relation, &a.subject).cmp(&(
            &b.object_type,
            &b.object_id,
            &b.relation,
            &b.subject,
        ))
    });
    let keys: Vec<Key> = gone.iter().map(|key| (*key).clone()).chain(came.iter().map(|t| t.key())).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(keys.iter());
    let deleted: Vec<bool> = (0..keys.len()).map(|at| at < gone.len()).collect();
    let nothing = gone.iter().map(|_| None);
    let conditions: Vec<Option<String>> =
        nothing.clone().chain(came.iter().map(|tuple| tuple.condition.clone())).collect();
    let contexts: Vec<Option<String>> =
        nothing.chain(came.iter().map(|tuple| tuple.context.clone())).collect();
    sqlx::query!(
        "insert into relation_change (tenant_id, store_id, revision, ordinal, deleted, object_type, object_id, \
         relation, subject, condition, context, at) \
         select $1, $2, $3, n - 1, deleted, object_type, object_id, relation, subject, condition, context, $11 \
         from unnest($4::bool[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) \
         with ordinality as k (deleted, object_type, object_id, relation, subject, condition, context, n)",
        tenant,
        store.uuid(),
        revision,
        &deleted,
        &columns.types,
        &columns.ids,
        &columns.relations,
        &columns.subjects,
        &conditions as &[Option<String>],
        &contexts as &[Option<String>],
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
