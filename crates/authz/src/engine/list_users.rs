//! Who has a relation to an object.
//!
//! The way goes forwards, from the object to those it names. As with objects, what is found through unions alone is
//! right, and what is found through an intersection or an exclusion is decided by a check. Where everybody may be named,
//! those whom an exclusion names are looked at too: what is taken away from everybody may be given back to them.

use std::collections::{HashMap, VecDeque};

use super::check::RESOLVE_DEPTH_MAX;
use super::conditions::Conditions;
use super::error::Error;
use super::page::{LIST_STEPS_MAX, List, Page};
use super::schema::{Kind, Op, RelNo, TypeNo};
use super::tuple::WILDCARD;
use super::{Around, Engine};
use crate::names;
use crate::store::{Cond, Obj, Subject};

/// A kind of users.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserFilter<'a> {
    /// Their type.
    pub type_name: &'a str,
    /// For `group#member` the relation.
    pub relation: Option<&'a str>,
}

/// Who of a kind has a relation to an object.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListUsers<'a> {
    /// The object.
    pub object: &'a str,
    /// The relation.
    pub relation: &'a str,
    /// Of which kind.
    pub filter: UserFilter<'a>,
    /// What counts besides.
    pub around: Around<'a>,
    /// Which part of the list.
    pub page: Page<'a>,
}

impl Engine {
    /// The users: `user:anne`, `user:*` for everybody, `group:staff#member`.
    ///
    /// # Errors
    /// The question makes no sense, or a condition on the way has no answer.
    pub fn list_users(&self, question: &ListUsers<'_>) -> Result<List, Error> {
        let schema = &self.schema;
        let layer = self.layer(question.around)?;
        let typed = |name: &str| schema.type_no(name).ok_or_else(|| Error::TypeNotFound(name.to_owned()));
        let related = |of: TypeNo, type_name: &str, relation: &str| {
            let missing =
                || Error::RelationNotFound { type_name: type_name.to_owned(), relation: relation.to_owned() };
            schema.relation_no(of, relation).ok_or_else(missing)
        };
        let wanted_type = typed(question.filter.type_name)?;
        let wanted = match question.filter.relation {
            Some(relation) => Some(related(wanted_type, question.filter.type_name, relation)?),
            None => None,
        };
        let object = names::object(question.object).filter(|(_, id)| *id != WILDCARD);
        let (type_name, id) =
            object.ok_or_else(|| Error::Validation("invalid 'object' field format".to_owned()))?;
        let of = typed(type_name)?;
        let target = related(of, type_name, question.relation)?;
        let conditions =
            Conditions { engine: self, view: self.view(layer.as_ref()), context: question.around.context };
        let mut walk = Walk {
            engine: self,
            conditions,
            wanted_type,
            wanted,
            states: HashMap::new(),
            open: VecDeque::new(),
            found: HashMap::new(),
            error: None,
            steps_left: LIST_STEPS_MAX,
        };
        let mut users = Vec::new();
        // Those who have a relation to an object that no tuple names are in themselves all the same.
        let end = conditions.view.objects_end();
        let object = conditions.view.object(self.bind.type_sym(of), id).unwrap_or(end);
        walk.reach(target, object, Certainty::Certain, 0);
        walk.run()?;
        for subject in walk.confirmed(target, object)? {
            let user = subject.obj();
            let id = if user < end { conditions.view.name(user).1 } else { id };
            users.push(user_name(question.filter, id));
        }
        List::cut(users, question.page, self.snapshot.revision(), walk.steps_left == 0)
    }
}

fn user_name(filter: UserFilter<'_>, id: &str) -> String {
    match filter.relation {
        Some(relation) => format!("{}:{id}#{relation}", filter.type_name),
        None => format!("{}:{id}", filter.type_name),
    }
}

/// How certain it is that a user who is found has the relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    /// Named in what is taken away.
    Excluded,
    /// Named where something else must hold too.
    Possible,
    Certain,
}

struct Walk<'a> {
    engine: &'a Engine,
    conditions: Conditions<'a>,
    wanted_type: TypeNo,
    wanted: Option<RelNo>,
    /// Where the walk has been, and whether what is found there is certain.
    states: HashMap<(RelNo, Obj), Certainty>,
    open: VecDeque<(RelNo, Obj, usize)>,
    /// Who was found, and whether it is certain.
    found: HashMap<Subject, Certainty>,
    error: Option<Error>,
    steps_left: u32,
}

impl<'a> Walk<'a> {
    fn reach(&mut self, number: RelNo, object: Obj, certainty: Certainty, depth: usize) {
        let relation = self.engine.schema.relation(number);
        if self.wanted == Some(number) {
            self.find(Subject::new(object, self.engine.bind.relation_sym(number)), certainty);
        }
        if self.wanted.is_none() && !relation.reached_by.has(self.wanted_type) {
            return;
        }
        match self.states.get_mut(&(number, object)) {
            Some(known) if *known >= certainty => return,
            Some(known) => *known = certainty,
            None => _ = self.states.insert((number, object), certainty),
        }
        self.open.push_back((number, object, depth));
    }

