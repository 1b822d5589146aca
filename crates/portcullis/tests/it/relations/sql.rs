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
/// What is raised where a path is too long.
const TOO_COMPLEX: &str = "54001";
/// Stores by chance of each kind: with unions and intersections, with exclusions too, and with conditions too.
const STORES: u64 = 70;

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
        let around = !question.around.contextual.is_empty();
        if around {
            execute(on, "begin").await.expect("begun");
            write(on, question.around.contextual).await;
        }
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
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(TOO_COMPLEX) => {
                self.too_complex += 1;
                false
            }
            Err(other) => panic!("{name}: {question:?}: {other}"),
        };
        if found {
            // Who has it sees the object in the list, unless another object of the list lies too deep.
            let objects: Result<Vec<String>, sqlx::Error> =
                sqlx::query_scalar(AssertSqlSafe(format!("select {}($1, $2, $3)", function.objects)))
                    .persistent(false)
                    .bind(TENANT)
                    .bind(STORE)
                    .bind(question.user)
                    .fetch_all(&mut *on)
                    .await;
            match objects {
                Ok(objects) if objects.iter().any(|object| object == id) => {}
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(TOO_COMPLEX) => {}
                other => self.wrong.push(format!("{name}: {id} is not in {other:?}: {question:?}")),
            }
        }
        if around {
            execute(on, "rollback").await.expect("rolled back");
        }
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
        let (mut counts, mut questions) = (Counts::default(), 0);
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
                    questions += 1;
                    let text = |key: &str| assertion["tuple"][key].as_str().unwrap_or_default();
                    let question = Check {
                        user: text("user"),
                        relation: text("relation"),
                        object: text("object"),
                        around: Around { contextual: &contextual, context: assertion["context"].as_object() },
                    };
                    let conditional = conditional(&stored) || conditional(&contextual);
                    // What the engine refuses to take cannot be stored either.
                    if contextual.iter().any(|tuple| engine.schema().validate_tuple(tuple).is_err()) {
                        assert!(engine.check(&question).is_err(), "{name}");
                        continue;
                    }
                    counts.ask(&mut on, &name, (&compiled, &engine), &question, conditional).await;
                }
            }
        }
        assert!(counts.wrong.is_empty(), "{} are wrong:\n{}", counts.wrong.len(), counts.wrong.join("\n"));
        assert_eq!(questions, 360 + 125, "no question may be left out");
        assert_eq!(counts.too_complex, 1);
        assert!(counts.flat > 0 && counts.walk > 0 && counts.exact > 0, "{counts:?}");
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
                let world = world(seed, Wanted { conditions, exclusions, peer: false });
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
            assert!(counts.yes * 20 > counts.asked, "{counts:?}");
            assert!(counts.flat > 0 && counts.walk > 0 && counts.exact > 0, "{counts:?}");
        }
    });
}

