//! The functions that a model becomes in PostgreSQL say what the engine says: for OpenFGA's own suites, for models by chance,
//! and in a policy of somebody's table.

use std::sync::Arc;

use authz::sql::{Compiled, Options, Shape};
use authz::{Around, Check, Engine, Error, Model, Schema, Snapshot, Tuple};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::random::{Wanted, world};
use super::suites::{list, tests};
use crate::house::{execute, run};

/// The store all tuples of these tests are in, and its organization.
const TENANT: Uuid = Uuid::from_u128(1);
const STORE: Uuid = Uuid::from_u128(2);
/// Where the functions go.
const PLACE: &str = "asked";
/// Stores by chance: with unions and intersections, with exclusions too, and with conditions too.
const STORES: u64 = 120;

fn options() -> Options<'static> {
    Options {
        schema: PLACE,
        table_schema: "portcullis",
        table: "relation_tuple",
        security_definer: false,
        relations: &[],
    }
}

/// A database whose rows of relations can be written without the gates.
async fn open(on: &mut PgConnection) {
    execute(on, "set session_replication_role = replica; set client_min_messages = warning")
        .await
        .expect("set");
}

async fn install(on: &mut PgConnection, model: &Model) -> Compiled {
    let compiled = authz::sql::compile(model, &options()).expect("functions");
    execute(on, &format!("drop schema if exists {PLACE} cascade; create schema {PLACE}"))
        .await
        .expect("a schema");
    execute(on, &compiled.text).await.unwrap_or_else(|error| panic!("{error}\n{}", compiled.text));
    compiled
}

/// Writes tuples; one that is there already is replaced.
async fn write(on: &mut PgConnection, tuples: &[Tuple]) {
    for tuple in tuples {
        let (object_type, object_id) = tuple.object.split_once(':').expect("an object");
        sqlx::query(
            "delete from relation_tuple where object_type = $1 and object_id = $2 and relation = $3 and subject = $4",
        )
        .bind(object_type)
        .bind(object_id)
        .bind(&tuple.relation)
        .bind(&tuple.user)
        .execute(&mut *on)
        .await
        .expect("deleted");
        sqlx::query(
            "insert into relation_tuple (tenant_id, store_id, object_type, object_id, relation, subject, condition, since, \
             written_at) values ($1, $2, $3, $4, $5, $6, $7, 1, now())",
        )
        .bind(TENANT)
        .bind(STORE)
        .bind(object_type)
        .bind(object_id)
        .bind(&tuple.relation)
        .bind(&tuple.user)
        .bind(tuple.condition.as_ref().map(|condition| &condition.name))
        .execute(&mut *on)
        .await
        .expect("inserted");
    }
}

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    asked: usize,
    yes: usize,
    too_complex: usize,
    /// With conditions: the engine says yes and the database does not.
    held_back: usize,
    flat: usize,
    walk: usize,
    exact: usize,
    wrong: Vec<String>,
}

impl Counts {
    /// Asks both.
    async fn ask(
        &mut self,
        on: &mut PgConnection,
        name: &str,
        (compiled, engine): (&Compiled, &Engine),
        question: &Check<'_>,
        conditional: bool,
    ) {
        let (of, id) = question.object.split_once(':').expect("an object");
        let Some(function) =
            compiled.checks.iter().find(|check| check.type_name == of && check.relation == question.relation)
        else {
            assert!(engine.check(question).is_err(), "{name}: {question:?}");
            return;
        };
        *match function.shape {
            Shape::Flat => &mut self.flat,
            Shape::Walk => &mut self.walk,
            Shape::Exact => &mut self.exact,
        } += 1;
        execute(on, "begin").await.expect("begun");
        write(on, question.around.contextual).await;
        let found: Result<Option<bool>, sqlx::Error> =
            sqlx::query_scalar(AssertSqlSafe(format!("select {}($1, $2, $3, $4)", function.check)))
                .persistent(false)
                .bind(TENANT)
                .bind(STORE)
                .bind(id)
                .bind(question.user)
                .fetch_one(&mut *on)
                .await;
        let found = match found {
            Ok(answer) => answer.expect("an answer"),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("54001") => {
                self.too_complex += 1;
                false
            }
            Err(other) => panic!("{name}: {question:?}: {other}"),
        };
        if found {
            // Who has it sees the object in the list.
            let objects: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(format!("select {}($1, $2, $3)", function.objects)))
                    .persistent(false)
                    .bind(TENANT)
                    .bind(STORE)
                    .bind(question.user)
                    .fetch_all(&mut *on)
                    .await
                    .unwrap_or_default();
            if !objects.iter().any(|object| object == id) {
                self.wrong.push(format!("{name}: {id} is not in {objects:?}: {question:?}"));
            }
        }
        execute(on, "rollback").await.expect("rolled back");
        let expected = engine.check(question);
        self.asked += 1;
        self.yes += usize::from(found);
        self.held_back += usize::from(conditional && !found && expected == Ok(true));
        let right = match &expected {
            Ok(true) => found || conditional,
            Ok(false) | Err(_) => !found,
        };
        if !right {
            let shape = function.shape;
            self.wrong.push(format!("{name}: {found} instead of {expected:?}, {shape:?}: {question:?}"));
        }
    }
}

