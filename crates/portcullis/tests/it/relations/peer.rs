//! What OpenFGA's own engine is asked about a store by chance, as a file for `fga model test`, and how its answers compare.

use std::sync::Arc;

use authz::{Around, Check, Engine, ListObjects, ListUsers, Page, Schema, Snapshot, UserFilter};
use serde_json::{Value, json};

use super::random::{Question, World};

/// A store as a file of tests: each question in all three ways. Contextual tuples stand with their test.
pub(super) fn file(name: &str, world: &World) -> Value {
    let tests: Vec<Value> = world
        .questions
        .iter()
        .enumerate()
        .map(|(n, asked)| {
            let relation = &asked.relation;
            let (of, filter) = (type_of(&asked.object), filter(asked));
            let filter = match filter.relation {
                Some(relation) => json!({ "type": filter.type_name, "relation": relation }),
                None => json!({ "type": filter.type_name }),
            };
            json!({
                "name": n.to_string(),
                "tuples": asked.contextual,
                "check": [{ "user": asked.user, "object": asked.object, "context": asked.context,
                    "assertions": { relation: true } }],
                "list_objects": [{ "user": asked.user, "type": of, "context": asked.context,
                    "assertions": { relation: [] } }],
                "list_users": [{ "object": asked.object, "user_filter": [filter], "context": asked.context,
                    "assertions": { relation: { "users": [] } } }],
            })
        })
        .collect();
    json!({ "name": name, "model": world.model, "tuples": world.tuples, "tests": tests })
}

fn type_of(object: &str) -> &str {
    object.split_once(':').expect("an object").0
}

/// The kind of users that the user of a question is of.
fn filter(asked: &Question) -> UserFilter<'_> {
    let relation = asked.user.split_once('#').map(|(_, relation)| relation);
    UserFilter { type_name: type_of(&asked.user), relation }
}

/// What was compared.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) stores: usize,
    pub(super) checks: usize,
    pub(super) allowed: usize,
    pub(super) lists: usize,
    pub(super) listed: usize,
    /// Questions that both have no answer for.
    pub(super) errors: usize,
    /// Lists of usersets in which theirs has plain objects as well, which nobody asked for.
    pub(super) strays: usize,
    /// Lists in which one has `user:*` and users beside it that the other leaves out, because all of them are meant.
    pub(super) covered: usize,
    /// Users that one lists and the other does not, until OpenFGA's own check was asked about them.
    pub(super) doubts: Vec<Doubt>,
    /// Such users of whom its check says what we do. Its list goes wrong where users are taken out of what everyone has, and
    /// everyone has it on another way too.
    pub(super) contradicted: usize,
    pub(super) wrong: Vec<String>,
}

/// A user of a list, and whether we list them.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) question: Question,
    listed: bool,
}

impl Tally {
    /// Compares the answers about a store; `said` are the results of its tests, in their order.
    pub(super) fn compare(&mut self, name: &str, world: &World, said: &[Value]) {
        let model = authz::parse(&world.model).expect("a model");
        let schema = Arc::new(Schema::compile(&model).expect("a schema"));
        let snapshot = Arc::new(Snapshot::build(1, 1, world.tuples.clone()).expect("a snapshot"));
        let engine = Engine::new(schema, snapshot).expect("an engine");
        assert_eq!(said.len(), world.questions.len(), "{name}: every question has a result");
        self.stores += 1;
        for (asked, said) in world.questions.iter().zip(said) {
            let around = Around { contextual: &asked.contextual, context: asked.context.as_ref() };
            let (user, relation, object) = (&*asked.user, &*asked.relation, &*asked.object);
            let found = engine.check(&Check { user, relation, object, around });
            self.checks += 1;
            self.allowed += usize::from(found == Ok(true));
            let theirs = &said["check_results"][0];
            self.judge(name, "check", asked, &found.map(Value::from), theirs, &theirs["got"]);

            let page = Page::default();
            let question = ListObjects { user, relation, object_type: type_of(object), around, page };
            let found = engine.list_objects(&question).map(|list| json!(list.items));
            let theirs = &said["list_objects_results"][0];
            self.judge(name, "list objects", asked, &found, theirs, &sorted(&theirs["got"]));

            let question = ListUsers { object, relation, filter: filter(asked), around, page };
            let found = engine.list_users(&question).map(|list| list.items);
            let theirs = &said["list_users_results"][0];
            let mut got: Vec<String> =
                serde_json::from_value(theirs["got"]["users"].clone()).unwrap_or_default();
            got.sort_unstable();
            let found = found.map(|mut found| {
                self.level(filter(asked), &mut found, &mut got);
                if theirs["error"].is_null() {
                    self.doubt(asked, &found, &mut got);
                }
                json!(found)
            });
            self.judge(name, "list users", asked, &found, theirs, &json!(got));
        }
    }

