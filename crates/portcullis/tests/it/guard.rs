//! The start-up guard: a database that would not keep tenants apart is not served, and the refusal names what is
//! wrong. Each case is the good database with one thing broken.

use gates::{OpenError, Vault, VaultOptions};

use crate::house::{House, execute, run};

/// One thing broken by the superuser, and the sentence that must name it.
struct Broken {
    what: &'static str,
    by: &'static str,
    says: &'static str,
}

const fn broken(what: &'static str, by: &'static str, says: &'static str) -> Broken {
    Broken { what, by, says }
}

/// Tables, policies, triggers, views and functions.
const OBJECTS: &[Broken] = &[
    broken(
        "a table without row security",
        "alter table agent disable row level security",
        "Table agent has row-level security switched off.",
    ),
    broken(
        "a table without FORCE",
        "alter table project no force row level security",
        "Table project lacks FORCE ROW LEVEL SECURITY.",
    ),
    broken(
        "a table without a policy",
        "drop policy tenant_rows on agent",
        "Table agent has no policy for portcullis_app that compares tenant_id with gate.tenant().",
    ),
    broken(
        "a policy that asks nothing",
        "alter policy tenant_rows on agent using (true) with check (true)",
        "Policy tenant_rows on agent lets portcullis_app past the tenant check.",
    ),
    broken(
        "a policy that checks what is read and not what is written",
        "alter policy tenant_rows on agent with check (true)",
        "Policy tenant_rows on agent lets portcullis_app past the tenant check.",
    ),
    broken(
        "a policy with a way around the check",
        "alter policy tenant_rows on agent using (tenant_id = (select gate.tenant()) or true) \
         with check (tenant_id = (select gate.tenant()))",
        "Policy tenant_rows on agent lets portcullis_app past the tenant check.",
    ),
    broken(
        "a policy that asks whether there is a tenant, not whose row it is",
        "alter policy tenant_rows on agent using ((select gate.tenant()) is not null)",
        "Policy tenant_rows on agent lets portcullis_app past the tenant check.",
    ),
    broken(
        "a second policy beside the good one",
        "create policy shared on agent for select to portcullis_app using (suspended_at is null)",
        "Policy shared on agent lets portcullis_app past the tenant check.",
    ),
    broken(
        "a second policy for everybody",
        "create policy shared on agent for select using (true)",
        "Policy shared on agent lets portcullis_app past the tenant check.",
    ),
    broken(
        "a new table that nobody protected",
        "create table note (tenant_id uuid, body text)",
        "Table note has row-level security switched off.",
    ),
    broken(
        "a table without a tenant that the app may use",
        "create table note (body text); grant select on note to portcullis_app",
        "Table note has no tenant_id, yet portcullis_app may use it.",
    ),
    broken(
        "a column of a table without a tenant",
        "create table note (body text, more text); grant select (body) on note to portcullis_app",
        "Table note has no tenant_id, yet portcullis_app may use it.",
    ),
    broken(
        "a table that changes without an entry",
        "drop trigger require_entry on agent",
        "Table agent can be changed by portcullis_app without an audit entry.",
    ),
    broken(
        "a table whose trigger is off",
        "alter table agent disable trigger require_entry",
        "Table agent can be changed by portcullis_app without an audit entry.",
    ),
    broken(
        "a table whose trigger misses deletions",
        "drop trigger require_entry on provider; create constraint trigger require_entry after insert or update \
         on provider deferrable initially deferred for each row execute function gate.require_entry()",
        "Table provider can be changed by portcullis_app without an audit entry.",
    ),
    broken(
        "a log that can be changed",
        "drop trigger append_only on audit_entry",
        "Table audit_entry of the audit log can be changed: its append_only trigger is missing or switched off.",
    ),
    broken(
        "a log whose trigger is off",
        "alter table audit_leaf disable trigger append_only",
        "Table audit_leaf of the audit log can be changed: its append_only trigger is missing or switched off.",
    ),
    broken(
        "the right to change the log",
        "grant update on audit_entry to portcullis_app",
        "Role portcullis_app may change or delete rows of audit_entry, which is append-only.",
    ),
    broken(
        "a month of the log that can be changed",
        "do $$ begin execute format('drop trigger append_only on %I', \
         (select relname from pg_class where relname ~ '^audit_entry_2' and relkind = 'r' order by relname limit 1)); end $$",
        "of the audit log can be changed: its append_only trigger is missing or switched off.",
    ),
    broken(
        "a month of the log without its policies",
        "do $$ begin execute format('alter table %I disable row level security', \
         (select relname from pg_class where relname ~ '^audit_entry_2' and relkind = 'r' order by relname limit 1)); end $$",
        " has row-level security switched off.",
    ),
    broken(
        "a way into a month past what queues its entries",
        "do $$ begin execute format('grant insert on %I to portcullis_app', \
         (select relname from pg_class where relname ~ '^audit_entry_2' and relkind = 'r' order by relname limit 1)); end $$",
        "without the table audit_entry, past what queues its entries.",
    ),
    broken(
        "a place for entries of any time",
        "create table audit_entry_rest partition of audit_entry default; \
         call gate.protect('audit_entry_rest', false); \
         create trigger append_only before update or delete or truncate on audit_entry_rest \
         for each statement execute function gate.refuse_change()",
        "Table audit_entry_rest takes entries of any time",
    ),
    broken(
        "the right to empty a table",
        "grant truncate on agent to portcullis_app",
        "Role portcullis_app may TRUNCATE agent, which no policy restricts.",
    ),
    broken(
        "uniqueness across tenants",
        "create unique index agent_name on agent (name)",
        "Unique index agent_name does not start from the tenant",
    ),
    broken(
        "uniqueness with the tenant in second place",
        "create unique index agent_name on agent (name, tenant_id)",
        "Unique index agent_name does not start from the tenant",
    ),
    broken(
        "uniqueness with the tenant only carried along",
        "create unique index agent_name on agent (name) include (tenant_id)",
        "Unique index agent_name does not start from the tenant",
    ),
    broken(
        "a reference without the tenant",
        "create unique index project_id on project (id); alter table provider add project_id uuid references project (id)",
        "Foreign key provider_project_id_fkey on provider does not include the tenant.",
    ),
    broken(
        "a reference that has the tenant on one side only",
        "create unique index odd on project (tenant_id, id, created_at); \
         alter table provider add other uuid, add constraint crossed \
         foreign key (other, tenant_id) references project (tenant_id, id)",
        "Foreign key crossed on provider does not include the tenant.",
    ),
    broken(
        "a view with its owner's rights",
        "create view helpers as select * from agent",
        "View helpers runs with its owner's rights; make it security_invoker.",
    ),
    broken(
        "a materialized view",
        "create materialized view helpers as select * from agent",
        "Materialized view helpers holds rows of all tenants.",
    ),
    broken(
        "a view elsewhere that the app may read",
        "create view gate.helpers as select * from agent; grant select on gate.helpers to portcullis_app",
        "View gate.helpers runs with its owner's rights; make it security_invoker.",
    ),
    broken(
        "a superuser's function",
        "create function helpers() returns setof text language sql security definer \
         set search_path = portcullis, pg_temp as 'select name from agent'",
        "Function helpers() runs with the rights of superuser postgres.",
    ),
    broken(
        "a function that takes the caller's search path",
        "alter function gate.require_entry() reset search_path",
        "Function gate.require_entry() runs with its owner's rights and does not pin its search_path.",
    ),
    broken(
        "a function whose search path starts with temporary tables",
        "alter function gate.require_entry() set search_path = portcullis, pg_catalog",
        "Function gate.require_entry() runs with its owner's rights and does not pin its search_path.",
    ),
    broken(
        "the right to put triggers on a table",
        "grant trigger on agent to portcullis_app",
        "Role portcullis_app may put triggers on agent.",
    ),
    broken(
        "entries that are not queued",
        "alter table audit_entry disable trigger enqueue_entries",
        "Entries are not queued for the log",
    ),
];

