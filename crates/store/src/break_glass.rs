//! Overrides: opened for a reason and a time, reviewed afterwards.

use gates::{Clean, SystemTx, Tx, WriteTx};
use kernel::{AccountId, BreakGlassId, EntryId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::StoreError;
use crate::audit::Placed;

/// An override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Its id.
    pub id: BreakGlassId,
    /// Who opened it.
    pub account: AccountId,
    /// The name they go by.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub opened_at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// When it was closed before that.
    pub closed_at: Option<Timestamp>,
    /// Until when it must be reviewed.
    pub review_due_at: Timestamp,
    /// The review, when there was one.
    pub review: Option<Review>,
}

impl Override {
    /// When it ended or will end.
    pub fn ends_at(&self) -> Timestamp {
        self.closed_at.map_or(self.until, |closed| closed.min(self.until))
    }
}

/// What a review came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Who reviewed.
    pub account: AccountId,
    /// The name they go by.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whether what was done was in order.
    pub in_order: bool,
    /// What they wrote.
    pub text: String,
}

macro_rules! glass {
    ($row:expr) => {
        Override {
            id: BreakGlassId::from_uuid($row.id),
            account: AccountId::from_uuid($row.account_id),
            by: $row.by,
            reason: $row.reason,
            opened_at: $row.opened_at.into(),
            until: $row.until.into(),
            closed_at: $row.closed_at.map(Timestamp::from),
            review_due_at: $row.review_due_at.into(),
            review: match ($row.reviewed_by, $row.reviewed_at, $row.in_order) {
                (Some(account), Some(at), Some(in_order)) => Some(Review {
                    account: AccountId::from_uuid(account),
                    by: $row.reviewer.unwrap_or_default(),
                    at: at.into(),
                    in_order,
                    text: $row.review.unwrap_or_default(),
                }),
                _ => None,
            },
        }
    };
}

/// The overrides before `before`, newest first.
pub async fn list(tx: &mut Tx, before: Option<BreakGlassId>, rows: i64) -> Result<Vec<Override>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select b.id, b.account_id, m.name as by, b.reason, b.opened_at, b.until, b.closed_at, b.review_due_at,
               b.reviewed_at, b.reviewed_by, b.review, b.in_order, r.name as "reviewer?"
           from break_glass b join member m on m.tenant_id = b.tenant_id and m.account_id = b.account_id
           left join member r on r.tenant_id = b.tenant_id and r.account_id = b.reviewed_by
           where b.tenant_id = $1 and ($2::uuid is null or b.id < $2) order by b.id desc limit $3"#,
        tenant,
        before.map(BreakGlassId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| glass!(row)).collect())
}

/// One override.
pub async fn read(tx: &mut Tx, id: BreakGlassId) -> Result<Option<Override>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select b.id, b.account_id, m.name as by, b.reason, b.opened_at, b.until, b.closed_at, b.review_due_at,
               b.reviewed_at, b.reviewed_by, b.review, b.in_order, r.name as "reviewer?"
           from break_glass b join member m on m.tenant_id = b.tenant_id and m.account_id = b.account_id
           left join member r on r.tenant_id = b.tenant_id and r.account_id = b.reviewed_by
           where b.tenant_id = $1 and b.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| glass!(row)))
}

/// Overrides that are over and that nobody has reviewed, the most urgent first.
pub async fn waiting(tx: &mut Tx, now: Timestamp, rows: i64) -> Result<Vec<Override>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select b.id, b.account_id, m.name as by, b.reason, b.opened_at, b.until, b.closed_at, b.review_due_at,
               b.reviewed_at, b.reviewed_by, b.review, b.in_order, null::text as reviewer
           from break_glass b join member m on m.tenant_id = b.tenant_id and m.account_id = b.account_id
           where b.tenant_id = $1 and b.reviewed_at is null and (b.closed_at is not null or b.until <= $2)
           order by b.review_due_at limit $3"#,
        tenant,
        OffsetDateTime::from(now),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| glass!(row)).collect())
}

/// Holds one override until the transaction ends. False when there is none.
pub async fn hold(tx: &mut WriteTx, id: BreakGlassId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select id from break_glass where tenant_id = $1 and id = $2 for no key update",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.is_some())
}

/// Whether this person has one open.
pub async fn is_open(tx: &mut Tx, account: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select exists (select from break_glass where tenant_id = $1 and account_id = $2 and closed_at is null
               and until > $3) as "open!""#,
        tenant,
        account.uuid(),
        OffsetDateTime::from(now)
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.open)
}

/// What a new override is.
pub struct NewOverride<'a> {
    /// Its id.
    pub id: BreakGlassId,
    /// Who opens it.
    pub account: AccountId,
    /// Why, after gate four.
    pub reason: &'a Clean<String>,
    /// Now.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Until when it must be reviewed.
    pub review_due_at: Timestamp,
}

