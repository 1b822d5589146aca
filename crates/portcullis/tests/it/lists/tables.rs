//! Each table with a tenant refuses everybody but that tenant: no rows to see, none to change, none to add.

use std::sync::Arc;

use gates::Vault;
use kernel::{MemberRole, Role};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::house::members::Somebody;
use crate::house::{Ask, Build, Claims, Tenant, Wire, run};

/// Refused by privilege or by row security.
const REFUSED: &str = "42501";
/// Refused because the log is append-only.
const APPEND_ONLY: &str = "PCL02";

/// Rows of every room, made the way a client makes them.
async fn fixture(wire: &Wire, tenant: &Tenant) {
    let calls = [
        Ask::post("/api/v1/providers")
            .json(r#"{"name":"mine","base_url":"https://api.example.com/v1","key":"k"}"#),
        Ask::new(http::Method::PUT, "/api/v1/policies/pii")
            .json(r#"{"classes":{"EMAIL":{"mode":"reversible"}}}"#),
        Ask::post("/api/v1/pii/redact").json(r#"{"text":"Write to ada@example.com"}"#),
        Ask::post("/api/v1/webhooks")
            .json(r#"{"url":"https://hooks.example.com/","kinds":["identity.read"]}"#),
        Ask::post("/api/v1/audit/checkpoints"),
        Ask::post("/api/v1/evidence/packs")
            .json(r#"{"framework":"soc2","from":"2025-01-01T00:00:00Z","to":"2025-01-02T00:00:00Z"}"#),
        // After the checkpoint, so that an entry waits for its place.
        Ask::get("/api/v1/whoami"),
    ];
    for ask in calls {
        let what = format!("{ask:?}");
        let answer = wire.ask(ask.key(&tenant.owner_key)).await;
        assert!(answer.status.is_success(), "{what}: {}", answer.text());
    }
}

/// Rows of the rooms about people: an owner with a session, and what people of an organization make; and what has no route
/// or needs a long log, written past all triggers.
async fn people(wire: &Wire, vault: &Arc<Vault>, superuser: &mut PgConnection, tenant: &Tenant) {
    let owner = Somebody::owner(vault, tenant.id).await;
    owner.principal(vault).await;
    let token = owner.token(vault).await;
    let calls = [
        Ask::post("/api/v1/invitations").json(r#"{"address":"a@example.com","role":"viewer"}"#),
        Ask::new(http::Method::PUT, "/api/v1/organization/settings").json(
            r#"{"name":"words","second_factor_for_all":false,"second_factor_roles":[],"session_hours":8}"#,
        ),
        Ask::post("/api/v1/break-glass").json(r#"{"reason":"a reason of ten","seconds":300}"#),
    ];
    for ask in calls {
        let what = format!("{ask:?}");
        let answer = wire.ask(ask.bearer(&token)).await;
        assert!(answer.status.is_success(), "{what}: {}", answer.text());
    }
    let sql = format!(
        "begin; set local session_replication_role = replica; set local search_path = portcullis;
         insert into revoked_token values ('{tenant}', 'x', now());
         insert into api_key_seen select tenant_id, id, now() from api_key where tenant_id = '{tenant}'
             on conflict do nothing;
         insert into delegation (tenant_id, session_id, agent_id, account_id, key_id, since, until)
             select k.tenant_id, k.id, k.agent_id, '{account}', k.id, now(), now() from api_key k
             where k.tenant_id = '{tenant}' and k.agent_id is not null limit 1;
         insert into siem_position values ('{tenant}', 'x', 0, now());
         insert into webhook_health (tenant_id, endpoint_id, failures)
         select tenant_id, id, 0 from webhook_endpoint where tenant_id = '{tenant}';
         insert into webhook_attempt (tenant_id, delivery_id, number, at, millis)
         select tenant_id, id, 1, now(), 0 from webhook_delivery where tenant_id = '{tenant}' limit 1;
         insert into audit_tile values ('{tenant}', 0, 0, decode(repeat('00', 8192), 'hex'));
         insert into audit_cosignature values ('{tenant}', 0, 1, 'vkey', 'line', now());
         insert into audit_archive values ('{tenant}', 256, sha256(''), sha256(''), 'x', 256, '{tenant}', now(), 0);
         insert into audit_retention (tenant_id, days, changed_at) values ('{tenant}', 2557, now());
         insert into audit_hold (tenant_id, id, reason, placed_at, placed_by)
         values ('{tenant}', '{tenant}', 'words', now(), '{account}');
         insert into relation_assertions select m.tenant_id, m.store_id, m.id, '[]', now() from relation_model m
         where m.tenant_id = '{tenant}';
         insert into role_grant values ('{tenant}', 'user:{account}', 'mcp_access', now());
         insert into policy_key (tenant_id, id, name, vkey, not_before, trusted_at, trusted_by)
         values ('{tenant}', '{tenant}', 'words', 'words', now(), now(), '{account}');
         insert into policy_pack (tenant_id, id, name, version, mode, policies, document, sha256, signature, key_id, uploaded_at)
         values ('{tenant}', '{tenant}', 'words', 1, 'forbid', 1, decode('3030', 'hex'), sha256(''), 'words', '{tenant}', now());
         insert into policy_turn (tenant_id, seq, pack_id, way, turned_at, turned_by)
         values ('{tenant}', 1, '{tenant}', 'activate', now(), '{account}');
         insert into audit_alarm values ('{tenant}', '{tenant}', 'rows_changed', 'words', now()); commit",
        tenant = tenant.id,
        account = owner.account
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(superuser).await.expect("rows");
}

async fn text(on: &mut PgConnection, sql: &str) -> Result<String, sqlx::Error> {
    let found: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(on).await?;
    Ok(found.unwrap_or_default())
}

/// What a statement did: the number of rows, or the code of its error. Whatever it did is undone.
async fn attempt(on: &mut PgConnection, sql: &str) -> Result<u64, String> {
    sqlx::raw_sql("begin").execute(&mut *on).await.expect("begun");
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *on).await;
    sqlx::raw_sql("rollback").execute(&mut *on).await.expect("undone");
    match done {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) => {
            let code =
                error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
            Err(code.unwrap_or_else(|| panic!("{sql}: {error}")))
        }
    }
}

/// The tables of the schema that have a tenant, from the catalog. Of the months of the log, which are all alike, the one that
/// has entries.
async fn tables(superuser: &mut PgConnection) -> Vec<String> {
    let rows = sqlx::query(
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' \
         where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p') \
         and (not c.relispartition or c.relname = 'audit_entry_' || to_char(now() at time zone 'UTC', 'YYYY_MM')) order by 1",
    )
    .fetch_all(superuser)
    .await
    .expect("the catalog");
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(names.len() >= 10, "the catalog lost its tables: {names:?}");
    names
}

/// One tenant table, and a row of the tenant's as JSON.
struct Target {
    name: String,
    tenant: String,
    row: String,
    /// Whether the serving role may read it at all.
    readable: bool,
}

async fn refuses(app: &mut PgConnection, target: &Target, caller: &str) {
    let Target { name, tenant, row, .. } = target;
    let what = format!("{name}, with {caller}");
    match text(app, &format!("select count(*)::text from {name} where tenant_id = '{tenant}'")).await {
        Ok(count) => assert_eq!(count, "0", "{what}: rows are seen"),
        Err(error) => {
            let code =
                error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
            assert_eq!(code.as_deref(), Some(REFUSED), "{what}: {error}");
        }
    }
    for sql in [
        format!("update {name} set tenant_id = tenant_id where tenant_id = '{tenant}'"),
        format!("delete from {name} where tenant_id = '{tenant}'"),
        format!("delete from {name}"),
    ] {
        match attempt(app, &sql).await {
            // Only the last could hit rows: the caller's own.
            Ok(count) => assert!(count == 0 || !sql.contains("where"), "{what}: {sql}: {count} rows"),
            Err(code) => assert!([REFUSED, APPEND_ONLY].contains(&code.as_str()), "{what}: {sql}: {code}"),
        }
    }
    let row = row.replace('\'', "''");
    let add = format!("insert into {name} select * from jsonb_populate_record(null::{name}, '{row}'::jsonb)");
    assert_eq!(attempt(app, &add).await, Err(REFUSED.to_owned()), "{what}: {add}");
}

async fn claim(app: &mut PgConnection, claims: &str) {
    sqlx::query("select set_config('request.jwt.claims', $1, false)")
        .bind(claims)
        .execute(app)
        .await
        .expect("set");
}

#[test]
fn every_tenant_table_refuses_the_stranger() {
    run(async |house| {
        let database = house.database("tables").await;
        let vault = database.vault().await.expect("served");
        let (a, b) = (Tenant::make(&vault, "A").await, Tenant::make(&vault, "B").await);
        let wire = Build::over(&vault).serve().await;
        fixture(&wire, &a).await;
        fixture(&wire, &b).await;
        let mut superuser = database.superuser().await;
        for tenant in [&a, &b] {
            people(&wire, &vault, &mut superuser, tenant).await;
        }
        let mut app = database.app().await;
        let backend: i32 =
            sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut app).await.expect("a pid");
        let now: i64 = sqlx::query_scalar("select extract(epoch from clock_timestamp())::bigint")
            .fetch_one(&mut superuser)
            .await
            .expect("the time");
        let of_a = Claims::good(a.id, backend, now);
        let of_b = Claims::good(b.id, backend, now);
        let callers = [
            ("B's claims", of_b.signed()),
            ("no claims", String::new()),
            ("claims that are none", "{}".to_owned()),
            ("A's claims with B's signature", of_a.spelled(&of_b.signature())),
            ("A's claims, expired", Claims { expires: now - 1, ..of_a.clone() }.signed()),
            (
                "A's claims for another backend",
                Claims { backend: Some(backend + 1), ..of_a.clone() }.signed(),
            ),
        ];
        let (own, other) = (a.id.to_string(), b.id.to_string());
        for name in tables(&mut superuser).await {
            let row = format!("select to_jsonb(t)::text from {name} t where tenant_id = '{own}' limit 1");
            let row = text(&mut superuser, &row).await.unwrap_or_else(|_| {
                panic!(
                    "table {name} has no row to guard: make one in `fixture()` or `people()` of \
                     crates/portcullis/tests/it/lists/tables.rs"
                )
            });
            let readable =
                format!("select has_any_column_privilege('portcullis_app', '{name}', 'select')::text");
            let readable = text(&mut superuser, &readable).await.expect("a privilege") == "true";
            let target = Target { name, tenant: own.clone(), row, readable };
            for (caller, claims) in &callers {
                claim(&mut app, claims).await;
                refuses(&mut app, &target, caller).await;
            }
            claim(&mut app, &of_a.signed()).await;
            sees_its_own(&mut app, &target, &other).await;
            bites(&mut superuser, &mut app, &target, &other).await;
        }
    });
}

/// Row security is what hides the others: with it off, and nothing else, the same question shows their rows.
async fn bites(superuser: &mut PgConnection, app: &mut PgConnection, target: &Target, other: &str) {
    let Target { name, readable, .. } = target;
    let switch = async |superuser: &mut PgConnection, how: &str| {
        let sql = format!("alter table portcullis.{name} {how} row level security");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(superuser).await.expect("switched");
    };
    if *readable {
        switch(superuser, "disable").await;
        let seen = text(app, &format!("select count(*)::text from {name} where tenant_id = '{other}'")).await;
        switch(superuser, "enable").await;
        assert_ne!(
            seen.expect("readable"),
            "0",
            "{name}: something else hides the rows, so this proves nothing"
        );
    }
}

/// The roles that a table of the database knows are those of the code: the permissions of each are in one table there.
#[test]
fn the_database_knows_the_roles_of_the_code() {
    run(async |house| {
        let mut superuser = house.shared().await.database.superuser().await;
        let people: Vec<&str> = MemberRole::ALL.iter().map(|role| role.name()).collect();
        let keys: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        // Provider Admin is given by the operator alone, so nobody is invited as one.
        for (table, least, roles) in [
            ("member", "viewer", &people[..]),
            ("invitation", "viewer", &people[..people.len() - 1]),
            ("api_key", "reader", &keys[..]),
        ] {
            let sql = format!(
                "select pg_get_constraintdef(oid) from pg_constraint \
                 where conrelid = 'portcullis.{table}'::regclass and contype = 'c' \
                   and pg_get_constraintdef(oid) like '%role%''{least}''%'"
            );
            let check = text(&mut superuser, &sql).await.expect("a constraint");
            let known: Vec<&str> = check.split('\'').skip(1).step_by(2).collect();
            assert_eq!(known, roles, "{table}: {check}");
        }
    });
}

/// The check itself can fail: with its own claims the tenant sees its rows, and only its own.
async fn sees_its_own(app: &mut PgConnection, target: &Target, other: &str) {
    let Target { name, tenant, readable, .. } = target;
    if !readable {
        return;
    }
    let own = text(app, &format!("select count(*)::text from {name} where tenant_id = '{tenant}'")).await;
    assert_ne!(own.expect("readable"), "0", "{name}: the tenant does not see its own rows");
    let all = text(app, &format!("select count(*)::text from {name} where tenant_id <> '{tenant}'")).await;
    assert_eq!(all.expect("readable"), "0", "{name}: the tenant sees {other}'s rows");
}
