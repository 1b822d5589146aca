//! Objects as numbers: a table of them that is searched by a keyed hash of their ids.
//!
//! A check mostly waits for memory, so that what belongs together lies together: the slot of an object has a part of its
//! hash, and its entry has the type, a short id and the place of its tuples in one line of the cache.

use super::Obj;
use super::hash::{fold, same};
use super::names::Sym;

/// Ids up to so many bytes stand in the entry itself.
const SHORT: usize = 22;

/// An object.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where its rows begin; the rows of the next object begin where they end.
    first_row: u32,
    type_name: Sym,
    len: u16,
    /// The id, or the place where it begins in the text of long ids.
    id: [u8; SHORT],
}

/// Objects and their numbers.
#[derive(Debug)]
pub(super) struct Objects {
    seed: u64,
    /// One more than there are objects: the last holds where all rows end.
    entries: Vec<Entry>,
    long: String,
    /// Number of an object plus 1 (0 is free) and a part of its hash. A power of two long, at most half full.
    slots: Vec<(u32, u32)>,
}

const END: Entry = Entry { first_row: 0, type_name: 0, len: 0, id: [0; SHORT] };

impl Objects {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, entries: vec![END], long: String::new(), slots: vec![(0, 0); 16] }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - 1
    }

    pub(super) fn type_of(&self, object: Obj) -> Sym {
        self.entries[object as usize].type_name
    }

    /// The rows of an object; none for one that is not here.
    #[inline]
    pub(super) fn rows(&self, object: Obj) -> std::ops::Range<usize> {
        match self.entries.get(object as usize..) {
            Some([this, next, ..]) => this.first_row as usize..next.first_row as usize,
            _ => 0..0,
        }
    }

    pub(super) fn set_first_row(&mut self, object: usize, row: u32) {
        self.entries[object].first_row = row;
    }

    pub(super) fn id(&self, object: Obj) -> &str {
        let entry = &self.entries[object as usize];
        std::str::from_utf8(self.bytes_of(entry)).unwrap_or_default()
    }

    #[inline]
    fn bytes_of<'a>(&'a self, entry: &'a Entry) -> &'a [u8] {
        let len = usize::from(entry.len);
        if len <= SHORT {
            return &entry.id[..len];
        }
        let [a, b, c, d, ..] = entry.id;
        let begin = u32::from_le_bytes([a, b, c, d]) as usize;
        &self.long.as_bytes()[begin..begin + len]
    }

    #[inline]
    pub(super) fn get(&self, type_name: Sym, id: &str) -> Option<Obj> {
        let mask = self.slots.len() - 1;
        let (mut at, tag) = self.hash(type_name, id);
        loop {
            at &= mask;
            let (number, known) = self.slots[at];
            let object = number.checked_sub(1)?;
            if known == tag {
                let entry = &self.entries[object as usize];
                if entry.type_name == type_name && same(self.bytes_of(entry), id.as_bytes()) {
                    return Some(object);
                }
            }
            at += 1;
        }
    }

    /// The number of an object, a new one if need be. `None` when there are too many, or its id is too long.
    pub(super) fn add(&mut self, type_name: Sym, id: &str) -> Option<Obj> {
        if let Some(known) = self.get(type_name, id) {
            return Some(known);
        }
        let object = Obj::try_from(self.len()).ok().filter(|n| *n < Obj::MAX / 2)?;
        let mut entry = Entry { type_name, len: u16::try_from(id.len()).ok()?, ..END };
        if id.len() <= SHORT {
            entry.id[..id.len()].copy_from_slice(id.as_bytes());
        } else {
            entry.id[..4].copy_from_slice(&u32::try_from(self.long.len()).ok()?.to_le_bytes());
            self.long.push_str(id);
        }
        self.entries.insert(self.entries.len() - 1, entry);
        if self.len() * 2 > self.slots.len() {
            self.slots = vec![(0, 0); self.slots.len() * 2];
            for known in 0..=object {
                self.place(known);
            }
        } else {
            self.place(object);
        }
        Some(object)
    }

    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.long.len() + self.slots.len() * 8
    }

    fn place(&mut self, object: Obj) {
        let mask = self.slots.len() - 1;
        let (mut at, tag) = self.hash(self.type_of(object), self.id(object));
        while self.slots[at & mask].0 != 0 {
            at += 1;
        }
        self.slots[at & mask] = (object + 1, tag);
    }

    /// Where the search begins, and the part of the hash that is kept.
    #[expect(clippy::cast_possible_truncation, reason = "two parts of the hash are wanted")]
    #[inline]
    fn hash(&self, type_name: Sym, id: &str) -> (usize, u32) {
        let mut state = self.seed ^ u64::from(type_name) << 32 ^ id.len() as u64;
        let mut rest = id.as_bytes();
        while let Some((word, after)) = rest.split_first_chunk::<8>() {
            state = fold(state ^ u64::from_le_bytes(*word), 0x9e37_79b9_7f4a_7c15);
            rest = after;
        }
        // Two overlapping words, or three bytes, hold what is left; the length tells such rests apart.
        let rest = match (rest, rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            (_, Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
            }
            ([first, .., last], ..) => {
                u64::from(*first) << 16 | u64::from(rest[rest.len() / 2]) << 8 | u64::from(*last)
            }
            ([only], ..) => u64::from(*only),
            _ => 0,
        };
        let hash = fold(state ^ rest, 0xd6e8_feb8_6659_fd93);
        (hash as usize, (hash >> 32) as u32)
    }
}
