//! Whether a user has a relation to an object.
//!
//! A path that comes back to itself gives nothing; one that is longer than [`RESOLVE_DEPTH_MAX`] is an error. Answers
//! have three values: what is true in any part of a union is stronger than an error in another part, what is false in
//! any part of an intersection too. These are the rules of OpenFGA's first engine, which its tests hold.

use std::collections::HashMap;

use super::conditions::Conditions;
use super::error::Error;
use super::schema::{Kind, Op, RelNo, TypeNo};
use super::tuple::WILDCARD;
use super::validate::Parts;
use super::{Check, Engine};
use crate::store::{Cond, Obj, Subject};

/// How many steps may lead from one object to the next.
pub const RESOLVE_DEPTH_MAX: usize = 25;
/// How many relations and tuples one check may look at.
pub const CHECK_STEPS_MAX: u32 = 1_000_000;
/// After so many steps answers are remembered, so that what is reached on many ways is looked at once.
const MEMORY_AFTER_STEPS: u32 = 512;

/// What a part of a check gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    True,
    False,
    /// False, because a path came back to itself.
    Cycle,
    /// [`Checker::error`] says why.
    Error,
}

pub(super) struct Checker<'a> {
    engine: &'a Engine,
    conditions: Conditions<'a>,
    subject: Subject,
    user_type: TypeNo,
    user_relation: Option<RelNo>,
    user_kind: Kind,
    /// Everything of the user's type, where tuples name it.
    everyone: Option<Subject>,
    path: [u64; RESOLVE_DEPTH_MAX],
    depth: usize,
    steps_left: u32,
    memory: HashMap<u64, bool>,
    error: Option<Error>,
}

impl Engine {
    /// Whether a user has a relation to an object.
    ///
    /// # Errors
    /// The question makes no sense, a condition has no answer, or the answer takes too long to find.
    pub fn check(&self, question: &Check<'_>) -> Result<bool, Error> {
        let parts = self.parts(question)?;
        let layer = self.layer(question.around.contextual)?;
        let view = self.view(layer.as_ref());
        self.checker(&parts, Conditions { engine: self, view, context: question.around.context })
            .answer(&parts)
    }

    pub(super) fn parts<'a>(&self, question: &Check<'a>) -> Result<Parts<'a>, Error> {
        let parts = self.schema.parts(question.user, question.relation, question.object);
        parts.map_err(|e| Error::Validation(e.to_string()))
    }

    pub(super) fn checker<'a>(&'a self, parts: &Parts<'_>, conditions: Conditions<'a>) -> Checker<'a> {
        let view = conditions.view;
        let type_sym = self.bind.type_sym(parts.user_type);
        // An object that no tuple names is like no other.
        let object = view.object(type_sym, parts.user.id).unwrap_or_else(|| view.objects_end());
        let relation = parts.user_relation.map_or(0, |number| self.bind.relation_sym(number));
        let kind = match parts.user_relation {
            Some(number) => Kind::Userset(number),
            None if parts.user.is_wildcard() => Kind::Wildcard,
            None => Kind::Object,
        };
        self.checker_of(Subject::new(object, relation), parts.user_type, kind, conditions)
    }

    /// Asks about a user that is known by its numbers.
    pub(super) fn checker_of<'a>(
        &'a self,
        subject: Subject,
        user_type: TypeNo,
        user_kind: Kind,
        conditions: Conditions<'a>,
    ) -> Checker<'a> {
        let type_sym = self.bind.type_sym(user_type);
        let everyone = (self.schema.has_wildcards && user_kind == Kind::Object)
            .then(|| conditions.view.object(type_sym, WILDCARD).map(Subject::object));
        Checker {
            engine: self,
            conditions,
            subject,
            user_type,
            user_relation: if let Kind::Userset(number) = user_kind { Some(number) } else { None },
            user_kind,
            everyone: everyone.flatten(),
            path: [0; RESOLVE_DEPTH_MAX],
            depth: 0,
            steps_left: CHECK_STEPS_MAX,
            memory: HashMap::new(),
            error: None,
        }
    }
}

impl<'a> Checker<'a> {
    pub(super) fn answer(mut self, parts: &Parts<'_>) -> Result<bool, Error> {
        let view = self.conditions.view;
        let object_sym = self.engine.bind.type_sym(parts.object_type);
        let object = view.object(object_sym, parts.id).unwrap_or_else(|| {
            // A userset of an object that no tuple names is a member of itself all the same.
            let same = parts.user_type == parts.object_type && parts.user.id == parts.id;
            view.objects_end() + u32::from(!same)
        });
        self.ask(parts.relation, object)
    }

    /// Asks about one more object; what was found out is kept.
    pub(super) fn ask(&mut self, relation: RelNo, object: Obj) -> Result<bool, Error> {
        self.error = None;
        self.steps_left = CHECK_STEPS_MAX;
        match self.relation(relation, object) {
            Outcome::True => Ok(true),
            Outcome::False | Outcome::Cycle => Ok(false),
            Outcome::Error => Err(self.error.take().unwrap_or(Error::TooComplex)),
        }
    }

    fn fail(&mut self, error: Error) -> Outcome {
        self.error.get_or_insert(error);
        Outcome::Error
    }

