//! `pii.json`: a floor under the organization's rules about personal data. Whatever the organization says, what is done about
//! a class on a channel is the stricter of its rule and the floor's.
//!
//! The form is that of the rules themselves: `{"classes": {"PERSON": {"mode": "strict"}}, "channels": {"prompt": {…}},
//! "keep_seconds": 3600}`. A floor allows nothing and lists no words, so it has neither `allow` nor `deny`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use pii::{BadRules, Channel, Class, ClassPolicy, ClassRules, Mode, Rulebook, Said};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::document::Document;
use crate::finding::Finding;
use crate::part;
use crate::suite::Outcome;

/// The file.
pub const FILE: &str = "pii.json";
/// The file of its tests.
pub const TESTS: &str = "tests/pii.json";

/// Less than which a pack does not let an organization say about a class on a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Floor {
    classes: ClassRules,
    channels: BTreeMap<Channel, ClassRules>,
    keep_seconds: Option<u64>,
}

/// A map in which nothing stands twice: of two, a reader would see one and the server obey the other.
fn once<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    struct Once<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Visitor<'de> for Once<K, V> {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry::<K, V>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format!("{key} stands there twice")));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Once(PhantomData))
}

#[derive(Deserialize)]
struct Rules(#[serde(deserialize_with = "once")] ClassRules);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, deserialize_with = "once")]
    classes: ClassRules,
    #[serde(default, deserialize_with = "once")]
    channels: BTreeMap<Channel, Rules>,
    #[serde(default)]
    keep_seconds: Option<u64>,
}

impl Floor {
    /// Reads `pii.json`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        if !text.trim_start().starts_with('{') {
            // The reader would take a list for the members in order.
            return Err(Finding::error(FILE, "it is no object"));
        }
        let file: File = serde_json::from_str(text).map_err(|error| Finding::json(FILE, &error))?;
        let channels = file.channels.into_iter().map(|(channel, rules)| (channel, rules.0));
        let floor =
            Self { classes: file.classes, channels: channels.collect(), keep_seconds: file.keep_seconds };
        let wrong = |says: String| Err(Finding::error(FILE, says));
        let named = || floor.channels.values().chain([&floor.classes]).flatten();
        if named().next().is_none() && floor.keep_seconds.is_none() {
            return wrong("it raises nothing: name a class, a channel or keep_seconds".to_owned());
        }
        if let Some((class, _)) = named().find(|(_, rule)| rule.mode == Mode::Off) {
            return wrong(format!("{class} is off, which raises nothing"));
        }
        let said = Said {
            classes: floor.classes.clone(),
            channels: floor.channels.clone(),
            keep_seconds: floor.keep_seconds,
            ..Said::default()
        };
        match Rulebook::of("floor", said) {
            Ok(_) => Ok(floor),
            Err(error) => wrong(format!("{}: {error}", error.pointer())),
        }
    }

    /// What it asks for about a class on a channel; `None` when it leaves that to the organization.
    pub fn rule(&self, channel: Channel, class: Class) -> Option<ClassPolicy> {
        let of_channel = self.channels.get(&channel).and_then(|rules| rules.get(&class));
        let mut rule = *of_channel.or_else(|| self.classes.get(&class))?;
        if rule.mode == Mode::Reversible && !channel.can_be_reversible() {
            rule.mode = Mode::Strict;
        }
        Some(rule)
    }

    /// How long values may be kept at most, in seconds.
    pub const fn keep_seconds(&self) -> Option<u64> {
        self.keep_seconds
    }

    /// What is done about a class on a channel where the organization says `rule`.
    pub fn raised(&self, channel: Channel, class: Class, rule: ClassPolicy) -> ClassPolicy {
        self.rule(channel, class).map_or(rule, |least| stricter(rule, least))
    }

    /// The organization's rules, raised. The label stays: an entry names the pack beside it.
    ///
    /// # Errors
    /// When the rules could not have been the organization's.
    pub fn under(&self, book: &Rulebook) -> Result<Rulebook, BadRules> {
        let mut said = book.said().clone();
        for (class, least) in &self.classes {
            said.classes.insert(*class, stricter(book.base().rule(*class), *least));
        }
        for channel in Channel::ALL {
            for class in Class::ALL {
                if let Some(least) = self.rule(channel, class) {
                    let raised = stricter(book.on(channel).rule(class), least);
                    said.channels.entry(channel).or_default().insert(class, raised);
                }
            }
        }
        if let Some(most) = self.keep_seconds {
            said.keep_seconds = Some(book.keep_seconds().min(most));
        }
        Rulebook::of(book.version(), said)
    }
}