    fn find(&mut self, subject: Subject, certainty: Certainty) {
        let known = self.found.entry(subject).or_insert(certainty);
        *known = certainty.max(*known);
    }

    fn run(&mut self) -> Result<(), Error> {
        while let Some((number, object, depth)) = self.open.pop_front() {
            if self.steps_left == 0 {
                break;
            }
            if depth >= RESOLVE_DEPTH_MAX {
                return Err(Error::TooComplex);
            }
            let certainty = self.states[&(number, object)];
            let engine = self.engine;
            self.op(&engine.schema.relation(number).op, number, object, certainty, depth + 1);
        }
        self.error.take().map_or(Ok(()), Err)
    }

    fn op(&mut self, op: &'a Op, number: RelNo, object: Obj, certainty: Certainty, depth: usize) {
        self.steps_left = self.steps_left.saturating_sub(1);
        match op {
            Op::Direct => self.direct(number, object, certainty, depth),
            Op::Computed(other) => self.reach(*other, object, certainty, depth),
            Op::Ttu { tupleset, computed } => {
                let (view, engine) = (self.conditions.view, self.engine);
                for (parent, condition) in view.place(object, engine.bind.relation_sym(*tupleset)).subjects()
                {
                    let of = engine.bind.type_no(view.type_of(parent.obj()));
                    let Some((of, other)) = computed.iter().find(|(known, _)| Some(*known) == of) else {
                        continue;
                    };
                    if self.counts(*tupleset, *of, Kind::Object, condition) {
                        self.reach(*other, parent.obj(), certainty, depth);
                    }
                }
            }
            Op::Any(ops) => ops.iter().for_each(|op| self.op(op, number, object, certainty, depth)),
            // Everybody in one part may be somebody in another, so that all parts are looked at.
            Op::All(ops) => {
                let certainty = certainty.min(Certainty::Possible);
                ops.iter().for_each(|op| self.op(op, number, object, certainty, depth));
            }
            Op::Without(parts) => {
                self.op(&parts[0], number, object, certainty.min(Certainty::Possible), depth);
                if self.wanted.is_none() && self.engine.schema.has_wildcards {
                    self.op(&parts[1], number, object, Certainty::Excluded, depth);
                }
            }
        }
    }

    fn counts(&mut self, relation: RelNo, of: TypeNo, kind: Kind, condition: Cond) -> bool {
        self.steps_left = self.steps_left.saturating_sub(1);
        match self.conditions.counts(relation, of, kind, condition) {
            Ok(counts) => counts,
            Err(error) => {
                self.error.get_or_insert(error);
                false
            }
        }
    }

    fn direct(&mut self, number: RelNo, object: Obj, certainty: Certainty, depth: usize) {
        let (view, engine) = (self.conditions.view, self.engine);
        let sym = engine.bind.relation_sym(number);
        for (subject, condition) in view.place(object, sym).subjects() {
            if subject.relation() != 0 {
                let Some(userset) = engine.bind.userset(view, subject) else { continue };
                let of = engine.schema.relation(userset).of;
                if self.counts(number, of, Kind::Userset(userset), condition) {
                    self.reach(userset, subject.obj(), certainty, depth);
                }
                continue;
            }
            let (of, id) = view.name(subject.obj());
            let Some(of) = engine.bind.type_no(of) else { continue };
            let kind = if id == WILDCARD { Kind::Wildcard } else { Kind::Object };
            if self.counts(number, of, kind, condition) && self.wanted.is_none() && of == self.wanted_type {
                self.find(subject, certainty);
            }
        }
    }

    /// Those who were found with certainty, and of the others those whom a check confirms.
    fn confirmed(&mut self, target: RelNo, object: Obj) -> Result<Vec<Subject>, Error> {
        let found = std::mem::take(&mut self.found);
        let (mut users, mut everybody) = (Vec::new(), false);
        for (subject, certainty) in &found {
            let is_everybody =
                self.wanted.is_none() && self.conditions.view.name(subject.obj()).1 == WILDCARD;
            if *certainty != Certainty::Excluded && self.confirms(*subject, *certainty, target, object)? {
                everybody |= is_everybody;
                users.push(*subject);
            }
        }
        // Where everybody has the relation, those who were only named as exceptions have it as a part of everybody.
        let excepted = found.iter().filter(|(_, certainty)| !everybody && **certainty == Certainty::Excluded);
        for (subject, certainty) in excepted {
            if self.confirms(*subject, *certainty, target, object)? {
                users.push(*subject);
            }
        }
        Ok(users)
    }

    fn confirms(
        &self,
        subject: Subject,
        certainty: Certainty,
        target: RelNo,
        object: Obj,
    ) -> Result<bool, Error> {
        if certainty == Certainty::Certain {
            return Ok(true);
        }
        let kind = match self.wanted {
            Some(number) => Kind::Userset(number),
            None if self.conditions.view.name(subject.obj()).1 == WILDCARD => Kind::Wildcard,
            None => Kind::Object,
        };
        self.engine.checker_of(subject, self.wanted_type, kind, self.conditions).ask(target, object)
    }
}
