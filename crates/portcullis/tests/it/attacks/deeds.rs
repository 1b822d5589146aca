//! Attacks that take more than one session, or one for each table of the catalogue: each with the twin in which one defence
//! is off and the same attack succeeds.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _};
use store::schema::{APP_ROLE, RolePasswords};

use super::rows::EVERY_ROOM;
use super::stage::{SECRET, Stage};
use crate::house::{execute, instance_key, plain_claims, run, soon};

/// Longest wait for a notification that must not come.
const SILENCE: Duration = Duration::from_millis(500);
/// What somebody who listens would try; a channel cannot be listened to without its name.
const CHANNELS: [&str; 6] = ["changes", "portcullis", "audit", "agent", "cache_epoch", "words"];

async fn names(on: &mut PgConnection, sql: &'static str) -> Vec<String> {
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(on).await.expect("the catalogue");
    assert!(names.len() > 5, "the catalogue lost its tables: {names:?}");
    names
}

/// The SQLSTATE of a refusal, or what the statement said.
async fn said(on: &mut PgConnection, sql: &str) -> Result<Vec<Option<String>>, String> {
    let said = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(on).await;
    said.map_err(|error| {
        let state = error.as_database_error().and_then(|error| error.code().map(String::from));
        state.unwrap_or_else(|| panic!("{sql}: {error}"))
    })
}

#[test]
fn the_union_names_every_room() {
    run(async |house| {
        let mut superuser = house.shared().await.database.superuser().await;
        let rooms = "select c.relname::text from pg_class c \
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' \
             where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition \
             and has_column_privilege('portcullis_app', c.oid, a.attnum, 'select')";
        let named: Vec<&str> = EVERY_ROOM.split_whitespace().collect();
        let missing: Vec<String> =
            names(&mut superuser, rooms).await.into_iter().filter(|room| !named.contains(&&**room)).collect();
        assert!(missing.is_empty(), "add to EVERY_ROOM what the serving role may read: {missing:?}");
    });
}

/// What is the instance's, or nobody's business: the serving role may not read one column of it.
#[test]
fn every_table_that_is_not_the_serving_roles_is_closed_to_it() {
    run(async |house| {
        let stage = Stage::bad(house).await;
        let mut superuser = stage.superuser().await;
        let closed = names(
            &mut superuser,
            "select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'p') and not c.relispartition \
             and c.relnamespace in ('portcullis'::regnamespace, 'gate_private'::regnamespace) \
             and not has_any_column_privilege('portcullis_app', c.oid, 'select') order by 1",
        )
        .await;
        for name in
            ["instance", "audit_queue", "key_ring", "account", "mail_outbox", "gate_private.claims_key"]
        {
            assert!(closed.iter().any(|closed| closed == name), "{name} is open: {closed:?}");
        }
        let mut app = stage.app_as_a().await;
        for table in closed {
            let look = format!("select to_jsonb(t)::text from {table} t limit 1");
            assert_eq!(said(&mut app, &look).await, Err("42501".to_owned()), "{table}");
            execute(&mut app, "rollback").await.expect("rolled back");
            // The same with the grant, and nothing else: it is the grant that keeps it closed.
            let schema = table.split_once('.').map_or("portcullis", |(schema, _)| schema);
            let opened = format!(
                "grant usage on schema {schema} to portcullis_app; grant select on {table} to portcullis_app"
            );
            execute(&mut superuser, &opened).await.expect("opened");
            assert!(said(&mut app, &look).await.is_ok(), "{table} stays closed whatever is granted");
            let shut = format!("revoke select on {table} from portcullis_app");
            execute(&mut superuser, &shut).await.expect("shut");
        }
    });
}

async fn listener(stage: &Stage) -> PgListener {
    let password = RolePasswords::derive(&instance_key()).app;
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(stage.login_options(APP_ROLE, &password)).await.expect("a login");
    let mut listener = PgListener::connect_with(&pool).await.expect("a session");
    listener.listen_all(CHANNELS).await.expect("whoever may log in may listen");
    listener
}

