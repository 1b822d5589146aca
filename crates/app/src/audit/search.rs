//! The log searched, for people who look for something: a page of entries with how many there were when, and one request
//! from its first gate to its end.

use std::collections::HashMap;
use std::sync::Arc;

use audit_log::Outcome;
use audit_log::entry::needle;
use gates::{Action, Draft, Pass, Read, Receipt, Tx};
use kernel::{EntryId, EventKind, Problem, RequestId, Severity, Timestamp};
use store::StoreError;
use store::audit_search::{Counted, Sieve};
use uuid::Uuid;

use super::events::{kinds, outcome, time};
use super::personal::records;
use super::{EntryRecord, ReadEntries};
use crate::input::{Listed, Page};

/// Longest a search of the log may take in the database, in milliseconds.
const SEARCH_MILLIS_MAX: u32 = 3_000;
/// Longest that counting for the chart may take beside it, in milliseconds.
const CHART_MILLIS_MAX: u32 = 2_000;
/// Entries that are counted in one slice of a chart; a fuller one says "or more".
pub const SLICE_ROWS_MAX: i64 = 5_000;
/// Entries of one request that are shown; a client may give many requests the same id.
pub const REQUEST_ROWS_MAX: i64 = 200;
/// Longest text that is looked for, in characters.
const WORDS_CHARS_MAX: usize = 100;
/// Longest id of a subject, in bytes.
const SUBJECT_BYTES_MAX: usize = 256;

/// What is looked for, as it was asked; nothing named is everything.
#[derive(Debug, Clone, Default)]
pub struct SearchWords<'a> {
    /// Text in the name or the meaning of a kind or in an action; an id finds every entry that names it.
    pub text: Option<&'a str>,
    /// Kinds by name, or by a prefix with `*` after it; separated by commas.
    pub kind: Option<&'a str>,
    /// Categories, separated by commas.
    pub category: Option<&'a str>,
    /// This severity or a higher one.
    pub severity: Option<&'a str>,
    /// How it ended.
    pub outcome: Option<&'a str>,
    /// Done by this one: a kind and an id, `agent:019a…`; or with this key or session, `key:019a…`.
    pub actor: Option<&'a str>,
    /// Done to this: an id, or a kind and an id, `agent:019a…`.
    pub subject: Option<&'a str>,
    /// In this project.
    pub project: Option<&'a str>,
    /// Of this request.
    pub request_id: Option<&'a str>,
    /// Not before (RFC 3339).
    pub since: Option<&'a str>,
    /// Before (RFC 3339).
    pub until: Option<&'a str>,
}

/// What is looked for, checked.
#[derive(Debug, Clone, Default)]
pub struct Search(Sieve);

impl Search {
    /// Checks what was asked for. The problem names every part that cannot be looked for, by its name in the API.
    ///
    /// # Errors
    /// When a part is none: an unknown kind, a time that is no time.
    pub fn parse(words: &SearchWords<'_>) -> Result<Self, Problem> {
        let mut faults = Faults::default();
        let mut sieve = Sieve {
            since: faults.take(words.since.map(|text| time(text, "/since"))),
            until: faults.take(words.until.map(|text| time(text, "/until"))),
            kinds: faults.take(words.kind.map(|kind| kinds(Some(kind), None))).flatten(),
            request_id: faults.take(words.request_id.map(request_of)),
            words: faults.take(words.text.map(text)).flatten(),
            ..Sieve::default()
        };
        if let Some(of) = faults.take(words.category.map(|category| kinds(None, Some(category)))).flatten() {
            narrow(&mut sieve.kinds, of);
        }
        if let Some(least) = faults.take(words.severity.map(severity)) {
            matter(&mut sieve, least);
        }
        match faults.take(words.actor.map(actor)) {
            Some(By::Actor(actor)) => sieve.actor = Some(actor),
            Some(By::Key(key)) => sieve.needles.push(needle::key(key)),
            None => {}
        }
        sieve.needles.extend(faults.take(words.outcome.map(outcome)).map(needle::outcome));
        sieve.needles.extend(faults.take(words.subject.map(subject)));
        sieve.needles.extend(faults.take(words.project.map(project)));
        // An id finds what names it, whatever the kind: words alone would find nothing.
        if let Some(id) = words.text.and_then(|text| text.trim().parse::<Uuid>().ok()) {
            sieve.words = None;
            sieve.needles.push(needle::anywhere(id));
        }
        if let (Some(since), Some(until)) = (sieve.since, sieve.until)
            && until <= since
        {
            faults.add(Problem::invalid("/until", "It ends before it begins."));
        }
        faults.none()?;
        Ok(Self(sieve))
    }

