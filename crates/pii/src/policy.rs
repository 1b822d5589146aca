//! What is to be done about each class.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

use crate::class::{CLASS_COUNT, Class};

/// The confidence from which a finding counts when nothing else is said.
///
/// Chosen on development data so that a lone number without context or check digit stays below it.
pub const THRESHOLD_DEFAULT: f32 = 0.5;

/// The classes the tagger finds; the rules find the others.
const TAGGED: [Class; 5] = [Class::Person, Class::Address, Class::Health, Class::Biometric, Class::Minor];

/// What happens to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Replace it by a token that cannot be turned back.
    Strict,
    /// Replace it by a token whose value is kept for a while, sealed, so that it can be put back for whoever sent it.
    /// Where there is no conversation to keep it in, this is strict.
    Reversible,
    /// Leave the text as it is and count the finding.
    FlagOnly,
    /// Do not look for it.
    Off,
}

impl Mode {
    /// Whether a finding is replaced by a token.
    pub const fn replaces(self) -> bool {
        matches!(self, Self::Strict | Self::Reversible)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Reversible => "reversible",
            Self::FlagOnly => "flag_only",
            Self::Off => "off",
        }
    }
}

/// The rule for one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPolicy {
    /// What happens to a finding of the class.
    pub mode: Mode,
    /// The least confidence, 0 to 1, at which a finding counts.
    #[serde(default = "threshold_default", deserialize_with = "unit_interval")]
    pub threshold: f32,
}

/// A rule for every class, and the label its owner gave to this version of the rules.
///
/// The default is strict for every class with a structure, and to flag those that are read from free text. On the wire it is
/// `{"version": "…", "classes": {"EMAIL": {"mode": "strict", "threshold": 0.5}}}`; a class that is not named keeps
/// its default, an unknown class or field is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    version: String,
    classes: [ClassPolicy; CLASS_COUNT],
}

/// Why a threshold was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a PII threshold must be a number from 0 to 1, not {0}")]
pub struct BadThreshold(pub f32);

impl Policy {
    /// The default rules under the given version label.
    pub fn new(version: impl Into<String>) -> Self {
        let classes = Class::ALL.map(|class| ClassPolicy {
            mode: if Class::structured().contains(&class) { Mode::Strict } else { Mode::FlagOnly },
            threshold: THRESHOLD_DEFAULT,
        });
        Self { version: version.into(), classes }
    }

    /// The same mode for every class.
    #[must_use]
    pub fn with_all(mut self, mode: Mode) -> Self {
        for class in Class::ALL {
            self.classes[class.index()].mode = mode;
        }
        self
    }

    /// Sets the mode of one class.
    #[must_use]
    pub fn with_mode(mut self, class: Class, mode: Mode) -> Self {
        self.classes[class.index()].mode = mode;
        self
    }

    /// Sets the threshold of one class.
    ///
    /// # Errors
    /// [`BadThreshold`] when the value is not a number from 0 to 1.
    pub fn with_threshold(mut self, class: Class, threshold: f32) -> Result<Self, BadThreshold> {
        self.classes[class.index()].threshold = checked(threshold)?;
        Ok(self)
    }

    /// Sets the rule of one class; its threshold was checked where it was read.
    #[must_use]
    pub(crate) fn with_rule(mut self, class: Class, rule: ClassPolicy) -> Self {
        self.classes[class.index()] = rule;
        self
    }

    /// The same where nothing can be put back.
    #[must_use]
    pub(crate) fn without_vault(mut self) -> Self {
        for rule in self.classes.iter_mut().filter(|rule| rule.mode == Mode::Reversible) {
            rule.mode = Mode::Strict;
        }
        self
    }

    /// The rule of a class.
    pub fn rule(&self, class: Class) -> ClassPolicy {
        self.classes[class.index()]
    }

    /// The label set by the caller; recorded with every decision so that it can be explained later.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The mode of a class.
    pub fn mode(&self, class: Class) -> Mode {
        self.classes[class.index()].mode
    }

    /// The threshold of a class.
    pub fn threshold(&self, class: Class) -> f32 {
        self.classes[class.index()].threshold
    }

    /// Whether it asks for a class that the tagger finds.
    pub(crate) fn wants_tagger(&self) -> bool {
        TAGGED.iter().any(|class| self.mode(*class) != Mode::Off)
    }

    /// Everything is found, whatever its confidence: what [`crate::Scanner::scan`] uses.
    pub(crate) fn report_all() -> Self {
        Self {
            version: String::new(),
            classes: [ClassPolicy { mode: Mode::Strict, threshold: 0.0 }; CLASS_COUNT],
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new("default")
    }
}

fn threshold_default() -> f32 {
    THRESHOLD_DEFAULT
}

fn checked(threshold: f32) -> Result<f32, BadThreshold> {
    // A NaN would compare false with everything and so switch the class off without a word.
    if (0.0..=1.0).contains(&threshold) { Ok(threshold) } else { Err(BadThreshold(threshold)) }
}

fn unit_interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    checked(f32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: String,
    #[serde(default)]
    classes: BTreeMap<Class, ClassPolicy>,
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let classes = Class::ALL.into_iter().map(|class| (class, self.classes[class.index()])).collect();
        Wire { version: self.version.clone(), classes }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let mut policy = Self::new(wire.version);
        for (class, rule) in wire.classes {
            policy.classes[class.index()] = rule;
        }
        Ok(policy)
    }
}
