//! The numbers a schema has for names, and the numbers the snapshot has for them.

use std::sync::Arc;

use super::error::Error;
use super::schema::{CondNo, RelNo, Schema, TypeNo};
use super::tuple::{Tuple, User};
use crate::names as wire;
use crate::store::{Names, Obj, Overlay, Subject, Sym, View};

#[derive(Debug)]
pub(super) struct Bind {
    types: Vec<Sym>,
    relations: Vec<Sym>,
    conditions: Vec<Sym>,
    /// By the snapshot's number: the schema's, or [`NONE`].
    types_by_sym: Vec<TypeNo>,
    conditions_by_sym: Vec<CondNo>,
    /// By the schema's number of a type: its relations by the snapshot's number.
    relations_by_sym: Vec<Vec<(Sym, RelNo)>>,
}

const NONE: u16 = u16::MAX;

impl Bind {
    pub(super) fn new(schema: &Schema, names: &Names) -> Result<Self, Error> {
        // Names that no tuple has yet get numbers after the snapshot's own.
        let mut own: std::collections::HashMap<Box<str>, Sym> = std::collections::HashMap::new();
        let mut next = names.len() + 1;
        let mut sym = |name: &str| -> Result<Sym, Error> {
            if let Some(known) = names.get(name).or_else(|| own.get(name).copied()) {
                return Ok(known);
            }
            let number = Sym::try_from(next).ok().filter(|n| *n != NONE);
            let number = number.ok_or_else(|| Error::Limit("there are too many names".to_owned()))?;
            next += 1;
            own.insert(name.into(), number);
            Ok(number)
        };
        let types = schema.types.iter().map(|t| sym(&t.name)).collect::<Result<Vec<_>, _>>()?;
        let relations = schema.relations.iter().map(|r| sym(&r.name)).collect::<Result<Vec<_>, _>>()?;
        let conditions = schema.conditions.iter().map(|c| sym(&c.name)).collect::<Result<Vec<_>, _>>()?;
        let by_sym = |syms: &[Sym]| {
            let mut by_sym = vec![NONE; next];
            for (number, sym) in (0..).zip(syms) {
                by_sym[usize::from(*sym)] = number;
            }
            by_sym
        };
        let relations_by_sym = schema
            .types
            .iter()
            .map(|t| {
                t.relations.iter().map(|(_, number)| (relations[usize::from(*number)], *number)).collect()
            })
            .collect();
        let (types_by_sym, conditions_by_sym) = (by_sym(&types), by_sym(&conditions));
        Ok(Self { types, relations, conditions, types_by_sym, conditions_by_sym, relations_by_sym })
    }

    pub(super) fn type_sym(&self, number: TypeNo) -> Sym {
        self.types[usize::from(number)]
    }

    pub(super) fn relation_sym(&self, number: RelNo) -> Sym {
        self.relations[usize::from(number)]
    }

    pub(super) fn type_no(&self, sym: Sym) -> Option<TypeNo> {
        self.types_by_sym.get(usize::from(sym)).copied().filter(|n| *n != NONE)
    }

    pub(super) fn condition_no(&self, sym: Sym) -> Option<CondNo> {
        self.conditions_by_sym.get(usize::from(sym)).copied().filter(|n| *n != NONE)
    }

    pub(super) fn relation_no(&self, of: TypeNo, sym: Sym) -> Option<RelNo> {
        self.relations_by_sym[usize::from(of)]
            .iter()
            .find(|(known, _)| *known == sym)
            .map(|(_, number)| *number)
    }

    /// The relation a stored userset means, if the model knows it.
    pub(super) fn userset(&self, view: View<'_>, subject: Subject) -> Option<RelNo> {
        self.relation_no(self.type_no(view.type_of(subject.obj()))?, subject.relation())
    }

    /// Adds a valid tuple to a layer.
    pub(super) fn write(&self, schema: &Schema, below: View<'_>, layer: &mut Overlay, tuple: &Tuple) {
        let Some((object, relation, subject)) = self.key(schema, below, layer, tuple) else { return };
        let condition = tuple.condition.as_ref().and_then(|condition| {
            let name = self.conditions[usize::from(schema.condition_no(&condition.name)?)];
            Some(layer.add_condition(name, condition.context.clone().map(Arc::new)))
        });
        layer.remove(object, relation, subject);
        layer.add(object, relation, subject, condition.unwrap_or(0));
    }

    fn key(
        &self,
        schema: &Schema,
        below: View<'_>,
        layer: &mut Overlay,
        tuple: &Tuple,
    ) -> Option<(Obj, Sym, Subject)> {
        let (type_name, id) = wire::object(&tuple.object)?;
        let user = User::parse(&tuple.user)?;
        let (object_type, user_type) = (schema.type_no(type_name)?, schema.type_no(user.type_name)?);
        let relation = self.relation_sym(schema.relation_no(object_type, &tuple.relation)?);
        let user_relation = match user.relation {
            "" => 0,
            name => self.relation_sym(schema.relation_no(user_type, name)?),
        };
        let mut number = |of: TypeNo, id: &str| {
            let sym = self.type_sym(of);
            let known = below.object(sym, id).or_else(|| layer.object(sym, id));
            known.unwrap_or_else(|| layer.add_object(sym, id))
        };
        let (object, user_object) = (number(object_type, id), number(user_type, user.id));
        Some((object, relation, Subject::new(user_object, user_relation)))
    }
}
