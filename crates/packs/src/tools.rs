//! `tools.json`: which tools may be offered to a model, and called by one.
//!
//! `{"rules": [{"for": ["Agent"], "deny": ["shell*"], "allow": ["search_*"]}]}`. What a rule denies is refused; where a rule
//! says what it allows, everything else is refused too. Every rule that stands for a caller counts, so that one more rule
//! never opens what another closed.

use std::fmt;

use serde::Deserialize;

use crate::document::Document;
use crate::finding::Finding;
use crate::pack::{Decision, Verdict};
use crate::part::{self, Kinds, Object, RULES_MAX};
use crate::pattern::{Pattern, folded};
use crate::question::AskerKind;
use crate::suite::{Expected, Outcome};

/// The file.
pub const FILE: &str = "tools.json";
/// The file of its tests.
pub const TESTS: &str = "tests/tools.json";
/// Most patterns of `tools.json`.
pub const PATTERNS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<Object<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, rename = "for")]
    kinds: Option<Vec<String>>,
    #[serde(default)]
    deny: Option<Vec<String>>,
    #[serde(default)]
    allow: Option<Vec<String>>,
}

/// One rule. It prints as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    kinds: Kinds,
    deny: Vec<Pattern>,
    /// `None` allows what is not denied; an empty list allows nothing.
    allow: Option<Vec<Pattern>>,
}

impl Rule {
    /// For whom it stands.
    pub const fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// What it denies.
    pub fn denies(&self) -> Vec<String> {
        self.deny.iter().map(ToString::to_string).collect()
    }

    /// What it allows; `None` when it allows whatever it does not deny.
    pub fn allows(&self) -> Option<Vec<String>> {
        self.allow.as_ref().map(|allow| allow.iter().map(ToString::to_string).collect())
    }

    fn lets_pass(&self, name: &str) -> bool {
        let one_of = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(name));
        !one_of(&self.deny) && self.allow.as_deref().is_none_or(one_of)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {}", self.kinds)?;
        if !self.deny.is_empty() {
            write!(f, ", deny {}", self.denies().join(" "))?;
        }
        match self.allows() {
            None => Ok(()),
            Some(allow) if allow.is_empty() => f.write_str(", allow nothing"),
            Some(allow) => write!(f, ", allow {}", allow.join(" ")),
        }
    }
}

/// The rules, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    rules: Vec<Rule>,
}

impl Tools {
    /// Reads `tools.json`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        let file: File = part::read(FILE, text)?;
        if file.rules.is_empty() || file.rules.len() > RULES_MAX {
            return Err(Finding::error(FILE, format!("it has 1 to {RULES_MAX} rules")));
        }
        let rules = file.rules.into_iter().enumerate().map(|(at, Object(written))| {
            let wrong = |says: String| Finding::error(FILE, format!("rule {}: {says}", at + 1));
            let kinds = Kinds::read(written.kinds.as_deref()).map_err(wrong)?;
            let deny = patterns(written.deny.as_deref().unwrap_or_default()).map_err(wrong)?;
            let allow = written.allow.as_deref().map(patterns).transpose().map_err(wrong)?;
            if deny.is_empty() && allow.is_none() {
                return Err(wrong("it refuses nothing: say deny, allow or both".to_owned()));
            }
            Ok(Rule { kinds, deny, allow })
        });
        let tools = Self { rules: rules.collect::<Result<_, _>>()? };
        let count = |rule: &Rule| rule.deny.len() + rule.allow.as_ref().map_or(0, Vec::len);
        if tools.rules.iter().map(count).sum::<usize>() > PATTERNS_MAX {
            return Err(Finding::error(FILE, format!("there are more than {PATTERNS_MAX} patterns")));
        }
        Ok(tools)
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether a rule stands for this kind.
    pub fn speaks_of(&self, kind: AskerKind) -> bool {
        self.rules.iter().any(|rule| rule.kinds.holds(kind))
    }

    /// What it says to a tool of this name, and by which rules. A name that cannot be judged passes no rule.
    pub fn decide(&self, kind: AskerKind, name: &str) -> Decision {
        let name = folded(name);
        self.refusing(kind, |rule| name.as_deref().is_some_and(|name| rule.lets_pass(name)))
    }

    /// What it says to a tool whose name cannot be told, or that nobody offered.
    pub fn nameless(&self, kind: AskerKind) -> Decision {
        self.refusing(kind, |_| false)
    }

    fn refusing(&self, kind: AskerKind, passes: impl Fn(&Rule) -> bool) -> Decision {
        let rules = self.rules.iter().enumerate();
        let refusing = rules.filter(|(_, rule)| rule.kinds.holds(kind) && !passes(rule));
        let policies: Vec<String> = refusing.map(|(at, _)| format!("tools.{}", at + 1)).collect();
        let verdict = if policies.is_empty() { Verdict::Allow } else { Verdict::Tool };
        Decision { verdict, policies }
    }
}

/// Patterns none of which stands there twice.
fn patterns(texts: &[String]) -> Result<Vec<Pattern>, String> {
    let mut patterns = Vec::with_capacity(texts.len());
    for text in texts {
        let pattern = Pattern::read(text)?;
        if patterns.contains(&pattern) {
            return Err(format!("{text:?} stands there twice"));
        }
        patterns.push(pattern);
    }
    Ok(patterns)
}

