//! The log as events: the catalogue of kinds, exports for people and monitors, and the log as it grows.

use std::time::Duration;

use app::audit::{
    Events, EventsAsked, FollowLog, Format, KnowAgain, ReadEvents, ReadKinds, STAY_SECONDS_MAX, Sought,
    SoughtWords, TailAsked, events, follow, kinds_read,
};
use axum::body::Body;
use axum::extract;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use gates::Pass;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use kernel::{EventKind, FIELDS_OF_ALL, Problem, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit::is_actor;
use crate::State;
use crate::answer::{Answer, Answered, List, put_entry};
use crate::describe::of;
use crate::extract::{Again, Gate, GateAgain, query};
use crate::http::Refused;

/// Entries the log held when the page was begun.
const LOG_SIZE: HeaderName = HeaderName::from_static("x-portcullis-log-size");
/// Entries that were looked at for the page.
const LOOKED_TO: HeaderName = HeaderName::from_static("x-portcullis-looked-to");
/// Entries below this index would belong to the page and are in an archive.
const ARCHIVED_BELOW: HeaderName = HeaderName::from_static("x-portcullis-archived-below");
/// Where a listener goes on whose connection broke.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadKinds, _>(routes!(get_kinds)))
        .routes(of::<ReadEvents, _>(routes!(get_events)))
        .routes(of::<FollowLog, _>(routes!(get_tail)))
}

/// Class and activity of a kind in OCSF 1.6.0.
#[derive(Serialize, ToSchema)]
struct OcsfClass {
    /// The class.
    #[schema(example = 3004)]
    class_uid: u16,
    /// Its caption.
    #[schema(example = "Entity Management")]
    class_name: &'static str,
    /// The activity.
    #[schema(example = 1)]
    activity_id: u8,
    /// Its caption.
    #[schema(example = "Create")]
    activity_name: &'static str,
}

/// A kind of event.
#[derive(Serialize, ToSchema)]
struct NamedKind {
    /// Its stable name.
    #[schema(example = "KEY_CREATED")]
    name: &'static str,
    /// The room it belongs to.
    #[schema(example = "keys")]
    category: &'static str,
    /// What happened, in a sentence.
    #[schema(example = "An API key was issued.")]
    says: &'static str,
    /// What its fields hold: none, operational, personal, content.
    #[schema(example = "operational")]
    data_class: &'static str,
    /// How much it matters when it is done; what was refused or failed is `low` at least.
    #[schema(example = "low")]
    severity: &'static str,
    /// The same as a number, as OCSF counts.
    #[schema(example = 2)]
    severity_id: u8,
    /// Members its `data` may have.
    #[schema(example = json!(["role", "project", "agent", "acting_for", "break_glass", "status"]))]
    fields: Vec<&'static str>,
    /// Those of them that are about a person: an entry only commits to them, and they go when the person is erased.
    #[schema(example = json!([]))]
    personal_fields: Vec<&'static str>,
    /// What it is in OCSF.
    ocsf: OcsfClass,
}

impl From<&EventKind> for NamedKind {
    fn from(kind: &EventKind) -> Self {
        let ocsf = kind.ocsf();
        Self {
            name: kind.name(),
            category: kind.category().name(),
            says: kind.says(),
            data_class: kind.data_class().name(),
            severity: kind.severity().name(),
            severity_id: kind.severity().ocsf_id(),
            fields: kind.fields().iter().chain(FIELDS_OF_ALL).copied().collect(),
            personal_fields: kind.personal_fields().collect(),
            ocsf: OcsfClass {
                class_uid: ocsf.class,
                class_name: ocsf.class_name,
                activity_id: ocsf.activity,
                activity_name: ocsf.activity_name,
            },
        }
    }
}

/// List the kinds of events.
///
/// Answers every kind that can stand in the log, the same in every organization.
#[utoipa::path(get, path = "/audit/kinds", tag = "audit",
    responses((status = 200, description = "The catalogue", body = List<NamedKind>)))]
