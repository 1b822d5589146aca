//! The product's own store: what the gates and row-level security are asked, seen from outside, and past the application.

use std::fmt::Write as _;
use std::sync::Arc;

use app::audit::ReadEntries;
use gates::Vault;
use http::Method;
use kernel::{MemberRole, Permission, Role};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use super::{Stage, allowed, tuple};
use crate::house::members::Somebody;
use crate::house::web::{Answer, Web};
use crate::house::{Claims, Database, Tenant, instance_key, run};

const SURE: &str = "HIGHER_CONSISTENCY";

/// The path of a tenant's own store: its id is the tenant's, as OpenFGA writes ids.
async fn own(stage: &Stage) -> String {
    let stores = stage.web.get("/fga/stores?name=portcullis").await.expect(200).json();
    format!("/fga/stores/{}", stores["stores"][0]["id"].as_str().expect("the own store"))
}

async fn call(web: &Web, method: Method, path: &str, body: Option<&Value>) -> Answer {
    web.try_call(method, path, body).await.expect("an answer")
}

async fn number(on: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(on)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// What a statement of the application gives somebody, whatever the application forgot to ask: the number of rows.
async fn rows_for(database: &Database, tenant: kernel::TenantId, by: &str, sql: &str) -> i64 {
    let mut app = database.app().await;
    let backend: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut app).await.expect("a pid");
    let now = number(&mut app, "select extract(epoch from clock_timestamp())::bigint").await;
    let claims = Claims { by: by.to_owned(), ..Claims::good(tenant, backend, now) }.signed();
    sqlx::query("select set_config('request.jwt.claims', $1, false)")
        .bind(claims)
        .execute(&mut app)
        .await
        .expect("claimed");
    let found = number(&mut app, sql).await;
    app.close().await.expect("closed");
    found
}

#[test]
fn openfgas_own_api_answers_for_members_and_keys_what_the_gates_do() {
    run(async |house| {
        let stage = Stage::set(house, "own_fga").await;
        let vault = stage.database.vault().await.expect("served");
        let (store, organization) = (own(&stage).await, format!("organization:{}", stage.tenant.id));
        let asks = |user: String, relation: &str| tuple(&user, relation, &organization);
        for role in [MemberRole::Viewer, MemberRole::Member, MemberRole::Admin] {
            let somebody = Somebody::member(&vault, stage.tenant.id, role).await;
            let user = format!("user:{}", somebody.account);
            assert!(allowed(&stage.web, &store, asks(user.clone(), "member"), SURE).await);
            for permission in [Permission::ProjectsRead, Permission::TasksWrite, Permission::MembersManage] {
                let answer =
                    allowed(&stage.web, &store, asks(user.clone(), &permission.relation()), SURE).await;
                assert_eq!(answer, role.has(permission), "{role} and {permission}");
                let principal = somebody.principal(&vault).await;
                assert_eq!(principal.capabilities().has(permission), answer, "{role} and {permission}");
            }
            let id = somebody.account;
            call(&stage.web, Method::POST, &format!("/api/v1/members/{id}/suspend"), None).await.expect(204);
            let relation = Permission::ProjectsRead.relation();
            assert!(!allowed(&stage.web, &store, asks(user.clone(), &relation), SURE).await, "suspended");
        }
        let narrow =
            json!({ "name": "narrow", "role": "editor", "capabilities": ["models:invoke", "agents:read"] });
        let key = stage.web.post("/api/v1/keys", &narrow).await.expect(201).json();
        let key = key["id"].as_str().expect("an id").to_owned();
        for (permission, expected) in [
            (Permission::ModelsInvoke, true),
            (Permission::AgentsRead, true),
            (Permission::ProjectsRead, false),
            (Permission::ReviewsApprove, false),
        ] {
            let asked = asks(format!("api_key:{key}"), &permission.relation());
            assert_eq!(allowed(&stage.web, &store, asked, SURE).await, expected, "{permission}");
        }
        // What is inherited: the log is the organization's.
        let log = |user: &str| tuple(user, "can_read", &format!("log:{}", stage.tenant.id));
        assert!(allowed(&stage.web, &store, log("static_key:owner"), SURE).await);
        assert!(!allowed(&stage.web, &store, log("static_key:reader"), SURE).await);
        vault.close();
        stage.end().await;
    });
}

