//! Why a user has a relation to an object, and what is missing if not.

use serde::Serialize;

use super::check::{Checker, Outcome, RESOLVE_DEPTH_MAX};
use super::conditions::Conditions;
use super::error::Error;
use super::schema::{Kind, Op, RelNo};
use super::tuple::{Tuple, TupleCondition, WILDCARD};
use super::{Around, Check, Engine};
use crate::store::{Change, Cond, Obj, Subject};

/// How many relations and tuples the search for what is missing may look at.
pub const EXPLAIN_STEPS_MAX: u32 = 20_000;

/// An answer with its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The answer.
    pub allowed: bool,
    /// Why, when the answer is yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Trace>,
    /// The fewest changes that would make the answer yes, when it is no. `None` when there are none that only use objects
    /// that are there, or the search was too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<Missing>>,
}

/// Why a relation holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// The relation that holds, as `object#relation`.
    pub holds: String,
    /// From what it follows.
    pub from: Reason,
}

/// From what a relation follows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A userset is in itself.
    Itself,
    /// A tuple names the user, or everything of the user's type.
    Tuple(Tuple),
    /// A tuple names a userset, and the user is in it.
    Member {
        /// The tuple.
        tuple: Tuple,
        /// Why the user is in it.
        because: Box<Trace>,
    },
    /// Another relation of the object holds.
    Computed(Box<Trace>),
    /// A tuple names another object, and a relation of that holds.
    Through {
        /// The tuple.
        tuple: Tuple,
        /// Why the other relation holds.
        because: Box<Trace>,
    },
    /// All of several hold.
    All(Vec<Reason>),
    /// One holds, and another does not.
    Without {
        /// Why the one holds.
        base: Box<Reason>,
        /// What does not hold, as it is written in the model.
        not: String,
    },
}

/// One change that is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// This tuple; with a condition, it must hold too.
    Write(Tuple),
    /// This tuple must go: it takes away what is asked for.
    Delete(Tuple),
    /// This tuple is there, and its condition does not hold or lacks values.
    Condition {
        /// The tuple.
        tuple: Tuple,
        /// The values the request would have to give.
        parameters: Vec<String>,
    },
}

impl Engine {
    /// The answer of [`Engine::check`] with its reason.
    ///
    /// # Errors
    /// As [`Engine::check`].
    pub fn explain(&self, question: &Check<'_>) -> Result<Explanation, Error> {
        let parts = self.parts(question)?;
        let layer = self.layer(question.around)?;
        let conditions =
            Conditions { engine: self, view: self.view(layer.as_ref()), context: question.around.context };
        let mut checker = self.checker(&parts, conditions);
        let object = checker.object(&parts);
        let allowed = self.check(question)?;
        let names = Names { question, conditions };
        if allowed {
            let because = names.trace(&mut checker, parts.relation, object);
            return Ok(Explanation { allowed, because, missing: None });
        }
        let mut search = Search { names, steps_left: EXPLAIN_STEPS_MAX, path: Vec::new() };
        let missing = search.relation(&mut checker, parts.relation, object);
        let missing = missing.filter(|missing| self.suffices(question, missing));
        Ok(Explanation { allowed, because: None, missing })
    }

    /// Whether some changes would make the answer yes.
    fn suffices(&self, question: &Check<'_>, missing: &[Missing]) -> bool {
        let mut conditional = false;
        let changes: Vec<Change> = missing
            .iter()
            .filter_map(|change| match change {
                Missing::Write(tuple) => {
                    conditional |= tuple.condition.is_some();
                    Some(Change::Write(tuple.clone()))
                }
                Missing::Delete(tuple) => Some(Change::Delete(tuple.clone())),
                Missing::Condition { .. } => {
                    conditional = true;
                    None
                }
            })
            .collect();
        // Whether a condition will hold is not known here.
        if conditional {
            return true;
        }
        let contextual: Vec<Tuple> = question
            .around
            .contextual
            .iter()
            .filter(|tuple| !missing.iter().any(|m| matches!(m, Missing::Delete(gone) if same(gone, tuple))))
            .cloned()
            .collect();
        let around = Around { contextual: &contextual, context: question.around.context };
        self.supposing(&changes)
            .and_then(|engine| engine.check(&Check { around, ..*question }))
            .unwrap_or(false)
    }
}

