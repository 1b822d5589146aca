//! Which objects of a type a user has a relation to.
//!
//! The way goes backwards, from the user to what names it. Where only unions lie on it what is found is right; where an
//! intersection or an exclusion lies on it each find is a candidate, which a check decides.

use std::collections::{HashMap, VecDeque};

use super::check::RESOLVE_DEPTH_MAX;
use super::conditions::Conditions;
use super::error::Error;
use super::page::{LIST_STEPS_MAX, List, Page};
use super::schema::{Bits, Kind, Op, RelNo, Schema, TypeNo};
use super::tuple::WILDCARD;
use super::validate::Parts;
use super::{Around, Engine};
use crate::store::{Obj, Subject};

/// Which objects of a type a user has a relation to.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListObjects<'a> {
    /// The user.
    pub user: &'a str,
    /// The relation.
    pub relation: &'a str,
    /// The type of the objects.
    pub object_type: &'a str,
    /// What counts besides.
    pub around: Around<'a>,
    /// Which part of the list.
    pub page: Page<'a>,
}

impl Engine {
    /// The objects, as `type:id`.
    ///
    /// # Errors
    /// The question makes no sense, or a condition on the way has no answer.
    pub fn list_objects(&self, question: &ListObjects<'_>) -> Result<List, Error> {
        let schema = &self.schema;
        let of = schema.type_no(question.object_type);
        let of = of.ok_or_else(|| Error::TypeNotFound(question.object_type.to_owned()))?;
        let target = schema.relation_no(of, question.relation).ok_or_else(|| Error::RelationNotFound {
            type_name: question.object_type.to_owned(),
            relation: question.relation.to_owned(),
        })?;
        let user = schema.user(question.user).map_err(|e| Error::Validation(e.to_string()))?;
        let parts = Parts {
            id: "",
            relation: target,
            object_type: of,
            user: user.0,
            user_type: user.1,
            user_relation: user.2,
        };
        let layer = self.layer(question.around)?;
        let conditions =
            Conditions { engine: self, view: self.view(layer.as_ref()), context: question.around.context };
        let (found, incomplete) = self.objects_of(&parts, conditions)?;
        let name = |object: Obj| {
            let id = if object < conditions.view.objects_end() {
                conditions.view.name(object).1
            } else {
                parts.user.id
            };
            format!("{}:{id}", question.object_type)
        };
        List::cut(found.into_iter().map(name).collect(), question.page, self.snapshot.revision(), incomplete)
    }

    /// The objects a user has a relation to, and whether some may be missing.
    fn objects_of(&self, parts: &Parts<'_>, conditions: Conditions<'_>) -> Result<(Vec<Obj>, bool), Error> {
        let view = conditions.view;
        let mut walk = Walk {
            uses: Uses::of(&self.schema, parts.relation),
            conditions,
            engine: self,
            found: HashMap::new(),
            open: VecDeque::new(),
            error: None,
            steps_left: LIST_STEPS_MAX,
        };
        let type_sym = self.bind.type_sym(parts.user_type);
        // A userset of an object that no tuple names is in itself all the same.
        let object = view.object(type_sym, parts.user.id).unwrap_or_else(|| view.objects_end());
        if let Some(number) = parts.user_relation {
            walk.reach(number, object, true, 0);
            let subject = Subject::new(object, self.bind.relation_sym(number));
            walk.named(subject, parts.user_type, Kind::Userset(number), true, 0);
        } else {
            let kind = if parts.user.is_wildcard() { Kind::Wildcard } else { Kind::Object };
            walk.named(Subject::object(object), parts.user_type, kind, true, 0);
        }
        if parts.user_relation.is_none()
            && !parts.user.is_wildcard()
            && let Some(everyone) = view.object(type_sym, WILDCARD)
        {
            walk.named(Subject::object(everyone), parts.user_type, Kind::Wildcard, true, 0);
        }
        walk.run()?;
        let target = parts.relation;
        let incomplete = walk.steps_left == 0;
        let mut checker = self.checker(parts, conditions);
        let mut objects = Vec::new();
        for ((number, object), exact) in walk.found {
            if number == target && (exact || checker.ask(number, object)?) {
                objects.push(object);
            }
        }
        Ok((objects, incomplete))
    }
}

/// Where the relations that lead to one relation are used.
struct Uses {
    /// The relations on the way.
    way: Bits,
    /// Those that tuples give directly, and whether nothing else must hold too.
    direct: HashMap<RelNo, bool>,
    computed: HashMap<RelNo, Vec<(RelNo, bool)>>,
    /// By what is computed: the relation, and the one that names the other objects.
    through: HashMap<RelNo, Vec<(RelNo, RelNo, bool)>>,
}

