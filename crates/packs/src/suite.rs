//! A pack's own tests: questions, each with the answer its author expects.

use std::net::IpAddr;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::document::Document;
use crate::finding::Finding;
use crate::mfa;
use crate::pack::{Decision, Pack, Verdict};
use crate::question::{Asker, AskerKind, Facts, Question};
use crate::{floor, limits, roles, tools};

/// Most tests of a pack.
pub const TESTS_MAX: usize = 1_000;

/// The organization a test is about, when it names none.
const ORGANIZATION: &str = "00000000-0000-0000-0000-000000000000";
/// The moment a test is about, when it names none: a Monday at noon.
const MOMENT: &str = "2026-01-05T12:00:00Z";

/// A test as it stands in `tests/*.json`, which holds a list of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What it shows, in a few words.
    pub name: String,
    /// Who asks.
    pub principal: Principal,
    /// What for.
    pub action: String,
    /// Of which organization.
    #[serde(default)]
    pub organization: Option<String>,
    /// When and how.
    #[serde(default)]
    pub context: Circumstances,
    /// The expected answer.
    pub expect: Expected,
    /// The policies expected to decide, when that matters.
    #[serde(default)]
    pub policies: Option<Vec<String>>,
}

/// Who asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// `User`, `Agent`, `ApiKey` or `Service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// Its role.
    pub role: String,
    /// Whether it owns the organization.
    #[serde(default)]
    pub owner: bool,
    /// Whether it has a second factor.
    #[serde(default)]
    pub second_factor: bool,
}

/// When and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circumstances {
    /// When; a Monday at noon when not said.
    #[serde(default)]
    pub time: Option<Timestamp>,
    /// From where.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// 1 or 2.
    #[serde(default)]
    pub assurance: Option<u8>,
    /// In seconds.
    #[serde(default)]
    pub auth_age_seconds: Option<u64>,
    /// The project of the credential.
    #[serde(default)]
    pub project: Option<String>,
    /// The person an agent acts for.
    #[serde(default)]
    pub acting_for: Option<String>,
}

/// The answer a test expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// It may be done.
    Allow,
    /// It may not, for whatever reason.
    Deny,
    /// A policy forbids it.
    Forbid,
    /// No policy permits it.
    Unpermitted,
    /// The person must prove themselves.
    Prove,
}

impl Expected {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Forbid => "forbid",
            Self::Unpermitted => "unpermitted",
            Self::Prove => "prove",
        }
    }

    fn met(self, verdict: Verdict) -> bool {
        match self {
            Self::Allow => verdict == Verdict::Allow,
            Self::Deny => !matches!(verdict, Verdict::Allow | Verdict::Broken),
            Self::Forbid => verdict == Verdict::Forbid,
            Self::Unpermitted => verdict == Verdict::Unpermitted,
            Self::Prove => verdict == Verdict::Prove,
        }
    }
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The file it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Whether the answer was the expected one.
    pub passed: bool,
    /// What was expected.
    pub expected: &'static str,
    /// What the pack said.
    pub verdict: &'static str,
    /// By which policies.
    pub policies: Vec<String>,
}

/// The tests of a file.
fn read(file: &str, text: &str) -> Result<Vec<Test>, Finding> {
    let tests: Vec<Test> = serde_json::from_str(text).map_err(|error| Finding::json(file, &error))?;
    for test in &tests {
        let wrong = |says: String| Err(Finding::error(file, format!("{:?}: {says}", test.name)));
        let Some(kind) = AskerKind::named(&test.principal.kind) else {
            return wrong("principal.type is User, Agent, ApiKey or Service".to_owned());
        };
        let Some(row) = catalogue::row(&test.action) else {
            return wrong(format!("{:?} is no action that packs constrain", test.action));
        };
        if !row.callers.types().contains(&kind.name()) {
            return wrong(format!("no {} can ask for {}", kind.name(), row.name));
        }
    }
    Ok(tests)
}

