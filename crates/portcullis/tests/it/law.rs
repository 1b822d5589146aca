//! Gate five in the database: no change without an entry, and no change of an entry.

use std::time::Duration;

use crypto::SystemRng;
use gates::{Draft, Raw, Reason};
use kernel::{Clock as _, EntryId, EventKind, Gate, ProblemKind, ProjectId, SystemClock};
use sqlx::postgres::PgConnection;

use crate::house::actions::{Calling, Changing, Deciding, Looking, Working};
use crate::house::{Claims, Database, Tenant, execute, request, run};

const APPEND_ONLY: [&str; 5] = ["audit_entry", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_log"];

/// The SQLSTATE of what the database refused.
async fn refused(on: &mut PgConnection, sql: &str) -> String {
    let error = execute(on, sql).await.expect_err(sql);
    let state = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
    state.unwrap_or_else(|| error.to_string())
}

/// A bare session of the app role inside a transaction of `tenant`.
async fn inside(database: &Database, tenant: &Tenant) -> PgConnection {
    let mut app = database.app().await;
    let backend = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut app).await.expect("a number");
    let claims = Claims::good(tenant.id, backend, kernel::SystemClock.now().unix_seconds()).signed();
    execute(&mut app, &format!("begin; select set_config('request.jwt.claims', '{claims}', true)"))
        .await
        .expect("begun");
    app
}

fn insert_project(tenant: &Tenant, name: &str) -> String {
    format!(
        "insert into project (tenant_id, id, name, created_at) values ('{}', gen_random_uuid(), '{name}', now())",
        tenant.id
    )
}

fn insert_entry(tenant: &Tenant) -> String {
    format!(
        r"insert into audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
          values ('{}', overlay('{}' placing right(gen_random_uuid()::text, 22) from 15)::uuid, now(), 'x', 'x', 'x',
                  '\x7b7d')",
        tenant.id,
        EntryId::new(&SystemClock, &SystemRng)
    )
}

async fn count(database: &Database, sql: String) -> i64 {
    let mut superuser = database.superuser().await;
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut superuser).await.expect("a count")
}

async fn projects(database: &Database, tenant: &Tenant) -> i64 {
    count(database, format!("select count(*) from project where tenant_id = '{}'", tenant.id)).await
}

async fn entries(database: &Database, tenant: &Tenant, kind: EventKind) -> i64 {
    count(
        database,
        format!("select count(*) from audit_entry where tenant_id = '{}' and kind = '{kind}'", tenant.id),
    )
    .await
}

#[test]
fn nobody_below_a_superuser_changes_the_log() {
    run(async |house| {
        let database = &house.shared().await.database;
        let (mut app, mut system) = (database.app().await, database.system().await);
        let mut owner = database.superuser().await;
        execute(&mut owner, "set role portcullis_owner").await.expect("the owner role");
        for table in APPEND_ONLY {
            for change in ["update {} set tenant_id = tenant_id", "delete from {}", "truncate {}"] {
                let change = change.replace("{}", table);
                assert_eq!(refused(&mut app, &change).await, "42501", "app: {change}");
                assert_eq!(refused(&mut system, &change).await, "42501", "system: {change}");
                assert_eq!(refused(&mut owner, &change).await, "PCL02", "owner: {change}");
            }
        }
    });
}

