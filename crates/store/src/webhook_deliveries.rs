//! Deliveries of webhooks: read by the organization they belong to, taken and marked by the job that delivers them.

use gates::{SystemTx, Tx, WriteTx};
use kernel::{DeliveryId, EntryId, TenantId, Timestamp, WebhookId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::webhooks::Because;
use crate::{StoreError, WAITING_ROWS_MAX};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its next attempt, or for those before it.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was given up.
    Dead,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

fn state(name: &str) -> State {
    // The table holds these names only.
    State::ALL.into_iter().find(|state| state.name() == name).unwrap_or(State::Dead)
}

/// A delivery as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, which is also the message's.
    pub id: DeliveryId,
    /// The entry it tells of; none for a test.
    pub entry: Option<EntryId>,
    /// The kind of event.
    pub kind: String,
    /// When the event was written down.
    pub made_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// When it is tried next; without a meaning once it has ended.
    pub due_at: Timestamp,
    /// Attempts so far.
    pub attempts: i32,
    /// When it was taken or given up.
    pub ended_at: Option<Timestamp>,
    /// The status that last came back.
    pub last_status: Option<i16>,
    /// The word for what last went wrong.
    pub last_error: Option<String>,
}

macro_rules! delivery {
    ($row:expr) => {
        Delivery {
            id: DeliveryId::from_uuid($row.id),
            entry: $row.entry_id.map(EntryId::from_uuid),
            kind: $row.kind,
            made_at: $row.made_at.into(),
            state: state(&$row.state),
            due_at: $row.due_at.into(),
            attempts: $row.attempts,
            ended_at: $row.ended_at.map(Timestamp::from),
            last_status: $row.last_status,
            last_error: $row.last_error,
        }
    };
}

/// The deliveries of an endpoint before `before`, newest first.
pub async fn list(
    tx: &mut Tx,
    endpoint: WebhookId,
    wanted: Option<State>,
    before: Option<DeliveryId>,
    rows: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id, entry_id, kind, made_at, state, due_at, attempts, ended_at, last_status, last_error \
         from webhook_delivery where tenant_id = $1 and endpoint_id = $2 and ($3::text is null or state = $3) \
         and ($4::uuid is null or id < $4) order by id desc limit $5",
        tenant,
        endpoint.uuid(),
        wanted.map(State::name),
        before.map(DeliveryId::uuid),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| delivery!(row)).collect())
}

/// One delivery of an endpoint.
pub async fn read(tx: &mut Tx, endpoint: WebhookId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select id, entry_id, kind, made_at, state, due_at, attempts, ended_at, last_status, last_error \
         from webhook_delivery where tenant_id = $1 and endpoint_id = $2 and id = $3",
        tenant,
        endpoint.uuid(),
        id.uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| delivery!(row)))
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: i32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub millis: i32,
    /// The status that came back.
    pub status: Option<i16>,
    /// The word for what went wrong.
    pub error: Option<String>,
}

/// The attempts of a delivery, the last one first.
pub async fn attempts(tx: &mut Tx, id: DeliveryId, rows: i64) -> Result<Vec<Attempt>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select number, at, millis, status, error from webhook_attempt \
         where tenant_id = $1 and delivery_id = $2 order by number desc limit $3",
        tenant,
        id.uuid(),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let attempts = found.into_iter().map(|row| Attempt {
        number: row.number,
        at: row.at.into(),
        millis: row.millis,
        status: row.status,
        error: row.error,
    });
    Ok(attempts.collect())
}

/// The ids of an endpoint's dead letters, oldest first.
pub async fn dead(tx: &mut Tx, endpoint: WebhookId, rows: i64) -> Result<Vec<DeliveryId>, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select id from webhook_delivery where tenant_id = $1 and endpoint_id = $2 and state = 'dead' \
         order by id limit $3",
        tenant,
        endpoint.uuid(),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(|row| DeliveryId::from_uuid(row.id)).collect())
}

/// Puts a test in. False when there is no such endpoint.
pub async fn test(
    tx: &mut WriteTx,
    endpoint: WebhookId,
    id: DeliveryId,
    at: Timestamp,
    body: &[u8],
) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select gate.test_webhook($1, $2, $3, $4) as "put!""#,
        endpoint.uuid(),
        id.uuid(),
        OffsetDateTime::from(at),
        body
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.put)
}

