//! Gate one: who is calling. The kinds of principal are types, and no type turns into another.

use std::sync::Arc;

use audit_log::{Actor, ActorKind};
use kernel::{
    AccountId, AgentId, Assurance, BreakGlassId, Capabilities, KeyId, MemberRole, Permission, ProjectId,
    SessionId, TenantId, Timestamp,
};

/// What a verified credential stands for; shared by all requests that use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) who: Who,
    pub(crate) tenant: TenantId,
    pub(crate) project: Option<ProjectId>,
    pub(crate) key: Option<KeyId>,
    pub(crate) name: String,
    pub(crate) capabilities: Capabilities,
    /// As whom it is asked about in the model of relations: itself, and the person it acts for.
    pub(crate) links: Arc<[String]>,
}

/// The kind, and what only that kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Human(Arc<Person>),
    Agent(Delegate),
    Service,
}

/// An agent, and the person it acts for when it was given a token that says so (RFC 8693 `act`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delegate {
    pub(crate) agent: AgentId,
    pub(crate) acting_for: Option<AccountId>,
}

/// What is known of a signed-in person beyond their permissions.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts, as the database has them")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) address: String,
    pub(crate) organization: Option<String>,
    pub(crate) owner: bool,
    pub(crate) super_admin: bool,
    pub(crate) assurance: Assurance,
    pub(crate) methods: Vec<String>,
    pub(crate) auth_time: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) second_factor: bool,
    /// The organization asks this person for a second factor.
    pub(crate) second_factor_required: bool,
    pub(crate) break_glass: Option<(BreakGlassId, Timestamp)>,
    pub(crate) memberships: Vec<Membership>,
}

/// An organization that a person may enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// The person's role there.
    pub role: MemberRole,
}

impl Person {
    /// The override this person has open at `now`.
    pub(crate) fn override_at(&self, now: Timestamp) -> Option<BreakGlassId> {
        self.break_glass.filter(|(_, until)| *until > now).map(|(id, _)| id)
    }
}

/// What an override opens: all that people can hold inside their own organization.
pub(crate) fn opened_by_override(permission: Permission) -> bool {
    permission != Permission::ProvidersAcross
}

/// A person, known by a session. Nothing else becomes one.
#[derive(Debug)]
pub struct Human {
    person: Arc<Person>,
    standing: Arc<Standing>,
}

/// An AI agent, known by an API key issued to it, or by a token made with one. Never able to hold what is for people
/// alone.
#[derive(Debug)]
pub struct Agent(Arc<Standing>);

/// A program with an API key of its own: automation, the operator's tools, an administrator's command line.
#[derive(Debug)]
pub struct Service(Arc<Standing>);

/// A person or a program: whoever runs the organization. Never an agent.
#[derive(Debug)]
pub enum Staff {
    /// A person.
    Human(Human),
    /// A program.
    Service(Service),
}

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

impl Human {
    /// The account.
    pub fn account(&self) -> AccountId {
        self.person.account
    }

    /// The session this request belongs to.
    pub fn session(&self) -> SessionId {
        self.person.session
    }

    /// The verified address.
    pub fn address(&self) -> &str {
        &self.person.address
    }

    /// The name of the organization; `None` for a person without one.
    pub fn organization_name(&self) -> Option<&str> {
        self.person.organization.as_deref()
    }

    /// Whether this person owns the organization.
    pub fn is_owner(&self) -> bool {
        self.person.owner
    }

    /// Whether this person administers the instance itself.
    pub fn is_super_admin(&self) -> bool {
        self.person.super_admin
    }

    /// How sure the session is of who this is.
    pub fn assurance(&self) -> Assurance {
        self.person.assurance
    }

    /// How they proved it: authentication method references (RFC 8176).
    pub fn methods(&self) -> &[String] {
        &self.person.methods
    }

    /// The organizations they may enter, by name: known with the session, so that a page can offer them without a look at
    /// the account.
    pub fn memberships(&self) -> &[Membership] {
        &self.person.memberships
    }

    /// When they last proved it.
    pub fn auth_time(&self) -> Timestamp {
        self.person.auth_time
    }

    /// When the session ends by itself.
    pub fn session_expires_at(&self) -> Timestamp {
        self.person.expires_at
    }

    /// Whether a second factor is enrolled.
    pub fn has_second_factor(&self) -> bool {
        self.person.second_factor
    }

