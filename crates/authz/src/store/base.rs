//! The compact form: for every object and relation its tuples in one row, and for every user the rows it stands in.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::names::Sym;
use super::objects::Objects;
use super::{Cond, Obj, Subject};

/// The values a condition was stored with.
pub(crate) type Context = Option<Arc<Map<String, Value>>>;

/// Row of an object and a relation.
type Row = u32;

/// Marks a place in a reversed row whose tuple has a condition.
const CONDITIONAL: u32 = 1 << 31;

/// Rows of numbers, end to end.
#[derive(Debug, Default)]
struct Rows<T> {
    /// Where each row begins; one more than there are rows.
    starts: Vec<u32>,
    items: Vec<T>,
    /// The conditions of the items; empty when none has any.
    conditions: Vec<Cond>,
}

impl<T> Rows<T> {
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }

    fn row(&self, row: usize) -> &[T] {
        &self.items[self.range(row)]
    }

    fn condition(&self, at: usize) -> Cond {
        self.conditions.get(at).copied().unwrap_or(0)
    }

    fn bytes(&self) -> usize {
        self.starts.len() * 4 + self.items.len() * size_of::<T>() + self.conditions.len() * 4
    }
}

#[derive(Debug)]
pub(super) struct Base {
    pub(super) objects: Objects,
    /// Where the rows of each object begin; one more than there are objects.
    node_starts: Vec<Row>,
    /// By row: its object and its relation.
    node_objects: Vec<Obj>,
    node_relations: Vec<Sym>,
    /// By row: the objects it names, sorted; and the usersets, sorted.
    plain: Rows<Obj>,
    usersets: Rows<Subject>,
    /// By object: the rows that name it; the usersets of it that rows name.
    named_in: Rows<Row>,
    userset_in: Rows<(Sym, Row)>,
    /// Name and values of each condition; the first belongs to [`Cond`] 1.
    pub(super) conditions: Vec<(Sym, Context)>,
    tuples: usize,
}

/// A tuple in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) object: Obj,
    pub(super) relation: Sym,
    pub(super) subject: Subject,
    pub(super) condition: Cond,
}

impl Base {
    /// Builds the compact form. Of two tuples that differ in their condition alone the first counts.
    pub(super) fn new(objects: Objects, mut edges: Vec<Edge>, conditions: Vec<(Sym, Context)>) -> Self {
        // Stable, so that the first of equal ones stays the first.
        edges.sort_by_key(|e| (e.object, e.relation, e.subject));
        edges.dedup_by_key(|e| (e.object, e.relation, e.subject));
        let conditional = edges.iter().any(|e| e.condition != 0);
        let mut base = Self {
            node_starts: Vec::with_capacity(objects.len() + 1),
            node_objects: Vec::new(),
            node_relations: Vec::new(),
            plain: Rows { starts: Vec::new(), items: Vec::new(), conditions: Vec::new() },
            usersets: Rows { starts: Vec::new(), items: Vec::new(), conditions: Vec::new() },
            named_in: Rows::default(),
            userset_in: Rows::default(),
            conditions,
            tuples: edges.len(),
            objects,
        };
        let len = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut last = None;
        for edge in &edges {
            if last != Some((edge.object, edge.relation)) {
                last = Some((edge.object, edge.relation));
                while base.node_starts.len() <= edge.object as usize {
                    base.node_starts.push(len(base.node_objects.len()));
                }
                base.node_objects.push(edge.object);
                base.node_relations.push(edge.relation);
                base.plain.starts.push(len(base.plain.items.len()));
                base.usersets.starts.push(len(base.usersets.items.len()));
            }
            if edge.subject.relation() == 0 {
                base.plain.items.push(edge.subject.obj());
                if conditional {
                    base.plain.conditions.push(edge.condition);
                }
            } else {
                base.usersets.items.push(edge.subject);
                if conditional {
                    base.usersets.conditions.push(edge.condition);
                }
            }
        }
        base.node_starts.resize(base.objects.len() + 1, len(base.node_objects.len()));
        base.plain.starts.push(len(base.plain.items.len()));
        base.usersets.starts.push(len(base.usersets.items.len()));
        base.reverse();
        base
    }

