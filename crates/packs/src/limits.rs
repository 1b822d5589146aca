//! `limits.json`: narrows what the product's own limits allow. Of several limits that fit a caller the smallest counts, so that
//! one more rule never widens.
//!
//! `{"limits": [{"for": ["Agent"], "model_calls_per_minute": 30}, {"key_lifetime_days": 30}]}`.

use std::fmt;

use serde::Deserialize;

use crate::document::Document;
use crate::finding::Finding;
use crate::pack::{Decision, Verdict};
use crate::part::{self, Kinds, Object, RULES_MAX};
use crate::question::AskerKind;
use crate::suite::{Expected, Outcome};

/// The file.
pub const FILE: &str = "limits.json";
/// The file of its tests.
pub const TESTS: &str = "tests/limits.json";

/// Most calls in a minute that a limit can be, far beyond what one credential makes.
const CALLS_PER_MINUTE_MAX: u64 = 1_000_000;
/// Shortest body that a limit can leave, in bytes: less holds no request.
const REQUEST_BYTES_MIN: u64 = 256;
/// Longest body that a limit can be about, in bytes.
const REQUEST_BYTES_MAX: u64 = 1 << 30;
/// Most tokens that a limit can be.
const OUTPUT_TOKENS_MAX: u64 = 100_000_000;
/// Longest life of a key that a limit can be, in days.
const KEY_LIFETIME_DAYS_MAX: u64 = 3_650;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Calls of models by one credential in any minute.
    ModelCallsPerMinute,
    /// Bytes of the request of such a call.
    ModelRequestBytes,
    /// Tokens that one call may have a model write, all its answers together.
    ModelOutputTokens,
    /// Days that an API key may live.
    KeyLifetimeDays,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 4] =
        [Self::ModelCallsPerMinute, Self::ModelRequestBytes, Self::ModelOutputTokens, Self::KeyLifetimeDays];

    /// Its name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelCallsPerMinute => "model_calls_per_minute",
            Self::ModelRequestBytes => "model_request_bytes",
            Self::ModelOutputTokens => "model_output_tokens",
            Self::KeyLifetimeDays => "key_lifetime_days",
        }
    }

    /// The smallest and the largest that it can be. To forbid something altogether is what policies are for.
    pub const fn bounds(self) -> (u64, u64) {
        match self {
            Self::ModelCallsPerMinute => (1, CALLS_PER_MINUTE_MAX),
            Self::ModelRequestBytes => (REQUEST_BYTES_MIN, REQUEST_BYTES_MAX),
            Self::ModelOutputTokens => (1, OUTPUT_TOKENS_MAX),
            Self::KeyLifetimeDays => (1, KEY_LIFETIME_DAYS_MAX),
        }
    }

    const fn at(self) -> usize {
        match self {
            Self::ModelCallsPerMinute => 0,
            Self::ModelRequestBytes => 1,
            Self::ModelOutputTokens => 2,
            Self::KeyLifetimeDays => 3,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    limits: Vec<Object<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, rename = "for")]
    kinds: Option<Vec<String>>,
    #[serde(default)]
    model_calls_per_minute: Option<u64>,
    #[serde(default)]
    model_request_bytes: Option<u64>,
    #[serde(default)]
    model_output_tokens: Option<u64>,
    #[serde(default)]
    key_lifetime_days: Option<u64>,
}

/// One rule. It prints as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    kinds: Kinds,
    values: [Option<u64>; Limit::ALL.len()],
}

impl Rule {
    /// For whom it stands.
    pub const fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// What it says of a limit.
    pub fn value(&self, limit: Limit) -> Option<u64> {
        self.values.get(limit.at()).copied().flatten()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {}", self.kinds)?;
        for limit in Limit::ALL {
            if let Some(value) = self.value(limit) {
                write!(f, ", {} {value}", limit.name())?;
            }
        }
        Ok(())
    }
}

