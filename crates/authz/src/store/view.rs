//! One look at the tuples: the base and up to two layers of changes.

use std::ops::ControlFlow;

use super::base::{Base, Context};
use super::names::Sym;
use super::overlay::{Edits, Overlay};
use super::{Cond, Obj, Subject};

/// The tuples as one question sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    base: &'a Base,
    /// From the lower to the upper one; those without changes are left out.
    layers: [Option<&'a Overlay>; 2],
}

impl<'a> View<'a> {
    pub(super) fn new(base: &'a Base, delta: &'a Overlay, top: Option<&'a Overlay>) -> Self {
        let delta = Some(delta).filter(|o| !o.is_empty());
        Self { base, layers: [delta, top] }
    }

    fn layers(&self) -> impl DoubleEndedIterator<Item = &'a Overlay> {
        self.layers.into_iter().flatten()
    }

    #[inline]
    pub(crate) fn object(&self, type_name: Sym, id: &str) -> Option<Obj> {
        self.base.objects.get(type_name, id).or_else(|| self.layers().find_map(|o| o.object(type_name, id)))
    }

    pub(crate) fn type_of(&self, object: Obj) -> Sym {
        self.name(object).0
    }

    pub(crate) fn name(&self, object: Obj) -> (Sym, &'a str) {
        if (object as usize) < self.base.objects.len() {
            return (self.base.objects.type_of(object), self.base.objects.id(object));
        }
        self.layers().find_map(|o| o.name(object)).unwrap_or((0, ""))
    }

    /// A number that no object has, and all above it.
    pub(crate) fn objects_end(&self) -> Obj {
        let base = Obj::try_from(self.base.objects.len()).unwrap_or(Obj::MAX / 2);
        self.layers().map(Overlay::objects_end).fold(base, Obj::max)
    }

    pub(crate) fn condition(&self, condition: Cond) -> (Sym, &'a Context) {
        let base = (condition as usize).checked_sub(1).and_then(|at| self.base.conditions.get(at));
        base.or_else(|| self.layers().find_map(|o| o.condition(condition)))
            .map_or((0, &None), |(name, c)| (*name, c))
    }

    /// The tuples of an object and a relation.
    #[inline]
    pub(crate) fn place(&self, object: Obj, relation: Sym) -> Place<'a> {
        let edits = if let [None, None] = self.layers {
            [None, None]
        } else {
            self.layers.map(|layer| layer.and_then(|o| o.row(object, relation)))
        };
        Place { base: self.base, row: self.base.row(object, relation), edits }
    }

    /// Whether a tuple is there, and its condition.
    #[inline]
    pub(crate) fn edge(&self, object: Obj, relation: Sym, subject: Subject) -> Option<Cond> {
        if let [None, None] = self.layers {
            return self.base.edge(self.base.row(object, relation)?, subject);
        }
        self.place(object, relation).edge(subject)
    }

    /// The rows that name a user, as object and relation and, if there may be one, the condition.
    pub(crate) fn named_in(&self, subject: Subject) -> impl Iterator<Item = (Obj, Sym, Cond)> {
        let view = *self;
        let below = view.base.named_in(subject);
        let above = view.layers.into_iter().flatten().flat_map(move |o| o.named_in(subject).iter().copied());
        let layered = !matches!(view.layers, [None, None]);
        below.chain(above).filter_map(move |(object, relation, conditional)| {
            if !layered && !conditional {
                return Some((object, relation, 0));
            }
            view.edge(object, relation, subject).map(|condition| (object, relation, condition))
        })
    }
}

/// The tuples of an object and a relation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    base: &'a Base,
    row: Option<usize>,
    edits: [Option<&'a Edits>; 2],
}

impl Place<'_> {
    /// Certainly no tuples.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.row.is_none() && matches!(self.edits, [None, None])
    }

    /// Whether a user is named, and under which condition.
    #[inline]
    pub(crate) fn edge(&self, subject: Subject) -> Option<Cond> {
        for edits in self.edits.iter().rev().flatten() {
            if let Some((_, condition)) = edits.added.iter().find(|(known, _)| *known == subject) {
                return Some(*condition);
            }
            if edits.removed.contains(&subject) {
                return None;
            }
        }
        self.base.edge(self.row?, subject)
    }

    /// Whether an upper layer speaks of a user; layers are counted from below.
    fn hidden(&self, from: usize, subject: Subject) -> bool {
        self.edits[from..].iter().flatten().any(|edits| {
            edits.removed.contains(&subject) || edits.added.iter().any(|(known, _)| *known == subject)
        })
    }

    /// Goes through the objects that are named, until told to stop.
    #[inline]
    pub(crate) fn objects<B>(&self, mut each: impl FnMut(Subject, Cond) -> ControlFlow<B>) -> ControlFlow<B> {
        if let Some(row) = self.row {
            for (subject, condition) in self.base.plain(row) {
                if !self.hidden(0, subject) {
                    each(subject, condition)?;
                }
            }
        }
        self.added(false, each)
    }

    /// Goes through the usersets that are named, until told to stop.
    #[inline]
    pub(crate) fn usersets<B>(
        &self,
        mut each: impl FnMut(Subject, Cond) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(row) = self.row {
            for (subject, condition) in self.base.usersets(row) {
                if !self.hidden(0, subject) {
                    each(subject, condition)?;
                }
            }
        }
        self.added(true, each)
    }

    fn added<B>(
        &self,
        usersets: bool,
        mut each: impl FnMut(Subject, Cond) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for (n, edits) in self.edits.iter().enumerate() {
            for (subject, condition) in edits.iter().flat_map(|edits| &edits.added) {
                if (subject.relation() != 0) == usersets && !self.hidden(n + 1, *subject) {
                    each(*subject, *condition)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Everyone who is named: objects first.
    pub(crate) fn subjects(&self) -> Vec<(Subject, Cond)> {
        let mut all = Vec::new();
        let mut add = |subject, condition| {
            all.push((subject, condition));
            ControlFlow::<()>::Continue(())
        };
        let _ = self.objects(&mut add);
        let _ = self.usersets(&mut add);
        all
    }
}
