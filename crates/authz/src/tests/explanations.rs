//! Why an answer is yes, what is missing when it is no, and what would be if.

use serde_json::{Value, json};

use super::{cases, check, engine, text, tuple};
use crate::{
    Around, Change, Check, Engine, ListObjects, ListUsers, Missing, Schema, Snapshot, Tuple, UserFilter,
};

const MODEL: &str = "model
  schema 1.1
type user
type team
  relations
    define member: [user, user:*, team#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, team#member] or viewer from parent
type document
  relations
    define parent: [folder]
    define blocked: [user, team#member]
    define approved: [user with in_hours]
    define viewer: ([user] or viewer from parent) but not blocked
    define can_publish: viewer and approved
condition in_hours(hour: int) {
  hour >= 9 && hour < 17
}
";

const TUPLES: &[&str] = &[
    "team:eng#member@user:anne",
    "team:all#member@team:eng#member",
    "folder:root#viewer@team:all#member",
    "folder:a#parent@folder:root",
    "document:1#parent@folder:a",
    "document:1#blocked@user:carl",
    "document:1#viewer@user:carl",
];

#[test]
fn a_yes_is_traced_to_its_tuples() {
    let engine = engine(MODEL, TUPLES);
    let explanation = engine.explain(&check("user:anne", "viewer", "document:1")).unwrap();
    let t = |text: &str| serde_json::to_value(tuple(text)).unwrap();
    let expected = json!({"allowed": true, "because": {"holds": "document:1#viewer", "from": {"without": {
        "base": {"through": {"tuple": t("document:1#parent@folder:a"), "because": {
            "holds": "folder:a#viewer", "from": {"through": {"tuple": t("folder:a#parent@folder:root"), "because": {
                "holds": "folder:root#viewer", "from": {"member": {"tuple": t("folder:root#viewer@team:all#member"), "because": {
                    "holds": "team:all#member", "from": {"member": {"tuple": t("team:all#member@team:eng#member"), "because": {
                        "holds": "team:eng#member", "from": {"tuple": t("team:eng#member@user:anne")}}}}}}}}}}}}},
        "not": "blocked"}}}});
    assert_eq!(serde_json::to_value(&explanation).unwrap(), expected);
    let itself = engine.explain(&check("team:x#member", "member", "team:x")).unwrap();
    assert_eq!(serde_json::to_value(&itself).unwrap()["because"]["from"], "itself");
}

fn missing(engine: &Engine, user: &str, relation: &str, object: &str) -> Option<Vec<Missing>> {
    let explanation = engine.explain(&check(user, relation, object)).unwrap();
    assert!(!explanation.allowed && explanation.because.is_none());
    explanation.missing
}

#[test]
fn a_no_says_the_fewest_changes_that_make_it_a_yes() {
    let engine = engine(MODEL, TUPLES);
    let write = |text: &str| Missing::Write(tuple(text));
    assert_eq!(
        missing(&engine, "user:bob", "viewer", "document:1"),
        Some(vec![write("document:1#viewer@user:bob")])
    );
    // What takes the relation away must go.
    assert_eq!(
        missing(&engine, "user:carl", "viewer", "document:1"),
        Some(vec![Missing::Delete(tuple("document:1#blocked@user:carl"))])
    );
    // Anne lacks only the approval, and it has a condition.
    let found = missing(&engine, "user:anne", "can_publish", "document:1");
    let Some([Missing::Write(approval)]) = found.as_deref() else {
        panic!("one tuple is missing: {found:?}")
    };
    let condition = approval.condition.as_ref().unwrap();
    assert_eq!((approval.relation.as_str(), condition.name.as_str()), ("approved", "in_hours"));
    assert_eq!(missing(&engine, "user:bob", "can_publish", "document:1").unwrap().len(), 2);
    // An object that no tuple names yet.
    assert_eq!(
        missing(&engine, "user:bob", "viewer", "document:new"),
        Some(vec![write("document:new#viewer@user:bob")])
    );
    // No tuple can make a folder a member of a team.
    assert_eq!(missing(&engine, "folder:a", "member", "team:eng"), None);
}

#[test]
fn a_condition_that_does_not_hold_is_named() {
    let approval = Tuple {
        condition: Some(crate::TupleCondition { name: "in_hours".into(), context: None }),
        ..tuple("document:1#approved@user:anne")
    };
    let engine = engine(MODEL, TUPLES).supposing(&[Change::Write(approval.clone())]).unwrap();
    let context = json!({"hour": 20});
    let around = Around { contextual: &[], context: context.as_object() };
    let question = Check { around, ..check("user:anne", "can_publish", "document:1") };
    let expected = Missing::Condition { tuple: approval, parameters: vec!["hour".to_owned()] };
    assert_eq!(engine.explain(&question).unwrap().missing, Some(vec![expected]));
    assert!(engine.explain(&check("user:anne", "can_publish", "document:1")).is_err());
}

/// Each answer of OpenFGA's tests is explained: a yes has a trace, and what a no lacks was tried out before it was told.
#[test]
fn every_answer_of_the_corpus_can_explain_itself() {
    let (mut traced, mut fixed, mut open) = (0, 0, 0);
    for test in cases("consolidated_1_1_tests.json").into_iter().chain(cases("abac_tests.json")) {
        let mut tuples: Vec<Tuple> = Vec::new();
        for stage in test["stages"].as_array().unwrap() {
            tuples.extend(
                serde_json::from_value::<Option<Vec<Tuple>>>(stage["tuples"].clone())
                    .unwrap()
                    .unwrap_or_default(),
            );
            let schema = Schema::compile(&crate::parse(text(stage, "model")).unwrap()).unwrap();
            let snapshot = Snapshot::build(1, 1, tuples.clone()).unwrap();
            let engine = Engine::new(schema.into(), snapshot.into()).unwrap();
            for assertion in stage["checkAssertions"].as_array().into_iter().flatten() {
                let contextual: Vec<Tuple> =
                    serde_json::from_value::<Option<_>>(assertion["contextualTuples"].clone())
                        .unwrap()
                        .unwrap_or_default();
                let around = Around { contextual: &contextual, context: assertion["context"].as_object() };
                let part = |key: &str| assertion["tuple"][key].as_str().unwrap_or_default();
                let question =
                    Check { user: part("user"), relation: part("relation"), object: part("object"), around };
                let (answer, explained) = (engine.check(&question), engine.explain(&question));
                assert_eq!(explained.as_ref().map(|e| e.allowed), answer.as_ref().copied(), "{assertion}");
                let Ok(explanation) = explained else { continue };
                if explanation.allowed {
                    assert!(explanation.because.is_some(), "{assertion} {}", stage["model"]);
                    traced += 1;
                } else if explanation.missing.is_some_and(|m| !m.is_empty()) {
                    fixed += 1;
                } else {
                    open += 1;
                }
            }
        }
    }
    // The 32 lack objects that are not there, or cannot become a yes at all.
    assert_eq!((traced, fixed, open), (268, 146, 32));
}

#[test]
fn who_gains_and_who_loses_is_told_beforehand() {
    let before = engine(MODEL, TUPLES);
    let after = before
        .supposing(&[
            Change::Write(tuple("team:eng#member@user:dora")),
            Change::Delete(tuple("document:1#blocked@user:carl")),
            Change::Delete(tuple("team:eng#member@user:anne")),
        ])
        .unwrap();
    let around = Around::default();
    let filter = UserFilter { type_name: "user", relation: None };
    let users =
        ListUsers { object: "document:1", relation: "viewer", filter, around, ..ListUsers::default() };
    let difference = before.who_differs(&after, &users).unwrap();
    assert_eq!(difference.gained, ["user:carl", "user:dora"]);
    assert_eq!(difference.lost, ["user:anne"]);
    let objects = ListObjects {
        user: "user:anne",
        relation: "viewer",
        object_type: "folder",
        ..ListObjects::default()
    };
    assert_eq!(before.what_differs(&after, &objects).unwrap().lost, ["folder:a", "folder:root"]);
    // The present engine knows nothing of it.
    assert_eq!(before.check(&check("user:anne", "viewer", "document:1")), Ok(true));
    assert_eq!(after.snapshot().revision(), before.snapshot().revision());
    // Another model over the same tuples.
    let stricter =
        MODEL.replace("define viewer: [user, team#member] or viewer from parent", "define viewer: [user]");
    let schema = Schema::compile(&crate::parse(&stricter).unwrap()).unwrap();
    let after = Engine::new(schema.into(), before.snapshot().clone()).unwrap();
    assert_eq!(before.who_differs(&after, &users).unwrap().lost, ["user:anne"]);
    // A tuple that the model has no place for cannot be supposed.
    assert!(before.supposing(&[Change::Write(tuple("document:1#viewer@team:eng#member"))]).is_err());
    assert_eq!(serde_json::to_value(&difference).unwrap()["incomplete"], Value::Bool(false));
}