fn conditional(tuples: &[Tuple]) -> bool {
    tuples.iter().any(|tuple| tuple.condition.is_some())
}

fn tuples(value: &Value) -> Vec<Tuple> {
    list(value).into_iter().map(|tuple| serde_json::from_value(tuple).expect("a tuple")).collect()
}

#[test]
fn the_database_answers_openfgas_suites_as_the_engine_does() {
    run(async |house| {
        let database = house.database("relations_sql").await;
        let mut on = database.superuser().await;
        open(&mut on).await;
        let mut counts = Counts::default();
        for test in ["consolidated_1_1_tests.json", "abac_tests.json"].into_iter().flat_map(tests) {
            let name = test["name"].as_str().expect("a name").to_owned();
            execute(&mut on, "truncate relation_tuple").await.expect("empty");
            let mut stored = Vec::new();
            for stage in list(&test["stages"]) {
                let model = authz::parse(stage["model"].as_str().expect("a model")).expect("a model");
                let compiled = install(&mut on, &model).await;
                let new = tuples(&stage["tuples"]);
                write(&mut on, &new).await;
                stored.extend(new);
                let schema = Arc::new(Schema::compile(&model).expect("a schema"));
                let snapshot = Arc::new(Snapshot::build(1, 1, stored.clone()).expect("a snapshot"));
                let engine = Engine::new(schema, snapshot).expect("an engine");
                for assertion in list(&stage["checkAssertions"]) {
                    let contextual = tuples(&assertion["contextualTuples"]);
                    let text = |key: &str| assertion["tuple"][key].as_str().unwrap_or_default();
                    let question = Check {
                        user: text("user"),
                        relation: text("relation"),
                        object: text("object"),
                        around: Around { contextual: &contextual, context: assertion["context"].as_object() },
                    };
                    let conditional = conditional(&stored) || conditional(&contextual);
                    if contextual.iter().any(|tuple| engine.schema().validate_tuple(tuple).is_err()) {
                        assert!(engine.check(&question).is_err(), "{name}");
                        continue;
                    }
                    counts.ask(&mut on, &name, (&compiled, &engine), &question, conditional).await;
                }
            }
        }
        assert!(counts.wrong.is_empty(), "{} are wrong:\n{}", counts.wrong.len(), counts.wrong.join("\n"));
        eprintln!("{counts:?}");
    });
}

#[test]
fn the_database_answers_models_by_chance_as_the_engine_does() {
    run(async |house| {
        let database = house.database("relations_chance").await;
        let mut on = database.superuser().await;
        open(&mut on).await;
        for (conditions, exclusions) in [(false, false), (false, true), (true, true)] {
            let mut counts = Counts::default();
            for seed in 0..STORES {
                let world = world(seed, Wanted { conditions, exclusions });
                let model = authz::parse(&world.model).expect("a model");
                let compiled = install(&mut on, &model).await;
                execute(&mut on, "truncate relation_tuple").await.expect("empty");
                write(&mut on, &world.tuples).await;
                let schema = Arc::new(Schema::compile(&model).expect("a schema"));
                let snapshot = Arc::new(Snapshot::build(1, 1, world.tuples.clone()).expect("a snapshot"));
                let engine = Engine::new(schema, snapshot).expect("an engine");
                for asked in &world.questions {
                    let around = Around { contextual: &asked.contextual, context: asked.context.as_ref() };
                    let question =
                        Check { user: &asked.user, relation: &asked.relation, object: &asked.object, around };
                    let conditional = conditional(&world.tuples) || conditional(&asked.contextual);
                    let name = format!("store {seed}");
                    counts.ask(&mut on, &name, (&compiled, &engine), &question, conditional).await;
                }
                if let Some(wrong) = counts.wrong.first() {
                    panic!("{wrong}\n{}\n{:#?}\n{}", world.model, world.tuples, compiled.text);
                }
            }
            eprintln!("{counts:?}");
        }
    });
}
