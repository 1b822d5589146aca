//! How long the audit log is kept, and legal holds.

use app::audit::retention::{
    Archive as Kept, ChangeRetention, Held, Hold as Standing, Keeping, LiftHold, PlaceHold, ReadRetention,
    change_retention, holds, lift_hold, place_hold, read_retention,
};
use kernel::limits::RETENTION_DAYS_MIN;
use kernel::{HoldId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done};
use crate::describe::{of, of_named};
use crate::extract::{Gate, Segment, Submitted, id};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadRetention, _>(routes!(get_retention)))
        .routes(of::<ChangeRetention, _>(routes!(put_retention)))
        .routes(of_named::<ReadRetention, _>("audit.list_holds", routes!(get_holds)))
        .routes(of::<PlaceHold, _>(routes!(post_hold)))
        .routes(of::<LiftHold, _>(routes!(post_lift)))
}

/// A shorter retention that waits.
#[derive(Serialize, ToSchema)]
struct Pending {
    /// The days it will be.
    days: i32,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    effective_at: Timestamp,
}

/// The archive of the log's beginning.
#[derive(Serialize, ToSchema)]
struct Archive {
    /// Entries below this index are in it.
    below: u64,
    /// Its name: a folder that the operator keeps.
    name: String,
    /// SHA-256 over the list of its bundles, in hex.
    sha256: String,
    /// The entry of the log that says so.
    entry: Uuid,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    written_at: Timestamp,
    /// Whether these entries are gone from the database.
    removed: bool,
}

impl From<Kept> for Archive {
    fn from(kept: Kept) -> Self {
        Self {
            below: kept.size.unsigned_abs(),
            name: kept.name,
            sha256: crypto::hex(&kept.sha256),
            entry: kept.entry.uuid(),
            written_at: kept.written_at,
            removed: kept.removed,
        }
    }
}

/// How long the log is kept in the database.
#[derive(Serialize, ToSchema)]
struct Retention {
    /// The days in force.
    days: i32,
    /// The fewest days that can be asked for.
    days_min: i32,
    /// A shorter time that was asked for and is not in force yet.
    #[schema(nullable)]
    pending: Option<Pending>,
    /// When it was last changed; null while the default is in force.
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<Timestamp>,
    /// Legal holds that stand.
    holds_standing: i64,
    /// Where the beginning of the log is, when it was archived.
    #[schema(nullable)]
    archive: Option<Archive>,
}

impl From<Keeping> for Retention {
    fn from(keeping: Keeping) -> Self {
        Self {
            days: keeping.days,
            days_min: RETENTION_DAYS_MIN,
            pending: keeping.next.map(|(days, effective_at)| Pending { days, effective_at }),
            changed_at: keeping.changed_at,
            holds_standing: keeping.holds_standing,
            archive: keeping.archive.map(Archive::from),
        }
    }
}

/// Read the retention.
///
/// Answers how long entries stay in the database before they are archived, and where archived ones are.
#[utoipa::path(get, path = "/audit/retention", tag = "audit",
    responses((status = 200, description = "How long the log is kept", body = Retention)))]
async fn get_retention(Gate(pass): Gate<ReadRetention>) -> Answered<Retention> {
    let (keeping, receipt) = read_retention(pass).await?;
    Ok(Answer::ok(keeping.into(), &receipt))
}

/// A retention that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRetention {
    /// Days that entries stay in the database; 2557 are seven years.
    #[schema(minimum = 184, maximum = 36_500, example = 2557)]
    days: i32,
}

/// Change the retention.
///
/// A longer time counts at once; a shorter one 30 days later, and the log's entry says from when on.
#[utoipa::path(put, path = "/audit/retention", tag = "audit",
    request_body(content = NewRetention, example = json!({ "days": 2557 })),
    responses((status = 200, description = "How long the log is kept", body = Retention)))]