/// Puts deliveries that have ended in once more; answers how many.
pub async fn replay(
    tx: &mut WriteTx,
    endpoint: WebhookId,
    ids: &[DeliveryId],
    at: Timestamp,
) -> Result<i32, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let row = sqlx::query!(
        r#"select gate.replay_webhooks($1, $2, $3) as "replayed!""#,
        endpoint.uuid(),
        &ids,
        OffsetDateTime::from(at)
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.replayed)
}

/// A delivery that was taken to be sent.
pub struct Taken {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: DeliveryId,
    /// Where to.
    pub endpoint: WebhookId,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Which of this round of attempts, from 1: a replay begins another round.
    pub try_number: i32,
    /// The kind of event.
    pub kind: String,
    /// The stored bytes of the entry it tells of; none for a test, or when the entry is gone.
    pub leaf: Option<Vec<u8>>,
    /// The data of that entry as it is shown, when it commits to personal values: not stored, but put in by who may open
    /// them.
    pub facts: Option<String>,
    /// The body of a test.
    pub body: Option<Vec<u8>>,
    /// The endpoint's address.
    pub url: String,
    /// Whether the endpoint still wants it.
    pub enabled: bool,
    /// The endpoint's secret, sealed.
    pub secret_sealed: Vec<u8>,
    /// The secret before it, sealed, and until when it signs too.
    pub old_secret: Option<(Vec<u8>, Timestamp)>,
}

/// How deliveries are taken.
pub struct Taking {
    /// Now.
    pub now: Timestamp,
    /// Until when what is taken belongs to whoever took it.
    pub lease: Timestamp,
    /// Until when at most those wait that must wait for another.
    pub park: Timestamp,
    /// Deliveries of one endpoint that may be under way, here and in other processes.
    pub per_endpoint: i64,
    /// Deliveries of one endpoint that are looked at.
    pub looked_at: i64,
    /// Deliveries to take at most.
    pub rows: i64,
}

/// Takes the lock of those who take deliveries, for this transaction. False when another process has it.
pub async fn try_lead(tx: &mut SystemTx) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('portcullis.webhook_deliveries', 0)) as "leads!""#
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.leads)
}

macro_rules! taken {
    ($row:expr) => {
        Taken {
            tenant: TenantId::from_uuid($row.tenant_id),
            id: DeliveryId::from_uuid($row.id),
            endpoint: WebhookId::from_uuid($row.endpoint_id),
            attempt: $row.attempts,
            try_number: $row.tries,
            kind: $row.kind,
            leaf: $row.leaf,
            facts: None,
            body: $row.body,
            url: $row.url,
            enabled: $row.enabled,
            secret_sealed: $row.secret_sealed,
            old_secret: $row.old_secret_sealed.zip($row.old_secret_until.map(Timestamp::from)),
        }
    };
}

