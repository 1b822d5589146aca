//! Who is asked between the second gate and the third: the engine of this process always, and another server of relations
//! beside it where the operator names one.
//!
//! All who are asked must say yes, so that whoever is asked besides can only narrow. One that does not answer is a no that
//! says so.

use std::pin::Pin;

use kernel::{Gate, Permission, Problem, ProblemKind, TenantId};

use super::Authority;

/// The name of the engine in this process.
const ENGINE: &str = "engine";

/// Whether everybody in a chain has a relation to an object.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The organization whose relations count.
    pub tenant: TenantId,
    /// Whoever acts, and whoever it acts for, as the model names them. Each must have the relation; nobody is nobody who has.
    pub links: &'a [String],
    /// The relation.
    pub relation: &'a str,
    /// The object, such as `organization:<id>`.
    pub object: &'a str,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// The engine of this process failed.
    Broken,
    /// No connection came about, or it broke.
    Unreachable,
    /// There was none in time; waiting for a free connection counts.
    Silent,
    /// It answered that it does not answer: a status other than 200.
    Refused,
    /// It answered something else.
    Malformed,
}

impl Unanswered {
    /// In a word, as entries say it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }

    /// What the caller hears: the gate, and nothing of who stands behind it.
    pub(super) fn problem(self) -> Problem {
        if self == Self::Broken {
            let detail = "What may be done could not be found out.";
            return Problem::at(Gate::Token, ProblemKind::Internal, detail);
        }
        let detail = "What may be done cannot be confirmed; try again shortly.";
        Problem::at(Gate::Token, ProblemKind::Unavailable, detail).retry_after(2)
    }
}

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<bool, Unanswered>> + Send + 'a>>;

/// Answers what somebody may do. It answers, or says why not, within a time of its own.
pub trait Authorizer: Send + Sync {
    /// Its name, as entries say it.
    fn name(&self) -> &'static str;

    /// Whether it is asked about this organization.
    fn serves(&self, tenant: TenantId) -> bool;

    /// Whether every link has the relation.
    fn allows<'a>(&'a self, question: Question<'a>) -> Answering<'a>;
}

impl Authorizer for Authority {
    fn name(&self) -> &'static str {
        ENGINE
    }

    fn serves(&self, tenant: TenantId) -> bool {
        self.tenant == tenant
    }

    fn allows<'a>(&'a self, question: Question<'a>) -> Answering<'a> {
        Box::pin(async move { self.every_link(question.links, question.relation) })
    }
}

/// Whoever is asked about one action, in their order.
pub(crate) struct Panel<'a> {
    engine: &'a Authority,
    beside: Option<&'a dyn Authorizer>,
}

/// Who said no, or did not answer.
pub(crate) struct Against {
    by: &'static str,
    unanswered: Option<Unanswered>,
}

impl Against {
    /// The problem for an action that needs `permission`.
    pub(crate) fn problem(&self, permission: Permission) -> Problem {
        let refused = || {
            let detail = format!("It needs the permission {permission}.");
            Problem::at(Gate::Token, ProblemKind::Forbidden, detail)
        };
        self.unanswered.map_or_else(refused, Unanswered::problem)
    }

    /// Whom it was that was asked besides, when it was; and why it did not answer.
    pub(crate) fn beside(&self) -> Option<(&'static str, Option<&'static str>)> {
        (self.by != ENGINE).then_some((self.by, self.unanswered.map(Unanswered::word)))
    }
}

impl<'a> Panel<'a> {
    /// The engine, and beside it another where there is one that serves this organization.
    pub(crate) fn of(engine: &'a Authority, beside: Option<&'a dyn Authorizer>) -> Self {
        Self { engine, beside: beside.filter(|other| other.serves(engine.tenant)) }
    }

    /// The revision of the engine's tuples.
    pub(crate) fn revision(&self) -> u64 {
        self.engine.revision()
    }

    /// Who is against it: the first who says no. `None` when all say yes.
    pub(crate) async fn against(&self, links: &[String], permission: Permission) -> Option<Against> {
        let (relation, object) = (self.engine.relation(permission), self.engine.organization.as_str());
        let question = Question { tenant: self.engine.tenant, links, relation, object };
        let engine: &dyn Authorizer = self.engine;
        // The engine first: what it refuses, nobody else is told about.
        for one in [Some(engine), self.beside].into_iter().flatten() {
            match one.allows(question).await {
                Ok(true) => {}
                Ok(false) => return Some(Against { by: one.name(), unanswered: None }),
                Err(why) => {
                    tracing::warn!(by = one.name(), why = why.word(), "what may be done was not answered");
                    return Some(Against { by: one.name(), unanswered: Some(why) });
                }
            }
        }
        None
    }
}
