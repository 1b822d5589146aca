//! What a pass leaves on its connection for the next tenant: nothing, however it ended. The vaults here have one
//! connection each, so that the next pass gets the very same.

use std::sync::Arc;
use std::time::Duration;

use gates::{Draft, Vault, VaultOptions};
use kernel::{EventKind, ProblemKind};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::house::actions::{Changing, Looking};
use crate::house::{Database, House, Tenant, execute, request, run};

struct Narrow {
    database: Database,
    vault: Arc<Vault>,
    a: Tenant,
    b: Tenant,
}

impl Narrow {
    async fn new(house: &'static House) -> Self {
        let database = house.database("narrow").await;
        let options = VaultOptions { app_connections_max: 1, ..database.options() };
        let vault = Vault::open(options).await.expect("served");
        let (a, b) = (Tenant::make(&vault, "words-of-a").await, Tenant::make(&vault, "words-of-b").await);
        Self { database, vault, a, b }
    }

    /// Runs what somebody injected into a reading pass of `tenant`; the pass ends as passes do.
    async fn inject(&self, tenant: &Tenant, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        let mut pass =
            self.vault.enter::<Looking>(tenant.owner(&self.vault).await, request()).await.expect("may look");
        let said = words(pass.tx().connection(), sql).await;
        pass.seal(Draft::done(EventKind::ProjectsListed)).await.expect("sealed");
        said
    }

    async fn backend(&self, tenant: &Tenant) -> String {
        self.inject(tenant, "select pg_backend_pid()::text").await.expect("a number").concat()
    }
}

/// Every statement's rows of one text column. Statements of the bare kind, which prepare nothing.
async fn words(on: &mut PgConnection, sql: &str) -> Result<Vec<String>, sqlx::Error> {
    use sqlx::Row as _;
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(on).await?;
    rows.iter().map(|row| row.try_get::<Option<String>, _>(0).map(Option::unwrap_or_default)).collect()
}

#[test]
fn the_next_tenant_gets_the_same_connection_and_its_own_rows() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        assert_eq!(
            narrow.backend(&narrow.a).await,
            narrow.backend(&narrow.b).await,
            "else the rest proves nothing"
        );
        for (tenant, expected) in [(&narrow.a, "words-of-a"), (&narrow.b, "words-of-b")] {
            let seen = narrow.inject(tenant, "select description from agent").await.expect("rows");
            assert_eq!(seen, [expected]);
        }
    });
}

#[test]
fn settings_cursors_and_claims_do_not_outlive_the_pass() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let parcels = [
            // left by B's pass, picked up in A's
            ("set request.parcel = 'words-of-b'", "select current_setting('request.parcel', true)"),
            (
                "select set_config('request.parcel', (select description from agent), false)",
                "select current_setting('request.parcel', true)",
            ),
            (
                "declare parcel cursor with hold for select description from agent; commit",
                "select count(*)::text from pg_cursors where name = 'parcel'",
            ),
            (
                "select set_config('request.jwt.claims', current_setting('request.jwt.claims'), false); commit",
                "select (current_setting('request.jwt.claims') like '%' || (select tenant_id from organization) || '%')::text",
            ),
            ("set search_path = pg_catalog; commit", "select current_setting('search_path')"),
            (
                "set session characteristics as transaction read write; commit",
                "select current_setting('transaction_read_only')",
            ),
        ];
        let expected = ["", "", "0", "true", "portcullis,pg_temp", "on"];
        for ((left, asked), expected) in parcels.into_iter().zip(expected) {
            narrow.inject(&narrow.b, left).await.expect(left);
            let backend = narrow.backend(&narrow.a).await;
            let seen = narrow.inject(&narrow.a, asked).await.expect(asked);
            assert_eq!(seen, [expected], "{left}");
            assert_eq!(narrow.backend(&narrow.a).await, backend, "{left}: on the same connection");
        }
    });
}

/// The twin of the test above: a pool that only begins and ends transactions, as most do.
#[test]
fn on_a_pool_that_sweeps_nothing_they_do() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let mut bare = narrow.database.superuser().await;
        execute(&mut bare, "begin; set request.parcel = 'words-of-b'; commit").await.expect("left");
        execute(&mut bare, "begin; declare parcel cursor with hold for select 'words-of-b'; commit")
            .await
            .expect("left");
        assert_eq!(
            words(&mut bare, "select current_setting('request.parcel', true)").await.expect("a row"),
            ["words-of-b"]
        );
        assert_eq!(words(&mut bare, "fetch all from parcel").await.expect("a row"), ["words-of-b"]);
    });
}

/// A statement prepared in SQL under the name of one of the driver's would run with the next tenant's claims.
#[test]
fn a_statement_somebody_prepared_costs_the_connection() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let trapped = narrow.backend(&narrow.a).await;
        narrow.inject(&narrow.a, "prepare trap as select 'words-of-a'").await.expect("prepared");
        assert_ne!(narrow.backend(&narrow.b).await, trapped, "the trapped connection is closed");
    });
}

