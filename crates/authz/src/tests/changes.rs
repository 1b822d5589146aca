//! Snapshots: changes on top of a base give the same answers as a base that was built of everything; pages of lists;
//! limits.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{check, engine, tuple};
use crate::{
    Around, Change, Check, Engine, Error, ListObjects, ListUsers, Live, Page, Schema, Snapshot,
    SnapshotError, Tuple, UserFilter,
};

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, user:*, group#member]
type doc
  relations
    define parent: [doc]
    define blocked: [user, group#member]
    define editor: [user, group#member]
    define viewer: [user, user:*, group#member] or editor or viewer from parent
    define reader: viewer but not blocked
    define both: viewer and editor
    define odd: (viewer but not (blocked but not editor)) and viewer
";
const RELATIONS: [&str; 7] = ["parent", "blocked", "editor", "viewer", "reader", "both", "odd"];

fn any_tuple() -> impl Strategy<Value = Tuple> {
    let users = prop_oneof![
        (0..4).prop_map(|n| format!("user:{n}")),
        Just("user:*".to_owned()),
        (0..3).prop_map(|n| format!("group:{n}#member"))
    ];
    let of = |relation: &'static str, kind: &'static str| {
        (users.clone(), 0..3).prop_map(move |(user, n)| Tuple::new(user, relation, format!("{kind}:{n}")))
    };
    prop_oneof![
        of("member", "group"),
        of("blocked", "doc"),
        of("editor", "doc"),
        of("viewer", "doc"),
        (0..3, 0..3).prop_map(|(a, b)| Tuple::new(format!("doc:{a}"), "parent", format!("doc:{b}")))
    ]
}

fn any_changes() -> impl Strategy<Value = Vec<(bool, Tuple)>> {
    let write = prop::bool::weighted(0.7);
    prop::collection::vec((write, any_tuple()), 0..40)
}

fn users() -> Vec<String> {
    let mut all: Vec<String> = (0..5).map(|n| format!("user:{n}")).collect();
    all.push("user:*".to_owned());
    all.extend((0..4).map(|n| format!("group:{n}#member")));
    all
}

/// Every question about the small world.
fn answers(engine: &Engine, contextual: &[Tuple]) -> Vec<(String, Result<bool, Error>)> {
    let around = Around { contextual, context: None };
    let mut all = Vec::new();
    for user in users() {
        for object in ["doc:0", "doc:1", "doc:2", "doc:9"] {
            for relation in &RELATIONS[1..] {
                let question = Check { user: &user, relation, object, around };
                all.push((format!("{object}#{relation}@{user}"), engine.check(&question)));
            }
        }
    }
    all
}

/// What the lists say must be what the checks say.
fn assert_lists_agree(engine: &Engine, answers: &[(String, Result<bool, Error>)]) {
    let allowed: BTreeSet<&str> = answers
        .iter()
        .filter(|(_, answer)| *answer == Ok(true))
        .map(|(question, _)| question.as_str())
        .collect();
    for relation in &RELATIONS[1..] {
        for user in users() {
            let question =
                ListObjects { user: &user, relation, object_type: "doc", ..ListObjects::default() };
            let found = engine.list_objects(&question).unwrap().items;
            let expected: Vec<String> = ["doc:0", "doc:1", "doc:2"]
                .iter()
                .filter(|object| allowed.contains(format!("{object}#{relation}@{user}").as_str()))
                .map(|object| (*object).to_owned())
                .collect();
            assert_eq!(found, expected, "{user} {relation}");
        }
        for object in ["doc:0", "doc:1", "doc:2"] {
            for (type_name, inner) in [("user", None), ("group", Some("member"))] {
                let filter = UserFilter { type_name, relation: inner };
                let question = ListUsers { object, relation, filter, ..ListUsers::default() };
                let found = engine.list_users(&question).unwrap().items;
                for user in users().iter().filter(|user| user.starts_with(type_name)) {
                    let question = format!("{object}#{relation}@{user}");
                    let listed = found.contains(user);
                    // Whoever has the relation as one of everybody need not be listed apart.
                    let as_everybody =
                        found.iter().any(|u| u == "user:*") && type_name == "user" && *user != "user:*";
                    if listed || !as_everybody {
                        assert_eq!(listed, allowed.contains(question.as_str()), "{question} {found:?}");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_give_the_answers_of_what_they_lead_to(first in any_changes(), second in any_changes(), contextual in prop::collection::vec(any_tuple(), 0..5)) {
        let schema = std::sync::Arc::new(Schema::compile(&crate::parse(MODEL).unwrap()).unwrap());
        let fits = |t: &Tuple| schema.validate_tuple(t).is_ok();
        let mut set: Vec<Tuple> = Vec::new();
        let apply = |changes: &[(bool, Tuple)], set: &mut Vec<Tuple>| {
            let mut made = Vec::new();
            for (write, tuple) in changes.iter().filter(|(_, t)| fits(t)) {
                set.retain(|known| known != tuple);
                if *write {
                    set.push(tuple.clone());
                    made.push(Change::Write(tuple.clone()));
                } else {
                    made.push(Change::Delete(tuple.clone()));
                }
            }
            made
        };
        let changes = apply(&first, &mut set);
        let base = Snapshot::build(5, 1, set.clone()).unwrap();
        let by_changes = Snapshot::build(5, 0, []).unwrap().with(1, &changes).unwrap();
        let changes = apply(&second, &mut set);
        let all = Snapshot::build(5, 2, set.clone()).unwrap();
        let expected = Engine::new(schema.clone(), all.into()).unwrap();
        let answered = answers(&expected, &[]);
        assert_lists_agree(&expected, &answered);
        let contextual: Vec<Tuple> = contextual.into_iter().filter(|t| fits(t)).collect();
        let with_contextual: Vec<Tuple> = set.iter().cloned().chain(contextual.iter().cloned()).collect();
        let joined = Engine::new(schema.clone(), Snapshot::build(5, 2, with_contextual).unwrap().into()).unwrap();
        let joined = answers(&joined, &[]);
        for snapshot in [base.with(2, &changes).unwrap(), by_changes.with(2, &changes).unwrap()] {
            for snapshot in [snapshot.compacted(), snapshot] {
                let engine = Engine::new(schema.clone(), snapshot.into()).unwrap();
                prop_assert_eq!(&answers(&engine, &[]), &answered);
                assert_lists_agree(&engine, &answered);
                prop_assert_eq!(&answers(&engine, &contextual), &joined);
            }
        }
    }

    #[test]
    fn nothing_that_is_read_can_stop_the_reader(text in "\\PC{0,200}", words in prop::collection::vec("model|schema|1\\.1|type|define|relations| |\n|:|\\[|\\]|\\(|\\)|a|b|or|and|but not|from|condition|\\{|\\}|int|#|\\*|with|module|extend", 0..60)) {
        let _ = crate::parse_and_validate(&text);
        let _ = crate::parse_and_validate(&words.concat());
        let model = format!("model\n  schema 1.1\ntype user\n{}", words.concat());
        if let Ok(model) = crate::parse_and_validate(&model) {
            let _ = Schema::compile(&model);
        }
        let _ = crate::modules::read_manifest(&text);
        let condition = format!("model\n  schema 1.1\ntype user\n  relations\n    define a: [user with c]\ncondition c(x: int) {{\n  {text}\n}}\n");
        if let Ok(model) = crate::parse(&condition) {
            let _ = Schema::compile(&model);
        }
    }
}

#[test]
fn lists_come_in_pages_that_fit_together() {
    let tuples: Vec<String> = (0..25).map(|n| format!("doc:{n}#viewer@user:1")).collect();
    let engine = engine(MODEL, &tuples.iter().map(String::as_str).collect::<Vec<_>>());
    let question =
        ListObjects { user: "user:1", relation: "reader", object_type: "doc", ..ListObjects::default() };
    let whole = engine.list_objects(&question).unwrap();
    assert_eq!((whole.items.len(), &whole.next, whole.incomplete), (25, &None, false));
    let (mut pages, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = Page { size: 10, cursor: cursor.as_deref() };
        let list = engine.list_objects(&ListObjects { page, ..question }).unwrap();
        pages.extend(list.items);
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, whole.items);
    for cursor in ["", "doc:1", "x~doc:1"] {
        let page = Page { size: 10, cursor: Some(cursor) };
        let error = engine.list_objects(&ListObjects { page, ..question }).unwrap_err();
        assert_eq!((error.code(), error.name()), (2007, "invalid_continuation_token"));
    }
}

#[test]
fn what_is_malformed_is_refused() {
    let engine = engine(MODEL, &[]);
    for (user, relation, object, code) in [
        ("user", "viewer", "doc:1", 2000),
        ("user:1 2", "viewer", "doc:1", 2000),
        ("user:1\u{7f}", "viewer", "doc:1", 2000),
        ("group:1#", "viewer", "doc:1", 2000),
        ("group:*#member", "viewer", "doc:1", 2000),
        ("group:1#nothing", "viewer", "doc:1", 2000),
        ("nobody:1", "viewer", "doc:1", 2000),
        ("user:1", "nothing", "doc:1", 2000),
        ("user:1", "viewer", "doc:*", 2000),
        ("user:1", "viewer", "doc:", 2000),
        ("user:1", "viewer", ":1", 2000),
        ("user:1", "viewer", "doc:1:2", 2000),
        ("user:1", "viewer", "doc:1#viewer", 2000),
    ] {
        assert_eq!(
            engine.check(&check(user, relation, object)).unwrap_err().code(),
            code,
            "{user} {relation} {object}"
        );
    }
    let long = format!("user:{}", "a".repeat(600));
    assert!(engine.check(&check(&long, "viewer", "doc:1")).is_err());
    let bad = Snapshot::build(1, 1, [Tuple::new("user", "viewer", "doc:1")]).map(|_| ()).unwrap_err();
    assert!(matches!(bad, SnapshotError::Malformed(_)));
}

#[test]
fn a_change_must_be_newer() {
    let snapshot = Snapshot::build(1, 7, []).unwrap();
    let change = [Change::Write(tuple("doc:1#viewer@user:1"))];
    assert_eq!(snapshot.with(7, &change).map(|_| ()), Err(SnapshotError::Order { present: 7, next: 7 }));
    let next = snapshot.with(9, &change).unwrap();
    assert_eq!((next.revision(), next.changes() > 0, snapshot.changes()), (9, true, 0));
}

#[test]
fn of_two_writers_one_must_look_again() {
    let live = Live::new(Snapshot::build(1, 1, []).unwrap());
    let seen = live.load();
    let next = seen.with(2, &[Change::Write(tuple("doc:1#viewer@user:1"))]).unwrap();
    assert!(live.replace(&seen, next.clone()));
    assert!(!live.replace(&seen, next));
    assert_eq!(live.load().revision(), 2);
}

#[test]
fn a_model_that_turns_in_a_circle_is_refused_by_the_engine() {
    for text in [
        "define x: [user] or y\n    define y: [user] or z\n    define z: [user] or x",
        "define x: [user] but not y\n    define y: [user] but not z\n    define z: [user] or x",
    ] {
        let model = format!("model\n  schema 1.1\ntype user\ntype resource\n  relations\n    {text}\n");
        let error = Schema::compile(&crate::parse_and_validate(&model).unwrap()).unwrap_err();
        assert!(matches!(error, crate::SchemaError::Cycle { .. }), "{error}");
    }
}

#[test]
fn what_is_taken_from_everybody_may_be_given_back_to_one() {
    let model = "model
  schema 1.1
type user
type doc
  relations
    define public: [user:*]
    define banned: [user:*]
    define pardoned: [user]
    define viewer: public but not (banned but not pardoned)
";
    let engine = engine(model, &["doc:1#public@user:*", "doc:1#banned@user:*", "doc:1#pardoned@user:3"]);
    let filter = UserFilter { type_name: "user", relation: None };
    let question = ListUsers { object: "doc:1", relation: "viewer", filter, ..ListUsers::default() };
    assert_eq!(engine.list_users(&question).unwrap().items, ["user:3"]);
}

#[test]
fn a_userset_of_an_object_that_no_tuple_names_is_in_itself() {
    let engine = engine(MODEL, &["doc:1#viewer@user:1"]);
    assert_eq!(engine.check(&check("doc:new#editor", "viewer", "doc:new")), Ok(true));
    assert_eq!(engine.check(&check("doc:new#editor", "viewer", "doc:other")), Ok(false));
    let question = ListObjects {
        user: "doc:new#editor",
        relation: "viewer",
        object_type: "doc",
        ..ListObjects::default()
    };
    assert_eq!(engine.list_objects(&question).unwrap().items, ["doc:new"]);
    let filter = UserFilter { type_name: "doc", relation: Some("editor") };
    let question = ListUsers { object: "doc:new", relation: "viewer", filter, ..ListUsers::default() };
    assert_eq!(engine.list_users(&question).unwrap().items, ["doc:new#editor"]);
    assert!(engine.explain(&check("doc:new#editor", "viewer", "doc:new")).unwrap().because.is_some());
}

#[test]
fn control_characters_have_no_place_in_a_context() {
    let engine = engine(MODEL, &[]);
    for context in [serde_json::json!({"a\u{1}": 1}), serde_json::json!({"a": [{"b": "\u{0}"}]})] {
        let around = Around { contextual: &[], context: context.as_object() };
        let error = engine.check(&Check { around, ..check("user:1", "viewer", "doc:1") }).unwrap_err();
        assert_eq!(error.code(), 2000);
    }
}

#[test]
fn a_tuple_that_says_nothing_is_not_written() {
    let engine = engine(MODEL, &[]);
    let tuple = tuple("group:1#member@group:1#member");
    assert!(
        engine.schema().validate_tuple(&tuple).is_ok() && engine.schema().validate_write(&tuple).is_err()
    );
}

#[test]
fn a_circle_of_groups_is_walked_once() {
    // Twelve groups, each in every other: the ways through them are 12! many.
    let mut tuples = vec!["group:11#member@user:2".to_owned(), "doc:1#viewer@group:0#member".to_owned()];
    for a in 0..12 {
        tuples.extend((0..12).filter(|b| a != *b).map(|b| format!("group:{a}#member@group:{b}#member")));
    }
    tuples.push("doc:1#blocked@group:3#member".to_owned());
    let engine = engine(MODEL, &tuples.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(engine.check(&check("user:1", "viewer", "doc:1")), Ok(false));
    assert_eq!(engine.check(&check("user:2", "viewer", "doc:1")), Ok(true));
    // What was in vain on the one side of an exclusion is not in vain on the other.
    assert_eq!(engine.check(&check("user:2", "reader", "doc:1")), Ok(false));
    assert_eq!(engine.check(&check("user:1", "blocked", "doc:1")), Ok(false));
}

#[test]
fn a_check_that_would_take_forever_is_ended() {
    // Every group is in every other: without memory, the ways through them are more than can be walked.
    let mut tuples = Vec::new();
    for a in 0..40 {
        for b in 0..40 {
            if a != b {
                tuples.push(format!("group:{a}#member@group:{b}#member"));
            }
        }
    }
    let engine = engine(MODEL, &tuples.iter().map(String::as_str).collect::<Vec<_>>());
    let answer = engine.check(&check("user:1", "member", "group:0"));
    assert!(matches!(answer, Ok(false) | Err(Error::TooComplex)), "{answer:?}");
    let filter = UserFilter { type_name: "group", relation: Some("member") };
    let question = ListUsers { object: "group:0", relation: "member", filter, ..ListUsers::default() };
    assert_eq!(engine.list_users(&question).unwrap().items.len(), 40);
}