    /// From when on, when that is named.
    pub fn since(&self) -> Option<Timestamp> {
        self.0.since
    }

    /// Until when, when that is named.
    pub fn until(&self) -> Option<Timestamp> {
        self.0.until
    }
}

/// What is wrong, part by part.
#[derive(Default)]
struct Faults(Option<Problem>);

impl Faults {
    fn add(&mut self, problem: Problem) {
        match &mut self.0 {
            Some(first) => first.errors.extend(problem.errors),
            None => self.0 = Some(problem),
        }
    }

    fn take<T>(&mut self, part: Option<Result<T, Problem>>) -> Option<T> {
        part?.map_err(|problem| self.add(problem)).ok()
    }

    fn none(self) -> Result<(), Problem> {
        self.0.map_or(Ok(()), Err)
    }
}

fn request_of(text: &str) -> Result<String, Problem> {
    let known = RequestId::parse(text).map(|id| id.as_str().to_owned());
    known.ok_or_else(|| Problem::invalid("/request_id", "This is no id a request can have."))
}

/// The kinds whose name or meaning holds the text, and the text itself, for actions.
fn text(text: &str) -> Result<Option<(Vec<String>, String)>, Problem> {
    let text = text.trim().to_lowercase();
    if text.chars().count() > WORDS_CHARS_MAX || text.chars().any(char::is_control) {
        let detail = format!("Look for at most {WORDS_CHARS_MAX} characters.");
        return Err(Problem::invalid("/q", detail));
    }
    if text.is_empty() {
        return Ok(None);
    }
    let told = |kind: &&EventKind| {
        kind.name().to_lowercase().contains(&text) || kind.says().to_lowercase().contains(&text)
    };
    let kinds = EventKind::ALL.iter().filter(told).map(|kind| kind.name().to_owned()).collect();
    Ok(Some((kinds, text)))
}

fn severity(text: &str) -> Result<Severity, Problem> {
    let known = Severity::ALL.iter().copied().find(|severity| severity.name() == text);
    let detail = "The severities are informational, low, medium, high and critical.";
    known.ok_or_else(|| Problem::invalid("/severity", detail))
}

fn narrow(kinds: &mut Option<Vec<String>>, others: Vec<String>) {
    match kinds {
        Some(kinds) => kinds.retain(|kind| others.contains(kind)),
        None => *kinds = Some(others),
    }
}

/// Only what matters at least so much; what was refused or failed matters [`Severity::Low`] whatever its kind.
fn matter(sieve: &mut Sieve, least: Severity) {
    let of = EventKind::ALL.iter().filter(|kind| kind.severity() >= least);
    let of: Vec<String> = of.map(|kind| kind.name().to_owned()).collect();
    match least {
        Severity::Informational => {}
        Severity::Low => sieve.kinds_or = Some((of, unsuccessful())),
        Severity::Medium | Severity::High | Severity::Critical => narrow(&mut sieve.kinds, of),
    }
}

fn unsuccessful() -> [Vec<u8>; 2] {
    [needle::outcome(Outcome::Refused), needle::outcome(Outcome::Failed)]
}

enum By {
    Actor(String),
    Key(Uuid),
}

fn actor(text: &str) -> Result<By, Problem> {
    let no = || {
        let detail =
            "This names no actor: agent, service, human or key, a colon and an id; or anonymous, or system.";
        Problem::invalid("/actor", detail)
    };
    let Some((kind, id)) = text.split_once(':') else {
        return matches!(text, "anonymous" | "system").then(|| By::Actor(text.to_owned())).ok_or_else(no);
    };
    let id: Uuid = id.parse().map_err(|_| no())?;
    match kind {
        "agent" | "service" | "human" => Ok(By::Actor(format!("{kind}:{id}"))),
        "key" => Ok(By::Key(id)),
        _ => Err(no()),
    }
}

fn subject(text: &str) -> Result<Vec<u8>, Problem> {
    let label =
        |kind: &str| !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let (kind, id) = match text.split_once(':') {
        Some((kind, id)) if label(kind) => (Some(kind), id),
        _ => (None, text),
    };
    if id.is_empty() || id.len() > SUBJECT_BYTES_MAX || id.chars().any(char::is_control) {
        let detail = "Give the id of a thing, or its kind, a colon and its id: key:019a….";
        return Err(Problem::invalid("/subject", detail));
    }
    Ok(needle::subject(kind, id))
}

fn project(text: &str) -> Result<Vec<u8>, Problem> {
    text.parse().map(needle::project).map_err(|_| Problem::invalid("/project", "This is no id of a project."))
}

