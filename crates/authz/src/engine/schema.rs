//! A model compiled: one small program per relation, and which types of users can have it at all.

use std::collections::HashMap;

use super::error::SchemaError;
use crate::cel::{ConditionError, Program};
use crate::model::{Model, Ordered, TypeDefinition, Userset, validate};
use crate::names;
use crate::store::same;

/// Number of a type in a schema.
pub(crate) type TypeNo = u16;
/// Number of a relation in a schema; relations of the same name on two types are two.
pub(crate) type RelNo = u16;
/// Number of a condition in a schema.
pub(crate) type CondNo = u16;

/// How many types, and how many relations, a schema can have.
pub const SCHEMA_NUMBERS_MAX: usize = 32_768;

/// Up to so many relations it is known beforehand which follow from which; the table has one bit for each pair.
const RELATIONS_LED_MAX: usize = 4_096;

/// Up to so many names one is found sooner by looking at each.
const NAMES_SCANNED_MAX: usize = 16;

/// What a relation consists of.
#[derive(Debug)]
pub(crate) enum Op {
    Direct,
    Computed(RelNo),
    /// The relation that names other objects, and what counts of each type of them.
    Ttu {
        tupleset: RelNo,
        computed: Box<[(TypeNo, RelNo)]>,
    },
    Any(Box<[Op]>),
    All(Box<[Op]>),
    Without(Box<[Op; 2]>),
}

/// What a tuple of a relation may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Wildcard,
    Userset(RelNo),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) of: TypeNo,
    pub(crate) kind: Kind,
    pub(crate) condition: Option<CondNo>,
}

#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) name: Box<str>,
    pub(crate) of: TypeNo,
    pub(crate) op: Op,
    pub(crate) allowed: Box<[Allowed]>,
    /// Some other relation goes through it: `x from this`.
    pub(crate) is_tupleset: bool,
    /// By type: whether tuples may name its objects, and whether they may name all of them.
    pub(crate) objects: Bits,
    pub(crate) wildcards: Bits,
    pub(crate) has_usersets: bool,
    /// By type: whether its objects can have the relation in any way.
    pub(crate) reached_by: Bits,
    /// Which relations those who have this one can have by it.
    leads_to: Bits,
    /// Only unions lie on every way from here: one more tuple never takes anything away.
    pub(crate) only_unions: bool,
    /// As it was written, its parts in their order.
    pub(crate) source: Userset,
}