/// Takes deliveries that are due: of each endpoint at most so many, and of each line (an endpoint's deliveries about one
/// subject) only the first. Those that wait for another are put off and looked at again when it ends. Answers what was
/// taken, and how many were put off.
pub async fn take(tx: &mut SystemTx, taking: &Taking) -> Result<(Vec<Taken>, usize), StoreError> {
    let found = sqlx::query!(
        r#"with recursive waiting as (
               (select tenant_id, endpoint_id from webhook_delivery where state = 'pending'
                order by tenant_id, endpoint_id limit 1)
               union all
               select n.tenant_id, n.endpoint_id from waiting w cross join lateral (
                   select d.tenant_id, d.endpoint_id from webhook_delivery d
                   where d.state = 'pending' and (d.tenant_id, d.endpoint_id) > (w.tenant_id, w.endpoint_id)
                   order by d.tenant_id, d.endpoint_id limit 1) n
           ), due as (
               select d.tenant_id, d.id, d.due_at, w.endpoint_id, b.before,
                      row_number() over (partition by d.tenant_id, d.endpoint_id, b.before is null
                                         order by d.due_at, d.number) as place
               from waiting w
               cross join lateral (
                   select d.* from webhook_delivery d
                   where d.tenant_id = w.tenant_id and d.endpoint_id = w.endpoint_id and d.state = 'pending'
                     and d.due_at <= $1 order by d.due_at limit $5) d
               left join lateral (
                   select e.due_at as before from webhook_delivery e
                   where e.tenant_id = d.tenant_id and e.endpoint_id = d.endpoint_id and e.subject = d.subject
                     and e.state = 'pending' and e.number < d.number order by e.number limit 1) b on true
           ), chosen as (
               select due.tenant_id, due.id, due.before from due
               cross join lateral (
                   select count(*) as count from webhook_delivery u
                   where u.tenant_id = due.tenant_id and u.endpoint_id = due.endpoint_id and u.state = 'pending'
                     and u.leased_until > $1) under_way
               where due.before is not null or due.place <= $4 - under_way.count
               order by due.before is null desc, due.due_at limit $6 + $5
           ), held as materialized (
               select d.tenant_id, d.id, c.before from chosen c
               join webhook_delivery d on d.tenant_id = c.tenant_id and d.id = c.id
               where d.state = 'pending' and d.due_at <= $1 for update of d skip locked
           ), numbered as (
               select h.*, row_number() over (partition by h.before is null order by h.id) as place from held h
           )
           update webhook_delivery d
           set attempts = d.attempts + (n.before is null)::int, tries = d.tries + (n.before is null)::int,
               due_at = case when n.before is null then $2 else least(greatest(n.before, $1), $3) end,
               leased_until = case when n.before is null then $2 end
           from numbered n
           join webhook_delivery o on o.tenant_id = n.tenant_id and o.id = n.id
           join webhook_endpoint w on w.tenant_id = o.tenant_id and w.id = o.endpoint_id
           left join audit_entry a on a.tenant_id = o.tenant_id and a.id = o.entry_id
           where d.tenant_id = n.tenant_id and d.id = n.id and (n.before is not null or n.place <= $6)
           returning d.tenant_id, d.id, d.endpoint_id, d.attempts, d.tries, d.kind, d.body,
                     d.leased_until is null as "put_off!", a.leaf as "leaf?", w.url, w.enabled, w.secret_sealed,
                     w.old_secret_sealed, w.old_secret_until"#,
        OffsetDateTime::from(taking.now),
        OffsetDateTime::from(taking.lease),
        OffsetDateTime::from(taking.park),
        taking.per_endpoint,
        taking.looked_at,
        taking.rows
    )
    .fetch_all(tx.connection())
    .await?;
    let put_off = found.iter().filter(|row| row.put_off).count();
    let taken = found.into_iter().filter(|row| !row.put_off).map(|row| taken!(row));
    Ok((taken.collect(), put_off))
}

/// What became of an attempt.
pub struct Marked<'a> {
    /// Whose.
    pub tenant: TenantId,
    /// Which delivery.
    pub id: DeliveryId,
    /// Its endpoint.
    pub endpoint: WebhookId,
    /// Which attempt.
    pub attempt: i32,
    /// When it began.
    pub began: Timestamp,
    /// How long it took, in milliseconds.
    pub millis: i32,
    /// The status that came back.
    pub status: Option<i16>,
    /// The word for what went wrong; none when the endpoint took it.
    pub error: Option<&'a str>,
    /// Where the delivery stands now.
    pub state: State,
    /// When it is tried next, while it is pending; otherwise now.
    pub at: Timestamp,
}