/// A test, as it stands in `tests/tools.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    /// What it shows.
    name: String,
    /// Who calls: `User`, `Agent`, `ApiKey` or `Service`.
    principal: String,
    /// The name of the tool.
    tool: String,
    /// `allow` or `deny`.
    expect: Expected,
    /// The rules expected to refuse it, when that matters.
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
pub(crate) fn run(tools: &Tools, document: &Document) -> Vec<Outcome> {
    let tests = document.file(TESTS).and_then(|text| read_tests(text).ok()).unwrap_or_default();
    tests
        .into_iter()
        .map(|(kind, test)| {
            let decision = tools.decide(kind, &test.tool);
            part::outcome(TESTS, test.name, (test.expect, test.policies.as_deref()), decision)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tools(text: &str) -> Tools {
        Tools::parse(text).unwrap()
    }

    #[test]
    fn deny_wins_and_what_is_not_allowed_is_refused() {
        let tools = tools(
            r#"{"rules":[{"for":["Agent"],"deny":["shell*","*_delete"],"allow":["search_*","web_search","shell_doc"]},
                         {"deny":["root"]}]}"#,
        );
        let said = |kind, name| {
            let Decision { verdict, policies } = tools.decide(kind, name);
            (verdict, policies.join(" "))
        };
        let refused = |by: &str| (Verdict::Tool, by.to_owned());
        let allowed = (Verdict::Allow, String::new());
        assert_eq!(said(AskerKind::Agent, "search_web"), allowed);
        assert_eq!(said(AskerKind::Agent, "Web_Search"), allowed);
        assert_eq!(said(AskerKind::Agent, "shell_doc"), refused("tools.1"), "deny wins");
        assert_eq!(said(AskerKind::Agent, "search_delete"), refused("tools.1"));
        assert_eq!(said(AskerKind::Agent, "calendar"), refused("tools.1"), "it is not among the allowed");
        assert_eq!(said(AskerKind::Agent, "root"), refused("tools.1 tools.2"));
        assert_eq!(said(AskerKind::User, "shell"), allowed, "the rule is for agents");
        assert_eq!(said(AskerKind::User, "ＲＯＯＴ"), refused("tools.2"));
        assert_eq!(said(AskerKind::User, "r\u{043e}ot"), refused("tools.2"), "nobody can tell it apart");
        assert_eq!(tools.nameless(AskerKind::Agent).policies, ["tools.1", "tools.2"]);
        assert!(tools.speaks_of(AskerKind::Service));
        assert_eq!(tools.rules()[1].to_string(), "for all, deny root");
        assert_eq!(
            tools.rules()[0].to_string(),
            "for Agent, deny shell* *_delete, allow search_* web_search shell_doc"
        );
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        let tools = tools(r#"{"rules":[{"for":["ApiKey"],"allow":[]}]}"#);
        assert!(!tools.decide(AskerKind::ApiKey, "web_search").allows());
        assert!(tools.decide(AskerKind::Agent, "web_search").allows() && !tools.speaks_of(AskerKind::Agent));
        assert_eq!(tools.rules()[0].to_string(), "for ApiKey, allow nothing");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (bad, says) in [
            ("{}", "missing field `rules`"),
            ("[]", "expected an object"),
            (r#"{"rules":[]}"#, "1 to 64 rules"),
            (r#"{"rules":[[["Agent"],["x"]]]}"#, "expected an object"),
            (r#"{"rules":[{"for":["Agent"]}]}"#, "refuses nothing"),
            (r#"{"rules":[{"deny":[]}]}"#, "refuses nothing"),
            (r#"{"rules":[{"for":["Robot"],"deny":["x"]}]}"#, "rule 1: `for` names"),
            (r#"{"rules":[{"for":[],"deny":["x"]}]}"#, "nobody"),
            (r#"{"rules":[{"deny":["x","X"]}]}"#, "twice"),
            (r#"{"rules":[{"deny":["x"],"deny":["y"]}]}"#, "duplicate field `deny`"),
            (r#"{"rules":[],"rules":[]}"#, "duplicate field `rules`"),
            (r#"{"rules":[{"deny":["two words"]}]}"#, "no pattern"),
            (r#"{"rules":[{"deny":["x"],"colour":1}]}"#, "unknown field `colour`"),
        ] {
            let found = Tools::parse(bad).expect_err(bad);
            assert!(found.message.contains(says) && found.file == FILE, "{bad}: {found}");
        }
        let many = (0..=PATTERNS_MAX).map(|at| format!("\"t{at}\"")).collect::<Vec<_>>().join(",");
        let found = Tools::parse(&format!(r#"{{"rules":[{{"deny":[{many}]}}]}}"#)).unwrap_err();
        assert!(found.message.contains("more than 1000 patterns"), "{found}");
    }

    fn any_rule() -> impl Strategy<Value = String> {
        let list = prop::collection::btree_set("[ab*]{1,4}", 0..4);
        (prop::option::of(0..4_usize), list.clone(), prop::option::of(list)).prop_map(
            |(kind, deny, allow)| {
                let quoted = |list: &std::collections::BTreeSet<String>| {
                    list.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(",")
                };
                let kind = kind.map_or_else(String::new, |kind| {
                    format!("\"for\":[\"{}\"],", AskerKind::ALL[kind].name())
                });
                let allow =
                    allow.map_or_else(String::new, |allow| format!(",\"allow\":[{}]", quoted(&allow)));
                format!("{{{kind}\"deny\":[\"never\",{}]{allow}}}", quoted(&deny)).replace(",]", "]")
            },
        )
    }

    proptest! {
        #[test]
        fn one_more_rule_never_opens(one in any_rule(), more in any_rule(), name in "[ab]{1,5}", kind in 0..4_usize) {
            let kind = AskerKind::ALL[kind];
            let few = tools(&format!("{{\"rules\":[{one}]}}"));
            let many = tools(&format!("{{\"rules\":[{one},{more}]}}"));
            prop_assert!(few.decide(kind, &name).allows() || !many.decide(kind, &name).allows());
            prop_assert_eq!(many.decide(kind, &name), many.decide(kind, &name.to_uppercase()));
        }
    }
}