#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) name: Box<str>,
    /// Its relations, sorted by name.
    pub(crate) relations: Vec<(Box<str>, RelNo)>,
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) name: Box<str>,
    pub(crate) program: Program,
}

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn has(&self, n: u16) -> bool {
        self.0.get(usize::from(n / 64)).is_some_and(|word| word & (1 << (n % 64)) != 0)
    }

    /// Adds a number; whether it is new.
    pub(crate) fn add(&mut self, n: u16) -> bool {
        let (word, bit) = (usize::from(n / 64), 1 << (n % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

/// A compiled model. It knows no tuples; see [`super::Engine`].
#[derive(Debug)]
pub struct Schema {
    pub(crate) types: Vec<Type>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) conditions: Vec<Condition>,
    /// Some relation can be given to everything of a type.
    pub(crate) has_wildcards: bool,
    type_numbers: HashMap<Box<str>, TypeNo>,
    condition_numbers: HashMap<Box<str>, CondNo>,
}

impl Schema {
    /// Its relations with their types, by the names of both.
    pub fn relations(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> = (self.types.iter())
            .flat_map(|of| of.relations.iter().map(|(name, _)| (&*of.name, &**name)))
            .collect();
        all.sort_unstable();
        all
    }

    /// Compiles a model.
    ///
    /// # Errors
    /// What is wrong with it; for OpenFGA's API all of it is `invalid_authorization_model`, 2056.
    pub fn compile(model: &Model) -> Result<Self, SchemaError> {
        validate::for_engine(model)?;
        let mut schema = Self {
            types: Vec::new(),
            relations: Vec::new(),
            conditions: Vec::new(),
            has_wildcards: false,
            type_numbers: HashMap::new(),
            condition_numbers: HashMap::new(),
        };
        schema.number(model)?;
        for (name, condition) in model.conditions.iter().flat_map(Ordered::iter) {
            if !names::is_condition(name) {
                let cause = format!("the name does not match naming rule: '{}'", names::CONDITION_RULE);
                return Err(ConditionError { condition: name.to_owned(), cause }.into());
            }
            let program = Program::compile(condition)?;
            let number = u16::try_from(schema.conditions.len()).map_err(|_| too_large())?;
            schema.condition_numbers.insert(name.into(), number);
            schema.conditions.push(Condition { name: name.into(), program });
        }
        for of in model.types() {
            for (name, userset) in of.relations.iter() {
                schema.compile_relation(of, name, userset)?;
            }
        }
        schema.refuse_tuplesets()?;
        schema.refuse_cycles()?;
        schema.reach();
        schema.lead();
        schema.find_unions();
        Ok(schema)
    }

    fn number(&mut self, model: &Model) -> Result<(), SchemaError> {
        let relations: usize = model.types().iter().map(|of| of.relations.len()).sum();
        if model.types().len().max(relations) > SCHEMA_NUMBERS_MAX {
            return Err(too_large());
        }
        for of in model.types() {
            let type_no = u16::try_from(self.types.len()).map_err(|_| too_large())?;
            let mut relations = Vec::new();
            for (name, userset) in of.relations.iter() {
                let number = u16::try_from(self.relations.len()).map_err(|_| too_large())?;
                relations.push((Box::from(name), number));
                self.relations.push(Relation {
                    name: name.into(),
                    of: type_no,
                    op: Op::Direct,
                    allowed: Box::default(),
                    is_tupleset: false,
                    objects: Bits::default(),
                    wildcards: Bits::default(),
                    has_usersets: false,
                    reached_by: Bits::default(),
                    leads_to: Bits::default(),
                    only_unions: false,
                    source: userset.clone(),
                });
            }
            relations.sort_unstable();
            self.type_numbers.insert(of.name.as_str().into(), type_no);
            self.types.push(Type { name: of.name.as_str().into(), relations });
        }
        Ok(())
    }

    fn compile_relation(
        &mut self,
        of: &TypeDefinition,
        name: &str,
        userset: &Userset,
    ) -> Result<(), SchemaError> {
        let (type_name, relation) = (of.name.clone(), name.to_owned());
        let Some((type_no, number)) =
            self.type_no(&of.name).and_then(|t| Some((t, self.relation_no(t, name)?)))
        else {
            return Ok(());
        };
        let op = self.op(of, type_no, userset);
        let restrictions = of.restrictions(name);
        if !restrictions.is_empty() && !is_direct(&op) {
            return Err(SchemaError::NotAssignable { type_name, relation });
        }
        let mut allowed = Vec::new();
        for kind in restrictions {
            let Some(of) = self.type_no(&kind.type_name) else { continue };
            let condition =
                kind.condition.as_deref().and_then(|name| self.condition_numbers.get(name).copied());
            let kind = match &kind.relation {
                Some(relation) => self.relation_no(of, relation).map_or(Kind::Object, Kind::Userset),
                None if kind.wildcard.is_some() => Kind::Wildcard,
                None => Kind::Object,
            };
            allowed.push(Allowed { of, kind, condition });
        }
        let mut tuplesets = Vec::new();
        op.tuplesets(&mut tuplesets);
        for tupleset in tuplesets {
            self.relations[usize::from(tupleset)].is_tupleset = true;
        }
        let relation = &mut self.relations[usize::from(number)];
        for entry in &allowed {
            match entry.kind {
                Kind::Object => {
                    relation.objects.add(entry.of);
                }
                Kind::Wildcard => {
                    self.has_wildcards = true;
                    relation.wildcards.add(entry.of);
                }
                Kind::Userset(_) => relation.has_usersets = true,
            }
        }
        relation.op = op;
        relation.allowed = allowed.into();
        Ok(())
    }

    fn op(&self, of: &TypeDefinition, type_no: TypeNo, userset: &Userset) -> Op {
        let several = |all: &[Userset]| -> Vec<Op> { all.iter().map(|u| self.op(of, type_no, u)).collect() };
        match userset {
            Userset::This(_) => Op::Direct,
            Userset::Computed(to) => {
                self.relation_no(type_no, &to.relation).map_or(Op::Any(Box::default()), Op::Computed)
            }
            Userset::TupleToUserset(ttu) => {
                let Some(tupleset) = self.relation_no(type_no, &ttu.tupleset.relation) else {
                    return Op::Any(Box::default());
                };
                let mut computed: Vec<(TypeNo, RelNo)> = of
                    .restrictions(&ttu.tupleset.relation)
                    .iter()
                    .filter_map(|kind| self.type_no(&kind.type_name))
                    .filter_map(|parent| Some((parent, self.relation_no(parent, &ttu.computed.relation)?)))
                    .collect();
                computed.sort_unstable();
                computed.dedup();
                Op::Ttu { tupleset, computed: computed.into() }
            }
            Userset::Union(all) => {
                let mut ops = several(&all.child);
                // What is cheap is looked at first; the order has no meaning.
                ops.sort_by_key(Op::weight);
                Op::Any(ops.into())
            }
            Userset::Intersection(all) => {
                let mut ops = several(&all.child);
                ops.sort_by_key(Op::weight);
                Op::All(ops.into())
            }
            Userset::Difference(parts) => Op::Without(Box::new([
                self.op(of, type_no, &parts.base),
                self.op(of, type_no, &parts.subtract),
            ])),
        }
    }

    fn refuse_tuplesets(&self) -> Result<(), SchemaError> {
        let bad =
            self.relations.iter().find(|r| r.is_tupleset && r.allowed.iter().any(|a| a.kind != Kind::Object));
        match bad {
            Some(bad) => Err(SchemaError::Tupleset {
                type_name: self.types[usize::from(bad.of)].name.to_string(),
                relation: bad.name.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// A relation of an object that is made of itself, in whatever way.
    fn refuse_cycles(&self) -> Result<(), SchemaError> {
        let mut calls: HashMap<RelNo, Vec<RelNo>> = HashMap::new();
        for (number, relation) in (0..).zip(&self.relations) {
            let mut called = Vec::new();
            relation.op.computed(&mut called);
            calls.insert(number, called);
        }
        loop {
            let ends: Vec<RelNo> = calls
                .iter()
                .filter(|(_, called)| !called.iter().any(|c| calls.contains_key(c)))
                .map(|(n, _)| *n)
                .collect();
            if ends.is_empty() {
                break;
            }
            for number in ends {
                calls.remove(&number);
            }
        }
        // What is left leads into a circle; what is named should be in it.
        let Some(first) = calls.keys().min().copied() else { return Ok(()) };
        let mut walked = vec![first];
        loop {
            let last = walked[walked.len() - 1];
            let next = calls[&last].iter().find(|c| calls.contains_key(c)).copied().unwrap_or(last);
            if walked.contains(&next) {
                let relation = &self.relations[usize::from(next)];
                return Err(SchemaError::Cycle {
                    type_name: self.types[usize::from(relation.of)].name.to_string(),
                    relation: relation.name.to_string(),
                });
            }
            walked.push(next);
        }
    }

    /// Finds which types of users can have which relations.
    fn reach(&mut self) {
        for type_no in (0..).take(self.types.len()) {
            let mut grows = true;
            while grows {
                grows = false;
                for number in 0..self.relations.len() {
                    let relation = &self.relations[number];
                    if !relation.reached_by.has(type_no) && self.can_reach(relation, &relation.op, type_no) {
                        self.relations[number].reached_by.add(type_no);
                        grows = true;
                    }
                }
            }
        }
    }

    /// Finds which relations follow from which. For a very large model this is left open: then more is looked at.
    fn lead(&mut self) {
        if self.relations.len() > RELATIONS_LED_MAX {
            return;
        }
        let mut followers: Vec<Vec<RelNo>> = vec![Vec::new(); self.relations.len()];
        for (number, relation) in (0..).zip(&self.relations) {
            let mut sources = Vec::new();
            relation.op.sources(relation, &mut sources);
            for source in sources {
                followers[usize::from(source)].push(number);
            }
        }
        for number in (0..).take(self.relations.len()) {
            let (mut led, mut open) = (Bits::default(), vec![number]);
            while let Some(next) = open.pop() {
                if led.add(next) {
                    open.extend(&followers[usize::from(next)]);
                }
            }
            self.relations[usize::from(number)].leads_to = led;
        }
    }

    /// Finds the relations that have only unions on every way.
    fn find_unions(&mut self) {
        for relation in &mut self.relations {
            relation.only_unions = relation.op.is_union();
        }
        let mut shrinks = true;
        while shrinks {
            shrinks = false;
            for number in 0..self.relations.len() {
                let relation = &self.relations[number];
                let mut sources = Vec::new();
                relation.op.sources(relation, &mut sources);
                if relation.only_unions
                    && !sources.iter().all(|s| self.relations[usize::from(*s)].only_unions)
                {
                    self.relations[number].only_unions = false;
                    shrinks = true;
                }
            }
        }
    }

    /// Whether those who have one relation can have another by it.
    #[inline]
    pub(crate) fn leads(&self, from: RelNo, to: RelNo) -> bool {
        self.relations.len() > RELATIONS_LED_MAX || self.relation(from).leads_to.has(to)
    }

    fn can_reach(&self, relation: &Relation, op: &Op, type_no: TypeNo) -> bool {
        let reached = |number: RelNo| self.relations[usize::from(number)].reached_by.has(type_no);
        match op {
            Op::Direct => relation.allowed.iter().any(|entry| match entry.kind {
                Kind::Userset(number) => reached(number),
                _ => entry.of == type_no,
            }),
            Op::Computed(number) => reached(*number),
            Op::Ttu { computed, .. } => computed.iter().any(|(_, number)| reached(*number)),
            Op::Any(ops) => ops.iter().any(|op| self.can_reach(relation, op, type_no)),
            Op::All(ops) => ops.iter().all(|op| self.can_reach(relation, op, type_no)),
            Op::Without(parts) => self.can_reach(relation, &parts[0], type_no),
        }
    }

    /// The type of an object such as `document:1`, and its id.
    #[inline]
    pub(crate) fn split<'a>(&self, object: &'a str) -> Option<(TypeNo, &'a str)> {
        if self.types.len() > NAMES_SCANNED_MAX {
            let (name, id) = object.split_once(':')?;
            return Some((self.type_no(name)?, id));
        }
        // No name has a colon, so that what stands before one and is a name stands before the first.
        let of = |of: &Type| {
            let (name, bytes) = (of.name.as_bytes(), object.as_bytes());
            bytes.get(name.len()) == Some(&b':') && same(&bytes[..name.len()], name)
        };
        let (number, found) = (0..).zip(&self.types).find(|(_, each)| of(each))?;
        Some((number, object.get(found.name.len() + 1..)?))
    }

    pub(crate) fn type_no(&self, name: &str) -> Option<TypeNo> {
        if self.types.len() <= NAMES_SCANNED_MAX {
            return (0..).zip(&self.types).find(|(_, of)| *of.name == *name).map(|(number, _)| number);
        }
        self.type_numbers.get(name).copied()
    }

    pub(crate) fn condition_no(&self, name: &str) -> Option<CondNo> {
        self.condition_numbers.get(name).copied()
    }

    #[inline]
    pub(crate) fn relation_no(&self, of: TypeNo, name: &str) -> Option<RelNo> {
        let relations = &self.types[usize::from(of)].relations;
        if relations.len() <= NAMES_SCANNED_MAX {
            let found = relations.iter().find(|(known, _)| same(known.as_bytes(), name.as_bytes()));
            return found.map(|(_, number)| *number);
        }
        let at = relations.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(relations[at].1)
    }

    pub(crate) fn relation(&self, number: RelNo) -> &Relation {
        &self.relations[usize::from(number)]
    }

    /// `type#relation`.
    pub(crate) fn relation_name(&self, number: RelNo) -> String {
        let relation = self.relation(number);
        format!("{}#{}", self.types[usize::from(relation.of)].name, relation.name)
    }
}

fn too_large() -> SchemaError {
    SchemaError::TooLarge(SCHEMA_NUMBERS_MAX)
}

fn is_direct(op: &Op) -> bool {
    match op {
        Op::Direct => true,
        Op::Computed(_) | Op::Ttu { .. } => false,
        Op::Any(ops) | Op::All(ops) => ops.iter().any(is_direct),
        Op::Without(parts) => parts.iter().any(is_direct),
    }
}

impl Op {
    fn weight(&self) -> u8 {
        match self {
            Self::Direct => 0,
            Self::Computed(_) => 1,
            Self::Ttu { .. } => 2,
            Self::Any(_) | Self::All(_) | Self::Without(_) => 3,
        }
    }

    fn tuplesets(&self, out: &mut Vec<RelNo>) {
        match self {
            Self::Direct | Self::Computed(_) => {}
            Self::Ttu { tupleset, .. } => out.push(*tupleset),
            Self::Any(ops) | Self::All(ops) => ops.iter().for_each(|op| op.tuplesets(out)),
            Self::Without(parts) => parts.iter().for_each(|op| op.tuplesets(out)),
        }
    }

    fn is_union(&self) -> bool {
        match self {
            Self::Direct | Self::Computed(_) | Self::Ttu { .. } => true,
            Self::Any(ops) => ops.iter().all(Self::is_union),
            Self::All(_) | Self::Without(_) => false,
        }
    }

    /// The relations it follows from, leaving out what is only taken away.
    fn sources(&self, of: &Relation, out: &mut Vec<RelNo>) {
        match self {
            Self::Direct => out.extend(of.allowed.iter().filter_map(|a| match a.kind {
                Kind::Userset(number) => Some(number),
                _ => None,
            })),
            Self::Computed(number) => out.push(*number),
            Self::Ttu { computed, .. } => out.extend(computed.iter().map(|(_, number)| *number)),
            Self::Any(ops) | Self::All(ops) => ops.iter().for_each(|op| op.sources(of, out)),
            Self::Without(parts) => parts[0].sources(of, out),
        }
    }

    fn computed(&self, out: &mut Vec<RelNo>) {
        match self {
            Self::Direct | Self::Ttu { .. } => {}
            Self::Computed(number) => out.push(*number),
            Self::Any(ops) | Self::All(ops) => ops.iter().for_each(|op| op.computed(out)),
            Self::Without(parts) => parts.iter().for_each(|op| op.computed(out)),
        }
    }
}