#[test]
fn nobody_writes_to_the_store_that_the_product_keeps() {
    run(async |house| {
        let stage = Stage::set(house, "own_kept").await;
        let store = own(&stage).await;
        let organization = format!("organization:{}", stage.tenant.id);
        let write = json!({ "writes": { "tuple_keys": [tuple("user:x", "members_manage", &organization)] } });
        let model = super::model(super::DOCUMENTS);
        for (method, path, body) in [
            (Method::POST, format!("{store}/write"), Some(write)),
            (Method::POST, format!("{store}/authorization-models"), Some(model)),
            (Method::DELETE, store.clone(), None),
        ] {
            let refused = call(&stage.web, method, &path, body.as_ref()).await.expect(400).json();
            assert_eq!(refused["code"], "validation_error", "{path}");
            assert!(refused["message"].as_str().expect("words").contains("kept by the product"), "{refused}");
        }
        // Past the application: the serving role cannot either, as whomever.
        let tenant = stage.tenant.id;
        let add = format!(
            "with n as (insert into relation_tuple (tenant_id, store_id, object_type, object_id, relation, subject, since, \
             written_at) values ('{tenant}', '{tenant}', 'organization', '{tenant}', 'members_manage', 'user:x', 1, now()) \
             returning 1) select count(*) from n"
        );
        let mut app = stage.database.app().await;
        let refused = sqlx::query_scalar::<_, i64>(AssertSqlSafe(add)).fetch_one(&mut app).await;
        let code = refused.err().and_then(|error| error.as_database_error()?.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"));
        let end = format!(
            "with n as (update relation_tuple set until = 99 where store_id = '{tenant}' returning 1) select count(*) from n"
        );
        assert_eq!(rows_for(&stage.database, tenant, "static_key:owner", &end).await, 0);
        stage.end().await;
    });
}

/// The tables that ask for a relation, each with a permission that opens it and one that does not.
const ROOMS: &[(&str, Permission)] = &[
    ("api_key", Permission::KeysRead),
    ("provider", Permission::ProvidersRead),
    ("pii_policy", Permission::PoliciesRead),
    ("invitation", Permission::MembersManage),
    ("project", Permission::ProjectsRead),
    ("agent", Permission::AgentsRead),
    ("member", Permission::MembersRead),
    ("organization_settings", Permission::OrganizationRead),
    ("webhook_endpoint", Permission::WebhooksManage),
    ("relation_tuple", Permission::PoliciesRead),
];

#[test]
fn the_database_shows_nothing_to_a_member_without_the_relation() {
    run(async |house| {
        let stage = Stage::set(house, "own_rows").await;
        let vault = stage.database.vault().await.expect("served");
        let tenant = stage.tenant.id;
        stage
            .web
            .post(
                "/api/v1/providers",
                &json!({"name": "one", "base_url": "https://api.example.com/v1", "key": "k"}),
            )
            .await
            .expect(201);
        let policy = json!({"classes": {"EMAIL": {"mode": "strict"}}});
        call(&stage.web, Method::PUT, "/api/v1/policies/pii", Some(&policy)).await.expect(200);
        let invitation = json!({"address": "invited@example.com", "role": "viewer"});
        stage.web.post("/api/v1/invitations", &invitation).await.expect(201);
        let webhook = json!({"url": "https://hooks.example.com/x", "kinds": ["agent.*"]});
        stage.web.post("/api/v1/webhooks", &webhook).await.expect(201);
        let settings = json!({"name": "Rows", "second_factor_for_all": false, "second_factor_roles": [], "session_hours": 12});
        call(&stage.web, Method::PUT, "/api/v1/organization/settings", Some(&settings)).await.expect(200);
        let mut people = Vec::new();
        for role in [MemberRole::Viewer, MemberRole::Admin] {
            people.push((role, Somebody::member(&vault, tenant, role).await));
        }
        let suspended = Somebody::member(&vault, tenant, MemberRole::Admin).await;
        let path = format!("/api/v1/members/{}/suspend", suspended.account);
        call(&stage.web, Method::POST, &path, None).await.expect(204);

        let mut report = String::new();
        for (room, opens) in ROOMS {
            let count = format!("select count(*) from {room}");
            for (role, somebody) in &people {
                let found =
                    rows_for(&stage.database, tenant, &format!("user:{}", somebody.account), &count).await;
                if (found > 0) != role.has(*opens) {
                    let _ = writeln!(report, "{room}: {role} sees {found} rows");
                }
            }
            for nobody in [format!("user:{}", suspended.account), "user:nobody".to_owned(), String::new()] {
                let found = rows_for(&stage.database, tenant, &nobody, &count).await;
                if found > 0 {
                    let _ = writeln!(report, "{room}: {nobody:?} sees {found} rows");
                }
            }
            // On behalf of a viewer an owner's key sees what the viewer does.
            let chain = format!("static_key:owner user:{}", people[0].1.account);
            let found = rows_for(&stage.database, tenant, &chain, &count).await;
            if (found > 0) != MemberRole::Viewer.has(*opens) {
                let _ = writeln!(report, "{room}: on behalf of a viewer {found} rows are seen");
            }
        }
        assert!(report.is_empty(), "{report}");
        vault.close();
        stage.end().await;
    });
}

#[test]
fn the_functions_of_the_database_and_the_table_of_roles_agree() {
    run(async |house| {
        let stage = Stage::set(house, "own_parity").await;
        let vault = stage.database.vault().await.expect("served");
        let tenant = stage.tenant.id;
        let mut superuser = stage.database.superuser().await;
        let mut asked = 0;
        let mut compare = async |subject: String, permission: Permission, expected: bool| {
            let relation = permission.relation();
            let sql =
                format!("select gate_own.organization('{tenant}', '{relation}', '{subject}')::int::bigint");
            assert_eq!(number(&mut superuser, &sql).await == 1, expected, "{subject} and {permission}");
            asked += 1;
        };
        for role in MemberRole::ALL {
            let somebody = Somebody::member(&vault, tenant, *role).await;
            let held = somebody.principal(&vault).await;
            for permission in Permission::ALL {
                assert_eq!(
                    held.capabilities().has(*permission),
                    role.has(*permission),
                    "{role}: {permission}"
                );
                compare(format!("user:{}", somebody.account), *permission, role.has(*permission)).await;
            }
        }
        for role in Role::ALL {
            for permission in Permission::ALL {
                compare(format!("static_key:{role}"), *permission, role.has(*permission)).await;
            }
        }
        assert_eq!(asked, Permission::ALL.len() * (MemberRole::ALL.len() + Role::ALL.len()));
        vault.close();
        stage.end().await;
    });
}

#[test]
fn a_template_gives_more_than_a_role_until_it_is_taken_back() {
    run(async |house| {
        let stage = Stage::set(house, "own_templates").await;
        let (here, there) = (
            stage.database.vault().await.expect("served"),
            stage.database.vault().await.expect("served twice"),
        );
        let viewer = Somebody::member(&here, stage.tenant.id, MemberRole::Viewer).await;
        let web = &stage.web;
        let template = json!({"name": "auditor", "holders": "person", "title": "Auditor", "says": "Sees the log.",
                              "permissions": ["audit:read", "audit:export"]});
        let made = web.post("/api/v1/roles/templates", &template).await.expect(201).json();
        let canonical = r#"{"holders":"person","name":"auditor","permissions":["audit:read","audit:export"],"says":"Sees the log.","title":"Auditor"}"#;
        assert_eq!(made["sha256"], crypto::hex(&crypto::sha256(canonical.as_bytes())), "RFC 8785");
        web.post("/api/v1/roles/templates", &template).await.expect(409);

        let log = async |vault: &Arc<Vault>| viewer.enter::<ReadEntries>(vault).await.is_ok();
        assert!(!log(&here).await, "no viewer sees the log");
        let grants = format!("/api/v1/roles/grants/user:{}", viewer.account);
        web.post(&grants, &json!({"grants": "auditor"})).await.expect(204);
        until(async || log(&here).await && log(&there).await).await;
        assert!(viewer.principal(&there).await.capabilities().has(Permission::AuditRead));
        let listed = web.get("/api/v1/members/permissions").await.expect(200).json();
        let listed = listed["items"].as_array().expect("members").iter();
        let mine: Vec<&Value> = listed.filter(|one| one["id"] == viewer.account.to_string()).collect();
        assert_eq!(mine[0]["given"], json!(["auditor"]));
        assert!(mine[0]["permissions"].as_array().expect("a list").contains(&json!("audit:read")));

        // Whoever holds it loses what it no longer carries.
        let less = json!({"title": "Auditor", "permissions": ["audit:export"]});
        call(web, Method::PUT, "/api/v1/roles/templates/auditor", Some(&less)).await.expect(200);
        until(async || !viewer.principal(&there).await.capabilities().has(Permission::AuditRead)).await;
        let more = json!({"title": "Auditor", "permissions": ["audit:read"]});
        call(web, Method::PUT, "/api/v1/roles/templates/auditor", Some(&more)).await.expect(200);
        call(web, Method::DELETE, &format!("{grants}/auditor"), None).await.expect(204);
        until(async || !log(&here).await && !log(&there).await).await;

        // Nobody gives what they do not hold, what is not an organization's to give, or people's to a key.
        let of = |holders: &str, permission: &str| json!({"name": "odd", "holders": holders, "title": "Odd", "permissions": [permission]});
        for (body, status) in [
            (of("person", "providers:across"), 422),
            (of("person", "pii:reveal"), 422),
            (of("key", "reviews:approve"), 422),
            (of("person", "nothing:known"), 422),
            (
                json!({"name": "mcp_access", "holders": "person", "title": "x", "permissions": ["audit:read"]}),
                422,
            ),
        ] {
            web.post("/api/v1/roles/templates", &body).await.expect(status);
        }
        let key = json!({"name": "people", "role": "admin", "capabilities": ["members:manage", "organization:read"]});
        let secret = stage.web.post("/api/v1/keys", &key).await.expect(201).json();
        let weak = stage.server.web(secret["secret"].as_str().expect("a key").to_owned());
        weak.post("/api/v1/roles/templates", &of("person", "audit:read")).await.expect(403);
        weak.post(&grants, &json!({"grants": "auditor"})).await.expect(403);
        here.close();
        there.close();
        stage.end().await;
    });
}

/// Waits until something holds, a second at most: the bound that is promised.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..20 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it does not hold within a second");
}

