//! Break-glass: opened with a reason, closed, and looked at afterwards.

use app::audit::EntryRecord;
use app::break_glass::{
    self, CloseBreakGlass, ListBreakGlass, NewOverride, OpenBreakGlass, Override, ReadBreakGlass,
    ReviewBreakGlass, Stage, Verdict,
};
use app::input::Page;
use axum::extract::Path;
use gates::{Caller as _, Human};
use kernel::limits::{BREAK_GLASS_REASON_CHARS_MIN, BREAK_GLASS_REVIEW_SECONDS};
use kernel::{BreakGlassId, EntryId, Permission, Problem, ProblemKind, Timestamp};

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::visit::{Visit, admits, may, now, pass};
use super::words;
use crate::layout::Room;
use crate::pages::{self, OpenGlass, PastGlass, Reviewed};
use crate::parts::{Badge, Choice, Form, Pager, Tone, When};

/// Overrides on a page.
const ROWS: i64 = 50;
/// Entries on a page of what was done under one.
const ENTRIES: i64 = 200;
const MINUTE_SECONDS: u64 = 60;
const DAY_SECONDS: u64 = 24 * 3_600;
/// For how long one can be opened, as offered.
const MINUTES: [(u64, &str); 5] =
    [(15, "15 minutes"), (30, "30 minutes"), (60, "1 hour"), (240, "4 hours"), (480, "8 hours")];
/// What is offered first.
const MINUTES_DEFAULT: &str = "30";

