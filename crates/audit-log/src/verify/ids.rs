//! Duplicate entry ids, found in bounded memory.

use uuid::Uuid;

/// Entries whose ids are held at once (24 bytes each). Logs up to this size are compared entirely; in larger ones
/// every entry is compared with at least half as many neighbours on either side, which is where a retry lands.
pub const DUPLICATE_WINDOW_ENTRIES: usize = 4 * 1_024 * 1_024;

pub(super) struct Ids {
    seen: Vec<(Uuid, u64)>,
    window: usize,
    /// Whether older ids had to be forgotten.
    pub(super) forgot: bool,
}

/// A later entry with the id of an earlier one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate {
    pub(super) id: Uuid,
    pub(super) first: u64,
    pub(super) second: u64,
}

impl Ids {
    pub(super) fn new(window: usize) -> Self {
        Self { seen: Vec::new(), window, forgot: false }
    }

    /// Notes the id of the entry at `index`; when the window is full, gives the duplicates in it.
    pub(super) fn push(&mut self, id: Uuid, index: u64) -> Vec<Duplicate> {
        let mut found = Vec::new();
        if self.seen.len() >= self.window {
            found = self.duplicates();
            // Keep the newer half, so that pairs across the edge still meet. A pair within it was just given, so
            // only the first of each id stays.
            let middle = index.saturating_sub(self.window as u64 / 2);
            self.seen.dedup_by_key(|(id, _)| *id);
            self.seen.retain(|&(_, at)| at >= middle);
            self.forgot = true;
        }
        self.seen.push((id, index));
        found
    }

    /// The duplicates among the ids held.
    pub(super) fn duplicates(&mut self) -> Vec<Duplicate> {
        self.seen.sort_unstable();
        let mut found = Vec::new();
        for pair in self.seen.windows(2) {
            if let [(id, first), (same, second)] = *pair
                && id == same
            {
                found.push(Duplicate { id, first, second });
            }
        }
        found
    }
}
