//! The control map: which kinds of events speak to which control of which framework, and how strongly.
//!
//! It is data (`data/controls.json`), versioned, and its hash stands in every pack. Identifiers follow the published
//! frameworks; titles and sentences are our own words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest;

/// The map as it stands in every pack.
pub const MAP_JSON: &str = include_str!("../data/controls.json");

/// How far entries can show that a control is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// The entries themselves show it.
    Full,
    /// They show a part of it; the rest is elsewhere.
    Partial,
    /// They do not show it.
    None,
}

impl Strength {
    /// The word in packs and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// Kinds of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kinds {
    /// Every kind there is.
    Every,
    /// These.
    These(BTreeSet<String>),
}

impl Kinds {
    /// Whether the kind is one of them.
    pub fn has(&self, kind: &str) -> bool {
        match self {
            Self::Every => true,
            Self::These(kinds) => kinds.contains(kind),
        }
    }

    /// How many entries of these kinds there are, given how many of each.
    pub fn count(&self, by_kind: &BTreeMap<String, u64>) -> u64 {
        by_kind.iter().filter(|(kind, _)| self.has(kind)).map(|(_, count)| count).sum()
    }
}

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Spelled {
            Word(String),
            List(BTreeSet<String>),
        }
        match Spelled::deserialize(deserializer)? {
            Spelled::Word(word) if word == "*" => Ok(Self::Every),
            Spelled::Word(word) => Err(D::Error::custom(format!("kinds are a list or \"*\", not {word:?}"))),
            Spelled::List(kinds) => Ok(Self::These(kinds)),
        }
    }
}

impl Serialize for Kinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Every => serializer.serialize_str("*"),
            Self::These(kinds) => kinds.serialize(serializer),
        }
    }
}

/// A control, or the part of an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its identifier in the framework: `CC6.1`, `12(2)(a)`, `A.6.2.8`.
    pub id: String,
    /// What it is about, in our own words.
    pub title: String,
    /// How far entries can show it.
    pub strength: Strength,
    /// What they show, and what they do not.
    pub says: String,
    /// The kinds of events that speak to it.
    pub events: Kinds,
    /// Kinds that would speak to it and that this product does not record yet.
    pub not_yet: Vec<String>,
}

/// A framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its key: `soc2`.
    pub id: String,
    /// Other keys under which people ask for it.
    pub aliases: Vec<String>,
    /// Its name.
    pub title: String,
    /// What it is about, in a few words.
    pub about: String,
    /// Its controls, in its own order.
    pub controls: Vec<Control>,
}

/// The map is not what it should be. The one that is built in is checked by tests.
#[derive(Debug, thiserror::Error)]
#[error("the control map cannot be read: {0}")]
pub struct MapError(#[from] serde_json::Error);

/// All frameworks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlMap {
    /// Its version, a year and a month.
    pub version: String,
    /// What to know before relying on it.
    pub note: String,
    /// The frameworks.
    pub frameworks: Vec<Framework>,
}

impl ControlMap {
    /// The map that is built in, read once.
    ///
    /// # Errors
    /// Never, as its tests pass; the error keeps this from having to panic.
    pub fn embedded() -> Result<&'static Self, &'static MapError> {
        static MAP: LazyLock<Result<ControlMap, MapError>> =
            LazyLock::new(|| Ok(serde_json::from_str(MAP_JSON)?));
        MAP.as_ref()
    }

    /// SHA-256 of the map that is built in, in hex.
    pub fn sha256() -> &'static str {
        static SHA256: LazyLock<String> = LazyLock::new(|| digest::sha256(MAP_JSON.as_bytes()));
        &SHA256
    }

    /// The framework of this key, or of this other name of it.
    pub fn framework(&self, key: &str) -> Option<&Framework> {
        self.frameworks
            .iter()
            .find(|framework| framework.id == key || framework.aliases.iter().any(|alias| alias == key))
    }
}

impl Framework {
    /// All kinds that speak to one of its controls.
    pub fn kinds(&self) -> Kinds {
        let mut all = BTreeSet::new();
        for control in &self.controls {
            match &control.events {
                Kinds::Every => return Kinds::Every,
                Kinds::These(kinds) => all.extend(kinds.iter().cloned()),
            }
        }
        Kinds::These(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::EventKind;

    #[test]
    fn every_cell_has_a_strength_a_sentence_and_events_that_exist() {
        let map = ControlMap::embedded().unwrap();
        for framework in &map.frameworks {
            let mut ids = BTreeSet::new();
            for control in &framework.controls {
                let name = format!("{} {}", framework.id, control.id);
                assert!(ids.insert(&control.id), "{name} stands there twice");
                assert!(control.says.ends_with('.') && control.says.len() > 30, "{name}: {:?}", control.says);
                assert!(!control.title.is_empty(), "{name}");
                if let Kinds::These(kinds) = &control.events {
                    for kind in kinds {
                        assert!(kind.parse::<EventKind>().is_ok(), "{name}: nothing is called {kind:?}");
                    }
                    assert!(
                        !kinds.is_empty() || control.strength == Strength::None,
                        "{name} is shown by nothing"
                    );
                }
                for kind in &control.not_yet {
                    assert!(
                        kind.parse::<EventKind>().is_err(),
                        "{name}: {kind:?} is recorded now, so it belongs to the events"
                    );
                    assert!(audit_log::Kind::new(kind.as_str()).is_ok(), "{name}: {kind:?}");
                }
            }
        }
    }

    #[test]
    fn the_frameworks_and_their_controls() {
        let map = ControlMap::embedded().unwrap();
        let of = |key: &str, id: &str| {
            let framework = map.framework(key).unwrap();
            framework.controls.iter().find(|control| control.id == id).unwrap().clone()
        };
        assert_eq!(map.framework("nist-ai-rmf-2.0"), map.framework("nist-ai-rmf-1.0"));
        assert_eq!(map.framework("hipaa"), None);
        // The clause is about impact assessment, the control of nearly the same name about telling of incidents.
        assert!(of("iso-42001", "8.4").title.contains("impact"));
        assert!(of("iso-42001", "A.8.4").title.contains("Incidents"));
        assert_eq!(of("eu-ai-act", "12(1)").events, Kinds::Every);
        for article in ["10(", "12(", "14(", "15(", "19(", "26("] {
            let framework = map.framework("eu-ai-act").unwrap();
            assert!(framework.controls.iter().any(|control| control.id.starts_with(article)), "{article}");
        }
        for family in ["CC4", "CC5", "CC6", "CC7", "CC8"] {
            let framework = map.framework("soc2").unwrap();
            assert!(framework.controls.iter().any(|control| control.id.starts_with(family)), "{family}");
        }
    }
}