    /// Whether the organization asks for a second factor that is not there: only enrolment is open then.
    pub fn must_enrol(&self) -> bool {
        self.person.second_factor_required && !self.person.second_factor
    }

    /// The override that is open, and until when.
    pub fn break_glass(&self) -> Option<(BreakGlassId, Timestamp)> {
        self.person.break_glass
    }
}

impl Principal {
    /// Only the token gate calls this, with what it has verified.
    pub(crate) fn of(standing: Arc<Standing>) -> Self {
        match &standing.who {
            Who::Human(person) => {
                let person = Arc::clone(person);
                Self::Human(Human { person, standing })
            }
            Who::Agent(_) => Self::Agent(Agent(standing)),
            Who::Service => Self::Service(Service(standing)),
        }
    }

    pub(crate) fn standing(&self) -> &Arc<Standing> {
        match self {
            Self::Human(Human { standing, .. })
            | Self::Agent(Agent(standing))
            | Self::Service(Service(standing)) => standing,
        }
    }

    pub(crate) fn person(&self) -> Option<&Person> {
        match &self.standing().who {
            Who::Human(person) => Some(person),
            Who::Agent(_) | Who::Service => None,
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

    /// The organization it belongs to; for a person without one, the instance.
    pub fn tenant(&self) -> TenantId {
        self.standing().tenant
    }

    /// The project its credential is bound to.
    pub fn project(&self) -> Option<ProjectId> {
        self.standing().project
    }

    /// The agent, when it is one.
    pub fn agent(&self) -> Option<AgentId> {
        match &self.standing().who {
            Who::Agent(delegate) => Some(delegate.agent),
            Who::Human(_) | Who::Service => None,
        }
    }

    /// The person an agent acts for, when it does.
    pub fn acting_for(&self) -> Option<AccountId> {
        match &self.standing().who {
            Who::Agent(delegate) => delegate.acting_for,
            Who::Human(_) | Who::Service => None,
        }
    }

    /// The account, when it is a person.
    pub fn account(&self) -> Option<AccountId> {
        self.person().map(|person| person.account)
    }

    /// The API key used, when it is one the database knows.
    pub fn key(&self) -> Option<KeyId> {
        self.standing().key
    }

    /// The credential's name, as its maker called it, or the person's.
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
        let key = standing.key.map(|key| key.to_string());
        let (id, key) = match &standing.who {
            Who::Human(person) => (Some(person.account.to_string()), Some(person.session.to_string())),
            Who::Agent(delegate) => (Some(delegate.agent.to_string()), key),
            Who::Service => (key.clone(), key),
        };
        let actor =
            id.map_or_else(|| Actor::unnamed(self.actor_kind()), |id| Actor::new(self.actor_kind(), id));
        match key {
            Some(key) => actor.with_key(key),
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
impl sealed::Sealed for Staff {}
impl sealed::Sealed for Principal {}

impl Human {
    fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }
}

impl Agent {
    fn standing(&self) -> &Arc<Standing> {
        &self.0
    }
}

impl Service {
    fn standing(&self) -> &Arc<Standing> {
        &self.0
    }
}

macro_rules! caller {
    ($kind:ident, $says:literal) => {
        impl Caller for $kind {
            const KIND: &'static str = $says;

            fn admit(principal: Principal) -> Result<Self, Principal> {
                match principal {
                    Principal::$kind(this) => Ok(this),
                    other => Err(other),
                }
            }

            fn principal(&self) -> Principal {
                Principal::of(Arc::clone(self.standing()))
            }
        }
    };
}

caller!(Human, "a person");
caller!(Agent, "an agent");
caller!(Service, "a service");

impl Caller for Staff {
    const KIND: &'static str = "a person or a service";

    fn admit(principal: Principal) -> Result<Self, Principal> {
        match principal {
            Principal::Human(human) => Ok(Self::Human(human)),
            Principal::Service(service) => Ok(Self::Service(service)),
            Principal::Agent(_) => Err(principal),
        }
    }

    fn principal(&self) -> Principal {
        match self {
            Self::Human(human) => human.principal(),
            Self::Service(service) => service.principal(),
        }
    }
}

impl Caller for Principal {
    const KIND: &'static str = "anybody";

    fn admit(principal: Principal) -> Result<Self, Principal> {
        Ok(principal)
    }

    fn principal(&self) -> Principal {
        Self::of(Arc::clone(self.standing()))
    }
}