impl Uses {
    fn of(schema: &Schema, target: RelNo) -> Self {
        let mut uses = Self {
            way: Bits::default(),
            direct: HashMap::new(),
            computed: HashMap::new(),
            through: HashMap::new(),
        };
        let mut open = vec![target];
        while let Some(number) = open.pop() {
            if uses.way.add(number) {
                uses.add(schema, number, &schema.relation(number).op, true, &mut open);
            }
        }
        uses
    }

    fn add(&mut self, schema: &Schema, number: RelNo, op: &Op, exact: bool, open: &mut Vec<RelNo>) {
        match op {
            Op::Direct => {
                *self.direct.entry(number).or_default() |= exact;
                open.extend(schema.relation(number).allowed.iter().filter_map(|a| match a.kind {
                    Kind::Userset(userset) => Some(userset),
                    _ => None,
                }));
            }
            Op::Computed(from) => {
                self.computed.entry(*from).or_default().push((number, exact));
                open.push(*from);
            }
            Op::Ttu { tupleset, computed } => {
                for (_, from) in computed {
                    self.through.entry(*from).or_default().push((number, *tupleset, exact));
                    open.push(*from);
                }
            }
            Op::Any(ops) => ops.iter().for_each(|op| self.add(schema, number, op, exact, open)),
            // Who has all of several has the first of them.
            Op::All(ops) => ops.iter().take(1).for_each(|op| self.add(schema, number, op, false, open)),
            Op::Without(parts) => self.add(schema, number, &parts[0], false, open),
        }
    }
}

struct Walk<'a> {
    uses: Uses,
    engine: &'a Engine,
    conditions: Conditions<'a>,
    /// What was found, and whether it is certain.
    found: HashMap<(RelNo, Obj), bool>,
    open: VecDeque<(RelNo, Obj, usize)>,
    error: Option<Error>,
    steps_left: u32,
}

impl Walk<'_> {
    fn reach(&mut self, number: RelNo, object: Obj, exact: bool, depth: usize) {
        if !self.uses.way.has(number) {
            return;
        }
        match self.found.get_mut(&(number, object)) {
            Some(known) if *known || !exact => return,
            Some(known) => *known = true,
            None => _ = self.found.insert((number, object), exact),
        }
        self.open.push_back((number, object, depth));
    }

    /// What names a user directly.
    fn named(&mut self, subject: Subject, of: TypeNo, kind: Kind, exact: bool, depth: usize) {
        let (view, engine) = (self.conditions.view, self.engine);
        for (object, relation, condition) in view.named_in(subject) {
            self.steps_left = self.steps_left.saturating_sub(1);
            let number =
                engine.bind.type_no(view.type_of(object)).and_then(|t| engine.bind.relation_no(t, relation));
            let Some(number) = number else { continue };
            let Some(direct_exact) = self.uses.direct.get(&number).copied() else { continue };
            match self.conditions.counts(number, of, kind, condition) {
                Ok(true) => self.reach(number, object, exact && direct_exact, depth),
                Ok(false) => {}
                Err(error) => _ = self.error.get_or_insert(error),
            }
        }
    }

    fn run(&mut self) -> Result<(), Error> {
        while let Some((number, object, depth)) = self.open.pop_front() {
            if self.steps_left == 0 {
                break;
            }
            if depth >= RESOLVE_DEPTH_MAX {
                return Err(Error::TooComplex);
            }
            self.steps_left -= 1;
            let exact = self.found[&(number, object)];
            for (parent, same) in self.uses.computed.get(&number).cloned().unwrap_or_default() {
                self.reach(parent, object, exact && same, depth + 1);
            }
            self.through(number, object, exact, depth + 1);
            let of = self.engine.schema.relation(number).of;
            let userset = Subject::new(object, self.engine.bind.relation_sym(number));
            self.named(userset, of, Kind::Userset(number), exact, depth + 1);
        }
        self.error.take().map_or(Ok(()), Err)
    }

    /// The objects that name this one, where a relation of theirs follows from the one that was reached.
    fn through(&mut self, number: RelNo, object: Obj, exact: bool, depth: usize) {
        let Some(uses) = self.uses.through.get(&number).cloned() else { return };
        let (view, engine) = (self.conditions.view, self.engine);
        let of = engine.schema.relation(number).of;
        for (child, relation, condition) in view.named_in(Subject::object(object)) {
            self.steps_left = self.steps_left.saturating_sub(1);
            let tupleset =
                engine.bind.type_no(view.type_of(child)).and_then(|t| engine.bind.relation_no(t, relation));
            for (parent, needed, same) in &uses {
                if tupleset != Some(*needed) {
                    continue;
                }
                match self.conditions.counts(*needed, of, Kind::Object, condition) {
                    Ok(true) => self.reach(*parent, child, exact && *same, depth),
                    Ok(false) => {}
                    Err(error) => _ = self.error.get_or_insert(error),
                }
            }
        }
    }
}