    /// Takes over what we say of single users about whom the lists differ, and notes them: their own check has the last word.
    fn doubt(&mut self, asked: &Question, ours: &[String], theirs: &mut Vec<String>) {
        let only = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|user| !b.contains(user)).cloned().collect()
        };
        // Whom it does not list it may have had no time for, everybody among them.
        let mut more = only(theirs, ours);
        more.retain(|user| !user.ends_with(":*"));
        for (users, listed) in [(only(ours, theirs), true), (more, false)] {
            for user in users {
                if listed {
                    theirs.push(user.clone());
                } else {
                    theirs.retain(|other| *other != user);
                }
                let question = Question { user, ..asked.clone() };
                self.doubts.push(Doubt { question, listed });
            }
        }
        theirs.sort_unstable();
    }

    /// What their check says about each of the doubts, in their order.
    pub(super) fn settle(&mut self, name: &str, said: &[Value]) {
        assert_eq!(said.len(), self.doubts.len(), "{name}: every doubt has a result");
        for (Doubt { question, listed }, said) in self.doubts.drain(..).zip(said) {
            let theirs = &said["check_results"][0];
            if theirs["error"].is_null() && theirs["got"] == listed {
                self.contradicted += 1;
            } else {
                self.wrong
                    .push(format!("{name}: list users: we say {listed}, and theirs {theirs}: {question:?}"));
            }
        }
    }

    /// Leaves out of lists of users what may differ: see [`Self::strays`] and [`Self::covered`].
    fn level(&mut self, filter: UserFilter<'_>, ours: &mut Vec<String>, theirs: &mut Vec<String>) {
        if let Some(relation) = filter.relation {
            let before = theirs.len();
            theirs.retain(|user| user.split_once('#').is_some_and(|(_, of)| of == relation));
            self.strays += usize::from(theirs.len() < before);
        }
        let everyone = format!("{}:*", filter.type_name);
        if ours.contains(&everyone) && theirs.contains(&everyone) && ours != theirs {
            self.covered += 1;
            ours.retain(|user| *user == everyone);
            theirs.retain(|user| *user == everyone);
        }
    }

    fn judge(
        &mut self,
        name: &str,
        how: &str,
        asked: &Question,
        ours: &Result<Value, authz::Error>,
        theirs: &Value,
        got: &Value,
    ) {
        let right = if let Ok(found) = ours {
            self.lists += usize::from(found.is_array());
            self.listed += found.as_array().map_or(0, Vec::len);
            theirs["error"].is_null() && found == got
        } else {
            self.errors += 1;
            !theirs["error"].is_null()
        };
        if !right {
            let error = &theirs["error"];
            self.wrong.push(format!("{name}: {how}: {ours:?} and theirs {got} (error {error}): {asked:?}"));
        }
    }
}

fn sorted(list: &Value) -> Value {
    let mut items: Vec<String> = serde_json::from_value(list.clone()).unwrap_or_default();
    items.sort_unstable();
    json!(items)
}
