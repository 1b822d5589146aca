//! Break-glass: overrides and their reviews.

use app::break_glass::{
    CloseBreakGlass, ListBreakGlass, OpenBreakGlass, ReadBreakGlass, ReviewBreakGlass, Stage, Verdict, close,
    list, open, review, slice,
};
use axum::extract;
use http::Uri;
use kernel::{BreakGlassId, EntryId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::audit::AuditEntry;
use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, PageQuery, Segment, Submitted, id, query};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListBreakGlass, _>(routes!(get_overrides)))
        .routes(of::<OpenBreakGlass, _>(routes!(post_override)))
        .routes(of::<ReadBreakGlass, _>(routes!(get_override)))
        .routes(of::<CloseBreakGlass, _>(routes!(post_close)))
        .routes(of::<ReviewBreakGlass, _>(routes!(put_review)))
}

/// An override: for a reason and a time, somebody may do what their role does not allow.
#[derive(Serialize, ToSchema)]
struct Override {
    /// Its id.
    id: Uuid,
    /// Where it stands: open, ended, due, overdue or reviewed.
    #[schema(example = "ended")]
    state: &'static str,
    /// The account of whoever opened it.
    account: Uuid,
    /// The name they go by.
    by: String,
    /// Why.
    reason: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// When it ended or will end.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Until when it must be reviewed.
    #[schema(value_type = String, format = DateTime)]
    review_due_at: Timestamp,
    /// The review, when there was one.
    review: Option<Review>,
}

/// What a review came to.
#[derive(Serialize, ToSchema)]
struct Review {
    /// The account of the reviewer.
    account: Uuid,
    /// The name they go by.
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether what was done was in order.
    in_order: bool,
    /// What they wrote.
    text: String,
}

impl From<(app::break_glass::Override, Stage)> for Override {
    fn from((glass, stage): (app::break_glass::Override, Stage)) -> Self {
        Self {
            id: glass.id.uuid(),
            state: stage.name(),
            account: glass.account.uuid(),
            ends_at: glass.ends_at(),
            by: glass.by,
            reason: glass.reason,
            opened_at: glass.opened_at,
            review_due_at: glass.review_due_at,
            review: glass.review.map(|review| Review {
                account: review.account.uuid(),
                by: review.by,
                at: review.at,
                in_order: review.in_order,
                text: review.text,
            }),
        }
    }
}

/// List overrides.
///
/// Answers the organization's overrides, newest first.
#[utoipa::path(get, path = "/break-glass", tag = "break-glass", params(PageQuery),
    responses((status = 200, description = "A page of overrides", body = List<Override>)))]
async fn get_overrides(Gate(pass): Gate<ListBreakGlass>, uri: Uri) -> Answered<List<Override>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = list(pass, page).await?;
    Ok(Answer::ok(List::of(listed, Override::from, BreakGlassId::uuid), &receipt))
}

/// An override to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOverride {
    /// Why: 10 to 2000 characters, for whoever reviews it.
    #[schema(
        min_length = 10,
        max_length = 2000,
        example = "An invoice must be traced before the bank closes."
    )]
    reason: String,
    /// For how long, in seconds: 5 minutes to 8 hours.
    #[schema(minimum = 300, maximum = 28_800, example = 1800)]
    seconds: u64,
}

/// Open an override.
///
/// Until it ends the caller holds every permission that people can hold in their organization. Every entry made under it
/// names it, every owner is told by mail, and it must be reviewed within 7 days of its end.
#[utoipa::path(post, path = "/break-glass", tag = "break-glass",
    request_body(content = NewOverride, example = json!({
        "reason": "An invoice must be traced before the bank closes.", "seconds": 1800,
    })),
    responses(
        (status = 201, description = "The override", body = Override),
        (status = 409, description = "The caller has one open already"),
    ))]
async fn post_override(
    extract::State(state): extract::State<State>,
    Submitted { pass, body }: Submitted<OpenBreakGlass, NewOverride>,
) -> Answered<Override> {
    let new = app::break_glass::NewOverride { reason: body.reason, seconds: body.seconds };
    let (glass, receipt) = open(pass, new, &state.post).await?;
    Ok(Answer::created((glass, Stage::Open).into(), &receipt))
}

/// An override with what was done under it.
#[derive(Serialize, ToSchema)]
struct Slice {
    /// The override.
    #[serde(rename = "override")]
    glass: Override,
    /// The entries made under it, newest first.
    entries: List<AuditEntry>,
}

/// Read an override.
///
/// Answers the override and a page of what was done under it: its own part of the audit log, newest first.
#[utoipa::path(get, path = "/break-glass/{id}", tag = "break-glass",
    params(("id" = Uuid, Path, description = "The override"), PageQuery),
    responses((status = 200, description = "The override and its entries", body = Slice)))]
async fn get_override(
    Gate(pass): Gate<ReadBreakGlass>,
    Id(id): Id<BreakGlassId>,
    uri: Uri,
) -> Answered<Slice> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (slice, receipt) = slice(pass, id, page).await?;
    let next = slice.entries.next;
    let items = slice.entries.items.into_iter().map(AuditEntry::try_from).collect::<Result<Vec<_>, _>>()?;
    let entries = List::of(app::input::Listed { items, next }, |item| item, EntryId::uuid);
    Ok(Answer::ok(Slice { glass: (slice.glass, slice.stage).into(), entries }, &receipt))
}

/// Close an override.
///
/// Ends it before its time. Whoever opened it does that, or an owner.
#[utoipa::path(post, path = "/break-glass/{id}/close", tag = "break-glass",
    params(("id" = Uuid, Path, description = "The override")),
    responses(
        (status = 204, description = "It is closed"),
        (status = 409, description = "It is over already"),
    ))]
async fn post_close(Gate(pass): Gate<CloseBreakGlass>, Id(id): Id<BreakGlassId>) -> Result<Done, Refused> {
    Ok(Done(close(pass, id).await?))
}

/// What a review came to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReview {
    /// Whether what was done was in order.
    in_order: bool,
    /// What was found: 1 to 2000 characters.
    #[schema(
        min_length = 1,
        max_length = 2000,
        example = "Only the entries the reason speaks of were read."
    )]
    text: String,
}

/// Review an override.
///
/// Writes down what somebody found who read what was done under it. Nobody reviews their own, unless they are the only
/// owner. It is reviewed once, when it is over.
#[utoipa::path(put, path = "/break-glass/{id}/review", tag = "break-glass",
    params(("id" = Uuid, Path, description = "The override")),
    request_body(content = NewReview, example = json!({
        "in_order": true, "text": "Only the entries the reason speaks of were read.",
    })),
    responses(
        (status = 204, description = "It is reviewed"),
        (status = 409, description = "It is open still, or was reviewed already"),
    ))]
async fn put_review(
    Segment(glass): Segment,
    Submitted { pass, body }: Submitted<ReviewBreakGlass, NewReview>,
) -> Result<Done, Refused> {
    let id: BreakGlassId = id(&glass)?;
    Ok(Done(review(pass, id, Verdict { in_order: body.in_order, text: body.text }).await?))
}