/// Folders in each other and groups in each other.
const DEEP: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define blocked: [group#member]
    define viewer: [user] or viewer from parent
    define reader: ([user] or reader from parent) but not blocked
";

#[test]
fn what_lies_too_deep_is_an_error_and_never_a_yes() {
    run(async |house| {
        let database = house.database("relations_deep").await;
        let mut on = database.superuser().await;
        open(&mut on).await;
        let model = authz::parse(DEEP).expect("a model");
        let compiled = install(&mut on, &model).await;
        let schema = Arc::new(Schema::compile(&model).expect("a schema"));
        let mut all = Vec::new();
        for n in 1..32 {
            all.push(Tuple::new(format!("folder:{}", n - 1), "parent", format!("folder:{n}")));
            all.push(Tuple::new(format!("group:{}#member", n - 1), "member", format!("group:{n}")));
        }
        all.push(Tuple::new("user:a", "viewer", "folder:0"));
        all.push(Tuple::new("user:a", "reader", "folder:0"));
        all.push(Tuple::new("user:b", "member", "group:0"));
        // Blocked at the end of a long way, of one that is too long, and where it comes back to itself.
        for (n, user) in [(10, "a"), (10, "b"), (22, "b"), (23, "a"), (24, "b"), (30, "a")] {
            let folder = format!("folder:x{n}{user}");
            all.push(Tuple::new(format!("user:{user}"), "reader", &folder));
            all.push(Tuple::new(format!("group:{n}#member"), "blocked", folder));
        }
        all.push(Tuple::new("group:40#member", "member", "group:41"));
        all.push(Tuple::new("group:41#member", "member", "group:40"));
        all.push(Tuple::new("group:41#member", "blocked", "folder:round"));
        all.push(Tuple::new("user:a", "reader", "folder:round"));
        write(&mut on, &all).await;
        let snapshot = Arc::new(Snapshot::build(1, 1, all.clone()).expect("a snapshot"));
        let engine = Engine::new(schema, snapshot).expect("an engine");
        let mut counts = Counts::default();
        let mut objects: Vec<String> = all.iter().map(|tuple| tuple.object.clone()).collect();
        objects.sort_unstable();
        objects.dedup();
        let mut errors = 0;
        for object in &objects {
            let relations: &[&str] =
                if object.starts_with("group") { &["member"] } else { &["viewer", "reader", "blocked"] };
            for (relation, user) in relations.iter().flat_map(|r| [(r, "user:a"), (r, "user:b")]) {
                let question = Check { user, relation, object, around: Around::default() };
                errors += usize::from(engine.check(&question) == Err(Error::TooComplex));
                counts.ask(&mut on, "deep", (&compiled, &engine), &question, false).await;
            }
        }
        assert!(counts.wrong.is_empty(), "{}", counts.wrong.join("\n"));
        assert_eq!(counts.too_complex, errors, "an error where the engine has one");
        assert!(errors > 10, "{errors}");
    });
}

#[test]
fn a_policy_refuses_what_a_program_forgets_to_ask() {
    run(async |house| {
        let database = house.database("relations_policy").await;
        let mut on = database.superuser().await;
        open(&mut on).await;
        let model = authz::parse(super::DOCUMENTS).expect("a model");
        let definer = Options { security_definer: true, ..options() };
        let compiled = authz::sql::compile(&model, &definer).expect("functions");
        execute(&mut on, &format!("create schema {PLACE}")).await.expect("a schema");
        execute(&mut on, &compiled.text).await.expect("functions");
        execute(&mut on, &compiled.text).await.expect("the same again");
        write(
            &mut on,
            &[
                Tuple::new("user:anne", "viewer", "document:1"),
                Tuple::new("user:*", "viewer", "document:2"),
                Tuple::new("user:anne", "blocked", "document:2"),
                Tuple::new("folder:a", "parent", "document:3"),
                Tuple::new("group:staff#member", "viewer", "folder:a"),
                Tuple::new("user:anne", "member", "group:staff"),
                Tuple::new("user:bob", "owner", "document:4"),
            ],
        )
        .await;
        let check = compiled.checks.iter().find(|c| c.type_name == "document" && c.relation == "viewer");
        let check = &check.expect("a function").check;
        let policy = format!(
            "create table {PLACE}.page (id text primary key, words text not null);
             insert into {PLACE}.page select n::text, 'words' from generate_series(1, 5) as n;
             alter table {PLACE}.page enable row level security;
             alter table {PLACE}.page force row level security;
             create policy readers on {PLACE}.page using ({check}('{TENANT}', '{STORE}', id,
                 'user:' || current_setting('app.who', true)));
             grant usage on schema {PLACE} to portcullis_app;
             grant select, insert, update on {PLACE}.page to portcullis_app;"
        );
        execute(&mut on, &policy).await.expect("a policy");
        let mut app = database.app().await;
        let everything = format!("select id from {PLACE}.page order by id");
        assert!(execute(&mut app, &everything).await.is_err(), "it was not granted yet");
        execute(&mut on, &format!("grant execute on function {check} to portcullis_app"))
            .await
            .expect("granted");
        for (who, pages) in [
            ("anne", vec!["1", "3"]),
            ("bob", vec!["2", "4"]),
            ("eve", vec!["2"]),
            ("", vec![]),
            ("*", vec!["2"]),
        ] {
            execute(&mut app, &format!("set app.who = '{who}'")).await.expect("set");
            let read: Vec<String> = sqlx::query_scalar(AssertSqlSafe(everything.clone()))
                .fetch_all(&mut app)
                .await
                .expect("rows");
            assert_eq!(read, pages, "{who}");
        }
        execute(&mut app, "set app.who = 'eve'").await.expect("set");
        let change = sqlx::query(AssertSqlSafe(format!("update {PLACE}.page set words = 'mine'")));
        assert_eq!(change.execute(&mut app).await.expect("changed").rows_affected(), 1);
        let put = format!("insert into {PLACE}.page values ('9', 'mine')");
        assert!(execute(&mut app, &put).await.is_err(), "a row nobody may see");
    });
}