async fn get_kinds(Gate(pass): Gate<ReadKinds>) -> Answered<List<NamedKind>> {
    let receipt = kinds_read(pass).await?;
    Ok(Answer::ok(List::whole(EventKind::ALL.iter().map(NamedKind::from).collect()), &receipt))
}

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// `jsonl` when not said; or `csv`, `ocsf`, `cef`.
    #[param(example = "jsonl", pattern = "^(jsonl|csv|ocsf|cef)$")]
    format: Option<String>,
    /// Only events after this index of the log: the last one you have.
    #[param(value_type = Option<u64>, example = 4711)]
    after: Option<String>,
    /// Most events to answer, 1 to 100000; 10000 when not said.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100_000, example = 1000)]
    limit: Option<String>,
    /// Only these kinds: names, or prefixes with `*` after them, separated by commas.
    #[param(example = "KEY_*,llm.call.outcome")]
    kind: Option<String>,
    /// Only kinds of these categories, separated by commas.
    #[param(example = "access,keys")]
    category: Option<String>,
    /// Only what this one did: `agent:`, `service:` or `human:` and an id.
    #[param(example = "agent:019a0000-0000-7000-8000-000000000000")]
    actor: Option<String>,
    /// Only what ended so: intent, ok, refused, failed, unknown.
    #[param(example = "refused", pattern = "^(intent|ok|refused|failed|unknown)$")]
    outcome: Option<String>,
    /// Only entries of this request.
    request_id: Option<String>,
    /// Only what happened at this time or later (RFC 3339).
    #[param(example = "2026-11-22T10:00:00Z")]
    since: Option<String>,
    /// Only what happened before this time (RFC 3339).
    #[param(example = "2026-11-23T10:00:00Z")]
    until: Option<String>,
}

fn number<T: std::str::FromStr>(text: Option<&str>, pointer: &str) -> Result<Option<T>, Problem> {
    let number = text.map(str::parse).transpose();
    number.map_err(|_| Problem::invalid(pointer, "Give a whole number."))
}

fn format(text: Option<&str>) -> Result<Format, Problem> {
    let format = text.map_or(Ok(Format::Jsonl), str::parse);
    format.map_err(|error| Problem::invalid("/format", error.to_string()))
}

impl EventsQuery {
    fn sought(&self) -> Result<Sought, Problem> {
        if self.request_id.as_deref().is_some_and(|id| RequestId::parse(id).is_none()) {
            return Err(Problem::invalid("/request_id", "This is no id a request can have."));
        }
        if self.actor.as_deref().is_some_and(|actor| !is_actor(actor)) {
            let detail = "This names no actor: agent, service or human, a colon and an id.";
            return Err(Problem::invalid("/actor", detail));
        }
        Sought::parse(&SoughtWords {
            kind: self.kind.as_deref(),
            category: self.category.as_deref(),
            actor: self.actor.as_deref(),
            outcome: self.outcome.as_deref(),
            request_id: self.request_id.as_deref(),
            since: self.since.as_deref(),
            until: self.until.as_deref(),
        })
    }
}

/// Export events.
///
/// Streams a page of events in the order of the log: as JSON Lines with each entry byte for byte, as CSV that is safe to
/// open in a spreadsheet, as OCSF 1.6.0, or as CEF. Every line names its index in the log; give the last one as `after` to
/// get the next page. When a page has fewer events than `limit`, go on after `x-portcullis-looked-to` less one; it is over
/// when that is `x-portcullis-log-size`. The first line of CSV names the columns; a page with `after` goes without it.
#[utoipa::path(get, path = "/audit/events", tag = "audit", params(EventsQuery),
    responses((status = 200, description = "The page", content(
        (String = "application/x-ndjson"), (String = "text/csv"), (String = "text/plain")),
        headers(
            ("x-portcullis-log-size" = u64, description = "Entries the log held when the page was begun."),
            ("x-portcullis-looked-to" = u64, description = "Entries that were looked at for the page."),
            ("x-portcullis-archived-below" = Option<u64>, description = "Only when the page would have begun below it: entries \
                before this index are in the archive that GET /api/v1/audit/retention names.")))))]