/// A limit that counts for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// How much at most.
    pub most: u64,
    /// The number of the rule.
    rule: usize,
}

impl Bound {
    /// What is said to whoever asks for more.
    pub fn refused(self) -> Decision {
        Decision { verdict: Verdict::Limit, policies: vec![format!("limits.{}", self.rule)] }
    }
}

/// The rules, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    rules: Vec<Rule>,
}

impl Limits {
    /// Reads `limits.json`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        let file: File = part::read(FILE, text)?;
        if file.limits.is_empty() || file.limits.len() > RULES_MAX {
            return Err(Finding::error(FILE, format!("it has 1 to {RULES_MAX} rules")));
        }
        let rules = file.limits.into_iter().enumerate().map(|(at, Object(written))| {
            let wrong = |says: String| Finding::error(FILE, format!("rule {}: {says}", at + 1));
            let kinds = Kinds::read(written.kinds.as_deref()).map_err(wrong)?;
            let values = [
                written.model_calls_per_minute,
                written.model_request_bytes,
                written.model_output_tokens,
                written.key_lifetime_days,
            ];
            if values.iter().all(Option::is_none) {
                return Err(wrong("it limits nothing".to_owned()));
            }
            for (limit, value) in Limit::ALL.into_iter().zip(values) {
                let (least, most) = limit.bounds();
                if value.is_some_and(|value| !(least..=most).contains(&value)) {
                    return Err(wrong(format!("{} is {least} to {most}", limit.name())));
                }
            }
            Ok(Rule { kinds, values })
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The smallest limit that stands for this kind, of the first rule that says so.
    pub fn bound(&self, limit: Limit, kind: AskerKind) -> Option<Bound> {
        let fitting = self.rules.iter().enumerate().filter(|(_, rule)| rule.kinds.holds(kind));
        let bounds = fitting.filter_map(|(at, rule)| Some(Bound { most: rule.value(limit)?, rule: at + 1 }));
        bounds.min_by_key(|bound| (bound.most, bound.rule))
    }
}

/// A test, as it stands in `tests/limits.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    /// What it shows.
    name: String,
    /// Who asks: `User`, `Agent`, `ApiKey` or `Service`.
    principal: String,
    /// What is limited.
    limit: Limit,
    /// How much is asked for.
    asks: u64,
    /// `allow` or `deny`.
    expect: Expected,
    /// The rule expected to refuse it, when that matters.
    #[serde(default)]
    policies: Option<Vec<String>>,
}

fn read_tests(text: &str) -> Result<Vec<(AskerKind, Test)>, Finding> {
    let tests: Vec<Test> = part::tests(TESTS, text)?;
    let known = tests
        .into_iter()
        .map(|test| part::of_kind(TESTS, &test.name, &test.principal, test.expect).map(|kind| (kind, test)));
    known.collect()
}

/// Says what is wrong with the tests before any is run.
pub(crate) fn shape(document: &Document, findings: &mut Vec<Finding>) {
    part::shape((FILE, TESTS), document, read_tests, findings);
}

/// Runs the tests.
pub(crate) fn run(limits: &Limits, document: &Document) -> Vec<Outcome> {
    let tests = document.file(TESTS).and_then(|text| read_tests(text).ok()).unwrap_or_default();
    tests
        .into_iter()
        .map(|(kind, test)| {
            let bound = limits.bound(test.limit, kind).filter(|bound| test.asks > bound.most);
            let decision = bound.map_or(Decision::of(Verdict::Allow), Bound::refused);
            part::outcome(TESTS, test.name, (test.expect, test.policies.as_deref()), decision)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(text: &str) -> Limits {
        Limits::parse(text).unwrap()
    }

    #[test]
    fn the_smallest_that_fits_counts() {
        let limits = limits(
            r#"{"limits":[{"for":["Agent"],"model_calls_per_minute":30,"model_output_tokens":4096},
                          {"model_calls_per_minute":60,"key_lifetime_days":30},
                          {"for":["Agent","ApiKey"],"model_calls_per_minute":30,"model_request_bytes":65536}]}"#,
        );
        let said = |limit, kind| {
            limits.bound(limit, kind).map(|bound| (bound.most, bound.refused().policies.join(" ")))
        };
        let by = |most, rule: &str| Some((most, rule.to_owned()));
        assert_eq!(
            said(Limit::ModelCallsPerMinute, AskerKind::Agent),
            by(30, "limits.1"),
            "the first of equals"
        );
        assert_eq!(said(Limit::ModelCallsPerMinute, AskerKind::ApiKey), by(30, "limits.3"));
        assert_eq!(said(Limit::ModelCallsPerMinute, AskerKind::User), by(60, "limits.2"));
        assert_eq!(said(Limit::KeyLifetimeDays, AskerKind::Service), by(30, "limits.2"));
        assert_eq!(said(Limit::ModelOutputTokens, AskerKind::User), None);
        assert_eq!(
            limits.rules()[0].to_string(),
            "for Agent, model_calls_per_minute 30, model_output_tokens 4096"
        );
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for (bad, says) in [
            ("{}", "missing field `limits`"),
            ("[]", "expected an object"),
            (r#"{"limits":[]}"#, "1 to 64 rules"),
            (r#"{"limits":[[["Agent"],30,1,1,1]]}"#, "expected an object"),
            (r#"{"limits":[{"for":["Agent"]}]}"#, "rule 1: it limits nothing"),
            (r#"{"limits":[{"for":["Robot"],"key_lifetime_days":3}]}"#, "`for` names"),
            (r#"{"limits":[{"key_lifetime_days":0}]}"#, "key_lifetime_days is 1 to 3650"),
            (r#"{"limits":[{"model_request_bytes":255}]}"#, "model_request_bytes is 256"),
            (r#"{"limits":[{"model_calls_per_minute":-1}]}"#, "invalid value"),
            (r#"{"limits":[{"key_lifetime_days":3,"key_lifetime_days":4}]}"#, "duplicate field"),
            (r#"{"limits":[{"key_lifetime_weeks":3}]}"#, "unknown field"),
        ] {
            let found = Limits::parse(bad).expect_err(bad);
            assert!(found.message.contains(says) && found.file == FILE, "{bad}: {found}");
        }
    }

    fn any_rule() -> impl Strategy<Value = String> {
        (prop::option::of(0..4_usize), 1..100_u64, prop::option::of(256..999_u64)).prop_map(
            |(kind, calls, bytes)| {
                let kind = kind.map_or_else(String::new, |kind| {
                    format!("\"for\":[\"{}\"],", AskerKind::ALL[kind].name())
                });
                let bytes =
                    bytes.map_or_else(String::new, |bytes| format!(",\"model_request_bytes\":{bytes}"));
                format!("{{{kind}\"model_calls_per_minute\":{calls}{bytes}}}")
            },
        )
    }

    proptest! {
        #[test]
        fn one_more_rule_never_widens(rules in prop::collection::vec(any_rule(), 1..6), more in any_rule(), kind in 0..4_usize) {
            let (kind, few) = (AskerKind::ALL[kind], limits(&format!("{{\"limits\":[{}]}}", rules.join(","))));
            let many = limits(&format!("{{\"limits\":[{},{more}]}}", rules.join(",")));
            for limit in Limit::ALL {
                let (before, after) = (few.bound(limit, kind), many.bound(limit, kind));
                prop_assert!(before.is_none_or(|before| after.is_some_and(|after| after.most <= before.most)));
                let fitting = many.rules().iter().filter(|rule| rule.kinds().holds(kind));
                prop_assert_eq!(after.map(|after| after.most), fitting.filter_map(|rule| rule.value(limit)).min());
            }
        }
    }
}
