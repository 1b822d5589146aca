//! Agents, and what they prove themselves with.

use askama::Template;

use crate::layout::Shell;
use crate::pages::Given;
use crate::parts::{Badge, Choice, Form, Icon, Id, Pager, Secret, Tone, When};

/// A line of the list of agents.
#[derive(Debug, Clone)]
pub struct AgentRow {
    /// For paths.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The person who answers for it.
    pub owner: String,
    /// The project it works in.
    pub project: String,
    /// "Active", "Suspended"…
    pub status: Badge,
    /// Its live credentials.
    pub credentials: u32,
    /// When one of them was last used, to the minute.
    pub last_used: Option<When>,
}

/// `/agents`: the programs that act for the organization.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/agents.html")]
pub struct Agents {
    /// What surrounds it.
    pub shell: Shell,
    /// The filter: `q`, `status`; sent by GET.
    pub form: Form,
    /// What `status` offers, "any" first.
    pub statuses: Vec<Choice>,
    /// The agents on this page.
    pub agents: Vec<AgentRow>,
    /// Whether the list is filtered: an empty list then means something else.
    pub filtered: bool,
    /// The way to the next page.
    pub pager: Pager,
    /// Whether this person may create agents.
    pub may_manage: bool,
}

/// `/agents/new`: a new agent.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/agent_new.html")]
pub struct AgentNew {
    /// What surrounds it.
    pub shell: Shell,
    /// `name`, `purpose`, `project`, `owner`.
    pub form: Form,
    /// The projects it may work in.
    pub projects: Vec<Choice>,
    /// The people who may answer for it.
    pub owners: Vec<Choice>,
}

/// `/agents/{id}`: one agent.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/agent.html")]
pub struct AgentPage {
    /// What surrounds it.
    pub shell: Shell,
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// The person who answers for it.
    pub owner: String,
    /// The project it works in.
    pub project: String,
    /// Since when it exists.
    pub created: When,
    /// When one of its keys was last used, to the minute.
    pub last_used: Option<When>,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Its API keys.
    pub keys: Vec<KeyRow>,
    /// What it was given; nothing for somebody who may not see that.
    pub given: Option<Given>,
    /// Whether this person may manage it.
    pub may_manage: bool,
}

/// An API key, as a row; never its secret.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// For paths.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it begins, to recognise it by.
    pub prefix: String,
    /// The agent it belongs to.
    pub agent: String,
    /// Its role.
    pub role: String,
    /// The project it is bound to.
    pub project: String,
    /// When it was made.
    pub created: When,
    /// When it stops working.
    pub expires: Option<When>,
    /// When it was last used, to the minute.
    pub last_used: Option<When>,
    /// "Live", "Expires soon", "Revoked"…
    pub status: Badge,
    /// Whether it still opens something.
    pub live: bool,
}

/// `/keys`: all API keys.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/keys.html")]
pub struct Keys {
    /// What surrounds it.
    pub shell: Shell,
    /// The filter: `q`, `status`; sent by GET.
    pub form: Form,
    /// What `status` offers, "any" first.
    pub statuses: Vec<Choice>,
    /// The keys on this page.
    pub keys: Vec<KeyRow>,
    /// Whether the list is filtered.
    pub filtered: bool,
    /// The way to the next page.
    pub pager: Pager,
    /// Whether this person may make and revoke keys.
    pub may_manage: bool,
}

/// `/keys/{id}`: one API key.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/key.html")]
pub struct KeyPage {
    /// What surrounds it.
    pub shell: Shell,
    /// Its id.
    pub id: Id,
    /// The key.
    pub key: KeyRow,
    /// The agent it belongs to, for paths.
    pub agent: Option<String>,
    /// The permissions it is narrowed to; none when it has all of its role.
    pub capabilities: Vec<String>,
    /// What it was given beside its role.
    pub given: Given,
    /// Whether this person may rotate and revoke it.
    pub may_manage: bool,
}

/// `/keys/new`: a new API key.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/key_new.html")]
pub struct KeyNew {
    /// What surrounds it.
    pub shell: Shell,
    /// `name`, `agent`, `role`, `capability` (several), `expires_days`.
    pub form: Form,
    /// The agents it can belong to.
    pub agents: Vec<Choice>,
    /// The roles this person may give.
    pub roles: Vec<Choice>,
    /// The permissions it can be narrowed to.
    pub capabilities: Vec<Choice>,
    /// How long it works.
    pub lifetimes: Vec<Choice>,
}

/// What kind of secret was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewSecret {
    /// An API key.
    ApiKey,
    /// The secret of an OAuth client with this `client_id`.
    Client(Id),
}

/// `/keys/created`: a secret, shown once.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/key_created.html")]
pub struct KeyCreated {
    /// What surrounds it.
    pub shell: Shell,
    /// What kind.
    pub kind: NewSecret,
    /// Its name.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// Where the way goes on; sent as `return`.
    pub next: String,
    /// The address of this server, for the example.
    pub server_url: String,
}