#[test]
fn a_change_past_the_product_is_found() {
    run(async |house| {
        let stage = Stage::set(house, "own_drift").await;
        let tenant = stage.tenant.id;
        let sound = async || {
            let found = stage.web.get("/api/v1/roles/templates").await.expect(200).json();
            (
                found["sound"].as_bool(),
                found["missing_tuples"].as_i64(),
                found["extra_tuples"].as_i64(),
                found,
            )
        };
        let (is_sound, missing, extra, found) = sound().await;
        assert_eq!((is_sound, missing, extra), (Some(true), Some(0), Some(0)), "{found}");
        let mut superuser = stage.database.superuser().await;
        let mut tamper = async |sql: String| {
            let sql = format!(
                "begin; set local session_replication_role = replica; set local search_path = portcullis; {sql}; commit"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("tampered");
        };
        let new = "insert into relation_tuple (tenant_id, store_id, object_type, object_id, relation, subject, since, written_at)";
        tamper(format!(
            "{new} values ('{tenant}', '{tenant}', 'role', 'admin', 'person', 'user:intruder', 1, now())"
        ))
        .await;
        let (is_sound, missing, extra, _) = sound().await;
        assert_eq!((is_sound, missing, extra), (Some(false), Some(0), Some(1)));
        tamper(format!(
            "update role_template set permissions = permissions || '{{members:manage}}' \
             where tenant_id = '{tenant}' and name = 'viewer'"
        ))
        .await;
        let (is_sound, missing, _, found) = sound().await;
        assert_eq!((is_sound, missing), (Some(false), Some(1)));
        let drifted: Vec<&Value> = found["data"]
            .as_array()
            .expect("templates")
            .iter()
            .filter(|one| one["drift"] != "none")
            .collect();
        assert_eq!(drifted.len(), 1);
        assert_eq!((&drifted[0]["name"], &drifted[0]["drift"]), (&json!("viewer"), &json!("changed")));
        stage.end().await;
    });
}

#[test]
fn a_database_from_before_is_taken_over_and_not_served_until_then() {
    run(async |house| {
        let database = house.database("own_upgrade").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "own_upgrade").await;
        vault.close();
        // As it was before there were relations: nothing adopted, no store, no template.
        let mut superuser = database.superuser().await;
        let before = "begin; set local session_replication_role = replica; set local search_path = portcullis;
            delete from relation_change; delete from relation_tuple; delete from relation_model; delete from relation_store;
            delete from role_template; delete from gate_private.own_template; delete from gate_private.own_model; commit";
        sqlx::raw_sql(before).execute(&mut superuser).await.expect("as before");
        let refused = database.vault().await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("Run: portcullis migrate"), "{refused}");

        let claims = gates::ClaimsKey::new(&instance_key());
        store::schema::prepare(&mut superuser, &claims, None).await.expect("taken over");
        let vault = database.vault().await.expect("served again");
        let owner = tenant.owner(&vault).await;
        assert!(owner.capabilities().has(Permission::KeysManage), "who could do something still can");
        assert!(tenant.agent(&vault).await.capabilities().has(Permission::ModelsInvoke));
        vault.close();
        let count = "select count(*) from portcullis.relation_tuple";
        let (tuples, revision) =
            (number(&mut superuser, count).await, "select revision from portcullis.relation_store");
        let revision_before = number(&mut superuser, revision).await;
        store::schema::prepare(&mut superuser, &claims, None).await.expect("nothing more to take over");
        assert_eq!(number(&mut superuser, count).await, tuples);
        assert_eq!(number(&mut superuser, revision).await, revision_before);
    });
}
