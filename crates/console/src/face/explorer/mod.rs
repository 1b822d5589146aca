//! The log as people explore it: searched, counted, one entry in words, one request drawn.

mod chart;
mod entry;
mod filter;
mod graph;
mod receipt;

use app::audit::{EntryRecord, Names, ReadEntries, Turn};
use axum::extract::Path;
use gates::Pass;
use http::{HeaderName, HeaderValue};
use kernel::{Category, EntryId, EventKind, Problem, RequestId, Severity};

pub(super) use self::chart::grouped;
pub(super) use self::entry::{page as entry_page, proof};
use self::filter::{Filter, longer, range_title, ranges, refused};
pub(super) use self::receipt::{file as receipt_file, page as receipt_page};
use super::answer::Answer;
use super::heads;
use super::visit::{Visit, now};
use super::words;
use crate::layout::Room;
use crate::pages::{self, AuditFound, RequestStep, Sought};
use crate::parts::{Choice, Id, When};

/// Entries on a page of the log.
const ROWS: i64 = 50;
/// Bars of a chart, at most.
const BARS_MAX: u8 = 62;
/// What htmx writes into the address in place of everything its form holds.
const PUSH_URL: HeaderName = HeaderName::from_static("hx-push-url");
/// Fields that are rarely needed.
const RARE: [&str; 5] = ["category", "severity", "subject", "project", "request"];

fn place(visit: &Visit) -> Turn {
    let entry = |name: &str| visit.query(name).and_then(|text| text.parse::<EntryId>().ok());
    match (entry("before"), entry("after")) {
        (Some(before), _) => Turn::Older(before),
        (None, Some(after)) => Turn::Newer(after),
        (None, None) => Turn::First,
    }
}

