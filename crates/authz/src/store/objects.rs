//! Objects as numbers: one table of all their ids, searched by a keyed hash.

use super::Obj;
use super::names::Sym;

/// The ids of many objects in one piece.
#[derive(Debug)]
pub(super) struct Objects {
    seed: u64,
    types: Vec<Sym>,
    /// Where the id of each object ends in `text`.
    ends: Vec<u32>,
    text: String,
    /// Number of an object plus 1 by its hash; 0 is free. A power of two long, at most half full.
    slots: Vec<u32>,
}

impl Objects {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, types: Vec::new(), ends: Vec::new(), text: String::new(), slots: vec![0; 16] }
    }

    pub(super) fn len(&self) -> usize {
        self.types.len()
    }

    pub(super) fn type_of(&self, object: Obj) -> Sym {
        self.types[object as usize]
    }

    pub(super) fn id(&self, object: Obj) -> &str {
        let at = object as usize;
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[begin as usize..self.ends[at] as usize]
    }

    pub(super) fn get(&self, type_name: Sym, id: &str) -> Option<Obj> {
        let mask = self.slots.len() - 1;
        let mut at = self.hash(type_name, id) & mask;
        loop {
            let object = self.slots[at].checked_sub(1)?;
            if self.types[object as usize] == type_name && self.id(object) == id {
                return Some(object);
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of an object, a new one if need be. `None` when there are too many.
    pub(super) fn add(&mut self, type_name: Sym, id: &str) -> Option<Obj> {
        if let Some(known) = self.get(type_name, id) {
            return Some(known);
        }
        let object = Obj::try_from(self.types.len()).ok().filter(|n| *n < Obj::MAX / 2)?;
        self.text.push_str(id);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        self.types.push(type_name);
        if self.types.len() * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 2];
            for known in 0..=object {
                self.place(known);
            }
        } else {
            self.place(object);
        }
        Some(object)
    }

    pub(super) fn bytes(&self) -> usize {
        self.types.len() * 6 + self.text.len() + self.slots.len() * 4
    }

    fn place(&mut self, object: Obj) {
        let mask = self.slots.len() - 1;
        let mut at = self.hash(self.type_of(object), self.id(object)) & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = object + 1;
    }

    /// A fast hash. Its key is not known outside, so that nobody can choose ids that collide.
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are used")]
    fn hash(&self, type_name: Sym, id: &str) -> usize {
        let mut state = fold(self.seed ^ u64::from(type_name), 0x9e37_79b9_7f4a_7c15);
        let mut chunks = id.as_bytes().chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            state = fold(state ^ u64::from_le_bytes(word), self.seed | 1);
        }
        let mut rest = [0; 8];
        rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        fold(state ^ u64::from_le_bytes(rest), 0xd6e8_feb8_6659_fd93 ^ id.len() as u64) as usize
    }
}

/// Multiplies into 128 bits and folds the halves together.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of the product are wanted")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