/// Notes an attempt and what follows from it, and lets the next of its line go when it has ended. False when it was not
/// the latest attempt, or the delivery is gone: nothing is noted then.
pub async fn mark(tx: &mut SystemTx, marked: &Marked<'_>) -> Result<bool, StoreError> {
    let (tenant, at) = (marked.tenant.uuid(), OffsetDateTime::from(marked.at));
    let ended = marked.state != State::Pending;
    let row = sqlx::query!(
        "update webhook_delivery set state = $4, due_at = $5::timestamptz, leased_until = null, \
         ended_at = case when $6 then $5::timestamptz end, last_status = $7, last_error = $8 \
         where tenant_id = $1 and id = $2 and attempts = $3 and state = 'pending' returning subject",
        tenant,
        marked.id.uuid(),
        marked.attempt,
        marked.state.name(),
        at,
        ended,
        marked.status,
        marked.error
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(row) = row else { return Ok(false) };
    sqlx::query!(
        "insert into webhook_attempt (tenant_id, delivery_id, number, at, millis, status, error) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        marked.id.uuid(),
        marked.attempt,
        OffsetDateTime::from(marked.began),
        marked.millis,
        marked.status,
        marked.error
    )
    .execute(tx.connection())
    .await?;
    if ended {
        sqlx::query!(
            "update webhook_delivery set due_at = least(due_at, $4) where tenant_id = $1 and leased_until is null \
             and id = (select id from webhook_delivery where tenant_id = $1 and endpoint_id = $2 and subject = $3 \
             and state = 'pending' order by number limit 1)",
            tenant,
            marked.endpoint.uuid(),
            row.subject,
            at
        )
        .execute(tx.connection())
        .await?;
    }
    Ok(true)
}

/// Notes how the endpoint fared; answers since when it has only failed.
pub async fn note_health(
    tx: &mut SystemTx,
    tenant: TenantId,
    endpoint: WebhookId,
    took_it: bool,
    at: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let row = sqlx::query!(
        "insert into webhook_health as h (tenant_id, endpoint_id, last_success_at, last_failure_at, failures, \
         failing_since) values ($1, $2, case when $3 then $4::timestamptz end, case when not $3 then $4 end, \
         (not $3)::int, case when not $3 then $4 end) \
         on conflict (tenant_id, endpoint_id) do update set \
         last_success_at = coalesce(excluded.last_success_at, h.last_success_at), \
         last_failure_at = coalesce(excluded.last_failure_at, h.last_failure_at), \
         failures = case when $3 then 0 else h.failures + 1 end, \
         failing_since = case when not $3 then coalesce(h.failing_since, $4) end \
         returning failing_since",
        tenant.uuid(),
        endpoint.uuid(),
        took_it,
        OffsetDateTime::from(at)
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.failing_since.map(Timestamp::from))
}

/// Switches an endpoint off. False when it is off already, or gone.
pub async fn disable(
    tx: &mut SystemTx,
    tenant: TenantId,
    endpoint: WebhookId,
    because: Because,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update webhook_endpoint set enabled = false, disabled_at = $3, disabled_because = $4 \
         where tenant_id = $1 and id = $2 and enabled",
        tenant.uuid(),
        endpoint.uuid(),
        OffsetDateTime::from(at),
        because.name()
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One endpoint for which more than `rows` deliveries wait, if there is one that is not switched off.
pub async fn overfull(tx: &mut SystemTx, rows: i64) -> Result<Option<(TenantId, WebhookId)>, StoreError> {
    let row = sqlx::query!(
        "select w.tenant_id, w.id from webhook_endpoint w where w.enabled and exists (\
         select from webhook_delivery d where d.tenant_id = w.tenant_id and d.endpoint_id = w.id \
         and d.state = 'pending' offset $1) limit 1",
        rows
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| (TenantId::from_uuid(row.tenant_id), WebhookId::from_uuid(row.id))))
}

/// Removes deliveries that ended before `before`, with their attempts, at most `rows` of them.
pub async fn forget(tx: &mut SystemTx, before: Timestamp, rows: i64) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from webhook_delivery d using (select tenant_id, id from webhook_delivery \
         where state <> 'pending' and ended_at < $1 order by ended_at limit $2 for update skip locked) old \
         where d.tenant_id = old.tenant_id and d.id = old.id",
        OffsetDateTime::from(before),
        rows
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// How many deliveries wait, of all organizations, counted up to [`WAITING_ROWS_MAX`].
pub async fn waiting(tx: &mut SystemTx) -> Result<i64, StoreError> {
    let row = sqlx::query!(
        r#"select count(*) as "waiting!" from (select from webhook_delivery where state = 'pending' limit $1) w"#,
        WAITING_ROWS_MAX
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(row.waiting)
}
