//! Everything that can be said against a pack before it is in force.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{
    Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, ValidationWarning, Validator,
};

use crate::document::Document;
use crate::finding::{Finding, Weight};
use crate::floor::{self, Floor};
use crate::index::Known;
use crate::limits::Limits;
use crate::manifest::{Manifest, Mode, is_name};
use crate::pack::{Pack, Parts};
use crate::roles::Roles;
use crate::tools::Tools;
use crate::{ENGINE, limits, manifest, mfa, roles, schema, suite, tools};

/// Most policies of a pack.
pub const POLICIES_MAX: usize = 1_000;

/// What was found, and the pack when it can be in force.
#[derive(Debug)]
pub struct Checked {
    /// What it says about itself, when that can be read.
    pub manifest: Option<Manifest>,
    /// What was found, by file and place.
    pub findings: Vec<Finding>,
    /// The pack, when none of it is an error. Its own tests were not run yet.
    pub pack: Option<Pack>,
}

impl Checked {
    /// Whether it cannot be in force.
    pub fn failed(&self) -> bool {
        self.pack.is_none()
    }

    /// The first error, in a line.
    pub fn first_error(&self) -> Option<String> {
        self.findings.iter().find(|finding| finding.is_error()).map(ToString::to_string)
    }
}

/// A policy with where it stands.
struct Placed<'a> {
    policy: Policy,
    file: &'a str,
    text: &'a str,
}

/// Checks a pack: its manifest, its schema, its policies against it and against this server's, and the shape of its tests.
pub fn check(document: &Document) -> Checked {
    let mut findings = Vec::new();
    let manifest = manifest_of(document, &mut findings);
    let own = schema_of(document, &mut findings);
    let policies = policies_of(document, manifest.as_ref(), &mut findings);
    validate(own.as_ref(), &policies, &mut findings);
    let mfa = document.file(mfa::FILE).map(mfa::parse).transpose().map_err(|found| findings.push(found));
    let floor = document
        .file(floor::FILE)
        .map(|text| Floor::parse(text).inspect(|_| floor::shape(document, &mut findings)))
        .transpose();
    let floor = floor.map_err(|found| findings.push(found));
    let roles = document
        .file(roles::FILE)
        .map(|text| Roles::parse(text).inspect(|_| roles::shape(document, &mut findings)))
        .transpose();
    let roles = roles.map_err(|found| findings.push(found));
    let limits = document
        .file(limits::FILE)
        .map(|text| Limits::parse(text).inspect(|_| limits::shape(document, &mut findings)))
        .transpose();
    let limits = limits.map_err(|found| findings.push(found));
    let tools = document
        .file(tools::FILE)
        .map(|text| Tools::parse(text).inspect(|_| tools::shape(document, &mut findings)))
        .transpose();
    let tools = tools.map_err(|found| findings.push(found));
    suite::shape(document, &mut findings);
    findings.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    findings.dedup();
    let sound = !findings.iter().any(Finding::is_error);
    let pack = match (&manifest, mfa, floor, limits, roles, tools) {
        (Some(manifest), Ok(mfa), Ok(floor), Ok(limits), Ok(roles), Ok(tools)) if sound => {
            let known = policies.into_iter().map(|placed| Known::of(placed.policy)).collect();
            Pack::new(document, manifest.clone(), known, Parts { mfa, floor, limits, roles, tools })
        }
        _ => None,
    };
    if sound && pack.is_none() {
        findings.push(Finding::error(manifest::FILE, "the pack could not be put together"));
    }
    Checked { manifest, findings, pack }
}

fn manifest_of(document: &Document, findings: &mut Vec<Finding>) -> Option<Manifest> {
    let Some(text) = document.file(manifest::FILE) else {
        findings.push(Finding::error(manifest::FILE, "it is missing: a pack says there what it is"));
        return None;
    };
    match Manifest::parse(text) {
        Err(finding) => {
            findings.push(finding);
            None
        }
        Ok(manifest) => {
            if !manifest.engine.fit() {
                let says = format!(
                    "it was written for engines {} to {}, and this is engine {ENGINE}",
                    manifest.engine.min, manifest.engine.max
                );
                findings.push(Finding::error(manifest::FILE, says));
            }
            Some(manifest)
        }
    }
}

/// The schema of this server. Made once; a schema that Cedar could not read would be found by the tests of this crate.
fn engine_schema() -> Option<&'static Schema> {
    static SCHEMA: LazyLock<Option<Schema>> =
        LazyLock::new(|| Schema::from_cedarschema_str(&schema::text()).ok().map(|(schema, _)| schema));
    SCHEMA.as_ref()
}

/// The schema the pack brings, when it is another than this server's.
fn schema_of(document: &Document, findings: &mut Vec<Finding>) -> Option<Schema> {
    let Some(text) = document.file(schema::FILE) else {
        findings.push(Finding::error(schema::FILE, "it is missing: `portcullis policy init` writes it"));
        return None;
    };
    if text == schema::text() {
        return None;
    }
    match Schema::from_cedarschema_str(text) {
        Ok((schema, _)) => {
            let says = "it is not this server's; the policies are held against both";
            findings.push(Finding::warning(schema::FILE, says));
            Some(schema)
        }
        Err(error) => {
            let cedar_policy::CedarSchemaError::Parse(parse) = &error else {
                findings.push(Finding::cedar(Weight::Error, schema::FILE, text, &error));
                return None;
            };
            findings.push(Finding::cedar(Weight::Error, schema::FILE, text, parse));
            None
        }
    }
}

