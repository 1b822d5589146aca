//! The log, for people.

use askama::Template;

use super::AlarmRow;
use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Id, Pager, When};

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

/// `/audit`: everything that was done.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit.html")]
pub struct Audit {
    /// What surrounds it.
    pub shell: Shell,
    /// What is wrong with the log and not settled.
    pub alarms: Vec<AlarmRow>,
    /// The filter: `kind`, `request`, `agent`; sent by GET.
    pub form: Form,
    /// What `kind` offers, "any" first.
    pub kinds: Vec<Choice>,
    /// The entries on this page, the newest first.
    pub entries: Vec<AuditRow>,
    /// The one agent whose doings are shown, when it is one.
    pub agent: Option<OnlyAgent>,
    /// Whether the list is filtered.
    pub filtered: bool,
    /// The way to older entries.
    pub pager: Pager,
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

/// An agent whose doings alone are shown.
#[derive(Debug, Clone)]
pub struct OnlyAgent {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// `/audit/{id}`: one entry.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit_entry.html")]
pub struct AuditEntry {
    /// What surrounds it.
    pub shell: Shell,
    /// The entry as in the list.
    pub entry: AuditRow,
    /// Its other fields: name and value, as written.
    pub fields: Vec<(String, String)>,
    /// The canonical JSON (RFC 8785) whose hash is in the log.
    pub canonical: String,
    /// Its place; nothing while it waits for the sequencer.
    pub place: Option<Place>,
    /// The key of the log, to verify with; nothing before its first entry has a place.
    pub vkey: Option<String>,
}
