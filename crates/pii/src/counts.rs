//! How much was found, per class; the only thing about a finding that may be written down.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::class::{CLASS_COUNT, Class};

/// Findings and redactions per class. Holds numbers only, never text.
///
/// Serializes as a small map of what was found, `{"EMAIL":1}`, without the classes that were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    found: [u32; CLASS_COUNT],
    redacted: [u32; CLASS_COUNT],
}

impl Counts {
    /// How many findings of the class reached the threshold.
    pub fn found(&self, class: Class) -> u32 {
        self.found[class.index()]
    }

    /// How many of them were replaced by a token.
    pub fn redacted(&self, class: Class) -> u32 {
        self.redacted[class.index()]
    }

    /// Findings of all classes together.
    pub fn total(&self) -> u32 {
        self.found.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Replacements of all classes together.
    pub fn redacted_total(&self) -> u32 {
        self.redacted.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// What was counted since `earlier`, a copy taken of this same count.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rest = *self;
        for (mine, theirs) in rest.found.iter_mut().zip(earlier.found) {
            *mine = mine.saturating_sub(theirs);
        }
        for (mine, theirs) in rest.redacted.iter_mut().zip(earlier.redacted) {
            *mine = mine.saturating_sub(theirs);
        }
        rest
    }

    /// Adds the counts of another text.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.found.iter_mut().zip(other.found) {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.redacted.iter_mut().zip(other.redacted) {
            *mine = mine.saturating_add(theirs);
        }
    }

    pub(crate) fn add(&mut self, class: Class, redacted: bool) {
        let i = class.index();
        self.found[i] = self.found[i].saturating_add(1);
        self.redacted[i] = self.redacted[i].saturating_add(u32::from(redacted));
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for class in Class::ALL {
            if self.found(class) > 0 {
                map.serialize_entry(class.name(), &self.found(class))?;
            }
        }
        map.end()
    }
}