/// The rule under which no more leaves than under either: what replaces goes before what only counts. Of two that replace,
/// the mode that keeps less, from the lower of their confidences on.
fn stricter(one: ClassPolicy, other: ClassPolicy) -> ClassPolicy {
    let (low, high) = if rank(one.mode) <= rank(other.mode) { (one, other) } else { (other, one) };
    let alike =
        low.mode.replaces() == high.mode.replaces() && (low.mode != Mode::Off || high.mode == Mode::Off);
    ClassPolicy { threshold: if alike { low.threshold.min(high.threshold) } else { high.threshold }, ..high }
}

const fn rank(mode: Mode) -> u8 {
    match mode {
        Mode::Off => 0,
        Mode::FlagOnly => 1,
        Mode::Reversible => 2,
        Mode::Strict => 3,
    }
}

/// A test of the floor, as it stands in `tests/pii.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    /// What it shows.
    name: String,
    channel: Channel,
    class: Class,
    /// What the organization says; what the product does by itself when nothing is said here.
    #[serde(default)]
    policy: Option<ClassPolicy>,
    expect: Expect,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    mode: Mode,
    #[serde(default)]
    threshold: Option<f32>,
}

fn read_tests(text: &str) -> Result<Vec<Test>, Finding> {
    part::tests(TESTS, text)
}

/// Says what is wrong with the tests of a floor before any is run.
pub(crate) fn shape(document: &Document, findings: &mut Vec<Finding>) {
    part::shape((FILE, TESTS), document, read_tests, findings);
}

