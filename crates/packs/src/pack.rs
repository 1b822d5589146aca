//! A pack that passed every check, and what it says.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision as CedarDecision, Entity, PolicyId};

use crate::catalogue::{ACTIONS, ActionRow};
use crate::document::Document;
use crate::floor::Floor;
use crate::index::{Index, Known, set_of};
use crate::limits::{Bound, Limit, Limits};
use crate::manifest::{Label, Manifest, Mode};
use crate::mfa::Table;
use crate::question::{AskerKind, Question, uid};
use crate::roles::Roles;
use crate::tools::Tools;

/// What a pack says to something that is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be done.
    Allow,
    /// A policy forbids it.
    Forbid,
    /// The pack permits what is allowed, and permits this not.
    Unpermitted,
    /// A person must prove themselves better, or once more.
    Prove,
    /// A policy could not be evaluated, which is never a yes.
    Broken,
    /// It is more than `limits.json` lets pass.
    Limit,
    /// `tools.json` refuses a tool.
    Tool,
}

impl Verdict {
    /// The stable name, as entries and reports say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Forbid => "forbid",
            Self::Unpermitted => "unpermitted",
            Self::Prove => "prove",
            Self::Broken => "broken",
            Self::Limit => "limit",
            Self::Tool => "tool",
        }
    }

    /// The verdict of this name.
    pub fn named(name: &str) -> Option<Self> {
        let decided = [Self::Allow, Self::Forbid, Self::Unpermitted, Self::Prove, Self::Broken];
        let all = decided.into_iter().chain([Self::Limit, Self::Tool]);
        all.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// What a pack says, and by which policies: their ids, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What.
    pub verdict: Verdict,
    /// By which policies.
    pub policies: Vec<String>,
}

impl Decision {
    pub(crate) const fn of(verdict: Verdict) -> Self {
        Self { verdict, policies: Vec::new() }
    }

    /// Whether it may be done.
    pub fn allows(&self) -> bool {
        self.verdict == Verdict::Allow
    }
}

/// A pack in one piece: parsed once, sliced, ready to be asked.
pub struct Pack {
    manifest: Manifest,
    label: Label,
    sha256: [u8; 32],
    pub(crate) policies: Vec<Known>,
    pub(crate) by_id: HashMap<PolicyId, usize>,
    pub(crate) index: Index,
    actions: Vec<Entity>,
    pub(crate) mfa: Table,
    floor: Option<Floor>,
    roles: Option<Roles>,
    limits: Option<Limits>,
    tools: Option<Tools>,
    authorizer: Authorizer,
}