/// A role may set its own defaults; what a connection of ours says at its start goes before them.
#[test]
fn defaults_that_somebody_set_for_the_role_do_not_move_the_search_path() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let mut app = narrow.database.app().await;
        let poison = format!(
            "alter role portcullis_app in database {} set search_path = public",
            narrow.database.name()
        );
        execute(&mut app, &poison).await.expect("PostgreSQL lets it");
        let fresh = narrow.database.vault().await.expect("served");
        let mut pass =
            fresh.enter::<Looking>(narrow.a.owner(&fresh).await, request()).await.expect("may look");
        let path =
            words(pass.tx().connection(), "select current_setting('search_path')").await.expect("a row");
        assert_eq!(path, ["portcullis,pg_temp"]);
    });
}

#[test]
fn a_statement_that_fails_leaves_the_connection_usable() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let backend = narrow.backend(&narrow.a).await;
        let error = narrow
            .inject(&narrow.a, "select (1 / (length('') - length('')))::text")
            .await
            .expect_err("by zero");
        assert!(error.to_string().contains("division by zero"), "{error}");
        assert_eq!(
            narrow.inject(&narrow.b, "select description from agent").await.expect("rows"),
            ["words-of-b"]
        );
        assert_eq!(narrow.backend(&narrow.b).await, backend);
    });
}

#[test]
fn a_pass_dropped_in_the_middle_of_a_statement_leaves_nothing() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        for _ in 0..3 {
            let mut pass = narrow
                .vault
                .enter::<Changing>(narrow.a.owner(&narrow.vault).await, request())
                .await
                .expect("may change");
            let change = "update agent set suspended_at = now(); select pg_sleep(0.2)::text";
            let cancelled =
                tokio::time::timeout(Duration::from_millis(20), words(pass.tx().connection(), change)).await;
            assert!(cancelled.is_err(), "it was still running");
            drop(pass);
            let seen = narrow.inject(&narrow.b, "select description from agent").await.expect("rows");
            assert_eq!(seen, ["words-of-b"]);
        }
        let suspended =
            narrow.inject(&narrow.a, "select count(suspended_at)::text from agent").await.expect("a count");
        assert_eq!(suspended, ["0"], "what was under way was rolled back");
    });
}

#[test]
fn entering_can_be_cancelled_at_any_moment() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        for micros in (0..4_000).step_by(100) {
            let entering = narrow.vault.enter::<Changing>(narrow.a.owner(&narrow.vault).await, request());
            drop(tokio::time::timeout(Duration::from_micros(micros), entering).await);
        }
        let seen = narrow
            .inject(&narrow.b, "select description from agent")
            .await
            .expect("the pool still has its place");
        assert_eq!(seen, ["words-of-b"]);
    });
}

#[test]
fn between_passes_no_transaction_is_open() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let backend = narrow.backend(&narrow.a).await;
        drop(
            narrow
                .vault
                .enter::<Changing>(narrow.a.owner(&narrow.vault).await, request())
                .await
                .expect("may change"),
        );
        // The next pass waits for the rollback of the dropped one, and is itself rolled back.
        assert_eq!(narrow.backend(&narrow.b).await, backend);
        let mut superuser = narrow.database.superuser().await;
        let asked = "select state from pg_stat_activity where pid = $1::int";
        for _ in 0..200 {
            let state: String = sqlx::query_scalar(asked)
                .bind(backend.parse::<i32>().expect("a number"))
                .fetch_one(&mut superuser)
                .await
                .expect("a state");
            if state == "idle" {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("a transaction stayed open");
    });
}

#[test]
fn a_commit_that_somebody_injected_does_not_seal() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let mut pass = narrow
            .vault
            .enter::<Changing>(narrow.a.owner(&narrow.vault).await, request())
            .await
            .expect("may change");
        execute(pass.tx().connection(), "commit").await.expect("an empty transaction commits");
        let problem =
            pass.seal(Draft::done(EventKind::AgentSuspended)).await.expect_err("the claims ended with it");
        assert_eq!(problem.kind, ProblemKind::Unavailable);
        assert_eq!(
            narrow.inject(&narrow.b, "select description from agent").await.expect("rows"),
            ["words-of-b"]
        );
    });
}

#[test]
fn a_connection_that_died_while_idle_is_replaced() {
    run(async |house| {
        let narrow = Narrow::new(house).await;
        let backend = narrow.backend(&narrow.a).await;
        let mut superuser = narrow.database.superuser().await;
        execute(&mut superuser, &format!("select pg_terminate_backend({backend}, 5000)"))
            .await
            .expect("ended");
        assert_ne!(narrow.backend(&narrow.b).await, backend, "the caller notices nothing");
    });
}
