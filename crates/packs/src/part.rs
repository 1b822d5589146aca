//! What `limits.json` and `tools.json` have in common: rules that stand for all callers or for some kinds of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::document::Document;
use crate::finding::Finding;
use crate::pack::{Decision, Verdict};
use crate::question::AskerKind;
use crate::suite::{Expected, Outcome, TESTS_MAX};

/// Most rules of one part.
pub const RULES_MAX: usize = 64;

/// The kinds of principal a rule stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Whoever calls.
    pub const ALL: Self = Self(0b1111);

    /// Reads `for`. A rule without it is for whoever calls.
    pub(crate) fn read(names: Option<&[String]>) -> Result<Self, String> {
        let Some(names) = names else { return Ok(Self::ALL) };
        if names.is_empty() {
            return Err("`for` names nobody; leave it out when the rule is for whoever calls".to_owned());
        }
        let mut kinds = Self(0);
        for name in names {
            let Some(kind) = AskerKind::named(name) else {
                return Err(format!("`for` names {name:?}, and there are User, Agent, ApiKey and Service"));
            };
            if kinds.holds(kind) {
                return Err(format!("{name} stands there twice"));
            }
            kinds.0 |= bit(kind);
        }
        Ok(kinds)
    }

    /// Whether it stands for this kind.
    pub const fn holds(self, kind: AskerKind) -> bool {
        self.0 & bit(kind) != 0
    }
}

const fn bit(kind: AskerKind) -> u8 {
    match kind {
        AskerKind::User => 1,
        AskerKind::Agent => 2,
        AskerKind::ApiKey => 4,
        AskerKind::Service => 8,
    }
}

impl fmt::Display for Kinds {
    /// `Agent, ApiKey`, or `all`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        let names: Vec<&str> =
            AskerKind::ALL.into_iter().filter(|kind| self.holds(*kind)).map(AskerKind::name).collect();
        f.write_str(&names.join(", "))
    }
}

/// An object and nothing else: a derived reader would take a list for its members in order. A member that stands there
/// twice is refused, since of two a reader would see one and the server obey the other.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Only<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Only<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(access))
            }
        }

        deserializer.deserialize_map(Only(PhantomData)).map(Self)
    }
}

/// Reads the file of a part.
pub(crate) fn read<'t, T: Deserialize<'t>>(file: &str, text: &'t str) -> Result<T, Finding> {
    serde_json::from_str(text).map(|Object(read)| read).map_err(|error| Finding::json(file, &error))
}

/// Reads the tests of a part: a list of them.
pub(crate) fn tests<'t, T: Deserialize<'t>>(file: &str, text: &'t str) -> Result<Vec<T>, Finding> {
    let tests: Vec<Object<T>> = serde_json::from_str(text).map_err(|error| Finding::json(file, &error))?;
    Ok(tests.into_iter().map(|Object(test)| test).collect())
}

/// The kind a test is about. Such a test expects `allow` or `deny`; which rules refuse, its `policies` say.
pub(crate) fn of_kind(file: &str, test: &str, kind: &str, expect: Expected) -> Result<AskerKind, Finding> {
    let wrong = |says: &str| Finding::error(file, format!("{test:?}: {says}"));
    if !matches!(expect, Expected::Allow | Expected::Deny) {
        return Err(wrong("expect is allow or deny"));
    }
    AskerKind::named(kind).ok_or_else(|| wrong("principal is User, Agent, ApiKey or Service"))
}

/// How a test of a part ended.
pub(crate) fn outcome(
    file: &str,
    name: String,
    (expect, by): (Expected, Option<&[String]>),
    Decision { verdict, policies }: Decision,
) -> Outcome {
    let as_expected = (expect == Expected::Allow) == (verdict == Verdict::Allow);
    let as_named = by.is_none_or(|by| by == policies);
    Outcome {
        file: file.to_owned(),
        name,
        passed: as_expected && as_named,
        expected: expect.name(),
        verdict: verdict.name(),
        policies,
    }
}

/// Says what is wrong with the tests of a part before any is run.
pub(crate) fn shape<'d, T>(
    (part, file): (&str, &str),
    document: &'d Document,
    read: impl Fn(&'d str) -> Result<Vec<T>, Finding>,
    findings: &mut Vec<Finding>,
) {
    match document.file(file).map(read) {
        Some(Err(finding)) => findings.push(finding),
        Some(Ok(tests)) if tests.len() > TESTS_MAX => {
            findings.push(Finding::error(file, format!("there are more than {TESTS_MAX} tests")));
        }
        Some(Ok(tests)) if !tests.is_empty() => {}
        _ => findings.push(Finding::error(
            file,
            format!("there is no test of {part}: a pack shows what it does before it does it"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_whoever_calls_or_for_some() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(Kinds::read(None), Ok(Kinds::ALL));
        let some = Kinds::read(Some(&names(&["Agent", "User"]))).unwrap();
        assert!(some.holds(AskerKind::Agent) && some.holds(AskerKind::User));
        assert!(!some.holds(AskerKind::ApiKey) && !some.holds(AskerKind::Service));
        assert_eq!((some.to_string().as_str(), Kinds::ALL.to_string().as_str()), ("User, Agent", "all"));
        for (bad, says) in
            [(&[][..], "nobody"), (&["Robot"], "there are User"), (&["Agent", "Agent"], "twice")]
        {
            assert!(Kinds::read(Some(&names(bad))).unwrap_err().contains(says), "{bad:?}");
        }
    }
}
