//! What a relation of an object consists of, one level deep, in the form of OpenFGA's API.

use serde::Serialize;

use super::error::Error;
use super::schema::{Kind, RelNo};
use super::tuple::WILDCARD;
use super::{Around, Engine};
use crate::model::Userset;
use crate::names;
use crate::store::{Obj, View};

/// A part of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// `object#relation`.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub value: NodeValue,
}

/// What a part of a relation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeValue {
    /// Users, or where they come from.
    Leaf(Leaf),
    /// Any of several.
    Union(Nodes),
    /// All of several.
    Intersection(Nodes),
    /// One without another.
    Difference(Box<DifferenceNode>),
}

/// Several parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// They.
    pub nodes: Vec<Node>,
}

/// One part without another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceNode {
    /// From this.
    pub base: Node,
    /// Not from this.
    pub subtract: Node,
}

/// Users, or where they come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Leaf {
    /// These, sorted.
    Users(Users),
    /// From another relation of the object.
    Computed(Computed),
    /// From a relation of other objects.
    TupleToUserset(TuplesetLeaf),
}

/// Users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Users {
    /// They.
    pub users: Vec<String>,
}

/// A relation of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Computed {
    /// `object#relation`.
    pub userset: String,
}

/// Relations of other objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TuplesetLeaf {
    /// The relation that names the objects, as `object#relation`.
    pub tupleset: String,
    /// What counts of each of them.
    pub computed: Vec<Computed>,
}

impl Engine {
    /// What a relation of an object consists of. Conditions are not looked at, as in OpenFGA.
    ///
    /// # Errors
    /// There is no such object type or relation, or a contextual tuple is wrong.
    pub fn expand(&self, relation: &str, object: &str, around: Around<'_>) -> Result<Node, Error> {
        let layer = self.layer(around)?;
        let view = self.view(layer.as_ref());
        let wrong = |cause: String| Error::Validation(cause);
        let parsed = names::object(object).filter(|(_, id)| *id != WILDCARD);
        let (type_name, id) = parsed.ok_or_else(|| wrong("invalid 'object' field format".to_owned()))?;
        let of =
            self.schema.type_no(type_name).ok_or_else(|| wrong(format!("type '{type_name}' not found")))?;
        let number = self.schema.relation_no(of, relation);
        let number = number.ok_or_else(|| wrong(format!("relation '{type_name}#{relation}' not found")))?;
        let expansion =
            Expansion { engine: self, view, object, number, at: view.object(self.bind.type_sym(of), id) };
        Ok(expansion.node(&self.schema.relation(number).source))
    }
}

struct Expansion<'a> {
    engine: &'a Engine,
    view: View<'a>,
    object: &'a str,
    number: RelNo,
    at: Option<Obj>,
}

impl Expansion<'_> {
    fn node(&self, userset: &Userset) -> Node {
        let schema = &self.engine.schema;
        let named = |relation: &str| format!("{}#{relation}", self.object);
        let nodes = |all: &[Userset]| Nodes { nodes: all.iter().map(|u| self.node(u)).collect() };
        let value = match userset {
            Userset::This(_) => NodeValue::Leaf(Leaf::Users(Users { users: self.users(self.number) })),
            Userset::Computed(to) => {
                NodeValue::Leaf(Leaf::Computed(Computed { userset: named(&to.relation) }))
            }
            Userset::TupleToUserset(ttu) => {
                let tupleset = schema.relation_no(schema.relation(self.number).of, &ttu.tupleset.relation);
                let parents = tupleset.map(|number| self.users(number)).unwrap_or_default();
                let computed =
                    parents.iter().map(|p| Computed { userset: format!("{p}#{}", ttu.computed.relation) });
                let tupleset = named(&ttu.tupleset.relation);
                NodeValue::Leaf(Leaf::TupleToUserset(TuplesetLeaf { tupleset, computed: computed.collect() }))
            }
            Userset::Union(all) => NodeValue::Union(nodes(&all.child)),
            Userset::Intersection(all) => NodeValue::Intersection(nodes(&all.child)),
            Userset::Difference(parts) => NodeValue::Difference(Box::new(DifferenceNode {
                base: self.node(&parts.base),
                subtract: self.node(&parts.subtract),
            })),
        };
        Node { name: named(&schema.relation(self.number).name), value }
    }

    /// Everyone that tuples of the relation name, where the model has a place for them.
    fn users(&self, number: RelNo) -> Vec<String> {
        let (Some(object), bind) = (self.at, &self.engine.bind) else { return Vec::new() };
        let (schema, sym) = (&self.engine.schema, bind.relation_sym(number));
        let allowed = &schema.relation(number).allowed;
        let rows = self.view.place(object, sym).subjects();
        let mut users: Vec<String> = rows
            .into_iter()
            .filter_map(|(subject, _)| {
                let (of, id) = self.view.name(subject.obj());
                let of = bind.type_no(of)?;
                let kind = match subject.relation() {
                    0 if id == WILDCARD => Kind::Wildcard,
                    0 => Kind::Object,
                    relation => Kind::Userset(bind.relation_no(of, relation)?),
                };
                allowed.iter().find(|a| a.of == of && a.kind == kind)?;
                let object = format!("{}:{id}", schema.types[usize::from(of)].name);
                Some(match kind {
                    Kind::Userset(userset) => format!("{object}#{}", schema.relation(userset).name),
                    _ => object,
                })
            })
            .collect();
        users.sort_unstable();
        users
    }
}