/// Which page of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The newest.
    First,
    /// Those before this entry.
    Older(EntryId),
    /// Those after this entry.
    Newer(EntryId),
}

/// A page of what was found, newest first.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The entries.
    pub entries: Vec<EntryRecord>,
    /// The newest here, when there are newer ones that fit.
    pub newer: Option<EntryId>,
    /// The oldest here, when there are older ones that fit.
    pub older: Option<EntryId>,
}

async fn bounded(tx: &mut Tx, millis: u32) -> Result<(), Problem> {
    tx.limit_statements(millis).await.map_err(|error| {
        tracing::error!(%error, "a search could not be bounded");
        Problem::internal()
    })
}

/// A search that took too long is the asker's to narrow: asked again as it is, it takes as long again.
fn too_long(error: StoreError) -> Problem {
    let StoreError::TooLong = error else { return error.into() };
    let detail = format!(
        "The search was ended after {} seconds: it reads every entry of the range. Narrow the range, or name a request.",
        SEARCH_MILLIS_MAX / 1_000
    );
    Problem::invalid("/since", detail)
}

/// Finds a page of entries. After an error the pass can do nothing but fail.
async fn find<A: Action<Mode = Read>>(
    pass: &mut Pass<A>,
    search: &Search,
    turn: Turn,
    rows: i64,
) -> Result<Found, Problem> {
    let Search(sieve) = search;
    bounded(pass.tx(), SEARCH_MILLIS_MAX).await?;
    let tx = pass.tx();
    let placed = match turn {
        Turn::First => store::audit_search::older(tx, sieve, None, rows + 1).await,
        Turn::Older(before) => store::audit_search::older(tx, sieve, Some(before), rows + 1).await,
        Turn::Newer(after) => store::audit_search::newer(tx, sieve, Some(after), rows + 1).await,
    };
    let vault = Arc::clone(pass.vault());
    let mut entries = records(&vault, pass.tx(), placed.map_err(too_long)?).await?;
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let more = entries.len() > rows;
    entries.truncate(rows);
    if matches!(turn, Turn::Newer(_)) {
        entries.reverse();
    }
    let (newest, oldest) = (entries.first().map(|entry| entry.id), entries.last().map(|entry| entry.id));
    let (newer, older) = match turn {
        Turn::First => (None, oldest.filter(|_| more)),
        // Where one comes from, there is something: the entry that the page begins at, at least.
        Turn::Older(before) => (newest.or(Some(before)), oldest.filter(|_| more)),
        Turn::Newer(after) => (newest.filter(|_| more), oldest.or(Some(after))),
    };
    Ok(Found { entries, newer, older })
}

/// One bar of a chart: what happened in a slice of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Entries, [`SLICE_ROWS_MAX`] at most.
    pub entries: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// Those of them that failed.
    pub failed: u64,
}

impl Bar {
    /// Those that were neither refused nor failed.
    pub fn fine(&self) -> u64 {
        self.entries.saturating_sub(self.refused + self.failed)
    }

    /// Whether there may be more than were counted.
    pub fn is_full(&self) -> bool {
        self.entries >= SLICE_ROWS_MAX.unsigned_abs()
    }
}

/// How many entries there were, slice by slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// Counted.
    Bars(Vec<Bar>),
    /// There is nothing to count yet.
    Empty,
    /// Counting was ended because it took too long.
    TooLong,
}

/// Widths of a slice, in seconds, from which the first is taken that makes no more slices than are wanted.
const WIDTHS_SECONDS: [i64; 16] = [
    1, 5, 15, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
    31_536_000,
];

/// The edges of at most `slices` slices that cover the time from `from` to `to`, on whole minutes, hours, days.
fn edges(from: Timestamp, to: Timestamp, slices: i64) -> Vec<Timestamp> {
    let (from, to) = (from.unix_seconds(), to.unix_seconds().max(from.unix_seconds()) + 1);
    let fits = |width: &i64| to.div_euclid(*width) - from.div_euclid(*width) < slices;
    let width = WIDTHS_SECONDS.into_iter().find(fits).unwrap_or(to - from);
    let (first, last) = (from.div_euclid(width), to.div_euclid(width));
    (first..=last + 1).map(|at| Timestamp::from_unix_micros(at * width * 1_000_000)).collect()
}