fn same(a: &Tuple, b: &Tuple) -> bool {
    (&a.user, &a.relation, &a.object) == (&b.user, &b.relation, &b.object)
}

/// Turns numbers back into names.
#[derive(Clone, Copy)]
struct Names<'a> {
    question: &'a Check<'a>,
    conditions: Conditions<'a>,
}

impl Names<'_> {
    fn object(&self, object: Obj) -> String {
        let (of, id) = self.conditions.view.name(object);
        match self.conditions.engine.bind.type_no(of) {
            Some(of) => format!("{}:{id}", self.conditions.engine.schema.types[usize::from(of)].name),
            None => self.question.object.to_owned(),
        }
    }

    fn holds(&self, number: RelNo, object: Obj) -> String {
        format!("{}#{}", self.object(object), self.conditions.engine.schema.relation(number).name)
    }

    fn tuple(&self, number: RelNo, object: Obj, subject: Subject, condition: Cond) -> Tuple {
        let engine = self.conditions.engine;
        let user = match engine.bind.userset(self.conditions.view, subject) {
            Some(userset) => self.holds(userset, subject.obj()),
            None => self.object(subject.obj()),
        };
        let mut tuple = Tuple::new(user, &*engine.schema.relation(number).name, self.object(object));
        if condition != 0 {
            let (name, context) = self.conditions.view.condition(condition);
            let name = engine
                .bind
                .condition_no(name)
                .map(|n| engine.schema.conditions[usize::from(n)].name.to_string());
            tuple.condition = name.map(|name| TupleCondition { name, context: context.as_deref().cloned() });
        }
        tuple
    }

    /// Why a relation holds; `None` when it does not.
    fn trace(&self, checker: &mut Checker<'_>, number: RelNo, object: Obj) -> Option<Trace> {
        let holds = self.holds(number, object);
        if checker.is_itself(number, object) {
            return Some(Trace { holds, from: Reason::Itself });
        }
        let op = checker.enter(number, object)?;
        let from = self.reason(checker, op, number, object);
        checker.leave();
        Some(Trace { holds, from: from? })
    }

    fn reason<'a>(
        &self,
        checker: &mut Checker<'a>,
        op: &'a Op,
        number: RelNo,
        object: Obj,
    ) -> Option<Reason> {
        if checker.op(op, number, object) != Outcome::True {
            return None;
        }
        match op {
            Op::Direct => self.direct(checker, number, object),
            Op::Computed(other) => self.trace(checker, *other, object).map(|t| Reason::Computed(Box::new(t))),
            Op::Ttu { tupleset, computed } => {
                let view = self.conditions.view;
                let rows = view.place(object, self.conditions.engine.bind.relation_sym(*tupleset)).subjects();
                rows.into_iter().filter(|(parent, _)| parent.relation() == 0).find_map(
                    |(parent, condition)| {
                        if checker.parent(*tupleset, computed, parent.obj(), condition) != Outcome::True {
                            return None;
                        }
                        let of = self.conditions.engine.bind.type_no(view.type_of(parent.obj()))?;
                        let (_, other) = computed.iter().find(|(known, _)| *known == of)?;
                        let because = Box::new(self.trace(checker, *other, parent.obj())?);
                        Some(Reason::Through {
                            tuple: self.tuple(*tupleset, object, parent, condition),
                            because,
                        })
                    },
                )
            }
            Op::Any(ops) => ops.iter().find_map(|op| self.reason(checker, op, number, object)),
            Op::All(ops) => {
                let all: Option<Vec<Reason>> =
                    ops.iter().map(|op| self.reason(checker, op, number, object)).collect();
                all.map(Reason::All)
            }
            Op::Without(parts) => {
                let base = Box::new(self.reason(checker, &parts[0], number, object)?);
                Some(Reason::Without { base, not: self.written(&parts[1], number) })
            }
        }
    }

    fn direct(&self, checker: &mut Checker<'_>, number: RelNo, object: Obj) -> Option<Reason> {
        let place = self.conditions.view.place(object, self.conditions.engine.bind.relation_sym(number));
        if let Some((subject, condition)) = checker.named(number, place) {
            return Some(Reason::Tuple(self.tuple(number, object, subject, condition)));
        }
        let sets = place.subjects().into_iter().filter(|(subject, _)| subject.relation() != 0);
        for (subject, condition) in sets {
            if checker.member(number, subject, condition) == Outcome::True {
                let userset = self.conditions.engine.bind.userset(self.conditions.view, subject)?;
                let because = Box::new(self.trace(checker, userset, subject.obj())?);
                return Some(Reason::Member {
                    tuple: self.tuple(number, object, subject, condition),
                    because,
                });
            }
        }
        None
    }

    /// A part of a relation as the modelling language has it.
    fn written(&self, op: &Op, number: RelNo) -> String {
        let schema = &self.conditions.engine.schema;
        let name = |number: RelNo| schema.relation(number).name.to_string();
        let joined = |ops: &[Op], word: &str| {
            let parts: Vec<String> = ops.iter().map(|op| self.written(op, number)).collect();
            format!("({})", parts.join(word))
        };
        match op {
            Op::Direct => format!("[{}]", name(number)),
            Op::Computed(other) => name(*other),
            Op::Ttu { tupleset, computed } => match computed.first() {
                Some((_, other)) => format!("{} from {}", name(*other), name(*tupleset)),
                None => format!("… from {}", name(*tupleset)),
            },
            Op::Any(ops) => joined(ops, " or "),
            Op::All(ops) => joined(ops, " and "),
            Op::Without(parts) => joined(&parts[..], " but not "),
        }
    }
}

