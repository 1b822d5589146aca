//! Evidence packs: chosen, looked at, made, taken away, linked to, deleted.

use std::time::Duration;

use app::evidence::{
    self, CreatePack, DeletePack, DownloadPack, ListPacks, MakeLink, NewPack, Pack, Period, ReadCoverage,
    ReadPack,
};
use app::input::Page;
use axum::extract::Path;
use gates::Human;
use kernel::{EvidencePackId, Permission, Problem, Timestamp};
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::visit::{Visit, admits, may, now, pass};
use crate::layout::Room;
use crate::pages::{self, ControlRow, PackRow, Preview};
use crate::parts::{Badge, Choice, Form, Id, Pager, Secret, Tone, When};

/// Packs on a page.
const ROWS: i64 = 50;
/// Days of the period that is offered first.
const DAYS_DEFAULT: u64 = 90;
/// For how long a link can work, as offered.
const LIFETIMES: [(&str, &str); 4] =
    [("3600", "An hour"), ("86400", "A day"), ("259200", "3 days"), ("604800", "7 days")];

fn title(key: &str) -> String {
    let found = evidence::control_map().ok().and_then(|map| map.framework(key));
    found.map_or_else(|| key.to_owned(), |framework| framework.title.clone())
}

fn row(pack: &Pack, at: Timestamp) -> PackRow {
    PackRow {
        id: pack.id.to_string(),
        framework: title(&pack.framework),
        from: When::day(pack.from),
        // The last moment that it includes: a day that ends at midnight is itself the last day.
        to: When::day(Timestamp::from_unix_micros(pack.to.unix_micros() - 1)),
        entries: pack.included.unsigned_abs(),
        made: When::seen(pack.created_at, at),
    }
}

fn controls(covered: evidence::Coverage) -> Vec<ControlRow> {
    let rows = covered.framework.controls.iter().zip(covered.entries);
    rows.map(|(control, entries)| {
        let tone = match control.strength.name() {
            "full" => Tone::Good,
            "partial" => Tone::Warn,
            _ => Tone::Bad,
        };
        ControlRow {
            id: control.id.clone(),
            title: control.title.clone(),
            says: control.says.clone(),
            strength: Badge::new(tone, control.strength.name()),
            entries,
        }
    })
    .collect()
}

/// `GET /evidence`.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let after: Option<EvidencePackId> = visit.query("after").and_then(|id| id.parse().ok());
    let entered = pass::<ListPacks>(&visit, &human).await?;
    let listed = evidence::list(entered, Page { after, rows: ROWS }).await;
    let (listed, _) = listed.map_err(|problem| visit.refused(&problem))?;
    let at = now(&visit.state);
    let packs: Vec<PackRow> = listed.items.iter().map(|pack| row(pack, at)).collect();
    let page = pages::Evidence {
        shell: visit.shell(&human, Some(Room::Evidence)),
        pager: Pager {
            shown: packs.len(),
            first: after.map(|_| "/evidence".to_owned()),
            next: listed.next.map(|next| format!("/evidence?after={next}")),
        },
        packs,
        may_make: may(&human, Permission::AuditExport),
    };
    Ok(visit.settle(Answer::page(&page)))
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// The midnight at which a day begins.
fn midnight(text: &str, pointer: &str) -> Result<OffsetDateTime, Problem> {
    let shape = format_description!("[year]-[month]-[day]");
    let day = Date::parse(text, &shape);
    day.map(|day| day.midnight().assume_utc()).map_err(|_| Problem::invalid(pointer, "Choose a day."))
}

/// From the first day to the last one, included; today ends now.
fn period(from: &str, to: &str, now: Timestamp) -> Result<Period, Problem> {
    let (from, to) = (midnight(from, "/from")?, midnight(to, "/to")?);
    let end = Timestamp::from(to.saturating_add(time::Duration::DAY));
    Period::parse(Timestamp::from(from), if Timestamp::from(to) < now { end.min(now) } else { end }, now)
}

fn new_form(
    visit: &Visit,
    human: &Human,
    form: Form,
    preview: Option<Preview>,
) -> Result<pages::EvidenceNew, Problem> {
    let map = evidence::control_map()?;
    let choice = |framework: &::evidence::Framework| {
        Choice::new(framework.id.clone(), framework.title.clone()).hint(framework.about.clone())
    };
    Ok(pages::EvidenceNew {
        shell: visit.shell(human, Some(Room::Evidence)),
        frameworks: map.frameworks.iter().map(choice).collect(),
        contents: vec![
            Choice::new("", "Those that speak to a control")
                .hint("Of the others the pack holds the hash alone: it tells no more than was asked."),
            Choice::new("1", "All of the period").hint("Whether or not they speak to a control."),
        ],
        form,
        preview,
    })
}