/// Privileges and triggers do not stop a superuser. What he changes no longer has the hash that was recorded, which
/// is what the verifier compares.
#[test]
fn what_a_superuser_changes_shows_in_the_hash() {
    run(async |house| {
        let database = house.database("superuser").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "words").await;
        let mut superuser = database.superuser().await;
        let change = format!("update audit_entry set leaf = leaf || ' ' where tenant_id = '{}'", tenant.id);
        assert_eq!(
            refused(&mut superuser, &change).await,
            "PCL02",
            "the trigger stops even a superuser's slip"
        );
        execute(&mut superuser, &format!("set session_replication_role = replica; {change}"))
            .await
            .expect("changed");
        let (leaf, recorded): (Vec<u8>, Vec<u8>) = sqlx::query_as(
            "select e.leaf, q.leaf_hash from audit_entry e \
             join audit_queue q on q.tenant_id = e.tenant_id and q.entry_id = e.id where e.tenant_id = $1",
        )
        .bind(tenant.id.uuid())
        .fetch_one(&mut superuser)
        .await
        .expect("the entry");
        assert_ne!(audit_log::leaf_hash(&leaf).as_ref(), recorded.as_slice());
        vault.close();
    });
}

#[test]
fn a_change_without_an_entry_does_not_commit() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "words").await;
        let before = projects(&desk.database, &tenant).await;
        let change = insert_project(&tenant, "unseen");
        let entry = insert_entry(&tenant);
        let ways = [
            format!("{change}; commit"),
            format!("{change}; set constraints all immediate"),
            // An entry that is taken back does not count, also when the check has run meanwhile.
            format!("{change}; savepoint s; {entry}; rollback to s; commit"),
            format!("{change}; savepoint s; {entry}; set constraints all immediate; rollback to s; commit"),
            format!("savepoint s; {entry}; rollback to s; {change}; commit"),
        ];
        for way in ways {
            let mut app = inside(&desk.database, &tenant).await;
            assert_eq!(refused(&mut app, &way).await, "PCL01", "{way}");
        }
        // Nor does one of an earlier transaction.
        let mut app = inside(&desk.database, &tenant).await;
        execute(&mut app, &format!("{entry}; commit")).await.expect("an entry alone may commit");
        let mut app = inside(&desk.database, &tenant).await;
        assert_eq!(refused(&mut app, &format!("{change}; commit")).await, "PCL01");
        assert_eq!(projects(&desk.database, &tenant).await, before);

        let mut app = inside(&desk.database, &tenant).await;
        execute(&mut app, &format!("{change}; {entry}; commit")).await.expect("with an entry it commits");
        assert_eq!(projects(&desk.database, &tenant).await, before + 1);
    });
}

#[test]
fn every_protected_change_asks_for_its_entry() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "words").await;
        let (id, project, agent) = (tenant.id, tenant.project, tenant.agent);
        let changes = [
            format!("update agent set suspended_at = now() where id = '{agent}'"),
            format!("update api_key set revoked_at = now() where id = '{}'", tenant.owner_key_id),
            format!(
                "insert into pii_policy (tenant_id, version, document, created_at) values ('{id}', 1, '{{}}', now())"
            ),
            format!(
                "insert into agent (tenant_id, id, project_id, name, description, created_at) \
                 values ('{id}', gen_random_uuid(), '{project}', 'x', 'x', now())"
            ),
            format!(
                "insert into provider (tenant_id, id, name, base_url, models, created_at) \
                 values ('{id}', gen_random_uuid(), 'x', 'x', '{{}}', now())"
            ),
        ];
        for change in changes {
            let mut app = inside(&desk.database, &tenant).await;
            assert_eq!(refused(&mut app, &format!("{change}; commit")).await, "PCL01", "{change}");
        }
    });
}

#[test]
fn an_entry_in_another_tenants_log_does_not_count() {
    run(async |house| {
        let desk = house.shared().await;
        let (mine, other) = (Tenant::make(&desk.vault, "a").await, Tenant::make(&desk.vault, "b").await);
        let mut tx = desk.vault.system(Reason::SetUp).await.expect("a system transaction");
        let id = ProjectId::new(desk.vault.clock(), desk.vault.rng());
        let at = desk.vault.clock().now();
        store::projects::create_first(&mut tx, mine.id, id, "second", at).await.expect("inserted");
        let sealed =
            tx.seal(other.id, Draft::done(EventKind::ProjectCreated), &request(), "test.change").await;
        let message = sealed.expect_err("the entry is another tenant's").to_string();
        assert!(message.contains("was not written to the audit log"), "{message}");
        assert_eq!(projects(&desk.database, &mine).await, 1);
        assert_eq!(entries(&desk.database, &other, EventKind::ProjectCreated).await, 0);

        let mut tx = desk.vault.system(Reason::Signing).await.expect("a system transaction");
        store::projects::create_first(&mut tx, mine.id, id, "second", at).await.expect("inserted");
        tx.finish().await.expect_err("finishing without an entry is for work on the logs alone");
        assert_eq!(projects(&desk.database, &mine).await, 1);
    });
}

