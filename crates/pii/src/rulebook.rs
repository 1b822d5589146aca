//! The rules of every channel: what an organization says, and what stands where it says nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::channel::{CHANNEL_COUNT, Channel};
use crate::class::Class;
use crate::lists::{BadEntry, Lists};
use crate::policy::{ClassPolicy, Mode, Policy};

/// Most words that are never a finding, and most that always are, in one rulebook.
pub const LISTED_MAX: usize = 500;
/// Longest of them, in characters.
pub const LISTED_CHARS_MAX: usize = 200;
/// How long what was replaced reversibly is kept when nothing else is said, in seconds (one day).
pub const KEEP_SECONDS_DEFAULT: u64 = 24 * 3_600;
/// The longest time it may be kept, in seconds (thirty days).
pub const KEEP_SECONDS_MAX: u64 = 30 * 24 * 3_600;
/// The shortest, in seconds (one minute).
pub const KEEP_SECONDS_MIN: u64 = 60;

/// Rules by class, for one channel or for all.
pub type ClassRules = BTreeMap<Class, ClassPolicy>;

/// Words that are always a finding of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// The words.
    pub phrase: String,
    /// What they are.
    pub class: Class,
}

/// What an organization says: only what differs from the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Rules for every channel.
    #[serde(default)]
    pub classes: ClassRules,
    /// Rules for one channel; they go before those for all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<Channel, ClassRules>,
    /// What is never a finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// What always is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Denied>,
    /// How long what is replaced reversibly is kept, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_seconds: Option<u64>,
    /// Whether sentences in which the tagger is not sure are read by a second reader, where the server has one.
    #[serde(default, skip_serializing_if = "is_off")]
    pub deep: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_off(switch: &bool) -> bool {
    !switch
}

/// Why what was said cannot be the rules. Each names its place as a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// A channel on which nothing can be put back.
    #[error("what goes out on this channel cannot be put back: say strict")]
    Irreversible(Channel, Class),
    /// An entry of a list.
    #[error("{1}")]
    Entry(String, BadEntry),
    /// A list is too long, or an entry of it.
    #[error("a list has at most {LISTED_MAX} entries of at most {LISTED_CHARS_MAX} characters")]
    TooMuch(&'static str),
    /// The time for which values are kept.
    #[error("values are kept for {KEEP_SECONDS_MIN} to {KEEP_SECONDS_MAX} seconds")]
    KeepSeconds,
}

impl BadRules {
    /// The place, as a JSON pointer.
    pub fn pointer(&self) -> String {
        match self {
            Self::Irreversible(channel, class) => format!("/channels/{channel}/{class}"),
            Self::Entry(pointer, _) => pointer.clone(),
            Self::TooMuch(list) => format!("/{list}"),
            Self::KeepSeconds => "/keep_seconds".to_owned(),
        }
    }
}

/// The rules in force: a [`Policy`] for every channel.
///
/// A rule of the organization for a channel and class goes before its rule for the class, and that before the default.
/// On the wire it is `{"version": "…", "classes": {…}, "channels": {"prompt": {"PERSON": {"mode": "reversible"}}}, …}`;
/// what is not named keeps its default. Where nothing can be put back, `reversible` for all channels means strict.
#[derive(Clone, Debug, PartialEq)]
pub struct Rulebook {
    said: Said,
    base: Policy,
    channels: [Policy; CHANNEL_COUNT],
}

impl Rulebook {
    /// The default under the given label.
    pub fn new(version: impl Into<String>) -> Self {
        Self::unchecked(version.into(), Said::default())
    }

