//! Which entries a request left in the log, for a caller who asked for receipts of them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{EntryId, TenantId, Timestamp};

/// Most entries of one request that are noted; what comes after them is on record without a receipt in the answer.
pub const RECORDED_ENTRIES_MAX: usize = 8;

/// An entry that is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// In whose log.
    pub tenant: TenantId,
    /// The entry.
    pub entry: EntryId,
    /// When it was made.
    pub at: Timestamp,
    /// Its SHA-256 as a leaf of the log (RFC 9162 §2.1.1).
    pub leaf: [u8; 32],
}

/// Where the entries of one request are noted once they are committed. Off unless the caller asked for receipts: then
/// noting is nothing. Clones note in the same place.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Option<Arc<Mutex<Vec<Recorded>>>>);

impl Recorder {
    /// One that notes.
    pub fn on() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether it notes.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Notes an entry.
    pub fn note(&self, recorded: Recorded) {
        let Some(noted) = &self.0 else { return };
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < RECORDED_ENTRIES_MAX {
            noted.push(recorded);
        }
    }

    /// What was noted until now, in the order of writing; it is not given twice.
    pub fn take(&self) -> Vec<Recorded> {
        let Some(noted) = &self.0 else { return Vec::new() };
        std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock as _, Rng, SystemClock};

    struct Zeros;

    impl Rng for Zeros {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0);
        }
    }

    #[test]
    fn it_notes_only_when_it_was_asked_to_and_never_without_end() {
        let recorded = Recorded {
            tenant: TenantId::new(&SystemClock, &Zeros),
            entry: EntryId::new(&SystemClock, &Zeros),
            at: SystemClock.now(),
            leaf: [1; 32],
        };
        let off = Recorder::default();
        off.note(recorded);
        assert!(!off.is_on() && off.take().is_empty());
        let on = Recorder::on();
        let clone = on.clone();
        for _ in 0..RECORDED_ENTRIES_MAX + 3 {
            clone.note(recorded);
        }
        assert_eq!(on.take().len(), RECORDED_ENTRIES_MAX);
        assert!(clone.take().is_empty(), "what was given is not given again");
    }
}
