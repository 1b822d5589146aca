//! Gate one: who is calling. The kinds of principal are types, and no type turns into another.

use std::sync::Arc;

use audit_log::{Actor, ActorKind};
use kernel::{AgentId, Capabilities, KeyId, ProjectId, TenantId};

/// What a verified credential stands for; shared by all requests that use it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) tenant: TenantId,
    pub(crate) project: Option<ProjectId>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) key: Option<KeyId>,
    pub(crate) name: String,
    pub(crate) capabilities: Capabilities,
}

/// A person. No credential of this release makes one: people come with accounts, and nothing else becomes one.
#[derive(Debug)]
pub struct Human(Arc<Standing>);

/// An AI agent, known by an API key issued to it. Never able to hold what is for people alone.
#[derive(Debug)]
pub struct Agent(Arc<Standing>);

/// A program with an API key of its own: automation, the operator's tools, an administrator's command line.
#[derive(Debug)]
pub struct Service(Arc<Standing>);

/// Whoever passed gates one and two.
#[derive(Debug)]
pub enum Principal {
    /// A person.
    Human(Human),
    /// An AI agent.
    Agent(Agent),
    /// A program.
    Service(Service),
}

impl Principal {
    /// Only the token gate calls this, with what it has verified.
    pub(crate) fn of(standing: Arc<Standing>) -> Self {
        if standing.agent.is_some() { Self::Agent(Agent(standing)) } else { Self::Service(Service(standing)) }
    }

    pub(crate) fn standing(&self) -> &Arc<Standing> {
        match self {
            Self::Human(Human(standing))
            | Self::Agent(Agent(standing))
            | Self::Service(Service(standing)) => standing,
        }
    }

    /// The kind, in the word used in answers and entries.
    pub fn kind(&self) -> &'static str {
        self.actor_kind().as_str()
    }

    fn actor_kind(&self) -> ActorKind {
        match self {
            Self::Human(_) => ActorKind::Human,
            Self::Agent(_) => ActorKind::Agent,
            Self::Service(_) => ActorKind::Service,
        }
    }

    /// The organization it belongs to.
    pub fn tenant(&self) -> TenantId {
        self.standing().tenant
    }

    /// The project its credential is bound to.
    pub fn project(&self) -> Option<ProjectId> {
        self.standing().project
    }

    /// The agent, when it is one.
    pub fn agent(&self) -> Option<AgentId> {
        self.standing().agent
    }

    /// The API key used, when it is one the database knows.
    pub fn key(&self) -> Option<KeyId> {
        self.standing().key
    }

    /// The credential's name, as its maker called it.
    pub fn name(&self) -> &str {
        &self.standing().name
    }

    /// What it may do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.standing().capabilities
    }

    /// How it is written into the audit log.
    pub(crate) fn actor(&self) -> Actor {
        let standing = self.standing();
        let id = match (standing.agent, standing.key) {
            (Some(agent), _) => Some(agent.to_string()),
            (None, Some(key)) => Some(key.to_string()),
            (None, None) => None,
        };
        let actor =
            id.map_or_else(|| Actor::unnamed(self.actor_kind()), |id| Actor::new(self.actor_kind(), id));
        match standing.key {
            Some(key) => actor.with_key(key.to_string()),
            None => actor,
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A kind of principal that an action can ask for. Sealed: the kinds are the ones here.
pub trait Caller: sealed::Sealed + Sized + Send + Sync + 'static {
    /// The kind in plain words, for the refusal.
    const KIND: &'static str;

    /// This kind, when the principal is of it.
    fn admit(principal: Principal) -> Result<Self, Principal>;

    /// The principal again, for the entry.
    fn principal(&self) -> Principal;
}

impl sealed::Sealed for Human {}
impl sealed::Sealed for Agent {}
impl sealed::Sealed for Service {}
impl sealed::Sealed for Principal {}

impl Caller for Human {
    const KIND: &'static str = "a person";

    fn admit(principal: Principal) -> Result<Self, Principal> {
        match principal {
            Principal::Human(human) => Ok(human),
            other => Err(other),
        }
    }

    fn principal(&self) -> Principal {
        Principal::Human(Human(Arc::clone(&self.0)))
    }
}

impl Caller for Agent {
    const KIND: &'static str = "an agent";

    fn admit(principal: Principal) -> Result<Self, Principal> {
        match principal {
            Principal::Agent(agent) => Ok(agent),
            other => Err(other),
        }
    }

    fn principal(&self) -> Principal {
        Principal::Agent(Agent(Arc::clone(&self.0)))
    }
}

impl Caller for Service {
    const KIND: &'static str = "a service";

    fn admit(principal: Principal) -> Result<Self, Principal> {
        match principal {
            Principal::Service(service) => Ok(service),
            other => Err(other),
        }
    }

    fn principal(&self) -> Principal {
        Principal::Service(Service(Arc::clone(&self.0)))
    }
}

impl Caller for Principal {
    const KIND: &'static str = "anybody";

    fn admit(principal: Principal) -> Result<Self, Principal> {
        Ok(principal)
    }

    fn principal(&self) -> Principal {
        let standing = Arc::clone(self.standing());
        match self {
            Self::Human(_) => Self::Human(Human(standing)),
            Self::Agent(_) => Self::Agent(Agent(standing)),
            Self::Service(_) => Self::Service(Service(standing)),
        }
    }
}