fn policies_of<'a>(
    document: &'a Document,
    manifest: Option<&Manifest>,
    findings: &mut Vec<Finding>,
) -> Vec<Placed<'a>> {
    let mut placed: Vec<Placed<'a>> = Vec::new();
    let mut ids = BTreeMap::new();
    for (file, text) in document.under("policies") {
        let set = match PolicySet::from_str(text) {
            Ok(set) => set,
            Err(errors) => {
                findings.extend(errors.iter().map(|error| Finding::cedar(Weight::Error, file, text, error)));
                continue;
            }
        };
        if set.templates().next().is_some() {
            findings.push(Finding::error(file, "it holds a template; a pack has whole policies only"));
        }
        for (at, policy) in in_order(&set).into_iter().enumerate() {
            let id = id_of(file, at, policy);
            if !is_name(&id) {
                let says =
                    format!("@id({id:?}) must have 1 to 64 lower-case letters, digits, `.`, `_` and `-`");
                findings.push(Finding::error(file, says));
                continue;
            }
            if let Some(other) = ids.insert(id.clone(), file) {
                findings.push(Finding::error(file, format!("a policy of {other} has the id {id:?} already")));
                continue;
            }
            let forbid_pack = manifest.is_some_and(|manifest| manifest.mode == Mode::Forbid);
            if forbid_pack && policy.effect() == Effect::Permit {
                let says = format!(
                    "{id} permits, and a pack of the mode forbid grants nothing; roles and relations do"
                );
                findings.push(Finding::error(file, says));
            }
            placed.push(Placed { policy: policy.new_id(PolicyId::new(&id)), file, text });
        }
    }
    let may_have_none =
        suite::has_own_part(document) && manifest.is_some_and(|manifest| manifest.mode == Mode::Forbid);
    if placed.is_empty()
        && !may_have_none
        && findings.iter().all(|finding| !finding.file.starts_with("policies/"))
    {
        findings.push(Finding::error("policies/", "there is no policy"));
    }
    if placed.len() > POLICIES_MAX {
        findings.push(Finding::error("policies/", format!("there are more than {POLICIES_MAX} policies")));
    }
    let permits = placed.iter().any(|placed| placed.policy.effect() == Effect::Permit);
    if manifest.is_some_and(|manifest| manifest.mode == Mode::Permit) && !permits && !placed.is_empty() {
        findings.push(Finding::warning("policies/", "nothing is permitted, so everything would be refused"));
    }
    placed
}

/// The policies of a file as they stand in it: Cedar numbers them.
fn in_order(set: &PolicySet) -> Vec<&Policy> {
    let mut policies: Vec<&Policy> = set.policies().collect();
    let number =
        |policy: &Policy| policy.id().to_string().trim_start_matches("policy").parse::<u32>().unwrap_or(0);
    policies.sort_by_key(|policy| number(policy));
    policies
}

/// What a policy is called: its `@id`, or its file and place.
fn id_of(file: &str, at: usize, policy: &Policy) -> String {
    let stem = file.trim_start_matches("policies/").trim_end_matches(".cedar");
    policy.annotation("id").map_or_else(|| format!("{stem}.{}", at + 1), str::to_owned)
}

/// Strict validation against the pack's schema, when it is another, and against this server's, which is the one that counts.
fn validate(own: Option<&Schema>, policies: &[Placed<'_>], findings: &mut Vec<Finding>) {
    let Some(engine) = engine_schema() else {
        findings.push(Finding::error(schema::FILE, "this server's schema cannot be read"));
        return;
    };
    let mut set = PolicySet::new();
    for placed in policies {
        if set.add(placed.policy.clone()).is_err() {
            findings.push(Finding::error(placed.file, "two policies have one id"));
        }
    }
    let place = |id: &PolicyId| policies.iter().find(|placed| placed.policy.id() == id);
    for (schema, whose) in
        own.map(|own| (own, "the pack's schema")).into_iter().chain([(engine, "this server's schema")])
    {
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        let mut add = |weight, id: &PolicyId, error: &dyn miette::Diagnostic| {
            let Some(Placed { file, text, .. }) = place(id) else { return };
            let mut finding = Finding::cedar(weight, file, text, error);
            if own.is_some() {
                finding.message = format!("{} (by {whose})", finding.message);
            }
            findings.push(finding);
        };
        for error in result.validation_errors() {
            add(Weight::Error, error.policy_id(), error);
        }
        for warning in result.validation_warnings() {
            add(weight(warning), warning.policy_id(), warning);
        }
    }
}

/// A policy that can never be met, or that does not say what it seems to, is not accepted in silence.
fn weight(warning: &ValidationWarning) -> Weight {
    match warning {
        ValidationWarning::ImpossiblePolicy(_)
        | ValidationWarning::InvalidActionApplication(_)
        | ValidationWarning::BidiCharsInString(_)
        | ValidationWarning::BidiCharsInIdentifier(_) => Weight::Error,
        _ => Weight::Warning,
    }
}
