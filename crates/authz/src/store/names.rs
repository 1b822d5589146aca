//! The names of types, relations and conditions as numbers. Numbers are never taken back, so that a compiled model that
//! was bound to them once stays bound.

use std::collections::HashMap;

/// Number of a name; 0 is no name.
pub(crate) type Sym = u16;

/// Names and their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Box<str>, Sym>,
    names: Vec<Box<str>>,
}

impl Names {
    pub(crate) fn get(&self, name: &str) -> Option<Sym> {
        self.numbers.get(name).copied()
    }

    /// The number of a name, a new one if need be. `None` when there are too many.
    pub(crate) fn add(&mut self, name: &str) -> Option<Sym> {
        if let Some(known) = self.get(name) {
            return Some(known);
        }
        let number = Sym::try_from(self.names.len() + 1).ok()?;
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        Some(number)
    }

    /// The greatest number; numbers begin with 1.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}
