//! The log searched: newest first, page by page in both directions, counted in slices of time, and one request whole.
//!
//! Only the request has an index of its own. Everything else reads the entries of the range one after the other, some
//! two million a second of what is in memory, so callers give these statements a limit of time
//! ([`gates::Tx::limit_statements`]). Statements are planned for the very values they get: a plan for any values would
//! read the whole range for a request, too.

use gates::Tx;
use kernel::{EntryId, Timestamp};
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{FromRow, Postgres};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::audit::Placed;

/// By how much the moment in an entry's id and the moment it tells may differ, in seconds.
const ID_DRIFT_SECONDS: i64 = 60;

/// What entries are narrowed to; nothing named is everything. Needles are bytes that stand in an entry's leaf exactly when
/// it fits (`audit_log::entry::needle`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sieve {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only these kinds.
    pub kinds: Option<Vec<String>>,
    /// Only these kinds as well, unless one of the two needles is found.
    pub kinds_or: Option<(Vec<String>, [Vec<u8>; 2])>,
    /// Only what this one did: the column `actor`.
    pub actor: Option<String>,
    /// Only entries of this request.
    pub request_id: Option<String>,
    /// Only entries with all of these in their leaf; [`NEEDLES_MAX`] at most.
    pub needles: Vec<Vec<u8>>,
    /// Only these kinds as well, or an action whose name holds this text, in lower case.
    pub words: Option<(Vec<String>, String)>,
}

/// Most needles sought at once; the statements have a place for each.
pub const NEEDLES_MAX: usize = 5;

/// The condition that [`sifted`] fills in. The action is the first member of a leaf, at most 128 bytes of ASCII.
macro_rules! fits {
    () => {
        "e.tenant_id = $1 \
         and ($2::uuid is null or e.id >= $2) and ($3::uuid is null or e.id < $3) \
         and ($4::timestamptz is null or e.at >= $4) and ($5::timestamptz is null or e.at < $5) \
         and ($6::text[] is null or e.kind = any($6)) \
         and ($7::text[] is null or e.kind = any($7) or position($8 in e.leaf) > 0 or position($9 in e.leaf) > 0) \
         and ($10::text is null or e.actor = $10) and ($11::text is null or e.request_id = $11) \
         and ($12::bytea is null or position($12 in e.leaf) > 0) \
         and ($13::bytea is null or position($13 in e.leaf) > 0) \
         and ($14::bytea is null or position($14 in e.leaf) > 0) \
         and ($15::bytea is null or position($15 in e.leaf) > 0) \
         and ($16::bytea is null or position($16 in e.leaf) > 0) \
         and ($17::text[] is null or e.kind = any($17) or strpos(lower( \
             split_part(encode(substring(e.leaf from 1 for 160), 'escape'), '\"', 4)), $18) > 0)"
    };
}

const OLDER: &str = concat!(
    "select f.id, f.leaf, l.seq from (select e.id, e.leaf from audit_entry e where ",
    fits!(),
    " and ($19::uuid is null or e.id < $19) order by e.id desc limit $20) f \
     left join audit_leaf l on l.tenant_id = $1 and l.entry_id = f.id order by f.id desc"
);

const NEWER: &str = concat!(
    "select f.id, f.leaf, l.seq from (select e.id, e.leaf from audit_entry e where ",
    fits!(),
    " and ($19::uuid is null or e.id > $19) order by e.id limit $20) f \
     left join audit_leaf l on l.tenant_id = $1 and l.entry_id = f.id order by f.id"
);

const COUNTED: &str = concat!(
    "select s.n, c.counted, c.refused, c.failed from unnest($19::uuid[], $20::uuid[]) with ordinality as s (low, high, n) \
     cross join lateral (select count(*) as counted, count(*) filter (where refused) as refused, \
         count(*) filter (where failed) as failed from ( \
         select position($21 in e.leaf) > 0 as refused, position($22 in e.leaf) > 0 as failed from audit_entry e where ",
    fits!(),
    " and e.id >= s.low and e.id < s.high limit $23) f) c order by s.n"
);

type Sought<'q, O> = QueryAs<'q, Postgres, O, PgArguments>;