/// Parts that say something by themselves, each with the file of its tests.
const OWN_PARTS: [(&str, &str); 4] = [
    (floor::FILE, floor::TESTS),
    (limits::FILE, limits::TESTS),
    (roles::FILE, roles::TESTS),
    (tools::FILE, tools::TESTS),
];

/// Whether a part says something, so that the pack needs no policy beside it.
pub(crate) fn has_own_part(document: &Document) -> bool {
    OWN_PARTS.iter().any(|(part, _)| document.file(part).is_some())
}

/// The files with tests of actions. Beside a part with tests of its own, one file is about that.
fn of_actions(document: &Document) -> impl Iterator<Item = (&str, &str)> {
    let of_part =
        |file: &str| OWN_PARTS.iter().any(|(part, tests)| *tests == file && document.file(part).is_some());
    document.under("tests").filter(move |(file, _)| !of_part(file))
}

/// Says what is wrong with the tests before any is run.
pub(crate) fn shape(document: &Document, findings: &mut Vec<Finding>) {
    let mut count = 0;
    // What has no policy has nothing to say about actions, and its parts have tests of their own.
    let speaks = document.under("policies").next().is_some() || document.file(mfa::FILE).is_some();
    let needs_tests = speaks || !has_own_part(document);
    for (file, text) in of_actions(document) {
        match read(file, text) {
            Ok(tests) => count += tests.len(),
            Err(finding) => {
                findings.push(finding);
                count += 1;
            }
        }
    }
    if count == 0 && needs_tests {
        findings
            .push(Finding::error("tests/", "there is no test: a pack shows what it does before it does it"));
    } else if count > TESTS_MAX {
        findings.push(Finding::error("tests/", format!("there are more than {TESTS_MAX} tests")));
    }
}

/// Runs the pack's tests.
pub fn run(pack: &Pack, document: &Document) -> Vec<Outcome> {
    let files = of_actions(document);
    let tests = files.filter_map(|(file, text)| Some((file, read(file, text).ok()?)));
    let of_floor = pack.floor().map_or_else(Vec::new, |floor| floor::run(floor, document));
    let of_roles = pack.roles().map_or_else(Vec::new, |roles| roles::run(roles, document));
    let of_limits = pack.limits().map_or_else(Vec::new, |limits| limits::run(limits, document));
    let of_tools = pack.tools().map_or_else(Vec::new, |tools| tools::run(tools, document));
    tests
        .flat_map(|(file, tests)| {
            tests.into_iter().map(move |test| {
                let Decision { verdict, policies } = ask(pack, &test);
                let as_named = test.policies.as_ref().is_none_or(|expected| {
                    let mut expected = expected.clone();
                    expected.sort_unstable();
                    expected == policies
                });
                Outcome {
                    file: file.to_owned(),
                    name: test.name,
                    passed: test.expect.met(verdict) && as_named,
                    expected: test.expect.name(),
                    verdict: verdict.name(),
                    policies,
                }
            })
        })
        .chain(of_floor)
        .chain(of_roles)
        .chain(of_limits)
        .chain(of_tools)
        .collect()
}

fn ask(pack: &Pack, test: &Test) -> Decision {
    let broken = Decision { verdict: Verdict::Broken, policies: Vec::new() };
    let Some(kind) = AskerKind::named(&test.principal.kind) else { return broken };
    let Some(at) = test.context.time.or_else(|| MOMENT.parse().ok()) else { return broken };
    let (principal, context) = (&test.principal, &test.context);
    pack.decide(&Question {
        action: &test.action,
        organization: test.organization.as_deref().unwrap_or(ORGANIZATION),
        asker: Asker {
            kind,
            id: &principal.id,
            role: &principal.role,
            owner: principal.owner,
            second_factor: principal.second_factor,
        },
        facts: Facts {
            at,
            ip: context.ip,
            assurance: context.assurance,
            auth_age_seconds: context.auth_age_seconds,
            project: context.project.as_deref(),
            acting_for: context.acting_for.as_deref(),
        },
    })
}
