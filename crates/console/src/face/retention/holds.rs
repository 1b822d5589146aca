//! Legal holds: placed, lifted.

use app::audit::retention::{Held, LiftHold, PlaceHold, lift_hold, place_hold};
use axum::extract::Path;
use gates::Human;
use kernel::limits::HOLD_REASON_CHARS_MIN;
use kernel::{HoldId, Problem, ProblemKind, Timestamp};
use time::Date;
use time::macros::format_description;

use super::{HERE, hold_row, looked_at};
use crate::face::answer::{Answer, Said};
use crate::face::posted::Posted;
use crate::face::visit::{Visit, admits, entered, now};
use crate::layout::Room;
use crate::pages;
use crate::parts::Form;

/// Whether a form is shown again for this.
fn comes_back(problem: &Problem) -> bool {
    !problem.errors.is_empty() || matches!(problem.kind, ProblemKind::StepUp | ProblemKind::Conflict)
}

/// The midnight at which a day begins, `later` days after it; nothing when no day was chosen.
fn midnight(text: &str, later: i64, pointer: &str) -> Result<Option<Timestamp>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let shape = format_description!("[year]-[month]-[day]");
    let day = Date::parse(text, &shape).ok().and_then(|day| day.checked_add(time::Duration::days(later)));
    let day = day.ok_or_else(|| Problem::invalid(pointer, "Choose a day, or leave it empty."))?;
    Ok(Some(Timestamp::from(day.midnight().assume_utc())))
}

fn asked(posted: &Posted) -> Result<Held, Problem> {
    Ok(Held {
        reason: posted.get("reason").to_owned(),
        from: midnight(posted.get("from"), 0, "/from")?,
        until: midnight(posted.get("until"), 1, "/until")?,
    })
}

fn new_form(visit: &Visit, human: &Human, form: Form, must_confirm: bool) -> pages::HoldNew {
    pages::HoldNew {
        shell: visit.shell(human, Some(Room::Audit)),
        form,
        reason_characters_min: HOLD_REASON_CHARS_MIN,
        must_confirm,
    }
}

/// `GET /audit/holds/new`.
pub(in crate::face) async fn new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<PlaceHold>(&visit, &human).await?;
    let page = new_form(&visit, &human, Form::blank(), false);
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /audit/holds/new`.
pub(in crate::face) async fn place(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let placed = match (entered::<PlaceHold>(visit, &human).await?, asked(&posted)) {
        (Ok(pass), Ok(held)) => place_hold(pass, held).await.map(drop),
        (Err(problem), _) | (Ok(_), Err(problem)) => Err(problem),
    };
    match placed {
        Ok(()) => Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::HoldPlaced)),
        Err(problem) if !comes_back(&problem) => Err(visit.refused(&problem)),
        Err(problem) => {
            let form = posted.form(&["reason", "from", "until"]).refused_by(&problem);
            let page = new_form(visit, &human, form, problem.kind == ProblemKind::StepUp);
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

async fn lift_form(
    visit: &Visit,
    human: &Human,
    id: HoldId,
    form: Form,
    must_confirm: bool,
) -> Result<pages::HoldLift, Answer> {
    let (found, names) = looked_at(visit, human).await?;
    let standing = || found.holds.iter().filter(|hold| hold.lifted.is_none());
    let hold = standing().find(|hold| hold.id == id);
    let hold = hold.ok_or_else(|| visit.refused(&Problem::not_found()))?;
    Ok(pages::HoldLift {
        shell: visit.shell(human, Some(Room::Audit)),
        hold: hold_row(hold, &names, now(&visit.state)),
        others: standing().count() - 1,
        form,
        reason_characters_min: HOLD_REASON_CHARS_MIN,
        must_confirm,
    })
}

/// `GET /audit/holds/{id}/lift`.
pub(in crate::face) async fn lift_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: HoldId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    admits::<LiftHold>(&visit, &human).await?;
    let page = lift_form(&visit, &human, id, Form::blank(), false).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /audit/holds/{id}/lift`.
pub(in crate::face) async fn lift(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: HoldId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let lifted = match entered::<LiftHold>(visit, &human).await? {
        Ok(pass) => lift_hold(pass, id, posted.get("reason")).await.map(drop),
        Err(problem) => Err(problem),
    };
    match lifted {
        Ok(()) => Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::HoldLifted)),
        Err(problem) if !comes_back(&problem) => Err(visit.refused(&problem)),
        Err(problem) => {
            let form = posted.form(&["reason"]).refused_by(&problem);
            let page = lift_form(visit, &human, id, form, problem.kind == ProblemKind::StepUp).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}