type Fix = Option<Vec<Missing>>;

/// Looks for the fewest changes. Parts of a relation are looked at apart from each other, so that a change that would
/// serve two of them at once is counted for each; what is found is checked before it is told.
struct Search<'a> {
    names: Names<'a>,
    steps_left: u32,
    path: Vec<(RelNo, Obj)>,
}

/// The shorter of two; the first of two that are equally long.
fn shorter(a: Fix, b: Fix) -> Fix {
    match (&a, &b) {
        (Some(x), Some(y)) if y.len() < x.len() => b,
        (None, _) => b,
        _ => a,
    }
}

fn joined(fixes: impl Iterator<Item = Fix>) -> Fix {
    let mut all: Vec<Missing> = Vec::new();
    for fix in fixes {
        for change in fix? {
            if !all.contains(&change) {
                all.push(change);
            }
        }
    }
    Some(all)
}

impl<'a> Search<'a> {
    fn step(&mut self) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        Some(())
    }

    /// What makes a relation hold.
    fn relation(&mut self, checker: &mut Checker<'a>, number: RelNo, object: Obj) -> Fix {
        self.step()?;
        if self.path.len() >= RESOLVE_DEPTH_MAX || self.path.contains(&(number, object)) {
            return None;
        }
        if !checker.can_reach(number) {
            return None;
        }
        self.path.push((number, object));
        let schema: &'a super::Schema = &self.names.conditions.engine.schema;
        let fix = self.op(checker, &schema.relation(number).op, number, object);
        self.path.pop();
        fix
    }

    fn op(&mut self, checker: &mut Checker<'a>, op: &'a Op, number: RelNo, object: Obj) -> Fix {
        self.step()?;
        if checker.op(op, number, object) == Outcome::True {
            return Some(Vec::new());
        }
        match op {
            Op::Direct => self.direct(checker, number, object),
            Op::Computed(other) => self.relation(checker, *other, object),
            Op::Ttu { tupleset, computed } => {
                let (view, engine) = (self.names.conditions.view, self.names.conditions.engine);
                let mut best = None;
                for (parent, condition) in view.place(object, engine.bind.relation_sym(*tupleset)).subjects()
                {
                    let of = engine.bind.type_no(view.type_of(parent.obj()));
                    let Some((of, other)) = computed.iter().find(|(known, _)| Some(*known) == of) else {
                        continue;
                    };
                    if self.names.conditions.counts(*tupleset, *of, Kind::Object, condition) == Ok(true) {
                        best = shorter(best, self.relation(checker, *other, parent.obj()));
                    }
                }
                best
            }
            Op::Any(ops) => {
                ops.iter().fold(None, |best, op| shorter(best, self.op(checker, op, number, object)))
            }
            Op::All(ops) => joined(ops.iter().map(|op| self.op(checker, op, number, object))),
            Op::Without(parts) => {
                let base = self.op(checker, &parts[0], number, object);
                let subtract = self.end(checker, &parts[1], number, object);
                joined([base, subtract].into_iter())
            }
        }
    }

    fn direct(&mut self, checker: &mut Checker<'a>, number: RelNo, object: Obj) -> Fix {
        let (engine, view) = (self.names.conditions.engine, self.names.conditions.view);
        let place = view.place(object, engine.bind.relation_sym(number));
        let mut best = None;
        if let Some(condition) = place.edge(checker.subject()).filter(|condition| *condition != 0) {
            let tuple = self.names.tuple(number, object, checker.subject(), condition);
            let parameters = self.open_parameters(&tuple);
            best = Some(vec![Missing::Condition { tuple, parameters }]);
        } else {
            let schema = &engine.schema;
            let relation = schema.relation(number);
            let mut tuple = Tuple::new(self.names.question.user, &*relation.name, self.names.object(object));
            let conditions = relation.allowed.iter().filter_map(|a| a.condition);
            let named = conditions.map(|n| Some(schema.conditions[usize::from(n)].name.to_string()));
            for name in std::iter::once(None).chain(named) {
                tuple.condition = name.map(|name| TupleCondition { name, context: None });
                if schema.validate_tuple(&tuple).is_ok() {
                    best = Some(vec![Missing::Write(tuple)]);
                    break;
                }
            }
        }
        for (subject, condition) in place.subjects().into_iter().filter(|(s, _)| s.relation() != 0) {
            let Some(userset) = engine.bind.userset(view, subject) else { continue };
            let of = engine.schema.relation(userset).of;
            if self.names.conditions.counts(number, of, Kind::Userset(userset), condition) == Ok(true) {
                best = shorter(best, self.relation(checker, userset, subject.obj()));
            }
        }
        best
    }

    fn open_parameters(&self, tuple: &Tuple) -> Vec<String> {
        let schema = &self.names.conditions.engine.schema;
        let Some(condition) = &tuple.condition else { return Vec::new() };
        let number = schema.condition_no(&condition.name);
        number
            .map(|n| schema.conditions[usize::from(n)].program.open_parameters(condition.context.as_ref()))
            .unwrap_or_default()
    }

    /// What makes a part of a relation hold no more.
    fn end(&mut self, checker: &mut Checker<'a>, op: &'a Op, number: RelNo, object: Obj) -> Fix {
        self.step()?;
        if checker.op(op, number, object) != Outcome::True {
            return Some(Vec::new());
        }
        match op {
            Op::Direct => self.end_direct(checker, number, object),
            Op::Computed(other) => self.end_relation(checker, *other, object),
            Op::Ttu { tupleset, computed } => {
                let (view, engine) = (self.names.conditions.view, self.names.conditions.engine);
                let rows = view.place(object, engine.bind.relation_sym(*tupleset)).subjects();
                joined(rows.into_iter().map(|(parent, condition)| {
                    if checker.parent(*tupleset, computed, parent.obj(), condition) != Outcome::True {
                        return Some(Vec::new());
                    }
                    let of = engine.bind.type_no(view.type_of(parent.obj()))?;
                    let (_, other) = computed.iter().find(|(known, _)| *known == of)?;
                    let gone =
                        Some(vec![Missing::Delete(self.names.tuple(*tupleset, object, parent, condition))]);
                    shorter(gone, self.end_relation(checker, *other, parent.obj()))
                }))
            }
            Op::Any(ops) => joined(ops.iter().map(|op| self.end(checker, op, number, object))),
            Op::All(ops) => {
                ops.iter().fold(None, |best, op| shorter(best, self.end(checker, op, number, object)))
            }
            Op::Without(parts) => {
                let base = self.end(checker, &parts[0], number, object);
                shorter(base, self.op(checker, &parts[1], number, object))
            }
        }
    }

    fn end_relation(&mut self, checker: &mut Checker<'a>, number: RelNo, object: Obj) -> Fix {
        self.step()?;
        if self.path.len() >= RESOLVE_DEPTH_MAX || self.path.contains(&(number, object)) {
            return None;
        }
        self.path.push((number, object));
        let schema: &'a super::Schema = &self.names.conditions.engine.schema;
        let fix = self.end(checker, &schema.relation(number).op, number, object);
        self.path.pop();
        fix
    }

    fn end_direct(&mut self, checker: &mut Checker<'a>, number: RelNo, object: Obj) -> Fix {
        let (engine, view) = (self.names.conditions.engine, self.names.conditions.view);
        let place = view.place(object, engine.bind.relation_sym(number));
        let mut all = Vec::new();
        for (subject, condition) in place.subjects() {
            let gone = || vec![Missing::Delete(self.names.tuple(number, object, subject, condition))];
            let everyone = view.name(subject.obj()).1 == WILDCARD;
            if subject.relation() == 0 && (subject == checker.subject() || everyone) {
                all.extend(gone());
            } else if subject.relation() != 0 && checker.member(number, subject, condition) == Outcome::True {
                let userset = engine.bind.userset(view, subject)?;
                let gone = gone();
                all.extend(shorter(Some(gone), self.end_relation(checker, userset, subject.obj()))?);
            }
        }
        Some(all)
    }
}

