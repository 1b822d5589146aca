//! `roles.json`: templates of roles that come with a pack, so that every organization that takes it has the same ones.
//!
//! `{"templates": [{"name": "auditor", "holders": "person", "title": "Auditor", "says": "…", "permissions": ["audit:read"]}]}`.
//! A template gives nothing to anybody by itself: it is there to be given, by whoever holds what it carries.

use kernel::{Permission, PermissionSet};
use serde::Deserialize;

use crate::document::Document;
use crate::finding::Finding;
use crate::part;
use crate::suite::Outcome;

/// The file.
pub const FILE: &str = "roles.json";
/// The file of its tests.
pub const TESTS: &str = "tests/roles.json";
/// Most templates of a pack.
pub const TEMPLATES_MAX: usize = 32;
/// Longest title of a template, in characters.
const TITLE_CHARS_MAX: usize = 100;
/// Longest sentence about a template, in characters.
const SAYS_CHARS_MAX: usize = 500;

/// Whose a template can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// People's.
    Person,
    /// API keys'.
    Key,
}

impl Holder {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Key => "key",
        }
    }
}

/// A template as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleTemplate {
    /// What it is held and asked for by.
    pub name: String,
    /// Whose it can be.
    pub holders: Holder,
    /// Its name as people read it.
    pub title: String,
    /// What it is for.
    #[serde(default)]
    pub says: String,
    /// What it carries.
    pub permissions: Vec<Permission>,
}

impl RoleTemplate {
    /// What it carries.
    pub fn carried(&self) -> PermissionSet {
        self.permissions.iter().copied().collect()
    }

    /// What is wrong with it by itself.
    fn fault(&self) -> Option<String> {
        if !kernel::is_template_name(&self.name) {
            return Some(
                "its name has 2 to 50 lower-case letters, digits, `-` and `_`, and begins with a letter"
                    .to_owned(),
            );
        }
        let title = self.title.chars();
        if self.title.trim().is_empty()
            || title.clone().count() > TITLE_CHARS_MAX
            || title.clone().any(char::is_control)
        {
            return Some("its title has 1 to 100 characters".to_owned());
        }
        if self.says.chars().count() > SAYS_CHARS_MAX || self.says.chars().any(char::is_control) {
            return Some("what it says has at most 500 characters, in one line".to_owned());
        }
        if self.permissions.is_empty() {
            return Some("it carries nothing".to_owned());
        }
        if self.carried().iter().count() != self.permissions.len() {
            return Some("it carries something twice".to_owned());
        }
        self.permissions.iter().find_map(|permission| {
            if !permission.is_givable() {
                Some(format!("no template carries {permission}"))
            } else if self.holders == Holder::Key && permission.least_key_role().is_none() {
                Some(format!("{permission} is for people alone; no key can hold it"))
            } else {
                None
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    templates: Vec<RoleTemplate>,
}

/// The templates of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(Vec<RoleTemplate>);

impl Roles {
    /// Reads `roles.json`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        if !text.trim_start().starts_with('{') {
            // The reader would take a list for the members in order.
            return Err(Finding::error(FILE, "it is no object"));
        }
        let File { templates } = serde_json::from_str(text).map_err(|error| Finding::json(FILE, &error))?;
        let wrong = |says: String| Err(Finding::error(FILE, says));
        if templates.is_empty() {
            return wrong("it has no template".to_owned());
        }
        if templates.len() > TEMPLATES_MAX {
            return wrong(format!("it has more than {TEMPLATES_MAX} templates"));
        }
        for (at, template) in templates.iter().enumerate() {
            if let Some(says) = template.fault() {
                return wrong(format!("template {}: {says}", at + 1));
            }
            if templates.iter().take(at).any(|other| other.name == template.name) {
                return wrong(format!("{} stands there twice", template.name));
            }
        }
        Ok(Self(templates))
    }

    /// The templates, as they stand there.
    pub fn templates(&self) -> &[RoleTemplate] {
        &self.0
    }

    /// The template of this name.
    pub fn template(&self, name: &str) -> Option<&RoleTemplate> {
        self.0.iter().find(|template| template.name == name)
    }
}

/// A test of the templates, as it stands in `tests/roles.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    /// What it shows.
    name: String,
    /// Which template it is about.
    template: String,
    /// What that must carry.
    #[serde(default)]
    has: Vec<Permission>,
    /// What it must not carry.
    #[serde(default)]
    lacks: Vec<Permission>,
}

impl Test {
    fn passes(&self, roles: &Roles) -> bool {
        let carried = roles.template(&self.template).map(RoleTemplate::carried);
        carried.is_some_and(|carried| {
            self.has.iter().all(|one| carried.has(*one)) && !self.lacks.iter().any(|one| carried.has(*one))
        })
    }
}

fn read_tests(text: &str) -> Result<Vec<Test>, Finding> {
    let tests: Vec<Test> = part::tests(TESTS, text)?;
    match tests.iter().find(|test| test.has.is_empty() && test.lacks.is_empty()) {
        Some(test) => {
            Err(Finding::error(TESTS, format!("{:?}: it asks for nothing: say has or lacks", test.name)))
        }
        None => Ok(tests),
    }
}

/// Says what is wrong with the tests of the templates before any is run.
pub(crate) fn shape(document: &Document, findings: &mut Vec<Finding>) {
    part::shape((FILE, TESTS), document, read_tests, findings);
}

/// Runs the tests of the templates.
pub(crate) fn run(roles: &Roles, document: &Document) -> Vec<Outcome> {
    let tests = document.file(TESTS).and_then(|text| read_tests(text).ok()).unwrap_or_default();
    let outcome = |test: Test| {
        let passed = test.passes(roles);
        Outcome {
            file: TESTS.to_owned(),
            passed,
            name: test.name,
            expected: "carries it",
            verdict: if passed { "carries it" } else { "carries something else" },
            policies: Vec::new(),
        }
    };
    tests.into_iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDITOR: &str = r#"{"name":"auditor","holders":"person","title":"Auditor","says":"Reads the log.",
        "permissions":["audit:read","audit:export"]}"#;

