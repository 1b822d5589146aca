//! How long the log is kept: looked at, changed. Its legal holds: placed, lifted.

mod holds;
mod timeline;

use std::time::Duration;

use app::audit::Names;
use app::audit::retention::{
    self as house, Archive, ChangeRetention, Hold, Keeping, Overview, ReadRetention, change_retention,
};
use gates::Human;
use kernel::limits::{RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, RETENTION_SHORTEN_DAYS};
use kernel::{AccountId, Permission, Problem, Timestamp};
use time::OffsetDateTime;
use time::macros::format_description;

pub(super) use self::holds::{lift, lift_page, new_page, place};
use super::answer::{Answer, Said};
use super::explorer::grouped;
use super::posted::Posted;
use super::visit::{Visit, admits, entered, may, now, pass};
use crate::layout::Room;
use crate::pages::{self, ArchiveView, HoldRow, LiftedRow};
use crate::parts::{Form, Id, When};

/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3_600;
/// Days of a year, and of a month, times a hundred: the mean of the calendar.
const YEAR_DAYS_100: i64 = 36_525;
const MONTH_DAYS_100: i64 = 3_044;
/// Up to so many months a time is told in months.
const MONTHS_MAX: i64 = 36;
/// Where all of this is.
const HERE: &str = "/audit/retention";

/// So many days, as people think of them: "2557 days (about 7 years)".
pub(super) fn days_in_words(days: i32) -> String {
    let hundredths = i64::from(days) * 100;
    let months = (hundredths + MONTH_DAYS_100 / 2) / MONTH_DAYS_100;
    let years = (hundredths + YEAR_DAYS_100 / 2) / YEAR_DAYS_100;
    let about = match months {
        ..2 => String::new(),
        12 => " (about a year)".to_owned(),
        months if months <= MONTHS_MAX && months % 12 != 0 => format!(" (about {months} months)"),
        _ => format!(" (about {years} years)"),
    };
    if days == 1 {
        "1 day".to_owned()
    } else {
        format!("{} days{about}", grouped(u64::from(days.unsigned_abs())))
    }
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * DAY_SECONDS)
}

/// A day, or a moment of one.
fn moment(at: Timestamp) -> String {
    let at = OffsetDateTime::from(at);
    let day = format_description!("[day padding:none] [month repr:short] [year]");
    let exact = format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");
    let text = if at.time() == time::Time::MIDNIGHT { at.format(&day) } else { at.format(&exact) };
    text.unwrap_or_default()
}

/// The end of a hold in words: a day that ends at midnight is itself the last day.
fn end(until: Timestamp) -> String {
    let midnight = OffsetDateTime::from(until).time() == time::Time::MIDNIGHT;
    let last = if midnight { until.minus(days(1)) } else { until };
    if midnight {
        format!("to {}, that day included", moment(last))
    } else {
        format!("until {}", moment(last))
    }
}

/// What a hold is about, in words.
fn scope(hold: &Hold) -> String {
    match (hold.from, hold.until) {
        (None, None) => "The whole log".to_owned(),
        (Some(from), None) => format!("Entries from {} on", moment(from)),
        (None, Some(until)) => format!("Entries from the first {}", end(until)),
        (Some(from), Some(until)) => format!("Entries from {} {}", moment(from), end(until)),
    }
}

fn who(account: AccountId, names: &Names) -> String {
    let id = account.to_string();
    names.of(&id).map_or_else(|| format!("Person {}", Id::new(id.as_str()).short()), str::to_owned)
}

fn hold_row(hold: &Hold, names: &Names, at: Timestamp) -> HoldRow {
    HoldRow {
        id: hold.id.to_string(),
        reason: hold.reason.clone(),
        scope: scope(hold),
        placed: When::seen(hold.placed_at, at),
        by: who(hold.placed_by, names),
        lifted: hold.lifted.as_ref().map(|(lifted, by, why)| LiftedRow {
            at: When::seen(*lifted, at),
            by: who(*by, names),
            why: why.clone(),
        }),
    }
}

/// The archive in words.
pub(super) fn archive_view(archive: &Archive, at: Timestamp) -> ArchiveView {
    let last = archive.size.unsigned_abs().saturating_sub(1);
    ArchiveView {
        name: archive.name.clone(),
        range: format!("Entries 0 to {}", grouped(last)),
        removed: archive.removed,
        written: When::seen(archive.written_at, at),
        entry: Id::new(archive.entry.to_string()),
        sha256: crypto::hex(&archive.sha256),
    }
}

/// When the oldest entry of the database is old enough to go, as things stand.
fn leaves(keeping: &Keeping, oldest: Timestamp) -> Timestamp {
    let after = |kept: i32| oldest.plus(days(u64::from(kept.unsigned_abs())));
    let as_now = after(keeping.days);
    keeping.next.map_or(as_now, |(shorter, from)| as_now.min(after(shorter).max(from)))
}