/// Opens an override.
pub async fn open(tx: &mut WriteTx, new: &NewOverride<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into break_glass (tenant_id, id, account_id, reason, opened_at, until, review_due_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        new.id.uuid(),
        new.account.uuid(),
        new.reason.get(),
        OffsetDateTime::from(new.at),
        OffsetDateTime::from(new.until),
        OffsetDateTime::from(new.review_due_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Closes an override that is open. False when it is not.
pub async fn close(
    tx: &mut WriteTx,
    id: BreakGlassId,
    at: Timestamp,
    review_due_at: Timestamp,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update break_glass set closed_at = $3, review_due_at = $4 \
         where tenant_id = $1 and id = $2 and closed_at is null and until > $3",
        tenant,
        id.uuid(),
        OffsetDateTime::from(at),
        OffsetDateTime::from(review_due_at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes what a person has open; answers how many that were.
pub async fn close_of(
    tx: &mut WriteTx,
    account: AccountId,
    at: Timestamp,
    review_due_at: Timestamp,
) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    close_any(tx.connection(), tenant, account, at, review_due_at).await
}

/// The same, for a member who leaves by themselves.
pub async fn leave(
    tx: &mut SystemTx,
    tenant: TenantId,
    account: AccountId,
    at: Timestamp,
    review_due_at: Timestamp,
) -> Result<u64, StoreError> {
    close_any(tx.connection(), tenant, account, at, review_due_at).await
}

async fn close_any(
    connection: &mut PgConnection,
    tenant: TenantId,
    account: AccountId,
    at: Timestamp,
    review_due_at: Timestamp,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update break_glass set closed_at = $3, review_due_at = $4 \
         where tenant_id = $1 and account_id = $2 and closed_at is null and until > $3",
        tenant.uuid(),
        account.uuid(),
        OffsetDateTime::from(at),
        OffsetDateTime::from(review_due_at)
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Keeps a review. False when there is one already.
pub async fn review(
    tx: &mut WriteTx,
    id: BreakGlassId,
    by: AccountId,
    in_order: bool,
    text: &Clean<String>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update break_glass set reviewed_at = $3, reviewed_by = $4, in_order = $5, review = $6 \
         where tenant_id = $1 and id = $2 and reviewed_at is null",
        tenant,
        id.uuid(),
        OffsetDateTime::from(at),
        by.uuid(),
        in_order,
        text.get()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The entries made under an override, newest first, before `before`. Ids of entries begin with their time, so that
/// `from` and `to` cut the search short; what belongs to the override says so in its data.
pub async fn slice(
    tx: &mut Tx,
    glass: &Override,
    (from, to): (EntryId, EntryId),
    before: Option<EntryId>,
    rows: i64,
) -> Result<Vec<Placed>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        r#"select e.id, e.leaf, l.seq as "seq?" from audit_entry e
           left join audit_leaf l on l.tenant_id = e.tenant_id and l.entry_id = e.id
           where e.tenant_id = $1 and e.id >= $2 and e.id < $3 and ($4::uuid is null or e.id < $4) and e.actor = $5
             and convert_from(e.leaf, 'UTF8')::jsonb #>> '{data,break_glass}' = $6
           order by e.id desc limit $7"#,
        tenant,
        from.uuid(),
        to.uuid(),
        before.map(EntryId::uuid),
        format!("human:{}", glass.account),
        glass.id.to_string(),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let placed = |id, leaf, seq| Placed { id: EntryId::from_uuid(id), leaf, seq };
    Ok(found.into_iter().map(|row| placed(row.id, row.leaf, row.seq)).collect())
}

/// An override whose review is overdue, and of which the owners were not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The organization.
    pub tenant: TenantId,
    /// Its name.
    pub organization: String,
    /// The override.
    pub id: BreakGlassId,
    /// Who opened it, by name.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub opened_at: Timestamp,
    /// Until when it should have been reviewed.
    pub review_due_at: Timestamp,
}

/// Takes one such override, held until the transaction ends; whatever another process holds is left to it.
pub async fn take_overdue(tx: &mut SystemTx, now: Timestamp) -> Result<Option<Overdue>, StoreError> {
    let row = sqlx::query!(
        "select b.tenant_id, o.name as organization, b.id, m.name as by, b.reason, b.opened_at, b.review_due_at \
         from break_glass b join organization o on o.tenant_id = b.tenant_id \
         join member m on m.tenant_id = b.tenant_id and m.account_id = b.account_id \
         where b.reviewed_at is null and b.reminded_at is null and b.review_due_at < $1 \
         order by b.review_due_at limit 1 for no key update of b skip locked",
        OffsetDateTime::from(now)
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Overdue {
        tenant: TenantId::from_uuid(row.tenant_id),
        organization: row.organization,
        id: BreakGlassId::from_uuid(row.id),
        by: row.by,
        reason: row.reason,
        opened_at: row.opened_at.into(),
        review_due_at: row.review_due_at.into(),
    }))
}

/// Notes that the owners were told.
pub async fn reminded(tx: &mut SystemTx, overdue: &Overdue, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "update break_glass set reminded_at = $3 where tenant_id = $1 and id = $2",
        overdue.tenant.uuid(),
        overdue.id.uuid(),
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