#[test]
fn sealing_commits_the_change_and_its_entry_and_the_hashes_agree() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "words").await;
        let owner = tenant.owner(&desk.vault).await;
        let mut pass = desk.vault.enter::<Changing>(owner, request()).await.expect("the owner may");
        let name = pass.privacy(gates::Channel::Log).text(Raw::new("second".to_owned()));
        let id = ProjectId::new(desk.vault.clock(), desk.vault.rng());
        store::projects::create(pass.tx(), id, &name, desk.vault.clock().now()).await.expect("inserted");
        assert_eq!(projects(&desk.database, &tenant).await, 1, "nothing is visible before the seal");
        let draft = Draft::done(EventKind::ProjectCreated).subject("project", id).fact("name", &name);
        let receipt = pass.seal(draft).await.expect("sealed");
        assert_eq!(projects(&desk.database, &tenant).await, 2);

        let mut superuser = desk.database.superuser().await;
        let (leaf, queued): (Vec<u8>, Vec<u8>) = sqlx::query_as(
            "select e.leaf, q.leaf_hash from audit_entry e \
             join audit_queue q on q.tenant_id = e.tenant_id and q.entry_id = e.id where e.tenant_id = $1 and e.id = $2",
        )
        .bind(tenant.id.uuid())
        .bind(receipt.entry().uuid())
        .fetch_one(&mut superuser)
        .await
        .expect("the entry and its place in the queue");
        assert_eq!(audit_log::leaf_hash(&leaf).as_ref(), queued.as_slice(), "the database hashes as we do");
        assert_eq!(
            receipt.leaf(),
            audit_log::leaf_hash(&leaf),
            "the receipt names the bytes that are stored"
        );
    });
}

#[test]
fn a_pass_that_is_dropped_or_fails_leaves_no_change() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "words").await;
        for fails in [false, true] {
            let owner = tenant.owner(&desk.vault).await;
            let mut pass = desk.vault.enter::<Changing>(owner, request()).await.expect("the owner may");
            let name = pass.privacy(gates::Channel::Log).text(Raw::new("second".to_owned()));
            let id = ProjectId::new(desk.vault.clock(), desk.vault.rng());
            store::projects::create(pass.tx(), id, &name, desk.vault.clock().now()).await.expect("inserted");
            if fails {
                let problem = kernel::Problem::new(ProblemKind::Conflict, "for a test");
                let problem = pass.fail(Draft::failed(EventKind::ProjectCreated), problem).await;
                assert_eq!(problem.kind, ProblemKind::Conflict);
            } else {
                drop(pass);
            }
            assert_eq!(projects(&desk.database, &tenant).await, 1);
        }
        assert_eq!(
            entries(&desk.database, &tenant, EventKind::ProjectCreated).await,
            1,
            "that it failed is on record"
        );
    });
}

/// The database says at the commit whether lookups grew stale, so this process drops them before it answers. Its watch
/// looks a few times a second; after a pause it has nothing left to find.
#[test]
fn what_a_change_makes_stale_is_forgotten_at_its_commit() {
    run(async |house| {
        let vault = house.database("stale").await.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "words").await;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let owner = tenant.owner(&vault).await;
            let mut pass = vault.enter::<Changing>(owner, request()).await.expect("the owner may");
            execute(pass.tx().connection(), "update agent set suspended_at = null").await.expect("changed");
            let before = vault.memory_generation();
            pass.seal(Draft::done(EventKind::AgentResumed)).await.expect("sealed");
            let after = vault.memory_generation();
            if before.is_some() && after > before {
                return;
            }
        }
        panic!("nothing was forgotten at the commit");
    });
}