/// Counts what fits in at most `slices` slices of the searched range, until now when it has no end. The last thing to do
/// under a pass but to seal it: after counting was ended, its transaction does nothing more.
async fn chart<A: Action<Mode = Read>>(
    pass: &mut Pass<A>,
    search: &Search,
    slices: u8,
) -> Result<Chart, Problem> {
    let Search(sieve) = search;
    let now = pass.vault().clock().now();
    bounded(pass.tx(), CHART_MILLIS_MAX).await?;
    let Some(began) = store::audit_search::began(pass.tx()).await? else { return Ok(Chart::Empty) };
    let from = sieve.since.unwrap_or(began);
    let edges = edges(from, sieve.until.unwrap_or(now).max(from), i64::from(slices));
    let counted =
        store::audit_search::counted(pass.tx(), sieve, &edges, unsuccessful(), SLICE_ROWS_MAX).await;
    let counted = match counted {
        Ok(counted) => counted,
        Err(StoreError::TooLong) => return Ok(Chart::TooLong),
        Err(error) => return Err(error.into()),
    };
    let bar = |(edges, counted): (&[Timestamp], Counted)| Bar {
        from: edges[0],
        to: edges[1],
        entries: counted.entries.unsigned_abs(),
        refused: counted.refused.unsigned_abs(),
        failed: counted.failed.unsigned_abs(),
    };
    Ok(Chart::Bars(edges.windows(2).zip(counted).map(bar).collect()))
}

/// Puts on record that so many entries were read: they are shown after that.
///
/// # Errors
/// When the entry cannot be written.
pub async fn recorded(pass: Pass<ReadEntries>, items: usize) -> Result<Receipt, Problem> {
    pass.seal(Draft::done(EventKind::AuditRead).fact("items", items as u64)).await
}

/// A page of what is looked for and, in as many slices of time as are wanted, how much there is when.
///
/// # Errors
/// When the search takes too long, or the entry cannot be written: then nothing is shown.
pub async fn explore(
    mut pass: Pass<ReadEntries>,
    search: &Search,
    turn: Turn,
    rows: i64,
    slices: Option<u8>,
) -> Result<(Found, Option<Chart>, Receipt), Problem> {
    let looked = async {
        let found = find(&mut pass, search, turn, rows).await?;
        let counted = match slices {
            Some(slices) => Some(chart(&mut pass, search, slices).await?),
            None => None,
        };
        Ok((found, counted))
    };
    match looked.await {
        Ok((found, counted)) => {
            let receipt = recorded(pass, found.entries.len()).await?;
            Ok((found, counted, receipt))
        }
        Err(problem) => Err(pass.fail(Draft::failed(EventKind::AuditRead), problem).await),
    }
}

/// A page of entries, newest first.
///
/// # Errors
/// When the search takes too long, or the entry cannot be written.
pub async fn entries(
    pass: Pass<ReadEntries>,
    page: Page<EntryId>,
    search: &Search,
) -> Result<(Listed<EntryRecord, EntryId>, Receipt), Problem> {
    let turn = page.after.map_or(Turn::First, Turn::Older);
    let (found, _, receipt) = explore(pass, search, turn, page.rows, None).await?;
    Ok((Listed { items: found.entries, next: found.older }, receipt))
}

/// What one request left in the log.
#[derive(Debug, Clone)]
pub struct OneRequest {
    /// Its entries in the order of their time.
    pub entries: Vec<EntryRecord>,
    /// Whether there are more than [`REQUEST_ROWS_MAX`].
    pub more: bool,
}

/// What one request left in the log, in the order of time: what came first is first, of whatever layer it is.
///
/// # Errors
/// When the entry about this look cannot be written.
pub async fn request(mut pass: Pass<ReadEntries>, id: &RequestId) -> Result<(OneRequest, Receipt), Problem> {
    let sieve = Sieve { request_id: Some(id.as_str().to_owned()), ..Sieve::default() };
    bounded(pass.tx(), SEARCH_MILLIS_MAX).await?;
    let found = store::audit_search::newer(pass.tx(), &sieve, None, REQUEST_ROWS_MAX + 1).await;
    let found = match found {
        Ok(found) => found,
        Err(error) => return Err(pass.fail(Draft::failed(EventKind::AuditRead), too_long(error)).await),
    };
    let vault = Arc::clone(pass.vault());
    let mut entries = records(&vault, pass.tx(), found).await?;
    let rows = usize::try_from(REQUEST_ROWS_MAX).unwrap_or(usize::MAX);
    let more = entries.len() > rows;
    entries.truncate(rows);
    // Ids made within one millisecond are in no order.
    let times: HashMap<EntryId, i64> =
        entries.iter().filter_map(|record| Some((record.id, record.entry()?.at.unix_micros()))).collect();
    entries.sort_by_key(|record| (times.get(&record.id).copied(), record.id));
    let receipt = recorded(pass, entries.len()).await?;
    Ok((OneRequest { entries, more }, receipt))
}

#[cfg(test)]
mod tests;