    fn reverse(&mut self) {
        let rows = 0..self.node_objects.len();
        let mut plain: Vec<(Obj, Row)> = Vec::with_capacity(self.plain.items.len());
        let mut usersets: Vec<(Obj, Sym, Row)> = Vec::with_capacity(self.usersets.items.len());
        for row in rows {
            let number = u32::try_from(row).unwrap_or(u32::MAX);
            let mark = |condition: Cond| if condition == 0 { number } else { number | CONDITIONAL };
            for at in self.plain.range(row) {
                plain.push((self.plain.items[at], mark(self.plain.condition(at))));
            }
            for at in self.usersets.range(row) {
                let subject = self.usersets.items[at];
                usersets.push((subject.obj(), subject.relation(), mark(self.usersets.condition(at))));
            }
        }
        plain.sort_unstable_by_key(|(object, row)| (*object, *row & !CONDITIONAL));
        usersets.sort_unstable_by_key(|(object, relation, row)| (*object, *relation, *row & !CONDITIONAL));
        self.named_in.starts = starts(plain.iter().map(|(object, _)| *object), self.objects.len());
        self.named_in.items = plain.into_iter().map(|(_, row)| row).collect();
        self.userset_in.starts = starts(usersets.iter().map(|(object, ..)| *object), self.objects.len());
        self.userset_in.items = usersets.into_iter().map(|(_, relation, row)| (relation, row)).collect();
    }

    pub(super) fn len(&self) -> usize {
        self.tuples
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.node_starts.len() * 4 + self.node_objects.len() * 6;
        let both =
            self.plain.bytes() + self.usersets.bytes() + self.named_in.bytes() + self.userset_in.bytes();
        self.objects.bytes() + rows + both
    }

    #[inline]
    fn row(&self, object: Obj, relation: Sym) -> Option<usize> {
        let begin = *self.node_starts.get(object as usize)? as usize;
        let end = *self.node_starts.get(object as usize + 1)? as usize;
        self.node_relations[begin..end].iter().position(|r| *r == relation).map(|at| begin + at)
    }

    #[inline]
    pub(super) fn edge(&self, object: Obj, relation: Sym, subject: Subject) -> Option<Cond> {
        let row = self.row(object, relation)?;
        let (begin, found) = if subject.relation() == 0 {
            let range = self.plain.range(row);
            (range.start, self.plain.items[range].binary_search(&subject.obj()).ok()?)
        } else {
            let range = self.usersets.range(row);
            (range.start, self.usersets.items[range].binary_search(&subject).ok()?)
        };
        let rows = if subject.relation() == 0 { &self.plain.conditions } else { &self.usersets.conditions };
        Some(rows.get(begin + found).copied().unwrap_or(0))
    }

    /// The objects a row names.
    pub(super) fn plain(&self, object: Obj, relation: Sym) -> impl Iterator<Item = (Subject, Cond)> {
        let range = self.row(object, relation).map_or(0..0, |row| self.plain.range(row));
        range.map(|at| (Subject::object(self.plain.items[at]), self.plain.condition(at)))
    }

    /// The usersets a row names.
    pub(super) fn usersets(&self, object: Obj, relation: Sym) -> impl Iterator<Item = (Subject, Cond)> {
        let range = self.row(object, relation).map_or(0..0, |row| self.usersets.range(row));
        range.map(|at| (self.usersets.items[at], self.usersets.condition(at)))
    }

    /// The rows that name a user, as object, relation and whether there is a condition.
    pub(super) fn named_in(&self, subject: Subject) -> impl Iterator<Item = (Obj, Sym, bool)> {
        let (object, relation) = (subject.obj() as usize, subject.relation());
        let known = object < self.objects.len();
        let plain = if known && relation == 0 { self.named_in.row(object) } else { &[] };
        let usersets = if known && relation != 0 { self.userset_in.row(object) } else { &[] };
        let usersets = usersets.iter().filter(move |(r, _)| *r == relation).map(|(_, row)| row);
        plain.iter().chain(usersets).map(|row| {
            let at = (row & !CONDITIONAL) as usize;
            (self.node_objects[at], self.node_relations[at], row & CONDITIONAL != 0)
        })
    }

    /// Every tuple.
    pub(super) fn edges(&self) -> impl Iterator<Item = Edge> {
        (0..self.node_objects.len()).flat_map(move |row| {
            let (object, relation) = (self.node_objects[row], self.node_relations[row]);
            self.plain(object, relation)
                .chain(self.usersets(object, relation))
                .map(move |(subject, condition)| Edge { object, relation, subject, condition })
        })
    }
}

/// Where the rows of sorted keys begin.
fn starts(keys: impl Iterator<Item = Obj>, rows: usize) -> Vec<u32> {
    let mut starts = vec![0; rows + 1];
    for key in keys {
        starts[key as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    starts
}