    /// What was said under the given label.
    ///
    /// # Errors
    /// [`BadRules`].
    pub fn of(version: impl Into<String>, said: Said) -> Result<Self, BadRules> {
        for (channel, rules) in &said.channels {
            let wrong = rules.iter().find(|(_, rule)| rule.mode == Mode::Reversible);
            if let Some((class, _)) = wrong.filter(|_| !channel.can_be_reversible()) {
                return Err(BadRules::Irreversible(*channel, *class));
            }
        }
        let fits = |text: &str| text.chars().count() <= LISTED_CHARS_MAX;
        if said.allow.len() > LISTED_MAX || !said.allow.iter().all(|text| fits(text)) {
            return Err(BadRules::TooMuch("allow"));
        }
        if said.deny.len() > LISTED_MAX || !said.deny.iter().all(|entry| fits(&entry.phrase)) {
            return Err(BadRules::TooMuch("deny"));
        }
        if said.keep_seconds.is_some_and(|seconds| !(KEEP_SECONDS_MIN..=KEEP_SECONDS_MAX).contains(&seconds))
        {
            return Err(BadRules::KeepSeconds);
        }
        lists(&said)?;
        Ok(Self::unchecked(version.into(), said))
    }

    fn unchecked(version: String, said: Said) -> Self {
        let base = with(Policy::new(version), &said.classes);
        let channels = Channel::ALL.map(|channel| {
            let policy = match said.channels.get(&channel) {
                Some(rules) => with(base.clone(), rules),
                None => base.clone(),
            };
            if channel.can_be_reversible() { policy } else { policy.without_vault() }
        });
        Self { said, base, channels }
    }

    /// The label; recorded with every decision so that it can be explained later.
    pub fn version(&self) -> &str {
        self.base.version()
    }

    /// The rules of a channel.
    pub fn on(&self, channel: Channel) -> &Policy {
        &self.channels[channel.index()]
    }

    /// The rules of a channel for which nothing is said.
    pub fn base(&self) -> &Policy {
        &self.base
    }

    /// What differs from the default.
    pub fn said(&self) -> &Said {
        &self.said
    }

    /// The lists, compiled.
    pub fn lists(&self) -> Lists {
        // They were compiled once when the rules were made.
        lists(&self.said).unwrap_or_default()
    }

    /// How long what is replaced reversibly is kept, in seconds.
    pub fn keep_seconds(&self) -> u64 {
        self.said.keep_seconds.unwrap_or(KEEP_SECONDS_DEFAULT)
    }

    /// Whether sentences in which the tagger is not sure are to be read by a second reader.
    pub fn deep(&self) -> bool {
        self.said.deep
    }

    /// Whether anything is to be put back on any of the channels.
    pub fn keeps(&self, channels: &[Channel]) -> bool {
        let reversible = |policy: &Policy| Class::ALL.iter().any(|c| policy.mode(*c) == Mode::Reversible);
        channels.iter().any(|channel| reversible(self.on(*channel)))
    }
}

impl Default for Rulebook {
    fn default() -> Self {
        Self::new("default")
    }
}

fn with(policy: Policy, rules: &ClassRules) -> Policy {
    rules.iter().fold(policy, |policy, (class, rule)| policy.with_rule(*class, *rule))
}

fn lists(said: &Said) -> Result<Lists, BadRules> {
    let mut lists = Lists::default();
    for (at, text) in said.allow.iter().enumerate() {
        lists.allow(text).map_err(|error| BadRules::Entry(format!("/allow/{at}"), error))?;
    }
    for (at, entry) in said.deny.iter().enumerate() {
        let denied = lists.deny(&entry.phrase, entry.class);
        denied.map_err(|error| BadRules::Entry(format!("/deny/{at}/phrase"), error))?;
    }
    Ok(lists)
}

/// `Said` and the label, spelled out: a flattened struct would let unknown fields pass.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: String,
    #[serde(default)]
    classes: ClassRules,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    channels: BTreeMap<Channel, ClassRules>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deny: Vec<Denied>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "is_off")]
    deep: bool,
}

impl Serialize for Rulebook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Said { classes, channels, allow, deny, keep_seconds, deep } = self.said.clone();
        Wire { version: self.version().to_owned(), classes, channels, allow, deny, keep_seconds, deep }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rulebook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { version, classes, channels, allow, deny, keep_seconds, deep } =
            Wire::deserialize(deserializer)?;
        let said = Said { classes, channels, allow, deny, keep_seconds, deep };
        Self::of(version, said).map_err(serde::de::Error::custom)
    }
}
