//! All tuples at one revision.

use std::sync::Arc;

use super::base::{Base, Edge};
use super::hash::Keyed;
use super::names::Names;
use super::objects::Objects;
use super::overlay::Overlay;
use super::view::View;
use super::{Cond, Obj, Subject};
use crate::engine::tuple::{Tuple, User};
use crate::names as wire;

/// After so many changes a snapshot should be compacted: each further change copies those before it.
pub const DELTA_EDITS_MAX: usize = 4_096;

/// Why tuples cannot be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A tuple that cannot be read.
    #[error("the tuple '{0}' is malformed")]
    Malformed(String),
    /// More objects, tuples or names than can be numbered.
    #[error("there are too many {0}")]
    TooMany(&'static str),
    /// A change for a revision that is not after the present one.
    #[error("revision {next} does not follow revision {present}")]
    Order {
        /// The revision of the snapshot.
        present: u64,
        /// The revision of the change.
        next: u64,
    },
}

/// A change to the tuples.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A tuple is there from now on. One with another condition takes the place of the old one.
    Write(Tuple),
    /// A tuple is there no more; its condition does not matter.
    Delete(Tuple),
}

/// All tuples at one revision. Cheap to clone; safe to read from many threads.
#[derive(Clone, Debug)]
pub struct Snapshot {
    base: Arc<Base>,
    delta: Arc<Overlay>,
    names: Arc<Names>,
    seed: u64,
    revision: u64,
}

impl Snapshot {
    /// Takes in tuples. `seed` keys the table of objects: a random number that clients do not know.
    ///
    /// # Errors
    /// A malformed tuple, or too many of something. Whether a model knows the types is not asked here: tuples that do
    /// not fit the model of a question do not count for it.
    pub fn build(
        seed: u64,
        revision: u64,
        tuples: impl IntoIterator<Item = Tuple>,
    ) -> Result<Self, SnapshotError> {
        let (mut objects, mut names) = (Objects::new(seed), Names::default());
        let (mut edges, mut conditions) = (Vec::new(), Vec::new());
        for tuple in tuples {
            let malformed = || SnapshotError::Malformed(tuple.to_string());
            let (type_name, id) = wire::object(&tuple.object).ok_or_else(malformed)?;
            let user = User::parse(&tuple.user).ok_or_else(malformed)?;
            let mut sym = |name: &str| names.add(name).ok_or(SnapshotError::TooMany("names"));
            let (object_type, relation, user_type) =
                (sym(type_name)?, sym(&tuple.relation)?, sym(user.type_name)?);
            let user_relation = if user.relation.is_empty() { 0 } else { sym(user.relation)? };
            let condition = match &tuple.condition {
                None => 0,
                Some(condition) => {
                    conditions.push((sym(&condition.name)?, condition.context.clone().map(Arc::new)));
                    Cond::try_from(conditions.len()).map_err(|_| SnapshotError::TooMany("conditions"))?
                }
            };
            let mut number = |sym, id| objects.add(sym, id).ok_or(SnapshotError::TooMany("objects"));
            let (object, user_object) = (number(object_type, id)?, number(user_type, user.id)?);
            edges.push(Edge {
                object,
                relation,
                subject: Subject::new(user_object, user_relation),
                condition,
            });
        }
        if edges.len() >= 1 << 31 {
            return Err(SnapshotError::TooMany("tuples"));
        }
        let base = Base::new(objects, edges, conditions);
        Ok(Self::over(base, names, seed, revision))
    }

    fn over(base: Base, names: Names, seed: u64, revision: u64) -> Self {
        let objects = Obj::try_from(base.objects.len()).unwrap_or(Obj::MAX / 2);
        let delta = Overlay::new(objects, base.conditions.len(), Keyed(seed));
        Self { base: Arc::new(base), delta: Arc::new(delta), names: Arc::new(names), seed, revision }
    }

    /// The snapshot after some changes, in their order; this one stays as it is.
    ///
    /// # Errors
    /// A malformed tuple, too many of something, or a revision that is not after the present one.
    pub fn with(&self, revision: u64, changes: &[Change]) -> Result<Self, SnapshotError> {
        if revision <= self.revision {
            return Err(SnapshotError::Order { present: self.revision, next: revision });
        }
        Ok(Self { revision, ..self.supposing(changes)? })
    }

