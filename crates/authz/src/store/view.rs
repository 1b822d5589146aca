//! One look at the tuples: the base and up to two layers of changes.

use super::base::{Base, Context};
use super::names::Sym;
use super::overlay::Overlay;
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

    /// Whether a tuple is there, and its condition.
    #[inline]
    pub(crate) fn edge(&self, object: Obj, relation: Sym, subject: Subject) -> Option<Cond> {
        if let [None, None] = self.layers {
            return self.base.edge(object, relation, subject);
        }
        for layer in self.layers().rev() {
            if let Some(edits) = layer.row(object, relation) {
                if let Some((_, condition)) = edits.added.iter().find(|(known, _)| *known == subject) {
                    return Some(*condition);
                }
                if edits.removed.contains(&subject) {
                    return None;
                }
            }
        }
        self.base.edge(object, relation, subject)
    }

    /// Whether an upper layer speaks of a tuple that stands below it; layers are counted from below, the base is 0.
    fn hidden(&self, layer: usize, object: Obj, relation: Sym, subject: Subject) -> bool {
        self.layers[layer..].iter().flatten().filter_map(|o| o.row(object, relation)).any(|edits| {
            edits.removed.contains(&subject) || edits.added.iter().any(|(known, _)| *known == subject)
        })
    }

    /// What a row names: objects, or usersets.
    pub(crate) fn row(
        &self,
        object: Obj,
        relation: Sym,
        usersets: bool,
    ) -> impl Iterator<Item = (Subject, Cond)> {
        let view = *self;
        let plain = (!usersets).then(|| view.base.plain(object, relation)).into_iter().flatten();
        let sets = usersets.then(|| view.base.usersets(object, relation)).into_iter().flatten();
        let below = plain.chain(sets).filter(move |(subject, _)| {
            matches!(view.layers, [None, None]) || !view.hidden(0, object, relation, *subject)
        });
        let above = view.layers.into_iter().enumerate().filter_map(|(n, layer)| Some((n, layer?))).flat_map(
            move |(n, o)| {
                let added = o.row(object, relation).map_or(&[][..], |edits| &edits.added);
                added.iter().copied().filter(move |(subject, _)| {
                    (subject.relation() != 0) == usersets && !view.hidden(n + 1, object, relation, *subject)
                })
            },
        );
        below.chain(above)
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
