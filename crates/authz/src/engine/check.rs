//! Whether a user has a relation to an object.
//!
//! A path that comes back to itself gives nothing; one that is longer than [`RESOLVE_DEPTH_MAX`] is an error. Answers
//! have three values: what is true in any part of a union is stronger than an error in another part, what is false in
//! any part of an intersection too. These are the rules of OpenFGA's first engine, which its tests hold.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::conditions::Conditions;
use super::error::Error;
use super::schema::{Kind, Op, RelNo, TypeNo};
use super::tuple::WILDCARD;
use super::validate::Parts;
use super::{Around, Check, Engine};
use crate::store::{Cond, Keyed, Obj, Overlay, Subject, View};

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

/// A question in numbers.
struct Known {
    subject: Subject,
    user_type: TypeNo,
    relation: RelNo,
    object: Obj,
}

pub(super) struct Checker<'a> {
    pub(super) engine: &'a Engine,
    pub(super) conditions: Conditions<'a>,
    pub(super) subject: Subject,
    pub(super) user_type: TypeNo,
    pub(super) user_relation: Option<RelNo>,
    pub(super) user_kind: Kind,
    /// Everything of the user's type, where tuples name it.
    pub(super) everyone: Option<Subject>,
    pub(super) path: [u64; RESOLVE_DEPTH_MAX],
    pub(super) depth: usize,
    steps_left: u32,
    memory: HashMap<u64, bool, Keyed>,
    /// Where a way through unions has been in vain because it came back to itself. Whatever else can be reached there is
    /// reached from where the way began, so that nothing is looked at twice; it holds until that answer is known.
    in_vain: HashSet<u64, Keyed>,
    error: Option<Error>,
}

impl Engine {
    /// Whether a user has a relation to an object.
    ///
    /// # Errors
    /// The question makes no sense, a condition has no answer, or the answer takes too long to find.
    pub fn check(&self, question: &Check<'_>) -> Result<bool, Error> {
        let Around { contextual, context } = question.around;
        if contextual.is_empty() && context.is_none() {
            return self.asked(question, None);
        }
        let layer = self.layer(question.around)?;
        self.asked(question, layer.as_ref())
    }

    fn asked(&self, question: &Check<'_>, layer: Option<&Overlay>) -> Result<bool, Error> {
        let view = self.view(layer);
        let conditions = Conditions { engine: self, view, context: question.around.context };
        match self.known(question, view) {
            Some(known) => self.at_once(&known, view).map_or_else(|| self.walk(&known, conditions), Ok),
            None => self.walk_from(&self.parts(question)?, conditions),
        }
    }

    fn walk(&self, known: &Known, conditions: Conditions<'_>) -> Result<bool, Error> {
        let Known { subject, user_type, relation, object } = *known;
        self.checker_of(subject, user_type, Kind::Object, conditions).ask(relation, object)
    }

    fn walk_from(&self, parts: &Parts<'_>, conditions: Conditions<'_>) -> Result<bool, Error> {
        self.checker(parts, conditions).answer(parts)
    }

    /// The numbers of a question about two objects that tuples name. Such objects are well formed, so that nothing needs
    /// to be looked at twice.
    #[inline]
    fn known(&self, question: &Check<'_>, view: View<'_>) -> Option<Known> {
        let (user_type, user_id) = self.schema.split(question.user)?;
        let (object_type, object_id) = self.schema.split(question.object)?;
        if user_id == WILDCARD || object_id == WILDCARD {
            return None;
        }
        let relation = self.schema.relation_no(object_type, question.relation)?;
        let user = view.object(self.bind.type_sym(user_type), user_id)?;
        let object = view.object(self.bind.type_sym(object_type), object_id)?;
        Some(Known { subject: Subject::object(user), user_type, relation, object })
    }

    /// The answer, where the tuples of the relation itself give it and there is no condition.
    #[inline]
    fn at_once(&self, known: &Known, view: View<'_>) -> Option<bool> {
        let Known { subject, user_type, relation: number, object } = *known;
        let relation = self.schema.relation(number);
        if !matches!(relation.op, Op::Direct) {
            return None;
        }
        match view.edge(object, self.bind.relation_sym(number), subject) {
            Some(0) if self.schema.allows(number, user_type, Kind::Object, None) => Some(true),
            None if !relation.has_usersets && !relation.wildcards.has(user_type) => Some(false),
            _ => None,
        }
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
            memory: HashMap::with_hasher(self.snapshot.key()),
            in_vain: HashSet::with_hasher(self.snapshot.key()),
            error: None,
        }
    }
}

impl<'a> Checker<'a> {
    pub(super) fn answer(mut self, parts: &Parts<'_>) -> Result<bool, Error> {
        let object = self.object(parts);
        self.ask(parts.relation, object)
    }