#[test]
fn a_reading_pass_cannot_write() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "words").await;
        let owner = tenant.owner(&desk.vault).await;
        let mut pass = desk.vault.enter::<Looking>(owner, request()).await.expect("the owner may");
        let state = refused(pass.tx().connection(), &insert_project(&tenant, "x")).await;
        assert_eq!(state, "25006", "read_only_sql_transaction");
        pass.seal(Draft::done(EventKind::ProjectsListed))
            .await
            .expect("the entry has a transaction of its own");
    });
}

#[test]
fn refusals_name_the_gate_and_are_entries() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "words").await;
        let agent = tenant.agent(&desk.vault).await;
        let problem =
            desk.vault.enter::<Changing>(agent, request()).await.err().expect("an editor manages no agents");
        assert_eq!((problem.kind, problem.gate), (ProblemKind::Forbidden, Some(Gate::Token)));
        let agent = tenant.agent(&desk.vault).await;
        let problem =
            desk.vault.enter::<Deciding>(agent, request()).await.err().expect("an agent is no person");
        assert_eq!((problem.kind, problem.gate), (ProblemKind::Forbidden, Some(Gate::Identity)));
        let owner = tenant.owner(&desk.vault).await;
        let problem = desk.vault.enter::<Deciding>(owner, request()).await.err().expect("nor is a service");
        assert_eq!(problem.gate, Some(Gate::Identity));
        let owner = tenant.owner(&desk.vault).await;
        let problem =
            desk.vault.enter::<Working>(owner, request()).await.err().expect("a service is no agent");
        assert_eq!(problem.gate, Some(Gate::Identity));
        assert_eq!(entries(&desk.database, &tenant, EventKind::AccessDenied).await, 4);
    });
}

#[test]
fn an_act_in_the_outside_world_has_its_intent_and_its_outcome() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "words").await;
        let agent = tenant.agent(&desk.vault).await;
        let pass = desk.vault.enter::<Calling>(agent, request()).await.expect("an editor may call models");
        let intent = pass.record(Draft::intent(EventKind::LlmCallIntent)).await.expect("on record");
        assert_eq!(entries(&desk.database, &tenant, EventKind::LlmCallIntent).await, 1, "before the act");
        let outcome = pass.seal(Draft::done(EventKind::LlmCallOutcome)).await.expect("on record");
        assert!(intent.entry() < outcome.entry());
        assert_eq!(entries(&desk.database, &tenant, EventKind::LlmCallOutcome).await, 1);
    });
}

#[test]
fn one_tenants_batch_never_holds_anothers_entries() {
    run(async |house| {
        let desk = house.shared().await;
        let mut tenants = Vec::new();
        for _ in 0..4 {
            tenants.push(Tenant::make(&desk.vault, "words").await);
        }
        let mut calls = tokio::task::JoinSet::new();
        for index in 0..200 {
            let (vault, tenant) = (desk.vault.clone(), tenants.get(index % 4).expect("four"));
            let principal = tenant.agent(&vault).await;
            calls.spawn(async move {
                let pass = vault.enter::<Calling>(principal, request()).await.expect("may call");
                pass.seal(Draft::done(EventKind::LlmCallOutcome)).await.expect("on record")
            });
        }
        let receipts = calls.join_all().await;
        assert_eq!(receipts.len(), 200);
        for tenant in &tenants {
            assert_eq!(entries(&desk.database, tenant, EventKind::LlmCallOutcome).await, 50);
        }
    });
}