impl<'a> Checker<'a> {
    pub(super) fn subject(&self) -> Subject {
        self.subject
    }

    pub(super) fn is_itself(&self, number: RelNo, object: Obj) -> bool {
        self.user_relation == Some(number) && self.subject.obj() == object
    }

    /// Goes into a relation, so that what is asked next is asked on its path. `None` when the path comes back to itself.
    fn enter(&mut self, number: RelNo, object: Obj) -> Option<&'a Op> {
        let key = u64::from(number) << 32 | u64::from(object);
        if self.depth == RESOLVE_DEPTH_MAX || self.path[..self.depth].contains(&key) {
            return None;
        }
        self.path[self.depth] = key;
        self.depth += 1;
        let engine = self.engine;
        Some(&engine.schema.relation(number).op)
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The tuple that names the user or everything of its type, if one counts.
    fn named(&mut self, number: RelNo, place: crate::store::Place<'_>) -> Option<(Subject, Cond)> {
        let of = self.user_type;
        let candidates = [Some((self.subject, self.user_kind)), self.everyone.map(|s| (s, Kind::Wildcard))];
        candidates.into_iter().flatten().find_map(|(subject, kind)| {
            let condition = place.edge(subject)?;
            (self.conditions.counts(number, of, kind, condition) == Ok(true)).then_some((subject, condition))
        })
    }
}
