//! Changes on top of something: tuples that were added and tuples that were taken away.

use std::collections::HashMap;

use super::base::Context;
use super::hash::Keyed;
use super::names::Sym;
use super::{Cond, Obj, Subject, node_key};

/// What changed of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Edits {
    pub(super) added: Vec<(Subject, Cond)>,
    pub(super) removed: Vec<Subject>,
}

/// Changes. Objects that are new with them are numbered after those below.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    first_object: Obj,
    objects: Vec<(Sym, Box<str>)>,
    numbers: HashMap<(Sym, Box<str>), Obj>,
    rows: HashMap<u64, Edits, Keyed>,
    /// By user: the rows it was added to.
    named_in: HashMap<Subject, Vec<(Obj, Sym, bool)>, Keyed>,
    first_condition: usize,
    conditions: Vec<(Sym, Context)>,
    edits: usize,
}

impl Overlay {
    pub(super) fn new(first_object: Obj, first_condition: usize, key: Keyed) -> Self {
        let (rows, named_in) = (HashMap::with_hasher(key), HashMap::with_hasher(key));
        Self { first_object, rows, named_in, first_condition, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.edits == 0
    }

    /// How many tuples it adds and takes away.
    pub(crate) fn len(&self) -> usize {
        self.edits
    }

    pub(super) fn objects_end(&self) -> Obj {
        self.first_object + Obj::try_from(self.objects.len()).unwrap_or(Obj::MAX / 2)
    }

    pub(super) fn conditions_end(&self) -> usize {
        self.first_condition + self.conditions.len()
    }

    pub(crate) fn object(&self, type_name: Sym, id: &str) -> Option<Obj> {
        if self.objects.is_empty() { None } else { self.numbers.get(&(type_name, Box::from(id))).copied() }
    }

    pub(super) fn name(&self, object: Obj) -> Option<(Sym, &str)> {
        let at = object.checked_sub(self.first_object)?;
        self.objects.get(at as usize).map(|(type_name, id)| (*type_name, &**id))
    }

    pub(crate) fn add_object(&mut self, type_name: Sym, id: &str) -> Obj {
        let object = self.objects_end();
        self.objects.push((type_name, id.into()));
        self.numbers.insert((type_name, id.into()), object);
        object
    }

    pub(super) fn condition(&self, condition: Cond) -> Option<&(Sym, Context)> {
        (condition as usize).checked_sub(1 + self.first_condition).and_then(|at| self.conditions.get(at))
    }

    pub(crate) fn add_condition(&mut self, name: Sym, context: Context) -> Cond {
        self.conditions.push((name, context));
        Cond::try_from(self.conditions_end()).unwrap_or(0)
    }

    pub(super) fn row(&self, object: Obj, relation: Sym) -> Option<&Edits> {
        if self.rows.is_empty() { None } else { self.rows.get(&node_key(object, relation)) }
    }

    /// Adds a tuple. One that was taken away here counts as new.
    pub(crate) fn add(&mut self, object: Obj, relation: Sym, subject: Subject, condition: Cond) {
        let edits = self.rows.entry(node_key(object, relation)).or_default();
        edits.added.push((subject, condition));
        self.named_in.entry(subject).or_default().push((object, relation, condition != 0));
        self.edits += 1;
    }

    /// Takes a tuple away, whether it was added here or stands below.
    pub(crate) fn remove(&mut self, object: Obj, relation: Sym, subject: Subject) {
        let edits = self.rows.entry(node_key(object, relation)).or_default();
        edits.added.retain(|(known, _)| *known != subject);
        if !edits.removed.contains(&subject) {
            edits.removed.push(subject);
        }
        if let Some(rows) = self.named_in.get_mut(&subject) {
            rows.retain(|(o, r, _)| (*o, *r) != (object, relation));
        }
        self.edits += 1;
    }

    pub(super) fn named_in(&self, subject: Subject) -> &[(Obj, Sym, bool)] {
        self.named_in.get(&subject).map_or(&[], Vec::as_slice)
    }

    /// Every tuple it adds.
    pub(super) fn added(&self) -> impl Iterator<Item = (u64, Subject, Cond)> {
        self.rows
            .iter()
            .flat_map(|(key, edits)| edits.added.iter().map(|(subject, cond)| (*key, *subject, *cond)))
    }
}
