//! The log, for people.

use askama::Template;

use super::AlarmRow;
use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Id, Tone, When};

/// What kind of principal did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A person.
    Person,
    /// An agent.
    Agent,
    /// The server itself.
    Service,
    /// Somebody who did not get as far as being known.
    Unknown,
}

impl Actor {
    pub(crate) const fn icon(self) -> Icon {
        match self {
            Actor::Person => Icon::Person,
            Actor::Agent => Icon::Agent,
            Actor::Service => Icon::Settings,
            Actor::Unknown => Icon::Stop,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Actor::Person => "Person",
            Actor::Agent => "Agent",
            Actor::Service => "Service",
            Actor::Unknown => "Unknown",
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// For paths.
    pub id: String,
    /// When.
    pub at: When,
    /// What kind of principal.
    pub actor: Actor,
    /// Who, in words.
    pub who: String,
    /// For whom, when an agent acted in somebody's name.
    pub on_behalf_of: Option<String>,
    /// What, in words.
    pub what: String,
    /// The stable name of its kind.
    pub kind: String,
    /// How it went.
    pub outcome: Badge,
    /// What it was done to.
    pub subject: Option<String>,
    /// The request it was part of.
    pub request_id: Id,
}

/// A part of what is looked for, in words, and the way to look without it.
#[derive(Debug, Clone)]
pub struct Sought {
    /// Which part.
    pub name: &'static str,
    /// What it says.
    pub value: String,
    /// The same search without it.
    pub without: String,
}

/// One bar of a chart: heights in hundredths of the drawing, counts as they are read.
#[derive(Debug, Clone)]
pub struct ChartBar {
    /// Where it stands.
    pub x: u64,
    /// Height of what went well or is not known.
    pub fine: u64,
    /// Height of what failed.
    pub failed: u64,
    /// Height of what was refused.
    pub refused: u64,
    /// Whether more may have happened than was counted.
    pub full: bool,
    /// Whether nothing happened.
    pub empty: bool,
    /// From when on.
    pub from: When,
    /// Until when.
    pub to: When,
    /// How many entries.
    pub entries: String,
    /// How many of them went well or are not known.
    pub fine_count: String,
    /// How many of them were refused.
    pub refused_count: String,
    /// How many of them failed.
    pub failed_count: String,
    /// The same search of this slice of time alone.
    pub path: String,
}

impl ChartBar {
    fn failed_at(&self) -> u64 {
        100_u64.saturating_sub(self.refused + self.failed)
    }

    fn refused_at(&self) -> u64 {
        100_u64.saturating_sub(self.refused)
    }

    fn fine_at(&self) -> u64 {
        100_u64.saturating_sub(self.refused + self.failed + self.fine)
    }
}

/// How many entries there were when.
#[derive(Debug, Clone, Default)]
pub struct ChartView {
    /// Counting was ended because it took too long.
    pub stopped: bool,
    /// The bars, in the order of time.
    pub bars: Vec<ChartBar>,
    /// Entries of all bars.
    pub total: String,
    /// Those refused.
    pub refused: String,
    /// Those failed.
    pub failed: String,
    /// Bars that may hold more than was counted.
    pub full: usize,
    /// How many entries of one bar are counted at most.
    pub slice_max: String,
    /// Entries of the highest bar.
    pub most: String,
    /// Where the chart begins.
    pub begin: Option<When>,
    /// Where it ends.
    pub end: Option<When>,
    /// How long the time of a bar is.
    pub slice: String,
}

impl ChartView {
    fn width(&self) -> usize {
        self.bars.len() * 10
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct AuditFound {
    /// The entries on this page, the newest first.
    pub entries: Vec<AuditRow>,
    /// How many there were when; nothing when there is nothing to count, or one request is looked for.
    pub chart: Option<ChartView>,
    /// The way to newer entries.
    pub newer: Option<String>,
    /// The way to older entries.
    pub older: Option<String>,
    /// The same over a longer time: what it is called, and the way there.
    pub longer: Option<(&'static str, String)>,
    /// The one request that is looked for.
    pub request: Option<String>,
}

/// `/audit`: everything that was done.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit.html")]
pub struct Audit {
    /// What surrounds it.
    pub shell: Shell,
    /// What is wrong with the log and not settled.
    pub alarms: Vec<AlarmRow>,
    /// What is looked for, sent by GET: `q`, `range`, `from`, `to`, `kind`, `category`, `severity`, `outcome`, `actor`,
    /// `subject`, `project`, `request`.
    pub form: Form,
    /// What `range` offers.
    pub ranges: Vec<Choice>,
    /// What `outcome` offers.
    pub outcomes: Vec<Choice>,
    /// What `actor` offers.
    pub actors: Vec<Choice>,
    /// What `kind` offers.
    pub kinds: Vec<Choice>,
    /// What `category` offers.
    pub categories: Vec<Choice>,
    /// What `severity` offers.
    pub severities: Vec<Choice>,
    /// Whether one of the rarer fields is filled in.
    pub more: bool,
    /// What is looked for, part by part.
    pub sought: Vec<Sought>,
    /// How the range is called.
    pub range: &'static str,
    /// What was found; nothing when it could not be looked for, as the form says.
    pub found: Option<AuditFound>,
}

/// A lane of the drawing of a request.
#[derive(Debug, Clone)]
pub struct GraphLane {
    /// Where it stands.
    pub x: u32,
    /// Its name.
    pub name: &'static str,
    /// The same for narrow screens.
    pub short: &'static str,
    /// Whether it is a gate.
    pub gate: bool,
}

/// How a step of a request is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphMark {
    /// It was done.
    Done,
    /// It was begun, or nobody knows.
    Begun,
    /// It was refused.
    Refused,
    /// It failed.
    Failed,
}

/// A step of a request: one entry.
#[derive(Debug, Clone)]
pub struct GraphStep {
    /// Its number, as in the list below.
    pub number: usize,
    /// Where it stands.
    pub y: u32,
    /// Where its line begins.
    pub begin: u32,
    /// Where its line ends.
    pub end: u32,
    /// Where it was written down.
    pub written: u32,
    /// Whether its line does not pass where it was written down.
    pub beside: bool,
    /// The gates it passed.
    pub passed: Vec<u32>,
    /// How it ended.
    pub mark: GraphMark,
    /// How that is coloured.
    pub tone: Tone,
    /// Whether it comes back.
    pub back: bool,
    /// How long after the first entry.
    pub after: String,
}

/// Time that passed outside.
#[derive(Debug, Clone)]
pub struct GraphSpan {
    /// On which lane.
    pub x: u32,
    /// From where.
    pub top: u32,
    /// To where.
    pub bottom: u32,
    /// How long it was.
    pub words: String,
}

impl GraphSpan {
    fn middle(&self) -> u32 {
        u32::midpoint(self.top, self.bottom) + 4
    }
}

/// A request drawn.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Its width, in its own units.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// What it shows, in words.
    pub label: String,
    /// The lanes, from the caller on.
    pub lanes: Vec<GraphLane>,
    /// The entries, in the order of time.
    pub steps: Vec<GraphStep>,
    /// What took time outside.
    pub spans: Vec<GraphSpan>,
}

/// An entry of a request, in words.
#[derive(Debug, Clone)]
pub struct RequestStep {
    /// The entry.
    pub entry: AuditRow,
    /// How long after the first entry.
    pub after: String,
    /// The gate that refused.
    pub gate: Option<String>,
    /// What else it says: name and value.
    pub facts: Vec<(String, String)>,
}

/// `/audit/requests/{request_id}`: what one request did.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit_request.html")]
pub struct AuditRequest {
    /// What surrounds it.
    pub shell: Shell,
    /// The request.
    pub id: Id,
    /// When it began; nothing when it left nothing.
    pub began: Option<When>,
    /// How long from its first entry to its last.
    pub took: String,
    /// The drawing.
    pub graph: Option<Graph>,
    /// The same in words.
    pub steps: Vec<RequestStep>,
    /// Whether there are more entries than are shown.
    pub more: bool,
}

/// Where an entry stands in the log.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its index, from 0.
    pub index: u64,
    /// The hash of its leaf (RFC 9162), in hexadecimal digits.
    pub leaf_hash: String,
    /// Size of the newest checkpoint that covers it; nothing when none does yet.
    pub checkpoint_size: Option<u64>,
    /// When that checkpoint was signed.
    pub checkpoint_at: Option<When>,
}

/// Something an entry names, and where it is found.
#[derive(Debug, Clone)]
pub struct Named {
    /// What it is.
    pub what: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its id.
    pub id: Id,
    /// Its own page.
    pub page: Option<String>,
    /// Everything in the log about it.
    pub log: Option<String>,
}

/// What the catalogue says of the kind of an entry.
#[derive(Debug, Clone)]
pub struct KindView {
    /// Its stable name.
    pub name: String,
    /// What it means, in a sentence.
    pub says: String,
    /// The room it belongs to: its name and what it is.
    pub category: (String, String),
    /// How much it matters.
    pub severity: Badge,
    /// What that asks of those who watch.
    pub severity_says: String,
    /// What its fields hold.
    pub data_class: String,
    /// Everything of this kind.
    pub path: String,
}

/// `/audit/{id}`: one entry.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit_entry.html")]
pub struct AuditEntry {
    /// What surrounds it.
    pub shell: Shell,
    /// The entry as in the list.
    pub entry: AuditRow,
    /// What its kind means; nothing for a kind that this version does not know.
    pub kind: Option<KindView>,
    /// Who did it, whom for, with which key, to what, in which project.
    pub named: Vec<Named>,
    /// What it tells besides, in words.
    pub facts: Vec<(String, String)>,
    /// The gate that refused.
    pub gate: Option<String>,
    /// Where it came in.
    pub source: String,
    /// The canonical JSON (RFC 8785) whose hash is in the log.
    pub canonical: String,
    /// Its place; nothing while it waits for the sequencer.
    pub place: Option<Place>,
    /// The key of the log, to verify with; nothing before its first entry has a place.
    pub vkey: Option<String>,
}