/// `GET /evidence/new`: the choice; and, when something was chosen, what a pack of it would show.
pub(super) async fn new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<CreatePack>(&visit, &human).await?;
    let at = now(&visit.state);
    let asked = |name: &str| visit.query(name).map(|text| text.to_string());
    let Some(framework) = asked("framework") else {
        let from = at.minus(Duration::from_hours(24 * DAYS_DEFAULT));
        let form = Form::blank()
            .with("framework", "eu-ai-act")
            .with("from", day(from))
            .with("to", day(at))
            .with("everything", "");
        let page = new_form(&visit, &human, form, None).map_err(|problem| visit.refused(&problem))?;
        return Ok(visit.settle(Answer::page(&page)));
    };
    let form = ["from", "to", "everything"]
        .iter()
        .fold(Form::blank(), |form, name| form.with(*name, asked(name).unwrap_or_default()));
    let form = form.with("framework", framework.as_str());
    let looked = match period(form.value("from"), form.value("to"), at) {
        Ok(period) => {
            evidence::coverage(pass::<ReadCoverage>(&visit, &human).await?, &framework, period).await
        }
        Err(problem) => Err(problem),
    };
    match looked {
        Ok((covered, _)) => {
            let preview = Preview {
                title: covered.framework.title.clone(),
                entries: covered.total,
                controls: controls(covered),
            };
            let page =
                new_form(&visit, &human, form, Some(preview)).map_err(|problem| visit.refused(&problem))?;
            Ok(visit.settle(Answer::page(&page)))
        }
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let page = new_form(&visit, &human, form.refused_by(&problem), None)
                .map_err(|problem| visit.refused(&problem))?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `POST /evidence/new`.
pub(super) async fn create(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let entered = pass::<CreatePack>(visit, &human).await?;
    let made = match period(posted.get("from"), posted.get("to"), now(&visit.state)) {
        Ok(period) => {
            let new = NewPack {
                framework: posted.get("framework").to_owned(),
                period,
                everything: !posted.get("everything").is_empty(),
            };
            evidence::create(entered, &visit.state.sequencer, new).await
        }
        Err(problem) => Err(problem),
    };
    match made {
        Ok((pack, _)) => {
            let there = format!("/evidence/{}", pack.id);
            Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::PackMade))
        }
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let form = posted.form(&["framework", "from", "to", "everything"]).refused_by(&problem);
            let page = new_form(visit, &human, form, None).map_err(|problem| visit.refused(&problem))?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

async fn found(visit: &Visit, human: &Human, id: EvidencePackId) -> Result<Pack, Answer> {
    let read = evidence::read(pass::<ReadPack>(visit, human).await?, id).await;
    read.map(|(pack, _)| pack).map_err(|problem| visit.refused(&problem))
}

/// `GET /evidence/{id}`.
pub(super) async fn page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EvidencePackId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pack = found(&visit, &human, id).await?;
    let shown = evidence::shown(&pack).map_err(|problem| visit.refused(&problem))?;
    let range = if pack.first < pack.end {
        format!("Entries {} to {} of the {} that the log had", pack.first, pack.end - 1, pack.log_size)
    } else {
        format!("No entry of the {} that the log had", pack.log_size)
    };
    let page = pages::EvidencePack {
        shell: visit.shell(&human, Some(Room::Evidence)),
        whole_id: Id::new(pack.id.to_string()),
        held_back: pack.held_back.unsigned_abs(),
        range,
        manifest: crypto::hex(&pack.manifest_sha256),
        stamped: pack.timestamped_at.map(When::stamp),
        unstamped: pack.timestamp_failure.clone(),
        controls: controls(shown),
        may_take: may(&human, Permission::AuditExport),
        pack: row(&pack, now(&visit.state)),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /evidence/{id}/download`.
pub(super) async fn download(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EvidencePackId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let taken = evidence::download(pass::<DownloadPack>(&visit, &human).await?, id).await;
    let (taken, _) = taken.map_err(|problem| visit.refused(&problem))?;
    Ok(visit.settle(Answer::archive(&taken.name, taken.pieces)))
}

async fn link_form(
    visit: &Visit,
    human: &Human,
    id: EvidencePackId,
    form: Form,
    made: Option<(Secret, When)>,
) -> Result<pages::EvidenceLink, Answer> {
    let pack = found(visit, human, id).await?;
    Ok(pages::EvidenceLink {
        shell: visit.shell(human, Some(Room::Evidence)),
        pack: row(&pack, now(&visit.state)),
        form,
        lifetimes: LIFETIMES.iter().map(|(seconds, says)| Choice::new(*seconds, *says)).collect(),
        made,
    })
}

/// `GET /evidence/{id}/link`.
pub(super) async fn link_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EvidencePackId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    admits::<MakeLink>(&visit, &human).await?;
    let form = Form::blank().with("seconds", "86400");
    let page = link_form(&visit, &human, id, form, None).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /evidence/{id}/link`: the link, this once.
pub(super) async fn link(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: EvidencePackId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let entered = pass::<MakeLink>(visit, &human).await?;
    let made = match posted.get("seconds").parse() {
        Ok(seconds) => evidence::link(entered, id, seconds).await,
        Err(_) => Err(Problem::invalid("/seconds", "Choose how long.")),
    };
    match made {
        Ok((link, _)) => {
            let url = format!("{}/api/v1/evidence/links/{}", visit.site().origin(), link.token);
            let made = (Secret::new(url), When::stamp(link.until));
            let page = link_form(visit, &human, id, Form::blank(), Some(made)).await?;
            Ok(visit.settle(Answer::page(&page)))
        }
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let form = posted.form(&["seconds"]).refused_by(&problem);
            let page = link_form(visit, &human, id, form, None).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `GET /evidence/{id}/delete`.
pub(super) async fn delete_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EvidencePackId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    admits::<DeletePack>(&visit, &human).await?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Evidence)),
        title: "Delete this pack?".into(),
        lead: "The log stays as it is, and the same period can be packed anew.".into(),
        effects: vec![
            "It can no longer be downloaded; copies that were taken stay valid.".into(),
            "Links to it open nothing from now on.".into(),
        ],
        action: format!("/evidence/{id}/delete"),
        button: "Delete it".into(),
        tone: Tone::Bad,
        cancel: format!("/evidence/{id}"),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /evidence/{id}/delete`.
pub(super) async fn delete(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: EvidencePackId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let entered = pass::<DeletePack>(visit, &human).await?;
    evidence::delete(entered, id).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/evidence").saying(&visit.site().clone(), Said::PackDeleted))
}