/// What is left, as the page's countdown shows it.
fn left(until: Timestamp, at: Timestamp) -> String {
    let seconds = until.since(at).as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds % 3_600 / 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// Whether this person may close it: it is theirs, or the organization is.
fn may_end(human: &Human, glass: &Override) -> bool {
    (human.is_owner() || glass.account == human.account()) && may(human, Permission::BreakGlassOpen)
}

fn open_row(glass: &Override, human: &Human, at: Timestamp) -> OpenGlass {
    OpenGlass {
        id: glass.id.to_string(),
        by: glass.by.clone(),
        reason: glass.reason.clone(),
        opened: When::seen(glass.opened_at, at),
        ends: When::seen(glass.ends_at(), at),
        ends_at: glass.ends_at().to_string(),
        left: left(glass.ends_at(), at),
        may_end: may_end(human, glass),
    }
}

fn verdict(in_order: bool) -> Badge {
    if in_order { Badge::new(Tone::Good, "In order") } else { Badge::new(Tone::Bad, "Not in order") }
}

fn past_row(glass: &Override, stage: Stage, at: Timestamp) -> PastGlass {
    let review = match (&glass.review, stage) {
        (Some(review), _) => verdict(review.in_order),
        (None, Stage::Overdue) => Badge::new(Tone::Bad, "Review overdue"),
        (None, Stage::Open) => Badge::new(Tone::Bad, "Open"),
        (None, _) => Badge::new(Tone::Warn, "Review due"),
    };
    let minutes = glass.ends_at().since(glass.opened_at).as_secs().div_ceil(MINUTE_SECONDS);
    PastGlass {
        id: glass.id.to_string(),
        by: glass.by.clone(),
        reason: glass.reason.clone(),
        opened: When::seen(glass.opened_at, at),
        minutes: u32::try_from(minutes).unwrap_or(u32::MAX),
        review,
        due: glass.review.is_none().then(|| When::seen(glass.review_due_at, at)),
    }
}

async fn list_page(visit: &Visit, human: &Human, form: Form) -> Result<pages::BreakGlass, Answer> {
    let after: Option<BreakGlassId> = visit.query("after").and_then(|id| id.parse().ok());
    let entered = pass::<ListBreakGlass>(visit, human).await?;
    let listed = break_glass::list(entered, Page { after, rows: ROWS }).await;
    let (listed, _) = listed.map_err(|problem| visit.refused(&problem))?;
    let at = now(&visit.state);
    let is_open = |stage: Stage| stage == Stage::Open;
    let (open, past): (Vec<_>, Vec<_>) = listed.items.iter().partition(|(_, stage)| is_open(*stage));
    let mine = open.iter().any(|(glass, _)| glass.account == human.account());
    let past: Vec<PastGlass> = past.iter().map(|(glass, stage)| past_row(glass, *stage, at)).collect();
    Ok(pages::BreakGlass {
        shell: visit.shell(human, Some(Room::BreakGlass)),
        form,
        durations: MINUTES.iter().map(|(minutes, says)| Choice::new(minutes.to_string(), *says)).collect(),
        reason_characters_min: u32::try_from(BREAK_GLASS_REASON_CHARS_MIN).unwrap_or(10),
        open: open.iter().map(|(glass, _)| open_row(glass, human, at)).collect(),
        pager: Pager {
            shown: past.len(),
            first: after.map(|_| "/break-glass".to_owned()),
            next: listed.next.map(|next| format!("/break-glass?after={next}")),
        },
        past,
        may_open: may(human, Permission::BreakGlassOpen) && !mine,
        must_confirm: !human.is_fresh(at),
        review_days: u32::try_from(BREAK_GLASS_REVIEW_SECONDS / DAY_SECONDS).unwrap_or(7),
    })
}

/// `GET /break-glass`.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = list_page(&visit, &human, Form::blank().with("minutes", MINUTES_DEFAULT)).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /break-glass`. A reason is prose and never stands in an address: when a confirmation has run out while it was
/// written, the form comes back with it.
pub(super) async fn open(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let entered = visit.state.vault().enter::<OpenBreakGlass>(human.principal(), visit.context.clone()).await;
    let opened = match (entered, posted.get("minutes").parse::<u64>()) {
        (Err(problem), _) if problem.kind == ProblemKind::StepUp => Err(problem),
        (Err(problem), _) => return Err(visit.refused(&problem)),
        (Ok(_), Err(_)) => Err(Problem::invalid("/minutes", "Choose how long.")),
        (Ok(pass), Ok(minutes)) => {
            let seconds = minutes.saturating_mul(MINUTE_SECONDS);
            let new = NewOverride { reason: posted.get("reason").to_owned(), seconds };
            break_glass::open(pass, new, &visit.state.accounts.post()).await
        }
    };
    match opened {
        Ok(_) => Ok(Answer::redirect("/break-glass").saying(&visit.site().clone(), Said::GlassOpened)),
        Err(problem) if problem.errors.is_empty() && problem.kind != ProblemKind::StepUp => {
            Err(visit.refused(&problem))
        }
        Err(mut problem) => {
            for error in problem.errors.iter_mut().filter(|error| error.pointer == "/seconds") {
                "/minutes".clone_into(&mut error.pointer);
            }
            let form = posted.form(&["reason", "minutes"]).refused_by(&problem);
            let page = list_page(visit, &human, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

async fn review_page(
    visit: &Visit,
    human: &Human,
    id: BreakGlassId,
    form: Form,
) -> Result<pages::BreakGlassReview, Answer> {
    let after: Option<EntryId> = visit.query("after").and_then(|id| id.parse().ok());
    let mut entered = pass::<ReadBreakGlass>(visit, human).await?;
    let names = app::audit::names(&mut entered).await.map_err(|problem| visit.refused(&problem))?;
    let read = break_glass::slice(entered, id, Page { after, rows: ENTRIES }).await;
    let (slice, _) = read.map_err(|problem| visit.refused(&problem))?;
    let (glass, at) = (slice.glass, now(&visit.state));
    // Whoever opened it may be a member no more.
    let names = names.with(glass.account.to_string(), &glass.by);
    let entries = slice.entries.items.iter().filter_map(EntryRecord::entry);
    let entries: Vec<_> =
        entries.map(|entry| words::row(&entry, &|id| names.of(id).map(str::to_owned))).collect();
    let own = glass.account == human.account();
    Ok(pages::BreakGlassReview {
        shell: visit.shell(human, Some(Room::BreakGlass)),
        glass: past_row(&glass, slice.stage, at),
        open: slice.stage == Stage::Open,
        may_end: slice.stage == Stage::Open && may_end(human, &glass),
        pager: Pager {
            shown: entries.len(),
            first: after.map(|_| format!("/break-glass/{id}")),
            next: slice.entries.next.map(|next| format!("/break-glass/{id}?after={next}")),
        },
        entries,
        form,
        verdicts: vec![
            Choice::new("in_order", "In order").hint("The reason holds, and what was done fits it."),
            Choice::new("not_in_order", "Not in order").hint("Something has to follow; say what."),
        ],
        reviewed: glass.review.as_ref().map(|review| Reviewed {
            by: review.by.clone(),
            at: When::seen(review.at, at),
            verdict: verdict(review.in_order),
            note: review.text.clone(),
        }),
        // An owner reviews their own only when there is no other owner; the house looks when it is sent.
        may_review: may(human, Permission::OrganizationManage) && (!own || human.is_owner()),
        own,
    })
}

/// `GET /break-glass/{id}`.
pub(super) async fn page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: BreakGlassId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let page = review_page(&visit, &human, id, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /break-glass/{id}`: the review.
pub(super) async fn review(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: BreakGlassId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let in_order = match posted.get("verdict") {
        "in_order" => Ok(true),
        "not_in_order" => Ok(false),
        _ => Err(Problem::invalid("/verdict", "Say whether it was in order.")),
    };
    let entered = pass::<ReviewBreakGlass>(visit, &human).await?;
    let done = match in_order {
        Ok(in_order) => {
            let verdict = Verdict { in_order, text: posted.get("note").to_owned() };
            break_glass::review(entered, id, verdict).await.map(drop)
        }
        Err(problem) => Err(problem),
    };
    match done {
        Ok(()) => {
            let there = format!("/break-glass/{id}");
            Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::GlassReviewed))
        }
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(mut problem) => {
            for error in problem.errors.iter_mut().filter(|error| error.pointer == "/text") {
                "/note".clone_into(&mut error.pointer);
            }
            let form = posted.form(&["verdict", "note"]).refused_by(&problem);
            let page = review_page(visit, &human, id, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `GET /break-glass/{id}/end`.
pub(super) async fn end_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: BreakGlassId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    admits::<CloseBreakGlass>(&visit, &human).await?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::BreakGlass)),
        title: "End this break-glass?".into(),
        lead: "From then on only the role counts again.".into(),
        effects: vec![
            "It stops within a second, on every replica.".into(),
            "Its review is due seven days from now.".into(),
        ],
        action: format!("/break-glass/{id}/end"),
        button: "End it now".into(),
        tone: Tone::Bad,
        cancel: "/break-glass".into(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /break-glass/{id}/end`.
pub(super) async fn end(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: BreakGlassId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let entered = pass::<CloseBreakGlass>(visit, &human).await?;
    break_glass::close(entered, id).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/break-glass").saying(&visit.site().clone(), Said::GlassClosed))
}
