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
#[derive(Debug)]
struct Rows<T> {
    /// Where each row begins; one more than there are rows.
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T> Rows<T> {
    fn row(&self, row: usize) -> &[T] {
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    fn bytes(&self) -> usize {
        self.starts.len() * 4 + self.items.len() * size_of::<T>()
    }
}

/// The tuples of an object and a relation: where the objects and the usersets they name begin. Those of the next row
/// begin where these end.
#[derive(Clone, Copy, Debug)]
struct Node {
    object: Obj,
    plain: u32,
    usersets: u32,
    relation: Sym,
}

#[derive(Debug)]
pub(super) struct Base {
    pub(super) objects: Objects,
    /// One more than there are rows.
    nodes: Vec<Node>,
    /// The objects that rows name, sorted within each row, and their conditions; those are empty when there are none.
    plain: Vec<Obj>,
    plain_conditions: Vec<Cond>,
    /// The usersets that rows name, likewise.
    usersets: Vec<Subject>,
    userset_conditions: Vec<Cond>,
    /// By object: the rows that name it; the usersets of it that rows name.
    named_in: Rows<Row>,
    userset_in: Rows<(Sym, Row)>,
    /// Name and values of each condition; the first belongs to [`Cond`] 1.
    pub(super) conditions: Vec<(Sym, Context)>,
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
    pub(super) fn new(mut objects: Objects, mut edges: Vec<Edge>, conditions: Vec<(Sym, Context)>) -> Self {
        // Stable, so that the first of equal ones stays the first.
        edges.sort_by_key(|e| (e.object, e.relation, e.subject));
        edges.dedup_by_key(|e| (e.object, e.relation, e.subject));
        let conditional = edges.iter().any(|e| e.condition != 0);
        let len = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (mut nodes, mut plain, mut usersets) = (Vec::<Node>::new(), Vec::new(), Vec::new());
        let (mut plain_conditions, mut userset_conditions) = (Vec::new(), Vec::new());
        let mut started = 0;
        for edge in &edges {
            if nodes.last().is_none_or(|last| (last.object, last.relation) != (edge.object, edge.relation)) {
                while started <= edge.object as usize {
                    objects.set_first_row(started, len(nodes.len()));
                    started += 1;
                }
                let (object, relation) = (edge.object, edge.relation);
                nodes.push(Node { object, plain: len(plain.len()), usersets: len(usersets.len()), relation });
            }
            if edge.subject.relation() == 0 {
                plain.push(edge.subject.obj());
                plain_conditions.extend(conditional.then_some(edge.condition));
            } else {
                usersets.push(edge.subject);
                userset_conditions.extend(conditional.then_some(edge.condition));
            }
        }
        for object in started..=objects.len() {
            objects.set_first_row(object, len(nodes.len()));
        }
        nodes.push(Node {
            object: Obj::MAX,
            plain: len(plain.len()),
            usersets: len(usersets.len()),
            relation: 0,
        });
        let named_in = Rows { starts: Vec::new(), items: Vec::new() };
        let userset_in = Rows { starts: Vec::new(), items: Vec::new() };
        let mut base = Self {
            objects,
            nodes,
            plain,
            plain_conditions,
            usersets,
            userset_conditions,
            named_in,
            userset_in,
            conditions,
        };
        base.reverse();
        base
    }

    fn reverse(&mut self) {
        let mut plain: Vec<(Obj, Row)> = Vec::with_capacity(self.plain.len());
        let mut usersets: Vec<(Obj, Sym, Row)> = Vec::with_capacity(self.usersets.len());
        for row in 0..self.nodes.len() - 1 {
            let number = u32::try_from(row).unwrap_or(u32::MAX);
            let mark = |condition: Cond| if condition == 0 { number } else { number | CONDITIONAL };
            plain.extend(self.plain(row).map(|(subject, condition)| (subject.obj(), mark(condition))));
            let sets = self.usersets(row);
            usersets.extend(sets.map(|(s, condition)| (s.obj(), s.relation(), mark(condition))));
        }
        plain.sort_unstable_by_key(|(object, row)| (*object, *row & !CONDITIONAL));
        usersets.sort_unstable_by_key(|(object, relation, row)| (*object, *relation, *row & !CONDITIONAL));
        self.named_in.starts = starts(plain.iter().map(|(object, _)| *object), self.objects.len());
        self.named_in.items = plain.into_iter().map(|(_, row)| row).collect();
        self.userset_in.starts = starts(usersets.iter().map(|(object, ..)| *object), self.objects.len());
        self.userset_in.items = usersets.into_iter().map(|(_, relation, row)| (relation, row)).collect();
    }

    pub(super) fn len(&self) -> usize {
        self.plain.len() + self.usersets.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.nodes.len() * size_of::<Node>() + self.plain.len() * 4 + self.usersets.len() * 8;
        let conditions = (self.plain_conditions.len() + self.userset_conditions.len()) * 4;
        self.objects.bytes() + rows + conditions + self.named_in.bytes() + self.userset_in.bytes()
    }

    /// The row of an object and a relation, if there are tuples.
    #[inline]
    pub(super) fn row(&self, object: Obj, relation: Sym) -> Option<usize> {
        let rows = self.objects.rows(object);
        let begin = rows.start;
        self.nodes[rows].iter().position(|node| node.relation == relation).map(|at| begin + at)
    }

    #[inline]
    pub(super) fn edge(&self, row: usize, subject: Subject) -> Option<Cond> {
        let (this, next) = (&self.nodes[row], &self.nodes[row + 1]);
        if subject.relation() == 0 {
            let (begin, end) = (this.plain as usize, next.plain as usize);
            let at = find(&self.plain[begin..end], &subject.obj())?;
            Some(self.plain_conditions.get(begin + at).copied().unwrap_or(0))
        } else {
            let (begin, end) = (this.usersets as usize, next.usersets as usize);
            let at = find(&self.usersets[begin..end], &subject)?;
            Some(self.userset_conditions.get(begin + at).copied().unwrap_or(0))
        }
    }

    /// The objects a row names.
    #[inline]
    pub(super) fn plain(&self, row: usize) -> impl Iterator<Item = (Subject, Cond)> {
        let range = self.nodes[row].plain as usize..self.nodes[row + 1].plain as usize;
        range.map(|at| (Subject::object(self.plain[at]), self.plain_conditions.get(at).copied().unwrap_or(0)))
    }

    /// The usersets a row names.
    #[inline]
    pub(super) fn usersets(&self, row: usize) -> impl Iterator<Item = (Subject, Cond)> {
        let range = self.nodes[row].usersets as usize..self.nodes[row + 1].usersets as usize;
        range.map(|at| (self.usersets[at], self.userset_conditions.get(at).copied().unwrap_or(0)))
    }

    /// The rows that name a user, as object, relation and whether there is a condition.
    pub(super) fn named_in(&self, subject: Subject) -> impl Iterator<Item = (Obj, Sym, bool)> {
        let (object, relation) = (subject.obj() as usize, subject.relation());
        let known = object < self.objects.len();
        let plain = if known && relation == 0 { self.named_in.row(object) } else { &[] };
        let usersets = if known && relation != 0 { self.userset_in.row(object) } else { &[] };
        let usersets = usersets.iter().filter(move |(r, _)| *r == relation).map(|(_, row)| row);
        plain.iter().chain(usersets).map(|row| {
            let node = &self.nodes[(row & !CONDITIONAL) as usize];
            (node.object, node.relation, row & CONDITIONAL != 0)
        })
    }

    /// Every tuple.
    pub(super) fn edges(&self) -> impl Iterator<Item = Edge> {
        (0..self.nodes.len() - 1).flat_map(move |row| {
            let Node { object, relation, .. } = self.nodes[row];
            let subjects = self.plain(row).chain(self.usersets(row));
            subjects.map(move |(subject, condition)| Edge { object, relation, subject, condition })
        })
    }
}

/// The place of an item in a sorted row. Most rows are so short that looking at each is soonest.
#[inline]
fn find<T: Ord>(row: &[T], item: &T) -> Option<usize> {
    if row.len() <= 8 { row.iter().position(|known| known == item) } else { row.binary_search(item).ok() }
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