/// Binds what [`fits!`] asks for.
fn sifted<'q, O>(query: Sought<'q, O>, tenant: Uuid, sieve: &'q Sieve) -> Sought<'q, O>
where
    O: for<'r> FromRow<'r, sqlx::postgres::PgRow>,
{
    let moment = |at: Option<Timestamp>, seconds: i64| {
        at.map(|at| OffsetDateTime::from(at) + time::Duration::seconds(seconds))
    };
    let first = |at: Option<Timestamp>| at.map(|at| EntryId::first_at(at).uuid());
    let mattering = sieve.kinds_or.as_ref();
    let mut query = query
        .persistent(false)
        .bind(tenant)
        .bind(first(sieve.since))
        .bind(first(sieve.until))
        // The ids say the same; these let whole partitions be left out.
        .bind(moment(sieve.since, -ID_DRIFT_SECONDS))
        .bind(moment(sieve.until, ID_DRIFT_SECONDS))
        .bind(sieve.kinds.as_deref())
        .bind(mattering.map(|(kinds, _)| kinds.as_slice()))
        .bind(mattering.map(|(_, needles)| needles[0].as_slice()))
        .bind(mattering.map(|(_, needles)| needles[1].as_slice()))
        .bind(sieve.actor.as_deref())
        .bind(sieve.request_id.as_deref());
    for at in 0..NEEDLES_MAX {
        query = query.bind(sieve.needles.get(at).map(Vec::as_slice));
    }
    query
        .bind(sieve.words.as_ref().map(|(kinds, _)| kinds.as_slice()))
        .bind(sieve.words.as_ref().map(|(_, text)| text.as_str()))
}

fn placed((id, leaf, seq): (Uuid, Vec<u8>, Option<i64>)) -> Placed {
    Placed { id: EntryId::from_uuid(id), leaf, seq }
}

/// The tenant's entries that fit, newest first, from before `before` on.
pub async fn older(
    tx: &mut Tx,
    sieve: &Sieve,
    before: Option<EntryId>,
    rows: i64,
) -> Result<Vec<Placed>, StoreError> {
    let query = sifted(sqlx::query_as(OLDER), tx.tenant().uuid(), sieve);
    let found = query.bind(before.map(EntryId::uuid)).bind(rows).fetch_all(tx.connection()).await?;
    Ok(found.into_iter().map(placed).collect())
}

/// The tenant's entries that fit, oldest first, from after `after` on.
pub async fn newer(
    tx: &mut Tx,
    sieve: &Sieve,
    after: Option<EntryId>,
    rows: i64,
) -> Result<Vec<Placed>, StoreError> {
    let query = sifted(sqlx::query_as(NEWER), tx.tenant().uuid(), sieve);
    let found = query.bind(after.map(EntryId::uuid)).bind(rows).fetch_all(tx.connection()).await?;
    Ok(found.into_iter().map(placed).collect())
}

/// What is counted in one slice of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Entries, as many as were counted.
    pub entries: i64,
    /// Those of them with the first needle.
    pub refused: i64,
    /// Those of them with the second.
    pub failed: i64,
}

/// Counts the tenant's entries that fit in the slices between neighbouring `edges`, at most `rows` in each.
pub async fn counted(
    tx: &mut Tx,
    sieve: &Sieve,
    edges: &[Timestamp],
    needles: [Vec<u8>; 2],
    rows: i64,
) -> Result<Vec<Counted>, StoreError> {
    let ids: Vec<Uuid> = edges.iter().map(|at| EntryId::first_at(*at).uuid()).collect();
    let (lows, highs) = (&ids[..ids.len().saturating_sub(1)], ids.get(1..).unwrap_or_default());
    let [refused, failed] = &needles;
    let query = sqlx::query_as::<_, (i64, i64, i64, i64)>(COUNTED);
    let query = sifted(query, tx.tenant().uuid(), sieve).bind(lows).bind(highs);
    let query = query.bind(refused.as_slice()).bind(failed.as_slice()).bind(rows);
    let found = query.fetch_all(tx.connection()).await?;
    Ok(found.into_iter().map(|(_, entries, refused, failed)| Counted { entries, refused, failed }).collect())
}

/// When the tenant's first entry was made; `None` while there is none.
pub async fn began(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!("select at from audit_entry where tenant_id = $1 order by id limit 1", tenant)
        .fetch_optional(tx.connection())
        .await?;
    Ok(row.map(|row| row.at.into()))
}
