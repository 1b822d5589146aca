//! How much was found, per class; the only thing about a finding that may be written down.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::channel::Channel;
use crate::class::{CLASS_COUNT, Class};

/// How many tenths a confidence is told apart by.
const TENTHS: usize = 10;

/// Findings and redactions per class. Holds numbers only, never text.
///
/// Serializes as a small map of what was found, `{"EMAIL":1}`, without the classes that were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    found: [u32; CLASS_COUNT],
    redacted: [u32; CLASS_COUNT],
    /// What was found, by the tenth its confidence is in.
    by_tenth: [[u32; TENTHS]; CLASS_COUNT],
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
        for (mine, theirs) in rest.by_tenth.iter_mut().flatten().zip(earlier.by_tenth.iter().flatten()) {
            *mine = mine.saturating_sub(*theirs);
        }
        rest
    }

    /// How many findings of the class had a confidence from `tenth` tenths up to the next, the last one included.
    pub fn found_at(&self, class: Class, tenth: usize) -> u32 {
        self.by_tenth[class.index()].get(tenth).copied().unwrap_or(0)
    }

    /// Adds the counts of another text.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.found.iter_mut().zip(other.found) {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.redacted.iter_mut().zip(other.redacted) {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.by_tenth.iter_mut().flatten().zip(other.by_tenth.iter().flatten()) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    pub(crate) fn add(&mut self, class: Class, confidence: f32, redacted: bool) {
        let i = class.index();
        let tenth = tenth(confidence);
        self.by_tenth[i][tenth] = self.by_tenth[i][tenth].saturating_add(1);
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

/// The tenth a confidence is in; 1 is in the last.
fn tenth(confidence: f32) -> usize {
    (1..TENTHS).rev().find(|tenth| confidence >= TENTH_FROM[*tenth]).unwrap_or(0)
}

/// Where each tenth starts.
const TENTH_FROM: [f32; TENTHS] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Their names in what is written down.
const TENTH_NAMES: [&str; TENTHS] = ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"];

/// Findings by channel. Serializes as what was found, by channel, class and confidence in tenths:
/// `{"prompt":{"EMAIL":{"0.9":1}}}`. Numbers only, never text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Channel, Counts>);

impl Tally {
    /// Adds the counts of a text of the channel.
    pub fn add(&mut self, channel: Channel, counts: &Counts) {
        if counts.total() > 0 {
            self.0.entry(channel).or_default().merge(counts);
        }
    }

    /// The counts of a channel.
    pub fn on(&self, channel: Channel) -> Counts {
        self.0.get(&channel).copied().unwrap_or_default()
    }

    /// What was counted since `earlier`, a copy taken of this same tally.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let rest = self.0.iter().map(|(channel, counts)| (*channel, counts.since(&earlier.on(*channel))));
        Self(rest.filter(|(_, counts)| counts.total() > 0).collect())
    }

    /// All channels together.
    pub fn all(&self) -> Counts {
        self.0.values().fold(Counts::default(), |mut all, counts| {
            all.merge(counts);
            all
        })
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of_class = |counts: &Counts, class: Class| -> BTreeMap<&str, u32> {
            let tenths = TENTH_NAMES.iter().enumerate();
            tenths.map(|(at, name)| (*name, counts.found_at(class, at))).filter(|(_, n)| *n > 0).collect()
        };
        let of_channel = |counts: &Counts| -> BTreeMap<&str, BTreeMap<&str, u32>> {
            let classes = Class::ALL.into_iter().filter(|class| counts.found(*class) > 0);
            classes.map(|class| (class.name(), of_class(counts, class))).collect()
        };
        serializer.collect_map(self.0.iter().map(|(channel, counts)| (channel.name(), of_channel(counts))))
    }
}