    /// The snapshot as it would be after some changes, at the same revision.
    ///
    /// # Errors
    /// A malformed tuple, or too many of something.
    pub fn supposing(&self, changes: &[Change]) -> Result<Self, SnapshotError> {
        let (mut delta, mut names) = ((*self.delta).clone(), Arc::clone(&self.names));
        for change in changes {
            let (Change::Write(tuple) | Change::Delete(tuple)) = change;
            let malformed = || SnapshotError::Malformed(tuple.to_string());
            let (type_name, id) = wire::object(&tuple.object).ok_or_else(malformed)?;
            let user = User::parse(&tuple.user).ok_or_else(malformed)?;
            let mut sym = |name: &str| {
                let known = names.get(name).or_else(|| Arc::make_mut(&mut names).add(name));
                known.ok_or(SnapshotError::TooMany("names"))
            };
            let (object_type, relation, user_type) =
                (sym(type_name)?, sym(&tuple.relation)?, sym(user.type_name)?);
            let user_relation = if user.relation.is_empty() { 0 } else { sym(user.relation)? };
            let mut number = |sym, id: &str| {
                let known = self.base.objects.get(sym, id).or_else(|| delta.object(sym, id));
                known.unwrap_or_else(|| delta.add_object(sym, id))
            };
            let (object, user_object) = (number(object_type, id), number(user_type, user.id));
            let subject = Subject::new(user_object, user_relation);
            delta.remove(object, relation, subject);
            if matches!(change, Change::Write(_)) {
                let condition = match &tuple.condition {
                    None => 0,
                    Some(condition) => {
                        delta.add_condition(sym(&condition.name)?, condition.context.clone().map(Arc::new))
                    }
                };
                delta.add(object, relation, subject, condition);
            }
        }
        if delta.objects_end() >= Obj::MAX / 2 - 1 {
            return Err(SnapshotError::TooMany("objects"));
        }
        Ok(Self {
            base: Arc::clone(&self.base),
            delta: Arc::new(delta),
            names,
            seed: self.seed,
            revision: self.revision,
        })
    }

    /// The same tuples with a new base and no changes on top. Takes about a third of a second for a million tuples.
    #[must_use]
    pub fn compacted(&self) -> Self {
        let view = self.view(None);
        let mut objects = Objects::new(self.seed);
        let mut conditions = Vec::new();
        let mut edges = Vec::with_capacity(self.base.len() + self.delta.len());
        let below =
            self.base.edges().filter(|e| view.edge(e.object, e.relation, e.subject) == Some(e.condition));
        let above = self.delta.added().map(|(key, subject, condition)| {
            let node = Subject(key);
            Edge { object: node.obj(), relation: node.relation(), subject, condition }
        });
        for edge in below.chain(above) {
            let mut number = |object| {
                let (type_name, id) = view.name(object);
                // There are not more objects than before.
                objects.add(type_name, id).unwrap_or(0)
            };
            let (object, user) = (number(edge.object), number(edge.subject.obj()));
            let condition = if edge.condition == 0 {
                0
            } else {
                let (name, context) = view.condition(edge.condition);
                conditions.push((name, context.clone()));
                Cond::try_from(conditions.len()).unwrap_or(0)
            };
            edges.push(Edge {
                object,
                subject: Subject::new(user, edge.subject.relation()),
                condition,
                ..edge
            });
        }
        Self::over(Base::new(objects, edges, conditions), (*self.names).clone(), self.seed, self.revision)
    }

    /// Whether it is time for [`Self::compacted`].
    pub fn should_compact(&self) -> bool {
        self.delta.len() >= DELTA_EDITS_MAX
    }

    /// The revision it shows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many changes stand on top of the base.
    pub fn changes(&self) -> usize {
        self.delta.len()
    }

    /// How many tuples the base holds.
    pub fn base_tuples(&self) -> usize {
        self.base.len()
    }

    /// About how much memory the base takes.
    pub fn base_bytes(&self) -> usize {
        self.base.bytes()
    }

    /// The key for maps of numbers.
    pub(crate) fn key(&self) -> Keyed {
        Keyed(self.seed)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn view<'a>(&'a self, top: Option<&'a Overlay>) -> View<'a> {
        View::new(&self.base, &self.delta, top)
    }

    /// An empty layer on top of this.
    pub(crate) fn layer(&self) -> Overlay {
        Overlay::new(self.delta.objects_end(), self.delta.conditions_end(), Keyed(self.seed))
    }
}