    fn file(templates: &str) -> String {
        format!(r#"{{"templates":[{templates}]}}"#)
    }

    #[test]
    fn templates_are_read_as_they_stand() {
        let roles = Roles::parse(&file(AUDITOR)).unwrap();
        let auditor = roles.template("auditor").unwrap();
        assert_eq!(
            (auditor.holders.name(), auditor.title.as_str(), roles.templates().len()),
            ("person", "Auditor", 1)
        );
        assert!(
            auditor.carried().has(Permission::AuditExport) && !auditor.carried().has(Permission::KeysManage)
        );
        assert!(roles.template("other").is_none());
    }

    #[test]
    fn what_makes_no_template_is_refused() {
        let with = |from: &str, to: &str| file(&AUDITOR.replace(from, to));
        let many = vec![AUDITOR; TEMPLATES_MAX + 1].join(",");
        for (bad, says) in [
            ("[]".to_owned(), "it is no object"),
            ("{}".to_owned(), "missing field `templates`"),
            (file(""), "it has no template"),
            (file(&many), "more than 32 templates"),
            (file(&format!("{AUDITOR},{AUDITOR}")), "auditor stands there twice"),
            (with("\"auditor\"", "\"Auditor\""), "template 1: its name has 2 to 50"),
            (with("\"auditor\"", "\"a\""), "template 1: its name has 2 to 50"),
            (with("\"Auditor\"", "\" \""), "its title has 1 to 100"),
            (with("Reads the log.", "a\\nb"), "at most 500 characters, in one line"),
            (with(r#"["audit:read","audit:export"]"#, "[]"), "it carries nothing"),
            (with("audit:export", "audit:read"), "it carries something twice"),
            (with("audit:export", "pii:reveal"), "no template carries pii:reveal"),
            (with("audit:export", "providers:across"), "no template carries providers:across"),
            (with("audit:export", "everything"), "unknown variant"),
            (with("\"person\"", "\"robot\""), "unknown variant"),
            (
                with("\"person\"", "\"key\"").replace("audit:export", "reviews:approve"),
                "reviews:approve is for people alone",
            ),
            (with("\"title\"", "\"name\""), "duplicate field"),
            (with("\"says\"", "\"colour\""), "unknown field `colour`"),
        ] {
            let found = Roles::parse(&bad).expect_err(&bad);
            assert!(found.message.contains(says) && found.file == FILE, "{bad}: {found}");
        }
    }

    #[test]
    fn a_test_says_what_a_template_must_carry_and_must_not() {
        let roles = Roles::parse(&file(AUDITOR)).unwrap();
        let passes = |text: &str| read_tests(&format!("[{text}]")).unwrap()[0].passes(&roles);
        assert!(passes(r#"{"name":"a","template":"auditor","has":["audit:read"],"lacks":["keys:manage"]}"#));
        assert!(!passes(r#"{"name":"a","template":"auditor","has":["keys:manage"]}"#));
        assert!(!passes(r#"{"name":"a","template":"auditor","lacks":["audit:read"]}"#));
        assert!(!passes(r#"{"name":"a","template":"missing","lacks":["audit:read"]}"#));
        assert!(
            read_tests(r#"[{"name":"a","template":"auditor"}]"#)
                .unwrap_err()
                .message
                .contains("asks for nothing")
        );
    }
}
