//! The answers: check, list objects and list users, with tuples that are stored in the base, that were written as changes,
//! and that come with the question.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{cases, text};
use crate::{
    Around, Change, Check, Engine, Error, ListObjects, ListUsers, Page, Schema, Snapshot, Tuple, UserFilter,
};

/// How the tuples of a stage reach the engine. Those of the stages before it are always stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Stored,
    Written,
    Contextual,
}

const SEED: u64 = 0x5eed;

fn tuples(value: &Value) -> Vec<Tuple> {
    if value.is_null() { Vec::new() } else { serde_json::from_value(value.clone()).unwrap() }
}

fn strings(value: &Value) -> Vec<String> {
    let mut all: Vec<String> =
        if value.is_null() { Vec::new() } else { serde_json::from_value(value.clone()).unwrap() };
    all.sort_unstable();
    all
}

/// A question of a test and what belongs to it.
struct Asked<'a> {
    assertion: &'a Value,
    contextual: Vec<Tuple>,
    context: Option<Map<String, Value>>,
}

impl<'a> Asked<'a> {
    fn new(assertion: &'a Value, stage: &[Tuple], how: How) -> Self {
        let mut contextual = tuples(&assertion["contextualTuples"]);
        if how == How::Contextual {
            contextual.extend_from_slice(stage);
        }
        Self { assertion, contextual, context: assertion["context"].as_object().cloned() }
    }

    fn around(&self) -> Around<'_> {
        Around { contextual: &self.contextual, context: self.context.as_ref() }
    }

    /// What differs from what was expected; the answer must be a number of an error or equal to `expected`.
    fn differs<T: PartialEq + std::fmt::Debug>(
        &self,
        found: &Result<T, Error>,
        expected: &T,
    ) -> Option<String> {
        let code = self.assertion["errorCode"].as_u64().unwrap_or(0);
        let right = match found {
            Ok(found) => code == 0 && found == expected,
            Err(error) => code == u64::from(error.code()),
        };
        (!right).then(|| format!("{found:?} instead of {expected:?} (code {code}): {}", self.assertion))
    }
}

#[derive(Default)]
struct Counts {
    checks: usize,
    objects: usize,
    users: usize,
    failed: Vec<String>,
}

fn run_stage(engine: &Engine, stage: &Value, stored: &[Tuple], how: How, name: &str, counts: &mut Counts) {
    let none = Vec::new();
    let assertions = |key: &str| stage[key].as_array().unwrap_or(&none).iter();
    for assertion in assertions("checkAssertions") {
        let asked = Asked::new(assertion, stored, how);
        let tuple = |key| asked.assertion["tuple"][key].as_str().unwrap_or_default();
        let question = Check {
            user: tuple("user"),
            relation: tuple("relation"),
            object: tuple("object"),
            around: asked.around(),
        };
        let difference = asked.differs(&engine.check(&question), &(assertion["expectation"] == true));
        counts.checks += 1;
        counts.failed.extend(difference.map(|d| format!("{name} {how:?}: check: {d}")));
    }
    for assertion in assertions("listObjectsAssertions") {
        let asked = Asked::new(assertion, stored, how);
        let request = &assertion["request"];
        let question = ListObjects {
            user: text(request, "user"),
            relation: text(request, "relation"),
            object_type: text(request, "type"),
            around: asked.around(),
            page: Page::default(),
        };
        let found = engine.list_objects(&question).map(|list| list.items);
        for object in found.iter().flatten() {
            let check =
                Check { user: question.user, relation: question.relation, object, around: question.around };
            assert_eq!(engine.check(&check), Ok(true), "{name}: {object} of {assertion}");
        }
        let difference = asked.differs(&found, &strings(&assertion["expectation"]));
        counts.objects += 1;
        counts.failed.extend(difference.map(|d| format!("{name} {how:?}: list objects: {d}")));
    }
    for assertion in assertions("listUsersAssertions") {
        let asked = Asked::new(assertion, stored, how);
        let request = &assertion["request"];
        let filter = request["filters"][0].as_str().unwrap();
        let (type_name, relation) = filter.split_once('#').map_or((filter, None), |(t, r)| (t, Some(r)));
        let question = ListUsers {
            object: text(request, "object"),
            relation: text(request, "relation"),
            filter: UserFilter { type_name, relation },
            around: asked.around(),
            page: Page::default(),
        };
        let found = engine.list_users(&question).map(|list| list.items);
        for user in found.iter().flatten() {
            let check =
                Check { user, relation: question.relation, object: question.object, around: question.around };
            assert_eq!(engine.check(&check), Ok(true), "{name}: {user} of {assertion}");
        }
        let difference = asked.differs(&found, &strings(&assertion["expectation"]));
        counts.users += 1;
        counts.failed.extend(difference.map(|d| format!("{name} {how:?}: list users: {d}")));
    }
}

fn run(file: &str, how: How) -> Counts {
    let mut counts = Counts::default();
    for test in cases(file) {
        let stages = test["stages"].as_array().unwrap();
        let mut snapshot = Snapshot::build(SEED, 0, []).unwrap();
        let mut all = Vec::new();
        for stage in stages {
            let name = text(&test, "name");
            let new = tuples(&stage["tuples"]);
            let schema = Schema::compile(&crate::parse(text(stage, "model")).unwrap());
            let schema = Arc::new(schema.unwrap_or_else(|e| panic!("{name}: {e}")));
            for tuple in &new {
                assert_eq!(schema.validate_tuple(tuple), Ok(()), "{name}");
            }
            match how {
                How::Stored => {
                    all.extend(new.clone());
                    snapshot = Snapshot::build(SEED, 0, all.clone()).unwrap();
                }
                How::Written => {
                    let changes: Vec<Change> = new.iter().cloned().map(Change::Write).collect();
                    snapshot = snapshot.with(snapshot.revision() + 1, &changes).unwrap();
                }
                How::Contextual => {}
            }
            let engine = Engine::new(schema, Arc::new(snapshot.clone())).unwrap();
            run_stage(&engine, stage, &new, how, name, &mut counts);
            if how == How::Contextual {
                all.extend(new);
                snapshot = Snapshot::build(SEED, 0, all.clone()).unwrap();
            }
        }
    }
    counts
}

fn assert_run(file: &str, how: How, expected: [usize; 3]) {
    let counts = run(file, how);
    let failed = counts.failed.len();
    assert!(counts.failed.is_empty(), "{failed} failed:\n{}", counts.failed.join("\n"));
    assert_eq!([counts.checks, counts.objects, counts.users], expected);
}

#[test]
fn stored_tuples_give_the_answers_of_openfga() {
    assert_run("consolidated_1_1_tests.json", How::Stored, [360, 270, 295]);
    assert_run("abac_tests.json", How::Stored, [125, 75, 91]);
}

#[test]
fn written_tuples_give_the_answers_of_openfga() {
    assert_run("consolidated_1_1_tests.json", How::Written, [360, 270, 295]);
    assert_run("abac_tests.json", How::Written, [125, 75, 91]);
}

#[test]
fn contextual_tuples_give_the_answers_of_openfga() {
    assert_run("consolidated_1_1_tests.json", How::Contextual, [360, 270, 295]);
    assert_run("abac_tests.json", How::Contextual, [125, 75, 91]);
}
