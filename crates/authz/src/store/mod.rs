//! Tuples in memory: an immutable base in a compact form, and the changes since on top of it.
//!
//! A [`Snapshot`] never changes. A change makes a new one that shares the base with the old one, so that questions go on
//! undisturbed; when the changes have become many, [`Snapshot::compacted`] makes a new base. [`Live`] holds the present
//! snapshot and swaps it in one step.

mod base;
mod hash;
mod live;
mod names;
mod objects;
mod overlay;
mod snapshot;
mod view;

pub(crate) use hash::{Keyed, same};
pub use live::Live;
pub(crate) use names::{Names, Sym};
pub(crate) use overlay::Overlay;
pub use snapshot::{Change, DELTA_EDITS_MAX, Snapshot, SnapshotError};
pub(crate) use view::{Place, View};

/// Number of an object.
pub(crate) type Obj = u32;

/// Who a tuple names: an object, or those who have a relation to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Subject(u64);

impl Subject {
    pub(crate) fn object(object: Obj) -> Self {
        Self(u64::from(object))
    }

    pub(crate) fn new(object: Obj, relation: Sym) -> Self {
        Self(u64::from(relation) << 32 | u64::from(object))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half is the object")]
    pub(crate) fn obj(self) -> Obj {
        self.0 as u32
    }

    /// 0 for an object.
    #[expect(clippy::cast_possible_truncation, reason = "the high half holds 16 bits")]
    pub(crate) fn relation(self) -> Sym {
        (self.0 >> 32) as u16
    }
}

/// The condition of a tuple: 0 is none, else a place in the list of conditions and their values.
pub(crate) type Cond = u32;

/// An object and a relation of it: what tuples are listed under.
pub(crate) fn node_key(object: Obj, relation: Sym) -> u64 {
    Subject::new(object, relation).0
}