/// What the serving role may do, which is looked at before the objects.
const RIGHTS: &[Broken] = &[
    broken(
        "the right to make temporary tables",
        "grant temporary on database {database} to portcullis_app",
        "Role portcullis_app may create temporary tables",
    ),
    broken(
        "the right to make tables",
        "grant create on schema portcullis to portcullis_app",
        "Role portcullis_app may create objects in schema portcullis.",
    ),
    broken(
        "the right to make schemas",
        "grant create on database {database} to portcullis_app",
        "Role portcullis_app may create schemas in this database.",
    ),
    broken(
        "the right to the claims key",
        "grant usage on schema gate_private to portcullis_app",
        "Role portcullis_app may read schema gate_private, where the claims key is.",
    ),
    broken(
        "ownership",
        "alter table project owner to portcullis_app",
        "Role portcullis_app owns table project; an owner can switch row-level security off.",
    ),
    broken(
        "sight of other sessions",
        "grant execute on function pg_stat_get_activity(int) to portcullis_app",
        "Role portcullis_app can read the statements of its other sessions",
    ),
];

/// What hides everything else.
const ALONE: &[Broken] = &[
    broken(
        "claims that another key signs",
        "update gate_private.claims_key set inner_pad = outer_pad",
        "gate.tenant() does not know claims signed with this ENCRYPTION_KEY.",
    ),
    broken(
        "claims that nobody signs",
        "create or replace function gate.tenant() returns uuid language sql stable as $$ select \
         (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid $$",
        "gate.tenant() believes claims that nobody signed.",
    ),
    broken("no schema", "drop schema gate cascade", "Schema gate is missing. Run: portcullis migrate"),
    broken("no claims function", "drop function gate.tenant() cascade", "gate.tenant() cannot verify claims"),
];