async fn looked_at(visit: &Visit, human: &Human) -> Result<(Overview, Names), Answer> {
    let mut entered = pass::<ReadRetention>(visit, human).await?;
    let names = app::audit::names(&mut entered).await.map_err(|problem| visit.refused(&problem))?;
    let (found, _) = house::overview(entered).await.map_err(|problem| visit.refused(&problem))?;
    Ok((found, names))
}

fn filled(visit: &Visit, human: &Human, found: &Overview, names: &Names, form: Form) -> pages::Retention {
    let (at, keeping) = (now(&visit.state), &found.keeping);
    let holds: Vec<HoldRow> = found.holds.iter().map(|hold| hold_row(hold, names, at)).collect();
    pages::Retention {
        shell: visit.shell(human, Some(Room::Audit)),
        timeline: timeline::draw(found, at),
        entries: grouped(found.size),
        oldest: found.unarchived_from.map(When::day),
        leaves: found.unarchived_from.map(|oldest| When::day(leaves(keeping, oldest))),
        days: days_in_words(keeping.days),
        pending: keeping.next.map(|(shorter, from)| (days_in_words(shorter), When::day(from))),
        form,
        days_in_force: keeping.days,
        days_min: u64::from(RETENTION_DAYS_MIN.unsigned_abs()),
        days_max: u64::from(RETENTION_DAYS_MAX.unsigned_abs()),
        shorten_days: RETENTION_SHORTEN_DAYS,
        standing: holds.iter().filter(|hold| hold.lifted.is_none()).count(),
        holds,
        archive: keeping.archive.as_ref().map(|archive| archive_view(archive, at)),
        may_change: may(human, Permission::OrganizationManage),
    }
}

/// `GET /audit/retention`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let (found, names) = looked_at(&visit, &human).await?;
    let form = Form::blank().with("days", found.keeping.days.to_string());
    let page = filled(&visit, &human, &found, &names, form);
    Ok(visit.settle(Answer::page(&page)))
}

/// What a change to `wanted` days does, one by one.
fn effects(keeping: &Keeping, wanted: i32, at: Timestamp) -> Vec<String> {
    let mut all = Vec::new();
    if wanted < keeping.days {
        let from = OffsetDateTime::from(at.plus(days(RETENTION_SHORTEN_DAYS)));
        let day = format_description!("[day padding:none] [month repr:long] [year]");
        let from = from.format(&day).unwrap_or_default();
        all.push(format!(
            "It counts from {from} on. Until then everybody who reads the log can see it and object; asking for {} \
             days again takes it back.",
            keeping.days
        ));
        all.push(
            "From then on older entries go to an archive, and from the database, where the operator keeps one."
                .to_owned(),
        );
        if keeping.holds_standing > 0 {
            all.push("What a legal hold keeps stays all the same.".to_owned());
        }
    } else {
        all.push("It counts at once.".to_owned());
        if keeping.next.is_some() {
            all.push("The shorter time that waits is given up.".to_owned());
        }
        all.push("What is archived already stays in the archive.".to_owned());
    }
    all.push("Hashes, checkpoints and proofs stay in the database for ever.".to_owned());
    all
}

/// `GET /audit/retention/days?days=`: what another time would mean.
pub(super) async fn days_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<ChangeRetention>(&visit, &human).await?;
    let asked = visit.query("days").and_then(|text| text.trim().parse::<i32>().ok());
    let bounds = RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX;
    let Some(wanted) = asked.filter(|days| bounds.contains(days)) else {
        return Ok(Answer::redirect(HERE));
    };
    let (found, _) = looked_at(&visit, &human).await?;
    let page = pages::RetentionDays {
        shell: visit.shell(&human, Some(Room::Audit)),
        days: wanted,
        wanted: days_in_words(wanted),
        now: days_in_words(found.keeping.days),
        shorter: wanted < found.keeping.days,
        effects: effects(&found.keeping, wanted, now(&visit.state)),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /audit/retention/days`. Less than now is looked at once more before it is asked of the house.
pub(super) async fn change(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let there = posted.kept_in("/audit/retention/days", &["days"]);
    let Ok(entered) = entered::<ChangeRetention>(visit, &human).await? else {
        return Err(Visit::to_step_up(&there));
    };
    let (found, names) = looked_at(visit, &human).await?;
    let in_force = found.keeping.days;
    let changed = match posted.get("days").trim().parse::<i32>() {
        Ok(wanted) if (RETENTION_DAYS_MIN..in_force).contains(&wanted) && posted.get("sure").is_empty() => {
            return Ok(Answer::redirect(&there));
        }
        Ok(wanted) => change_retention(entered, wanted).await,
        Err(_) => {
            let detail = format!("Write a whole number from {RETENTION_DAYS_MIN} to {RETENTION_DAYS_MAX}.");
            Err(Problem::invalid("/days", detail))
        }
    };
    match changed {
        Ok((keeping, _)) => {
            let said = if keeping.next.is_some() { Said::RetentionWaits } else { Said::RetentionChanged };
            Ok(Answer::redirect(HERE).saying(&visit.site().clone(), said))
        }
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let form = posted.form(&["days"]).refused_by(&problem);
            let page = filled(visit, &human, &found, &names, form);
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

#[cfg(test)]
mod tests;