/// `GET /audit`. What cannot be looked for comes back with the form; what is looked for is read, counted, written down
/// and shown.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Audit));
    let at = now(&visit.state);
    let filter = Filter::of(&visit);
    let searched = filter.search(at);
    let mut pass = visit.enter::<ReadEntries>(human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let alarms = app::audit::alarms(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let looked = match &searched {
        Ok(search) => found(pass, search, &filter, place(&visit), &names).await,
        Err(problem) => app::audit::recorded(pass, 0).await.and(Err(problem.clone())),
    };
    let (form, found, problem) = match looked {
        Ok(found) => (filter.form(), Some(found), None),
        Err(problem) if !problem.errors.is_empty() => {
            // A search that was right and took too long belongs to no field.
            let form = if searched.is_ok() {
                filter.form().problem(problem.errors[0].detail.clone())
            } else {
                refused(filter.form(), &problem)
            };
            (form, None, Some(problem))
        }
        Err(problem) => return Err(visit.refused(&problem)),
    };
    let page = pages::Audit {
        shell,
        alarms: alarms.iter().map(|found| heads::alarm(found, at)).collect(),
        form,
        ranges: ranges(),
        outcomes: outcomes(),
        actors: actors(&names, filter.get("actor")),
        kinds: kinds(),
        categories: categories(),
        severities: severities(),
        more: RARE.iter().any(|name| filter.get(name).is_some()),
        sought: sought(&filter, &names),
        range: range_title(filter.range()),
        found,
    };
    // htmx shows nothing of an answer that is an error.
    let live = visit.headers.contains_key("hx-request");
    let mut answer = match problem {
        Some(problem) if !live => Answer::form(&problem, &page),
        _ => Answer::page(&page),
    };
    if let Ok(path) = HeaderValue::from_str(&filter.path(None)) {
        answer.headers_mut().insert(PUSH_URL, path);
    }
    Ok(visit.settle(answer))
}

async fn found(
    pass: Pass<ReadEntries>,
    search: &app::audit::Search,
    filter: &Filter,
    turn: Turn,
    names: &Names,
) -> Result<AuditFound, Problem> {
    // The page of one request says more than bars do.
    let bars = filter.get("request").is_none().then_some(BARS_MAX);
    let (found, chart, _) = app::audit::explore(pass, search, turn, ROWS, bars).await?;
    let entries = found.entries.iter().filter_map(EntryRecord::entry);
    Ok(AuditFound {
        entries: entries.map(|entry| words::row(&entry, &|id| names.of(id).map(str::to_owned))).collect(),
        chart: chart.and_then(|chart| chart::view(&chart, filter)),
        newer: found.newer.map(|id| filter.path(Some(("after", id.to_string())))),
        older: found.older.map(|id| filter.path(Some(("before", id.to_string())))),
        longer: longer(filter.range()).map(|range| (range_title(range), filter.over(range).path(None))),
        request: filter.get("request").map(str::to_owned),
    })
}

fn any(label: &str) -> Vec<Choice> {
    vec![Choice::new("", label)]
}

fn kinds() -> Vec<Choice> {
    let mut kinds = any("Any");
    for category in Category::ALL {
        let group = category.says().trim_end_matches('.');
        let of = EventKind::ALL.iter().filter(|kind| kind.category() == *category);
        kinds.extend(of.map(|kind| Choice::new(kind.name(), words::what(kind.name())).group(group)));
    }
    kinds
}

fn categories() -> Vec<Choice> {
    let all = Category::ALL.iter();
    any("Any")
        .into_iter()
        .chain(all.map(|of| Choice::new(of.name(), of.says().trim_end_matches('.'))))
        .collect()
}

fn severities() -> Vec<Choice> {
    let from = |severity: &Severity| {
        let title = words::titled(severity.name());
        let title = if *severity == Severity::Critical { title } else { format!("{title} or more") };
        Choice::new(severity.name(), title)
    };
    any("Any").into_iter().chain(Severity::ALL.iter().skip(1).map(from)).collect()
}

fn outcomes() -> Vec<Choice> {
    let words = [
        ("ok", "Done"),
        ("refused", "Refused"),
        ("failed", "Failed"),
        ("intent", "Begun"),
        ("unknown", "Unknown"),
    ];
    any("Any").into_iter().chain(words.map(|(value, title)| Choice::new(value, title))).collect()
}

/// Everybody whose name the reader may see, and whoever is looked for already.
fn actors(names: &Names, chosen: Option<&str>) -> Vec<Choice> {
    let mut actors = any("Anybody");
    actors.extend(names.people().map(|(id, name)| Choice::new(format!("human:{id}"), name).group("People")));
    actors.extend(names.agents().map(|(id, name)| Choice::new(format!("agent:{id}"), name).group("Agents")));
    for (value, title) in [("anonymous", "Somebody unknown"), ("system", "The server")] {
        actors.push(Choice::new(value, title).group("Others"));
    }
    if let Some(chosen) = chosen.filter(|chosen| !actors.iter().any(|choice| choice.is(chosen))) {
        actors.push(Choice::new(chosen, who(chosen, names)).group("Others"));
    }
    actors
}

/// An actor of the address, in words.
fn who(actor: &str, names: &Names) -> String {
    let (kind, id) = actor.split_once(':').unwrap_or((actor, ""));
    let short = Id::new(id);
    match (kind, names.of(id)) {
        (_, Some(name)) => name.to_owned(),
        ("anonymous", _) => "Somebody unknown".to_owned(),
        ("system", _) => "The server".to_owned(),
        ("human", _) => format!("Person {}", short.short()),
        (kind, _) => format!("{} {}", words::titled(kind), short.short()),
    }
}

/// What is looked for besides the range, part by part, each with the way to look without it.
fn sought(filter: &Filter, names: &Names) -> Vec<Sought> {
    let titles = [
        ("q", "Text"),
        ("kind", "What"),
        ("category", "Category"),
        ("severity", "Severity"),
        ("outcome", "Outcome"),
        ("actor", "Who"),
        ("subject", "Subject"),
        ("project", "Project"),
        ("request", "Request"),
    ];
    let part = |(name, title): (&str, &'static str)| {
        let value = filter.get(name)?;
        let words = match name {
            "kind" if value.parse::<EventKind>().is_ok() => words::what(value),
            "category" => value
                .parse::<Category>()
                .map_or_else(|_| value.to_owned(), |of| of.says().trim_end_matches('.').to_owned()),
            "severity" => format!("{} or more", words::titled(value)),
            "outcome" => words::outcome(value).text,
            "actor" => who(value, names),
            _ => value.to_owned(),
        };
        Some(Sought { name: title, value: words, without: filter.without(name).path(None) })
    };
    titles.into_iter().filter_map(part).collect()
}

/// `GET /audit/requests/{request_id}`.
pub(super) async fn request(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id = RequestId::parse(&id).ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let shell = visit.shell(&human, Some(Room::Audit));
    let mut pass = visit.enter::<ReadEntries>(human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let (found, _) = app::audit::request(pass, &id).await.map_err(|problem| visit.refused(&problem))?;
    let entries: Vec<_> = found.entries.iter().filter_map(EntryRecord::entry).collect();
    let micros = |entry: Option<&app::audit::Entry>| entry.map_or(0, |entry| entry.at.unix_micros());
    let (begun, ended) = (micros(entries.first()), micros(entries.last()));
    let step = |entry: &app::audit::Entry| RequestStep {
        entry: words::row(entry, &|id| names.of(id).map(str::to_owned)),
        after: graph::duration(entry.at.unix_micros() - begun),
        gate: gate_words(entry),
        facts: entry::facts(entry, &names),
    };
    let page = pages::AuditRequest {
        shell,
        id: Id::new(id.as_str()),
        began: (!entries.is_empty()).then(|| When::stamp(kernel::Timestamp::from_unix_micros(begun))),
        took: graph::duration(ended - begun),
        graph: (!entries.is_empty()).then(|| graph::draw(&entries)),
        steps: entries.iter().map(step).collect(),
        more: found.more,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// Which gate refused, in words.
fn gate_words(entry: &app::audit::Entry) -> Option<String> {
    graph::gate(entry).map(|gate| format!("Gate {}, {}", graph::number(gate), gate.name()))
}