/// What a pack says besides its policies, each in a file of its own.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) mfa: Option<Table>,
    pub(crate) floor: Option<Floor>,
    pub(crate) limits: Option<Limits>,
    pub(crate) roles: Option<Roles>,
    pub(crate) tools: Option<Tools>,
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pack").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Pack {
    pub(crate) fn new(
        document: &Document,
        manifest: Manifest,
        policies: Vec<Known>,
        Parts { mfa, floor, limits, roles, tools }: Parts,
    ) -> Option<Self> {
        let label = Label::new(&manifest, document.sha256());
        let index = Index::of(&policies);
        let by_id = policies.iter().enumerate().map(|(at, known)| (known.policy.id().clone(), at)).collect();
        let action = |row: &ActionRow| {
            let group = uid("Action", row.need)?;
            Some(Entity::new_no_attrs(uid("Action", row.name)?, [group].into()))
        };
        Some(Self {
            manifest,
            label,
            sha256: *document.sha256(),
            policies,
            by_id,
            index,
            actions: ACTIONS.iter().map(action).collect::<Option<Vec<_>>>()?,
            mfa: mfa.unwrap_or_else(|| vec![Vec::new(); ACTIONS.len()]),
            floor,
            roles,
            limits,
            tools,
            authorizer: Authorizer::new(),
        })
    }

    /// What it says about itself.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Which pack it is, as entries say it.
    pub const fn label(&self) -> &Label {
        &self.label
    }

    /// The SHA-256 of its document.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The least that is done about personal data while it is in force.
    pub const fn floor(&self) -> Option<&Floor> {
        self.floor.as_ref()
    }

    /// The templates of roles that come with it.
    pub const fn roles(&self) -> Option<&Roles> {
        self.roles.as_ref()
    }

    /// What it limits.
    pub const fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    /// Which tools it lets be offered and called.
    pub const fn tools(&self) -> Option<&Tools> {
        self.tools.as_ref()
    }

    /// What it says to a tool of this name, offered to a model by a caller of this kind or called by the model for them.
    pub fn tool(&self, kind: AskerKind, name: &str) -> Decision {
        self.tools.as_ref().map_or(Decision::of(Verdict::Allow), |tools| tools.decide(kind, name))
    }

    /// How much of something it lets a caller of this kind have; `None` when it leaves that to the product.
    pub fn limit(&self, limit: Limit, kind: AskerKind) -> Option<Bound> {
        self.limits.as_ref()?.bound(limit, kind)
    }

    /// The ids of its policies.
    pub fn policy_ids(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|known| known.id.as_str())
    }

    /// Its policies by id, as Cedar writes them: without comments, in one spelling.
    pub fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.policies.iter().map(|known| (known.id.as_str(), known.policy.to_string()))
    }

    /// How many policies it has.
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// How many policies it looks at for an action and a kind of principal.
    pub fn considered(&self, action: &str, kind: AskerKind) -> usize {
        position(action).map_or(0, |at| self.index.which(at, kind).len())
    }

    /// What it says to something that is granted. An action that no pack reaches is allowed; one that nobody knows is not.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let Some(at) = position(question.action) else { return unreached(question.action) };
        if let Some(refused) = self.unproven(at, question) {
            return refused;
        }
        if self.index.which(at, question.asker.kind).is_empty() {
            return Decision::of(self.by_default());
        }
        match self.index.set(&self.policies, at, question.asker.kind) {
            Some(set) => self.evaluate(at, question, set),
            None => Decision::of(Verdict::Broken),
        }
    }

    /// The same with every policy evaluated: the yardstick of the slices.
    pub fn decide_unsliced(self: &Arc<Self>) -> impl Fn(&Question<'_>) -> Decision + use<> {
        let (this, all) = (Arc::clone(self), set_of(self.policies.iter()));
        move |question| match position(question.action) {
            None => unreached(question.action),
            Some(at) => {
                let refused = this.unproven(at, question);
                refused.unwrap_or_else(|| this.evaluate(at, question, &all))
            }
        }
    }

    /// What it says where no policy says anything.
    pub(crate) const fn by_default(&self) -> Verdict {
        match self.manifest.mode {
            Mode::Forbid => Verdict::Allow,
            Mode::Permit => Verdict::Unpermitted,
        }
    }

    fn unproven(&self, at: usize, question: &Question<'_>) -> Option<Decision> {
        if question.asker.kind != AskerKind::User {
            return None;
        }
        let facts = &question.facts;
        let unmet = |asks: &&crate::mfa::Asks| !asks.met(facts.assurance, facts.auth_age_seconds);
        let rules = self.mfa.get(at)?.iter().filter(unmet);
        let policies: Vec<String> = rules.map(|asks| format!("mfa.{}", asks.rule)).collect();
        (!policies.is_empty()).then_some(Decision { verdict: Verdict::Prove, policies })
    }

    fn evaluate(&self, at: usize, question: &Question<'_>, set: &cedar_policy::PolicySet) -> Decision {
        let (Some(row), Some(action)) = (ACTIONS.get(at), self.actions.get(at)) else {
            return Decision::of(Verdict::Broken);
        };
        let Some(asked) = question.build(row, action) else { return Decision::of(Verdict::Broken) };
        let response = self.authorizer.is_authorized(&asked.request, set, &asked.entities);
        let found = response.diagnostics();
        let sorted = |ids: &mut dyn Iterator<Item = &PolicyId>| {
            let mut ids: Vec<String> = ids.map(ToString::to_string).collect();
            ids.sort_unstable();
            ids
        };
        let broken = sorted(&mut found.errors().map(broken_policy));
        if !broken.is_empty() {
            return Decision { verdict: Verdict::Broken, policies: broken };
        }
        let policies = sorted(&mut found.reason());
        let verdict = match (response.decision(), self.manifest.mode) {
            (CedarDecision::Deny, _) if !policies.is_empty() => Verdict::Forbid,
            (CedarDecision::Allow, _) | (CedarDecision::Deny, Mode::Forbid) => Verdict::Allow,
            (CedarDecision::Deny, Mode::Permit) => Verdict::Unpermitted,
        };
        Decision { verdict, policies }
    }
}

fn broken_policy(error: &cedar_policy::AuthorizationError) -> &PolicyId {
    match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
    }
}

/// Where an action stands in the catalogue.
pub(crate) fn position(action: &str) -> Option<usize> {
    ACTIONS.binary_search_by(|row| row.name.cmp(action)).ok()
}

fn unreached(action: &str) -> Decision {
    let open = crate::catalogue::ALWAYS_OPEN.binary_search(&action).is_ok();
    Decision::of(if open { Verdict::Allow } else { Verdict::Broken })
}