async fn put_retention(
    Submitted { pass, body }: Submitted<ChangeRetention, NewRetention>,
) -> Answered<Retention> {
    let (keeping, receipt) = change_retention(pass, body.days).await?;
    Ok(Answer::ok(keeping.into(), &receipt))
}

/// A legal hold.
#[derive(Serialize, ToSchema)]
struct Hold {
    /// Its id.
    id: Uuid,
    /// Why it stands.
    reason: String,
    /// Entries from here on are held; null from the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Entries up to here are held; null without end.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    /// The account of the person who placed it.
    placed_by: Uuid,
    /// When it was lifted; null while it stands.
    #[schema(value_type = Option<String>, format = DateTime)]
    lifted_at: Option<Timestamp>,
    /// The account of the person who lifted it.
    lifted_by: Option<Uuid>,
    /// Why it was lifted.
    lift_reason: Option<String>,
}

impl From<Standing> for Hold {
    fn from(hold: Standing) -> Self {
        let (lifted_at, lifted_by, lift_reason) = match hold.lifted {
            Some((at, by, why)) => (Some(at), Some(by.uuid()), Some(why)),
            None => (None, None, None),
        };
        Self {
            id: hold.id.uuid(),
            reason: hold.reason,
            from: hold.from,
            until: hold.until,
            placed_at: hold.placed_at,
            placed_by: hold.placed_by.uuid(),
            lifted_at,
            lifted_by,
            lift_reason,
        }
    }
}

/// The legal holds.
#[derive(Serialize, ToSchema)]
struct Holds {
    /// Those that stand first, then those that were lifted, newest first; at most 200.
    items: Vec<Hold>,
}

/// List legal holds.
///
/// Answers the holds over the log.
#[utoipa::path(get, path = "/audit/holds", tag = "audit",
    responses((status = 200, description = "The holds", body = Holds)))]
async fn get_holds(Gate(pass): Gate<ReadRetention>) -> Answered<Holds> {
    let (found, receipt) = holds(pass).await?;
    Ok(Answer::ok(Holds { items: found.into_iter().map(Hold::from).collect() }, &receipt))
}

/// A legal hold that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHold {
    /// Why: 10 to 2000 characters.
    #[schema(
        min_length = 10,
        max_length = 2000,
        example = "A court has asked for the records of this year."
    )]
    reason: String,
    /// Entries from here on; from the first when it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Entries up to here; without end when it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Place a legal hold.
///
/// While it stands no entry of its scope leaves the database, however old it is. People alone place holds.
#[utoipa::path(post, path = "/audit/holds", tag = "audit",
    request_body(content = NewHold, example = json!({
        "reason": "A court has asked for the records of this year.", "from": "2026-01-01T00:00:00Z",
    })),
    responses(
        (status = 201, description = "The hold", body = Hold),
        (status = 409, description = "As many holds stand as may"),
    ))]
async fn post_hold(Submitted { pass, body }: Submitted<PlaceHold, NewHold>) -> Answered<Hold> {
    let held = Held { reason: body.reason, from: body.from, until: body.until };
    let (hold, receipt) = place_hold(pass, held).await?;
    Ok(Answer::created(hold.into(), &receipt))
}

/// Why a hold is lifted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Lifting {
    /// Why: 10 to 2000 characters.
    #[schema(min_length = 10, max_length = 2000, example = "The court has closed the case.")]
    reason: String,
}

/// Lift a legal hold.
///
/// What it held can be archived from here on, when it is old enough.
#[utoipa::path(post, path = "/audit/holds/{id}/lift", tag = "audit",
    params(("id" = Uuid, Path, description = "The hold")),
    request_body(content = Lifting, example = json!({ "reason": "The court has closed the case." })),
    responses((status = 204, description = "It is lifted")))]
async fn post_lift(
    Segment(hold): Segment,
    Submitted { pass, body }: Submitted<LiftHold, Lifting>,
) -> Result<Done, Refused> {
    let id: HoldId = id(&hold)?;
    Ok(Done(lift_hold(pass, id, &body.reason).await?))
}