/// Everybody may listen, so nobody may be told anything.
#[test]
fn who_listens_hears_nothing_of_others() {
    run(async |house| {
        let stage = Stage::bad(house).await;
        let mut superuser = stage.superuser().await;
        let speaks = said(
            &mut superuser,
            "select proname::text from pg_proc where prosrc ~* '\\mnotify\\M|pg_notify' \
             and pronamespace in ('portcullis'::regnamespace, 'gate'::regnamespace, 'gate_private'::regnamespace)",
        )
        .await;
        assert_eq!(speaks, Ok(vec![]), "a function that notifies");
        let mut listener = listener(&stage).await;
        let changed = "update agent set suspended_at = now() where tenant_id = '{b}'";
        stage.as_b(changed).await;
        let heard = tokio::time::timeout(SILENCE, listener.recv()).await;
        assert!(heard.is_err(), "B's change was announced: {heard:?}");

        // The twin: a trigger that tells what changed, as many a cache does.
        let announce = "create function bad.announce() returns trigger language plpgsql as
                 $$ begin perform pg_notify('changes', new.description); return new; end $$;
             create trigger announce after update on agent for each row execute function bad.announce()";
        execute(&mut superuser, announce).await.expect("made");
        stage.as_b(changed).await;
        let heard = soon("the announcement", listener.recv()).await.expect("heard");
        assert!(heard.payload().contains(SECRET), "{heard:?}");
    });
}

/// Settings of a role are what its next session begins with, and that may be another tenant's.
#[test]
fn sessions_to_come_cannot_be_poisoned() {
    run(async |house| {
        let stage = Stage::bad(house).await;
        let mut superuser = stage.superuser().await;
        let database = stage.database_name();
        let poison = |role: &str| {
            let claims = plain_claims(stage.b_id());
            format!("alter role {role} in database {database} set request.jwt.claims = '{claims}'")
        };
        let mut app = stage.app().await;
        assert_eq!(said(&mut app, &poison(APP_ROLE)).await, Err("42501".to_owned()));
        let own = format!("alter role {APP_ROLE} set request.jwt.claims = 'x'");
        assert_eq!(said(&mut app, &own).await, Err("42501".to_owned()), "of itself, everywhere");

        // The twin: a role that may set this one parameter; it alters itself, as every role may.
        let made = format!(
            "drop role if exists it_poisoner; create role it_poisoner login password 'twin';
             grant connect on database {database} to it_poisoner; grant usage on schema bad, portcullis to it_poisoner;
             grant select on bad.plain, portcullis.agent to it_poisoner;
             create policy poisoned on bad.plain to it_poisoner using (tenant_id =
                 (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid);
             grant set on parameter request.jwt.claims to it_poisoner"
        );
        execute(&mut superuser, &made).await.expect("made");
        let mut poisoner = stage.login("it_poisoner").await;
        execute(&mut poisoner, &poison("it_poisoner")).await.expect("poisoned");
        poisoner.close().await.expect("closed");
        let told = said(&mut stage.login("it_poisoner").await, "select body from bad.plain").await;
        assert_eq!(told, Ok(vec![Some(SECRET.to_owned())]), "the poison works where claims are not signed");

        // Poisoned by whoever may, the serving role's sessions still see nothing: its claims are signed.
        execute(&mut superuser, &poison(APP_ROLE)).await.expect("poisoned");
        let mut app = stage.app().await;
        let begun = said(&mut app, "select current_setting('request.jwt.claims', true)").await;
        assert!(begun.is_ok_and(|claims| claims != [None]), "the poison is in the session");
        assert_eq!(said(&mut app, "select description from agent").await, Ok(vec![]));
        let leaks = said(&mut app, "select body from bad.plain").await;
        assert_eq!(leaks, Ok(vec![Some(SECRET.to_owned())]), "and would tell where they are not");
        let clean = "revoke set on parameter request.jwt.claims from it_poisoner; drop owned by it_poisoner";
        execute(&mut superuser, clean).await.expect("cleared away");
    });
}