    fn relation(&mut self, number: RelNo, object: Obj) -> Outcome {
        if self.depth == RESOLVE_DEPTH_MAX || self.steps_left == 0 {
            return self.fail(Error::TooComplex);
        }
        self.steps_left -= 1;
        let key = u64::from(number) << 32 | u64::from(object);
        if self.path[..self.depth].contains(&key) {
            return Outcome::Cycle;
        }
        if self.user_relation == Some(number) && self.subject.obj() == object {
            return Outcome::True;
        }
        let engine = self.engine;
        let relation = engine.schema.relation(number);
        if self.user_relation.is_none() && !relation.reached_by.has(self.user_type) {
            return Outcome::False;
        }
        let remember = self.steps_left < CHECK_STEPS_MAX - MEMORY_AFTER_STEPS;
        if remember && let Some(known) = self.memory.get(&key) {
            return if *known { Outcome::True } else { Outcome::False };
        }
        self.path[self.depth] = key;
        self.depth += 1;
        let outcome = self.op(&relation.op, number, object);
        self.depth -= 1;
        // What a cycle or an error had a part in may be otherwise on another path.
        if remember && matches!(outcome, Outcome::True | Outcome::False) {
            self.memory.insert(key, outcome == Outcome::True);
        }
        outcome
    }

    fn op(&mut self, op: &'a Op, number: RelNo, object: Obj) -> Outcome {
        match op {
            Op::Direct => self.direct(number, object),
            Op::Computed(other) => self.relation(*other, object),
            Op::Ttu { tupleset, computed } => self.through(*tupleset, computed, object),
            Op::Any(ops) => any(ops.iter().map(|op| self.op(op, number, object))),
            Op::All(ops) => {
                let mut failed = false;
                for op in ops {
                    match self.op(op, number, object) {
                        Outcome::True => {}
                        Outcome::Error => failed = true,
                        no => return no,
                    }
                }
                if failed { Outcome::Error } else { Outcome::True }
            }
            Op::Without(parts) => {
                let base = self.op(&parts[0], number, object);
                if matches!(base, Outcome::False | Outcome::Cycle) {
                    return base;
                }
                match self.op(&parts[1], number, object) {
                    Outcome::True => Outcome::False,
                    Outcome::False => base,
                    other => other,
                }
            }
        }
    }

    fn counts(&mut self, relation: RelNo, of: TypeNo, kind: Kind, condition: Cond) -> Outcome {
        match self.conditions.counts(relation, of, kind, condition) {
            Ok(true) => Outcome::True,
            Ok(false) => Outcome::False,
            Err(error) => self.fail(error),
        }
    }

    /// Tuples of the relation itself.
    fn direct(&mut self, number: RelNo, object: Obj) -> Outcome {
        let engine = self.engine;
        let (relation, sym) = (engine.schema.relation(number), engine.bind.relation_sym(number));
        let view = self.conditions.view;
        let mut failed = false;
        let named = match self.user_kind {
            Kind::Object => relation.objects.has(self.user_type),
            Kind::Wildcard => relation.wildcards.has(self.user_type),
            Kind::Userset(_) => relation.has_usersets,
        };
        if named && let Some(condition) = view.edge(object, sym, self.subject) {
            match self.counts(number, self.user_type, self.user_kind, condition) {
                Outcome::True => return Outcome::True,
                Outcome::Error => failed = true,
                _ => {}
            }
        }
        if let Some(everyone) = self.everyone
            && relation.wildcards.has(self.user_type)
            && let Some(condition) = view.edge(object, sym, everyone)
        {
            match self.counts(number, self.user_type, Kind::Wildcard, condition) {
                Outcome::True => return Outcome::True,
                Outcome::Error => failed = true,
                _ => {}
            }
        }
        let mut outcome = Outcome::False;
        if relation.has_usersets {
            let rows = view
                .row(object, sym, true)
                .map(|(subject, condition)| self.member(number, subject, condition));
            outcome = any(rows);
        }
        match outcome {
            Outcome::False | Outcome::Cycle if failed => Outcome::Error,
            outcome => outcome,
        }
    }

    /// A tuple that names a userset: whether it counts, and whether the user is in it.
    fn member(&mut self, number: RelNo, subject: Subject, condition: Cond) -> Outcome {
        if self.steps_left == 0 {
            return self.fail(Error::TooComplex);
        }
        self.steps_left -= 1;
        let (engine, view) = (self.engine, self.conditions.view);
        let Some(userset) = engine.bind.userset(view, subject) else { return Outcome::False };
        let relation = engine.schema.relation(userset);
        if self.user_relation.is_none() && !relation.reached_by.has(self.user_type) {
            return Outcome::False;
        }
        match self.counts(number, relation.of, Kind::Userset(userset), condition) {
            Outcome::True => self.relation(userset, subject.obj()),
            other => other,
        }
    }

    /// A relation of the objects that another relation names.
    fn through(&mut self, tupleset: RelNo, computed: &'a [(TypeNo, RelNo)], object: Obj) -> Outcome {
        let engine = self.engine;
        let reached = |number: RelNo| {
            self.user_relation.is_some() || engine.schema.relation(number).reached_by.has(self.user_type)
        };
        if !computed.iter().any(|(_, number)| reached(*number)) {
            return Outcome::False;
        }
        let (view, sym) = (self.conditions.view, engine.bind.relation_sym(tupleset));
        any(view.row(object, sym, false).map(|(parent, condition)| {
            if self.steps_left == 0 {
                return self.fail(Error::TooComplex);
            }
            self.steps_left -= 1;
            let Some(of) = engine.bind.type_no(view.type_of(parent.obj())) else { return Outcome::False };
            let Some((_, number)) = computed.iter().find(|(known, _)| *known == of) else {
                return Outcome::False;
            };
            match self.counts(tupleset, of, Kind::Object, condition) {
                Outcome::True => self.relation(*number, parent.obj()),
                other => other,
            }
        }))
    }
}

/// The first that is true; else an error is stronger than a cycle, and a cycle than what is false.
fn any(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let mut all = Outcome::False;
    for outcome in outcomes {
        match (outcome, all) {
            (Outcome::True, _) => return Outcome::True,
            (Outcome::Error, _) | (Outcome::Cycle, Outcome::False) => all = outcome,
            _ => {}
        }
    }
    all
}