    /// The number of the object that is asked about; one that no tuple names gets a number that no other has.
    pub(super) fn object(&self, parts: &Parts<'_>) -> Obj {
        let view = self.conditions.view;
        view.object(self.engine.bind.type_sym(parts.object_type), parts.id).unwrap_or_else(|| {
            // A userset of an object that no tuple names is in itself all the same.
            let same = parts.user_type == parts.object_type && parts.user.id == parts.id;
            view.objects_end() + u32::from(!same)
        })
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

    /// Whether the relation that asks has only unions on every way too.
    fn came_through_unions(&self) -> bool {
        let asking = self.depth.checked_sub(1).map(|at| self.path[at] >> 32);
        let number = asking.and_then(|number| RelNo::try_from(number).ok());
        number.is_some_and(|number| self.engine.schema.relation(number).only_unions)
    }

    /// Whether the user can have a relation in any way the model knows.
    #[inline]
    pub(super) fn can_reach(&self, number: RelNo) -> bool {
        match self.user_relation {
            None => self.engine.schema.relation(number).reached_by.has(self.user_type),
            Some(from) => self.engine.schema.leads(from, number),
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
        if !self.can_reach(number) {
            return Outcome::False;
        }
        let remember = self.steps_left < CHECK_STEPS_MAX - MEMORY_AFTER_STEPS;
        if remember && let Some(known) = self.memory.get(&key) {
            return if *known { Outcome::True } else { Outcome::False };
        }
        if remember && self.in_vain.contains(&key) {
            return Outcome::Cycle;
        }
        self.path[self.depth] = key;
        self.depth += 1;
        let outcome = self.op(&relation.op, number, object);
        self.depth -= 1;
        if remember {
            // What a cycle or an error had a part in may be otherwise on another path.
            match outcome {
                Outcome::True | Outcome::False => _ = self.memory.insert(key, outcome == Outcome::True),
                Outcome::Cycle if relation.only_unions => _ = self.in_vain.insert(key),
                Outcome::Cycle | Outcome::Error => {}
            }
        }
        // Here the way through unions began.
        if !self.in_vain.is_empty() {
            let between = relation.only_unions && self.came_through_unions();
            if !between {
                self.in_vain.clear();
            }
        }
        outcome
    }

    pub(super) fn op(&mut self, op: &'a Op, number: RelNo, object: Obj) -> Outcome {
        match op {
            Op::Direct => self.direct(number, object),
            Op::Computed(other) => self.relation(*other, object),
            Op::Ttu { tupleset, computed } => self.through(*tupleset, computed, object),
            Op::Any(ops) => {
                let mut all = Any(Outcome::False);
                for op in ops {
                    if all.or(self.op(op, number, object)).is_break() {
                        return Outcome::True;
                    }
                }
                all.0
            }
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
        let place = self.conditions.view.place(object, engine.bind.relation_sym(number));
        if place.is_empty() {
            return Outcome::False;
        }
        let relation = engine.schema.relation(number);
        let mut all = Any(Outcome::False);
        let named = match self.user_kind {
            Kind::Object => relation.objects.has(self.user_type),
            Kind::Wildcard => relation.wildcards.has(self.user_type),
            Kind::Userset(_) => relation.has_usersets,
        };
        if named
            && let Some(condition) = place.edge(self.subject)
            && all.or(self.counts(number, self.user_type, self.user_kind, condition)).is_break()
        {
            return Outcome::True;
        }
        if let Some(everyone) = self.everyone
            && relation.wildcards.has(self.user_type)
            && let Some(condition) = place.edge(everyone)
            && all.or(self.counts(number, self.user_type, Kind::Wildcard, condition)).is_break()
        {
            return Outcome::True;
        }
        if relation.has_usersets
            && place.usersets(|subject, condition| all.or(self.member(number, subject, condition))).is_break()
        {
            return Outcome::True;
        }
        all.0
    }

    /// A tuple that names a userset: whether it counts, and whether the user is in it.
    pub(super) fn member(&mut self, number: RelNo, subject: Subject, condition: Cond) -> Outcome {
        if self.steps_left == 0 {
            return self.fail(Error::TooComplex);
        }
        self.steps_left -= 1;
        let (engine, view) = (self.engine, self.conditions.view);
        let Some(userset) = engine.bind.userset(view, subject) else { return Outcome::False };
        let relation = engine.schema.relation(userset);
        if !self.can_reach(userset) {
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
        if !computed.iter().any(|(_, number)| self.can_reach(*number)) {
            return Outcome::False;
        }
        let view = self.conditions.view;
        let mut all = Any(Outcome::False);
        let stopped = view
            .place(object, engine.bind.relation_sym(tupleset))
            .objects(|parent, condition| all.or(self.parent(tupleset, computed, parent.obj(), condition)));
        if stopped.is_break() { Outcome::True } else { all.0 }
    }

    pub(super) fn parent(
        &mut self,
        tupleset: RelNo,
        computed: &'a [(TypeNo, RelNo)],
        parent: Obj,
        condition: Cond,
    ) -> Outcome {
        if self.steps_left == 0 {
            return self.fail(Error::TooComplex);
        }
        self.steps_left -= 1;
        let view = self.conditions.view;
        let Some(of) = self.engine.bind.type_no(view.type_of(parent)) else { return Outcome::False };
        let Some((_, number)) = computed.iter().find(|(known, _)| *known == of) else {
            return Outcome::False;
        };
        match self.counts(tupleset, of, Kind::Object, condition) {
            Outcome::True => self.relation(*number, parent),
            other => other,
        }
    }
}

/// What is true in any of several. An error is stronger than a cycle, and a cycle than what is false.
struct Any(Outcome);

impl Any {
    /// Takes in one more; stops at the first that is true.
    #[inline]
    fn or(&mut self, outcome: Outcome) -> ControlFlow<()> {
        match (outcome, self.0) {
            (Outcome::True, _) => return ControlFlow::Break(()),
            (Outcome::Error, _) | (Outcome::Cycle, Outcome::False) => self.0 = outcome,
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