/// Roles, which belong to the whole server: each case has one of its own in the place of `portcullis_app`.
const ROLES: &[(&str, &str, &str)] = &[
    (
        "it_guard_super",
        "superuser",
        "Role it_guard_super is a superuser, whom row-level security does not bind.",
    ),
    ("it_guard_bypass", "bypassrls", "Role it_guard_bypass has BYPASSRLS."),
    ("it_guard_creator", "createrole", "Role it_guard_creator has CREATEROLE and could give itself more."),
    ("it_guard_copier", "replication", "Role it_guard_copier has REPLICATION and could copy every row."),
    (
        "it_guard_member",
        "noinherit; grant portcullis_owner to it_guard_member",
        "Role it_guard_member is a member of portcullis_owner and could become it.",
    ),
    (
        "it_guard_reader",
        "noinherit; grant pg_read_all_data to it_guard_reader",
        "Role it_guard_reader is a member of pg_read_all_data and could become it.",
    ),
    ("it_guard_other", "noinherit", "The connection runs as role it_guard_other; it must be portcullis_app."),
];

async fn refusal(options: VaultOptions) -> String {
    match Vault::open(options).await {
        Ok(_) => "nothing: it was served".to_owned(),
        Err(error @ OpenError::Guard(_)) => error.to_string(),
        Err(other) => format!("another error: {other}"),
    }
}

/// Breaks as many of `cases` in one clone as go together (a clone costs more than everything else here) and takes
/// them out of the list: those that say different sentences and do not get in each other's way.
async fn break_some(house: &'static House, cases: &mut Vec<&Broken>) -> Vec<String> {
    let database = house.database("guard").await;
    let mut superuser = database.superuser().await;
    let (mut broken, mut rest): (Vec<&Broken>, Vec<&Broken>) = (Vec::new(), Vec::new());
    let mut failures = Vec::new();
    for case in cases.drain(..) {
        let by = case.by.replace("{database}", database.name());
        if broken.iter().any(|other| other.says == case.says) {
            rest.push(case);
            continue;
        }
        match execute(&mut superuser, &by).await {
            Ok(()) => broken.push(case),
            Err(error) if broken.is_empty() => {
                failures.push(format!("  - {}: could not be broken: {error}", case.what));
            }
            Err(_) => rest.push(case),
        }
    }
    *cases = rest;
    let said = refusal(database.options()).await;
    let silent = broken.iter().filter(|case| !said.contains(case.says));
    failures
        .extend(silent.map(|case| format!("  - {}: expected {:?}, it said {said}", case.what, case.says)));
    failures
}

#[test]
fn the_good_database_is_served() {
    run(async |house| {
        let database = house.database("served").await;
        let vault = database.vault().await.expect("nothing is wrong with it");
        vault.ready().await.expect("it answers");
        vault.close();
    });
}

#[test]
fn a_database_with_one_thing_broken_is_refused_by_name() {
    run(async |house| {
        let mut failures = Vec::new();
        for list in [OBJECTS, RIGHTS] {
            let mut cases: Vec<_> = list.iter().collect();
            while !cases.is_empty() {
                failures.extend(break_some(house, &mut cases).await);
            }
        }
        for case in ALONE {
            failures.extend(break_some(house, &mut vec![case]).await);
        }
        assert!(failures.is_empty(), "{} holes were not named:\n{}", failures.len(), failures.join("\n"));
    });
}

#[test]
fn a_role_that_could_do_too_much_is_refused_by_name() {
    run(async |house| {
        let database = house.database("guard_roles").await;
        let mut superuser = database.superuser().await;
        let mut failures = Vec::new();
        for (role, rights, says) in ROLES {
            let make = format!(
                "drop role if exists {role}; create role {role} login password 'twin' {rights}; \
                 grant connect on database {} to {role}",
                database.name()
            );
            execute(&mut superuser, &make).await.expect("a role");
            let options = VaultOptions { app: database.login_options(role, "twin"), ..database.options() };
            let said = refusal(options).await;
            if !said.contains(says) {
                failures.push(format!("  - {role}: expected {says:?}, it said {said}"));
            }
            let unmake = format!("revoke all on database {} from {role}; drop role {role}", database.name());
            execute(&mut superuser, &unmake).await.expect("dropped");
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}

#[test]
fn another_instance_key_is_refused() {
    run(async |house| {
        let database = house.database("key").await;
        database.vault().await.expect("the first start").close();
        let other = crypto::InstanceKey::from_bytes(*b"another-instance-key-of-32-bytes").expect("32 bytes");
        let options = VaultOptions { instance_key: other, ..database.options() };
        let refused = Vault::open(options).await.err().expect("the wrong key opens nothing");
        assert!(matches!(refused, OpenError::WrongKey), "{refused}");
    });
}