async fn get_events(Gate(pass): Gate<ReadEvents>, uri: Uri) -> Result<Response, Refused> {
    let asked = query::<EventsQuery>(&uri)?;
    let format = format(asked.format.as_deref())?;
    let after = number(asked.after.as_deref(), "/after")?;
    let rows = EventsAsked::rows(number(asked.limit.as_deref(), "/limit")?)?;
    let asked = EventsAsked { format, sought: asked.sought()?, after, rows };
    let (Events { log_size, looked_to, archived, skipped, pieces }, receipt) = events(pass, asked).await?;
    let pieces = stream::unfold(pieces, |mut pieces| async {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if format == Format::Csv {
        let name = HeaderValue::from_static("attachment; filename=\"audit-events.csv\"");
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers.insert(LOG_SIZE, log_size.into());
    headers.insert(LOOKED_TO, looked_to.into());
    if skipped {
        headers.insert(ARCHIVED_BELOW, archived.into());
    }
    put_entry(&mut response, receipt.entry());
    Ok(response)
}

/// What a listener wants.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TailQuery {
    /// `jsonl` when not said; or `csv`, `ocsf`, `cef`. The data of each event is one line of it.
    #[param(example = "jsonl", pattern = "^(jsonl|csv|ocsf|cef)$")]
    format: Option<String>,
    /// Begin after this index of the log; -1 is its beginning. From now on when not said.
    #[param(value_type = Option<i64>, example = 4711)]
    after: Option<String>,
    /// End after so many seconds, 0 to 3600: 0 answers what is there and ends. Goes on until you go when not said.
    #[param(value_type = Option<u64>, minimum = 0, maximum = 3600, example = 60)]
    seconds: Option<String>,
    /// Only these kinds: names, or prefixes with `*` after them, separated by commas.
    #[param(example = "KEY_*,llm.call.outcome")]
    kind: Option<String>,
    /// Only kinds of these categories, separated by commas.
    #[param(example = "access,keys")]
    category: Option<String>,
    /// Only what this one did: `agent:`, `service:` or `human:` and an id.
    #[param(example = "agent:019a0000-0000-7000-8000-000000000000")]
    actor: Option<String>,
    /// Only what ended so: intent, ok, refused, failed, unknown.
    #[param(example = "refused", pattern = "^(intent|ok|refused|failed|unknown)$")]
    outcome: Option<String>,
}

/// A caller who can be asked again who they are.
struct Listening(Again);

impl KnowAgain for Listening {
    async fn know_again(&self) -> Result<Pass<FollowLog>, Problem> {
        self.0.enter::<FollowLog>().await
    }
}

/// Follow the log.
///
/// Streams events as they get their place in the log, as Server-Sent Events. The `id` of each is its index: a client that
/// comes again with `Last-Event-ID`, as browsers do by themselves, misses none and gets none twice. A comment every ten
/// seconds says that the line is alive. The stream ends, with an event `end`, within about a second of the moment in which
/// its key, its session or its permission does.
#[utoipa::path(get, path = "/audit/tail", tag = "audit",
    params(TailQuery, ("last-event-id" = Option<i64>, Header, description = "The index of the last event you have; stands for `after`.")),
    responses((status = 200, description = "The stream", content_type = "text/event-stream", body = String)))]
async fn get_tail(
    extract::State(state): extract::State<State>,
    GateAgain(pass, again): GateAgain<FollowLog>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refused> {
    let asked = query::<TailQuery>(&uri)?;
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    let after = number(last.or(asked.after.as_deref()), "/after")?;
    let stay = number::<u64>(asked.seconds.as_deref(), "/seconds")?;
    if stay.is_some_and(|seconds| seconds > STAY_SECONDS_MAX) {
        let detail = format!("Give 0 to {STAY_SECONDS_MAX} seconds.");
        return Err(Problem::invalid("/seconds", detail).into());
    }
    let narrowed = EventsQuery {
        kind: asked.kind,
        category: asked.category,
        actor: asked.actor,
        outcome: asked.outcome,
        ..EventsQuery::default()
    };
    let wanted = TailAsked {
        format: format(asked.format.as_deref())?,
        sought: narrowed.sought()?,
        after,
        stay: stay.map(Duration::from_secs),
    };
    let (tail, receipt) = follow(pass, &state.tails, wanted, Listening(again)).await?;
    let pieces = stream::unfold(tail, |mut tail| async {
        let piece = tail.recv().await?;
        Some((piece, tail))
    });
    let mut response = Response::new(Body::from_stream(pieces.map(Ok::<_, std::convert::Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers before they hand them on are asked not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    put_entry(&mut response, receipt.entry());
    Ok(response)
}
