//! Calls whose outcome never came: which they are, and how far the log was looked through for them.

use gates::SystemTx;
use kernel::{EntryId, TenantId};

use crate::StoreError;

/// A call that was begun and of whose end nothing is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCall {
    /// In whose log.
    pub tenant: TenantId,
    /// The entry of its intent.
    pub intent: EntryId,
    /// The request it was made by.
    pub request_id: String,
}

/// Takes the reaper for this transaction: the intent up to which everything was looked at. `None` when somebody else has it.
pub async fn hold_reaper(tx: &mut SystemTx) -> Result<Option<EntryId>, StoreError> {
    let row = sqlx::query!("select through from call_reaper for update skip locked")
        .fetch_optional(tx.connection())
        .await?;
    Ok(row.map(|row| EntryId::from_uuid(row.through)))
}

/// Calls of all logs whose intent is from `from` on and before `to` and that have no outcome, at most `rows` of them.
pub async fn without_outcome(
    tx: &mut SystemTx,
    from: EntryId,
    to: EntryId,
    rows: i64,
) -> Result<Vec<OpenCall>, StoreError> {
    // An outcome is of its intent's request, which an index finds; several calls may share a request, so it must name the
    // intent too. Its bytes are searched as they are: reading them as JSON would cost more and find the same.
    let found = sqlx::query!(
        r#"select t.tenant_id, i.id as "id!", i.request_id as "request_id!" from audit_tree t
           cross join lateral (
               select e.id, e.request_id from audit_entry e
               where e.tenant_id = t.tenant_id and e.id >= $1 and e.id < $2 and e.kind = 'llm.call.intent'
               and not exists (
                   select from audit_entry o
                   where o.tenant_id = t.tenant_id and o.request_id = e.request_id and o.kind = 'llm.call.outcome'
                   and position(convert_to(e.id::text, 'UTF8') in o.leaf) > 0)
               order by e.id limit $3) i
           limit $3"#,
        from.uuid(),
        to.uuid(),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let open = found.into_iter().map(|row| OpenCall {
        tenant: TenantId::from_uuid(row.tenant_id),
        intent: EntryId::from_uuid(row.id),
        request_id: row.request_id,
    });
    Ok(open.collect())
}

/// Remembers that every call before this intent has an outcome. Only whoever holds the reaper may.
pub async fn reaped_to(tx: &mut SystemTx, to: EntryId) -> Result<(), StoreError> {
    sqlx::query!("update call_reaper set through = $1", to.uuid()).execute(tx.connection()).await?;
    Ok(())
}