/// Runs the tests of a floor.
pub(crate) fn run(floor: &Floor, document: &Document) -> Vec<Outcome> {
    let default = Rulebook::default();
    let tests = document.file(TESTS).and_then(|text| read_tests(text).ok()).unwrap_or_default();
    tests
        .into_iter()
        .map(|test| {
            let said = test.policy.unwrap_or_else(|| default.on(test.channel).rule(test.class));
            let done = floor.raised(test.channel, test.class, said);
            let near = |expected: f32| (expected - done.threshold).abs() < f32::EPSILON;
            Outcome {
                file: TESTS.to_owned(),
                name: test.name,
                passed: test.expect.mode == done.mode && test.expect.threshold.is_none_or(near),
                expected: test.expect.mode.name(),
                verdict: done.mode.name(),
                policies: Vec::new(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn floor(text: &str) -> Floor {
        Floor::parse(text).unwrap()
    }

    fn rule(mode: Mode, threshold: f32) -> ClassPolicy {
        ClassPolicy { mode, threshold }
    }

    fn book(text: &str) -> Rulebook {
        Rulebook::of("pii@1", serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn what_the_floor_names_is_raised_and_the_rest_stays() {
        let floor = floor(
            r#"{"classes":{"PERSON":{"mode":"strict","threshold":0.7}},
                "channels":{"prompt":{"EMAIL":{"mode":"strict"}},"export":{"PHONE":{"mode":"strict"}}},"keep_seconds":600}"#,
        );
        let said = book(
            r#"{"classes":{"EMAIL":{"mode":"off"},"PHONE":{"mode":"flag_only"}},
                "channels":{"prompt":{"PERSON":{"mode":"reversible"}}},"allow":["help@example.com"],"keep_seconds":3600}"#,
        );
        let raised = floor.under(&said).unwrap();
        let at = |channel: Channel, class| raised.on(channel).rule(class);
        assert_eq!(at(Channel::Prompt, Class::Email), rule(Mode::Strict, 0.5));
        assert_eq!(at(Channel::Completion, Class::Email).mode, Mode::Off, "the floor says nothing there");
        assert_eq!(
            at(Channel::Prompt, Class::Person),
            rule(Mode::Strict, 0.5),
            "both replace: the lower confidence"
        );
        assert_eq!(at(Channel::Completion, Class::Person), rule(Mode::Strict, 0.7), "it only counted before");
        assert_eq!(
            (at(Channel::Export, Class::Phone).mode, at(Channel::Log, Class::Phone).mode),
            (Mode::Strict, Mode::FlagOnly)
        );
        assert_eq!((raised.keep_seconds(), raised.version()), (600, "pii@1"));
        assert_eq!(raised.said().allow, said.said().allow);
        assert_eq!(raised.base().rule(Class::Person).mode, Mode::Strict);
        assert_eq!(floor.under(&raised).unwrap(), raised, "twice is once");
    }

    #[test]
    fn what_is_no_floor_is_refused() {
        for (bad, says) in [
            ("{}", "raises nothing"),
            (r#"{"classes":{}}"#, "raises nothing"),
            (r#"{"classes":{"EMAIL":{"mode":"off"}}}"#, "EMAIL is off"),
            (
                r#"{"classes":{"EMAIL":{"mode":"strict"},"EMAIL":{"mode":"flag_only"}}}"#,
                "EMAIL stands there twice",
            ),
            (r#"{"channels":{"log":{"EMAIL":{"mode":"strict"}},"log":{}}}"#, "log stands there twice"),
            (
                r#"{"channels":{"log":{"IP":{"mode":"strict"},"IP":{"mode":"strict"}}}}"#,
                "IP stands there twice",
            ),
            (r#"{"classes":{"SECRET":{"mode":"strict"}}}"#, "unknown variant"),
            (r#"{"channels":{"radio":{}}}"#, "unknown variant"),
            (r#"{"classes":{"EMAIL":{"mode":"strict","threshold":1.5}}}"#, "0 to 1"),
            (r#"{"channels":{"export":{"EMAIL":{"mode":"reversible"}}}}"#, "/channels/export/EMAIL"),
            (r#"{"allow":["x"]}"#, "unknown field `allow`"),
            (r#"{"deny":[]}"#, "unknown field `deny`"),
            (r#"{"keep_seconds":5}"#, "/keep_seconds"),
            ("[]", "it is no object"),
            (r#"[{"EMAIL":{"mode":"strict"}}]"#, "it is no object"),
        ] {
            let found = Floor::parse(bad).expect_err(bad);
            assert!(found.message.contains(says) && found.file == FILE, "{bad}: {found}");
        }
    }

    /// How little of a finding of this confidence leaves: higher is less.
    fn held_back(rule: ClassPolicy, confidence: f32) -> u8 {
        match rule.mode {
            mode if !mode.replaces() || confidence < rule.threshold => 0,
            mode => rank(mode),
        }
    }

    fn any_rule() -> impl Strategy<Value = ClassPolicy> {
        let modes = [Mode::Off, Mode::FlagOnly, Mode::Reversible, Mode::Strict];
        (0..4_usize, 0..=10_u8).prop_map(move |(mode, tenth)| rule(modes[mode], f32::from(tenth) / 10.0))
    }

    proptest! {
        #[test]
        fn no_finding_leaves_that_either_rule_holds_back(one in any_rule(), other in any_rule(), tenth in 0..=10_u8) {
            let (both, confidence) = (stricter(one, other), f32::from(tenth) / 10.0);
            let held = held_back(both, confidence);
            prop_assert!(held >= held_back(one, confidence) && held >= held_back(other, confidence));
            prop_assert_eq!(both, stricter(other, one));
            prop_assert_eq!(stricter(both, one), both);
            prop_assert_eq!(stricter(both, other), both);
        }
    }
}
